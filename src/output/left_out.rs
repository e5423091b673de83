//! Owns: what takes the place of ALSA in a build without it.
//! Never knows: sound cards.

use super::device::{Absent, Devices, Settings};
use std::sync::Arc;

/// Whether this build plays on sound cards.
pub const IS_THERE: bool = false;

/// What to do.
const LEFT_OUT: &str = "this build plays on no sound card: take one with the feature alsa-backend (the packages for TV boxes have it)";

/// No devices.
#[must_use]
pub fn devices(_: &Settings) -> Arc<dyn Devices> {
    Arc::new(Absent(LEFT_OUT))
}
