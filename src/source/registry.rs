//! Owns: the sources, their order, and following references from one to another.
//! Never knows: what any of them does.

use super::{
    Media, Outcome, Page, Reference, Settings, Source, Stranded, Supply,
    applemusic::AppleMusic,
    bandcamp::{self, Bandcamp},
    deezer::Deezer,
    findings::{Findings, Kind},
    http::Http,
    local::Local,
    lrclib::{self, LrcLib},
    lyrics::Lyrics,
    mirror::Mirror,
    nico::Nico,
    resolves::{self, Resolves},
    site::{Site, data, link},
    soundcloud::SoundCloud,
    sponsorblock::SponsorBlock,
    spotify::Spotify,
    stand_in,
    tidal::Tidal,
    twitch::Twitch,
    vimeo::Vimeo,
    yandexmusic::YandexMusic,
    youtube::YouTube,
    ytdlp::{self, YtDlp},
};
use crate::{
    error::Failure,
    media::located::{self, Locate},
    net::{self, Clients, freshness, patience, routes::Routes, tally::Layer},
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
    resolves: Resolves,
}

/// The other sources, for one that plays what it finds there. By default there are none.
#[derive(Clone, Default)]
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
            (name, Supply::Located { locate, .. }) => Ok(located::of_source(locate, name)),
            (_, Supply::Window(_)) => {
                let name = &track.info.source_name;
                Err(Failure::common(format!(
                    "Tracks of the source {name} cannot stand for others."
                )))
            }
        }
    }

    /// Nobody else.
    #[cfg(test)]
    pub fn none() -> Self {
        Self(Weak::new())
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

    /// What became of loads.
    #[must_use]
    pub fn resolves(&self) -> resolves::Counts {
        self.0.resolves.counts()
    }

    /// Forgets what loads led to.
    pub fn forget(&self) {
        self.0.resolves.forget();
    }

    /// The route planner, when there is one.
    #[must_use]
    pub fn routes(&self) -> Option<&Routes> {
        self.0.clients.routes()
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
            (_, Supply::Window(media)) => *media,
            (name, Supply::Located { locate, hint }) => {
                let clients = inner.clients.of_source(name);
                Media {
                    window: located::fetch(&clients, locate, &inner.runtime),
                    hint,
                }
            }
        })
    }

    /// How often something was asked for again since the start, by layer.
    pub fn retries(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let tally = self.0.clients.tally();
        Layer::ALL
            .map(|layer| (layer.label(), tally.count(layer)))
            .into_iter()
    }
}

