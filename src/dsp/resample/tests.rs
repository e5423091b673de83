//! Owns: what a resampler keeps of a stream: its length, its sound, its place.
//! Never knows: the filter's figures.

use super::*;
use std::f64::consts::TAU;

fn tone(rate: u32, hz: f64, len: usize) -> PcmBlock {
    let wave = |gain: f64| {
        (0..len)
            .map(|n| (gain * (TAU * hz * n as f64 / f64::from(rate)).sin()) as f32)
            .collect()
    };
    PcmBlock {
        channels: [wave(0.5), wave(-0.25)],
    }
}

fn convert(
    from: u32,
    to: u32,
    quality: ResamplingQuality,
    input: &PcmBlock,
    block: usize,
) -> PcmBlock {
    through(Resampler::new(from, to, quality).unwrap(), input, block)
}

fn through(mut resampler: Resampler, input: &PcmBlock, block: usize) -> PcmBlock {
    let (mut out, mut piece) = (PcmBlock::default(), PcmBlock::default());
    for at in (0..input.len()).step_by(block) {
        piece.clear();
        piece.extend_from(input, at..(at + block).min(input.len()));
        resampler.process(&piece, &mut out);
    }
    resampler.flush(&mut out);
    out
}

/// To 48 kHz.
fn resampler(from: u32, quality: ResamplingQuality) -> Resampler {
    Resampler::new(from, 48_000, quality).unwrap()
}

/// Gain of a tone in dB, and what is left of the signal when the tone is taken out, in dB of it. Both by least
/// squares against sine and cosine, over the middle of the signal.
fn gain_and_rest(from: u32, hz: f64, resampler: Resampler) -> (f64, f64) {
    let out = through(resampler, &tone(from, hz, from as usize / 10), 1152);
    let x = &out.channels[0][600..out.len() - 600];
    let [mut ss, mut sc, mut cc, mut xs, mut xc] = [0.0f64; 5];
    let phase = |n: usize| TAU * hz * (n + 600) as f64 / 48_000.0;
    for (n, &x) in x.iter().enumerate() {
        let (s, c) = phase(n).sin_cos();
        ss += s * s;
        sc += s * c;
        cc += c * c;
        xs += f64::from(x) * s;
        xc += f64::from(x) * c;
    }
    let det = ss * cc - sc * sc;
    let (a, b) = ((xs * cc - xc * sc) / det, (xc * ss - xs * sc) / det);
    let rest: f64 = x
        .iter()
        .enumerate()
        .map(|(n, &x)| (f64::from(x) - a * phase(n).sin() - b * phase(n).cos()).powi(2))
        .sum();
    let tone = (a * a + b * b) / 2.0 * x.len() as f64;
    assert!(b.abs() < 1e-3 * a.abs(), "a tone of {hz} Hz is not delayed");
    (
        10.0 * (tone / (x.len() as f64 * 0.125)).log10(),
        10.0 * (rest / tone).log10(),
    )
}

#[test]
fn tones_keep_their_level_and_leave_no_images() {
    for (quality, flat_to, flat_db, images_db) in [
        (ResamplingQuality::Low, 18_000.0, 0.05, -84.0),
        (ResamplingQuality::Medium, 19_500.0, 0.05, -100.0),
        (ResamplingQuality::High, 20_000.0, 0.05, -114.0),
    ] {
        for hz in [
            1_000.0, 5_000.0, 10_000.0, 15_000.0, 18_000.0, 19_500.0, 20_000.0,
        ] {
            let (gain, rest) = gain_and_rest(44_100, hz, resampler(44_100, quality));
            println!("{quality:?} {hz} Hz: {gain:.3} dB, rest {rest:.1} dB");
            assert!(rest < images_db, "{quality:?} {hz} Hz: rest {rest:.1} dB");
            assert!(
                hz > flat_to || gain.abs() < flat_db,
                "{quality:?} {hz} Hz: {gain:.3} dB"
            );
        }
    }
}

