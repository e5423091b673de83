//! Owns: finding where FLAC frames end, which nothing in them says: by the next header and the frame's checksum.
//! Never knows: seeking, metadata.

use crate::media::{
    demux::{
        DemuxError,
        codecs::flac::{FlacInfo, FrameHeader, MAX_HEADER, crc16},
    },
    window::{ByteWindow, Stop},
};
use bytes::Bytes;

/// No frame may be larger.
const MAX_FRAME: usize = 1 << 20;
/// So much may lie between two frames.
const MAX_GARBAGE: u64 = 1 << 20;
/// How much more is looked at in one go.
const STEP: usize = 1024;
/// A header that is so many blocks ahead is still taken for one of this stream when frames are damaged.
const MAX_LEAP: u64 = 64;
/// Length of an ID3v1 tag.
const CLOSING_TAG: usize = 128;

/// Cuts frames; what was looked at once is not looked at again when more bytes come.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    /// The frame whose header lies at the window's position.
    header: Option<FrameHeader>,
    /// Bytes of it that the checksum covers.
    scanned: usize,
    sum: u16,
    /// Where the checksum was right and half a sync code followed, but no good header.
    likely_end: Option<usize>,
    /// Bytes passed over since the last frame.
    lost: u64,
}

enum Cut {
    Frame(usize),
    Damaged(usize),
    Over,
}

impl Cutter {
    /// Forgets what it was at, because the window has been moved.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The next whole frame.
    ///
    /// # Errors
    /// [`Stop::Need`] when called too early, [`Stop::End`] after the last, [`DemuxError::Broken`] when there is none for
    /// 1 MiB.
    pub(super) fn next(
        &mut self,
        info: &FlacInfo,
        bytes: &mut ByteWindow,
    ) -> Result<(FrameHeader, Bytes), Stop> {
        loop {
            let header = self.find(info, bytes)?;
            match self.scan(&header, info, bytes)? {
                Cut::Frame(len) => {
                    self.reset();
                    return Ok((header, bytes.take(len)?));
                }
                Cut::Damaged(len) => {
                    let lost = self.lost + len as u64;
                    self.reset();
                    self.lost = lost;
                    bytes.skip(len as u64);
                }
                Cut::Over => return Err(Stop::End),
            }
        }
    }

    /// Moves the window to the next frame header.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub(super) fn find(
        &mut self,
        info: &FlacInfo,
        bytes: &mut ByteWindow,
    ) -> Result<FrameHeader, Stop> {
        if let Some(header) = self.header {
            return Ok(header);
        }
        loop {
            if self.lost > MAX_GARBAGE {
                return Err(DemuxError::Broken("no FLAC frame was found").into());
            }
            let is_all = match bytes.peek(MAX_HEADER) {
                Ok(_) => false,
                Err(Stop::End) => true,
                Err(stop) => return Err(stop),
            };
            let seen = bytes.peek_up_to(2 * STEP);
            if seen.is_empty() {
                return Err(Stop::End);
            }
            let until = if is_all {
                seen.len()
            } else {
                seen.len() - MAX_HEADER + 1
            };
            let found =
                (0..until).find_map(|at| Some((at, FrameHeader::parse(&seen[at..], info)?)));
            let past = found.map_or(until, |(at, _)| at);
            bytes.skip(past as u64);
            self.lost += past as u64;
            if let Some((_, header)) = found {
                self.header = Some(header);
                return Ok(header);
            }
        }
    }

    /// Passes over a header that [`find`](Self::find) took for one.
    pub(super) fn reject(&mut self, bytes: &mut ByteWindow) {
        let lost = self.lost + 1;
        self.reset();
        self.lost = lost;
        bytes.skip(1);
    }

    fn scan(
        &mut self,
        header: &FrameHeader,
        info: &FlacInfo,
        bytes: &mut ByteWindow,
    ) -> Result<Cut, Stop> {
        let limit = frame_limit(info);
        loop {
            let wish = self.scanned + STEP + MAX_HEADER;
            let is_all = match bytes.peek(wish) {
                Ok(_) => false,
                Err(Stop::End) => true,
                Err(stop) => return Err(stop),
            };
            let seen = bytes.peek_up_to(wish);
            let until = if is_all {
                seen.len()
            } else {
                seen.len() - MAX_HEADER + 1
            };
            while self.scanned < until {
                let at = self.scanned;
                // half a sync code is enough where the checksum is right
                let is_sync = seen[at] == 0xFF
                    || self.sum == 0 && seen.get(at + 1).is_some_and(|b| b & 0xFE == 0xF8);
                if at > header.len
                    && is_sync
                    && let Some(cut) = self.cut_before(header, &seen[at..], info)
                {
                    return Ok(cut);
                }
                self.sum = crc16(self.sum, seen[at]);
                self.scanned += 1;
            }
            if is_all {
                return Ok(self.cut_at_end(seen));
            }
            if self.scanned > limit {
                return Ok(self
                    .likely_end
                    .map_or(Cut::Damaged(self.scanned), Cut::Frame));
            }
        }
    }

    /// Decides whether another frame begins behind what was scanned.
    fn cut_before(&mut self, header: &FrameHeader, next: &[u8], info: &FlacInfo) -> Option<Cut> {
        let is_whole = self.sum == 0;
        let next = FrameHeader::parse(next, info).filter(|next| {
            let leap = next.first.checked_sub(header.end());
            is_whole || leap.is_some_and(|leap| leap <= MAX_LEAP * u64::from(info.max_block))
        });
        match (next, is_whole) {
            (Some(_), true) => Some(Cut::Frame(self.scanned)),
            (Some(_), false) => Some(
                self.likely_end
                    .map_or(Cut::Damaged(self.scanned), Cut::Frame),
            ),
            (None, true) => {
                self.likely_end.get_or_insert(self.scanned);
                None
            }
            (None, false) => None,
        }
    }

    fn cut_at_end(&self, rest: &[u8]) -> Cut {
        if self.sum == 0 {
            return Cut::Frame(rest.len());
        }
        let tag = rest.len().saturating_sub(CLOSING_TAG);
        if rest[tag..].starts_with(b"TAG")
            && rest[..tag].iter().fold(0, |sum, &b| crc16(sum, b)) == 0
        {
            return Cut::Frame(tag);
        }
        self.likely_end.map_or(Cut::Over, Cut::Frame)
    }
}

/// The most bytes that a frame of this stream can have: as STREAMINFO says, else uncompressed.
fn frame_limit(info: &FlacInfo) -> usize {
    let uncompressed =
        info.max_block as usize * usize::from(info.channels) * (usize::from(info.bits) / 8 + 1);
    let limit = match info.max_frame {
        0 => uncompressed + 256,
        told => told as usize + MAX_HEADER,
    };
    limit.min(MAX_FRAME)
}
