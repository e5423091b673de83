//! Owns: how far a playback has come, where it is to stop, and whether whoever makes its frames waits for bytes.
//! Never knows: frames.

use crate::units::Samples;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far a playback has come: written by the reader, read by anybody, at any time.
#[derive(Debug)]
pub struct Progress {
    pub(super) position: AtomicU64,
    /// Where a seek goes that is still under way, or [`NO_SEEK`].
    seeking: AtomicU64,
    pub(super) limit: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) missed: AtomicU64,
    /// How many polls there had been when the maker of frames began to wait for bytes, or [`NOT_WAITING`].
    waiting_since: AtomicU64,
}

/// [`Progress::limit`]'s value when there is none.
const NO_LIMIT: u64 = u64::MAX;
/// [`Progress::seeking`]'s value when no seek is under way.
const NO_SEEK: u64 = u64::MAX;
/// [`Progress::waiting_since`]'s value while bytes are not what is missing.
const NOT_WAITING: u64 = u64::MAX;

fn seeking(target: Samples) -> u64 {
    target.0.min(NO_SEEK - 1)
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            position: AtomicU64::new(0),
            seeking: AtomicU64::new(NO_SEEK),
            limit: AtomicU64::new(NO_LIMIT),
            sent: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            waiting_since: AtomicU64::new(NOT_WAITING),
        }
    }
}

impl Progress {
    /// Where the next frame to be taken starts: everything before it has been handed out. During a seek its target, though
    /// old frames may still be heard.
    #[must_use]
    pub fn position(&self) -> Samples {
        match self.seeking.load(Ordering::Relaxed) {
            NO_SEEK => Samples(self.position.load(Ordering::Relaxed)),
            target => Samples(target),
        }
    }

    /// A seek to `target` begins: it is the position from now on.
    pub fn begin_seek(&self, target: Samples) {
        self.seeking.store(seeking(target), Ordering::Relaxed);
    }

    /// The first frame after the seek to `target` is about to be written; it starts at `position`. A newer seek that has begun
    /// meanwhile goes on.
    pub fn end_seek(&self, target: Samples, position: Samples) {
        self.position.store(position.0, Ordering::Relaxed);
        self.cancel_seek(target);
    }

    /// The seek to `target` leads nowhere: the position is that of the frames again.
    pub fn cancel_seek(&self, target: Samples) {
        let _ = self.seeking.compare_exchange(
            seeking(target),
            NO_SEEK,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Whether a seek is under way.
    #[must_use]
    pub fn is_seeking(&self) -> bool {
        self.seeking.load(Ordering::Relaxed) != NO_SEEK
    }

    /// Whoever makes frames can make none before bytes arrive. Nothing changes when that is known.
    pub fn begin_waiting(&self) {
        let (sent, missed) = self.counts();
        let _ = self.waiting_since.compare_exchange(
            NOT_WAITING,
            sent + missed,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// The bytes are there, or are not needed any more.
    pub fn end_waiting(&self) {
        // most often nobody waits, and a look is cheaper than a write
        if self.waiting_since.load(Ordering::Relaxed) != NOT_WAITING {
            self.waiting_since.store(NOT_WAITING, Ordering::Relaxed);
        }
    }

    /// For how many polls, 20 ms each, bytes have been missing; `None` while they are not.
    #[must_use]
    pub fn waited(&self) -> Option<u64> {
        let since = self.waiting_since.load(Ordering::Relaxed);
        let (sent, missed) = self.counts();
        (since != NOT_WAITING).then(|| (sent + missed).saturating_sub(since))
    }

    /// Ends the playback before the first frame that starts at or after `at`; `None` lifts the limit.
    pub fn set_limit(&self, at: Option<Samples>) {
        self.limit
            .store(at.map_or(NO_LIMIT, |s| s.0), Ordering::Relaxed);
    }

    /// Frames handed out, and polls that found none although the playback was not over.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (
            self.sent.load(Ordering::Relaxed),
            self.missed.load(Ordering::Relaxed),
        )
    }
}
