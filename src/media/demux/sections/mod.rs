//! Owns: streams in sections (the segments of HLS): each is opened by itself, and their packets become one timeline.
//! Never knows: containers, or how sections are fetched.
//!
//! Played on, packets count by their durations, so that rounded times in a playlist leave neither gaps nor overlaps. After a
//! seek the count begins anew at the section's own time stamp, or at the playlist's time where it has none; where packets
//! are of one length, at the nearest place that counting would have reached: exact to the sample as long as the time is
//! right to half a packet.

mod reader;
mod station;
#[cfg(test)]
mod tests;

use super::{DemuxError, Demuxer, Opened, Opening, Packet, StreamInfo};
use crate::{
    media::window::{ByteWindow, Outline, Stop},
    units::rescale,
};
use reader::{Read, Reader, Stamp};
pub use station::follow;
use std::sync::Arc;

/// How often a seek looks at another section because the playlist's times were not quite right.
const MAX_LOOKS: u32 = 4;
/// A time stamp so far from the playlist's time is not believed, in seconds; and so far is looked behind its end.
const MAX_DRIFT: u32 = 10;
/// The playlist's ticks a second.
const MICROS: u32 = 1_000_000;
/// Ticks a second of a [`Stamp::Clock`], and after how many it begins anew.
const CLOCK: u32 = 90_000;
const CLOCK_WRAP: i128 = 1 << 33;

/// Opens the first section. For windows of sections only.
#[must_use]
pub fn open() -> Box<dyn Opening> {
    Box::new(Open(Reader::default()))
}

struct Open(Reader);

impl Opening for Open {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        let Read { packet, .. } = self.0.read(bytes)?;
        let mut reader = std::mem::take(&mut self.0);
        let tags = reader.take_tags();
        let info = reader.info().cloned();
        let info = info.ok_or(DemuxError::Broken("a section ended with its first packet"))?;
        Ok(Opened {
            demuxer: Box::new(Sections::new(reader, info, packet, bytes.outline())),
            container: "m3u",
            tags,
        })
    }
}

/// See the [module](self).
struct Sections {
    /// As the first section tells it; only the codec changes.
    info: StreamInfo,
    /// Raised with the codec.
    stream: u32,
    reader: Reader,
    outline: Option<Arc<Outline>>,
    origin: Origin,
    /// Where counting began, samples counted since then, and their rate.
    base: i64,
    counted: u64,
    rate: u32,
    /// Read, and not given yet.
    pending: Option<Packet>,
    seek: Option<Seek>,
    /// Whether the length is that of the packets, not of the playlist.
    is_counted: bool,
    is_over: bool,
}

/// Where the timeline begins.
struct Origin {
    /// Number of the section.
    number: u64,
    stamp: Option<Stamp>,
    /// Position of its first packet: not positive.
    lead: i64,
    /// Length of its first packet.
    grid: u32,
}

/// A seek under way.
#[derive(Clone, Copy)]
struct Seek {
    target: u64,
    /// What must be decoded first.
    wanted: i64,
    /// The section that was asked for.
    number: u64,
    /// The first section that is known to begin too late.
    too_late: u64,
    looks: u32,
    has_arrived: bool,
}

impl Sections {
    fn new(reader: Reader, info: StreamInfo, first: Packet, outline: Option<Arc<Outline>>) -> Self {
        let rate = info.rate.max(1);
        // priming; other times are those of a clock that was running before
        let is_priming = (-i64::from(rate)..=0).contains(&first.pts);
        let lead = if is_priming { first.pts } else { 0 };
        let mut sections = Self {
            info: StreamInfo {
                rate,
                length: None,
                is_seekable: outline.is_some(),
                ..info
            },
            stream: 0,
            origin: Origin {
                number: reader.number,
                stamp: reader.stamp,
                lead,
                grid: first.duration,
            },
            reader,
            outline,
            base: lead,
            counted: 0,
            rate,
            pending: None,
            seek: None,
            is_counted: false,
            is_over: false,
        };
        let length = sections.outline.clone().map(|outline| {
            let sound = outline.length.saturating_sub(sections.begins_at(&outline));
            sections.samples(sound).saturating_add(lead)
        });
        sections.info.length = length.map(|length| u64::try_from(length).unwrap_or(0));
        sections.pending = Some(sections.count(first));
        sections
    }

