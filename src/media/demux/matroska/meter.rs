//! Owns: how many samples a packet decodes to, told by its first bytes.
//! Never knows: timestamps, blocks.

use crate::media::demux::DemuxError;

/// Measures the packets of one codec.
#[derive(Clone, Debug)]
pub(super) enum Meter {
    /// RFC 6716, section 3.1.
    Opus,
    /// Always this many (AAC, ALAC).
    Constant(u32),
    /// By the MPEG version in the frame header.
    Mp3,
    /// By the frame header; `block` samples in each when the stream has a fixed block size.
    Flac { block: u32 },
    /// By the block sizes of the packet and the one before.
    Vorbis(VorbisMeter),
    /// Bytes of a sample frame.
    Pcm(u32),
}

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
            Self::Opus => (opus_samples(packet), None),
            Self::Constant(samples) => (Some(*samples), None),
            Self::Mp3 => (mp3_samples(packet), None),
            Self::Flac { block } => match flac_frame(packet, *block) {
                Some((samples, position)) => (Some(samples), Some(position)),
                None => (None, None),
            },
            Self::Vorbis(vorbis) => return vorbis.measure(packet),
            Self::Pcm(frame_bytes) => (
                u32::try_from(packet.len()).ok().map(|n| n / *frame_bytes),
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
        if let Self::Vorbis(vorbis) = self {
            vorbis.previous = if is_start {
                Previous::None
            } else {
                Previous::Unknown
            };
        }
    }

    /// Samples by which timestamps may be off without a gap, beyond their resolution.
    pub(super) const fn slack(&self) -> i64 {
        match self {
            // muxers count the first block, which decodes to nothing
            Self::Vorbis(vorbis) => vorbis.blocks[1] as i64 / 2,
            _ => 0,
        }
    }
}

fn opus_samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let config = usize::from(toc >> 3);
    let frame = match config {
        0..12 => [480, 960, 1920, 2880][config & 3],
        12..16 => [480, 960][config & 1],
        _ => [120, 240, 480, 960][config & 3],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3F),
    };
    // RFC 6716, 3.2.5: at most 120 ms
    Some(frame * frames).filter(|&samples| (1..=5760).contains(&samples))
}

fn mp3_samples(packet: &[u8]) -> Option<u32> {
    match packet {
        [0xFF, second, ..] if second & 0xE0 == 0xE0 => {
            Some(if second >> 3 & 3 == 3 { 1152 } else { 576 })
        }
        _ => None,
    }
}

/// Samples of a frame and before it (RFC 9639, section 9.1).
fn flac_frame(packet: &[u8], stream_block: u32) -> Option<(u32, u64)> {
    let [0xFF, second, sizes, _, rest @ ..] = packet else {
        return None;
    };
    if second & 0xFE != 0xF8 {
        return None;
    }
    // a number coded like UTF-8, up to 36 bits
    let first = *rest.first()?;
    let len = match first.leading_ones() {
        0 => 1,
        n @ 2..=7 => n as usize,
        _ => return None,
    };
    let mut number = u64::from(first & (0xFFu16 >> (len + usize::from(len > 1)).min(8)) as u8);
    for byte in rest.get(1..len)? {
        number = number << 6 | u64::from(byte & 0x3F);
    }
    let block = match sizes >> 4 {
        1 => 192,
        n @ 2..=5 => 576 << (n - 2),
        6 => u32::from(*rest.get(len)?) + 1,
        7 => u32::from(u16::from_be_bytes([*rest.get(len)?, *rest.get(len + 1)?])) + 1,
        n @ 8.. => 256 << (n - 8),
        _ => return None,
    };
    let position = if second & 1 == 1 {
        number
    } else {
        number * u64::from(stream_block)
    };
    Some((block, position))
}

/// Block sizes and modes of a Vorbis stream (Vorbis I, sections 4.2.2 and 4.2.4).
#[derive(Clone, Debug)]
pub(super) struct VorbisMeter {
    /// Short and long block.
    blocks: [u32; 2],
    /// Whether a mode uses the long block.
    modes: Vec<bool>,
    /// Samples of the stream's first block, once it was seen.
    first: Option<u32>,
    previous: Previous,
}

#[derive(Clone, Copy, Debug)]
enum Previous {
    /// The next packet is the first of the stream: it decodes to nothing.
    None,
    /// It was not seen.
    Unknown,
    Block(u32),
}

