//! Owns: the playlists of HLS (RFC 8216, section 4): their text as values, within limits.
//! Never knows: where a playlist came from, which segments are fetched, or when.
//!
//! Own rather than m3u8-rs: that counts time in `f32`, does not carry keys, init sections and byte ranges on from segment to
//! segment as the tags mean it (what it leaves to do is most of this file), does not know `EXT-X-GAP`, and refuses a whole
//! playlist for one tag that it cannot read, where players ignore it.

use crate::media::window::{Outline, Place};
use std::{sync::Arc, time::Duration};

/// The largest playlist, in bytes: a day of segments of 6 s with addresses of 500 bytes.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The most segments of a playlist: two days of 4 s each.
const MAX_SEGMENTS: usize = 50_000;
/// The most variants and renditions of a master playlist.
const MAX_CHOICES: usize = 1000;
/// The longest that a segment, a target duration or an offset may be: a day.
const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);
/// A target duration, when there is none: what Apple recommends.
const USUAL_TARGET: Duration = Duration::from_secs(6);

/// A playlist that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaylistError {
    /// Neither segments nor variants.
    #[error("the playlist has neither segments nor variants")]
    Empty,
    /// More than is accepted; the text says of what.
    #[error("the playlist has more {0} than are accepted")]
    TooMany(&'static str),
    /// An encryption other than AES-128.
    #[error("the stream is encrypted by a method that is not supported")]
    Encryption,
}

/// A playlist of HLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Playlist {
    /// The same content in several forms.
    Master(Master),
    /// Segments.
    Media(Media),
}

/// What there is to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Master {
    /// Whole presentations, in order.
    pub variants: Vec<Variant>,
    /// Sound that variants refer to by their group, in order.
    pub renditions: Vec<Rendition>,
}

/// `EXT-X-STREAM-INF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its media playlist.
    pub uri: String,
    /// Bits a second at the most.
    pub bandwidth: u64,
    /// As RFC 6381 writes them; `None` when it does not say.
    pub codecs: Option<Vec<String>>,
    /// Group of the renditions that its sound is in.
    pub audio: Option<String>,
    /// Whether it says a resolution: it has pictures.
    pub has_pictures: bool,
}

/// `EXT-X-MEDIA` of the type `AUDIO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// What variants refer to.
    pub group: String,
    /// Its media playlist; `None` when it is in the variant's own segments.
    pub uri: Option<String>,
    /// `DEFAULT=YES`.
    pub is_default: bool,
    /// Number of channels, as far as it is told.
    pub channels: Option<u32>,
}

/// A list of segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// No segment is longer than this, rounded.
    pub target: Duration,
    /// The segments, in order.
    pub segments: Vec<Segment>,
    /// Number of the first segment (`EXT-X-MEDIA-SEQUENCE`); the others count on.
    pub first: u64,
    /// Nothing will be added (`EXT-X-ENDLIST`).
    pub is_ended: bool,
}

/// A piece of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it is, as the playlist has it.
    pub uri: String,
    /// How long it is.
    pub duration: Duration,
    /// The part of the resource that it is; all of it, when there is none.
    pub range: Option<ByteRange>,
    /// How it is encrypted.
    pub key: Option<Arc<Key>>,
    /// What stands in front of it for the reader.
    pub map: Option<Arc<Map>>,
    /// Segments with the same number here share one clock and one coding.
    pub clock: u32,
    /// There is nothing at its address (`EXT-X-GAP`).
    pub is_gap: bool,
}

/// A part of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// Offset of its first byte.
    pub from: u64,
    /// Offset behind its last one.
    pub until: u64,
}

/// `EXT-X-KEY` with the method AES-128.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where its 16 bytes are.
    pub uri: String,
    /// The initialisation vector; made from the segment's number where there is none.
    pub iv: Option<[u8; 16]>,
}

/// `EXT-X-MAP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Where it is.
    pub uri: String,
    /// The part of the resource that it is.
    pub range: Option<ByteRange>,
    /// How it is encrypted.
    pub key: Option<Arc<Key>>,
}

