//! Owns: the `spotify` source (reference, 8.5): what its links and searches lead to. It has no sound; a mirror plays.
//! Never knows: how requests are made, or what stands for a track.

mod api;
mod link;
mod read;

use super::{
    Outcome, Reference, Source, Supply,
    findings::{self, Findings},
    list::{self, List},
    mirror::Mirror,
    site::{
        Site,
        cache::{Cache, Limits},
        json::Pick,
    },
};
use crate::{
    error::Failure,
    track::{LoadResult, Playlist, Track},
    units::Secret,
};
use api::Api;
use futures_util::{FutureExt, future::BoxFuture};
use link::{Kind, Link, Seed};
use read::Around;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// The name of this source.
const NAME: &str = "spotify";
/// Short links that are followed.
const MOST_HOPS: usize = 3;
/// Playlists that the site makes itself, which nobody but its own programs may see.
const GENERATED: &str = "37i9dQZ";
/// Things that may be asked for at once.
const AT_ONCE: usize = 50;

/// Pictures of artists.
const PICTURES: Limits = Limits {
    keep: Duration::from_secs(6 * 3600),
    keep_failure: Duration::from_secs(60),
    entries: 1024,
};

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Where its API begins.
    pub api: String,
    /// Where its own programs ask.
    pub client: String,
    /// Gives tokens.
    pub accounts: String,
    /// Hosts of short links, and all below them.
    pub short_hosts: Vec<String>,
    /// Hosts of previews, and all below them.
    pub preview_hosts: Vec<String>,
    /// Tracks of one page of a playlist.
    pub playlist_page: usize,
    /// Tracks of one page of an album.
    pub album_page: usize,
    /// Hits of a search.
    pub search_hits: usize,
    /// Tracks that are like another.
    pub recommendations: usize,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// An app.
    Client {
        /// `clientId`.
        id: String,
        /// `clientSecret`.
        secret: Secret,
    },
    /// Whoever stands behind an address that gives tokens (`customTokenEndpoint`), which may hold a password.
    Endpoint(Secret),
}

/// What the configuration says of the source (`plugins.lavasrc.spotify`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Without them, nothing is loaded.
    pub credentials: Option<Credentials>,
    /// Whose charts an artist's best known tracks are taken from: two letters (ISO 3166-1).
    pub country: String,
    /// Pages of a playlist that are loaded.
    pub playlist_pages: usize,
    /// Pages of an album that are loaded.
    pub album_pages: usize,
    /// Whether pictures of artists are asked for in a search.
    pub resolve_artists: bool,
    /// Whether files of people's own in their playlists count.
    pub local_files: bool,
}

/// Loads tracks of Spotify.
pub struct Spotify {
    api: Api,
    settings: Settings,
    mirror: Arc<Mirror>,
    pictures: Cache<String, Option<Arc<str>>>,
}

impl Spotify {
    /// Asks through `site`, plays through `mirror`.
    #[must_use]
    pub fn new(site: Site, settings: Settings, mirror: Arc<Mirror>) -> Self {
        Self {
            api: Api::new(site, settings.credentials.clone()),
            settings,
            mirror,
            pictures: Cache::new(PICTURES),
        }
    }
}

impl Source for Spotify {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        self.look_up(&reference.identifier).boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let data = self.api.site().data();
        self.mirror.open(track, &data.spotify.preview_hosts)
    }

    fn search<'a>(
        &'a self,
        query: &'a str,
        kinds: &'a [findings::Kind],
    ) -> BoxFuture<'a, Result<Option<Findings>, Failure>> {
        async move {
            match query.strip_prefix("spsearch:") {
                Some(words) => self.find(words.trim(), kinds).await.map(Some),
                None => Ok(None),
            }
        }
        .boxed()
    }
}

