//! Owns: places that tracks come from.
//! Never knows: players, sessions.

mod applemusic;
mod bandcamp;
mod deezer;
pub mod findings;
mod http;
mod list;
mod local;
mod lrclib;
mod mirror;
mod nico;
#[doc(hidden)] // public for its fuzz target
pub mod playlist;
mod probe;
mod registry;
pub mod resolves;
mod shelf;
mod site;
mod soundcloud;
mod sponsorblock;
mod spotify;
mod stand_in;
mod tidal;
mod twitch;
mod vimeo;
mod words;
mod yandexmusic;
mod youtube;
mod ytdlp;

pub use crate::net::{
    route_planner::{Course, Family, Status},
    routes::{Counts as RouteCounts, Routes},
};
/// What a source says of the words of a track.
pub use crate::track::lyrics;
pub use applemusic::{
    Credentials as AppleMusicCredentials, Key as AppleMusicKey, Settings as AppleMusicSettings,
};
pub use mirror::Settings as MirrorSettings;
pub use registry::Registry;
pub use soundcloud::Settings as SoundCloudSettings;
pub use spotify::{Credentials as SpotifyCredentials, Settings as SpotifySettings};
pub use tidal::Settings as TidalSettings;
pub use yandexmusic::Settings as YandexMusicSettings;
pub use youtube::{CipherSettings, OAuthSettings, PoTokenSettings, Settings as YouTubeSettings};
pub use ytdlp::Settings as YtDlpSettings;

use crate::{
    error::Failure,
    media::{demux::probe::Hint, located::Locate, window::ByteWindow},
    net::{self, address::Address},
    track::{LoadResult, Track},
};
use findings::{Findings, Kind};
use futures_util::{FutureExt, future::BoxFuture};
use lyrics::Lyrics;
use playlist::unescape;
use std::path::PathBuf;

/// Title of a track that has none.
pub const UNKNOWN_TITLE: &str = "Unknown title";
/// Author of a track that has none.
pub const UNKNOWN_AUTHOR: &str = "Unknown artist";

/// What a client is told of bytes that nobody can read.
const UNKNOWN_FORMAT: &str = "Unknown file format.";

/// Which sources there are, and their limits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The `youtube` source, when it is on (`sources.youtube` or `plugins.youtube.enabled`).
    pub youtube: Option<YouTubeSettings>,
    /// The `soundcloud` source, when it is on (`sources.soundcloud`).
    pub soundcloud: Option<SoundCloudSettings>,
    /// The `bandcamp` source (`sources.bandcamp`).
    pub bandcamp: bool,
    /// The `twitch` source (`sources.twitch`).
    pub twitch: bool,
    /// The `vimeo` source (`sources.vimeo`).
    pub vimeo: bool,
    /// The `niconico` source (`sources.nico`).
    pub nico: bool,
    /// A file with what is known of sites, that replaces parts of what is built in (`sites.dataFile`).
    pub site_data: Option<PathBuf>,
    /// The `spotify` source, when it is on (`plugins.lavasrc.sources.spotify`).
    pub spotify: Option<SpotifySettings>,
    /// The `applemusic` source, when it is on (`plugins.lavasrc.sources.applemusic`).
    pub applemusic: Option<AppleMusicSettings>,
    /// What stands for tracks that have no sound of their own.
    pub mirror: MirrorSettings,
    /// The `http` source (`sources.http`).
    pub http: bool,
    /// The `deezer` source (`plugins.lavasrc.sources.deezer`).
    pub deezer: bool,
    /// The `tidal` source, when it is on.
    pub tidal: Option<TidalSettings>,
    /// The `yandexmusic` source, when it is on.
    pub yandexmusic: Option<YandexMusicSettings>,
    /// The `ytdlp` source (`ytdlp`).
    pub ytdlp: YtDlpSettings,
    /// The `local` source (`sources.local`).
    pub local: bool,
    /// The directories that local files must lie in, symbolic links followed (`localRoots`); any, when there are none.
    pub local_roots: Vec<PathBuf>,
    /// Whether LRCLIB is asked for lyrics (`plugins.lavasrc.lyrics-sources.lrcLib`).
    pub lrclib: bool,
    /// Names of sources that are asked for lyrics before the others, in this order (`plugins.lavalyrics.sources`).
    pub lyrics_first: Vec<String>,
    /// Whether SponsorBlock may be asked (`plugins.sponsorblock.enabled`).
    pub sponsorblock: bool,
    /// How requests are made.
    pub network: net::Settings,
    /// How much of a playlist file is read, in bytes.
    pub playlist_bytes: usize,
    /// What is remembered of loads (`resolve.cache`).
    pub resolves: resolves::Settings,
}

