//! Owns: the sample tables of a plain MP4 (ISO 14496-12, section 8.6 and 8.7): from sample to bytes and time, and back.
//! Never knows: codecs, edit lists, or where the file is.

use super::boxes::child;
use crate::media::demux::{DemuxError, fields::Fields};

/// One entry of `stts`: `count` samples of `delta` media ticks.
#[derive(Clone, Copy, Debug)]
struct TimeRun {
    count: u32,
    delta: u32,
}

/// One entry of `stsc`: from chunk `first` (from 0) on, chunks have `samples` samples.
#[derive(Clone, Copy, Debug)]
struct ChunkRun {
    first: u32,
    samples: u32,
}

/// A column of the tables in the narrowest type that holds it: 2 bytes a sample for AAC, 3 MB for ten hours.
#[derive(Debug)]
enum Column {
    Constant(u32),
    U16(Box<[u16]>),
    U32(Box<[u32]>),
    U64(Box<[u64]>),
}

impl Column {
    fn get(&self, index: u32) -> u64 {
        let index = index as usize;
        match self {
            Self::Constant(value) => u64::from(*value),
            Self::U16(values) => values.get(index).copied().unwrap_or(0).into(),
            Self::U32(values) => values.get(index).copied().unwrap_or(0).into(),
            Self::U64(values) => values.get(index).copied().unwrap_or(0),
        }
    }

    /// Sum of the entries in `from..to`; each index must exist.
    fn sum(&self, from: u32, to: u32) -> u64 {
        match self {
            Self::Constant(value) => u64::from(*value) * u64::from(to - from),
            _ => (from..to).map(|index| self.get(index)).sum(),
        }
    }
}

/// The tables of one track.
#[derive(Debug)]
pub(super) struct SampleTable {
    samples: u32,
    sizes: Column,
    chunks: u32,
    offsets: Column,
    layout: Box<[ChunkRun]>,
    times: Box<[TimeRun]>,
}

/// A place in the tables: the next sample to be read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    sample: u32,
    chunk: u32,
    /// Samples of the chunk that lie before.
    in_chunk: u32,
    layout: usize,
    time_run: usize,
    /// Samples of the time run that lie before.
    in_time_run: u32,
    time: u64,
    /// Bytes of the chunk that lie before.
    in_chunk_bytes: u64,
}

/// Where and when one sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// Offset of its first byte.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// Media ticks before it.
    pub time: u64,
    /// Media ticks that it lasts.
    pub delta: u32,
}

impl SampleTable {
    /// Reads the tables of an `stbl` body. `None` when it has no samples, as in a fragmented file.
    ///
    /// # Errors
    /// [`DemuxError::Broken`] when a table is missing or shorter than it says.
    pub(super) fn parse(stbl: &[u8]) -> Result<Option<Self>, DemuxError> {
        let (samples, sizes) = parse_sizes(stbl)?;
        if samples == 0 {
            return Ok(None);
        }
        let (chunks, offsets) = parse_offsets(stbl)?;
        let table = Self {
            samples,
            sizes,
            chunks,
            offsets,
            layout: parse_layout(stbl)?,
            times: parse_times(stbl)?,
        };
        Ok(Some(table))
    }

    /// Media ticks of all samples.
    pub(super) fn total_time(&self) -> u64 {
        let mut left = self.samples;
        let mut time = 0u64;
        for run in &self.times {
            let count = run.count.min(left);
            time = time.saturating_add(u64::from(count) * u64::from(run.delta));
            left -= count;
        }
        let rest = self.times.last().map_or(0, |run| run.delta);
        time.saturating_add(u64::from(left) * u64::from(rest))
    }

    /// The sample at the cursor, which moves on to it over chunk borders and empty samples but not past it.
    pub(super) fn current(&self, cursor: &mut Cursor) -> Option<Sample> {
        while cursor.sample < self.samples && cursor.chunk < self.chunks {
            while cursor.in_chunk >= self.layout.get(cursor.layout)?.samples {
                cursor.chunk += 1;
                cursor.in_chunk = 0;
                cursor.in_chunk_bytes = 0;
                if cursor.chunk >= self.chunks {
                    return None;
                }
                while let Some(next) = self.layout.get(cursor.layout + 1)
                    && next.first <= cursor.chunk
                {
                    cursor.layout += 1;
                }
            }
            let size = self.sizes.get(cursor.sample) as u32;
            if size > 0 {
                return Some(Sample {
                    offset: self
                        .offsets
                        .get(cursor.chunk)
                        .saturating_add(cursor.in_chunk_bytes),
                    size,
                    time: cursor.time,
                    delta: self.delta(cursor),
                });
            }
            self.advance(cursor);
        }
        None
    }

