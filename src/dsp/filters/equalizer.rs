//! Owns: the fifteen-band equalizer (reference 4.4).
//! Never knows: other filters.

use super::Filter;
use crate::dsp::spec::{BANDS, EqualizerSpec};

/// Bands, filled up with one that is always silent, so that they make whole vectors.
const LANES: usize = 16;

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

/// One channel's histories: two inputs, and two outputs of each band.
#[derive(Clone, Debug)]
struct History {
    x: [f32; 2],
    y1: [f32; LANES],
    y2: [f32; LANES],
}

const SILENCE: History = History {
    x: [0.0; 2],
    y1: [0.0; LANES],
    y2: [0.0; LANES],
};

/// Fifteen band passes beside the dry signal, all bands of a sample computed at once.
#[derive(Clone, Debug)]
pub(crate) struct Equalizer {
    beta: [f32; LANES],
    alpha: [f32; LANES],
    gamma: [f32; LANES],
    /// Four times the client's gains.
    gains: [f32; LANES],
    history: [History; 2],
}

fn gains(settings: &EqualizerSpec) -> [f32; LANES] {
    std::array::from_fn(|band| settings.gains.get(band).map_or(0.0, |gain| 4.0 * gain))
}

impl Equalizer {
    fn channel(&mut self, channel: usize, samples: &mut [f32]) {
        let Self {
            beta,
            alpha,
            gamma,
            gains,
            ..
        } = &*self;
        // Locals, so that they stay in registers.
        let History {
            x: [mut x1, mut x2],
            mut y1,
            mut y2,
        } = self.history[channel].clone();
        for sample in samples {
            let x = *sample;
            let step = x - x2;
            let mut sum = [0.0f32; LANES];
            for band in 0..LANES {
                let y = alpha[band] * step + gamma[band] * y1[band] - beta[band] * y2[band];
                y2[band] = y1[band];
                y1[band] = y;
                sum[band] = gains[band] * y;
            }
            (x2, x1) = (x1, x);
            let quarters: [f32; 4] =
                std::array::from_fn(|k| (sum[k] + sum[k + 4]) + (sum[k + 8] + sum[k + 12]));
            let wet = (quarters[0] + quarters[1]) + (quarters[2] + quarters[3]);
            *sample = (x + wet).clamp(-1.0, 1.0);
        }
        self.history[channel] = History {
            x: [x1, x2],
            y1,
            y2,
        };
    }
}

impl Filter for Equalizer {
    type Settings = EqualizerSpec;

    /// The original's limit of ±1 holds with neutral gains too.
    fn new(settings: &EqualizerSpec) -> Option<Self> {
        let lane = |pick: fn(&(f64, f64, f64)) -> f64| {
            std::array::from_fn(|band| COEFFICIENTS.get(band).map_or(0.0, |c| pick(c) as f32))
        };
        Some(Self {
            beta: lane(|c| c.0),
            alpha: lane(|c| c.1),
            gamma: lane(|c| c.2),
            gains: gains(settings),
            history: [SILENCE, SILENCE],
        })
    }

    fn retune(&mut self, settings: &EqualizerSpec) {
        self.gains = gains(settings);
    }

    fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        self.channel(0, left);
        self.channel(1, right);
    }

    fn reset(&mut self) {
        self.history = [SILENCE, SILENCE];
    }
}
