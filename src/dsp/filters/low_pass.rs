//! Owns: the one-pole low pass (reference 4.11).
//! Never knows: other filters.

use super::Filter;
use crate::dsp::spec::LowPassSpec;

/// `v += (x − v) / smoothing`, beginning at the first sample.
#[derive(Clone, Debug)]
pub(crate) struct LowPass {
    smoothing: f32,
    state: Option<[f32; 2]>,
}

impl Filter for LowPass {
    type Settings = LowPassSpec;

    fn new(settings: &LowPassSpec) -> Option<Self> {
        Some(Self {
            smoothing: settings.smoothing,
            state: None,
        })
    }

    fn retune(&mut self, settings: &LowPassSpec) {
        self.smoothing = settings.smoothing;
    }

    fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        let (Some(&first_left), Some(&first_right)) = (left.first(), right.first()) else {
            return;
        };
        let mut state = self.state.unwrap_or([first_left, first_right]);
        let part = 1.0 / self.smoothing;
        for (l, r) in left.iter_mut().zip(right) {
            state[0] += (*l - state[0]) * part;
            state[1] += (*r - state[1]) * part;
            (*l, *r) = (state[0], state[1]);
        }
        self.state = Some(state);
    }

    fn reset(&mut self) {
        self.state = None;
    }
}
