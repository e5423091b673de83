//! Owns: FLAC files: metadata blocks, frames one by one, and seeking by the seek table or by frame headers.
//! Never knows: how a frame is decoded.

mod cut;
mod seek;

use super::{
    Codec, DemuxError, Demuxer, Opened, Opening, Packet, StreamInfo, Tags,
    codecs::flac::{FlacInfo, FrameHeader, STREAM_INFO_LEN},
    comments,
    id3::Id3,
};
use crate::media::window::{ByteWindow, Stop};
use bytes::Bytes;
use cut::Cutter;
use seek::{Seek, Table};

/// A metadata block larger than this is skipped.
const MAX_BLOCK: usize = 1 << 20;
/// More metadata blocks than this are refused.
const MAX_BLOCKS: u32 = 128;

/// Opens a FLAC file; ID3 tags may be in front.
#[must_use]
pub fn open() -> Box<dyn Opening> {
    Box::new(Open::default())
}

#[derive(Default)]
struct Open {
    id3: Id3,
    is_behind_marker: bool,
    info: Option<FlacInfo>,
    table: Table,
    tags: Tags,
    blocks: u32,
}

impl Opening for Open {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        if !self.is_behind_marker {
            self.id3.advance(bytes)?;
            if bytes.peek(4)? != b"fLaC" {
                return Err(DemuxError::Broken("no FLAC marker was found").into());
            }
            bytes.skip(4);
            self.is_behind_marker = true;
        }
        while !self.read_block(bytes)? {}
        let info = self
            .info
            .take()
            .ok_or(DemuxError::Broken("a FLAC file without STREAMINFO"))?;
        let from_id3 = std::mem::take(&mut self.id3).into_tags();
        let tags = std::mem::take(&mut self.tags);
        let table = std::mem::take(&mut self.table);
        Ok(Opened {
            demuxer: Box::new(Flac::new(info, table, bytes)),
            container: "flac",
            tags: Tags {
                title: tags.title.or(from_id3.title),
                artist: tags.artist.or(from_id3.artist),
                isrc: tags.isrc.or(from_id3.isrc),
                artwork_url: None,
            },
        })
    }
}

impl Open {
    /// Reads one metadata block (RFC 9639, 8); true when it is the last.
    fn read_block(&mut self, bytes: &mut ByteWindow) -> Result<bool, Stop> {
        let head = bytes.peek(4)?;
        let (kind, is_last) = (head[0] & 0x7F, head[0] & 0x80 != 0);
        let len = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        self.blocks += 1;
        if kind == 127 {
            return Err(DemuxError::Broken("a FLAC metadata block of a forbidden type").into());
        }
        if self.blocks > MAX_BLOCKS {
            return Err(DemuxError::TooLarge("the FLAC metadata").into());
        }
        // undone when the block has not arrived
        self.blocks -= 1;
        match kind {
            0 => {
                let block = &bytes.peek(4 + len.min(STREAM_INFO_LEN))?[4..];
                let info = FlacInfo::parse(block)?;
                self.info.get_or_insert(info);
            }
            3 if len <= MAX_BLOCK => self.table = Table::parse(&bytes.peek(4 + len)?[4..]),
            4 if len <= MAX_BLOCK => self.tags = comments::parse(&bytes.peek(4 + len)?[4..]),
            _ => {}
        }
        self.blocks += 1;
        bytes.skip(4 + len as u64);
        Ok(is_last)
    }
}

struct Flac {
    info: StreamInfo,
    flac: FlacInfo,
    cutter: Cutter,
    table: Table,
    /// File offset of the first frame.
    start: u64,
    seeking: Option<Seek>,
    /// The frame that a seek arrived at.
    pending: Option<Packet>,
    is_over: bool,
}

impl Flac {
    fn new(flac: FlacInfo, table: Table, bytes: &ByteWindow) -> Self {
        Self {
            info: StreamInfo {
                codec: Codec::Flac {
                    stream_info: flac.raw.clone(),
                },
                rate: flac.rate,
                channels: flac.channels,
                length: flac.samples,
                is_seekable: flac.samples.is_some(),
                preroll: 0,
            },
            flac,
            cutter: Cutter::default(),
            table,
            start: bytes.position(),
            seeking: None,
            pending: None,
            is_over: false,
        }
    }

    fn packet(&mut self, bytes: &mut ByteWindow) -> Result<(FrameHeader, Packet), Stop> {
        let (header, data) = self.cutter.next(&self.flac, bytes)?;
        Ok((header, to_packet(&header, data)))
    }
}

fn to_packet(header: &FrameHeader, data: Bytes) -> Packet {
    Packet {
        data,
        pts: i64::try_from(header.first).unwrap_or(i64::MAX),
        duration: header.block,
    }
}

impl Demuxer for Flac {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        self.seeking = None;
        if self.is_over {
            return Err(Stop::End);
        }
        let packet = match self.pending.take() {
            Some(packet) => packet,
            None => self.packet(bytes)?.1,
        };
        let end = packet.pts.saturating_add(packet.duration.into());
        self.info.length = self.info.length.map(|told| told.max(end as u64));
        Ok(packet)
    }

    fn seek(&mut self, target: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        self.seek_to(target, bytes)
    }
}

#[cfg(test)]
mod tests;