#[test]
fn the_cheapest_is_clean_as_far_as_it_is_flat() {
    for hz in [1_000.0, 5_000.0, 10_000.0, 15_000.0, 18_000.0] {
        let (gain, rest) = gain_and_rest(44_100, hz, resampler(44_100, ResamplingQuality::Draft));
        println!("{hz} Hz: {gain:.3} dB, rest {rest:.1} dB");
        assert!(
            gain.abs() < 0.1 && rest < -60.0,
            "{hz} Hz: {gain:.3} dB, rest {rest:.1} dB"
        );
    }
}

#[test]
fn another_quality_in_mid_stream_leaves_no_seam() {
    use ResamplingQuality::{Draft, High, Low};
    for (from, best) in [(44_100, Low), (44_100, High), (96_000, Low)] {
        let mut input = tone(from, 997.0, from as usize / 2);
        for (sum, high) in input
            .channels
            .iter_mut()
            .zip(tone(from, 9_011.0, from as usize / 2).channels)
        {
            sum.iter_mut()
                .zip(high)
                .for_each(|(sum, high)| *sum += high);
        }
        let steady = convert(from, 48_000, best, &input, 1_000);
        let mut changing = resampler(from, best);
        let (mut out, mut piece) = (PcmBlock::default(), PcmBlock::default());
        for (n, at) in (0..input.len()).step_by(1_000).enumerate() {
            changing.set_quality([best, Draft, Low, Draft][n % 4].min(best));
            piece.clear();
            piece.extend_from(&input, at..(at + 1_000).min(input.len()));
            changing.process(&piece, &mut out);
        }
        changing.flush(&mut out);
        assert_eq!(out.len(), steady.len());
        // a tone that ends of a sudden has all frequencies there, and filters differ above 18 kHz
        let middle = 100..out.len() - 100;
        let mut worst = 0.0f32;
        for (changing, steady) in out.channels.iter().zip(&steady.channels) {
            let pairs = changing[middle.clone()].iter().zip(&steady[middle.clone()]);
            worst = pairs.fold(worst, |worst, (a, b)| worst.max((a - b).abs()));
        }
        println!("{from} {best:?}: {worst}");
        // two tones of 0.5; the ripple of the cheapest is -60 dB of them
        assert!(worst < 2e-3, "{from} {best:?}: {worst}");
    }
}

#[test]
fn other_rates_are_as_clean() {
    for (from, hz, images_db) in [
        (8_000, 3_000.0, -80.0),
        (11_025, 4_000.0, -80.0),
        (22_050, 9_000.0, -80.0),
        (32_000, 13_000.0, -80.0),
        (44_056, 15_000.0, -80.0),
        (88_200, 18_000.0, -80.0),
        (96_000, 18_000.0, -80.0),
        (192_000, 18_000.0, -80.0),
    ] {
        let (gain, rest) = gain_and_rest(from, hz, resampler(from, ResamplingQuality::Low));
        println!("{from} {hz}: {gain:.3} {rest:.1}");
        assert!(
            gain.abs() < 0.05 && rest < images_db,
            "{from} {hz}: {gain:.3} {rest:.1}"
        );
    }
}

#[test]
fn transposing_is_flat_to_where_opus_ends_and_leaves_no_images() {
    for ratio in [0.5, 0.8, 0.997_5, 1.2, 1.25, 2.0] {
        // Transposed up by the ratio, a sound is what it would be at the ratio times the rate.
        let from = (48_000.0 * ratio) as u32;
        for part in [0.02, 0.2, 0.5, 0.8, 0.985] {
            let hz = part * 20_000.0 * f64::min(ratio, 1.0);
            let (gain, rest) = gain_and_rest(from, hz, Resampler::variable(ratio));
            println!("{ratio} {hz}: {gain:.3} {rest:.1}");
            assert!(
                gain.abs() < 0.12 && rest < -128.0,
                "{ratio} {hz} Hz: {gain:.3} dB, rest {rest:.1} dB"
            );
        }
    }
}

