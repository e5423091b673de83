//! Owns: the `ytdlp` source: what no other source knows is asked of the program yt-dlp, when it is there.
//! Never knows: how a program is run, or how any site works.
//!
//! The program is asked for what a page holds, and where its sound is; the bytes are fetched as those of all other sources.

mod answer;
mod process;
mod refusal;

use super::{
    Outcome, Reference, Source, Supply,
    probe::{self, Found},
    site::{
        Site,
        cache::{Cache, Limits as CacheLimits},
        is_below, json,
    },
};
use crate::{
    error::Failure,
    media::{
        demux::probe::Hint,
        located::{self, Locate, Located, Sought},
    },
    net::{Clients, address::Address, patience},
    track::{LoadResult, Playlist, Track},
};
use answer::{Answer, Form, Video};
use futures_util::{FutureExt, future::BoxFuture};
use process::{RunError, Runner};
use refusal::{Meaning, Refusal};
use serde::Deserialize;
use std::{
    ffi::OsString,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{runtime::Handle, time::Instant};

/// The name of this source.
const NAME: &str = "ytdlp";
/// Makes an identifier one for this source, whoever else may know it.
const PREFIX: &str = "ytdlp:";
/// A search on YouTube.
const SEARCH: &str = "ytsearch:";
/// What was answered lately, and where its sound is.
const ANSWERS: CacheLimits = CacheLimits {
    keep: Duration::from_secs(600),
    keep_failure: Duration::from_secs(5),
    entries: 64,
};
/// How long it is remembered that there is nothing.
const KEEP_NOTHING: Duration = Duration::from_secs(30);
/// How long a file may take to tell its length, which the site has not told.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest wait of the program for a site's next bytes, in seconds.
const SOCKET_TIMEOUT: &str = "10";

/// What is known of the program and of sites: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Hosts of YouTube, and all below them.
    pub youtube_hosts: Vec<String>,
    /// Beginnings of names of codecs, the best first.
    pub codecs: Vec<String>,
    /// Of formats with pictures, those that are higher than this are avoided, in pixels.
    pub max_height: i64,
    /// What its complaints mean, in order of precedence.
    pub refusals: Vec<Meaning>,
}

/// What the configuration says of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether it is on; `None`: when the program is found.
    pub enabled: Option<bool>,
    /// Whether it stands in for YouTube, when that source is off or fails (`plugins.lavasrc.sources.ytdlp`).
    pub youtube: bool,
    /// The program: a name to be looked for in `PATH`, or a path (`plugins.lavasrc.ytdlp.path`).
    pub path: PathBuf,
    /// Programs at a time.
    pub processes: usize,
    /// Questions that wait for a place at a time.
    pub queue: usize,
    /// How long one program may take.
    pub timeout: Duration,
    /// Writable memory of each process, in bytes; 0: no limit.
    pub memory_bytes: u64,
    /// The only hosts that are asked for, and all below them; any, when there are none.
    pub sites: Vec<String>,
    /// Hosts that are never asked for, and all below them.
    pub denied_sites: Vec<String>,
    /// Further arguments of the program.
    pub arguments: Vec<String>,
    /// Those of look-ups (`customLoadArgs`).
    pub load_arguments: Vec<String>,
    /// Those for finding the sound of a track again (`customPlaybackArgs`).
    pub playback_arguments: Vec<String>,
    /// Hits of a search.
    pub search_limit: usize,
    /// Tracks of a mix of YouTube, which has no end.
    pub mix_limit: usize,
    /// Tracks of any other list.
    pub playlist_limit: usize,
}

impl Settings {
    /// Never asked.
    #[must_use]
    pub fn off() -> Self {
        Self {
            enabled: Some(false),
            ..Self::default()
        }
    }
}

impl Default for Settings {
    /// LavaSrc's defaults (reference, 5.4), and our own. Python and a site's JavaScript take 150 MB; a look-up takes 2 to
    /// 10 s.
    fn default() -> Self {
        Self {
            enabled: None,
            youtube: false,
            path: PathBuf::from("yt-dlp"),
            processes: 2,
            queue: 16,
            timeout: Duration::from_secs(30),
            memory_bytes: 512 * 1024 * 1024,
            sites: Vec::new(),
            denied_sites: Vec::new(),
            arguments: Vec::new(),
            load_arguments: Vec::new(),
            playback_arguments: Vec::new(),
            search_limit: 10,
            mix_limit: 25,
            playlist_limit: 1000,
        }
    }
}

