//! Owns: the way from packets to 48 kHz samples: decoder, resampler, and what stands in for a damaged packet.
//! Never knows: frames, encoders, volume.

mod packets;
mod timeline;

pub(super) use packets::frame_position;

use crate::{
    dsp::{Resampler, ResamplingQuality},
    error::Failure,
    media::{
        codec::{self, DecodeError, Decoder},
        demux::{Demuxer, Packet, StreamInfo},
        window::{ByteWindow, Stop},
    },
    pcm::PcmBlock,
    units::{FRAME_SAMPLES, SAMPLE_RATE, Samples, rescale},
};
use packets::{Join, MAX_PACKET_SAMPLES, Packets};
use timeline::{MAX_POSITION, Timeline, rescale_position};

/// Damaged packets in a row after which a stream is given up: two seconds of mp3 or AAC.
const MAX_DAMAGED: u32 = 100;

/// See the [module](self).
pub(super) struct Feed {
    packets: Packets,
    /// Whether a new stream has begun of which nothing was decoded yet.
    is_joining: bool,
    decoder: Option<Box<dyn Decoder>>,
    /// With the rate that it takes, in Hz.
    resampler: Option<(u32, Resampler)>,
    /// The best.
    quality: ResamplingQuality,
    /// What may be spent now.
    most: ResamplingQuality,
    timeline: Timeline,
    decoded: PcmBlock,
    damaged: u32,
    is_drained: bool,
}

impl Feed {
    pub(super) fn new(demuxer: Box<dyn Demuxer>, quality: ResamplingQuality) -> Self {
        Self {
            packets: Packets::new(demuxer),
            is_joining: false,
            decoder: None,
            resampler: None,
            quality,
            most: quality,
            timeline: Timeline::wanting(Samples::ZERO),
            decoded: PcmBlock::default(),
            damaged: 0,
            is_drained: false,
        }
    }

    /// Resamples no better than so from now on, and no better than was said at the beginning.
    pub(super) fn limit_quality(&mut self, most: ResamplingQuality) {
        if self.most != most
            && let Some((_, resampler)) = &mut self.resampler
        {
            resampler.set_quality(most.min(self.quality));
        }
        self.most = most;
    }

    pub(super) fn info(&self) -> &StreamInfo {
        self.packets.info()
    }

    /// Length of the track at 48 kHz.
    pub(super) fn length(&self) -> Option<Samples> {
        self.length_at(SAMPLE_RATE).map(Samples)
    }

    fn length_at(&self, rate: u32) -> Option<u64> {
        let info = self.info();
        info.length.map(|length| rescale(length, info.rate, rate))
    }

    /// Position of the next sample that [`pull`](Self::pull) gives.
    pub(super) const fn position(&self) -> Samples {
        self.timeline.position()
    }

    /// Moves to `target`. To be repeated until it is `Ok`.
    pub(super) fn seek(&mut self, target: Samples, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let target = Samples(target.0.min(MAX_POSITION as u64));
        self.packets.seek(target, bytes)?;
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
            let at = frame_position(&self.packet(bytes)?);
            if at.0 + FRAME_SAMPLES as u64 > target.0 {
                self.packets.put_back();
                return Ok(at);
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

    /// Gives back the memory that is of no use until the next turn.
    pub(super) fn rest(&mut self) {
        self.decoded = PcmBlock::default();
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.rest();
        }
    }

    /// The next packet; it stays retained.
    pub(super) fn packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        let (packet, join) = self.packets.next(bytes)?;
        self.is_joining |= join.is_some();
        if join == Some(Join::NewDecoder) {
            self.decoder = None;
        }
        Ok(packet)
    }

    /// See [`Packets::may_pass`].
    pub(super) const fn may_pass(&self) -> bool {
        self.packets.may_pass()
    }

    /// See [`Packets::passes`].
    pub(super) fn passes(&self, packet: &Packet) -> bool {
        self.packets.passes(packet)
    }

    /// See [`Packets::gather`].
    pub(super) fn gather(&mut self, ahead: f32, bytes: &mut ByteWindow) -> Result<(), Stop> {
        self.packets.gather(ahead, bytes)
    }

    /// See [`Packets::arrived`].
    pub(super) fn arrived(&self, waiting: usize) -> f32 {
        self.packets.arrived(waiting)
    }

    /// See [`Packets::lasts`].
    pub(super) fn lasts(&self, bytes: usize) -> f32 {
        self.packets.lasts(bytes)
    }

    /// See [`Packets::forget_before`].
    pub(super) fn forget_before(&mut self, position: Samples) {
        self.packets.forget_before(position);
    }

    /// See [`Packets::frame_near`].
    pub(super) fn frame_near(&self, position: Samples) -> Option<Samples> {
        self.packets.frame_near(position)
    }

    /// See [`Packets::rewind_to_frame`].
    pub(super) fn rewind_to_frame(&mut self, position: Samples) -> bool {
        self.packets.rewind_to_frame(position)
    }