impl Media {
    /// Number of the segment that would come next.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.first.saturating_add(self.segments.len() as u64)
    }

    /// The segment of this number.
    #[must_use]
    pub fn segment(&self, number: u64) -> Option<&Segment> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.segments.get(index)
    }

    /// The segments in time, when there is an end.
    #[must_use]
    pub fn outline(&self) -> Option<Outline> {
        if !self.is_ended || self.segments.is_empty() {
            return None;
        }
        let mut length = Duration::ZERO;
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let place = |segment: &Segment| {
            let start = micros(length);
            length += segment.audible();
            Place {
                start,
                clock: segment.clock,
            }
        };
        let places = self.segments.iter().map(place).collect();
        Some(Outline {
            first: self.first,
            places,
            length: micros(length),
        })
    }
}

impl Segment {
    /// How much is heard of it.
    #[must_use]
    pub const fn audible(&self) -> Duration {
        if self.is_gap {
            Duration::ZERO
        } else {
            self.duration
        }
    }
}

/// Reads a playlist. Tags that are not known, and those that cannot be read, are passed over.
///
/// # Errors
/// When it holds nothing, more than is accepted, or nothing that can be decrypted.
pub fn parse(text: &str) -> Result<Playlist, PlaylistError> {
    let mut reader = Reader::default();
    let lines = text.trim_start_matches('\u{FEFF}').split(['\n', '\r']);
    for line in lines.map(str::trim).filter(|line| !line.is_empty()) {
        reader.line(line)?;
    }
    reader.finish()
}

/// What the lines so far have said.
#[derive(Default)]
struct Reader {
    master: Master,
    /// Of the variant whose address is the next line.
    variant: Option<Variant>,
    segments: Vec<Segment>,
    first: u64,
    target: Option<Duration>,
    is_ended: bool,
    is_master: bool,
    // of the segment whose address is the next line
    duration: Option<Duration>,
    range: Option<(u64, Option<u64>)>,
    is_gap: bool,
    // of all segments from here on
    clock: u32,
    key: Option<Arc<Key>>,
    is_undecipherable: bool,
    /// The next segment has named a key already: another one is only another way to it.
    has_new_key: bool,
    map: Option<Arc<Map>>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), PlaylistError> {
        let Some(tag) = line.strip_prefix('#') else {
            return self.address(line);
        };
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "EXTINF" => self.duration = value.split(',').next().and_then(duration),
            "EXT-X-BYTERANGE" => self.range = byte_range(value),
            "EXT-X-GAP" => self.is_gap = true,
            "EXT-X-DISCONTINUITY" => self.clock = self.clock.saturating_add(1),
            "EXT-X-KEY" => self.key(value),
            "EXT-X-MAP" => self.map(value),
            "EXT-X-TARGETDURATION" => self.target = duration(value),
            "EXT-X-MEDIA-SEQUENCE" => self.first = value.trim().parse().unwrap_or(0),
            "EXT-X-DISCONTINUITY-SEQUENCE" if self.segments.is_empty() => {
                self.clock = value.trim().parse().unwrap_or(0);
            }
            "EXT-X-ENDLIST" => self.is_ended = true,
            "EXT-X-STREAM-INF" => self.variant(value),
            "EXT-X-MEDIA" => return self.rendition(value),
            _ => {}
        }
        Ok(())
    }

    fn address(&mut self, line: &str) -> Result<(), PlaylistError> {
        let uri = line.to_owned();
        if let Some(variant) = self.variant.take() {
            if self.master.variants.len() == MAX_CHOICES {
                return Err(PlaylistError::TooMany("variants"));
            }
            self.master.variants.push(Variant { uri, ..variant });
            return Ok(());
        }
        // an address without a duration is no segment
        let Some(duration) = self.duration.take() else {
            return Ok(());
        };
        self.has_new_key = false;
        if self.is_undecipherable {
            return Err(PlaylistError::Encryption);
        }
        if self.segments.len() == MAX_SEGMENTS {
            return Err(PlaylistError::TooMany("segments"));
        }
        let range = self.range.take().map(|(len, from)| {
            // without an offset it follows the range before it
            let before = self.segments.last().filter(|last| last.uri == uri);
            let follows = before.and_then(|last| Some(last.range?.until));
            span(from.or(follows).unwrap_or(0), len)
        });
        self.segments.push(Segment {
            uri,
            duration,
            range,
            key: self.key.clone(),
            map: self.map.clone(),
            clock: self.clock,
            is_gap: std::mem::take(&mut self.is_gap),
        });
        Ok(())
    }

    fn key(&mut self, value: &str) {
        let method = attribute(value, "METHOD").unwrap_or_default();
        let format = attribute(value, "KEYFORMAT").unwrap_or("identity");
        if !std::mem::replace(&mut self.has_new_key, true) {
            self.key = None;
            self.is_undecipherable = false;
        }
        match (method, attribute(value, "URI")) {
            ("NONE", _) => {}
            ("AES-128", Some(uri)) if format == "identity" => {
                self.key = Some(Arc::new(Key {
                    uri: uri.to_owned(),
                    iv: attribute(value, "IV").and_then(initialisation_vector),
                }));
                self.is_undecipherable = false;
            }
            _ => self.is_undecipherable = self.key.is_none(),
        }
    }

    fn map(&mut self, value: &str) {
        self.map = attribute(value, "URI").map(|uri| {
            let range = attribute(value, "BYTERANGE").and_then(byte_range);
            Arc::new(Map {
                uri: uri.to_owned(),
                range: range.map(|(len, from)| span(from.unwrap_or(0), len)),
                key: self.key.clone(),
            })
        });
    }

    fn variant(&mut self, value: &str) {
        self.is_master = true;
        let list = |text: &str| {
            let names = text.split(',').map(|name| name.trim().to_owned());
            names.filter(|name| !name.is_empty()).collect()
        };
        self.variant = Some(Variant {
            uri: String::new(),
            bandwidth: number(value, "BANDWIDTH").unwrap_or(0),
            codecs: attribute(value, "CODECS").map(list),
            audio: attribute(value, "AUDIO").map(str::to_owned),
            has_pictures: attribute(value, "RESOLUTION").is_some(),
        });
    }

    fn rendition(&mut self, value: &str) -> Result<(), PlaylistError> {
        self.is_master = true;
        if attribute(value, "TYPE") != Some("AUDIO") {
            return Ok(());
        }
        if self.master.renditions.len() == MAX_CHOICES {
            return Err(PlaylistError::TooMany("renditions"));
        }
        let channels = attribute(value, "CHANNELS").unwrap_or_default();
        self.master.renditions.push(Rendition {
            group: attribute(value, "GROUP-ID").unwrap_or_default().to_owned(),
            uri: attribute(value, "URI").map(str::to_owned),
            is_default: attribute(value, "DEFAULT") == Some("YES"),
            channels: channels.split('/').next().and_then(|n| n.parse().ok()),
        });
        Ok(())
    }

    fn finish(self) -> Result<Playlist, PlaylistError> {
        if self.is_master && self.segments.is_empty() {
            return match self.master.variants.is_empty() {
                true => Err(PlaylistError::Empty),
                false => Ok(Playlist::Master(self.master)),
            };
        }
        // a live list may have no segment yet
        if self.segments.is_empty() && (self.is_ended || self.target.is_none()) {
            return Err(PlaylistError::Empty);
        }
        Ok(Playlist::Media(Media {
            target: self
                .target
                .filter(|target| !target.is_zero())
                .unwrap_or(USUAL_TARGET),
            segments: self.segments,
            // numbers are added to it
            first: self.first.min(u64::MAX / 2),
            is_ended: self.is_ended,
        }))
    }
}

