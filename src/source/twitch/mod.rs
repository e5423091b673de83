//! Owns: the `twitch` source (reference, 8.4): what its links lead to, and where the sound of a track is.
//! Never knows: how requests are made.

mod api;
mod link;
mod read;

use super::{
    Outcome, Reference, Source, Supply,
    site::{
        Site,
        check::{self, Wrong},
    },
};
use crate::{
    error::Failure,
    media::{demux::probe::Hint, located::Located},
    net::address::Address,
    source::site::json::{Pick, Unexpected},
    track::{LoadResult, Track, TrackInfo},
};
use api::{Api, Stream};
use futures_util::{FutureExt, future::BoxFuture};
use link::Link;
use read::NAME;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Where GraphQL is answered.
    pub api: String,
    /// The id of the site's own player.
    pub client_id: String,
    /// What a token is asked for as.
    pub player_type: String,
    /// Where playlists are.
    pub usher: String,
    /// What stands there before the name of a channel.
    pub live_path: String,
    /// What stands there before the number of a recording.
    pub video_path: String,
    /// What usher is told besides the token.
    pub usher_query: Vec<(String, String)>,
    /// What stands before and after a channel's name in its picture's address.
    pub artwork: [String; 2],
    /// Recordings of a list that are loaded; the site gives up to 100.
    pub list_size: usize,
    /// Finds a `user`, by `channelLogin`.
    pub channel: Query,
    /// Finds a `video`, by `videoID`.
    pub video: Query,
    /// Finds a `clip`, by `slug`.
    pub clip: Query,
    /// Finds a `user` with `videos`, by `channelOwnerLogin`, up to a `limit`.
    pub videos: Query,
    /// Finds a `collection`, by `collectionID`, up to a `limit`.
    pub collection: Query,
    /// Finds a `streamPlaybackAccessToken` or a `videoPlaybackAccessToken`.
    pub token: Query,
}

impl Facts {
    /// What fits, but cannot work.
    ///
    /// # Errors
    /// When there is such a value.
    pub fn check(&self) -> Result<(), Wrong> {
        check::addresses([
            ("api", &self.api),
            ("usher", &self.usher),
            ("artwork", &self.artwork[0]),
        ])?;
        check::header("clientId", &self.client_id)?;
        check::numbers([("listSize", self.list_size)])?;
        check::filled([
            ("channel.text", self.channel.text.len()),
            ("video.text", self.video.text.len()),
            ("clip.text", self.clip.text.len()),
            ("videos.text", self.videos.text.len()),
            ("collection.text", self.collection.text.len()),
            ("token.text", self.token.text.len()),
        ])
    }
}

/// A query of GraphQL. In full, because the hashes that stand for the site's own queries change.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The operation's name.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// Loads and opens tracks of Twitch.
pub struct Twitch {
    shared: Arc<Shared>,
}

/// What fetch tasks need, too.
struct Shared {
    api: Api,
}

impl Twitch {
    /// Asks through `site`.
    #[must_use]
    pub fn new(site: Site) -> Self {
        let api = Api::new(site);
        Self {
            shared: Arc::new(Shared { api }),
        }
    }
}

impl Source for Twitch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        async move {
            Ok(match Link::parse(&reference.identifier) {
                None => Outcome::NotMine,
                Some(link) => Outcome::Found(self.shared.look_up(&link).await?),
            })
        }
        .boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let wanted =
            wanted(&track.info).ok_or_else(|| Failure::common("The track is none of Twitch's."))?;
        let is_file = matches!(wanted, Link::Clip(_));
        let (shared, wanted) = (self.shared.clone(), Arc::new(wanted));
        let locate = move |_| {
            let (shared, wanted) = (shared.clone(), wanted.clone());
            async move { shared.locate(&wanted).await }.boxed()
        };
        Ok(Supply::Located {
            locate: Box::new(locate),
            hint: Hint {
                mime: None,
                extension: is_file.then(|| "mp4".to_owned()),
            },
        })
    }
}

/// What a track, perhaps of a client's own make, stands for.
fn wanted(info: &TrackInfo) -> Option<Link> {
    let uri = info.uri.as_deref().and_then(Link::parse);
    let link = Link::parse(&info.identifier).or(uri)?;
    let is_track = matches!(link, Link::Live { .. } | Link::Video { .. } | Link::Clip(_));
    is_track.then_some(link)
}

