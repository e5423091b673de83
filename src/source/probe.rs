//! Owns: finding out what a window holds: a playlist, or a stream with its length and tags.
//! Never knows: where the bytes come from.

use super::playlist::{self, Content, Link};
use crate::{
    error::Failure,
    media::{
        demux::{
            DemuxError, Opened, Opening, Tags,
            probe::{Hint, Prober},
        },
        hls,
        window::{ByteWindow, Stop},
    },
    source::{Outcome, Reference, UNKNOWN_AUTHOR, UNKNOWN_FORMAT, UNKNOWN_TITLE, site::html},
    track::{LoadResult, Track, TrackInfo, UNKNOWN_LENGTH, codec},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, task::spawn_blocking};

/// What was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// Links of a playlist; at least one.
    Links(Vec<Link>),
    /// The playlist of a stream in segments.
    Hls(String),
    /// Something to be played.
    Stream(Stream),
    /// A page of HTML, or its beginning.
    Page(String),
}

/// A stream that can be played.
#[derive(Clone, Debug)]
pub struct Stream {
    /// What `probeInfo` shows.
    pub container: &'static str,
    /// Exact audible length in milliseconds, rounded down; `None` when it has no end, or none that is known.
    pub length: Option<i64>,
    /// Tags in its headers.
    pub tags: Tags,
}

/// Reads as much of a window as it takes, of a playlist or page at most `playlist_bytes`. The caller limits the time.
///
/// # Errors
/// When nothing in it can be played, or the bytes cannot be fetched. A panic in a demuxer is a fault.
pub async fn probe(
    window: ByteWindow,
    hint: Hint,
    playlist_bytes: usize,
) -> Result<Found, Failure> {
    probe_with(window, Box::new(Prober::new(hint)), playlist_bytes).await
}

async fn probe_with(
    window: ByteWindow,
    opening: Box<dyn Opening>,
    playlist_bytes: usize,
) -> Result<Found, Failure> {
    let mut waiting = Waiting::new(window);
    let head = waiting.head().await?;
    if let Some(kind) = playlist::detect(head) {
        let limit = playlist_limit(head, playlist_bytes);
        let text = waiting.text(limit).await?;
        return match playlist::read(kind, &text) {
            Content::Hls if text.len() >= limit => {
                Err(Failure::common("The HLS playlist is too large."))
            }
            Content::Hls => Ok(Found::Hls(text)),
            Content::Links(links) if links.is_empty() => {
                Err(Failure::common("The playlist file contains no links."))
            }
            Content::Links(links) => Ok(Found::Links(links)),
        };
    }
    if html::is_html(head) {
        return waiting.text(playlist_bytes).await.map(Found::Page);
    }
    waiting.open(opening).await.map(Found::Stream)
}

/// Of lists of segments as much is read as will be when they are played.
fn playlist_limit(head: &[u8], usual: usize) -> usize {
    if playlist::mentions_segments(head) {
        usual.max(hls::playlist::MAX_BYTES)
    } else {
        usual
    }
}

fn describe(opened: Opened, has_length: bool) -> Stream {
    let info = opened.demuxer.info();
    // streams in the original, whatever a header in them says: a station may send an old file's first
    let is_endless = match opened.container {
        "adts" | "latm" | "mpegts-adts" => true,
        "mp3" | "ogg" => !has_length,
        _ => false,
    };
    let length = info.length.filter(|_| !is_endless && info.rate > 0);
    let millis = |samples: u64| {
        let millis = u128::from(samples) * 1000 / u128::from(info.rate);
        i64::try_from(millis).unwrap_or(UNKNOWN_LENGTH)
    };
    Stream {
        container: opened.container,
        length: length.map(millis).filter(|length| *length < UNKNOWN_LENGTH),
        tags: opened.tags,
    }
}

/// What a client is told of bytes that cannot be played.
fn refusal(stop: Stop) -> Failure {
    match stop {
        Stop::Failed(failure) => failure,
        Stop::Malformed(DemuxError::Unsupported(text)) => Failure::common(text),
        Stop::Malformed(error) => Failure::common(UNKNOWN_FORMAT).because(error),
        Stop::Need(_) | Stop::Again | Stop::End => Failure::common(UNKNOWN_FORMAT),
    }
}

/// Waits for a window where a demuxer would only say that it needs more.
struct Waiting {
    window: ByteWindow,
    woken: Arc<Notify>,
}

impl Waiting {
    fn new(mut window: ByteWindow) -> Self {
        let woken = Arc::new(Notify::new());
        let waker = woken.clone();
        window.on_ready(move || waker.notify_one());
        Self { window, woken }
    }

    async fn until<T>(
        &mut self,
        mut step: impl FnMut(&mut ByteWindow) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        loop {
            match step(&mut self.window) {
                Err(Stop::Need(_)) => self.woken.notified().await,
                Err(Stop::Again) => {}
                other => return other,
            }
        }
    }

