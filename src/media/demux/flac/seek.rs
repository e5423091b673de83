//! Owns: finding the frame of a FLAC file that holds a sample: between known places, by the frame headers met there.
//! Never knows: how frames are cut.

use super::Flac;
use crate::media::{
    demux::DemuxError,
    window::{ByteWindow, Stop},
};

/// Most points of a seek table that are kept; of a larger one every so manieth.
const MAX_POINTS: usize = 4096;
/// A target so few bytes behind a known place is gone to frame by frame.
const WALK: u64 = 64 << 10;
/// How far before the guessed place a search lands, so that it is rarely too far.
const BACK_OFF: u64 = 32 << 10;
/// After so many jumps the rest is gone frame by frame.
const MAX_JUMPS: u32 = 8;

/// A sample and the offset of the frame that begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    sample: u64,
    offset: u64,
}

/// A seek table (RFC 9639, 8.5); offsets are relative to the first frame.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<Point>);

impl Table {
    pub(super) fn parse(block: &[u8]) -> Self {
        let thinning = (block.len() / 18).div_ceil(MAX_POINTS).max(1);
        let mut points: Vec<_> = block
            .chunks_exact(18)
            .step_by(thinning)
            .map(|point| {
                let number = |at: usize| {
                    u64::from_be_bytes(point[at..at + 8].try_into().expect("eight bytes"))
                };
                Point {
                    sample: number(0),
                    offset: number(8),
                }
            })
            // a placeholder
            .filter(|point| point.sample != u64::MAX)
            .collect();
        points.sort_by_key(|point| point.sample);
        Self(points)
    }

    /// The last point not behind `sample`, and the one after it.
    fn around(&self, sample: u64, start: u64) -> (Option<Point>, Option<Point>) {
        let behind = self.0.partition_point(|point| point.sample <= sample);
        let absolute = |point: &Point| Point {
            sample: point.sample,
            offset: point.offset.saturating_add(start),
        };
        let before = behind.checked_sub(1).map(|i| absolute(&self.0[i]));
        (before, self.0.get(behind).map(absolute))
    }
}

/// A seek on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seek {
    target: u64,
    /// At or before the target.
    low: Point,
    /// Behind the target; unknown when the file's length is.
    high: Option<Point>,
    jumps: u32,
    is_walking: bool,
}

impl Seek {
    /// Where to look next; `None` when walking is best.
    fn guess(&self) -> Option<u64> {
        let high = self.high?;
        let bytes = high.offset.checked_sub(self.low.offset)?;
        let samples = high
            .sample
            .checked_sub(self.low.sample)
            .filter(|&n| n > 0)?;
        let ahead =
            u128::from(self.target - self.low.sample) * u128::from(bytes) / u128::from(samples);
        let ahead = u64::try_from(ahead).ok()?;
        // each miss goes back further
        let back = BACK_OFF << (self.jumps / 2).min(8);
        (ahead > WALK && self.jumps < MAX_JUMPS)
            .then(|| self.low.offset + ahead.saturating_sub(back).max(1))
    }

    /// Moves the window to where the next step begins.
    fn set_out(mut self, bytes: &mut ByteWindow) -> Self {
        match self.guess() {
            Some(offset) => {
                bytes.seek(offset);
                self.jumps += 1;
            }
            None => {
                bytes.seek(self.low.offset);
                self.is_walking = true;
            }
        }
        self
    }
}

impl Flac {
    /// See [`Demuxer::seek`](crate::media::demux::Demuxer::seek).
    pub(super) fn seek_to(&mut self, target: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let seek = match self.seeking.take().filter(|seek| seek.target == target) {
            Some(seek) => seek,
            None => {
                let Some(length) = self.info.length else {
                    return Err(
                        DemuxError::Unsupported("seeking in a FLAC stream without length").into(),
                    );
                };
                self.pending = None;
                self.is_over = target >= length;
                if self.is_over {
                    return Ok(());
                }
                self.plan(target, length, bytes)
            }
        };
        match self.travel(seek, bytes) {
            Err(Stop::End) => {
                self.is_over = true;
                Ok(())
            }
            arrival => arrival,
        }
    }

    fn plan(&mut self, target: u64, length: u64, bytes: &mut ByteWindow) -> Seek {
        let (before, behind) = self.table.around(target, self.start);
        let whole = bytes.length().map(|offset| Point {
            sample: length,
            offset,
        });
        self.cutter.reset();
        Seek {
            target,
            low: before.unwrap_or(Point {
                sample: 0,
                offset: self.start,
            }),
            high: behind.or(whole),
            jumps: 0,
            is_walking: false,
        }
        .set_out(bytes)
    }

    fn travel(&mut self, mut seek: Seek, bytes: &mut ByteWindow) -> Result<(), Stop> {
        while !seek.is_walking {
            let found = match self.cutter.find(&self.flac, bytes) {
                Ok(header) => Some(header),
                Err(Stop::End | Stop::Malformed(_)) => None,
                Err(stop) => {
                    self.keep(seek, &stop);
                    return Err(stop);
                }
            };
            let offset = bytes.position();
            match found {
                Some(header) if header.first < seek.low.sample => {
                    self.cutter.reject(bytes);
                    continue;
                }
                Some(header) if header.first <= seek.target => {
                    seek.low = Point {
                        sample: header.first,
                        offset,
                    };
                }
                Some(header) => {
                    seek.high = Some(Point {
                        sample: header.first,
                        offset,
                    });
                }
                None => seek.jumps = MAX_JUMPS,
            }
            self.cutter.reset();
            seek = seek.set_out(bytes);
        }
        loop {
            match self.packet(bytes) {
                // the seek table was wrong
                Ok((header, _)) if header.first > seek.target && !self.table.0.is_empty() => {
                    self.table = Table::default();
                    let length = self.info.length.unwrap_or(u64::MAX);
                    let again = self.plan(seek.target, length, bytes);
                    return self.travel(again, bytes);
                }
                Ok((header, packet)) if header.end() > seek.target => {
                    self.pending = Some(packet);
                    return Ok(());
                }
                Ok(_) => {}
                Err(stop) => {
                    self.keep(seek, &stop);
                    return Err(stop);
                }
            }
        }
    }

    /// Keeps a seek that must be gone on with later.
    fn keep(&mut self, seek: Seek, stop: &Stop) {
        if matches!(stop, Stop::Need(_)) {
            self.seeking = Some(seek);
        }
    }
}
