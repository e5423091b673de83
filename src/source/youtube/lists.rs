//! Owns: lists of the site: searches, playlists, mixes, albums, the pages of channels; all pages of one.
//! Never knows: what an item looks like, or how a video is played.

use super::{
    api::{Api, Asker},
    facts::Task,
    items::{self, Page},
    link::{Link, Search, VideoId},
    refusal::{self, Refusal, Refusals},
};
use crate::{
    error::Failure,
    source::{
        findings::{Findings, Kind},
        site::json::Pick,
    },
    track::{LoadResult, Playlist, Track},
};
use serde_json::{Map, Value, json};

/// Texts of one answer that complete what was typed.
const MAX_TEXTS: usize = 20;
/// The most tracks of one list, however many pages of it may be asked for.
const MAX_TRACKS: usize = 10_000;

/// What a search asks for, of those for which YouTube Music has settings.
#[derive(Clone, Copy)]
enum Wanted {
    Songs,
    Albums,
    Artists,
    Playlists,
}

impl Api {
    /// Videos or songs that fit some words, the best first.
    ///
    /// # Errors
    /// When no client gets an answer.
    pub async fn search(&self, search: &Search) -> Result<Vec<Track>, Failure> {
        if search.songs {
            return Ok(self.music(&search.words, Wanted::Songs).await?.tracks);
        }
        let body = |asker: &Asker| {
            let params = &asker.facts().search.videos;
            json!({"query": search.words, "params": params})
        };
        let page = self.first(Task::Search, "search", body).await?;
        Ok(page.map_or_else(Vec::new, |page| page.tracks))
    }

    async fn music(&self, words: &str, wanted: Wanted) -> Result<Page, Failure> {
        let body = |asker: &Asker| {
            let search = &asker.facts().search;
            let params = match wanted {
                Wanted::Songs => &search.songs,
                Wanted::Albums => &search.albums,
                Wanted::Artists => &search.artists,
                Wanted::Playlists => &search.playlists,
            };
            json!({"query": words, "params": params})
        };
        Ok(self
            .first(Task::Music, "search", body)
            .await?
            .unwrap_or_default())
    }

    /// The first page that any client gets; `None` when none of them finds anything.
    async fn first(
        &self,
        task: Task,
        endpoint: &str,
        body: impl Fn(&Asker) -> Value,
    ) -> Result<Option<Page>, Failure> {
        let mut refusals = Refusals::default();
        let mut is_unknown = false;
        for asker in self.askers(task) {
            match self.list(&asker, task, endpoint, body(&asker)).await {
                Ok(answer) => return Ok(Some(Page::of(&answer))),
                Err(Refusal::Unknown) => is_unknown = true,
                Err(refusal) => refusals.add(asker.name(), refusal, self.is_signed_in())?,
            }
        }
        match is_unknown && refusals.is_empty() {
            true => Ok(None),
            false => Err(refusals.into_failure()),
        }
    }

    /// Several kinds of things that fit some words (`/v4/loadsearch`): those of YouTube Music, and of all videos where videos
    /// are sought.
    ///
    /// # Errors
    /// When there is no answer for one of the kinds.
    pub async fn findings(&self, search: &Search, kinds: &[Kind]) -> Result<Findings, Failure> {
        let mut findings = Findings::default();
        let words = &search.words;
        for kind in kinds {
            match kind {
                Kind::Track => findings.tracks = self.search(search).await?,
                Kind::Album => findings.albums = self.music(words, Wanted::Albums).await?.lists,
                Kind::Artist => findings.artists = self.music(words, Wanted::Artists).await?.lists,
                Kind::Playlist => {
                    findings.playlists = self.music(words, Wanted::Playlists).await?.lists;
                }
                Kind::Text => findings.texts = self.suggestions(words).await?,
            }
        }
        Ok(findings)
    }

    async fn suggestions(&self, words: &str) -> Result<Vec<String>, Failure> {
        let mut refusals = Refusals::default();
        for asker in self.askers(Task::Music) {
            let endpoint = "music/get_search_suggestions";
            let asking = self.list(&asker, Task::Music, endpoint, json!({"input": words}));
            match asking.await {
                Ok(answer) => return Ok(texts(&answer)),
                Err(Refusal::Unknown) => {}
                Err(refusal) => refusals.add(asker.name(), refusal, self.is_signed_in())?,
            }
        }
        match refusals.is_empty() {
            true => Ok(Vec::new()),
            false => Err(refusals.into_failure()),
        }
    }

    /// A playlist with as many of its pages as are to be read.
    ///
    /// # Errors
    /// When there is none, or no client gets an answer.
    pub async fn playlist(&self, id: &str, video: Option<&VideoId>) -> Result<LoadResult, Failure> {
        let mut refusals = Refusals::default();
        let body = json!({"browseId": format!("VL{id}")});
        for asker in self.askers(Task::Playlist) {
            let asking = self.list(&asker, Task::Playlist, "browse", body.clone());
            let answer = match asking.await {
                Ok(answer) => answer,
                Err(refusal) => {
                    refusals.add(asker.name(), refusal, self.is_signed_in())?;
                    continue;
                }
            };
            if let Some(failure) = refusal::of_alerts(&answer) {
                return Err(failure);
            }
            // without a name it is another page than was asked for
            let Some(name) = items::name_of(&answer) else {
                let failure = self.site().changed(NoName);
                refusals.add(asker.name(), failure.into(), self.is_signed_in())?;
                continue;
            };
            let page = Page::of(answer.pick("contents").unwrap_or(&Value::Null));
            drop(answer);
            let tracks = self.pages(&asker, page).await;
            return Ok(LoadResult::Playlist(selected(name, tracks, video)));
        }
        Err(refusals.into_failure_of("This playlist does not exist."))
    }

