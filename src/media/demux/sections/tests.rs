//! Owns: what streams in sections are held to.
//! Never knows: how sections are fetched.
//!
//! Expected packets are those of the same sound in one piece.

use super::*;
use crate::media::{
    demux::{Codec, adts, mp3, mp4, probe::Hint, probe::Prober, testing},
    window::{LaneWriter, Place, Task, lane, lane_of_sections},
};
use bytes::Bytes;

/// 5 s of a tone, 48 kHz stereo: 236 access units.
const ADTS: &[u8] = include_bytes!("../../../../tests/data/tone.aac");
const MP3: &[u8] = include_bytes!("../../../../tests/data/cbr-bare.mp3");
const FRAGMENTED: &[u8] = include_bytes!("../../../../tests/data/boxes-dash.mp4");

/// Number of the first section.
const FIRST: u64 = 40;

/// Sections behind a lane, some bytes at a time.
struct Served {
    sections: Vec<Bytes>,
    writer: LaneWriter,
    /// What comes next: index of a section, and an offset in it; `None` before its mark.
    at: (usize, Option<usize>),
    chunk: usize,
    is_finished: bool,
    jumps: usize,
}

impl Served {
    fn new(sections: &[Bytes], outline: Option<Outline>, chunk: usize) -> (Self, ByteWindow) {
        let (writer, window) = lane_of_sections(4096);
        if let Some(outline) = outline {
            writer.tell_outline(outline);
        }
        let served = Self {
            sections: sections.to_vec(),
            writer,
            at: (0, None),
            chunk,
            is_finished: false,
            jumps: 0,
        };
        (served, window)
    }

    fn feed(&mut self) {
        match self.writer.poll() {
            Some(Task::Jump(number)) => {
                self.at = ((number - FIRST) as usize, None);
                self.is_finished = false;
                self.jumps += 1;
            }
            Some(Task::Deliver) => match (self.sections.get(self.at.0), self.at.1) {
                (None, _) => {
                    assert!(!self.is_finished, "waits behind the end");
                    self.is_finished = true;
                    self.writer.finish();
                }
                (Some(_), None) => {
                    self.writer.begin_section(FIRST + self.at.0 as u64);
                    self.at.1 = Some(0);
                }
                (Some(section), Some(from)) if from == section.len() => {
                    self.at = (self.at.0 + 1, None);
                }
                (Some(section), Some(from)) => {
                    let to = (from + self.chunk).min(section.len());
                    self.writer.push(section.slice(from..to));
                    self.at.1 = Some(to);
                }
            },
            other => panic!("a call waits for what cannot come: {other:?}"),
        }
    }

    fn run<T>(
        &mut self,
        window: &mut ByteWindow,
        mut call: impl FnMut(&mut ByteWindow) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        loop {
            match call(window) {
                Err(Stop::Need(_)) => self.feed(),
                other => return other,
            }
        }
    }
}

/// A stream that is opened.
struct Stream {
    served: Served,
    window: ByteWindow,
    opened: Opened,
}

impl Stream {
    fn open(sections: &[Bytes], outline: Option<Outline>, chunk: usize) -> Self {
        match Self::try_open(sections, outline, chunk) {
            Ok(stream) => stream,
            Err(stop) => panic!("cannot be opened: {stop:?}"),
        }
    }

    fn try_open(sections: &[Bytes], outline: Option<Outline>, chunk: usize) -> Result<Self, Stop> {
        let (mut served, mut window) = Served::new(sections, outline, chunk);
        let mut prober = Prober::new(Hint::default());
        let opened = served.run(&mut window, |w| prober.advance(w))?;
        Ok(Self {
            served,
            window,
            opened,
        })
    }

    fn info(&self) -> &StreamInfo {
        self.opened.demuxer.info()
    }

    fn next(&mut self) -> Result<Packet, Stop> {
        let demuxer = &mut self.opened.demuxer;
        self.served
            .run(&mut self.window, |w| demuxer.next_packet(w))
    }

    fn rest(&mut self) -> Vec<Packet> {
        let mut packets = Vec::new();
        loop {
            match self.next() {
                Ok(packet) => packets.push(packet),
                Err(Stop::End) => return packets,
                Err(stop) => panic!("after {} packets: {stop:?}", packets.len()),
            }
        }
    }

    /// Packets from a target on.
    fn from(&mut self, target: u64) -> Vec<Packet> {
        let demuxer = &mut self.opened.demuxer;
        let sought = self
            .served
            .run(&mut self.window, |w| demuxer.seek(target, w));
        sought.unwrap_or_else(|stop| panic!("seek to {target}: {stop:?}"));
        self.rest()
    }
}

