//! Owns: the loops in plain Rust, for every machine: what the others must agree with.
//! Never knows: instruction sets, but for whether a multiplication and an addition are one.

use super::{Fir4, Lags, Matrix, Ramp, STEP};
use crate::float::Float as _;

/// Whether the build target has a fused multiply-add.
pub(super) const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

/// `a * b + c`, rounded once where that is one instruction: as a library call it is a hundred times slower.
#[inline(always)]
fn mul_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Sums in the order in which the vector versions fold their registers: halves, quarters, pairs.
#[inline(always)]
fn sum(v: &[f32; STEP]) -> f32 {
    let q = [v[0] + v[4], v[1] + v[5], v[2] + v[6], v[3] + v[7]];
    (q[0] + q[1]) + (q[2] + q[3])
}

pub(super) fn fir4(job: &Fir4) -> [[f32; 4]; 2] {
    job.check();
    let mut out = [[0.0; 4]; 2];
    let [left_out, right_out] = &mut out;
    for (i, (l_out, r_out)) in left_out.iter_mut().zip(right_out).enumerate() {
        let row = &job.rows[job.row_at[i]..][..job.taps];
        let left = &job.left[job.at[i]..][..job.taps];
        let right = &job.right[job.at[i]..][..job.taps];
        let (mut l, mut r) = ([0.0f32; STEP], [0.0f32; STEP]);
        for ((c, x), y) in row
            .chunks_exact(STEP)
            .zip(left.chunks_exact(STEP))
            .zip(right.chunks_exact(STEP))
        {
            for k in 0..STEP {
                l[k] = mul_add::<FUSED>(c[k], x[k], l[k]);
                r[k] = mul_add::<FUSED>(c[k], y[k], r[k]);
            }
        }
        (*l_out, *r_out) = (sum(&l), sum(&r));
    }
    out
}

/// `FUSED` says whether [`mul_add`] is one instruction. Inlined, so that it is compiled for the instructions of its caller.
#[inline(always)]
pub(super) fn lags<const FUSED: bool>(job: Lags) {
    let Lags {
        wanted,
        mut area,
        mut sums,
    } = job;
    // Neighbouring places share a vector, so nothing is ever summed across one.
    while sums.len() >= 4 * STEP {
        let (first, rest) = sums.split_at_mut(4 * STEP);
        places::<FUSED, { 4 * STEP }, 1>(wanted, area, first);
        (sums, area) = (rest, area.get(4 * STEP..).unwrap_or_default());
    }
    while sums.len() >= STEP {
        let (first, rest) = sums.split_at_mut(STEP);
        places::<FUSED, STEP, 4>(wanted, area, first);
        (sums, area) = (rest, area.get(STEP..).unwrap_or_default());
    }
    for (k, sum) in sums.iter_mut().enumerate() {
        places::<FUSED, 1, STEP>(
            wanted,
            area.get(k..).unwrap_or_default(),
            core::slice::from_mut(sum),
        );
    }
}

/// [`lags`] for `WIDTH` places. `TURNS` sums are taken in turn, so that none waits for its last addition.
#[inline(always)]
fn places<const FUSED: bool, const WIDTH: usize, const TURNS: usize>(
    wanted: &[f32],
    area: &[f32],
    sums: &mut [f32],
) {
    let mut made = [[0.0f32; WIDTH]; TURNS];
    let len = wanted.len().min((area.len() + 1).saturating_sub(WIDTH));
    let (turns, rest) = wanted[..len].split_at(len - len % TURNS);
    for (wanted, there) in turns
        .chunks_exact(TURNS)
        .zip(area.windows(WIDTH + TURNS - 1).step_by(TURNS))
    {
        for turn in 0..TURNS {
            for k in 0..WIDTH {
                made[turn][k] = mul_add::<FUSED>(wanted[turn], there[turn + k], made[turn][k]);
            }
        }
    }
    for (&x, there) in rest.iter().zip(area[turns.len()..].windows(WIDTH)) {
        for k in 0..WIDTH {
            made[0][k] = mul_add::<FUSED>(x, there[k], made[0][k]);
        }
    }
    for made in made {
        for (sum, made) in sums.iter_mut().zip(made) {
            *sum += made;
        }
    }
}

pub(super) fn limit(samples: &mut [f32], bound: f32) {
    for x in samples {
        *x = if x.is_nan() {
            0.0
        } else {
            x.clamp(-bound, bound)
        };
    }
}

pub(super) fn gain(samples: &mut [f32], gain: f32) {
    for x in samples {
        *x = (*x * gain).clamp(-1.0, 1.0);
    }
}

pub(super) fn ramp(samples: &mut [f32], ramp: Ramp) {
    for (n, x) in (ramp.first..).zip(samples) {
        *x = (*x * ramp.at(n)).clamp(-1.0, 1.0);
    }
}

impl Ramp {
    /// The gain after `n` samples of the way.
    #[must_use]
    pub fn at(&self, n: u32) -> f32 {
        let way = n as f32 * self.step;
        self.from * (1.0 - way) + self.to * way
    }
}

pub(super) fn matrix(left: &mut [f32], right: &mut [f32], m: &Matrix) {
    assert_eq!(left.len(), right.len(), "channels are equally long");
    for (l, r) in left.iter_mut().zip(right) {
        let (x, y) = (*l, *r);
        *l = (x * m.left[0] + y * m.left[1]).clamp(-1.0, 1.0);
        *r = (x * m.right[0] + y * m.right[1]).clamp(-1.0, 1.0);
    }
}

pub(super) fn mix(into: &mut [f32], from: &[f32], gain: f32) {
    assert_eq!(into.len(), from.len(), "what is mixed is equally long");
    for (to, x) in into.iter_mut().zip(from) {
        *to += x * gain;
    }
}

pub(super) fn interleave(left: &[f32], right: &[f32], to: &mut [f32]) {
    assert!(
        left.len() == right.len() && to.len() == 2 * left.len(),
        "channels are equally long, and the output as long as both"
    );
    for (pair, (l, r)) in to.chunks_exact_mut(2).zip(left.iter().zip(right)) {
        (pair[0], pair[1]) = (*l, *r);
    }
}

/// 1.5 · 2²³: a float of that size has no places behind the point, so adding it rounds to the nearest integer, ties to even;
/// and its own last 16 bits are zero, so those of the sum are the integer. Other ways to round are calls of a library here.
const ROUNDER: f32 = 12_582_912.0;

pub(super) fn to_i16(from: &[f32], to: &mut [i16]) {
    assert_eq!(from.len(), to.len(), "as many samples as before");
    for (to, x) in to.iter_mut().zip(from) {
        let scaled = (x * 32_768.0).clamp(-32_768.0, 32_767.0);
        let scaled = if scaled.is_nan() { 0.0 } else { scaled };
        *to = (scaled + ROUNDER).to_bits() as i16;
    }
}

pub(super) fn to_i32(from: &[f32], to: &mut [i32]) {
    assert_eq!(from.len(), to.len(), "as many samples as before");
    for (to, x) in to.iter_mut().zip(from) {
        // Saturates, and makes 0 of NaN.
        *to = (x * 2_147_483_648.0) as i32;
    }
}
