//! Owns: what LRCLIB is asked for a track, and which of its hits are that track's words. Pure.
//! Never knows: how it is asked.

use crate::{
    source::{
        UNKNOWN_AUTHOR, UNKNOWN_TITLE,
        site::json::Pick,
        words::{Part, take_guests, tells_of_video, words},
    },
    track::{TrackInfo, UNKNOWN_LENGTH},
};
use serde_json::Value;

/// By how much a song may be longer or shorter than what plays, in seconds: another cut of a song has its words elsewhere.
const MAX_DIFFERENCE: f64 = 12.0;
/// Hits that are looked at; the site gives twenty.
const MAX_HITS: usize = 100;
/// What a search asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Name of the song.
    pub title: String,
    /// Who sings it; empty: anybody.
    pub artist: String,
}

/// What to ask for, the likeliest first: as the track is named; and `Artist - Title`, as videos are named.
#[must_use]
pub fn questions(info: &TrackInfo) -> Vec<Question> {
    if info.title == UNKNOWN_TITLE {
        return Vec::new();
    }
    let title = plain_title(&info.title);
    let author = plain_author(&info.author);
    let mut all = vec![Question {
        title: title.clone(),
        artist: author,
    }];
    if let Some((artist, song)) = title.split_once(" - ") {
        let video = Question {
            title: song.trim().to_owned(),
            artist: artist.trim().to_owned(),
        };
        // the name of a channel says less than the title
        all.insert(0, video);
    }
    all.retain(|question| !question.title.is_empty());
    all
}

/// The title without what stands in brackets, if that is about the video; without a featured artist.
fn plain_title(title: &str) -> String {
    let mut plain = String::new();
    let mut rest = title;
    while let Some(at) = rest.find(['(', '[', '【']) {
        let (before, bracket) = rest.split_at(at);
        plain.push_str(before);
        let end = bracket
            .char_indices()
            .find(|(_, c)| matches!(c, ')' | ']' | '】'));
        let end = end.map_or(bracket.len(), |(at, c)| at + c.len_utf8());
        let (bracket, behind) = bracket.split_at(end);
        if !is_noise(bracket) {
            plain.push_str(bracket);
        }
        rest = behind;
    }
    plain.push_str(rest);
    let lower = plain.to_lowercase();
    // lower case may have another length in bytes; where it has, nothing is cut
    let featured = [" feat. ", " ft. ", " featuring "];
    let end = featured.iter().filter_map(|word| lower.find(word)).min();
    if let Some(end) = end.filter(|_| lower.len() == plain.len()) {
        plain.truncate(end);
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether brackets tell of the video, or of guests alone.
fn is_noise(bracket: &str) -> bool {
    let mut inside = Part {
        words: words(bracket),
        is_aside: true,
    };
    let guests = take_guests(&mut inside);
    let is_featured = !guests.is_empty() && inside.words.is_empty();
    is_featured || inside.words.iter().any(|word| tells_of_video(word))
}

fn plain_author(author: &str) -> String {
    if author == UNKNOWN_AUTHOR {
        return String::new();
    }
    let author = author.strip_suffix(" - Topic").unwrap_or(author);
    author
        .strip_suffix("VEVO")
        .unwrap_or(author)
        .trim()
        .to_owned()
}

/// The hit that is most like the track, if any is like it enough. One with times goes before one without.
#[must_use]
pub fn best<'a>(hits: &'a Value, question: &Question, info: &TrackInfo) -> Option<&'a Value> {
    let hits = hits.as_array().map_or(&[][..], Vec::as_slice);
    let scored = hits
        .iter()
        .take(MAX_HITS)
        .filter_map(|hit| Some((score(hit, question, info)?, hit)));
    // the first of equals: the site has put it first
    scored
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, hit)| hit)
}

/// How like a hit is to the track; `None` for another song.
fn score(hit: &Value, question: &Question, info: &TrackInfo) -> Option<f64> {
    let title = likeness(hit.text("trackName")?, &question.title);
    let artist = match question.artist.is_empty() {
        true => 0.5,
        false => likeness(hit.text("artistName")?, &question.artist),
    };
    if title < 0.6 || artist < 0.4 {
        return None;
    }
    let has_times = has_text(hit, "syncedLyrics");
    if !has_times && !has_text(hit, "plainLyrics") {
        return None;
    }
    let is_known = info.length != UNKNOWN_LENGTH && !info.is_stream && info.length > 0;
    let length = hit
        .pick("duration")
        .and_then(Value::as_f64)
        .filter(|_| is_known);
    let nearness = match length {
        None => 0.5,
        Some(length) => {
            let difference = (length - info.length as f64 / 1000.0).abs();
            if difference > MAX_DIFFERENCE {
                return None;
            }
            1.0 - difference / MAX_DIFFERENCE
        }
    };
    Some(title + artist + nearness + if has_times { 2.0 } else { 0.0 })
}

