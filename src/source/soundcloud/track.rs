//! Owns: reading a track of SoundCloud's API: what clients see of it, and the streams that it has. Pure.
//! Never knows: how it was asked for.

use crate::{
    error::Failure,
    source::{
        UNKNOWN_AUTHOR, UNKNOWN_TITLE,
        site::json::{Pick, Unexpected},
    },
    track::{Track, TrackInfo},
    units::Secret,
};
use serde::Deserialize;
use serde_json::Value;

/// The name of this source.
pub const NAME: &str = "soundcloud";
/// Streams of one track that are looked at; there are seven.
const MAX_STREAMS: usize = 32;

/// How bytes are delivered.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// One file.
    Progressive,
    /// A playlist of segments.
    Hls,
}

/// A kind of stream that can be played.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// How it is delivered.
    pub protocol: Protocol,
    /// Its media type.
    pub mime: String,
}

/// A stream of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Where to ask for its address.
    pub lookup: String,
    /// Its kind.
    pub format: Format,
}

/// What is needed to play a track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Those without encryption.
    pub all: Vec<Stream>,
    /// Says to the site that the track may be heard.
    pub authorization: Option<Secret>,
}

impl Streams {
    /// Those that can be played, the best first.
    pub fn by_preference<'a>(&'a self, formats: &'a [Format]) -> impl Iterator<Item = &'a Stream> {
        formats.iter().filter_map(|wanted| {
            let fits = |stream: &&Stream| stream.format.is(wanted.protocol, &wanted.mime);
            self.all.iter().find(fits)
        })
    }
}

impl Format {
    fn is(&self, protocol: Protocol, mime: &str) -> bool {
        // without parameters: `audio/ogg; codecs="opus"`
        let own = self.mime.split(';').next().unwrap_or_default().trim();
        self.protocol == protocol && own == mime
    }
}

/// A track that can be played.
#[derive(Clone, Debug)]
pub struct Playable {
    /// What clients see.
    pub track: Track,
    /// Its number.
    pub id: u64,
    /// Its streams.
    pub streams: Streams,
}

/// Why a track cannot be played.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By law or contract.
    #[error("This track is not available in the node's country.")]
    Blocked,
    /// Its owner wants money for the whole.
    #[error("Only a preview of this track is free, and previews are filtered out.")]
    Preview,
    /// All streams are encrypted.
    #[error("This track is copy-protected and cannot be played.")]
    Protected,
    /// There are none.
    #[error("This track has no streams; it may still be in processing.")]
    NoStreams,
    /// It is no track.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

impl Refusal {
    /// What a client is told. What is not understood is the site's matter: `changed`.
    pub fn into_failure(self, changed: impl FnOnce(Unexpected) -> Failure) -> Failure {
        match self {
            Self::Unexpected(error) => changed(error),
            other => Failure::common(other.to_string()),
        }
    }
}

/// Reads a track. Previews are refused when they are `filtered`.
///
/// # Errors
/// When it is none, or none that can be played.
pub fn read(value: &Value, filtered: bool) -> Result<Playable, Refusal> {
    let id = value.needed_number("id")?.unsigned_abs();
    let title = value.text("title").unwrap_or(UNKNOWN_TITLE);
    let length = value
        .number("full_duration")
        .map_or_else(|| value.needed_number("duration"), Ok)?;
    let is_preview = value.text("policy") == Some("SNIP")
        || value.text("monetization_model") == Some("SUB_HIGH_TIER");
    if value.text("policy") == Some("BLOCK") {
        return Err(Refusal::Blocked);
    }
    if is_preview && filtered {
        return Err(Refusal::Preview);
    }
    let streams = streams(value)?;
    let artwork = value
        .text("artwork_url")
        .or_else(|| value.text("user.avatar_url"));
    let track = Track::from(TrackInfo {
        identifier: identifier(&streams).ok_or(Refusal::NoStreams)?,
        is_seekable: true,
        author: value.text("user.username").unwrap_or(UNKNOWN_AUTHOR).into(),
        length: length.max(0),
        is_stream: false,
        position: 0,
        title: title.into(),
        uri: value.text("permalink_url").map(Into::into),
        artwork_url: artwork.map(|url| url.replace("large.jpg", "original.jpg")),
        isrc: value.text("publisher_metadata.isrc").map(Into::into),
        source_name: NAME.into(),
    });
    Ok(Playable { track, id, streams })
}

fn streams(value: &Value) -> Result<Streams, Refusal> {
    let found = value.needed_list("media.transcodings")?;
    let all: Vec<Stream> = found.iter().filter_map(stream).take(MAX_STREAMS).collect();
    match (all.is_empty(), found.is_empty()) {
        (true, false) => return Err(Refusal::Protected),
        (true, true) => return Err(Refusal::NoStreams),
        (false, _) => {}
    }
    Ok(Streams {
        all,
        authorization: value.text("track_authorization").map(Secret::new),
    })
}

fn stream(value: &Value) -> Option<Stream> {
    let protocol = match value.text("format.protocol")? {
        "progressive" => Protocol::Progressive,
        "hls" => Protocol::Hls,
        // the others are encrypted
        _ => return None,
    };
    let mime = value.text("format.mime_type")?.to_owned();
    Some(Stream {
        lookup: value.text("url")?.to_owned(),
        format: Format { protocol, mime },
    })
}

/// The stream that stands for the track in encoded strings: the one that the original chooses, so that strings are the same
/// (reference, 3.3; the order is as observed). It says nothing of the one that is played here.
fn identifier(streams: &Streams) -> Option<String> {
    let kinds = [
        ("U", Protocol::Hls, "audio/mpeg"),
        ("M", Protocol::Progressive, "audio/mpeg"),
        ("O", Protocol::Hls, "audio/ogg"),
    ];
    let known = kinds.into_iter().find_map(|(letter, protocol, mime)| {
        let is = |stream: &&Stream| stream.format.is(protocol, mime);
        Some((letter, streams.all.iter().find(is)?))
    });
    // what the original calls the rest, although it cannot play it
    let (letter, stream) = known.or_else(|| Some(("X", streams.all.first()?)))?;
    Some(format!("{letter}:{}", stream.lookup))
}
