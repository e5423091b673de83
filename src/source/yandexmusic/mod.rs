//! Owns: the `yandexmusic` source (reference, 8.5): what its links and searches lead to. What its tracks stand for is played from
//! elsewhere.
//! Never knows: how requests are made, how answers are read, where else a track is found.

mod read;

use super::{
    Outcome, Reference, Source, Supply,
    findings::{self, Findings},
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
    net::{Proxy, address::Address, call::Call},
    track::{LoadResult, Track},
    units::Secret,
};
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderName, HeaderValue, header};
use read::{Reader, id};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use url::Url;

/// The name of this source.
const NAME: &str = "yandexmusic";
const SEARCH: &str = "ymsearch:";
const RECOMMENDATIONS: &str = "ymrec:";
/// Where links lead that no link was given for.
const DOMAIN: &str = "com";
/// Tracks of one page, as LavaSrc counts them: its limits are in pages.
const ARTIST_PAGE: usize = 10;
const ALBUM_PAGE: usize = 50;
const PLAYLIST_PAGE: usize = 100;

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Where its API begins.
    pub api: String,
    /// As which program requests present themselves to it.
    pub client: String,
    /// The size of pictures, as their addresses have it.
    pub picture: String,
}

impl Facts {
    /// What fits, but cannot work.
    ///
    /// # Errors
    /// When there is such a value.
    pub fn check(&self) -> Result<(), Wrong> {
        check::addresses([("api", &self.api)])?;
        check::header("client", &self.client)
    }
}

/// What the configuration says of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What the API wants (OAuth).
    pub token: Secret,
    /// Pages of a playlist.
    pub playlist_pages: usize,
    /// Pages of an album.
    pub album_pages: usize,
    /// Pages of an artist's tracks.
    pub artist_pages: usize,
    /// Through which its requests go, instead of through that of all others.
    pub proxy: Option<Proxy>,
}

/// Loads tracks of Yandex Music.
pub struct YandexMusic {
    site: Site,
    settings: Settings,
    mirror: Arc<Mirror>,
}

impl YandexMusic {
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

impl Source for YandexMusic {
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

