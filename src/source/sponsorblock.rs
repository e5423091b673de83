//! Owns: SponsorBlock, where people mark parts of videos: asking it what is marked in a track of YouTube. Tested against small
//! answers in the shape that its documentation has; there are no recordings of it.
//! Never knows: what is done about marks.
//!
//! Only the first letters of a hash of the video's id are sent: the answer holds all videos that share them, and the site does not
//! learn which one is played.

use super::site::{
    Site,
    cache::{Cache, Limits},
    check::{self, Wrong},
    json::Pick,
};
use crate::{
    error::Failure,
    net::{address::Address, call::Call},
    track::{
        Track,
        marks::{Chapter, Marks, Segment},
    },
    units::Millis,
};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{fmt::Write, sync::Arc, time::Duration};
use url::Url;

/// The only source whose tracks the site knows.
const YOUTUBE: &str = "youtube";
/// Letters of the hash that are sent: its documentation allows 4 to 32, and with 4 about a hundred videos share them.
const PREFIX_LEN: usize = 4;
/// Marks of one track that are looked at.
const MAX_MARKS: usize = 500;
/// Characters of a chapter's name.
const MAX_NAME: usize = 200;
/// The latest place in a track, in seconds: a week.
const MAX_SECONDS: f64 = 604_800.0;
/// People go on marking.
const KEPT: Limits = Limits {
    keep: Duration::from_secs(600),
    keep_failure: Duration::from_secs(10),
    entries: 256,
};

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Where its API begins.
    pub api: String,
}

impl Facts {
    /// What fits, but cannot work.
    ///
    /// # Errors
    /// When there is such a value.
    pub fn check(&self) -> Result<(), Wrong> {
        check::addresses([("api", &self.api)])
    }
}

/// Asks SponsorBlock.
pub struct SponsorBlock {
    site: Site,
    /// By video and categories.
    found: Cache<(String, Vec<String>), Arc<Marks>>,
}

impl SponsorBlock {
    /// Asks through `site`.
    #[must_use]
    pub fn new(site: Site) -> Self {
        Self {
            site,
            found: Cache::new(KEPT),
        }
    }

    /// What is marked in a track: segments of these categories, and chapters. Nothing in tracks of other sources.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn marks(&self, track: &Track, categories: &[String]) -> Result<Marks, Failure> {
        let video = &track.info.identifier;
        if track.info.source_name != YOUTUBE || !is_video(video) {
            return Ok(Marks::default());
        }
        let key = (video.clone(), categories.to_vec());
        let found = self.found.get(&key, self.find(video, categories)).await?;
        Ok((*found).clone())
    }

    async fn find(&self, video: &str, categories: &[String]) -> Result<Arc<Marks>, Failure> {
        let wrong = || Failure::fault("The address of SponsorBlock is none.");
        let api = &self.site.data().sponsorblock.api;
        let mut url = Url::parse(&format!("{api}/skipSegments/{}", prefix(video)))
            .map_err(|error| wrong().because(error))?;
        let mut wanted: Vec<&str> = categories.iter().map(String::as_str).collect();
        wanted.push("chapter");
        url.query_pairs_mut()
            .append_pair("categories", &Value::from(wanted).to_string())
            .append_pair("actionTypes", r#"["skip","chapter"]"#);
        let call = Call::get(Address::parse(url.as_str()).ok_or_else(wrong)?);
        // 404: nothing is marked in any of these videos
        let Some(answer) = self.site.accept(self.site.ask(call).await?)? else {
            return Ok(Arc::default());
        };
        let videos = self.site.json(&answer)?;
        Ok(Arc::new(read(&videos, video, categories)))
    }
}

/// Whether it may be the id of a video: what clients send may be anything.
fn is_video(id: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    id.len() == 11 && id.bytes().all(is_letter)
}

/// The first letters of the id's SHA-256.
fn prefix(video: &str) -> String {
    let mut text = String::new();
    for byte in &Sha256::digest(video)[..PREFIX_LEN / 2] {
        write!(text, "{byte:02x}").expect("strings take everything");
    }
    text
}

