//! Owns: the `soundcloud` source (reference, 8.3): what its links lead to, and which stream of a track is played.
//! Never knows: how requests are made.

mod api;
mod link;
mod search;
mod track;

use super::{
    Outcome, Reference, Source, Supply, findings,
    site::{
        Site,
        cache::{Cache, Limits},
        check::{self, Wrong},
        json::Pick,
    },
};
use crate::{
    error::Failure,
    media::{
        demux::probe::Hint,
        located::{Located, Sought},
    },
    track::{LoadResult, Track, TrackInfo},
};
use api::Api;
use futures_util::{FutureExt, future::BoxFuture};
use link::{Kind, Link, List};
use serde::Deserialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use track::{Format, NAME, Playable, Protocol, Refusal, Stream, Streams};
use url::Url;

/// Streams of tracks that were loaded lately and may be played soon. The site's word that a track may be heard is not meant
/// to be kept for long.
const STREAMS: Limits = Limits {
    keep: Duration::from_secs(300),
    keep_failure: Duration::from_secs(5),
    entries: 256,
};

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Its start page.
    pub site: String,
    /// Where its API begins.
    pub api: String,
    /// Its player for other sites.
    pub widget: String,
    /// Hosts that links of its API may lead to.
    pub api_hosts: Vec<String>,
    /// Hosts of sound, and all below them.
    pub media_hosts: Vec<String>,
    /// Hosts of scripts, and all below them.
    pub script_hosts: Vec<String>,
    /// Scripts of the start page that are looked at.
    pub scripts: usize,
    /// The client id; `null`: it is looked for in the start page and its scripts.
    pub client_id: Option<String>,
    /// What stands before the client id there.
    pub client_id_marks: Vec<String>,
    /// Streams that can be played, the best first.
    pub formats: Vec<Format>,
    /// Tracks that are asked for at once by their numbers.
    pub tracks_per_request: usize,
    /// Items of one page of a list.
    pub page_size: usize,
    /// Pages of a list that are read.
    pub pages: usize,
}

impl Facts {
    /// What fits, but cannot work.
    ///
    /// # Errors
    /// When there is such a value.
    pub fn check(&self) -> Result<(), Wrong> {
        check::addresses([
            ("site", &self.site),
            ("api", &self.api),
            ("widget", &self.widget),
        ])?;
        check::filled([
            ("apiHosts", self.api_hosts.len()),
            ("mediaHosts", self.media_hosts.len()),
            ("clientId", self.client_id.as_ref().map_or(1, String::len)),
            ("formats", self.formats.len()),
        ])?;
        check::marks("clientIdMarks", &self.client_id_marks)?;
        check::numbers([
            ("tracksPerRequest", self.tracks_per_request),
            ("pageSize", self.page_size),
            ("pages", self.pages),
        ])
    }
}

/// What the configuration says of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether it searches (`soundcloudSearchEnabled`).
    pub search: bool,
    /// Whether tracks of which only a preview is free are refused (`soundcloudFilterOutPreviewTracks`).
    pub filter_previews: bool,
}

impl Default for Settings {
    /// Lavalink's defaults (reference, 5.2).
    fn default() -> Self {
        Self {
            search: true,
            filter_previews: false,
        }
    }
}

/// Loads and opens tracks of SoundCloud.
pub struct SoundCloud {
    shared: Arc<Shared>,
}

/// What fetch tasks need, too.
struct Shared {
    api: Api,
    settings: Settings,
    streams: Cache<u64, Arc<Streams>>,
}

impl SoundCloud {
    /// Asks through `site`.
    #[must_use]
    pub fn new(site: Site, settings: Settings) -> Self {
        let shared = Shared {
            api: Api::new(site),
            settings,
            streams: Cache::new(STREAMS),
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl Source for SoundCloud {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        self.shared.look_up(&reference.identifier).boxed()
    }

    fn search<'a>(
        &'a self,
        query: &'a str,
        kinds: &'a [findings::Kind],
    ) -> BoxFuture<'a, Result<Option<findings::Findings>, Failure>> {
        self.shared.find(query, kinds).boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let wanted = Arc::new(Wanted::of(&track.info, &self.shared.api)?);
        let shared = self.shared.clone();
        let locate = move |sought: Sought| {
            let (shared, wanted) = (shared.clone(), wanted.clone());
            async move { shared.locate(&wanted, sought.is_again()).await }.boxed()
        };
        Ok(Supply::Located {
            locate: Box::new(locate),
            hint: Hint {
                mime: None,
                extension: Some("mp3".to_owned()),
            },
        })
    }
}

