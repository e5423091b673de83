//! Owns: what the time-scale does to sounds whose ideal result a formula gives: clicks, tones, noise.
//! Never knows: how tempo is changed.

use lavalink_rust::{
    dsp::{Chain, FilterSpec, TimescaleSpec},
    pcm::PcmBlock,
};
use std::f64::consts::TAU;

const SPEEDS: [f64; 6] = [0.5, 0.7, 0.8, 1.2, 1.5, 2.0];

/// All that comes out at a speed and a pitch.
fn scaled(speed: f64, pitch: f64, input: &PcmBlock) -> PcmBlock {
    let timescale = TimescaleSpec {
        speed,
        pitch,
        rate: 1.0,
    };
    let mut chain = Chain::new(&FilterSpec {
        timescale: Some(timescale),
        ..FilterSpec::default()
    });
    let (mut piece, mut out) = (PcmBlock::default(), PcmBlock::default());
    for at in (0..input.len()).step_by(960) {
        piece.clear();
        piece.extend_from(input, at..(at + 960).min(input.len()));
        chain.process(&piece, &mut out);
    }
    chain.flush(&mut out);
    out
}

fn both(samples: Vec<f32>) -> PcmBlock {
    PcmBlock {
        channels: [samples.clone(), samples],
    }
}

/// `len` samples of a wave of phase `phase`, in turns.
fn wave(len: usize, hz: f64, phase: f64) -> Vec<f32> {
    (0..len)
        .map(|n| (0.25 * (TAU * (hz * n as f64 / 48_000.0 + phase)).sin()) as f32)
        .collect()
}

/// xorshift32 noise in ±0.25.
fn noise(len: usize, mut x: u32) -> Vec<f32> {
    (0..len)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            (0.25 * (f64::from(x) / 2_147_483_648.0 - 1.0)) as f32
        })
        .collect()
}

#[test]
fn a_click_is_heard_once_whole_and_when_it_is_due() {
    let places: Vec<usize> = (0..20)
        .map(|k| 12_000 + 12_400 * k + 617 * (k * 7 % 5))
        .collect();
    let mut samples = vec![0.0; 280_000];
    for &at in &places {
        samples[at] = 0.5;
    }
    for speed in SPEEDS {
        let out = scaled(speed, 1.0, &both(samples.clone()));
        let heard: Vec<(usize, f32)> = out.channels[0]
            .iter()
            .enumerate()
            .filter(|(_, x)| x.abs() > 0.02)
            .map(|(n, x)| (n, *x))
            .collect();
        assert_eq!(heard.len(), places.len(), "speed {speed}: {heard:?}");
        for (&(at, x), &place) in heard.iter().zip(&places) {
            let late = at as f64 - place as f64 / speed;
            assert!(late.abs() <= 2.0, "speed {speed}: {late} samples late");
            assert!((x - 0.5).abs() < 0.001, "speed {speed}: {x} of 0.5");
        }
    }
}

#[test]
fn nothing_of_a_beat_over_a_chord_is_doubled_or_lost() {
    // Bursts of noise that decay in 20 ms over two tones.
    let mut samples = wave(240_000, 220.0, 0.0);
    for (x, other) in samples.iter_mut().zip(wave(240_000, 277.18, 0.3)) {
        *x = 0.3 * (*x + other);
    }
    let places: Vec<usize> = (0..12).map(|k| 15_000 + 17_000 * k).collect();
    for &at in &places {
        for (n, x) in noise(4_800, 7).into_iter().enumerate() {
            samples[at + n] += 2.0 * x * (-(n as f32) / 960.0).exp();
        }
    }
    for speed in SPEEDS {
        let out = scaled(speed, 1.0, &both(samples.clone()));
        // Only the noise has much of a second difference; a beginning is eight times the energy of the 3 ms before.
        let bends: Vec<f32> = out.channels[0]
            .windows(3)
            .map(|w| (w[0] - 2.0 * w[1] + w[2]).powi(2))
            .collect();
        let energy = |at: usize| bends[at..at + 144].iter().sum::<f32>();
        let mut beginnings: Vec<usize> = Vec::new();
        for at in 144..bends.len() - 144 {
            let far = beginnings.last().is_none_or(|last| at > last + 960);
            if far && energy(at) > 1.0 && energy(at) > 8.0 * energy(at - 144) {
                beginnings.push(at);
            }
        }
        assert_eq!(
            beginnings.len(),
            places.len(),
            "speed {speed}: {beginnings:?}"
        );
        for (at, place) in beginnings.iter().zip(&places) {
            // 3 ms for the detector and 6 for the search around the place that is due.
            let late = *at as f64 - *place as f64 / speed;
            assert!(late.abs() < 432.0, "speed {speed}: {late} samples late");
        }
    }
}

