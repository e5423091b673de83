//! Owns: reading what Deezer's API answers: tracks and lists, as LavaSrc shows them. Pure.
//! Never knows: how it was asked for.

use super::{Facts, NAME};
use crate::{
    source::{
        UNKNOWN_AUTHOR, UNKNOWN_TITLE,
        list::{Kind, List},
        mirror::PREVIEW_LENGTH,
        site::json::{Pick, Unexpected},
    },
    track::{Track, TrackInfo, extended::Extended},
};
use serde_json::Value;

/// Reads answers.
pub struct Reader {
    artwork: [String; 2],
    /// Whether tracks are those of their previews.
    is_preview: bool,
}

impl Reader {
    #[must_use]
    pub fn new(facts: &Facts, is_preview: bool) -> Self {
        Self {
            artwork: facts.artwork.clone(),
            is_preview,
        }
    }

    /// A track. What it does not tell is taken from what it is a part of: an album or an artist.
    ///
    /// # Errors
    /// When it has no id.
    pub fn track(&self, value: &Value, whole: Option<&Value>) -> Result<Track, Unexpected> {
        let id = value.needed_number("id")?;
        let album = value.pick("album").or(whole);
        let of_album = |place: &str| text(album?, place);
        let [before, after] = &self.artwork;
        let by_hash = || Some(format!("{before}{}{after}", text(value, "md5_image")?));
        let artist = value.number("artist.id");
        let of_whole = |place: &str| text(whole?, place);
        let picture = text(value, "artist.picture_xl")
            .or_else(|| of_whole("artist.picture_xl"))
            .or_else(|| of_whole("picture_xl"));
        let length = value.number("duration").unwrap_or(0).saturating_mul(1000);
        let info = TrackInfo {
            identifier: id.to_string(),
            is_seekable: true,
            author: text(value, "artist.name").unwrap_or_else(|| UNKNOWN_AUTHOR.to_owned()),
            length: match self.is_preview {
                true => PREVIEW_LENGTH,
                false => length,
            },
            is_stream: false,
            position: 0,
            title: text(value, "title").unwrap_or_else(|| UNKNOWN_TITLE.to_owned()),
            uri: Some(format!("https://deezer.com/track/{id}")),
            artwork_url: of_album("cover_xl").or_else(by_hash),
            isrc: text(value, "isrc"),
            source_name: NAME.to_owned(),
        };
        let album_id = album.and_then(|album| album.number("id"));
        let extended = Extended {
            album_name: of_album("title"),
            album_url: album_id.map(|id| format!("https://www.deezer.com/album/{id}")),
            artist_url: artist.map(|id| format!("https://www.deezer.com/artist/{id}")),
            artist_artwork_url: picture,
            preview_url: text(value, "preview"),
            is_preview: self.is_preview,
        };
        Ok(extended.attach(info))
    }

    /// The tracks among these, without those that cannot be read.
    #[must_use]
    pub fn tracks(&self, values: &[Value], whole: Option<&Value>) -> Vec<Track> {
        let tracks = values.iter().filter(|it| it.text("type") == Some("track"));
        tracks.filter_map(|it| self.track(it, whole).ok()).collect()
    }

    #[must_use]
    pub fn album(&self, value: &Value) -> List {
        let author = text(value, "contributors.0.name").or_else(|| text(value, "artist.name"));
        list(value, Kind::Album, "cover_xl", author)
    }

    #[must_use]
    pub fn playlist(&self, value: &Value) -> List {
        let author = text(value, "creator.name").or_else(|| text(value, "user.name"));
        list(value, Kind::Playlist, "picture_xl", author)
    }

    #[must_use]
    pub fn artist(&self, value: &Value) -> List {
        let name = text(value, "name");
        let mut list = list(value, Kind::Artist, "picture_xl", name.clone());
        list.name = List::top_tracks(&name.unwrap_or_default());
        list
    }
}

fn list(value: &Value, kind: Kind, picture: &str, author: Option<String>) -> List {
    List {
        name: text(value, "title").unwrap_or_default(),
        kind,
        url: text(value, "link"),
        artwork_url: text(value, picture),
        author,
        total_tracks: value.number("nb_tracks"),
    }
}

/// A text that says something.
fn text(value: &Value, place: &str) -> Option<String> {
    let text = value.text(place)?;
    (!text.is_empty()).then(|| text.to_owned())
}
