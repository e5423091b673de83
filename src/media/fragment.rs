//! Owns: something that is fetched before its turn, and is held until then: the next bytes of a file, the next segment.
//! Never knows: when its turn comes, or which connections there are besides.

use super::part::Part;
use crate::net::{NetError, tally::Retried};
use bytes::Bytes;
use futures_util::{
    StreamExt,
    future::poll_fn,
    stream::{self, BoxStream},
};
use std::{
    collections::VecDeque,
    task::{Context, Poll},
    time::Instant,
};

/// A part that comes whenever it is [looked at](progress), up to a limit. Nothing is fetched while nobody looks.
pub struct Fragment {
    pieces: BoxStream<'static, (Retried, Result<Bytes, NetError>)>,
    held: VecDeque<Bytes>,
    held_bytes: usize,
    /// The most that is held, in bytes, but for the last piece.
    limit: usize,
    is_over: bool,
    error: Option<NetError>,
}

/// What a fragment has to give.
#[derive(Debug)]
pub enum Next {
    /// These bytes.
    Bytes(Bytes),
    /// Nothing yet.
    Pending,
    /// It has ended.
    End,
    /// What is left cannot be had; told once.
    Failed(NetError),
}

impl Fragment {
    /// A part, of which at most `limit` bytes are held.
    #[must_use]
    pub fn new(part: Part, limit: usize) -> Self {
        let pieces = stream::unfold(Some(part), |part| async {
            let mut part = part?;
            let chunk = part.chunk().await;
            let retried = part.take_retried();
            Some(match chunk {
                Ok(Some(bytes)) => ((retried, Ok(bytes)), Some(part)),
                // an empty piece, for the sake of the count
                Ok(None) => ((retried, Ok(Bytes::new())), None),
                Err(error) => ((retried, Err(error)), None),
            })
        });
        Self {
            pieces: pieces.boxed(),
            held: VecDeque::new(),
            held_bytes: 0,
            limit,
            is_over: false,
            error: None,
        }
    }

    /// What comes next of it.
    pub fn next(&mut self) -> Next {
        if let Some(bytes) = self.held.pop_front() {
            self.held_bytes -= bytes.len();
            return Next::Bytes(bytes);
        }
        match self.error.take() {
            Some(error) => Next::Failed(error),
            None if self.is_over => Next::End,
            None => Next::Pending,
        }
    }

    /// Whether bytes of it have come that were not taken yet.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.held_bytes > 0
    }

    /// Whether it has failed, with whatever came before.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Retried> {
        if self.is_over || self.held_bytes >= self.limit {
            return Poll::Pending;
        }
        self.pieces.poll_next_unpin(context).map(|piece| {
            let Some((retried, result)) = piece else {
                self.is_over = true;
                return Retried::default();
            };
            match result {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    self.held_bytes += bytes.len();
                    self.held.push_back(bytes);
                }
                Err(error) => {
                    self.is_over = true;
                    self.error = Some(error);
                }
            }
            retried
        })
    }
}

/// Waits until one of these has something new; how often connections were taken up again for that. Waits for ever when
/// none of them has room for more. Cancel-safe.
pub async fn progress(mut fragments: impl Iterator<Item = &mut Fragment>) -> Retried {
    let mut all: Vec<&mut Fragment> = fragments.by_ref().collect();
    poll_fn(|context| {
        let found = all
            .iter_mut()
            .find_map(|fragment| match fragment.poll(context) {
                Poll::Ready(retried) => Some(retried),
                Poll::Pending => None,
            });
        found.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

/// Waits until then, or for ever.
pub async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
