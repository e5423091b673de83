//! Owns: fragmented MP4 (ISO 14496-12, section 8.8 and 8.16): from `moof` to `moof`, and the indexes `sidx` and `mfra`.
//! Never knows: codecs, the audible timeline.

use super::{
    boxes::{Children, child, peek_header},
    table::Sample,
};
use crate::media::{
    demux::{DemuxError, fields::Fields},
    window::{ByteWindow, Stop},
};
use std::collections::VecDeque;

/// Header boxes other than `moov` may have this many bytes.
pub(super) const MAX_HEADER_BYTES: u64 = 1024 * 1024;
/// Fragments that are remembered while walking without an index: enough for four hours of two seconds each.
const MAX_KNOWN: usize = 8192;

/// Default values of the track (`trex`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    track: u32,
    duration: u32,
    size: u32,
}

impl Defaults {
    /// Reads the `trex` of a track in an `mvex` body; zeros when there is none.
    pub(super) fn parse(mvex: &[u8], track: u32) -> Result<Self, DemuxError> {
        let mut defaults = Self {
            track,
            duration: 0,
            size: 0,
        };
        for (kind, body) in Children(mvex) {
            let mut fields = Fields::new(body, "trex ends early");
            if &kind != b"trex" {
                continue;
            }
            fields.skip(4)?;
            if fields.u32()? == track {
                fields.skip(4)?;
                defaults.duration = fields.u32()?;
                defaults.size = fields.u32()?;
            }
        }
        Ok(defaults)
    }
}

/// Samples that follow each other in the file and are alike.
#[derive(Clone, Copy, Debug)]
struct Run {
    offset: u64,
    time: u64,
    count: u32,
    size: u32,
    duration: u32,
}

impl Run {
    fn drop_first(&mut self, count: u32) {
        self.offset = self
            .offset
            .saturating_add(u64::from(count) * u64::from(self.size));
        self.time = self
            .time
            .saturating_add(u64::from(count) * u64::from(self.duration));
        self.count -= count;
    }

    fn end(&self) -> u64 {
        self.time
            .saturating_add(u64::from(self.count) * u64::from(self.duration))
    }
}

/// A place to begin to walk at: a box from which on all samples are at `time` or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entrance {
    time: u64,
    offset: u64,
}

/// The durations of a `sidx`.
#[derive(Clone, Debug)]
pub(super) struct Index {
    entrances: Vec<Entrance>,
    /// Media ticks of everything that it lists, from 0.
    pub end_time: u64,
    /// Offset behind everything that it lists.
    pub end_offset: u64,
}

/// Reads a `sidx` body; `anchor` is the offset behind the box, `scale` the track's.
pub(super) fn parse_index(body: &[u8], anchor: u64, scale: u32) -> Result<Index, DemuxError> {
    let mut fields = Fields::new(body, "sidx ends early");
    let version = fields.u32()? >> 24;
    fields.skip(4)?;
    let own_scale = fields.u32()?;
    if own_scale == 0 {
        return Err(DemuxError::Broken("sidx has a time scale of 0"));
    }
    let (start, first_offset) = if version == 0 {
        (fields.u32()?.into(), fields.u32()?.into())
    } else {
        (fields.u64()?, fields.u64()?)
    };
    fields.skip(2)?;
    let count = fields.u16()?;
    let mut offset = anchor.saturating_add(first_offset);
    let mut time = start;
    let to_track = |time: u64| {
        let ticks = u128::from(time) * u128::from(scale) / u128::from(own_scale);
        ticks.min(u128::from(u64::MAX)) as u64
    };
    let mut entrances = Vec::with_capacity(count.into());
    for _ in 0..count {
        entrances.push(Entrance {
            time: to_track(time),
            offset,
        });
        // the top bit says that it is another sidx, which is walked through like any box
        offset = offset.saturating_add(u64::from(fields.u32()? & 0x7FFF_FFFF));
        time = time.saturating_add(fields.u32()?.into());
        fields.skip(4)?;
    }
    Ok(Index {
        entrances,
        end_time: to_track(time),
        end_offset: offset,
    })
}

