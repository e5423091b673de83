//! Owns: the `youtube` source (reference, 8.2): what its links lead to, and which form of a video is played.
//! Never knows: how requests are made, or how the site's answers look.
//!
//! The site is asked as one of its own programs (*clients*); each is told something else, and each stops working one day. So
//! the table of clients is data, several are asked in order, and of what they say the most telling is passed on.

mod api;
mod cipher;
mod facts;
mod items;
mod keys;
mod link;
mod lists;
mod oauth;
mod play;
mod player;
mod potoken;
mod refusal;

pub use cipher::Settings as CipherSettings;
pub use facts::Facts;
pub use oauth::Settings as OAuthSettings;
pub use potoken::Settings as PoTokenSettings;

use super::{
    Outcome, Reference, Source, Supply,
    findings::{Findings, Kind},
    site::{
        Site,
        cache::{Cache, Limits},
    },
};
use crate::{
    error::{Failure, Severity},
    media::{demux::probe::Hint, located::Sought},
    track::{LoadResult, Track},
};
use api::Api;
use facts::Task;
use futures_util::{FutureExt, future::BoxFuture};
use items::NAME;
use link::{Link, Search, VideoId};
use play::{Found, Wanted};
use refusal::Refusals;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Videos that were loaded lately and may be played soon: their links hold for six hours.
const FOUND: Limits = Limits {
    keep: Duration::from_secs(600),
    keep_failure: Duration::from_secs(5),
    entries: 512,
};

/// What the configuration says of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether it searches (`youtubeSearchEnabled` and `plugins.youtube.allowSearch`).
    pub search: bool,
    /// Whether the id of a video alone is looked up (`allowDirectVideoIds`).
    pub video_ids: bool,
    /// Whether the id of a playlist alone is looked up (`allowDirectPlaylistIds`).
    pub playlist_ids: bool,
    /// Pages of a playlist that are read, of about 100 tracks each (`youtubePlaylistLoadLimit`); the first is, always.
    pub playlist_pages: usize,
    /// Names of the clients that are asked, in order (`clients`); `None`: as `sites.json` has it.
    pub clients: Option<Vec<String>>,
    /// What clients are not asked for (`clientOptions`): `ANDROID_VR.playback` and so on.
    pub options: BTreeMap<String, bool>,
    /// Who unlocks links (`remoteCipher`).
    pub cipher: CipherSettings,
    /// Who says that no robot asks (`pot`).
    pub pot: PoTokenSettings,
    /// An account (`oauth`).
    pub oauth: OAuthSettings,
}

impl Default for Settings {
    /// The original's defaults (reference, 5.2 and 5.3), but for the clients.
    fn default() -> Self {
        Self {
            search: true,
            video_ids: true,
            playlist_ids: true,
            playlist_pages: 6,
            clients: None,
            options: BTreeMap::new(),
            cipher: CipherSettings::default(),
            pot: PoTokenSettings::default(),
            oauth: OAuthSettings::default(),
        }
    }
}

/// The options of a client, as the original names them, and what they are about.
const OPTIONS: [(&str, &[Task]); 4] = [
    ("playback", &[Task::Play]),
    ("videoLoading", &[Task::Video]),
    ("playlistLoading", &[Task::Playlist, Task::Mix]),
    ("searching", &[Task::Search, Task::Music]),
];

impl Settings {
    /// Whether a client may be asked for something.
    fn allows(&self, client: &str, task: Task) -> bool {
        let option = OPTIONS.iter().find(|(_, tasks)| tasks.contains(&task));
        let Some((option, _)) = option else {
            return true;
        };
        let wanted = uniform(&format!("{client}.{option}"));
        let set = self
            .options
            .iter()
            .find(|(name, _)| uniform(name) == wanted);
        set.is_none_or(|(_, is_on)| *is_on)
    }

    /// Whether an option is one of a client's.
    fn knows<'a>(&self, option: &str, mut clients: impl Iterator<Item = &'a String>) -> bool {
        let option = uniform(option);
        clients.any(|client| {
            let mut all = OPTIONS.iter();
            all.any(|(name, _)| uniform(&format!("{client}.{name}")) == option)
        })
    }
}

