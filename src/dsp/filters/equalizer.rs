//! Owns: the fifteen-band equalizer (reference 4.4).
//! Never knows: other filters.

use super::Filter;
use crate::{
    dsp::spec::{BANDS, EqualizerSpec},
    kernel::{Bank, History, LANES, kernels},
};

/// β, α, γ of each band pass at 48 kHz, from 25 Hz to 16 kHz (reference 4.4).
const COEFFICIENTS: [(f64, f64, f64); BANDS] = [
    (0.99847546664, 0.00076226668143, 1.9984647656),
    (0.99756184654, 0.0012190767289, 1.9975344645),
    (0.99616261379, 0.0019186931041, 1.9960947369),
    (0.99391578543, 0.0030421072865, 1.9937449618),
    (0.99028307215, 0.0048584639242, 1.9898465702),
    (0.98485897264, 0.0075705136795, 1.9837962543),
    (0.97588512657, 0.012057436715, 1.9731772447),
    (0.96228521814, 0.018857390928, 1.9556164694),
    (0.94080933132, 0.029595334338, 1.9242054384),
    (0.90702059196, 0.046489704022, 1.8653476166),
    (0.85868004289, 0.070659978553, 1.7600401337),
    (0.78409610788, 0.10795194606, 1.5450725522),
    (0.68332861002, 0.15833569499, 1.1426447155),
    (0.55267518228, 0.22366240886, 0.40186190803),
    (0.41811888447, 0.29094055777, -0.70905944223),
];

/// Fifteen band passes beside the dry signal, filled up with one that is always silent.
///
/// Gains in `bank` are four times the client's.
#[derive(Clone, Debug)]
pub(crate) struct Equalizer {
    bank: Bank,
    history: [History; 2],
}

fn gains(settings: &EqualizerSpec) -> [f32; LANES] {
    core::array::from_fn(|band| settings.gains.get(band).map_or(0.0, |gain| 4.0 * gain))
}

impl Filter for Equalizer {
    type Settings = EqualizerSpec;

    /// The original's limit of ±1 holds with neutral gains too.
    fn new(settings: &EqualizerSpec) -> Option<Self> {
        let lane = |pick: fn(&(f64, f64, f64)) -> f64| {
            core::array::from_fn(|band| COEFFICIENTS.get(band).map_or(0.0, |c| pick(c) as f32))
        };
        Some(Self {
            bank: Bank {
                beta: lane(|c| c.0),
                alpha: lane(|c| c.1),
                gamma: lane(|c| c.2),
                gains: gains(settings),
            },
            history: [History::SILENCE; 2],
        })
    }

    fn retune(&mut self, settings: &EqualizerSpec) {
        self.bank.gains = gains(settings);
    }

    fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        (kernels().bands)(&self.bank, &mut self.history, left, right);
    }

    fn reset(&mut self) {
        self.history = [History::SILENCE; 2];
    }
}
