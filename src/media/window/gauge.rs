//! Owns: figures of a lane that anybody may look at.
//! Never knows: who looks.

use super::Shared;
use std::sync::{Arc, atomic::Ordering};

/// How a lane is doing. Cheap to clone, does not keep the fetch going.
#[derive(Clone)]
pub struct Gauge(pub(super) Arc<Shared>);

impl Gauge {
    /// Bytes that have been fetched and not been read.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.0.waiting.load(Ordering::Relaxed) as u64
    }

    /// Bytes that have been read, over all jumps.
    #[must_use]
    pub fn read(&self) -> u64 {
        let delivered = self.0.delivered.load(Ordering::Relaxed);
        delivered.saturating_sub(self.waiting())
    }

    /// Length of the whole resource in bytes, when it is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.0.length.load(Ordering::Relaxed).checked_sub(1)
    }

    /// How often the fetch was taken up again after it had broken.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.0.retries.load(Ordering::Relaxed)
    }
}
