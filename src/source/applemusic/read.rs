//! Owns: reading what Apple's API tells of tracks and lists. Pure.
//! Never knows: how it was asked for.
//!
//! Shapes: Apple Music API, "Songs", "Albums", "Playlists", "Artists", with `extend=artistUrl`.

use super::NAME;
use crate::{
    source::{UNKNOWN_AUTHOR, UNKNOWN_TITLE, list, mirror::PREVIEW_LENGTH, site::json::Pick},
    track::{Track, TrackInfo, extended::Extended},
};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::HashMap;

/// Reads a track; `None` when it is none. `covers` are pictures of artists by their ids.
#[must_use]
pub fn track(value: &Value, covers: &HashMap<String, String>, is_preview: bool) -> Option<Track> {
    let text = |path| value.text(path).map(str::to_owned);
    let id = value.text("id")?.to_owned();
    // only the album's name is escaped, and not always
    let url = value.text("attributes.url");
    let url = url.map(|it| percent_decode_str(it).decode_utf8_lossy().into_owned());
    let album_url = url.as_deref().and_then(|url| url.split_once('?'));
    let artist_id = artist_id(value);
    let length = value
        .number("attributes.durationInMillis")
        .unwrap_or(0)
        .max(0);
    let extended = Extended {
        album_name: text("attributes.albumName"),
        // a track is a place in its album's page
        album_url: album_url.map(|(album, _)| album.to_owned()),
        artist_url: artist_id.and_then(|_| text("attributes.artistUrl")),
        artist_artwork_url: artist_id.and_then(|id| covers.get(id).cloned()),
        preview_url: text("attributes.previews.0.url")
            .or_else(|| text("attributes.previews.0.hlsUrl")),
        is_preview,
    };
    let info = TrackInfo {
        identifier: id,
        is_seekable: true,
        author: text("attributes.artistName").unwrap_or_else(|| UNKNOWN_AUTHOR.to_owned()),
        length: if is_preview { PREVIEW_LENGTH } else { length },
        is_stream: false,
        position: 0,
        title: text("attributes.name").unwrap_or_else(|| UNKNOWN_TITLE.to_owned()),
        uri: url,
        artwork_url: artwork(value),
        isrc: text("attributes.isrc"),
        source_name: NAME.into(),
    };
    Some(extended.attach(info))
}

/// The id of a track's artist: the end of his page's address. Several together have none.
#[must_use]
pub fn artist_id(track: &Value) -> Option<&str> {
    let url = track.text("attributes.artistUrl")?;
    let (_, id) = url.rsplit_once('/')?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

/// The picture of a thing, as large as it is.
#[must_use]
pub fn artwork(value: &Value) -> Option<String> {
    let url = value.text("attributes.artwork.url")?;
    // some have no size of their own
    let size = |path| value.number(path).unwrap_or(1000).to_string();
    let url = url.replace("{w}", &size("attributes.artwork.width"));
    Some(url.replace("{h}", &size("attributes.artwork.height")))
}

/// What is told of a list; nothing of its tracks.
#[must_use]
pub fn list(value: &Value, kind: list::Kind) -> list::List {
    let text = |path| value.text(path).map(str::to_owned);
    let name = text("attributes.name").unwrap_or_default();
    let (name, author) = match kind {
        list::Kind::Artist => (list::List::top_tracks(&name), Some(name)),
        list::Kind::Playlist => (name, text("attributes.curatorName")),
        list::Kind::Album | list::Kind::Recommendations => (name, text("attributes.artistName")),
    };
    list::List {
        name,
        kind,
        url: text("attributes.url"),
        artwork_url: artwork(value),
        author,
        total_tracks: value.number("attributes.trackCount"),
    }
}
