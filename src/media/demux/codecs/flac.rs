//! Owns: what of FLAC can be read without decoding (RFC 9639): STREAMINFO, frame headers, checksums.
//! Never knows: in which container frames lie.

use crate::media::demux::DemuxError;
use bytes::Bytes;

/// Bytes of a STREAMINFO block.
pub(in crate::media::demux) const STREAM_INFO_LEN: usize = 34;
/// The longest frame header: sync 2, codes 2, number 7, block size 2, rate 2, checksum 1.
pub(in crate::media::demux) const MAX_HEADER: usize = 16;

/// The STREAMINFO block (RFC 9639, 8.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::media::demux) struct FlacInfo {
    /// The block as it is.
    pub(in crate::media::demux) raw: Bytes,
    /// Samples of the largest block.
    pub(in crate::media::demux) max_block: u32,
    /// Bytes of the largest frame; 0 when unknown.
    pub(in crate::media::demux) max_frame: u32,
    /// Samples a second.
    pub(in crate::media::demux) rate: u32,
    /// 1 to 8.
    pub(in crate::media::demux) channels: u16,
    /// Bits a sample.
    pub(in crate::media::demux) bits: u8,
    /// Samples per channel; `None` when unknown.
    pub(in crate::media::demux) samples: Option<u64>,
}

impl FlacInfo {
    /// Reads the block, without its header.
    ///
    /// # Errors
    /// [`DemuxError::Broken`] when it is short or says impossible things.
    pub(in crate::media::demux) fn parse(block: &[u8]) -> Result<Self, DemuxError> {
        const BROKEN: DemuxError = DemuxError::Broken("an impossible FLAC STREAMINFO");
        let b: &[u8; STREAM_INFO_LEN] = block.first_chunk().ok_or(BROKEN)?;
        let rate = u32::from(b[10]) << 12 | u32::from(b[11]) << 4 | u32::from(b[12]) >> 4;
        let samples = u64::from(b[13] & 15) << 32
            | u64::from(u32::from_be_bytes([b[14], b[15], b[16], b[17]]));
        let max_block = u32::from(u16::from_be_bytes([b[2], b[3]]));
        if rate == 0 || max_block < 16 {
            return Err(BROKEN);
        }
        Ok(Self {
            raw: Bytes::copy_from_slice(b),
            max_block,
            max_frame: u32::from_be_bytes([0, b[7], b[8], b[9]]),
            rate,
            channels: u16::from(b[12] >> 1 & 7) + 1,
            bits: ((b[12] & 1) << 4 | b[13] >> 4) + 1,
            samples: Some(samples).filter(|&n| n > 0),
        })
    }
}

/// A frame's header (RFC 9639, 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::demux) struct FrameHeader {
    /// Position of the first sample.
    pub(in crate::media::demux) first: u64,
    /// Samples per channel.
    pub(in crate::media::demux) block: u32,
    /// Length of the header with its checksum.
    pub(in crate::media::demux) len: usize,
}

impl FrameHeader {
    /// Reads the header of a frame of the stream that `info` describes; `None` unless everything agrees with it and the
    /// checksum is right.
    pub(in crate::media::demux) fn parse(bytes: &[u8], info: &FlacInfo) -> Option<Self> {
        let [0xFF, b, c, d, ..] = *bytes else {
            return None;
        };
        if b & 0xFE != 0xF8 || d & 1 != 0 {
            return None;
        }
        let mut at = 4;
        let number = coded_number(bytes, &mut at)?;
        let block = match c >> 4 {
            0 => return None,
            1 => 192,
            code @ 2..=5 => 576 << (code - 2),
            6 => u32::from(take(bytes, &mut at)?) + 1,
            7 => u32::from(take16(bytes, &mut at)?) + 1,
            code => 256 << (code - 8),
        };
        let rate = match c & 15 {
            0 => info.rate,
            code @ 1..=11 => [
                88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
                96_000,
            ][usize::from(code) - 1],
            12 => u32::from(take(bytes, &mut at)?) * 1000,
            13 => u32::from(take16(bytes, &mut at)?),
            14 => u32::from(take16(bytes, &mut at)?) * 10,
            _ => return None,
        };
        let channels = match d >> 4 {
            code @ 0..=7 => u16::from(code) + 1,
            8..=10 => 2,
            _ => return None,
        };
        let bits = match d >> 1 & 7 {
            0 => info.bits,
            3 => return None,
            code => [8, 12, 0, 16, 20, 24, 32][usize::from(code) - 1],
        };
        let is_right = crc8(bytes.get(..at)?) == take(bytes, &mut at)?;
        let is_of_stream = rate == info.rate
            && channels == info.channels
            && bits == info.bits
            && block <= info.max_block;
        let is_by_sample = b & 1 == 1;
        // a fixed block size is the largest, because only the last block may be smaller
        let first = if is_by_sample {
            number
        } else {
            number.checked_mul(u64::from(info.max_block))?
        };
        (is_right && is_of_stream).then_some(Self {
            first,
            block,
            len: at,
        })
    }

