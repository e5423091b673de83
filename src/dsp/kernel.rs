//! Owns: the innermost loops of the sound path, once portable and once per instruction set, chosen when the program runs.
//! Never knows: what the numbers mean.

use super::bank::{self, Bank, History};
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
    /// [`bank::portable`].
    pub bands: fn(&Bank, &mut [History; 2], &mut [f32], &mut [f32]),
}

/// What every machine can do.
pub(crate) const PORTABLE: Kernels = Kernels {
    name: "portable",
    fir4: portable::fir4,
    bands: bank::portable,
};

/// A loop in plain Rust over arrays of [`STEP`] or more lanes, which the compiler makes vectors of by itself.
pub(crate) trait Lanes {
    /// Runs it. `FUSED` says whether [`mul_add`] is one instruction; implementations are `#[inline(always)]`, so that they
    /// are compiled for the instructions of their caller.
    fn run<const FUSED: bool>(self);
}

/// Runs a loop with the best instructions this machine has.
pub(crate) fn run(lanes: impl Lanes) {
    #[cfg(target_arch = "x86_64")]
    let Some(lanes) = x86::run(lanes) else {
        return;
    };
    lanes.run::<{ portable::FUSED }>();
}

/// `a * b + c`, rounded once where that is one instruction: as a library call it is a hundred times slower.
#[inline(always)]
pub(crate) fn mul_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// `sums[k] = wanted · area[k..]`: how much each of several neighbouring places resembles what is wanted.
pub(crate) struct Lags<'a> {
    /// What is looked for.
    pub wanted: &'a [f32],
    /// Where; `sums.len() + wanted.len() - 1` samples count.
    pub area: &'a [f32],
    /// One per place; what stood there is added to.
    pub sums: &'a mut [f32],
}

impl Lanes for Lags<'_> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let mut area = self.area;
        let mut sums = self.sums;
        // Neighbouring places share a vector, so nothing is ever summed across one.
        while sums.len() >= 4 * STEP {
            let (first, rest) = sums.split_at_mut(4 * STEP);
            lags::<FUSED, { 4 * STEP }, 1>(self.wanted, area, first);
            (sums, area) = (rest, area.get(4 * STEP..).unwrap_or_default());
        }
        while sums.len() >= STEP {
            let (first, rest) = sums.split_at_mut(STEP);
            lags::<FUSED, STEP, 4>(self.wanted, area, first);
            (sums, area) = (rest, area.get(STEP..).unwrap_or_default());
        }
        for (k, sum) in sums.iter_mut().enumerate() {
            lags::<FUSED, 1, STEP>(
                self.wanted,
                area.get(k..).unwrap_or_default(),
                std::slice::from_mut(sum),
            );
        }
    }
}

/// [`Lags`] for `WIDTH` places. `TURNS` sums are taken in turn, so that none waits for its last addition.
#[inline(always)]
fn lags<const FUSED: bool, const WIDTH: usize, const TURNS: usize>(
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
    use super::{Fir4, STEP, mul_add};

    /// Whether the build target has a fused multiply-add.
    pub(super) const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

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
}

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "vector instructions; the tests compare each loop with double precision, as the portable ones"
)]
pub(super) mod x86 {
    use super::{Bank, Fir4, History, Kernels, Lanes, STEP, bank};
    use std::arch::x86_64::{
        __m128, __m256, _mm_add_ps, _mm_storeu_ps, _mm256_castps256_ps128, _mm256_extractf128_ps,
        _mm256_fmadd_ps, _mm256_hadd_ps, _mm256_loadu_ps, _mm256_setzero_ps,
    };

    /// AVX2 and FMA, when this processor has both.
    pub(super) fn detect() -> Option<Kernels> {
        has_both().then_some(Kernels {
            name: "avx2+fma",
            fir4,
            bands,
        })
    }

    /// The standard library asks the processor once and remembers.
    fn has_both() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }

    /// Runs a loop compiled for AVX2 and FMA, or gives it back when this processor lacks them.
    pub(super) fn run<L: Lanes>(lanes: L) -> Option<L> {
        if !has_both() {
            return Some(lanes);
        }
        // SAFETY: the processor has both features.
        unsafe { run_avx2(lanes) };
        None
    }

    #[target_feature(enable = "avx2,fma")]
    fn run_avx2(lanes: impl Lanes) {
        lanes.run::<true>();
    }

    fn fir4(job: &Fir4) -> [[f32; 4]; 2] {
        job.check();
        // SAFETY: this function is reachable only through `detect`, which has seen both features, and `check` has
        // proved every range that `fir4_avx2` reads.
        unsafe { fir4_avx2(job) }
    }

    fn bands(bank: &Bank, past: &mut [History; 2], left: &mut [f32], right: &mut [f32]) {
        // SAFETY: reachable only through `detect`, which has seen both features.
        unsafe { bank::x86::avx2(bank, past, left, right) };
    }

    /// Four registers to the four sums of their lanes.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    pub(in crate::dsp) fn fold4(v: [__m256; 4]) -> __m128 {
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
    fn neighbouring_places_agree_with_double_precision() {
        for (len, places) in [(1, 1), (7, 9), (144, 31), (576, 75)] {
            let (wanted, area) = (noise(len, 4), noise(len + places - 1, 5));
            let lags = |sums| Lags {
                wanted: &wanted,
                area: &area,
                sums,
            };
            let (mut chosen, mut portable) = (vec![0.0; places], vec![0.0; places]);
            run(lags(&mut chosen));
            lags(&mut portable).run::<false>();
            for place in 0..places {
                let products = wanted.iter().zip(&area[place..]);
                let want: f64 = products.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
                for got in [chosen[place], portable[place]] {
                    let error = (f64::from(got) - want).abs();
                    assert!(error < 2e-5, "{len} samples, place {place}: {error}");
                }
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