impl Default for Settings {
    /// Lavalink's defaults (reference, 5.2).
    fn default() -> Self {
        Self {
            youtube: Some(YouTubeSettings::default()),
            soundcloud: Some(SoundCloudSettings::default()),
            bandcamp: true,
            twitch: true,
            vimeo: true,
            nico: false,
            site_data: None,
            spotify: None,
            applemusic: None,
            mirror: MirrorSettings::default(),
            http: true,
            deezer: false,
            tidal: None,
            yandexmusic: None,
            ytdlp: YtDlpSettings::default(),
            local: false,
            local_roots: Vec::new(),
            lrclib: false,
            lyrics_first: Vec::new(),
            sponsorblock: true,
            network: net::Settings::default(),
            playlist_bytes: 1024 * 1024,
            resolves: resolves::Settings::default(),
        }
    }
}

/// What is to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The identifier.
    pub identifier: String,
    /// A title that a playlist gave for it, for when it has none of its own.
    pub title: Option<String>,
}

impl Reference {
    /// An identifier as a client sends it.
    pub fn new(identifier: impl Into<String>) -> Self {
        Self {
            identifier: identifier.into(),
            title: None,
        }
    }
}

/// What a source makes of an identifier.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Another source may know it.
    NotMine,
    /// This.
    Found(LoadResult),
    /// It stands for another identifier: all sources are asked anew.
    Reference(Reference),
    /// It is a page: whichever source knows such pages reads it.
    Page(Page),
    /// There is something, but this source cannot play it; a [last resort](Source::last_resort) may.
    Stranded(Stranded),
}

/// What a source has found, and could not play.
#[derive(Clone, Debug)]
pub struct Stranded {
    /// Where it is.
    pub address: Address,
    /// What a client is told when nobody else can, either.
    pub why: Failure,
}

/// A page of HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where it came from.
    pub address: Address,
    /// What it says.
    pub text: String,
}

/// How a track is fetched.
pub enum Supply {
    /// From a place that has to be found by asking, perhaps again.
    Located {
        /// Finds it.
        locate: Locate,
        /// What the bytes may be.
        hint: Hint,
    },
    /// It is being fetched already.
    Window(Box<Media>),
}

/// The bytes of a track.
pub struct Media {
    /// Where they arrive.
    pub window: ByteWindow,
    /// What they may be.
    pub hint: Hint,
}

/// A place that tracks come from.
pub trait Source: Send + Sync {
    /// Its name, as tracks carry it (`sourceName`).
    fn name(&self) -> &'static str;

    /// Whether [`load`](Self::load) wants identifiers letter by letter, and not as they were meant (`site/link.rs`, `pasted`):
    /// where white space and capitals make a difference.
    fn takes_as_given(&self) -> bool {
        false
    }

    /// Looks an identifier up.
    ///
    /// # Errors
    /// When it is this source's, but cannot be loaded.
    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>>;

    /// Looks at a page that another source came upon. Most sources know theirs by the address, and need not look.
    ///
    /// # Errors
    /// When it is this source's, but cannot be loaded.
    fn read<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Outcome, Failure>> {
        let _ = page;
        async { Ok(Outcome::NotMine) }.boxed()
    }

    /// Looks at an address that another source has found something at, and nobody could read. Slow, and so asked last.
    ///
    /// # Errors
    /// When it knows what is there, but cannot load it.
    fn last_resort<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, Result<Outcome, Failure>> {
        let _ = address;
        async { Ok(Outcome::NotMine) }.boxed()
    }

    /// Where a track of another source is, for when that source is not there or does not find it. `None` when this one does not
    /// stand in for that.
    fn stand_in(&self, track: &Track) -> Option<Locate> {
        let _ = track;
        None
    }

    /// Begins to fetch a track, which may come from a client and so say anything. Never waits; what goes wrong later is told
    /// by the window.
    ///
    /// # Errors
    /// When the track cannot be one of this source's.
    fn open(&self, track: &Track) -> Result<Supply, Failure>;

    /// Searches for several kinds of things at once. `None` when the query is not for this source.
    ///
    /// # Errors
    /// When it is, but there is no answer.
    fn search<'a>(
        &'a self,
        query: &'a str,
        kinds: &'a [Kind],
    ) -> BoxFuture<'a, Result<Option<Findings>, Failure>> {
        let _ = (query, kinds);
        async { Ok(None) }.boxed()
    }

    /// The words of a track, of any source. `None` when there are none here.
    ///
    /// # Errors
    /// When there is no answer.
    fn lyrics<'a>(&'a self, track: &'a Track) -> BoxFuture<'a, Result<Option<Lyrics>, Failure>> {
        let _ = track;
        async { Ok(None) }.boxed()
    }
}