impl Spotify {
    async fn look_up(&self, identifier: &str) -> Result<Outcome, Failure> {
        let (is_preview, identifier) = match identifier.strip_prefix("spprev:") {
            Some(rest) => (true, rest),
            None => (false, identifier),
        };
        let data = self.api.site().data();
        let short_hosts = &data.spotify.short_hosts;
        let Some(mut link) = Link::parse(identifier, short_hosts) else {
            return Ok(Outcome::NotMine);
        };
        for _ in 0..MOST_HOPS {
            let Link::Short(short) = &link else { break };
            let target = self.api.lengthen(short).await?;
            match target.and_then(|it| Link::parse(it.as_str(), short_hosts)) {
                Some(next) => link = next,
                None => return Ok(Outcome::Found(LoadResult::Empty)),
            }
        }
        let result = match link {
            Link::Search(words) => self.hits(&words, is_preview).await?,
            Link::Like(seed) => self.like(seed, is_preview).await?,
            Link::Thing(Kind::Track, id) => self.track(&id, is_preview).await?,
            Link::Thing(Kind::Album, id) => self.album(&id, is_preview).await?,
            Link::Thing(Kind::Playlist, id) => self.playlist(&id, is_preview).await?,
            Link::Thing(Kind::Artist, id) => self.artist(&id, is_preview).await?,
            Link::Short(_) => None,
        };
        Ok(Outcome::Found(result.unwrap_or(LoadResult::Empty)))
    }

    async fn track(&self, id: &str, is_preview: bool) -> Result<Option<LoadResult>, Failure> {
        let Some(found) = self.api.get(&format!("/tracks/{id}"), &[]).await? else {
            return Ok(None);
        };
        let picture = self.picture(&found).await;
        let around = Around {
            artwork: picture.as_deref(),
            is_preview,
            album: None,
        };
        let track = read::track(&found, around);
        Ok(track.map(|track| LoadResult::Track(Box::new(track))))
    }

    async fn hits(&self, words: &str, is_preview: bool) -> Result<Option<LoadResult>, Failure> {
        if words.is_empty() {
            return Ok(None);
        }
        let limit = self.api.site().data().spotify.search_hits.to_string();
        let query = [("q", words), ("type", "track"), ("limit", &limit)];
        let Some(found) = self.api.get("/search", &query).await? else {
            return Ok(None);
        };
        let hits = found.list("tracks.items");
        let pictures = match self.settings.resolve_artists {
            true => self.pictures_of(hits).await,
            false => HashMap::new(),
        };
        let read = |hit: &Value| {
            let artist = hit.text("artists.0.id").unwrap_or_default();
            let around = Around {
                artwork: pictures.get(artist).map(String::as_str),
                is_preview,
                album: None,
            };
            read::track(hit, around)
        };
        let is_local = |hit: &&Value| hit.pick("is_local") == Some(&Value::Bool(true));
        let tracks: Vec<Track> = hits
            .iter()
            .filter(|hit| !is_local(hit))
            .filter_map(read)
            .collect();
        Ok((!tracks.is_empty()).then_some(LoadResult::Search(tracks)))
    }

    async fn album(&self, id: &str, is_preview: bool) -> Result<Option<LoadResult>, Failure> {
        let path = format!("/albums/{id}");
        let Some(album) = self.api.get(&path, &[]).await? else {
            return Ok(None);
        };
        let (size, pages) = (
            self.api.site().data().spotify.album_page,
            self.settings.album_pages,
        );
        let first = album.pick("tracks").filter(|it| it.pick("items").is_some());
        let items = self
            .api
            .items(&format!("{path}/tracks"), first.cloned(), size, pages)
            .await?
            .unwrap_or_default();
        let items = self.in_full(items).await?;
        let picture = self.picture(&album).await;
        let around = Around {
            album: Some(&album),
            artwork: picture.as_deref(),
            is_preview,
        };
        let tracks = items
            .iter()
            .filter_map(|it| read::track(it, around))
            .collect();
        Ok(read::list(&album, list::Kind::Album).loaded(tracks))
    }

