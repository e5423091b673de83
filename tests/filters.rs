//! Owns: what the filter chain does to sound, against recordings of the original and against formulas.
//! Never knows: how a filter is built.
//!
//! `data/filters/*.f32` are the first 1600 kept frames of recordings of Lavalink 4.2.2's own chain: interleaved f32 at
//! 48 kHz, every `stride`-th frame. The inputs are built here from the formulas with which they were recorded.

use lavalink_rust::{
    dsp::{
        Chain, ChannelMixSpec, DistortionSpec, EqualizerSpec, FilterSpec, KaraokeSpec, LowPassSpec,
        RotationSpec, TimescaleSpec, TremoloSpec, VibratoSpec,
    },
    pcm::PcmBlock,
};
use std::f64::consts::TAU;

#[path = "filters/figures.rs"]
mod figures;
#[path = "filters/odd.rs"]
mod odd;
#[path = "filters/scales.rs"]
mod scales;
#[path = "filters/state.rs"]
mod state;

/// xorshift32 noise in ±`gain`.
fn noise(len: usize, seed: u32, gain: f64) -> Vec<f32> {
    let mut x = seed;
    (0..len)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            (gain * (f64::from(x) / 2_147_483_648.0 - 1.0)) as f32
        })
        .collect()
}

fn sine(len: usize, hz: f64, gain: f64) -> Vec<f32> {
    (0..len)
        .map(|n| (gain * (TAU * hz * n as f64 / 48_000.0).sin()) as f32)
        .collect()
}

fn stereo(left: Vec<f32>, right: Vec<f32>) -> PcmBlock {
    PcmBlock {
        channels: [left, right],
    }
}

/// The recordings' inputs.
fn input(name: &str) -> PcmBlock {
    match name {
        "noise" => stereo(noise(9_600, 1, 0.25), noise(9_600, 2, 0.25)),
        "loud" => stereo(noise(9_600, 1, 1.0), noise(9_600, 2, 1.0)),
        "dc" => stereo(vec![0.5; 12_000], vec![0.5; 12_000]),
        "tone" => stereo(sine(9_600, 440.0, 0.25), sine(9_600, 660.0, 0.25)),
        "impulse" => {
            let mut left = vec![0.0; 9_600];
            left[0] = 0.5;
            stereo(left, vec![0.0; 9_600])
        }
        "ramp" => {
            let ramp: Vec<f32> = (0..9_600)
                .map(|n| (f64::from(n) * 2.0 / 9_599.0 - 1.0) as f32)
                .collect();
            stereo(ramp.clone(), ramp.into_iter().rev().collect())
        }
        other => panic!("no input is called {other}"),
    }
}

/// What comes out of a chain, flushed, for an input in blocks of `block` samples.
fn filtered(spec: &FilterSpec, input: &PcmBlock, block: usize) -> PcmBlock {
    changed(spec, &[], input, block)
}

/// As [`filtered`], with other specs in force from certain samples on.
fn changed(
    spec: &FilterSpec,
    changes: &[(usize, &FilterSpec)],
    input: &PcmBlock,
    block: usize,
) -> PcmBlock {
    let mut chain = Chain::new(spec);
    let (mut piece, mut out) = (PcmBlock::default(), PcmBlock::default());
    for at in (0..input.len()).step_by(block) {
        for (_, spec) in changes
            .iter()
            .filter(|(when, _)| (at..at + block).contains(when))
        {
            chain.update(spec);
        }
        piece.clear();
        piece.extend_from(input, at..(at + block).min(input.len()));
        chain.process(&piece, &mut out);
    }
    chain.flush(&mut out);
    assert_eq!(
        chain.track_time(),
        input.len() as f64,
        "in the end all of the track is heard"
    );
    out
}

