//! Owns: the `tidal` source (reference, 8.5): what its links and searches lead to. It has no sound; what its tracks stand for is
//! played from elsewhere.
//! Never knows: how requests are made, where else a track is found.

use super::{
    Outcome, Reference, Source, Supply, UNKNOWN_AUTHOR, UNKNOWN_TITLE,
    list::{Kind, List},
    mirror::Mirror,
    site::{
        Site,
        check::{self, Wrong},
        json::Pick,
        link,
    },
};
use crate::{
    error::Failure,
    net::{address::Address, call::Call},
    track::{LoadResult, Playlist, Track, TrackInfo, extended::Extended},
    units::Secret,
};
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use url::Url;

/// The name of this source.
const NAME: &str = "tidal";
const SEARCH: &str = "tdsearch:";
const RECOMMENDATIONS: &str = "tdrec:";

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Where its API begins.
    pub api: String,
    /// What stands before and after the name of a track's picture.
    pub artwork: [String; 2],
    /// What stands behind the name of a list's picture.
    pub list_artwork: String,
    /// Tracks of a list that are asked for at once.
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
        check::addresses([("api", &self.api), ("artwork", &self.artwork[0])])?;
        check::numbers([("pageSize", self.page_size), ("pages", self.pages)])
    }
}

/// What the configuration says of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The country whose catalogue is asked, as two letters.
    pub country: String,
    /// Hits of a search.
    pub search_limit: usize,
    /// What the API wants (`x-tidal-token`).
    pub token: Secret,
}

/// Loads tracks of Tidal.
pub struct Tidal {
    site: Site,
    settings: Settings,
    mirror: Arc<Mirror>,
}

impl Tidal {
    /// Asks through `site`; plays through `mirror`.
    #[must_use]
    pub const fn new(site: Site, settings: Settings, mirror: Arc<Mirror>) -> Self {
        Self {
            site,
            settings,
            mirror,
        }
    }
}

impl Source for Tidal {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        async move {
            let Some(wish) = Wish::read(&reference.identifier) else {
                return Ok(Outcome::NotMine);
            };
            let found = self.find(wish).await?;
            Ok(Outcome::Found(found.unwrap_or(LoadResult::Empty)))
        }
        .boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        self.mirror.open(track, &[])
    }
}

/// What an identifier asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    Search(String),
    /// Tracks like this one.
    Like(String),
    Track(String),
    Album(String),
    Playlist(String),
    Mix(String),
}

impl Wish {
    fn read(identifier: &str) -> Option<Self> {
        if let Some(words) = identifier.strip_prefix(SEARCH) {
            return Some(Self::Search(words.to_owned()));
        }
        if let Some(id) = identifier.strip_prefix(RECOMMENDATIONS) {
            return Some(Self::Like(id.to_owned()));
        }
        let (_, parts) = link::parts_at(identifier, &["tidal.com", "listen.tidal.com"])?;
        let mut parts = parts.into_iter().peekable();
        parts.next_if_eq("browse");
        let (kind, id) = (parts.next()?, parts.next()?);
        if !is_id(&id) {
            return None;
        }
        Some(match &*kind {
            "track" => Self::Track(id),
            "album" => Self::Album(id),
            "playlist" => Self::Playlist(id),
            "mix" => Self::Mix(id),
            _ => return None,
        })
    }
}

fn is_id(text: &str) -> bool {
    let is_of_one = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(is_of_one)
}

impl Tidal {
    fn facts<T>(&self, pick: impl FnOnce(&Facts) -> T) -> T {
        pick(&self.site.data().tidal)
    }

    /// `None` when there is nothing.
    async fn find(&self, wish: Wish) -> Result<Option<LoadResult>, Failure> {
        Ok(match wish {
            Wish::Search(words) if words.trim().is_empty() => None,
            Wish::Search(words) => {
                let limit = self.settings.search_limit.to_string();
                let query = [("query", &*words), ("offset", "0"), ("limit", &limit)];
                let found = self.get("search", &query).await?.unwrap_or_default();
                let hits = self.tracks(found.list("tracks.items"));
                (!hits.is_empty()).then_some(LoadResult::Search(hits))
            }
            Wish::Like(id) if !is_id(&id) => None,
            Wish::Like(id) => {
                let track = self.get(&format!("tracks/{id}"), &[]).await?;
                match track.as_ref().and_then(|it| it.text("mixes.TRACK_MIX")) {
                    Some(mix) if is_id(mix) => self.mix(mix).await?,
                    _ => None,
                }
            }
            Wish::Track(id) => {
                let found = self.get(&format!("tracks/{id}"), &[]).await?;
                let track = found.and_then(|it| self.track(&it));
                track.map(|track| LoadResult::Track(Box::new(track)))
            }
            Wish::Album(id) => self.list(Kind::Album, &format!("albums/{id}")).await?,
            Wish::Playlist(id) => {
                self.list(Kind::Playlist, &format!("playlists/{id}"))
                    .await?
            }
            Wish::Mix(id) => self.mix(&id).await?,
        })
    }

    async fn mix(&self, id: &str) -> Result<Option<LoadResult>, Failure> {
        let found = self.get(&format!("mixes/{id}/items"), &[]).await?;
        let tracks = self.tracks(found.unwrap_or_default().list("items"));
        Ok((!tracks.is_empty()).then(|| {
            LoadResult::Playlist(Playlist {
                name: format!("Mix: {id}"),
                selected: None,
                plugin_info: serde_json::Map::new(),
                tracks,
            })
        }))
    }

