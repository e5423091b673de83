//! Owns: tests of whole playbacks, from bytes to frames.
//! Never knows: the network.

mod streams;

use super::{testing::until, *};
use crate::{
    error::Failure,
    frame::{Cause, Gap, MAX_OPUS_BYTES, PCM_FRAME_BYTES, ReaderEvent, Taken},
    units::FRAME_SAMPLES,
};
use pool::{After, Job};
use std::sync::mpsc;

mod changes;
mod economy;
mod formats;
mod passing;

/// A sample of the test signal: every position has a value of its own, so that what was played tells from where.
fn ramp(i: usize) -> i16 {
    (i % 60_000) as i16
}

/// A stereo WAV of 16 bits: left is [`ramp`], right its negative.
fn wav(samples: usize, rate: u32) -> Vec<u8> {
    let data: Vec<u8> = (0..samples)
        .flat_map(|i| [ramp(i).to_le_bytes(), (!ramp(i)).to_le_bytes()].concat())
        .collect();
    let mut file = b"RIFF".to_vec();
    file.extend_from_slice(&(36 + data.len() as u32).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&(rate * 4).to_le_bytes());
    file.extend_from_slice(b"\x04\0\x10\0data");
    file.extend_from_slice(&(data.len() as u32).to_le_bytes());
    file.extend_from_slice(&data);
    file
}

struct Run {
    playback: Playback,
    reader: FrameReader,
    events: mpsc::Receiver<Event>,
}

fn start(bytes: impl Into<bytes::Bytes>, format: FrameFormat, at: Samples, volume: u16) -> Run {
    start_filtered(bytes, format, at, volume, FilterSpec::default())
}

fn start_filtered(
    bytes: impl Into<bytes::Bytes>,
    format: FrameFormat,
    at: Samples,
    volume: u16,
    filters: FilterSpec,
) -> Run {
    run(Settings::default(), bytes, format, |request| Request {
        start: at,
        volume,
        filters,
        ..request
    })
}

/// Samples from the start of a track.
fn start_with(settings: Settings, bytes: impl Into<bytes::Bytes>, filters: FilterSpec) -> Run {
    run(settings, bytes, FrameFormat::Pcm, |request| Request {
        filters,
        ..request
    })
}

fn run(
    settings: Settings,
    bytes: impl Into<bytes::Bytes>,
    format: FrameFormat,
    change: impl FnOnce(Request) -> Request,
) -> Run {
    let engine = Engine::new(1, settings);
    let run = play(&engine, ByteWindow::of(bytes), format, change);
    std::mem::forget(engine); // the pool's threads live as long as the test
    run
}

/// Plays a window from its start, at the usual volume and without filters, unless `change` says otherwise.
fn play(
    engine: &Engine,
    window: ByteWindow,
    format: FrameFormat,
    change: impl FnOnce(Request) -> Request,
) -> Run {
    let (tell, events) = mpsc::channel();
    let request = change(Request {
        window,
        hint: Hint::default(),
        start: Samples::ZERO,
        volume: 100,
        filters: FilterSpec::default(),
        format,
        stuck_after: Duration::MAX,
    });
    let (playback, reader) = engine.start(request, move |e| drop(tell.send(e)));
    Run {
        playback,
        reader,
        events,
    }
}

impl Run {
    /// The next frame; `None` when it is over.
    fn frame(&mut self) -> Option<(Vec<u8>, Samples)> {
        let mut out = [0u8; PCM_FRAME_BYTES];
        let mut taken = Taken::Underrun;
        until(|| {
            taken = self.reader.take(&mut out);
            taken != Taken::Underrun
        });
        match taken {
            Taken::Frame { len, position } => Some((out[..len].to_vec(), position)),
            Taken::Underrun | Taken::Over => None,
        }
    }

    /// Waits until as many frames wait as the settings allow: 400 ms and one.
    fn wait_until_full(&self) {
        until(|| self.reader.level() >= 21);
    }

    fn rest(&mut self) -> Vec<(Vec<u8>, Samples)> {
        std::iter::from_fn(|| self.frame()).collect()
    }
}

impl Run {
    /// Takes what is there and what is being made, until no more can be made of the bytes there are. No poll is in vain.
    fn hear_until_bytes_are_missing(&mut self) {
        until(|| {
            while self.reader.level() > 0 {
                self.frame().expect("a frame");
            }
            self.playback.report().waits.is_some() && self.reader.level() == 0
        });
    }