impl Shared {
    async fn look_up(&self, identifier: &str) -> Result<Outcome, Failure> {
        let Some(link) = Link::parse(identifier) else {
            return Ok(Outcome::NotMine);
        };
        let link = match link {
            Link::Short(short) => match self.api.lengthen(&short).await? {
                Some(link) => link,
                None => return Ok(Outcome::Found(LoadResult::Empty)),
            },
            link => link,
        };
        Ok(Outcome::Found(match link {
            Link::Search(_) if !self.settings.search => return Ok(Outcome::NotMine),
            Link::Search(search) if search.words.is_empty() => LoadResult::Empty,
            Link::Search(search) => {
                let found = self
                    .api
                    .search(Kind::Track, &search)
                    .await?
                    .unwrap_or_default();
                let found = found.list("collection").iter();
                let tracks: Vec<Track> = found.filter_map(|it| self.playable(it)).collect();
                match tracks.is_empty() {
                    true => LoadResult::Empty,
                    false => LoadResult::Search(tracks),
                }
            }
            Link::Page { url, list, start } => {
                let found = self.api.resolve(&url).await?;
                self.result(found, list, start).await?
            }
            Link::Thing {
                kind: Kind::User,
                id,
                list,
                ..
            } => {
                // the name is not needed for the list
                let user = self.api.thing(Kind::User, id, None).await?;
                self.list(id, user.as_ref(), list).await?
            }
            Link::Thing {
                kind,
                id,
                secret,
                list,
                start,
            } => {
                let found = self.api.thing(kind, id, secret.as_deref()).await?;
                self.result(found, list, start).await?
            }
            // `lengthen` gives none
            Link::Short(_) => LoadResult::Empty,
        }))
    }

    async fn result(
        &self,
        found: Option<Value>,
        list: List,
        start: i64,
    ) -> Result<LoadResult, Failure> {
        let Some(found) = found else {
            return Ok(LoadResult::Empty);
        };
        let changed = |error| self.api.site().changed(error);
        match found.needed_text("kind").map_err(changed)? {
            "track" => {
                let mut track = self
                    .track(&found)
                    .map_err(|why| why.into_failure(changed))?;
                if start < track.info.length {
                    track.info.position = start;
                }
                Ok(LoadResult::Track(Box::new(track)))
            }
            "playlist" | "system-playlist" => {
                let name = found.text("title").unwrap_or_default().to_owned();
                let read = |track: &Value| self.playable(track);
                let tracks = self.api.tracks_of(&found, read).await?;
                Ok(LoadResult::playlist(name, tracks))
            }
            "user" => {
                let id = found.needed_number("id").map_err(changed)?;
                self.list(id.unsigned_abs(), Some(&found), list).await
            }
            _ => Ok(LoadResult::Empty),
        }
    }

    async fn list(&self, id: u64, user: Option<&Value>, list: List) -> Result<LoadResult, Failure> {
        let mut name = user.and_then(|user| user.text("username").map(str::to_owned));
        let read = |track: &Value| {
            if name.is_none() && track.number("user.id") == i64::try_from(id).ok() {
                name = track.text("user.username").map(str::to_owned);
            }
            self.playable(track)
        };
        let Some(tracks) = self.api.list(id, list, read).await? else {
            return Ok(LoadResult::Empty);
        };
        let name = match (list, name) {
            (List::Tracks, Some(name)) => format!("Tracks by {name}"),
            (List::Likes, Some(name)) => format!("Liked by {name}"),
            (List::Reposts, Some(name)) => format!("Reposted by {name}"),
            (List::Tracks, None) => "Tracks".to_owned(),
            (List::Likes, None) => "Likes".to_owned(),
            (List::Reposts, None) => "Reposts".to_owned(),
        };
        if tracks.is_empty() {
            return Ok(LoadResult::Empty);
        }
        Ok(LoadResult::playlist(name, tracks))
    }

    /// A track of a list, if it can be played.
    fn playable(&self, value: &Value) -> Option<Track> {
        match self.track(value) {
            Ok(track) => Some(track),
            Err(why) => {
                tracing::debug!(id = value.number("id"), %why, "a track is left out of a list");
                None
            }
        }
    }