impl Shared {
    async fn look_up(&self, link: &Link) -> Result<LoadResult, Failure> {
        let changed = |error: Unexpected| self.api.site().changed(error);
        let found = match link {
            Link::Live { login, url } => {
                let wanted = json!({ "channelLogin": login });
                let user = self.api.find(|it| &it.channel, wanted, "user").await?;
                let facts = &self.api.site().data().twitch;
                user.and_then(|user| read::live(&user, login, url, facts))
            }
            Link::Video { id, start } => {
                let wanted = json!({ "videoID": id.to_string() });
                let video = self.api.find(|it| &it.video, wanted, "video").await?;
                let track = video.map(|video| read::video(&video, *start));
                track.transpose().map_err(changed)?
            }
            Link::Clip(slug) => {
                let clip = self.clip(slug).await?;
                let track = clip.map(|clip| read::clip(&clip, slug));
                track.transpose().map_err(changed)?
            }
            Link::Videos(login) => return self.videos(login).await,
            Link::Collection(id) => return self.collection(id).await,
        };
        Ok(found.map_or(LoadResult::Empty, |track| {
            LoadResult::Track(Box::new(track))
        }))
    }

    async fn clip(&self, slug: &str) -> Result<Option<Value>, Failure> {
        let wanted = json!({ "slug": slug });
        self.api.find(|it| &it.clip, wanted, "clip").await
    }

    async fn videos(&self, login: &str) -> Result<LoadResult, Failure> {
        let limit = self.api.site().data().twitch.list_size;
        let wanted = json!({ "channelOwnerLogin": login, "limit": limit });
        let user = self.api.find(|it| &it.videos, wanted, "user").await?;
        Ok(user.map_or(LoadResult::Empty, |user| {
            let name = user.text("displayName").unwrap_or(login);
            list(
                format!("Videos of {name}"),
                user.list("videos.edges"),
                limit,
            )
        }))
    }

    async fn collection(&self, id: &str) -> Result<LoadResult, Failure> {
        let limit = self.api.site().data().twitch.list_size;
        let wanted = json!({ "collectionID": id, "limit": limit });
        let found = self
            .api
            .find(|it| &it.collection, wanted, "collection")
            .await?;
        Ok(found.map_or(LoadResult::Empty, |found| {
            let name = found.text("title").unwrap_or_default().to_owned();
            list(name, found.list("items.edges"), limit)
        }))
    }

    /// Finds out where the sound of a track is.
    async fn locate(&self, wanted: &Link) -> Result<Located, Failure> {
        let (stream, gone) = match wanted {
            Link::Live { login, .. } => (Stream::Live(login), "The Twitch channel is not live."),
            Link::Video { id, .. } => (
                Stream::Video(*id),
                "This recording is not available any more.",
            ),
            Link::Clip(slug) => return self.file(slug).await,
            Link::Videos(_) | Link::Collection(_) => {
                return Err(Failure::common("A list is no track."));
            }
        };
        let playlist = self.api.playlist(&stream).await?;
        let playlist = playlist.ok_or_else(|| Failure::common(gone))?;
        Ok(Located::Hls(playlist.into()))
    }

    /// The file of a clip, with the word that it may be heard.
    async fn file(&self, slug: &str) -> Result<Located, Failure> {
        let gone = || Failure::common("This clip is not available any more.");
        let clip = self.clip(slug).await?.ok_or_else(gone)?;
        let changed = |error| self.api.site().changed(error);
        let link = read::file(&clip).ok_or_else(gone)?;
        let mut url = Url::parse(link).map_err(|error| self.api.site().changed(error))?;
        let token = |path| clip.needed_text(path).map_err(changed);
        url.query_pairs_mut()
            .append_pair("sig", token("playbackAccessToken.signature")?)
            .append_pair("token", token("playbackAccessToken.value")?);
        let address = Address::parse(url.as_str()).ok_or_else(gone)?;
        Ok(Located::File(address.into()))
    }
}

/// The recordings of a list; what is none, or not to be seen, is left out.
fn list(name: String, edges: &[Value], limit: usize) -> LoadResult {
    let nodes = edges.iter().filter_map(|edge| edge.pick("node"));
    let tracks: Vec<Track> = nodes
        .filter_map(|node| read::video(node, 0).ok())
        .take(limit)
        .collect();
    match tracks.is_empty() {
        true => LoadResult::Empty,
        false => LoadResult::playlist(name, tracks),
    }
}

#[cfg(test)]
mod tests;
