//! Owns: the tests of the FLAC demuxer.
//! Never knows: other formats.

use super::*;
use crate::media::demux::{
    codecs::flac::{crc8, crc16},
    testing,
};

/// 5 s, 48 kHz stereo, blocks of 4608, tags, by ffmpeg; ffprobe counts 53 packets.
const TONE: &[u8] = include_bytes!("../../../../tests/data/tone.flac");

#[test]
fn frames_are_cut_exactly() {
    let (mut opened, mut window) = testing::open(TONE, open());
    assert_eq!(opened.container, "flac");
    assert_eq!(opened.tags.title.as_deref(), Some("ConformanceTone"));
    assert_eq!(opened.tags.artist.as_deref(), Some("HarnessArtist"));
    let info = opened.demuxer.info().clone();
    assert_eq!(
        (info.rate, info.channels, info.length),
        (48_000, 2, Some(240_000))
    );
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    assert_eq!(
        (packets.len(), packets[0].pts, packets[0].duration),
        (53, 0, 4608)
    );
    testing::assert_gapless(&packets);
    let last = packets.last().expect("some");
    assert_eq!(last.pts + i64::from(last.duration), 240_000);
    let audio: usize = packets.iter().map(|p| p.data.len()).sum();
    assert!(TONE.ends_with(&last.data) && audio < TONE.len());
}

#[test]
fn pieces_of_any_size_give_the_same() {
    testing::assert_same_in_pieces(TONE, open);
}

#[test]
fn cut_and_damaged_files_come_to_an_end() {
    testing::assert_survives(TONE, open);
}

#[test]
fn seeks_land_on_the_frame_that_holds_the_target() {
    testing::assert_seeks(TONE, open);
}

/// A mono file of incompressible frames (verbatim subframes), 4096 samples and about 8 KiB each.
fn noise(frames: u64, table: &[(u64, u64)]) -> Vec<u8> {
    let samples = frames * 4096;
    let mut data = b"fLaC\0\0\0\x22\x10\x00\x10\x00\0\0\0\0\0\0\x0A\xC4\x40\xF0".to_vec();
    data.extend(&(samples as u32).to_be_bytes());
    data.extend([0; 16]);
    data.push(0x83);
    data.extend(&(table.len() as u32 * 18).to_be_bytes()[1..]);
    for (sample, offset) in table {
        data.extend(sample.to_be_bytes());
        data.extend(offset.to_be_bytes());
        data.extend([0x10, 0]);
    }
    let mut seed = 1_u32;
    for number in 0..frames as u32 {
        let mut frame = vec![0xFF, 0xF8, 0xC9, 0x08];
        let mut utf8 = [0; 4];
        let number = char::from_u32(number).expect("few frames");
        frame.extend_from_slice(number.encode_utf8(&mut utf8).as_bytes());
        frame.push(crc8(&frame));
        frame.push(0x02);
        for _ in 0..8192 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            frame.push((seed >> 24) as u8);
        }
        let sum = frame.iter().fold(0, |sum, &b| crc16(sum, b));
        frame.extend(sum.to_be_bytes());
        data.extend(frame);
    }
    data
}

#[test]
fn without_a_table_frame_headers_lead_to_the_target() {
    let data = noise(400, &[]);
    let (bytes, jumps) = testing::assert_seeks(&data, open);
    assert!(jumps <= 2, "{jumps} jumps");
    assert!(bytes <= 700 << 10, "{bytes} bytes");
}

#[test]
fn a_seek_table_leads_to_the_target_at_once() {
    let frame = 4 + 1 + 1 + 1 + 8192 + 2;
    let table: Vec<_> = (0..100).map(|i| (i * 4096, i * frame)).collect();
    let data = noise(100, &table);
    let (mut served, mut window) = testing::Served::new(&data, 1024, true);
    let mut opening = open();
    let mut opened = served
        .run(&mut window, |w| opening.advance(w))
        .expect("opens");
    let before = served.delivered;
    served
        .run(&mut window, |w| opened.demuxer.seek(4096 * 90 + 1, w))
        .expect("seeks");
    let packet = served
        .run(&mut window, |w| opened.demuxer.next_packet(w))
        .expect("a packet");
    assert_eq!(packet.pts, 4096 * 90);
    assert!(served.jumps == 1 && served.delivered - before <= 16 << 10);
}

#[test]
fn a_wrong_seek_table_is_not_believed() {
    let data = noise(
        60,
        &[(4096, 20 * 8201), (8192, 30 * 8201), (40 * 4096, 50 * 8201)],
    );
    testing::assert_seeks(&data, open);
}

#[test]
fn a_damaged_frame_is_left_out_and_the_others_keep_their_places() {
    let (mut opened, mut window) = testing::open(TONE, open());
    let clean = testing::rest(&mut *opened.demuxer, &mut window);
    let begin = TONE.len() - clean[10..].iter().map(|p| p.data.len()).sum::<usize>();
    for (at, lost) in [
        (begin + 200, 10),
        (begin, 10),
        (begin + 1, 10),
        (begin + 4, 10),
    ] {
        let mut data = TONE.to_vec();
        data[at] ^= 0x55;
        let (mut opened, mut window) = testing::open(&data, open());
        let got = testing::rest(&mut *opened.demuxer, &mut window);
        assert!(got[..lost] == clean[..lost], "damage at {at}");
        assert!(got[lost..] == clean[lost + 1..], "damage at {at}");
    }
}

#[test]
fn a_picture_is_skipped_and_tags_around_the_stream_are_passed() {
    let (_, blocks) = TONE.split_at(4);
    let picture = [&b"\x06\x20\0\0"[..], &vec![0xFF; 2 << 20]].concat();
    let id3 = b"ID3\x03\0\0\0\0\0\0";
    let data = [id3, &b"fLaC"[..], &picture, blocks, b"TAG", &[b' '; 125]].concat();
    let (mut opened, mut window) = testing::open(&data, open());
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    assert_eq!(packets.len(), 53);
}