    /// Whether sound can be made again from `position` on, exactly.
    pub(super) fn can_restart_at(&self, position: Samples) -> bool {
        self.packets.can_rewind(position)
    }

    /// Goes back to `position`, from the retained packets; see [`can_restart_at`](Self::can_restart_at).
    pub(super) fn restart_at(&mut self, position: Samples) {
        self.packets.rewind(position);
        self.begin_at(position);
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
                if self.decode(&packet, out)? {
                    bytes.found();
                }
            }
            Err(Stop::End) => {
                self.is_drained = true;
                if let Some((_, resampler)) = &mut self.resampler {
                    resampler.flush(out);
                }
            }
            Err(stop) => return Err(stop),
        }
        let unheard = self.timeline.leave(out.len() - had);
        if unheard > 0 {
            for channel in &mut out.channels {
                channel.drain(had..had + unheard);
            }
        }
        Ok(())
    }

    /// False when there is no sound in the packet.
    fn decode(&mut self, packet: &Packet, out: &mut PcmBlock) -> Result<bool, Stop> {
        if self.decoder.is_none() {
            self.decoder = Some(codec::decoder(self.info()).map_err(undecodable)?);
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
                let told = self.info().rate;
                // SBR that nothing announces doubles the container's rate
                let rate = self.resampler.as_ref().map_or(told, |(rate, _)| *rate);
                let len = rescale(packet.duration.into(), told, rate);
                self.decoded
                    .resize(len.min(MAX_PACKET_SAMPLES.into()) as usize);
                rate
            }
            Err(e) => return Err(undecodable(e)),
        };
        if self.decoded.is_empty() {
            return Ok(false);
        }
        self.prepare(rate, packet.pts, out)?;
        let length = self.length_at(rate);
        let heard = self.timeline.admit(self.decoded.len(), length);
        self.decoded.resize(heard.end);
        self.decoded.drop_front(heard.start);
        let (_, resampler) = self.resampler.as_mut().expect("prepared");
        resampler.process(&self.decoded, out);
        Ok(true)
    }

    /// Sees to it that the resampler and the timeline fit what was decoded, at `rate`, of a packet at `pts`. When the rate
    /// changes in the middle of a stream, what went before comes out first.
    fn prepare(&mut self, rate: u32, pts: i64, out: &mut PcmBlock) -> Result<(), Stop> {
        let start = rescale_position(pts, self.info().rate, rate);
        let is_joining = std::mem::take(&mut self.is_joining);
        match &mut self.resampler {
            Some((current, resampler)) if *current == rate => {
                if !self.timeline.is_anchored() {
                    resampler.reset();
                }
            }
            other => {
                if let Some((old, resampler)) = other
                    && self.timeline.is_anchored()
                {
                    resampler.flush(out);
                    self.timeline.change_rate(*old, rate);
                }
                let mut resampler =
                    Resampler::new(rate, SAMPLE_RATE, self.quality).map_err(|e| {
                        let failure = Failure::common("The track's sample rate is not supported.");
                        Stop::Failed(failure.because(e))
                    })?;
                resampler.set_quality(self.most.min(self.quality));
                *other = Some((rate, resampler));
            }
        }
        if !self.timeline.is_anchored() {
            self.timeline.anchor(start, rate);
        } else if is_joining {
            self.timeline.join(start, rate);
        }
        Ok(())
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
mod rate_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::demux::{Codec, ogg};
    use std::collections::VecDeque;

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
                    assert!(!feed.rewind_to_frame(Samples(u64::MAX)));
                    assert!(feed.length().is_some());
                }
            }
        }
    }
    /// Five seconds of Opus, and two of one channel; in front of either lie 312 samples that are not heard (ffprobe).
    const TONE: &[u8] = include_bytes!("../../../tests/data/tone.opus");
    const MONO: &[u8] = include_bytes!("../../../tests/data/opus-mono.opus");

    #[test]
    fn sound_made_again_over_the_end_of_a_stream_is_the_same() {
        let mut bytes = ByteWindow::of([TONE, MONO].concat());
        let opened = ogg::open().advance(&mut bytes).expect("opens");
        let mut feed = Feed::new(opened.demuxer, ResamplingQuality::Low);
        let mut out = PcmBlock::default();
        while feed.position() < Samples(264_000) {
            feed.pull(&mut bytes, &mut out).expect("plays");
        }
        assert!(feed.can_restart_at(Samples(228_000)));
        feed.restart_at(Samples(228_000));
        let mut again = PcmBlock::default();
        while feed.pull(&mut bytes, &mut again).is_ok() {}
        assert_eq!(feed.position(), Samples(7 * 48_000));
        let pairs = out.channels[0][228_000..].iter().zip(&again.channels[0]);
        let error = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(error < 0.01, "{error}");
    }
}
