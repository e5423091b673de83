//! Owns: sample descriptions (`stsd`): which codec, with which configuration.
//! Never knows: tables and times.

use super::boxes::{Children, child};
use crate::media::demux::{
    Codec, DemuxError,
    codecs::{
        aac,
        alac::AlacFormat,
        flac::{FlacInfo, STREAM_INFO_LEN},
        mp3, opus,
    },
    fields::Fields,
};
use bytes::Bytes;

/// What a supported sample description says.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub codec: Codec,
    /// Hz of the decoded sound.
    pub rate: u32,
    pub channels: u16,
    /// Samples to decode before a seek target.
    pub preroll: u32,
    /// Samples to drop at the start if no edit list says so (Opus pre-skip).
    pub pre_skip: u32,
}

/// Reads the first description of an `stsd` body.
///
/// # Errors
/// [`DemuxError::Unsupported`] for other codecs, [`DemuxError::Broken`] when the configuration is.
pub(super) fn parse(stsd: &[u8]) -> Result<Entry, DemuxError> {
    let (kind, body) = stsd
        .get(8..)
        .and_then(|entries| Children(entries).next())
        .ok_or(DemuxError::Broken("the sample description is missing"))?;
    let mut fields = Fields::new(body, "the sample description ends early");
    fields.skip(8)?;
    let version = fields.u16()?;
    fields.skip(6)?;
    let channels = fields.u16()?;
    fields.skip(6)?;
    let rate = fields.u32()? >> 16;
    // QuickTime's versions 1 and 2 have more fields
    fields.skip(match version {
        1 => 16,
        2 => 36,
        _ => 0,
    })?;
    let told = Told {
        rate,
        channels,
        boxes: fields.rest(),
    };
    match &kind {
        b"mp4a" => told.mp4a(),
        b".mp3" => told.mp3(),
        b"alac" => told.alac(),
        b"Opus" => told.opus(),
        b"fLaC" => told.flac(),
        b"enca" | b"drms" => Err(DemuxError::Unsupported("the audio track is encrypted")),
        _ => Err(UNSUPPORTED),
    }
}

const UNSUPPORTED: DemuxError =
    DemuxError::Unsupported("no supported audio format in the MP4 file");

/// The fields that all audio descriptions have, and the boxes behind them.
struct Told<'a> {
    rate: u32,
    channels: u16,
    boxes: &'a [u8],
}

