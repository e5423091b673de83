//! Owns: tests of playbacks of radio stations: what is heard over interruptions, and what is told.
//! Never knows: the network; a lane stands for it.

use super::{testing::until, *};
use crate::{
    frame::{MAX_OPUS_BYTES, PCM_FRAME_BYTES, Taken},
    media::window::{LaneWriter, Notice, Task, lane},
    units::FRAME_SAMPLES,
};
use bytes::Bytes;
use std::sync::mpsc;

const MP3: &[u8] = include_bytes!("../../tests/data/tone44.mp3");
const AAC: &[u8] = include_bytes!("../../tests/data/tone.aac");
const OPUS: &[u8] = include_bytes!("../../tests/data/tone48.opus");

/// A station that the test plays, and its listener.
struct Station {
    lane: LaneWriter,
    section: u64,
    playback: Playback,
    reader: FrameReader,
    events: mpsc::Receiver<Event>,
    engine: Engine,
}

fn station(format: FrameFormat, extension: &str) -> Station {
    let it = station_or_file(format, extension);
    it.lane.tell_station();
    it
}

/// What may turn out to be a station.
fn station_or_file(format: FrameFormat, extension: &str) -> Station {
    let engine = Engine::new(1, Settings::default());
    let (lane, window) = lane(1 << 20);
    let (tell, events) = mpsc::channel();
    let request = Request {
        window,
        hint: Hint {
            mime: None,
            extension: Some(extension.to_owned()),
        },
        start: Samples::ZERO,
        volume: 100,
        filters: FilterSpec::default(),
        format,
        stuck_after: Duration::MAX,
    };
    let (playback, reader) = engine.start(request, move |e| drop(tell.send(e)));
    Station {
        lane,
        section: 0,
        playback,
        reader,
        events,
        engine,
    }
}

impl Station {
    fn send(&mut self, bytes: &'static [u8]) {
        self.lane.push(Bytes::from_static(bytes));
    }

    /// It is joined again, and sends this.
    fn rejoin(&mut self, bytes: &'static [u8]) {
        self.section += 1;
        self.lane.begin_section(self.section);
        self.lane.notice(Notice::Rejoined(Rejoined {
            reason: Lost::Broken,
            attempts: self.section as u32,
            silent_for: Duration::ZERO,
        }));
        self.send(bytes);
    }

    /// All frames up to the end, and where they lie.
    fn rest(&mut self) -> Vec<(Vec<u8>, Samples)> {
        self.take(usize::MAX)
    }

    /// So many frames, fewer at the end.
    fn take(&mut self, count: usize) -> Vec<(Vec<u8>, Samples)> {
        let mut out = [0; PCM_FRAME_BYTES];
        let mut frames = Vec::new();
        while frames.len() < count {
            let mut taken = Taken::Underrun;
            until(|| {
                taken = self.reader.take(&mut out);
                taken != Taken::Underrun
            });
            match taken {
                Taken::Frame { len, position } => frames.push((out[..len].to_vec(), position)),
                Taken::Underrun | Taken::Over => break,
            }
        }
        frames
    }

    fn told(&self) -> Vec<String> {
        let brief = |event| match event {
            Event::Title(title) => Some(title.text),
            Event::Rejoined(rejoined) => Some(format!("rejoined {}", rejoined.attempts)),
            Event::Failed { failure, .. } => Some(failure.to_string()),
            Event::Opened { .. } | Event::Reader(_) => None,
        };
        self.events.try_iter().filter_map(brief).collect()
    }
}

/// An Ogg stream of Opus packets of 20 ms (RFC 7845).
fn ogg_of<'a>(packets: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    use ogg::writing::{PacketWriteEndInfo::*, PacketWriter};
    let mut file = Vec::new();
    let mut writer = PacketWriter::new(&mut file);
    let head = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0".to_vec();
    let tags = b"OpusTags\0\0\0\0\0\0\0\0".to_vec();
    for header in [head, tags] {
        writer.write_packet(header, 1, EndPage, 0).expect("memory");
    }
    for (n, packet) in packets.enumerate() {
        let end = (n as u64 + 1) * FRAME_SAMPLES as u64;
        let info = if n % 50 == 49 { EndPage } else { NormalPacket };
        let written = writer.write_packet(packet.to_vec(), 1, info, end);
        written.expect("memory");
    }
    drop(writer);
    file
}

#[test]
fn of_a_station_that_is_fast_silent_packets_are_left_out_and_the_others_passed_on() {
    // a stereo frame of 20 ms; what is in it nobody looks at (RFC 6716, section 3.1), and what libopus makes of silence
    let (loud, silent) = ([&[0xFC][..], &[0x55; 400]].concat(), [0xFC, 0xFF, 0xFE]);
    // 2500 frames after the first 500, a frame is due; more has arrived than the window takes
    let is_pause = |n: usize| (3200..3220).contains(&n) || n == 3100;
    let packet = |n| if is_pause(n) { &silent[..] } else { &loud };
    let mut it = station(FrameFormat::Opus, "opus");
    let file = ogg_of((0..8000).map(packet));
    it.lane.push(file.into());
    it.lane.finish();
    let frames = it.rest();
    assert!(frames.iter().all(|(f, _)| *f == loud || *f == silent));
    let at = |(_, at): &(Vec<u8>, Samples)| at.0 / FRAME_SAMPLES as u64;
    let left_out: Vec<_> = frames
        .windows(2)
        .filter(|two| at(&two[1]) != at(&two[0]) + 1)
        .map(|two| at(&two[1]) - at(&two[0]))
        .collect();
    assert_eq!(left_out, [2], "one, and in the longer pause");
    assert_eq!(frames.len(), 8000 - 1);
}

