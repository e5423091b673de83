//! Owns: what MP4 files must come out as. Figures are ffprobe's (5.1), the files were made by ffmpeg.
//! Never knows: the tables' insides.

use super::{boxes::tests::boxed, open};
use crate::media::{
    demux::{Codec, Packet, Tags, testing},
    window::{ByteWindow, Stop},
};

const FRONT: &[u8] = include_bytes!("../../../../tests/data/boxes-front.m4a");
const TAIL: &[u8] = include_bytes!("../../../../tests/data/boxes-tail.m4a");
const FRAGMENTS: &[u8] = include_bytes!("../../../../tests/data/boxes-frag.mp4");
const INDEXED: &[u8] = include_bytes!("../../../../tests/data/boxes-sidx.mp4");
pub(super) const DASH: &[u8] = include_bytes!("../../../../tests/data/boxes-dash.mp4");
const OPUS: &[u8] = include_bytes!("../../../../tests/data/boxes-opus.mp4");
const MP3: &[u8] = include_bytes!("../../../../tests/data/boxes-mp3.mp4");
const ALAC: &[u8] = include_bytes!("../../../../tests/data/boxes-alac.m4a");
const FLAC: &[u8] = include_bytes!("../../../../tests/data/boxes-flac.mp4");

/// A file and what ffprobe says of its packets: count, bytes, first position, step; and where the sound ends.
struct Expected {
    name: &'static str,
    file: &'static [u8],
    rate: u32,
    count: usize,
    bytes: usize,
    first: i64,
    step: i64,
    /// Length before anything was read, and the end of the last packet.
    length: Option<u64>,
    end: u64,
}

const fn aac(name: &'static str, file: &'static [u8], length: Option<u64>) -> Expected {
    Expected {
        name,
        file,
        rate: 44_100,
        count: 88,
        bytes: 16_783,
        first: -1024,
        step: 1024,
        length,
        end: 88_200,
    }
}

fn files() -> Vec<Expected> {
    let plain = |name, file, rate, count, bytes, first, step, end| Expected {
        name,
        file,
        rate,
        count,
        bytes,
        first,
        step,
        length: Some(end),
        end,
    };
    vec![
        aac("index in front", FRONT, Some(88_200)),
        aac("index behind", TAIL, Some(88_200)),
        aac("fragments with a sidx", INDEXED, Some(88_200)),
        aac("fragments with a sidx each", DASH, None),
        Expected {
            first: 0,
            // no edit list in this one: the priming is heard
            end: 89_224,
            ..aac("bare fragments", FRAGMENTS, None)
        },
        plain("Opus", OPUS, 48_000, 101, 24_494, -312, 960, 96_000),
        plain("mp3", MP3, 44_100, 78, 16_300, -1105, 1152, 88_200),
        plain("ALAC", ALAC, 44_100, 5, 53_839, 0, 4096, 17_640),
        plain("FLAC", FLAC, 48_000, 5, 48_419, 0, 4608, 19_200),
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
        if index + 1 < packets.len() {
            assert_eq!(i64::from(packet.duration), expected.step, "{name}");
        }
    }
    let last = &packets[packets.len() - 1];
    assert_eq!(
        last.pts + i64::from(last.duration),
        expected.end as i64,
        "{name}"
    );
}

#[test]
fn every_file_comes_out_as_ffprobe_says() {
    for expected in files() {
        let (mut opened, mut window) = testing::open(expected.file, open());
        let info = opened.demuxer.info();
        assert_eq!(
            (info.rate, info.channels, info.length),
            (expected.rate, 2, expected.length),
            "{}",
            expected.name
        );
        assert_eq!(opened.container, "mp4");
        let packets = testing::rest(&mut *opened.demuxer, &mut window);
        check_packets(&expected, &packets);
        assert_eq!(
            opened.demuxer.info().length,
            Some(expected.end),
            "{}",
            expected.name
        );
    }
}

#[test]
fn bytes_that_come_one_at_a_time_give_the_same() {
    for expected in files() {
        let (opened, packets) = testing::read_slowly(expected.file, open(), 1);
        check_packets(&expected, &packets);
        assert_eq!(opened.demuxer.info().length, Some(expected.end));
    }
}