/// Reads the fragments of one track.
#[derive(Debug)]
pub(super) struct Fragments {
    defaults: Defaults,
    runs: VecDeque<Run>,
    /// Offset of the next box to look at.
    next_box: u64,
    /// Media ticks before the next fragment, for those that do not say.
    clock: u64,
    first: Entrance,
    /// From `sidx`.
    index: Vec<Entrance>,
    /// Found while walking, in order.
    known: Vec<Entrance>,
    seeking: Option<u64>,
}

impl Fragments {
    /// Begins at the box at `first_box`, where `clock` media ticks have passed.
    pub(super) fn new(
        defaults: Defaults,
        first_box: u64,
        clock: u64,
        index: Option<Index>,
    ) -> Self {
        Self {
            defaults,
            runs: VecDeque::new(),
            next_box: first_box,
            clock,
            first: Entrance {
                time: clock,
                offset: first_box,
            },
            index: index.map_or_else(Vec::new, |index| index.entrances),
            known: Vec::new(),
            seeking: None,
        }
    }

    /// The next sample; [`advance`](Self::advance) moves past it.
    pub(super) fn current(&mut self, bytes: &mut ByteWindow) -> Result<Sample, Stop> {
        loop {
            if let Some(run) = self.runs.front() {
                return Ok(Sample {
                    offset: run.offset,
                    size: run.size,
                    time: run.time,
                    delta: run.duration,
                });
            }
            self.step(bytes)?;
        }
    }

    /// Moves past the sample that [`current`](Self::current) gave.
    pub(super) fn advance(&mut self) {
        if let Some(run) = self.runs.front_mut() {
            run.drop_first(1);
            if run.count == 0 {
                self.runs.pop_front();
            }
        }
    }

    /// Back to the first fragment.
    pub(super) fn rewind(&mut self) {
        self.enter(self.first);
    }

    /// Moves to the sample that contains `time`, or behind the last one. To be repeated until it is done.
    /// `lead` media ticks are how far an index may be late: writers differ in whether it counts from the first sample or
    /// from the first audible one.
    pub(super) fn seek(
        &mut self,
        time: u64,
        lead: u64,
        bytes: &mut ByteWindow,
    ) -> Result<(), Stop> {
        if self.seeking != Some(time) {
            let before = |places: &[Entrance], lead: u64| {
                let count = places.partition_point(|place| place.time.saturating_add(lead) <= time);
                count.checked_sub(1).map(|last| places[last])
            };
            let nearest = [before(&self.index, lead), before(&self.known, 0)]
                .into_iter()
                .flatten()
                .max_by_key(|place| place.offset);
            self.enter(nearest.unwrap_or(self.first));
            self.seeking = Some(time);
        }
        loop {
            while let Some(run) = self.runs.front_mut() {
                if run.end() > time {
                    if time > run.time {
                        // the duration is not 0, or the run would end where it begins
                        run.drop_first(((time - run.time) / u64::from(run.duration)) as u32);
                    }
                    self.seeking = None;
                    return Ok(());
                }
                self.runs.pop_front();
            }
            match self.step(bytes) {
                Err(Stop::End) => {
                    self.seeking = None;
                    return Ok(());
                }
                other => other?,
            }
        }
    }

    fn enter(&mut self, place: Entrance) {
        self.runs.clear();
        self.next_box = place.offset;
        self.clock = place.time;
        self.seeking = None;
    }

    /// Looks at one box: reads a `moof`, leaves out anything else.
    fn step(&mut self, bytes: &mut ByteWindow) -> Result<(), Stop> {
        if self.next_box == u64::MAX {
            return Err(Stop::End);
        }
        if bytes.length().is_some_and(|length| self.next_box >= length) {
            return Err(Stop::End);
        }
        bytes.seek(self.next_box);
        let header = peek_header(bytes)?;
        let end = header.end(self.next_box);
        if &header.kind == b"moof" {
            let size = header.size.unwrap_or(u64::MAX);
            if size > MAX_HEADER_BYTES {
                return Err(DemuxError::TooLarge("a moof").into());
            }
            let body = &bytes.peek(size as usize)?[header.header_len..];
            let mut fragment = Fragment {
                defaults: self.defaults,
                moof: self.next_box,
                clock: self.clock,
                start: None,
                runs: VecDeque::new(),
            };
            fragment.parse(body)?;
            if let Some(time) = fragment.start {
                self.remember(Entrance {
                    time,
                    offset: self.next_box,
                });
            }
            self.clock = fragment.clock;
            self.runs = fragment.runs;
        }
        self.next_box = end;
        Ok(())
    }

