//! Owns: Ogg pages (RFC 3533): finding them, checking them, and joining their parts to packets.
//! Never knows: what the packets hold.

use crate::media::{
    demux::DemuxError,
    window::{ByteWindow, Stop},
};
use bytes::Bytes;

/// Bytes in front of the lacing values.
const HEAD: usize = 27;
/// So much may lie between two pages.
const MAX_GARBAGE: u64 = 1 << 20;
/// So many pages with wrong checksums may come before as many good ones.
const MAX_DAMAGED: u32 = 1024;
/// A packet longer than this is cut off.
pub(super) const MAX_PACKET: usize = 1 << 20;

/// No position is further on (185 years at 48 kHz), so that sums cannot overflow.
const MAX_GRANULE: i64 = 1 << 48;

/// One page.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// File offset.
    pub(super) offset: u64,
    /// Its first packet began on an earlier page.
    pub(super) is_continued: bool,
    /// First page of its stream.
    pub(super) is_first: bool,
    /// Last page of its stream.
    pub(super) is_last: bool,
    /// Position behind the last packet that ends on it; `None` when none does.
    pub(super) granule: Option<i64>,
    /// Names the stream.
    pub(super) serial: u32,
    /// Counts the stream's pages.
    pub(super) sequence: u32,
    lacing: Bytes,
    body: Bytes,
}

/// Reads pages; damage and garbage are passed over.
#[derive(Debug, Default)]
pub(super) struct PageReader {
    lost: u64,
    damaged: u32,
}

impl PageReader {
    /// The next page with a right checksum.
    ///
    /// # Errors
    /// [`Stop::Need`] when called too early, [`Stop::End`] after the last, [`DemuxError::Broken`] when there is none for
    /// 1 MiB.
    pub(super) fn next(&mut self, bytes: &mut ByteWindow) -> Result<Page, Stop> {
        loop {
            if self.lost > MAX_GARBAGE || self.damaged > MAX_DAMAGED {
                return Err(DemuxError::Broken("no Ogg page was found").into());
            }
            let head = bytes.peek(HEAD)?;
            if !head.starts_with(b"OggS\0") {
                self.search(bytes);
                continue;
            }
            let segments = usize::from(head[HEAD - 1]);
            let total = match bytes.peek(HEAD + segments) {
                Ok(seen) => {
                    HEAD + segments + seen[HEAD..].iter().map(|&n| usize::from(n)).sum::<usize>()
                }
                Err(Stop::End) => return Err(Stop::End),
                Err(stop) => return Err(stop),
            };
            let is_right = match bytes.peek(total) {
                Ok(page) => checksum(page) == page[22..26],
                // the page is cut off, or it is none
                Err(Stop::End) => false,
                Err(stop) => return Err(stop),
            };
            if !is_right {
                self.damaged += 1;
                self.lost += 1;
                bytes.skip(1);
                continue;
            }
            self.lost = 0;
            self.damaged = self.damaged.saturating_sub(1);
            let offset = bytes.position();
            return Ok(Page::parse(offset, segments, &bytes.take(total)?));
        }
    }

    /// Moves to where the next page may begin, or past what is there.
    fn search(&mut self, bytes: &mut ByteWindow) {
        let seen = bytes.peek_up_to(4096);
        let past = seen[1..]
            .windows(4)
            .position(|four| four == b"OggS")
            .map_or(seen.len() - 3, |at| at + 1);
        bytes.skip(past as u64);
        self.lost += past as u64;
    }
}

impl Page {
    fn parse(offset: u64, segments: usize, page: &Bytes) -> Self {
        let flags = page[5];
        let number =
            |at: usize| u32::from_le_bytes(page[at..at + 4].try_into().expect("four bytes"));
        let granule = i64::from_le_bytes(page[6..14].try_into().expect("eight bytes"));
        Self {
            offset,
            is_continued: flags & 1 != 0,
            is_first: flags & 2 != 0,
            is_last: flags & 4 != 0,
            granule: Some(granule).filter(|granule| (0..=MAX_GRANULE).contains(granule)),
            serial: number(14),
            sequence: number(18),
            lacing: page.slice(HEAD..HEAD + segments),
            body: page.slice(HEAD + segments..),
        }
    }
}

/// A packet, or the part of it that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) data: Bytes,
    /// False when it was longer than [`MAX_PACKET`].
    pub(super) is_whole: bool,
}

/// Joins the parts of one stream's packets.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// The beginning of a packet whose end is on a later page.
    open: Option<Vec<u8>>,
    is_cut: bool,
    next_sequence: Option<u32>,
}

impl Assembler {
    /// The packets that end on this page, and whether pages are missing before it.
    pub(super) fn take(&mut self, page: &Page) -> (Vec<Piece>, bool) {
        let is_hole = self.next_sequence.is_some_and(|next| next != page.sequence);
        self.next_sequence = Some(page.sequence.wrapping_add(1));
        if is_hole || !page.is_continued {
            self.open = None;
            self.is_cut = false;
        }
        // the end of a packet whose beginning is not there
        let mut is_orphan = page.is_continued && self.open.is_none();
        let mut pieces = Vec::new();
        let (mut begin, mut end) = (0, 0);
        for &len in &page.lacing {
            end += usize::from(len);
            if len < 255 {
                if !std::mem::take(&mut is_orphan) {
                    pieces.push(self.finish(page.body.slice(begin..end)));
                }
                begin = end;
            }
        }
        let ends_open = page.lacing.last() == Some(&255);
        if ends_open && !is_orphan {
            self.extend(&page.body[begin..]);
        } else if !ends_open {
            self.open = None;
        }
        (pieces, is_hole)
    }

    fn finish(&mut self, last: Bytes) -> Piece {
        if self.open.is_none() {
            return Piece {
                data: last,
                is_whole: true,
            };
        }
        self.extend(&last);
        Piece {
            data: self.open.take().unwrap_or_default().into(),
            is_whole: !std::mem::take(&mut self.is_cut),
        }
    }

    fn extend(&mut self, part: &[u8]) {
        let open = self.open.get_or_insert_default();
        let room = MAX_PACKET - open.len();
        self.is_cut |= part.len() > room;
        open.extend_from_slice(&part[..part.len().min(room)]);
    }
}

const CRC32: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut sum = (i as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = sum << 1 ^ if sum >> 31 != 0 { 0x04C1_1DB7 } else { 0 };
            bit += 1;
        }
        table[i] = sum;
        i += 1;
    }
    table
};

/// A page's checksum, its own field taken as 0.
pub(super) fn checksum(page: &[u8]) -> [u8; 4] {
    let step = |sum: u32, &byte: &u8| sum << 8 ^ CRC32[usize::from((sum >> 24) as u8 ^ byte)];
    let head = page[..22].iter().fold(0, step);
    let field = [0; 4].iter().fold(head, step);
    page[26..].iter().fold(field, step).to_le_bytes()
}
