//! Owns: shapes that plugins of Lavalink have made standard: hits of LavaSearch, words of LavaLyrics, marks of SponsorBlock
//! (reference, 2.9).
//! Never knows: how any of it comes about.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    json::{Invalid, parse},
    rest::{Playlist, Track},
};
use crate::track::{lyrics, marks};
use alloc::{string::String, vec::Vec};

/// Categories of one player.
const MAX_CATEGORIES: usize = 32;
/// Letters of a category.
const MAX_CATEGORY: usize = 32;

/// Answer of `GET /v4/loadsearch`; all keys are always there.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SearchResult {
    /// Tracks.
    pub tracks: Vec<Track>,
    /// Albums, without their tracks.
    pub albums: Vec<Playlist>,
    /// Artists, without their tracks.
    pub artists: Vec<Playlist>,
    /// Playlists, without their tracks.
    pub playlists: Vec<Playlist>,
    /// Texts.
    pub texts: Vec<Text>,
    /// What plugins add: nothing here.
    pub plugin: Map<String, Value>,
}

/// A text that completes what was typed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Text {
    /// The text.
    pub text: String,
    /// What plugins add: nothing here.
    pub plugin: Map<String, Value>,
}

/// The words of a track.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lyrics {
    /// Name of the source that gave them.
    pub source_name: String,
    /// Who wrote them down.
    pub provider: String,
    /// All of them, without times.
    pub text: Option<String>,
    /// With times; empty without.
    pub lines: Vec<Line>,
    /// What plugins add: nothing here.
    pub plugin: Map<String, Value>,
}

/// A line of lyrics.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Where it begins, in milliseconds.
    pub timestamp: i64,
    /// How long it lasts, in milliseconds.
    pub duration: Option<i64>,
    /// Its words.
    pub line: String,
    /// What plugins add: nothing here.
    pub plugin: Map<String, Value>,
}

impl From<&lyrics::Lyrics> for Lyrics {
    fn from(lyrics: &lyrics::Lyrics) -> Self {
        Self {
            source_name: lyrics.source.clone(),
            provider: lyrics.provider.clone(),
            text: lyrics.text.clone(),
            lines: lyrics.lines.iter().map(Line::from).collect(),
            plugin: Map::new(),
        }
    }
}

impl From<&lyrics::Line> for Line {
    fn from(line: &lyrics::Line) -> Self {
        Self {
            timestamp: line.at.0,
            duration: line.duration.map(|it| it.0),
            line: line.text.clone(),
            plugin: Map::new(),
        }
    }
}

/// A part of a track that is skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// What it is.
    pub category: String,
    /// Milliseconds.
    pub start: i64,
    /// Milliseconds.
    pub end: i64,
}

impl From<&marks::Segment> for Segment {
    fn from(segment: &marks::Segment) -> Self {
        Self {
            category: segment.category.clone(),
            start: segment.start.0,
            end: segment.end.0,
        }
    }
}

/// A part of a track with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chapter {
    /// Its name.
    pub name: String,
    /// Milliseconds.
    pub start: i64,
    /// Milliseconds.
    pub end: i64,
    /// Milliseconds.
    pub duration: i64,
}

impl From<&marks::Chapter> for Chapter {
    fn from(chapter: &marks::Chapter) -> Self {
        Self {
            name: chapter.name.clone(),
            start: chapter.start.0,
            end: chapter.end.0,
            duration: chapter.end.0 - chapter.start.0,
        }
    }
}

/// Reads the body of `PUT …/sponsorblock/categories`: a list of names; one that is there twice counts once.
///
/// # Errors
/// When it is none, or has what cannot be the name of a category. New ones may come up, so they need not be known.
pub fn categories(body: &[u8]) -> Result<Vec<String>, Invalid> {
    let mut categories: Vec<String> = Vec::new();
    for (at, name) in parse::<Vec<String>>(body)?.into_iter().enumerate() {
        let name = name.to_ascii_lowercase();
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        if name.is_empty() || name.len() > MAX_CATEGORY || !name.bytes().all(is_letter) {
            let allowed = "expected a category such as sponsor, selfpromo, interaction, intro, outro, preview, \
                music_offtopic or filler";
            return Err(Invalid::new(&format!("body[{at}]"), allowed));
        }
        if !categories.contains(&name) {
            categories.push(name);
        }
        if categories.len() > MAX_CATEGORIES {
            return Err(Invalid::new(
                "",
                format!("more than {MAX_CATEGORIES} categories"),
            ));
        }
    }
    Ok(categories)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Millis;

    fn text(value: &impl Serialize) -> String {
        serde_json::to_string(value).expect("JSON")
    }

    #[test]
    fn a_search_without_hits_still_has_all_keys() {
        assert_eq!(
            text(&SearchResult::default()),
            r#"{"tracks":[],"albums":[],"artists":[],"playlists":[],"texts":[],"plugin":{}}"#
        );
        let hit = Text {
            text: "a".into(),
            plugin: Map::new(),
        };
        assert_eq!(text(&hit), r#"{"text":"a","plugin":{}}"#);
    }

    /// The example of LavaLyrics' README.
    #[test]
    fn lyrics_have_lavalyrics_shape() {
        let lyrics = lyrics::Lyrics {
            source: "spotify".into(),
            provider: "MusixMatch".into(),
            text: None,
            lines: vec![lyrics::Line {
                at: Millis(16_770),
                duration: None,
                text: "Took a walk to the water at night".into(),
            }],
        };
        assert_eq!(
            text(&Lyrics::from(&lyrics)),
            concat!(
                r#"{"sourceName":"spotify","provider":"MusixMatch","text":null,"#,
                r#""lines":[{"timestamp":16770,"duration":null,"line":"Took a walk to the water at night","plugin":{}}],"plugin":{}}"#
            )
        );
    }

    #[test]
    fn categories_are_names_and_each_counts_once() {
        let read = |body: &str| categories(body.as_bytes()).map_err(|error| error.field);
        assert_eq!(
            read(r#"["sponsor","Music_Offtopic","sponsor"]"#),
            Ok(vec!["sponsor".into(), "music_offtopic".into()])
        );
        assert_eq!(read("[]"), Ok(Vec::new()));
        assert_eq!(read(r#"["a","b c"]"#), Err("body[1]".into()));
        assert_eq!(read(r#"["\"]&x="]"#), Err("body[0]".into()));
        assert_eq!(read(r#"{"a":1}"#), Err("body".into()));
        let many: Vec<String> = (0..40).map(|n| "a".repeat(n + 1)).collect();
        assert!(read(&text(&many)).is_err());
    }
}
