//! Owns: what Matroska and WebM files must come out as. Figures are ffprobe's (5.1), the files were made by ffmpeg.
//! Never knows: how elements are walked.

mod made;

use super::open;
use crate::media::{
    demux::{Codec, Packet, PcmSample, testing},
    window::Stop,
};

const CUES_BEHIND: &[u8] = include_bytes!("../../../../tests/data/boxes-cues-end.webm");
const CUES_IN_FRONT: &[u8] = include_bytes!("../../../../tests/data/boxes-cues-front.webm");
const LIVE: &[u8] = include_bytes!("../../../../tests/data/boxes-live.webm");
const VORBIS: &[u8] = include_bytes!("../../../../tests/data/boxes-vorbis.mka");
const AAC: &[u8] = include_bytes!("../../../../tests/data/boxes-aac.mka");
const MP3: &[u8] = include_bytes!("../../../../tests/data/boxes-mp3.mka");
const FLAC: &[u8] = include_bytes!("../../../../tests/data/boxes-flac.mka");
const PCM: &[u8] = include_bytes!("../../../../tests/data/boxes-pcm.mka");

/// A file and what is true of its packets: count and bytes from ffprobe, positions from the codec's packet length.
struct Expected {
    name: &'static str,
    file: &'static [u8],
    rate: u32,
    count: usize,
    bytes: usize,
    first: i64,
    step: i64,
    end: i64,
}

fn files() -> Vec<Expected> {
    let file = |name, file, rate, count, bytes, first, step, end| Expected {
        name,
        file,
        rate,
        count,
        bytes,
        first,
        step,
        end,
    };
    vec![
        // two seconds behind a pre-skip of 312; the last packet is cut to 312
        file(
            "cues behind",
            CUES_BEHIND,
            48_000,
            101,
            24_494,
            -312,
            960,
            96_000,
        ),
        file(
            "cues in front",
            CUES_IN_FRONT,
            48_000,
            101,
            24_494,
            -312,
            960,
            96_000,
        ),
        file("live", LIVE, 48_000, 101, 24_494, -312, 960, 96_000),
        file("AAC", AAC, 44_100, 88, 16_783, 0, 1024, 88 * 1024),
        // its last packet is cut to 601
        file("mp3", MP3, 44_100, 78, 16_300, 0, 1152, 89_305),
        file("FLAC", FLAC, 44_100, 4, 44_264, 0, 4608, 17_640),
        file("PCM", PCM, 44_100, 9, 35_280, 0, 1024, 8820),
    ]
}

fn check_packets(expected: &Expected, packets: &[Packet]) {
    let name = expected.name;
    assert_eq!(packets.len(), expected.count, "{name}");
    let bytes: usize = packets.iter().map(|packet| packet.data.len()).sum();
    assert_eq!(bytes, expected.bytes, "{name}");
    for (index, packet) in packets.iter().enumerate() {
        let position = expected.first + expected.step * index as i64;
        assert_eq!(packet.pts, position, "{name}, packet {index}");
    }
    let last = &packets[packets.len() - 1];
    assert_eq!(last.pts + i64::from(last.duration), expected.end, "{name}");
}

#[test]
fn every_file_comes_out_as_ffprobe_says() {
    for expected in files() {
        let (mut opened, mut window) = testing::open(expected.file, open());
        let info = opened.demuxer.info();
        assert_eq!(
            (info.rate, info.channels),
            (expected.rate, 2),
            "{}",
            expected.name
        );
        assert_eq!(opened.container, "matroska/webm");
        if let Some(length) = info.length {
            // told in milliseconds; ffmpeg's duration lies up to 23 ms beside the last packet
            let off = length as i64 - expected.end;
            assert!(
                off.abs() < 30 * i64::from(expected.rate) / 1000,
                "{}: {off}",
                expected.name
            );
        }
        let packets = testing::rest(&mut *opened.demuxer, &mut window);
        check_packets(&expected, &packets);
        assert_eq!(opened.demuxer.info().length, Some(expected.end as u64));
    }
}

#[test]
fn bytes_that_come_one_at_a_time_give_the_same() {
    for expected in files() {
        let (opened, packets) = testing::read_slowly(expected.file, open(), 1);
        check_packets(&expected, &packets);
        assert_eq!(opened.demuxer.info().length, Some(expected.end as u64));
    }
}

#[test]
fn the_length_never_cuts_sound() {
    for expected in files() {
        let (mut opened, mut window) = testing::open(expected.file, open());
        while let Ok(packet) = opened.demuxer.next_packet(&mut window) {
            let end = packet.pts + i64::from(packet.duration);
            let length = opened.demuxer.info().length;
            assert!(length.is_none_or(|length| length as i64 >= end));
        }
    }
}

