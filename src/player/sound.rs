//! Owns: what a player may do to one run of a track.
//! Never knows: players, and how sound is made.

use super::Report;
use crate::{dsp::FilterSpec, playback::Playback, units::Samples};

/// One run of a track. Dropping it ends it.
pub trait Sound: Send {
    /// Goes on from elsewhere. The reader shows `to` as its position at once.
    fn seek(&self, to: Samples);
    /// In percent.
    fn set_volume(&self, percent: u16);
    /// Replaces all filters.
    fn set_filters(&self, filters: FilterSpec);
    /// How it is doing.
    fn report(&self) -> Report;
}

impl Sound for Playback {
    fn seek(&self, to: Samples) {
        Self::seek(self, to);
    }

    fn set_volume(&self, percent: u16) {
        Self::set_volume(self, percent);
    }

    fn set_filters(&self, filters: FilterSpec) {
        Self::set_filters(self, filters);
    }

    fn report(&self) -> Report {
        Self::report(self)
    }
}
