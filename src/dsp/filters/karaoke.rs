//! Owns: taking the centre away (reference 4.5).
//! Never knows: other filters.

use super::Filter;
use crate::float::Float as _;
use crate::{dsp::spec::KaraokeSpec, units::SAMPLE_RATE};
use core::f64::consts::TAU;

/// Each channel minus the other, plus a narrow band of their sum.
#[derive(Clone, Debug)]
pub(crate) struct Karaoke {
    level: f32,
    mono_level: f32,
    /// `y = a * x − b * y1 − c * y2`
    band: [f32; 3],
    history: [f32; 2],
}

/// Coefficients of the band pass; `A = sqrt(1 − B²/4C) * (1 − C)` written without the division by a C that may be zero.
fn band(settings: &KaraokeSpec) -> [f32; 3] {
    let rate = f64::from(SAMPLE_RATE);
    let c = (-TAU * f64::from(settings.filter_width) / rate).exp();
    let cos = (TAU * f64::from(settings.filter_band) / rate).cos();
    let b = -4.0 * c / (1.0 + c) * cos;
    let a = (1.0 - 4.0 * c * (cos / (1.0 + c)).powi(2)).max(0.0).sqrt() * (1.0 - c);
    [a as f32, b as f32, c as f32]
}

impl Filter for Karaoke {
    type Settings = KaraokeSpec;

    fn new(settings: &KaraokeSpec) -> Option<Self> {
        Some(Self {
            level: settings.level,
            mono_level: settings.mono_level,
            band: band(settings),
            history: [0.0; 2],
        })
    }

    fn retune(&mut self, settings: &KaraokeSpec) {
        self.level = settings.level;
        self.mono_level = settings.mono_level;
        self.band = band(settings);
    }

    fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        let ([a, b, c], [mut y1, mut y2]) = (self.band, self.history);
        for (l, r) in left.iter_mut().zip(right) {
            let y = a * ((*l + *r) * 0.5) - b * y1 - c * y2;
            (y2, y1) = (y1, y);
            let centre = y * self.mono_level * self.level;
            let (x, z) = (*l, *r);
            *l = x - z * self.level + centre;
            *r = z - x * self.level + centre;
        }
        self.history = [y1, y2];
    }

    fn reset(&mut self) {
        self.history = [0.0; 2];
    }
}