    /// Moves the cursor past the sample at it.
    pub(super) fn advance(&self, cursor: &mut Cursor) {
        let delta = self.delta(cursor);
        cursor.in_chunk_bytes += self.sizes.get(cursor.sample);
        cursor.time = cursor.time.saturating_add(u64::from(delta));
        cursor.sample += 1;
        cursor.in_chunk += 1;
        cursor.in_time_run += 1;
        while cursor.time_run + 1 < self.times.len()
            && cursor.in_time_run >= self.times[cursor.time_run].count
        {
            cursor.time_run += 1;
            cursor.in_time_run = 0;
        }
    }

    fn delta(&self, cursor: &Cursor) -> u32 {
        // samples beyond the last run last as long as its own
        self.times.get(cursor.time_run).map_or(0, |run| run.delta)
    }

    /// The cursor at the sample that contains `time` in media ticks; past the last one when there is none.
    pub(super) fn find(&self, time: u64) -> Cursor {
        let mut cursor = Cursor::default();
        for (index, run) in self.times.iter().enumerate() {
            let is_last = index + 1 == self.times.len();
            let count = if is_last {
                self.samples - cursor.sample
            } else {
                run.count.min(self.samples - cursor.sample)
            };
            let span = u64::from(count) * u64::from(run.delta);
            cursor.time_run = index;
            if time < cursor.time.saturating_add(span) {
                cursor.in_time_run = ((time - cursor.time) / u64::from(run.delta.max(1))) as u32;
                cursor.sample += cursor.in_time_run;
                cursor.time += u64::from(cursor.in_time_run) * u64::from(run.delta);
                break;
            }
            cursor.sample += count;
            cursor.time = cursor.time.saturating_add(span);
            cursor.in_time_run = count;
        }
        self.locate(&mut cursor);
        cursor
    }

    /// Sets the chunk fields of a cursor from its sample.
    fn locate(&self, cursor: &mut Cursor) {
        let mut first_sample = 0u64;
        let wanted = u64::from(cursor.sample);
        for (index, run) in self.layout.iter().enumerate() {
            let end = self
                .layout
                .get(index + 1)
                .map_or(self.chunks, |next| next.first.min(self.chunks));
            let chunks = end.saturating_sub(run.first);
            let span = u64::from(chunks) * u64::from(run.samples);
            if wanted < first_sample + span {
                let within = wanted - first_sample;
                let samples = u64::from(run.samples);
                cursor.layout = index;
                cursor.chunk = run.first + (within / samples) as u32;
                cursor.in_chunk = (within % samples) as u32;
                cursor.in_chunk_bytes = self
                    .sizes
                    .sum(cursor.sample - cursor.in_chunk, cursor.sample);
                return;
            }
            first_sample += span;
        }
        cursor.sample = self.samples;
    }
}

/// A full box with a count: skips version and flags, gives the count and the entries, which must be all there.
fn entries<'a>(
    body: &'a [u8],
    entry_len: usize,
    part: &'static str,
) -> Result<(u32, &'a [u8]), DemuxError> {
    let mut fields = Fields::new(body, part);
    fields.skip(4)?;
    let count = fields.u32()?;
    let len = (count as usize)
        .checked_mul(entry_len)
        .ok_or(DemuxError::Broken(part))?;
    Ok((count, fields.bytes(len)?))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|word| word.first_chunk())
        .map_or(0, |word| u32::from_be_bytes(*word))
}

/// `stsz` or `stz2`.
fn parse_sizes(stbl: &[u8]) -> Result<(u32, Column), DemuxError> {
    if let Some(body) = child(stbl, b"stz2") {
        return parse_compact_sizes(body);
    }
    let body = child(stbl, b"stsz").ok_or(DemuxError::Broken("the sample sizes are missing"))?;
    let mut fields = Fields::new(body, "the sample sizes end early");
    fields.skip(4)?;
    let constant = fields.u32()?;
    if constant != 0 {
        return Ok((fields.u32()?, Column::Constant(constant)));
    }
    let (count, sizes) = entries(&body[4..], 4, "the sample sizes end early")?;
    let sizes = sizes.chunks_exact(4).map(|size| word(size, 0));
    let column = if sizes.clone().all(|size| size <= u32::from(u16::MAX)) {
        Column::U16(sizes.map(|size| size as u16).collect())
    } else {
        Column::U32(sizes.collect())
    };
    Ok((count, column))
}

fn parse_compact_sizes(body: &[u8]) -> Result<(u32, Column), DemuxError> {
    let mut fields = Fields::new(body, "the sample sizes end early");
    fields.skip(7)?;
    let bits = fields.u8()?;
    let count = fields.u32()?;
    let bytes = fields.bytes(match bits {
        4 => (count as usize).div_ceil(2),
        8 => count as usize,
        16 => (count as usize)
            .checked_mul(2)
            .ok_or(DemuxError::Broken("the sample sizes end early"))?,
        _ => return Err(DemuxError::Broken("stz2 has a strange field size")),
    })?;
    let sizes: Box<[u16]> = match bits {
        4 => bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .take(count as usize)
            .map(u16::from)
            .collect(),
        8 => bytes.iter().copied().map(u16::from).collect(),
        _ => bytes
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect(),
    };
    Ok((count, Column::U16(sizes)))
}

