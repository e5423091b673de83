//! Owns: the `niconico` source (reference, 8.4; the delivery of 2024 and later, "domand", as in yt-dlp's extractor): what its
//! links lead to, and where the sound of a track is.
//! Never knows: how requests are made.
//!
//! A video is asked for under a name made for it, and answered with a key. For the key and that name there is a playlist, and
//! cookies without which its lists and keys are refused.

mod link;
mod read;

use super::{Outcome, Reference, Source, Supply, site::Site};
use crate::{
    error::Failure,
    media::{
        backoff::chance,
        demux::probe::Hint,
        located::{Link as Place, Located},
    },
    net::{
        address::Address,
        call::{Answer, Call},
    },
    source::site::{
        check::{self, Wrong},
        is_below,
        json::Pick,
    },
    track::{LoadResult, Track},
};
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use link::{Link, List};
use read::{NAME, Refusal, Rights};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::SystemTime};

/// Letters in the name under which a video is asked for.
const SESSION_LETTERS: usize = 10;
/// The longest `Cookie` header that is made, in bytes.
const MAX_COOKIES: usize = 8 * 1024;

const ACCESS_KEY: HeaderName = HeaderName::from_static("x-access-right-key");
const REQUEST_WITH: HeaderName = HeaderName::from_static("x-request-with");

/// A playlist leads to a host that is not known, so that no cookie may be sent there.
#[derive(Debug, thiserror::Error)]
#[error("the playlist is at another host than known ones")]
struct UnknownHost;

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// The site itself, as requests name it.
    pub site: String,
    /// What stands before the number of a video where its data are.
    pub watch: String,
    /// Where playlists and lists are asked for.
    pub api: String,
    /// As which program requests present themselves to the API.
    pub headers: Vec<(String, String)>,
    /// Hosts of playlists, and all below them. Cookies go there.
    pub media_hosts: Vec<String>,
    /// Videos of one page of a list.
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
            ("watch", &self.watch),
            ("api", &self.api),
        ])?;
        for (name, value) in &self.headers {
            check::named_header("headers", name, value)?;
        }
        check::filled([("mediaHosts", self.media_hosts.len())])?;
        check::numbers([("pageSize", self.page_size), ("pages", self.pages)])
    }
}

/// Loads and opens tracks of Niconico.
pub struct Nico {
    shared: Arc<Shared>,
}

/// What fetch tasks need, too.
struct Shared {
    site: Site,
}

impl Nico {
    /// Asks through `site`.
    #[must_use]
    pub fn new(site: Site) -> Self {
        Self {
            shared: Arc::new(Shared { site }),
        }
    }
}

