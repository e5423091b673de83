//! Owns: MP4 and its relatives (M4A, M4B, QuickTime, fragmented and DASH files): from first byte to packets.
//! Never knows: how the fetched bytes come, or how a packet is decoded.
//!
//! `moov` may stand before or after the samples: boxes are walked by [`ByteWindow::seek`], so on a server with ranges an
//! index at the end costs one jump there and one back.

mod boxes;
mod entry;
mod fragments;
mod moof;
mod moov;
#[cfg(test)]
mod seek_tests;
mod table;
mod tags;
#[cfg(test)]
mod tests;

use super::{DemuxError, Demuxer, Opened, Opening, Packet, StreamInfo};
use crate::media::window::{ByteWindow, Stop};
use boxes::{BoxHeader, peek_header};
use fragments::{Fragments, Index, MAX_HEADER_BYTES, parse_index};
use moov::{Movie, Timeline};
use table::{Cursor, Sample, SampleTable};

/// Ten hours of AAC have about 7 MB of tables; cover pictures come on top.
const MAX_MOOV_BYTES: u64 = 32 * 1024 * 1024;
/// The largest packet: raw enough for eight channels of ALAC at 192 kHz.
const MAX_SAMPLE_BYTES: u32 = 4 * 1024 * 1024;

/// Starts to read an MP4 file from its first byte.
#[must_use]
pub fn open() -> Box<dyn Opening> {
    Box::new(Mp4Opening::default())
}

#[derive(Debug, Default)]
struct Mp4Opening {
    movie: Option<Movie>,
    /// Offset behind `moov`.
    behind_movie: u64,
    index: Option<Index>,
}

impl Opening for Mp4Opening {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        loop {
            if let Some(movie) = self.movie.take_if(|movie| movie.fragments.is_none()) {
                return self.finish(movie, bytes);
            }
            let at = bytes.position();
            let header = match peek_header(bytes) {
                Err(Stop::End) => return self.at_end(bytes),
                other => other?,
            };
            match &header.kind {
                b"moov" if self.movie.is_none() => {
                    let body = whole(header, MAX_MOOV_BYTES, "the moov", bytes)?;
                    self.movie = Some(moov::parse(body)?);
                    self.behind_movie = header.end(at);
                }
                b"sidx" if self.index.is_none() && self.movie.is_some() => {
                    let scale = self.movie.as_ref().map_or(1, |movie| movie.timeline.scale);
                    let body = whole(header, MAX_HEADER_BYTES, "the sidx", bytes)?;
                    self.index = Some(parse_index(body, header.end(at), scale)?);
                }
                b"moof" => {
                    let movie = self
                        .movie
                        .take()
                        .ok_or(DemuxError::Broken("a fragment comes before the moov"))?;
                    // what lies between holds no samples
                    self.behind_movie = at;
                    return self.finish(movie, bytes);
                }
                // samples in the tables come first: nothing more needs to be known now
                b"mdat"
                    if self
                        .movie
                        .as_ref()
                        .is_some_and(|movie| movie.table.is_some()) =>
                {
                    let movie = self.movie.take().expect("the guard has seen it");
                    return self.finish(movie, bytes);
                }
                _ => {}
            }
            if header.end(at) == u64::MAX {
                return self.at_end(bytes);
            }
            bytes.seek(header.end(at));
        }
    }
}

/// The body of a header box, when it has an acceptable size and all of it is there.
fn whole<'a>(
    header: BoxHeader,
    limit: u64,
    part: &'static str,
    bytes: &'a mut ByteWindow,
) -> Result<&'a [u8], Stop> {
    let left = bytes
        .length()
        .map(|len| len.saturating_sub(bytes.position()));
    let size = match (header.size, left) {
        (Some(size), Some(left)) if size > left => return Err(Stop::End),
        (Some(size), _) => size,
        (None, Some(left)) => left,
        (None, None) => return Err(DemuxError::Unsupported("a header box has no size").into()),
    };
    if size > limit {
        return Err(DemuxError::TooLarge(part).into());
    }
    Ok(&bytes.peek(size as usize)?[header.header_len..])
}

impl Mp4Opening {
    fn at_end(&mut self, bytes: &ByteWindow) -> Result<Opened, Stop> {
        match self.movie.take() {
            Some(movie) => self.finish(movie, bytes),
            None => Err(DemuxError::Broken("the MP4 file has no moov").into()),
        }
    }

