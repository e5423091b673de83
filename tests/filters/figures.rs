//! Owns: what filters do to known signals, by the figures that were recorded of the original.
//! Never knows: how a filter is built.
//!
//! Levels, pitches, onsets and the image of a time-scale stand in `filters.rs`; envelopes there are compared sample by sample.

use super::*;

#[test]
fn a_band_of_the_equalizer_has_the_recorded_response() {
    // `eq-b0-p100` of the recordings: dB at third-octave centres, from an impulse.
    let recorded = [
        (20.0, 11.31),
        (25.0, 13.98),
        (31.5, 11.12),
        (40.0, 7.37),
        (63.0, 3.23),
        (100.0, 1.35),
        (250.0, 0.22),
        (1_000.0, 0.01),
        (10_000.0, 0.0),
    ];
    let mut left = vec![0.0; 72_000];
    left[480] = 1.0 / 32.0;
    let out = filtered(
        &lowest_band(),
        &stereo(left.clone(), vec![0.0; 72_000]),
        960,
    );
    for (hz, want) in recorded {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, x) in out.channels[0].iter().enumerate() {
            let angle = TAU * hz * (n as f64 - 480.0) / 48_000.0;
            re += f64::from(*x) * angle.cos();
            im += f64::from(*x) * angle.sin();
        }
        let got = 20.0 * (32.0 * (re * re + im * im).sqrt()).log10();
        assert!(
            (got - want).abs() <= 0.1,
            "{hz} Hz: {got} instead of {want} dB"
        );
    }
}

/// The lowest band at its highest gain.
fn lowest_band() -> FilterSpec {
    FilterSpec {
        equalizer: Some(EqualizerSpec::from_bands([(0, 1.0)])),
        ..none()
    }
}

#[test]
fn a_vibrato_delays_as_recorded() {
    // `vibrato-4-0.75`: a line of slope 1/65536 meets delays of 3 to 75 samples.
    let line: Vec<f32> = (0..96_000).map(|n| n as f32 / 65_536.0).collect();
    let vibrato = FilterSpec {
        vibrato: Some(VibratoSpec {
            frequency: 4.0,
            depth: 0.75,
        }),
        ..none()
    };
    let out = filtered(&vibrato, &stereo(line.clone(), line), 960);
    let delays = out.channels[0].iter().enumerate().skip(300);
    let delays: Vec<f64> = delays
        .map(|(n, x)| n as f64 - f64::from(*x) * 65_536.0)
        .collect();
    let least = delays.iter().copied().fold(f64::INFINITY, f64::min);
    let most = delays.iter().copied().fold(0.0, f64::max);
    assert!(
        (least - 3.0).abs() < 0.15 && (most - 75.0).abs() < 0.15,
        "{least} to {most}"
    );
}

#[test]
fn a_distortion_has_the_recorded_curve_and_harmonics() {
    let distortion = FilterSpec {
        distortion: Some(DistortionSpec {
            scale: 2.0,
            ..Default::default()
        }),
        ..none()
    };
    // `distortion-scale2~curve`: the left channel's inputs from −1 to 0 in steps of 1/16.
    let recorded = [
        1.0, 1.0, 1.0, 1.0, 0.929263, 0.805452, 0.684678, 0.568823, 0.459698, 0.359003, 0.268311,
        0.189037, 0.122417, 0.069492, 0.031088, 0.007802, 0.0,
    ];
    let line: Vec<f32> = (0..=16).map(|n| n as f32 / 16.0 - 1.0).collect();
    let out = filtered(&distortion, &stereo(line.clone(), line), 960);
    for (got, want) in out.channels[0].iter().zip(recorded) {
        assert!((got - want).abs() <= 5e-6, "{got} instead of {want}");
    }
    // `distortion-default~tones0`: of a tone at full scale a constant of 0.38805 and the even lines are left.
    let neutral = FilterSpec {
        distortion: Some(DistortionSpec::default()),
        volume: Some(0.999),
        ..none()
    };
    let tone = sine(14_400, 440.0, 1.0);
    let out = filtered(&neutral, &stereo(tone.clone(), tone), 960);
    for (line, want) in [(2, -9.05), (4, -29.37), (6, -58.4)] {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, x) in out.channels[0].iter().enumerate() {
            let angle = TAU * 440.0 * f64::from(line) * n as f64 / 48_000.0;
            re += f64::from(*x) * angle.cos();
            im += f64::from(*x) * angle.sin();
        }
        let got = 20.0 * (2.0 * (re * re + im * im).sqrt() / 14_400.0).log10();
        assert!(
            (got - want).abs() <= 0.1,
            "line {line}: {got} instead of {want} dB"
        );
    }
    let constant = out.channels[0].iter().sum::<f32>() / 14_400.0;
    assert!((constant - 0.38805).abs() <= 1e-3, "{constant}");
}
