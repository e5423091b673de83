//! Owns: finding the Ogg page before a position, by the granule positions of pages met between known places.
//! Never knows: how packets are joined and timed.

use super::{Ogg, page::PageReader};
use crate::media::{
    demux::DemuxError,
    window::{ByteWindow, Stop},
};

/// A target so few bytes behind a known page is gone to page by page.
const WALK: u64 = 96 << 10;
/// How far before the guessed place a search lands, so that it is rarely too far: about half the largest page.
const BACK_OFF: u64 = 32 << 10;
/// After so many jumps the rest is gone page by page.
const MAX_JUMPS: u32 = 6;

/// A page, and the granule position of its end.
#[derive(Clone, Copy, Debug)]
struct Point {
    offset: u64,
    granule: i64,
}

/// A seek on its way.
#[derive(Debug)]
pub(super) struct Seek {
    target: u64,
    /// Decoding must begin with a packet that ends no earlier than here; granule position.
    wanted: i64,
    low: Point,
    high: Point,
    jumps: u32,
    is_walking: bool,
    reader: PageReader,
}

impl Seek {
    fn guess(&self) -> Option<u64> {
        let bytes = self.high.offset.checked_sub(self.low.offset)?;
        let samples = u128::try_from(self.high.granule.checked_sub(self.low.granule)?).ok()?;
        let ahead = u128::try_from(self.wanted.checked_sub(self.low.granule)?).ok()?;
        let ahead = u64::try_from((ahead * u128::from(bytes)).checked_div(samples)?).ok()?;
        // each miss goes back further
        let back = BACK_OFF << (self.jumps / 2);
        (ahead > WALK && self.jumps < MAX_JUMPS)
            .then(|| self.low.offset + ahead.saturating_sub(back).max(1))
    }
}

impl Ogg {
    /// See [`Demuxer::seek`](crate::media::demux::Demuxer::seek).
    pub(super) fn seek_to(&mut self, target: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let mut seek = match self.seeking.take().filter(|seek| seek.target == target) {
            Some(seek) => seek,
            None => {
                let (Some(end), Some(length)) = (self.end, self.info.length) else {
                    return Err(
                        DemuxError::Unsupported("seeking in an Ogg stream without length").into(),
                    );
                };
                self.queue.clear();
                self.chained = None;
                self.is_over = target >= length;
                if self.is_over {
                    return Ok(());
                }
                let mut seek = self.plan(target, end);
                self.set_out(&mut seek, bytes);
                seek
            }
        };
        match self.travel(&mut seek, bytes) {
            Err(Stop::End) => {
                self.is_over = true;
                Ok(())
            }
            Err(Stop::Need(len)) => {
                self.seeking = Some(seek);
                Err(Stop::Need(len))
            }
            arrival => arrival,
        }
    }

    fn plan(&self, target: u64, (offset, granule): (u64, i64)) -> Seek {
        let timing = &self.link.mapping.timing;
        // the first packet after a reset only primes an overlapping decoder
        let reach = self.info.preroll
            + if timing.is_overlapping() {
                self.info.preroll / 2
            } else {
                0
            };
        let target_granule = i64::try_from(target)
            .unwrap_or(i64::MAX)
            .saturating_sub(self.link.shift);
        Seek {
            target,
            wanted: target_granule.saturating_sub(i64::from(reach)),
            low: Point {
                offset: self.data_start,
                granule: self.link.start.unwrap_or(0),
            },
            high: Point { offset, granule },
            jumps: 0,
            is_walking: false,
            reader: PageReader::default(),
        }
    }

    /// Moves the window to where the next step begins.
    fn set_out(&mut self, seek: &mut Seek, bytes: &mut ByteWindow) {
        if let Some(offset) = seek.guess() {
            bytes.seek(offset);
            seek.jumps += 1;
            return;
        }
        bytes.seek(seek.low.offset);
        seek.is_walking = true;
        self.link.assembler = Default::default();
        self.link.mapping.timing.reset();
        self.link.clock = (seek.low.offset == self.data_start)
            .then_some(self.link.start)
            .flatten();
    }

    fn travel(&mut self, seek: &mut Seek, bytes: &mut ByteWindow) -> Result<(), Stop> {
        while !seek.is_walking {
            match seek.reader.next(bytes) {
                Ok(page) if page.serial != self.link.serial => continue,
                Ok(page) => {
                    let Some(granule) = page.granule else {
                        continue;
                    };
                    let point = Point {
                        offset: page.offset,
                        granule,
                    };
                    if granule <= seek.wanted {
                        seek.low = point;
                    } else {
                        seek.high = point;
                    }
                }
                Err(Stop::End | Stop::Malformed(_)) => seek.jumps = MAX_JUMPS,
                Err(stop) => return Err(stop),
            }
            seek.reader = PageReader::default();
            self.set_out(seek, bytes);
        }
        loop {
            let page = seek.reader.next(bytes)?;
            if page.serial != self.link.serial || page.is_first {
                continue;
            }
            let packets = self.link.load(&page);
            // what a page before the wanted one leaves behind: its end, and the beginning of a packet
            let is_before = page.granule.is_some_and(|granule| granule <= seek.wanted);
            if is_before {
                self.link.clock = page.granule;
            } else if !packets.is_empty() {
                self.queue = packets;
                self.drop_before(seek.wanted + self.link.shift);
                return Ok(());
            }
        }
    }

    /// Leaves out packets that are not needed to have the sound right later.
    fn drop_before(&mut self, wanted: i64) {
        let ends_at = |packet: &super::Packet| packet.pts + i64::from(packet.duration);
        while self.queue.len() > 1
            && self
                .queue
                .front()
                .is_some_and(|first| ends_at(first) <= wanted)
        {
            self.queue.pop_front();
        }
        if let Some(first) = self.queue.front_mut()
            && self.link.mapping.timing.is_overlapping()
        {
            first.pts = ends_at(first);
            first.duration = 0;
        }
    }
}
