//! Owns: playing tracks of sources that have no sound to give (Spotify, Apple Music…): what they stand for is searched for at
//! other sources, as LavaSrc does it (reference, 8.5), and the hit that fits best is played.
//! Never knows: any of these sources, or how the others find their tracks.

mod score;

use super::{
    Supply, UNKNOWN_AUTHOR,
    registry::Others,
    site::{
        cache::{Cache, Limits},
        is_below,
    },
};
use crate::{
    error::Failure,
    media::{
        demux::probe::Hint,
        located::{Locate, Located, Sought},
    },
    net::address::Address,
    track::{LoadResult, Track, TrackInfo, extended::Extended},
};
use futures_util::FutureExt;
use score::{ENOUGH, Wanted};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Length of a preview, in milliseconds, as LavaSrc tells it.
pub const PREVIEW_LENGTH: i64 = 30_000;

/// What was found for a track. A recording does not change, but videos vanish, and a site may be out of order for a while.
const FINDS: Limits = Limits {
    keep: Duration::from_secs(6 * 3600),
    keep_failure: Duration::from_secs(10),
    entries: 2048,
};
/// Hits of one provider that are looked at.
const MOST_HITS: usize = 20;
/// Hits of one provider that are tried, the best first: the first may be blocked in the node's country.
const MOST_TRIES: usize = 3;
/// Stands for the ISRC in a provider.
const ISRC: &str = "%ISRC%";
/// Stands for title and author.
const QUERY: &str = "%QUERY%";

/// The sources that play through this one, and their searches: what they find has no sound either.
const MIRRORED: &[(&str, &[&str])] = &[
    ("spotify", &["spsearch:", "sprec:", "spprev:"]),
    ("applemusic", &["amsearch:", "amprev:"]),
    ("deezer", &["dzsearch:", "dzisrc:", "dzrec:", "dzprev:"]),
    ("tidal", &["tdsearch:", "tdrec:"]),
    ("yandexmusic", &["ymsearch:", "ymrec:"]),
];

/// What the configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Identifiers that are loaded in this order until one gives the track (`plugins.lavasrc.providers`).
    pub providers: Vec<String>,
}

impl Default for Settings {
    /// LavaSrc's (reference, 5.4).
    fn default() -> Self {
        Self {
            providers: vec![format!("ytsearch:\"{ISRC}\""), format!("ytsearch:{QUERY}")],
        }
    }
}

/// Finds tracks of other sources.
pub struct Mirror {
    providers: Vec<String>,
    others: Others,
    /// By the recording, or the track where that is unknown, and the provider: the hits that fit, the best first.
    finds: Cache<(Arc<str>, usize), Arc<[Track]>>,
}

impl Mirror {
    /// Finds with these providers at the `others`. Those that cannot work are told in the log.
    #[must_use]
    pub fn new(settings: Settings, others: Others) -> Arc<Self> {
        let mut providers = settings.providers;
        providers.retain(|provider| {
            let prefixes = MIRRORED.iter().flat_map(|(_, prefixes)| prefixes.iter());
            let is_mirrored = prefixes.into_iter().any(|it| provider.starts_with(it));
            if is_mirrored {
                tracing::warn!(
                    provider,
                    "this provider of mirrors has no sound itself, and is not asked"
                );
            }
            !is_mirrored
        });
        Arc::new(Self {
            providers,
            others,
            finds: Cache::new(FINDS),
        })
    }

    /// Opens a track of a source that has no sound: its preview, if it is one, at one of `preview_hosts` or below; else a
    /// track of another source, which is found when the sound is needed.
    ///
    /// # Errors
    /// When it is a preview, and has none.
    pub fn open(
        self: &Arc<Self>,
        track: &Track,
        preview_hosts: &[String],
    ) -> Result<Supply, Failure> {
        let extended = Extended::of(track);
        if extended.is_preview {
            return preview(extended.preview_url.as_deref(), preview_hosts);
        }
        let run = Arc::new(Run {
            mirror: self.clone(),
            info: track.info.clone(),
            chosen: Mutex::new(None),
        });
        let locate = move |sought| {
            let run = run.clone();
            async move { run.locate(sought).await }.boxed()
        };
        Ok(Supply::Located {
            locate: Box::new(locate),
            hint: Hint::default(),
        })
    }

    /// The hits of a provider that may stand for a track.
    async fn find(&self, at: usize, info: &TrackInfo) -> Result<Arc<[Track]>, Failure> {
        let Some(identifier) = identifier(&self.providers[at], info) else {
            return Ok(Arc::default());
        };
        let is_by_isrc = self.providers[at].contains(ISRC);
        let find = async {
            let hits = match self.others.load(&identifier).await? {
                LoadResult::Track(track) => vec![*track],
                LoadResult::Playlist(list) => list.tracks,
                LoadResult::Search(hits) => hits,
                LoadResult::Empty => Vec::new(),
            };
            Ok(best(info, hits, is_by_isrc))
        };
        let source = &info.source_name;
        let key = match &info.isrc {
            Some(isrc) => format!("{isrc} {} {}", info.title, info.length),
            None => format!(
                "{source} {} {} {}",
                info.identifier, info.title, info.author
            ),
        };
        self.finds.get(&(key.into(), at), find).await
    }
}