/// Seconds, perhaps with a fraction.
fn duration(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    Some(duration.min(MAX_DURATION))
}

/// `length` or `length@offset`.
fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (len, from) = match text.trim().split_once('@') {
        Some((len, from)) => (len, Some(from.parse().ok()?)),
        None => (text.trim(), None),
    };
    Some((len.parse().ok()?, from))
}

const fn span(from: u64, len: u64) -> ByteRange {
    ByteRange {
        from,
        until: from.saturating_add(len),
    }
}

/// `0x` and up to 32 digits.
fn initialisation_vector(text: &str) -> Option<[u8; 16]> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let value = u128::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
    Some(value.to_be_bytes())
}

fn number<T: std::str::FromStr>(attributes: &str, name: &str) -> Option<T> {
    attribute(attributes, name)?.parse().ok()
}

/// The value of an attribute, without its quotes (RFC 8216, section 4.2).
fn attribute<'a>(mut rest: &'a str, name: &str) -> Option<&'a str> {
    loop {
        let (this, behind) = rest.split_once('=')?;
        let (value, following) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => behind.split_at(behind.find(',').unwrap_or(behind.len())),
        };
        if this.trim() == name {
            return Some(value.trim());
        }
        rest = following.trim_start().trim_start_matches(',');
    }
}

#[cfg(test)]
#[path = "playlist_tests.rs"]
mod tests;
