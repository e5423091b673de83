//! Owns: the `bandcamp` source (reference, 8.4): what its links lead to, and where the sound of a track is.
//! Never knows: how requests are made.

mod link;
mod page;

use super::{
    Outcome, Page as Html, Reference, Source, Supply,
    findings::{Findings, Kind},
    site::{
        Site,
        cache::{Cache, Limits},
        check::{self, Wrong},
        is_below,
        json::Pick,
    },
};
use crate::{
    error::Failure,
    media::{
        demux::probe::Hint,
        located::{Located, Sought},
    },
    net::{address::Address, call::Call},
    track::{LoadResult, Track},
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use link::Link;
use page::{Found, NAME, Page};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use url::Url;

/// Requests of one load that run at a time.
const AT_A_TIME: usize = 4;
/// Links to the sound of tracks that were loaded lately and may be played soon. They hold for hours.
const STREAMS: Limits = Limits {
    keep: Duration::from_secs(600),
    keep_failure: Duration::from_secs(5),
    entries: 256,
};

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Where its search and its API are.
    pub site: String,
    /// Hosts of sound, and all below them.
    pub stream_hosts: Vec<String>,
    /// Names of formats that can be played, the best first.
    pub formats: Vec<String>,
    /// What stands before and after the number in a picture's address.
    pub artwork: [String; 2],
    /// Works of an artist that are loaded.
    pub releases: usize,
}

impl Facts {
    /// What fits, but cannot work.
    ///
    /// # Errors
    /// When there is such a value.
    pub fn check(&self) -> Result<(), Wrong> {
        check::addresses([("site", &self.site), ("artwork", &self.artwork[0])])?;
        check::filled([
            ("streamHosts", self.stream_hosts.len()),
            ("formats", self.formats.len()),
        ])?;
        check::numbers([("releases", self.releases)])
    }

    fn is_stream_host(&self, address: &Address) -> bool {
        is_below(address.url(), &self.stream_hosts)
    }
}

/// What the configuration says of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether pages outside of `bandcamp.com` may be asked for, as artists with a name of their own have them. Only where
    /// any URL may be asked for anyway.
    pub other_hosts: bool,
}

/// Loads and opens tracks of Bandcamp.
pub struct Bandcamp {
    shared: Arc<Shared>,
}

/// What fetch tasks need, too.
struct Shared {
    site: Site,
    settings: Settings,
    /// By the page of the track.
    streams: Cache<String, Address>,
}

impl Bandcamp {
    /// Asks through `site`.
    #[must_use]
    pub fn new(site: Site, settings: Settings) -> Self {
        let shared = Shared {
            site,
            settings,
            streams: Cache::new(STREAMS),
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl Source for Bandcamp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        self.shared.look_up(&reference.identifier).boxed()
    }

    fn read<'a>(&'a self, html: &'a Html) -> BoxFuture<'a, Result<Outcome, Failure>> {
        async move {
            if !page::is_bandcamp(&html.text) {
                return Ok(Outcome::NotMine);
            }
            let shared = &self.shared;
            let found = shared.read_page(&html.text, &html.address)?;
            shared.result(found).await.map(Outcome::Found)
        }
        .boxed()
    }

    fn search<'a>(
        &'a self,
        query: &'a str,
        kinds: &'a [Kind],
    ) -> BoxFuture<'a, Result<Option<Findings>, Failure>> {
        self.shared.find(query, kinds).boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let may_ask = |page: &Address| self.shared.may_ask(page);
        let page = Address::parse(&track.info.identifier).filter(may_ask);
        let page = page.ok_or_else(|| Failure::common("The track is none of Bandcamp's."))?;
        let shared = self.shared.clone();
        let locate = move |sought: Sought| {
            let (shared, page) = (shared.clone(), page.clone());
            async move {
                let found = shared.locate(page, sought.is_again()).await;
                found.map(|address| Located::File(address.into()))
            }
            .boxed()
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
        let result = match Link::parse(identifier) {
            None => return Ok(Outcome::NotMine),
            Some(Link::Search(words)) => self.search(&words).await?,
            Some(Link::Page(address)) => {
                let found = self.page(address).await?;
                self.result(found).await?
            }
        };
        Ok(Outcome::Found(result))
    }

