//! Owns: what sound processing costs: milliseconds of one core per second of stereo sound, by the thread's CPU clock.
//! Never knows: the rest of the node.
//!
//! `cargo run --release --example dsp_bench`

use lavalink_rust::{
    dsp::{
        BANDS, Chain, ChannelMixSpec, DistortionSpec, EqualizerSpec, FilterSpec, KaraokeSpec,
        LowPassSpec, Resampler, ResamplingQuality, RotationSpec, TimescaleSpec, TremoloSpec,
        VibratoSpec,
    },
    pcm::PcmBlock,
};

/// CPU time of this thread, in seconds.
fn thread_seconds() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    #[expect(unsafe_code, reason = "the standard library has no thread CPU clock")]
    // SAFETY: `time` is a valid place to write one timespec to.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "every Linux has this clock");
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Two chords with some noise, so that nothing is silent, denormal or periodic in a block.
fn music(len: usize) -> PcmBlock {
    let mut x = 1u32;
    let mut voice = |hz: f32| -> Vec<f32> {
        (0..len)
            .map(|n| {
                x ^= x << 13;
                x ^= x >> 17;
                x ^= x << 5;
                let noise = x as f32 / 4_294_967_296.0 - 0.5;
                let t = n as f32 * (std::f32::consts::TAU / 48_000.0);
                0.2 * (t * hz).sin() + 0.2 * (t * hz * 1.26).sin() + 0.05 * noise
            })
            .collect()
    };
    PcmBlock {
        channels: [voice(220.0), voice(330.0)],
    }
}

/// Prints the best of five runs over `seconds` of sound that `run` processes.
fn measure(name: &str, seconds: f64, mut run: impl FnMut()) {
    let best = (0..5).map(|_| {
        let start = thread_seconds();
        run();
        thread_seconds() - start
    });
    let best = best.fold(f64::INFINITY, f64::min);
    let ms = best * 1000.0 / seconds;
    println!(
        "{name:32} {ms:8.3} ms per second   {:8.0} x real time",
        1000.0 / ms
    );
}

fn resampling() {
    let block = music(1_152);
    for (from, to) in [
        (44_100, 48_000),
        (22_050, 48_000),
        (44_056, 48_000),
        (96_000, 48_000),
        (192_000, 48_000),
    ] {
        for quality in [
            ResamplingQuality::Low,
            ResamplingQuality::Medium,
            ResamplingQuality::High,
        ] {
            let mut resampler =
                Resampler::new(from, to, quality).expect("all these rates are supported");
            let mut out = PcmBlock::default();
            let blocks = 20 * from as usize / block.len();
            let seconds = (blocks * block.len()) as f64 / f64::from(from);
            measure(&format!("{from} to {to} {quality:?}"), seconds, || {
                for _ in 0..blocks {
                    out.clear();
                    resampler.process(&block, &mut out);
                }
            });
        }
    }
}

fn filters() {
    let none = FilterSpec::default();
    let equalizer = EqualizerSpec {
        gains: [0.2; BANDS],
    };
    let timescale = |speed, pitch, rate| FilterSpec {
        timescale: Some(TimescaleSpec { speed, pitch, rate }),
        ..FilterSpec::default()
    };
    let specs = [
        (
            "low pass",
            FilterSpec {
                low_pass: Some(LowPassSpec::default()),
                ..none.clone()
            },
        ),
        (
            "channel mix",
            FilterSpec {
                channel_mix: Some(ChannelMixSpec {
                    left_to_right: 0.5,
                    ..Default::default()
                }),
                ..none.clone()
            },
        ),
        (
            "rotation",
            FilterSpec {
                rotation: Some(RotationSpec { rotation_hz: 0.2 }),
                ..none.clone()
            },
        ),
        (
            "distortion",
            FilterSpec {
                distortion: Some(DistortionSpec {
                    sin_scale: 2.0,
                    ..Default::default()
                }),
                ..none.clone()
            },
        ),
        (
            "vibrato",
            FilterSpec {
                vibrato: Some(VibratoSpec::default()),
                ..none.clone()
            },
        ),
        (
            "tremolo",
            FilterSpec {
                tremolo: Some(TremoloSpec::default()),
                ..none.clone()
            },
        ),
        (
            "karaoke",
            FilterSpec {
                karaoke: Some(KaraokeSpec::default()),
                ..none.clone()
            },
        ),
        (
            "equalizer",
            FilterSpec {
                equalizer: Some(equalizer),
                ..none.clone()
            },
        ),
        (
            "volume",
            FilterSpec {
                volume: Some(0.5),
                ..none
            },
        ),
        ("time-scale speed 1.25", timescale(1.25, 1.0, 1.0)),
        ("time-scale speed 0.5", timescale(0.5, 1.0, 1.0)),
        ("time-scale pitch 1.2", timescale(1.0, 1.2, 1.0)),
        ("time-scale rate 1.25", timescale(1.0, 1.0, 1.25)),
        ("time-scale 1.1, 0.95, 1.05", timescale(1.1, 0.95, 1.05)),
    ];
    let sound = music(20 * 48_000);
    let mut block = PcmBlock::default();
    for (name, spec) in specs {
        let mut chain = Chain::new(&spec);
        let mut out = PcmBlock::default();
        measure(name, 20.0, || {
            for at in (0..sound.len()).step_by(960) {
                block.clear();
                block.extend_from(&sound, at..at + 960);
                out.clear();
                chain.process(&block, &mut out);
            }
        });
    }
}

fn main() {
    println!("kernels: {}", lavalink_rust::dsp::instruction_set());
    resampling();
    filters();
}