/// `stco` or `co64`.
fn parse_offsets(stbl: &[u8]) -> Result<(u32, Column), DemuxError> {
    if let Some(body) = child(stbl, b"stco") {
        let (count, bytes) = entries(body, 4, "the chunk offsets end early")?;
        let offsets = bytes.chunks_exact(4).map(|entry| word(entry, 0));
        return Ok((count, Column::U32(offsets.collect())));
    }
    let body = child(stbl, b"co64").ok_or(DemuxError::Broken("the chunk offsets are missing"))?;
    let (count, bytes) = entries(body, 8, "the chunk offsets end early")?;
    let offsets = bytes
        .chunks_exact(8)
        .map(|entry| u64::from(word(entry, 0)) << 32 | u64::from(word(entry, 4)));
    Ok((count, Column::U64(offsets.collect())))
}

fn parse_layout(stbl: &[u8]) -> Result<Box<[ChunkRun]>, DemuxError> {
    let body = child(stbl, b"stsc").ok_or(DemuxError::Broken("the chunk layout is missing"))?;
    let (_, bytes) = entries(body, 12, "the chunk layout ends early")?;
    let mut runs: Vec<ChunkRun> = Vec::new();
    for entry in bytes.chunks_exact(12) {
        let run = ChunkRun {
            first: word(entry, 0).saturating_sub(1),
            samples: word(entry, 4),
        };
        match runs.last() {
            None if run.first != 0 => {
                return Err(DemuxError::Broken("the chunk layout does not begin at 1"));
            }
            Some(last) if last.first >= run.first => {
                return Err(DemuxError::Broken("the chunk layout is out of order"));
            }
            Some(last) if last.samples == run.samples => {}
            _ => runs.push(run),
        }
    }
    Ok(runs.into())
}

fn parse_times(stbl: &[u8]) -> Result<Box<[TimeRun]>, DemuxError> {
    let body = child(stbl, b"stts").ok_or(DemuxError::Broken("the sample times are missing"))?;
    let (_, bytes) = entries(body, 8, "the sample times end early")?;
    let mut runs: Vec<TimeRun> = Vec::new();
    for entry in bytes.chunks_exact(8) {
        let run = TimeRun {
            count: word(entry, 0),
            delta: word(entry, 4),
        };
        match runs.last_mut() {
            _ if run.count == 0 => {}
            Some(last)
                if last.delta == run.delta && last.count.checked_add(run.count).is_some() =>
            {
                last.count += run.count;
            }
            _ => runs.push(run),
        }
    }
    Ok(runs.into())
}

#[cfg(test)]
mod tests {
    use super::super::boxes::tests::boxed;
    use super::*;

    #[test]
    fn wide_offsets_compact_sizes_and_uneven_chunks_are_followed() {
        let words =
            |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|w| w.to_be_bytes()).collect() };
        let stbl = [
            // 4-bit sizes: 3, 5, 0, 7, 9
            boxed(
                b"stz2",
                &[words(&[0, 4, 5]), vec![0x35, 0x07, 0x90]].concat(),
            ),
            boxed(b"co64", &words(&[0, 2, 1, 0, 2, 100])),
            boxed(b"stsc", &words(&[0, 2, 1, 3, 1, 2, 2, 1])),
            boxed(b"stts", &words(&[0, 2, 2, 10, 3, 20])),
        ]
        .concat();
        let table = SampleTable::parse(&stbl)
            .expect("reads")
            .expect("has samples");
        assert_eq!(table.total_time(), 80);
        let mut cursor = Cursor::default();
        let mut all = Vec::new();
        while let Some(sample) = table.current(&mut cursor) {
            table.advance(&mut cursor);
            all.push((sample.offset, sample.size, sample.time));
        }
        // the third sample is empty: it takes time, not bytes
        let (first, second) = (1u64 << 32, (2u64 << 32) + 100);
        assert_eq!(
            all,
            [
                (first, 3, 0),
                (first + 3, 5, 10),
                (second, 7, 40),
                (second + 7, 9, 60)
            ]
        );
        for (time, expected) in [(0, 0), (9, 0), (10, 1), (40, 2), (79, 3)] {
            let mut cursor = table.find(time);
            let sample = table.current(&mut cursor).expect("exists");
            assert_eq!((sample.offset, sample.size, sample.time), all[expected]);
        }
        assert!(table.current(&mut table.find(80)).is_none());
    }
}