    /// So many polls in vain.
    fn miss(&mut self, polls: usize) {
        for _ in 0..polls {
            let taken = self.reader.take(&mut [0u8; PCM_FRAME_BYTES]);
            assert_eq!(taken, Taken::Underrun);
        }
    }

    /// The next frame, without a poll before it is there.
    fn next_frame(&mut self) {
        until(|| self.reader.level() > 0);
        self.frame().expect("a frame");
    }

    fn gaps(&self) -> Vec<Gap> {
        let gap = |event| match event {
            Event::Reader(ReaderEvent::Gap(gap)) => Some(gap),
            _ => None,
        };
        self.events.try_iter().filter_map(gap).collect()
    }
}

fn left(frame: &[u8]) -> Vec<i16> {
    let sample = |b: &[u8]| f32::from_le_bytes(b[..4].try_into().expect("four bytes"));
    frame
        .chunks(8)
        .map(|pair| (sample(pair) * 32_768.0).round() as i16)
        .collect()
}

#[test]
fn every_sample_comes_out_once_and_in_place() {
    let mut run = start(wav(100_000, 48_000), FrameFormat::Pcm, Samples::ZERO, 100);
    let frames = run.rest();
    let heard: Vec<i16> = frames.iter().flat_map(|(f, _)| left(f)).collect();
    assert_eq!(heard.len(), 100_000);
    assert!(heard.iter().enumerate().all(|(i, s)| *s == ramp(i)));
    assert!(
        frames
            .iter()
            .enumerate()
            .all(|(i, (_, at))| at.0 == (i * FRAME_SAMPLES) as u64)
    );
}

#[test]
fn a_start_position_is_exact_to_the_sample() {
    let mut run = start(wav(100_000, 48_000), FrameFormat::Pcm, Samples(77_777), 100);
    assert_eq!(run.playback.progress().position(), Samples(77_777));
    let (frame, at) = run.frame().expect("sound");
    assert_eq!((left(&frame)[0], at), (ramp(77_777), Samples(77_777)));
}

#[test]
fn a_seek_goes_to_the_sample_forwards_and_backwards() {
    let mut run = start(wav(200_000, 48_000), FrameFormat::Pcm, Samples::ZERO, 100);
    run.frame().expect("sound");
    for target in [150_001, 1_234] {
        run.playback.seek(Samples(target));
        assert_eq!(run.playback.progress().position(), Samples(target));
        // frames from before the seek may still come, then those from there
        let (frame, at) = std::iter::from_fn(|| run.frame())
            .find(|(_, at)| at.0 == target)
            .expect("it arrives");
        assert_eq!(
            (left(&frame)[0], at),
            (ramp(target as usize), Samples(target))
        );
    }
    run.playback.seek(Samples(u64::MAX / 4));
    run.rest();
}

#[test]
fn a_seek_beyond_the_end_gives_nothing_more() {
    for format in [FrameFormat::Pcm, FrameFormat::Opus] {
        let mut run = start(wav(200_000, 48_000), format, Samples::ZERO, 100);
        run.wait_until_full();
        let target = Samples(500_000);
        run.playback.seek(target);
        // what was made before may still be heard
        assert!(run.rest().iter().all(|(_, at)| at.0 < 200_000));
        assert_eq!(run.playback.progress().position(), target);
    }
}

#[test]
fn a_resampled_seek_gives_the_samples_of_unbroken_playing() {
    let file = wav(88_200, 44_100);
    let whole: Vec<i16> = start(file.clone(), FrameFormat::Pcm, Samples::ZERO, 100)
        .rest()
        .iter()
        .flat_map(|(f, _)| left(f))
        .collect();
    assert_eq!(whole.len(), 96_000);
    let part: Vec<i16> = start(file, FrameFormat::Pcm, Samples(50_001), 100)
        .rest()
        .iter()
        .flat_map(|(f, _)| left(f))
        .collect();
    // the first taps of a filter that starts here see silence in front
    assert_eq!(part.len(), 96_000 - 50_001);
    assert_eq!(part[200..], whole[50_201..]);
}

