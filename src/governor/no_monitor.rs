//! Owns: what stands for the watching thread in builds without it.
//! Never knows: the machine.

use super::{Settings, Unwatched, advice::Wishes, moment::Report, policy::Readings};
use std::{convert::Infallible, sync::Arc, time::Instant};

/// Whether this build can watch its machine.
pub const CAN_WATCH: bool = false;

/// There is none in this build.
#[derive(Debug)]
pub struct Monitor(Infallible);

impl Monitor {
    /// Never begins.
    ///
    /// # Errors
    /// Always.
    pub fn start(
        _: Settings,
        _: Wishes,
        _: impl FnMut(Instant, Readings) + Send + 'static,
    ) -> Result<Self, Unwatched> {
        Err(Unwatched::LeftOut)
    }

    /// Nothing.
    ///
    /// # Errors
    /// None: there is nobody to ask.
    pub async fn report(&self) -> Result<Arc<Report>, Unwatched> {
        match self.0 {}
    }

    /// Nothing.
    #[must_use]
    pub const fn latest(&self) -> Option<Arc<Report>> {
        match self.0 {}
    }
}
