//! Owns: the settings of what the node does when the machine is short of something.
//! Never knows: how they are written.

use super::Blank;
use std::time::Duration;

section! {
    /// `arm.resources`: when quality is lowered, and how much is taken on.
    Resources {
        /// Whether quality is ever lowered.
        adaptive_quality: bool,
        /// In percent of what the node may use; 0 is not watched.
        cpu_threshold: u8,
        /// In percent of what the node may use; 0 is not watched.
        memory_threshold: u8,
        /// In °C; 0 is not watched.
        temperature_threshold: u8,
        /// How long too much lasts before quality is lowered by a step.
        reaction: Duration,
        /// How long all is well before it is raised by a step.
        recovery: Duration,
        /// Tracks at once over all sessions; 0 is any number.
        max_concurrent_tracks: usize,
    }
}
