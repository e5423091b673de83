//! Owns: the queue between a session and the socket of its client.
//! Never knows: what the messages mean, or what a socket is.
//!
//! Bounded in bytes. A client that does not read is cut off when the queue is full: memory is never held for it, and
//! the session counts it as lost (and may be resumed). What it had not been given by then is handed back.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, oneshot};

/// What a queued message costs beside its text.
const OVERHEAD: usize = 64;
/// Close code for a client that does not read: policy violation (RFC 6455, 7.4.1).
const TOO_SLOW: u16 = 1008;

/// Something for the socket to do, in order.
#[derive(Debug)]
pub enum Outgoing {
    /// Send a text frame.
    Text(String),
    /// Everything before this has been written: say so.
    Flush(oneshot::Sender<()>),
    /// Close with this code. Nothing follows.
    Close(u16),
}

enum Item {
    Text {
        text: String,
        /// Whether it is worth keeping for a client that comes back.
        is_lasting: bool,
    },
    /// Counts as [`OVERHEAD`] bytes.
    Flush(oneshot::Sender<()>),
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    close: Option<u16>,
    /// The close code has been handed out, or there will never be one.
    is_over: bool,
    is_socket_gone: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    limit: usize,
    to_socket: Notify,
    to_session: Notify,
}

impl Shared {
    /// Held for one queue operation, never across an await.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket's end. Dropping it tells the session that the client is lost.
pub struct Outbox {
    shared: Arc<Shared>,
}

/// The session's end. Dropping it ends the queue; what is in it is still delivered.
pub(super) struct Inlet {
    shared: Arc<Shared>,
}

/// A queue for at most `limit` bytes.
pub(super) fn channel(limit: usize) -> (Inlet, Outbox) {
    let shared = Arc::new(Shared {
        queue: Mutex::default(),
        limit,
        to_socket: Notify::new(),
        to_session: Notify::new(),
    });
    (
        Inlet {
            shared: shared.clone(),
        },
        Outbox { shared },
    )
}

/// A queue that has nothing but a close code in it.
pub(super) fn refused(code: u16) -> Outbox {
    let (inlet, outbox) = channel(0);
    inlet.close(code);
    outbox
}

impl Outbox {
    /// The next thing to do; `None` when there is nothing any more. Cancelling the future loses nothing.
    pub async fn next(&mut self) -> Option<Outgoing> {
        loop {
            let notified = self.shared.to_socket.notified();
            {
                let mut queue = self.shared.lock();
                if let Some(item) = queue.items.pop_front() {
                    return Some(match item {
                        Item::Text { text, .. } => {
                            queue.bytes -= text.len() + OVERHEAD;
                            Outgoing::Text(text)
                        }
                        Item::Flush(done) => {
                            queue.bytes -= OVERHEAD;
                            Outgoing::Flush(done)
                        }
                    });
                }
                if let Some(code) = queue.close.take() {
                    queue.is_over = true;
                    return Some(Outgoing::Close(code));
                }
                if queue.is_over {
                    return None;
                }
            }
            notified.await;
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.shared.lock().is_socket_gone = true;
        self.shared.to_session.notify_one();
    }
}

impl Inlet {
    /// Queues a text; gives it back when the queue is full. After [`close`](Self::close) nothing is queued any more.
    pub(super) fn push(&self, text: String, is_lasting: bool) -> Result<(), String> {
        {
            let mut queue = self.shared.lock();
            if queue.close.is_some() {
                return Ok(());
            }
            let cost = text.len() + OVERHEAD;
            if queue.bytes + cost > self.shared.limit {
                return Err(text);
            }
            queue.bytes += cost;
            queue.items.push_back(Item::Text { text, is_lasting });
        }
        self.shared.to_socket.notify_one();
        Ok(())
    }

    /// Resolves when all that was queued before has been written. An error means that it never will be.
    pub(super) fn flush(&self) -> oneshot::Receiver<()> {
        let (done, flushed) = oneshot::channel();
        {
            let mut queue = self.shared.lock();
            if queue.bytes + OVERHEAD <= self.shared.limit {
                queue.bytes += OVERHEAD;
                queue.items.push_back(Item::Flush(done));
            }
        }
        self.shared.to_socket.notify_one();
        flushed
    }

    /// Closes the socket after what is queued.
    pub(super) fn close(&self, code: u16) {
        self.shared.lock().close = Some(code);
        self.shared.to_socket.notify_one();
    }

    /// Resolves when the socket is gone.
    pub(super) async fn lost(&self) {
        loop {
            let notified = self.shared.to_session.notified();
            if self.shared.lock().is_socket_gone {
                return;
            }
            notified.await;
        }
    }

    /// Gives the client up: closes the socket at once, and returns the lasting messages that it has not been given.
    pub(super) fn cut_off(self) -> Vec<String> {
        let mut queue = self.shared.lock();
        queue.close = Some(TOO_SLOW);
        queue.bytes = 0;
        queue
            .items
            .drain(..)
            .filter_map(|item| match item {
                Item::Text {
                    text,
                    is_lasting: true,
                } => Some(text),
                Item::Text { .. } | Item::Flush(_) => None,
            })
            .collect()
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        if queue.close.is_none() {
            queue.is_over = true;
        }
        drop(queue);
        self.shared.to_socket.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn texts(outbox: &mut Outbox) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(next) = outbox.next().await {
            match next {
                Outgoing::Text(text) => all.push(text),
                Outgoing::Flush(done) => {
                    all.push("flush".into());
                    done.send(()).expect("somebody waits");
                }
                Outgoing::Close(code) => all.push(code.to_string()),
            }
        }
        all
    }

    #[tokio::test]
    async fn a_flush_comes_after_what_was_queued_before() {
        let (inlet, mut outbox) = channel(1000);
        inlet.push("a".into(), true).unwrap();
        let flushed = inlet.flush();
        inlet.push("b".into(), true).unwrap();
        inlet.close(1001);
        drop(inlet);
        assert_eq!(texts(&mut outbox).await, ["a", "flush", "b", "1001"]);
        assert_eq!(flushed.await, Ok(()));
    }

    #[tokio::test]
    async fn a_full_queue_cuts_the_client_off_and_gives_back_what_lasts() {
        let (inlet, mut outbox) = channel(2 * (OVERHEAD + 1));
        inlet.push("a".into(), true).unwrap();
        inlet.push("u".into(), false).unwrap();
        assert_eq!(inlet.push("b".into(), true), Err("b".into()));
        assert_eq!(inlet.cut_off(), ["a"]);
        assert_eq!(texts(&mut outbox).await, ["1008"]);
    }

    #[tokio::test]
    async fn reading_makes_room() {
        let (inlet, mut outbox) = channel(OVERHEAD + 1);
        inlet.push("a".into(), true).unwrap();
        assert!(outbox.next().await.is_some());
        inlet.push("b".into(), true).unwrap();
    }

    #[tokio::test]
    async fn a_dropped_outbox_is_a_lost_client() {
        let (inlet, outbox) = channel(1000);
        drop(outbox);
        inlet.lost().await;
    }

    #[tokio::test]
    async fn a_refused_client_gets_nothing_but_the_code() {
        assert_eq!(texts(&mut refused(1013)).await, ["1013"]);
    }
}
