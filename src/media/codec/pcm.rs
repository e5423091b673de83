//! Owns: reading of uncompressed samples of every width, and of G.711.
//! Never knows: which file they come from.

use super::{DecodeError, Decoder, downmix::Downmix};
use crate::{
    media::demux::{PcmFormat, PcmSample},
    pcm::PcmBlock,
};

/// See the [module](self).
pub(super) struct PcmDecoder {
    format: PcmFormat,
    rate: u32,
    channels: usize,
    downmix: Downmix,
}

impl PcmDecoder {
    pub(super) fn new(format: PcmFormat, rate: u32, channels: u16) -> Result<Self, DecodeError> {
        if channels == 0 {
            return Err(DecodeError::Parameters {
                codec: "PCM",
                reason: "no channels".into(),
            });
        }
        let channels = usize::from(channels);
        Ok(Self {
            format,
            rate,
            channels,
            downmix: Downmix::speakers(format.speakers, channels),
        })
    }
}

impl Decoder for PcmDecoder {
    fn decode(&mut self, packet: &[u8], out: &mut PcmBlock) -> Result<u32, DecodeError> {
        let width = self.format.sample.bytes();
        let (stride, channels) = (self.channels * width, self.channels);
        let frames = packet.len() / stride;
        let at = |channel: usize, i: usize| {
            let start = i * stride + channel.min(channels - 1) * width;
            &packet[start..start + width]
        };
        let big = self.format.is_big_endian;
        let mix = self.downmix;
        match self.format.sample {
            PcmSample::U8 => mix.mix(frames, |c, i| (f32::from(at(c, i)[0]) - 128.0) / 128.0, out),
            PcmSample::I8 => mix.mix(frames, |c, i| f32::from(at(c, i)[0] as i8) / 128.0, out),
            PcmSample::ALaw => mix.mix(frames, |c, i| alaw(at(c, i)[0]), out),
            PcmSample::MuLaw => mix.mix(frames, |c, i| mulaw(at(c, i)[0]), out),
            PcmSample::I16 => mix.mix(
                frames,
                |c, i| f32::from(word::<2>(at(c, i), big) as i16) / 32_768.0,
                out,
            ),
            PcmSample::I24 => {
                // the sign lies in the topmost of three bytes: shifted up, then divided by 2³¹
                let scale = 1.0 / 2_147_483_648.0;
                mix.mix(
                    frames,
                    |c, i| ((word::<3>(at(c, i), big) as u32) << 8) as i32 as f32 * scale,
                    out,
                );
            }
            PcmSample::I32 => {
                let scale = 1.0 / 2_147_483_648.0;
                mix.mix(
                    frames,
                    |c, i| word::<4>(at(c, i), big) as i32 as f32 * scale,
                    out,
                );
            }
            PcmSample::F32 => mix.mix(
                frames,
                |c, i| sane(f32::from_bits(word::<4>(at(c, i), big) as u32)),
                out,
            ),
            PcmSample::F64 => mix.mix(
                frames,
                |c, i| sane(f64::from_bits(word::<8>(at(c, i), big)) as f32),
                out,
            ),
        }
        Ok(self.rate)
    }

    fn reset(&mut self) {}
}

/// The `N` bytes as an unsigned number.
fn word<const N: usize>(bytes: &[u8], is_big_endian: bool) -> u64 {
    let byte = |i: usize| u64::from(bytes[i]);
    (0..N)
        .map(|i| byte(i) << (8 * if is_big_endian { N - 1 - i } else { i }))
        .sum()
}

/// Files may hold anything: not-a-number becomes silence, and what no mixer would make is cut at 12 dB over full scale.
pub(super) fn sane(sample: f32) -> f32 {
    if sample.is_nan() {
        0.0
    } else {
        sample.clamp(-4.0, 4.0)
    }
}

/// ITU-T G.711, table 2a: 13 bits to ±1.
fn alaw(code: u8) -> f32 {
    let code = code ^ 0x55;
    let (exponent, mantissa) = (u32::from(code >> 4 & 7), i32::from(code & 15));
    let magnitude = if exponent == 0 {
        (mantissa << 4) + 8
    } else {
        ((mantissa << 4) + 0x108) << (exponent - 1)
    };
    (if code & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }) as f32
        / 32_768.0
}

