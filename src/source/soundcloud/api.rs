//! Owns: asking SoundCloud's API: its client id, single things, and lists page by page.
//! Never knows: what becomes of the answers.

use super::{
    Facts,
    link::{Kind, Link, List, Search},
};
use crate::{
    error::Failure,
    net::{address::Address, call::Call},
    source::site::{
        Site,
        cache::{Cache, Limits},
        html, is_below,
        json::Pick,
    },
    units::Secret,
};
use futures_util::{StreamExt, stream};
use http::{HeaderValue, header};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use url::Url;

/// A client id holds for weeks.
const IDS: Limits = Limits {
    keep: Duration::from_secs(24 * 3600),
    keep_failure: Duration::from_secs(10),
    entries: 1,
};
/// How old a client id must be for a refusal to be its fault.
const GRACE: Duration = Duration::from_secs(60);
/// How much of a script is read, in bytes: the id stands near its beginning.
const SCRIPT_RANGE: HeaderValue = HeaderValue::from_static("bytes=0-262143");
/// Requests of one load that run at a time.
const AT_A_TIME: usize = 4;

/// There is no client id where one was found before.
#[derive(Debug, thiserror::Error)]
#[error("no client id is found in the pages of SoundCloud")]
struct NoClientId;

/// A link of the API leads to a host that is not known.
#[derive(Debug, thiserror::Error)]
#[error("a link leads to another host than known ones")]
struct UnknownHost;

/// Asks the API.
pub struct Api {
    site: Site,
    ids: Cache<(), Arc<str>>,
}

impl Api {
    /// Asks through `site`.
    #[must_use]
    pub fn new(site: Site) -> Self {
        Self {
            site,
            ids: Cache::new(IDS),
        }
    }

    /// The site that it belongs to.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// What a page shows: a track, a playlist or a user.
    ///
    /// # Errors
    /// When the site refuses, or does not work.
    pub async fn resolve(&self, page: &str) -> Result<Option<Value>, Failure> {
        self.get("/resolve", &[("url", page)]).await
    }

