//! Owns: what the core is held to where there is no std: that it does something, and the right thing.
//! Never knows: what runs it, the test harness of a machine with std or a program without a system.
//!
//! What each part does in all its cases is held to in `src`; here it is one case of each, with values from outside.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

use alloc::{format, vec, vec::Vec};
use core::{f64::consts::TAU, time::Duration};
use lavalink_rust::{
    dsp::{Chain, FilterSpec, LowPassSpec, Resampler, ResamplingQuality, TimescaleSpec, gain},
    frame::ReaderEvent,
    governor::policy::{Change, Each, Excess, Pace, Policy, Resource},
    pcm::PcmBlock,
    playback::Event,
    player::{
        machine::{Effect, Machine, Moment, Play, Settings},
        note::{EndReason, Note},
    },
    protocol::{Omissible, update::PlayerUpdate},
    track::codec,
    units::{Instant, Samples},
};

/// All of it, by name. Each panics where something is wrong.
pub const CHECKS: [(&str, fn()); 8] = [
    ("a track is read, and written as it was", track),
    ("a PATCH is read, and a mistake in it named", update),
    ("the volume follows the original's curve", volume),
    ("44.1 kHz become 48 kHz", resampling),
    ("a low pass follows its formula", low_pass),
    ("a time-scale plays twice as fast", timescale),
    ("a player tells start and end", player),
    ("heat lowers the quality, and cold brings it back", governor),
];

/// As Lavaplayer 2.2.6 writes it (`tests/data/tracks_oracle.json`, "http-mp3").
const TRACK: &str = "QAAAZAMABFNvbmcABkFydGlzdAAAAAAAA0gAABlodHRwczovL2V4YW1wbGUuY29tL2EubXAzAAEAGWh0dHBzOi8vZXhhbXBs\
                     ZS5jb20vYS5tcDMAAAAEaHR0cAADbXAzAAAAAAAAAAA=";

fn track() {
    let track = codec::decode(TRACK).expect("a track");
    assert_eq!(
        (&*track.info.title, &*track.info.author),
        ("Song", "Artist")
    );
    assert_eq!(track.info.length, 215_040);
    assert_eq!(codec::encode(&track, 0).as_deref(), Ok(TRACK));
    assert!(codec::decode("QAAA").is_err() && codec::decode("!").is_err());
}