/// Compares with a recording: every `stride`-th sample, within the tolerance that was recorded with it.
fn compare(
    name: &str,
    input_name: &str,
    stride: usize,
    tolerance: f32,
    recorded: &[u8],
    spec: FilterSpec,
) {
    let mut spec = spec;
    if !spec.is_active() {
        // Recorded on its own; with a volume that lets samples pass it counts here too.
        spec.volume = Some(1.01);
    }
    let out = filtered(&spec, &input(input_name), 960);
    for (n, frame) in recorded.chunks_exact(8).enumerate() {
        for channel in 0..2 {
            let bytes = frame[4 * channel..][..4].try_into().expect("four bytes");
            let (want, got) = (f32::from_le_bytes(bytes), out.channels[channel][n * stride]);
            assert!(
                (got - want).abs() <= tolerance,
                "{name}, sample {n}: {got} instead of {want}"
            );
        }
    }
}

/// A test per recording.
macro_rules! recorded {
    ($($test:ident: $name:literal, $input:literal, $stride:literal, $tolerance:literal, $spec:expr;)+) => {
        $(#[test]
        fn $test() {
            let recorded = include_bytes!(concat!("data/filters/", $name, ".f32"));
            compare($name, $input, $stride, $tolerance, recorded, $spec);
        })+
    };
}

fn none() -> FilterSpec {
    FilterSpec::default()
}

/// The gains of a popular bass boost.
fn preset() -> EqualizerSpec {
    let gains = [
        0.6, 0.67, 0.67, 0.0, -0.25, 0.15, -0.2, 0.23, 0.35, 0.45, 0.55, 0.6, 0.55, 0.0, 0.0,
    ];
    EqualizerSpec { gains }
}

recorded! {
    volume_is_the_recorded_one: "volume-0.5", "noise", 1, 2e-5, FilterSpec { volume: Some(0.5), ..none() };
    loud_volume_is_the_recorded_one: "volume-5-loud", "loud", 3, 2e-5, FilterSpec { volume: Some(5.0), ..none() };
    equalizer_is_the_recorded_one: "eq-preset-noise", "noise", 1, 2.35e-4, FilterSpec { equalizer: Some(preset()), ..none() };
    one_band_is_the_recorded_one: "eq-band7-minus", "impulse", 1, 2e-5,
        FilterSpec { equalizer: Some(EqualizerSpec::from_bands([(7, -0.25)])), ..none() };
    karaoke_is_the_recorded_one: "karaoke-half-noise", "noise", 1, 2e-5, FilterSpec {
        karaoke: Some(KaraokeSpec { level: 0.5, mono_level: 0.3, filter_band: 800.0, filter_width: 50.0 }),
        ..none()
    };
    tremolo_is_the_recorded_one: "tremolo-2.0-0.5-noise", "noise", 1, 2e-5,
        FilterSpec { tremolo: Some(TremoloSpec::default()), ..none() };
    deep_tremolo_is_the_recorded_one: "tremolo-4.0-1.0", "dc", 7, 3.36e-4,
        FilterSpec { tremolo: Some(TremoloSpec { frequency: 4.0, depth: 1.0 }), ..none() };
    vibrato_is_the_recorded_one: "vibrato-4.0-0.75", "tone", 5, 9.1e-4,
        FilterSpec { vibrato: Some(VibratoSpec { frequency: 4.0, depth: 0.75 }), ..none() };
    vibrato_delays_an_impulse_as_recorded: "vibrato-impulse", "impulse", 1, 2e-5,
        FilterSpec { vibrato: Some(VibratoSpec::default()), ..none() };
    distortion_is_the_recorded_one: "distortion-mix", "ramp", 1, 2e-5, FilterSpec {
        distortion: Some(DistortionSpec {
            sin_offset: 0.1, sin_scale: 0.7, cos_offset: 0.2, cos_scale: 1.3,
            tan_offset: -0.1, tan_scale: 0.4, offset: 0.05, scale: 1.4,
        }),
        ..none()
    };
    neutral_distortion_is_the_recorded_one: "distortion-default", "ramp", 1, 2e-5,
        FilterSpec { distortion: Some(DistortionSpec::default()), ..none() };
    rotation_is_the_recorded_one: "rotation-1.0", "dc", 7, 2e-5,
        FilterSpec { rotation: Some(RotationSpec { rotation_hz: 1.0 }), ..none() };
    standing_rotation_is_the_recorded_one: "rotation-0.0", "dc", 7, 2e-5,
        FilterSpec { rotation: Some(RotationSpec::default()), ..none() };
    channel_mix_is_the_recorded_one: "channelMix-third", "noise", 1, 2e-5, FilterSpec {
        channel_mix: Some(ChannelMixSpec { left_to_left: 0.9, left_to_right: 0.1, right_to_left: 0.2, right_to_right: 0.7 }),
        ..none()
    };
    loud_channel_mix_is_the_recorded_one: "channelMix-full-loud", "loud", 3, 2e-5, FilterSpec {
        channel_mix: Some(ChannelMixSpec { left_to_left: 1.0, left_to_right: 1.0, right_to_left: 1.0, right_to_right: 1.0 }),
        ..none()
    };
    low_pass_is_the_recorded_one: "lowPass-20.0", "noise", 1, 2e-5,
        FilterSpec { low_pass: Some(LowPassSpec::default()), ..none() };
    nine_filters_stand_in_the_recorded_order: "chain-all-but-timescale", "noise", 1, 4.9e-5, everything();
}

