//! Owns: reading what Spotify's API tells of tracks and lists. Pure.
//! Never knows: how it was asked for.
//!
//! Shapes: the Web API's reference, as it stands after the changes of February 2026: apps in development mode get `items`
//! where `tracks` was, `item` where `track` was, and of some things less than before, so that nearly all may be missing.

use super::NAME;
use crate::{
    source::{UNKNOWN_TITLE, list, mirror::PREVIEW_LENGTH, site::json::Pick},
    track::{
        Track, TrackInfo,
        extended::{Extended, LOCAL},
    },
};
use serde_json::Value;

/// What is shown of a track besides what is told with it.
#[derive(Clone, Copy, Default)]
pub struct Around<'a> {
    /// The album, where tracks are told without theirs.
    pub album: Option<&'a Value>,
    /// Picture of its first artist.
    pub artwork: Option<&'a str>,
    /// Whether the preview is wanted instead.
    pub is_preview: bool,
}

/// Reads a track; `None` when it is none.
#[must_use]
pub fn track(value: &Value, around: Around<'_>) -> Option<Track> {
    let album = value.pick("album").or(around.album);
    let of_album = |path| {
        album
            .and_then(|album: &Value| album.text(path))
            .map(str::to_owned)
    };
    let text = |path| value.text(path).map(str::to_owned);
    let filled = |path| text(path).filter(|it| !it.is_empty());
    // what is none of these is none at all: `null` for what was taken away
    let id = match value.text("id") {
        Some(id) => id.to_owned(),
        None => value.text("name").map(|_| LOCAL.to_owned())?,
    };
    let length = value.number("duration_ms").unwrap_or(0).max(0);
    let info = TrackInfo {
        identifier: id,
        is_seekable: true,
        author: filled("artists.0.name").unwrap_or_else(|| "Unknown".to_owned()),
        length: if around.is_preview {
            PREVIEW_LENGTH
        } else {
            length
        },
        is_stream: false,
        position: 0,
        title: filled("name").unwrap_or_else(|| UNKNOWN_TITLE.to_owned()),
        uri: text("external_urls.spotify"),
        artwork_url: of_album("images.0.url"),
        isrc: text("external_ids.isrc"),
        source_name: NAME.into(),
    };
    let extended = Extended {
        album_name: of_album("name"),
        album_url: of_album("external_urls.spotify"),
        artist_url: text("artists.0.external_urls.spotify"),
        artist_artwork_url: around
            .artwork
            .map(str::to_owned)
            .or_else(|| text("artists.0.images.0.url")),
        preview_url: text("preview_url"),
        is_preview: around.is_preview,
    };
    Some(extended.attach(info))
}

/// The track of an item of a playlist. Episodes are none, nor are files of a person's own, unless they are wanted.
#[must_use]
pub fn item(item: &Value, with_local: bool, is_preview: bool) -> Option<Track> {
    let value = item.pick("item").or_else(|| item.pick("track"))?;
    let is_on = |value: &Value, path| value.pick(path) == Some(&Value::Bool(true));
    let is_local = is_on(value, "is_local") || is_on(item, "is_local");
    if value.text("type") == Some("episode") || (is_local && !with_local) {
        return None;
    }
    let around = Around {
        is_preview,
        ..Around::default()
    };
    track(value, around)
}

/// What is told of a list; nothing of its tracks.
#[must_use]
pub fn list(value: &Value, kind: list::Kind) -> list::List {
    let text = |path| value.text(path).map(str::to_owned);
    let name = text("name").unwrap_or_default();
    let (name, author, total_tracks) = match kind {
        list::Kind::Artist => (list::List::top_tracks(&name), Some(name), None),
        list::Kind::Playlist => {
            let total = value.number("items.total");
            let total = total.or_else(|| value.number("tracks.total"));
            (name, text("owner.display_name"), total)
        }
        list::Kind::Album | list::Kind::Recommendations => {
            (name, text("artists.0.name"), value.number("total_tracks"))
        }
    };
    list::List {
        name,
        kind,
        url: text("external_urls.spotify"),
        artwork_url: text("images.0.url"),
        author,
        total_tracks,
    }
}
