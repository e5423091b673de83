//! Owns: the loops for x86-64 with AVX2 and FMA.
//! Never knows: other instruction sets.

#![expect(
    unsafe_code,
    reason = "vector instructions; the tests compare each loop with the portable one"
)]

use super::{Bank, Fir4, History, Kernels, LANES, Lags, PORTABLE, STEP, bank, portable};
use std::arch::x86_64::{
    __m128, __m256, _mm_add_ps, _mm_storeu_ps, _mm256_add_ps, _mm256_castps256_ps128,
    _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_hadd_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm256_sub_ps,
};

/// AVX2 and FMA, when this processor has both.
pub(super) fn detect() -> Option<Kernels> {
    let has_both = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    has_both.then_some(Kernels {
        name: "avx2+fma",
        fir4,
        bands,
        lags,
        ..PORTABLE
    })
}

fn fir4(job: &Fir4) -> [[f32; 4]; 2] {
    job.check();
    // SAFETY: this function is reachable only through `detect`, which has seen both features, and `check` has
    // proved every range that `fir4_avx2` reads.
    unsafe { fir4_avx2(job) }
}

fn bands(bank: &Bank, past: &mut [History; 2], left: &mut [f32], right: &mut [f32]) {
    // SAFETY: reachable only through `detect`, which has seen both features.
    unsafe { bands_avx2(bank, past, left, right) };
}

fn lags(job: Lags) {
    // SAFETY: reachable only through `detect`, which has seen both features.
    unsafe { lags_avx2(job) };
}

/// The portable loop, compiled for these instructions.
#[target_feature(enable = "avx2,fma")]
fn lags_avx2(job: Lags) {
    portable::lags::<true>(job);
}

/// Four registers to the four sums of their lanes.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn fold4(v: [__m256; 4]) -> __m128 {
    let pairs = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    _mm_add_ps(
        _mm256_castps256_ps128(pairs),
        _mm256_extractf128_ps::<1>(pairs),
    )
}

/// # Safety
/// `job.check()` must have passed.
#[target_feature(enable = "avx2,fma")]
unsafe fn fir4_avx2(job: &Fir4) -> [[f32; 4]; 2] {
    let mut l = [_mm256_setzero_ps(); 4];
    let mut r = [_mm256_setzero_ps(); 4];
    // SAFETY: `check` proved `row_at[i] + taps <= rows.len()` and `at[i] + taps <=` both channels' lengths, and
    // `k + STEP <= taps` because `taps` is a multiple of `STEP`; unaligned loads need no more.
    unsafe {
        let row = job.row_at.map(|at| job.rows.as_ptr().add(at));
        let left = job.at.map(|at| job.left.as_ptr().add(at));
        let right = job.at.map(|at| job.right.as_ptr().add(at));
        let mut k = 0;
        while k < job.taps {
            for i in 0..4 {
                let c = _mm256_loadu_ps(row[i].add(k));
                l[i] = _mm256_fmadd_ps(c, _mm256_loadu_ps(left[i].add(k)), l[i]);
                r[i] = _mm256_fmadd_ps(c, _mm256_loadu_ps(right[i].add(k)), r[i]);
            }
            k += STEP;
        }
    }
    let mut out = [[0.0f32; 4]; 2];
    // SAFETY: each row of `out` has room for four floats.
    unsafe {
        _mm_storeu_ps(out[0].as_mut_ptr(), fold4(l));
        _mm_storeu_ps(out[1].as_mut_ptr(), fold4(r));
    }
    out
}

/// Samples whose bands are folded together.
const TOGETHER: usize = 4;

/// Two registers from a slice of the bands.
#[target_feature(enable = "avx2,fma")]
fn load(from: &[f32; LANES]) -> [__m256; 2] {
    let (low, high) = from.split_at(STEP);
    // SAFETY: both halves are as long as a register; unaligned loads need no more.
    unsafe {
        [
            _mm256_loadu_ps(low.as_ptr()),
            _mm256_loadu_ps(high.as_ptr()),
        ]
    }
}