    /// Reads a track, and keeps its streams for when it is played.
    fn track(&self, value: &Value) -> Result<Track, Refusal> {
        let Playable { track, id, streams } = track::read(value, self.settings.filter_previews)?;
        self.streams.put(&id, Arc::new(streams));
        Ok(track)
    }

    /// Finds out where the sound of a track is. `is_again` when what was found before has been refused.
    async fn locate(&self, wanted: &Wanted, is_again: bool) -> Result<Located, Failure> {
        let streams = match wanted.id {
            Some(id) => {
                if is_again {
                    self.streams.forget(&id, Duration::ZERO);
                }
                self.streams.get(&id, self.find_streams(wanted)).await?
            }
            None => self.find_streams(wanted).await?,
        };
        let data = self.api.site().data();
        let mut forms = streams.by_preference(&data.soundcloud.formats).peekable();
        if forms.peek().is_none() {
            return Err(Failure::common(
                "SoundCloud has this track in no form that can be played.",
            ));
        }
        for stream in forms {
            let authorization = streams.authorization.as_ref();
            if let Some(address) = self.api.address(&stream.lookup, authorization).await? {
                return Ok(match stream.format.protocol {
                    Protocol::Progressive => Located::File(address.into()),
                    Protocol::Hls => Located::Hls(address.into()),
                });
            }
        }
        Err(gone())
    }

    async fn find_streams(&self, wanted: &Wanted) -> Result<Arc<Streams>, Failure> {
        let found = match (&wanted.page, wanted.id) {
            (Some(page), _) => self.api.resolve(page).await?,
            (None, Some(id)) => self.api.thing(Kind::Track, id, None).await?,
            (None, None) => None,
        };
        let Some(found) = found.filter(|it| it.text("kind") == Some("track")) else {
            let known = wanted.streams.clone();
            return known.map(Arc::new).ok_or_else(gone);
        };
        let read = track::read(&found, self.settings.filter_previews);
        let changed = |error| self.api.site().changed(error);
        read.map(|found| Arc::new(found.streams))
            .map_err(|why| why.into_failure(changed))
    }
}

fn gone() -> Failure {
    Failure::common("This track is not available any more.")
}

/// What a track, perhaps of a client's own make, says of where it is.
struct Wanted {
    id: Option<u64>,
    /// Its page.
    page: Option<String>,
    /// The stream that its identifier names, for when nothing else leads to it.
    streams: Option<Streams>,
}

impl Wanted {
    /// # Errors
    /// When nothing in it is SoundCloud's.
    fn of(info: &TrackInfo, api: &Api) -> Result<Self, Failure> {
        let page = info.uri.as_deref().and_then(Link::parse);
        let page = match page {
            Some(Link::Page { url, .. }) => Some(url),
            _ => None,
        };
        let named = info
            .identifier
            .split_once(':')
            .and_then(|(letter, lookup)| {
                let url = Url::parse(lookup).ok().filter(|url| api.is_api(url))?;
                Some((letter, url))
            });
        let id = match &named {
            // identifiers were numbers once
            None => info.identifier.parse().ok(),
            Some((_, url)) => url
                .path_segments()
                .and_then(|mut parts| {
                    parts.find_map(|part| part.strip_prefix("soundcloud:tracks:"))
                })
                .and_then(|id| id.parse().ok()),
        };
        let streams = named.map(|(letter, url)| streams_named(letter, url.as_str()));
        if id.is_none() && page.is_none() && streams.is_none() {
            return Err(Failure::common("The track is none of SoundCloud's."));
        }
        Ok(Self { id, page, streams })
    }
}

/// The stream of an identifier, and the file that most often stands beside it.
fn streams_named(letter: &str, lookup: &str) -> Streams {
    let stream = |protocol, mime: &str, lookup: &str| Stream {
        lookup: lookup.to_owned(),
        format: Format {
            protocol,
            mime: mime.to_owned(),
        },
    };
    let mime = match letter {
        "O" => "audio/ogg",
        _ => "audio/mpeg",
    };
    let mut all = Vec::new();
    match lookup.strip_suffix("/hls") {
        Some(rest) => {
            let file = format!("{rest}/progressive");
            all.push(stream(Protocol::Progressive, mime, &file));
            all.push(stream(Protocol::Hls, mime, lookup));
        }
        None => all.push(stream(Protocol::Progressive, mime, lookup)),
    }
    Streams {
        all,
        authorization: None,
    }
}

#[cfg(test)]
mod tests;
