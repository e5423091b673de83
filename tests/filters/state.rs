//! Owns: tests that filters keep their state and phase when their settings change.
//! Never knows: how a filter is built.

use super::*;

#[test]
fn state_and_phase_stay_when_settings_change() {
    // What these filters remember (bands, the mono band, phases, delayed samples) does not depend on the settings that
    // change here, so after the change it sounds as if they had been there from the start.
    let with = |spec: FilterSpec| FilterSpec {
        volume: Some(0.9),
        ..spec
    };
    let tremolo = |depth| TremoloSpec {
        frequency: 7.0,
        depth,
    };
    let vibrato = |depth| VibratoSpec {
        frequency: 5.0,
        depth,
    };
    let karaoke = |level| KaraokeSpec {
        level,
        ..Default::default()
    };
    let settings = |n: usize| {
        let (weak, strong) = [(0.2, 0.9), (0.6, 0.3)][n];
        [
            with(FilterSpec {
                equalizer: Some(EqualizerSpec::from_bands([(0, weak), (9, strong)])),
                ..none()
            }),
            with(FilterSpec {
                karaoke: Some(karaoke(strong)),
                ..none()
            }),
            with(FilterSpec {
                tremolo: Some(tremolo(strong)),
                ..none()
            }),
            with(FilterSpec {
                vibrato: Some(vibrato(weak)),
                ..none()
            }),
        ]
    };
    let input = input("noise");
    for (one, other) in settings(0).iter().zip(&settings(1)) {
        let out = changed(one, &[(4_800, other)], &input, 960);
        let want = filtered(other, &input, 960);
        for (got, want) in out.channels.iter().zip(&want.channels) {
            for n in 4_800 + 720..got.len() {
                assert!((got[n] - want[n]).abs() < 1e-5, "{other:?}, sample {n}");
            }
        }
    }
}

#[test]
fn phases_and_the_pole_go_on_when_what_moves_them_changes() {
    let input = stereo(vec![0.5; 9_600], vec![0.5; 9_600]);
    let rotation = |rotation_hz| FilterSpec {
        rotation: Some(RotationSpec { rotation_hz }),
        ..none()
    };
    let out = changed(&rotation(3.0), &[(4_800, &rotation(5.0))], &input, 960);
    for n in 4_800 + 720..9_600 {
        // Reference 4.9, with the angle that 4800 samples at 3 Hz have come to.
        let angle = TAU * (3.0 * 4_800.0 + 5.0 * (n as f64 - 4_800.0)) / 48_000.0;
        let want = 0.5 * (1.0 + angle.sin()) / 2.0;
        assert!(
            (f64::from(out.channels[0][n]) - want).abs() < 1e-5,
            "sample {n}"
        );
    }
    let low_pass = |smoothing| FilterSpec {
        low_pass: Some(LowPassSpec { smoothing }),
        ..none()
    };
    // A step in the middle of the way: the pole has not come to rest when the smoothing changes.
    let step: Vec<f32> = (0..9_600)
        .map(|n| if n < 4_700 { 0.0 } else { 0.5 })
        .collect();
    let out = changed(
        &low_pass(400.0),
        &[(4_800, &low_pass(900.0))],
        &stereo(step.clone(), step),
        960,
    );
    // Reference 4.11: v goes 1/smoothing of the way with each sample.
    let before = 1.0 - (1.0 - 1.0 / 400.0f64).powi(100);
    for n in 4_800 + 720..9_600 {
        let want = 0.5 * (1.0 - (1.0 - before) * (1.0 - 1.0 / 900.0f64).powi(n as i32 - 4_799));
        assert!(
            (f64::from(out.channels[0][n]) - want).abs() < 1e-4,
            "sample {n}"
        );
    }
}
