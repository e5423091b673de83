//! Owns: sound that walks around the listener (reference 4.9).
//! Never knows: other filters.

use super::{Filter, lfo::Lfo};
use crate::dsp::spec::RotationSpec;

/// Left times `(1 + sin θ) / 2`, right times `(1 − sin θ) / 2`: both at half in the beginning.
#[derive(Clone, Debug)]
pub(crate) struct Rotation(Lfo);

impl Filter for Rotation {
    type Settings = RotationSpec;

    fn new(settings: &RotationSpec) -> Option<Self> {
        Some(Self(Lfo::new(settings.rotation_hz)))
    }

    fn retune(&mut self, settings: &RotationSpec) {
        self.0.set(settings.rotation_hz);
    }

    fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        for (l, r) in left.iter_mut().zip(right) {
            let half_sin = 0.5 * self.0.next();
            *l *= (0.5 + half_sin) as f32;
            *r *= (0.5 - half_sin) as f32;
        }
    }

    fn reset(&mut self) {}

    fn rewind(&mut self, samples: u64) {
        self.0.rewind(samples);
    }
}
