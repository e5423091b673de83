//! Owns: the `volume` filter (reference 4.11), another curve than the player's volume.
//! Never knows: other filters.

use super::Filter;
use crate::float::Float as _;
use crate::kernel::kernels;

/// Samples times a factor, limited to ±1.
#[derive(Clone, Debug)]
pub(crate) struct Volume(f32);

/// 0.5 → 0.4169, 1.5 → 2.46, 5 → 8.204.
fn factor(volume: f32) -> f32 {
    if volume <= 1.5 {
        (f64::from(volume) * 0.79).tan() as f32
    } else {
        (24_612.0 * f64::from(volume) * 100.0 / 150.0 / 10_000.0) as f32
    }
}

impl Filter for Volume {
    type Settings = f32;

    /// Within 0.02 of 1 the original lets samples pass.
    fn new(volume: &f32) -> Option<Self> {
        ((1.0 - volume).abs() >= 0.02).then(|| Self(factor(*volume)))
    }

    fn retune(&mut self, volume: &f32) {
        self.0 = factor(*volume);
    }

    fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        for samples in [left, right] {
            (kernels().gain)(samples, self.0);
        }
    }

    fn reset(&mut self) {}
}
