//! Owns: what AAC beyond two channels of LC must sound like. Files of HE-AAC are by FDK-AAC, others by ffmpeg.
//! Never knows: which library decodes them.

use super::{
    DecodeError, decoder,
    tests::{Decoded, SIX, assert_mixed, data},
};
use crate::{
    media::{
        demux::{
            Opening,
            probe::{Hint, Prober},
        },
        window::ByteWindow,
    },
    pcm::PcmBlock,
};

const V1: &[u8] = data!("he/v1.aac");
const V2: &[u8] = data!("he/v2.aac");
/// 440 Hz on the left, 1000 Hz and 11 kHz on the right, at 44.1 kHz; the core has half of that.
const TONES: [(f64, f64); 2] = [(440.0, 0.35), (1000.0, 0.35)];

/// Root mean square of the eighth difference: what is left of it are the highest notes.
fn treble(decoded: &Decoded, side: usize) -> f64 {
    let mut samples: Vec<f64> = decoded.middle(side).iter().map(|s| f64::from(*s)).collect();
    for _ in 0..8 {
        samples = samples.windows(2).map(|pair| pair[1] - pair[0]).collect();
    }
    (samples.iter().map(|s| s * s).sum::<f64>() / samples.len() as f64).sqrt()
}

#[test]
fn aac_of_more_than_two_channels_is_mixed_by_its_layout() {
    assert_mixed(data!("surround/six.aac"), &SIX, 0.01);
    // four corners (ffmpeg's encoder makes its tones up to 5 % louder), which only a program config element can tell
    let four = [SIX[0], SIX[1], SIX[4], SIX[5]];
    assert_mixed(data!("surround/four-pce.m4a"), &four, 0.02);
    assert_mixed(data!("surround/four-pce.aac"), &four, 0.02);
}

#[track_caller]
fn assert_heard(decoded: &Decoded, samples: usize) {
    assert_eq!((decoded.rate, decoded.sound.len()), (44_100, samples));
    for (side, (hz, amplitude)) in TONES.into_iter().enumerate() {
        let found = decoded.tone(side, hz);
        assert!((found - amplitude).abs() < 0.005, "{hz} Hz: {found}");
        let other = decoded.tone(1 - side, hz);
        assert!(other < 0.005, "{hz} Hz on the other side: {other}");
    }
}

/// Figures are ffmpeg's (5.1) for the same files.
#[test]
fn the_upper_half_and_the_second_channel_are_made() {
    let files = [
        (V1, 59_392, 0.156_351),
        (data!("he/v1.loas"), 59_392, 0.156_351),
        (V2, 61_440, 0.304_752),
        (data!("he/v2.loas"), 61_440, 0.304_752),
    ];
    for (file, samples, expected) in files {
        let decoded = Decoded::of(file, None);
        assert_heard(&decoded, samples);
        let found = treble(&decoded, 1);
        assert!(
            (found / expected - 1.0).abs() < 0.02,
            "{found}, not {expected}"
        );
    }
}

#[test]
fn what_a_configuration_announces_is_the_same_as_what_is_found() {
    let found = Decoded::of(V1, None);
    // SBR in front (type 5), and behind an LC configuration
    for config in [
        &[0x2B, 0x92, 0x08, 0x00][..],
        &[0x13, 0x90, 0x56, 0xE5, 0xA0],
    ] {
        let announced = Decoded::of(V1, Some(config));
        assert_eq!(announced.sound.channels, found.sound.channels);
    }
    // parametric stereo in front (type 29), mono core
    let announced = Decoded::of(V2, Some(&[0xEB, 0x8A, 0x08, 0x00]));
    assert_heard(&announced, 61_440);
}

#[test]
fn an_announcement_that_there_is_none_is_believed() {
    // sync extension with its flag off
    let decoded = Decoded::of(V1, Some(&[0x13, 0x90, 0x56, 0xE5, 0x00]));
    assert_eq!((decoded.rate, decoded.sound.len()), (22_050, 29_696));
}

#[test]
fn it_is_found_late_and_after_a_reset() {
    let mut window = ByteWindow::of(V1.to_vec());
    let opened = Prober::new(Hint::default()).advance(&mut window);
    let mut demuxer = opened.map(|opened| opened.demuxer).expect("opens");
    let mut decoder = decoder(demuxer.info()).expect("has a decoder");
    let mut sound = PcmBlock::default();
    // silence without SBR: one CPE, common window of one band group without bands, twice empty
    let silence = silent_unit();
    assert_eq!(
        decoder.decode(&silence, &mut sound).expect("decodes"),
        22_050
    );
    assert_eq!(sound.len(), 1024);
    let packet = demuxer.next_packet(&mut window).expect("a packet");
    assert_eq!(
        decoder.decode(&packet.data, &mut sound).expect("decodes"),
        44_100
    );
    assert_eq!(sound.len(), 1024 + 2048);
    decoder.reset();
    assert_eq!(
        decoder.decode(&silence, &mut sound).expect("decodes"),
        44_100
    );
}

/// raw_data_block (ISO 14496-3, table 4.3): CPE 0 with a common long window and no bands, no M/S, two channels with a
/// global gain and nothing else, END.
fn silent_unit() -> Vec<u8> {
    let channel = "00000000 0 0 0";
    let text = format!("001 0000 1 0 00 0 000000 0 00 {channel} {channel} 111");
    let digits: Vec<u8> = text.bytes().filter(|b| matches!(b, b'0' | b'1')).collect();
    let byte =
        |bits: &[u8]| bits.iter().fold(0, |sum, bit| sum << 1 | (bit - b'0')) << (8 - bits.len());
    digits.chunks(8).map(byte).collect()
}

#[test]
fn damaged_packets_leave_nothing_behind_and_the_decoder_usable() {
    let mut window = ByteWindow::of(V1.to_vec());
    let opened = Prober::new(Hint::default()).advance(&mut window);
    let mut demuxer = opened.map(|opened| opened.demuxer).expect("opens");
    let mut decoder = decoder(demuxer.info()).expect("has a decoder");
    let mut sound = PcmBlock::default();
    for _ in 0..10 {
        let packet = demuxer.next_packet(&mut window).expect("a packet");
        let half = &packet.data[..packet.data.len() / 2];
        let before = sound.len();
        let refused = decoder.decode(half, &mut sound);
        assert!(matches!(refused, Err(DecodeError::Damaged { .. })));
        assert_eq!(sound.len(), before);
        decoder.decode(&packet.data, &mut sound).expect("decodes");
    }
    assert!(sound.channels[0].iter().all(|sample| sample.is_finite()));
}
