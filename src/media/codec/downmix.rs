//! Owns: how any number of channels becomes two.
//! Never knows: what was decoded.

use crate::pcm::PcmBlock;

/// −3 dB, the weight of centre and surround channels (ITU-R BS.775-3, annex 4).
const HALF_POWER: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// The most channels that are mixed; more are cut off.
pub(super) const MAX_CHANNELS: usize = 8;

/// Weights of each channel for left and right, in WAVE order (FL FR FC LFE BL BR SL SR), normalised so that the loudest
/// possible sum stays within ±1. The low-frequency channel is left out, as the recommendation allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Downmix {
    weights: [(f32, f32); MAX_CHANNELS],
    channels: usize,
}

const L: (f32, f32) = (1.0, 0.0);
const R: (f32, f32) = (0.0, 1.0);
const C: (f32, f32) = (HALF_POWER, HALF_POWER);
const SL: (f32, f32) = (HALF_POWER, 0.0);
const SR: (f32, f32) = (0.0, HALF_POWER);
const BC: (f32, f32) = (0.5, 0.5);
const LFE: (f32, f32) = (0.0, 0.0);

impl Downmix {
    /// For `channels` channels in WAVE order; the layout is the usual one of that count.
    pub(super) fn wave(channels: usize) -> Self {
        Self::of(match channels {
            0 | 1 => &[(1.0, 1.0)],
            2 => &[L, R],
            3 => &[L, R, C],
            4 => &[L, R, SL, SR],
            5 => &[L, R, C, SL, SR],
            6 => &[L, R, C, LFE, SL, SR],
            7 => &[L, R, C, LFE, BC, SL, SR],
            _ => &[L, R, C, LFE, SL, SR, SL, SR],
        })
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

    fn of(layout: &[(f32, f32)]) -> Self {
        let sum = |side: fn(&(f32, f32)) -> f32| layout.iter().map(side).sum::<f32>();
        let scale = 1.0 / sum(|w| w.0).max(sum(|w| w.1)).max(1.0);
        let mut weights = [(0.0, 0.0); MAX_CHANNELS];
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
            2 => {
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
