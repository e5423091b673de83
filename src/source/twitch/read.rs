//! Owns: reading what Twitch's API says of channels, recordings and clips: what clients see of them (reference, 8.4, for
//! channels; the rest in its manner). Pure.
//! Never knows: how it was asked for.

use super::{Facts, link::Link};
use crate::{
    source::{
        UNKNOWN_AUTHOR, UNKNOWN_TITLE,
        site::json::{Pick, Unexpected},
    },
    track::{Track, TrackInfo, UNKNOWN_LENGTH},
};
use serde_json::Value;

/// The name of this source.
pub const NAME: &str = "twitch";

/// What a channel sends right now; `None` when that is nothing.
#[must_use]
pub fn live(user: &Value, login: &str, url: &str, facts: &Facts) -> Option<Track> {
    user.text("stream.type")?;
    let [before, after] = &facts.artwork;
    Some(Track::from(TrackInfo {
        identifier: url.to_owned(),
        is_seekable: false,
        author: login.to_owned(),
        length: UNKNOWN_LENGTH,
        is_stream: true,
        position: 0,
        title: title(user.text("lastBroadcast.title")),
        uri: Some(url.to_owned()),
        artwork_url: Some(format!("{before}{login}{after}")),
        isrc: None,
        source_name: NAME.to_owned(),
    }))
}

/// A recording. One that is still being made is a stream: it has no end yet, and is played where it is now.
///
/// # Errors
/// When it is none.
pub fn video(video: &Value, start: i64) -> Result<Track, Unexpected> {
    let id = video.needed_text("id")?;
    let id = id.parse().map_err(|_| Unexpected::Missing {
        path: "id",
        wanted: "number",
    })?;
    let seconds = video.needed_number("lengthSeconds")?;
    let is_stream = video.text("status") == Some("RECORDING");
    let (length, url) = (millis(seconds), Link::Video { id, start }.url());
    Ok(Track::from(TrackInfo {
        identifier: url.clone(),
        is_seekable: !is_stream,
        author: author(video, "owner.displayName"),
        length: if is_stream { UNKNOWN_LENGTH } else { length },
        is_stream,
        position: if start < length && !is_stream {
            start
        } else {
            0
        },
        title: title(video.text("title")),
        uri: Some(url),
        artwork_url: video.text("previewThumbnailURL").map(Into::into),
        isrc: None,
        source_name: NAME.to_owned(),
    }))
}

/// A clip of that name.
///
/// # Errors
/// When it is none.
pub fn clip(clip: &Value, slug: &str) -> Result<Track, Unexpected> {
    let seconds = clip.needed_number("durationSeconds")?;
    let url = Link::Clip(slug.to_owned()).url();
    Ok(Track::from(TrackInfo {
        identifier: url.clone(),
        is_seekable: true,
        author: author(clip, "broadcaster.displayName"),
        length: millis(seconds),
        is_stream: false,
        position: 0,
        title: title(clip.text("title")),
        uri: Some(url),
        artwork_url: clip.text("thumbnailURL").map(Into::into),
        isrc: None,
        source_name: NAME.to_owned(),
    }))
}

/// The file of a clip: of its heights the smallest, because only the sound counts.
#[must_use]
pub fn file(clip: &Value) -> Option<&str> {
    // there may be a second form, for upright screens
    let forms = match clip.list("assets.0.videoQualities") {
        [] => clip.list("videoQualities"),
        forms => forms,
    };
    let height = |form: &Value| form.text("quality").and_then(|text| text.parse().ok());
    let forms = forms.iter().filter_map(|form| {
        let link = form.text("sourceURL").filter(|link| !link.is_empty())?;
        Some((height(form).unwrap_or(u32::MAX), link))
    });
    forms
        .min_by_key(|(height, _)| *height)
        .map(|(_, link)| link)
}

fn millis(seconds: i64) -> i64 {
    seconds.max(0).saturating_mul(1000)
}

fn title(text: Option<&str>) -> String {
    let text = text.filter(|text| !text.is_empty());
    text.unwrap_or(UNKNOWN_TITLE).to_owned()
}

fn author(value: &Value, path: &str) -> String {
    value.text(path).unwrap_or(UNKNOWN_AUTHOR).to_owned()
}