impl Source for Nico {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        async move {
            Ok(match Link::parse(&reference.identifier) {
                None => Outcome::NotMine,
                Some(link) => Outcome::Found(self.shared.look_up(link).await?),
            })
        }
        .boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let uri = track.info.uri.as_deref().and_then(Link::of_track);
        let id = Link::of_track(&track.info.identifier).or(uri);
        let id = id.ok_or_else(|| Failure::common("The track is none of Niconico's."))?;
        let (shared, id) = (self.shared.clone(), Arc::new(id));
        let locate = move |_| {
            let (shared, id) = (shared.clone(), id.clone());
            async move { shared.locate(&id).await }.boxed()
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
    async fn look_up(&self, link: Link) -> Result<LoadResult, Failure> {
        match link {
            Link::Video { id, start } => {
                let Some(data) = self.watch(&id).await? else {
                    return Ok(LoadResult::Empty);
                };
                // what nobody can play is told before it is in a queue
                read::rights(&data).map_err(|refusal| self.refused(refusal))?;
                let track = read::track(&data, &id, start);
                let track = track.map_err(|error| self.site.changed(error))?;
                Ok(LoadResult::Track(Box::new(track)))
            }
            Link::List(kind, id) => self.list(kind, id).await,
        }
    }

    /// What the site knows of a video; `None` when there is none.
    async fn watch(&self, id: &str) -> Result<Option<Value>, Failure> {
        let base = format!("{}{id}", self.site.data().nico.watch);
        let session = session(chance(), unix_millis());
        let address = self.site.address(&base, &[("actionTrackId", &session)])?;
        self.ask(Call::get(address)).await.map(|told| told.0)
    }

    /// The data of an answer, and all of it.
    async fn ask(&self, mut call: Call) -> Result<(Option<Value>, Answer), Failure> {
        for (name, value) in &self.site.data().nico.headers {
            let pair = HeaderName::try_from(name)
                .ok()
                .zip(HeaderValue::try_from(value).ok());
            let (name, value) = pair.ok_or_else(|| {
                Failure::fault("A header of Niconico in the data of sites is none.")
            })?;
            call = call.with(name, value);
        }
        let answer = self.site.ask(call).await?;
        // refusals are answers, too, and say more than their status
        let told = match self.site.json(&answer) {
            Ok(told) => told,
            Err(changed) => {
                self.site.accept(answer)?;
                return Err(changed);
            }
        };
        let data = read::data(&told).map_err(|refusal| self.refused(refusal))?;
        Ok((data.cloned(), answer))
    }

    async fn list(&self, kind: List, id: u64) -> Result<LoadResult, Failure> {
        let data = self.site.data();
        let facts = &data.nico;
        let path = match kind {
            List::Mylist => "mylists",
            List::Series => "series",
        };
        let base = format!("{}/v2/{path}/{id}", facts.api);
        let size = facts.page_size.to_string();
        let (mut title, mut tracks) = (String::new(), Vec::new());
        for page in 1..=facts.pages {
            let query = [("page", &*page.to_string()), ("pageSize", &size)];
            let call = Call::get(self.site.address(&base, &query)?);
            let found = match self.ask(call).await {
                Ok((found, _)) => found,
                // what there is already is better than nothing
                Err(why) if !tracks.is_empty() => {
                    tracing::debug!(why = %why.trace(), "a list is cut short");
                    break;
                }
                Err(why) => return Err(why),
            };
            let Some(found) = found else { break };
            let (name, items) = read::list(&found, kind);
            title = name;
            tracks.extend(items.iter().filter_map(read::item));
            if items.len() < facts.page_size {
                break;
            }
        }
        Ok(match tracks.is_empty() {
            true => LoadResult::Empty,
            false => LoadResult::playlist(title, tracks),
        })
    }

    /// Finds out where the sound of a video is.
    async fn locate(&self, id: &str) -> Result<Located, Failure> {
        let gone = || Failure::common("This video is not available any more.");
        let data = self.watch(id).await?.ok_or_else(gone)?;
        let rights = read::rights(&data).map_err(|refusal| self.refused(refusal))?;
        let (found, answer) = self.ask(self.access(id, &rights)?).await?;
        let found = found.ok_or_else(gone)?;
        let link = found
            .needed_text("contentUrl")
            .map_err(|error| self.site.changed(error))?;
        let known = self.site.data();
        let hosts = &known.nico.media_hosts;
        let address = Address::parse(link)
            .filter(|address| is_below(address.url(), hosts))
            .ok_or_else(|| self.site.changed(UnknownHost))?;
        let headers = cookies(&answer.headers);
        Ok(Located::Hls(Place::new(address, headers).trusting(hosts)))
    }

    /// Asks for the playlist of a video.
    fn access(&self, id: &str, rights: &Rights) -> Result<Call, Failure> {
        let data = self.site.data();
        let facts = &data.nico;
        let base = format!("{}/v1/watch/{id}/access-rights/hls", facts.api);
        let query = [("actionTrackId", &*rights.session)];
        let address = self.site.address(&base, &query)?;
        let wanted = json!({ "outputs": [[rights.pictures, rights.sound]] });
        let header = |text: &str| {
            let value = HeaderValue::try_from(text);
            value.map_err(|error| self.site.changed(error))
        };
        let mut key = header(rights.key.expose())?;
        key.set_sensitive(true);
        Ok(Call::post_json(address, &wanted)
            .with(ACCESS_KEY, key)
            .with(REQUEST_WITH, header(&facts.site)?))
    }

    fn refused(&self, refusal: Refusal) -> Failure {
        refusal.into_failure(|error| self.site.changed(error))
    }
}

/// The cookies that an answer gives, as they are sent back; nothing when there are none, or too many.
fn cookies(headers: &HeaderMap) -> HeaderMap {
    let given = headers.get_all(header::SET_COOKIE).iter();
    let pairs = given.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
    let cookies: Vec<&str> = pairs.map(str::trim).collect();
    let cookies = cookies.join("; ");
    let mut sent = HeaderMap::new();
    if let Ok(mut value) = HeaderValue::try_from(&cookies)
        && (1..=MAX_COOKIES).contains(&cookies.len())
    {
        value.set_sensitive(true);
        sent.insert(header::COOKIE, value);
    }
    sent
}

/// A name under which a video is asked for: ten letters, and the time in milliseconds, as the site's own player makes it.
fn session(mut chance: u64, unix_millis: u128) -> String {
    let letters = (0..SESSION_LETTERS).map(|_| {
        let letter = (chance % 26) as u8;
        chance /= 26;
        char::from(b'A' + letter)
    });
    format!("{}_{unix_millis}", letters.collect::<String>())
}

#[expect(clippy::disallowed_methods, reason = "the site is told the time")]
fn unix_millis() -> u128 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis())
}

#[cfg(test)]
mod tests;
