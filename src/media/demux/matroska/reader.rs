//! Owns: walking clusters and making packets of their blocks.
//! Never knows: how a seek finds its place (that is `seek.rs`).
//!
//! Elements are read flat: a cluster's header is stepped into and nothing remembers its end, so clusters and segments of
//! unknown size, as live muxers write, need no care of their own.

use super::{
    block,
    clock::Clock,
    ebml::{Element, child, id, peek_element, sint},
    header::{Cue, Info, cluster_time},
    meter::Meter,
    seek::Seeking,
    track::Track,
};
use crate::media::{
    demux::{DemuxError, Demuxer, Packet, StreamInfo},
    window::{ByteWindow, Stop},
};
use bytes::Bytes;
use std::collections::VecDeque;

/// A block of our track; PCM at high rates and lacing make large ones.
const MAX_BLOCK_BYTES: u64 = 4 * 1024 * 1024;
/// Looked at in one go when a cluster is searched.
const SEARCH_BYTES: usize = 16 * 1024;
/// A cluster's header up to its time: ID, size, and some small elements before it.
const CLUSTER_HEAD_BYTES: usize = 48;

/// Where the cues are.
#[derive(Debug)]
pub(super) enum Cues {
    /// Read already, by time.
    Known(Vec<Cue>),
    /// At this offset; read when they are needed.
    At(u64),
    /// There are none.
    Missing,
}

/// Where things lie in the file.
#[derive(Debug)]
pub(super) struct Places {
    /// Offset of the segment's body: what positions count from.
    pub segment: u64,
    /// Offset behind the segment, when it has a size.
    pub segment_end: Option<u64>,
    pub first_cluster: u64,
    pub cues: Cues,
}

/// The demuxer.
#[derive(Debug)]
pub(super) struct Matroska {
    pub(super) info: StreamInfo,
    pub(super) track: Track,
    pub(super) clock: Clock,
    pub(super) places: Places,
    /// Ticks of the cluster that is being read.
    cluster: Option<u64>,
    pub(super) queue: VecDeque<Packet>,
    /// Whether a cluster is searched because the structure was broken.
    is_lost: bool,
    /// Told duration in ticks.
    pub(super) duration: Option<f64>,
    /// Where the last packet that was handed out ended.
    pub(super) reached: Option<u64>,
    pub(super) is_ended: bool,
    pub(super) seeking: Option<Seeking>,
}

impl Matroska {
    /// Begins at the first cluster.
    pub(super) fn new(track: Track, info: &Info, places: Places) -> Self {
        let mut clock = Clock::new(info.scale, track.rate, track.delay);
        clock.lose();
        Self {
            info: StreamInfo {
                codec: track.codec.clone(),
                rate: track.rate,
                channels: track.channels,
                length: info.duration.and_then(|ticks| clock.length(ticks)),
                is_seekable: true,
                preroll: track.preroll,
            },
            clock,
            track,
            places,
            cluster: None,
            queue: VecDeque::new(),
            is_lost: false,
            duration: info.duration,
            reached: None,
            is_ended: false,
            seeking: None,
        }
    }

    /// Reads up to the first packet, which says where the timeline begins, or as many as its codec asks for.
    pub(super) fn prime(&mut self, bytes: &mut ByteWindow) -> Result<(), Stop> {
        while self.queue.len() < self.track.meter.primer() {
            match self.step(bytes) {
                Err(Stop::End) => break,
                other => other?,
            }
        }
        if let Some(ticks) = self.duration {
            self.info.length = self.clock.length(ticks);
        }
        Ok(())
    }

    /// Goes on at a cluster.
    pub(super) fn enter(&mut self, cluster: u64, bytes: &mut ByteWindow) {
        self.queue.clear();
        self.cluster = None;
        self.is_lost = false;
        self.reached = None;
        self.is_ended = false;
        self.clock.lose();
        self.track.meter.reset(cluster == self.places.first_cluster);
        bytes.seek(cluster);
    }