/// All filters but the time-scale.
fn everything() -> FilterSpec {
    FilterSpec {
        volume: Some(0.9),
        equalizer: Some(preset()),
        karaoke: Some(KaraokeSpec::default()),
        tremolo: Some(TremoloSpec::default()),
        vibrato: Some(VibratoSpec::default()),
        distortion: Some(DistortionSpec::default()),
        rotation: Some(RotationSpec { rotation_hz: 0.2 }),
        channel_mix: Some(ChannelMixSpec {
            left_to_left: 0.9,
            left_to_right: 0.1,
            right_to_left: 0.1,
            right_to_right: 0.9,
        }),
        low_pass: Some(LowPassSpec { smoothing: 3.0 }),
        timescale: None,
    }
}

fn timescale(speed: f64, pitch: f64, rate: f64) -> FilterSpec {
    FilterSpec {
        timescale: Some(TimescaleSpec { speed, pitch, rate }),
        ..none()
    }
}

/// A tone on each side, 0.4 s.
fn tones() -> PcmBlock {
    stereo(sine(19_200, 440.0, 0.25), sine(19_200, 660.0, 0.25))
}

/// The greatest bend of a curve: a click is a bend far beyond what the tones in it can make.
fn sharpest_bend(samples: &[f32]) -> f32 {
    samples
        .windows(3)
        .map(|w| (w[0] - 2.0 * w[1] + w[2]).abs())
        .fold(0.0, f32::max)
}

#[test]
fn no_filter_touches_no_bit() {
    let input = input("noise");
    assert_eq!(filtered(&none(), &input, 960), input);
    assert!(Chain::new(&none()).is_neutral());
    assert!(!Chain::new(&everything()).is_neutral());
}

#[test]
fn the_cut_into_blocks_changes_nothing() {
    let input = input("noise");
    let mut spec = everything();
    spec.timescale = timescale(1.3, 0.9, 1.0).timescale;
    let whole = filtered(&spec, &input, 9_600);
    for block in [1, 100, 1_152] {
        assert!(filtered(&spec, &input, block) == whole, "blocks of {block}");
    }
}

#[test]
fn the_same_filters_again_change_nothing() {
    let input = input("noise");
    let spec = everything();
    assert!(changed(&spec, &[(4_800, &spec)], &input, 960) == filtered(&spec, &input, 960));
}

