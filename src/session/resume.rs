//! Owns: what a session has to say while its client is away.
//! Never knows: what the messages mean, or when the client comes back.
//!
//! Bounded in messages and bytes. When full, the oldest message is dropped: a client that comes back cares most for
//! where things stand, and asks for its players anyway. How many were dropped is counted, for the log.

use std::collections::VecDeque;

/// How much is kept for a client that is away.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages.
    pub messages: usize,
    /// Bytes of all messages together.
    pub bytes: usize,
}

/// Serialized messages, oldest first.
#[derive(Debug)]
pub struct ResumeBuffer {
    limits: Limits,
    queue: VecDeque<String>,
    bytes: usize,
    dropped: u64,
}

impl ResumeBuffer {
    /// An empty buffer.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            queue: VecDeque::new(),
            bytes: 0,
            dropped: 0,
        }
    }

    /// Keeps a message; drops the oldest ones while there are too many. One that is too large by itself is dropped too.
    pub fn push(&mut self, message: String) {
        self.bytes += message.len();
        self.queue.push_back(message);
        while self.queue.len() > self.limits.messages || self.bytes > self.limits.bytes {
            let Some(oldest) = self.queue.pop_front() else {
                return;
            };
            self.bytes -= oldest.len();
            self.dropped += 1;
        }
    }

    /// Messages that were dropped.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The messages, oldest first.
    pub fn into_messages(self) -> impl Iterator<Item = String> {
        self.queue.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(messages: usize, bytes: usize, texts: &[&str]) -> (Vec<String>, u64) {
        let mut buffer = ResumeBuffer::new(Limits { messages, bytes });
        for text in texts {
            buffer.push((*text).to_owned());
        }
        let dropped = buffer.dropped();
        (buffer.into_messages().collect(), dropped)
    }

    #[test]
    fn messages_keep_their_order() {
        assert_eq!(
            filled(9, 99, &["a", "b", "c"]),
            (vec!["a".into(), "b".into(), "c".into()], 0)
        );
    }

    #[test]
    fn too_many_messages_push_the_oldest_out() {
        assert_eq!(
            filled(2, 99, &["a", "b", "c"]),
            (vec!["b".into(), "c".into()], 1)
        );
    }

    #[test]
    fn too_many_bytes_push_the_oldest_out() {
        assert_eq!(
            filled(9, 5, &["aaa", "bb", "c"]),
            (vec!["bb".into(), "c".into()], 1)
        );
    }

    #[test]
    fn a_message_that_is_too_large_is_not_kept() {
        assert_eq!(filled(9, 5, &["a", "bbbbbb"]), (vec![], 2));
    }
}
