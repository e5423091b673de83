//! Owns: what is known of sites and changes more often than this program: hosts, patterns, formats. `sites.json` holds what
//! was known when it was built; a file of the operator's may replace any part of it, and is read again when it changes.
//! Never knows: what a source does with it.

use super::check::{self, Wrong};
use crate::source::{
    applemusic, bandcamp, deezer, lrclib, nico, soundcloud, sponsorblock, spotify, tidal, twitch,
    vimeo, yandexmusic, youtube, ytdlp,
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{runtime::Handle, sync::watch};

/// What was known at the time of the build.
const BUILT_IN: &str = include_str!("../sites.json");
/// The longest file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is known of all sites.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SiteData {
    /// As which program requests present themselves. Sites turn away what they do not know.
    pub user_agent: String,
    /// YouTube.
    pub youtube: youtube::Facts,
    /// SoundCloud.
    pub soundcloud: soundcloud::Facts,
    /// Bandcamp.
    pub bandcamp: bandcamp::Facts,
    /// Twitch.
    pub twitch: twitch::Facts,
    /// Vimeo.
    pub vimeo: vimeo::Facts,
    /// Niconico.
    pub nico: nico::Facts,
    /// Spotify.
    pub spotify: spotify::Facts,
    /// Apple Music.
    pub applemusic: applemusic::Facts,
    /// Deezer.
    pub deezer: deezer::Facts,
    /// Tidal.
    pub tidal: tidal::Facts,
    /// Yandex Music.
    pub yandexmusic: yandexmusic::Facts,
    /// yt-dlp.
    pub ytdlp: ytdlp::Facts,
    /// LRCLIB.
    pub lrclib: lrclib::Facts,
    /// SponsorBlock.
    pub sponsorblock: sponsorblock::Facts,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be read.
    #[error("the file cannot be read")]
    Read(#[from] io::Error),
    /// Longer than [`MAX_FILE`].
    #[error("the file is longer than {MAX_FILE} bytes")]
    TooLong,
    /// It is no JSON, has a key that nobody knows, or a value of another kind.
    #[error("the file does not fit: {0}")]
    Content(#[from] serde_json::Error),
    /// It is JSON, but not in names and values.
    #[error("the file does not fit: an object is wanted")]
    NoObject,
    /// It has a value of the right kind that cannot work.
    #[error("the file does not fit: {0}")]
    Value(#[from] Wrong),
}

impl SiteData {
    /// What is built in, with the parts of `text` in the place of its own: objects are merged, all else is replaced.
    ///
    /// # Errors
    /// When the text does not fit.
    pub fn with(text: &str) -> Result<Self, DataError> {
        let mut all: Value = serde_json::from_str(BUILT_IN)?;
        let own: Value = serde_json::from_str(text)?;
        if !own.is_object() {
            return Err(DataError::NoObject);
        }
        merge(&mut all, own);
        let data: Self = serde_json::from_value(all)?;
        data.check()?;
        Ok(data)
    }

    /// Values that fit, but with which a site could not be asked at all.
    fn check(&self) -> Result<(), Wrong> {
        check::header("userAgent", &self.user_agent)?;
        for (name, checked) in [
            ("youtube", self.youtube.check()),
            ("soundcloud", self.soundcloud.check()),
            ("bandcamp", self.bandcamp.check()),
            ("twitch", self.twitch.check()),
            ("vimeo", self.vimeo.check()),
            ("nico", self.nico.check()),
            ("spotify", spotify(&self.spotify)),
            ("applemusic", self.applemusic.check()),
            ("deezer", self.deezer.check()),
            ("tidal", self.tidal.check()),
            ("yandexmusic", self.yandexmusic.check()),
            ("ytdlp", ytdlp(&self.ytdlp)),
            ("lrclib", self.lrclib.check()),
            ("sponsorblock", self.sponsorblock.check()),
        ] {
            checked.map_err(|wrong| wrong.within(name))?;
        }
        Ok(())
    }

    /// What is built in.
    #[must_use]
    pub fn built_in() -> Self {
        Self::with("{}").expect("a test reads it")
    }
}

fn spotify(facts: &spotify::Facts) -> Result<(), Wrong> {
    check::addresses([
        ("api", &facts.api),
        ("client", &facts.client),
        ("accounts", &facts.accounts),
    ])?;
    check::numbers([
        ("playlistPage", facts.playlist_page),
        ("albumPage", facts.album_page),
        ("searchHits", facts.search_hits),
        ("recommendations", facts.recommendations),
    ])
}

fn ytdlp(facts: &ytdlp::Facts) -> Result<(), Wrong> {
    let marks = facts.refusals.iter().flat_map(|it| &it.marks);
    check::marks("refusals", marks)
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// Publishes what is known, from now on. A `file` is read at once, and in a task on `runtime` as long as anyone listens; one
/// that cannot be used is told in the log, and what was known before stays in force.
#[must_use]
pub fn publish(file: Option<PathBuf>, runtime: &Handle) -> watch::Receiver<Arc<SiteData>> {
    let (sender, receiver) = watch::channel(Arc::new(SiteData::built_in()));
    if let Some(path) = file {
        let mut watched = Watched { path, seen: None };
        if let Some(data) = watched.look() {
            sender.send_replace(Arc::new(data));
        }
        runtime.spawn(keep_looking(watched, sender));
    }
    receiver
}

async fn keep_looking(mut watched: Watched, sender: watch::Sender<Arc<SiteData>>) {
    loop {
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let looking = tokio::task::spawn_blocking(move || (watched.look(), watched));
        let Ok((data, back)) = looking.await else {
            return;
        };
        watched = back;
        if let Some(data) = data {
            tracing::info!(file = %watched.path.display(), "what is known of sites was read anew");
            sender.send_replace(Arc::new(data));
        }
    }
}

/// A file that may change.
struct Watched {
    path: PathBuf,
    /// Time of its last change, and its length; `None` while there is none.
    seen: Option<(SystemTime, u64)>,
}

impl Watched {
    /// What the file says, if it has changed since the last look and can be used. Blocks.
    fn look(&mut self) -> Option<SiteData> {
        let told = self
            .path
            .metadata()
            .and_then(|it| Ok((it.modified()?, it.len())));
        let is_first = self.seen.is_none();
        match told {
            Ok(now) if self.seen == Some(now) => return None,
            Ok(now) => self.seen = Some(now),
            // perhaps between the two halves of being replaced
            Err(_) if !is_first => return None,
            Err(_) => self.seen = Some((SystemTime::UNIX_EPOCH, 0)),
        }
        match self.read() {
            Ok(data) => Some(data),
            Err(error) => {
                let file = self.path.display();
                tracing::warn!(%file, %error, "the data of sites in this file are not used");
                None
            }
        }
    }

    fn read(&self) -> Result<SiteData, DataError> {
        let mut text = String::new();
        let file = File::open(&self.path)?;
        file.take(MAX_FILE + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_FILE {
            return Err(DataError::TooLong);
        }
        SiteData::with(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_built_in_fits() {
        let data: SiteData = serde_json::from_str(BUILT_IN).expect("it fits");
        assert_eq!(SiteData::built_in(), data);
    }

    #[test]
    fn a_file_replaces_what_it_names_and_nothing_else() {
        let text = r#"{"soundcloud": {"clientId": "abc", "scriptHosts": []}}"#;
        let mut wanted = SiteData::built_in();
        wanted.soundcloud.client_id = Some("abc".into());
        wanted.soundcloud.script_hosts = Vec::new();
        assert_eq!(SiteData::with(text).expect("it fits"), wanted);
    }

    #[test]
    fn mistakes_are_told() {
        for (text, mistake) in [
            (r#"{"soundcluod": {}}"#, "unknown field `soundcluod`"),
            (
                r#"{"soundcloud": {"pages": "many"}}"#,
                "invalid type: string",
            ),
            (r#"{"userAgent": null}"#, "invalid type: null"),
            ("{", "EOF while parsing"),
            ("[]", "an object is wanted"),
        ] {
            let error = SiteData::with(text).expect_err(mistake).to_string();
            assert!(error.contains(mistake), "{error}");
        }
    }

    #[test]
    fn values_that_fit_and_cannot_work_are_refused_by_their_names() {
        for (text, mistake) in [
            (r#"{"userAgent": "a\r\nX: y"}"#, "`userAgent` is no header"),
            (r#"{"userAgent": ""}"#, "`userAgent` is no header"),
            (
                r#"{"youtube": {"api": "not a url"}}"#,
                "`youtube.api` is no HTTP address",
            ),
            (
                r#"{"youtube": {"order": ["NOPE"]}}"#,
                "`youtube.order` names a client that is not in `clients`",
            ),
            (
                r#"{"youtube": {"clients": {"WEB": {"userAgent": "a\nb"}}}}"#,
                "`youtube.clients.WEB.userAgent` is no header",
            ),
            (
                r#"{"youtube": {"before": [], "order": [], "after": []}}"#,
                "`youtube.order` is empty",
            ),
            (r#"{"youtube": {"forms": []}}"#, "`youtube.forms` is empty"),
            (
                r#"{"youtube": {"refusals": [{"reason": "age", "texts": [""]}]}}"#,
                "`youtube.refusals` has an empty text",
            ),
            (
                r#"{"youtube": {"oauth": {"token": "ftp://a.example"}}}"#,
                "`youtube.oauth.token` is no HTTP address",
            ),
            (
                r#"{"soundcloud": {"api": ""}}"#,
                "`soundcloud.api` is no HTTP address",
            ),
            (
                r#"{"soundcloud": {"api": "https://a.example "}}"#,
                "`soundcloud.api` is no HTTP address",
            ),
            (r#"{"soundcloud": {"pages": 0}}"#, "`soundcloud.pages` is 0"),
            (
                r#"{"bandcamp": {"formats": []}}"#,
                "`bandcamp.formats` is empty",
            ),
            (
                r#"{"twitch": {"clientId": "\n"}}"#,
                "`twitch.clientId` is no header",
            ),
            (
                r#"{"vimeo": {"lockedMark": ""}}"#,
                "`vimeo.lockedMark` is empty",
            ),
            (
                r#"{"nico": {"headers": [["a b", "c"]]}}"#,
                "`nico.headers` is no header",
            ),
            (
                r#"{"spotify": {"client": "x"}}"#,
                "`spotify.client` is no HTTP address",
            ),
            (
                r#"{"applemusic": {"pageSize": 0}}"#,
                "`applemusic.pageSize` is 0",
            ),
            (r#"{"deezer": {"pageSize": 0}}"#, "`deezer.pageSize` is 0"),
            (
                r#"{"tidal": {"api": "/v1"}}"#,
                "`tidal.api` is no HTTP address",
            ),
            (
                r#"{"yandexmusic": {"client": "\u0000"}}"#,
                "`yandexmusic.client` is no header",
            ),
            (
                r#"{"ytdlp": {"refusals": [{"means": "age", "marks": [""]}]}}"#,
                "`ytdlp.refusals` has an empty text",
            ),
            (
                r#"{"lrclib": {"api": "x"}}"#,
                "`lrclib.api` is no HTTP address",
            ),
            (
                r#"{"sponsorblock": {"api": "x"}}"#,
                "`sponsorblock.api` is no HTTP address",
            ),
        ] {
            let error = SiteData::with(text).expect_err(mistake).to_string();
            assert!(error.contains(mistake), "{text}: {error}");
        }
    }

    /// A time of change that no other write of the test has.
    fn write(watched: &Watched, text: &str, second: u64) {
        fs::write(&watched.path, text).expect("written");
        let file = File::options().write(true).open(&watched.path);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        file.and_then(|file| file.set_modified(time)).expect("set");
    }

    #[test]
    fn a_file_is_read_when_it_has_changed_and_a_bad_one_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sites.json");
        let mut watched = Watched { path, seen: None };
        assert_eq!(watched.look(), None);
        let id = |data: Option<SiteData>| data.and_then(|data| data.soundcloud.client_id);
        write(&watched, r#"{"soundcloud": {"clientId": "a"}}"#, 1);
        assert_eq!(id(watched.look()).as_deref(), Some("a"));
        assert_eq!(watched.look(), None);
        write(&watched, r#"{"soundcloud": {"clientId": 5}}"#, 2);
        assert_eq!(watched.look(), None);
        write(&watched, r#"{"soundcloud": {"pages": 0}}"#, 4);
        assert_eq!(watched.look(), None);
        write(&watched, r#"{"soundcloud": {"clientId": "b"}}"#, 3);
        assert_eq!(id(watched.look()).as_deref(), Some("b"));
        fs::remove_file(&watched.path).expect("removed");
        assert_eq!(watched.look(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_hears_of_a_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sites.json");
        let mut data = publish(Some(path.clone()), &Handle::current());
        assert_eq!(data.borrow_and_update().soundcloud.client_id, None);
        fs::write(path, r#"{"soundcloud": {"clientId": "a"}}"#).expect("written");
        data.changed().await.expect("it goes on");
        assert_eq!(data.borrow().soundcloud.client_id.as_deref(), Some("a"));
    }
}
