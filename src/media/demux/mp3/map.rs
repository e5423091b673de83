//! Owns: how frame numbers map to byte offsets in an MP3 stream, and the memory of frames that were passed.
//! Never knows: how bytes are read.

use super::{
    FrameHeader,
    summary::{Summary, Table},
};
use crate::media::demux::sync::FrameSync;

/// Offsets are relative to the first frame with sound.
#[derive(Debug)]
pub(super) enum Map {
    /// Nothing is known: frames must be passed one by one.
    None,
    /// All frames are equally long, on average `bytes / frames`.
    Constant {
        /// Bytes of so many frames.
        bytes: u64,
        /// So many frames.
        frames: u64,
        /// Not just an estimate: every frame lies within a byte of where this says.
        is_exact: bool,
    },
    /// Xing's percentages.
    Percent {
        /// Entry i: where i percent of the frames lie, in 256ths of `bytes`.
        toc: Box<[u8; 100]>,
        /// Bytes of the stream, the summary frame included.
        bytes: u64,
        /// Frames with sound.
        frames: u64,
        /// Length of the summary frame.
        lead: u64,
    },
    /// VBRI's table.
    Entries {
        /// Where each entry's frames begin, the summary frame included.
        offsets: Vec<u32>,
        /// Frames an entry.
        frames: u64,
        /// Length of the summary frame.
        lead: u64,
    },
}

impl Map {
    /// The map that a summary gives. `lead` is the length of its frame; `available` the bytes from it to the end of the file.
    pub(super) fn from_summary(summary: Summary, lead: u64, available: Option<u64>) -> Self {
        let bytes = summary.bytes.map(u64::from).or(available);
        let frames = summary.frames.map(u64::from);
        match (summary.table, bytes, frames) {
            (_, Some(bytes), Some(frames)) if summary.is_constant && bytes > lead => {
                Self::Constant {
                    bytes: bytes - lead,
                    frames,
                    is_exact: true,
                }
            }
            (Table::Percent(toc), Some(bytes), Some(frames)) => Self::Percent {
                toc,
                bytes,
                frames,
                lead,
            },
            (Table::Entries { offsets, frames }, ..) => Self::Entries {
                offsets,
                frames: u64::from(frames),
                lead,
            },
            (_, Some(bytes), Some(frames)) if bytes > lead => Self::Constant {
                bytes: bytes - lead,
                frames,
                is_exact: false,
            },
            _ => Self::None,
        }
    }

    /// About where this frame begins.
    pub(super) fn offset_of(&self, frame: u64) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Constant { bytes, frames, .. } => Some(scale(frame, *bytes, *frames)),
            Self::Percent {
                toc,
                bytes,
                frames,
                lead,
            } => {
                let percent = (frame as f64 * 100.0 / *frames as f64).min(99.999);
                let (from, to) = bounds(toc, percent as usize);
                let part = from + (to - from) * percent.fract();
                Some(((part / 256.0 * *bytes as f64) as u64).saturating_sub(*lead))
            }
            Self::Entries {
                offsets,
                frames,
                lead,
            } => {
                let entry = usize::try_from(frame / frames).unwrap_or(usize::MAX);
                let offset = offsets[entry.min(offsets.len() - 1)];
                Some(u64::from(offset).saturating_sub(*lead))
            }
        }
    }

    /// Which frame begins about here.
    pub(super) fn frame_at(&self, offset: u64) -> u64 {
        match self {
            Self::None => 0,
            Self::Constant { bytes, frames, .. } => {
                scale(offset.saturating_add(bytes / frames / 2), *frames, *bytes)
            }
            Self::Percent {
                toc,
                bytes,
                frames,
                lead,
            } => {
                let part = (offset + lead) as f64 * 256.0 / *bytes as f64;
                let percent = (0..100)
                    .find(|&i| bounds(toc, i).1 > part)
                    .map_or(100.0, |i| {
                        let (from, to) = bounds(toc, i);
                        i as f64 + ((part - from) / (to - from)).clamp(0.0, 1.0)
                    });
                (percent / 100.0 * *frames as f64) as u64
            }
            Self::Entries {
                offsets,
                frames,
                lead,
            } => {
                let at = offset + lead;
                let entry = offsets.partition_point(|&o| u64::from(o) <= at).max(1) - 1;
                let begin = u64::from(offsets[entry]);
                let len = offsets
                    .get(entry + 1)
                    .map_or(0, |&next| u64::from(next).saturating_sub(begin));
                let passed = frames.saturating_mul(at.saturating_sub(begin));
                let within = passed.checked_div(len).unwrap_or(0).min(*frames);
                entry as u64 * frames + within
            }
        }
    }

    /// Whether both directions are exact.
    pub(super) const fn is_exact(&self) -> bool {
        matches!(self, Self::Constant { is_exact: true, .. })
    }
}

/// `value * times / by` without overflow, rounded down. `by` is not 0.
fn scale(value: u64, times: u64, by: u64) -> u64 {
    let result = u128::from(value) * u128::from(times) / u128::from(by);
    u64::try_from(result).unwrap_or(u64::MAX)
}

