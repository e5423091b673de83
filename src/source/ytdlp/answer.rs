//! Owns: reading what yt-dlp answers (`-J`): tracks, lists, and where the sound of a track is. Pure.
//! Never knows: how it was asked.
//!
//! The shape: README of yt-dlp, "OUTPUT TEMPLATE", and the head of `yt_dlp/extractor/common.py` (fields of the info dict).

use super::{Facts, NAME};
use crate::{
    media::located::Link,
    net::address::Address,
    source::{
        UNKNOWN_AUTHOR, UNKNOWN_TITLE,
        site::json::{Pick, Unexpected},
    },
    track::{Track, TrackInfo, UNKNOWN_LENGTH},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Map, Value};
use std::{cmp::Reverse, time::Duration};

/// Formats that are kept of one track.
const MAX_FORMS: usize = 8;
/// Headers of one format; sites want three or four.
const MAX_HEADERS: usize = 32;
/// The longest header, in bytes.
const MAX_HEADER_LEN: usize = 8 * 1024;
/// Of this length, links are taken for expired before they do: the clock of the site is not ours.
const MARGIN: Duration = Duration::from_secs(60);

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One track.
    Video(Box<Video>),
    /// A list with a name.
    List {
        /// Its name.
        name: String,
        /// Its tracks.
        tracks: Vec<Track>,
    },
    /// Hits of a search.
    Hits(Vec<Track>),
    /// What stands for another page, which has to be asked for: its address.
    Elsewhere(String),
    /// Nothing.
    Nothing,
}

/// A track, and where its sound is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// What clients see.
    pub track: Track,
    /// Its formats, the best first; those that cannot be played are not among them.
    pub forms: Vec<Form>,
    /// Whether the address was that of a file, not of a page.
    pub is_direct: bool,
    /// Whether it is being sent right now.
    pub is_live: bool,
}

/// A format of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its name among the formats of this track.
    pub id: String,
    /// Where it is.
    pub link: Link,
    /// Whether it comes in segments (HLS).
    pub is_hls: bool,
    /// How long the link holds, from the moment of the answer; `None`: it does not say.
    pub lifetime: Option<Duration>,
}

/// Reads an answer.
///
/// # Errors
/// When something is missing that all answers have.
pub fn read(value: &Value, facts: &Facts) -> Result<Answer, Unexpected> {
    match value.text("_type").unwrap_or("video") {
        "video" => {
            Ok(video(value, facts)?.map_or(Answer::Nothing, |it| Answer::Video(Box::new(it))))
        }
        "url" | "url_transparent" => Ok(elsewhere(value.needed_text("url")?)),
        // `multi_video`: the parts of one
        _ => list(value, facts),
    }
}

/// A page may say anything here, and all sources are asked for it, that of local files too: only an address counts.
fn elsewhere(text: &str) -> Answer {
    Address::parse(text).map_or(Answer::Nothing, |address| {
        Answer::Elsewhere(address.to_identifier())
    })
}

fn list(value: &Value, facts: &Facts) -> Result<Answer, Unexpected> {
    let entries = value.needed_list("entries")?;
    // a page with one player in it is not a list
    if let ([entry], Some("generic")) = (entries, value.text("extractor")) {
        return match entry.is_null() {
            true => Ok(Answer::Nothing),
            false => read(entry, facts),
        };
    }
    let page = value.text("webpage_url");
    let item = |entry: &Value| {
        let mut track = track(entry)?;
        // several players on one page: its address is that of the list, and theirs are those of their files
        if page == Some(&track.info.identifier) {
            let form = forms(entry, facts).into_iter().next()?;
            track.info.identifier = form.link.address.to_identifier();
        }
        Some(track)
    };
    let tracks: Vec<Track> = entries.iter().filter_map(item).collect();
    let extractor = value.text("extractor").unwrap_or_default();
    Ok(match (tracks.is_empty(), extractor.ends_with(":search")) {
        (true, _) => Answer::Nothing,
        (false, true) => Answer::Hits(tracks),
        (false, false) => Answer::List {
            name: text(value, &["title", "id"]).unwrap_or_default(),
            tracks,
        },
    })
}

fn video(value: &Value, facts: &Facts) -> Result<Option<Video>, Unexpected> {
    value.needed_text("id")?;
    let Some(track) = track(value) else {
        return Ok(None);
    };
    Ok(Some(Video {
        track,
        forms: forms(value, facts),
        is_direct: is(value, "direct"),
        is_live: is_live(value),
    }))
}

/// A track, whole or as an entry of a list; `None` for what has no address.
fn track(value: &Value) -> Option<Track> {
    let is_address = |text: &&str| Address::parse(text).is_some();
    let places = ["webpage_url", "url", "original_url"];
    let page = places
        .iter()
        .filter_map(|place| value.text(place))
        .find(is_address)?;
    let length = value
        .pick("duration")
        .and_then(Value::as_f64)
        .map(|seconds| seconds * 1000.0)
        .filter(|millis| (1.0..1e15).contains(millis) && !is_live(value))
        .map(|millis| millis.round() as i64);
    let pictures = value.list("thumbnails");
    let picture = value
        .text("thumbnail")
        .or_else(|| pictures.last()?.text("url"));
    let author = artists(value).or_else(|| text(value, &["uploader", "channel", "creator"]));
    Some(Track {
        info: TrackInfo {
            identifier: page.to_owned(),
            is_seekable: length.is_some(),
            author: author.unwrap_or_else(|| UNKNOWN_AUTHOR.to_owned()),
            length: length.unwrap_or(UNKNOWN_LENGTH),
            is_stream: length.is_none(),
            position: 0,
            title: text(value, &["title"]).unwrap_or_else(|| UNKNOWN_TITLE.to_owned()),
            uri: Some(page.to_owned()),
            artwork_url: picture.filter(is_address).map(str::to_owned),
            isrc: None,
            source_name: NAME.to_owned(),
        },
        details: Vec::new(),
        plugin_info: Map::new(),
        originals: Vec::new(),
    })
}

