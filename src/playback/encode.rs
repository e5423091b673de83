//! Owns: the Opus encoder of a playback, and how it starts in the middle of a stream without a click.
//! Never knows: where samples come from.

use crate::{
    error::Failure,
    frame::MAX_OPUS_BYTES,
    pcm::{PcmBlock, convert},
    units::{FRAME_SAMPLES, SAMPLE_RATE},
};
use opus2::{Application, Bitrate, Channels};

/// Samples by which sound leaves a decoder later than it went into the encoder: 2.5 ms of overlap and 4 ms of delay
/// compensation (libopus, `OPUS_GET_LOOKAHEAD` for `OPUS_APPLICATION_AUDIO` at 48 kHz).
pub const LOOKAHEAD: usize = 312;

/// How sound is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// libopus complexity, 0 (cheap) to 10 (good): Lavalink's `opusEncodingQuality`.
    pub complexity: u8,
    /// Bits a second; `None` leaves it to libopus (about 99 000 for 20 ms stereo).
    pub bitrate: Option<u32>,
}

impl Default for Quality {
    fn default() -> Self {
        Self {
            complexity: 10,
            bitrate: None,
        }
    }
}

/// One playback's encoder: 20 ms, 48 kHz, stereo, as Lavalink sets it up (reference, 6.1).
pub struct Encoder {
    inner: opus2::Encoder,
    quality: Quality,
    packet: Box<[u8; MAX_OPUS_BYTES]>,
    is_first: bool,
}

fn fault(e: opus2::Error) -> Failure {
    Failure::fault("The Opus encoder failed.").because(e.to_string())
}

impl Encoder {
    /// Makes an encoder.
    ///
    /// # Errors
    /// A fault when libopus has no memory.
    pub fn new(quality: Quality) -> Result<Self, Failure> {
        let inner = opus2::Encoder::new(SAMPLE_RATE, Channels::Stereo, Application::Audio)
            .map_err(fault)?;
        let mut encoder = Self {
            inner,
            quality,
            packet: Box::new([0; MAX_OPUS_BYTES]),
            is_first: false,
        };
        encoder.configure().map_err(fault)?;
        Ok(encoder)
    }

    /// Goes on with another quality from the next frame on. A listener hears no seam: complexity is the encoder's own affair,
    /// and the rate of a stream may differ from frame to frame (RFC 6716, section 2.1.1).
    ///
    /// # Errors
    /// A fault when libopus refuses.
    pub fn set(&mut self, quality: Quality) -> Result<(), Failure> {
        if self.quality == quality {
            return Ok(());
        }
        self.quality = quality;
        self.configure().map_err(fault)
    }

    fn configure(&mut self) -> Result<(), opus2::Error> {
        let Quality {
            complexity,
            bitrate,
        } = self.quality;
        self.inner.set_complexity(complexity.into())?;
        let bitrate = bitrate.map_or(Bitrate::Auto, |bits| Bitrate::Bits(bits as i32));
        self.inner.set_bitrate(bitrate)
    }

    /// Encodes samples `from..from + 960` of a block. The packet is valid until the next call.
    ///
    /// # Errors
    /// A fault when libopus refuses.
    ///
    /// # Panics
    /// When the block is shorter.
    pub fn encode(&mut self, block: &PcmBlock, from: usize) -> Result<&[u8], Failure> {
        let [left, right] = &block.channels;
        let frame = from..from + FRAME_SAMPLES;
        // on the stack: 8 KB that no encoder has to keep between two frames
        let mut interleaved = [0.0f32; FRAME_SAMPLES * 2];
        convert::interleave(&left[frame.clone()], &right[frame], &mut interleaved);
        let len = self
            .inner
            .encode_float(&interleaved, &mut self.packet[..])
            .map_err(fault)?;
        if self.is_first {
            self.is_first = false;
            self.inner.set_prediction_disabled(false).map_err(fault)?;
        }
        Ok(&self.packet[..len])
    }

    /// Starts anew in the middle of a stream whose listener has heard other frames until now: the encoder hears the last
    /// `block.len() / 960` frames (two are enough to fill its overlap and its delay line) without their packets being used,
    /// and the next packet predicts nothing from frames that the listener does not have.
    ///
    /// # Errors
    /// A fault when libopus refuses.
    pub fn restart_after(&mut self, block: &PcmBlock) -> Result<(), Failure> {
        self.inner.reset_state().map_err(fault)?;
        for frame in 0..block.len() / FRAME_SAMPLES {
            self.encode(block, frame * FRAME_SAMPLES)?;
        }
        self.inner.set_prediction_disabled(true).map_err(fault)?;
        self.is_first = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frames: usize, hz: f32, start: usize) -> PcmBlock {
        let wave = |i: usize| {
            0.5 * (std::f32::consts::TAU * hz * (start + i) as f32 / SAMPLE_RATE as f32).sin()
        };
        let samples: Vec<f32> = (0..frames * FRAME_SAMPLES).map(wave).collect();
        PcmBlock {
            channels: [samples.clone(), samples],
        }
    }

