//! Owns: reading the beginning and the end of an Ogg stream: its headers, its first and its last position.
//! Never knows: what lies between.

use super::{
    Link, Ogg,
    mapping::{Heads, Mapping},
    page::{Assembler, PageReader},
};
use crate::media::{
    demux::{DemuxError, Opened, Opening, Tags},
    window::{ByteWindow, Stop},
};
use std::collections::VecDeque;

/// So much of the end is read for the last position: a little more than the largest page, as lavaplayer does.
const TAIL: u64 = 64 << 10;
/// Where that holds no page of our stream (pictures lie beside it), as much more is read each time, up to this.
const MAX_TAIL: u64 = 4 << 20;
const TAIL_GROWTH: u64 = 8;
/// So many bytes of pages may come before the headers are complete.
const MAX_HEADERS: u64 = 16 << 20;

#[derive(Default)]
pub(super) struct Open {
    reader: PageReader,
    tags: Tags,
    stream: Option<(u32, Assembler, Heads)>,
    ogg: Option<Box<Ogg>>,
    tail: Option<Tail>,
}

struct Tail {
    /// Where reading goes on afterwards.
    resume: u64,
    /// Where the part begins that is read.
    from: u64,
    reader: PageReader,
    /// The last granule position of our stream.
    last: Option<i64>,
    /// Another stream begins behind it.
    is_chained: bool,
}

impl Opening for Open {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        if self.ogg.is_none() {
            let mapping = self.read_heads(bytes)?;
            self.ogg = self
                .stream
                .take()
                .map(|(serial, assembler, _)| Box::new(begin(serial, mapping, assembler, bytes)));
        }
        let ogg = self.ogg.as_mut().ok_or(Stop::End)?;
        if self.tail.is_none() {
            match ogg.fill(bytes) {
                Ok(()) => {}
                Err(Stop::End) => ogg.info.length = Some(0),
                Err(stop) => return Err(stop),
            }
            let resume = bytes.position();
            let from = bytes
                .length()
                .filter(|_| bytes.is_seekable() && ogg.info.length.is_none())
                .map(|length| length.saturating_sub(TAIL).max(resume));
            if let Some(from) = from {
                bytes.seek(from);
                self.tail = Some(Tail {
                    resume,
                    from,
                    reader: PageReader::default(),
                    last: None,
                    is_chained: false,
                });
            }
        }
        if let Some(tail) = &mut self.tail {
            tail.read(ogg.link.serial, bytes)?;
            while tail.look_further(bytes) {
                tail.read(ogg.link.serial, bytes)?;
            }
            tail.settle(ogg, bytes);
        }
        let ogg = self.ogg.take().ok_or(Stop::End)?;
        Ok(Opened {
            demuxer: ogg,
            container: "ogg",
            tags: std::mem::take(&mut self.tags),
        })
    }
}

impl Open {
    fn read_heads(&mut self, bytes: &mut ByteWindow) -> Result<Mapping, Stop> {
        loop {
            if bytes.position() > MAX_HEADERS {
                return Err(DemuxError::TooLarge("the Ogg headers").into());
            }
            let page = self.reader.next(bytes)?;
            match &mut self.stream {
                None if page.is_first => {
                    let mut assembler = Assembler::default();
                    let (pieces, _) = assembler.take(&page);
                    self.stream = pieces
                        .first()
                        .and_then(|first| Heads::identify(&first.data))
                        .map(|heads| (page.serial, assembler, heads));
                }
                None => {
                    return Err(DemuxError::Unsupported(
                        "no Opus, Vorbis or FLAC stream in the Ogg file",
                    )
                    .into());
                }
                Some((serial, assembler, heads)) if *serial == page.serial => {
                    let (pieces, _) = assembler.take(&page);
                    for piece in pieces {
                        if let Some(mapping) = heads.feed(&piece, &mut self.tags)? {
                            return Ok(mapping);
                        }
                    }
                }
                Some(_) => {}
            }
        }
    }
}

fn begin(serial: u32, mapping: Mapping, assembler: Assembler, bytes: &ByteWindow) -> Ogg {
    Ogg {
        info: mapping.info(),
        reader: PageReader::default(),
        link: Link::new(serial, mapping, assembler, None),
        stream: 0,
        queue: VecDeque::new(),
        chained: None,
        data_start: bytes.position(),
        end: None,
        seeking: None,
        is_over: false,
    }
}

impl Tail {
    fn read(&mut self, serial: u32, bytes: &mut ByteWindow) -> Result<(), Stop> {
        loop {
            match self.reader.next(bytes) {
                Ok(page) if page.serial == serial && !page.is_first => {
                    self.last = page.granule.or(self.last);
                }
                Ok(page) => self.is_chained |= page.is_first,
                Err(Stop::End | Stop::Malformed(_)) => return Ok(()),
                Err(stop) => return Err(stop),
            }
        }
    }

    /// When nothing of our stream was there: begins to read more. False when it need not, or was enough.
    fn look_further(&mut self, bytes: &mut ByteWindow) -> bool {
        let Some(read) = bytes.length().map(|length| length - self.from) else {
            return false;
        };
        if self.last.is_some() || self.from == self.resume || read >= MAX_TAIL {
            return false;
        }
        self.from = self
            .from
            .saturating_sub(read * (TAIL_GROWTH - 1))
            .max(self.resume);
        self.reader = PageReader::default();
        bytes.seek(self.from);
        true
    }

    /// Goes back to the front with what was found.
    fn settle(&self, ogg: &mut Ogg, bytes: &mut ByteWindow) {
        bytes.seek(self.resume);
        // the first page may be the last one too
        let first = ogg.link.clock.filter(|_| self.from == self.resume);
        let (Some(granule), Some(file_len)) = (self.last.or(first), bytes.length()) else {
            return;
        };
        if self.is_chained {
            return;
        }
        ogg.info.length = Some(u64::try_from(granule + ogg.link.shift).unwrap_or(0));
        ogg.info.is_seekable = true;
        ogg.end = Some((file_len, granule));
    }
}
