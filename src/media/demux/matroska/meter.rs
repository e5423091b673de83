//! Owns: how many samples a packet decodes to, told by its first bytes.
//! Never knows: timestamps, blocks.

use crate::media::{
    demux::{
        codecs::{
            flac::{FlacInfo, FrameHeader},
            mp3,
            vorbis::{Blocks, Previous},
        },
        raw_samples::Cut,
    },
    opus,
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
    Vorbis(VorbisMeter),
    /// By its size; a block may hold any number of samples.
    Pcm(Cut),
}

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measure {
    /// Samples; `None` when they cannot be known from the packet.
    pub samples: Option<u32>,
    /// Samples in the stream before it (FLAC frames are numbered; there are none before the first Vorbis packet).
    pub position: Option<u64>,
    /// Where it can begin, when packets last differently long.
    pub raster: Option<Raster>,
}

/// Places in a stream: `offset` samples behind a multiple of `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raster {
    /// Not 0.
    pub step: u32,
    /// Below `step`.
    pub offset: u32,
    /// Samples by which some muxers give a later timestamp: half a step behind a multiple of it, so that one can tell.
    pub late: u32,
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
            Self::Vorbis(vorbis) => return vorbis.measure(packet),
            Self::Pcm(cut) => (
                u32::try_from(packet.len())
                    .ok()
                    .map(|n| n / cut.frame_bytes),
                None,
            ),
        };
        Measure {
            samples,
            position,
            raster: None,
        }
    }

    /// Packets to be read before the first seek: from them it is learned how timestamps relate to positions.
    pub(super) const fn primer(&self) -> usize {
        match self {
            Self::Vorbis(_) => 16,
            _ => 1,
        }
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
            Self::Vorbis(vorbis) if is_start => vorbis.blocks.reset(),
            Self::Vorbis(vorbis) => vorbis.blocks.lose(),
            _ => {}
        }
    }

    /// Samples by which timestamps may be off without a gap, beyond their resolution.
    pub(super) const fn slack(&self) -> i64 {
        match self {
            // muxers count the first block, which decodes to nothing
            Self::Vorbis(vorbis) => vorbis.blocks.longest() as i64 / 2,
            _ => 0,
        }
    }
}

/// Lengths and possible places of Vorbis packets.
#[derive(Clone, Debug)]
pub(super) struct VorbisMeter {
    blocks: Blocks,
    /// Samples of the stream's first block, once it was seen.
    first: Option<u32>,
}

impl VorbisMeter {
    pub(super) const fn new(blocks: Blocks) -> Self {
        Self {
            blocks,
            first: None,
        }
    }

    fn measure(&mut self, packet: &[u8]) -> Measure {
        // bit 0 set: a header, which decodes to nothing
        if packet.first().is_some_and(|first| first & 1 == 1) {
            return Measure {
                samples: Some(0),
                ..Measure::default()
            };
        }
        match self.blocks.follow(packet) {
            Some((Previous::None, block)) => {
                self.first = Some(block);
                Measure {
                    samples: Some(0),
                    position: Some(0),
                    raster: None,
                }
            }
            Some((Previous::Block(previous), block)) => Measure {
                samples: Some((previous + block) / 4),
                position: None,
                raster: self.raster(previous, block),
            },
            Some((Previous::Unknown, _)) | None => Measure::default(),
        }
    }

    /// Where a packet can begin. What lies before it is the sum of (a + b) / 4 over all neighbours, so a quarter of the first
    /// block, a quarter of the previous, and half of each between, which is a multiple of half a short block.
    fn raster(&self, previous: u32, block: u32) -> Option<Raster> {
        let step = self.blocks.shortest() / 2;
        Some(Raster {
            step,
            offset: (self.first? + previous) / 4 % step,
            // ffmpeg, for what it reads from Ogg, counts a long block before a short one as if a long one followed
            late: previous.saturating_sub(block) / 4,
        })
    }
}
