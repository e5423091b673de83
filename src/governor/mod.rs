//! Owns: watching the machine, and lowering the quality of sound before it stutters.
//! Never knows: players, or the wire.
//!
//! [`sensors`] read, [`policy`] and [`quality`] decide, [`ladder`] says what each level means, and [`steering`] turns the dials
//! that playbacks read.

pub mod advice;
pub mod ladder;
pub mod moment;
#[cfg(feature = "resource-monitoring")]
mod monitor;
#[cfg(not(feature = "resource-monitoring"))]
#[path = "no_monitor.rs"]
mod monitor;
pub mod policy;
pub mod quality;
#[cfg(feature = "resource-monitoring")]
pub mod sensors;
pub mod steering;

pub use monitor::{CAN_WATCH, Monitor};

use std::{io, time::Duration};

/// What the configuration says of watching (`arm.resources`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether the machine is watched.
    pub is_on: bool,
    /// Time between two looks, at least a second.
    pub interval: Duration,
}

impl Default for Settings {
    /// Once a second, where that can be.
    fn default() -> Self {
        Self {
            is_on: CAN_WATCH,
            interval: Duration::from_secs(CAN_WATCH.into()),
        }
    }
}

/// Why nobody watches the machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unwatched {
    /// This build cannot.
    #[error(
        "this build does not watch its machine: it was made without the feature resource-monitoring"
    )]
    LeftOut,
    /// The configuration says so.
    #[error("the machine is not watched: arm.resources.monitoring is false")]
    Off,
    /// The system gave no thread for it.
    #[error("the machine is not watched: there was no thread for it")]
    Thread(#[source] io::Error),
    /// A sensor has not answered yet: a driver that hangs.
    #[error(
        "a sensor of this machine does not answer; try again, or set arm.resources.monitoring to false"
    )]
    Silent,
    /// The thread has ended.
    #[error("the machine is not watched any more")]
    Gone,
}
