//! Owns: what a search for several kinds of things finds (`/v4/loadsearch`).
//! Never knows: who searches, or where.

use crate::track::{Playlist, Track};

/// A kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Tracks.
    Track,
    /// Albums.
    Album,
    /// Artists.
    Artist,
    /// Playlists of people.
    Playlist,
    /// Texts that complete what was typed.
    Text,
}

/// What was found, the best of each kind first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Tracks.
    pub tracks: Vec<Track>,
    /// Albums; most have no tracks here, only a name and where they are.
    pub albums: Vec<Playlist>,
    /// Artists, as playlists.
    pub artists: Vec<Playlist>,
    /// Playlists.
    pub playlists: Vec<Playlist>,
    /// Texts.
    pub texts: Vec<String>,
}
