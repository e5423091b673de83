//! Owns: the binary format of tracks that clients keep as `encoded`, versions 1 to 3.
//! Never knows: where a track came from, or who asks.
//!
//! Layout: reference, section 3; what the original does beyond it: measured with 2.2.6 (`tests/data/tracks_oracle.json`).

use super::{Original, TextField, Track, TrackInfo, extended, utf};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Map, Value};

/// The most characters of base64 that are looked at.
pub const MAX_ENCODED_LEN: usize = 1024 * 1024;

/// The newest version, the one that is written.
const VERSION: u8 = 3;
const FLAG_VERSIONED: u32 = 0x4000_0000;
const SIZE_MASK: u32 = 0x3FFF_FFFF;
/// The position, last in every body.
const POSITION_LEN: usize = 8;

/// As lenient as Java's decoder: padding may be missing, and left-over bits may be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Why a string is no track. All of them are the caller's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Longer than [`MAX_ENCODED_LEN`].
    #[error("the track has {len} characters, more than {MAX_ENCODED_LEN}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// Not standard base64.
    #[error("the track is not base64: {0}")]
    Base64(base64::DecodeError),
    /// A message of no bytes.
    #[error("the track is empty")]
    Empty,
    /// The bytes run out inside a field.
    #[error("the track ends inside its {field}")]
    Truncated {
        /// The field, in the API's spelling where it has one.
        field: &'static str,
    },
    /// A text is neither modified nor real UTF-8.
    #[error("the {field} of the track is not modified UTF-8")]
    Text {
        /// The field.
        field: &'static str,
    },
}

/// Why a track cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A text takes more than the 65 535 bytes that its length field can tell; the original fails too.
    #[error("the {field} of the track takes {len} bytes, more than 65535")]
    TextTooLong {
        /// The field.
        field: &'static str,
        /// Bytes of modified UTF-8.
        len: usize,
    },
    /// The source's own part is larger than any reader would take.
    #[error("the details of the track take {len} bytes")]
    DetailsTooLong {
        /// Bytes.
        len: usize,
    },
}

/// Undoes what query strings do to base64: a space was a `+`; any other white space is dropped.
#[must_use]
pub fn repair(encoded: &str) -> String {
    encoded
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('+'),
            c if c.is_whitespace() => None,
            c => Some(c),
        })
        .collect()
}

/// Writes a track as version 3, with `position` (milliseconds) as its position.
///
/// # Errors
/// When a text or the details are too long for the format.
pub fn encode(track: &Track, position: i64) -> Result<String, EncodeError> {
    let mut body = vec![VERSION];
    let info = &track.info;
    let writer = |body: &mut Vec<u8>, field: TextField, text: &str| {
        let bytes = track
            .originals
            .iter()
            .find(|original| original.field == field && original.text == text)
            .map_or_else(|| utf::encode(text), |original| original.bytes.clone());
        let len = u16::try_from(bytes.len()).map_err(|_| EncodeError::TextTooLong {
            field: field.name(),
            len: bytes.len(),
        })?;
        body.extend(len.to_be_bytes());
        body.extend(bytes);
        Ok(())
    };
    let optional = |body: &mut Vec<u8>, field: TextField, text: &Option<String>| {
        body.push(u8::from(text.is_some()));
        text.as_ref()
            .map_or(Ok(()), |text| writer(body, field, text))
    };
    writer(&mut body, TextField::Title, &info.title)?;
    writer(&mut body, TextField::Author, &info.author)?;
    body.extend(info.length.to_be_bytes());
    writer(&mut body, TextField::Identifier, &info.identifier)?;
    body.push(u8::from(info.is_stream));
    optional(&mut body, TextField::Uri, &info.uri)?;
    optional(&mut body, TextField::ArtworkUrl, &info.artwork_url)?;
    optional(&mut body, TextField::Isrc, &info.isrc)?;
    writer(&mut body, TextField::SourceName, &info.source_name)?;
    if track.details.len() > MAX_ENCODED_LEN {
        return Err(EncodeError::DetailsTooLong {
            len: track.details.len(),
        });
    }
    body.extend(&track.details);
    body.extend(position.to_be_bytes());

    let size = u32::try_from(body.len()).expect("seven short texts and bounded details");
    let mut message = (FLAG_VERSIONED | size).to_be_bytes().to_vec();
    message.append(&mut body);
    Ok(BASE64.encode(message))
}

/// The source's own part of an `http` or `local` track: the probe's name, and `|` with parameters where it has some.
///
/// # Errors
/// When it is longer than 65 535 bytes.
pub fn probe_details(probe: &str) -> Result<Vec<u8>, EncodeError> {
    let bytes = utf::encode(probe);
    let len = u16::try_from(bytes.len()).map_err(|_| EncodeError::TextTooLong {
        field: PROBE_INFO,
        len: bytes.len(),
    })?;
    let mut details = len.to_be_bytes().to_vec();
    details.extend(bytes);
    Ok(details)
}

