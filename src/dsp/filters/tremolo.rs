//! Owns: loudness that trembles (reference 4.7).
//! Never knows: other filters.

use super::{Filter, lfo::Lfo};
use crate::dsp::spec::TremoloSpec;

/// Both channels times `(1 − depth/2) + depth/2 * sin`.
#[derive(Clone, Debug)]
pub(crate) struct Tremolo {
    lfo: Lfo,
    half_depth: f64,
}

impl Filter for Tremolo {
    type Settings = TremoloSpec;

    fn new(settings: &TremoloSpec) -> Option<Self> {
        (settings.depth != 0.0).then(|| Self {
            lfo: Lfo::new(f64::from(settings.frequency)),
            half_depth: f64::from(settings.depth) / 2.0,
        })
    }

    fn retune(&mut self, settings: &TremoloSpec) {
        self.lfo.set(f64::from(settings.frequency));
        self.half_depth = f64::from(settings.depth) / 2.0;
    }

    fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        for (l, r) in left.iter_mut().zip(right) {
            let gain = (1.0 - self.half_depth + self.half_depth * self.lfo.next()) as f32;
            *l *= gain;
            *r *= gain;
        }
    }

    fn reset(&mut self) {}

    fn rewind(&mut self, samples: u64) {
        self.lfo.rewind(samples);
    }
}