fn is_live(value: &Value) -> bool {
    is(value, "is_live") || value.text("live_status") == Some("is_live")
}

fn artists(value: &Value) -> Option<String> {
    let names: Vec<&str> = value
        .list("artists")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    match names.is_empty() {
        true => text(value, &["artist"]),
        false => Some(names.join(", ")),
    }
}

/// The first of these fields that says something.
fn text(value: &Value, places: &[&str]) -> Option<String> {
    let said = places.iter().filter_map(|place| value.text(place));
    said.map(str::trim)
        .find(|text| !text.is_empty())
        .map(str::to_owned)
}

fn is(value: &Value, place: &str) -> bool {
    value.pick(place).and_then(Value::as_bool).unwrap_or(false)
}

/// What can be played, the best first. yt-dlp lists the worst first.
fn forms(value: &Value, facts: &Facts) -> Vec<Form> {
    let listed = value.list("formats");
    let all = match listed.is_empty() {
        true => std::slice::from_ref(value),
        false => listed,
    };
    let now = value.number("epoch");
    let mut ranked: Vec<_> = all
        .iter()
        .enumerate()
        .filter_map(|(at, it)| Some((rank(it, at, facts)?, form(it, now)?)))
        .collect();
    ranked.sort_by_key(|(rank, _)| Reverse(*rank));
    ranked.truncate(MAX_FORMS);
    ranked.into_iter().map(|(_, form)| form).collect()
}

/// How good a format is: the language that the site prefers, sound alone, a codec that costs little, a file before segments,
/// then quality. Of those with pictures, which are thrown away, small ones. `None` for what cannot be played.
fn rank(value: &Value, at: usize, facts: &Facts) -> Option<(i64, u8, usize, bool, i64)> {
    let codec = value.text("acodec");
    let is_encrypted = is(value, "has_drm");
    let is_played = matches!(
        value.text("protocol"),
        Some("http" | "https" | "m3u8" | "m3u8_native") | None
    );
    if is_encrypted || !is_played || codec == Some("none") {
        return None;
    }
    let has_picture = value.text("vcodec") != Some("none");
    let height = value.number("height");
    let position = i64::try_from(at).ok()?;
    let quality = match height {
        Some(height) if has_picture && height > facts.max_height => -position - 1,
        _ => position,
    };
    let known = |codec: &str| {
        let codecs = facts.codecs.iter();
        codecs
            .rev()
            .position(|known| codec.starts_with(known.as_str()))
    };
    Some((
        value.number("language_preference").unwrap_or(-1),
        u8::from(!has_picture),
        codec.and_then(known).map_or(0, |at| at + 1),
        !is_hls(value),
        quality,
    ))
}

fn is_hls(value: &Value) -> bool {
    let protocol = value.text("protocol");
    protocol.is_some_and(|protocol| protocol.starts_with("m3u8"))
}

fn form(value: &Value, now: Option<i64>) -> Option<Form> {
    let address = Address::parse(value.text("url")?)?;
    let expires = address
        .url()
        .query_pairs()
        .filter(|(name, _)| matches!(&*name.to_ascii_lowercase(), "expire" | "expires" | "exp"))
        .find_map(|(_, value)| value.parse::<i64>().ok());
    let lifetime = expires.zip(now).map(|(at, now)| {
        let left = u64::try_from(at.saturating_sub(now)).unwrap_or(0);
        Duration::from_secs(left).saturating_sub(MARGIN)
    });
    Some(Form {
        id: value.text("format_id").unwrap_or_default().to_owned(),
        is_hls: is_hls(value),
        link: Link::new(address, headers(value)),
        lifetime,
    })
}

/// What the site wants to be sent along: headers and cookies.
fn headers(value: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let said = value.pick("http_headers").and_then(Value::as_object);
    for (name, value) in said.into_iter().flatten().take(MAX_HEADERS) {
        let (Ok(name), Some(value)) = (HeaderName::try_from(name), value.as_str()) else {
            continue;
        };
        let is_ours = matches!(
            name,
            header::HOST
                | header::CONNECTION
                | header::CONTENT_LENGTH
                | header::TRANSFER_ENCODING
                | header::ACCEPT_ENCODING
                | header::RANGE
                | header::PROXY_AUTHORIZATION
        );
        if let Ok(value) = HeaderValue::try_from(value)
            && !is_ours
            && value.len() <= MAX_HEADER_LEN
        {
            headers.insert(name, value);
        }
    }
    if let Some(cookies) = value.text("cookies").and_then(cookies) {
        headers.insert(header::COOKIE, cookies);
    }
    headers
}

/// Names and values out of what yt-dlp writes as `name=value; Domain=…; Path=…; Secure; Expires=…; name=value; …`.
fn cookies(text: &str) -> Option<HeaderValue> {
    let is_attribute = |part: &&str| {
        let name = part.split('=').next().unwrap_or_default();
        let name = name.trim().to_ascii_lowercase();
        !matches!(
            &*name,
            "domain" | "path" | "secure" | "expires" | "version" | "max-age" | "httponly" | ""
        )
    };
    let pairs: Vec<&str> = text
        .split("; ")
        .filter(is_attribute)
        .filter(|part| part.contains('='))
        .collect();
    let mut value = HeaderValue::try_from(pairs.join("; ")).ok()?;
    value.set_sensitive(true);
    (!value.is_empty() && value.len() <= MAX_HEADER_LEN).then_some(value)
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
