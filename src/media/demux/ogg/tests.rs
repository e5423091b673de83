//! Owns: the tests of the Ogg demuxer.
//! Never knows: other formats.

use super::*;
use crate::media::demux::{Codec, DemuxError, testing};

/// 5 s, 48 kHz stereo, by libopus: pre-skip 312; ffprobe counts 251 packets.
const OPUS: &[u8] = include_bytes!("../../../../tests/data/tone.opus");
/// 12 s, 44.1 kHz stereo, by libvorbis; ffprobe counts 605 packets and 529 200 samples.
const VORBIS: &[u8] = include_bytes!("../../../../tests/data/tone44.ogg");
/// 5 s, 48 kHz stereo FLAC in Ogg, 53 packets.
const FLAC: &[u8] = include_bytes!("../../../../tests/data/tone-flac.ogg");

fn packets(data: &[u8]) -> (StreamInfo, Vec<Packet>) {
    let (mut opened, mut window) = testing::open(data, open());
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    (opened.demuxer.info().clone(), packets)
}

/// A page with whole packets.
fn page(serial: u32, sequence: u32, flags: u8, granule: i64, packets: &[&[u8]]) -> Vec<u8> {
    let mut lacing = Vec::new();
    for packet in packets {
        lacing.extend(std::iter::repeat_n(255, packet.len() / 255));
        lacing.push((packet.len() % 255) as u8);
    }
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend(granule.to_le_bytes());
    page.extend(serial.to_le_bytes());
    page.extend(sequence.to_le_bytes());
    page.extend([0; 4]);
    page.push(lacing.len() as u8);
    page.extend(lacing);
    page.extend(packets.concat());
    let sum = page::checksum(&page);
    page[22..26].copy_from_slice(&sum);
    page
}

const HEAD: &[u8] = b"OpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0";
const TAGS: &[u8] = b"OpusTags\x01\0\0\0x\x01\0\0\0\x09\0\0\0TITLE=abc";

/// Opus headers and `pages` pages of ten 20 ms packets; the last page ends `cut` samples early. The packets tell their number.
fn opus(serial: u32, pages: u32, first: i64, cut: i64) -> Vec<u8> {
    let mut data = page(serial, 0, 2, 0, &[HEAD]);
    data.extend(page(serial, 1, 0, 0, &[TAGS]));
    for i in 0..pages {
        let body: Vec<Vec<u8>> = (0..10)
            .map(|k| {
                let mut packet = vec![0xFC];
                packet.extend((i * 10 + k).to_le_bytes());
                packet.resize(200, 0x55);
                packet
            })
            .collect();
        let parts: Vec<&[u8]> = body.iter().map(Vec::as_slice).collect();
        let is_last = i + 1 == pages;
        let granule = first + i64::from(i + 1) * 9600 - if is_last { cut } else { 0 };
        data.extend(page(
            serial,
            i + 2,
            if is_last { 4 } else { 0 },
            granule,
            &parts,
        ));
    }
    data
}

/// Where pages begin in an undamaged file.
fn page_starts(data: &[u8]) -> Vec<usize> {
    let windows = data.windows(4).enumerate();
    windows
        .filter(|(_, w)| w == b"OggS")
        .map(|(at, _)| at)
        .collect()
}

#[test]
fn opus_begins_and_ends_exactly() {
    let (info, packets) = packets(OPUS);
    assert_eq!(
        (info.rate, info.channels, info.length),
        (48_000, 2, Some(240_000))
    );
    assert!(info.is_seekable && matches!(info.codec, Codec::Opus { .. }));
    assert_eq!(
        (packets.len(), packets[0].pts, packets[0].duration),
        (251, -312, 960)
    );
    testing::assert_gapless(&packets);
}

#[test]
fn vorbis_begins_and_ends_exactly() {
    let (info, packets) = packets(VORBIS);
    assert_eq!(
        (info.rate, info.channels, info.length),
        (44_100, 2, Some(529_200))
    );
    assert_eq!(
        (packets.len(), packets[0].pts, packets[0].duration),
        (605, 0, 0)
    );
    testing::assert_gapless(&packets);
    let last = packets.last().expect("some");
    assert!(last.pts < 529_200 && last.pts + i64::from(last.duration) >= 529_200);
}

#[test]
fn flac_in_ogg_begins_and_ends_exactly() {
    let (opened, _) = testing::open(FLAC, open());
    assert_eq!(
        (opened.container, opened.tags.title.as_deref()),
        ("ogg", Some("ConformanceTone"))
    );
    let (info, packets) = packets(FLAC);
    assert_eq!(
        (info.rate, info.length, packets.len()),
        (48_000, Some(240_000), 53)
    );
    assert_eq!(packets[0].pts, 0);
    testing::assert_gapless(&packets);
}

#[test]
fn pieces_of_any_size_give_the_same() {
    for data in [OPUS, VORBIS, FLAC] {
        testing::assert_same_in_pieces(data, open);
    }
}

