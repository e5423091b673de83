//! Owns: proof that every loop does what the portable one does, and that one what it should.
//! Never knows: which instruction set it runs on.

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
                            f64::from(rows[job.row_at[i] + k]) * f64::from(samples[job.at[i] + k])
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
        (kernels().lags)(lags(&mut chosen));
        (PORTABLE.lags)(lags(&mut portable));
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
    let want = run(PORTABLE.bands, 1_001);
    for block in [1, 7, 960] {
        assert!(run(kernels().bands, block) == want, "blocks of {block}");
    }
}
