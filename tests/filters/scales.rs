//! Owns: what a time-scale keeps: length, pitch, the step of both channels, the place of an onset, and every sample around it.
//! Never knows: how time is scaled.

use super::*;

/// Speed, pitch, rate.
const SCALES: [(f64, f64, f64); 9] = [
    (1.2, 1.2, 1.0),
    (0.5, 1.0, 1.0),
    (2.0, 1.0, 1.0),
    (3.0, 1.0, 1.0),
    (1.0, 0.8, 1.0),
    (1.0, 1.5, 1.0),
    (1.0, 1.0, 0.8),
    (1.1, 0.95, 1.05),
    (0.25, 1.0, 1.0),
];

#[test]
fn a_time_scaled_track_has_its_exact_length_however_short() {
    for (speed, pitch, rate) in SCALES {
        for len in [0usize, 1, 500, 2_000, 9_999] {
            let input = stereo(sine(len, 440.0, 0.25), sine(len, 660.0, 0.25));
            let out = filtered(&timescale(speed, pitch, rate), &input, 960).len() as f64;
            let want = len as f64 / (speed * rate);
            // One sample for either rounding; the first of them may be stretched by the rate.
            assert!(
                (out - want).abs() <= 2.0 + 1.0 / (pitch * rate),
                "{speed} {pitch} {rate}: {out} for {len}"
            );
        }
    }
}

#[test]
fn pitch_is_within_two_cents_and_both_channels_keep_step() {
    for (speed, pitch, rate) in SCALES {
        let out = filtered(&timescale(speed, pitch, rate), &tones(), 960);
        for (channel, hz) in out.channels.iter().zip([440.0, 660.0]) {
            let middle = &channel[channel.len() / 5..channel.len() * 4 / 5];
            let crossings: Vec<f64> = middle
                .windows(2)
                .enumerate()
                .filter(|(_, w)| w[0] < 0.0 && w[1] >= 0.0)
                .map(|(n, w)| n as f64 + f64::from(w[0] / (w[0] - w[1])))
                .collect();
            let span = crossings[crossings.len() - 1] - crossings[0];
            let got = (crossings.len() - 1) as f64 / span * 48_000.0;
            let cents = 1200.0 * (got / (hz * pitch * rate)).log2();
            assert!(cents.abs() < 2.0, "{speed} {pitch} {rate}: {cents} cents");
        }
        let same = stereo(sine(4_800, 440.0, 0.25), sine(4_800, 440.0, 0.25));
        let out = filtered(&timescale(speed, pitch, rate), &same, 960);
        assert!(out.channels[0] == out.channels[1], "{speed} {pitch} {rate}");
    }
}

#[test]
fn track_time_runs_at_the_factor_while_playing() {
    for (speed, pitch, rate) in SCALES {
        let mut chain = Chain::new(&timescale(speed, pitch, rate));
        let (input, mut piece, mut out) = (tones(), PcmBlock::default(), PcmBlock::default());
        for at in (0..input.len()).step_by(960) {
            piece.clear();
            piece.extend_from(&input, at..at + 960);
            chain.process(&piece, &mut out);
            let want = out.len() as f64 * speed * rate;
            let worst = 2.0 + 2.0 * speed * rate;
            assert!(
                (chain.track_time() - want).abs() <= worst,
                "{speed} {pitch} {rate}: {} {want}",
                chain.track_time()
            );
        }
    }
}

#[test]
fn an_onset_is_heard_when_it_should_be() {
    // The original is up to 1734 samples early at these (measured).
    for (speed, limit) in [(0.7, 600.0), (1.165, 600.0), (2.0, 600.0)] {
        let tone: Vec<f32> = std::iter::repeat_n(0.0, 24_000)
            .chain(sine(24_000, 1_000.0, 0.25))
            .collect();
        let out = filtered(
            &timescale(speed, 1.0, 1.0),
            &stereo(tone.clone(), tone),
            960,
        );
        let at = out.channels[0]
            .iter()
            .position(|x| x.abs() > 0.1)
            .expect("the tone begins") as f64;
        let late = at - 24_000.0 / speed;
        assert!(late.abs() < limit, "speed {speed}: {late} samples late");
    }
}

#[test]
fn a_time_scale_comes_changes_and_goes_without_a_click_or_a_lost_sample() {
    let input = stereo(sine(96_000, 200.0, 0.25), sine(96_000, 300.0, 0.25));
    let specs = [
        timescale(1.2, 1.2, 1.0),
        timescale(0.8, 1.0, 1.0),
        none(),
        timescale(1.0, 1.1, 1.0),
        timescale(1.5, 0.9, 1.0),
        none(),
    ];
    let steps: Vec<(usize, &FilterSpec)> = specs
        .iter()
        .enumerate()
        .map(|(n, spec)| (14_400 * (n + 1), spec))
        .collect();
    let out = changed(&none(), &steps, &input, 960);
    for channel in &out.channels {
        let bend = sharpest_bend(channel);
        // Another pitch is another slope: of the greatest slope, 0.01, at most a third.
        assert!(bend < 3.3e-3, "a bend of {bend}");
    }
    let want: f64 = 14_400.0 * (1.0 + 1.0 / 1.2 + 1.0 / 0.8 + 1.0 + 1.0 + 1.0 / 1.5) + 9_600.0;
    // Each change takes effect with a piece, not with a sample.
    assert!(
        (out.len() as f64 - want).abs() < 3_000.0,
        "{} instead of {want}",
        out.len()
    );
    let tail = out.len() - 9_000;
    assert_eq!(
        out.channels[0][tail..],
        input.channels[0][input.len() - 9_000..]
    );
}
