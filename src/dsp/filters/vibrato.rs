//! Owns: pitch that trembles (reference 4.8).
//! Never knows: other filters.

use super::{Filter, lfo::Lfo};
use crate::dsp::spec::VibratoSpec;
use crate::float::Float as _;

/// Deepest swing: 2 ms at 48 kHz.
const SWING: f64 = 96.0;
/// Delay that is always there, in samples: the interpolation reads two samples ahead of its instant.
const LEAST: f64 = 3.0;
/// Length of the ring: a power of two that holds the longest delay of 99 samples and the interpolation's margin.
const RING: usize = 128;

/// A delay line whose length swings, read by third-order Hermite interpolation.
#[derive(Clone, Debug)]
pub(crate) struct Vibrato {
    lfo: Lfo,
    depth: f64,
    /// Left and right of each instant.
    ring: [[f32; 2]; RING],
    write: usize,
}

impl Filter for Vibrato {
    type Settings = VibratoSpec;

    fn new(settings: &VibratoSpec) -> Option<Self> {
        (settings.depth != 0.0).then(|| Self {
            lfo: Lfo::new(f64::from(settings.frequency)),
            depth: f64::from(settings.depth),
            ring: [[0.0; 2]; RING],
            write: 0,
        })
    }

    fn retune(&mut self, settings: &VibratoSpec) {
        self.lfo.set(f64::from(settings.frequency));
        self.depth = f64::from(settings.depth);
    }

    fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        for (l, r) in left.iter_mut().zip(right) {
            let delay = (self.lfo.next() + 1.0) * 0.5 * self.depth * SWING + LEAST;
            // One more, because the present sample is written after the reading.
            let back = (delay + 1.0).ceil();
            let x = (back - delay - 1.0) as f32;
            let first = self.write.wrapping_sub(back as usize);
            let at = |n: usize| self.ring[first.wrapping_add(n) % RING];
            let (y0, y1, y2, y3) = (at(0), at(1), at(2), at(3));
            let out = [0, 1].map(|c| hermite([y0[c], y1[c], y2[c], y3[c]], x));
            self.ring[self.write % RING] = [*l, *r];
            self.write = self.write.wrapping_add(1);
            (*l, *r) = (out[0], out[1]);
        }
    }

    fn reset(&mut self) {
        self.ring = [[0.0; 2]; RING];
    }

    fn rewind(&mut self, samples: u64) {
        self.lfo.rewind(samples);
    }
}

/// The curve through `y[1]` (x = 0) and `y[2]` (x = 1) whose slopes there come from their neighbours.
fn hermite(y: [f32; 4], x: f32) -> f32 {
    let c1 = 0.5 * (y[2] - y[0]);
    let c2 = y[0] - 2.5 * y[1] + 2.0 * y[2] - 0.5 * y[3];
    let c3 = 0.5 * (y[3] - y[0]) + 1.5 * (y[1] - y[2]);
    ((c3 * x + c2) * x + c1) * x + y[1]
}