#[test]
fn vorbis_packets_last_as_their_blocks_say() {
    let (mut opened, mut window) = testing::open(VORBIS, open());
    let Codec::Vorbis {
        identification,
        setup,
    } = opened.demuxer.info().codec.clone()
    else {
        panic!("Vorbis");
    };
    assert!(identification.starts_with(b"\x01vorbis") && setup.starts_with(b"\x05vorbis"));
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    assert_eq!(packets.len(), 88);
    // blocks of 256 and 2048: ffprobe shows 0, 3, 16, 39 ms, and counts a first block that decodes to nothing (128)
    let lasts: Vec<(i64, u32)> = packets[..4].iter().map(|p| (p.pts, p.duration)).collect();
    assert_eq!(lasts, [(0, 0), (0, 576), (576, 1024), (1600, 1024)]);
    // ffmpeg decodes VORBIS_SAMPLES from the file
    let last = &packets[87];
    assert_eq!(last.pts + i64::from(last.duration), VORBIS_SAMPLES);
    assert_eq!(testing::read_slowly(VORBIS, open(), 1).1, packets);
}

#[test]
fn vorbis_positions_are_exact_after_a_seek() {
    let (mut whole, mut window) = testing::open(VORBIS, open());
    let packets = testing::rest(&mut *whole.demuxer, &mut window);
    for target in (2500..88_000).step_by(500) {
        // a file that nothing was read of yet
        let (mut opened, mut window) = testing::open(VORBIS, open());
        opened.demuxer.seek(target, &mut window).expect("seeks");
        let rest = testing::rest(&mut *opened.demuxer, &mut window);
        let same = packets
            .iter()
            .position(|p| p.data == rest[0].data)
            .expect("exists");
        assert!(packets[same].pts <= target as i64 - 2048 || same == 0);
        // the first only fills the overlap
        let places = |packets: &[Packet]| {
            packets
                .iter()
                .map(|p| (p.pts, p.duration))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            places(&packets[same + 1..]),
            places(&rest[1..]),
            "seek to {target}"
        );
    }
}

/// What `ffmpeg -i boxes-vorbis.mka -f s16le` gives.
const VORBIS_SAMPLES: i64 = 88_640;

#[test]
fn a_seek_lands_on_the_packet_that_the_decoder_needs_first() {
    for expected in files() {
        let (mut opened, mut window) = testing::open(expected.file, open());
        let whole = testing::rest(&mut *opened.demuxer, &mut window);
        let end = expected.end as u64;
        for target in [0, 1, 5000, end / 2, end - 1, 7000, 0] {
            opened.demuxer.seek(target, &mut window).expect("seeks");
            let rest = testing::rest(&mut *opened.demuxer, &mut window);
            let wanted = target as i64 - i64::from(opened.demuxer.info().preroll);
            let landing = whole
                .iter()
                .position(|packet| packet.pts + i64::from(packet.duration) > wanted)
                .expect("exists");
            assert!(rest == whole[landing..], "{} at {target}", expected.name);
        }
        opened.demuxer.seek(end, &mut window).expect("seeks");
        assert!(matches!(
            opened.demuxer.next_packet(&mut window),
            Err(Stop::End)
        ));
    }
}

#[test]
fn a_seek_before_the_first_read_lands_at_the_same_place() {
    for expected in files() {
        let target = expected.end as u64 / 2;
        let (mut opened, mut window) = testing::open(expected.file, open());
        opened.demuxer.seek(target, &mut window).expect("seeks");
        let fresh = opened.demuxer.next_packet(&mut window).expect("reads");
        let (slow, _) = testing::seek_slowly(expected.file, open(), target, 4096);
        let wanted = target as i64 - i64::from(opened.demuxer.info().preroll);
        assert!(
            fresh.pts <= wanted && wanted < fresh.pts + expected.step,
            "{}",
            expected.name
        );
        assert_eq!(fresh.pts, slow, "{}", expected.name);
    }
}

#[test]
fn damaged_files_end_or_are_refused() {
    for file in [CUES_BEHIND, LIVE, VORBIS] {
        testing::torture(file, open, 211, 300);
    }
    for file in [CUES_IN_FRONT, AAC, MP3, FLAC, PCM] {
        testing::torture(file, open, 1999, 60);
    }
}

#[test]
fn pcm_keeps_its_format() {
    let (opened, _) = testing::open(PCM, open());
    let Codec::Pcm(format) = &opened.demuxer.info().codec else {
        panic!("PCM");
    };
    assert_eq!(
        (format.sample, format.is_big_endian),
        (PcmSample::I16, false)
    );
}
