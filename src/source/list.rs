//! Owns: what is told of a list of tracks, as LavaSrc has it (reference, 8.5): of one that is loaded, and of one that a search
//! finds.
//! Never knows: which source tells it.

use crate::track::{LoadResult, Playlist, Track};
use serde_json::{Map, Value, json};

/// What a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An album.
    Album,
    /// Somebody's playlist.
    Playlist,
    /// An artist's best known tracks.
    Artist,
    /// Tracks like another.
    Recommendations,
}

impl Kind {
    /// As `pluginInfo.type` has it.
    const fn name(self) -> &'static str {
        match self {
            Self::Album => "album",
            Self::Playlist => "playlist",
            Self::Artist => "artist",
            Self::Recommendations => "recommendations",
        }
    }
}

/// A list without its tracks; `None` where nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its name; of an artist's tracks, see [`List::top_tracks`].
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its page.
    pub url: Option<String>,
    /// Its picture.
    pub artwork_url: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Tracks that it has on its site, however many are loaded.
    pub total_tracks: Option<i64>,
}

impl List {
    /// The name of an artist's list, as LavaSrc has it.
    #[must_use]
    pub fn top_tracks(artist: &str) -> String {
        format!("{artist}'s Top Tracks")
    }

    /// The list without its tracks, as a search finds it.
    #[must_use]
    pub fn found(self) -> Playlist {
        self.holding(Vec::new())
    }

    /// The list with its tracks; `None` when it has none.
    #[must_use]
    pub fn loaded(self, tracks: Vec<Track>) -> Option<LoadResult> {
        (!tracks.is_empty()).then(|| LoadResult::Playlist(self.holding(tracks)))
    }

    /// The list with its tracks.
    fn holding(self, tracks: Vec<Track>) -> Playlist {
        let fields = [
            ("type", json!(self.kind.name())),
            ("url", json!(self.url)),
            ("artworkUrl", json!(self.artwork_url)),
            ("author", json!(self.author)),
            ("totalTracks", json!(self.total_tracks)),
        ];
        let fields = fields.map(|(name, value): (&str, Value)| (name.to_owned(), value));
        Playlist {
            name: self.name,
            selected: None,
            plugin_info: Map::from_iter(fields),
            tracks,
        }
    }
}
