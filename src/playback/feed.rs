//! Owns: the way from packets to 48 kHz samples: demuxer, decoder, exact timeline, resampler, and the packets of the last
//! moments, from which sound can be made again.
//! Never knows: frames, encoders, volume.

use crate::{
    dsp::{Resampler, ResamplingQuality, exact_step},
    error::Failure,
    frame::MAX_OPUS_BYTES,
    media::{
        codec::{self, DecodeError, Decoder},
        demux::{Codec, Demuxer, Packet, StreamInfo},
        window::{ByteWindow, Stop},
    },
    pcm::PcmBlock,
    units::{FRAME_SAMPLES, SAMPLE_RATE, Samples},
};
use std::collections::VecDeque;

use super::{encode::LOOKAHEAD, repack::Repacker};

/// Damaged packets in a row after which a stream is given up: two seconds of mp3 or AAC.
const MAX_DAMAGED: u32 = 100;
/// The most bytes of packets that are kept to make sound again.
const MAX_RETAINED_BYTES: usize = 1 << 20;

/// The most samples that a packet of any codec decodes to: a frame of ALAC, as far as its decoder takes it; one of FLAC
/// has one less (RFC 9639, 8.2).
const MAX_PACKET_SAMPLES: u32 = 65_536;
/// Positions of packets and targets beyond this count as this: 2900 years at 48 kHz, and far from overflow when they are
/// rescaled and added up.
const MAX_POSITION: i64 = 1 << 52;

