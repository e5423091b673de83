//! Owns: what LATM streams must come out as: of ffmpeg, and elements written bit by bit after ISO 14496-3, 1.7.
//! Never knows: how elements are found in a stream.

use super::mux;
use crate::media::{
    demux::{Codec, DemuxError, adts, testing},
    window::{ByteWindow, Stop},
};

/// The first second of `tone.aac`.
const TONE: &[u8] = include_bytes!("../../../../tests/data/tone.latm");

/// Bits as text, anything else between them; the last byte is filled with zeros.
fn bits(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| matches!(b, b'0' | b'1')).collect();
    let byte = |bits: &[u8]| {
        let value = bits.iter().fold(0u8, |sum, bit| sum << 1 | (bit - b'0'));
        value << (8 - bits.len())
    };
    digits.chunks(8).map(byte).collect()
}

#[test]
fn a_bare_stream_has_the_access_units_of_its_file() {
    let adts = include_bytes!("../../../../tests/data/tone.aac");
    let (mut original, mut window) = testing::open(adts, adts::open());
    let original = testing::rest(&mut *original.demuxer, &mut window);
    let (mut opened, mut window) = testing::open(TONE, super::open());
    let info = opened.demuxer.info().clone();
    assert_eq!(
        info.codec,
        Codec::Aac {
            config: vec![0x11, 0x90].into()
        }
    );
    assert_eq!((info.rate, info.channels), (48_000, 2));
    let found = testing::rest(&mut *opened.demuxer, &mut window);
    // ffprobe counts 47
    assert_eq!(found, original[..47]);
}

#[test]
fn pieces_of_any_size_give_the_same() {
    testing::assert_same_in_pieces(TONE, super::open);
}

#[test]
fn cut_and_damaged_files_come_to_an_end() {
    testing::assert_survives(TONE, super::open);
}

#[test]
fn garbage_in_front_and_between_is_passed() {
    let (mut opened, mut window) = testing::open(TONE, super::open());
    let expected = testing::rest(&mut *opened.demuxer, &mut window);
    let len = |at: usize| 3 + (usize::from(TONE[at + 1] & 0x1F) << 8 | usize::from(TONE[at + 2]));
    let (two, others) = TONE.split_at(len(0) + len(len(0)));
    let data = [b"V\xE0\x10garbage", two, b"more of it", others].concat();
    let (mut opened, mut window) = testing::open(&data, super::open());
    let found = testing::rest(&mut *opened.demuxer, &mut window);
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(&expected).all(|(f, e)| f.data == e.data));
}

/// Version 1, with everything that it may have: buffer fullness, the configuration's length (HE-AAC, explicit), two access
/// units in an element, other data, a checksum.
const VERSION_1: &str = "0 1 0 00 00000101 1 000001 0000 000 \
    00 00011001 00101 0110 0010 0011 00010 000 \
    000 11111111 1 00 00001000 1 10101010";

#[test]
fn every_field_of_version_1_is_passed() {
    let element = bits(&format!(
        "{VERSION_1} 00000010 01010101 11111111 00000001 00001111"
    ));
    let (config, units) = mux::read(&element, None).expect("reads");
    let config = config.expect("brings one");
    assert_eq!(
        (config.format.rate, config.format.frame_samples),
        (48_000, 2048)
    );
    assert_eq!(config.config[..], bits("00101 0110 0010 0011 00010 000"));
    assert_eq!(units, [&[0x55, 0xFF][..], &[0x0F]]);
    // the next one goes by what this one said
    let next = bits("1 00000001 11001100 00000000");
    let (brought, units) = mux::read(&next, Some(&config)).expect("reads");
    assert_eq!((brought, units), (None, vec![vec![0xCC].into()]));
}

#[test]
fn access_units_of_fixed_length_are_cut_without_being_told() {
    // frame length type 1: 8 · (0 + 20) bits
    let head = "0 0 1 000000 0000 000 00010 0011 0010 000 001 000000000 0 0";
    let element = bits(&format!("{head} {}", "10000001".repeat(20)));
    let (_, units) = mux::read(&element, None).expect("reads");
    assert_eq!(units, [vec![0x81; 20]]);
}

#[test]
fn long_lengths_are_added_up() {
    let head = "0 0 1 000000 0000 000 00010 0011 0010 000 000 11111111 0 0";
    let element = bits(&format!(
        "{head} 11111111 00000001 {}",
        "01000010".repeat(256)
    ));
    let (_, units) = mux::read(&element, None).expect("reads");
    assert_eq!(units, [vec![0x42; 256]]);
}

#[test]
fn what_is_not_read_is_refused_and_what_ends_early_is_broken() {
    for (element, is_broken) in [
        // version A, no common framing, two programs, two layers, CELP
        ("0 1 1", false),
        ("0 0 0 000000 0000 000", false),
        ("0 0 1 000000 0001 000", false),
        ("0 0 1 000000 0000 001", false),
        (
            "0 0 1 000000 0000 000 00010 0011 0010 000 100 000000",
            false,
        ),
        ("0 0 1 000000 0000 000 00010 0011", true),
        (
            "0 0 1 000000 0000 000 00010 0011 0010 000 000 11111111 0 0 00001000",
            true,
        ),
    ] {
        // enough behind it that only what is meant ends early
        let filled = if is_broken {
            String::new()
        } else {
            "0".repeat(64)
        };
        match mux::read(&bits(&format!("{element} {filled}")), None) {
            Err(DemuxError::Broken(_)) => assert!(is_broken, "{element}"),
            Err(DemuxError::Unsupported(_)) => assert!(!is_broken, "{element}"),
            other => panic!("{element}: {other:?}"),
        }
    }
}

#[test]
fn another_configuration_in_the_middle_ends_the_stream() {
    let mono = "0 0 1 000000 0000 000 00010 0011 0001 000 000 11111111 0 0 00000001 01010101";
    let element = bits(mono);
    let frame = [&[0x56, 0xE0, element.len() as u8][..], &element].concat();
    let data = [TONE, &frame.repeat(2)].concat();
    let (mut opened, mut window) = testing::open(&data, super::open());
    let mut count = 0;
    let stop = loop {
        match opened.demuxer.next_packet(&mut window) {
            Ok(_) => count += 1,
            Err(stop) => break stop,
        }
    };
    assert_eq!(count, 47);
    assert!(matches!(stop, Stop::Malformed(DemuxError::Broken(_))));
}

#[test]
fn elements_without_any_configuration_are_waited_through() {
    let frame = [0x56, 0xE0, 2, 0x80, 0x80];
    let stop = super::open().advance(&mut ByteWindow::of(frame.repeat(50)));
    assert!(matches!(stop, Err(Stop::Malformed(DemuxError::Broken(_)))));
}