#[test]
fn what_48_khz_cannot_carry_is_gone() {
    // The original's LOW lets 30 kHz through as 18 kHz at full level.
    let out = convert(
        96_000,
        48_000,
        ResamplingQuality::Low,
        &tone(96_000, 30_000.0, 9_600),
        960,
    );
    let peak = out.channels[0][200..out.len() - 200]
        .iter()
        .fold(0.0f32, |m, x| m.max(x.abs()));
    assert!(peak < 5e-5, "{peak}");
}

#[test]
fn the_length_is_exact_for_every_rate() {
    for from in [
        1_000, 7_999, 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 37_800, 44_056,
        44_100, 47_999, 48_000, 50_000, 64_000, 88_200, 96_000, 176_400, 192_000, 384_000, 768_000,
    ] {
        for len in [0usize, 1, 2, 63, 960, 1_153, 4_000] {
            let out = convert(
                from,
                48_000,
                ResamplingQuality::Low,
                &tone(from, 200.0, len),
                700,
            );
            let want = (len as u64 * 48_000).div_ceil(u64::from(from));
            assert_eq!(out.len() as u64, want, "{len} samples at {from} Hz");
        }
    }
}

#[test]
fn the_cut_into_blocks_changes_nothing() {
    for from in [8_000, 44_100, 44_056, 96_000] {
        let input = tone(from, 440.0, 5_000);
        let whole = convert(from, 48_000, ResamplingQuality::Low, &input, 5_000);
        for block in [1, 7, 576, 1_024] {
            let cut = convert(from, 48_000, ResamplingQuality::Low, &input, block);
            assert!(whole == cut, "{from} Hz in blocks of {block}");
        }
    }
}

#[test]
fn an_impulse_stays_where_it_is() {
    for from in [24_000u32, 44_100, 44_056, 96_000] {
        let mut input = PcmBlock::default();
        input.resize(4_000);
        input.channels[0][2_000] = 1.0;
        let out = convert(from, 48_000, ResamplingQuality::High, &input, 960);
        // Centre of gravity of the squared output, as the window is symmetric.
        let (mut sum, mut moment) = (0.0, 0.0);
        for (n, &x) in out.channels[0].iter().enumerate() {
            sum += f64::from(x).powi(2);
            moment += f64::from(x).powi(2) * n as f64;
        }
        let want = 2_000.0 * 48_000.0 / f64::from(from);
        assert!(
            (moment / sum - want).abs() < 0.01,
            "{from}: {} not {want}",
            moment / sum
        );
        assert!(
            out.channels[1].iter().all(|&x| x == 0.0),
            "the right channel stays silent"
        );
    }
}

#[test]
fn a_reset_resampler_is_a_new_one() {
    let input = tone(44_100, 1_000.0, 2_000);
    let mut used = Resampler::new(44_100, 48_000, ResamplingQuality::Low).unwrap();
    let (mut first, mut second) = (PcmBlock::default(), PcmBlock::default());
    used.process(&tone(44_100, 3_000.0, 777), &mut first);
    used.reset();
    first.clear();
    used.process(&input, &mut first);
    used.flush(&mut first);
    used.process(&input, &mut second);
    used.flush(&mut second);
    assert!(
        first == convert(44_100, 48_000, ResamplingQuality::Low, &input, 2_000) && second == first
    );
}

#[test]
fn equal_rates_pass_bits_through() {
    let input = tone(48_000, 997.0, 1_000);
    assert!(convert(48_000, 48_000, ResamplingQuality::High, &input, 333) == input);
}

#[test]
fn an_absurd_rate_is_an_error_that_names_it() {
    let error = Resampler::new(0, 48_000, ResamplingQuality::Low).expect_err("0 Hz is no rate");
    assert_eq!(
        error.to_string(),
        "a sample rate of 0 Hz is outside 1000 to 768000 Hz"
    );
    assert!(Resampler::new(u32::MAX, 48_000, ResamplingQuality::Low).is_err());
}