    /// Looks at one element: packets of our track go to the queue.
    pub(super) fn step(&mut self, bytes: &mut ByteWindow) -> Result<(), Stop> {
        if self.is_lost {
            let limit = bytes.length().unwrap_or(u64::MAX);
            if find_cluster(bytes, limit)?.is_none() {
                return Err(Stop::End);
            }
            self.is_lost = false;
        }
        let at = bytes.position();
        if self.places.segment_end.is_some_and(|end| at >= end) {
            return Err(Stop::End);
        }
        let element = match peek_element(bytes) {
            Err(Stop::Malformed(_)) => {
                self.lose_way(bytes);
                return Ok(());
            }
            other => other?,
        };
        let whole = element
            .size
            .map(|size| size.saturating_add(element.header_len as u64));
        match (element.id, whole) {
            (id::CLUSTER, _) => {
                self.cluster = None;
                bytes.skip(element.header_len as u64);
            }
            // chained segments
            (id::SEGMENT, _) => bytes.skip(element.header_len as u64),
            (_, None) => self.lose_way(bytes),
            (id::TIMESTAMP, Some(whole)) if whole <= 16 => {
                let body = &bytes.peek(whole as usize)?[element.header_len..];
                self.cluster = super::ebml::uint(body);
                bytes.skip(whole);
            }
            (id::SIMPLE_BLOCK | id::BLOCK_GROUP, Some(whole)) => {
                self.block(element, whole, bytes)?
            }
            (id, Some(whole)) => {
                let end = at.saturating_add(whole);
                if !is_expected(id) && bytes.length().is_some_and(|length| end > length) {
                    self.lose_way(bytes);
                } else {
                    bytes.skip(whole);
                }
            }
        }
        Ok(())
    }

    fn lose_way(&mut self, bytes: &mut ByteWindow) {
        self.is_lost = true;
        bytes.skip(1);
    }

    fn block(&mut self, element: Element, whole: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        // enough for a group's first child and a track number
        let head_len = (element.header_len + 20).min(usize::try_from(whole).unwrap_or(usize::MAX));
        let head = &bytes.peek(head_len)?[element.header_len..];
        if !self.is_ours(element.id, head) || self.cluster.is_none() {
            bytes.skip(whole);
            return Ok(());
        }
        if whole > MAX_BLOCK_BYTES {
            return Err(DemuxError::TooLarge("a block").into());
        }
        let mut body = bytes.take(whole as usize)?;
        let _ = body.split_to(element.header_len);
        let (block, padding) = if element.id == id::BLOCK_GROUP {
            let padding = child(&body, id::DISCARD_PADDING)
                .and_then(sint)
                .unwrap_or(0);
            match child(&body, id::BLOCK) {
                Some(block) => (body.slice_ref(block), padding),
                None => return Ok(()),
            }
        } else {
            (body, 0)
        };
        if block::track_number(&block) == Some(self.track.number) {
            self.packets(block, padding);
        }
        Ok(())
    }

    /// Whether a block is of our track, as far as its first bytes tell.
    fn is_ours(&self, id: u32, head: &[u8]) -> bool {
        let block = if id == id::BLOCK_GROUP {
            // a group may begin with something else than its block: then it must be read to know
            let Some((id::BLOCK, rest)) = first_child(head) else {
                return true;
            };
            rest
        } else {
            head
        };
        block::track_number(block).is_none_or(|number| number == self.track.number)
    }

    fn packets(&mut self, block: Bytes, padding_ns: i64) {
        // a damaged block is left out like a lost one
        let Ok(block) = block::parse(block) else {
            return;
        };
        let ticks = i64::try_from(self.cluster.unwrap_or(0))
            .unwrap_or(i64::MAX)
            .saturating_add(block.ticks.into());
        let (has_grid, slack) = (self.track.meter.has_grid(), self.track.meter.slack());
        for (index, frame) in block.frames.into_iter().enumerate() {
            let data = self.restore(frame);
            if data.is_empty() {
                continue;
            }
            let measure = self.track.meter.measure(&data);
            let stamp = (index == 0).then_some(ticks);
            let pts = self.clock.place(stamp, measure, has_grid, slack);
            self.queue.push_back(Packet {
                data,
                pts,
                duration: measure.samples.unwrap_or(0),
            });
        }
        if padding_ns > 0 {
            self.trim(padding_ns);
        }
    }

    /// Puts the stripped bytes back.
    fn restore(&self, frame: Bytes) -> Bytes {
        if self.track.stripped.is_empty() {
            return frame;
        }
        [&self.track.stripped[..], &frame[..]].concat().into()
    }

