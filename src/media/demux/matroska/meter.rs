//! Owns: how many samples a packet decodes to, told by its first bytes.
//! Never knows: timestamps, blocks.

use crate::media::demux::{
    codecs::{
        flac::{FlacInfo, FrameHeader},
        mp3, opus,
        vorbis::Blocks,
    },
    raw_samples::Cut,
};

/// Measures the packets of one codec.
#[derive(Clone, Debug)]
pub(super) enum Meter {
    /// By the first bytes.
    Opus,
    /// Always this many (AAC, ALAC).
    Constant(u32),
    /// By the MPEG version in the frame header.
    Mp3,
    /// By the frame header, as it can be in this stream.
    Flac(FlacInfo),
    /// By the block sizes of the packet and the one before.
    Vorbis(Blocks),
    /// By its size; a block may hold any number of samples.
    Pcm(Cut),
}

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    /// Samples; `None` when they cannot be known from the packet.
    pub samples: Option<u32>,
    /// Samples in the stream before it (FLAC frames are numbered).
    pub position: Option<u64>,
}

impl Meter {
    /// Measures the next packet.
    pub(super) fn measure(&mut self, packet: &[u8]) -> Measure {
        let (samples, position) = match self {
            Self::Opus => (opus::samples(packet), None),
            Self::Constant(samples) => (Some(*samples), None),
            Self::Mp3 => {
                let header = mp3::FrameHeader::parse_any(packet);
                (header.map(|header| header.samples()), None)
            }
            Self::Flac(info) => {
                let header = FrameHeader::parse(packet, info);
                (
                    header.map(|header| header.block),
                    header.map(|header| header.first),
                )
            }
            Self::Vorbis(blocks) => (blocks.duration(packet), None),
            Self::Pcm(cut) => (
                u32::try_from(packet.len())
                    .ok()
                    .map(|n| n / cut.frame_bytes),
                None,
            ),
        };
        Measure { samples, position }
    }

    /// Whether all packets of the stream last the same, so that their positions lie on a grid.
    pub(super) const fn has_grid(&self) -> bool {
        matches!(
            self,
            Self::Opus | Self::Constant(_) | Self::Mp3 | Self::Pcm(_)
        )
    }

    /// Forgets the packet before; at the start of the stream it is known that there is none.
    pub(super) fn reset(&mut self, is_start: bool) {
        match self {
            Self::Vorbis(blocks) if is_start => blocks.reset(),
            Self::Vorbis(blocks) => blocks.lose(),
            _ => {}
        }
    }

    /// Samples by which timestamps may be off without a gap, beyond their resolution.
    pub(super) const fn slack(&self) -> i64 {
        match self {
            // muxers count the first block, which decodes to nothing
            Self::Vorbis(blocks) => blocks.longest() as i64 / 2,
            _ => 0,
        }
    }
}
