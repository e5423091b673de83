//! Owns: the header that encoders put into a silent first frame: Xing/Info with LAME's extension, and VBRI.
//! Never knows: how it is used to seek.
//!
//! There is no standard; the layouts are those that LAME and the Fraunhofer encoder write.

use super::FrameHeader;

/// What the first frame says of the whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// Frames with sound in the file.
    pub(super) frames: Option<u32>,
    /// Bytes of the stream, this first frame included.
    pub(super) bytes: Option<u32>,
    /// All frames have one bitrate.
    pub(super) is_constant: bool,
    /// How time maps to bytes.
    pub(super) table: Table,
    /// Samples that the encoder put before and behind the sound.
    pub(super) trim: Option<Trim>,
}

/// Samples to be dropped, not counting the decoder's own delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trim {
    /// In front.
    pub(super) delay: u32,
    /// Behind.
    pub(super) padding: u32,
}

impl Trim {
    /// What is to be heard of so many samples.
    pub(super) fn audible(&self, samples: u64) -> u64 {
        samples.saturating_sub(u64::from(self.delay + self.padding))
    }
}

/// How time maps to bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// Not told.
    None,
    /// Xing: entry i is where i percent of the time lie, in 256ths of the bytes.
    Percent(Box<[u8; 100]>),
    /// VBRI: where each entry's frames begin, in bytes from the first frame of the file.
    Entries {
        /// Offsets in bytes.
        offsets: Vec<u32>,
        /// Frames from one entry to the next, at least 1.
        frames: u32,
    },
}

impl Summary {
    /// Reads the first frame; `None` when it is an ordinary one.
    pub(super) fn parse(header: &FrameHeader, frame: &[u8]) -> Option<Self> {
        let behind_side = 4 + header.side_len();
        // some writers leave room for the checksum, most do not even when the header announces one
        [behind_side, behind_side + 2]
            .into_iter()
            .find_map(|at| xing(frame.get(at..)?))
            .or_else(|| vbri(frame.get(36..)?))
    }
}

fn xing(tag: &[u8]) -> Option<Summary> {
    let is_constant = match tag.get(..4)? {
        b"Info" => true,
        b"Xing" => false,
        _ => return None,
    };
    let mut rest = Fields(&tag[4..]);
    let flags = rest.u32()?;
    let mut field = |bit: u32| (flags & bit != 0).then(|| rest.u32()).flatten();
    let (frames, bytes) = (field(1), field(2));
    let table = match (flags & 4 != 0).then(|| rest.take(100)).flatten() {
        Some(toc) => Table::Percent(Box::new(toc.try_into().expect("a hundred were taken"))),
        None => Table::None,
    };
    if flags & 8 != 0 {
        rest.u32();
    }
    Some(Summary {
        frames: frames.filter(|&n| n > 0),
        bytes: bytes.filter(|&n| n > 0),
        is_constant,
        table,
        trim: lame(rest.0),
    })
}

/// LAME's extension: 9 bytes of name, 12 of settings, then delay and padding of 12 bits each.
fn lame(tag: &[u8]) -> Option<Trim> {
    let name = tag.get(..4)?;
    if !matches!(name, b"LAME" | b"Lavf" | b"Lavc") {
        return None;
    }
    let [a, b, c] = *tag.get(21..24)? else {
        return None;
    };
    Some(Trim {
        delay: u32::from(a) << 4 | u32::from(b) >> 4,
        padding: u32::from(b & 15) << 8 | u32::from(c),
    })
}

fn vbri(tag: &[u8]) -> Option<Summary> {
    if tag.get(..4)? != b"VBRI" {
        return None;
    }
    let mut rest = Fields(tag.get(10..)?);
    let (bytes, frames) = (rest.u32()?, rest.u32()?);
    let (count, scale, width, per_entry) = (rest.u16()?, rest.u16()?, rest.u16()?, rest.u16()?);
    let mut offsets = vec![0_u32];
    if matches!(width, 1..=4) {
        for _ in 0..count {
            let Some(entry) = rest.take(usize::from(width)) else {
                break;
            };
            let value = entry.iter().fold(0, |sum, &b| sum << 8 | u32::from(b));
            let last = *offsets.last().expect("never empty");
            offsets.push(last.saturating_add(value.saturating_mul(u32::from(scale))));
        }
    }
    let table = if offsets.len() > 1 && per_entry > 0 {
        Table::Entries {
            offsets,
            frames: u32::from(per_entry),
        }
    } else {
        Table::None
    };
    Some(Summary {
        frames: Some(frames).filter(|&n| n > 0),
        bytes: Some(bytes).filter(|&n| n > 0),
        is_constant: false,
        table,
        trim: None,
    })
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        let b = self.take(4)?;
        Some(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    fn u16(&mut self) -> Option<u16> {
        let b = self.take(2)?;
        Some(u16::from_be_bytes([b[0], b[1]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::demux::sync::FrameSync;

    #[test]
    fn a_vbri_table_adds_up_to_offsets() {
        let mut frame = vec![0xFF, 0xFB, 0x90, 0x00];
        frame.resize(36, 0);
        frame.extend_from_slice(b"VBRI\0\x01\0\0\0\x32");
        frame.extend_from_slice(&40_000_u32.to_be_bytes());
        frame.extend_from_slice(&100_u32.to_be_bytes());
        for word in [3_u16, 2, 2, 25, 5000, 5001, 4000] {
            frame.extend_from_slice(&word.to_be_bytes());
        }
        let header = FrameHeader::parse(&frame).expect("a header");
        let summary = Summary::parse(&header, &frame).expect("a summary");
        assert_eq!((summary.frames, summary.bytes), (Some(100), Some(40_000)));
        assert_eq!(
            summary.table,
            Table::Entries {
                offsets: vec![0, 10_000, 20_002, 28_002],
                frames: 25
            }
        );
    }

    #[test]
    fn every_truncation_of_a_summary_is_survived() {
        let mut frame = vec![0xFF, 0xFB, 0x90, 0x00];
        frame.resize(36, 0);
        frame.extend_from_slice(b"Xing\0\0\0\x0F");
        frame.resize(417, 7);
        let header = FrameHeader::parse(&frame).expect("a header");
        for len in 4..frame.len() {
            let _ = Summary::parse(&header, &frame[..len]);
        }
    }
}
