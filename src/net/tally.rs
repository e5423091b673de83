//! Owns: counting what was asked for again, by layer.
//! Never knows: what it was, or who looks at the figures.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where something is asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// A request that got no answer, or was refused for the moment.
    Request,
    /// An answer that broke off or fell silent: the rest of it is asked for from its next byte on.
    Fragment,
    /// A link that is no good any more: the stream's place is found anew.
    Resolve,
}

impl Layer {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Request, Self::Fragment, Self::Resolve];

    /// As metrics and clients are told.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Fragment => "fragment",
            Self::Resolve => "resolve",
        }
    }
}

/// How often things were asked for again.
#[derive(Debug, Default)]
pub struct Tally([AtomicU64; Layer::ALL.len()]);

impl Tally {
    /// So many times more.
    pub fn add(&self, layer: Layer, times: u64) {
        self.0[layer as usize].fetch_add(times, Ordering::Relaxed);
    }

    /// Up to now.
    #[must_use]
    pub fn count(&self, layer: Layer) -> u64 {
        self.0[layer as usize].load(Ordering::Relaxed)
    }
}

/// How often things were asked for again in one fetch, for whoever passes it on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// See [`Layer::Request`].
    pub requests: u64,
    /// See [`Layer::Fragment`].
    pub fragments: u64,
}

impl Retried {
    /// Once more: what broke was `begun`, or had not yet.
    pub const fn add(&mut self, is_begun: bool) {
        if is_begun {
            self.fragments += 1;
        } else {
            self.requests += 1;
        }
    }
}

impl std::ops::AddAssign for Retried {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.fragments += other.fragments;
    }
}
