//! Owns: figures of a lane that anybody may look at.
//! Never knows: who looks.

use super::Shared;
use crate::net::tally::Layer;
use std::sync::{Arc, atomic::Ordering};

/// How often things were asked for again in one fetch, by [`Layer`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    /// Requests without an answer, or refused for the moment.
    pub requests: u64,
    /// Answers that broke off or fell silent.
    pub fragments: u64,
    /// Links that were sought anew.
    pub resolves: u64,
}

impl Retries {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.requests + self.fragments + self.resolves
    }
}

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

    /// How often things were asked for again.
    #[must_use]
    pub fn retries(&self) -> Retries {
        let count = |layer| self.0.retries.count(layer);
        Retries {
            requests: count(Layer::Request),
            fragments: count(Layer::Fragment),
            resolves: count(Layer::Resolve),
        }
    }
}
