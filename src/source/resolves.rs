//! Owns: what identifiers led to a while ago, and asking once for an identifier that many want at the same time.
//! Never knows: which source answers, or how.
//!
//! An identifier may hold a password; it is a key here, and never printed.

use super::shelf::{Room, Shelf};
use crate::{
    error::{Failure, Severity},
    net::freshness,
    track::{LoadResult, Playlist, Track},
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    mem::size_of,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::Instant;

/// What a text of its own takes besides its letters, rounding by the allocator included: measured with
/// `examples/resolve_cache.rs`.
const PER_TEXT: usize = 32;

/// How long what was found is kept, and how much of it (`resolve.cache`). A time of 0 keeps nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether anything is kept, or shared.
    pub is_on: bool,
    /// For what was found.
    pub keep: Duration,
    /// For what has no end: it may be over soon, or have another title.
    pub keep_live: Duration,
    /// For what was not found.
    pub keep_missing: Duration,
    /// For a refusal. A fault of ours, and a site that took too long, are forgotten at once.
    pub keep_failure: Duration,
    /// Identifiers.
    pub entries: usize,
    /// Bytes, of identifiers and what they led to.
    pub bytes: usize,
    /// Whether answers that say how long they may be kept are heeded.
    pub heeds_headers: bool,
}

impl Default for Settings {
    /// Ten minutes: what is kept are descriptions; the links that sites give to a track's sound are asked for when it plays.
    fn default() -> Self {
        Self {
            is_on: true,
            keep: Duration::from_secs(600),
            keep_live: Duration::from_secs(10),
            keep_missing: Duration::from_secs(30),
            keep_failure: Duration::from_secs(5),
            entries: 5000,
            bytes: 32 * 1024 * 1024,
            heeds_headers: true,
        }
    }
}

/// What has happened since the start, and what is there now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Loads that were answered by what was kept.
    pub hits: u64,
    /// Loads that sources were asked for.
    pub misses: u64,
    /// Loads that waited for what another was asking for already.
    pub shared: u64,
    /// Entries that had to make room.
    pub evictions: u64,
    /// Identifiers that are kept.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What an identifier led to.
pub type Outcome = Result<Arc<LoadResult>, Failure>;

/// Whoever wants the outcome keeps the work going; when nobody wants it any more, it is dropped.
type Flight = Shared<BoxFuture<'static, Outcome>>;
type Waiting = WeakShared<BoxFuture<'static, Outcome>>;

struct Kept {
    outcome: Outcome,
    until: Instant,
}

struct Known {
    shelf: Shelf<Arc<str>, Kept>,
    /// Each with a number, so that one that was given up does not end its successor.
    flights: HashMap<Arc<str>, (u64, Waiting)>,
    next: u64,
}

struct Inner {
    settings: Settings,
    // held for map operations only
    known: Mutex<Known>,
    hits: AtomicU64,
    misses: AtomicU64,
    shared: AtomicU64,
}

/// Remembers what identifiers led to.
pub struct Resolves(Arc<Inner>);

/// Ends a flight, also one that nobody waits for any more.
struct Landing {
    inner: Arc<Inner>,
    identifier: Arc<str>,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut known = self.inner.known();
        let is_mine = |(number, _): &(u64, Waiting)| *number == self.number;
        if known.flights.get(&self.identifier).is_some_and(is_mine) {
            known.flights.remove(&self.identifier);
        }
    }
}

