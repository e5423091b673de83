//! Owns: the `vimeo` source (reference, 8.4): what its links lead to, and where the sound of a track is.
//! Never knows: how requests are made.

mod api;
mod config;
mod link;

use super::{
    Outcome, Reference, Source, Supply,
    site::{
        Site,
        cache::{Cache, Limits},
        check::{self, Wrong},
    },
};
use crate::{
    error::Failure,
    media::{
        demux::probe::Hint,
        located::{Located, Sought},
    },
    net::address::Address,
    track::{LoadResult, Track},
};
use api::{Api, Told, Way};
use config::{Form, NAME, Refusal, Streams};
use futures_util::{FutureExt, future::BoxFuture};
use link::Link;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};

/// Streams of videos that were loaded lately and may be played soon. Their links hold for hours.
const STREAMS: Limits = Limits {
    keep: Duration::from_secs(600),
    keep_failure: Duration::from_secs(5),
    entries: 256,
};

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Where pages are.
    pub site: String,
    /// Where the API is.
    pub api: String,
    /// Where the player for other pages is.
    pub player: String,
    /// Ways to a video, the best first.
    pub ways: Vec<Way>,
    /// What stands before the configuration in the player's page; the first that is there counts.
    pub config_marks: Vec<String>,
    /// What the player says of a video that is not for it.
    pub locked_mark: String,
    /// What the API is asked for on behalf of a page.
    pub page_fields: String,
    /// What the API is asked for on behalf of a visitor.
    pub api_fields: String,
    /// Forms that can be played, the best first.
    pub formats: Vec<Form>,
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
            ("player", &self.player),
        ])?;
        check::filled([
            ("ways", self.ways.len()),
            ("configMarks", self.config_marks.len()),
            ("lockedMark", self.locked_mark.len()),
            ("formats", self.formats.len()),
        ])?;
        check::marks("configMarks", &self.config_marks)
    }
}

/// Loads and opens tracks of Vimeo.
pub struct Vimeo {
    shared: Arc<Shared>,
}

/// What fetch tasks need, too.
struct Shared {
    api: Api,
    /// By the track's identifier.
    streams: Cache<String, Arc<Streams>>,
}

impl Vimeo {
    /// Asks through `site`.
    #[must_use]
    pub fn new(site: Site) -> Self {
        let shared = Shared {
            api: Api::new(site),
            streams: Cache::new(STREAMS),
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl Source for Vimeo {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        async move {
            Ok(match Link::parse(&reference.identifier) {
                None => Outcome::NotMine,
                Some(link) => Outcome::Found(self.shared.look_up(&link).await?),
            })
        }
        .boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let uri = track.info.uri.as_deref().and_then(Link::parse);
        let link = Link::of_track(&track.info.identifier).or(uri);
        let link = link.ok_or_else(|| Failure::common("The track is none of Vimeo's."))?;
        let (shared, link) = (self.shared.clone(), Arc::new(link));
        let locate = move |sought: Sought| {
            let (shared, link) = (shared.clone(), link.clone());
            async move { shared.locate(&link, sought.is_again()).await }.boxed()
        };
        Ok(Supply::Located {
            locate: Box::new(locate),
            hint: Hint {
                mime: None,
                extension: Some("mp4".to_owned()),
            },
        })
    }
}

impl Shared {
    async fn look_up(&self, link: &Link) -> Result<LoadResult, Failure> {
        let Some(known) = self.api.video(link).await? else {
            return Ok(LoadResult::Empty);
        };
        if let Told::Here(streams) = known.streams {
            let key = &known.track.info.identifier;
            self.streams.put(key, Arc::new(streams));
        }
        Ok(LoadResult::Track(Box::new(known.track)))
    }

    /// Finds out where the sound of a track is. `is_again` when what was found before has been refused.
    async fn locate(&self, link: &Link, is_again: bool) -> Result<Located, Failure> {
        let key = link.identifier();
        if is_again {
            self.streams.forget(&key, Duration::ZERO);
        }
        let streams = self.streams.get(&key, self.find_streams(link)).await?;
        let data = self.api.site().data();
        for form in &data.vimeo.formats {
            let Some(address) = streams.form(*form).and_then(Address::parse) else {
                continue;
            };
            return Ok(match form {
                Form::Hls => Located::Hls(address.into()),
                Form::Progressive => Located::File(address.into()),
            });
        }
        Err(Failure::common(Refusal::NoStreams.to_string()))
    }

    async fn find_streams(&self, link: &Link) -> Result<Arc<Streams>, Failure> {
        let gone = || Failure::common("This video is not available any more.");
        let known = self.api.video(link).await?.ok_or_else(gone)?;
        Ok(Arc::new(match known.streams {
            Told::Here(streams) => streams,
            Told::At(config) => self.api.streams(config, link).await?.ok_or_else(gone)?,
        }))
    }
}

#[cfg(test)]
mod tests;
