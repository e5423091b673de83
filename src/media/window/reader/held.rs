//! Owns: what was read and is kept, so that a window can go back to it.
//! Never knows: who goes back, or why.

use super::ByteWindow;
use bytes::Bytes;
use std::sync::atomic::Ordering;

/// The most that is held, in bytes: four times what may lie in front of the first frame of mp3.
const MAX_HELD: usize = 256 * 1024;

/// Bytes that were read and may have to be read again.
pub(super) struct Held {
    /// Where they begin.
    from: u64,
    chunks: Vec<Bytes>,
    len: usize,
}

impl Held {
    /// Keeps bytes that were read behind those that are held.
    pub(super) fn keep(&mut self, read: Bytes) {
        self.len += read.len();
        self.chunks.push(read);
    }

    /// Whether it is more than may be held.
    pub(super) const fn is_too_much(&self) -> bool {
        self.len > MAX_HELD
    }
}

impl ByteWindow {
    /// Keeps what is read from here on, up to 256 KiB, so that going back to it needs no new connection: what a station
    /// sent once never comes again.
    pub fn hold(&mut self) {
        self.held = Some(Held {
            from: self.position,
            chunks: Vec::new(),
            len: 0,
        });
    }

    /// Ends [`hold`](Self::hold).
    pub fn let_go(&mut self) {
        self.held = None;
    }

    /// Goes back to the beginning of what is held, if that is not behind `to`.
    pub(super) fn restore(&mut self, to: u64) {
        let Some(held) = self
            .held
            .take_if(|held| held.from <= to && to < self.position)
        else {
            return;
        };
        self.shared.waiting.fetch_add(held.len, Ordering::AcqRel);
        self.buffered += held.len;
        self.position = held.from;
        for chunk in held.chunks.into_iter().rev() {
            self.chunks.push_front(chunk);
        }
        self.hold();
    }
}
