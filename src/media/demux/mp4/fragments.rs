//! Owns: fragmented MP4 (ISO 14496-12, section 8.8 and 8.16): from `moof` to `moof`, the index `sidx`, and the search for a
//! time where there is none.
//! Never knows: what stands in a `moof`, codecs, the audible timeline.

use super::{
    boxes::peek_header,
    moof::{Defaults, Fragment, Run},
    table::Sample,
};
use crate::media::{
    demux::{DemuxError, fields::Fields, search::Search},
    window::{ByteWindow, Stop},
};
use std::collections::VecDeque;

/// Header boxes other than `moov` may have this many bytes.
pub(super) const MAX_HEADER_BYTES: u64 = 1024 * 1024;
/// Fragments that are remembered while walking without an index: enough for four hours of two seconds each.
const MAX_KNOWN: usize = 8192;
/// Fragments farther apart are walked: boxes as long as that are jumped over, and landing within one would mean to read it.
const MAX_SPACING: u64 = 512 * 1024;
/// Looked at in one go when a fragment is searched.
const SEARCH_BYTES: usize = 16 * 1024;

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
    /// Whether fragments tell their time, so that one can be read without those before it.
    is_timed: bool,
    seeking: Option<u64>,
    /// Searching the fragment to walk on from.
    search: Option<Search>,
    /// Whether the seek that is under way has searched already.
    has_searched: bool,
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
            is_timed: false,
            seeking: None,
            search: None,
            has_searched: false,
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
            self.has_searched = false;
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
            if self.search.is_none() {
                self.search = self.plan(bytes);
            }
            if self.search.is_some() {
                self.look(time, bytes)?;
                continue;
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
        self.search = None;
    }

    /// A search from here on, where bytes come over a network and two fragments have shown how many there are to a tick.
    fn plan(&mut self, bytes: &ByteWindow) -> Option<Search> {
        let [first, second, ..] = self.known[..] else {
            return None;
        };
        let last = self.known.last()?;
        let span = last.time.checked_sub(first.time).filter(|&span| span > 0)?;
        let is_worth_it = self.is_timed
            && bytes.is_seekable()
            && !bytes.is_local()
            && second.offset.saturating_sub(first.offset) <= MAX_SPACING;
        if !is_worth_it || std::mem::replace(&mut self.has_searched, true) {
            return None;
        }
        let density = (last.offset.saturating_sub(first.offset), span);
        let here = (self.next_box, to_ticks(self.clock));
        Some(Search::new(here, bytes.length()?, Some(density)))
    }

    /// Goes on searching; enters the place that is found.
    fn look(&mut self, time: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let Some(search) = &mut self.search else {
            return Ok(());
        };
        let ticks = to_ticks(time);
        let place = match search.probe {
            Some(place) => place,
            None => {
                let Some(place) = search.next(ticks) else {
                    let (offset, low) = search.low;
                    self.enter(Entrance {
                        time: u64::try_from(low).unwrap_or(0),
                        offset,
                    });
                    self.seeking = Some(time);
                    return Ok(());
                };
                bytes.seek(place);
                search.probe = Some(place);
                place
            }
        };
        let found = find_fragment(self.defaults, search.low.1, search.high, bytes)?;
        search.note(place, found, ticks);
        Ok(())
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
            let mut fragment = Fragment::new(self.defaults, self.next_box, self.clock);
            fragment.parse(body)?;
            self.is_timed = fragment.is_timed;
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

/// Media ticks as a search counts them.
fn to_ticks(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

/// Moves on to the next fragment with sound of the track later than `after` that begins before `limit`, and gives its offset
/// and time; `None` when there is none. Those four letters may stand anywhere in the sound: a `moof` counts when its `mfhd`
/// follows, its boxes hold, and it tells its time. To be repeated while it needs bytes: it goes on where it stopped.
fn find_fragment(
    defaults: Defaults,
    after: i64,
    limit: u64,
    bytes: &mut ByteWindow,
) -> Result<Option<(u64, i64)>, Stop> {
    // sizes and names of moof and mfhd
    const HEAD: usize = 16;
    loop {
        match bytes.peek(HEAD) {
            Err(Stop::End) => return Ok(None),
            other => other.map(drop)?,
        }
        let seen = bytes.peek_up_to(SEARCH_BYTES);
        let found = seen.windows(HEAD).position(|head| {
            &head[4..8] == b"moof" && head[8..12] == [0, 0, 0, 16] && &head[12..] == b"mfhd"
        });
        let past = found.unwrap_or(seen.len() - HEAD + 1);
        bytes.skip(past as u64);
        let at = bytes.position();
        if at >= limit {
            return Ok(None);
        }
        if found.is_none() {
            continue;
        }
        let header = peek_header(bytes)?;
        if let Some(size) = header.size.filter(|&size| size <= MAX_HEADER_BYTES) {
            let mut fragment = Fragment::new(defaults, at, 0);
            let is_whole = match bytes.peek(size as usize) {
                Err(Stop::End) => return Ok(None),
                whole => fragment.parse(&whole?[header.header_len..]).is_ok(),
            };
            let time = fragment.start.map(to_ticks).filter(|&time| time > after);
            if let Some(time) = time.filter(|_| is_whole && fragment.is_timed) {
                return Ok(Some((at, time)));
            }
        }
        bytes.skip(HEAD as u64);
    }
}
