//! Owns: how any number of channels becomes two.
//! Never knows: what was decoded.

use crate::pcm::PcmBlock;

/// −3 dB, the weight of centre and surround channels (ITU-R BS.775-3, annex 4).
const HALF_POWER: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// The most channels that are mixed; more are cut off.
pub(super) const MAX_CHANNELS: usize = 8;

/// Weights of each channel for left and right, normalised so that the loudest possible sum stays within ±1. The low-frequency
/// channel is left out, as the recommendation allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Downmix {
    weights: [Weights; MAX_CHANNELS],
    channels: usize,
}

/// Of one channel, for left and right.
type Weights = (f32, f32);

const L: Weights = (1.0, 0.0);
const R: Weights = (0.0, 1.0);
const C: Weights = (HALF_POWER, HALF_POWER);
const SL: Weights = (HALF_POWER, 0.0);
const SR: Weights = (0.0, HALF_POWER);
/// Behind or above the middle: −3 dB like all surrounds, and −3 dB for being on both sides.
const BC: Weights = (0.5, 0.5);
const LFE: Weights = (0.0, 0.0);

/// By bit of a WAVE channel mask (`SPEAKER_FRONT_LEFT` and so on in Microsoft's `ksmedia.h`). The speakers beside the centre
/// are nearer to the front ones than to it; those above count as surrounds.
const SPEAKERS: [Weights; 18] = [
    L, R, C, LFE, SL, SR, L, R, BC, SL, SR, BC, SL, BC, SR, SL, BC, SR,
];

/// The usual masks of 3 to 8 channels, as FLAC has them (RFC 9639, 9.1.3).
const USUAL: [u32; 6] = [0x007, 0x033, 0x037, 0x03F, 0x70F, 0x63F];

impl Downmix {
    /// For `channels` channels in WAVE order; the layout is the usual one of that count.
    pub(super) fn wave(channels: usize) -> Self {
        Self::speakers(0, channels)
    }

    /// For `channels` channels in the order of the bits of a WAVE channel mask. When the mask has fewer bits, there is no
    /// layout, and the usual one is taken; mono and stereo are heard as they are.
    pub(super) fn speakers(mask: u32, channels: usize) -> Self {
        let channels = channels.min(MAX_CHANNELS);
        let mask = match channels {
            0 | 1 => return Self::of(&[(1.0, 1.0)]),
            2 => return Self::of(&[L, R]),
            _ if (mask.count_ones() as usize) < channels => USUAL[channels - 3],
            _ => mask,
        };
        let mut layout = [LFE; MAX_CHANNELS];
        let bits = (0..32).filter(|bit| mask >> bit & 1 == 1);
        for (weights, bit) in layout.iter_mut().zip(bits) {
            *weights = SPEAKERS.get(bit).copied().unwrap_or(LFE);
        }
        Self::of(&layout[..channels])
    }

    /// For Opus and Vorbis order (RFC 7845, section 5.1.1.2).
    pub(super) fn vorbis(channels: usize) -> Self {
        Self::of(match channels {
            3 => &[L, C, R],
            5 => &[L, C, R, SL, SR],
            6 => &[L, C, R, SL, SR, LFE],
            7 => &[L, C, R, SL, SR, BC, LFE],
            8 => &[L, C, R, SL, SR, SL, SR, LFE],
            other => return Self::wave(other),
        })
    }

    /// For ambisonics in ACN order with SN3D weights (RFC 8486, 3.1): two cardioid microphones that look to the left and to
    /// the right, made of the whole (W) and the sideward (Y) channel.
    pub(super) fn ambisonic() -> Self {
        Self::of(&[(0.5, 0.5), (0.5, -0.5)])
    }

    fn of(layout: &[Weights]) -> Self {
        let sum = |side: fn(&Weights) -> f32| layout.iter().map(|w| side(w).abs()).sum::<f32>();
        let scale = 1.0 / sum(|w| w.0).max(sum(|w| w.1)).max(1.0);
        let mut weights = [LFE; MAX_CHANNELS];
        for (to, from) in weights.iter_mut().zip(layout) {
            *to = (from.0 * scale, from.1 * scale);
        }
        Self {
            weights,
            channels: layout.len(),
        }
    }

