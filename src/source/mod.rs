//! Owns: places that tracks come from.
//! Never knows: players, sessions.

mod bandcamp;
pub mod findings;
mod http;
mod local;
mod lrclib;
#[doc(hidden)] // public for its fuzz target
pub mod playlist;
mod probe;
mod registry;
mod site;
mod soundcloud;
mod sponsorblock;

/// What a source says of the words of a track.
pub use crate::track::lyrics;
pub use registry::Registry;
pub use soundcloud::Settings as SoundCloudSettings;

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
use std::{path::PathBuf, time::Duration};

/// Title of a track that has none.
pub const UNKNOWN_TITLE: &str = "Unknown title";
/// Author of a track that has none.
pub const UNKNOWN_AUTHOR: &str = "Unknown artist";

/// What a client is told of bytes that nobody can read.
const UNKNOWN_FORMAT: &str = "Unknown file format.";

/// Which sources there are, and their limits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The `soundcloud` source, when it is on (`sources.soundcloud`).
    pub soundcloud: Option<SoundCloudSettings>,
    /// The `bandcamp` source (`sources.bandcamp`).
    pub bandcamp: bool,
    /// A file with what is known of sites, that replaces parts of what is built in (`sites.dataFile`).
    pub site_data: Option<PathBuf>,
    /// The `http` source (`sources.http`).
    pub http: bool,
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
    /// The longest that one load may take, all its references included. The original has only the limits of each request.
    pub load_timeout: Duration,
}

impl Default for Settings {
    /// Lavalink's defaults (reference, 5.2).
    fn default() -> Self {
        Self {
            soundcloud: Some(SoundCloudSettings::default()),
            bandcamp: true,
            site_data: None,
            http: true,
            local: false,
            local_roots: Vec::new(),
            lrclib: false,
            lyrics_first: Vec::new(),
            sponsorblock: true,
            network: net::Settings::default(),
            playlist_bytes: 1024 * 1024,
            load_timeout: Duration::from_secs(15),
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Another source may know it.
    NotMine,
    /// This.
    Found(LoadResult),
    /// It stands for another identifier: all sources are asked anew.
    Reference(Reference),
    /// It is a page: whichever source knows such pages reads it.
    Page(Page),
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
    Window(Media),
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