#[test]
fn codecs_bring_their_configuration() {
    let codec = |file| testing::open(file, open()).0.demuxer.info().codec.clone();
    let Codec::Aac { config } = codec(FRONT) else {
        panic!("AAC");
    };
    // LC, 44.1 kHz, stereo, and ffmpeg's note that there is no SBR
    assert_eq!(&config[..], [0x12, 0x10, 0x56, 0xE5, 0x00]);
    let Codec::Opus { head } = codec(OPUS) else {
        panic!("Opus");
    };
    // RFC 7845, 5.1: version 1, stereo, pre-skip 312, 48 kHz, gain 0, family 0
    assert_eq!(&head[..], b"OpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0");
    let Codec::Alac { cookie } = codec(ALAC) else {
        panic!("ALAC");
    };
    // 4096 samples a frame, version 0, 24 bits
    assert_eq!(
        (cookie.len(), &cookie[..6]),
        (24, &[0, 0, 16, 0, 0, 24][..])
    );
    let Codec::Flac { stream_info } = codec(FLAC) else {
        panic!("FLAC");
    };
    assert_eq!(
        (stream_info.len(), &stream_info[..4]),
        (34, &[0x12, 0, 0x12, 0][..])
    );
    assert_eq!(codec(MP3), Codec::Mp3);
}

/// Three tracks with AAC of a second each, the second one switched on; chapters as a text track and as `chpl`.
const SEVERAL: &[u8] = include_bytes!("../../../../tests/data/several-chapters.m4a");

#[test]
fn of_several_tracks_the_one_that_is_switched_on_is_played() {
    // as ffprobe counts the packets
    const BYTES: [usize; 3] = [2974, 2994, 2938];
    for (enabled, bytes) in [(1, BYTES[1]), (0, BYTES[0]), (2, BYTES[2])] {
        let mut file = SEVERAL.to_vec();
        let heads: Vec<usize> = (0..file.len() - 8)
            .filter(|&at| &file[at..at + 4] == b"tkhd")
            .collect();
        assert_eq!(heads.len(), 4);
        for (track, at) in heads.into_iter().take(3).enumerate() {
            file[at + 7] = if track == enabled { 3 } else { 2 };
        }
        let (mut opened, mut window) = testing::open(&file, open());
        assert_eq!(opened.tags.title.as_deref(), Some("Book"));
        let packets = testing::rest(&mut *opened.demuxer, &mut window);
        let total: usize = packets.iter().map(|packet| packet.data.len()).sum();
        assert_eq!(total, bytes);
    }
}

#[test]
fn tags_are_read_from_ilst() {
    let (opened, _) = testing::open(TAIL, open());
    assert_eq!(
        opened.tags,
        Tags {
            title: Some("Boxes".into()),
            artist: Some("Bench".into()),
            ..Tags::default()
        }
    );
}

#[test]
fn a_seek_lands_on_the_packet_that_the_decoder_needs_first() {
    for expected in files() {
        let (mut opened, mut window) = testing::open(expected.file, open());
        let whole = testing::rest(&mut *opened.demuxer, &mut window);
        for target in [0, 1, 5000, expected.end / 2, expected.end - 1, 7000, 0] {
            opened.demuxer.seek(target, &mut window).expect("seeks");
            let rest = testing::rest(&mut *opened.demuxer, &mut window);
            let wanted = target as i64 - i64::from(opened.demuxer.info().preroll);
            let landing = whole
                .iter()
                .position(|packet| packet.pts + i64::from(packet.duration) > wanted)
                .expect("exists");
            assert!(rest == whole[landing..], "{} at {target}", expected.name);
        }
        opened
            .demuxer
            .seek(expected.end, &mut window)
            .expect("seeks");
        assert!(matches!(
            opened.demuxer.next_packet(&mut window),
            Err(Stop::End)
        ));
    }
}

#[test]
fn damaged_files_end_or_are_refused() {
    for file in [TAIL, INDEXED, DASH, FRAGMENTS, OPUS] {
        testing::torture(file, open, 101, 300);
    }
    testing::torture(&ALAC[..1500], open, 7, 500);
    testing::torture(FLAC, open, 997, 200);
}

