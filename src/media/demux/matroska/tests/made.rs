//! Owns: what files must come out as that no program writes: large, odd, broken and hostile ones.
//! Never knows: how elements are walked.

use super::*;
use crate::media::{
    demux::DemuxError,
    window::{ByteWindow, Stop},
};

/// An element; its size takes eight bytes.
fn element(id: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.drain(..id.leading_zeros() as usize / 8);
    bytes.extend((body.len() as u64 | 1 << 56).to_be_bytes());
    bytes.extend(body);
    bytes
}

const CLUSTER_PACKETS: i64 = 50;
const CLUSTERS: i64 = 100;

/// One cluster of a second of Opus, 1000 bytes a packet; the timestamp as ffmpeg rounds it.
fn cluster(number: i64) -> Vec<u8> {
    let time = number * 1000;
    let mut body = element(0xE7, &(time as u32).to_be_bytes());
    for packet in 0..CLUSTER_PACKETS {
        let mut block = vec![0x81];
        block.extend((packet as i16 * 20 + 1).to_be_bytes());
        block.push(0x80);
        block.push(0xFC);
        block.extend((number * CLUSTER_PACKETS + packet).to_be_bytes());
        block.resize(1004, 0x55);
        body.extend(element(0xA3, &block));
    }
    element(0x1F43_B675, &body)
}

fn track(encodings: &[u8]) -> Vec<u8> {
    let entry = [
        element(0xD7, &[1]),
        element(0x83, &[2]),
        element(0x86, b"A_OPUS"),
        element(0x63A2, b"OpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0"),
        element(0x56AA, &6_500_000u32.to_be_bytes()),
        encodings.to_vec(),
    ]
    .concat();
    element(0x1654_AE6B, &element(0xAE, &entry))
}

fn document(segment: &[u8]) -> Vec<u8> {
    let mut bytes = element(0x1A45_DFA3, &element(0x4282, b"webm"));
    bytes.extend([
        0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    ]);
    bytes.extend(segment);
    bytes
}

/// 100 s, 5 MB. With cues behind the clusters (and their relative positions, a known trap) or without any.
fn large(has_cues: bool) -> Vec<u8> {
    let head = |cues: u64| {
        let seek = [
            element(0x53AB, &[0x1C, 0x53, 0xBB, 0x6B]),
            element(0x53AC, &cues.to_be_bytes()),
        ];
        let seek_head = element(0x114D_9B74, &element(0x4DBB, &seek.concat()));
        if has_cues {
            [seek_head, track(&[])].concat()
        } else {
            track(&[])
        }
    };
    let mut segment = head(0);
    let mut cues = Vec::new();
    for number in 0..CLUSTERS {
        let place = [
            element(0xF7, &[1]),
            element(0xF1, &(segment.len() as u64).to_be_bytes()),
            element(0xF0, &[21]),
        ];
        let point = [
            element(0xB3, &(number as u32 * 1000).to_be_bytes()),
            element(0xB7, &place.concat()),
        ];
        cues.extend(element(0xBB, &point.concat()));
        segment.extend(cluster(number));
    }
    if has_cues {
        let at = segment.len() as u64;
        segment.splice(..head(0).len(), head(at));
        segment.extend(element(0x1C53_BB6B, &cues));
    }
    document(&segment)
}

#[test]
fn a_seek_in_a_large_file_lands_right_and_fetches_little() {
    // of 5.2 MB; the window reads through gaps of up to 512 KiB
    for (has_cues, most) in [(true, 120_000), (false, 700_000)] {
        let file = large(has_cues);
        for seconds in [30u64, 60, 99] {
            let target = seconds * 48_000;
            let (pts, fetched) = testing::seek_slowly(&file, open(), target, 16 * 1024);
            let wanted = target as i64 - 3840;
            assert!(pts <= wanted && wanted < pts + 960, "{pts} for {target}");
            assert_eq!((pts + 312) % 960, 0);
            assert!(fetched < most, "{fetched} with cues: {has_cues}");
        }
    }
}

