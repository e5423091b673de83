//! Owns: reading what Vimeo says of a video, its player's configuration and its API's answer: what clients see of it, and the
//! streams that it has. Pure. Shapes: yt-dlp's `vimeo` extractor.
//! Never knows: how it was asked for.

use super::link::Link;
use crate::{
    error::Failure,
    source::{
        UNKNOWN_AUTHOR, UNKNOWN_TITLE,
        site::json::{Pick, Unexpected},
    },
    track::{Track, TrackInfo, UNKNOWN_LENGTH},
};
use serde::Deserialize;
use serde_json::Value;

/// The name of this source.
pub const NAME: &str = "vimeo";
/// What the player shows for a video with a password (`view`).
const PASSWORD_VIEW: i64 = 4;

/// How the bytes of a video are delivered.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A playlist of segments, mostly with one for the sound alone.
    Hls,
    /// One file, with pictures.
    Progressive,
}

/// Where the bytes of a video are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// The playlist.
    pub hls: Option<String>,
    /// The smallest of the files: only the sound counts.
    pub progressive: Option<String>,
}

impl Streams {
    /// The address of that form.
    #[must_use]
    pub fn form(&self, form: Form) -> Option<&str> {
        match form {
            Form::Hls => self.hls.as_deref(),
            Form::Progressive => self.progressive.as_deref(),
        }
    }
}

/// A video that can be played.
#[derive(Clone, Debug)]
pub struct Found {
    /// What clients see.
    pub track: Track,
    /// Its streams.
    pub streams: Streams,
}

/// Why a video cannot be played.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its owner has set a password.
    #[error("This Vimeo video is protected by a password.")]
    Password,
    /// It is private, or only for some pages.
    #[error("This Vimeo video is private, or may be played on its owner's own pages only.")]
    Locked,
    /// Vimeo shows it to people with an account.
    #[error("Vimeo lets this video be seen with an account only.")]
    Account,
    /// It is an event that has not begun.
    #[error("This Vimeo event has not begun.")]
    Upcoming,
    /// There is nothing to be played.
    #[error("Vimeo has this video in no form that can be played; it may still be in processing.")]
    NoStreams,
    /// It is no video.
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

/// Reads the configuration of the player.
///
/// # Errors
/// When it is none, or of a video that cannot be played.
pub fn read(config: &Value, link: &Link) -> Result<Found, Refusal> {
    if config.number("view") == Some(PASSWORD_VIEW) {
        return Err(Refusal::Password);
    }
    let Some(video) = config.pick("video") else {
        // instead, the player shows a sentence
        config.needed_text("message")?;
        return Err(Refusal::Locked);
    };
    let is_stream = match video.text("live_event.status") {
        Some("pending" | "active") => return Err(Refusal::Upcoming),
        Some("started") => true,
        _ => false,
    };
    let streams = streams(config);
    if streams == Streams::default() {
        return Err(Refusal::NoStreams);
    }
    let artwork = video.text("thumbs.base");
    let shown = Shown {
        title: video.text("title"),
        author: video.text("owner.name"),
        seconds: video.number("duration"),
        artwork: artwork.or_else(|| video.text("thumbnail_url")),
        is_stream,
    };
    Ok(Found {
        track: shown.into_track(link),
        streams,
    })
}

/// Reads the API's answer, which leads to the player's configuration for the streams.
#[must_use]
pub fn read_api(video: &Value, link: &Link) -> Track {
    let shown = Shown {
        title: video.text("name"),
        author: video.text("uploader.name"),
        seconds: video.number("duration"),
        artwork: video.text("pictures.base_link"),
        is_stream: false,
    };
    shown.into_track(link)
}

fn streams(config: &Value) -> Streams {
    let files = config
        .pick("request.files")
        .or_else(|| config.pick("video.files"));
    let Some(files) = files else {
        return Streams::default();
    };
    let cdns = files.pick("hls.cdns").and_then(Value::as_object);
    let usual = files.text("hls.default_cdn").unwrap_or_default();
    let cdn = cdns.and_then(|cdns| cdns.get(usual).or_else(|| cdns.values().next()));
    let hls = cdn.and_then(|cdn| cdn.text("url").or_else(|| cdn.text("avc_url")));
    let smallest = files
        .list("progressive")
        .iter()
        .filter(|file| file.text("url").is_some())
        .min_by_key(|file| file.number("height").unwrap_or(i64::MAX));
    Streams {
        hls: hls.map(str::to_owned),
        progressive: smallest
            .and_then(|file| file.text("url"))
            .map(str::to_owned),
    }
}

/// What is shown of a video.
struct Shown<'a> {
    title: Option<&'a str>,
    author: Option<&'a str>,
    seconds: Option<i64>,
    artwork: Option<&'a str>,
    is_stream: bool,
}

impl Shown<'_> {
    fn into_track(self, link: &Link) -> Track {
        let known = self.seconds.filter(|_| !self.is_stream);
        let length = known.map_or(UNKNOWN_LENGTH, |seconds| {
            seconds.max(0).saturating_mul(1000)
        });
        Track::from(TrackInfo {
            identifier: link.identifier(),
            is_seekable: !self.is_stream,
            author: self.author.unwrap_or(UNKNOWN_AUTHOR).to_owned(),
            length,
            is_stream: self.is_stream,
            position: match known {
                Some(_) if link.start < length => link.start,
                _ => 0,
            },
            title: self.title.unwrap_or(UNKNOWN_TITLE).to_owned(),
            uri: Some(link.url()),
            artwork_url: self.artwork.map(str::to_owned),
            isrc: None,
            source_name: NAME.to_owned(),
        })
    }
}