#[test]
fn seeks_land_before_the_target_with_exact_positions() {
    for data in [OPUS, VORBIS, FLAC] {
        testing::assert_seeks(data, open);
    }
}

#[test]
fn cut_and_damaged_files_come_to_an_end() {
    for data in [OPUS, VORBIS, FLAC] {
        testing::assert_survives(data, open);
    }
}

#[test]
fn damage_that_checksums_do_not_tell_comes_to_an_end() {
    let mut seed = 1_u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize
    };
    for clean in [OPUS, VORBIS, FLAC] {
        let mut starts = page_starts(clean);
        starts.push(clean.len());
        for round in 0..60 {
            let mut data = clean.to_vec();
            for pages in starts.windows(2) {
                let page = &mut data[pages[0]..pages[1]];
                // somewhere in the page's head, then anywhere, but not in the lacing, so that it stays a page
                let lacing = 27..27 + usize::from(page[26]);
                let at = if round % 2 == 0 {
                    5 + random() % 20
                } else {
                    random() % page.len()
                };
                if !lacing.contains(&at) && at != 26 {
                    page[at] = random() as u8;
                }
                let sum = page::checksum(page);
                page[22..26].copy_from_slice(&sum);
            }
            testing::exhaust(&data, open());
        }
    }
}

#[test]
fn opening_reads_the_front_and_the_tail_only() {
    let data = opus(7, 2_000, 0, 500);
    let (mut served, mut window) = testing::Served::new(&data, 4096, true);
    let mut opening = open();
    let opened = served
        .run(&mut window, |w| opening.advance(w))
        .expect("opens");
    assert_eq!(opened.tags.title.as_deref(), Some("abc"));
    assert_eq!(opened.demuxer.info().length, Some(2_000 * 9600 - 500 - 312));
    // the way back is only taken when a packet is asked for
    assert_eq!(served.jumps, 1);
    assert!(served.delivered <= 80 << 10, "{} bytes", served.delivered);
}

#[test]
fn a_far_seek_needs_few_jumps_and_bytes() {
    // four megabytes, 400 s
    let data = opus(7, 2_000, 0, 500);
    let (bytes, jumps) = testing::assert_seeks(&data, open);
    assert!(jumps <= 4, "{jumps} jumps");
    assert!(bytes <= 512 << 10, "{bytes} bytes");
}

#[test]
fn a_stream_whose_byte_rate_changes_is_still_searched_in_six_jumps() {
    let mut data = opus(7, 4_000, 0, 0);
    // half of the time in a tenth of the bytes
    let begin = data
        .windows(4)
        .position(|w| w == 2_000_u32.to_le_bytes())
        .expect("there");
    let mut small = data[..begin - 27 - 10 - 1].to_vec();
    data.clear();
    for i in 200..4_200_u32 {
        let len = if i < 2_200 { 20 } else { 200 };
        let body = vec![vec![0xFC; len]; 10];
        let parts: Vec<&[u8]> = body.iter().map(Vec::as_slice).collect();
        let flags = if i == 4_199 { 4 } else { 0 };
        small.extend(page(7, i + 2, flags, i64::from(i + 1) * 9600, &parts));
    }
    let (mut served, mut window) = testing::Served::new(&small, 4096, true);
    let mut opening = open();
    let mut opened = served
        .run(&mut window, |w| opening.advance(w))
        .expect("opens");
    for part in [1, 5, 3, 7, 4, 6] {
        let target = 4_200 * 9600 * part / 8;
        let jumps = served.jumps;
        served
            .run(&mut window, |w| opened.demuxer.seek(target, w))
            .expect("seeks");
        let packet = served
            .run(&mut window, |w| opened.demuxer.next_packet(w))
            .expect("a packet");
        assert!(packet.pts <= target as i64 - 3840 && packet.pts > target as i64 - 3840 - 960);
        assert!(served.jumps - jumps <= 7, "{} jumps", served.jumps - jumps);
    }
}

#[test]
fn without_jumps_the_length_is_known_at_the_end() {
    let data = opus(7, 5, 0, 500);
    let (mut served, mut window) = testing::Served::live(&data, 512);
    let mut opening = open();
    let mut opened = served
        .run(&mut window, |w| opening.advance(w))
        .expect("opens");
    assert!(opened.demuxer.info().length.is_none() && !opened.demuxer.info().is_seekable);
    let mut count = 0;
    while served
        .run(&mut window, |w| opened.demuxer.next_packet(w))
        .is_ok()
    {
        count += 1;
        let is_known = opened.demuxer.info().length == Some(5 * 9600 - 500 - 312);
        assert_eq!(is_known, count > 40);
    }
    assert_eq!(count, 50);
    assert!(matches!(
        opened.demuxer.seek(0, &mut window),
        Err(Stop::Malformed(_))
    ));
}

#[test]
fn a_stream_cut_out_of_a_longer_one_begins_at_its_own_beginning() {
    let (info, got) = packets(&opus(7, 5, 1_000_000, 0));
    assert_eq!((got[0].pts, info.length), (-312, Some(5 * 9600 - 312)));
    testing::assert_gapless(&got);
}