    /// Reads headers, on a blocking thread: an index of 32 MiB takes longer than the runtime's other tasks should wait.
    async fn open(self, mut opening: Box<dyn Opening>) -> Result<Stream, Failure> {
        let Self { mut window, woken } = self;
        loop {
            let step = spawn_blocking(move || (opening.advance(&mut window), opening, window));
            let outcome;
            (outcome, opening, window) = step
                .await
                .map_err(|_| Failure::fault("Something went wrong when reading the file."))?;
            match outcome {
                Err(Stop::Need(_)) => woken.notified().await,
                Err(Stop::Again) => {}
                Err(stop) => return Err(refusal(stop)),
                Ok(opened) => return Ok(describe(opened, window.length().is_some())),
            }
        }
    }

    /// The bytes at the beginning in which a text must show itself.
    async fn head(&mut self) -> Result<&[u8], Failure> {
        let head = |window: &mut ByteWindow| window.peek(playlist::HEAD_LEN).map(|_| ());
        match self.until(head).await {
            Ok(()) | Err(Stop::End) => {}
            Err(stop) => return Err(refusal(stop)),
        }
        Ok(self.window.peek_up_to(playlist::HEAD_LEN))
    }

    /// All of it, or its first `limit` bytes.
    async fn text(&mut self, limit: usize) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        while bytes.len() < limit {
            let left = limit - bytes.len();
            let more = |window: &mut ByteWindow| {
                let len = window.available().clamp(1, left);
                window.take(len)
            };
            match self.until(more).await {
                Ok(more) => bytes.extend_from_slice(&more),
                Err(Stop::End) => break,
                Err(stop) => return Err(refusal(stop)),
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// What a source knows of a track besides the stream itself.
pub struct Origin<'a> {
    /// Name of the source.
    pub source: &'static str,
    /// Identifier, and address for people.
    pub identifier: &'a str,
    /// Title for when there is no tag.
    pub title: Option<String>,
    /// Author for when there is no tag.
    pub author: Option<String>,
}

impl Stream {
    /// A stream in segments, of this length. The original takes all of them for endless.
    #[must_use]
    pub fn hls(length: Option<Duration>) -> Self {
        let millis = |length: Duration| i64::try_from(length.as_millis()).unwrap_or(UNKNOWN_LENGTH);
        Self {
            container: "m3u|hls-outer",
            length: length.map(millis),
            tags: Tags::default(),
        }
    }
}

impl Found {
    /// What a look-up ends with: the track, or the first link that leads anywhere. `resolve` finds what a link that is no
    /// URL means at the place of its playlist.
    ///
    /// # Errors
    /// When no link leads anywhere, and for a playlist of segments and a page: those are for its source to look into.
    pub fn into_outcome(
        self,
        origin: Origin<'_>,
        resolve: impl Fn(&str) -> Option<String>,
    ) -> Result<Outcome, Failure> {
        let reference = |link: Link| {
            let identifier = if playlist::is_url(&link.target) {
                link.target
            } else {
                resolve(&link.target)?
            };
            Some(Outcome::Reference(Reference {
                identifier,
                title: link.title,
            }))
        };
        match self {
            Self::Links(links) => links
                .into_iter()
                .find_map(reference)
                .ok_or_else(|| Failure::common("The playlist file contains no links.")),
            Self::Hls(_) => Err(Failure::common(
                "HLS streams are played from HTTP addresses only.",
            )),
            Self::Stream(stream) => {
                let track = Box::new(track(stream, origin));
                Ok(Outcome::Found(LoadResult::Track(track)))
            }
            Self::Page(_) => Err(Failure::common(UNKNOWN_FORMAT)),
        }
    }
}

fn track(stream: Stream, origin: Origin<'_>) -> Track {
    let known = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let or_else = |tag: Option<String>, other: Option<String>, unknown: &str| {
        known(tag)
            .or_else(|| known(other))
            .unwrap_or_else(|| unknown.to_owned())
    };
    let is_stream = stream.length.is_none();
    let mut plugin_info = serde_json::Map::new();
    plugin_info.insert("probeInfo".to_owned(), stream.container.into());
    Track {
        info: TrackInfo {
            identifier: origin.identifier.to_owned(),
            is_seekable: !is_stream,
            author: or_else(stream.tags.artist, origin.author, UNKNOWN_AUTHOR),
            length: stream.length.unwrap_or(UNKNOWN_LENGTH),
            is_stream,
            position: 0,
            title: or_else(stream.tags.title, origin.title, UNKNOWN_TITLE),
            uri: Some(origin.identifier.to_owned()),
            artwork_url: known(stream.tags.artwork_url),
            isrc: known(stream.tags.isrc),
            source_name: origin.source.to_owned(),
        },
        details: codec::probe_details(stream.container).expect("names of containers are short"),
        plugin_info,
        originals: Vec::new(),
    }
}

/// What a track that was probed before tells of its bytes.
#[must_use]
pub fn hint(track: &Track, extension: Option<String>) -> Hint {
    let by_probe = match probe_info(track) {
        "mp3" => Some("mp3"),
        "adts" => Some("aac"),
        "mpegts-adts" => Some("ts"),
        _ => None,
    };
    Hint {
        mime: None,
        extension: by_probe.map(str::to_owned).or(extension),
    }
}

/// Whether the track was found in a playlist of segments, here or by another node.
#[must_use]
pub fn is_hls(track: &Track) -> bool {
    probe_info(track).starts_with("m3u")
}

fn probe_info(track: &Track) -> &str {
    let info = track.plugin_info.get("probeInfo");
    info.and_then(|info| info.as_str()).unwrap_or_default()
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