    /// Samples at our rate, of microseconds.
    fn samples(&self, micros: u64) -> i64 {
        i64::try_from(rescale(micros, MICROS, self.info.rate)).unwrap_or(i64::MAX)
    }

    /// The playlist's time at which the timeline begins.
    fn begins_at(&self, outline: &Outline) -> u64 {
        let place = outline.place(self.origin.number);
        place.map_or(0, |place| place.start)
    }

    /// Position of a section's first packet by the playlist.
    fn planned(&self, outline: &Outline, number: u64) -> Option<i64> {
        let start = self.samples(outline.place(number)?.start);
        let begin = self.samples(self.begins_at(outline));
        Some((start - begin).saturating_add(self.origin.lead))
    }

    /// Where the next packet begins.
    fn position(&self) -> i64 {
        let counted = rescale(self.counted, self.rate, self.info.rate);
        self.base.saturating_add_unsigned(counted)
    }

    /// Puts a packet behind the one before.
    fn count(&mut self, packet: Packet) -> Packet {
        let pts = self.position();
        self.counted = self.counted.saturating_add(packet.duration.into());
        let end = self.position();
        // a length by rounded times never cuts what is there, nor what the last packet has more than its container says
        let decoded = end.saturating_add(self.origin.grid.into());
        if let (Some(length), Ok(end)) = (&mut self.info.length, u64::try_from(decoded))
            && *length <= end
        {
            *length = end.saturating_add(self.info.rate.into());
        }
        Packet {
            data: packet.data,
            pts,
            duration: u32::try_from(end - pts).unwrap_or(u32::MAX),
        }
    }

