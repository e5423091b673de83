//! Owns: Opus packets of any duration made to packets of 20 ms without decoding: longer ones are split between their frames,
//! shorter ones joined. What a decoder makes of them is the same.
//! Never knows: containers, decoders, who gets the packets.

use crate::{
    media::{
        demux::Packet,
        opus::{self, Frames, Toc},
    },
    units::FRAME_SAMPLES,
};
use bytes::Bytes;
use std::collections::VecDeque;

/// Samples of the packets that are made.
const WANTED: u32 = FRAME_SAMPLES as u32;

/// Takes packets in, gives packets out; from a seek on, all begin a multiple of 20 ms behind the first, except where the
/// source does not allow it (frames of 40 and 60 ms, a change of the configuration in between): such come out as they are or
/// shorter.
#[derive(Debug, Default)]
pub(super) struct Repacker {
    ready: VecDeque<Packet>,
    /// Frames that wait for the rest of their packet: all of one kind.
    frames: Vec<Bytes>,
    toc: Option<Toc>,
    /// Position of the first of them, and samples of all.
    pts: i64,
    samples: u32,
    /// Samples of them that are to be heard, as far as the container says.
    duration: u32,
    /// Samples of the 20 ms before the first of them.
    phase: u32,
}

impl Repacker {
    /// Forgets everything: the next packet is the first.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The next packet that is ready.
    pub(super) fn pop(&mut self) -> Option<Packet> {
        self.ready.pop_front()
    }

    /// Takes the next packet of the source.
    pub(super) fn push(&mut self, packet: Packet) {
        let frames = Frames::of(&packet.data)
            .filter(|frames| WANTED.is_multiple_of(frames.toc.frame_samples()));
        let Some(frames) = frames else {
            // damaged, or too long to be split: those are whole multiples of 20 ms
            self.close();
            self.ready.push_back(packet);
            return;
        };
        if frames.samples() == WANTED && !frames.is_padded && self.frames.is_empty() {
            self.ready.push_back(packet);
            return;
        }
        if self.toc != Some(frames.toc) {
            self.close();
            self.toc = Some(frames.toc);
        }
        let samples = frames.toc.frame_samples();
        for (index, range) in (0u32..).zip(frames.ranges()) {
            let before = index * samples;
            if self.frames.is_empty() {
                self.pts = packet.pts.saturating_add(before.into());
            }
            self.frames.push(packet.data.slice(range));
            self.samples += samples;
            // the container may end the sound within the packet
            self.duration += packet.duration.saturating_sub(before).min(samples);
            if self.phase + self.samples >= WANTED {
                self.close();
            }
        }
    }

    /// The frames that wait become a packet, though it may be a short one.
    pub(super) fn close(&mut self) {
        let Some(toc) = self.toc.filter(|_| !self.frames.is_empty()) else {
            return;
        };
        self.ready.push_back(Packet {
            data: opus::join(toc, &self.frames).into(),
            pts: self.pts,
            duration: self.duration,
        });
        self.frames.clear();
        self.phase = (self.phase + self.samples) % WANTED;
        self.samples = 0;
        self.duration = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opus2::{Application, Bandwidth, Bitrate, Channels, Decoder, Encoder};

    /// Half a second of a rising tone with a pause in it, by libopus in packets of so many samples.
    fn encoded(
        samples: usize,
        channels: Channels,
        application: Application,
        bits: i32,
    ) -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new(48_000, channels, application).expect("memory");
        encoder.set_bitrate(Bitrate::Bits(bits)).expect("a bitrate");
        encoder.set_dtx(true).expect("a flag");
        if matches!(application, Application::Voip) {
            encoder
                .set_max_bandwidth(Bandwidth::Wideband)
                .expect("a bandwidth");
        }
        let width = channels as usize;
        let total = 48_000 / samples * samples;
        let wave = |i: usize| {
            let t = (i / width) as f32 / 48_000.0;
            let is_quiet = (0.4..0.7).contains(&t);
            let level = if is_quiet { 0.0 } else { 0.3 };
            level * (std::f32::consts::TAU * (300.0 + 400.0 * (i % width) as f32) * t).sin()
        };
        let pcm: Vec<f32> = (0..total * width).map(wave).collect();
        let encode = |block: &[f32]| encoder.encode_vec_float(block, 8000).expect("encodes");
        pcm.chunks_exact(samples * width).map(encode).collect()
    }

    fn repacked(packets: &[Vec<u8>], samples: u32) -> Vec<Packet> {
        let mut repacker = Repacker::default();
        for (i, data) in (0i64..).zip(packets) {
            repacker.push(Packet {
                data: data.clone().into(),
                pts: i * i64::from(samples) - 312,
                duration: samples,
            });
        }
        repacker.close();
        std::iter::from_fn(|| repacker.pop()).collect()
    }

