//! Owns: the innermost loops over samples, once portable and once per instruction set.
//! Never knows: what the samples are for.
//!
//! All loops stand in one table, [`Kernels`]; [`kernels`] is the best one that this machine can run. Every loop has a portable
//! version, which says what it means, and others only where they take less than what the compiler makes of that one. Apart
//! from sums of products ([`Kernels::fir4`], [`Kernels::lags`]), whose order of additions differs, they give the same samples
//! to the bit; but NEON on 32-bit ARM takes numbers below 2⁻¹²⁶ for zero.
//!
//! Instructions for a block (a frame of both channels; for `search` and `closely`, a channel's part in finding a join of the
//! time-scale), counted with `examples/kernel_bench.rs` under qemu, Rust 1.96, GCC 12:
//!
//! | | 32 bit: portable | NEON (C) | 64 bit: without vectors | by the compiler | by hand |
//! |---|---|---|---|---|---|
//! | fir4, 64 taps | 423 078 | 140 091 | 315 360 | 135 396 | 116 664 |
//! | bands | 422 867 | 72 579 | 443 804 | 150 829 | 77 531 |
//! | lags: search | 158 617 | 36 291 | 80 186 | 23 477 | – |
//! | lags: closely | 14 581 | 4 391 | 12 121 | 4 580 | – |
//! | limit | 27 070 | 4 286 | 19 281 | 4 184 | – |
//! | gain | 21 185 | 3 689 | 28 860 | 3 678 | – |
//! | ramp | 34 642 | 6 374 | 42 313 | 7 068 | – |
//! | matrix | 21 319 | 3 824 | 28 872 | 4 869 | – |
//! | mix | 11 649 | 3 763 | 13 506 | 2 719 | – |
//! | interleave | 5 927 | 1 622 | 5 821 | 1 506 | – |
//! | to_i16 | 32 870 | 5 044 | 38 469 | 5 837 | 2 708 |
//! | to_i32 | 13 742 | 3 916 | 9 672 | 1 997 | – |
//!
//! On 64 bit the compiler makes vectors of the portable loops; where a dash stands in the last column, those run. (Without
//! vectors: built with `-C no-vectorize-loops -C no-vectorize-slp`.)

#[cfg(all(target_arch = "aarch64", feature = "neon-simd"))]
mod aarch64;
// Set by build.rs when it has built neon.c: for ARMv7, with the feature `neon-simd`.
#[cfg(armv7_neon)]
mod armv7;
mod bank;
#[cfg(feature = "node")]
mod chosen;
#[cfg(not(feature = "node"))]
#[path = "plain.rs"]
mod chosen;
mod portable;
#[cfg(test)]
mod tests;
#[cfg(all(feature = "node", target_arch = "x86_64"))]
mod x86;

pub use bank::{Bank, History, LANES};
pub use chosen::kernels;

/// Instruction sets beyond the portable one, the best first: each gives its loops if this machine has it.
#[cfg(feature = "node")]
const SETS: &[fn() -> Option<Kernels>] = &[
    #[cfg(all(feature = "node", target_arch = "x86_64"))]
    x86::detect,
    #[cfg(all(target_arch = "aarch64", feature = "neon-simd"))]
    aarch64::detect,
    #[cfg(armv7_neon)]
    armv7::detect,
];

/// Samples per step of the filter loops: rows are multiples of it.
pub const STEP: usize = 8;