#[test]
fn a_stream_that_cannot_jump_is_read_on_to_the_target() {
    let file = large(false);
    let (mut served, mut window) = testing::Served::with(&file, 4096, 65_536, false, false);
    let mut opening = open();
    let mut opened = served
        .run(&mut window, |w| opening.advance(w))
        .expect("opens");
    served
        .run(&mut window, |w| opened.demuxer.next_packet(w))
        .expect("reads");
    served
        .run(&mut window, |w| opened.demuxer.seek(480_000, w))
        .expect("seeks");
    let packet = served
        .run(&mut window, |w| opened.demuxer.next_packet(w))
        .expect("reads");
    assert!(packet.pts <= 480_000 - 3840 && 480_000 - 3840 < packet.pts + 960);
    assert_eq!(served.jumps, 0);
}

#[test]
fn stripped_headers_come_back_and_encryption_is_refused() {
    let encoding = |kind: u8, compression: &[u8]| {
        let body = [element(0x5033, &[kind]), element(0x5034, compression)].concat();
        element(0x6D80, &element(0x6240, &body))
    };
    let strip = [element(0x4254, &[3]), element(0x4255, &[0xFC, 0x01])].concat();
    let mut body = element(0xE7, &[0]);
    body.extend(element(0xA3, &[0x81, 0, 0, 0x80, 7, 8, 9]));
    let cluster = element(0x1F43_B675, &body);
    let file = document(&[track(&encoding(0, &strip)), cluster.clone()].concat());
    let (mut opened, mut window) = testing::open(&file, open());
    let packet = opened.demuxer.next_packet(&mut window).expect("reads");
    assert_eq!(&packet.data[..], [0xFC, 0x01, 7, 8, 9]);
    let file = document(&[track(&encoding(1, &[])), cluster].concat());
    let refused = open().advance(&mut ByteWindow::of(file)).map(drop);
    assert!(matches!(
        refused,
        Err(Stop::Malformed(DemuxError::Unsupported(
            "the audio track is encrypted"
        )))
    ));
}

#[test]
fn laced_frames_follow_each_other() {
    let mut body = element(0xE7, &[0]);
    // fixed-size lacing, three frames of two bytes
    body.extend(element(
        0xA3,
        &[0x81, 0, 0, 0x84, 2, 0xFC, 1, 0xFC, 2, 0xFC, 3],
    ));
    let file = document(&[track(&[]), element(0x1F43_B675, &body)].concat());
    let (mut opened, mut window) = testing::open(&file, open());
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    let positions: Vec<i64> = packets.iter().map(|packet| packet.pts).collect();
    assert_eq!(positions, [-312, 648, 1608]);
}

#[test]
fn a_broken_place_costs_its_cluster_only() {
    let mut segment = track(&[]);
    let first = cluster(0);
    segment.extend(&first[..20_000]);
    segment.extend([0; 3000]);
    segment.extend(cluster(1));
    let (mut opened, mut window) = testing::open(&document(&segment), open());
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    let last = &packets[packets.len() - 1];
    assert_eq!(last.pts, 99 * 960 - 312);
    assert!(packets.len() > 60 && packets.len() < 100);
}

/// A track of 8-bit mono samples, and one block of `frames` of them.
fn pcm_document(rate: f32, frames: usize) -> Vec<u8> {
    let audio = [
        element(0xB5, &rate.to_be_bytes()),
        element(0x9F, &[1]),
        element(0x6264, &[8]),
    ];
    let entry = [
        element(0xD7, &[1]),
        element(0x83, &[2]),
        element(0x86, b"A_PCM/INT/LIT"),
        element(0xE1, &audio.concat()),
    ];
    let mut block = vec![0x81, 0, 0, 0x80];
    block.extend((0..frames).map(|i| i as u8));
    let body = [element(0xE7, &[0]), element(0xA3, &block)].concat();
    let tracks = element(0x1654_AE6B, &element(0xAE, &entry.concat()));
    document(&[tracks, element(0x1F43_B675, &body)].concat())
}