fn has_text(hit: &Value, field: &str) -> bool {
    hit.text(field).is_some_and(|text| !text.trim().is_empty())
}

/// How many words two names share, of those that they have: from 0 to 1. Spaces do not count (`RickAstley`).
fn likeness(one: &str, other: &str) -> f64 {
    let (one, other) = (words(one), words(other));
    if one.concat() == other.concat() {
        return 1.0;
    }
    let shared = one.iter().filter(|word| other.contains(word)).count();
    // a name within another: `Queen` of `Queen & David Bowie`
    let shorter = one.len().min(other.len());
    match shorter {
        0 => 0.0,
        shorter => {
            let dice = 2.0 * shared as f64 / (one.len() + other.len()) as f64;
            dice.max(0.8 * shared as f64 / shorter as f64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::Track;
    use serde_json::json;

    fn info(title: &str, author: &str, length: i64) -> TrackInfo {
        let mut info = Track::sample("x", "http").info;
        (info.title, info.author, info.length) = (title.into(), author.into(), length);
        info
    }

    fn asked(title: &str, author: &str) -> Vec<(String, String)> {
        let questions = questions(&info(title, author, 1)).into_iter();
        questions.map(|it| (it.title, it.artist)).collect()
    }

    fn pair(title: &str, artist: &str) -> (String, String) {
        (title.into(), artist.into())
    }

    #[test]
    fn titles_of_videos_are_taken_apart() {
        assert_eq!(
            asked(
                "Rick Astley - Never Gonna Give You Up (Official Video) [4K Remaster]",
                "RickAstleyVEVO"
            ),
            [
                pair("Never Gonna Give You Up", "Rick Astley"),
                pair("Rick Astley - Never Gonna Give You Up", "RickAstley"),
            ]
        );
        assert_eq!(
            asked("Hey Mama (feat. Bebe Rexha)", "David Guetta - Topic"),
            [pair("Hey Mama", "David Guetta")]
        );
        // a bracket that belongs to the name
        assert_eq!(
            asked("(I Can't Get No) Satisfaction", "Unknown artist"),
            [pair("(I Can't Get No) Satisfaction", "")]
        );
        assert_eq!(asked("(Official Video)", "X"), []);
        assert_eq!(asked("Unknown title", "X"), []);
    }

    fn hit(name: &str, artist: &str, duration: f64, synced: Option<&str>) -> Value {
        json!({
            "trackName": name, "artistName": artist, "duration": duration,
            "plainLyrics": "words", "syncedLyrics": synced,
        })
    }

    fn chosen(hits: &[Value], length: i64) -> Option<usize> {
        let info = info("Never Gonna Give You Up", "Rick Astley", length);
        let question = &questions(&info)[0];
        let hits = Value::from(hits);
        let best = best(&hits, question, &info)?;
        hits.as_array()?.iter().position(|hit| hit == best)
    }

    #[test]
    fn the_hit_with_times_that_is_nearest_in_length_is_chosen() {
        let hits = [
            hit("Never Gonna Give You Up", "Rick Astley", 213.0, None),
            hit(
                "Never Gonna Give You Up",
                "Rick Astley",
                219.0,
                Some("[00:01.00]a"),
            ),
            hit(
                "Never Gonna Give You Up!",
                "Rick Astley",
                213.0,
                Some("[00:01.00]b"),
            ),
        ];
        assert_eq!(chosen(&hits, 212_000), Some(2));
        // of those without a known length the first
        assert_eq!(chosen(&hits, UNKNOWN_LENGTH), Some(1));
        assert_eq!(chosen(&hits[..1], 212_000), Some(0));
    }

    #[test]
    fn diacritics_and_signs_make_no_difference() {
        for (title, artist) in [
            ("Joga", "Bjork"),
            ("Jóga", "Björk"),
            ("JOGA", "Bjo\u{308}rk"),
        ] {
            let info = info(title, artist, 305_000);
            let hits = json!([hit("Jóga", "Björk", 305.0, None)]);
            let question = &questions(&info)[0];
            assert!(best(&hits, question, &info).is_some(), "{title}");
        }
    }

    #[test]
    fn another_song_artist_or_cut_is_none() {
        for other in [
            hit(
                "Together Forever",
                "Rick Astley",
                212.0,
                Some("[00:01.00]a"),
            ),
            hit(
                "Never Gonna Give You Up",
                "The Black Keys",
                212.0,
                Some("[00:01.00]a"),
            ),
            hit(
                "Never Gonna Give You Up",
                "Rick Astley",
                330.0,
                Some("[00:01.00]a"),
            ),
            json!({"trackName": "Never Gonna Give You Up", "artistName": "Rick Astley", "instrumental": true, "plainLyrics": null}),
            json!({}),
        ] {
            assert_eq!(
                chosen(std::slice::from_ref(&other), 212_000),
                None,
                "{other}"
            );
        }
        assert_eq!(chosen(&[], 212_000), None);
    }
}