    /// Tracks with what the tracks of an album lack, the ISRC above all, where these credentials may ask for many at once.
    async fn in_full(&self, mut items: Vec<Value>) -> Result<Vec<Value>, Failure> {
        for part in items.chunks_mut(AT_ONCE) {
            let ids: Vec<&str> = part.iter().filter_map(|it| it.text("id")).collect();
            let ids = ids.join(",");
            let Some(mut found) = self.api.get_if_allowed("/tracks", &[("ids", &ids)]).await?
            else {
                break;
            };
            let Some(full) = found.get_mut("tracks").and_then(Value::as_array_mut) else {
                break;
            };
            let mut full: HashMap<String, Value> = full
                .drain(..)
                .filter_map(|it| Some((it.text("id")?.to_owned(), it)))
                .collect();
            for item in part {
                if let Some(found) = item.text("id").and_then(|id| full.remove(id)) {
                    *item = found;
                }
            }
        }
        Ok(items)
    }

    async fn playlist(&self, id: &str, is_preview: bool) -> Result<Option<LoadResult>, Failure> {
        let path = format!("/playlists/{id}");
        // its tracks come page by page
        let fields = "name,external_urls,images,owner.display_name,tracks.total,items.total";
        let Some(told) = self.api.get(&path, &[("fields", fields)]).await? else {
            return match id.starts_with(GENERATED) {
                true => Err(Failure::common(
                    "Playlists that Spotify generates are shown to its own programs only.",
                )),
                false => Ok(None),
            };
        };
        let (size, pages) = (
            self.api.site().data().spotify.playlist_page,
            self.settings.playlist_pages,
        );
        let items = match self
            .api
            .items(&format!("{path}/items"), None, size, pages)
            .await?
        {
            Some(items) => items,
            // the name that it had
            None => {
                let old = format!("{path}/tracks");
                self.api
                    .items(&old, None, size, pages)
                    .await?
                    .unwrap_or_default()
            }
        };
        let read = |item: &Value| read::item(item, self.settings.local_files, is_preview);
        let tracks = items.iter().filter_map(read).collect();
        Ok(read::list(&told, list::Kind::Playlist).loaded(tracks))
    }

    async fn artist(&self, id: &str, is_preview: bool) -> Result<Option<LoadResult>, Failure> {
        let path = format!("/artists/{id}");
        let Some(artist) = self.api.get(&path, &[]).await? else {
            return Ok(None);
        };
        let market = [("market", &*self.settings.country)];
        let found = self
            .api
            .get_if_allowed(&format!("{path}/top-tracks"), &market)
            .await?;
        let tracks = match &found {
            Some(found) => found.list("tracks").to_vec(),
            None => self.tracks_by(&artist, id).await?,
        };
        let around = Around {
            artwork: artist.text("images.0.url"),
            is_preview,
            album: None,
        };
        let tracks: Vec<Track> = tracks
            .iter()
            .filter_map(|it| read::track(it, around))
            .collect();
        let mut list = read::list(&artist, list::Kind::Artist);
        list.total_tracks = i64::try_from(tracks.len()).ok();
        Ok(list.loaded(tracks))
    }

    /// Tracks of an artist by a search, for credentials that may not ask for the best known ones.
    async fn tracks_by(&self, artist: &Value, id: &str) -> Result<Vec<Value>, Failure> {
        let name = artist.text("name").unwrap_or_default().replace('"', " ");
        let limit = self.api.site().data().spotify.search_hits.to_string();
        let words = format!("artist:\"{name}\"");
        let query = [("q", &*words), ("type", "track"), ("limit", &limit)];
        let found = self.api.get("/search", &query).await?.unwrap_or_default();
        let is_his = |hit: &&Value| {
            hit.list("artists")
                .iter()
                .any(|it| it.text("id") == Some(id))
        };
        Ok(found
            .list("tracks.items")
            .iter()
            .filter(is_his)
            .cloned()
            .collect())
    }

    async fn like(&self, seed: Seed, is_preview: bool) -> Result<Option<LoadResult>, Failure> {
        let (kind, id) = match seed {
            Seed::Track(id) => return self.recommended(&id, is_preview).await,
            Seed::Mix(kind, id) => (kind, id),
            Seed::Isrc(isrc) => {
                let found = self.hits(&format!("isrc:{isrc}"), is_preview).await?;
                let Some(LoadResult::Search(hits)) = found else {
                    return Ok(None);
                };
                match hits.into_iter().next() {
                    Some(hit) => (Kind::Track, hit.info.identifier),
                    None => return Ok(None),
                }
            }
        };
        let kind = kind.name();
        let path =
            format!("/inspiredby-mix/v2/seed_to_playlist/spotify:{kind}:{id}?response-format=json");
        let found = self.api.get_own(&path).await?.unwrap_or_default();
        let uri = found.text("mediaItems.0.uri");
        match uri.and_then(|uri| Link::parse(uri, &[])) {
            Some(Link::Thing(Kind::Playlist, id)) => self.playlist(&id, is_preview).await,
            _ => Ok(None),
        }
    }

