//! Owns: the `applemusic` source (reference, 8.5): what its links and searches lead to. It has no sound; a mirror plays.
//! Never knows: how requests are made, or what stands for a track.

mod api;
mod link;
mod read;
mod token;

use super::{
    Outcome, Reference, Source, Supply,
    findings::{self, Findings},
    list::{self, List},
    mirror::Mirror,
    site::{
        Site,
        check::{self, Wrong},
        json::Pick,
    },
};
use crate::{
    error::Failure,
    track::{LoadResult, Track},
    units::Secret,
};
use api::Api;
use futures_util::{FutureExt, future::BoxFuture};
use link::{Kind, Link};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};
pub use token::Key;

/// The name of this source.
const NAME: &str = "applemusic";
/// Artists that may be asked for at once.
const ARTISTS_AT_ONCE: usize = 25;

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Where its API begins.
    pub api: String,
    /// Its start page.
    pub site: String,
    /// How the path of the player's script begins, which holds a token.
    pub script_mark: String,
    /// Hosts of previews, and all below them.
    pub preview_hosts: Vec<String>,
    /// Tracks of one page of a list.
    pub page_size: usize,
    /// Hits of a search.
    pub search_hits: usize,
}

impl Facts {
    /// What fits, but cannot work.
    ///
    /// # Errors
    /// When there is such a value.
    pub fn check(&self) -> Result<(), Wrong> {
        check::addresses([("api", &self.api), ("site", &self.site)])?;
        check::filled([("scriptMark", self.script_mark.len())])?;
        check::numbers([
            ("pageSize", self.page_size),
            ("searchHits", self.search_hits),
        ])
    }
}

/// Where tokens come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The configuration (`mediaAPIToken`).
    Token(Secret),
    /// A key of the configuration (`keyID`, `teamID`, `musicKitKey`).
    Key(Key),
    /// The player in the site's pages.
    Player,
}

/// What the configuration says of the source (`plugins.lavasrc.applemusic`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where tokens come from.
    pub credentials: Credentials,
    /// Whose shop is asked, where a link does not say: two letters (ISO 3166-1).
    pub country: String,
    /// Pages of a playlist that are loaded.
    pub playlist_pages: usize,
    /// Pages of an album that are loaded.
    pub album_pages: usize,
}

/// Loads tracks of Apple Music.
pub struct AppleMusic {
    api: Api,
    settings: Settings,
    mirror: Arc<Mirror>,
}

impl AppleMusic {
    /// Asks through `site`, plays through `mirror`.
    #[must_use]
    pub fn new(site: Site, settings: Settings, mirror: Arc<Mirror>) -> Self {
        Self {
            api: Api::new(site, settings.credentials.clone()),
            settings,
            mirror,
        }
    }
}

impl Source for AppleMusic {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        self.look_up(&reference.identifier).boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let data = self.api.site().data();
        self.mirror.open(track, &data.applemusic.preview_hosts)
    }

    fn search<'a>(
        &'a self,
        query: &'a str,
        kinds: &'a [findings::Kind],
    ) -> BoxFuture<'a, Result<Option<Findings>, Failure>> {
        async move {
            match query.strip_prefix("amsearch:") {
                Some(words) => self.find(words.trim(), kinds).await.map(Some),
                None => Ok(None),
            }
        }
        .boxed()
    }
}

impl AppleMusic {
    async fn look_up(&self, identifier: &str) -> Result<Outcome, Failure> {
        let (is_preview, identifier) = match identifier.strip_prefix("amprev:") {
            Some(rest) => (true, rest),
            None => (false, identifier),
        };
        let result = match Link::parse(identifier) {
            None => return Ok(Outcome::NotMine),
            Some(Link::Search(words)) => self.hits(&words, is_preview).await?,
            Some(Link::Thing { kind, id, country }) => {
                let country = country.as_ref().unwrap_or(&self.settings.country);
                let tracks = |path| self.tracks(country, path, is_preview);
                match kind {
                    Kind::Song => self.song(country, &id, is_preview).await?,
                    Kind::Album => {
                        let path = format!("/albums/{id}");
                        let tracks = tracks((&path, "/tracks", self.settings.album_pages));
                        self.list(country, &path, list::Kind::Album, tracks).await?
                    }
                    Kind::Playlist => {
                        let path = format!("/playlists/{id}");
                        let tracks = tracks((&path, "/tracks", self.settings.playlist_pages));
                        self.list(country, &path, list::Kind::Playlist, tracks)
                            .await?
                    }
                    Kind::Artist => {
                        let path = format!("/artists/{id}");
                        let tracks = tracks((&path, "/view/top-songs", 1));
                        self.list(country, &path, list::Kind::Artist, tracks)
                            .await?
                    }
                }
            }
        };
        Ok(Outcome::Found(result.unwrap_or(LoadResult::Empty)))
    }