fn update() {
    let update =
        PlayerUpdate::parse(br#"{"paused": true, "volume": 50, "endTime": null}"#).expect("valid");
    assert_eq!(update.volume, Omissible::Present(50));
    assert_eq!(update.paused, Omissible::Present(true));
    assert_eq!(update.end_time, Omissible::Present(None));
    assert!(!update.position.is_present());
    let mistake = PlayerUpdate::parse(br#"{"volume": "loud"}"#).expect_err("text is no number");
    assert!(format!("{mistake}").contains("volume"), "{mistake}");
}

// Lavaplayer's `PcmVolumeProcessor`: tan(percent × 0.0079), in ten-thousandths.
fn volume() {
    for (percent, want) in [(1, 79), (50, 4169), (100, 10_000), (125, 15_154)] {
        assert_eq!(
            libm::roundf(gain(percent) * 10_000.0) as u32,
            want,
            "{percent}"
        );
    }
}

/// A tone of half the full scale.
fn tone(hz: f64, rate: f64, samples: usize) -> PcmBlock {
    let samples: Vec<f32> = (0..samples).map(|n| at(hz, rate, n) as f32).collect();
    PcmBlock {
        channels: [samples.clone(), samples],
    }
}

fn at(hz: f64, rate: f64, n: usize) -> f64 {
    0.5 * libm::sin(TAU * hz * n as f64 / rate)
}

fn resampling() {
    let mut resampler =
        Resampler::new(44_100, 48_000, ResamplingQuality::Low).expect("both are possible");
    let mut out = PcmBlock::default();
    resampler.process(&tone(1000.0, 44_100.0, 4410), &mut out);
    resampler.flush(&mut out);
    assert_eq!(out.len(), 4800);
    // away from both ends, where there is silence under half of the filter
    for (n, sample) in out.channels[0].iter().enumerate().skip(100).take(4600) {
        let error = (f64::from(*sample) - at(1000.0, 48_000.0, n)).abs();
        assert!(error < 1e-4, "{error} at {n}");
    }
}

fn processed(spec: &FilterSpec, input: &PcmBlock) -> PcmBlock {
    let mut chain = Chain::new(spec);
    let mut out = PcmBlock::default();
    chain.process(input, &mut out);
    chain.flush(&mut out);
    out
}

fn low_pass() {
    let spec = FilterSpec {
        low_pass: Some(LowPassSpec { smoothing: 20.0 }),
        ..FilterSpec::default()
    };
    let input = tone(500.0, 48_000.0, 960);
    let out = processed(&spec, &input);
    let mut want = f64::from(input.channels[0][0]);
    for (x, y) in input.channels[0].iter().zip(&out.channels[0]) {
        want += (f64::from(*x) - want) / 20.0;
        assert!((f64::from(*y) - want).abs() < 1e-5);
    }
    assert_eq!(out.len(), 960);
}

fn timescale() {
    let spec = FilterSpec {
        timescale: Some(TimescaleSpec {
            speed: 2.0,
            ..TimescaleSpec::default()
        }),
        ..FilterSpec::default()
    };
    let out = processed(&spec, &tone(440.0, 48_000.0, 9600));
    assert!(out.len().abs_diff(4800) <= 1, "{} samples", out.len());
    // the pitch stays: 440 Hz cross zero upwards every 109.09 samples
    let rises: Vec<usize> = out.channels[0]
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0] < 0.0 && pair[1] >= 0.0)
        .map(|(n, _)| n)
        .collect();
    let (Some(first), Some(last)) = (rises.first(), rises.last()) else {
        panic!("silence");
    };
    let period = (last - first) as f64 / (rises.len() - 1) as f64;
    assert!((108.0..110.2).contains(&period), "{period}");
}

fn player() {
    let mut machine = Machine::new(Settings {
        update_every: Duration::from_secs(5),
        stuck_after: Duration::from_secs(10),
        device: None,
    });
    let mut now = Moment {
        at: Instant::after(Duration::from_secs(1)),
        position: Samples::ZERO,
        polls: 0,
    };
    machine.play(
        now,
        Play {
            track: codec::decode(TRACK).expect("a track"),
            position: None,
            end_time: None,
            user_data: Default::default(),
        },
    );
    let effects = machine.take_effects();
    let [
        Effect::Start { generation, .. },
        Effect::Tell(Note::TrackStart(shown)),
        ..,
    ] = &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert_eq!(shown.length, 215_040);
    now.at += Duration::from_secs(215);
    now.position = Samples(215_040 * 48);
    machine.heard_sound(now, *generation, Event::Reader(ReaderEvent::Drained));
    let is_end =
        |effect: &Effect| matches!(effect, Effect::Tell(Note::TrackEnd(_, EndReason::Finished)));
    assert!(machine.take_effects().iter().any(is_end));
    assert!(!machine.has_track());
}

fn governor() {
    let thresholds = Each {
        temperature: Some(70.0),
        ..Each::default()
    };
    let mut policy = Policy::new(thresholds, Pace::default(), 3);
    let mut changes = vec![];
    for second in 0..7200 {
        let reading = Each {
            temperature: Some(if second < 8 { 85.0 } else { 40.0 }),
            ..Each::default()
        };
        let now = Instant::after(Duration::from_secs(second));
        changes.extend(policy.read(now, reading));
    }
    let hot = Change {
        from: 0,
        to: 1,
        cause: Some(Excess {
            resource: Resource::Temperature,
            reading: 85.0,
            threshold: 70.0,
        }),
    };
    assert_eq!(changes.first(), Some(&hot));
    assert_eq!(policy.level(), 0);
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_holds_without_std() {
        for (name, check) in super::CHECKS {
            std::println!("{name}");
            check();
        }
    }
}