    /// Appends `frames` samples; `sample(channel, index)` gives the input.
    pub(super) fn mix(
        &self,
        frames: usize,
        sample: impl Fn(usize, usize) -> f32,
        out: &mut PcmBlock,
    ) {
        let [left, right] = &mut out.channels;
        match self.channels {
            1 => {
                left.extend((0..frames).map(|i| sample(0, i)));
                right.extend((0..frames).map(|i| sample(0, i)));
            }
            2 if self.weights[..2] == [L, R] => {
                left.extend((0..frames).map(|i| sample(0, i)));
                right.extend((0..frames).map(|i| sample(1, i)));
            }
            n => {
                for i in 0..frames {
                    let (mut l, mut r) = (0.0, 0.0);
                    for (channel, weight) in self.weights[..n].iter().enumerate() {
                        let value = sample(channel, i);
                        l += value * weight.0;
                        r += value * weight.1;
                    }
                    left.push(l);
                    right.push(r);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(downmix: Downmix, inputs: &[f32]) -> (f32, f32) {
        let mut out = PcmBlock::default();
        downmix.mix(1, |channel, _| inputs[channel], &mut out);
        (out.channels[0][0], out.channels[1][0])
    }

    #[test]
    fn mono_is_heard_on_both_sides_at_full_level() {
        assert_eq!(mixed(Downmix::wave(1), &[0.5]), (0.5, 0.5));
    }

    #[test]
    fn stereo_is_untouched() {
        assert_eq!(mixed(Downmix::wave(2), &[0.25, -1.0]), (0.25, -1.0));
    }

    #[test]
    fn no_layout_exceeds_full_scale() {
        for channels in 1..=MAX_CHANNELS {
            for downmix in [Downmix::wave(channels), Downmix::vorbis(channels)] {
                let (l, r) = mixed(downmix, &[1.0; MAX_CHANNELS]);
                assert!(
                    l <= 1.0 + 1e-6 && r <= 1.0 + 1e-6,
                    "{channels} channels: {l} {r}"
                );
            }
        }
    }

    /// Where each speaker alone is heard, before it is scaled: BS.775-3, table 2 for those that it has.
    fn alone(downmix: Downmix, channels: usize) -> Vec<(f32, f32)> {
        let mut all: Vec<_> = (0..channels)
            .map(|channel| {
                let mut inputs = [0.0; MAX_CHANNELS];
                inputs[channel] = 1.0;
                mixed(downmix, &inputs)
            })
            .collect();
        let scale = 1.0 / all[0].0;
        for (l, r) in &mut all {
            (*l, *r) = (*l * scale, *r * scale);
        }
        all
    }

    #[test]
    fn every_speaker_is_heard_where_it_stands() {
        let (h, none) = (std::f32::consts::FRAC_1_SQRT_2, (0.0, 0.0));
        let (l, r, c) = ((1.0, 0.0), (0.0, 1.0), (h, h));
        let (sl, sr, back) = ((h, 0.0), (0.0, h), (0.5, 0.5));
        let near = |a: &[(f32, f32)], b: &[(f32, f32)]| {
            let pairs = a.iter().zip(b);
            a.len() == b.len()
                && pairs
                    .into_iter()
                    .all(|(a, b)| (a.0 - b.0).abs() < 1e-6 && (a.1 - b.1).abs() < 1e-6)
        };
        for (mask, expected) in [
            // the usual ones
            (0, vec![l, r, c]),
            (0, vec![l, r, sl, sr]),
            (0, vec![l, r, c, sl, sr]),
            (0, vec![l, r, c, none, sl, sr]),
            (0, vec![l, r, c, none, back, sl, sr]),
            (0, vec![l, r, c, none, sl, sr, sl, sr]),
            // 2.1, 3.1, 4.0, 5.1 with side speakers, 7.1 wide, 5.1 with two above
            (0x00B, vec![l, r, none]),
            (0x00F, vec![l, r, c, none]),
            (0x107, vec![l, r, c, back]),
            (0x60F, vec![l, r, c, none, sl, sr]),
            (0x0FF, vec![l, r, c, none, sl, sr, l, r]),
            (0x503F, vec![l, r, c, none, sl, sr, sl, sr]),
            // a mask with fewer bits than channels says nothing
            (0x003, vec![l, r, c, none, sl, sr]),
            // bits that no speaker has
            (0x8000_0003, vec![l, r, none]),
        ] {
            let found = alone(Downmix::speakers(mask, expected.len()), expected.len());
            assert!(near(&found, &expected), "{mask:#x}: {found:?}");
        }
        let opus = alone(Downmix::vorbis(8), 8);
        assert!(near(&opus, &[l, c, r, sl, sr, sl, sr, none]), "{opus:?}");
    }

    #[test]
    fn ambisonics_are_heard_from_the_left_and_from_the_right() {
        // a source on the left: W = 1, Y = 1; on the right: Y = -1 (RFC 8486, 3.1)
        assert_eq!(
            mixed(Downmix::ambisonic(), &[1.0, 1.0, 0.0, 0.0]),
            (1.0, 0.0)
        );
        assert_eq!(
            mixed(Downmix::ambisonic(), &[1.0, -1.0, 0.0, 0.0]),
            (0.0, 1.0)
        );
        assert_eq!(
            mixed(Downmix::ambisonic(), &[1.0, 0.0, 0.0, 1.0]),
            (0.5, 0.5)
        );
    }

    #[test]
    fn the_centre_of_5_1_is_heard_equally_and_the_bass_channel_is_not() {
        let (l, r) = mixed(Downmix::wave(6), &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(l, r);
        // 0.7071 / (1 + 2 × 0.7071)
        assert!((l - 0.292_893_2).abs() < 1e-6, "{l}");
        let (l, r) = mixed(Downmix::vorbis(6), &[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert!(
            (l - 0.292_893_2).abs() < 1e-6 && (r - 0.292_893_2).abs() < 1e-6,
            "{l} {r}"
        );
    }
}