    async fn recommended(&self, id: &str, is_preview: bool) -> Result<Option<LoadResult>, Failure> {
        let limit = self.api.site().data().spotify.recommendations.to_string();
        let market = &*self.settings.country;
        let query = [("seed_tracks", id), ("limit", &limit), ("market", market)];
        let Some(found) = self.api.get("/recommendations", &query).await? else {
            return Ok(None);
        };
        let around = Around {
            is_preview,
            ..Around::default()
        };
        let tracks = found.list("tracks").iter();
        let tracks: Vec<Track> = tracks.filter_map(|it| read::track(it, around)).collect();
        let list = List {
            name: "Spotify Recommendations".into(),
            kind: list::Kind::Recommendations,
            url: None,
            artwork_url: None,
            author: None,
            total_tracks: i64::try_from(tracks.len()).ok(),
        };
        Ok(list.loaded(tracks))
    }

    async fn find(&self, words: &str, kinds: &[findings::Kind]) -> Result<Findings, Failure> {
        let name = |kind: &findings::Kind| match kind {
            findings::Kind::Track => Some("track"),
            findings::Kind::Album => Some("album"),
            findings::Kind::Artist => Some("artist"),
            findings::Kind::Playlist => Some("playlist"),
            findings::Kind::Text => None,
        };
        let kinds: Vec<&str> = kinds.iter().filter_map(name).collect();
        let kinds = kinds.join(",");
        if words.is_empty() || kinds.is_empty() {
            return Ok(Findings::default());
        }
        let query = [("q", words), ("type", &*kinds)];
        let found = self.api.get("/search", &query).await?.unwrap_or_default();
        let lists = |path, kind| {
            let is_some = |it: &&Value| !it.is_null();
            let found = found.list(path).iter().filter(is_some);
            found
                .map(|it| read::list(it, kind).found())
                .collect::<Vec<Playlist>>()
        };
        let tracks = found.list("tracks.items").iter();
        Ok(Findings {
            tracks: tracks
                .filter_map(|it| read::track(it, Around::default()))
                .collect(),
            albums: lists("albums.items", list::Kind::Album),
            artists: lists("artists.items", list::Kind::Artist),
            playlists: lists("playlists.items", list::Kind::Playlist),
            texts: Vec::new(),
        })
    }

    /// The picture of the first artist of something. It decorates; without it, the track is as good.
    async fn picture(&self, of: &Value) -> Option<Arc<str>> {
        let id = of.text("artists.0.id")?.to_owned();
        let find = async {
            let found = self
                .api
                .get_if_allowed(&format!("/artists/{id}"), &[])
                .await?;
            Ok(found.and_then(|artist| artist.text("images.0.url").map(Into::into)))
        };
        self.pictures.get(&id, find).await.ok().flatten()
    }

    /// Pictures of the first artists of tracks, by their ids, where these credentials may ask for many at once.
    async fn pictures_of(&self, tracks: &[Value]) -> HashMap<String, String> {
        let mut ids: Vec<&str> = tracks
            .iter()
            .filter_map(|it| it.text("artists.0.id"))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(AT_ONCE);
        if ids.is_empty() {
            return HashMap::new();
        }
        let ids = ids.join(",");
        let found = self.api.get_if_allowed("/artists", &[("ids", &ids)]).await;
        let found = found.ok().flatten().unwrap_or_default();
        let picture = |artist: &Value| {
            let url = artist.text("images.0.url")?.to_owned();
            Some((artist.text("id")?.to_owned(), url))
        };
        found.list("artists").iter().filter_map(picture).collect()
    }
}

#[cfg(test)]
mod tests;
