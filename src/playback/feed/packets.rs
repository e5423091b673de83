//! Owns: the packets of a track: reading them from the demuxer, a little ahead where that is wanted, and holding those of the
//! last moments, from which sound can be made again.
//! Never knows: decoders, samples, what is heard of a packet.

use super::timeline::{MAX_POSITION, exact_before};
use crate::{
    frame::MAX_OPUS_BYTES,
    media::{
        demux::{Codec, Demuxer, Packet, StreamInfo},
        window::{ByteWindow, Stop},
    },
    playback::{encode::LOOKAHEAD, repack::Repacker},
    units::{FRAME_SAMPLES, SAMPLE_RATE, Samples},
};
use std::collections::VecDeque;

/// The most bytes of packets that are kept to make sound again.
const MAX_RETAINED_BYTES: usize = 1 << 20;

/// The most samples that a packet of any codec decodes to: a frame of ALAC, as far as its decoder takes it; one of FLAC
/// has one less (RFC 9639, 8.2).
pub(super) const MAX_PACKET_SAMPLES: u32 = 65_536;

/// A packet whose figures can be reckoned with, whatever its container says.
fn bounded(packet: Packet) -> Packet {
    Packet {
        pts: packet.pts.clamp(-MAX_POSITION, MAX_POSITION),
        duration: packet.duration.min(MAX_PACKET_SAMPLES),
        ..packet
    }
}

/// That another stream begins with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// The decoder of the one before plays it too.
    SameDecoder,
    /// It needs a decoder of its own.
    NewDecoder,
}

/// A packet that was read.
struct Retained {
    packet: Packet,
    join: Option<Join>,
}

/// See the [module](self).
pub(super) struct Packets {
    demuxer: Box<dyn Demuxer>,
    /// For a stream whose packets may be passed on: makes them fit.
    repacker: Option<Repacker>,
    /// Number of the stream that is being read, where one follows another.
    stream: u32,
    /// The first packet of the next one, while something of the old one is left.
    held: Option<Packet>,
    /// What is to be told with the next packet that is read.
    join: Option<Join>,
    /// Packets read, oldest first; those before `cursor` have been used.
    retained: VecDeque<Retained>,
    retained_bytes: usize,
    cursor: usize,
    /// Whether nothing lies before the first retained packet (start of stream, or where a seek landed).
    is_from_start: bool,
}

impl Packets {
    pub(super) fn new(demuxer: Box<dyn Demuxer>) -> Self {
        Self {
            repacker: may_pass(demuxer.info()).then(Repacker::default),
            stream: demuxer.stream(),
            demuxer,
            held: None,
            join: None,
            retained: VecDeque::new(),
            retained_bytes: 0,
            cursor: 0,
            is_from_start: true,
        }
    }

    pub(super) fn info(&self) -> &StreamInfo {
        self.demuxer.info()
    }

    /// Whether packets of this stream may go to a listener as they are, if they fit.
    pub(super) const fn may_pass(&self) -> bool {
        self.repacker.is_some()
    }

    /// Whether this packet may be a frame.
    pub(super) fn passes(&self, packet: &Packet) -> bool {
        self.may_pass()
            && packet.duration == FRAME_SAMPLES as u32
            && packet.data.len() <= MAX_OPUS_BYTES
    }

    /// Moves to where sound from `target` on begins. To be repeated until it is `Ok`.
    pub(super) fn seek(&mut self, target: Samples, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let native = exact_before(target, self.info().rate);
        bytes.wander();
        self.demuxer.seek(native, bytes)?;
        bytes.found();
        if let Some(repacker) = &mut self.repacker {
            repacker.reset();
        }
        self.held = None;
        self.forget_all();
        self.is_from_start = true;
        Ok(())
    }

