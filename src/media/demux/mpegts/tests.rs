//! Owns: what transport streams must come out as. They were made by ffmpeg without encoding again, so that the packets must be
//! those of the file they come from; positions and counts are ffprobe's (5.1).
//! Never knows: the inside of tables and headers.

use super::{packet::Framing, tables::checksum};
use crate::media::{
    demux::{Codec, DemuxError, Opening, Packet, Tags, adts, mp3, mp4, ogg, testing},
    window::{ByteWindow, Stop},
};

/// The first second of `tone.aac`, as a station would name it: "Zwei Töne" of "Prüfstand".
const AAC: &[u8] = include_bytes!("../../../../tests/data/ts/aac.ts");
/// The first second of `tone44.m4a`, in LATM.
const LATM: &[u8] = include_bytes!("../../../../tests/data/ts/latm.ts");
/// The first second of `tone44.mp3`.
const MP3: &[u8] = include_bytes!("../../../../tests/data/ts/mp3.ts");
/// The first second of `tone.opus`.
const OPUS: &[u8] = include_bytes!("../../../../tests/data/ts/opus.ts");
/// MPEG audio of layer II.
const MP2: &[u8] = include_bytes!("../../../../tests/data/ts/mp2.ts");
/// Pictures alone.
const VIDEO: &[u8] = include_bytes!("../../../../tests/data/ts/video.ts");

/// PID of the sound, as ffmpeg numbers it.
const SOUND: u16 = 0x100;

fn packets(data: &[u8], opening: Box<dyn Opening>) -> Vec<Packet> {
    let (mut opened, mut window) = testing::open(data, opening);
    testing::rest(&mut *opened.demuxer, &mut window)
}

fn refusal(data: &[u8]) -> DemuxError {
    match super::open().advance(&mut ByteWindow::of(data.to_vec())) {
        Err(Stop::Malformed(error)) => error,
        Err(stop) => panic!("{stop:?}"),
        Ok(_) => panic!("opens"),
    }
}