    fn search<'a>(
        &'a self,
        query: &'a str,
        kinds: &'a [findings::Kind],
    ) -> BoxFuture<'a, Result<Option<Findings>, Failure>> {
        async move {
            match query.strip_prefix(SEARCH) {
                Some(words) => self.search_all(words, kinds).await.map(Some),
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
    /// Tracks like this one.
    Like(String),
    /// What a link leads to, and the last label of its host.
    Link(Thing, &'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Thing {
    Track(String),
    Album(String),
    Artist(String),
    /// A person's, by its number.
    Playlist {
        user: String,
        kind: String,
    },
    Shared(String),
}

impl Wish {
    fn read(identifier: &str) -> Option<Self> {
        if let Some(words) = identifier.strip_prefix(SEARCH) {
            return Some(Self::Search(words.to_owned()));
        }
        if let Some(id) = identifier.strip_prefix(RECOMMENDATIONS) {
            return Some(Self::Like(id.to_owned()));
        }
        for domain in ["ru", "com", "kz", "by"] {
            let host = format!("music.yandex.{domain}");
            if let Some((_, parts)) = link::parts_at(identifier, &[&host]) {
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                return Thing::read(&parts).map(|thing| Self::Link(thing, domain));
            }
        }
        None
    }
}

impl Thing {
    fn read(parts: &[&str]) -> Option<Self> {
        let is_name = |text: &str| {
            let is_of_one = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_".contains(&byte);
            text.len() <= 128 && text.bytes().all(is_of_one) && !text.starts_with('.')
        };
        let owned = |text: &&str| (*text).to_owned();
        Some(match parts {
            ["album", album, "track", track, ..]
                if link::is_number(album) && link::is_number(track) =>
            {
                Self::Track(owned(track))
            }
            ["track", id, ..] if link::is_number(id) => Self::Track(owned(id)),
            ["album", id, ..] if link::is_number(id) => Self::Album(owned(id)),
            ["artist", id, ..] if link::is_number(id) => Self::Artist(owned(id)),
            ["users", user, "playlists", kind, ..] if is_name(user) && link::is_number(kind) => {
                Self::Playlist {
                    user: owned(user),
                    kind: owned(kind),
                }
            }
            ["playlists", id, ..] if is_name(id) => Self::Shared(owned(id)),
            _ => return None,
        })
    }
}

impl YandexMusic {
    fn reader(&self, domain: &'static str) -> Reader {
        Reader::new(domain, &self.site.data().yandexmusic)
    }

    /// `None` when there is nothing.
    async fn find(&self, wish: Wish) -> Result<Option<LoadResult>, Failure> {
        Ok(match wish {
            Wish::Search(words) if words.trim().is_empty() => None,
            Wish::Search(words) => {
                let query = [("text", &*words), ("type", "track"), ("page", "0")];
                let found = self.get("/search", &query).await?.unwrap_or_default();
                let hits = self.reader(DOMAIN).tracks(found.list("tracks.results"));
                (!hits.is_empty()).then_some(LoadResult::Search(hits))
            }
            Wish::Like(id) if !link::is_number(&id) => None,
            Wish::Like(id) => {
                let found = self.get(&format!("/tracks/{id}/similar"), &[]).await?;
                let found = found.unwrap_or_default();
                let tracks = self.reader(DOMAIN).tracks(found.list("similarTracks"));
                let list = List {
                    name: "Yandex Music Recommendations".to_owned(),
                    kind: Kind::Recommendations,
                    url: None,
                    artwork_url: None,
                    author: None,
                    total_tracks: None,
                };
                playlist(list, tracks)
            }
            Wish::Link(thing, domain) => self.thing(thing, self.reader(domain)).await?,
        })
    }

    async fn thing(&self, thing: Thing, reader: Reader) -> Result<Option<LoadResult>, Failure> {
        Ok(match thing {
            Thing::Track(id) => {
                let found = self.get(&format!("/tracks/{id}"), &[]).await?;
                let track = found.and_then(|it| reader.track(it.pick("0")?));
                track.map(|track| LoadResult::Track(Box::new(track)))
            }
            Thing::Album(id) => {
                let size = ALBUM_PAGE.saturating_mul(self.settings.album_pages);
                let path = format!("/albums/{id}/with-tracks");
                let Some(album) = self.page(&path, size).await? else {
                    return Ok(None);
                };
                let volumes = album.list("volumes").iter();
                let volumes = volumes.filter_map(Value::as_array);
                let tracks = volumes.flat_map(|it| reader.tracks(it)).collect();
                playlist(reader.album(&album, &id), tracks)
            }
            Thing::Artist(id) => {
                let size = ARTIST_PAGE.saturating_mul(self.settings.artist_pages);
                let path = format!("/artists/{id}/tracks");
                let found = self.page(&path, size).await?.unwrap_or_default();
                let tracks = reader.tracks(found.list("tracks"));
                if tracks.is_empty() {
                    return Ok(None);
                }
                let about = self.get(&format!("/artists/{id}"), &[]).await?;
                let about = about.unwrap_or_default();
                let artist = about.pick("artist").cloned().unwrap_or_default();
                playlist(reader.artist(&artist, &id), tracks)
            }
            Thing::Playlist { user, kind } => {
                let place = format!("users/{user}/playlists/{kind}");
                self.playlist(&format!("/{place}"), &place, &reader).await?
            }
            Thing::Shared(id) => {
                let path = format!("/playlist/{id}");
                self.playlist(&path, &format!("playlists/{id}"), &reader)
                    .await?
            }
        })
    }

    async fn playlist(
        &self,
        path: &str,
        place: &str,
        reader: &Reader,
    ) -> Result<Option<LoadResult>, Failure> {
        let size = PLAYLIST_PAGE.saturating_mul(self.settings.playlist_pages);
        let size = size.to_string();
        let query = [("page-size", &*size), ("rich-tracks", "true")];
        let Some(found) = self.get(path, &query).await? else {
            return Ok(None);
        };
        let tracks = reader.tracks(found.list("tracks"));
        Ok(playlist(reader.playlist(&found, place), tracks))
    }

    async fn search_all(&self, words: &str, kinds: &[findings::Kind]) -> Result<Findings, Failure> {
        if words.trim().is_empty() {
            return Ok(Findings::default());
        }
        let query = [("text", words), ("type", "all"), ("page", "0")];
        let found = self.get("/search", &query).await?.unwrap_or_default();
        let reader = self.reader(DOMAIN);
        let lists = |kind: findings::Kind, place: &str, read: &dyn Fn(&Value) -> Option<List>| {
            let wanted = kinds.contains(&kind).then(|| found.list(place));
            let there = wanted.unwrap_or_default().iter();
            let there = there.filter(|it| read::is_available(it));
            there.filter_map(|it| Some(read(it)?.found())).collect()
        };
        Ok(Findings {
            tracks: match kinds.contains(&findings::Kind::Track) {
                true => reader.tracks(found.list("tracks.results")),
                false => Vec::new(),
            },
            albums: lists(findings::Kind::Album, "albums.results", &|it| {
                Some(reader.album(it, &id(it)?))
            }),
            artists: lists(findings::Kind::Artist, "artists.results", &|it| {
                Some(reader.artist(it, &id(it)?))
            }),
            playlists: lists(findings::Kind::Playlist, "playlists.results", &|it| {
                let (user, kind) = (it.text("owner.login")?, it.number("kind")?);
                Some(reader.playlist(it, &format!("users/{user}/playlists/{kind}")))
            }),
            texts: Vec::new(),
        })
    }

    async fn page(&self, path: &str, size: usize) -> Result<Option<Value>, Failure> {
        self.get(path, &[("page-size", &size.to_string())]).await
    }

    /// What the API answers with; `None` when there is nothing.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Value>, Failure> {
        let facts = &self.site.data().yandexmusic;
        let none = || Failure::fault("An address of Yandex Music is none.");
        let whole = format!("{}{path}", facts.api);
        let mut url = Url::parse(&whole).map_err(|it| none().because(it))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let address = Address::parse(url.as_str()).ok_or_else(none)?;
        let token = format!("OAuth {}", self.settings.token.expose());
        let mut token = HeaderValue::try_from(token).map_err(|_| wrong_token())?;
        token.set_sensitive(true);
        let client = HeaderValue::try_from(&facts.client);
        let client = client.map_err(|error| none().because(error))?;
        let call = Call::get(address)
            .with(header::AUTHORIZATION, token)
            .with(HeaderName::from_static("x-yandex-music-client"), client);
        let answer = self.site.ask(call).await?;
        if answer.status == 401 {
            return Err(wrong_token());
        }
        let Some(answer) = self.site.accept(answer)? else {
            return Ok(None);
        };
        let mut value = self.site.json(&answer)?;
        let result = value.get_mut("result").map(Value::take);
        Ok(result.filter(|result| !result.is_null()))
    }
}

fn wrong_token() -> Failure {
    Failure::common(
        "Yandex Music does not take the node's token; its operator has to set another \
         (plugins.lavasrc.yandexmusic.accessToken).",
    )
}

/// Lists of this source count the tracks that they hold.
fn playlist(mut list: List, tracks: Vec<Track>) -> Option<LoadResult> {
    list.total_tracks = i64::try_from(tracks.len()).ok();
    list.loaded(tracks)
}

#[cfg(test)]
mod tests;