    async fn search(&self, words: &str) -> Result<LoadResult, Failure> {
        if words.is_empty() {
            return Ok(LoadResult::Empty);
        }
        let by_page = self.search_page(words).await;
        if let Ok(tracks) = &by_page
            && !tracks.is_empty()
        {
            return by_page.map(LoadResult::Search);
        }
        // pages are for people, and may be refused to others; the API finds less, but may go on answering
        match self.search_api(words).await {
            Ok(tracks) if !tracks.is_empty() => Ok(LoadResult::Search(tracks)),
            _ => by_page.map(|_| LoadResult::Empty),
        }
    }

    async fn search_page(&self, words: &str) -> Result<Vec<Track>, Failure> {
        let mut url = self.url("/search")?;
        url.query_pairs_mut()
            .append_pair("q", words)
            .append_pair("item_type", "t");
        let html = self.html(Call::get(address(&url)?).as_search()).await?;
        Ok(html.map_or_else(Vec::new, |html| page::hits(&html.text)))
    }

    async fn search_api(&self, words: &str) -> Result<Vec<Track>, Failure> {
        let answer = self.ask_api(words, "t").await?;
        Ok(page::api_hits(&answer, &self.site.data().bandcamp))
    }

    /// What the API finds of a kind: `t` for tracks, empty for all.
    async fn ask_api(&self, words: &str, filter: &str) -> Result<Value, Failure> {
        let url = self.url("/api/bcsearch_public_api/1/autocomplete_elastic")?;
        let wanted = json!({
            "search_text": words, "search_filter": filter, "full_page": false, "fan_id": null,
        });
        let call = Call::post_json(address(&url)?, &wanted).as_search();
        match self.site.accept(self.site.ask(call).await?)? {
            Some(answer) => self.site.json(&answer),
            None => Ok(Value::Null),
        }
    }

    /// Things of these kinds that fit a query, by one request; `None` when it is none of Bandcamp's. Lists of people are no kind
    /// of thing there.
    async fn find(&self, query: &str, kinds: &[Kind]) -> Result<Option<Findings>, Failure> {
        let Some(words) = query.strip_prefix("bcsearch:").map(str::trim) else {
            return Ok(None);
        };
        let is_asked = kinds
            .iter()
            .any(|kind| matches!(kind, Kind::Track | Kind::Album | Kind::Artist));
        if words.is_empty() || !is_asked {
            return Ok(Some(Findings::default()));
        }
        let answer = self.ask_api(words, "").await?;
        let data = self.site.data();
        let mut found = page::api_findings(&answer, &data.bandcamp);
        if !kinds.contains(&Kind::Track) {
            found.tracks.clear();
        }
        if !kinds.contains(&Kind::Album) {
            found.albums.clear();
        }
        if !kinds.contains(&Kind::Artist) {
            found.artists.clear();
        }
        Ok(Some(found))
    }

    async fn html(&self, call: Call) -> Result<Option<Html>, Failure> {
        let answer = self.site.ask(call).await?;
        Ok(self.site.accept(answer)?.map(|answer| Html {
            address: answer.address,
            text: String::from_utf8_lossy(&answer.body).into_owned(),
        }))
    }

    async fn page(&self, address: Address) -> Result<Option<Page>, Failure> {
        match self.html(Call::get(address)).await? {
            Some(html) => self.read_page(&html.text, &html.address),
            None => Ok(None),
        }
    }

    fn read_page(&self, html: &str, address: &Address) -> Result<Option<Page>, Failure> {
        let facts = &self.site.data().bandcamp;
        page::read(html, address, facts).map_err(|error| self.site.changed(error))
    }

    async fn result(&self, page: Option<Page>) -> Result<LoadResult, Failure> {
        Ok(match page {
            None => LoadResult::Empty,
            Some(Page::Track(found)) => LoadResult::Track(Box::new(self.keep(*found))),
            Some(Page::Album { name, tracks }) => {
                LoadResult::playlist(name, tracks.into_iter().map(|it| self.keep(it)).collect())
            }
            Some(Page::Works { name, links, band }) => {
                let tracks = self.tracks_of(links, band).await?;
                match tracks.is_empty() {
                    true => LoadResult::Empty,
                    false => LoadResult::playlist(name, tracks),
                }
            }
        })
    }

    /// The track, whose stream is kept for when it is played.
    fn keep(&self, found: Found) -> Track {
        if let Some(stream) = found.stream {
            self.streams.put(&found.track.info.identifier, stream);
        }
        found.track
    }

