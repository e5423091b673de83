//! Owns: the sources, their order, and following references from one to another.
//! Never knows: what any of them does.

use super::{
    Media, Outcome, Page, Reference, Settings, Source, Supply,
    bandcamp::{self, Bandcamp},
    findings::{Findings, Kind},
    http::Http,
    local::Local,
    lrclib::{self, LrcLib},
    lyrics::Lyrics,
    site::{Site, data},
    soundcloud::SoundCloud,
    sponsorblock::SponsorBlock,
};
use crate::{
    error::Failure,
    media::located::{self, Locate},
    net::Clients,
    track::{LoadResult, Track, marks::Marks},
};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::runtime::Handle;

/// Identifiers that are looked up for one load: the first and four references. A fifth gives nothing (reference, R.1.21).
const MAX_LOOKUPS: usize = 5;
/// The longest identifier, in bytes.
const MAX_IDENTIFIER_LEN: usize = 64 * 1024;

/// All sources that are enabled.
pub struct Registry(Arc<Inner>);

struct Inner {
    sources: Vec<Box<dyn Source>>,
    lrclib: Option<LrcLib>,
    sponsorblock: Option<SponsorBlock>,
    lyrics_first: Vec<String>,
    clients: Clients,
    runtime: Handle,
    load_timeout: Duration,
}

/// The other sources, for one that plays what it finds there.
#[derive(Clone)]
pub struct Others(Weak<Inner>);

impl Others {
    /// Looks an identifier up, as for a client.
    ///
    /// # Errors
    /// As [`Registry::load`].
    pub async fn load(&self, identifier: &str) -> Result<LoadResult, Failure> {
        self.sources()?.load(identifier).await
    }

    /// Where a track of another source is.
    ///
    /// # Errors
    /// When its source is not enabled, does not find its tracks by asking, or the track cannot be one of that source's.
    pub fn locate(&self, track: &Track) -> Result<Locate, Failure> {
        match self.sources()?.begin(track)? {
            Supply::Located { locate, .. } => Ok(locate),
            Supply::Window(_) => {
                let name = &track.info.source_name;
                Err(Failure::common(format!(
                    "Tracks of the source {name} cannot stand for others."
                )))
            }
        }
    }

    fn sources(&self) -> Result<Arc<Inner>, Failure> {
        let gone = || Failure::common("The node is stopping.");
        self.0.upgrade().ok_or_else(gone)
    }
}

impl Registry {
    /// Sets the enabled sources up.
    ///
    /// # Panics
    /// Outside of a tokio runtime: the fetch tasks of opened tracks live on the one that it is made on.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new_cyclic(|own| {
            Inner::new(settings, &Others(own.clone()))
        }))
    }

    /// Names of the enabled sources, in the order in which they are asked.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.0.sources.iter().map(|source| source.name()).collect()
    }

    /// Whether a source is enabled.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.sources.iter().any(|source| source.name() == name)
    }

    /// Looks an identifier up. What no source knows is [`LoadResult::Empty`].
    ///
    /// # Errors
    /// When a source knows it but cannot load it, or it takes too long.
    pub async fn load(&self, identifier: &str) -> Result<LoadResult, Failure> {
        self.0.load(identifier).await
    }

    /// Searches for several kinds of things at once: the first source that knows the query answers. `None` when none does.
    ///
    /// # Errors
    /// When it does not answer, or takes too long.
    pub async fn search(&self, query: &str, kinds: &[Kind]) -> Result<Option<Findings>, Failure> {
        let searching = async {
            for source in &self.0.sources {
                if let Some(found) = source.search(query, kinds).await? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        };
        self.0.in_time(searching).await
    }

    /// The words of a track: of its own source, if that is not to be skipped, else of the first other one that has them. Those
    /// that do not answer count only when no other has them.
    ///
    /// # Errors
    /// When nobody has them, and somebody did not answer or took too long.
    pub async fn lyrics(
        &self,
        track: &Track,
        skip_track_source: bool,
    ) -> Result<Option<Lyrics>, Failure> {
        let searching = self.0.words_of(track, skip_track_source);
        self.0.in_time(searching).await
    }

    /// What people have marked in a track. Nothing, where nobody is asked.
    ///
    /// # Errors
    /// When there is no answer, or it takes too long.
    pub async fn marks(&self, track: &Track, categories: &[String]) -> Result<Marks, Failure> {
        let Some(sponsorblock) = &self.0.sponsorblock else {
            return Ok(Marks::default());
        };
        self.0.in_time(sponsorblock.marks(track, categories)).await
    }

    /// Whether LRCLIB is asked for lyrics.
    #[must_use]
    pub fn has_lrclib(&self) -> bool {
        self.0.lrclib.is_some()
    }

    /// Whether SponsorBlock may be asked for marks.
    #[must_use]
    pub fn has_sponsorblock(&self) -> bool {
        self.0.sponsorblock.is_some()
    }

    /// Begins to fetch a track. Never waits, and may be called from any thread.
    ///
    /// # Errors
    /// When its source is not enabled, or the track cannot be one of that source's.
    pub fn open(&self, track: &Track) -> Result<Media, Failure> {
        let inner = &self.0;
        Ok(match inner.begin(track)? {
            Supply::Window(media) => media,
            Supply::Located { locate, hint } => Media {
                window: located::fetch(&inner.clients, locate, &inner.runtime),
                hint,
            },
        })
    }
}