/// The reverse of [`load`].
#[target_feature(enable = "avx2,fma")]
fn store(from: [__m256; 2], to: &mut [f32; LANES]) {
    let (low, high) = to.split_at_mut(STEP);
    // SAFETY: both halves are as long as a register; unaligned stores need no more.
    unsafe {
        _mm256_storeu_ps(low.as_mut_ptr(), from[0]);
        _mm256_storeu_ps(high.as_mut_ptr(), from[1]);
    }
}

/// One channel while it runs.
struct Running {
    x1: f32,
    x2: f32,
    y1: [__m256; 2],
    y2: [__m256; 2],
}

impl Running {
    #[target_feature(enable = "avx2,fma")]
    fn load(past: &History) -> Self {
        Self {
            x1: past.x1,
            x2: past.x2,
            y1: load(&past.y1),
            y2: load(&past.y2),
        }
    }

    #[target_feature(enable = "avx2,fma")]
    fn store(self, past: &mut History) {
        (past.x1, past.x2) = (self.x1, self.x2);
        store(self.y1, &mut past.y1);
        store(self.y2, &mut past.y2);
    }
}

/// The bands' coefficients in registers or next to them: alpha, beta, gamma, gains.
struct Loaded {
    alpha: [__m256; 2],
    beta: [__m256; 2],
    gamma: [__m256; 2],
    gains: [__m256; 2],
}

/// All bands of the next sample, times their gains, added up in pairs.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn next(bank: &Loaded, now: &mut Running, x: f32) -> __m256 {
    let step = _mm256_set1_ps(x - now.x2);
    let band = |k: usize| {
        let new = _mm256_mul_ps(bank.alpha[k], step);
        let with_first = _mm256_add_ps(new, _mm256_mul_ps(bank.gamma[k], now.y1[k]));
        _mm256_sub_ps(with_first, _mm256_mul_ps(bank.beta[k], now.y2[k]))
    };
    let y = [band(0), band(1)];
    (now.x2, now.x1) = (now.x1, x);
    (now.y2, now.y1) = (now.y1, y);
    _mm256_add_ps(
        _mm256_mul_ps(bank.gains[0], y[0]),
        _mm256_mul_ps(bank.gains[1], y[1]),
    )
}

/// As [`bank::portable`], both channels in one loop.
#[target_feature(enable = "avx2,fma")]
fn bands_avx2(bank: &Bank, past: &mut [History; 2], left: &mut [f32], right: &mut [f32]) {
    let len = left.len().min(right.len());
    let whole = len - len % TOGETHER;
    let (left, left_rest) = left[..len].split_at_mut(whole);
    let (right, right_rest) = right[..len].split_at_mut(whole);
    let loaded = Loaded {
        alpha: load(&bank.alpha),
        beta: load(&bank.beta),
        gamma: load(&bank.gamma),
        gains: load(&bank.gains),
    };
    let [past_l, past_r] = past;
    let (mut l, mut r) = (Running::load(past_l), Running::load(past_r));
    let groups = left.chunks_exact_mut(TOGETHER);
    for (left, right) in groups.zip(right.chunks_exact_mut(TOGETHER)) {
        let mut bands = [[_mm256_set1_ps(0.0); TOGETHER]; 2];
        // Both channels in one loop: while one waits for its last output, the other works.
        for i in 0..TOGETHER {
            bands[0][i] = next(&loaded, &mut l, left[i]);
            bands[1][i] = next(&loaded, &mut r, right[i]);
        }
        for (samples, bands) in [left, right].into_iter().zip(bands) {
            let mut folded = [0.0; TOGETHER];
            // SAFETY: `folded` has room for four floats.
            unsafe { _mm_storeu_ps(folded.as_mut_ptr(), fold4(bands)) };
            for (x, bands) in samples.iter_mut().zip(folded) {
                *x = bank::limited(*x, bands);
            }
        }
    }
    l.store(past_l);
    r.store(past_r);
    bank::portable(bank, past, left_rest, right_rest);
}
