//! Owns: the `deezer` source (reference, 8.5): what its links and searches lead to. Its full tracks are encrypted; what they stand
//! for is played from elsewhere, previews are played from its own.
//! Never knows: how requests are made, where else a track is found.
//!
//! Asks the public API, which needs no key: <https://developers.deezer.com/api>.

mod read;

use super::{
    Outcome, Reference, Source, Supply,
    findings::{Findings, Kind},
    list::{self, List},
    mirror::Mirror,
    site::{
        Site,
        check::{self, Wrong},
        is_below,
        json::Pick,
        link,
    },
};
use crate::{
    error::Failure,
    media::{
        demux::probe::Hint,
        located::{Located, Sought},
    },
    net::{address::Address, call::Call},
    track::{LoadResult, Track, extended::Extended},
};
use futures_util::{FutureExt, future::BoxFuture};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use url::Url;

/// The name of this source.
const NAME: &str = "deezer";
const SEARCH: &str = "dzsearch:";
const ISRC: &str = "dzisrc:";
const RECOMMENDATIONS: &str = "dzrec:";
const PREVIEW: &str = "dzprev:";

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Where its API begins.
    pub api: String,
    /// Hosts of previews, and all below them.
    pub preview_hosts: Vec<String>,
    /// What stands before and after the name of a picture.
    pub artwork: [String; 2],
    /// Tracks of a list that are asked for at once.
    pub page_size: usize,
    /// Pages of a list that are read.
    pub pages: usize,
    /// Best known tracks of an artist that are loaded.
    pub top_tracks: usize,
}

impl Facts {
    /// What fits, but cannot work.
    ///
    /// # Errors
    /// When there is such a value.
    pub fn check(&self) -> Result<(), Wrong> {
        check::addresses([("api", &self.api), ("artwork", &self.artwork[0])])?;
        check::numbers([
            ("pageSize", self.page_size),
            ("pages", self.pages),
            ("topTracks", self.top_tracks),
        ])
    }
}

/// Loads tracks of Deezer.
pub struct Deezer {
    api: Arc<Api>,
    mirror: Arc<Mirror>,
}

impl Deezer {
    /// Asks through `site`; plays through `mirror`.
    #[must_use]
    pub fn new(site: Site, mirror: Arc<Mirror>) -> Self {
        let api = Arc::new(Api { site });
        Self { api, mirror }
    }
}

impl Source for Deezer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        let identifier = &*reference.identifier;
        async move {
            let bare = identifier.strip_prefix(PREVIEW);
            let Some(wish) = Wish::read(bare.unwrap_or(identifier)) else {
                return Ok(Outcome::NotMine);
            };
            let found = self.api.find(wish, bare.is_some()).await?;
            Ok(Outcome::Found(found.unwrap_or(LoadResult::Empty)))
        }
        .boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let extended = Extended::of(track);
        if !extended.is_preview {
            return self.mirror.open(track, &[]);
        }
        let wanted = Arc::new((track.info.identifier.clone(), extended.preview_url));
        let api = self.api.clone();
        let locate = move |sought: Sought| {
            let (api, wanted) = (api.clone(), wanted.clone());
            async move {
                let (id, known) = &*wanted;
                let known = known.as_deref().filter(|_| !sought.is_again());
                api.preview(id, known)
                    .await
                    .map(|it| Located::File(it.into()))
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

    fn search<'a>(
        &'a self,
        query: &'a str,
        kinds: &'a [Kind],
    ) -> BoxFuture<'a, Result<Option<Findings>, Failure>> {
        async move {
            match query.strip_prefix(SEARCH) {
                Some(words) => self.api.search_all(words, kinds).await.map(Some),
                None => Ok(None),
            }
        }
        .boxed()
    }
}

/// What an identifier asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    Search(String),
    Isrc(String),
    /// Tracks like those of an artist.
    LikeArtist(String),
    /// Tracks like those of a track's artist.
    LikeTrack(String),
    /// A link that leads to another.
    Short(Address),
    Track(String),
    Album(String),
    Playlist(String),
    Artist(String),
}

impl Wish {
    fn read(identifier: &str) -> Option<Self> {
        if let Some(words) = identifier.strip_prefix(SEARCH) {
            return Some(Self::Search(words.to_owned()));
        }
        if let Some(isrc) = identifier.strip_prefix(ISRC) {
            return Some(Self::Isrc(isrc.to_owned()));
        }
        if let Some(seed) = identifier.strip_prefix(RECOMMENDATIONS) {
            return Some(match seed.strip_prefix("artist=") {
                Some(artist) => Self::LikeArtist(artist.to_owned()),
                None => Self::LikeTrack(seed.strip_prefix("track=").unwrap_or(seed).to_owned()),
            });
        }
        if let Some((url, _)) = link::parts_at(identifier, &["deezer.page.link", "link.deezer.com"])
        {
            return Address::parse(url.as_str()).map(Self::Short);
        }
        Self::link(identifier)
    }