    /// Position behind the last sample.
    pub(in crate::media::demux) const fn end(&self) -> u64 {
        self.first.saturating_add(self.block as u64)
    }
}

fn take(bytes: &[u8], at: &mut usize) -> Option<u8> {
    let byte = *bytes.get(*at)?;
    *at += 1;
    Some(byte)
}

fn take16(bytes: &[u8], at: &mut usize) -> Option<u16> {
    Some(u16::from_be_bytes([take(bytes, at)?, take(bytes, at)?]))
}

/// A number of up to 36 bits, coded as UTF-8 would (RFC 9639, 9.1.5).
fn coded_number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let first = take(bytes, at)?;
    let more = match first.leading_ones() {
        0 => return Some(u64::from(first)),
        ones @ 2..=7 => ones - 1,
        _ => return None,
    };
    let mut number = u64::from(first) & (0x3F >> more);
    for _ in 0..more {
        let byte = take(bytes, at)?;
        if byte & 0xC0 != 0x80 {
            return None;
        }
        number = number << 6 | u64::from(byte & 0x3F);
    }
    Some(number)
}

/// Polynomial x⁸ + x² + x + 1, over a frame header.
pub(in crate::media::demux) fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, &byte| {
        (0..8).fold(sum ^ byte, |sum, _| {
            sum << 1 ^ if sum & 0x80 != 0 { 0x07 } else { 0 }
        })
    })
}

const CRC16: [u16; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut sum = (i as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            sum = sum << 1 ^ if sum & 0x8000 != 0 { 0x8005 } else { 0 };
            bit += 1;
        }
        table[i] = sum;
        i += 1;
    }
    table
};

/// Goes on with a frame's checksum (polynomial x¹⁶ + x¹⁵ + x² + 1); 0 behind a whole frame with its own checksum.
pub(in crate::media::demux) fn crc16(sum: u16, byte: u8) -> u16 {
    sum << 8 ^ CRC16[usize::from((sum >> 8) as u8 ^ byte)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_up_to_36_bits_are_read() {
        for (bytes, number) in [
            (&[0x7F][..], 0x7F),
            (&[0xC2, 0x80], 0x80),
            (&[0xE4, 0xB8, 0x96], 0x4E16),
            (&[0xFE, 0xBF, 0xBF, 0xBF, 0xBF, 0xBF, 0xBF], (1 << 36) - 1),
        ] {
            assert_eq!(coded_number(bytes, &mut 0), Some(number));
        }
        assert_eq!(coded_number(&[0x80], &mut 0), None);
        assert_eq!(coded_number(&[0xC2, 0x00], &mut 0), None);
    }

    #[test]
    fn checksums_are_those_of_the_catalogue() {
        // CRC-8/SMBUS and CRC-16/UMTS of "123456789"
        assert_eq!(crc8(b"123456789"), 0xF4);
        assert_eq!(b"123456789".iter().fold(0, |sum, &b| crc16(sum, b)), 0xFEE8);
    }
}