impl Inner {
    fn new(settings: Settings, _others: &Others) -> Self {
        let runtime = Handle::current();
        let clients = Clients::new(settings.network);
        let known = data::publish(settings.site_data, &runtime);
        let site = |name| Site::new(name, clients.clone(), known.clone());
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        // the order of the original (reference, 8.1): http is asked last
        if let Some(settings) = settings.soundcloud {
            let site = site("SoundCloud");
            sources.push(Box::new(SoundCloud::new(site, settings)));
        }
        if settings.bandcamp {
            let own = bandcamp::Settings {
                other_hosts: settings.http,
            };
            let site = site("Bandcamp");
            sources.push(Box::new(Bandcamp::new(site, own)));
        }
        if settings.local {
            sources.push(Box::new(Local::new(
                settings.local_roots,
                runtime.clone(),
                settings.playlist_bytes,
            )));
        }
        if settings.http {
            sources.push(Box::new(Http::new(
                clients.clone(),
                runtime.clone(),
                settings.playlist_bytes,
            )));
        }
        Self {
            sources,
            lrclib: settings.lrclib.then(|| LrcLib::new(site("LRCLIB"))),
            sponsorblock: settings
                .sponsorblock
                .then(|| SponsorBlock::new(site("SponsorBlock"))),
            lyrics_first: settings.lyrics_first,
            clients,
            runtime,
            load_timeout: settings.load_timeout,
        }
    }

    async fn load(&self, identifier: &str) -> Result<LoadResult, Failure> {
        if identifier.len() > MAX_IDENTIFIER_LEN {
            return Err(Failure::common("The identifier is too long."));
        }
        self.in_time(self.look_up(Reference::new(identifier))).await
    }

    async fn in_time<T>(
        &self,
        looking: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::time::timeout(self.load_timeout, looking)
            .await
            .unwrap_or_else(|_| Err(Failure::suspicious("Loading took too long.")))
    }

    async fn words_of(
        &self,
        track: &Track,
        skip_track_source: bool,
    ) -> Result<Option<Lyrics>, Failure> {
        let own = &*track.info.source_name;
        let names = self.sources.iter().map(|source| source.name());
        let mut order: Vec<&str> = names
            .chain(self.lrclib.iter().map(|_| lrclib::NAME))
            .filter(|name| *name != own || !skip_track_source)
            .collect();
        order.sort_by_key(|name| {
            let is_it = |first: &String| first.eq_ignore_ascii_case(name);
            let place = self.lyrics_first.iter().position(is_it);
            (*name != own, place.unwrap_or(usize::MAX))
        });
        let mut failure = None;
        for name in order {
            match self.words_at(name, track).await {
                Ok(Some(lyrics)) => return Ok(Some(lyrics)),
                Ok(None) => {}
                Err(why) => {
                    tracing::debug!(source = name, why = %why.trace(), "no lyrics");
                    failure = Some(why);
                }
            }
        }
        failure.map_or(Ok(None), Err)
    }

    async fn words_at(&self, name: &str, track: &Track) -> Result<Option<Lyrics>, Failure> {
        match self.sources.iter().find(|source| source.name() == name) {
            Some(source) => source.lyrics(track).await,
            None => match &self.lrclib {
                Some(lrclib) => lrclib.lyrics(track).await,
                None => Ok(None),
            },
        }
    }

    async fn look_up(&self, mut reference: Reference) -> Result<LoadResult, Failure> {
        for _ in 0..MAX_LOOKUPS {
            match self.ask_all(&reference).await? {
                Outcome::NotMine => return Ok(LoadResult::Empty),
                Outcome::Found(result) => return Ok(result),
                Outcome::Reference(next) => reference = next,
                Outcome::Page(page) => return self.read(&page).await,
            }
        }
        Ok(LoadResult::Empty)
    }

    async fn ask_all(&self, reference: &Reference) -> Result<Outcome, Failure> {
        for source in &self.sources {
            match source.load(reference).await? {
                Outcome::NotMine => {}
                other => return Ok(other),
            }
        }
        Ok(Outcome::NotMine)
    }

    async fn read(&self, page: &Page) -> Result<LoadResult, Failure> {
        for source in &self.sources {
            if let Outcome::Found(result) = source.read(page).await? {
                return Ok(result);
            }
        }
        Err(Failure::common(super::UNKNOWN_FORMAT))
    }

    fn begin(&self, track: &Track) -> Result<Supply, Failure> {
        let name = &track.info.source_name;
        let source = self.sources.iter().find(|source| source.name() == name);
        source
            .ok_or_else(|| Failure::common(format!("The source {name} is not enabled.")))?
            .open(track)
    }
}

#[cfg(test)]
mod tests;