#[test]
fn a_new_volume_is_heard_after_one_frame_and_no_sample_is_lost() {
    let mut run = start(wav(200_000, 48_000), FrameFormat::Pcm, Samples::ZERO, 100);
    run.wait_until_full();
    let mut expected = 0;
    for _ in 0..5 {
        expected += left(&run.frame().expect("sound").0).len();
    }
    run.playback.set_volume(50);
    // 16 frames wait, too many for new ones to be made; full again means that they were made anew
    run.wait_until_full();
    let mut quiet_from = None;
    while let Some((frame, at)) = run.frame() {
        assert_eq!(at.0 as usize, expected, "no frame is lost or doubled");
        let heard = left(&frame);
        let last = heard.len() - 1;
        let wanted = f32::from(ramp(expected + last)) * 0.4169;
        if (f32::from(heard[last]) - wanted).abs() < 3.0 + wanted.abs() * 0.01 {
            quiet_from.get_or_insert(at.0 as usize / FRAME_SAMPLES);
        }
        expected += heard.len();
    }
    assert_eq!(expected, 200_000);
    let quiet_from = quiet_from.expect("it becomes quiet");
    // one frame is left alone, over another one the volume changes
    assert!(quiet_from <= 5 + 2, "heard from frame {quiet_from} on");
}

#[test]
fn opus_frames_hold_the_whole_track_and_the_encoders_delay() {
    let mut run = start(wav(96_000, 48_000), FrameFormat::Opus, Samples::ZERO, 100);
    let frames = run.rest();
    // 96 000 samples and 312 of lookahead: 101 frames
    assert_eq!(frames.len(), 101);
    assert!(
        frames
            .iter()
            .all(|(f, _)| f.len() <= MAX_OPUS_BYTES && f[0] == 0xFC)
    );
}

#[test]
fn rubbish_fails_before_anything_is_heard() {
    let mut run = start(
        &b"RIFFxxxxWAVEnothing of that kind"[..],
        FrameFormat::Opus,
        Samples::ZERO,
        100,
    );
    assert!(run.rest().is_empty());
    let failed = run.events.try_iter().find_map(|e| match e {
        Event::Failed { produced, .. } => Some(produced),
        _ => None,
    });
    assert_eq!(failed, Some(false));
}

#[test]
fn a_source_that_breaks_off_is_heard_up_to_there() {
    let file = wav(96_000, 48_000);
    let (mut lane, window) = crate::media::window::lane(1 << 20);
    lane.describe(Some(file.len() as u64), true);
    lane.push(bytes::Bytes::copy_from_slice(&file[..44 + 48_000 * 4]));
    lane.fail(Failure::suspicious("gone"));
    let engine = Engine::new(1, Settings::default());
    let mut run = play(&engine, window, FrameFormat::Pcm, |request| request);
    let heard: usize = run.rest().iter().map(|(f, _)| f.len() / 8).sum();
    assert!(heard > 48_000 - 2 * FRAME_SAMPLES, "{heard} samples");
    let events: Vec<Event> = run.events.try_iter().collect();
    assert!(
        events
            .iter()
            .any(|e| matches!(e, Event::Failed { produced: true, .. }))
    );
}

/// What a listener hears of Opus frames: the highest sample of each, on the left.
fn peaks(frames: &[Vec<u8>]) -> Vec<f32> {
    let mut decoder = opus2::Decoder::new(48_000, opus2::Channels::Stereo).expect("memory");
    let mut pcm = [0f32; FRAME_SAMPLES * 2];
    let mut peak = |frame: &Vec<u8>| {
        decoder
            .decode_float(frame, &mut pcm, false)
            .expect("a good packet");
        pcm.iter().step_by(2).fold(0f32, |top, s| top.max(s.abs()))
    };
    frames.iter().map(&mut peak).collect()
}

#[test]
fn packets_are_passed_on_again_without_a_bump() {
    let file = std::fs::read("tests/data/tone48.opus").expect("there");
    let mut plain = start(file.clone(), FrameFormat::Opus, Samples::ZERO, 100);
    let plain: Vec<_> = plain.rest().into_iter().map(|(frame, _)| frame).collect();
    for quiet in [2, 50, 200] {
        let mut run = start(file.clone(), FrameFormat::Opus, Samples::ZERO, quiet);
        let mut frames: Vec<_> = (0..20).map(|_| run.frame().expect("sound").0).collect();
        run.playback.set_volume(100);
        frames.extend(run.rest().into_iter().map(|(frame, _)| frame));
        let differs = |i: &usize| frames[*i] != plain[*i];
        let passed_from = (0..plain.len()).rev().find(differs).map_or(0, |i| i + 1);
        assert!(passed_from < 60, "passed on only from frame {passed_from}");
        let (heard, meant) = (peaks(&frames), peaks(&plain));
        let louder = (passed_from - 1..plain.len()).map(|i| heard[i] / meant[i]);
        let highest = louder.fold(0f32, f32::max);
        // half a decibel is about what an ear can notice
        assert!(highest < 1.06, "from {quiet}: {highest} times as loud");
    }
}