/// Entry i of a Xing table and the next.
fn bounds(toc: &[u8; 100], i: usize) -> (f64, f64) {
    let entry = |i: usize| toc.get(i).map_or(256.0, |&b| f64::from(b));
    (entry(i), entry(i + 1))
}

/// What the first frames of a stream without a summary look like.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// Whole frames seen.
    pub(super) frames: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    is_one_bitrate: bool,
    is_any_padded: bool,
}

impl Survey {
    /// Looks at frames from the beginning of `bytes`, at most 64.
    pub(super) fn of(bytes: &[u8], first: &FrameHeader) -> Self {
        let mut survey = Self {
            is_one_bitrate: true,
            ..Self::default()
        };
        let mut rest = bytes;
        while survey.frames < 64 && rest.len() >= FrameHeader::LEN {
            let Some(header) = FrameHeader::parse(rest).filter(|h| h.is_alike(first)) else {
                break;
            };
            survey.frames += 1;
            survey.bytes += header.frame_len() as u64;
            survey.is_one_bitrate &= header.bitrate == first.bitrate;
            survey.is_any_padded |= header.is_padded;
            rest = rest.get(header.frame_len()..).unwrap_or_default();
        }
        survey
    }

    /// Whether all frames have one bitrate, so that the rest of the file is taken to have it too.
    pub(super) const fn is_constant(&self) -> bool {
        self.is_one_bitrate
    }

    /// The map by the bitrate, or by the average of what was seen.
    pub(super) fn map(&self, first: &FrameHeader) -> Map {
        let (bytes, frames) = match (self.is_one_bitrate, self.is_any_padded) {
            // padding evens out to just the bitrate (ISO 11172-3, 2.4.3.1)
            (true, true) => (
                u64::from(first.samples() / 8) * u64::from(first.bitrate),
                u64::from(first.rate),
            ),
            (true, false) => (first.frame_len() as u64, 1),
            (false, _) => (self.bytes.max(1), self.frames.max(1)),
        };
        Map::Constant {
            bytes,
            frames,
            is_exact: self.is_one_bitrate,
        }
    }
}

/// Most points that are remembered.
const MAX_POINTS: usize = 1024;

/// Where frames were that have been passed: about one a second, fewer as they grow many.
#[derive(Debug)]
pub(super) struct Passed {
    points: Vec<(u64, u64)>,
    spacing: u64,
}

impl Passed {
    /// Remembers every `spacing`th frame.
    pub(super) const fn every(spacing: u64) -> Self {
        Self {
            points: Vec::new(),
            spacing,
        }
    }

    /// Frame number `frame` begins at file offset `offset`.
    pub(super) fn note(&mut self, frame: u64, offset: u64) {
        let is_due = match self.points.last() {
            Some(&(last, _)) => frame >= last + self.spacing,
            None => true,
        };
        if !is_due {
            return;
        }
        if self.points.len() == MAX_POINTS {
            let mut is_kept = false;
            self.points.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.spacing *= 2;
        }
        self.points.push((frame, offset));
    }

    /// The last remembered frame that is not behind `frame`, with its file offset.
    pub(super) fn before(&self, frame: u64) -> Option<(u64, u64)> {
        let behind = self.points.partition_point(|&(at, _)| at <= frame);
        Some(self.points[behind.checked_sub(1)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_bitrate_maps_both_ways_exactly() {
        // 128 kbit/s at 44.1 kHz: 417.96 bytes a frame
        let map = Map::Constant {
            bytes: 144 * 128_000,
            frames: 44_100,
            is_exact: true,
        };
        for frame in [0, 1, 2, 50, 9_999, 1_000_003] {
            let offset = map.offset_of(frame).expect("known");
            for slack in [0, 1] {
                assert_eq!(map.frame_at(offset + slack), frame);
            }
        }
    }

    #[test]
    fn a_straight_percent_table_is_a_straight_line() {
        let map = Map::Percent {
            toc: Box::new(std::array::from_fn(|i| (i * 256 / 100) as u8)),
            bytes: 1_000_000,
            frames: 1000,
            lead: 0,
        };
        assert_eq!(map.offset_of(500), Some(500_000));
        assert!(map.frame_at(500_000).abs_diff(500) <= 1);
        assert!(map.offset_of(u64::MAX).is_some_and(|o| o <= 1_000_000));
    }

    #[test]
    fn a_hostile_table_does_no_harm() {
        let map = Map::Percent {
            toc: Box::new(std::array::from_fn(|i| if i % 2 == 0 { 255 } else { 0 })),
            bytes: 1,
            frames: u64::MAX,
            lead: 9000,
        };
        for at in [0, 1, 77, u64::from(u32::MAX), u64::MAX / 2] {
            let _ = (map.offset_of(at), map.frame_at(at));
        }
    }

    #[test]
    fn what_was_passed_is_bounded_and_still_ordered() {
        let mut passed = Passed::every(10);
        for frame in 0..1_000_000 {
            passed.note(frame, frame * 400);
        }
        assert!(passed.points.len() <= MAX_POINTS);
        let (frame, offset) = passed.before(700_000).expect("remembered");
        assert!(frame <= 700_000 && frame > 690_000 && offset == frame * 400);
    }
}