/// The loops for one instruction set. Slices of one call are equally long where nothing else is said; loops panic otherwise.
#[derive(Clone, Copy)]
pub struct Kernels {
    /// Name of the instruction set, for the log.
    pub name: &'static str,
    /// Outputs of [`Fir4`]: left, right.
    pub fir4: fn(&Fir4) -> [[f32; 4]; 2],
    /// Adds the bands of a [`Bank`] to left and right, in place.
    pub bands: fn(&Bank, &mut [History; 2], &mut [f32], &mut [f32]),
    /// Adds up [`Lags`].
    pub lags: fn(Lags),
    /// Samples limited to ± a bound; what is no number becomes silence.
    pub limit: fn(&mut [f32], f32),
    /// Samples times a gain, limited to ±1.
    pub gain: fn(&mut [f32], f32),
    /// Samples times a gain on its way, limited to ±1.
    pub ramp: fn(&mut [f32], Ramp),
    /// Left and right become sums of both, limited to ±1.
    pub matrix: fn(&mut [f32], &mut [f32], &Matrix),
    /// Adds samples times a gain to others, without a limit.
    pub mix: fn(&mut [f32], &[f32], f32),
    /// Left and right in turn; the output is as long as both together.
    pub interleave: fn(&[f32], &[f32], &mut [f32]),
    /// See [`pcm::convert::to_i16`](crate::pcm::convert::to_i16).
    pub to_i16: fn(&[f32], &mut [i16]),
    /// See [`pcm::convert::to_i32`](crate::pcm::convert::to_i32).
    pub to_i32: fn(&[f32], &mut [i32]),
}

/// What every machine can do.
pub const PORTABLE: Kernels = Kernels {
    name: "portable",
    fir4: portable::fir4,
    bands: bank::portable,
    lags: portable::lags::<{ portable::FUSED }>,
    limit: portable::limit,
    gain: portable::gain,
    ramp: portable::ramp,
    matrix: portable::matrix,
    mix: portable::mix,
    interleave: portable::interleave,
    to_i16: portable::to_i16,
    to_i32: portable::to_i32,
};

/// Four filter outputs of both channels at once: output `i` is the dot product of `rows[row_at[i]..][..taps]`
/// with `left[at[i]..][..taps]`, and with the same range of `right`.
pub struct Fir4<'a> {
    /// Coefficients, row after row.
    pub rows: &'a [f32],
    /// Where each output's row begins in `rows`.
    pub row_at: [usize; 4],
    /// Left samples.
    pub left: &'a [f32],
    /// Right samples.
    pub right: &'a [f32],
    /// Where each output's first sample lies.
    pub at: [usize; 4],
    /// Length of a row, a multiple of [`STEP`].
    pub taps: usize,
}

impl Fir4<'_> {
    /// The bounds on which the vector versions rely.
    ///
    /// # Panics
    /// When a range does not lie inside its slice.
    fn check(&self) {
        assert!(self.taps.is_multiple_of(STEP), "rows are whole steps long");
        let inside =
            |at: usize, len: usize| at.checked_add(self.taps).is_some_and(|end| end <= len);
        let samples = self.left.len().min(self.right.len());
        for i in 0..4 {
            assert!(
                inside(self.row_at[i], self.rows.len()) && inside(self.at[i], samples),
                "a filter reads inside its slices"
            );
        }
    }
}

/// `sums[k] += wanted · area[k..]`: how much each of several neighbouring places resembles what is wanted.
pub struct Lags<'a> {
    /// What is looked for.
    pub wanted: &'a [f32],
    /// Where; `sums.len() + wanted.len() - 1` samples count, and with fewer the sums are of fewer products.
    pub area: &'a [f32],
    /// One per place; what stood there is added to.
    pub sums: &'a mut [f32],
}

/// A gain that goes in a straight line: sample `n` is multiplied by `from * (1 - w) + to * w`, where `w = (first + n) * step`.
/// In this form the end, `w = 1`, is met exactly.
#[derive(Clone, Copy, Debug)]
pub struct Ramp {
    /// Gain at `w = 0`.
    pub from: f32,
    /// Gain at `w = 1`.
    pub to: f32,
    /// Where on the way the first sample lies; below 2²⁴, so that it is exact as a float.
    pub first: u32,
    /// What a sample takes of the way.
    pub step: f32,
}

/// Gains of a 2 × 2 matrix.
#[derive(Clone, Copy, Debug)]
pub struct Matrix {
    /// What the left output has of left and of right.
    pub left: [f32; 2],
    /// What the right output has of left and of right.
    pub right: [f32; 2],
}