    fn link(text: &str) -> Option<Self> {
        let (_, parts) = link::parts_at(text, &["deezer.com"])?;
        let mut parts = parts.into_iter().peekable();
        let is_country =
            |part: &String| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
        parts.next_if(is_country);
        let (kind, id) = (parts.next()?, parts.next()?);
        if !link::is_number(&id) {
            return None;
        }
        Some(match &*kind {
            "track" => Self::Track(id),
            "album" => Self::Album(id),
            "playlist" => Self::Playlist(id),
            "artist" => Self::Artist(id),
            _ => return None,
        })
    }
}

/// The API.
struct Api {
    site: Site,
}

/// An error that the API tells of.
#[derive(Debug, thiserror::Error)]
#[error("the API answered with the error {0}")]
struct ApiError(i64);

impl Api {
    fn facts<T>(&self, pick: impl FnOnce(&Facts) -> T) -> T {
        pick(&self.site.data().deezer)
    }

    /// `None` when there is nothing.
    async fn find(&self, wish: Wish, is_preview: bool) -> Result<Option<LoadResult>, Failure> {
        let wish = match wish {
            Wish::Short(short) => match self.lengthen(short).await? {
                Some(wish) => wish,
                None => return Ok(None),
            },
            wish => wish,
        };
        let reader = self.facts(|facts| read::Reader::new(facts, is_preview));
        Ok(match wish {
            // what a short link leads to is none
            Wish::Short(_) => None,
            Wish::Search(words) if words.trim().is_empty() => None,
            Wish::Search(words) => {
                let hits = self.get("/search", &[("q", &words)]).await?;
                let hits = hits.map(|hits| reader.tracks(hits.list("data"), None));
                hits.filter(|hits| !hits.is_empty()).map(LoadResult::Search)
            }
            Wish::Isrc(isrc) => self.track(&format!("isrc:{isrc}"), &reader).await?,
            Wish::Track(id) => self.track(&id, &reader).await?,
            Wish::Album(id) => {
                let Some(album) = self.thing("album", &id).await? else {
                    return Ok(None);
                };
                let tracks = self.all(&format!("/album/{id}/tracks")).await?;
                let tracks = reader.tracks(&tracks, Some(&album));
                reader.album(&album).loaded(tracks)
            }
            Wish::Playlist(id) => {
                let Some(list) = self.thing("playlist", &id).await? else {
                    return Ok(None);
                };
                // other than those in the list itself, these have ISRCs
                let tracks = self.all(&format!("/playlist/{id}/tracks")).await?;
                reader.playlist(&list).loaded(reader.tracks(&tracks, None))
            }
            Wish::Artist(id) => {
                let Some(artist) = self.thing("artist", &id).await? else {
                    return Ok(None);
                };
                let most = self.facts(|facts| facts.top_tracks).to_string();
                let path = format!("/artist/{id}/top");
                let top = self.get(&path, &[("limit", &most)]).await?;
                let top = top.unwrap_or_default();
                let tracks = reader.tracks(top.list("data"), Some(&artist));
                let mut list = reader.artist(&artist);
                list.total_tracks = i64::try_from(tracks.len()).ok();
                list.loaded(tracks)
            }
            Wish::LikeArtist(id) => self.like(&id, &reader).await?,
            Wish::LikeTrack(id) => {
                let track = self.thing("track", &id).await?;
                let artist = track.as_ref().and_then(|it| it.number("artist.id"));
                match artist {
                    Some(artist) => self.like(&artist.to_string(), &reader).await?,
                    None => None,
                }
            }
        })
    }

    async fn track(&self, id: &str, reader: &read::Reader) -> Result<Option<LoadResult>, Failure> {
        let Some(found) = self.thing("track", id).await? else {
            return Ok(None);
        };
        let track = reader.track(&found, None);
        let track = track.map_err(|error| self.site.changed(error))?;
        Ok(Some(LoadResult::Track(Box::new(track))))
    }

    async fn like(
        &self,
        artist: &str,
        reader: &read::Reader,
    ) -> Result<Option<LoadResult>, Failure> {
        if !link::is_number(artist) {
            return Ok(None);
        }
        let found = self.get(&format!("/artist/{artist}/radio"), &[]).await?;
        let tracks = reader.tracks(found.unwrap_or_default().list("data"), None);
        let list = List {
            name: "Deezer Recommendations".to_owned(),
            kind: list::Kind::Recommendations,
            url: None,
            artwork_url: None,
            author: None,
            total_tracks: i64::try_from(tracks.len()).ok(),
        };
        Ok(list.loaded(tracks))
    }

