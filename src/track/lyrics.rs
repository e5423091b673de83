//! Owns: what the words of a track are.
//! Never knows: where they come from.

use crate::units::Millis;
use alloc::{string::String, vec::Vec};

/// The words of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lyrics {
    /// Name of the source that gave them.
    pub source: String,
    /// Who wrote them down, as that source says.
    pub provider: String,
    /// All of them.
    pub text: Option<String>,
    /// With their times, in order; empty when there are none.
    pub lines: Vec<Line>,
}

/// A line of lyrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it begins, from the start of the track.
    pub at: Millis,
    /// How long it lasts.
    pub duration: Option<Millis>,
    /// Its words.
    pub text: String,
}
