//! Owns: what Ogg's codecs say in their header packets, and how long each packet lasts.
//! Never knows: pages and granule positions.

use super::page::Piece;
use crate::media::{
    self,
    demux::{
        Codec, DemuxError, StreamInfo, Tags,
        codecs::{
            flac::{FlacInfo, FrameHeader},
            opus,
            vorbis::{Blocks, Identification},
        },
        comments,
    },
};
use bytes::Bytes;

/// A stream's header packets, as far as they have been read.
#[derive(Clone, Debug)]
pub(super) enum Heads {
    Opus {
        head: opus::Head,
        raw: Bytes,
    },
    Vorbis {
        identification: Bytes,
        has_comment: bool,
    },
    Flac {
        info: FlacInfo,
    },
}

/// All that the header packets say.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    pub(super) codec: Codec,
    /// Granule positions a second.
    pub(super) rate: u32,
    pub(super) channels: u16,
    /// Samples to drop at the beginning.
    pub(super) pre_skip: u32,
    pub(super) preroll: u32,
    pub(super) timing: Timing,
}

/// How packets' durations are told.
#[derive(Clone, Debug)]
pub(super) enum Timing {
    Opus,
    Vorbis(Blocks),
    Flac(FlacInfo),
}

impl Heads {
    /// Recognises a stream by its first packet.
    pub(super) fn identify(packet: &Bytes) -> Option<Self> {
        if let Some(head) = opus::Head::parse(packet) {
            return Some(Self::Opus {
                head,
                raw: packet.clone(),
            });
        }
        if Identification::is_in(packet) {
            return Some(Self::Vorbis {
                identification: packet.clone(),
                has_comment: false,
            });
        }
        // "FLAC", version, count of header packets, "fLaC", then a STREAMINFO block with its header (RFC 9639, 10.1)
        if packet.starts_with(b"\x7FFLAC") && packet.get(9..13) == Some(b"fLaC") {
            let info = FlacInfo::parse(packet.get(17..)?).ok()?;
            return Some(Self::Flac { info });
        }
        None
    }

    /// Takes the next header packet; gives the mapping after the last.
    pub(super) fn feed(
        &mut self,
        piece: &Piece,
        tags: &mut Tags,
    ) -> Result<Option<Mapping>, DemuxError> {
        let packet = &piece.data;
        match self {
            Self::Opus { head, raw } => {
                if let Some(block) = packet.strip_prefix(b"OpusTags") {
                    *tags = comments::parse(block);
                }
                Ok(Some(Mapping {
                    channels: head.channels,
                    pre_skip: head.pre_skip,
                    codec: Codec::Opus { head: raw.clone() },
                    rate: opus::RATE,
                    preroll: opus::PREROLL,
                    timing: Timing::Opus,
                }))
            }
            Self::Vorbis { has_comment, .. } if !*has_comment => {
                let block = packet
                    .strip_prefix(b"\x03vorbis")
                    .ok_or(DemuxError::Broken("a Vorbis stream without comment header"))?;
                *tags = comments::parse(block);
                *has_comment = true;
                Ok(None)
            }
            Self::Vorbis { identification, .. } => {
                if !piece.is_whole {
                    return Err(DemuxError::TooLarge("the Vorbis setup header"));
                }
                vorbis(identification, packet).map(Some)
            }
            Self::Flac { info } => {
                if packet.first().is_some_and(|kind| kind & 0x7F == 4) {
                    *tags = comments::parse(packet.get(4..).unwrap_or_default());
                }
                let is_last = packet.first().is_none_or(|kind| kind & 0x80 != 0);
                Ok(is_last.then(|| Mapping {
                    codec: Codec::Flac {
                        stream_info: info.raw.clone(),
                    },
                    rate: info.rate,
                    channels: info.channels,
                    pre_skip: 0,
                    preroll: 0,
                    timing: Timing::Flac(info.clone()),
                }))
            }
        }
    }
}

fn vorbis(identification: &Bytes, setup: &Bytes) -> Result<Mapping, DemuxError> {
    let head = Identification::parse(identification)?;
    let blocks = Blocks::parse(head, setup)?;
    Ok(Mapping {
        codec: Codec::Vorbis {
            identification: identification.clone(),
            setup: setup.clone(),
        },
        rate: head.rate,
        channels: head.channels,
        pre_skip: 0,
        preroll: blocks.longest(),
        timing: Timing::Vorbis(blocks),
    })
}

impl Mapping {
    /// What is known of the stream before its pages are read.
    pub(super) fn info(&self) -> StreamInfo {
        StreamInfo {
            codec: self.codec.clone(),
            rate: self.rate,
            channels: self.channels,
            length: None,
            is_seekable: false,
            preroll: self.preroll,
        }
    }
}

impl Timing {
    /// Samples that a packet decodes to after the one before; `None` when it is no audio packet.
    pub(super) fn duration(&mut self, packet: &[u8]) -> Option<u32> {
        match self {
            Self::Opus => media::opus::samples(packet),
            Self::Vorbis(blocks) => blocks.duration(packet),
            Self::Flac(info) => FrameHeader::parse(packet, info).map(|header| header.block),
        }
    }

    /// The next packet is the first that the decoder gets.
    pub(super) fn reset(&mut self) {
        if let Self::Vorbis(blocks) = self {
            blocks.reset();
        }
    }

    /// Whether the first packet after a reset only primes the decoder.
    pub(super) const fn is_overlapping(&self) -> bool {
        matches!(self, Self::Vorbis(_))
    }
}
