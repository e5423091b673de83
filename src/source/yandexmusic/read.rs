//! Owns: reading what Yandex Music's API answers: tracks and lists, as LavaSrc shows them. Pure.
//! Never knows: how it was asked for.

use super::{Facts, NAME};
use crate::{
    source::{
        UNKNOWN_AUTHOR, UNKNOWN_TITLE,
        list::{Kind, List},
        site::json::Pick,
    },
    track::{Track, TrackInfo, UNKNOWN_LENGTH, extended::Extended},
};
use serde_json::Value;

/// The number of a person's playlist of what he likes.
const LIKED: i64 = 3;
/// The publisher that podcasts have.
const PODCASTS: &str = "PODCASTS";

/// Reads answers, for links to one of the site's domains.
pub struct Reader {
    /// Where links lead.
    site: String,
    picture: String,
}

impl Reader {
    #[must_use]
    pub fn new(domain: &str, facts: &Facts) -> Self {
        Self {
            site: format!("https://music.yandex.{domain}"),
            picture: facts.picture.clone(),
        }
    }

    /// `None` for what may not be heard here, and what has no id.
    #[must_use]
    pub fn track(&self, value: &Value) -> Option<Track> {
        let number = id(value).filter(|_| is_available(value))?;
        let text = |place: &str| value.text(place).map(str::to_owned);
        let place = |kind: &str, value: Option<&Value>| {
            Some(format!("{}/{kind}/{}", self.site, id(value?)?))
        };
        let artist = value.pick("artists.0");
        let length = value.number("durationMs");
        let extended = Extended {
            album_name: text("albums.0.title"),
            album_url: place("album", value.pick("albums.0")),
            artist_url: place("artist", artist),
            artist_artwork_url: artist.and_then(|it| self.picture(it)),
            preview_url: None,
            is_preview: false,
        };
        Some(extended.attach(TrackInfo {
            is_seekable: length.is_some(),
            author: author(value).unwrap_or_else(|| UNKNOWN_AUTHOR.to_owned()),
            length: length.unwrap_or(UNKNOWN_LENGTH),
            is_stream: length.is_none(),
            position: 0,
            title: text("title").unwrap_or_else(|| UNKNOWN_TITLE.to_owned()),
            uri: Some(format!("{}/track/{number}", self.site)),
            artwork_url: self.picture(value),
            isrc: None,
            source_name: NAME.to_owned(),
            identifier: number,
        }))
    }

    /// The tracks among these, which may stand in `track` each.
    #[must_use]
    pub fn tracks(&self, values: &[Value]) -> Vec<Track> {
        let values = values.iter().map(|it| it.pick("track").unwrap_or(it));
        values.filter_map(|it| self.track(it)).collect()
    }

    #[must_use]
    pub fn album(&self, value: &Value, id: &str) -> List {
        List {
            name: value.text("title").unwrap_or_default().to_owned(),
            kind: Kind::Album,
            url: Some(format!("{}/album/{id}", self.site)),
            artwork_url: self.picture(value),
            author: value.text("artists.0.name").map(str::to_owned),
            total_tracks: value.number("trackCount"),
        }
    }

    #[must_use]
    pub fn artist(&self, value: &Value, id: &str) -> List {
        let name = value.text("name").unwrap_or_default();
        List {
            name: List::top_tracks(name),
            kind: Kind::Artist,
            url: Some(format!("{}/artist/{id}", self.site)),
            artwork_url: self.picture(value),
            author: Some(name.to_owned()),
            total_tracks: value.number("counts.tracks"),
        }
    }

    /// A playlist that is at `place` of the site.
    #[must_use]
    pub fn playlist(&self, value: &Value, place: &str) -> List {
        let owner = value
            .text("owner.name")
            .or_else(|| value.text("owner.login"));
        let name = match (value.number("kind"), owner) {
            (Some(LIKED), Some(owner)) => format!("{owner}'s liked songs"),
            _ => value.text("title").unwrap_or_default().to_owned(),
        };
        List {
            name,
            kind: Kind::Playlist,
            url: Some(format!("{}/{place}", self.site)),
            artwork_url: self.picture(value),
            author: value.text("owner.name").map(str::to_owned),
            total_tracks: value.number("trackCount"),
        }
    }

    fn picture(&self, value: &Value) -> Option<String> {
        let places = ["ogImage", "coverUri", "cover.uri", "cover.itemsUri.0"];
        let found = places.iter().find_map(|place| value.text(place))?;
        Some(format!("https://{}", found.replace("%%", &self.picture)))
    }
}

/// Ids are numbers in some answers, and texts in others.
#[must_use]
pub fn id(value: &Value) -> Option<String> {
    match value.text("id") {
        Some(id) => Some(id.to_owned()),
        None => value.number("id").map(|id| id.to_string()),
    }
}

/// Whether it may be heard here.
#[must_use]
pub fn is_available(value: &Value) -> bool {
    value.pick("available").and_then(Value::as_bool) == Some(true)
}

fn author(value: &Value) -> Option<String> {
    if value.text("major.name") == Some(PODCASTS) {
        return value.text("albums.0.title").map(str::to_owned);
    }
    let names = |place: &str| {
        let artists = value.list(place).iter();
        let names: Vec<&str> = artists.filter_map(|it| it.text("name")).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    names("artists").or_else(|| names("matchedTrack.artists"))
}
