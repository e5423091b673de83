//! Owns: the innermost loops of the sound path, once portable and once per instruction set, chosen when the program runs.
//! Never knows: what the numbers mean.

use std::sync::OnceLock;

/// Samples per step of every kernel: filter lengths are multiples of it.
pub(crate) const STEP: usize = 8;

/// Four filter outputs of both channels at once: output `i` is the dot product of `rows[row_at[i]..][..taps]`
/// with `left[at[i]..][..taps]`, and with the same range of `right`.
pub(crate) struct Fir4<'a> {
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

/// The loops for one instruction set.
#[derive(Clone, Copy)]
pub(crate) struct Kernels {
    /// Name of the instruction set, for the log.
    pub name: &'static str,
    /// Outputs of [`Fir4`]: left, right.
    pub fir4: fn(&Fir4) -> [[f32; 4]; 2],
    /// Dot product of two slices; the shorter one counts.
    pub dot: fn(&[f32], &[f32]) -> f32,
}

/// What every machine can do.
pub(crate) const PORTABLE: Kernels = Kernels {
    name: "portable",
    fir4: portable::fir4,
    dot: portable::dot,
};

/// The best loops this machine has; detected once.
pub(crate) fn kernels() -> &'static Kernels {
    static CHOSEN: OnceLock<Kernels> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        if let Some(kernels) = x86::detect() {
            return kernels;
        }
        PORTABLE
    })
}

mod portable {
    use super::{Fir4, STEP};

    /// `a * b + c`, fused only where the build target has the instruction: the library call is a hundred times slower.
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
            a.mul_add(b, c)
        } else {
            a * b + c
        }
    }

    /// Sums in the order in which the vector versions fold their registers: halves, quarters, pairs.
    #[inline(always)]
    fn fold(v: [f32; STEP]) -> f32 {
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
                    l[k] = mul_add(c[k], x[k], l[k]);
                    r[k] = mul_add(c[k], y[k], r[k]);
                }
            }
            (*l_out, *r_out) = (fold(l), fold(r));
        }
        out
    }

    pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
        let len = a.len().min(b.len());
        let (a, b) = (&a[..len], &b[..len]);
        let mut sum = [0.0f32; STEP];
        let (wide_a, rest_a) = a.split_at(len - len % STEP);
        let (wide_b, rest_b) = b.split_at(len - len % STEP);
        for (x, y) in wide_a.chunks_exact(STEP).zip(wide_b.chunks_exact(STEP)) {
            for k in 0..STEP {
                sum[k] = mul_add(x[k], y[k], sum[k]);
            }
        }
        let rest: f32 = rest_a.iter().zip(rest_b).map(|(x, y)| x * y).sum();
        fold(sum) + rest
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "vector instructions; the tests compare each loop with double precision, as the portable ones"
)]
mod x86 {
    use super::{Fir4, Kernels, STEP};
    use std::arch::x86_64::{
        __m128, __m256, _mm_add_ps, _mm_storeu_ps, _mm256_castps256_ps128, _mm256_extractf128_ps,
        _mm256_fmadd_ps, _mm256_hadd_ps, _mm256_loadu_ps, _mm256_setzero_ps,
    };

    /// AVX2 and FMA, when this processor has both.
    pub(super) fn detect() -> Option<Kernels> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Kernels {
            name: "avx2+fma",
            fir4,
            dot,
        })
    }

    fn fir4(job: &Fir4) -> [[f32; 4]; 2] {
        job.check();
        // SAFETY: this function is reachable only through `detect`, which has seen both features, and `check` has
        // proved every range that `fir4_avx2` reads.
        unsafe { fir4_avx2(job) }
    }

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        // SAFETY: reachable only through `detect`, which has seen both features.
        unsafe { dot_avx2(a, b) }
    }

    /// Four registers to the four sums of their lanes.
    #[target_feature(enable = "avx2,fma")]
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

    #[target_feature(enable = "avx2,fma")]
    fn dot_avx2(a: &[f32], b: &[f32]) -> f32 {
        const UNROLLED: usize = 4 * STEP;
        let len = a.len().min(b.len());
        let whole = len - len % UNROLLED;
        let mut sums = [_mm256_setzero_ps(); 4];
        let mut at = 0;
        while at < whole {
            for (i, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `at + UNROLLED <= whole <=` both lengths, and `i * STEP + STEP <= UNROLLED`.
                unsafe {
                    let x = _mm256_loadu_ps(a.as_ptr().add(at + i * STEP));
                    let y = _mm256_loadu_ps(b.as_ptr().add(at + i * STEP));
                    *sum = _mm256_fmadd_ps(x, y, *sum);
                }
            }
            at += UNROLLED;
        }
        let mut folded = [0.0f32; 4];
        // SAFETY: `folded` has room for four floats.
        unsafe { _mm_storeu_ps(folded.as_mut_ptr(), fold4(sums)) };
        let rest: f32 = a[whole..len]
            .iter()
            .zip(&b[whole..len])
            .map(|(x, y)| x * y)
            .sum();
        (folded[0] + folded[1]) + (folded[2] + folded[3]) + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic samples in ±1 (xorshift32).
    fn noise(len: usize, seed: u32) -> Vec<f32> {
        let mut x = seed;
        (0..len)
            .map(|_| {
                x ^= x << 13;
                x ^= x >> 17;
                x ^= x << 5;
                (f64::from(x) / 2_147_483_648.0 - 1.0) as f32
            })
            .collect()
    }

    #[test]
    fn the_chosen_filter_loop_agrees_with_double_precision() {
        let (rows, left, right) = (noise(512, 1), noise(300, 2), noise(300, 3));
        for taps in [8, 16, 64, 120] {
            let job = Fir4 {
                rows: &rows,
                row_at: [0, taps, 2 * taps, 512 - taps],
                left: &left,
                right: &right,
                at: [0, 1, 7, 300 - taps],
                taps,
            };
            for kernels in [&PORTABLE, kernels()] {
                let got = (kernels.fir4)(&job);
                for i in 0..4 {
                    for (channel, samples) in [&left, &right].into_iter().enumerate() {
                        let want: f64 = (0..taps)
                            .map(|k| {
                                f64::from(rows[job.row_at[i] + k])
                                    * f64::from(samples[job.at[i] + k])
                            })
                            .sum();
                        let error = (f64::from(got[channel][i]) - want).abs();
                        assert!(
                            error < 1e-5,
                            "{} taps {taps} output {i}: {error}",
                            kernels.name
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_chosen_dot_product_agrees_with_double_precision() {
        for len in [0, 1, 7, 8, 31, 32, 33, 384, 1001] {
            let (a, b) = (noise(len, 4), noise(len + 3, 5));
            let want: f64 = a
                .iter()
                .zip(&b)
                .map(|(x, y)| f64::from(*x) * f64::from(*y))
                .sum();
            for kernels in [&PORTABLE, kernels()] {
                let got = f64::from((kernels.dot)(&a, &b));
                assert!((got - want).abs() < 2e-5, "{} length {len}", kernels.name);
            }
        }
    }

    #[test]
    #[should_panic(expected = "inside its slices")]
    fn a_filter_that_would_read_outside_is_refused() {
        let samples = [0.0; 16];
        (kernels().fir4)(&Fir4 {
            rows: &samples,
            row_at: [0; 4],
            left: &samples,
            right: &samples,
            at: [0, 0, 0, 9],
            taps: 8,
        });
    }
}
