//! Owns: proof that every loop does what the portable one does, and that one what it should.
//! Never knows: which instruction set it runs on.

use super::*;
use proptest::{
    array::uniform4,
    collection::vec,
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest},
};

/// Below this, loops may differ: NEON on 32-bit ARM takes numbers under 2⁻¹²⁶ for zero (Arm ARM, DDI 0406C, A2.7.5), and what
/// is lost by that may have been amplified. It is 720 dB below full scale.
const NOTHING: f32 = f32::from_bits(7 << 23);

/// Any sample that can occur, most of them sound.
fn sample() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -1.0f32..1.0,
        2 => -3.0f32..3.0,
        1 => any::<f32>(),
        1 => prop_oneof![
            Just(f32::NAN),
            Just(f32::INFINITY),
            Just(f32::NEG_INFINITY),
            Just(-0.0),
            Just(1e-40),
            Just(-1.0),
            Just(1.0),
        ],
    ]
}

/// Samples that a filter's feedback may have to bear: finite and at most 16, as the chain sees to.
fn tame_sample() -> impl Strategy<Value = f32> {
    prop_oneof![8 => -1.0f32..1.0, 1 => -16.0f32..16.0, 1 => Just(0.0), 1 => Just(1e-40)]
}

fn gain_value() -> impl Strategy<Value = f32> {
    prop_oneof![4 => 0.001f32..16.5, 1 => Just(0.0), 1 => Just(1.0)]
}

fn weight() -> impl Strategy<Value = f32> {
    prop_oneof![4 => -2.0f32..2.0, 1 => Just(0.0), 1 => Just(1.0)]
}

/// Whether two results are the same sample.
#[track_caller]
fn assert_same(chosen: &[f32], portable: &[f32]) {
    assert_eq!(chosen.len(), portable.len());
    for (n, (a, b)) in chosen.iter().zip(portable).enumerate() {
        let is_same =
            a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan() || (a - b).abs() <= NOTHING;
        assert!(is_same, "sample {n}: {a:e} instead of {b:e}");
    }
}

/// The end of `samples` from a place that no vector is aligned to.
fn misaligned<T>(samples: &[T], by: usize) -> &[T] {
    &samples[by.min(samples.len())..]
}

fn misaligned_mut<T>(samples: &mut [T], by: usize) -> &mut [T] {
    let by = by.min(samples.len());
    &mut samples[by..]
}

/// Runs a loop that changes one slice in both versions.
fn compare(samples: &[f32], by: usize, run: impl Fn(&Kernels, &mut [f32])) {
    let (mut chosen, mut portable) = (samples.to_vec(), samples.to_vec());
    run(kernels(), misaligned_mut(&mut chosen, by));
    run(&PORTABLE, misaligned_mut(&mut portable, by));
    assert_same(&chosen, &portable);
}

/// Sum of products in double precision, and the sum of their sizes.
fn exact(a: &[f32], b: &[f32]) -> (f64, f64) {
    let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
    products.fold((0.0, 0.0), |(sum, size), product| {
        (sum + product, size + product.abs())
    })
}

/// What `terms` additions may be wrong by at most (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), when the sum
/// of the products' sizes is `size`.
fn bound(terms: usize, size: f64) -> f64 {
    (terms + 2) as f64 * f64::from(f32::EPSILON) * size + f64::from(NOTHING)
}

fn bank(gain: f32) -> Bank {
    let lane = |from: f32, by: f32| std::array::from_fn(|k| from + by * k as f32);
    Bank {
        alpha: lane(0.001, 0.02),
        beta: lane(0.99, -0.03),
        gamma: lane(1.9, -0.15),
        gains: lane(gain, -0.05),
    }
}