    /// The next packet, and whether another stream begins with it; it stays retained.
    pub(super) fn next(&mut self, bytes: &mut ByteWindow) -> Result<(Packet, Option<Join>), Stop> {
        while self.cursor == self.retained.len() {
            if !self.read(bytes)? {
                self.change_stream();
            }
        }
        self.cursor += 1;
        let Retained { packet, join } = &self.retained[self.cursor - 1];
        Ok((packet.clone(), *join))
    }

    /// The packet that [`next`](Self::next) gave comes again.
    pub(super) const fn put_back(&mut self) {
        self.cursor = self.cursor.saturating_sub(1);
    }

    /// Reads packets, without using them, until `ahead` seconds of sound are there, or another stream begins. To be repeated
    /// until it is `Ok`, also at the end.
    pub(super) fn gather(&mut self, ahead: f32, bytes: &mut ByteWindow) -> Result<(), Stop> {
        while self.ahead() < ahead && self.retained_bytes < MAX_RETAINED_BYTES / 2 {
            match self.read(bytes) {
                Ok(true) => {}
                Ok(false) | Err(Stop::End) => return Ok(()),
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    /// Retains one more packet; false, and nothing done, when another stream begins.
    fn read(&mut self, bytes: &mut ByteWindow) -> Result<bool, Stop> {
        let Some(packet) = self.read_packet(bytes)? else {
            return Ok(false);
        };
        self.retained_bytes += packet.data.len();
        let join = self.join.take();
        self.retained.push_back(Retained { packet, join });
        while self.retained_bytes > MAX_RETAINED_BYTES && self.cursor > 0 {
            self.forget_first();
        }
        Ok(true)
    }

    /// The next packet of the demuxer, or what is made of it; `None` when another stream begins.
    fn read_packet(&mut self, bytes: &mut ByteWindow) -> Result<Option<Packet>, Stop> {
        loop {
            if let Some(packet) = self.repacker.as_mut().and_then(Repacker::pop) {
                return Ok(Some(packet));
            }
            let packet = match self.held.take() {
                Some(first) => first,
                None => match self.demuxer.next_packet(bytes) {
                    Ok(packet) => bounded(packet),
                    Err(Stop::End) => {
                        let repacker = self.repacker.as_mut().ok_or(Stop::End)?;
                        repacker.close();
                        return repacker.pop().map(Some).ok_or(Stop::End);
                    }
                    Err(stop) => return Err(stop),
                },
            };
            if self.stream != self.demuxer.stream() {
                self.held = Some(packet);
                // what waits in the repacker still belongs to the old one
                let repacker = self.repacker.as_mut();
                return Ok(repacker.and_then(|repacker| {
                    repacker.close();
                    repacker.pop()
                }));
            }
            match &mut self.repacker {
                Some(repacker) => repacker.push(packet),
                None => return Ok(Some(packet)),
            }
        }
    }

    /// Seconds of sound in packets that were read and not used.
    fn ahead(&self) -> f32 {
        self.seconds(self.packets().skip(self.cursor))
    }

    fn packets(&self) -> impl Iterator<Item = &Packet> {
        self.retained.iter().map(|retained| &retained.packet)
    }

    fn seconds<'a>(&self, packets: impl Iterator<Item = &'a Packet>) -> f32 {
        let samples: u64 = packets.map(|p| u64::from(p.duration)).sum();
        samples as f32 / self.info().rate.max(1) as f32
    }

    /// Seconds of sound that have arrived: `waiting` bytes that were not read, at the bitrate of the last packets, and
    /// packets that were not used.
    pub(super) fn arrived(&self, waiting: usize) -> f32 {
        self.ahead() + self.lasts(waiting)
    }

    /// How long so many bytes last at the bitrate of the last packets, in seconds.
    pub(super) fn lasts(&self, bytes: usize) -> f32 {
        bytes as f32 * self.seconds(self.packets()) / self.retained_bytes.max(1) as f32
    }

    /// Another stream begins. The sound of one cannot be made again from the other's packets, except where one decoder plays
    /// both.
    fn change_stream(&mut self) {
        self.stream = self.demuxer.stream();
        let may_pass = may_pass(self.info());
        if may_pass && self.may_pass() {
            self.join = self.join.or(Some(Join::SameDecoder));
            return;
        }
        self.join = Some(Join::NewDecoder);
        self.repacker = may_pass.then(Repacker::default);
        self.forget_all();
        self.is_from_start = false;
    }

    fn forget_all(&mut self) {
        self.retained.clear();
        self.retained_bytes = 0;
        self.cursor = 0;
    }

    fn forget_first(&mut self) {
        if let Some(first) = self.retained.pop_front() {
            self.retained_bytes -= first.packet.data.len();
            self.cursor -= 1;
            self.is_from_start = false;
        }
    }

    /// The first native sample that must be decoded for sound from `position` on.
    fn landing(&self, position: Samples) -> i64 {
        let info = self.info();
        exact_before(position, info.rate) as i64 - i64::from(info.preroll)
    }

    /// Sound before `position` will not be made again: lets go of the packets that only it needs.
    pub(super) fn forget_before(&mut self, position: Samples) {
        let cut = self.landing(position);
        while self.cursor > 1 && self.retained.len() > 1 && self.retained[1].packet.pts <= cut {
            self.forget_first();
        }
    }

    /// Whether sound from `position` on can be made again, exactly.
    pub(super) fn can_rewind(&self, position: Samples) -> bool {
        let Some(first) = self.packets().next() else {
            return false;
        };
        self.is_from_start || first.pts <= self.landing(position)
    }

    /// Goes back to the packet with which sound from `position` on begins, or as far as they
    /// [reach](Self::can_rewind).
    pub(super) fn rewind(&mut self, position: Samples) {
        let cut = self.landing(position);
        let after = self.packets().position(|p| p.pts > cut);
        self.cursor = after.unwrap_or(self.retained.len()).saturating_sub(1);
    }

    /// Goes back so that the next packet is the one whose frame starts at `position`. False, and nothing done, when packets
    /// do not begin there, it does not [pass](Self::passes), or it is no longer retained.
    pub(super) fn rewind_to_frame(&mut self, position: Samples) -> bool {
        let found = self
            .packets()
            .position(|p| frame_position(p) == position && self.passes(p));
        if let Some(index) = found {
            self.cursor = index;
        }
        found.is_some()
    }

    /// Where the frame of a packet starts that could be passed on, the nearest to `position`; `None` when none of those that
    /// are retained lies within half a frame.
    pub(super) fn frame_near(&self, position: Samples) -> Option<Samples> {
        let fits = |p: &&Packet| p.duration == FRAME_SAMPLES as u32;
        let starts = self.packets().filter(fits).map(frame_position);
        let distance = |at: &Samples| at.0.abs_diff(position.0);
        starts
            .min_by_key(distance)
            .filter(|at| distance(at) <= FRAME_SAMPLES as u64 / 2)
    }
}

/// Where in the track the frame starts that an Opus packet makes at the listener: his decoder gives sound [`LOOKAHEAD`]
/// samples late, as he does for frames of our own encoder.
pub(in crate::playback) fn frame_position(packet: &Packet) -> Samples {
    Samples((packet.pts + LOOKAHEAD as i64).max(0) as u64)
}

/// Whether packets of a stream may go to a listener as they are, if each fits: Opus, one stream of one or two channels (a
/// decoder plays either as it comes, packet by packet: RFC 6716, section 2.1.2 and 4), at the volume that it was made for.
/// A station that was of another codec before goes on counting at that one's rate: its packets do not fit.
fn may_pass(info: &StreamInfo) -> bool {
    match &info.codec {
        Codec::Opus { head } if info.rate == SAMPLE_RATE => {
            head.len() >= 19 && matches!(head[9], 1 | 2) && head[16..19] == [0, 0, 0]
        }
        _ => false,
    }
}
