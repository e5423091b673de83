//! Owns: what the keys of watching the machine set.
//! Never knows: how they are written in a file, and what is watched.

use super::Blank;
use std::time::Duration;

section! {
    /// Of `arm.resources`: watching the machine. Off in builds that cannot.
    Monitoring {
        /// Whether it is watched.
        enabled: bool,
        /// Time between two looks, 1 s to a minute.
        interval: Duration,
    }
}
