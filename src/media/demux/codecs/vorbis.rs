//! Owns: what of Vorbis can be told without decoding (Vorbis I specification): the identification header, and how long
//! packets last, by the block sizes and the modes at the end of the setup header.
//! Never knows: codebooks, floors, residues.

use crate::media::demux::DemuxError;

/// Bits of one mode: block flag 1, window type 16, transform type 16, mapping 8 (Vorbis I specification, 4.2.4).
const MODE_BITS: usize = 41;

/// The identification header (4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::demux) struct Identification {
    /// Hz; not 0.
    pub rate: u32,
    /// Not 0.
    pub channels: u16,
    /// Exponents of the block sizes: the short one's in the low half.
    exponents: u8,
}

impl Identification {
    /// Whether a packet is such a header.
    pub(in crate::media::demux) fn is_in(packet: &[u8]) -> bool {
        packet.starts_with(b"\x01vorbis") && packet.len() >= 30
    }

    /// Reads the header.
    ///
    /// # Errors
    /// [`DemuxError::Broken`] when it is none, or says impossible things.
    pub(in crate::media::demux) fn parse(packet: &[u8]) -> Result<Self, DemuxError> {
        const BROKEN: DemuxError = DemuxError::Broken("an impossible Vorbis identification header");
        if !Self::is_in(packet) || packet[7..11] != [0; 4] {
            return Err(BROKEN);
        }
        let rate = u32::from_le_bytes([packet[12], packet[13], packet[14], packet[15]]);
        let channels = u16::from(packet[11]);
        if rate == 0 || channels == 0 {
            return Err(BROKEN);
        }
        Ok(Self {
            rate,
            channels,
            exponents: packet[28],
        })
    }
}

/// Block sizes by mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::media::demux) struct Blocks {
    /// Short and long, in samples.
    sizes: [u32; 2],
    /// Whether each mode has long blocks.
    modes: Vec<bool>,
    previous: Previous,
}

/// The packet before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::demux) enum Previous {
    /// There is none: the next packet decodes to nothing.
    None,
    /// It was not seen.
    Unknown,
    /// Its size in samples.
    Block(u32),
}

impl Blocks {
    /// The modes are found from the end of the setup header, because everything before them can only be passed by parsing
    /// it all: each mode has 32 zero bits, and in front of the first stands how many they are.
    ///
    /// # Errors
    /// [`DemuxError::Broken`] when the sizes are out of range, or no modes can be found.
    pub(in crate::media::demux) fn parse(
        head: Identification,
        setup: &[u8],
    ) -> Result<Self, DemuxError> {
        let broken = DemuxError::Broken("an impossible Vorbis setup header");
        let (short, long) = (head.exponents & 15, head.exponents >> 4);
        if !setup.starts_with(b"\x05vorbis") || !(6..=long).contains(&short) || long > 13 {
            return Err(broken);
        }
        let bit = |at: usize| setup[at / 8] >> (at % 8) & 1;
        let number = |at: usize, len: usize| {
            (0..len).fold(0_u32, |sum, i| sum | u32::from(bit(at + i)) << i)
        };
        let floor = 7 * 8 + 6;
        // the framing bit is the last that is set
        let end = (floor..setup.len() * 8)
            .rev()
            .find(|&at| bit(at) == 1)
            .ok_or(broken)?;
        let mut count = 0;
        for modes in 1..=64 {
            let Some(begin) = end.checked_sub(modes * MODE_BITS).filter(|&b| b >= floor) else {
                break;
            };
            let is_mode = number(begin + 1, 16) == 0
                && number(begin + 17, 16) == 0
                && number(begin + 33, 8) < 64;
            if !is_mode {
                break;
            }
            if number(begin - 6, 6) as usize == modes - 1 {
                count = modes;
            }
        }
        if count == 0 {
            return Err(broken);
        }
        let first = end - count * MODE_BITS;
        Ok(Self {
            sizes: [1 << short, 1 << long],
            modes: (0..count)
                .map(|i| bit(first + i * MODE_BITS) == 1)
                .collect(),
            previous: Previous::None,
        })
    }

    /// Samples of the shortest block.
    pub(in crate::media::demux) const fn shortest(&self) -> u32 {
        self.sizes[0]
    }

    /// Samples of the longest block.
    pub(in crate::media::demux) const fn longest(&self) -> u32 {
        self.sizes[1]
    }

    /// The next packet is the first.
    pub(in crate::media::demux) const fn reset(&mut self) {
        self.previous = Previous::None;
    }

    /// The next packet follows one that was not seen.
    pub(in crate::media::demux) const fn lose(&mut self) {
        self.previous = Previous::Unknown;
    }

    /// Takes the next packet: what was before it, and the samples of its block. `None` when it is no audio packet.
    pub(in crate::media::demux) fn follow(&mut self, packet: &[u8]) -> Option<(Previous, u32)> {
        let first = *packet.first()?;
        if first & 1 != 0 {
            return None;
        }
        let bits = usize::BITS - (self.modes.len() - 1).leading_zeros();
        let mode = usize::from(first >> 1) & ((1 << bits) - 1);
        let size = self.sizes[usize::from(*self.modes.get(mode)?)];
        let previous = std::mem::replace(&mut self.previous, Previous::Block(size));
        Some((previous, size))
    }

    /// Samples that come out with this packet: a quarter of its block and of the one before; none with the first. `None`
    /// when it is no audio packet, or the one before is not known.
    pub(in crate::media::demux) fn duration(&mut self, packet: &[u8]) -> Option<u32> {
        match self.follow(packet)? {
            (Previous::None, _) => Some(0),
            (Previous::Unknown, _) => None,
            (Previous::Block(previous), size) => Some((previous + size) / 4),
        }
    }
}