/// An outline by durations in microseconds.
fn outline(durations: &[u64]) -> Outline {
    let mut length = 0;
    let places = durations.iter().map(|duration| {
        let start = length;
        length += duration;
        Place { start, clock: 0 }
    });
    let places = places.collect();
    Outline {
        first: FIRST,
        places,
        length,
    }
}

/// A tag with the time stamp of a segment (RFC 8216, section 3.4; id3.org, 2.4.0).
fn tag(ticks: u64) -> Vec<u8> {
    let mut frame = b"PRIV\0\0\0\x35\0\0com.apple.streaming.transportStreamTimestamp\0".to_vec();
    frame.extend(ticks.to_be_bytes());
    let mut tag = b"ID3\x04\0\0\0\0\0\x3F".to_vec();
    assert_eq!(frame.len(), 63);
    tag.append(&mut frame);
    tag
}

/// ADTS in sections of so many access units, each behind a time stamp if `from` says where they begin.
fn adts_sections(units: usize, from: Option<u64>) -> Vec<Bytes> {
    let mut frames = Vec::new();
    let mut rest = ADTS;
    while !rest.is_empty() {
        let len =
            usize::from(rest[3] & 3) << 11 | usize::from(rest[4]) << 3 | usize::from(rest[5] >> 5);
        let (frame, behind) = rest.split_at(len);
        frames.push(frame);
        rest = behind;
    }
    assert_eq!(frames.len(), 236);
    let section = |(index, frames): (usize, &[&[u8]])| {
        let ticks = (index * units) as u64 * 1024 * 90_000 / 48_000;
        let stamp = from.map(|from| tag((from + ticks) % (1 << 33)));
        [stamp.unwrap_or_default(), frames.concat()].concat().into()
    };
    frames.chunks(units).enumerate().map(section).collect()
}

/// Durations of sections of so many access units, in microseconds, rounded to milliseconds.
fn adts_durations(units: usize) -> Vec<u64> {
    let lens = (0..236).step_by(units).map(|at| units.min(236 - at));
    lens.map(|len| (len as u64 * 1_024_000 / 48_000) * 1000)
        .collect()
}

fn whole_adts() -> Vec<Packet> {
    let (mut opened, mut window) = testing::open(ADTS, adts::open());
    testing::rest(&mut *opened.demuxer, &mut window)
}

/// Init section and fragments, each with the init section in front.
fn mp4_sections() -> Vec<Bytes> {
    let mut boxes = Vec::new();
    let mut rest = FRAGMENTED;
    while let Some(size) = rest.first_chunk::<4>() {
        let (one, behind) = rest.split_at(u32::from_be_bytes(*size) as usize);
        boxes.push(one);
        rest = behind;
    }
    let first = boxes.iter().position(|b| &b[4..8] == b"sidx");
    let (init, fragments) = boxes.split_at(first.expect("it has fragments"));
    let fragments = fragments.split(|b| &b[4..8] == b"mfra").next();
    fragments
        .expect("before the index")
        .chunks(3)
        .map(|pair| [&init.concat()[..], &pair.concat()].concat().into())
        .collect()
}

fn whole_mp4() -> (StreamInfo, Vec<Packet>) {
    let (mut opened, mut window) = testing::open(FRAGMENTED, mp4::open());
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    (opened.demuxer.info().clone(), packets)
}

#[test]
fn packets_follow_each_other_over_the_ends_of_sections() {
    let expected = whole_adts();
    for (from, chunk) in [(None, 4096), (Some(7), 4096), (None, 1)] {
        let mut stream = Stream::open(&adts_sections(47, from), None, chunk);
        assert_eq!(
            stream.info().codec,
            Codec::Aac {
                config: Bytes::from_static(&[0x11, 0x90])
            }
        );
        assert_eq!(
            (stream.info().length, stream.info().is_seekable),
            (None, false)
        );
        assert!(stream.rest() == expected);
        let demuxer = &mut stream.opened.demuxer;
        assert!(matches!(
            demuxer.seek(0, &mut stream.window),
            Err(Stop::Malformed(DemuxError::Unsupported(_)))
        ));
    }
}

