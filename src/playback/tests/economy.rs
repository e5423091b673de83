//! Owns: tests of playbacks that cost less while they run: nothing is lost, nothing clicks, and it is so at once.
//! Never knows: why less is spent.

use super::*;
use crate::{
    dsp::TimescaleSpec,
    playback::dial::{Buffers, Dial, Dials, Economy},
};
use changes::chirp;

const CHEAP: Economy = Economy {
    complexity: 0,
    bitrate: Some(48_000),
    resampling: ResamplingQuality::Draft,
    is_hasty: true,
};
static STEPS: [Economy; 2] = [Economy::NONE, CHEAP];
static LENGTHS: [Buffers; 2] = [Buffers::WHOLE, Buffers { divisor: 2 }];

fn dials() -> Dials {
    Dials {
        sound: Arc::new(Dial::new(&STEPS)),
        buffers: Arc::new(Dial::new(&LENGTHS)),
    }
}

/// The rising tone as if it had been recorded at 44.1 kHz: it has to be resampled.
fn resampled_chirp(seconds: usize) -> Vec<u8> {
    let mut file = chirp(seconds);
    // WAVE: samples and bytes a second
    file[24..28].copy_from_slice(&44_100u32.to_le_bytes());
    file[28..32].copy_from_slice(&(44_100u32 * 8).to_le_bytes());
    file
}

/// All frames; the dial is turned after each of `turns` of them, to and fro.
fn heard(format: FrameFormat, filters: FilterSpec, turns: &[usize]) -> Vec<Vec<u8>> {
    let dials = dials();
    let engine = Engine::new(1, Settings::default()).heeding(dials.clone());
    let bytes = ByteWindow::of(resampled_chirp(4));
    let mut run = play(&engine, bytes, format, |request| Request {
        filters,
        ..request
    });
    let (mut frames, mut step) = (Vec::new(), 0);
    while let Some((frame, _)) = run.frame() {
        frames.push(frame);
        if turns.contains(&frames.len()) {
            step = 1 - step;
            dials.sound.turn(step);
        }
    }
    frames
}

fn samples(frames: &[Vec<u8>]) -> Vec<f32> {
    let value = |b: &[u8]| f32::from_le_bytes(b.try_into().expect("four bytes"));
    let bytes = frames.iter().flat_map(|frame| frame.chunks(4));
    bytes.map(value).collect()
}

#[test]
fn a_change_of_the_resampler_is_not_heard() {
    let steady = samples(&heard(FrameFormat::Pcm, FilterSpec::default(), &[]));
    let turned = samples(&heard(
        FrameFormat::Pcm,
        FilterSpec::default(),
        &[10, 70, 100, 101],
    ));
    assert_eq!(steady.len(), turned.len());
    let pairs = steady.iter().zip(&turned);
    let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    // 60 dB below the tone of 0.25
    assert!(worst < 2.5e-4, "{worst}");
}

#[test]
fn a_time_scale_in_haste_keeps_its_length_and_does_not_click() {
    let filters = FilterSpec {
        timescale: Some(TimescaleSpec {
            speed: 1.25,
            ..TimescaleSpec::default()
        }),
        ..FilterSpec::default()
    };
    let steady = samples(&heard(FrameFormat::Pcm, filters.clone(), &[]));
    let turned = samples(&heard(FrameFormat::Pcm, filters, &[20, 60, 90]));
    assert_eq!(steady.len(), turned.len());
    // a click is a broken curvature; that of the tone is highest at its end, (2π f/48000)² of its level
    let roughest = |samples: &[f32]| {
        let left: Vec<f32> = samples.iter().step_by(2).copied().collect();
        let bends = left.windows(3).map(|w| (w[2] - 2.0 * w[1] + w[0]).abs());
        bends.fold(0.0, f32::max)
    };
    let (steady, turned) = (roughest(&steady), roughest(&turned));
    assert!(turned < 1.5 * steady + 1e-3, "{turned} against {steady}");
}

#[test]
fn a_cheaper_frame_comes_as_soon_as_those_that_wait_are_heard() {
    let frames = heard(FrameFormat::Opus, FilterSpec::default(), &[40, 120]);
    let steady = heard(FrameFormat::Opus, FilterSpec::default(), &[]);
    assert_eq!(frames.len(), steady.len());
    let bytes =
        |range: std::ops::Range<usize>| -> usize { frames[range].iter().map(Vec::len).sum() };
    // 21 frames wait, and one turn of the playback may be under way: 12
    let (before, cheap, after) = (bytes(0..40), bytes(80..120), bytes(160..200));
    // 48 kbit/s in 40 frames are 4800 bytes
    assert!(cheap < 5_500, "{before} {cheap} {after}");
    assert!(before > cheap && after > cheap, "{before} {cheap} {after}");
}

#[test]
fn a_playback_that_begins_while_memory_is_short_keeps_half_as_much_ready() {
    let dials = dials();
    let engine = Engine::new(1, Settings::default()).heeding(dials.clone());
    let begin = || {
        let bytes = ByteWindow::of(resampled_chirp(1));
        play(&engine, bytes, FrameFormat::Opus, |request| request)
    };
    let whole = begin();
    dials.buffers.turn(1);
    let half = begin();
    // 400 ms and 200 ms, and the frame that is being taken
    let most = |run: &Run| run.playback.report().frames_max;
    assert_eq!((most(&whole), most(&half)), (21, 11));
}
