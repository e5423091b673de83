//! Owns: the tests of the MP3 demuxer.
//! Never knows: other formats.

use super::*;
use crate::media::demux::testing;

/// 12 s, 44.1 kHz stereo, 128 kbit/s by LAME: Info frame, delay 1105 less the decoder's 529, tags.
const TONE44: &[u8] = include_bytes!("../../../../tests/data/tone44.mp3");
/// 12 s, MPEG-2 22.05 kHz mono, 64 kbit/s: Info frame.
const TONE22: &[u8] = include_bytes!("../../../../tests/data/tone22mono.mp3");
/// 12 s, 44.1 kHz mono, bitrates from 32 to 160 kbit/s: Xing frame with table.
const VBR: &[u8] = include_bytes!("../../../../tests/data/vbr.mp3");
/// The same without tag and Xing frame.
const VBR_BARE: &[u8] = include_bytes!("../../../../tests/data/vbr-bare.mp3");
/// 6 s, 44.1 kHz mono, 64 kbit/s without tag and Info frame.
const CBR_BARE: &[u8] = include_bytes!("../../../../tests/data/cbr-bare.mp3");

fn packets(data: &[u8]) -> (StreamInfo, Vec<Packet>) {
    let (mut opened, mut window) = testing::open(data, open());
    let packets = testing::rest(&mut *opened.demuxer, &mut window);
    (opened.demuxer.info().clone(), packets)
}

#[test]
fn a_lame_file_begins_and_ends_exactly() {
    let (opened, _) = testing::open(TONE44, open());
    assert_eq!(opened.container, "mp3");
    assert_eq!(opened.tags.title.as_deref(), Some("Two Tones"));
    assert_eq!(opened.tags.artist.as_deref(), Some("Test Bench"));
    let (info, packets) = packets(TONE44);
    assert_eq!(
        (info.rate, info.channels, info.length),
        (44_100, 2, Some(529_200))
    );
    assert!(info.is_seekable);
    // ffprobe: start_time 0.025057 s = 1105 samples
    assert_eq!(packets[0].pts, -1105);
    testing::assert_gapless(&packets);
    let last = packets.last().expect("some");
    assert!(last.pts + i64::from(last.duration) >= 529_200 - 529);
    assert_eq!(packets.len(), 461);
}

#[test]
fn mpeg_2_frames_have_half_the_samples() {
    let (info, packets) = packets(TONE22);
    assert_eq!(
        (info.rate, info.channels, info.length),
        (22_050, 1, Some(264_600))
    );
    assert_eq!((packets[0].pts, packets[0].duration), (-1105, 576));
    testing::assert_gapless(&packets);
}

#[test]
fn a_xing_file_has_its_exact_length() {
    assert_eq!(packets(VBR).0.length, Some(529_200));
}

#[test]
fn a_bare_constant_bitrate_gives_the_length() {
    let (info, packets) = packets(CBR_BARE);
    assert_eq!(info.length, Some(packets.len() as u64 * 1152));
    assert_eq!(packets[0].pts, 0);
}

#[test]
fn a_short_bare_file_of_changing_bitrate_is_counted() {
    let (info, packets) = packets(VBR_BARE);
    assert_eq!(info.length, Some(packets.len() as u64 * 1152));
    let (mut served, mut window) = testing::Served::new(VBR_BARE, 4096, true);
    let mut opening = open();
    let opened = served
        .run(&mut window, |w| opening.advance(w))
        .expect("opens");
    assert_eq!(opened.demuxer.info().length, info.length);
}

#[test]
fn a_live_stream_has_no_length_and_does_not_seek() {
    let (mut served, mut window) = testing::Served::live(CBR_BARE, 512);
    let mut opening = open();
    let mut opened = served
        .run(&mut window, |w| opening.advance(w))
        .expect("opens");
    // two headers are enough to begin
    assert!(served.delivered <= 1024);
    assert_eq!(
        (
            opened.demuxer.info().length,
            opened.demuxer.info().is_seekable
        ),
        (None, false)
    );
    assert!(matches!(
        opened.demuxer.seek(0, &mut window),
        Err(Stop::Malformed(_))
    ));
}

#[test]
fn pieces_of_any_size_give_the_same() {
    for data in [TONE22, VBR, VBR_BARE, CBR_BARE] {
        testing::assert_same_in_pieces(data, open);
    }
}

#[test]
fn seeks_are_exact_and_touch_little() {
    for data in [TONE44, TONE22, CBR_BARE] {
        let (bytes, jumps) = testing::assert_seeks(data, open);
        assert!(jumps <= 1, "{jumps} jumps");
        // what is nearer than the read-through distance is read through
        assert!(bytes <= data.len(), "{bytes} bytes");
    }
    // short files of changing bitrate are walked, which is exact
    testing::assert_seeks(VBR, open);
    testing::assert_seeks(VBR_BARE, open);
}

/// A long file made of one real frame again and again (the first that needs no bytes of others).
fn long(frames: usize) -> Vec<u8> {
    let (_, packets) = packets(CBR_BARE);
    let mut data = Vec::new();
    for packet in packets[5..].iter().cycle().take(frames) {
        data.extend_from_slice(&packet.data);
    }
    data
}