    /// A thing by its number.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn thing(
        &self,
        kind: Kind,
        id: u64,
        secret: Option<&str>,
    ) -> Result<Option<Value>, Failure> {
        let path = format!("/{}/{id}", kind.path());
        let secret: Vec<_> = secret.map(|it| ("secret_token", it)).into_iter().collect();
        if let Some(found) = self.get(&path, &secret).await? {
            return Ok(Some(found));
        }
        // some are known to the widget only
        let mut thing = Url::parse(&format!("https://api.soundcloud.com{path}"))
            .map_err(|error| self.site.changed(error))?;
        if let Some((name, secret)) = secret.first() {
            thing.query_pairs_mut().append_pair(name, secret);
        }
        let widget = self.url(
            &self.site.data().soundcloud.widget,
            "",
            &[("url", thing.as_str())],
        )?;
        let Some(answer) = self.site.accept(self.ask(&widget).await?)? else {
            return Ok(None);
        };
        let page = String::from_utf8_lossy(&answer.body);
        let place = html::between(&page, "rel=\"canonical\" href=\"", "\"");
        match place.and_then(Link::parse) {
            Some(Link::Page { url, .. }) => self.resolve(&url).await,
            _ => Ok(None),
        }
    }

    /// A `collection` of things of a kind that fit some words.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn search(&self, kind: Kind, search: &Search) -> Result<Option<Value>, Failure> {
        let (offset, limit) = (search.offset.to_string(), search.limit.to_string());
        let wanted = [
            ("q", &*search.words),
            ("offset", &offset),
            ("limit", &limit),
        ];
        self.get(&format!("/search/{}", kind.path()), &wanted).await
    }

    /// A user's list, as far as it is read; `None` when there is no such user. Each track goes through `read` as soon as it is
    /// there, because answers are many times larger than what is needed of them.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve), for the first page of the list.
    pub async fn list<T>(
        &self,
        user: u64,
        list: List,
        mut read: impl FnMut(&Value) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Failure> {
        let path = match list {
            List::Tracks => format!("/users/{user}/tracks"),
            List::Likes => format!("/users/{user}/likes"),
            List::Reposts => format!("/stream/users/{user}/reposts"),
        };
        let data = self.site.data();
        let facts = &data.soundcloud;
        let size = facts.page_size.to_string();
        let wanted = [("limit", &*size), ("linked_partitioning", "1")];
        let Some(mut page) = self.get(&path, &wanted).await? else {
            return Ok(None);
        };
        let mut tracks = Vec::new();
        let mut seen = HashSet::new();
        for number in 1.. {
            let items = page.list("collection").iter().map(track_of);
            tracks.extend(items.filter_map(&mut read));
            // a list that leads to itself has been read
            let next = page.text("next_href").map(str::to_owned);
            let is_new = |next: &String| number < facts.pages && seen.insert(next.clone());
            let Some(next) = next.filter(is_new) else {
                break;
            };
            match self.next(&next).await {
                Ok(Some(more)) => page = more,
                Ok(None) => break,
                // what there is already is better than nothing
                Err(failure) => {
                    tracing::debug!(why = %failure.trace(), "a list is cut short");
                    break;
                }
            }
        }
        Ok(Some(tracks))
    }

    async fn next(&self, link: &str) -> Result<Option<Value>, Failure> {
        let url = Url::parse(link).map_err(|error| self.site.changed(error))?;
        if !self.is_api(&url) {
            return Err(self.site.changed(UnknownHost));
        }
        self.get_url(url).await
    }

    /// The tracks of a set, in order. Those that it only names are asked for; what is not there any more is left out. `read` as
    /// in [`list`](Self::list).
    ///
    /// # Errors
    /// When nothing of it could be asked for.
    pub async fn tracks_of<T: Clone>(
        &self,
        set: &Value,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, Failure> {
        let data = self.site.data();
        let facts = &data.soundcloud;
        let most = facts.pages.saturating_mul(facts.page_size);
        let tracks = || set.list("tracks").iter().take(most);
        let is_whole = |track: &Value| track.pick("media").is_some();
        let named: Vec<String> = tracks()
            .filter(|track| !is_whole(track))
            .filter_map(|track| Some(track.number("id")?.to_string()))
            .collect();
        let batches: Vec<String> = named
            .chunks(facts.tracks_per_request.max(1))
            .map(|ids| ids.join(","))
            .collect();
        let mut answers = stream::iter(batches)
            .map(|ids| self.batch(ids, set))
            .buffer_unordered(AT_A_TIME);
        let mut failure = None;
        let mut by_id = HashMap::new();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(batch) => {
                    let known = |track: &Value| Some((track.number("id")?, read(track)?));
                    let batch = batch.as_array().map_or(&[][..], Vec::as_slice);
                    by_id.extend(batch.iter().filter_map(known));
                }
                Err(why) => failure = Some(why),
            }
        }
        let found: Vec<T> = tracks()
            .filter_map(|track| match is_whole(track) {
                true => read(track),
                false => by_id.get(&track.number("id")?).cloned(),
            })
            .collect();
        match failure {
            Some(failure) if found.is_empty() => Err(failure),
            Some(failure) => {
                tracing::debug!(why = %failure.trace(), "a set is not complete");
                Ok(found)
            }
            None => Ok(found),
        }
    }

    /// A list of the tracks with these numbers, in any order.
    async fn batch(&self, ids: String, set: &Value) -> Result<Value, Failure> {
        let id = set.number("id").map(|id| id.to_string());
        let mut wanted = vec![("ids", &*ids)];
        if let (Some(id), Some(secret)) = (&id, set.text("secret_token")) {
            wanted.push(("playlistId", id));
            wanted.push(("playlistSecretToken", secret));
        }
        let found = self.get("/tracks", &wanted).await?;
        Ok(found.unwrap_or_default())
    }

    /// Where the bytes of a stream are; `None` when it is not there any more. `lookup` may come from a client.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn address(
        &self,
        lookup: &str,
        authorization: Option<&Secret>,
    ) -> Result<Option<Address>, Failure> {
        let mut url = Url::parse(lookup).map_err(|error| self.site.changed(error))?;
        if !self.is_api(&url) {
            return Err(self.site.changed(UnknownHost));
        }
        if let Some(secret) = authorization {
            url.query_pairs_mut()
                .append_pair("track_authorization", secret.expose());
        }
        let Some(found) = self.get_url(url).await? else {
            return Ok(None);
        };
        let link = found
            .needed_text("url")
            .map_err(|error| self.site.changed(error))?;
        Address::parse(link)
            .filter(|address| is_below(address.url(), &self.site.data().soundcloud.media_hosts))
            .map(Some)
            .ok_or_else(|| self.site.changed(UnknownHost))
    }

    /// Whether a link leads to the API, so that the client id may be sent there.
    #[must_use]
    pub fn is_api(&self, url: &Url) -> bool {
        let data = self.site.data();
        let facts = &data.soundcloud;
        let host = url.host_str().unwrap_or_default();
        facts.api_hosts.iter().any(|known| known == host)
    }

    /// Where a short link leads.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn lengthen(&self, link: &str) -> Result<Option<Link>, Failure> {
        let address = self.address_of(link)?;
        let answer = self.site.ask(Call::head(address)).await?;
        let Some(target) = answer.redirect() else {
            self.site.accept(answer)?;
            return Ok(None);
        };
        Ok(match Link::parse(target.as_str()) {
            // one step: it could lead to itself
            Some(Link::Short(_)) | None => None,
            link => link,
        })
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Value>, Failure> {
        let url = self.url(&self.site.data().soundcloud.api, path, query)?;
        self.get_url(url).await
    }

    fn url(&self, base: &str, path: &str, query: &[(&str, &str)]) -> Result<Url, Failure> {
        let wrong = |error| Failure::fault("An address of SoundCloud is none.").because(error);
        let mut url = Url::parse(&format!("{base}{path}")).map_err(wrong)?;
        for (name, value) in query {
            url.query_pairs_mut().append_pair(name, value);
        }
        Ok(url)
    }

    fn address_of(&self, link: &str) -> Result<Address, Failure> {
        Address::parse(link).ok_or_else(|| Failure::common("Not a valid URL."))
    }

    async fn ask(&self, url: &Url) -> Result<crate::net::call::Answer, Failure> {
        let call = Call::get(self.address_of(url.as_str())?);
        let is_search = url.path().starts_with("/search");
        self.site
            .ask(if is_search { call.as_search() } else { call })
            .await
    }

    /// Asks the API, with the client id; with another one, if it refuses an old one.
    async fn get_url(&self, url: Url) -> Result<Option<Value>, Failure> {
        let mut may_renew = true;
        loop {
            let mut url = url.clone();
            let id = self.client_id().await?;
            url.query_pairs_mut().append_pair("client_id", &id);
            let answer = self.ask(&url).await?;
            if may_renew && matches!(answer.status, 401 | 403) && self.ids.forget(&(), GRACE) {
                may_renew = false;
                continue;
            }
            let Some(answer) = self.site.accept(answer)? else {
                return Ok(None);
            };
            return self.site.json(&answer).map(Some);
        }
    }

    async fn client_id(&self) -> Result<Arc<str>, Failure> {
        match &self.site.data().soundcloud.client_id {
            Some(id) => Ok(id.as_str().into()),
            None => self.ids.get(&(), self.find_client_id()).await,
        }
    }

    /// Finds the id in the site's start page, or in one of its scripts, the last of which had it in the past.
    async fn find_client_id(&self) -> Result<Arc<str>, Failure> {
        let data = self.site.data();
        let facts = &data.soundcloud;
        let start = self.url(&facts.site, "", &[])?;
        let no_id = || self.site.changed(NoClientId);
        let answer = self
            .site
            .accept(self.ask(&start).await?)?
            .ok_or_else(no_id)?;
        let page = String::from_utf8_lossy(&answer.body);
        if let Some(id) = client_id_in(&page, &facts.client_id_marks) {
            return Ok(id.into());
        }
        for script in scripts(&page, facts) {
            let call = Call::get(script).with(header::RANGE, SCRIPT_RANGE);
            let Some(answer) = self.site.accept(self.site.ask(call).await?)? else {
                continue;
            };
            let script = String::from_utf8_lossy(&answer.body);
            if let Some(id) = client_id_in(&script, &facts.client_id_marks) {
                return Ok(id.into());
            }
        }
        Err(no_id())
    }
}

/// Scripts of a page that may hold the client id, the last first.
fn scripts(page: &str, facts: &Facts) -> Vec<Address> {
    let links = page
        .split("<script")
        .skip(1)
        .filter_map(|tag| html::attribute(tag.split('>').next()?, "src"));
    let known = |link: &str| {
        Address::parse(link).filter(|address| is_below(address.url(), &facts.script_hosts))
    };
    let mut found: Vec<Address> = links.filter_map(known).take(facts.scripts).collect();
    found.reverse();
    found
}

/// A word of letters and digits behind one of the marks.
fn client_id_in<'a>(text: &'a str, marks: &[String]) -> Option<&'a str> {
    let word = |text: &'a str| {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric())?;
        (16..=64).contains(&end).then(|| &text[..end])
    };
    marks
        .iter()
        .find_map(|mark| text.split(mark.as_str()).skip(1).find_map(word))
}

/// The track of an item of a list: the item itself, or what was liked or passed on.
fn track_of(item: &Value) -> &Value {
    item.pick("track").unwrap_or(item)
}