#[test]
fn the_length_is_the_playlists_and_then_what_is_there() {
    // 236 access units are 5.0346 s; the playlist says too little, or too much
    for (seconds, told) in [(4, 192_000), (5, 240_000), (6, 288_000)] {
        let durations = vec![seconds * 200_000; 5];
        let mut stream = Stream::open(&adts_sections(48, None), Some(outline(&durations)), 4096);
        assert_eq!(stream.info().length, Some(told));
        for packet in 0..236 {
            let packet = stream
                .next()
                .unwrap_or_else(|stop| panic!("{packet}: {stop:?}"));
            let end = packet.pts as u64 + u64::from(packet.duration);
            // whoever stops there must not stop before the last
            assert!(stream.info().length > Some(end) || end == 236 * 1024 && seconds == 6);
        }
        assert!(matches!(stream.next(), Err(Stop::End)));
        assert_eq!(stream.info().length, Some(236 * 1024));
    }
}

#[test]
fn seeks_land_where_counting_would() {
    let expected = whole_adts();
    let wrapping = (1 << 33) - 100_000;
    for from in [None, Some(1_000_000), Some(wrapping)] {
        let sections = adts_sections(47, from);
        let mut stream = Stream::open(&sections, Some(outline(&adts_durations(47))), 512);
        let preroll = u64::from(stream.info().preroll);
        for target in [
            0, 1, 48_000, 48_128, 49_151, 49_152, 150_000, 100_000, 240_000, 200,
        ] {
            let packets = stream.from(target);
            // the one with the sample that lies the preroll before it
            let first = target.saturating_sub(preroll) / 1024;
            assert!(packets == expected[first as usize..], "{from:?} {target}");
        }
        assert_eq!(stream.from(236 * 1024), []);
        assert_eq!(stream.from(u64::MAX), []);
        assert_eq!(stream.from(0).len(), 236);
    }
}

#[test]
fn time_stamps_win_over_rounded_times() {
    let expected = whole_adts();
    // each section is told to be 0.9 s and is 1.0027: at the end they are half a second off
    let sections = adts_sections(47, Some(5));
    for told in [900_000, 1_100_000] {
        let mut stream = Stream::open(&sections, Some(outline(&[told; 6])), 512);
        let preroll = u64::from(stream.info().preroll);
        for target in [235_000, 10_000, 190_000, 100_000] {
            let packets = stream.from(target);
            let first = target.saturating_sub(preroll) / 1024;
            assert!(packets == expected[first as usize..], "{told} {target}");
        }
    }
}

#[test]
fn the_clock_behind_a_discontinuity_is_another_one() {
    let expected = whole_adts();
    let mut sections = adts_sections(47, Some(0));
    // the same sections, but the clock begins anew with the fourth
    let later = adts_sections(47, Some(500_000));
    sections.splice(3.., later[3..].iter().cloned());
    let mut outline = outline(&adts_durations(47));
    outline.places[3..]
        .iter_mut()
        .for_each(|place| place.clock = 1);
    let mut stream = Stream::open(&sections, Some(outline), 512);
    let preroll = u64::from(stream.info().preroll);
    for target in [200_000, 100_000] {
        let first = (target - preroll) / 1024;
        assert!(stream.from(target) == expected[first as usize..]);
    }
}

#[test]
fn fragments_behind_their_init_section_are_one_file() {
    let (info, expected) = whole_mp4();
    let sections = mp4_sections();
    assert!(sections.len() > 2);
    let lead = expected[0].pts;
    let total: u64 = expected.iter().map(|p| u64::from(p.duration)).sum();
    let per_section = total * 1_000_000 / u64::from(info.rate) / sections.len() as u64;
    for chunk in [1, 4096] {
        let mut stream = Stream::open(&sections, None, chunk);
        assert_eq!(
            (&stream.info().codec, stream.info().rate),
            (&info.codec, info.rate)
        );
        assert_eq!(stream.rest(), expected);
    }
    let told = outline(&vec![per_section; sections.len()]);
    let mut stream = Stream::open(&sections, Some(told), 512);
    let end = total as i64 + lead;
    for target in [end - 1, 30_000, 0, 60_000] {
        let wanted = target - i64::from(info.preroll);
        let first = expected
            .iter()
            .position(|p| p.pts + i64::from(p.duration) > wanted);
        let places = |packets: &[Packet]| -> Vec<_> {
            packets.iter().map(|p| (p.pts, p.duration)).collect()
        };
        let packets = stream.from(target as u64);
        let expected = &expected[first.expect("there")..];
        assert_eq!(places(&packets), places(expected), "{target}");
        assert!(packets == expected);
    }
}