/// The hits that are good enough, the best first, the first of equal ones before the others.
fn best(info: &TrackInfo, hits: Vec<Track>, is_by_isrc: bool) -> Arc<[Track]> {
    let wanted = Wanted::of(info);
    let plays = |hit: &Track| {
        MIRRORED
            .iter()
            .all(|(name, _)| hit.info.source_name != *name)
    };
    let hits = hits.into_iter().take(MOST_HITS).filter(plays);
    let scored = hits.enumerate().map(|(rank, hit)| {
        let score = wanted.score(&hit.info, rank, is_by_isrc);
        tracing::trace!(score, title = hit.info.title, "a hit for a mirror");
        (score, hit)
    });
    let mut scored: Vec<_> = scored.filter(|(score, _)| *score >= ENOUGH).collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored
        .into_iter()
        .take(MOST_TRIES)
        .map(|(_, hit)| hit)
        .collect()
}

/// What a provider is asked for; `None` when it needs an ISRC and there is none.
fn identifier(provider: &str, info: &TrackInfo) -> Option<String> {
    let isrc = info.isrc.as_deref().unwrap_or_default().replace('-', "");
    if provider.contains(ISRC) && isrc.is_empty() {
        return None;
    }
    let is_known = !info.author.eq_ignore_ascii_case("unknown") && info.author != UNKNOWN_AUTHOR;
    let query = match is_known {
        true => format!("{} {}", info.title, info.author),
        false => info.title.clone(),
    };
    // what a site wrote is not looked at for more of these
    let (before, after) = provider.split_once(QUERY).unwrap_or((provider, ""));
    let middle = if provider.contains(QUERY) {
        &*query
    } else {
        ""
    };
    let fill = |text: &str| text.replace(ISRC, &isrc);
    Some(format!("{}{middle}{}", fill(before), fill(after)))
}

fn preview(link: Option<&str>, hosts: &[String]) -> Result<Supply, Failure> {
    let none = || Failure::common("No preview url found");
    // it may come from a client, who is not to choose where the node connects to
    let address = link.and_then(Address::parse).ok_or_else(none)?;
    if !is_below(address.url(), hosts) {
        return Err(Failure::common(
            "The preview is at a place that is not the source's.",
        ));
    }
    let extension = address.extension();
    let is_hls = extension.as_deref() == Some("m3u8");
    let located = match is_hls {
        true => Located::Hls(address.into()),
        false => Located::File(address.into()),
    };
    let locate = move |_| {
        let located = located.clone();
        async move { Ok(located) }.boxed()
    };
    Ok(Supply::Located {
        locate: Box::new(locate),
        hint: Hint {
            mime: None,
            extension,
        },
    })
}

/// One playback of a track.
struct Run {
    mirror: Arc<Mirror>,
    info: TrackInfo,
    /// Finds the track that was chosen, which has to be the same to the end.
    chosen: Mutex<Option<Arc<Locate>>>,
}

impl Run {
    async fn locate(&self, sought: Sought) -> Result<Located, Failure> {
        let chosen = self
            .chosen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(locate) = chosen {
            return (*locate)(sought).await;
        }
        // what is told when nothing plays: why a hit does not, rather than why a search failed
        let (mut unplayable, mut unsearched) = (None, None);
        for at in 0..self.mirror.providers.len() {
            let hits = match self.mirror.find(at, &self.info).await {
                Ok(hits) => hits,
                Err(failure) => {
                    tracing::debug!(
                        provider = at,
                        trace = failure.trace(),
                        "no search for a mirror"
                    );
                    unsearched = unsearched.or(Some(failure));
                    continue;
                }
            };
            for hit in hits.iter() {
                match self.begin(hit).await {
                    Ok(located) => return Ok(located),
                    Err(failure) => {
                        tracing::debug!(
                            provider = at,
                            trace = failure.trace(),
                            "a mirror does not play"
                        );
                        unplayable = unplayable.or(Some(failure));
                    }
                }
            }
        }
        let none = Failure::common("No mirror found for track");
        Err(unplayable.unwrap_or_else(|| match unsearched {
            Some(why) => none.because(why),
            None => none,
        }))
    }

    async fn begin(&self, hit: &Track) -> Result<Located, Failure> {
        let locate = Arc::new(self.mirror.others.locate(hit)?);
        let located = (*locate)(Sought::First).await?;
        let (source, title) = (&hit.info.source_name, &hit.info.title);
        tracing::debug!(source, title, "a mirror was found");
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner) = Some(locate);
        Ok(located)
    }
}

#[cfg(test)]
mod tests;