/// AC-3 and Vorbis, both marked as default, and Opus, which is not; a second each.
const SEVERAL: &[u8] = include_bytes!("../../../../../tests/data/several.mka");

#[test]
fn of_several_tracks_the_first_default_one_that_can_be_played_is() {
    let (mut opened, mut window) = testing::open(SEVERAL, open());
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    let bytes: usize = packets.iter().map(|packet| packet.data.len()).sum();
    // ffprobe's figures for the Vorbis track
    assert_eq!((packets.len(), bytes), (25, 928));
    let entry = |rate: f32, flags: &[(u32, u8)]| {
        let audio = [element(0xB5, &rate.to_be_bytes()), element(0x6264, &[8])];
        let flags = flags.iter().map(|&(id, flag)| element(id, &[flag]));
        let fields = [
            element(0xD7, &[1]),
            element(0x83, &[2]),
            element(0x86, b"A_PCM/INT/LIT"),
            element(0xE1, &audio.concat()),
        ];
        element(
            0xAE,
            &fields
                .into_iter()
                .chain(flags)
                .flatten()
                .collect::<Vec<_>>(),
        )
    };
    let (disabled, other) = ((0xB9, 0), (0x88, 0));
    for (tracks, rate) in [
        ([entry(1e3, &[]), entry(2e3, &[])], 1000),
        ([entry(1e3, &[other]), entry(2e3, &[])], 2000),
        ([entry(1e3, &[disabled]), entry(2e3, &[other])], 2000),
        ([entry(1e3, &[other]), entry(2e3, &[other])], 1000),
        ([entry(1e3, &[disabled]), entry(2e3, &[disabled])], 1000),
    ] {
        let block = element(0xA3, &[0x81, 0, 0, 0x80, 1, 2, 3]);
        let cluster = element(0x1F43_B675, &[element(0xE7, &[0]), block].concat());
        let file = document(&[element(0x1654_AE6B, &tracks.concat()), cluster].concat());
        assert_eq!(testing::open(&file, open()).0.demuxer.info().rate, rate);
    }
}

#[test]
fn a_large_block_of_samples_is_cut_to_25_ms() {
    let file = pcm_document(1000.0, 100_010);
    let (mut opened, mut window) = testing::open(&file, open());
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    assert_eq!(packets.len(), 4001);
    assert!(packets.iter().all(|packet| packet.duration <= 25));
    testing::assert_gapless(&packets);
    let bytes: Vec<u8> = packets.iter().flat_map(|p| p.data.to_vec()).collect();
    assert_eq!(bytes, file[file.len() - 100_010..]);
    assert_eq!(opened.demuxer.info().length, Some(100_010));
}

#[test]
fn a_seek_into_a_large_block_goes_on_from_its_beginning() {
    let file = pcm_document(8000.0, 100_000);
    let (mut opened, mut window) = testing::open(&file, open());
    opened.demuxer.seek(50_000, &mut window).expect("seeks");
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    assert!(packets[0].pts <= 50_000 && packets.len() == 500);
}

#[test]
fn samples_at_absurd_rates_and_widths_are_refused() {
    for rate in [0.0, 1e9] {
        let refused = open().advance(&mut ByteWindow::of(pcm_document(rate, 8)));
        assert!(matches!(refused.map(drop), Err(Stop::Malformed(_))));
    }
}

#[test]
fn much_that_is_put_before_each_frame_is_refused() {
    // three hundred frames of a byte would become three hundred times as much
    let strip = [element(0x4254, &[3]), element(0x4255, &[0; 1000])].concat();
    let encoding = element(0x6240, &element(0x5034, &strip));
    let file = document(&[track(&element(0x6D80, &encoding)), cluster(0)].concat());
    let refused = open().advance(&mut ByteWindow::of(file)).map(drop);
    assert!(matches!(
        refused,
        Err(Stop::Malformed(DemuxError::TooLarge(_)))
    ));
}