impl VorbisMeter {
    /// Reads the identification and setup headers.
    ///
    /// # Errors
    /// [`DemuxError::Broken`] when no modes can be found.
    pub(super) fn new(identification: &[u8], setup: &[u8]) -> Result<Self, DemuxError> {
        let sizes = *identification
            .get(28)
            .ok_or(DemuxError::Broken("the Vorbis identification ends early"))?;
        let (short, long) = (sizes & 15, sizes >> 4);
        if !(6..=13).contains(&short) || !(short..=13).contains(&long) {
            return Err(DemuxError::Broken("Vorbis block sizes are out of range"));
        }
        Ok(Self {
            blocks: [1 << short, 1 << long],
            modes: find_modes(setup).ok_or(DemuxError::Broken("the Vorbis setup has no modes"))?,
            first: None,
            previous: Previous::None,
        })
    }

    /// Samples of the longest block.
    pub(super) const fn long_block(&self) -> u32 {
        self.blocks[1]
    }

    fn measure(&mut self, packet: &[u8]) -> Measure {
        let mut measure = Measure {
            samples: None,
            position: None,
            raster: None,
        };
        // bit 0 set: a header, which decodes to nothing
        if packet.first().is_some_and(|first| first & 1 == 1) {
            measure.samples = Some(0);
            return measure;
        }
        let Some(block) = self.block(packet) else {
            return measure;
        };
        match std::mem::replace(&mut self.previous, Previous::Block(block)) {
            Previous::None => {
                self.first = Some(block);
                measure.samples = Some(0);
                measure.position = Some(0);
            }
            Previous::Unknown => {}
            Previous::Block(previous) => {
                measure.samples = Some((previous + block) / 4);
                measure.raster = self.raster(previous, block);
            }
        }
        measure
    }

    fn block(&self, packet: &[u8]) -> Option<u32> {
        let mode_bits = usize::BITS - (self.modes.len() - 1).leading_zeros();
        let mode = usize::from(packet.first()? >> 1) & ((1 << mode_bits) - 1);
        Some(self.blocks[usize::from(*self.modes.get(mode)?)])
    }

    /// Where a packet can begin. What lies before it is the sum of (a + b) / 4 over all neighbours, so a quarter of the first
    /// block, a quarter of the previous, and half of each between, which is a multiple of half a short block.
    fn raster(&self, previous: u32, block: u32) -> Option<Raster> {
        let step = self.blocks[0] / 2;
        Some(Raster {
            step,
            offset: (self.first? + previous) / 4 % step,
            // ffmpeg, for what it reads from Ogg, counts a long block before a short one as if a long one followed
            late: previous.saturating_sub(block) / 4,
        })
    }
}

/// The modes stand at the end of the setup header, behind codebooks and floors that would have to be parsed to get there
/// forwards. Backwards: the framing bit, then 41 bits a mode (block flag, two zero words, mapping), then their number.
fn find_modes(setup: &[u8]) -> Option<Vec<bool>> {
    const MODE_BITS: usize = 41;
    let bit = |at: usize| setup[at / 8] >> (at % 8) & 1;
    let field = |at: usize, len: usize| {
        (0..len).fold(0u64, |value, index| {
            value | u64::from(bit(at + index)) << index
        })
    };
    let last = setup.iter().rposition(|&byte| byte != 0)?;
    let mut at = last * 8 + 7 - setup[last].leading_zeros() as usize;
    let mut flags = Vec::new();
    let mut found = None;
    // the packet type and "vorbis" take the first seven bytes
    while flags.len() < 64 && at >= 56 + MODE_BITS + 6 {
        at -= MODE_BITS;
        if field(at + 1, 32) != 0 || field(at + 33, 8) > 63 {
            break;
        }
        flags.push(bit(at) == 1);
        if field(at - 6, 6) + 1 == flags.len() as u64 {
            found = Some(flags.len());
        }
    }
    flags.truncate(found?);
    flags.reverse();
    Some(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_packets_tell_their_duration() {
        // RFC 6716, table 2 and section 3.2
        assert_eq!(opus_samples(&[0xFC, 0]), Some(960));
        assert_eq!(opus_samples(&[0x00]), Some(480));
        assert_eq!(opus_samples(&[0x80]), Some(120));
        assert_eq!(opus_samples(&[0xFD, 0]), Some(1920));
        assert_eq!(opus_samples(&[0x1B, 0x02]), Some(5760));
        assert_eq!(opus_samples(&[0x1B, 0x03]), None);
        assert_eq!(opus_samples(&[]), None);
    }

    #[test]
    fn flac_frames_tell_size_and_place() {
        // fixed blocks of 4096 (code 12), frame 1000 = U+03E8: CF A8
        let frame = [0xFF, 0xF8, 0xC9, 0x18, 0xCF, 0xA8, 0];
        assert_eq!(flac_frame(&frame, 4096), Some((4096, 4_096_000)));
        // variable blocks, sample 5, 16-bit size less one
        let frame = [0xFF, 0xF9, 0x79, 0x18, 0x05, 0x02, 0xFF, 0];
        assert_eq!(flac_frame(&frame, 0), Some((768, 5)));
        assert_eq!(flac_frame(&frame[..6], 0), None);
    }
}
