//! Owns: the distortion curve (reference 4.10).
//! Never knows: other filters.

use super::Filter;
use crate::dsp::spec::DistortionSpec;
use crate::float::Float as _;

/// A product of sine, cosine and tangent of the sample, limited to ±1; the sample itself is not a factor.
#[derive(Clone, Debug)]
pub(crate) struct Distortion(DistortionSpec);

impl Distortion {
    #[inline]
    fn curve(&self, x: f32) -> f32 {
        let d = &self.0;
        let sin = d.sin_offset + (x * d.sin_scale).sin();
        let cos = d.cos_offset + (x * d.cos_scale).cos();
        let tan = d.tan_offset + (x * d.tan_scale).tan();
        (d.offset + d.scale * sin * cos * tan).clamp(-1.0, 1.0)
    }
}

impl Filter for Distortion {
    type Settings = DistortionSpec;

    fn new(settings: &DistortionSpec) -> Option<Self> {
        Some(Self(*settings))
    }

    fn retune(&mut self, settings: &DistortionSpec) {
        self.0 = *settings;
    }

    fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        for x in left.iter_mut().chain(right) {
            *x = self.curve(*x);
        }
    }

    fn reset(&mut self) {}
}