/// Left and right, equally long.
fn halves<T>(samples: &[T]) -> (&[T], &[T]) {
    let half = samples.len() / 2;
    (&samples[..half], &samples[half..2 * half])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn limit_is_the_portable_one_and_leaves_numbers(
        samples in vec(sample(), 0..70),
        by in 0usize..4,
        bound in 0.5f32..16.5,
    ) {
        compare(&samples, by, |kernels, samples| (kernels.limit)(samples, bound));
        let mut limited = samples;
        (kernels().limit)(&mut limited, bound);
        assert!(limited.iter().all(|x| x.abs() <= bound));
    }

    #[test]
    fn gain_is_the_portable_one(
        samples in vec(sample(), 0..70),
        by in 0usize..4,
        gain in gain_value(),
    ) {
        compare(&samples, by, |kernels, samples| (kernels.gain)(samples, gain));
    }

    #[test]
    fn ramp_is_the_portable_one(
        samples in vec(sample(), 0..70),
        by in 0usize..4,
        (from, to) in (gain_value(), gain_value()),
        first in 1u32..900,
    ) {
        let ramp = Ramp { from, to, first, step: 1.0 / 960.0 };
        compare(&samples, by, |kernels, samples| (kernels.ramp)(samples, ramp));
    }

    #[test]
    fn matrix_is_the_portable_one(
        samples in vec(sample(), 0..140),
        by in 0usize..4,
        (ll, rl, lr, rr) in (weight(), weight(), weight(), weight()),
    ) {
        let matrix = Matrix { left: [ll, rl], right: [lr, rr] };
        compare(&samples, by, |kernels, samples| {
            let half = samples.len() / 2;
            let (left, right) = samples.split_at_mut(half);
            (kernels.matrix)(left, &mut right[..half], &matrix);
        });
    }

    #[test]
    fn mix_is_the_portable_one(
        samples in vec(sample(), 0..70),
        others in vec(sample(), 70),
        by in 0usize..4,
        gain in gain_value(),
    ) {
        compare(&samples, by, |kernels, samples| {
            (kernels.mix)(samples, &others[70 - samples.len()..], gain);
        });
    }

    #[test]
    fn interleave_keeps_every_bit(samples in vec(any::<u32>(), 0..140), by in 0usize..4) {
        let samples: Vec<f32> = samples.into_iter().map(f32::from_bits).collect();
        let (left, right) = halves(misaligned(&samples, by));
        let mut pairs = vec![0.0; 2 * left.len() + by];
        (kernels().interleave)(left, right, &mut pairs[by..]);
        for (n, pair) in pairs[by..].chunks_exact(2).enumerate() {
            assert_eq!(pair[0].to_bits(), left[n].to_bits());
            assert_eq!(pair[1].to_bits(), right[n].to_bits());
        }
    }

    #[test]
    fn integers_are_the_portable_ones(
        samples in vec(sample(), 0..70),
        by in 0usize..4,
    ) {
        let samples = misaligned(&samples, by);
        let (mut chosen, mut portable) = (vec![1; samples.len()], vec![2; samples.len()]);
        (kernels().to_i16)(samples, &mut chosen);
        (PORTABLE.to_i16)(samples, &mut portable);
        assert_eq!(chosen, portable);
        let (mut chosen, mut portable) = (vec![1; samples.len()], vec![2; samples.len()]);
        (kernels().to_i32)(samples, &mut chosen);
        (PORTABLE.to_i32)(samples, &mut portable);
        assert_eq!(chosen, portable);
    }

    #[test]
    fn bands_are_the_portable_ones_however_they_are_cut(
        samples in vec(tame_sample(), 0..400),
        block in 1usize..150,
        gain in -1.0f32..1.0,
    ) {
        let (left, right) = halves(&samples);
        let run = |kernels: &Kernels, block: usize| {
            let (mut left, mut right) = (left.to_vec(), right.to_vec());
            let mut past = [History::SILENCE; 2];
            for (left, right) in left.chunks_mut(block).zip(right.chunks_mut(block)) {
                (kernels.bands)(&bank(gain), &mut past, left, right);
            }
            (left, right, past)
        };
        let (chosen, portable) = (run(kernels(), block), run(&PORTABLE, usize::MAX));
        assert_same(&chosen.0, &portable.0);
        assert_same(&chosen.1, &portable.1);
        for (chosen, portable) in chosen.2.iter().zip(&portable.2) {
            assert_same(&[chosen.x1, chosen.x2], &[portable.x1, portable.x2]);
            assert_same(&chosen.y1, &portable.y1);
            assert_same(&chosen.y2, &portable.y2);
        }
    }

    #[test]
    fn a_filter_agrees_with_double_precision(
        rows in vec(tame_sample(), 600),
        samples in vec(tame_sample(), 400),
        steps in 0usize..16,
        (rows_at, at) in (uniform4(0usize..400), uniform4(0usize..60)),
    ) {
        let (left, right) = halves(&samples);
        let taps = steps * STEP;
        let job = Fir4 { rows: &rows, row_at: rows_at, left, right, at, taps };
        for kernels in [&PORTABLE, kernels()] {
            let made = (kernels.fir4)(&job);
            for i in 0..4 {
                for (made, channel) in made.iter().zip([left, right]) {
                    let (want, size) = exact(&rows[rows_at[i]..][..taps], &channel[at[i]..][..taps]);
                    let error = (f64::from(made[i]) - want).abs();
                    assert!(error <= bound(taps, size), "{}: {error:e}", kernels.name);
                }
            }
        }
    }

    #[test]
    fn neighbouring_places_agree_with_double_precision(
        wanted in vec(tame_sample(), 0..90),
        samples in vec(tame_sample(), 200),
        places in 0usize..100,
        more in 0usize..5,
        before in -1.0f32..1.0,
    ) {
        let len = (places + wanted.len() + more).saturating_sub(1).min(samples.len());
        let area = &samples[samples.len() - len..];
        for kernels in [&PORTABLE, kernels()] {
            let mut sums = vec![before; places];
            (kernels.lags)(Lags { wanted: &wanted, area, sums: &mut sums });
            for (place, sum) in sums.iter().enumerate() {
                let (want, size) = exact(&wanted, &area[place..]);
                let error = (f64::from(*sum) - f64::from(before) - want).abs();
                let bound = bound(wanted.len() + 8, size + f64::from(before.abs()));
                assert!(error <= bound, "{}, place {place}: {error:e}", kernels.name);
            }
        }
    }
}

#[test]
fn an_area_that_is_too_short_is_not_left() {
    for len in 0..40 {
        let area = [1.0; 40];
        let mut sums = [0.0; 33];
        (kernels().lags)(Lags {
            wanted: &[1.0; 16],
            area: &area[..len],
            sums: &mut sums,
        });
        assert!(sums.iter().all(|sum| (0.0..=16.0).contains(sum)));
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
#[should_panic(expected = "equally long")]
fn an_output_that_is_too_short_is_refused() {
    (kernels().interleave)(&[0.0; 16], &[0.0; 16], &mut [0.0; 31]);
}

/// On a machine whose chip is known to have them (or not to), vector instructions must be chosen (or must not).
#[test]
fn the_set_is_the_one_that_was_asked_for() {
    let expected = std::env::var("EXPECTED_KERNELS").unwrap_or_else(|_| kernels().name.to_owned());
    assert_eq!(kernels().name, expected);
}