/// A lane that the test fills, and what is played of it.
fn start_lane(engine: &Engine, length: usize) -> (crate::media::window::LaneWriter, Run) {
    let (lane, window) = crate::media::window::lane(1 << 20);
    lane.describe(Some(length as u64), true);
    let run = play(engine, window, FrameFormat::Pcm, |request| request);
    (lane, run)
}

#[test]
fn a_source_that_stalls_is_why_there_is_a_gap() {
    let file = bytes::Bytes::from(wav(96_000, 48_000));
    let engine = Engine::new(1, Settings::default());
    let (mut lane, mut run) = start_lane(&engine, file.len());
    lane.push(file.slice(..44 + 48_000 * 4));
    run.hear_until_bytes_are_missing();
    run.miss(3);
    assert_eq!(run.playback.report().activity, Activity::Running);
    lane.push(file.slice(44 + 48_000 * 4..));
    lane.finish();
    run.next_frame();
    let [gap] = run.gaps()[..] else {
        panic!("one gap");
    };
    assert_eq!(
        (gap.cause, gap.position, gap.frames, gap.is_over),
        (Cause::SourceStalled, Samples(48_000), 3, true)
    );
    assert!(gap.waited >= 2, "{gap:?}");
}

/// A job that keeps its worker until it is told.
struct Busy(mpsc::Sender<()>, mpsc::Receiver<()>);

impl Job for Busy {
    fn run(&mut self) -> After {
        self.0.send(()).expect("the test listens");
        let _ = self.1.recv();
        After::Done
    }

    fn panicked(&mut self, message: &str) {
        panic!("{message}");
    }
}

#[test]
fn a_pool_that_is_busy_is_why_there_is_a_gap() {
    let file = bytes::Bytes::from(wav(96_000, 48_000));
    let engine = Engine::new(1, Settings::default());
    let (mut lane, mut run) = start_lane(&engine, file.len());
    lane.push(file.slice(..44 + 48_000 * 4));
    run.wait_until_full();
    let ((said, begun), (free, wait)) = (mpsc::channel(), mpsc::channel());
    engine.pool.add(|_| Box::new(Busy(said, wait)));
    begun.recv().expect("it runs");
    // the bytes that come meanwhile are not what is missing
    lane.push(file.slice(44 + 48_000 * 4..));
    for _ in 0..21 {
        run.frame().expect("made before");
    }
    run.miss(4);
    drop(free);
    run.next_frame();
    let [gap] = run.gaps()[..] else {
        panic!("one gap");
    };
    assert_eq!(
        (gap.cause, gap.position, gap.frames, gap.waited),
        (Cause::DecodeLate, Samples(21 * 960), 4, 0)
    );
}

/// Once the bytes are there, the pool has 100 ms to make a frame of them; from then on it is its own fault.
#[test]
fn bytes_that_nobody_has_read_for_long_are_no_stall() {
    let file = bytes::Bytes::from(wav(96_000, 48_000));
    let engine = Engine::new(1, Settings::default());
    let (mut lane, mut run) = start_lane(&engine, file.len());
    lane.push(file.slice(..44 + 48_000 * 4));
    run.hear_until_bytes_are_missing();
    let ((said, begun), (free, wait)) = (mpsc::channel(), mpsc::channel());
    engine.pool.add(|_| Box::new(Busy(said, wait)));
    begun.recv().expect("it runs");
    run.miss(2);
    lane.push(file.slice(44 + 48_000 * 4..));
    run.miss(5 + 3);
    drop(free);
    run.next_frame();
    let [stall, late] = run.gaps()[..] else {
        panic!("two gaps");
    };
    assert_eq!((stall.cause, stall.frames), (Cause::SourceStalled, 2 + 5));
    assert_eq!((late.cause, late.frames), (Cause::DecodeLate, 3));
}

/// Expected: 48 000 samples a second of two channels and 16 bits.
#[test]
fn a_report_tells_what_is_read_and_how() {
    let mut run = start(wav(96_000, 48_000), FrameFormat::Pcm, Samples::ZERO, 100);
    run.wait_until_full();
    let report = run.playback.report();
    let media = report.media.expect("the headers are read");
    assert_eq!((media.container, media.codec), ("wav", "pcm"));
    assert_eq!((media.rate, media.channels), (48_000, 2));
    let bitrate = report.bitrate.expect("known");
    assert!(
        (1_536_000..1_536_500).contains(&bitrate),
        "{bitrate} with the header"
    );
    assert_eq!(report.mode, Some(Mode::Transcode));
    assert_eq!((report.frames, report.frames_max), (21, 21));
    run.rest();
    assert_eq!(run.playback.report().activity, Activity::Drained);
}