    async fn list(&self, kind: Kind, path: &str) -> Result<Option<LoadResult>, Failure> {
        let Some(about) = self.get(path, &[]).await? else {
            return Ok(None);
        };
        let tracks = self.all(&format!("{path}/tracks")).await?;
        let title = about.needed_text("title");
        let name = title.map_err(|error| self.site.changed(error))?.to_owned();
        let (picture, author) = match kind {
            Kind::Playlist => ("squareImage", "promotedArtists.0.name"),
            _ => ("cover", "artists.0.name"),
        };
        let end = self.facts(|facts| facts.list_artwork.clone());
        let list = List {
            name,
            kind,
            url: about.text("url").map(str::to_owned),
            artwork_url: about.text(picture).map(|it| self.picture(it, &end)),
            author: about.text(author).map(str::to_owned),
            total_tracks: about.number("numberOfTracks"),
        };
        Ok(list.loaded(tracks))
    }

    /// All tracks of a list.
    async fn all(&self, path: &str) -> Result<Vec<Track>, Failure> {
        let (size, pages) = self.facts(|facts| (facts.page_size, facts.pages));
        let (mut tracks, mut seen) = (Vec::new(), 0);
        for _ in 0..pages {
            let (offset, limit) = (seen.to_string(), size.to_string());
            let query = [("offset", &*offset), ("limit", &*limit)];
            let page = self.get(path, &query).await?.unwrap_or_default();
            let items = page.list("items");
            tracks.extend(self.tracks(items));
            seen += items.len();
            let total = page.number("totalNumberOfItems").unwrap_or(0);
            if items.is_empty() || i64::try_from(seen).is_ok_and(|seen| seen >= total) {
                break;
            }
        }
        Ok(tracks)
    }

    fn picture(&self, name: &str, end: &str) -> String {
        let begin = self.facts(|facts| facts.artwork[0].clone());
        format!("{begin}{}{end}", name.replace('-', "/"))
    }

    /// Items of lists hold their track, those of searches are it.
    fn tracks(&self, items: &[Value]) -> Vec<Track> {
        let tracks = items.iter().map(|it| it.pick("item").unwrap_or(it));
        tracks.filter_map(|it| self.track(it)).collect()
    }

    /// `None` for what has no id or no length, such as a video that is none any more.
    fn track(&self, value: &Value) -> Option<Track> {
        let id = value.number("id")?;
        let seconds = value.number("duration").filter(|seconds| *seconds > 0)?;
        let text = |place: &str| value.text(place).map(str::to_owned);
        let artists = value.list("artists").iter();
        let artists: Vec<&str> = artists.filter_map(|it| it.text("name")).collect();
        let author = match artists.is_empty() {
            true => UNKNOWN_AUTHOR.to_owned(),
            false => artists.join(", "),
        };
        let end = self.facts(|facts| facts.artwork[1].clone());
        let page = |kind: &str, id: i64| format!("https://tidal.com/browse/{kind}/{id}");
        let extended = Extended {
            album_name: text("album.title"),
            album_url: value.number("album.id").map(|id| page("album", id)),
            artist_url: value.number("artists.0.id").map(|id| page("artist", id)),
            artist_artwork_url: value
                .text("artists.0.picture")
                .map(|it| self.picture(it, "/750x750.jpg")),
            preview_url: None,
            is_preview: false,
        };
        Some(extended.attach(TrackInfo {
            identifier: id.to_string(),
            is_seekable: true,
            author,
            length: seconds.saturating_mul(1000),
            is_stream: false,
            position: 0,
            title: text("title").unwrap_or_else(|| UNKNOWN_TITLE.to_owned()),
            uri: Some(text("url").unwrap_or_else(|| page("track", id))),
            artwork_url: value.text("album.cover").map(|it| self.picture(it, &end)),
            isrc: text("isrc"),
            source_name: NAME.to_owned(),
        }))
    }

    /// `None` when there is nothing.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Value>, Failure> {
        let base = self.facts(|facts| facts.api.clone());
        let none = || Failure::fault("An address of Tidal is none.");
        let mut url = Url::parse(&format!("{base}/{path}")).map_err(|it| none().because(it))?;
        url.query_pairs_mut()
            .extend_pairs(query)
            .append_pair("countryCode", &self.settings.country);
        let address = Address::parse(url.as_str()).ok_or_else(none)?;
        let mut token =
            HeaderValue::try_from(self.settings.token.expose()).map_err(|_| wrong_token())?;
        token.set_sensitive(true);
        let call = Call::get(address).with(HeaderName::from_static("x-tidal-token"), token);
        let answer = self.site.ask(call).await?;
        if answer.status == 401 {
            return Err(wrong_token());
        }
        let Some(answer) = self.site.accept(answer)? else {
            return Ok(None);
        };
        self.site.json(&answer).map(Some)
    }
}

fn wrong_token() -> Failure {
    Failure::common(
        "Tidal does not take the node's token; its operator has to set another (plugins.lavasrc.tidal.token).",
    )
}

#[cfg(test)]
mod tests;