    async fn search_all(&self, words: &str, kinds: &[Kind]) -> Result<Findings, Failure> {
        if words.trim().is_empty() {
            return Ok(Findings::default());
        }
        let found = self.get("/search/autocomplete", &[("q", words)]).await?;
        let found = found.unwrap_or_default();
        let reader = self.facts(|facts| read::Reader::new(facts, false));
        let lists = |kind: Kind, place: &str, read: &dyn Fn(&Value) -> List| {
            let wanted = kinds.contains(&kind).then(|| found.list(place));
            let lists = wanted.unwrap_or_default().iter();
            lists.map(|it| read(it).found()).collect()
        };
        Ok(Findings {
            tracks: match kinds.contains(&Kind::Track) {
                true => reader.tracks(found.list("tracks.data"), None),
                false => Vec::new(),
            },
            albums: lists(Kind::Album, "albums.data", &|it| reader.album(it)),
            artists: lists(Kind::Artist, "artists.data", &|it| reader.artist(it)),
            playlists: lists(Kind::Playlist, "playlists.data", &|it| reader.playlist(it)),
            texts: Vec::new(),
        })
    }

    /// Where a preview is: what is `known`, or what the API says now, since such links hold for a while only.
    async fn preview(&self, id: &str, known: Option<&str>) -> Result<Address, Failure> {
        let none = || Failure::common("No preview url found");
        let found = match known {
            Some(known) => known.to_owned(),
            None => {
                let found = self.thing("track", id).await?.ok_or_else(none)?;
                found.text("preview").unwrap_or_default().to_owned()
            }
        };
        // it may come from a client, who is not to choose where the node connects to
        let is_theirs = |it: &Address| self.facts(|facts| is_below(it.url(), &facts.preview_hosts));
        Address::parse(&found).filter(is_theirs).ok_or_else(none)
    }

    /// Where a short link leads.
    async fn lengthen(&self, short: Address) -> Result<Option<Wish>, Failure> {
        let answer = self.site.ask(Call::head(short)).await?;
        let Some(target) = answer.redirect() else {
            return Ok(None);
        };
        let inner = target.query_pairs().find(|(name, _)| name == "dest");
        Ok(match inner {
            Some((_, inner)) => Wish::link(&inner),
            None => Wish::link(target.as_str()),
        })
    }

    async fn thing(&self, kind: &str, id: &str) -> Result<Option<Value>, Failure> {
        let (prefix, bare) = match id.strip_prefix("isrc:") {
            Some(isrc) => ("isrc:", isrc),
            None => ("", id),
        };
        let is_sane = bare
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_sane || bare.is_empty() || bare.len() > 32 {
            return Ok(None);
        }
        self.get(&format!("/{kind}/{prefix}{bare}"), &[]).await
    }

    /// All items of a list.
    async fn all(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let (size, pages) = self.facts(|facts| (facts.page_size, facts.pages));
        let mut items = Vec::new();
        for _ in 0..pages {
            let (from, limit) = (items.len().to_string(), size.to_string());
            let page = self
                .get(path, &[("index", &from), ("limit", &limit)])
                .await?;
            let Some(mut page) = page else {
                break;
            };
            let has_more = page.text("next").is_some();
            let Some(Value::Array(more)) = page.get_mut("data").map(Value::take) else {
                break;
            };
            let is_last = more.is_empty() || !has_more;
            items.extend(more);
            if is_last {
                break;
            }
        }
        Ok(items)
    }

    /// `None` when there is nothing. Errors come with the status 200.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Value>, Failure> {
        let base = self.facts(|facts| facts.api.clone());
        let none = || Failure::fault("An address of Deezer is none.");
        let mut url = Url::parse(&format!("{base}{path}")).map_err(|it| none().because(it))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let address = Address::parse(url.as_str()).ok_or_else(none)?;
        let answer = self.site.ask(Call::get(address)).await?;
        let Some(answer) = self.site.accept(answer)? else {
            return Ok(None);
        };
        let value = self.site.json(&answer)?;
        // <https://developers.deezer.com/api/errors>
        match value
            .pick("error")
            .map(|_| value.number("error.code").unwrap_or(0))
        {
            None => Ok(Some(value)),
            // wrong parameters, wrong query, no data
            Some(500 | 600 | 800) => Ok(None),
            Some(code @ (4 | 700)) => Err(Failure::suspicious(
                "Deezer was asked too often from this node's address. Try again later.",
            )
            .because(ApiError(code))),
            Some(code) => Err(self.site.changed(ApiError(code))),
        }
    }
}

#[cfg(test)]
mod tests;
