//! Owns: the header of an MPEG 1, 2 or 2.5 layer III frame (ISO 11172-3, 2.4.1.3; ISO 13818-3).
//! Never knows: where the frame lies in a file.

use crate::media::demux::sync::FrameSync;

/// Frames before a seek target that are decoded first. The bit reservoir reaches back 511 bytes, which is at most eight of
/// the smallest frames (32 kbit/s at 44.1 kHz: 68 bytes of main data each); one more for the overlap, one to spare.
pub(in crate::media::demux) const PREROLL_FRAMES: u32 = 10;
/// The same in samples, where the version is not known: those of the longer frames of MPEG 1.
pub(in crate::media::demux) const PREROLL: u32 = PREROLL_FRAMES * 1152;

/// kbit/s by bitrate index for MPEG 1 layer III; 0: free format.
const BITRATES_1: [u16; 15] = [
    0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
];
/// The same for MPEG 2 and 2.5.
const BITRATES_2: [u16; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// What a frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::demux) struct FrameHeader {
    /// MPEG 1 (two granules a frame), not 2 or 2.5 (one).
    pub(in crate::media::demux) is_mpeg1: bool,
    /// Bits a second; 0 in free format.
    pub(in crate::media::demux) bitrate: u32,
    /// Samples a second.
    pub(in crate::media::demux) rate: u32,
    /// One byte more than the bitrate asks for.
    pub(in crate::media::demux) is_padded: bool,
    /// One channel, not two.
    pub(in crate::media::demux) is_mono: bool,
    /// A checksum of two bytes follows the header.
    pub(in crate::media::demux) has_crc: bool,
}

impl FrameHeader {
    /// Reads the header, free format included.
    pub(in crate::media::demux) fn parse_any(bytes: &[u8]) -> Option<Self> {
        let [0xFF, b, c, d, ..] = *bytes else {
            return None;
        };
        // sync, layer III (01), and the reserved values of version, bitrate, rate and emphasis
        if b & 0xE6 != 0xE2 || b & 0x18 == 0x08 || c >> 4 == 15 || c & 0x0C == 0x0C || d & 3 == 2 {
            return None;
        }
        let is_mpeg1 = b & 0x18 == 0x18;
        let bitrates = if is_mpeg1 { BITRATES_1 } else { BITRATES_2 };
        let rate = [44_100, 48_000, 32_000][usize::from(c >> 2 & 3)];
        Some(Self {
            is_mpeg1,
            bitrate: u32::from(bitrates[usize::from(c >> 4)]) * 1000,
            rate: match b >> 3 & 3 {
                3 => rate,
                2 => rate / 2,
                _ => rate / 4,
            },
            is_padded: c & 2 != 0,
            is_mono: d >> 6 == 3,
            has_crc: b & 1 == 0,
        })
    }

    /// Samples per channel that a frame decodes to.
    pub(in crate::media::demux) const fn samples(&self) -> u32 {
        if self.is_mpeg1 { 1152 } else { 576 }
    }

    /// Bytes of side information behind the header.
    pub(in crate::media::demux) const fn side_len(&self) -> usize {
        match (self.is_mpeg1, self.is_mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        }
    }
}

impl FrameSync for FrameHeader {
    const LEN: usize = 4;
    const MISSING: &'static str = "no MPEG audio frame was found";

    fn parse(bytes: &[u8]) -> Option<Self> {
        Self::parse_any(bytes).filter(|header| header.bitrate != 0)
    }

    fn frame_len(&self) -> usize {
        let unpadded = self.samples() / 8 * self.bitrate / self.rate;
        unpadded as usize + usize::from(self.is_padded)
    }

    fn is_alike(&self, other: &Self) -> bool {
        self.is_mpeg1 == other.is_mpeg1 && self.rate == other.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_lengths_of_the_standard() {
        // 144 * 128000 / 44100 = 417.96, 72 * 64000 / 22050 = 208.98, 72 * 8000 / 8000 = 72
        for (bytes, len, rate, samples) in [
            ([0xFF, 0xFB, 0x90, 0x00], 417, 44_100, 1152),
            ([0xFF, 0xFB, 0x92, 0x00], 418, 44_100, 1152),
            ([0xFF, 0xF3, 0x80, 0xC0], 208, 22_050, 576),
            ([0xFF, 0xE3, 0x18, 0xC0], 72, 8_000, 576),
        ] {
            let header = FrameHeader::parse(&bytes).expect("a header");
            assert_eq!(
                (header.frame_len(), header.rate, header.samples()),
                (len, rate, samples)
            );
        }
    }

    #[test]
    fn other_layers_reserved_values_and_free_format_are_refused() {
        for bytes in [
            [0xFF, 0xFD, 0x90, 0x00], // layer II
            [0xFF, 0xF9, 0x90, 0x00], // ADTS
            [0xFF, 0xEB, 0x90, 0x00], // reserved version
            [0xFF, 0xFB, 0xF0, 0x00], // bitrate 15
            [0xFF, 0xFB, 0x9C, 0x00], // rate 3
            [0xFF, 0xFB, 0x00, 0x00], // free format
        ] {
            assert_eq!(FrameHeader::parse(&bytes), None, "{bytes:x?}");
        }
    }
}