/// What a least-squares fit of a tone leaves of 100 ms, in dB of it.
fn rest_db(samples: &[f32], hz: f64) -> f64 {
    let [mut ss, mut sc, mut cc, mut xs, mut xc, mut xx] = [0.0f64; 6];
    for (n, &x) in samples.iter().enumerate() {
        let (s, c) = (TAU * hz * n as f64 / 48_000.0).sin_cos();
        let x = f64::from(x);
        (ss, sc, cc) = (ss + s * s, sc + s * c, cc + c * c);
        (xs, xc, xx) = (xs + x * s, xc + x * c, xx + x * x);
    }
    let det = ss * cc - sc * sc;
    let (a, b) = ((xs * cc - xc * sc) / det, (xc * ss - xs * sc) / det);
    10.0 * ((xx - a * xs - b * xc) / xx).max(1e-12).log10()
}

#[test]
fn tones_stay_pure() {
    // The original leaves −32 to −53 dB beside these tones.
    for (speed, pitch) in [
        (0.5, 1.0),
        (0.85, 0.9),
        (1.165, 1.0),
        (2.0, 1.0),
        (3.0, 1.0),
        (1.0, 0.8),
        (1.0, 1.5),
    ] {
        let input = PcmBlock {
            channels: [wave(96_000, 440.0, 0.0), wave(96_000, 660.0, 0.0)],
        };
        let out = scaled(speed, pitch, &input);
        for (channel, hz) in out.channels.iter().zip([440.0, 660.0]) {
            // Not the tail: cut to its exact length a tone must slip somewhere.
            let middle = &channel[4_800..channel.len() - 4_800];
            for samples in middle.chunks_exact(4_800) {
                let rest = rest_db(samples, hz * pitch);
                assert!(
                    rest < -60.0,
                    "speed {speed} pitch {pitch}, {hz} Hz: {rest:.1} dB"
                );
            }
        }
    }
}

#[test]
fn a_quarter_of_a_turn_between_the_channels_stays_one() {
    for speed in SPEEDS {
        let input = PcmBlock {
            channels: [wave(96_000, 440.0, 0.0), wave(96_000, 440.0, 0.25)],
        };
        let out = scaled(speed, 1.0, &input);
        let [left, right] = &out.channels;
        for (l, r) in left.iter().zip(right).take(left.len() - 2_400) {
            // sin² + cos² = 1
            let radius = l.hypot(*r);
            assert!((radius - 0.25).abs() < 0.0025, "speed {speed}: {radius}");
        }
    }
}

#[test]
fn noise_keeps_its_level_through_the_joins() {
    for speed in SPEEDS {
        let input = PcmBlock {
            channels: [noise(192_000, 1), noise(192_000, 2)],
        };
        let out = scaled(speed, 1.0, &input);
        let levels: Vec<f64> = (0..out.len() / 480 - 2)
            .map(|block| {
                let all = out
                    .channels
                    .iter()
                    .flat_map(|channel| &channel[block * 480..][..480]);
                let energy: f64 = all.map(|x| f64::from(*x).powi(2)).sum();
                10.0 * (energy / 960.0).log10()
            })
            .collect();
        let mean = levels.iter().sum::<f64>() / levels.len() as f64;
        let variance = levels
            .iter()
            .map(|level| (level - mean).powi(2))
            .sum::<f64>();
        let scatter = (variance / levels.len() as f64).sqrt();
        // 10/ln 10 · √(0.8 / 960) for uniform noise: the squares' variance is 0.8 of their mean's square. Faded as if both
        // sides were alike, it would be 0.4 dB.
        let natural = 10.0 / f64::ln(10.0) * (0.8f64 / 960.0).sqrt();
        assert!(
            scatter < natural + 0.08,
            "speed {speed}: {scatter:.3} dB, natural {natural:.3}"
        );
        // Uniform in ±0.25; what lies above 20 kHz may go.
        let want = 10.0 * (0.25f64 * 0.25 / 3.0).log10();
        assert!(
            (mean - want).abs() < 0.25,
            "speed {speed}: {mean:.2} dB instead of {want:.2}"
        );
    }
}

#[test]
fn the_last_sample_is_the_tracks_last() {
    for speed in SPEEDS {
        let mut samples = vec![0.0; 60_000];
        samples[60_000 - 48] = 0.5;
        let out = scaled(speed, 1.0, &both(samples));
        let want = (60_000.0 / speed).round() as usize;
        assert!(
            out.len().abs_diff(want) <= 1,
            "speed {speed}: {}",
            out.len()
        );
        let last = out.channels[0][out.len() - 48];
        assert!((last - 0.5).abs() < 0.03, "speed {speed}: {last}");
    }
}
