//! Owns: LRCLIB, a collection of lyrics: asking it for the words of a track. Tested against small answers in the shape that its
//! documentation has (`/api/search`); there are no recordings of it.
//! Never knows: sources of tracks, and who wants the words.

mod choose;
mod lrc;

use super::site::{
    Site,
    cache::{Cache, Limits},
    check::{self, Wrong},
    json::Pick,
};
use crate::{
    error::Failure,
    net::{address::Address, call::Call},
    track::{Track, TrackInfo, lyrics::Lyrics},
};
use choose::Question;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use url::Url;

/// Name of this source in the configuration.
pub const NAME: &str = "lrcLib";
/// Its name in answers, where LavaSrc has the same.
const SHOWN_AS: &str = "LRCLIB";
/// Words do not change; a song without them may get some.
const KEPT: Limits = Limits {
    keep: Duration::from_secs(3600),
    keep_failure: Duration::from_secs(10),
    entries: 256,
};
/// The longest text without times, in characters: more is no song.
const MAX_TEXT: usize = 64 * 1024;
/// How a program says which one it is; the site's documentation asks for it.
const CLIENT: HeaderName = HeaderName::from_static("lrclib-client");
const CLIENT_NAME: HeaderValue =
    HeaderValue::from_static(concat!("lavalink-rust/", env!("CARGO_PKG_VERSION")));

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

/// What decides on the words: title, author, length.
type Key = (String, String, i64);

/// Asks LRCLIB.
pub struct LrcLib {
    site: Site,
    found: Cache<Key, Option<Arc<Lyrics>>>,
}

impl LrcLib {
    /// Asks through `site`.
    #[must_use]
    pub fn new(site: Site) -> Self {
        Self {
            site,
            found: Cache::new(KEPT),
        }
    }

    /// The words of a track, of any source.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn lyrics(&self, track: &Track) -> Result<Option<Lyrics>, Failure> {
        let info = &track.info;
        let key = (info.title.clone(), info.author.clone(), info.length);
        let found = self.found.get(&key, self.find(info)).await?;
        Ok(found.map(|lyrics| (*lyrics).clone()))
    }

    async fn find(&self, info: &TrackInfo) -> Result<Option<Arc<Lyrics>>, Failure> {
        for question in choose::questions(info) {
            let hits = self.search(&question).await?;
            if let Some(lyrics) = choose::best(&hits, &question, info).map(read) {
                return Ok(Some(Arc::new(lyrics)));
            }
        }
        Ok(None)
    }

    async fn search(&self, question: &Question) -> Result<Value, Failure> {
        let wrong = || Failure::fault("The address of LRCLIB is none.");
        let api = &self.site.data().lrclib.api;
        let mut url =
            Url::parse(&format!("{api}/search")).map_err(|error| wrong().because(error))?;
        url.query_pairs_mut()
            .append_pair("track_name", &question.title);
        if !question.artist.is_empty() {
            url.query_pairs_mut()
                .append_pair("artist_name", &question.artist);
        }
        let address = Address::parse(url.as_str()).ok_or_else(wrong)?;
        let call = Call::get(address).with(CLIENT, CLIENT_NAME);
        match self.site.accept(self.site.ask(call).await?)? {
            Some(answer) => self.site.json(&answer),
            None => Ok(Value::Null),
        }
    }
}

fn read(hit: &Value) -> Lyrics {
    let text = hit.text("plainLyrics");
    let text = text.map(|text| text.chars().take(MAX_TEXT).collect());
    Lyrics {
        source: SHOWN_AS.to_owned(),
        provider: SHOWN_AS.to_owned(),
        text,
        lines: hit.text("syncedLyrics").map(lrc::read).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        error::Severity,
        source::{
            Settings,
            site::testing::{World, json, status, told},
        },
        track::{Track, lyrics::Lyrics},
        units::Millis,
    };
    use serde_json::json;

    const SEARCH: &str =
        "http://lrclib.net/api/search?track_name=Never+Gonna+Give+You+Up&artist_name=Rick+Astley";

    fn song() -> Track {
        let mut track = Track::sample("x", "http");
        track.info.title = "Never Gonna Give You Up".into();
        track.info.author = "Rick Astley".into();
        track.info.length = 213_000;
        track
    }

    async fn world(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> World {
        let on = |settings| Settings {
            lrclib: true,
            ..settings
        };
        World::with(move |asked| answer(&asked.path), on).await
    }

    async fn lyrics(world: &World, track: &Track) -> Option<Lyrics> {
        world
            .registry
            .lyrics(track, false)
            .await
            .expect("an answer")
    }

    #[tokio::test]
    async fn words_with_times_are_found_by_name_and_length_and_asked_for_once() {
        let world = world(|path| {
            assert_eq!(path, SEARCH);
            json(&json!([
                {"id": 1, "name": "x", "trackName": "Never Gonna Give You Up", "artistName": "Rick Astley", "albumName": "a",
                 "duration": 250.0, "instrumental": false, "plainLyrics": "long", "syncedLyrics": "[00:01.00]long"},
                {"id": 2, "name": "x", "trackName": "Never Gonna Give You Up", "artistName": "Rick Astley", "albumName": "a",
                 "duration": 213.0, "instrumental": false, "plainLyrics": "We're no\nstrangers",
                 "syncedLyrics": "[00:18.60] We're no\n[00:20.10] strangers"},
            ]))
        })
        .await;
        for _ in 0..2 {
            let lyrics = lyrics(&world, &song()).await.expect("words");
            assert_eq!((&*lyrics.source, &*lyrics.provider), ("LRCLIB", "LRCLIB"));
            assert_eq!(lyrics.text.as_deref(), Some("We're no\nstrangers"));
            let lines: Vec<_> = lyrics.lines.iter().map(|it| (it.at, &*it.text)).collect();
            assert_eq!(
                lines,
                [(Millis(18_600), "We're no"), (Millis(20_100), "strangers")]
            );
        }
        assert_eq!(world.count("/search"), 1);
        let client = world.server.seen()[0]
            .header("lrclib-client")
            .map(str::to_owned);
        assert!(client.is_some_and(|client| client.starts_with("lavalink-rust/")));
    }

    #[tokio::test]
    async fn a_song_that_is_not_there_has_no_words() {
        let empty = world(|_| json(&json!([]))).await;
        assert_eq!(lyrics(&empty, &song()).await, None);
        let gone = world(|_| status(404)).await;
        assert_eq!(lyrics(&gone, &song()).await, None);
    }

    #[tokio::test]
    async fn a_site_that_refuses_is_told() {
        let world = world(|_| status(403)).await;
        let failure = world
            .registry
            .lyrics(&song(), true)
            .await
            .expect_err("refused");
        let (message, severity) = told(failure);
        assert!(message.starts_with("LRCLIB refuses"), "{message}");
        assert_eq!(severity, Severity::Suspicious);
    }

    #[tokio::test]
    async fn it_is_not_asked_unless_it_is_switched_on() {
        let world = World::new(|asked| panic!("{}", asked.path)).await;
        assert_eq!(lyrics(&world, &song()).await, None);
    }
}