/// What the source is built on.
pub struct Ground {
    /// What is known of sites.
    pub site: Site,
    /// How the bytes of tracks are fetched, and what the program is held to.
    pub clients: Clients,
    /// Where fetch tasks live.
    pub runtime: Handle,
    /// How much of a playlist file is read, in bytes.
    pub playlist_bytes: usize,
    /// Whether any URL may be asked for (`sources.http`); otherwise only those of [`sites`](Settings::sites).
    pub any_host: bool,
}

/// Asks yt-dlp.
pub struct YtDlp {
    shared: Arc<Shared>,
}

/// What fetch tasks need, too.
struct Shared {
    ground: Ground,
    settings: Settings,
    runner: Runner,
    answers: Cache<Question, Arc<Known>>,
}

/// What the program is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    /// A URL, or a search in its own words.
    what: String,
    /// Whether it is asked with the arguments for playing, where those differ.
    is_playback: bool,
}

/// What is known of a question.
struct Known {
    outcome: Result<Answer, Refusal>,
    since: Instant,
}

impl Known {
    fn holds(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.since);
        match &self.outcome {
            Ok(Answer::Video(video)) => video
                .forms
                .iter()
                .filter_map(|form| form.lifetime)
                .all(|lifetime| age < lifetime),
            Ok(_) | Err(_) => age < KEEP_NOTHING,
        }
    }
}

/// A track that is to be played.
struct Wanted {
    page: String,
    /// The format that was found first: the next link must lead to the same bytes.
    form: OnceLock<String>,
}

impl YtDlp {
    /// The source, if it is on and its program is there. Blocks shortly.
    #[must_use]
    pub fn find(settings: Settings, ground: Ground) -> Option<Self> {
        if settings.enabled == Some(false) {
            return None;
        }
        let Some(program) = process::find(&settings.path) else {
            if settings.enabled == Some(true) || settings.youtube {
                let path = settings.path.display();
                tracing::warn!(%path, "yt-dlp is switched on, but not found");
            }
            return None;
        };
        tracing::info!(program = %program.display(), "yt-dlp is asked for what no other source knows");
        let limits = process::Limits {
            processes: settings.processes,
            queue: settings.queue,
            timeout: settings.timeout,
            memory_bytes: settings.memory_bytes,
        };
        let shared = Shared {
            runner: Runner::new(program, limits, ground.clients.clone()),
            ground,
            settings,
            answers: Cache::new(ANSWERS),
        };
        Some(Self {
            shared: Arc::new(shared),
        })
    }

    fn locate(&self, page: String) -> Locate {
        let shared = self.shared.clone();
        let wanted = Arc::new(Wanted {
            page,
            form: OnceLock::new(),
        });
        Box::new(move |sought: Sought| {
            let (shared, wanted) = (shared.clone(), wanted.clone());
            async move { shared.locate(&wanted, sought.is_again()).await }.boxed()
        })
    }
}

impl Source for YtDlp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        let shared = &self.shared;
        let identifier = &*reference.identifier;
        async move {
            if let Some(url) = identifier.strip_prefix(PREFIX) {
                return shared.forced(url).await;
            }
            if let Some(words) = identifier.strip_prefix(SEARCH) {
                return shared.search(words).await;
            }
            match Address::parse(identifier) {
                Some(address) if shared.is_named(&address) => shared.page(&address).await,
                _ => Ok(Outcome::NotMine),
            }
        }
        .boxed()
    }

    fn last_resort<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, Result<Outcome, Failure>> {
        async move {
            let shared = &self.shared;
            match shared.may_ask(address) && !shared.is_youtube(address) {
                true => shared.page(address).await,
                false => Ok(Outcome::NotMine),
            }
        }
        .boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let page = Address::parse(&track.info.identifier);
        let page = page.ok_or_else(|| Failure::common("The track is none of yt-dlp's."))?;
        if !self.shared.may_ask(&page) {
            return Err(not_asked());
        }
        Ok(Supply::Located {
            locate: self.locate(page.to_identifier()),
            hint: Hint::default(),
        })
    }

    fn stand_in(&self, track: &Track) -> Option<Locate> {
        let shared = &self.shared;
        if !shared.settings.youtube || track.info.source_name != "youtube" {
            return None;
        }
        let id = &track.info.identifier;
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_sane = id.len() <= 64 && id.bytes().all(is_id);
        is_sane.then(|| self.locate(format!("https://www.youtube.com/watch?v={id}")))
    }
}

impl Shared {
    fn facts<T>(&self, pick: impl FnOnce(&Facts) -> T) -> T {
        pick(&self.ground.site.data().ytdlp)
    }