    async fn song(
        &self,
        country: &str,
        id: &str,
        is_preview: bool,
    ) -> Result<Option<LoadResult>, Failure> {
        let query = [("extend", "artistUrl")];
        let path = format!("/songs/{id}");
        let found = self
            .api
            .get(country, &path, &query)
            .await?
            .unwrap_or_default();
        let songs = found.list("data");
        let covers = self.covers(country, songs).await;
        let song = songs
            .first()
            .and_then(|it| read::track(it, &covers, is_preview));
        Ok(song.map(|track| LoadResult::Track(Box::new(track))))
    }

    async fn hits(&self, words: &str, is_preview: bool) -> Result<Option<LoadResult>, Failure> {
        if words.is_empty() {
            return Ok(None);
        }
        let (country, limit) = (
            &self.settings.country,
            self.api.site().data().applemusic.search_hits,
        );
        let limit = limit.to_string();
        let query = [
            ("term", words),
            ("types", "songs"),
            ("limit", &limit),
            ("extend", "artistUrl"),
        ];
        let found = self
            .api
            .get(country, "/search", &query)
            .await?
            .unwrap_or_default();
        let songs = found.list("results.songs.data");
        let covers = self.covers(country, songs).await;
        let tracks: Vec<Track> = songs
            .iter()
            .filter_map(|it| read::track(it, &covers, is_preview))
            .collect();
        Ok((!tracks.is_empty()).then_some(LoadResult::Search(tracks)))
    }

    async fn tracks(
        &self,
        country: &str,
        (path, below, pages): (&str, &str, usize),
        is_preview: bool,
    ) -> Result<Vec<Track>, Failure> {
        let songs = self
            .api
            .items(country, &format!("{path}{below}"), pages)
            .await?;
        let covers = self.covers(country, &songs).await;
        Ok(songs
            .iter()
            .filter_map(|it| read::track(it, &covers, is_preview))
            .collect())
    }

    async fn list(
        &self,
        country: &str,
        path: &str,
        kind: list::Kind,
        tracks: impl Future<Output = Result<Vec<Track>, Failure>>,
    ) -> Result<Option<LoadResult>, Failure> {
        let Some(found) = self.api.get(country, path, &[]).await? else {
            return Ok(None);
        };
        let Some(told) = found.pick("data.0") else {
            return Ok(None);
        };
        let tracks = tracks.await?;
        let mut list: List = read::list(told, kind);
        // playlists and artists do not count theirs
        list.total_tracks = list
            .total_tracks
            .or_else(|| i64::try_from(tracks.len()).ok());
        Ok(list.loaded(tracks))
    }

    async fn find(&self, words: &str, kinds: &[findings::Kind]) -> Result<Findings, Failure> {
        let name = |kind: &findings::Kind| match kind {
            findings::Kind::Track => Some("songs"),
            findings::Kind::Album => Some("albums"),
            findings::Kind::Artist => Some("artists"),
            findings::Kind::Playlist => Some("playlists"),
            findings::Kind::Text => None,
        };
        let types: Vec<&str> = kinds.iter().filter_map(name).collect();
        let types = types.join(",");
        let asked = match (kinds.contains(&findings::Kind::Text), types.is_empty()) {
            (true, false) => "terms,topResults",
            (true, true) => "terms",
            (false, _) => "topResults",
        };
        let mut findings = Findings::default();
        if words.is_empty() || kinds.is_empty() {
            return Ok(findings);
        }
        let mut query = vec![("term", words), ("kinds", asked), ("extend", "artistUrl")];
        if !types.is_empty() {
            query.push(("types", &types));
        }
        let country = &self.settings.country;
        let found = self
            .api
            .get(country, "/search/suggestions", &query)
            .await?
            .unwrap_or_default();
        for suggestion in found.list("results.suggestions") {
            let Some(content) = suggestion.pick("content") else {
                let term = suggestion.text("searchTerm");
                findings.texts.extend(term.map(str::to_owned));
                continue;
            };
            let list = |kind| read::list(content, kind).found();
            match content.text("type") {
                Some("songs") => {
                    findings
                        .tracks
                        .extend(read::track(content, &HashMap::new(), false));
                }
                Some("albums") => findings.albums.push(list(list::Kind::Album)),
                Some("artists") => findings.artists.push(list(list::Kind::Artist)),
                Some("playlists") => findings.playlists.push(list(list::Kind::Playlist)),
                _ => {}
            }
        }
        Ok(findings)
    }

    /// Pictures of the artists of tracks, by their ids. They decorate; without them, tracks are as good.
    async fn covers(&self, country: &str, tracks: &[Value]) -> HashMap<String, String> {
        let mut ids: Vec<&str> = Vec::new();
        for id in tracks.iter().filter_map(read::artist_id) {
            if !ids.contains(&id) && ids.len() < ARTISTS_AT_ONCE {
                ids.push(id);
            }
        }
        if ids.is_empty() {
            return HashMap::new();
        }
        let ids = ids.join(",");
        let found = self.api.get(country, "/artists", &[("ids", &ids)]).await;
        let found = found.ok().flatten().unwrap_or_default();
        let cover = |artist: &Value| Some((artist.text("id")?.to_owned(), read::artwork(artist)?));
        found.list("data").iter().filter_map(cover).collect()
    }
}

#[cfg(test)]
mod tests;
