//! Owns: fragmented MP4 (ISO 14496-12, section 8.8 and 8.16): from `moof` to `moof`, the indexes `sidx` and `mfra`, and the
//! search for a time where there is none.
//! Never knows: what stands in a `moof`, codecs, the audible timeline.

use super::{
    boxes::{Children, child, peek_header},
    moof::{Defaults, Fragment, Run},
    table::Sample,
};
use crate::{
    media::{
        demux::{DemuxError, fields::Fields, search::Search},
        window::{ByteWindow, Stop},
    },
    units::rescale,
};
use std::collections::VecDeque;

/// Header boxes other than `moov` may have this many bytes.
pub(super) const MAX_HEADER_BYTES: u64 = 1024 * 1024;
/// Fragments that are remembered while walking without an index: enough for four hours of two seconds each.
const MAX_KNOWN: usize = 8192;
/// Fragments farther apart are walked: boxes as long as that are jumped over, and landing within one would mean to read it.
const MAX_SPACING: u64 = 512 * 1024;
/// Bytes of a box's size and name.
const BOX_HEAD: usize = 8;
/// Read at the end of the file in one go: an `mfra` of a thousand fragments.
const TAIL_BYTES: u64 = 16 * 1024;
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
    let to_track = |time| rescale(time, own_scale, scale);
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
    /// From `sidx`, else from `mfra`.
    index: Vec<Entrance>,
    /// Found while walking, in order.
    known: Vec<Entrance>,
    /// Whether fragments tell their time, so that one can be read without those before it.
    is_timed: bool,
    seeking: Option<u64>,
    /// Finding the fragment to walk on from.
    finding: Option<Finding>,
    /// Whether the `mfra` was read, or found missing.
    is_tail_read: bool,
    /// Whether the seek that is under way has searched already.
    has_searched: bool,
}

/// How a far place is found that no index lists.
#[derive(Debug)]
enum Finding {
    /// Reading from this offset to the end of the file, where an `mfra` may be.
    Tail(u64),
    /// Looking at fragments here and there.
    Search(Search),
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
            finding: None,
            is_tail_read: false,
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
            self.enter(self.nearest(time, lead));
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
            if self.finding.is_none() {
                self.finding = self.plan(time, bytes);
            }
            if let Some(place) = self.find(time, lead, bytes)? {
                self.enter(place);
                self.seeking = Some(time);
            }
            if self.finding.is_some() {
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
        self.finding = None;
    }

    /// The last known place before `time`; see [`seek`](Self::seek) for `lead`.
    fn nearest(&self, time: u64, lead: u64) -> Entrance {
        let before = |places: &[Entrance], lead: u64| {
            let count = places.partition_point(|place| place.time.saturating_add(lead) <= time);
            count.checked_sub(1).map(|last| places[last])
        };
        [before(&self.index, lead), before(&self.known, 0)]
            .into_iter()
            .flatten()
            .max_by_key(|place| place.offset)
            .unwrap_or(self.first)
    }

    /// How to find a far place, where bytes come over a network and two fragments have shown how many there are to a tick.
    fn plan(&mut self, time: u64, bytes: &ByteWindow) -> Option<Finding> {
        let [first, second, ..] = self.known[..] else {
            return None;
        };
        let last = self.known.last()?;
        let span = last.time.checked_sub(first.time).filter(|&span| span > 0)?;
        if self.has_searched || !bytes.is_seekable() || bytes.is_local() {
            return None;
        }
        let length = bytes.length()?;
        let density = (last.offset.saturating_sub(first.offset), span);
        let here = (self.next_box, to_ticks(self.clock));
        let search = Search::new(here, length, Some(density));
        let is_near = search.is_near(to_ticks(time));
        if !is_near && !std::mem::replace(&mut self.is_tail_read, true) {
            return Some(Finding::Tail(length.saturating_sub(TAIL_BYTES)));
        }
        self.has_searched = true;
        let is_dense = second.offset.saturating_sub(first.offset) <= MAX_SPACING;
        (!is_near && self.is_timed && is_dense).then_some(Finding::Search(search))
    }

