//! Owns: sixteen second-order band passes beside each other, added up: once portable and once for AVX2, to the bit alike.
//! Never knows: which bands they are.
//!
//! Each product and sum is rounded by itself and in one order, `(α·step + γ·y₁) − β·y₂`: so a band gives the original's
//! samples to the bit. A fused multiply-add would be shorter and as good, but another sound by a hair on every machine.

use super::kernel::STEP;

/// Bands: two vectors.
pub(crate) const LANES: usize = 2 * STEP;

/// What the bands are made of: `y = α (x − x₂) + γ y₁ − β y₂`, and what of it is added to the dry signal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bank {
    pub alpha: [f32; LANES],
    pub beta: [f32; LANES],
    pub gamma: [f32; LANES],
    pub gains: [f32; LANES],
}

/// One channel's past: two inputs, and two outputs of each band.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    x1: f32,
    x2: f32,
    y1: [f32; LANES],
    y2: [f32; LANES],
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
fn limited(x: f32, bands: f32) -> f32 {
    (x + bands).clamp(-1.0, 1.0)
}

/// Adds the bands to both channels, in place; channels are equally long.
pub(crate) fn portable(bank: &Bank, past: &mut [History; 2], left: &mut [f32], right: &mut [f32]) {
    for (past, samples) in past.iter_mut().zip([left, right]) {
        // A local, so that it stays in registers.
        let mut now = *past;
        for sample in samples {
            let x = *sample;
            let step = x - now.x2;
            let y: [f32; LANES] = std::array::from_fn(|band| {
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
                std::array::from_fn(|k| bank.gains[k] * y[k] + bank.gains[k + STEP] * y[k + STEP]);
            // In the order in which the vector version folds a register.
            let bands = ((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]));
            *sample = limited(x, bands);
        }
        *past = now;
    }
}

/// The loop for processors with AVX2.
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "vector loads; the test compares every bit with the portable loop"
)]
pub(crate) mod x86 {
    use super::{Bank, History, LANES, limited};
    use crate::dsp::kernel::{STEP, x86::fold4};
    use std::arch::x86_64::{
        __m256, _mm_storeu_ps, _mm256_add_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_ps,
        _mm256_storeu_ps, _mm256_sub_ps,
    };

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

    /// As [`portable`](super::portable).
    #[target_feature(enable = "avx2,fma")]
    pub(crate) fn avx2(bank: &Bank, past: &mut [History; 2], left: &mut [f32], right: &mut [f32]) {
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
                    *x = limited(*x, bands);
                }
            }
        }
        l.store(past_l);
        r.store(past_r);
        super::portable(bank, past, left_rest, right_rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::kernel::kernels;

    #[test]
    fn the_chosen_loop_is_the_portable_one_to_the_bit() {
        let lane = |from: f32, by: f32| std::array::from_fn(|k| from + by * k as f32);
        let bank = Bank {
            alpha: lane(0.001, 0.02),
            beta: lane(0.99, -0.03),
            gamma: lane(1.9, -0.15),
            gains: lane(0.3, -0.05),
        };
        let noise = |seed: u32| -> Vec<f32> {
            (1..=1_001u32)
                .map(|n| (n.wrapping_mul(seed) as f32 / 2_147_483_648.0) - 1.0)
                .collect()
        };
        let run = |bands: fn(&Bank, &mut [History; 2], &mut [f32], &mut [f32]), block: usize| {
            let (mut left, mut right) = (noise(2_654_435_761), noise(2_246_822_519));
            let mut past = [History::SILENCE; 2];
            for (left, right) in left.chunks_mut(block).zip(right.chunks_mut(block)) {
                bands(&bank, &mut past, left, right);
            }
            [left, right]
        };
        let want = run(portable, 1_001);
        for block in [1, 7, 960] {
            assert!(run(kernels().bands, block) == want, "blocks of {block}");
        }
    }
}