    /// Padding at the end of a block: the sound ends before the packet does.
    fn trim(&mut self, padding_ns: i64) {
        let Some(last) = self.queue.back_mut() else {
            return;
        };
        let padding = i128::from(padding_ns) * i128::from(self.info.rate) + 500_000_000;
        let padding = u32::try_from(padding / 1_000_000_000).unwrap_or(u32::MAX);
        last.duration = last.duration.saturating_sub(padding);
        let end = u64::try_from(last.pts.saturating_add(last.duration.into())).unwrap_or(0);
        // padding in the middle comes from joined files and ends nothing
        let is_last = self
            .info
            .length
            .is_none_or(|length| end + u64::from(self.info.rate / 5) >= length);
        if is_last {
            self.info.length = Some(end);
        }
    }

    /// The next packet of the queue. A block of uncompressed samples may last minutes: such a one is handed out in pieces
    /// of the size that other containers have.
    fn take_packet(&mut self) -> Option<Packet> {
        if let (Meter::Pcm(cut), Some(block)) = (&self.track.meter, self.queue.front_mut()) {
            let len = (cut.packet_frames * cut.frame_bytes) as usize;
            if block.data.len() > len {
                let piece = Packet {
                    data: block.data.split_to(len),
                    pts: block.pts,
                    duration: block.duration.min(cut.packet_frames),
                };
                block.pts = block.pts.saturating_add(cut.packet_frames.into());
                block.duration -= piece.duration;
                return Some(piece);
            }
        }
        self.queue.pop_front()
    }

    /// The told length is a millisecond's: no sound may be cut by it.
    fn note_end(&mut self, packet: &Packet) {
        let end = packet.pts.saturating_add(packet.duration.into());
        let end = u64::try_from(end).unwrap_or(0);
        self.reached = Some(end);
        if self.info.length.is_some_and(|length| length < end) {
            self.info.length = Some(end);
        }
    }
}

/// Whether an element may stand in a segment or a cluster.
const fn is_expected(id: u32) -> bool {
    matches!(
        id,
        id::VOID
            | id::CRC_32
            | id::POSITION
            | id::PREV_SIZE
            | id::CUES
            | id::TAGS
            | id::INFO
            | id::TRACKS
            | id::SEEK_HEAD
            | id::CHAPTERS
            | id::ATTACHMENTS
            | id::EBML
    )
}

/// ID and bytes of the first child, which need not be all there.
fn first_child(head: &[u8]) -> Option<(u32, &[u8])> {
    let id = *head.first()?;
    let size_len = head.get(1)?.leading_zeros() as usize + 1;
    (id & 0x80 != 0).then_some((id.into(), head.get(1 + size_len..)?))
}

/// Moves on to the next cluster that begins before `limit` and gives its time in ticks; `None` when there is none.
/// To be repeated while it needs bytes: it goes on where it stopped.
pub(super) fn find_cluster(bytes: &mut ByteWindow, limit: u64) -> Result<Option<u64>, Stop> {
    loop {
        if bytes.position() >= limit {
            return Ok(None);
        }
        match bytes.peek(CLUSTER_HEAD_BYTES) {
            Err(Stop::End) => return Ok(None),
            other => other.map(drop)?,
        }
        let seen = bytes.peek_up_to(SEARCH_BYTES);
        let marker = id::CLUSTER.to_be_bytes();
        let usable = seen.len() - CLUSTER_HEAD_BYTES;
        let found = seen
            .windows(marker.len())
            .take(usable + 1)
            .position(|bytes| bytes == marker);
        let Some(index) = found else {
            bytes.skip(usable as u64 + 1);
            continue;
        };
        let time = cluster_time(&seen[index..index + CLUSTER_HEAD_BYTES]);
        if time.is_some() && bytes.position() + (index as u64) < limit {
            bytes.skip(index as u64);
            return Ok(time);
        }
        bytes.skip(index as u64 + 1);
    }
}

impl Demuxer for Matroska {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        if self.is_ended {
            return Err(Stop::End);
        }
        loop {
            if let Some(packet) = self.take_packet() {
                self.note_end(&packet);
                return Ok(packet);
            }
            match self.step(bytes) {
                Err(Stop::End) => {
                    self.info.length = self.reached.or(self.info.length);
                    return Err(Stop::End);
                }
                other => other?,
            }
        }
    }

    fn seek(&mut self, target: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        self.seek_to(target, bytes)
    }
}