    /// The tracks of an artist's works, one work after the other as the site shows them.
    async fn tracks_of(
        &self,
        mut links: Vec<Address>,
        band: Option<i64>,
    ) -> Result<Vec<Track>, Failure> {
        let most = self.site.data().bandcamp.releases;
        if let (true, Some(band)) = (links.is_empty(), band) {
            links = self.works_of(band, most).await?;
        }
        links.retain(|link| self.may_ask(link));
        links.truncate(most);
        let pages = stream::iter(links).map(|link| self.page(link));
        let found: Vec<_> = pages.buffered(AT_A_TIME).collect().await;
        let mut tracks = Vec::new();
        let mut failure = None;
        for page in found {
            match page {
                Ok(Some(Page::Track(found))) => tracks.push(self.keep(*found)),
                Ok(Some(Page::Album { tracks: more, .. })) => {
                    tracks.extend(more.into_iter().map(|it| self.keep(it)));
                }
                Ok(Some(Page::Works { .. }) | None) => {}
                Err(why) => failure = Some(why),
            }
        }
        match failure {
            Some(failure) if tracks.is_empty() => Err(failure),
            Some(failure) => {
                tracing::debug!(why = %failure.trace(), "works of an artist are left out");
                Ok(tracks)
            }
            None => Ok(tracks),
        }
    }

    /// Pages of an artist's or label's works, where its own page does not show them.
    async fn works_of(&self, band: i64, most: usize) -> Result<Vec<Address>, Failure> {
        let url = self.url("/api/mobile/22/band_details")?;
        let call = Call::post_json(address(&url)?, &json!({ "band_id": band.to_string() }));
        let Some(answer) = self.site.accept(self.site.ask(call).await?)? else {
            return Ok(Vec::new());
        };
        let details = self.site.json(&answer)?;
        let work = |work: &Value| {
            let kind = work.text("item_type")?.chars().next()?;
            Some((work.number("band_id")?, work.number("item_id")?, kind))
        };
        let works = details.list("discography").iter().filter_map(work);
        let works: Vec<_> = works.take(most).collect();
        let places = stream::iter(works).map(|work| self.place_of(work));
        let places: Vec<_> = places.buffered(AT_A_TIME).collect().await;
        // if none can be asked for, that is what is to be told
        let is_lost = !places.is_empty() && places.iter().all(Result::is_err);
        let known = |place: Result<Option<Address>, Failure>| match place {
            Ok(place) => place.map(Ok),
            Err(failure) => is_lost.then_some(Err(failure)),
        };
        places.into_iter().filter_map(known).collect()
    }

    async fn place_of(
        &self,
        (band, id, kind): (i64, i64, char),
    ) -> Result<Option<Address>, Failure> {
        let mut url = self.url("/api/mobile/22/tralbum_details")?;
        url.query_pairs_mut()
            .append_pair("band_id", &band.to_string())
            .append_pair("tralbum_id", &id.to_string())
            .append_pair("tralbum_type", &kind.to_string());
        let answer = self.site.ask(Call::get(address(&url)?)).await?;
        let Some(answer) = self.site.accept(answer)? else {
            return Ok(None);
        };
        let details = self.site.json(&answer)?;
        let link = details
            .needed_text("bandcamp_url")
            .map_err(|error| self.site.changed(error))?;
        Ok(Address::parse(link))
    }

    /// Whether a link may be followed, which anybody may have written.
    fn may_ask(&self, link: &Address) -> bool {
        self.settings.other_hosts || matches!(Link::parse(link.url().as_str()), Some(Link::Page(_)))
    }

    /// Finds out where the sound of a track's page is. `is_again` when what was found before has been refused.
    async fn locate(&self, page: Address, is_again: bool) -> Result<Address, Failure> {
        let key = page.to_identifier();
        if is_again {
            self.streams.forget(&key, Duration::ZERO);
        }
        self.streams.get(&key, self.find_stream(page)).await
    }

    async fn find_stream(&self, page: Address) -> Result<Address, Failure> {
        let html = self.html(Call::get(page)).await?;
        let html = html.ok_or_else(|| Failure::common("This track is not available any more."))?;
        let facts = &self.site.data().bandcamp;
        page::sound(&html.text, facts)
            .map_err(|error| self.site.changed(error))?
            .ok_or_else(|| Failure::common("This track can be heard by its buyers only."))
    }

    fn url(&self, path: &str) -> Result<Url, Failure> {
        let base = &self.site.data().bandcamp.site;
        Url::parse(&format!("{base}{path}"))
            .map_err(|error| Failure::fault("An address of Bandcamp is none.").because(error))
    }
}

fn address(url: &Url) -> Result<Address, Failure> {
    Address::parse(url.as_str()).ok_or_else(|| Failure::fault("An address of Bandcamp is none."))
}

#[cfg(test)]
mod tests;
