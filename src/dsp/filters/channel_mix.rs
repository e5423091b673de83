//! Owns: the 2 × 2 matrix (reference 4.11).
//! Never knows: other filters.

use super::Filter;
use crate::dsp::spec::ChannelMixSpec;

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
        for (l, r) in left.iter_mut().zip(right) {
            let (x, y) = (*l, *r);
            *l = (x * m.left_to_left + y * m.right_to_left).clamp(-1.0, 1.0);
            *r = (x * m.left_to_right + y * m.right_to_right).clamp(-1.0, 1.0);
        }
    }

    fn reset(&mut self) {}
}