    fn is_youtube(&self, address: &Address) -> bool {
        self.facts(|facts| is_below(address.url(), &facts.youtube_hosts))
    }

    /// Whether the program may be asked for an address at all.
    fn may_ask(&self, address: &Address) -> bool {
        let settings = &self.settings;
        let is_allowed = match settings.sites.is_empty() {
            true => self.ground.any_host || (settings.youtube && self.is_youtube(address)),
            false => is_below(address.url(), &settings.sites),
        };
        is_allowed && !is_below(address.url(), &settings.denied_sites)
    }

    /// Whether the configuration wants it to be asked for an address without anybody else having looked at it.
    fn is_named(&self, address: &Address) -> bool {
        let settings = &self.settings;
        let is_named = is_below(address.url(), &settings.sites)
            || (settings.youtube && self.is_youtube(address));
        is_named && self.may_ask(address)
    }

    async fn forced(&self, url: &str) -> Result<Outcome, Failure> {
        let address = Address::parse(url).ok_or_else(|| Failure::common("Not a valid URL."))?;
        if !self.may_ask(&address) {
            return Err(not_asked());
        }
        let known = self.ask(&self.look_up(&address.to_identifier())).await?;
        match &known.outcome {
            Err(Refusal::Unsupported) => Ok(Outcome::Found(LoadResult::Empty)),
            outcome => self.outcome(outcome).await,
        }
    }

    /// Like any other source: what the program does not know, somebody else may.
    async fn page(&self, address: &Address) -> Result<Outcome, Failure> {
        let known = self.ask(&self.look_up(&address.to_identifier())).await?;
        match &known.outcome {
            Err(Refusal::Unsupported) => Ok(Outcome::NotMine),
            Ok(Answer::Video(video)) if video.is_direct => Ok(Outcome::NotMine),
            outcome => self.outcome(outcome).await,
        }
    }

    async fn search(&self, words: &str) -> Result<Outcome, Failure> {
        if !self.settings.youtube {
            return Ok(Outcome::NotMine);
        }
        if words.trim().is_empty() {
            return Ok(Outcome::Found(LoadResult::Empty));
        }
        let search = format!("ytsearch{}:{words}", self.settings.search_limit);
        let known = self.ask(&self.look_up(&search)).await?;
        self.outcome(&known.outcome).await
    }