#[test]
fn what_is_found_to_be_a_station_late_has_its_clock_followed() {
    let loud = [&[0xFC][..], &[0x55; 400]].concat();
    let silent = [0xFC, 0xFF, 0xFE];
    let packet = |n| if n % 100 < 10 { &silent[..] } else { &loud };
    let mut it = station_or_file(FrameFormat::Opus, "opus");
    let file = Bytes::from(ogg_of((0..8000).map(packet)));
    let cut = file.len() / 8;
    it.lane.push(file.slice(..cut));
    until(|| it.reader.level() > 0);
    it.lane.tell_station();
    it.lane.push(file.slice(cut..));
    it.lane.finish();
    let frames = it.rest();
    assert!(frames.len() < 8000, "{}", frames.len());
}

fn title(text: &str) -> Notice {
    Notice::Title(Title {
        text: text.to_owned(),
        url: None,
    })
}

/// How many of these samples are not nearly silent.
fn loud(frame: &[u8]) -> usize {
    let sample = |b: &[u8]| f32::from_le_bytes(b.try_into().expect("four bytes"));
    let loud = frame.chunks_exact(4).map(sample).filter(|s| s.abs() > 1e-3);
    loud.count()
}

#[test]
fn a_station_goes_on_in_other_codecs_and_in_the_middle_of_a_frame() {
    let mut it = station(FrameFormat::Pcm, "mp3");
    it.lane.notice(title("first"));
    it.send(&MP3[..100_000]);
    it.lane.notice(title("second"));
    it.rejoin(&AAC[1000..]);
    it.rejoin(OPUS);
    it.lane.finish();
    let frames = it.rest();
    // ffprobe finds 238 whole frames of mp3 there, 231 packets of AAC, 601 of Opus
    let samples = 238 * 1152 * 480 / 441 - 1105 + 231 * 1024 + 601 * 960;
    let expected = samples / FRAME_SAMPLES;
    let told = it.told();
    assert!(
        frames.len().abs_diff(expected) <= 2,
        "{} {told:?}",
        frames.len()
    );
    let steps = frames.windows(2).map(|two| two[1].1.0 - two[0].1.0);
    assert!(steps.into_iter().all(|step| step == FRAME_SAMPLES as u64));
    // a decoder that begins anew is silent for a frame or two, no more
    let quiet = frames.iter().filter(|(frame, _)| loud(frame) < 100).count();
    assert!(quiet < 10, "{quiet}");
    assert_eq!(told, ["first", "second", "rejoined 1", "rejoined 2"]);
}

#[test]
fn the_delay_of_an_encoder_is_not_heard_when_a_station_is_joined_again() {
    let mut it = station(FrameFormat::Pcm, "mp3");
    it.send(&MP3[..100_000]);
    it.rejoin(MP3);
    it.lane.finish();
    let samples: usize = it.rest().iter().map(|(frame, _)| frame.len() / 8).sum();
    // 238 whole frames and 461 (ffprobe), 1105 samples of either in front of the sound
    let expected = ((238 + 461) * 1152 - 2 * 1105) * 160 / 147;
    assert!(samples.abs_diff(expected) <= 2, "{samples}, not {expected}");
}

#[test]
fn opus_is_passed_on_again_after_an_interruption_at_another_volume() {
    let mut it = station(FrameFormat::Opus, "opus");
    it.playback.set_volume(50);
    it.send(OPUS);
    it.rejoin(OPUS);
    it.lane.finish();
    assert_eq!(it.take(700).len(), 700);
    it.playback.set_volume(100);
    let frames = it.rest();
    let passed = |frame: &[u8]| OPUS.windows(frame.len()).any(|window| window == frame);
    let last = frames[50..].iter().step_by(50);
    assert!(last.len() > 5 && last.into_iter().all(|(frame, _)| passed(frame)));
}

#[test]
fn what_cannot_be_played_is_refused_and_something_else_is_waited_for() {
    static GARBAGE: [u8; 200_000] = [0x11; 200_000];
    let mut it = station(FrameFormat::Pcm, "mp3");
    it.send(&MP3[..50_000]);
    for _ in 0..5 {
        it.rejoin(&GARBAGE);
        until(|| {
            // frames are taken so that it comes to the garbage
            it.reader.take(&mut [0; PCM_FRAME_BYTES]);
            it.lane.poll() == Some(Task::Renew)
        });
    }
    it.rejoin(&MP3[50_000..100_000]);
    it.lane.finish();
    assert!(it.rest().len() > 100);
    let told: Vec<_> = (1..=6).map(|n| format!("rejoined {n}")).collect();
    assert_eq!(it.told(), told);
}

#[test]
fn opus_is_passed_on_over_interruptions_and_anything_else_is_encoded() {
    let mut it = station(FrameFormat::Opus, "opus");
    it.send(OPUS);
    it.rejoin(OPUS);
    it.rejoin(&MP3[..50_000]);
    it.rejoin(OPUS);
    it.lane.finish();
    let frames = it.rest();
    let packets = 3 * 601 + 118 * 1152 * 480 / 441 / 960;
    assert!(
        frames.len().abs_diff(packets) <= 4,
        "{} {packets}",
        frames.len()
    );
    assert!(
        frames
            .iter()
            .all(|(frame, _)| frame.len() <= MAX_OPUS_BYTES)
    );
    let passed = |frame: &[u8]| OPUS.windows(frame.len()).any(|window| window == frame);
    // what follows mp3 does not begin where a frame does, so that it is encoded, too
    let from = 2 * 601 + 10;
    assert!(frames[..2 * 601].iter().step_by(50).all(|(f, _)| passed(f)));
    assert!(
        frames[from..from + 100]
            .iter()
            .step_by(20)
            .all(|(f, _)| !passed(f))
    );
    assert_eq!(it.engine.panics(), 0);
    drop(it.playback);
}