impl Resolves {
    /// An empty one.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let room = Room {
            entries: settings.entries,
            bytes: settings.bytes,
        };
        Self(Arc::new(Inner {
            settings,
            known: Mutex::new(Known {
                shelf: Shelf::new(room),
                flights: HashMap::new(),
                next: 0,
            }),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            shared: AtomicU64::new(0),
        }))
    }

    /// What an identifier leads to: as it was found lately, as another is finding it out, or as `find` does. Cancel-safe: the
    /// work goes on as long as anybody waits for it.
    ///
    /// # Errors
    /// When `find` has failed, now or lately.
    pub async fn get<F>(&self, identifier: &str, find: impl FnOnce() -> F) -> Outcome
    where
        F: Future<Output = Result<LoadResult, Failure>> + Send + 'static,
    {
        if !self.0.settings.is_on {
            return find().await.map(Arc::new);
        }
        let flight = {
            let mut known = self.0.known();
            let now = Instant::now();
            if let Some(kept) = known.shelf.get(identifier).filter(|kept| kept.until > now) {
                self.0.hits.fetch_add(1, Relaxed);
                return kept.outcome.clone();
            }
            match known.flights.get(identifier).and_then(|f| f.1.upgrade()) {
                Some(flight) => {
                    self.0.shared.fetch_add(1, Relaxed);
                    flight
                }
                None => {
                    self.0.misses.fetch_add(1, Relaxed);
                    self.0.depart(&mut known, identifier, find())
                }
            }
        };
        flight.await
    }

    /// Forgets all that was found; what is being found out goes on.
    pub fn forget(&self) {
        self.0.known().shelf.clear();
    }

    /// What has happened.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let known = self.0.known();
        Counts {
            hits: self.0.hits.load(Relaxed),
            misses: self.0.misses.load(Relaxed),
            shared: self.0.shared.load(Relaxed),
            evictions: known.shelf.evicted(),
            entries: known.shelf.len() as u64,
            bytes: known.shelf.bytes() as u64,
        }
    }
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn depart<F>(self: &Arc<Self>, known: &mut Known, identifier: &str, find: F) -> Flight
    where
        F: Future<Output = Result<LoadResult, Failure>> + Send + 'static,
    {
        let identifier: Arc<str> = identifier.into();
        known.next += 1;
        let landing = Landing {
            inner: self.clone(),
            identifier: identifier.clone(),
            number: known.next,
        };
        let work = async move {
            let (outcome, said) = freshness::collect(find).await;
            let outcome = outcome.map(Arc::new);
            let inner = &landing.inner;
            let least = match inner.settings.heeds_headers {
                true => said.by_work.min(said.by_headers),
                false => said.by_work,
            };
            inner.keep(landing.identifier.clone(), &outcome, least);
            outcome
        };
        let flight = work.boxed().shared();
        if let Some(waiting) = flight.downgrade() {
            known.flights.insert(identifier, (known.next, waiting));
        }
        flight
    }

    fn keep(&self, identifier: Arc<str>, outcome: &Outcome, least: Duration) {
        let keep = lifetime(&self.settings, outcome, least);
        let mut known = self.known();
        if keep.is_zero() {
            known.shelf.remove(&identifier);
            return;
        }
        let bytes = identifier.len() + size(outcome) + size_of::<Kept>();
        let kept = Kept {
            outcome: outcome.clone(),
            until: Instant::now() + keep,
        };
        known.shelf.put(identifier, kept, bytes);
    }
}

/// How long something is kept; `least` is what was said while it was found out.
fn lifetime(settings: &Settings, outcome: &Outcome, least: Duration) -> Duration {
    let tracks = match outcome.as_deref() {
        Err(failure) if failure.severity == Severity::Fault => return Duration::ZERO,
        Err(_) => return settings.keep_failure.min(least),
        Ok(LoadResult::Track(track)) => std::slice::from_ref(&**track),
        Ok(LoadResult::Playlist(list)) => &list.tracks,
        Ok(LoadResult::Search(hits)) => hits,
        Ok(LoadResult::Empty) => &[],
    };
    let own = if tracks.is_empty() {
        settings.keep_missing
    } else if tracks.iter().any(|track| track.info.is_stream) {
        settings.keep_live
    } else {
        settings.keep
    };
    own.min(least)
}

/// About so many bytes of memory.
fn size(outcome: &Outcome) -> usize {
    let of_tracks = |tracks: &[Track]| tracks.iter().map(size_of_track).sum::<usize>();
    let held = match outcome.as_deref() {
        Err(failure) => failure.message.len(),
        Ok(LoadResult::Track(track)) => size_of_track(track),
        Ok(LoadResult::Playlist(Playlist {
            name,
            plugin_info,
            tracks,
            selected: _,
        })) => name.len() + size_of_map(plugin_info) + of_tracks(tracks),
        Ok(LoadResult::Search(hits)) => of_tracks(hits),
        Ok(LoadResult::Empty) => 0,
    };
    size_of::<LoadResult>() + held
}

fn size_of_track(track: &Track) -> usize {
    let info = &track.info;
    let optional = [&info.uri, &info.artwork_url, &info.isrc];
    let texts = [
        &info.identifier,
        &info.author,
        &info.title,
        &info.source_name,
    ];
    let texts = texts.into_iter().chain(optional.into_iter().flatten());
    let originals = track.originals.iter();
    size_of::<Track>()
        + texts.map(|text| text.len() + PER_TEXT).sum::<usize>()
        + track.details.len()
        + size_of_map(&track.plugin_info)
        + originals
            .map(|original| original.text.len() + original.bytes.len())
            .sum::<usize>()
}

fn size_of_map(map: &Map<String, Value>) -> usize {
    map.iter()
        .map(|(name, value)| size_of::<(String, Value)>() + name.len() + size_of_value(value))
        .sum()
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values
            .iter()
            .map(|value| size_of::<Value>() + size_of_value(value))
            .sum(),
        Value::Object(map) => size_of_map(map),
    }
}

#[cfg(test)]
#[path = "resolves_tests.rs"]
mod tests;