    async fn outcome(&self, outcome: &Result<Answer, Refusal>) -> Result<Outcome, Failure> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(Refusal::Missing) => return Ok(Outcome::Found(LoadResult::Empty)),
            Err(refusal) => return Err(refusal.into_failure()),
        };
        Ok(match answer {
            Answer::Elsewhere(identifier) => Outcome::Reference(Reference::new(identifier)),
            Answer::Nothing => Outcome::Found(LoadResult::Empty),
            Answer::Hits(tracks) => Outcome::Found(LoadResult::Search(tracks.clone())),
            Answer::List { name, tracks } => Outcome::Found(LoadResult::Playlist(Playlist {
                name: name.clone(),
                selected: None,
                plugin_info: serde_json::Map::new(),
                tracks: tracks.clone(),
            })),
            Answer::Video(video) => {
                let form = best(video)?;
                let mut track = video.track.clone();
                if track.info.is_stream && !form.is_hls && !video.is_live {
                    self.measure(&mut track, form).await;
                }
                Outcome::Found(LoadResult::Track(Box::new(track)))
            }
        })
    }

    /// Looks into the file for a length that the site has not told. Without one it stays a stream.
    async fn measure(&self, track: &mut Track, form: &Form) {
        let ground = &self.ground;
        let link = form.link.clone();
        let locate = move |_| {
            let link = link.clone();
            async move { Ok(Located::File(link)) }.boxed()
        };
        let window = located::fetch(&ground.clients, Box::new(locate), &ground.runtime);
        let probing = probe::probe(window, Hint::default(), ground.playlist_bytes);
        if let Ok(Ok(Found::Stream(stream))) = tokio::time::timeout(PROBE_TIMEOUT, probing).await
            && let Some(length) = stream.length
        {
            track.info.length = length;
            track.info.is_stream = false;
            track.info.is_seekable = true;
        }
    }

    async fn locate(&self, wanted: &Wanted, is_again: bool) -> Result<Located, Failure> {
        let question = Question {
            what: wanted.page.clone(),
            is_playback: !self.settings.playback_arguments.is_empty(),
        };
        if is_again {
            self.answers.forget(&question, Duration::ZERO);
        }
        let known = self.ask(&question).await?;
        let video = match &known.outcome {
            Ok(Answer::Video(video)) => video,
            Ok(_) => return Err(Refusal::Missing.into_failure()),
            Err(refusal) => return Err(refusal.into_failure()),
        };
        let form = match wanted.form.get() {
            Some(id) => video.forms.iter().find(|form| form.id == *id),
            None => video.forms.first(),
        };
        let form = form.ok_or_else(no_form)?;
        wanted.form.get_or_init(|| form.id.clone());
        let link = form.link.clone();
        Ok(match form.is_hls {
            true => Located::Hls(link),
            false => Located::File(link),
        })
    }

    fn look_up(&self, what: &str) -> Question {
        Question {
            what: what.to_owned(),
            is_playback: false,
        }
    }

    /// A program takes longer than a site, and begins when a site has been asked in vain: it has a limit of its own.
    async fn ask(&self, question: &Question) -> Result<Arc<Known>, Failure> {
        patience::slow(self.settings.timeout, self.ask_now(question)).await
    }

    async fn ask_now(&self, question: &Question) -> Result<Arc<Known>, Failure> {
        let mut known = self.answers.get(question, self.find_out(question)).await?;
        if !known.holds(Instant::now()) && self.answers.forget(question, KEEP_NOTHING) {
            known = self.answers.get(question, self.find_out(question)).await?;
        }
        if let Ok(Answer::List { .. } | Answer::Hits(_)) = known.outcome {
            // long, and not needed for playing
            self.answers.forget(question, Duration::ZERO);
        }
        Ok(known)
    }

    async fn find_out(&self, question: &Question) -> Result<Arc<Known>, Failure> {
        let started = Instant::now();
        let arguments = self.arguments(question);
        let said = self.runner.run(&arguments).await.map_err(into_failure)?;
        let value = json::read(&said.answer).ok().filter(|it| !it.is_null());
        let outcome = match value {
            Some(value) => {
                let read = self.facts(|facts| answer::read(&value, facts));
                Ok(read.map_err(|error| self.ground.site.changed(error))?)
            }
            None => {
                let refusal = self.facts(|facts| Refusal::read(&said.complaints, &facts.refusals));
                let said = refusal::shown(&said.complaints);
                tracing::debug!(?refusal, said, "yt-dlp refuses");
                Err(refusal)
            }
        };
        let since = Instant::now();
        tracing::debug!(ms = (since - started).as_millis(), "yt-dlp has answered");
        Ok(Arc::new(Known { outcome, since }))
    }

    /// Without a shell; what comes from a client stands last, behind the mark that ends all options.
    fn arguments(&self, question: &Question) -> Vec<OsString> {
        let settings = &self.settings;
        let is_mix = question.what.contains("list=RD");
        let most = match is_mix {
            true => settings.mix_limit,
            false => settings.playlist_limit,
        };
        let items = format!("1:{most}");
        // its own configuration may do anything, such as run programs for what is loaded
        let fixed = [
            "--ignore-config",
            "--no-warnings",
            "--no-progress",
            "--color",
            "never",
            "--dump-single-json",
            "--flat-playlist",
            "--socket-timeout",
            SOCKET_TIMEOUT,
            "--playlist-items",
            &items,
        ];
        let own = match question.is_playback {
            true => &settings.playback_arguments,
            false => &settings.load_arguments,
        };
        fixed
            .into_iter()
            .chain(settings.arguments.iter().map(String::as_str))
            .chain(own.iter().map(String::as_str))
            .chain(["--", &question.what])
            .map(OsString::from)
            .collect()
    }
}

fn best(video: &Video) -> Result<&Form, Failure> {
    video.forms.first().ok_or_else(no_form)
}

fn no_form() -> Failure {
    Failure::common("The site has this in no form that can be played.")
}

fn not_asked() -> Failure {
    Failure::common("yt-dlp is not asked for this site here (ytdlp.sites, ytdlp.deniedSites).")
}

fn into_failure(error: RunError) -> Failure {
    match error {
        RunError::Busy => {
            Failure::suspicious("Too much is being looked up with yt-dlp. Try again later.")
        }
        RunError::Timeout(_) => Failure::suspicious("yt-dlp took too long."),
        RunError::TooLong => Failure::common("yt-dlp has more to say of this than is read."),
        RunError::Start(_) => Failure::fault("yt-dlp cannot be started."),
        RunError::Read(_) => Failure::fault("yt-dlp cannot be understood."),
    }
    .because(error)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