    /// The next packet, wherever it is; `None` at the end.
    fn take(&mut self, bytes: &mut ByteWindow) -> Result<Option<Packet>, Stop> {
        match self.reader.read(bytes) {
            Ok(read) => {
                if read.is_first {
                    self.enter(self.position());
                }
                Ok(Some(self.count(read.packet)))
            }
            Err(Stop::End) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// Begins to count in another section.
    fn enter(&mut self, base: i64) {
        self.base = base;
        self.counted = 0;
        let Some(info) = self.reader.info() else {
            return;
        };
        self.rate = info.rate.max(1);
        if info.codec != self.info.codec {
            self.info.codec = info.codec.clone();
            self.info.channels = info.channels;
            self.stream = self.stream.wrapping_add(1);
        }
    }

    /// Position of the first packet of the section at hand, when it was jumped to.
    fn anchor(&self, outline: &Outline, first: &Packet) -> i64 {
        let number = self.reader.number;
        let Some(planned) = self.planned(outline, number) else {
            return self.position();
        };
        let clock = |number| outline.place(number).map(|place| place.clock);
        let stamped = (clock(number) == clock(self.origin.number))
            .then(|| self.stamped(planned))
            .flatten();
        let drift = u64::from(MAX_DRIFT) * u64::from(self.info.rate);
        let at = match stamped {
            Some(at) if at.abs_diff(planned) <= drift => at,
            _ => planned,
        };
        let grid = i64::from(self.origin.grid);
        let is_exact = matches!(stamped, Some(at_stamp) if at_stamp == at)
            && matches!(self.reader.stamp, Some(Stamp::Samples(_)));
        if is_exact || grid == 0 || first.duration != self.origin.grid {
            return at;
        }
        let packets = (at - self.origin.lead + grid / 2).div_euclid(grid);
        self.origin.lead + packets * grid
    }

    /// Position by the time stamp; `planned` tells how often its clock has wrapped.
    fn stamped(&self, planned: i64) -> Option<i64> {
        let our_rate = i128::from(self.info.rate);
        let passed = match (self.origin.stamp?, self.reader.stamp?) {
            (Stamp::Samples(from), Stamp::Samples(to)) => {
                (i128::from(to) - i128::from(from)) * our_rate
                    / i128::from(self.reader.info()?.rate.max(1))
            }
            (Stamp::Clock(from), Stamp::Clock(to)) => {
                let clock = i128::from(CLOCK);
                let expected = i128::from(planned - self.origin.lead) * clock / our_rate;
                let half = CLOCK_WRAP / 2;
                let off = i128::from(to) - i128::from(from) - expected;
                let off = (off + half).rem_euclid(CLOCK_WRAP) - half;
                (expected + off) * our_rate / clock
            }
            _ => return None,
        };
        i64::try_from(passed + i128::from(self.origin.lead)).ok()
    }

    /// The section to look for a position in, when sections begin so many samples later than the playlist says.
    fn section_of(&self, outline: &Outline, position: i64, late: i64) -> u64 {
        let samples = position
            .saturating_sub(self.origin.lead)
            .saturating_sub(late);
        let micros = rescale(u64::try_from(samples).unwrap_or(0), self.info.rate, MICROS);
        outline.find(micros.saturating_add(self.begins_at(outline)))
    }

    /// Another section than the one arrived at, whose first packet is at `at`, if that one turns out not to hold what is
    /// wanted.
    fn better(&self, outline: &Outline, seek: &mut Seek, at: i64) -> Option<u64> {
        if seek.looks == MAX_LOOKS || self.reader.number != seek.number {
            return None;
        }
        let late = at - self.planned(outline, seek.number)?;
        let found = self.section_of(outline, seek.wanted, late);
        if at > seek.wanted {
            seek.too_late = seek.number;
            let before = seek.number.checked_sub(1)?;
            return (before >= outline.first).then_some(found.min(before));
        }
        let found = found.min(seek.too_late.saturating_sub(1));
        (found > seek.number).then_some(found)
    }

    /// Goes on with a seek; true on arrival, false when the target lies behind the end.
    fn travel(
        &mut self,
        seek: &mut Seek,
        outline: &Outline,
        bytes: &mut ByteWindow,
    ) -> Result<bool, Stop> {
        while !seek.has_arrived {
            let read = match self.reader.read(bytes) {
                Err(Stop::End) => return Ok(false),
                read => read?,
            };
            let at = self.anchor(outline, &read.packet);
            if let Some(number) = self.better(outline, seek, at) {
                seek.looks += 1;
                seek.number = number;
                self.reader.jump(number, bytes);
                continue;
            }
            seek.has_arrived = true;
            self.enter(at);
            self.pending = Some(self.count(read.packet));
        }
        while let Some(packet) = &self.pending {
            if packet.pts.saturating_add(packet.duration.into()) > seek.wanted {
                return Ok(true);
            }
            self.pending = self.take(bytes)?;
        }
        Ok(false)
    }
}

impl Demuxer for Sections {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn stream(&self) -> u32 {
        self.stream
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        self.seek = None;
        if self.is_over {
            return Err(Stop::End);
        }
        if let Some(packet) = self.pending.take() {
            return Ok(packet);
        }
        let packet = self.take(bytes)?;
        if packet.is_none() && self.outline.is_some() {
            self.is_counted = true;
            self.info.length = Some(u64::try_from(self.position()).unwrap_or(0));
        }
        packet.ok_or(Stop::End)
    }

    fn seek(&mut self, target: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let Some(outline) = self.outline.clone() else {
            return Err(DemuxError::Unsupported("seeking in a live stream").into());
        };
        let mut seek = match self.seek.filter(|seek| seek.target == target) {
            Some(seek) => seek,
            None => {
                self.pending = None;
                let slack = u64::from(if self.is_counted { 0 } else { MAX_DRIFT });
                let slack = slack * u64::from(self.info.rate);
                let is_behind = |length: u64| target >= length.saturating_add(slack);
                self.is_over = self.info.length.is_some_and(is_behind);
                if self.is_over {
                    self.seek = None;
                    return Ok(());
                }
                let target_at = i64::try_from(target).unwrap_or(i64::MAX);
                let wanted = target_at.saturating_sub(self.info.preroll.into());
                let number = self.section_of(&outline, wanted, 0);
                self.reader.jump(number, bytes);
                Seek {
                    target,
                    wanted,
                    number,
                    too_late: u64::MAX,
                    looks: 0,
                    has_arrived: false,
                }
            }
        };
        let arrival = self.travel(&mut seek, &outline, bytes);
        self.seek = Some(seek).filter(|_| matches!(arrival, Err(Stop::Need(_) | Stop::Again)));
        self.is_over = !arrival?;
        Ok(())
    }
}