pub(super) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// `moov` of an mp3 track in QuickTime's way: `times` and `layout` as in stts and stsc, constant sizes.
fn movie(
    scale: u32,
    size: u32,
    count: u32,
    times: &[u32],
    layout: &[u32],
    chunks: &[u32],
) -> Vec<u8> {
    let counted = |entry: usize, entries: &[u32]| {
        let mut body = words(&[0, (entries.len() / entry) as u32]);
        body.extend(words(entries));
        body
    };
    let mut entry = vec![0; 16];
    entry.extend([0, 2, 0, 16, 0, 0, 0, 0]);
    entry.extend((44_100u32 << 16).to_be_bytes());
    let mut description = words(&[0, 1]);
    description.extend(boxed(b".mp3", &entry));
    let stbl = [
        boxed(b"stsd", &description),
        boxed(b"stts", &counted(2, times)),
        boxed(b"stsc", &counted(3, layout)),
        boxed(b"stsz", &words(&[0, size, count])),
        boxed(b"stco", &counted(1, chunks)),
    ]
    .concat();
    let minf = boxed(b"minf", &boxed(b"stbl", &stbl));
    let hdlr = boxed(b"hdlr", &[&[0; 8][..], b"soun", &[0; 12]].concat());
    let mdhd = boxed(b"mdhd", &words(&[0, 0, 0, scale, 0, 0]));
    let mdia = boxed(b"mdia", &[mdhd, hdlr, minf].concat());
    let mvhd = boxed(b"mvhd", &words(&[0, 0, 0, 1000, 0]));
    boxed(b"moov", &[mvhd, boxed(b"trak", &mdia)].concat())
}

/// Ten minutes in 100 chunks, 128 KiB of something else before each: 14 MB. With the index in front or behind.
fn large(is_index_behind: bool) -> Vec<u8> {
    const GAP: usize = 128 * 1024;
    const SIZE: usize = 52;
    let per_chunk = 230;
    let build = |base: usize| {
        let chunks: Vec<u32> = (0..100)
            .map(|chunk| (base + 8 + chunk * (GAP + per_chunk * SIZE) + GAP) as u32)
            .collect();
        movie(
            44_100,
            SIZE as u32,
            100 * per_chunk as u32,
            &[100 * per_chunk as u32, 1152],
            &[1, per_chunk as u32, 1],
            &chunks,
        )
    };
    let samples = boxed(b"mdat", &vec![0xAA; 100 * (GAP + per_chunk * SIZE)]);
    if is_index_behind {
        [samples, build(0)].concat()
    } else {
        let len = build(0).len();
        [build(len), samples].concat()
    }
}

#[test]
fn a_seek_in_a_large_file_fetches_little() {
    for is_index_behind in [false, true] {
        let file = large(is_index_behind);
        let target = 20_000_000;
        let (pts, fetched) = testing::seek_slowly(&file, open(), target, 64 * 1024);
        let wanted = target as i64 - 11_520;
        assert!(pts <= wanted && wanted < pts + 1152, "{pts}");
        // at most what lies on the way when the place is near
        assert!(fetched < 200_000, "{fetched}");
    }
}

#[test]
fn coarse_time_scales_give_whole_positions() {
    // 26 and 27 ms for 1152 samples at 44.1 kHz
    let times = [1, 26, 1, 26, 1, 26, 1, 26, 1, 27];
    let file = [
        movie(1000, 10, 5, &times, &[1, 5, 1], &[2000]),
        boxed(b"free", &[0; 4000]),
    ]
    .concat();
    let (mut opened, mut window) = testing::open(&file, open());
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    let positions: Vec<i64> = packets.iter().map(|packet| packet.pts).collect();
    // 0, 26, 52, 78, 104 ms
    assert_eq!(positions, [0, 1147, 2293, 3440, 4586]);
}

