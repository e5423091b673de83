//! Owns: what a player may do to one run of a track.
//! Never knows: players, and how sound is made.

use super::Report;
use crate::{
    dsp::FilterSpec,
    frame::{FrameFormat, FrameReader},
    playback::Playback,
    units::Samples,
};

/// One run of a track. Dropping it ends it.
pub trait Sound: Send {
    /// Goes on from elsewhere. The reader shows `to` as its position at once.
    fn seek(&self, to: Samples);
    /// In percent.
    fn set_volume(&self, percent: u16);
    /// Replaces all filters.
    fn set_filters(&self, filters: FilterSpec);
    /// Gives frames of this format from now on, to this reader; the one before gets none any more.
    fn change_format(&mut self, format: FrameFormat) -> FrameReader;
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

    fn change_format(&mut self, format: FrameFormat) -> FrameReader {
        Self::change_format(self, format)
    }

    fn report(&self) -> Report {
        Self::report(self)
    }
}
