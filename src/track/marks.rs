//! Owns: places in a track that people have marked: segments to skip, chapters.
//! Never knows: who marked them, and what is done about them.

use crate::units::Millis;
use alloc::{string::String, vec::Vec};

/// A part of a track that may be skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What it is, in SponsorBlock's words: `sponsor`, `intro`, …
    pub category: String,
    /// Where it begins.
    pub start: Millis,
    /// Where it ends; behind its beginning.
    pub end: Millis,
}

/// A part of a track with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub start: Millis,
    /// Where it ends; not before its beginning.
    pub end: Millis,
}

/// What is marked in a track, by beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Segments of the categories that were asked for.
    pub segments: Vec<Segment>,
    /// Chapters.
    pub chapters: Vec<Chapter>,
}
