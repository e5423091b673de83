//! Owns: the sources, their order, and following references from one to another.
//! Never knows: what any of them does.

use super::{
    Media, Outcome, Page, Reference, Settings, Source, Supply,
    bandcamp::{self, Bandcamp},
    http::Http,
    local::Local,
    site::{Site, data},
    soundcloud::SoundCloud,
};
use crate::{
    error::Failure,
    media::located::{self, Locate},
    net::{Clients, tally::Layer},
    track::{LoadResult, Track},
};
use std::sync::{Arc, Weak};
use tokio::runtime::Handle;

/// Identifiers that are looked up for one load: the first and four references. A fifth gives nothing (reference, R.1.21).
const MAX_LOOKUPS: usize = 5;
/// The longest identifier, in bytes.
const MAX_IDENTIFIER_LEN: usize = 64 * 1024;

/// All sources that are enabled.
pub struct Registry(Arc<Inner>);

struct Inner {
    sources: Vec<Box<dyn Source>>,
    clients: Clients,
    runtime: Handle,
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
            (name, Supply::Located { locate, .. }) => Ok(located::of_source(locate, name)),
            (_, Supply::Window(_)) => {
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

    /// Begins to fetch a track. Never waits, and may be called from any thread.
    ///
    /// # Errors
    /// When its source is not enabled, or the track cannot be one of that source's.
    pub fn open(&self, track: &Track) -> Result<Media, Failure> {
        let inner = &self.0;
        Ok(match inner.begin(track)? {
            (_, Supply::Window(media)) => media,
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
                clients.of_source("http"),
                runtime.clone(),
                settings.playlist_bytes,
            )));
        }
        Self {
            sources,
            clients,
            runtime,
        }
    }

    async fn load(&self, identifier: &str) -> Result<LoadResult, Failure> {
        if identifier.len() > MAX_IDENTIFIER_LEN {
            return Err(Failure::common("The identifier is too long."));
        }
        let looking = self.look_up(Reference::new(identifier));
        tokio::time::timeout(self.clients.settings().resolve_timeout, looking)
            .await
            .unwrap_or_else(|_| Err(Failure::suspicious("Loading took too long.")))
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

    /// The name of a track's source, and how it is fetched.
    fn begin(&self, track: &Track) -> Result<(&'static str, Supply), Failure> {
        let name = &track.info.source_name;
        let source = self.sources.iter().find(|source| source.name() == name);
        let source =
            source.ok_or_else(|| Failure::common(format!("The source {name} is not enabled.")))?;
        Ok((source.name(), source.open(track)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, future::BoxFuture};

    /// Each identifier is a number, and refers to the one below it.
    struct Counting;

    impl Source for Counting {
        fn name(&self) -> &'static str {
            "counting"
        }

        fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
            let outcome = match reference.identifier.parse::<u32>() {
                Err(_) => Outcome::NotMine,
                Ok(0) => Outcome::Found(LoadResult::Search(Vec::new())),
                Ok(n) => Outcome::Reference(Reference::new((n - 1).to_string())),
            };
            async { Ok(outcome) }.boxed()
        }

        fn open(&self, _: &Track) -> Result<Supply, Failure> {
            Err(Failure::common("no"))
        }
    }

    fn counting() -> Registry {
        Registry(Arc::new(Inner {
            sources: vec![Box::new(Counting)],
            clients: Clients::new(crate::net::Settings::default()),
            runtime: Handle::current(),
        }))
    }

    #[tokio::test]
    async fn four_references_are_followed_and_the_fifth_gives_nothing() {
        let registry = counting();
        let found = LoadResult::Search(Vec::new());
        assert_eq!(registry.load("4").await.expect("no failure"), found);
        assert_eq!(
            registry.load("5").await.expect("no failure"),
            LoadResult::Empty
        );
    }

    #[tokio::test]
    async fn what_nobody_knows_is_empty_and_what_is_too_long_an_error() {
        let registry = counting();
        assert_eq!(
            registry.load("x").await.expect("no failure"),
            LoadResult::Empty
        );
        assert!(
            registry
                .load(&"x".repeat(MAX_IDENTIFIER_LEN + 1))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn sources_are_asked_in_order_and_http_last() {
        let settings = Settings {
            local: true,
            ..Settings::default()
        };
        let registry = Registry::new(settings);
        assert_eq!(
            registry.names(),
            ["soundcloud", "bandcamp", "local", "http"]
        );
        assert!(registry.has("http") && !registry.has("youtube"));
    }
}