/// What an answer says of one video.
fn read(videos: &Value, video: &str, categories: &[String]) -> Marks {
    let videos = videos.as_array().map_or(&[][..], Vec::as_slice);
    let own = videos.iter().find(|it| it.text("videoID") == Some(video));
    let marks = own.map_or(&[][..], |it| it.list("segments"));
    let mut found = Marks::default();
    for mark in marks.iter().take(MAX_MARKS) {
        let (Some(start), Some(end)) = (place(mark, "segment.0"), place(mark, "segment.1")) else {
            continue;
        };
        let category = mark.text("category").unwrap_or_default();
        match mark.text("actionType").unwrap_or("skip") {
            "chapter" if start <= end => found.chapters.push(Chapter {
                name: mark
                    .text("description")
                    .unwrap_or_default()
                    .chars()
                    .take(MAX_NAME)
                    .collect(),
                start,
                end,
            }),
            "skip" if start < end && categories.iter().any(|it| it == category) => {
                found.segments.push(Segment {
                    category: category.to_owned(),
                    start,
                    end,
                });
            }
            // the whole video, a point in it, muting
            _ => {}
        }
    }
    found.segments.sort_by_key(|it| (it.start, it.end));
    found.chapters.sort_by_key(|it| (it.start, it.end));
    found
}

fn place(mark: &Value, path: &str) -> Option<Millis> {
    let seconds = mark.pick(path)?.as_f64()?;
    let is_sound = (0.0..=MAX_SECONDS).contains(&seconds);
    is_sound.then_some(Millis((seconds * 1000.0) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::site::testing::{World, json, status};
    use serde_json::json;

    const VIDEO: &str = "dQw4w9WgXcQ";

    fn sponsor() -> Vec<String> {
        vec!["sponsor".into(), "intro".into()]
    }

    fn segment(start: i64, end: i64, category: &str) -> Segment {
        Segment {
            category: category.into(),
            start: Millis(start),
            end: Millis(end),
        }
    }

    async fn marks(world: &World, track: &Track) -> Marks {
        world
            .registry
            .marks(track, &sponsor())
            .await
            .expect("an answer")
    }

    #[tokio::test]
    async fn only_a_part_of_the_hash_is_sent_and_the_own_video_is_picked() {
        let world = World::new(|asked| {
            // `printf dQw4w9WgXcQ | sha256sum` begins with 5f6b
            assert_eq!(
                asked.path,
                "http://sponsor.ajay.app/api/skipSegments/5f6b?categories=%5B%22sponsor%22%2C%22intro%22%2C%22chapter%22%5D\
                 &actionTypes=%5B%22skip%22%2C%22chapter%22%5D"
            );
            json(&json!([
                {"videoID": "aaaaaaaaaaa", "segments": [{"segment": [1, 2], "category": "sponsor", "actionType": "skip"}]},
                {"videoID": VIDEO, "hash": "x", "segments": [
                    {"segment": [100.5, 130.25], "category": "sponsor", "actionType": "skip", "UUID": "u", "votes": 3},
                    {"segment": [0, 5], "category": "intro", "actionType": "skip"},
                    {"segment": [20, 30], "category": "outro", "actionType": "skip"},
                    {"segment": [50, 60], "category": "sponsor", "actionType": "mute"},
                    {"segment": [9, 9], "category": "sponsor", "actionType": "skip"},
                    {"segment": [-1, 9], "category": "sponsor", "actionType": "skip"},
                    {"segment": ["a"], "category": "sponsor"},
                    {"segment": [0, 60.5], "category": "chapter", "actionType": "chapter", "description": "Prelude"},
                ]},
            ]))
        })
        .await;
        let track = Track::sample(VIDEO, "youtube");
        let found = marks(&world, &track).await;
        assert_eq!(
            found.segments,
            [
                segment(0, 5000, "intro"),
                segment(100_500, 130_250, "sponsor")
            ]
        );
        let chapter = Chapter {
            name: "Prelude".into(),
            start: Millis(0),
            end: Millis(60_500),
        };
        assert_eq!(found.chapters, [chapter]);
        marks(&world, &track).await;
        assert_eq!(world.count("/skipSegments/"), 1);
    }

    #[tokio::test]
    async fn a_video_without_marks_has_none_and_other_tracks_are_not_asked_for() {
        let world = World::new(|_| status(404)).await;
        assert_eq!(
            marks(&world, &Track::sample(VIDEO, "youtube")).await,
            Marks::default()
        );
        assert_eq!(world.count(""), 1);
        for (identifier, source) in [
            (VIDEO, "soundcloud"),
            ("../../etc", "youtube"),
            ("", "youtube"),
        ] {
            assert_eq!(
                marks(&world, &Track::sample(identifier, source)).await,
                Marks::default()
            );
        }
        assert_eq!(world.count(""), 1);
    }

    #[tokio::test]
    async fn an_error_of_the_site_is_told() {
        let world = World::new(|_| status(403)).await;
        let track = Track::sample(VIDEO, "youtube");
        let failure = world
            .registry
            .marks(&track, &sponsor())
            .await
            .expect_err("refused");
        assert!(
            failure.message.starts_with("SponsorBlock refuses"),
            "{failure}"
        );
    }
}