/// `value` samples at `from` Hz as samples at `to` Hz, rounded down; huge ones saturate.
pub(super) fn rescale(value: u64, from: u32, to: u32) -> u64 {
    let scaled = u128::from(value) * u128::from(to) / u128::from(from.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// A packet whose figures can be reckoned with, whatever its container says.
fn bounded(packet: Packet) -> Packet {
    Packet {
        pts: packet.pts.clamp(-MAX_POSITION, MAX_POSITION),
        duration: packet.duration.min(MAX_PACKET_SAMPLES),
        ..packet
    }
}

/// The last native sample at or before `position` that falls exactly on a 48 kHz sample. Sound made again from such a place
/// is the same, sample by sample.
fn exact_before(position: Samples, rate: u32) -> u64 {
    let step = exact_step(rate, SAMPLE_RATE);
    rescale(position.0, SAMPLE_RATE, rate) / step * step
}

/// Which decoded samples are heard, and where in the track they lie.
///
/// Anchored at the first packet after a start or a seek that gives samples; from then on samples are counted, not timed.
#[derive(Debug, PartialEq, Eq)]
struct Timeline {
    /// Position of the next decoded sample, in native samples; `None` until anchored.
    next: Option<i64>,
    /// The first native sample that is wanted.
    from: i64,
    /// Samples at 48 kHz to drop after the resampler: the wanted position may lie between its exact phases.
    drop_out: usize,
    /// Position of the next sample that leaves, at 48 kHz.
    out: u64,
}

impl Timeline {
    /// Wants everything from `target` on.
    const fn wanting(target: Samples) -> Self {
        Self {
            next: None,
            from: 0,
            drop_out: 0,
            out: target.0,
        }
    }

    /// The first samples have come: they start at native position `start`, at `rate`. The resampler is started at an exact
    /// place before the target; what it gives before the target is dropped.
    fn anchor(&mut self, start: i64, rate: u32) {
        let from = exact_before(Samples(self.out), rate);
        self.next = Some(start);
        if start > from as i64 {
            // nothing earlier is to be had (a stream that begins late, an inexact seek): go on from there
            self.from = start;
            self.drop_out = 0;
            self.out = rescale(start as u64, rate, SAMPLE_RATE);
        } else {
            self.from = from as i64;
            self.drop_out = (self.out - rescale(from, rate, SAMPLE_RATE)) as usize;
        }
    }

    /// `count` samples were decoded; returns the range of them that is heard.
    fn admit(&mut self, count: usize, length: Option<u64>) -> std::ops::Range<usize> {
        let start = self.next.expect("anchored before samples are admitted");
        self.next = Some(start + count as i64);
        let end = length.map_or(i64::MAX, |l| i64::try_from(l).unwrap_or(i64::MAX));
        let clamp = |at: i64| (at.saturating_sub(start)).clamp(0, count as i64) as usize;
        let from = clamp(self.from);
        from..clamp(end).max(from)
    }
}

/// See the [module](self).
pub(super) struct Feed {
    demuxer: Box<dyn Demuxer>,
    /// For a stream whose packets may be passed on: makes them fit.
    repacker: Option<Repacker>,
    /// Number of the stream that is being read, where one follows another.
    stream: u32,
    /// The first packet of the next one, while something of the old one is left.
    held: Option<Packet>,
    /// Whether a new stream has begun of which nothing was decoded yet.
    is_joining: bool,
    /// Packets read, oldest first; those before `cursor` have been used.
    retained: VecDeque<Packet>,
    retained_bytes: usize,
    cursor: usize,
    /// Whether nothing lies before the first retained packet (start of stream, or where a seek landed).
    is_from_start: bool,
    decoder: Option<Box<dyn Decoder>>,
    resampler: Option<(u32, Resampler)>,
    quality: ResamplingQuality,
    timeline: Timeline,
    decoded: PcmBlock,
    audible: PcmBlock,
    damaged: u32,
    is_drained: bool,
}

impl Feed {
    pub(super) fn new(demuxer: Box<dyn Demuxer>, quality: ResamplingQuality) -> Self {
        Self {
            repacker: may_pass(demuxer.info()).then(Repacker::default),
            stream: demuxer.stream(),
            held: None,
            is_joining: false,
            demuxer,
            retained: VecDeque::new(),
            retained_bytes: 0,
            cursor: 0,
            is_from_start: true,
            decoder: None,
            resampler: None,
            quality,
            timeline: Timeline::wanting(Samples::ZERO),
            decoded: PcmBlock::default(),
            audible: PcmBlock::default(),
            damaged: 0,
            is_drained: false,
        }
    }

    pub(super) fn info(&self) -> &StreamInfo {
        self.demuxer.info()
    }

    /// Length of the track at 48 kHz.
    pub(super) fn length(&self) -> Option<Samples> {
        let info = self.info();
        info.length
            .map(|l| Samples(rescale(l, info.rate, SAMPLE_RATE)))
    }

    /// Position of the next sample that [`pull`](Self::pull) gives.
    pub(super) const fn position(&self) -> Samples {
        Samples(self.timeline.out)
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

    /// Moves to `target`. To be repeated until it is `Ok`.
    pub(super) fn seek(&mut self, target: Samples, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let target = Samples(target.0.min(MAX_POSITION as u64));
        let native = exact_before(target, self.info().rate);
        bytes.wander();
        self.demuxer.seek(native, bytes)?;
        bytes.found();
        if let Some(repacker) = &mut self.repacker {
            repacker.reset();
        }
        self.held = None;
        self.retained.clear();
        self.retained_bytes = 0;
        self.cursor = 0;
        self.is_from_start = true;
        self.begin_at(target);
        Ok(())
    }

    /// For a stream that may be passed: where the 20 ms grid of its packets lies around `target`, so that frames made by the
    /// encoder and packets passed on can follow each other. The next packet is then that of the frame with `target` in it.
    /// To be repeated until it is `Ok`.
    pub(super) fn align(
        &mut self,
        target: Samples,
        bytes: &mut ByteWindow,
    ) -> Result<Samples, Stop> {
        loop {
            let at = frame_position(self.packet(bytes)?);
            if at + FRAME_SAMPLES as u64 > target.0 {
                self.cursor -= 1;
                return Ok(Samples(at));
            }
        }
    }

    fn begin_at(&mut self, target: Samples) {
        if let Some(decoder) = &mut self.decoder {
            decoder.reset();
        }
        self.timeline = Timeline::wanting(target);
        self.is_joining = false;
        self.damaged = 0;
        self.is_drained = false;
    }

    /// The next packet; it stays retained.
    pub(super) fn packet(&mut self, bytes: &mut ByteWindow) -> Result<&Packet, Stop> {
        while self.cursor == self.retained.len() {
            if !self.read(bytes)? {
                self.change_stream();
            }
        }
        self.cursor += 1;
        Ok(&self.retained[self.cursor - 1])
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
        let Some(packet) = self.next_packet(bytes)? else {
            return Ok(false);
        };
        self.retained_bytes += packet.data.len();
        self.retained.push_back(packet);
        while self.retained_bytes > MAX_RETAINED_BYTES && self.cursor > 0 {
            self.forget_first();
        }
        Ok(true)
    }

    /// The next packet of the demuxer, or what is made of it; `None` when another stream begins.
    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Option<Packet>, Stop> {
        loop {
            if let Some(packet) = self.repacker.as_mut().and_then(Repacker::pop) {
                return Ok(Some(packet));
            }
            let is_next = self.stream != self.demuxer.stream();
            if is_next && self.held.is_some() {
                return Ok(None);
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
            let is_next = self.stream != self.demuxer.stream();
            match &mut self.repacker {
                repacker if is_next => {
                    if let Some(repacker) = repacker {
                        repacker.close();
                    }
                    self.held = Some(packet);
                }
                Some(repacker) => repacker.push(packet),
                None => return Ok(Some(packet)),
            }
        }
    }

    /// Seconds of sound in packets that were read and not used.
    fn ahead(&self) -> f32 {
        let samples: u64 = self.unused().map(|p| u64::from(p.duration)).sum();
        samples as f32 / self.info().rate.max(1) as f32
    }

    fn unused(&self) -> impl Iterator<Item = &Packet> {
        self.retained.iter().skip(self.cursor)
    }

    /// Seconds of sound that have arrived: `waiting` bytes that were not read, at the bitrate of the last packets, and
    /// packets that were not used.
    pub(super) fn arrived(&self, waiting: usize) -> f32 {
        let samples: u64 = self.retained.iter().map(|p| u64::from(p.duration)).sum();
        let rate = self.info().rate.max(1) as f32;
        let seconds_of_byte = samples as f32 / rate / self.retained_bytes.max(1) as f32;
        self.ahead() + waiting as f32 * seconds_of_byte
    }

    /// Another stream begins. The sound of one cannot be made again from the other's packets.
    fn change_stream(&mut self) {
        self.stream = self.demuxer.stream();
        self.is_joining = true;
        let may_pass = may_pass(self.info());
        if may_pass && self.repacker.is_some() {
            // one decoder plays both
            return;
        }
        self.repacker = may_pass.then(Repacker::default);
        self.decoder = None;
        self.retained.clear();
        self.retained_bytes = 0;
        self.cursor = 0;
        self.is_from_start = false;
    }

    fn forget_first(&mut self) {
        if let Some(packet) = self.retained.pop_front() {
            self.retained_bytes -= packet.data.len();
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
        while self.cursor > 1 && self.retained.len() > 1 && self.retained[1].pts <= cut {
            self.forget_first();
        }
    }

    /// Whether sound can be made again from `position` on, exactly.
    pub(super) fn can_restart_at(&self, position: Samples) -> bool {
        let Some(first) = self.retained.front() else {
            return false;
        };
        self.is_from_start || first.pts <= self.landing(position)
    }

    /// Goes back to `position`, from the retained packets; see [`can_restart_at`](Self::can_restart_at).
    pub(super) fn restart_at(&mut self, position: Samples) {
        let cut = self.landing(position);
        let after = self
            .retained
            .iter()
            .position(|p| p.pts > cut)
            .unwrap_or(self.retained.len());
        self.cursor = after.saturating_sub(1);
        self.begin_at(position);
    }

    /// Goes back so that the next packet is the one whose frame starts at `position`. False, and nothing done, when packets
    /// do not begin there, it does not [pass](Self::passes), or it is no longer retained.
    pub(super) fn rewind_to_packet(&mut self, position: Samples) -> bool {
        let found = self
            .retained
            .iter()
            .position(|p| frame_position(p) == position.0 && self.passes(p));
        if let Some(index) = found {
            self.cursor = index;
        }
        found.is_some()
    }

    /// Where the frame of a packet starts that could be passed on, the nearest to `position`; `None` when none of those that
    /// are retained lies within half a frame.
    pub(super) fn frame_near(&self, position: Samples) -> Option<Samples> {
        let fits = |p: &&Packet| p.duration == FRAME_SAMPLES as u32;
        let starts = self.retained.iter().filter(fits).map(frame_position);
        starts
            .min_by_key(|at| at.abs_diff(position.0))
            .filter(|at| at.abs_diff(position.0) <= FRAME_SAMPLES as u64 / 2)
            .map(Samples)
    }

    /// Decodes the next packet and appends its samples at 48 kHz to `out`, perhaps none.
    ///
    /// # Errors
    /// [`Stop::End`] when everything has been given, the resampler's tail included.
    pub(super) fn pull(&mut self, bytes: &mut ByteWindow, out: &mut PcmBlock) -> Result<(), Stop> {
        if self.is_drained {
            return Err(Stop::End);
        }
        let had = out.len();
        match self.packet(bytes) {
            Ok(packet) => {
                let packet = packet.clone();
                self.decode(&packet, out)?;
                if !self.decoded.is_empty() {
                    bytes.found();
                }
            }
            Err(Stop::End) => self.drain(out),
            Err(stop) => return Err(stop),
        }
        self.account(out, had);
        Ok(())
    }

    /// The rate of the samples that are decoded, which may differ from the container's: SBR that nothing announced doubles it.
    fn rate(&self) -> u32 {
        let told = self.info().rate;
        self.resampler.as_ref().map_or(told, |(rate, _)| *rate)
    }

    /// The stream's length in the samples that are decoded.
    fn native_length(&self) -> Option<u64> {
        let info = self.info();
        info.length.map(|l| rescale(l, info.rate, self.rate()))
    }

    fn decode(&mut self, packet: &Packet, out: &mut PcmBlock) -> Result<(), Stop> {
        if self.decoder.is_none() {
            self.decoder = Some(codec::decoder(self.demuxer.info()).map_err(undecodable)?);
        }
        let decoder = self.decoder.as_mut().expect("made above");
        self.decoded.clear();
        let rate = match decoder.decode(&packet.data, &mut self.decoded) {
            Ok(rate) => {
                self.damaged = 0;
                rate
            }
            Err(DecodeError::Damaged { .. }) if self.damaged < MAX_DAMAGED => {
                // silence in its place keeps everything after it where it belongs
                self.damaged += 1;
                let (told, rate) = (self.info().rate, self.rate());
                let len = rescale(packet.duration.into(), told, rate);
                self.decoded
                    .resize(len.min(MAX_PACKET_SAMPLES.into()) as usize);
                rate
            }
            Err(e) => return Err(undecodable(e)),
        };
        if self.decoded.is_empty() {
            return Ok(());
        }
        self.prepare(rate, packet.pts, out)?;
        let heard = self
            .timeline
            .admit(self.decoded.len(), self.native_length());
        self.audible.clear();
        self.audible.extend_from(&self.decoded, heard);
        let (rate, resampler) = self.resampler.as_mut().expect("prepared");
        if *rate == SAMPLE_RATE {
            out.extend_from(&self.audible, 0..self.audible.len());
        } else {
            resampler.process(&self.audible, out);
        }
        Ok(())
    }

    /// Sees to it that the resampler and the timeline fit what was decoded.
    fn prepare(&mut self, rate: u32, pts: i64, out: &mut PcmBlock) -> Result<(), Stop> {
        let scaled = |at: i64, from: u32| {
            let size = rescale(at.unsigned_abs(), from, rate).min(MAX_POSITION as u64) as i64;
            if at < 0 { -size } else { size }
        };
        match &mut self.resampler {
            Some((current, resampler)) if *current == rate => {
                if self.timeline.next.is_none() {
                    resampler.reset();
                    self.timeline
                        .anchor(scaled(pts, self.demuxer.info().rate), rate);
                }
            }
            other => {
                let previous = other.take();
                if let (Some((old, mut resampler)), Some(next)) = (previous, self.timeline.next) {
                    // the rate changes in the middle of a stream: what went before comes out first
                    if old != SAMPLE_RATE {
                        resampler.flush(out);
                    }
                    let next = scaled(next, old);
                    self.timeline.next = Some(next);
                    self.timeline.from = next;
                } else {
                    self.timeline
                        .anchor(scaled(pts, self.demuxer.info().rate), rate);
                }
                let resampler = Resampler::new(rate, SAMPLE_RATE, self.quality).map_err(|e| {
                    Stop::Failed(
                        Failure::common("The track's sample rate is not supported.").because(e),
                    )
                })?;
                self.resampler = Some((rate, resampler));
            }
        }
        if std::mem::take(&mut self.is_joining)
            && let Some(resumes_at) = self.timeline.next
        {
            // what is not to be heard of the new stream: its encoder's delay, no more than a second in any case
            let start = scaled(pts, self.demuxer.info().rate);
            let start = start.clamp(resumes_at - i64::from(rate), resumes_at);
            self.timeline.next = Some(start);
            self.timeline.from = self.timeline.from.max(resumes_at);
        }
        Ok(())
    }

    fn drain(&mut self, out: &mut PcmBlock) {
        self.is_drained = true;
        if let Some((rate, resampler)) = &mut self.resampler
            && *rate != SAMPLE_RATE
        {
            resampler.flush(out);
        }
    }

    /// Drops what lies before the wanted position of the samples from index `had` on, and counts the rest.
    fn account(&mut self, out: &mut PcmBlock, had: usize) {
        let dropped = self.timeline.drop_out.min(out.len() - had);
        if dropped > 0 {
            self.timeline.drop_out -= dropped;
            out.channels
                .iter_mut()
                .for_each(|c| drop(c.drain(had..had + dropped)));
        }
        self.timeline.out += (out.len() - had) as u64;
    }
}

/// Where in the track the frame starts that an Opus packet makes at the listener: his decoder gives sound [`LOOKAHEAD`]
/// samples late, as he does for frames of our own encoder.
pub(super) fn frame_position(packet: &Packet) -> u64 {
    (packet.pts + LOOKAHEAD as i64).max(0) as u64
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

fn undecodable(e: DecodeError) -> Stop {
    let failure = match &e {
        DecodeError::Unsupported(text) => Failure::common(*text),
        _ => Failure::suspicious("Something went wrong when decoding the track."),
    };
    Stop::Failed(failure.because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priming_is_dropped_and_the_end_is_cut() {
        let mut line = Timeline::wanting(Samples::ZERO);
        line.anchor(-1105, 44_100);
        assert_eq!(line.admit(1152, Some(1500)), 1105..1152);
        assert_eq!(line.admit(1152, Some(1500)), 0..1152);
        assert_eq!(line.admit(1152, Some(1500)), 0..301);
        assert_eq!(line.admit(1152, Some(1500)), 0..0);
    }

    #[test]
    fn a_restart_falls_on_an_exact_phase_of_the_resampler() {
        // 7000.5 ms: 336 024 samples at 48 kHz, 308 722.05 at 44.1; the last multiple of 147 before is 308 700 = 336 000
        let mut line = Timeline::wanting(Samples(336_024));
        line.anchor(300_000, 44_100);
        assert_eq!((line.from, line.drop_out, line.out), (308_700, 24, 336_024));
    }

    #[test]
    fn a_stream_that_begins_late_keeps_its_own_time() {
        let mut line = Timeline::wanting(Samples::ZERO);
        line.anchor(44_100, 44_100);
        assert_eq!((line.out, line.admit(10, None)), (48_000, 0..10));
    }

    #[test]
    fn rescaling_does_not_overflow() {
        assert_eq!(
            rescale(u64::MAX / 2, 48_000, 44_100),
            (u128::from(u64::MAX / 2) * 44_100 / 48_000) as u64
        );
    }

    /// Gives these packets, and nothing else.
    pub(super) struct Given(pub(super) StreamInfo, pub(super) VecDeque<Packet>);

    impl Demuxer for Given {
        fn info(&self) -> &StreamInfo {
            &self.0
        }

        fn next_packet(&mut self, _: &mut ByteWindow) -> Result<Packet, Stop> {
            self.1.pop_front().ok_or(Stop::End)
        }

        fn seek(&mut self, _: u64, _: &mut ByteWindow) -> Result<(), Stop> {
            Ok(())
        }
    }

    fn given(codec: Codec, rate: u32, packets: &[(&'static [u8], i64, u32)]) -> Feed {
        let info = StreamInfo {
            codec,
            rate,
            channels: 1,
            length: Some(u64::MAX),
            is_seekable: true,
            preroll: u32::MAX,
        };
        let packets = packets.iter().map(|&(data, pts, duration)| Packet {
            data: data.into(),
            pts,
            duration,
        });
        Feed::new(
            Box::new(Given(info, packets.collect())),
            ResamplingQuality::Low,
        )
    }

    const BYTES: Codec = Codec::Pcm(crate::media::demux::PcmFormat {
        sample: crate::media::demux::PcmSample::U8,
        is_big_endian: false,
        speakers: 0,
    });

    #[test]
    fn a_damaged_packet_is_no_longer_silence_than_a_packet_can_be() {
        let mut feed = given(Codec::Mp3, 44_100, &[(b"damaged", 0, 1_000_000)]);
        let mut out = PcmBlock::default();
        feed.pull(&mut ByteWindow::of(""), &mut out)
            .expect("silence");
        assert_eq!(feed.decoded.len(), 65_536);
    }

    #[test]
    fn positions_at_the_end_of_the_numbers_are_only_late() {
        for rate in [1000, 48_000, 768_000] {
            for pts in [i64::MIN, -1 << 60, 1 << 60, i64::MAX] {
                for target in [0, u64::MAX] {
                    let mut feed = given(BYTES, rate, &[(&[0; 99][..], pts, u32::MAX); 3]);
                    let mut bytes = ByteWindow::of("");
                    let mut out = PcmBlock::default();
                    feed.seek(Samples(target), &mut bytes).expect("seeks");
                    feed.pull(&mut bytes, &mut out).expect("plays");
                    feed.pull(&mut bytes, &mut out).expect("plays");
                    feed.can_restart_at(feed.position());
                    feed.restart_at(feed.position());
                    feed.pull(&mut bytes, &mut out).expect("plays again");
                    assert!(feed.position().0 < 1 << 60);
                    assert!(!feed.rewind_to_packet(Samples(u64::MAX)));
                    assert!(feed.length().is_some());
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "feed_rate_tests.rs"]
mod rate_tests;