impl Inner {
    fn new(settings: Settings, others: &Others) -> Self {
        let runtime = Handle::current();
        let clients = Clients::new(settings.network);
        if clients.routes().is_some() {
            let tested = clients.clone();
            // ends by itself, in the time that a connection may take
            runtime.spawn(async move { tested.test_routes().await });
        }
        let any_url = match clients.routes().is_none_or(Routes::has_all_traffic) {
            true => clients.clone(),
            false => clients.beside_routes(),
        };
        let known = data::publish(settings.site_data, &runtime);
        let site = |name| Site::new(name, clients.clone(), known.clone());
        let mirror = Mirror::new(settings.mirror, others.clone());
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        // the order of the original (reference, 8.1): http is asked last
        if let Some(settings) = settings.youtube {
            let site = site("YouTube");
            sources.push(Box::new(YouTube::new(site, settings)));
        }
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
        if settings.twitch {
            sources.push(Box::new(Twitch::new(site("Twitch"))));
        }
        if settings.vimeo {
            sources.push(Box::new(Vimeo::new(site("Vimeo"))));
        }
        if settings.nico {
            sources.push(Box::new(Nico::new(site("Niconico"))));
        }
        if settings.local {
            sources.push(Box::new(Local::new(
                settings.local_roots,
                runtime.clone(),
                settings.playlist_bytes,
            )));
        }
        if let Some(settings) = settings.spotify {
            let site = site("Spotify");
            sources.push(Box::new(Spotify::new(site, settings, mirror.clone())));
        }
        if let Some(settings) = settings.applemusic {
            let site = site("Apple Music");
            sources.push(Box::new(AppleMusic::new(site, settings, mirror.clone())));
        }
        if settings.deezer {
            sources.push(Box::new(Deezer::new(site("Deezer"), mirror.clone())));
        }
        if let Some(own) = settings.yandexmusic {
            let mut site = site("Yandex Music");
            if own.proxy.is_some() {
                // the site sees the proxy's address, so that none of the route planner's has to be spared
                let network = net::Settings {
                    proxy: own.proxy.clone(),
                    routes: None,
                    ..clients.settings().clone()
                };
                site = site.through(Clients::new(network));
            }
            sources.push(Box::new(YandexMusic::new(site, own, mirror.clone())));
        }
        if let Some(own) = settings.tidal {
            sources.push(Box::new(Tidal::new(site("Tidal"), own, mirror.clone())));
        }
        let last_resort = YtDlp::find(
            settings.ytdlp.clone(),
            ytdlp::Ground {
                site: site("yt-dlp"),
                clients: clients.clone(),
                runtime: runtime.clone(),
                playlist_bytes: settings.playlist_bytes,
                any_host: settings.http,
            },
        );
        if let Some(source) = last_resort {
            sources.push(Box::new(source));
        }
        if settings.http {
            sources.push(Box::new(Http::new(
                any_url.of_source("http"),
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
            resolves: Resolves::new(settings.resolves),
        }
    }

    async fn load(self: &Arc<Self>, identifier: &str) -> Result<LoadResult, Failure> {
        if identifier.len() > MAX_IDENTIFIER_LEN {
            return Err(Failure::common("The identifier is too long."));
        }
        let find = || self.clone().find(Reference::new(identifier));
        let found = self.resolves.get(identifier, find).await?;
        Ok(Arc::unwrap_or_clone(found))
    }

    async fn find(self: Arc<Self>, reference: Reference) -> Result<LoadResult, Failure> {
        self.in_time(self.look_up(reference)).await
    }

    async fn in_time<T>(
        &self,
        looking: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        patience::within(self.clients.settings().resolve_timeout, looking)
            .await
            .unwrap_or_else(|| {
                freshness::at_most(Duration::ZERO);
                Err(Failure::suspicious("Loading took too long."))
            })
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
            let mut outcome = self.ask_all(&reference).await?;
            if let Outcome::Page(page) = outcome {
                outcome = self.read(page).await?;
            }
            if let Outcome::Stranded(stranded) = outcome {
                outcome = self.rescue(stranded).await?;
            }
            match outcome {
                Outcome::Found(result) => return Ok(result),
                Outcome::Reference(next) => reference = next,
                Outcome::NotMine | Outcome::Page(_) | Outcome::Stranded(_) => {
                    return Ok(LoadResult::Empty);
                }
            }
        }
        Ok(LoadResult::Empty)
    }

    async fn ask_all(&self, reference: &Reference) -> Result<Outcome, Failure> {
        let meant = Reference {
            identifier: link::pasted(&reference.identifier),
            title: reference.title.clone(),
        };
        for source in &self.sources {
            let reference = match source.takes_as_given() {
                true => reference,
                false => &meant,
            };
            match source.load(reference).await? {
                Outcome::NotMine => {}
                other => return Ok(other),
            }
        }
        Ok(Outcome::NotMine)
    }

    async fn read(&self, page: Page) -> Result<Outcome, Failure> {
        for source in &self.sources {
            if let Outcome::Found(result) = source.read(&page).await? {
                return Ok(Outcome::Found(result));
            }
        }
        Ok(Outcome::Stranded(Stranded {
            address: page.address,
            why: Failure::common(super::UNKNOWN_FORMAT),
        }))
    }

    async fn rescue(&self, stranded: Stranded) -> Result<Outcome, Failure> {
        for source in &self.sources {
            match source.last_resort(&stranded.address).await? {
                Outcome::NotMine => {}
                other => return Ok(other),
            }
        }
        Err(stranded.why)
    }

    /// The name of a track's source, and how it is fetched.
    fn begin(&self, track: &Track) -> Result<(&'static str, Supply), Failure> {
        let name = &track.info.source_name;
        let source = self.sources.iter().find(|source| source.name() == name);
        let missing = || Failure::common(format!("The source {name} is not enabled."));
        let supply = source.ok_or_else(missing).and_then(|it| it.open(track));
        let mut others = self.sources.iter();
        match others.find_map(|it| Some((it.name(), it.stand_in(track)?))) {
            None => Ok((source.map_or("", |it| it.name()), supply?)),
            Some((name, other)) => Ok((
                source.map_or(name, |it| it.name()),
                stand_in::supply(supply, other),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
