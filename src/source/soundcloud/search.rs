//! Owns: searching SoundCloud for several kinds of things at once.
//! Never knows: how requests are made.

use super::{
    Shared,
    link::{Kind, Link, Search},
};
use crate::{
    error::Failure,
    source::{
        findings::{self, Findings},
        list::{self, List},
        site::json::Pick,
    },
    track::Playlist,
};
use futures_util::future::join_all;
use serde_json::Value;

impl Shared {
    /// Things of these kinds that fit a query; `None` when it is none of SoundCloud's.
    ///
    /// # Errors
    /// When nothing could be asked for.
    pub(super) async fn find(
        &self,
        query: &str,
        kinds: &[findings::Kind],
    ) -> Result<Option<Findings>, Failure> {
        // a link is no search, even one to a page of hits
        let is_search = query.starts_with("scsearch") && self.settings.search;
        let Some(Link::Search(search)) = Link::parse(query).filter(|_| is_search) else {
            return Ok(None);
        };
        let mut found = Findings::default();
        if search.words.is_empty() {
            return Ok(Some(found));
        }
        let has = |kind| kinds.contains(&kind);
        let wanted = [
            (Kind::Track, has(findings::Kind::Track)),
            // the site tells albums and playlists apart only in what it answers
            (
                Kind::Playlist,
                has(findings::Kind::Album) || has(findings::Kind::Playlist),
            ),
            (Kind::User, has(findings::Kind::Artist)),
        ];
        let asked = wanted.into_iter().filter(|(_, is_wanted)| *is_wanted);
        let search = &search;
        let answers = asked.map(|(kind, _)| async move { (kind, self.hits(kind, search).await) });
        let mut failure = None;
        let mut has_answer = false;
        for (kind, answer) in join_all(answers).await {
            match answer {
                Ok(hits) => {
                    has_answer = true;
                    self.sort(kind, &hits, &mut found);
                }
                Err(why) => failure = Some(why),
            }
        }
        if let Some(failure) = failure {
            if !has_answer {
                return Err(failure);
            }
            tracing::debug!(why = %failure.trace(), "a search is not complete");
        }
        if !has(findings::Kind::Album) {
            found.albums.clear();
        }
        if !has(findings::Kind::Playlist) {
            found.playlists.clear();
        }
        Ok(Some(found))
    }

    async fn hits(&self, kind: Kind, search: &Search) -> Result<Value, Failure> {
        Ok(self.api.search(kind, search).await?.unwrap_or_default())
    }

    /// Puts hits of a kind in their place.
    fn sort(&self, kind: Kind, hits: &Value, found: &mut Findings) {
        for hit in hits.list("collection") {
            match kind {
                Kind::Track => found.tracks.extend(self.playable(hit)),
                Kind::User => found.artists.extend(artist(hit)),
                Kind::Playlist if hit.pick("is_album") == Some(&Value::Bool(true)) => {
                    found.albums.extend(set(hit, list::Kind::Album));
                }
                Kind::Playlist => found.playlists.extend(set(hit, list::Kind::Playlist)),
            }
        }
    }
}

fn artist(hit: &Value) -> Option<Playlist> {
    let name = hit.text("username")?.to_owned();
    let list = List {
        author: Some(name.clone()),
        name,
        kind: list::Kind::Artist,
        url: Some(hit.text("permalink_url")?.to_owned()),
        artwork_url: picture(hit.text("avatar_url")),
        total_tracks: hit.number("track_count"),
    };
    Some(list.found())
}

fn set(hit: &Value, kind: list::Kind) -> Option<Playlist> {
    // most sets have no picture of their own, and show that of a track
    let artwork = hit
        .text("artwork_url")
        .or_else(|| hit.text("tracks.0.artwork_url"))
        .or_else(|| hit.text("user.avatar_url"));
    let list = List {
        name: hit.text("title")?.to_owned(),
        kind,
        url: Some(hit.text("permalink_url")?.to_owned()),
        artwork_url: picture(artwork),
        author: hit.text("user.username").map(str::to_owned),
        total_tracks: hit.number("track_count"),
    };
    Some(list.found())
}

/// The address of a picture in its original size.
fn picture(small: Option<&str>) -> Option<String> {
    small.map(|url| url.replace("large.jpg", "original.jpg"))
}