/// Every packet of 188 bytes through this function.
fn each(data: &[u8], mut change: impl FnMut(usize, u16, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let packets = data.chunks_exact(188).enumerate();
    packets
        .flat_map(|(i, p)| change(i, u16::from_be_bytes([p[1] & 0x1F, p[2]]), p))
        .collect()
}

#[test]
fn every_kind_of_stream_has_the_packets_of_its_file() {
    let adts = include_bytes!("../../../../tests/data/tone.aac");
    let m4a = include_bytes!("../../../../tests/data/tone44.m4a");
    let mpeg = include_bytes!("../../../../tests/data/tone44.mp3");
    let opus = include_bytes!("../../../../tests/data/tone.opus");
    let files = [
        (AAC, packets(adts, adts::open()), 47, 0, 48_000),
        (LATM, packets(m4a, mp4::open()), 45, 0, 44_100),
        (MP3, packets(mpeg, mp3::open()), 40, 0, 44_100),
        (OPUS, packets(opus, ogg::open()), 51, -312, 48_000),
    ];
    for (data, original, count, first, rate) in files {
        let (mut opened, mut window) = testing::open(data, super::open());
        let info = opened.demuxer.info().clone();
        assert_eq!((info.rate, info.channels), (rate, 2));
        assert_eq!((info.length, info.is_seekable), (None, false));
        assert_eq!(opened.container, "mpegts-adts");
        // 1.4 s, where ffmpeg begins all transport streams
        assert_eq!(opened.demuxer.origin(), Some(126_000));
        let found = testing::rest(&mut *opened.demuxer, &mut window);
        assert_eq!(
            (found.len(), found[0].pts),
            (count, first),
            "{:?}",
            info.codec
        );
        testing::assert_gapless(&found);
        for (found, original) in found.iter().zip(&original) {
            assert_eq!(found.data, original.data);
            assert_eq!(found.duration, original.duration);
        }
    }
}

#[test]
fn codecs_are_told_with_their_configuration() {
    let codec = |data| {
        testing::open(data, super::open())
            .0
            .demuxer
            .info()
            .codec
            .clone()
    };
    assert_eq!(codec(MP3), Codec::Mp3);
    // LC, 44.1 kHz, stereo, and a sync extension as it stands in the file: ffmpeg cuts it
    let Codec::Aac { config } = codec(LATM) else {
        panic!("no AAC");
    };
    assert_eq!(config[..2], [0x12, 0x10]);
    let Codec::Opus { head } = codec(OPUS) else {
        panic!("no Opus");
    };
    assert_eq!(head[..], *b"OpusHead\x01\x02\0\0\x80\xBB\0\0\0\0\0");
}

#[test]
fn a_station_is_named() {
    let (opened, _) = testing::open(AAC, super::open());
    let expected = Tags {
        title: Some("Zwei Töne".into()),
        artist: Some("Prüfstand".into()),
        ..Tags::default()
    };
    assert_eq!(opened.tags, expected);
}

#[test]
fn pieces_of_any_size_give_the_same() {
    for data in [AAC, LATM, MP3, OPUS] {
        testing::assert_same_in_pieces(data, super::open);
    }
}

#[test]
fn cut_and_damaged_files_come_to_an_end() {
    for data in [AAC, LATM, MP3, OPUS, MP2, VIDEO] {
        testing::assert_survives(data, super::open);
    }
}

#[test]
fn what_lies_between_packets_is_left_out() {
    let expected = packets(AAC, super::open());
    let stamped = each(AAC, |_, _, packet| {
        [&[0x12, 0x34, 0x56, 0x78], packet].concat()
    });
    assert_eq!(packets(&stamped, super::open()), expected);
    let checked = each(AAC, |_, _, packet| [packet, &[0x47; 16]].concat());
    assert_eq!(packets(&checked, super::open()), expected);
    let twice = each(AAC, |_, _, packet| packet.repeat(2));
    assert_eq!(packets(&twice, super::open()), expected);
}

#[test]
fn a_lost_packet_costs_the_frames_around_it_and_nothing_else() {
    let whole = packets(AAC, super::open());
    for data in [AAC, LATM, OPUS] {
        let whole = packets(data, super::open());
        for lost in [20, 31, 40] {
            let lossy = each(data, |i, _, p| if i == lost { vec![] } else { p.to_vec() });
            let found = packets(&lossy, super::open());
            let known = |packet: &&Packet| whole.iter().any(|w| w.data == packet.data);
            let right = found.iter().filter(known).count();
            // ffmpeg puts up to 2930 bytes into a PES packet, of which the rest is lost too
            assert!(right + 16 >= whole.len(), "{right} of {}", whole.len());
            assert!(found.len() - right <= 1, "{} made up", found.len() - right);
        }
    }
    let marked = each(AAC, |i, _, p| {
        let mut packet = p.to_vec();
        // the receiver's mark of errors
        packet[1] |= if i == 30 { 0x80 } else { 0 };
        packet
    });
    let found = packets(&marked, super::open());
    assert!(found.len() < whole.len() && found.len() + 16 >= whole.len());
}

#[test]
fn a_stream_is_of_any_length() {
    // 34 MiB of sound, more than the window lets pass without any
    let data = MP3.repeat(2200);
    let (mut opened, mut window) = testing::open(&data, super::open());
    let mut passed = 0;
    let stop = loop {
        match opened.demuxer.next_packet(&mut window) {
            Ok(packet) => passed += packet.data.len(),
            Err(stop) => break stop,
        }
        window.found();
    };
    assert!(matches!(stop, Stop::End), "{stop:?} behind {passed} bytes");
    assert!(passed > 33 << 20, "{passed}");
}

#[test]
fn what_cannot_be_played_is_named() {
    let no_sound = "The transport stream has no sound of a supported kind.";
    assert_eq!(refusal(VIDEO).to_string(), no_sound);
    let layer = "MPEG audio in the transport stream is not of layer III.";
    assert_eq!(refusal(MP2).to_string(), layer);
    let encrypted = each(AAC, |_, pid, p| {
        let mut packet = p.to_vec();
        packet[3] |= if pid == SOUND { 0x80 } else { 0 };
        packet
    });
    let text = "The transport stream is encrypted.";
    assert_eq!(refusal(&encrypted).to_string(), text);
    let empty = each(AAC, |_, _, _| {
        [&[0x47, 0x1F, 0xFF, 0x10][..], &[0xFF; 184]].concat()
    });
    let text = "The transport stream has no program.";
    assert_eq!(refusal(&empty).to_string(), text);
}

#[test]
fn tables_with_wrong_checksums_are_waited_for() {
    // the first list of programs is damaged, the next one comes with the next second's tables
    let broken = each(AAC, |i, pid, p| {
        let mut packet = p.to_vec();
        packet[10] ^= if pid == 0 && i < 10 { 1 } else { 0 };
        packet
    });
    let expected = packets(AAC, super::open());
    let found = packets(&broken, super::open());
    assert!(!found.is_empty() && found.len() < expected.len());
    let known = |packet: &Packet| expected.iter().any(|e| e.data == packet.data);
    assert!(found.iter().all(known));
}

/// A section in a packet of its own.
fn table(pid: u16, mut section: Vec<u8>) -> Vec<u8> {
    let len = section.len() + 1;
    (section[1], section[2]) = (0xB0, len as u8);
    let crc = checksum(&section);
    section.extend_from_slice(&crc.to_be_bytes());
    let head = [0x47, 0x40 | (pid >> 8) as u8, pid as u8, 0x10, 0];
    let mut packet = [&head[..], &section].concat();
    packet.resize(188, 0xFF);
    packet
}

#[test]
fn the_first_program_with_sound_is_played_and_aac_before_mpeg_audio() {
    let list = b"\0\0\0\0\x01\xC1\0\0\0\x01\xE2\x01\0\x02\xE2\x02";
    let silent = b"\x02\0\0\0\x01\xC1\0\0\xFF\xFF\xF0\0\x1B\xE3\0\xF0\0";
    let sound = b"\x02\0\0\0\x02\xC1\0\0\xFF\xFF\xF0\0\x03\xE3\x01\xF0\0\x0F\xE1\0\xF0\0";
    let tables = [
        table(0, list.to_vec()),
        table(0x201, silent.to_vec()),
        table(0x202, sound.to_vec()),
    ];
    let only = each(
        AAC,
        |_, pid, p| if pid == SOUND { p.to_vec() } else { vec![] },
    );
    let data = [tables.concat(), only].concat();
    assert_eq!(packets(&data, super::open()).len(), 47);
}

#[test]
fn names_that_are_told_again_and_again_leave_room_for_others() {
    // EN 300 468, 5.2.3 and 6.2.33: services 9 and 1, in sections 0 and 1 of the table
    let names = |section: u8, service: u8, name: &[u8]| {
        let len = name.len() as u8;
        let head = [
            0x42, 0, 0, 0, 1, 0xC1, section, 1, 0xFF, 1, 0xFF, 0, service,
        ];
        let descriptor = [0xFC, 0x80, len + 5, 0x48, len + 3, 2, 0, len];
        table(0x11, [&head[..], &descriptor, name].concat())
    };
    let mut told = [
        vec![names(0, 9, b"Another"); 20],
        vec![names(1, 1, b"Ours")],
    ]
    .concat();
    for (counter, packet) in (0u8..).zip(&mut told) {
        packet[3] |= counter & 15;
    }
    let rest = each(AAC, |_, pid, p| match pid {
        0x11 => vec![],
        _ => p.to_vec(),
    });
    let (opened, _) = testing::open(&[told.concat(), rest].concat(), super::open());
    assert_eq!(opened.tags.title.as_deref(), Some("Ours"));
}

#[test]
fn other_streams_are_not_taken_for_one() {
    for data in [
        &include_bytes!("../../../../tests/data/tone.aac")[..1024],
        &include_bytes!("../../../../tests/data/tone44.mp3")[..1024],
        b"GGGGGGGGGGGGGG",
        b"",
    ] {
        assert_eq!(Framing::detect(data), None);
    }
}
