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

/// Frames of [`varying`].
const FRAMES: u64 = 20_000;
/// What LAME puts in front and behind, in samples.
const TRIM: (u64, u64) = (576, 1500);
/// Samples to be heard of [`varying`].
const AUDIBLE: u64 = FRAMES * 1152 - TRIM.0 - TRIM.1;

/// Nearly nine minutes of 44.1 kHz stereo, 11 MB: a thousand frames of 32 and of 320 kbit/s by turns, each with its number in
/// it. In front a Xing frame as LAME writes it: where each hundredth of the frames lies, in 256ths of the bytes, rounded down.
fn varying() -> Vec<u8> {
    let mut body = Vec::new();
    let mut offsets = Vec::new();
    for number in 0..FRAMES {
        let (bitrate, len) = if number / 1000 % 2 == 0 {
            (1, 104)
        } else {
            (14, 1044)
        };
        offsets.push(body.len());
        let at = body.len();
        body.extend([0xFF, 0xFB, bitrate << 4, 0]);
        body.resize(at + len, 0);
        body[at + 50..at + 53]
            .copy_from_slice(&[number >> 14, number >> 7, number].map(|n| n as u8 & 127));
    }
    let lead = 417;
    let bytes = body.len() + lead;
    let mut data = vec![0xFF, 0xFB, 0x90, 0];
    data.resize(36, 0);
    data.extend(b"Xing\0\0\0\x07");
    data.extend((FRAMES as u32).to_be_bytes());
    data.extend((bytes as u32).to_be_bytes());
    data.extend((0..100).map(|i| ((offsets[i * 200] + lead) * 256 / bytes) as u8));
    data.extend(b"LAME3.100");
    data.resize(data.len() + 12, 0);
    let trim = TRIM.0 << 12 | TRIM.1;
    data.extend([trim >> 16, trim >> 8, trim].map(|n| n as u8));
    data.resize(lead, 0);
    data.extend(body);
    data
}

/// The number that [`varying`] put into a frame.
fn number(packet: &Packet) -> u64 {
    packet.data[50..53]
        .iter()
        .fold(0, |sum, &n| sum << 7 | u64::from(n))
}

/// The frame that a packet's position says that it is.
fn numbered(packet: &Packet) -> u64 {
    (packet.pts + TRIM.0 as i64 + 529) as u64 / 1152
}

fn opened(served: &mut testing::Served, window: &mut ByteWindow) -> Box<dyn Demuxer> {
    let mut opening = open();
    let opened = served.run(window, |w| opening.advance(w));
    opened.expect("opens").demuxer
}

/// The first packet after a seek to a frame.
fn sought(
    frame: u64,
    demuxer: &mut dyn Demuxer,
    served: &mut testing::Served,
    window: &mut ByteWindow,
) -> Packet {
    let target = frame * 1152 - TRIM.0;
    let sought = served.run(window, |w| demuxer.seek(target, w));
    sought.expect("seeks");
    let packet = served.run(window, |w| demuxer.next_packet(w));
    packet.expect("a packet")
}

#[test]
fn a_local_file_of_changing_bitrate_is_sought_to_the_frame() {
    let (mut served, mut window) = testing::Served::local(&varying(), 65_536);
    let mut demuxer = opened(&mut served, &mut window);
    for frame in [15_500, 19_900, 1234, 18_000] {
        let packet = sought(frame, &mut *demuxer, &mut served, &mut window);
        assert_eq!(
            (number(&packet), numbered(&packet)),
            (frame - 10, frame - 10)
        );
    }
    assert_eq!(demuxer.info().length, Some(AUDIBLE));
}

#[test]
fn a_place_within_two_megabytes_of_a_known_one_is_counted_to() {
    let (mut served, mut window) = testing::Served::new(&varying(), 4096, true);
    let mut demuxer = opened(&mut served, &mut window);
    // 1.1 MB, 1.2 MB, back to what was passed, and 2.3 MB
    for frame in [2000, 3000, 1500, 4000] {
        let packet = sought(frame, &mut *demuxer, &mut served, &mut window);
        assert_eq!(
            (number(&packet), numbered(&packet)),
            (frame - 10, frame - 10)
        );
    }
}

#[test]
fn a_far_seek_by_table_fetches_little_and_never_cuts_the_end() {
    let (mut served, mut window) = testing::Served::new(&varying(), 4096, true);
    let mut demuxer = opened(&mut served, &mut window);
    let before = (served.delivered, served.jumps);
    let mut packet = sought(14_400, &mut *demuxer, &mut served, &mut window);
    assert!(served.jumps == before.1 + 1 && served.delivered - before.0 < 16_384);
    // a 256th of 11 MB are 430 of the small frames
    assert_ne!(number(&packet), numbered(&packet));
    assert!(number(&packet).abs_diff(14_390) <= 430);
    let shift = numbered(&packet) as i64 - number(&packet) as i64;
    loop {
        let length = demuxer.info().length.expect("known") as i64;
        let sound = (FRAMES as i64 + shift) * 1152 - (TRIM.0 + TRIM.1) as i64;
        let end = packet.pts + 1152;
        assert!(
            length > end || length == sound,
            "{length} of {sound} at {end}"
        );
        match served.run(&mut window, |w| demuxer.next_packet(w)) {
            Ok(next) => packet = next,
            Err(Stop::End) => {
                assert_eq!((number(&packet), length), (FRAMES - 1, sound));
                break;
            }
            Err(stop) => panic!("{stop:?}"),
        }
    }
    let packet = sought(500, &mut *demuxer, &mut served, &mut window);
    assert_eq!((number(&packet), numbered(&packet)), (490, 490));
    assert_eq!(demuxer.info().length, Some(AUDIBLE));
}

#[test]
fn the_padding_is_cut_where_the_length_is_not_told() {
    let (_, expected) = packets(TONE44);
    for chunk in [64, 4096] {
        let (mut served, mut window) = testing::Served::live(TONE44, chunk);
        let mut demuxer = opened(&mut served, &mut window);
        assert_eq!(demuxer.info().length, None);
        for packet in &expected {
            let got = served.run(&mut window, |w| demuxer.next_packet(w));
            assert_eq!(&got.expect("a packet"), packet);
            let end = packet.pts + i64::from(packet.duration);
            let length = demuxer.info().length;
            assert!(length == Some(529_200) || length.is_none() && end < 529_200);
        }
        assert_eq!(demuxer.info().length, Some(529_200));
    }
}

#[test]
fn a_bare_file_that_is_longer_than_it_seems_is_played_to_its_end() {
    // the first 64 frames have 320 kbit/s, so that the length is estimated at a tenth
    let dense: Vec<u8> = varying().split_off(417 + 1000 * 104);
    let data = &dense[936 * 1044..][..64 * 1044 + 1000 * 104];
    let (mut opened, mut window) = testing::open(data, open());
    let demuxer = &mut opened.demuxer;
    for _ in 1..1064 {
        let packet = demuxer.next_packet(&mut window).expect("a packet");
        let end = packet.pts + i64::from(packet.duration);
        assert!(
            demuxer
                .info()
                .length
                .is_some_and(|length| length as i64 > end)
        );
    }
    demuxer.next_packet(&mut window).expect("a packet");
    assert_eq!(demuxer.info().length, Some(1064 * 1152));
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