    /// The tracks of a page and of those behind it. What there is already is better than nothing, when one of them fails.
    async fn pages(&self, asker: &Asker, first: Page) -> Vec<Track> {
        let Page {
            mut tracks,
            mut next,
            ..
        } = first;
        for _ in 1..self.settings().playlist_pages {
            let Some(token) = next.take().filter(|_| tracks.len() < MAX_TRACKS) else {
                break;
            };
            let body = json!({ "continuation": token });
            match self.list(asker, Task::Playlist, "browse", body).await {
                Ok(answer) => {
                    let page = Page::of(&answer);
                    tracks.extend(page.tracks);
                    // a list that leads to itself has been read
                    next = page.next.filter(|next| *next != token);
                }
                Err(refusal) => {
                    tracing::debug!(?refusal, "a playlist is cut short");
                    break;
                }
            }
        }
        tracks.truncate(MAX_TRACKS);
        tracks
    }

    /// A list that the site makes around a video.
    ///
    /// # Errors
    /// When there is none, or no client gets an answer.
    pub async fn mix(&self, id: &str, video: Option<&VideoId>) -> Result<LoadResult, Failure> {
        let mut refusals = Refusals::default();
        let mut body = json!({"playlistId": id});
        if let Some(video) = video {
            body["videoId"] = json!(video.as_str());
        }
        for asker in self.askers(Task::Mix) {
            let answer = match self.list(&asker, Task::Mix, "next", body.clone()).await {
                Ok(answer) => answer,
                Err(refusal) => {
                    refusals.add(asker.name(), refusal, self.is_signed_in())?;
                    continue;
                }
            };
            let lists = ["twoColumnWatchNextResults", "singleColumnWatchNextResults"];
            let list = lists
                .into_iter()
                .find_map(|name| answer.pick(&format!("contents.{name}.playlist.playlist")));
            let tracks = list.map_or_else(Vec::new, |list| Page::of(list).tracks);
            let name = list.and_then(|list| refusal::text_of(list.pick("title")?));
            if tracks.is_empty() {
                refusals.add(asker.name(), Refusal::Nothing, self.is_signed_in())?;
                continue;
            }
            let name = name.unwrap_or_else(|| "YouTube mix".to_owned());
            return Ok(LoadResult::Playlist(selected(name, tracks, video)));
        }
        Err(refusals.into_failure_of("This mix does not exist."))
    }

    /// The playlist of an album of YouTube Music, by the id of its page.
    ///
    /// # Errors
    /// When there is none, or no client gets an answer.
    pub async fn album(&self, id: &str) -> Result<Link, Failure> {
        let body = json!({ "browseId": id });
        let find = |answer: &Value| {
            let url = answer.text("microformat.microformatDataRenderer.urlCanonical")?;
            Link::parse(url).filter(|link| matches!(link, Link::Playlist { .. }))
        };
        let missing = "This album does not exist.";
        self.pointer(Task::Music, "browse", body, find, missing)
            .await
    }

    /// The list of a channel's uploads, by its page.
    ///
    /// # Errors
    /// When there is none, or no client gets an answer.
    pub async fn channel(&self, page: &str) -> Result<Link, Failure> {
        let body = json!({ "url": page });
        let find = |answer: &Value| {
            let id = answer.text("endpoint.browseEndpoint.browseId")?;
            let link = Link::parse(&format!("https://www.youtube.com/channel/{id}"));
            link.filter(|link| matches!(link, Link::Playlist { .. }))
        };
        let missing = "This channel does not exist.";
        self.pointer(
            Task::Playlist,
            "navigation/resolve_url",
            body,
            find,
            missing,
        )
        .await
    }

    /// Where a page leads, as far as `find` finds that in an answer.
    async fn pointer(
        &self,
        task: Task,
        endpoint: &str,
        body: Value,
        find: impl Fn(&Value) -> Option<Link>,
        missing: &str,
    ) -> Result<Link, Failure> {
        let mut refusals = Refusals::default();
        for asker in self.askers(task) {
            let found = self.list(&asker, task, endpoint, body.clone()).await;
            match found.and_then(|answer| find(&answer).ok_or(Refusal::Nothing)) {
                Ok(link) => return Ok(link),
                Err(refusal) => refusals.add(asker.name(), refusal, self.is_signed_in())?,
            }
        }
        Err(refusals.into_failure_of(missing))
    }
}

/// There is no name where a playlist's should be.
#[derive(Debug, thiserror::Error)]
#[error("a playlist without a name")]
struct NoName;

fn selected(name: String, tracks: Vec<Track>, video: Option<&VideoId>) -> Playlist {
    let is_wanted = |track: &Track| video.is_some_and(|id| id.as_str() == track.info.identifier);
    Playlist {
        selected: tracks.iter().position(is_wanted),
        name,
        plugin_info: Map::new(),
        tracks,
    }
}

/// The texts of suggestions.
fn texts(answer: &Value) -> Vec<String> {
    let sections = answer.list("contents").iter();
    let items = sections.flat_map(|it| it.list("searchSuggestionsSectionRenderer.contents"));
    items
        .filter_map(|item| {
            let item = item.pick("searchSuggestionRenderer")?;
            let query = item.text("navigationEndpoint.searchEndpoint.query");
            query
                .map(str::to_owned)
                .or_else(|| refusal::text_of(item.pick("suggestion")?))
        })
        .take(MAX_TEXTS)
        .collect()
}