/// ITU-T G.711, table 1a: 14 bits to ±1.
fn mulaw(code: u8) -> f32 {
    let code = !code;
    let (exponent, mantissa) = (u32::from(code >> 4 & 7), i32::from(code & 15));
    let magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    (if code & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }) as f32
        / 32_768.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(
        sample: PcmSample,
        is_big_endian: bool,
        channels: u16,
        bytes: &[u8],
    ) -> [Vec<f32>; 2] {
        let mut out = PcmBlock::default();
        let format = PcmFormat {
            sample,
            is_big_endian,
            speakers: 0,
        };
        PcmDecoder::new(format, 48_000, channels)
            .expect("fine")
            .decode(bytes, &mut out)
            .expect("fine");
        out.channels
    }

    #[test]
    fn integers_of_every_width_reach_full_scale() {
        for (sample, low, high) in [
            (PcmSample::U8, &[0x00][..], &[0x80][..]),
            (PcmSample::I8, &[0x80], &[0x40]),
            (PcmSample::I16, &[0x00, 0x80], &[0x00, 0x40]),
            (PcmSample::I24, &[0x00, 0x00, 0x80], &[0x00, 0x00, 0x40]),
            (
                PcmSample::I32,
                &[0x00, 0x00, 0x00, 0x80],
                &[0x00, 0x00, 0x00, 0x40],
            ),
        ] {
            let expected_high = if sample == PcmSample::U8 { 0.0 } else { 0.5 };
            assert_eq!(decoded(sample, false, 1, low)[0], [-1.0], "{sample:?}");
            assert_eq!(
                decoded(sample, false, 1, high)[0],
                [expected_high],
                "{sample:?}"
            );
            let reversed: Vec<u8> = low.iter().rev().copied().collect();
            assert_eq!(
                decoded(sample, true, 1, &reversed)[1],
                [-1.0],
                "{sample:?} big-endian"
            );
        }
    }

    #[test]
    fn channels_are_kept_apart() {
        assert_eq!(
            decoded(PcmSample::I8, false, 2, &[64, 0x80, 0, 64]),
            [vec![0.5, 0.0], vec![-1.0, 0.5]]
        );
    }

    #[test]
    fn channels_are_mixed_by_the_mask_of_their_file() {
        let mixed = |speakers, bytes: &[u8]| {
            let format = PcmFormat {
                sample: PcmSample::I8,
                is_big_endian: false,
                speakers,
            };
            let mut out = PcmBlock::default();
            let decoder = PcmDecoder::new(format, 48_000, 4);
            let decoded = decoder.expect("fine").decode(bytes, &mut out);
            decoded
                .map(|_| (out.channels[0][0], out.channels[1][0]))
                .expect("fine")
        };
        // the third of four is the centre of 3.1, and the left corner of a square; half of full scale, divided by the
        // loudest sum 1.7071
        let half_power = std::f32::consts::FRAC_1_SQRT_2;
        let weight = 0.5 * half_power / (1.0 + half_power);
        let (left, right) = mixed(0x00F, &[0, 0, 64, 0]);
        assert!(
            (left - weight).abs() < 1e-4 && left == right,
            "{left} {right}"
        );
        let (left, right) = mixed(0x033, &[0, 0, 64, 0]);
        assert!(
            (left - weight).abs() < 1e-4 && right == 0.0,
            "{left} {right}"
        );
        assert_eq!(mixed(0, &[0, 0, 64, 0]), (left, right));
    }

    #[test]
    fn a_ragged_end_is_dropped() {
        assert_eq!(decoded(PcmSample::I16, false, 2, &[0; 7])[0].len(), 1);
    }

    #[test]
    fn not_a_number_is_silence() {
        assert_eq!(
            decoded(PcmSample::F32, false, 1, &f32::NAN.to_le_bytes())[0],
            [0.0]
        );
        assert_eq!(
            decoded(PcmSample::F64, true, 1, &0.25f64.to_be_bytes())[0],
            [0.25]
        );
    }

    #[test]
    fn g711_values_are_those_of_the_recommendation() {
        // A-law 0xD5 is the smallest positive step (8 of 32768), 0xAA the largest (32256); µ-law 0xFF is zero,
        // 0x80 the largest (32124)
        assert_eq!(
            (alaw(0xD5) * 32_768.0, alaw(0xAA) * 32_768.0),
            (8.0, 32_256.0)
        );
        assert_eq!(
            (mulaw(0xFF) * 32_768.0, mulaw(0x80) * 32_768.0),
            (0.0, 32_124.0)
        );
    }
}