/// Reads a track. The result is seekable unless it is a stream; its plugin info has what the details tell.
///
/// # Errors
/// When it is no track; the error names the field that is cut short or damaged.
pub fn decode(encoded: &str) -> Result<Track, DecodeError> {
    if encoded.len() > MAX_ENCODED_LEN {
        return Err(DecodeError::TooLong { len: encoded.len() });
    }
    let message = BASE64.decode(encoded).map_err(DecodeError::Base64)?;
    let mut reader = Reader {
        rest: &message,
        originals: Vec::new(),
    };
    let header = u32::from_be_bytes(reader.array("header")?);
    let size = (header & SIZE_MASK) as usize;
    if size == 0 {
        return Err(DecodeError::Empty);
    }
    let is_cut = reader.rest.len() < size;
    reader.rest = &reader.rest[..size.min(reader.rest.len())];
    let version = if header & FLAG_VERSIONED == 0 {
        1
    } else {
        reader.array::<1>("version")?[0]
    };
    let track = reader.body(version)?;
    if is_cut {
        return Err(DecodeError::Truncated { field: "message" });
    }
    Ok(track)
}

const PROBE_INFO: &str = "probeInfo";

struct Reader<'a> {
    rest: &'a [u8],
    originals: Vec<Original>,
}

impl<'a> Reader<'a> {
    fn body(&mut self, version: u8) -> Result<Track, DecodeError> {
        let title = self.text(TextField::Title)?;
        let author = self.text(TextField::Author)?;
        let length = i64::from_be_bytes(self.array("length")?);
        let identifier = self.text(TextField::Identifier)?;
        let is_stream = self.flag("isStream")?;
        let mut optional = |field: TextField, since| {
            if version >= since && self.flag(field.name())? {
                return self.text(field).map(Some);
            }
            Ok(None)
        };
        let uri = optional(TextField::Uri, 2)?;
        let artwork_url = optional(TextField::ArtworkUrl, 3)?;
        let isrc = optional(TextField::Isrc, 3)?;
        let source_name = self.text(TextField::SourceName)?;
        let (details, plugin_info) = self.details(&source_name, &identifier)?;
        let position = i64::from_be_bytes(self.array("position")?);
        Ok(Track {
            info: TrackInfo {
                identifier,
                is_seekable: !is_stream,
                author,
                length,
                is_stream,
                position,
                title,
                uri,
                artwork_url,
                isrc,
                source_name,
            },
            details,
            plugin_info,
            originals: core::mem::take(&mut self.originals),
        })
    }

    /// The source's own part: where it ends depends on the source (reference, 3.3). Of a source that nobody knows, it is
    /// all but the position.
    fn details(
        &mut self,
        source: &str,
        identifier: &str,
    ) -> Result<(Vec<u8>, Map<String, Value>), DecodeError> {
        let before = self.rest;
        let mut plugin_info = Map::new();
        match source {
            "soundcloud" | "bandcamp" | "vimeo" | "twitch" | "niconico" | "getyarn.io"
            | "beam.pro" | "flowery-tts" => {}
            "http" | "local" => {
                let probe = self.plain_text(PROBE_INFO)?;
                plugin_info.insert(PROBE_INFO.to_owned(), probe.into());
            }
            // plain, unless the yt-dlp source wrote it; then a whole block stands here
            "youtube" => match self.extended() {
                Ok(fields) if self.rest.len() >= POSITION_LEN => plugin_info = fields,
                _ => self.rest = before,
            },
            "spotify" | "applemusic" | "deezer" | "yandexmusic" | "vkmusic" | "tidal" | "qobuz"
            | "jiosaavn" => {
                if self.rest.len() > POSITION_LEN {
                    plugin_info = self.extended()?;
                }
                extended::complete(&mut plugin_info, source, identifier);
            }
            _ => self.rest = &before[before.len().saturating_sub(POSITION_LEN)..],
        }
        let details = before[..before.len() - self.rest.len()].to_vec();
        Ok((details, plugin_info))
    }

    /// The block that LavaSrc's sources append (reference, 3.3).
    fn extended(&mut self) -> Result<Map<String, Value>, DecodeError> {
        let mut fields = Map::new();
        for field in extended::TEXTS {
            let value = if self.flag(field)? {
                self.plain_text(field)?.into()
            } else {
                Value::Null
            };
            fields.insert(field.to_owned(), value);
        }
        let is_preview = self.flag(extended::IS_PREVIEW)?;
        fields.insert(extended::IS_PREVIEW.to_owned(), is_preview.into());
        Ok(fields)
    }

    fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(DecodeError::Truncated { field })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let taken = self.take(N, field)?;
        Ok(taken.try_into().expect("as many as were asked for"))
    }

    fn flag(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        Ok(self.array::<1>(field)?[0] != 0)
    }

    fn raw_text(&mut self, field: &'static str) -> Result<(&'a [u8], utf::Text), DecodeError> {
        let len = u16::from_be_bytes(self.array(field)?);
        let bytes = self.take(usize::from(len), field)?;
        let text = utf::decode(bytes).ok_or(DecodeError::Text { field })?;
        Ok((bytes, text))
    }

    fn plain_text(&mut self, field: &'static str) -> Result<String, DecodeError> {
        Ok(self.raw_text(field)?.1.text)
    }

    fn text(&mut self, field: TextField) -> Result<String, DecodeError> {
        let (bytes, read) = self.raw_text(field.name())?;
        if !read.is_exact {
            self.originals.push(Original {
                field,
                text: read.text.clone(),
                bytes: bytes.to_vec(),
            });
        }
        Ok(read.text)
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
