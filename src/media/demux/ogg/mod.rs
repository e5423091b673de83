//! Owns: Ogg streams with Opus, Vorbis or FLAC: packets with exact positions, chained streams, seeking.
//! Never knows: how packets are decoded.

mod mapping;
mod open;
mod page;
mod seek;

use super::{Demuxer, Opening, Packet, StreamInfo, Tags};
use crate::media::window::{ByteWindow, Stop};
use mapping::{Heads, Mapping};
use page::{Assembler, Page, PageReader};
use seek::Seek;
use std::collections::VecDeque;

/// Opens an Ogg stream: the first one in it that is Opus, Vorbis or FLAC.
#[must_use]
pub fn open() -> Box<dyn Opening> {
    Box::new(open::Open::default())
}

struct Ogg {
    info: StreamInfo,
    reader: PageReader,
    link: Link,
    /// Number of the link.
    stream: u32,
    /// The packets of the page that was read last.
    queue: VecDeque<Packet>,
    /// The next stream in the file, while its headers are read.
    chained: Option<Chained>,
    /// File offset of the first page after the headers.
    data_start: u64,
    /// Where it all ends: file offset and granule position.
    end: Option<(u64, i64)>,
    seeking: Option<Seek>,
    is_over: bool,
}

/// One logical stream.
struct Link {
    serial: u32,
    mapping: Mapping,
    assembler: Assembler,
    /// Granule position of the first sample, once a page has told it.
    start: Option<i64>,
    /// What must be added to a granule position to have the audible position.
    shift: i64,
    /// Where the audible timeline has come to when this link begins; `None` for the first one, whose priming lies before 0.
    resumes_at: Option<i64>,
    /// Granule position behind the last packet.
    clock: Option<i64>,
    /// Audible position where the last page says that the stream ends.
    ends_at: Option<i64>,
}

struct Chained {
    serial: u32,
    assembler: Assembler,
    heads: Heads,
}

impl Link {
    fn new(serial: u32, mapping: Mapping, assembler: Assembler, resumes_at: Option<i64>) -> Self {
        Self {
            serial,
            mapping,
            assembler,
            start: None,
            shift: 0,
            resumes_at,
            clock: None,
            ends_at: None,
        }
    }

    /// The packets that end on a page, in order, with their positions.
    fn load(&mut self, page: &Page) -> VecDeque<Packet> {
        let (pieces, is_hole) = self.assembler.take(page);
        if is_hole {
            self.clock = None;
        }
        let packets: Vec<_> = pieces
            .into_iter()
            .filter(|piece| piece.is_whole)
            .filter_map(|piece| Some((self.mapping.timing.duration(&piece.data)?, piece.data)))
            .collect();
        let total: i64 = packets
            .iter()
            .map(|(duration, _)| i64::from(*duration))
            .sum();
        if packets.is_empty() {
            return VecDeque::new();
        }
        let mut at = self.begin_of(page, total);
        self.anchor(at, page.is_last);
        if let Some(granule) = page.granule.filter(|_| page.is_last) {
            self.ends_at = Some(granule.min(at + total) + self.shift);
        }
        self.clock = Some(at + total);
        packets
            .into_iter()
            .map(|(duration, data)| {
                let pts = at + self.shift;
                at += i64::from(duration);
                Packet {
                    data,
                    pts,
                    duration,
                }
            })
            .collect()
    }

    /// Granule position of the first of a page's packets, which last `total` samples together. A page's own position is of
    /// its end, and on the last page it cuts samples off (RFC 7845, section 4.4; Vorbis I specification, A.2).
    fn begin_of(&self, page: &Page, total: i64) -> i64 {
        match (page.granule, self.clock) {
            (Some(granule), Some(clock)) if !page.is_last => (granule - total).max(clock),
            (_, Some(clock)) => clock,
            (Some(granule), None) if page.is_last => (granule - total).max(0),
            (Some(granule), None) => granule - total,
            (None, None) => 0,
        }
    }

