//! Owns: the loops for 64-bit ARM, whose chips all have NEON: those of which the compiler makes less.
//! Never knows: other instruction sets.

#![expect(
    unsafe_code,
    reason = "vector loads and stores; the tests compare each loop with the portable one"
)]

use super::{Bank, Fir4, History, Kernels, LANES, PORTABLE, STEP, bank, portable};
use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vcombine_s16, vcvtnq_s32_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32,
    vmaxq_f32, vminq_f32, vmulq_f32, vpaddq_f32, vqmovn_s32, vst1q_f32, vst1q_s16, vsubq_f32,
};

/// NEON: no chip of this kind is without.
pub(super) fn detect() -> Option<Kernels> {
    Some(Kernels {
        name: "neon",
        fir4,
        bands,
        to_i16,
        ..PORTABLE
    })
}

/// Four registers to the sums of their lanes, pairs first.
#[inline]
fn fold4(v: [float32x4_t; 4]) -> float32x4_t {
    // SAFETY: every chip has these instructions; they touch no memory.
    unsafe { vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3])) }
}

fn fir4(job: &Fir4) -> [[f32; 4]; 2] {
    job.check();
    let mut out = [[0.0f32; 4]; 2];
    // SAFETY: `check` proved `row_at[i] + taps <= rows.len()` and `at[i] + taps <=` both channels' lengths, and
    // `k + STEP <= taps` because `taps` is a multiple of `STEP`; each row of `out` has room for four floats.
    unsafe {
        let mut row = job.row_at.map(|at| job.rows.as_ptr().add(at));
        let mut left = job.at.map(|at| job.left.as_ptr().add(at));
        let mut right = job.at.map(|at| job.right.as_ptr().add(at));
        let mut l = [[vdupq_n_f32(0.0); 4]; 2];
        let mut r = l;
        for _ in 0..job.taps / STEP {
            for i in 0..4 {
                let c = [vld1q_f32(row[i]), vld1q_f32(row[i].add(4))];
                let x = [vld1q_f32(left[i]), vld1q_f32(left[i].add(4))];
                let y = [vld1q_f32(right[i]), vld1q_f32(right[i].add(4))];
                for half in 0..2 {
                    l[half][i] = vfmaq_f32(l[half][i], c[half], x[half]);
                    r[half][i] = vfmaq_f32(r[half][i], c[half], y[half]);
                }
                row[i] = row[i].add(STEP);
                left[i] = left[i].add(STEP);
                right[i] = right[i].add(STEP);
            }
        }
        for (out, [low, high]) in out.iter_mut().zip([l, r]) {
            let sums = std::array::from_fn(|i| vaddq_f32(low[i], high[i]));
            vst1q_f32(out.as_mut_ptr(), fold4(sums));
        }
    }
    out
}

/// Registers of all bands.
const QUADS: usize = LANES / 4;
/// Samples whose bands are folded together.
const TOGETHER: usize = 4;

#[inline]
fn load(from: &[f32; LANES]) -> [float32x4_t; QUADS] {
    // SAFETY: a register holds four of the sixteen.
    std::array::from_fn(|i| unsafe { vld1q_f32(from[4 * i..4 * i + 4].as_ptr()) })
}

#[inline]
fn store(from: [float32x4_t; QUADS], to: &mut [f32; LANES]) {
    for (to, from) in to.chunks_exact_mut(4).zip(from) {
        // SAFETY: there is room for four.
        unsafe { vst1q_f32(to.as_mut_ptr(), from) };
    }
}

/// As [`bank::portable`]. One channel at a time: its bands and their coefficients fill the registers.
fn bands(bank: &Bank, past: &mut [History; 2], left: &mut [f32], right: &mut [f32]) {
    let whole = left.len().min(right.len()) / TOGETHER * TOGETHER;
    for (past, samples) in past
        .iter_mut()
        .zip([&mut left[..whole], &mut right[..whole]])
    {
        channel(bank, past, samples);
    }
    bank::portable(bank, past, &mut left[whole..], &mut right[whole..]);
}

fn channel(bank: &Bank, past: &mut History, samples: &mut [f32]) {
    let (alpha, beta) = (load(&bank.alpha), load(&bank.beta));
    let (gamma, gains) = (load(&bank.gamma), load(&bank.gains));
    let (mut y1, mut y2) = (load(&past.y1), load(&past.y2));
    let (mut x1, mut x2) = (past.x1, past.x2);
    for samples in samples.chunks_exact_mut(TOGETHER) {
        // SAFETY: every chip has these instructions, and `samples` holds four.
        unsafe {
            let mut pairs = [vdupq_n_f32(0.0); TOGETHER];
            for (x, pairs) in samples.iter().zip(&mut pairs) {
                let step = vdupq_n_f32(x - x2);
                (x2, x1) = (x1, *x);
                let y: [float32x4_t; QUADS] = std::array::from_fn(|q| {
                    let new = vmulq_f32(alpha[q], step);
                    let with_last = vaddq_f32(new, vmulq_f32(gamma[q], y1[q]));
                    vsubq_f32(with_last, vmulq_f32(beta[q], y2[q]))
                });
                (y2, y1) = (y1, y);
                let p: [float32x4_t; QUADS / 2] = std::array::from_fn(|q| {
                    let upper = vmulq_f32(gains[q + 2], y[q + 2]);
                    vaddq_f32(vmulq_f32(gains[q], y[q]), upper)
                });
                *pairs = vpaddq_f32(p[0], p[1]);
            }
            let wet = vaddq_f32(vld1q_f32(samples.as_ptr()), fold4(pairs));
            let limited = vminq_f32(vmaxq_f32(wet, vdupq_n_f32(-1.0)), vdupq_n_f32(1.0));
            vst1q_f32(samples.as_mut_ptr(), limited);
        }
    }
    (past.x1, past.x2) = (x1, x2);
    store(y1, &mut past.y1);
    store(y2, &mut past.y2);
}

fn to_i16(from: &[f32], to: &mut [i16]) {
    assert_eq!(from.len(), to.len(), "as many samples as before");
    let whole = from.len() - from.len() % STEP;
    let (from, from_rest) = from.split_at(whole);
    let (to, rest) = to.split_at_mut(whole);
    for (to, from) in to.chunks_exact_mut(STEP).zip(from.chunks_exact(STEP)) {
        // SAFETY: both hold eight. Rounds to the nearest, ties to even, saturates, and makes 0 of NaN.
        unsafe {
            let scale = vdupq_n_f32(32_768.0);
            let [low, high] = [0, 4].map(|at| {
                let x = vmulq_f32(vld1q_f32(from[at..].as_ptr()), scale);
                vqmovn_s32(vcvtnq_s32_f32(x))
            });
            vst1q_s16(to.as_mut_ptr(), vcombine_s16(low, high));
        }
    }
    portable::to_i16(from_rest, rest);
}