    fn finish(&mut self, mut movie: Movie, bytes: &ByteWindow) -> Result<Opened, Stop> {
        if movie.table.is_none() && movie.fragments.is_none() {
            return Err(DemuxError::Broken("the audio track has no samples").into());
        }
        let index = self.index.take();
        if movie.length.is_none()
            && let Some(index) = &index
            && is_global(index, bytes.length())
        {
            // some writers count from the first sample, some from the first audible one: the longer is assumed here, and
            // the end of the last packet decides
            let length = u128::from(index.end_time) * u128::from(movie.timeline.rate)
                / u128::from(movie.timeline.scale);
            movie.length = u64::try_from(length).ok();
        }
        let clock = movie.table.as_ref().map_or(0, SampleTable::total_time);
        let fragments = movie
            .fragments
            .map(|defaults| Fragments::new(defaults, self.behind_movie, clock, index));
        let demuxer = Mp4 {
            info: StreamInfo {
                codec: movie.entry.codec,
                rate: movie.entry.rate,
                channels: movie.entry.channels,
                length: movie.length,
                is_seekable: true,
                preroll: movie.entry.preroll,
            },
            is_exact: movie.is_exact,
            timeline: movie.timeline,
            table: movie.table,
            cursor: Cursor::default(),
            fragments,
            reached: None,
            is_ended: false,
        };
        Ok(Opened {
            demuxer: Box::new(demuxer),
            container: "mp4",
            tags: movie.tags,
        })
    }
}

/// Whether an index lists the whole file. Some writers put one before every fragment: the first then covers that only.
fn is_global(index: &Index, length: Option<u64>) -> bool {
    // what may come behind: mfra, a few bytes a fragment
    length.is_none_or(|length| index.end_offset >= length - length.min(4096).min(length / 10))
}

/// Reads a plain file, a fragmented one, or one that begins plainly and goes on in fragments.
#[derive(Debug)]
struct Mp4 {
    info: StreamInfo,
    /// Whether sound beyond `info.length` is to be cut; else the length grows with what is found.
    is_exact: bool,
    timeline: Timeline,
    table: Option<SampleTable>,
    cursor: Cursor,
    fragments: Option<Fragments>,
    /// Where the last packet ended, when packets were read one after the other.
    reached: Option<u64>,
    is_ended: bool,
}

impl Mp4 {
    fn current(&mut self, bytes: &mut ByteWindow) -> Result<(Sample, bool), Stop> {
        if let Some(table) = &self.table
            && let Some(sample) = table.current(&mut self.cursor)
        {
            return Ok((sample, true));
        }
        match &mut self.fragments {
            Some(fragments) => Ok((fragments.current(bytes)?, false)),
            None => Err(Stop::End),
        }
    }

    fn advance(&mut self, is_in_table: bool) {
        if is_in_table {
            if let Some(table) = &self.table {
                table.advance(&mut self.cursor);
            }
        } else if let Some(fragments) = &mut self.fragments {
            fragments.advance();
        }
    }

    /// An estimated length gives way to what is really there.
    fn note_end(&mut self, end: i64) {
        let end = u64::try_from(end).unwrap_or(0);
        self.reached = Some(end);
        if !self.is_exact && self.info.length.is_some_and(|length| length < end) {
            self.info.length = Some(end);
        }
    }
}

impl Demuxer for Mp4 {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        if self.is_ended {
            return Err(Stop::End);
        }
        let (sample, is_in_table) = match self.current(bytes) {
            Err(Stop::End) => {
                if let (false, Some(end)) = (self.is_exact, self.reached) {
                    self.info.length = Some(end);
                    self.is_exact = true;
                }
                return Err(Stop::End);
            }
            other => other?,
        };
        if sample.size > MAX_SAMPLE_BYTES {
            return Err(DemuxError::TooLarge("a sample").into());
        }
        let pts = self.timeline.position(sample.time);
        if self.is_exact
            && self
                .info
                .length
                .is_some_and(|length| u64::try_from(pts).is_ok_and(|pts| pts >= length))
        {
            return Err(Stop::End);
        }
        bytes.seek(sample.offset);
        let data = bytes.take(sample.size as usize)?;
        self.advance(is_in_table);
        let end = self
            .timeline
            .position(sample.time.saturating_add(sample.delta.into()));
        self.note_end(end);
        Ok(Packet {
            data,
            pts,
            duration: u32::try_from(end.saturating_sub(pts)).unwrap_or(0),
        })
    }

    fn seek(&mut self, target: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        self.reached = None;
        self.is_ended = false;
        if self.info.length.is_some_and(|length| target >= length) {
            self.is_ended = true;
            return Ok(());
        }
        let wanted = i64::try_from(target)
            .unwrap_or(i64::MAX)
            .saturating_sub(self.info.preroll.into());
        let time = self.timeline.time(wanted);
        if let Some(table) = &self.table {
            let cursor = table.find(time);
            let mut probe = cursor;
            if let Some(sample) = table.current(&mut probe) {
                self.cursor = cursor;
                if let Some(fragments) = &mut self.fragments {
                    fragments.rewind();
                }
                bytes.seek(sample.offset);
                return Ok(());
            }
            self.cursor = cursor;
        }
        match &mut self.fragments {
            Some(fragments) => {
                let lead = u64::try_from(self.timeline.start).unwrap_or(0);
                fragments.seek(time, lead, bytes)
            }
            None => Ok(()),
        }
    }
}