    fn remember(&mut self, place: Entrance) {
        let is_new = self
            .known
            .last()
            .is_none_or(|last| last.offset < place.offset && last.time <= place.time);
        if is_new && self.known.len() < MAX_KNOWN {
            self.known.push(place);
        }
    }
}

/// One `moof` while it is read.
struct Fragment {
    defaults: Defaults,
    moof: u64,
    clock: u64,
    /// Time of its first sample.
    start: Option<u64>,
    runs: VecDeque<Run>,
}

impl Fragment {
    fn parse(&mut self, body: &[u8]) -> Result<(), DemuxError> {
        for (kind, traf) in Children(body) {
            if &kind == b"traf" {
                self.track(traf)?;
            }
        }
        Ok(())
    }

    fn track(&mut self, traf: &[u8]) -> Result<(), DemuxError> {
        let tfhd = child(traf, b"tfhd").ok_or(DemuxError::Broken("a fragment has no header"))?;
        let mut fields = Fields::new(tfhd, "a fragment header ends early");
        let flags = fields.u32()?;
        if fields.u32()? != self.defaults.track {
            return Ok(());
        }
        let mut defaults = self.defaults;
        let base = if flags & 1 != 0 {
            fields.u64()?
        } else {
            self.moof
        };
        if flags & 2 != 0 {
            fields.skip(4)?;
        }
        if flags & 8 != 0 {
            defaults.duration = fields.u32()?;
        }
        if flags & 0x10 != 0 {
            defaults.size = fields.u32()?;
        }
        if let Some(tfdt) = child(traf, b"tfdt") {
            let mut fields = Fields::new(tfdt, "tfdt ends early");
            let version = fields.u32()? >> 24;
            self.clock = if version == 1 {
                fields.u64()?
            } else {
                fields.u32()?.into()
            };
        }
        self.start.get_or_insert(self.clock);
        let mut offset = base;
        for (kind, trun) in Children(traf) {
            if &kind == b"trun" {
                offset = self.run(trun, base, offset, defaults)?;
            }
        }
        Ok(())
    }

    /// Reads one `trun`; gives the offset behind its samples.
    fn run(
        &mut self,
        trun: &[u8],
        base: u64,
        mut offset: u64,
        defaults: Defaults,
    ) -> Result<u64, DemuxError> {
        let mut fields = Fields::new(trun, "a fragment's run ends early");
        let flags = fields.u32()?;
        let count = fields.u32()?;
        if flags & 1 != 0 {
            offset = base.saturating_add_signed(i64::from(fields.u32()? as i32));
        }
        if flags & 4 != 0 {
            fields.skip(4)?;
        }
        if flags & 0xF00 == 0 {
            return Ok(self.push(Run {
                offset,
                time: self.clock,
                count,
                size: defaults.size,
                duration: defaults.duration,
            }));
        }
        for _ in 0..count {
            let mut sample = Run {
                offset,
                time: self.clock,
                count: 1,
                size: defaults.size,
                duration: defaults.duration,
            };
            if flags & 0x100 != 0 {
                sample.duration = fields.u32()?;
            }
            if flags & 0x200 != 0 {
                sample.size = fields.u32()?;
            }
            fields.skip((flags & 0xC00).count_ones() as usize * 4)?;
            offset = self.push(sample);
        }
        Ok(offset)
    }

    /// Adds samples, to the last run where they are alike; gives the offset behind them. Empty samples only take time.
    fn push(&mut self, run: Run) -> u64 {
        let mut after = run;
        after.drop_first(run.count);
        self.clock = after.time;
        if run.size == 0 || run.count == 0 {
            return after.offset;
        }
        match self.runs.back_mut() {
            Some(last)
                if last.size == run.size
                    && last.duration == run.duration
                    && last
                        .offset
                        .checked_add(u64::from(last.count) * u64::from(last.size))
                        == Some(run.offset)
                    && last.end() == run.time
                    && last.count.checked_add(run.count).is_some() =>
            {
                last.count += run.count;
            }
            _ => self.runs.push_back(run),
        }
        after.offset
    }
}