    fn decoded<'a>(packets: impl Iterator<Item = &'a [u8]>) -> Vec<f32> {
        let mut decoder = Decoder::new(48_000, Channels::Stereo).expect("memory");
        let mut out = Vec::new();
        for packet in packets {
            let mut pcm = [0f32; 5760 * 2];
            let n = decoder
                .decode_float(packet, &mut pcm, false)
                .expect("a good packet");
            out.extend_from_slice(&pcm[..n * 2]);
        }
        out
    }

    #[test]
    fn a_decoder_makes_the_same_of_what_was_split_and_joined() {
        for (samples, application, bits) in [
            (120, Application::Audio, 96_000),
            (240, Application::Audio, 128_000),
            (480, Application::Audio, 64_000),
            // wideband speech at 10 and 20 ms is SILK, also three to a packet
            (480, Application::Voip, 20_000),
            (960, Application::Audio, 96_000),
            (1920, Application::Audio, 510_000),
            (2880, Application::Audio, 96_000),
            (4800, Application::Audio, 64_000),
            (5760, Application::Audio, 96_000),
        ] {
            for channels in [Channels::Mono, Channels::Stereo] {
                let source = encoded(samples, channels, application, bits);
                let packets = repacked(&source, samples as u32);
                let whole = packets.iter().take(48_000 / samples * samples / 960);
                for (i, packet) in (0i64..).zip(whole) {
                    assert_eq!(opus::samples(&packet.data), Some(960), "of {samples}");
                    assert_eq!((packet.pts, packet.duration), (i * 960 - 312, 960));
                }
                let (plain, ours) = (
                    decoded(source.iter().map(Vec::as_slice)),
                    decoded(packets.iter().map(|packet| &packet.data[..])),
                );
                assert!(plain.iter().any(|s| s.abs() > 0.1), "there is sound");
                assert!(plain == ours, "{samples} samples, {bits} bits a second");
            }
        }
    }

    #[test]
    fn frames_of_40_and_60_ms_stay_as_they_are() {
        for samples in [1920, 2880] {
            let source = encoded(samples, Channels::Mono, Application::Voip, 12_000);
            let packets = repacked(&source, samples as u32);
            assert!(packets.iter().map(|packet| &packet.data).eq(&source));
            let is_whole = |packet: &Packet| packet.duration == samples as u32;
            assert!(packets.iter().all(is_whole));
        }
    }

    fn packet(data: &'static [u8], pts: i64, duration: u32) -> Packet {
        Packet {
            data: Bytes::from_static(data),
            pts,
            duration,
        }
    }

    fn all(packets: &[Packet]) -> Vec<(Vec<u8>, i64, u32)> {
        let mut repacker = Repacker::default();
        packets.iter().cloned().for_each(|p| repacker.push(p));
        repacker.close();
        std::iter::from_fn(|| repacker.pop())
            .map(|p| (p.data.to_vec(), p.pts, p.duration))
            .collect()
    }

    #[test]
    fn padding_goes_and_packets_that_fit_stay() {
        let given = [
            packet(b"\xFCabc", 0, 960),
            packet(b"\xFF\x41\x02abc\0\0", 960, 960),
            // two frames of 10 ms
            packet(b"\xF5abcd", 1920, 960),
        ];
        let expected = [
            (b"\xFCabc".to_vec(), 0, 960),
            (b"\xFCabc".to_vec(), 960, 960),
            (b"\xF5abcd".to_vec(), 1920, 960),
        ];
        assert_eq!(all(&given), expected);
    }

    #[test]
    fn a_change_between_two_halves_leaves_the_raster_as_it_was() {
        // 10 ms fullband, then superwideband from the middle of a frame on
        let given = [
            packet(b"\xF4a", 0, 480),
            packet(b"\xD4b", 480, 480),
            packet(b"\xD4c", 960, 480),
            packet(b"\xD4d", 1440, 480),
        ];
        let expected = [
            (b"\xF4a".to_vec(), 0, 480),
            (b"\xD4b".to_vec(), 480, 480),
            (b"\xD5cd".to_vec(), 960, 960),
        ];
        assert_eq!(all(&given), expected);
    }

    #[test]
    fn the_end_within_a_packet_stays_where_it_is() {
        // three frames of 20 ms, 25 ms of them to be heard
        let expected = [
            (b"\xFCa".to_vec(), 0, 960),
            (b"\xFCb".to_vec(), 960, 240),
            (b"\xFCc".to_vec(), 1920, 0),
        ];
        assert_eq!(all(&[packet(b"\xFF\x03abc", 0, 1200)]), expected);
    }
}