#[test]
fn the_gapless_note_of_itunes_trims_what_no_edit_list_does() {
    let data = |text: &[u8]| boxed(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0], text].concat());
    let free = |name: &[u8], text: &[u8]| {
        let parts = [
            boxed(b"mean", b"\0\0\0\0com.apple.iTunes"),
            boxed(b"name", &[b"\0\0\0\0", name].concat()),
            data(text),
        ];
        boxed(b"----", &parts.concat())
    };
    let list = [
        free(b"iTunSMPB", b" 00000000 00000451 00000259 0000000000000ED6"),
        free(b"ISRC", b"QZES71982312"),
    ];
    let meta = [&[0; 4][..], &boxed(b"ilst", &list.concat())].concat();
    let udta = boxed(b"udta", &boxed(b"meta", &meta));
    let mut moov = movie(44_100, 10, 5, &[5, 1152], &[1, 5, 1], &[2000]);
    moov.extend(udta);
    let size = moov.len() as u32;
    moov[..4].copy_from_slice(&size.to_be_bytes());
    // 64-bit size of the sample data
    let mut mdat = words(&[1]);
    mdat.extend(b"mdat");
    mdat.extend(4016u64.to_be_bytes());
    mdat.extend([0; 4000]);
    let (mut opened, mut window) = testing::open(&[moov, mdat].concat(), open());
    assert_eq!(opened.tags.isrc.as_deref(), Some("QZES71982312"));
    // 0x451 = 1105 in front, 0xED6 = 3798 of sound
    assert_eq!(opened.demuxer.info().length, Some(3798));
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    assert_eq!(
        (packets.len(), packets[0].pts, packets[4].pts),
        (5, -1105, 3503)
    );
}

/// The top-level boxes of a file.
pub(super) fn top(file: &[u8]) -> Vec<&[u8]> {
    let mut rest = file;
    let mut boxes = Vec::new();
    while let Some(size) = rest.first_chunk() {
        let (one, behind) = rest.split_at(u32::from_be_bytes(*size) as usize);
        boxes.push(one);
        rest = behind;
    }
    boxes
}

/// The DASH file with 1 MB of nothing behind each fragment, with or without one index in front.
fn spread(is_indexed: bool) -> Vec<u8> {
    const GAP: usize = 1_000_000;
    let parts = top(DASH);
    let of_kind = |kind: &[u8]| {
        parts
            .iter()
            .filter(|part| &part[4..8] == kind)
            .copied()
            .collect::<Vec<_>>()
    };
    let fragments: Vec<Vec<u8>> = of_kind(b"moof")
        .iter()
        .zip(of_kind(b"mdat"))
        .map(|(moof, mdat)| [moof, mdat, &boxed(b"free", &vec![0; GAP])].concat())
        .collect();
    let mut file = [parts[0], parts[1]].concat();
    if is_indexed {
        let mut index = words(&[0, 1, 44_100, 0, 0, fragments.len() as u32]);
        for fragment in &fragments {
            index.extend(words(&[fragment.len() as u32, 0x5800, 0x9000_0000]));
        }
        file.extend(boxed(b"sidx", &index));
    }
    file.extend(fragments.concat());
    file
}

#[test]
fn a_seek_over_fragments_fetches_little() {
    // the fourth fragment begins at 3 * 0x5800 - 1024
    let target = 80_000;
    // without an index, the end of the file is looked at too
    for (is_indexed, most) in [(true, 10_000), (false, 40_000)] {
        let file = spread(is_indexed);
        let (pts, fetched) = testing::seek_slowly(&file, open(), target, 1024);
        assert!(pts <= 80_000 - 2048 && 80_000 - 2048 < pts + 1024, "{pts}");
        assert!(fetched < most, "{fetched}");
    }
}

#[test]
fn a_moov_that_claims_too_much_is_refused_before_it_is_fetched() {
    let mut file = 0x7000_0000u32.to_be_bytes().to_vec();
    file.extend(b"moov");
    let (mut writer, mut window) = crate::media::window::lane(1024);
    writer.push(file.into());
    assert!(matches!(
        open().advance(&mut window),
        Err(Stop::Malformed(_))
    ));
}

#[test]
fn a_picture_without_sound_and_an_unknown_codec_are_told_apart_from_damage() {
    let mut file = TAIL.to_vec();
    let at = file
        .windows(4)
        .position(|four| four == b"mp4a")
        .expect("is there");
    file[at..at + 4].copy_from_slice(b"ac-3");
    let result = open().advance(&mut ByteWindow::of(file));
    assert!(matches!(
        result.map(drop),
        Err(Stop::Malformed(
            crate::media::demux::DemuxError::Unsupported(_)
        ))
    ));
}
