//! Owns: joining two runs of the same track whose samples do not lie at each other, without a click.
//! Never knows: why there are two.

use crate::{dsp::FADE_SAMPLES, pcm::PcmBlock};
use std::f32::consts::PI;

/// How far the places lie apart at which the old sound may be left for the new one, in samples: a tone of 50 Hz swings once
/// in it.
pub(super) const REACH: usize = 960;

/// What a place loses at the edge against the middle: enough to decide between equals, not between good and bad.
const MIDDLE: f32 = 0.02;

/// What sounded until now, waiting for what is to follow.
#[derive(Clone)]
pub(super) struct Splice {
    /// [`FADE_SAMPLES`] that would have come.
    old: PcmBlock,
    /// How many samples of the new sound may be left out in front.
    reach: usize,
}

impl Splice {
    /// `old` begins where the new sound is to fade in; silence is added when it is too short. Of the new sound as many
    /// samples are left out, from 0 to `reach`, as makes it most like the old.
    pub(super) fn new(mut old: PcmBlock, reach: usize) -> Self {
        old.resize(FADE_SAMPLES);
        Self { old, reach }
    }

    /// Samples of the new sound that [`join`](Self::join) wants to see.
    pub(super) const fn needs(&self) -> usize {
        FADE_SAMPLES + self.reach
    }

    /// Fades from the old to the new sound; returns how many samples have been left out. Silence is added to new sound that
    /// is too short.
    pub(super) fn join(&self, new: &mut PcmBlock) -> usize {
        new.resize(new.len().max(FADE_SAMPLES));
        let (left_out, likeness) = self.best(new);
        new.drop_front(left_out);
        // The loudness of a sum depends on how alike its parts are: of equal ones amplitudes are shared out, of strangers
        // powers.
        let alike = likeness.max(0.0);
        for (new, old) in new.channels.iter_mut().zip(&self.old.channels) {
            for (n, (new, old)) in new.iter_mut().zip(old).enumerate() {
                let rising = 0.5 - 0.5 * (PI * (n as f32 + 0.5) / FADE_SAMPLES as f32).cos();
                let falling = 1.0 - rising;
                let loudness =
                    (rising * rising + falling * falling + 2.0 * alike * rising * falling).sqrt();
                *new = (rising * *new + falling * *old) / loudness;
            }
        }
        left_out
    }

    /// Where the new sound is most like the old, the middle before the edges, and how alike they are there, −1 to 1.
    fn best(&self, new: &PcmBlock) -> (usize, f32) {
        let reach = self.reach.min(new.len() - FADE_SAMPLES);
        let own = energy(&self.old, 0);
        let middle = reach as f32 / 2.0;
        let mut found = (f32::NEG_INFINITY, 0, 0.0);
        for at in 0..=reach {
            // Far below the quietest sound a file can hold.
            let likeness = product(&self.old, new, at) / (own * energy(new, at) + 1e-18).sqrt();
            let score = likeness - MIDDLE * (at as f32 - middle).abs() / middle.max(1.0);
            if score > found.0 {
                found = (score, at, likeness);
            }
        }
        (found.1, found.2)
    }
}

/// Sum over both channels of the products with the samples of `block` from `at` on.
fn product(old: &PcmBlock, block: &PcmBlock, at: usize) -> f32 {
    let channels = old.channels.iter().zip(&block.channels);
    channels
        .map(|(old, new)| dot(old, &new[at..at + FADE_SAMPLES]))
        .sum()
}

fn energy(block: &PcmBlock, at: usize) -> f32 {
    let piece = |channel: &Vec<f32>| {
        let piece = &channel[at..at + FADE_SAMPLES];
        dot(piece, piece)
    };
    block.channels.iter().map(piece).sum()
}

/// In eight sums, so that it vectorises.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn tone(from: usize, len: usize, hz: f32) -> PcmBlock {
        let wave = |n: usize| 0.5 * (TAU * hz * n as f32 / 48_000.0).sin();
        let samples: Vec<f32> = (from..from + len).map(wave).collect();
        PcmBlock {
            channels: [samples.clone(), samples],
        }
    }

    #[test]
    fn the_same_sound_goes_on_where_it_was() {
        // Noise is like itself at one place only.
        let mut x = 1u32;
        let noise = (0..4_000).map(|_| {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            (f64::from(x) / 2_147_483_648.0 - 1.0) as f32
        });
        let noise: Vec<f32> = noise.collect();
        let block = |from: usize, len: usize| PcmBlock {
            channels: [noise[from..][..len].to_vec(), noise[from..][..len].to_vec()],
        };
        let splice = Splice::new(block(1_300, FADE_SAMPLES), REACH);
        let mut new = block(1_000, splice.needs());
        assert_eq!(splice.join(&mut new), 300);
        let heard = &new.channels[0][..];
        let off = heard
            .iter()
            .zip(&noise[1_300..])
            .map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f32::max) < 1e-6);
    }

    #[test]
    fn strangers_are_as_loud_in_the_middle_as_at_the_edges() {
        let splice = Splice::new(tone(0, FADE_SAMPLES, 1_000.0), 0);
        let mut new = tone(0, splice.needs(), 1_700.0);
        assert_eq!(splice.join(&mut new), 0);
        let power: f32 = new.channels[0][200..520].iter().map(|x| x * x).sum::<f32>() / 320.0;
        // A tone of 0.5 has a power of 0.125.
        assert!((power / 0.125 - 1.0).abs() < 0.1, "{power}");
    }

    #[test]
    fn what_is_too_short_is_joined_with_silence() {
        let splice = Splice::new(tone(0, 100, 1_000.0), REACH);
        let mut new = tone(0, 50, 1_000.0);
        assert_eq!(splice.join(&mut new), 0);
        assert_eq!(new.len(), FADE_SAMPLES);
        assert!(new.channels.iter().flatten().all(|x| x.is_finite()));
    }
}
