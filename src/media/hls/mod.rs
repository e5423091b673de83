//! Owns: HLS (RFC 8216): from the address of a playlist to a window of sections, one for each segment.
//! Never knows: containers and codecs, or who listens.
//!
//! The fetch task loads the playlist, takes of a master playlist the form that [`choose`] names, and delivers segment after
//! segment, decrypted and each behind its init section, as far ahead as the window has room. `course` decides which comes
//! next and when a live list is loaded again. A segment that cannot be had is passed over with a note.

pub mod choose;
mod course;
mod crypt;
mod fetcher;
pub mod playlist;

use super::{
    located::Locator,
    part::Part,
    window::{ByteWindow, LaneWriter, lane_of_sections},
};
use crate::{
    error::Failure,
    net::{Clients, NetError, address::Address, tally::Retried},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use fetcher::Fetcher;
use playlist::{Media, Playlist, PlaylistError};
use std::time::Duration;
use tokio::runtime::Handle;

/// Bytes of a key of AES-128.
const KEY_BYTES: usize = 16;

/// Why there is no segment, or no playlist.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HlsError {
    /// It could not be fetched.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The playlist cannot be used.
    #[error(transparent)]
    Playlist(#[from] PlaylistError),
    /// No form of the stream has sound that can be decoded.
    #[error("no variant of the stream has sound in a supported codec")]
    NoSound,
    /// A master playlist leads to another one.
    #[error("a variant of the stream is no list of segments")]
    Nested,
    /// Something is larger than is accepted; the text says what.
    #[error("the {0} is larger than is accepted")]
    TooLarge(&'static str),
    /// A link leads to no HTTP address.
    #[error("a link in the playlist is no HTTP address")]
    BadLink,
    /// A key is no key of AES-128.
    #[error("the key has {len} bytes instead of {KEY_BYTES}")]
    BadKey {
        /// What came.
        len: usize,
    },
}

impl HlsError {
    /// The failure of a load.
    #[must_use]
    pub fn into_load_failure(self) -> Failure {
        match self {
            Self::Net(error) => error.into_load_failure(),
            other => other.refusal(),
        }
    }

    /// The failure of a track that was playing, or about to.
    #[must_use]
    pub fn into_play_failure(self, is_of_site: bool) -> Failure {
        match self {
            Self::Net(error) if is_of_site => error.into_sound_failure(),
            Self::Net(error) => error.into_play_failure(),
            other => other.refusal(),
        }
    }

    fn refusal(self) -> Failure {
        let message = match &self {
            Self::Playlist(PlaylistError::Encryption) => {
                "The HLS stream is encrypted by a method that is not supported."
            }
            _ => "The HLS stream cannot be played.",
        };
        Failure::common(message).because(self)
    }
}

/// What a load tells of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its length by its playlist; `None` while it goes on.
    pub length: Option<Duration>,
}

/// Looks at a stream whose playlist was fetched from `address` already.
///
/// # Errors
/// When the playlist cannot be used, or the one that it leads to cannot be fetched.
pub async fn inspect(
    clients: &Clients,
    address: &Address,
    text: &str,
) -> Result<Summary, HlsError> {
    let found = resolve(
        clients,
        address.clone(),
        playlist::parse(text)?,
        &mut Retried::default(),
    )
    .await?;
    let length = found.media.outline().map(|outline| outline.length);
    Ok(Summary {
        length: length.map(Duration::from_micros),
    })
}

/// A window of sections over the stream whose playlist is at an address. Fetched in a task that lives on `runtime` until the
/// window is dropped.
#[must_use]
pub fn fetch(clients: &Clients, address: Address, runtime: &Handle) -> ByteWindow {
    let (writer, window) = lane_of_sections(clients.settings().read_ahead_bytes);
    let mut fetcher = Fetcher::new(writer, clients.clone(), address);
    runtime.spawn(async move { fetcher.run().await });
    window
}

/// Delivers the segments of the playlist at an address that `locator` has found, and may find anew, until the window, which
/// knows of sections, is gone.
pub(super) async fn run_located(
    writer: LaneWriter,
    clients: Clients,
    address: Address,
    locator: Locator,
) {
    let mut fetcher = Fetcher::located(writer, clients, address, locator);
    fetcher.run().await;
}

/// A list of segments, and where it is.
struct Found {
    /// Where it is asked for.
    address: Address,
    /// Where it came from: links in it are read from there.
    base: Address,
    media: Media,
}

/// The list of segments that a playlist is, or leads to; for `retried` see [`load`].
async fn resolve(
    clients: &Clients,
    address: Address,
    playlist: Playlist,
    retried: &mut Retried,
) -> Result<Found, HlsError> {
    match playlist {
        Playlist::Media(media) => Ok(Found {
            base: address.clone(),
            address,
            media,
        }),
        Playlist::Master(master) => {
            let link = choose::choose(&master).ok_or(HlsError::NoSound)?;
            let address = address.join(link).ok_or(HlsError::BadLink)?;
            let (playlist, base) = load(clients, &address, retried).await?;
            let Playlist::Media(media) = playlist else {
                return Err(HlsError::Nested);
            };
            Ok(Found {
                address,
                base,
                media,
            })
        }
    }
}

/// A playlist, and where it came from. To `retried` is added how often a connection was taken up again, also when it fails.
async fn load(
    clients: &Clients,
    address: &Address,
    retried: &mut Retried,
) -> Result<(Playlist, Address), HlsError> {
    let mut part = Part::new(clients, address.clone(), None);
    let whole = part.whole(playlist::MAX_BYTES).await;
    *retried += part.take_retried();
    let (bytes, base) = whole?.ok_or(HlsError::TooLarge("playlist"))?;
    let playlist = playlist::parse(&String::from_utf8_lossy(&bytes))?;
    Ok((playlist, base))
}

/// The list of segments at an address, or to which it leads; for `retried` see [`load`].
async fn find(
    clients: &Clients,
    address: &Address,
    retried: &mut Retried,
) -> Result<Found, HlsError> {
    match load(clients, address, retried).await? {
        (Playlist::Media(media), base) => Ok(Found {
            address: address.clone(),
            base,
            media,
        }),
        (master, base) => resolve(clients, base, master, retried).await,
    }
}

/// The bytes that a link is itself (RFC 2397), in base64; `None` for other links.
fn data_uri(uri: &str) -> Option<Vec<u8>> {
    let (head, text) = uri.strip_prefix("data:")?.split_once(',')?;
    head.strip_suffix(";base64")?;
    BASE64.decode(text).ok()
}

#[cfg(test)]
mod tests;
