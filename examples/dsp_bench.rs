//! Owns: what sound processing costs: milliseconds of one core per second of stereo sound, by the thread's CPU clock.
//! Never knows: the rest of the node.
//!
//! `cargo run --release --example dsp_bench`

use lavalink_rust::{
    dsp::{Quality, Resampler},
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
        for quality in [Quality::Low, Quality::Medium, Quality::High] {
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

fn main() {
    println!("kernels: {}", lavalink_rust::dsp::instruction_set());
    resampling();
}