#[test]
fn another_codec_is_told_with_its_first_packet() {
    let sections = [adts_sections(20, None)[0].clone(), Bytes::from_static(MP3)];
    let mut stream = Stream::open(&sections, None, 4096);
    for packet in 0..20 {
        assert_eq!(stream.next().expect("AAC").pts, packet * 1024);
        assert_eq!(stream.opened.demuxer.stream(), 0);
    }
    // at 44.1 kHz, counted in samples at 48
    let packet = stream.next().expect("mp3");
    assert_eq!((packet.pts, packet.duration), (20 * 1024, 1253));
    assert_eq!(
        (stream.opened.demuxer.stream(), &stream.info().codec),
        (1, &Codec::Mp3)
    );
    let (mut opened, mut window) = testing::open(MP3, mp3::open());
    let all = testing::rest(&mut *opened.demuxer, &mut window).len();
    let packets = stream.rest();
    assert_eq!(packets.len(), all - 1);
    let end = packets.last().map(|p| p.pts + i64::from(p.duration));
    let samples = all as i64 * 1152 * 480 / 441;
    assert_eq!(end, Some(20 * 1024 + samples));
}

#[test]
fn a_section_that_cannot_be_read_is_passed_over_and_three_are_not() {
    let mut sections = adts_sections(47, None);
    let garbage = Bytes::from(vec![7; 3000]);
    sections.insert(1, garbage.clone());
    sections.insert(1, Bytes::new());
    sections.insert(1, garbage.clone());
    let mut stream = Stream::open(&sections, None, 4096);
    assert_eq!(stream.rest().len(), 236);
    sections.insert(1, garbage.clone());
    let mut stream = Stream::open(&sections, None, 4096);
    for _ in 0..47 {
        stream.next().expect("before it");
    }
    assert!(matches!(stream.next(), Err(Stop::Malformed(_))));
    let Err(stop) = Stream::try_open(&[garbage.clone(), garbage.clone(), garbage], None, 4096)
    else {
        panic!("opened");
    };
    assert!(matches!(
        stop,
        Stop::Malformed(DemuxError::Unsupported("Unknown file format."))
    ));
    assert!(Stream::try_open(&[], None, 1).is_err());
}

#[test]
fn a_section_that_is_cut_off_is_played_up_to_there() {
    let mut sections = adts_sections(47, None);
    let half = sections[1].len() / 2;
    sections[1].truncate(half);
    let mut stream = Stream::open(&sections, None, 4096);
    let packets = stream.rest();
    assert!((200..225).contains(&packets.len()), "{}", packets.len());
    testing::assert_gapless(&packets);
}

#[test]
fn a_seek_costs_one_jump_where_the_times_are_right() {
    let sections = adts_sections(47, Some(0));
    let mut stream = Stream::open(&sections, Some(outline(&adts_durations(47))), 512);
    let before = stream.served.jumps;
    stream.from(120_000);
    assert_eq!(stream.served.jumps - before, 1);
}

/// Packets of a station that is joined again with each of these, from its beginning; and the numbers of their streams.
fn joined(streams: &[&'static [u8]]) -> Vec<(u32, Packet)> {
    let (mut writer, mut window) = lane(1 << 20);
    writer.tell_station();
    for (number, stream) in (0..).zip(streams) {
        if number > 0 {
            writer.begin_section(number);
        }
        writer.push(Bytes::from_static(stream));
    }
    writer.finish();
    let opened = Prober::new(Hint::default()).advance(&mut window);
    let mut demuxer = follow(opened.unwrap_or_else(|stop| panic!("{stop:?}")));
    let mut packets = Vec::new();
    while let Ok(packet) = demuxer.next_packet(&mut window) {
        packets.push((demuxer.stream(), packet));
    }
    packets
}

#[test]
fn what_a_station_begins_with_that_is_not_heard_lies_before_its_end() {
    const TAGGED: &[u8] = include_bytes!("../../../../tests/data/tone44.mp3");
    const OPUS: &[u8] = include_bytes!("../../../../tests/data/tone48.opus");
    // LAME's delay and the decoder's: 576 and 529 samples; libopus' look-ahead: 312 (ffprobe); and none. Opus that may be
    // passed on keeps to its frames.
    for (streams, lead) in [
        ([TAGGED, TAGGED], 1105),
        ([ADTS, ADTS], 0),
        ([TAGGED, OPUS], 312),
        ([OPUS, OPUS], 960),
    ] {
        let packets = joined(&streams);
        let (old, new): (Vec<_>, Vec<_>) =
            packets.into_iter().partition(|(stream, _)| *stream == 0);
        let (_, last) = old.last().expect("there");
        let (from, to) = if streams[0] == streams[1] {
            (1, 1)
        } else {
            (147, 160)
        };
        let end = (last.pts + i64::from(last.duration)) * to / from;
        assert_eq!(new[0].1.pts, end - lead);
        let new: Vec<_> = new.into_iter().map(|(_, packet)| packet).collect();
        testing::assert_gapless(&new);
    }
}