    /// Goes on with what was planned; the place to enter when it is found.
    fn find(
        &mut self,
        time: u64,
        lead: u64,
        bytes: &mut ByteWindow,
    ) -> Result<Option<Entrance>, Stop> {
        match &mut self.finding {
            None => Ok(None),
            Some(Finding::Tail(at)) => {
                match read_tail(*at, self.defaults.track, bytes)? {
                    Tail::Begins(earlier) => {
                        *at = earlier;
                        return Ok(None);
                    }
                    Tail::Lists(places) => self.index = places,
                    Tail::Other => {}
                }
                let here = Entrance {
                    time: self.clock,
                    offset: self.next_box,
                };
                let listed = self.nearest(time, lead);
                Ok(Some(if listed.offset > here.offset {
                    listed
                } else {
                    here
                }))
            }
            Some(Finding::Search(search)) => {
                let defaults = self.defaults;
                let found = search.look(to_ticks(time), bytes, |search, bytes| {
                    find_fragment(defaults, search.low.1, search.high, bytes)
                })?;
                Ok(found.map(|(offset, ticks)| Entrance {
                    time: u64::try_from(ticks).unwrap_or(0),
                    offset,
                }))
            }
        }
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
            let size = size as usize;
            let seen = match bytes.peek(size + BOX_HEAD) {
                Err(Stop::End) => bytes.peek(size)?,
                seen => seen?,
            };
            let (moof, behind) = seen.split_at(size);
            // to come back for this header behind the samples would be a request for each fragment
            let samples = mdat_size(behind).unwrap_or(0);
            let mut fragment = Fragment::new(self.defaults, self.next_box, self.clock);
            fragment.parse(&moof[header.header_len..])?;
            self.is_timed = fragment.is_timed;
            if let Some(time) = fragment.start {
                self.remember(Entrance {
                    time,
                    offset: self.next_box,
                });
            }
            self.clock = fragment.clock;
            self.runs = fragment.runs;
            self.next_box = end.saturating_add(samples);
            return Ok(());
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

/// Bytes of the `mdat` that these bytes begin; `None` for other boxes and for sizes that do not fit into 32 bits.
fn mdat_size(head: &[u8]) -> Option<u64> {
    let (size, kind) = head.split_first_chunk::<4>()?;
    let size = u64::from(u32::from_be_bytes(*size));
    (kind == b"mdat" && size >= BOX_HEAD as u64).then_some(size)
}

/// What stands at the end of a file.
enum Tail {
    /// An `mfra` that begins at this offset, before what was looked at.
    Begins(u64),
    /// Its places, by time.
    Lists(Vec<Entrance>),
    /// Something else.
    Other,
}

/// Reads the `mfra` at the end of the file, whose last box tells its length (`mfro`), if it begins at `at` or later.
fn read_tail(at: u64, track: u32, bytes: &mut ByteWindow) -> Result<Tail, Stop> {
    let length = bytes.length().unwrap_or(at);
    bytes.seek(at);
    let tail = match bytes.peek(length.saturating_sub(at) as usize) {
        Err(Stop::End) => return Ok(Tail::Other),
        tail => tail?,
    };
    let Some([0, 0, 0, 16, b'm', b'f', b'r', b'o', _, _, _, _, size @ ..]) =
        tail.last_chunk::<16>()
    else {
        return Ok(Tail::Other);
    };
    let size = u64::from(u32::from_be_bytes(*size));
    if size > tail.len() as u64 {
        let is_acceptable = size <= MAX_HEADER_BYTES && size <= length;
        return Ok(if is_acceptable {
            Tail::Begins(length - size)
        } else {
            Tail::Other
        });
    }
    let places =
        child(&tail[tail.len() - size as usize..], b"mfra").map(|mfra| parse_places(mfra, track));
    Ok(match places {
        Some(Ok(places)) if places.is_sorted_by_key(|place| (place.time, place.offset)) => {
            Tail::Lists(places)
        }
        _ => Tail::Other,
    })
}

/// Reads the `tfra` of a track in an `mfra` body.
fn parse_places(mfra: &[u8], track: u32) -> Result<Vec<Entrance>, DemuxError> {
    let mut places = Vec::new();
    for (_, tfra) in Children(mfra).filter(|(kind, _)| kind == b"tfra") {
        let mut fields = Fields::new(tfra, "tfra ends early");
        let is_wide = fields.u32()? >> 24 == 1;
        if fields.u32()? != track {
            continue;
        }
        // three numbers of one to four bytes: which traf, trun and sample
        let lens = fields.u32()?;
        let numbers = 3 + (lens >> 4 & 3) + (lens >> 2 & 3) + (lens & 3);
        for _ in 0..fields.u32()? {
            let (time, offset) = if is_wide {
                (fields.u64()?, fields.u64()?)
            } else {
                (fields.u32()?.into(), fields.u32()?.into())
            };
            fields.skip(numbers as usize)?;
            places.push(Entrance { time, offset });
        }
    }
    Ok(places)
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
