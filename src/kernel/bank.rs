//! Owns: sixteen second-order band passes beside each other, added up; other loops do the same to the bit.
//! Never knows: which bands they are.
//!
//! Each product and sum is rounded by itself and in one order, `(α·step + γ·y₁) − β·y₂`: so a band gives the original's
//! samples to the bit. A fused multiply-add would be shorter and as good, but another sound by a hair on every machine.

use super::STEP;

/// Bands: two vectors.
pub const LANES: usize = 2 * STEP;

/// What the bands are made of: `y = α (x − x₂) + γ y₁ − β y₂`, and what of it is added to the dry signal.
#[derive(Clone, Copy, Debug)]
#[repr(C)] // neon.c reads it
pub struct Bank {
    /// Weight of the input and of the input but one.
    pub alpha: [f32; LANES],
    /// Weight of the output but one.
    pub beta: [f32; LANES],
    /// Weight of the last output.
    pub gamma: [f32; LANES],
    /// What of each band is added.
    pub gains: [f32; LANES],
}

/// One channel's past: two inputs, and two outputs of each band.
#[derive(Clone, Copy, Debug)]
#[repr(C)] // neon.c reads it
pub struct History {
    pub(super) x1: f32,
    pub(super) x2: f32,
    pub(super) y1: [f32; LANES],
    pub(super) y2: [f32; LANES],
}

impl History {
    /// Nothing was heard yet.
    pub const SILENCE: Self = Self {
        x1: 0.0,
        x2: 0.0,
        y1: [0.0; LANES],
        y2: [0.0; LANES],
    };
}

/// The signal with its bands, within ±1.
#[inline(always)]
pub(super) fn limited(x: f32, bands: f32) -> f32 {
    (x + bands).clamp(-1.0, 1.0)
}

/// Adds the bands to both channels, in place; channels are equally long.
pub(super) fn portable(bank: &Bank, past: &mut [History; 2], left: &mut [f32], right: &mut [f32]) {
    for (past, samples) in past.iter_mut().zip([left, right]) {
        // A local, so that it stays in registers.
        let mut now = *past;
        for sample in samples {
            let x = *sample;
            let step = x - now.x2;
            let y: [f32; LANES] = core::array::from_fn(|band| {
                bank.alpha[band] * step + bank.gamma[band] * now.y1[band]
                    - bank.beta[band] * now.y2[band]
            });
            now = History {
                x1: x,
                x2: now.x1,
                y1: y,
                y2: now.y1,
            };
            let p: [f32; STEP] =
                core::array::from_fn(|k| bank.gains[k] * y[k] + bank.gains[k + STEP] * y[k + STEP]);
            // In the order in which the vector version folds a register.
            let bands = ((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]));
            *sample = limited(x, bands);
        }
        *past = now;
    }
}
