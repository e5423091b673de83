//! Owns: unlocking links that YouTube gives to its web clients: which way is taken, and what is remembered.
//! Never knows: what a script or a cipher server does with them, who asked for the links.

mod link;
#[cfg(feature = "youtube-cipher")]
mod local;
#[cfg(not(feature = "youtube-cipher"))]
#[path = "left_out.rs"]
mod local;
mod remote;
mod script;
#[cfg(all(test, feature = "youtube-cipher"))]
mod script_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use crate::{
    error::Failure,
    source::site::{
        Site,
        cache::{Cache, Limits},
    },
    units::Secret,
};
use remote::Remote;
use script::Player;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use url::Url;

/// Scripts that were read. The site serves two or three at a time, and makes a new one every few days.
const PLAYERS: Limits = Limits {
    keep: Duration::from_secs(24 * 3600),
    keep_failure: Duration::from_secs(60),
    entries: 4,
};
/// Answers of scripts: the formats of one video ask the same, so does a track that is played again within hours.
const ANSWERS: Limits = Limits {
    keep: Duration::from_secs(6 * 3600),
    keep_failure: Duration::from_secs(60),
    entries: 1024,
};
/// The longest question for a script, in bytes. Signatures have about a hundred.
const MAX_QUESTION: usize = 2048;

/// The parameter that an unlocked signature goes to, when the link names none: as yt-dlp and youtube-source have it.
pub const SIGNATURE: &str = "signature";

/// What is known of player scripts: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Hosts that scripts come from, and all below them.
    pub script_hosts: Vec<String>,
}

/// What the configuration says (`plugins.youtube.remoteCipher`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where a cipher server is (`url`), such as kikkia/yt-cipher.
    pub url: Option<Url>,
    /// What it asks for (`password`); empty: nothing.
    pub password: Secret,
    /// As whom requests present themselves to it (`userAgent`).
    pub user_agent: String,
}

impl Settings {
    /// Whether there is anybody to unlock links: a server, or this program itself.
    #[must_use]
    pub const fn is_possible(&self) -> bool {
        local::IS_THERE || self.url.is_some()
    }
}

impl Default for Settings {
    /// The defaults of youtube-source.
    fn default() -> Self {
        Self {
            url: None,
            password: Secret::default(),
            user_agent: "yt-source".into(),
        }
    }
}

/// A link as the site gives it to a web client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Where the sound is, with `n` as it came.
    pub url: Url,
    /// The locked signature (`s` of `signatureCipher`).
    pub signature: Option<String>,
    /// The parameter that the unlocked one goes to (`sp`); [`SIGNATURE`], when it is not said.
    pub signature_key: Option<String>,
}

/// What a script is asked, and what it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Puzzle {
    /// The value of the parameter `n`.
    pub n: Option<String>,
    /// A signature.
    pub signature: Option<String>,
}

/// Unlocks links. A cipher server is asked if there is one, and the script itself is run if there is none or it fails.
/// Cheap to clone.
#[derive(Clone)]
pub struct Cipher(Arc<Inner>);

struct Inner {
    site: Site,
    remote: Option<Remote>,
    players: Cache<Url, Arc<Player>>,
    answers: Cache<(Url, Puzzle), Puzzle>,
}

impl Cipher {
    /// Fetches scripts from `site`.
    #[must_use]
    pub fn new(site: Site, settings: Settings) -> Self {
        let remote = Remote::new(&site, settings);
        Self(Arc::new(Inner {
            site,
            remote,
            players: Cache::new(PLAYERS),
            answers: Cache::new(ANSWERS),
        }))
    }

    /// The signature timestamp of a player script: the API gives links that this script can unlock to who names it.
    ///
    /// # Errors
    /// When the script cannot be fetched, or has none.
    pub async fn timestamp(&self, player_url: &Url) -> Result<u32, Failure> {
        let inner = &self.0;
        if let Some(remote) = &inner.remote {
            match remote.timestamp(player_url).await {
                Ok(timestamp) => return Ok(timestamp),
                Err(failure) => fallen_back(&failure),
            }
        }
        Ok(inner.player(player_url).await?.timestamp)
    }

    /// The link, ready to be fetched.
    ///
    /// # Errors
    /// When neither the cipher server nor the script itself unlocks it, or this build runs no scripts.
    pub async fn solve(&self, player_url: &Url, sealed: Sealed) -> Result<Url, Failure> {
        let inner = &self.0;
        let puzzle = link::puzzle(&sealed);
        if puzzle == Puzzle::default() {
            return Ok(sealed.url);
        }
        let long = |it: &Option<String>| it.as_ref().is_some_and(|it| it.len() > MAX_QUESTION);
        if long(&puzzle.n) || long(&puzzle.signature) {
            return Err(inner.site.changed("a locked parameter is far too long"));
        }
        if let Some(remote) = &inner.remote {
            match remote.solve(player_url, &sealed, &puzzle).await {
                Ok(url) => return Ok(url),
                // what went wrong there is why the other way is taken, but only the other way's end is told
                Err(failure) if local::IS_THERE => fallen_back(&failure),
                Err(failure) => return Err(failure),
            }
        }
        let key = (player_url.clone(), puzzle.clone());
        let finding = async {
            let player = inner.player(player_url).await?;
            player.solver.solve(puzzle).await
        };
        let answer = inner.answers.get(&key, finding).await?;
        Ok(link::unlock(sealed, answer))
    }
}

impl Inner {
    /// A script, fetched and read. That goes on when the load that wanted it has given up: on a small device it takes longer
    /// than a load may, and would be begun anew by each.
    async fn player(self: &Arc<Self>, url: &Url) -> Result<Arc<Player>, Failure> {
        let (inner, url) = (self.clone(), url.clone());
        let reading = tokio::spawn(async move {
            let reading = async { script::read(&inner.site, &url).await.map(Arc::new) };
            inner.players.get(&url, reading).await
        });
        reading.await.map_err(|error| {
            Failure::fault("Reading YouTube's player script failed.").because(error)
        })?
    }
}

fn fallen_back(failure: &Failure) {
    tracing::debug!(why = %failure.trace(), "the cipher server is passed over");
}