    fn heard(packets: &[Vec<u8>]) -> Vec<f32> {
        let mut decoder = opus2::Decoder::new(SAMPLE_RATE, Channels::Stereo).expect("memory");
        let mut out = Vec::new();
        for packet in packets {
            let mut pcm = [0f32; FRAME_SAMPLES * 2];
            decoder
                .decode_float(packet, &mut pcm, false)
                .expect("our own packet");
            out.extend(pcm.iter().step_by(2));
        }
        out
    }

    #[test]
    fn the_lookahead_is_libopus_own() {
        let mut encoder = Encoder::new(Quality::default()).expect("memory");
        assert_eq!(
            encoder.inner.get_lookahead().expect("a getter"),
            LOOKAHEAD as i32
        );
    }

    #[test]
    fn silence_is_the_frame_that_discord_knows() {
        let mut encoder = Encoder::new(Quality::default()).expect("memory");
        let silence = PcmBlock {
            channels: [vec![0.0; FRAME_SAMPLES], vec![0.0; FRAME_SAMPLES]],
        };
        for _ in 0..5 {
            // oracle/audio.md, section 5: digital silence at any quality
            assert_eq!(
                encoder.encode(&silence, 0).expect("fine"),
                [0xFC, 0xFF, 0xFE]
            );
        }
    }

    #[test]
    fn another_quality_in_mid_stream_makes_no_click_and_comes_at_once() {
        let cheap = Quality {
            complexity: 0,
            bitrate: Some(48_000),
        };
        let signal = tone(60, 441.0, 0);
        let mut encoder = Encoder::new(Quality::default()).expect("memory");
        let packets: Vec<Vec<u8>> = (0..60)
            .map(|frame| {
                let is_cheap = (20..40).contains(&frame);
                let quality = if is_cheap { cheap } else { Quality::default() };
                encoder.set(quality).expect("fine");
                let packet = encoder.encode(&signal, frame * FRAME_SAMPLES);
                packet.expect("fine").to_vec()
            })
            .collect();
        let bytes =
            |range: std::ops::Range<usize>| -> usize { packets[range].iter().map(Vec::len).sum() };
        // 20 frames at 48 kbit/s are 2400 bytes; constrained by nothing, a tone may take a little more
        assert!(bytes(20..40) < 3_000, "{}", bytes(20..40));
        assert!(bytes(0..20) > bytes(20..40) && bytes(40..60) > bytes(20..40));
        let out = heard(&packets);
        // as at a restart: a click would be a broken curvature
        let roughest = |range: std::ops::Range<usize>| {
            range
                .map(|i| (out[i + 1] - 2.0 * out[i] + out[i - 1]).abs())
                .fold(0.0, f32::max)
        };
        let usual = roughest(8 * FRAME_SAMPLES..16 * FRAME_SAMPLES);
        for change in [20, 40] {
            let there = roughest((change - 1) * FRAME_SAMPLES..(change + 3) * FRAME_SAMPLES);
            assert!(
                there < usual * 3.0 + 0.002,
                "usual {usual}, at frame {change} {there}"
            );
        }
    }

    #[test]
    fn a_restart_in_mid_stream_makes_no_click() {
        let signal = tone(40, 441.0, 0);
        let mut first = Encoder::new(Quality::default()).expect("memory");
        let mut packets: Vec<Vec<u8>> = (0..20)
            .map(|i| {
                first
                    .encode(&signal, i * FRAME_SAMPLES)
                    .expect("fine")
                    .to_vec()
            })
            .collect();
        let mut second = Encoder::new(Quality::default()).expect("memory");
        let mut before = PcmBlock::default();
        before.extend_from(&signal, 18 * FRAME_SAMPLES..20 * FRAME_SAMPLES);
        second.restart_after(&before).expect("fine");
        packets.extend((20..40).map(|i| {
            second
                .encode(&signal, i * FRAME_SAMPLES)
                .expect("fine")
                .to_vec()
        }));
        let out = heard(&packets);
        // a click is a broken curvature: the second difference of a 441 Hz tone of 0.5 is at most 0.5 (2π 441/48000)² = 0.0017
        let roughest = |range: std::ops::Range<usize>| {
            range
                .map(|i| (out[i + 1] - 2.0 * out[i] + out[i - 1]).abs())
                .fold(0.0, f32::max)
        };
        let usual = roughest(8 * FRAME_SAMPLES..16 * FRAME_SAMPLES);
        let at_restart = roughest(19 * FRAME_SAMPLES..23 * FRAME_SAMPLES);
        assert!(
            at_restart < usual * 3.0 + 0.002,
            "usual {usual}, at the restart {at_restart}"
        );
    }
}