#[test]
fn a_far_seek_by_bitrate_needs_one_jump_and_few_bytes() {
    // 64 kbit/s at 44.1 kHz: 208.98 bytes a frame; two megabytes
    let data = long(10_000);
    let (mut served, mut window) = testing::Served::new(&data, 1024, true);
    let mut opening = open();
    let mut opened = served
        .run(&mut window, |w| opening.advance(w))
        .expect("opens");
    let before = served.delivered;
    let target = 1152 * 9_000 + 17;
    served
        .run(&mut window, |w| opened.demuxer.seek(target, w))
        .expect("seeks");
    let packet = served
        .run(&mut window, |w| opened.demuxer.next_packet(w))
        .expect("a packet");
    assert_eq!(packet.pts, 1152 * 8_990);
    assert!(served.jumps == 1 && served.delivered - before <= 4096);
}

#[test]
fn a_far_seek_by_table_lands_near_and_what_was_passed_is_exact() {
    let (_, packets) = packets(VBR);
    let body: Vec<u8> = packets.iter().flat_map(|p| p.data.to_vec()).collect();
    let summary_end = VBR.len() - body.len();
    let mut data = VBR[..summary_end].to_vec();
    let times = 40;
    for _ in 0..times {
        data.extend_from_slice(&body);
    }
    // the header is written anew: frames, bytes, and a table that is right for a repeating file
    let at = data
        .windows(4)
        .position(|w| w == b"Xing")
        .expect("a Xing frame")
        + 8;
    let frames = (packets.len() * times) as u32;
    let bytes = (data.len() - (at - 8 - 21)) as u32;
    data[at..at + 4].copy_from_slice(&frames.to_be_bytes());
    data[at + 4..at + 8].copy_from_slice(&bytes.to_be_bytes());
    for i in 0..100 {
        data[at + 8 + i] = (i * 256 / 100) as u8;
    }
    let (mut served, mut window) = testing::Served::new(&data, 4096, true);
    let mut opening = open();
    let mut opened = served
        .run(&mut window, |w| opening.advance(w))
        .expect("opens");
    let mut passed = Vec::new();
    for _ in 0..2000 {
        passed.push(
            served
                .run(&mut window, |w| opened.demuxer.next_packet(w))
                .expect("a packet"),
        );
    }
    let target = 1152 * u64::from(frames) / 2;
    let before = (served.delivered, served.jumps);
    served
        .run(&mut window, |w| opened.demuxer.seek(target, w))
        .expect("seeks");
    let packet = served
        .run(&mut window, |w| opened.demuxer.next_packet(w))
        .expect("a packet");
    assert!(packet.pts <= target as i64 && packet.pts > target as i64 - 30 * 1152);
    assert!(served.jumps == before.1 + 1 && served.delivered - before.0 < 16_384);

    served
        .run(&mut window, |w| opened.demuxer.seek(1_500 * 1152, w))
        .expect("seeks");
    let packet = served
        .run(&mut window, |w| opened.demuxer.next_packet(w))
        .expect("a packet");
    let expected = passed
        .iter()
        .find(|p| p.pts == packet.pts)
        .expect("a known position");
    assert_eq!(&packet, expected);
}

#[test]
fn garbage_in_front_and_in_the_middle_is_passed() {
    let (_, clean) = packets(CBR_BARE);
    let garbage: Vec<u8> = (0..30_000_u32).map(|i| ((i * 7919) >> 5) as u8).collect();
    let in_front = [&garbage[..], CBR_BARE].concat();
    assert_eq!(packets(&in_front).1, clean);

    let cut: usize = clean[..100].iter().map(|p| p.data.len()).sum();
    let between = [&CBR_BARE[..cut], &garbage[..5_000], &CBR_BARE[cut..]].concat();
    let (_, got) = packets(&between);
    assert!(got.len() >= clean.len() - 1);
    assert_eq!(got[..100], clean[..100]);
    assert_eq!(got.last().map(|p| &p.data), clean.last().map(|p| &p.data));
}

#[test]
fn overwritten_frames_pass_in_time() {
    let (_, clean) = packets(CBR_BARE);
    let at: usize = clean[..100].iter().map(|p| p.data.len()).sum();
    let mut data = CBR_BARE.to_vec();
    data[at..at + 300].fill(0);
    let (_, got) = packets(&data);
    assert_eq!(got[100], clean[102]);
    assert_eq!(got.last(), clean.last());
}

#[test]
fn a_tag_in_the_middle_and_tags_at_the_end_are_no_packets() {
    let (_, clean) = packets(CBR_BARE);
    let cut: usize = clean[..100].iter().map(|p| p.data.len()).sum();
    let tag = b"ID3\x03\0\0\0\0\0\x14TIT2\0\0\0\x0A\0\0\0XXXXXXXXX";
    let data = [
        &CBR_BARE[..cut],
        tag,
        &CBR_BARE[cut..],
        b"TAG",
        &[b' '; 125],
    ]
    .concat();
    assert_eq!(packets(&data).1.len(), clean.len());
}

#[test]
fn a_file_of_one_frame_plays() {
    let (_, clean) = packets(CBR_BARE);
    assert_eq!(packets(&clean[0].data).1, clean[..1]);
}

#[test]
fn free_format_is_named() {
    let mut frame = vec![0xFF, 0xFB, 0x00, 0x00];
    frame.resize(500, 0);
    let mut window = ByteWindow::of(frame.repeat(20));
    let stop = open().advance(&mut window).err().expect("refused");
    assert!(matches!(stop, Stop::Malformed(DemuxError::Unsupported(_))));
}

#[test]
fn cut_and_damaged_files_come_to_an_end() {
    for data in [VBR, VBR_BARE, &TONE22[..20_000]] {
        testing::assert_survives(data, open);
    }
}
