//! Owns: samples as a sound card takes them: which format, how many channels, in which order of bytes.
//! Never knows: ALSA, or where the samples come from.

use crate::pcm::PcmBlock;

/// A format of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// 16-bit integers.
    S16,
    /// 32-bit integers.
    S32,
    /// 32-bit floats, nominal ±1.
    F32,
}

/// How a card wants its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Their format.
    pub sample: Sample,
    /// Whether the first byte is the highest.
    pub is_big_endian: bool,
    /// How many channels lie interleaved. One gets the mean of left and right: full scale stays full scale, as everything
    /// before it may use all of it. Of more than two, the first are front left and front right, in ALSA's order as in
    /// all others, and the rest are silent.
    pub channels: usize,
}

impl Shape {
    /// Bytes of one sample of each channel.
    pub(super) const fn stride(self) -> usize {
        self.channels
            * match self.sample {
                Sample::S16 => 2,
                Sample::S32 | Sample::F32 => 4,
            }
    }

    /// Appends a block, `gain` times as loud. What is louder than full scale is clipped; what is no number is silent.
    pub(super) fn put(self, block: &PcmBlock, gain: f32, out: &mut Vec<u8>) {
        match (self.sample, self.is_big_endian) {
            (Sample::S16, false) => self.each(block, gain, out, |x| to_s16(x).to_le_bytes()),
            (Sample::S16, true) => self.each(block, gain, out, |x| to_s16(x).to_be_bytes()),
            (Sample::S32, false) => self.each(block, gain, out, |x| to_s32(x).to_le_bytes()),
            (Sample::S32, true) => self.each(block, gain, out, |x| to_s32(x).to_be_bytes()),
            (Sample::F32, false) => self.each(block, gain, out, |x| to_f32(x).to_le_bytes()),
            (Sample::F32, true) => self.each(block, gain, out, |x| to_f32(x).to_be_bytes()),
        }
    }

    #[inline(always)]
    fn each<const N: usize>(
        self,
        block: &PcmBlock,
        gain: f32,
        out: &mut Vec<u8>,
        convert: impl Fn(f32) -> [u8; N],
    ) {
        let [left, right] = &block.channels;
        let pairs = left.iter().zip(right);
        match self.channels {
            1 => pairs.for_each(|(l, r)| out.extend_from_slice(&convert((l + r) * 0.5 * gain))),
            channels => {
                let silent = (channels.saturating_sub(2)) * N;
                for (l, r) in pairs {
                    out.extend_from_slice(&convert(l * gain));
                    out.extend_from_slice(&convert(r * gain));
                    out.resize(out.len() + silent, 0);
                }
            }
        }
    }
}

/// 2¹⁵ steps to full scale, as decoders of 16 bits count them: what was 16 bits comes out as it was. `as` saturates, and makes
/// zero of what is no number.
fn to_s16(x: f32) -> i16 {
    (x * 32_768.0).round() as i16
}

fn to_s32(x: f32) -> i32 {
    (f64::from(x) * 2_147_483_648.0) as i32
}

fn to_f32(x: f32) -> f32 {
    if x.is_nan() { 0.0 } else { x.clamp(-1.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(sample: Sample, is_big_endian: bool, channels: usize, pairs: &[[f32; 2]]) -> Vec<u8> {
        let shape = Shape {
            sample,
            is_big_endian,
            channels,
        };
        let side = |i: usize| pairs.iter().map(|pair| pair[i]).collect();
        let block = PcmBlock {
            channels: [side(0), side(1)],
        };
        let mut out = Vec::new();
        shape.put(&block, 1.0, &mut out);
        assert_eq!(out.len(), pairs.len() * shape.stride());
        out
    }

    #[test]
    fn sixteen_bits_come_out_as_they_went_in() {
        let all: Vec<[f32; 2]> = (i16::MIN..=i16::MAX)
            .map(|x| [f32::from(x) / 32_768.0; 2])
            .collect();
        let expected: Vec<u8> = (i16::MIN..=i16::MAX)
            .flat_map(|x| [x.to_le_bytes(), x.to_le_bytes()].concat())
            .collect();
        assert_eq!(put(Sample::S16, false, 2, &all), expected);
    }

    #[test]
    fn what_is_too_loud_is_clipped_and_what_is_no_number_is_silent() {
        let pairs = [[2.0, -2.0], [f32::NAN, f32::INFINITY]];
        let as_i16: Vec<i16> = put(Sample::S16, false, 2, &pairs)
            .chunks(2)
            .map(|b| i16::from_le_bytes([b[0], b[1]]))
            .collect();
        assert_eq!(as_i16, [i16::MAX, i16::MIN, 0, i16::MAX]);
        let four = |b: &[u8]| [b[0], b[1], b[2], b[3]];
        let as_i32: Vec<i32> = put(Sample::S32, false, 2, &pairs)
            .chunks(4)
            .map(|b| i32::from_le_bytes(four(b)))
            .collect();
        assert_eq!(as_i32, [i32::MAX, i32::MIN, 0, i32::MAX]);
        let as_f32: Vec<f32> = put(Sample::F32, false, 2, &pairs)
            .chunks(4)
            .map(|b| f32::from_le_bytes(four(b)))
            .collect();
        assert_eq!(as_f32, [1.0, -1.0, 0.0, 1.0]);
    }

    #[test]
    fn bytes_lie_in_the_order_that_the_card_wants() {
        let half = [[0.5, -0.5]];
        assert_eq!(put(Sample::S16, false, 2, &half), [0, 0x40, 0, 0xC0]);
        assert_eq!(put(Sample::S16, true, 2, &half), [0x40, 0, 0xC0, 0]);
        assert_eq!(
            put(Sample::S32, true, 2, &half),
            [0x40, 0, 0, 0, 0xC0, 0, 0, 0]
        );
        // IEEE 754: 0.5 is 3F000000
        assert_eq!(
            put(Sample::F32, true, 2, &half),
            [0x3F, 0, 0, 0, 0xBF, 0, 0, 0]
        );
    }

    #[test]
    fn one_channel_is_the_mean_and_many_begin_with_the_front() {
        let pairs = [[1.0, 0.5]];
        assert_eq!(put(Sample::S16, true, 1, &pairs), [0x60, 0]);
        assert_eq!(
            put(Sample::S16, true, 6, &pairs),
            [0x7F, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
    }
}
