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

impl Kind {
    /// All of them, in the order in which answers have them.
    pub const ALL: [Self; 5] = [
        Self::Track,
        Self::Album,
        Self::Artist,
        Self::Playlist,
        Self::Text,
    ];

    /// Its name in requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Album => "album",
            Self::Artist => "artist",
            Self::Playlist => "playlist",
            Self::Text => "text",
        }
    }
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

impl Findings {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
            && self.albums.is_empty()
            && self.artists.is_empty()
            && self.playlists.is_empty()
            && self.texts.is_empty()
    }
}
