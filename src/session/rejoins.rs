//! Owns: the counters of stations that were joined again.
//! Never knows: which player listens to them.

use crate::player::note::Lost;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often stations were joined again, by why they were left.
#[derive(Debug, Default)]
pub struct Rejoins([AtomicU64; 6]);

impl Rejoins {
    /// The reasons, as a label's value, in the order in which they are counted.
    pub const LABELS: [&'static str; 6] = [
        "ended",
        "broken",
        "stalled",
        "refused",
        "unreadable",
        "paused",
    ];

    pub(super) fn add(&self, reason: Lost) {
        let index = match reason {
            Lost::Ended => 0,
            Lost::Broken => 1,
            Lost::Stalled => 2,
            Lost::Refused => 3,
            Lost::Unreadable => 4,
            Lost::Paused => 5,
        };
        self.0[index].fetch_add(1, Ordering::Relaxed);
    }

    /// Each reason's label and count since the start.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Self::LABELS.into_iter().zip(counts)
    }
}