#[test]
fn filters_come_change_and_go_without_a_click() {
    let input = stereo(sine(24_000, 200.0, 0.25), sine(24_000, 300.0, 0.25));
    let other = FilterSpec {
        tremolo: Some(TremoloSpec {
            frequency: 11.0,
            depth: 0.9,
        }),
        equalizer: Some(EqualizerSpec::from_bands([(4, -0.2), (12, 0.3)])),
        channel_mix: Some(ChannelMixSpec {
            left_to_right: 0.4,
            ..Default::default()
        }),
        volume: Some(1.2),
        rotation: Some(RotationSpec { rotation_hz: 2.0 }),
        ..none()
    };
    let third = FilterSpec {
        low_pass: Some(LowPassSpec { smoothing: 10.0 }),
        karaoke: Some(KaraokeSpec {
            level: 0.4,
            ..Default::default()
        }),
        tremolo: Some(TremoloSpec {
            frequency: 3.0,
            depth: 0.4,
        }),
        ..none()
    };
    let steps = [
        (4_800, &other),
        (5_100, &third),
        (9_600, &other),
        (14_400, &none()),
        (19_200, &third),
    ];
    let out = changed(&none(), &steps, &input, 960);
    assert_eq!(out.len(), input.len());
    for channel in &out.channels {
        let bend = sharpest_bend(channel);
        assert!(bend < 2e-3, "a bend of {bend}");
    }
    assert_eq!(
        out.channels[0][17_000..19_000],
        input.channels[0][17_000..19_000],
        "gone is gone"
    );
}

#[test]
fn a_chain_is_neutral_again_once_the_filters_have_faded() {
    let mut chain = Chain::new(&everything());
    let (block, mut out) = (stereo(vec![0.1; 960], vec![0.1; 960]), PcmBlock::default());
    chain.process(&block, &mut out);
    chain.update(&none());
    assert!(!chain.is_neutral(), "still to fade");
    chain.process(&block, &mut out);
    assert!(chain.is_neutral());
}

#[test]
fn absurd_values_give_finite_sound() {
    let mut input = input("loud");
    input.drop_front(8_000);
    input.channels[0][100] = f32::NAN;
    input.channels[1][200] = f32::INFINITY;
    input.channels[0][300] = f32::MIN;
    for (single, double) in [
        (0.0, 0.0),
        (-1.0, -1.0),
        (1e30, 1e30),
        (-1e30, -1e30),
        (f32::NAN, f64::NAN),
        (1e-30, 1e-30),
    ] {
        let spec = FilterSpec {
            volume: Some(single),
            equalizer: Some(EqualizerSpec {
                gains: [single; 15],
            }),
            karaoke: Some(KaraokeSpec {
                level: single,
                mono_level: single,
                filter_band: single,
                filter_width: single,
            }),
            timescale: Some(TimescaleSpec {
                speed: double,
                pitch: double,
                rate: double,
            }),
            tremolo: Some(TremoloSpec {
                frequency: single,
                depth: single,
            }),
            vibrato: Some(VibratoSpec {
                frequency: single,
                depth: single,
            }),
            distortion: Some(DistortionSpec {
                sin_offset: single,
                sin_scale: single,
                cos_offset: single,
                cos_scale: single,
                tan_offset: single,
                tan_scale: single,
                offset: single,
                scale: single,
            }),
            rotation: Some(RotationSpec {
                rotation_hz: double,
            }),
            channel_mix: Some(ChannelMixSpec {
                left_to_left: single,
                left_to_right: single,
                right_to_left: single,
                right_to_right: single,
            }),
            low_pass: Some(LowPassSpec { smoothing: single }),
        };
        for spec in [
            spec.clone(),
            FilterSpec {
                volume: None,
                equalizer: None,
                ..spec
            },
        ] {
            let out = filtered(&spec, &input, 960);
            assert!(
                out.channels.iter().flatten().all(|x| x.is_finite()),
                "{single}"
            );
        }
    }
}

#[test]
fn a_seek_forgets_what_was_heard() {
    let mut chain = Chain::new(&FilterSpec {
        equalizer: Some(preset()),
        timescale: timescale(0.5, 1.0, 1.0).timescale,
        ..none()
    });
    let (mut out, silence) = (
        PcmBlock::default(),
        stereo(vec![0.0; 9_600], vec![0.0; 9_600]),
    );
    chain.process(&input("loud"), &mut out);
    chain.reset();
    assert_eq!(chain.track_time(), 0.0);
    out.clear();
    chain.process(&silence, &mut out);
    assert!(out.channels.iter().flatten().all(|&x| x == 0.0));
}
