//! Owns: a sine that modulates, exact for days.
//! Never knows: what it modulates.

use crate::float::Float as _;
use crate::units::SAMPLE_RATE;
use core::f64::consts::TAU;

/// Samples between two exact values; in between the sine turns by multiplication.
const STRIDE: u32 = 64;

/// `sin(2π * frequency * n / 48000)`, sample after sample.
///
/// The phase is kept in turns and wrapped: the original adds it up in a float, which runs off by per cents and stands
/// still after minutes.
#[derive(Clone, Debug)]
pub(super) struct Lfo {
    /// Phase at the last exact value, in turns, 0 to 1.
    phase: f64,
    /// Turns per sample.
    step: f64,
    /// Sine and cosine of one step.
    turn: (f64, f64),
    now: (f64, f64),
    since_exact: u32,
}

impl Lfo {
    /// Begins at zero, rising for a positive frequency in Hz.
    pub fn new(frequency: f64) -> Self {
        let mut lfo = Self {
            phase: 0.0,
            step: 0.0,
            turn: (0.0, 1.0),
            now: (0.0, 1.0),
            since_exact: 0,
        };
        lfo.set(frequency);
        lfo
    }

    /// Goes on from the present phase with another frequency in Hz.
    pub fn set(&mut self, frequency: f64) {
        self.settle();
        self.step = frequency / f64::from(SAMPLE_RATE);
        self.turn = (TAU * self.step).sin_cos();
    }

    /// Goes back to the phase that it had so many samples ago, at the present frequency.
    pub fn rewind(&mut self, samples: u64) {
        self.settle();
        self.phase = (self.phase - self.step * samples as f64).rem_euclid(1.0);
        self.settle();
    }

    /// The next value, −1 to 1.
    #[inline]
    pub fn next(&mut self) -> f64 {
        if self.since_exact == STRIDE {
            self.settle();
        }
        let value = self.now.0;
        let ((sin, cos), (turn_sin, turn_cos)) = (self.now, self.turn);
        self.now = (
            sin * turn_cos + cos * turn_sin,
            cos * turn_cos - sin * turn_sin,
        );
        self.since_exact += 1;
        value
    }

    /// Computes the present value exactly.
    fn settle(&mut self) {
        self.phase = (self.phase + self.step * f64::from(self.since_exact)).rem_euclid(1.0);
        self.since_exact = 0;
        self.now = (TAU * self.phase).sin_cos();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_later_the_phase_is_still_right() {
        let mut lfo = Lfo::new(14.0);
        let hour: u64 = 3_600 * 48_000;
        lfo.since_exact = hour as u32;
        lfo.settle();
        for n in hour..hour + 1_000 {
            // Reduced in integers: 14 Hz come round once a second.
            let want = (TAU * ((14 * n) % 48_000) as f64 / 48_000.0).sin();
            assert!((lfo.next() - want).abs() < 1e-7);
        }
    }

    #[test]
    fn going_back_gives_the_same_values_again() {
        let mut lfo = Lfo::new(7.0);
        let values: Vec<f64> = (0..5_000).map(|_| lfo.next()).collect();
        lfo.rewind(3_000);
        assert!((lfo.next() - values[2_000]).abs() < 1e-9);
    }

    #[test]
    fn a_new_frequency_goes_on_from_the_same_phase() {
        let mut lfo = Lfo::new(3.0);
        let before = (0..1_234).map(|_| lfo.next()).last().unwrap();
        lfo.set(5.0);
        assert!((lfo.next() - before).abs() < TAU * 5.0 / 48_000.0);
    }
}