#[test]
fn chained_streams_of_one_kind_are_one() {
    let data = [opus(1, 3, 0, 100), opus(2, 3, 5_000, 0)].concat();
    let (info, got) = packets(&data);
    assert_eq!((got.len(), info.is_seekable), (60, false));
    // the second one's pre-skip lies before the first one's end (RFC 7845, 4.2)
    assert_eq!(got[30].pts, 3 * 9600 - 100 - 312 - 312);
    testing::assert_gapless(&got[..30]);
    testing::assert_gapless(&got[30..]);
}

#[test]
fn a_chained_stream_of_another_kind_follows_at_its_own_rate() {
    let data = [&opus(1, 3, 0, 100)[..], VORBIS, FLAC].concat();
    let (mut opened, mut window) = testing::open(&data, open());
    let mut streams = Vec::new();
    while let Ok(packet) = opened.demuxer.next_packet(&mut window) {
        let (number, info) = (opened.demuxer.stream(), opened.demuxer.info());
        match streams.last_mut() {
            Some((last, _, _, count)) if *last == number => *count += 1,
            _ => streams.push((number, info.rate, packet.pts, 1)),
        }
    }
    let first = 3 * 9600 - 100 - 312;
    let second = first * 44_100 / 48_000;
    let third = (second + 529_200) * 48_000 / 44_100;
    assert_eq!(
        streams,
        [
            (0, 48_000, -312, 30),
            (1, 44_100, second, 605),
            (2, 48_000, third, 53)
        ]
    );
    let length = u64::try_from(third + 240_000).expect("positive");
    assert_eq!(opened.demuxer.info().length, Some(length));
}

#[test]
fn the_length_is_found_behind_pictures_that_fill_the_end() {
    let mut data = opus(7, 5, 0, 500);
    // the last page of the pictures' stream, hundreds of kilobytes further on
    for i in 0..10 {
        data.extend(page(9, i, 0, 77, &[&[b'x'; 60_000][..]]));
    }
    let (opened, _) = testing::open(&data, open());
    assert_eq!(opened.demuxer.info().length, Some(5 * 9600 - 500 - 312));
}

#[test]
fn other_streams_in_between_are_passed() {
    let clean = opus(7, 3, 0, 0);
    let mut data = page(9, 0, 2, 0, &[b"\x80theora-or-so"]);
    let mut rest = &clean[..];
    for i in 1.. {
        let Some(at) = rest.windows(4).skip(1).position(|w| w == b"OggS") else {
            break;
        };
        data.extend_from_slice(&rest[..=at]);
        data.extend(page(9, i, 0, 77, &[b"another stream's"]));
        rest = &rest[at + 1..];
    }
    data.extend_from_slice(rest);
    assert!(packets(&data).1 == packets(&clean).1);
}

#[test]
fn a_lost_page_leaves_the_others_in_their_places() {
    let clean = opus(7, 5, 0, 0);
    let (_, expected) = packets(&clean);
    let starts = page_starts(&clean);
    let mut data = clean.clone();
    data[starts[4] + 300] ^= 1;
    let (_, got) = packets(&data);
    assert!(got[..20] == expected[..20] && got[20..] == expected[30..]);
}

#[test]
fn a_picture_in_the_comments_is_not_kept() {
    let mut tags = TAGS.to_vec();
    tags[13] = 2;
    tags.extend((3_000_000_u32).to_le_bytes());
    tags.resize(3_000_000, b'A');
    let mut data = page(7, 0, 2, 0, &[HEAD]);
    let mut rest = &tags[..];
    let mut sequence = 1;
    while rest.len() > 255 * 255 {
        // a full page: its lacing ends with 255, so that the packet goes on
        let mut full = page(
            7,
            sequence,
            u8::from(sequence > 1),
            -1,
            &[&rest[..255 * 255 - 1]],
        );
        full[27 + 254] = 255;
        full.push(rest[255 * 255 - 1]);
        let sum = page::checksum(&full);
        full[22..26].copy_from_slice(&sum);
        data.extend(full);
        rest = &rest[255 * 255..];
        sequence += 1;
    }
    data.extend(page(7, sequence, 1, 0, &[rest]));
    data.extend(page(7, sequence + 1, 4, 960, &[&[0xFC, 1, 2]]));
    let (opened, _) = testing::open(&data, open());
    assert_eq!(opened.tags.title.as_deref(), Some("abc"));
}

#[test]
fn what_is_not_sound_is_refused() {
    let data = [
        page(1, 0, 2, 0, &[b"\x80theora-or-so"]),
        page(1, 1, 0, 0, &[b"more"]),
    ]
    .concat();
    let stop = open()
        .advance(&mut ByteWindow::of(data))
        .err()
        .expect("refused");
    assert!(matches!(stop, Stop::Malformed(DemuxError::Unsupported(_))));
}
