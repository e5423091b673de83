//! Owns: what a track is, and what loading an identifier gives.
//! Never knows: how a track is played, or how it looks in JSON.

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