    /// Ties granule positions to the audible timeline by the first packet's.
    fn anchor(&mut self, begin: i64, is_last: bool) {
        if self.start.is_some() {
            return;
        }
        self.start = Some(begin);
        let pre_skip = i64::from(self.mapping.pre_skip);
        self.shift = match self.resumes_at {
            Some(at) => at - begin - pre_skip,
            // more samples than the first page counts: those in front are to be dropped
            None if begin < 0 && pre_skip == 0 && !is_last => 0,
            None => -begin - pre_skip,
        };
    }
}

impl Ogg {
    /// Reads pages until there are packets.
    fn fill(&mut self, bytes: &mut ByteWindow) -> Result<(), Stop> {
        while self.queue.is_empty() {
            let page = self.reader.next(bytes)?;
            // a file put behind itself has the same number again
            let is_next = |chained: &Chained| chained.serial == page.serial;
            let is_ours = page.serial == self.link.serial && !page.is_first;
            if is_ours && !self.chained.as_ref().is_some_and(is_next) {
                self.queue = self.link.load(&page);
            } else {
                self.read_other(&page)?;
            }
        }
        Ok(())
    }

    /// Reads a page of another stream: the headers of one that may follow ours.
    fn read_other(&mut self, page: &Page) -> Result<(), Stop> {
        if page.is_first {
            let mut assembler = Assembler::default();
            let (pieces, _) = assembler.take(page);
            if let Some(heads) = pieces
                .first()
                .and_then(|first| Heads::identify(&first.data))
            {
                self.chained = Some(Chained {
                    serial: page.serial,
                    assembler,
                    heads,
                });
            }
            return Ok(());
        }
        let Some(chained) = self.chained.as_mut().filter(|c| c.serial == page.serial) else {
            return Ok(());
        };
        let (pieces, _) = chained.assembler.take(page);
        for piece in pieces {
            if let Some(mapping) = chained.heads.feed(&piece, &mut Tags::default())? {
                self.go_over(mapping);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Goes on with the chained stream.
    fn go_over(&mut self, mapping: Mapping) {
        let Some(chained) = self.chained.take() else {
            return;
        };
        let reached = self.link.clock.map(|clock| clock + self.link.shift);
        let resumes_at = self.link.ends_at.or(reached).unwrap_or(0);
        let resumes_at =
            i128::from(resumes_at) * i128::from(mapping.rate) / i128::from(self.info.rate);
        // many links cannot make it overflow
        let resumes_at = resumes_at.clamp(0, 1 << 60) as i64;
        self.info = StreamInfo {
            length: None,
            is_seekable: false,
            ..mapping.info()
        };
        self.stream = self.stream.wrapping_add(1);
        self.link = Link::new(chained.serial, mapping, chained.assembler, Some(resumes_at));
    }

    /// Before the packets of a last page are given out it must be known whether another stream follows, because otherwise
    /// the length is known now, and cuts them.
    fn settle_length(&mut self, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let Some(end) = self.link.ends_at.filter(|_| self.info.length.is_none()) else {
            return Ok(());
        };
        match bytes.peek(1) {
            Err(Stop::End) => self.info.length = Some(u64::try_from(end).unwrap_or(0)),
            Err(Stop::Need(len)) => return Err(Stop::Need(len)),
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }
}

impl Demuxer for Ogg {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn stream(&self) -> u32 {
        self.stream
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        self.seeking = None;
        if self.is_over {
            return Err(Stop::End);
        }
        match self.fill(bytes) {
            // headers of a chained stream that cannot be read
            Err(Stop::End) => {
                self.is_over = true;
                return Err(Stop::End);
            }
            filled => filled?,
        }
        self.settle_length(bytes)?;
        self.queue.pop_front().ok_or(Stop::End)
    }

    fn seek(&mut self, target: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        self.seek_to(target, bytes)
    }
}

#[cfg(test)]
mod tests;
