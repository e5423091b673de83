//! Owns: the 2 × 2 matrix (reference 4.11).
//! Never knows: other filters.

use super::Filter;
use crate::{
    dsp::spec::ChannelMixSpec,
    kernel::{Matrix, kernels},
};

/// Both outputs are sums of both inputs, limited to ±1.
#[derive(Clone, Debug)]
pub(crate) struct ChannelMix(ChannelMixSpec);

impl Filter for ChannelMix {
    type Settings = ChannelMixSpec;

    fn new(settings: &ChannelMixSpec) -> Option<Self> {
        Some(Self(*settings))
    }

    fn retune(&mut self, settings: &ChannelMixSpec) {
        self.0 = *settings;
    }

    fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        let m = self.0;
        let matrix = Matrix {
            left: [m.left_to_left, m.right_to_left],
            right: [m.left_to_right, m.right_to_right],
        };
        (kernels().matrix)(left, right, &matrix);
    }

    fn reset(&mut self) {}
}
