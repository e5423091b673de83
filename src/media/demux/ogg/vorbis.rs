//! Owns: how long Vorbis packets last: the block sizes, and the modes at the end of the setup header.
//! Never knows: codebooks, floors, residues.

use crate::media::demux::DemuxError;

/// Bits of one mode: block flag 1, window type 16, transform type 16, mapping 8 (Vorbis I specification, 4.2.4).
const MODE_BITS: usize = 41;

/// Block sizes by mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    /// Short and long, in samples.
    sizes: [u32; 2],
    /// Whether each mode has long blocks.
    modes: Vec<bool>,
    previous: Option<u32>,
}

impl Blocks {
    /// `exponents` is byte 28 of the identification header. The modes are found from the end of the setup header, because
    /// everything before them can only be passed by parsing it all: each mode has 32 zero bits, and in front of the first
    /// stands how many they are.
    pub(super) fn parse(exponents: u8, setup: &[u8]) -> Result<Self, DemuxError> {
        let broken = DemuxError::Broken("an impossible Vorbis setup header");
        let (short, long) = (exponents & 15, exponents >> 4);
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
            previous: None,
        })
    }

    /// Samples of the longest block.
    pub(super) const fn longest(&self) -> u32 {
        self.sizes[1]
    }

    /// The next packet is the first.
    pub(super) const fn reset(&mut self) {
        self.previous = None;
    }

    /// Samples that come out with this packet: a quarter of its block and of the one before; none with the first. `None`
    /// when it is no audio packet.
    pub(super) fn duration(&mut self, packet: &[u8]) -> Option<u32> {
        let first = *packet.first()?;
        if first & 1 != 0 {
            return None;
        }
        let bits = usize::BITS - (self.modes.len() - 1).leading_zeros();
        let mode = usize::from(first >> 1) & ((1 << bits) - 1);
        let size = self.sizes[usize::from(*self.modes.get(mode)?)];
        let previous = self.previous.replace(size);
        Some(previous.map_or(0, |previous| (previous + size) / 4))
    }
}