/// A name of a configuration without what people leave out or write otherwise: variables have neither case nor dots.
fn uniform(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Loads and opens tracks of YouTube.
pub struct YouTube {
    shared: Arc<Shared>,
}

/// What fetch tasks need, too.
struct Shared {
    api: Api,
    found: Cache<VideoId, Arc<Found>>,
}

impl YouTube {
    /// Asks through `site`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(site: Site, settings: Settings) -> Self {
        let shared = Shared {
            api: Api::new(site, settings),
            found: Cache::new(FOUND),
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl Source for YouTube {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        self.shared.look_up(&reference.identifier).boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let id = VideoId::parse(&track.info.identifier)
            .ok_or_else(|| Failure::common("The track is none of YouTube's."))?;
        let wanted = Arc::new(Wanted::new(id));
        let shared = self.shared.clone();
        let locate = move |sought: Sought| {
            let (shared, wanted) = (shared.clone(), wanted.clone());
            async move { shared.locate(&wanted, sought).await }.boxed()
        };
        Ok(Supply::Located {
            locate: Box::new(locate),
            hint: Hint::default(),
        })
    }

    fn search<'a>(
        &'a self,
        query: &'a str,
        kinds: &'a [Kind],
    ) -> BoxFuture<'a, Result<Option<Findings>, Failure>> {
        async move {
            let api = &self.shared.api;
            match Search::parse(query).filter(|_| api.settings().search) {
                None => Ok(None),
                Some(search) if search.words.is_empty() => Ok(Some(Findings::default())),
                Some(search) => Ok(Some(api.findings(&search, kinds).await?)),
            }
        }
        .boxed()
    }
}

impl Shared {
    async fn look_up(&self, identifier: &str) -> Result<Outcome, Failure> {
        let settings = self.api.settings();
        let link = match Search::parse(identifier) {
            Some(search) => Some(Link::Search(search)),
            None => {
                let id = || VideoId::parse(identifier).filter(|_| settings.video_ids);
                let list = || Link::bare_playlist(identifier).filter(|_| settings.playlist_ids);
                let link = Link::parse(identifier);
                link.or_else(|| id().map(Link::Video)).or_else(list)
            }
        };
        Ok(match link {
            None => Outcome::NotMine,
            Some(Link::Search(_)) if !settings.search => Outcome::NotMine,
            Some(link) => Outcome::Found(self.load(link).await?),
        })
    }

    async fn load(&self, link: Link) -> Result<LoadResult, Failure> {
        let link = match link {
            Link::Album(id) => self.api.album(&id).await?,
            Link::Channel(page) => self.api.channel(&page).await?,
            Link::Videos(ids) => {
                let path = format!("/watch_videos?video_ids={ids}");
                let target = self.api.follow(&path).await?;
                let link = target.and_then(|target| Link::parse(target.as_str()));
                link.unwrap_or(Link::Nothing)
            }
            link => link,
        };
        match link {
            Link::Search(search) if search.words.is_empty() => Ok(LoadResult::Empty),
            Link::Search(search) => {
                let tracks = self.api.search(&search).await?;
                Ok(match tracks.is_empty() {
                    true => LoadResult::Empty,
                    false => LoadResult::Search(tracks),
                })
            }
            Link::Video(id) => self.video(&id).await,
            Link::Playlist { id, video } => {
                let list = self.api.playlist(&id, video.as_ref()).await;
                self.or_video(list, video).await
            }
            Link::Mix { id, video } => {
                let list = self.api.mix(&id, video.as_ref()).await;
                self.or_video(list, video).await
            }
            // one step: it could lead to itself
            Link::Album(_) | Link::Channel(_) | Link::Videos(_) | Link::Nothing => {
                Ok(LoadResult::Empty)
            }
        }
    }

    /// A list; the video that was pointed at, where the list is not there or not for everybody. One that may be there the next
    /// time is not given up.
    async fn or_video(
        &self,
        list: Result<LoadResult, Failure>,
        video: Option<VideoId>,
    ) -> Result<LoadResult, Failure> {
        match (list, video) {
            (Err(why), Some(video)) if why.severity == Severity::Common => {
                tracing::debug!(why = %why.trace(), "the video instead of its list");
                self.video(&video).await
            }
            (list, _) => list,
        }
    }

    /// What a video is. How it can be played is kept for when it is, which most often is soon.
    async fn video(&self, id: &VideoId) -> Result<LoadResult, Failure> {
        let mut refusals = Refusals::default();
        for asker in self.api.askers(Task::Video) {
            match self.described(&asker, id, Task::Video).await {
                Ok(video) => {
                    if let Some(found) = Found::of(&asker, &video.sound, &self.api) {
                        self.found.put(id, Arc::new(found));
                    }
                    return Ok(LoadResult::Track(Box::new(video.track)));
                }
                Err(refusal) => refusals.add(asker.name(), refusal, self.api.is_signed_in())?,
            }
        }
        Err(refusals.into_failure())
    }
}

#[cfg(test)]
mod tests;