impl<'a> Told<'a> {
    /// A box of the description, or inside QuickTime's `wave`.
    fn configuration(&self, kind: &[u8; 4]) -> Result<&'a [u8], DemuxError> {
        child(self.boxes, kind)
            .or_else(|| child(child(self.boxes, b"wave")?, kind))
            .ok_or(DemuxError::Broken("the codec's configuration is missing"))
    }

    fn mp3(&self) -> Result<Entry, DemuxError> {
        if self.rate == 0 {
            return Err(DemuxError::Broken("the sample rate is 0"));
        }
        Ok(Entry {
            codec: Codec::Mp3,
            rate: self.rate,
            channels: self.channels,
            preroll: mp3::PREROLL,
            pre_skip: 0,
        })
    }

    fn mp4a(&self) -> Result<Entry, DemuxError> {
        let esds = self.configuration(b"esds")?;
        let (object_type, config) = parse_esds(esds)?;
        match object_type {
            0x40 | 0x66..=0x68 => {
                let format = aac::parse(config)?;
                Ok(Entry {
                    codec: Codec::Aac {
                        config: Bytes::copy_from_slice(config),
                    },
                    rate: format.rate,
                    channels: if format.channels == 0 {
                        self.channels
                    } else {
                        format.channels
                    },
                    preroll: format.preroll(),
                    pre_skip: 0,
                })
            }
            // MPEG-2 and MPEG-1 audio: layer III in practice
            0x69 | 0x6B => self.mp3(),
            _ => Err(UNSUPPORTED),
        }
    }

    /// The cookie behind version and flags.
    fn alac(&self) -> Result<Entry, DemuxError> {
        let body = self.configuration(b"alac")?;
        let mut fields = Fields::new(body, "the ALAC cookie ends early");
        fields.skip(4)?;
        let cookie = fields.rest();
        let format = AlacFormat::parse(cookie)?;
        Ok(Entry {
            codec: Codec::Alac {
                cookie: Bytes::copy_from_slice(cookie),
            },
            rate: format.rate,
            channels: format.channels,
            preroll: 0,
            pre_skip: 0,
        })
    }

    /// `dOps` (Encapsulation of Opus in ISO BMFF, 4.3.2) rewritten as OpusHead (RFC 7845, 5.1).
    fn opus(&self) -> Result<Entry, DemuxError> {
        let mut fields = Fields::new(self.configuration(b"dOps")?, "dOps ends early");
        fields.skip(1)?;
        let channels = fields.u8()?;
        let pre_skip = fields.u16()?;
        let input_rate = fields.u32()?;
        let gain = fields.u16()?;
        let family = fields.u8()?;
        let mapping = if family == 0 {
            &[]
        } else {
            fields.bytes(2 + usize::from(channels))?
        };
        let mut head = b"OpusHead\x01".to_vec();
        head.push(channels);
        head.extend_from_slice(&pre_skip.to_le_bytes());
        head.extend_from_slice(&input_rate.to_le_bytes());
        head.extend_from_slice(&gain.to_le_bytes());
        head.push(family);
        head.extend_from_slice(mapping);
        Ok(Entry {
            codec: Codec::Opus { head: head.into() },
            rate: opus::RATE,
            channels: channels.into(),
            preroll: opus::PREROLL,
            pre_skip: pre_skip.into(),
        })
    }

    /// `dfLa` (Encapsulation of FLAC in ISO BMFF, 3.3.2): version and flags, then metadata blocks, STREAMINFO first.
    fn flac(&self) -> Result<Entry, DemuxError> {
        let mut fields = Fields::new(self.configuration(b"dfLa")?, "dfLa ends early");
        fields.skip(8)?;
        let info = FlacInfo::parse(fields.bytes(STREAM_INFO_LEN)?)?;
        Ok(Entry {
            codec: Codec::Flac {
                stream_info: info.raw,
            },
            rate: info.rate,
            channels: info.channels,
            preroll: 0,
            pre_skip: 0,
        })
    }
}

/// The object type and the decoder's configuration of an `esds` body (ISO 14496-1, 7.2.6).
fn parse_esds(body: &[u8]) -> Result<(u8, &[u8]), DemuxError> {
    const ES: u8 = 3;
    const DECODER_CONFIG: u8 = 4;
    const DECODER_SPECIFIC: u8 = 5;
    let mut fields = Fields::new(body, "esds ends early");
    fields.skip(4)?;
    if descriptor(&mut fields)? != ES {
        return Err(DemuxError::Broken("esds holds no elementary stream"));
    }
    fields.skip(2)?;
    let flags = fields.u8()?;
    if flags & 0x80 != 0 {
        fields.skip(2)?;
    }
    if flags & 0x40 != 0 {
        let len = fields.u8()?;
        fields.skip(len.into())?;
    }
    if flags & 0x20 != 0 {
        fields.skip(2)?;
    }
    if descriptor(&mut fields)? != DECODER_CONFIG {
        return Err(DemuxError::Broken("esds holds no decoder configuration"));
    }
    let object_type = fields.u8()?;
    fields.skip(12)?;
    let config = match fields.clone().u8() {
        Ok(DECODER_SPECIFIC) => {
            fields.skip(1)?;
            let len = descriptor_len(&mut fields)?;
            fields.bytes(len)?
        }
        _ => &[],
    };
    Ok((object_type, config))
}

fn descriptor(fields: &mut Fields) -> Result<u8, DemuxError> {
    let tag = fields.u8()?;
    descriptor_len(fields)?;
    Ok(tag)
}

/// Seven bits a byte, at most four bytes.
fn descriptor_len(fields: &mut Fields) -> Result<usize, DemuxError> {
    let mut len = 0;
    for _ in 0..4 {
        let byte = fields.u8()?;
        len = len << 7 | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(len)
}
