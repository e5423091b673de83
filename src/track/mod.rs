//! Owns: what a track is, and what loading an identifier gives.
//! Never knows: how a track is played, or how it looks in JSON.

use alloc::{boxed::Box, string::String, vec::Vec};

pub mod codec;
pub mod extended;
pub mod lyrics;
pub mod marks;
mod utf;

/// Length of streams and of tracks whose length nobody knows, in milliseconds.
pub const UNKNOWN_LENGTH: i64 = i64::MAX;

/// What a client sees of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackInfo {
    /// The source's own name for it.
    pub identifier: String,
    /// Whether its position can be changed.
    pub is_seekable: bool,
    /// Artist or channel; `Unknown artist` when unknown.
    pub author: String,
    /// Milliseconds, or [`UNKNOWN_LENGTH`].
    pub length: i64,
    /// Whether it has no end.
    pub is_stream: bool,
    /// Where playing starts (or stands), in milliseconds.
    pub position: i64,
    /// Title; `Unknown title` when unknown.
    pub title: String,
    /// Address for people.
    pub uri: Option<String>,
    /// Address of a picture.
    pub artwork_url: Option<String>,
    /// International Standard Recording Code.
    pub isrc: Option<String>,
    /// Name of the source.
    pub source_name: String,
}

/// A playable thing, as sources make it and the binary format carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// What clients see.
    pub info: TrackInfo,
    /// The source's own part of the binary format, byte for byte (reference, 3.3).
    pub details: Vec<u8>,
    /// Shown as `pluginInfo`.
    pub plugin_info: serde_json::Map<String, serde_json::Value>,
    /// Texts of `info` that a `String` cannot hold whole. Empty for nearly every track, and for all that sources make.
    pub originals: Vec<Original>,
}

/// A text of a track as a client sent it, with a surrogate that lacks its other half: kept so that encoding gives the
/// client's own string again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Where it belongs.
    pub field: TextField,
    /// What `info` shows of it; the bytes count only while that still stands there.
    pub text: String,
    /// Modified UTF-8.
    pub bytes: Vec<u8>,
}

/// The texts of [`TrackInfo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextField {
    /// `title`.
    Title,
    /// `author`.
    Author,
    /// `identifier`.
    Identifier,
    /// `uri`.
    Uri,
    /// `artworkUrl`.
    ArtworkUrl,
    /// `isrc`.
    Isrc,
    /// `sourceName`.
    SourceName,
}

impl TextField {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Author => "author",
            Self::Identifier => "identifier",
            Self::Uri => "uri",
            Self::ArtworkUrl => "artworkUrl",
            Self::Isrc => "isrc",
            Self::SourceName => "sourceName",
        }
    }
}

/// A list of tracks with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playlist {
    /// Its name.
    pub name: String,
    /// Index of the track that the identifier pointed at.
    pub selected: Option<usize>,
    /// Shown as `pluginInfo`.
    pub plugin_info: serde_json::Map<String, serde_json::Value>,
    /// Its tracks, in order.
    pub tracks: Vec<Track>,
}

/// What an identifier leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadResult {
    /// One track.
    Track(Box<Track>),
    /// A list that belongs together.
    Playlist(Playlist),
    /// Hits of a search, best first.
    Search(Vec<Track>),
    /// Nothing.
    Empty,
}

impl From<TrackInfo> for Track {
    /// One whose source has no part of its own in the binary format.
    fn from(info: TrackInfo) -> Self {
        Self {
            info,
            details: Vec::new(),
            plugin_info: serde_json::Map::new(),
            originals: Vec::new(),
        }
    }
}

impl LoadResult {
    /// A list without anything of a plugin's.
    #[must_use]
    pub fn playlist(name: String, tracks: Vec<Track>) -> Self {
        Self::Playlist(Playlist {
            name,
            selected: None,
            plugin_info: serde_json::Map::new(),
            tracks,
        })
    }
}

#[cfg(test)]
impl Track {
    /// A track of 30 s, for tests that need any.
    pub(crate) fn sample(identifier: &str, source: &str) -> Self {
        Self {
            info: TrackInfo {
                identifier: identifier.into(),
                is_seekable: true,
                author: "Unknown artist".into(),
                length: 30_000,
                is_stream: false,
                position: 0,
                title: "Unknown title".into(),
                uri: None,
                artwork_url: None,
                isrc: None,
                source_name: source.into(),
            },
            details: codec::probe_details("mp3").expect("a short name"),
            plugin_info: serde_json::Map::new(),
            originals: Vec::new(),
        }
    }
}
