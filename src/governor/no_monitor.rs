//! Owns: what stands for the watching thread in builds without it.
//! Never knows: the machine.

use super::{Settings, Unwatched, advice::Wishes, moment::Report};
use std::{convert::Infallible, sync::Arc};
use tokio::sync::watch;

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
    pub const fn start(_: Settings, _: Wishes) -> Result<Self, Unwatched> {
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

    /// Nothing.
    #[must_use]
    pub const fn reports(&self) -> watch::Receiver<Option<Arc<Report>>> {
        match self.0 {}
    }
}
