//! Owns: HLS (RFC 8216): from the address of a playlist to a window of sections, one for each segment.
//! Never knows: containers and codecs, or who listens.
//!
//! The fetch task loads the playlist, takes of a master playlist the form that [`choose`] names, and delivers segment after
//! segment, decrypted and each behind its init section, as far ahead as the window has room. `course` decides which comes
//! next and when a live list is loaded again. A segment that cannot be had is passed over with a note.

pub mod choose;
mod course;
mod crypt;
mod part;
pub mod playlist;

use super::{
    backoff::chance,
    window::{ByteWindow, LaneWriter, Task, lane_of_sections},
};
use crate::{
    error::Failure,
    net::{Clients, NetError, address::Address},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use course::{Course, Step};
use crypt::Decrypter;
use part::Part;
use playlist::{Key, Map, Media, Playlist, PlaylistError, Segment};
use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

/// The largest init section, in bytes.
const MAX_MAP_BYTES: usize = 1024 * 1024;
/// The most that is read of one segment, in bytes: half a minute of the largest pictures.
const MAX_SEGMENT_BYTES: u64 = 128 * 1024 * 1024;
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
    pub fn into_play_failure(self) -> Failure {
        match self {
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
    let found = resolve(clients, address.clone(), playlist::parse(text)?).await?;
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

/// A list of segments, and where it is.
struct Found {
    /// Where it is asked for.
    address: Address,
    /// Where it came from: links in it are read from there.
    base: Address,
    media: Media,
}

/// The list of segments that a playlist is, or leads to.
async fn resolve(
    clients: &Clients,
    address: Address,
    playlist: Playlist,
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
            let (playlist, base) = load(clients, &address).await?;
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

/// A playlist, and where it came from.
async fn load(clients: &Clients, address: &Address) -> Result<(Playlist, Address), HlsError> {
    let part = Part::new(clients, address.clone(), None);
    let whole = part.whole(playlist::MAX_BYTES).await?;
    let (bytes, base) = whole.ok_or(HlsError::TooLarge("playlist"))?;
    let playlist = playlist::parse(&String::from_utf8_lossy(&bytes))?;
    Ok((playlist, base))
}

async fn find(clients: &Clients, address: &Address) -> Result<Found, HlsError> {
    match load(clients, address).await? {
        (Playlist::Media(media), base) => Ok(Found {
            address: address.clone(),
            base,
            media,
        }),
        (master, base) => resolve(clients, base, master).await,
    }
}

/// Why work has stopped.
enum Break {
    /// The window wants something else.
    Interrupted,
    Error(HlsError),
}

impl<E: Into<HlsError>> From<E> for Break {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// The fetch task.
struct Fetcher {
    writer: LaneWriter,
    clients: Clients,
    /// Of the playlist that the track names.
    address: Address,
    stream: Option<Stream>,
    /// The key that was fetched last.
    key: Option<(Address, [u8; KEY_BYTES])>,
    /// The init section that was fetched last.
    map: Option<(Arc<Map>, Bytes)>,
    /// Nothing is left to be delivered from here, but a jump may come.
    is_done: bool,
}

/// The list that is played.
struct Stream {
    address: Address,
    base: Address,
    course: Course,
}

/// The clock, read in this task only.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Fetcher {
    const fn new(writer: LaneWriter, clients: Clients, address: Address) -> Self {
        Self {
            writer,
            clients,
            address,
            stream: None,
            key: None,
            map: None,
            is_done: false,
        }
    }

    async fn run(&mut self) {
        loop {
            match self.writer.ready().await {
                Task::Close => return,
                Task::Jump(number) => {
                    self.is_done = false;
                    if let Some(stream) = &mut self.stream {
                        stream.course.jump(number);
                    }
                }
                // sections that cannot be read are passed over
                Task::Renew => {}
                Task::Deliver if self.is_done => self.writer.interrupted().await,
                Task::Deliver => match self.advance().await {
                    Ok(()) | Err(Break::Interrupted) => {}
                    Err(Break::Error(error)) => self.fail(error.into_play_failure()),
                },
            }
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.is_done = true;
        self.writer.fail(failure);
    }

    /// One step: the list, a segment, a pause and the list again, or the end.
    async fn advance(&mut self) -> Result<(), Break> {
        let Some(stream) = &mut self.stream else {
            return self.begin().await;
        };
        match stream.course.step(now()) {
            Step::Fetch(number) => self.segment(number).await,
            Step::Reload(at) => {
                let pause = tokio::time::sleep_until(at.into());
                unless_interrupted(&self.writer, pause).await?;
                self.reload().await
            }
            Step::End => {
                self.is_done = true;
                self.writer.finish();
                Ok(())
            }
            Step::GiveUp => {
                self.fail(Failure::suspicious("The live stream has stopped."));
                Ok(())
            }
        }
    }

    async fn begin(&mut self) -> Result<(), Break> {
        let found = unless_interrupted(&self.writer, find(&self.clients, &self.address)).await??;
        if let Some(outline) = found.media.outline() {
            self.writer.tell_outline(outline);
        }
        let give_up_after = self.clients.settings().give_up_after;
        self.stream = Some(Stream {
            address: found.address,
            base: found.base,
            course: Course::new(found.media, give_up_after, now()),
        });
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), Break> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let began = now();
        let loaded = unless_interrupted(&self.writer, load(&self.clients, &stream.address)).await?;
        match loaded {
            Ok((Playlist::Media(media), base)) => {
                stream.base = base;
                if stream.course.reloaded(media, began) {
                    tracing::debug!("live stream is taken up again where it is now");
                }
            }
            Ok((Playlist::Master(_), _)) => self.missed(&HlsError::Nested),
            Err(error) => self.missed(&error),
        }
        Ok(())
    }

    /// The list could not be loaded again, for now.
    fn missed(&mut self, error: &HlsError) {
        tracing::debug!(%error, "playlist of a live stream is asked for again");
        self.writer.count_retry();
        if let Some(stream) = &mut self.stream {
            stream.course.missed(now(), chance());
        }
    }

    /// Delivers a segment, or passes over it when it cannot be had.
    async fn segment(&mut self, number: u64) -> Result<(), Break> {
        let outcome = self.deliver(number).await;
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        match outcome {
            Ok(()) => stream.course.pass(),
            Err(Break::Error(error)) => {
                tracing::debug!(number, %error, "segment is passed over");
                if !stream.course.lose(now()) {
                    return Err(error.into());
                }
                self.writer.count_retry();
            }
            Err(Break::Interrupted) => return Err(Break::Interrupted),
        }
        Ok(())
    }

    async fn deliver(&mut self, number: u64) -> Result<(), Break> {
        let stream = self.stream.as_ref();
        let Some((stream, segment)) =
            stream.and_then(|stream| Some((stream, stream.course.media().segment(number)?)))
        else {
            return Ok(());
        };
        let (segment, base) = (segment.clone(), stream.base.clone());
        let map = self.init_section(&segment, &base).await?;
        let mut decrypter = match &segment.key {
            Some(key) => Some(self.decrypter(key, number.into(), &base).await?),
            None => None,
        };
        let address = base.join(&segment.uri).ok_or(HlsError::BadLink)?;
        let mut part = Part::new(&self.clients, address, segment.range);
        let mut len = 0;
        let mut is_begun = false;
        while let Some(chunk) = unless_interrupted(&self.writer, part.chunk()).await?? {
            if !std::mem::replace(&mut is_begun, true) {
                self.writer.begin_section(number);
                self.writer.push(map.clone());
            }
            len += chunk.len() as u64;
            if len > MAX_SEGMENT_BYTES {
                return Err(HlsError::TooLarge("segment").into());
            }
            if let Some(stream) = &mut self.stream {
                stream.course.heard();
            }
            self.writer.push(match &mut decrypter {
                Some(decrypter) => decrypter.feed(&chunk),
                None => chunk,
            });
            if !self.writer.has_room().await {
                return Err(Break::Interrupted);
            }
        }
        if let Some(decrypter) = decrypter {
            self.writer.push(decrypter.finish());
        }
        Ok(())
    }

    /// What stands in front of a segment, perhaps nothing.
    async fn init_section(&mut self, segment: &Segment, base: &Address) -> Result<Bytes, Break> {
        let Some(map) = &segment.map else {
            return Ok(Bytes::new());
        };
        if let Some((known, bytes)) = &self.map
            && known == map
        {
            return Ok(bytes.clone());
        }
        let whole = self.small(&map.uri, map.range, base, MAX_MAP_BYTES);
        let mut bytes = Bytes::from(whole.await?.ok_or(HlsError::TooLarge("init section"))?);
        if let Some(key) = &map.key {
            let mut decrypter = self.decrypter(key, 0, base).await?;
            bytes = [decrypter.feed(&bytes), decrypter.finish()].concat().into();
        }
        self.map = Some((map.clone(), bytes.clone()));
        Ok(bytes)
    }

    /// What decrypts the segment of this number.
    async fn decrypter(
        &mut self,
        key: &Key,
        number: u128,
        base: &Address,
    ) -> Result<Decrypter, Break> {
        let iv = key.iv.unwrap_or_else(|| number.to_be_bytes());
        let address = base.join(&key.uri);
        if let (Some((known, bytes)), Some(address)) = (&self.key, &address)
            && known == address
        {
            return Ok(Decrypter::new(bytes, &iv));
        }
        // one byte more than a key has, to see that it is none
        let found = self.small(&key.uri, None, base, 64 * KEY_BYTES).await?;
        let found = found.ok_or(HlsError::TooLarge("key"))?;
        let bytes = <[u8; KEY_BYTES]>::try_from(&found[..])
            .map_err(|_| HlsError::BadKey { len: found.len() })?;
        self.key = address.map(|address| (address, bytes));
        Ok(Decrypter::new(&bytes, &iv))
    }

    /// All of something small; `None` when it has more than `limit` bytes.
    async fn small(
        &self,
        uri: &str,
        range: Option<playlist::ByteRange>,
        base: &Address,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Break> {
        if let Some(bytes) = data_uri(uri) {
            return Ok(Some(bytes).filter(|bytes| bytes.len() <= limit));
        }
        let address = base.join(uri).ok_or(HlsError::BadLink)?;
        let part = Part::new(&self.clients, address, range);
        let whole = unless_interrupted(&self.writer, part.whole(limit)).await??;
        Ok(whole.map(|(bytes, _)| bytes))
    }
}

async fn unless_interrupted<T>(
    writer: &LaneWriter,
    work: impl Future<Output = T>,
) -> Result<T, Break> {
    tokio::select! {
        biased;
        () = writer.interrupted() => Err(Break::Interrupted),
        done = work => Ok(done),
    }
}

/// The bytes that a link is itself (RFC 2397), in base64; `None` for other links.
fn data_uri(uri: &str) -> Option<Vec<u8>> {
    let (head, text) = uri.strip_prefix("data:")?.split_once(',')?;
    head.strip_suffix(";base64")?;
    BASE64.decode(text).ok()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
