//! Owns: what whole files must sound like once decoded.
//! Never knows: which library decodes them.

use super::decoder;
use crate::{
    media::{
        demux::{
            Codec, Opening, StreamInfo,
            probe::{Hint, Prober},
        },
        window::ByteWindow,
    },
    pcm::PcmBlock,
};

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/data/", $name)).as_slice()
    };
}

struct Decoded {
    info: StreamInfo,
    rate: u32,
    sound: PcmBlock,
}

impl Decoded {
    /// Everything that the decoder gives, with `config` instead of the container's, if there is one.
    fn of(file: &[u8], config: Option<&'static [u8]>) -> Self {
        let mut window = ByteWindow::of(file.to_vec());
        let opened = Prober::new(Hint::default()).advance(&mut window);
        let mut demuxer = opened.map(|opened| opened.demuxer).expect("opens");
        let mut info = demuxer.info().clone();
        if let Some(config) = config {
            let config = config.into();
            info.codec = Codec::Aac { config };
        }
        let mut decoder = decoder(&info).expect("has a decoder");
        let mut sound = PcmBlock::default();
        let mut rate = 0;
        while let Ok(packet) = demuxer.next_packet(&mut window) {
            rate = decoder.decode(&packet.data, &mut sound).expect("decodes");
        }
        Self { info, rate, sound }
    }

    /// A quarter of a second from the first quarter on.
    fn middle(&self, side: usize) -> &[f32] {
        let all = &self.sound.channels[side];
        let begin = all.len() / 4;
        &all[begin..begin + self.rate as usize / 4]
    }

    /// Amplitude of a tone in it.
    fn tone(&self, side: usize, hz: f64) -> f64 {
        let samples = self.middle(side);
        let step = std::f64::consts::TAU * hz / f64::from(self.rate);
        let part = |wave: fn(f64) -> f64| {
            let products = samples.iter().enumerate();
            products
                .map(|(i, s)| f64::from(*s) * wave(step * i as f64))
                .sum::<f64>()
        };
        2.0 * part(f64::cos).hypot(part(f64::sin)) / samples.len() as f64
    }

    /// Root mean square of the eighth difference: what is left of it are the highest notes.
    #[cfg(feature = "he-aac")]
    fn treble(&self, side: usize) -> f64 {
        let mut samples: Vec<f64> = self.middle(side).iter().map(|s| f64::from(*s)).collect();
        for _ in 0..8 {
            samples = samples.windows(2).map(|pair| pair[1] - pair[0]).collect();
        }
        (samples.iter().map(|s| s * s).sum::<f64>() / samples.len() as f64).sqrt()
    }
}

/// Tones of amplitude 0.5, each on one speaker of 5.1: `(Hz, weight on the left, on the right)` after ITU-R BS.775-3, divided
/// by the loudest sum of a side, 1 + 2 · 0.7071.
const SIX: [(f64, f64, f64); 6] = [
    (300.0, 1.0, 0.0),
    (500.0, 0.0, 1.0),
    (700.0, 0.7071, 0.7071),
    (60.0, 0.0, 0.0),
    (1100.0, 0.7071, 0.0),
    (1300.0, 0.0, 0.7071),
];

#[track_caller]
fn assert_mixed(file: &[u8], tones: &[(f64, f64, f64)], tolerance: f64) {
    let decoded = Decoded::of(file, None);
    // 0: ADTS does not tell more than seven layouts
    assert!([0, tones.len()].contains(&decoded.info.channels.into()));
    let sum: f64 = tones.iter().map(|tone| tone.1).sum();
    for (hz, left, right) in tones {
        for (side, weight) in [(0, left), (1, right)] {
            let (found, expected) = (decoded.tone(side, *hz), 0.5 * weight / sum);
            assert!(
                (found - expected).abs() < tolerance,
                "{hz} Hz on side {side}: {found}, not {expected}"
            );
        }
    }
}

#[test]
fn six_channels_of_every_codec_are_mixed_to_two() {
    assert_mixed(data!("surround/six.flac"), &SIX, 0.001);
    assert_mixed(data!("surround/six-alac.m4a"), &SIX, 0.001);
    assert_mixed(data!("surround/six-vorbis.ogg"), &SIX, 0.01);
    assert_mixed(data!("surround/six.opus"), &SIX, 0.01);
}

#[cfg(feature = "he-aac")]
#[test]
fn aac_of_more_than_two_channels_is_mixed_by_its_layout() {
    assert_mixed(data!("surround/six.aac"), &SIX, 0.01);
    // four corners (ffmpeg's encoder makes its tones up to 5 % louder), which only a program config element can tell
    let four = [SIX[0], SIX[1], SIX[4], SIX[5]];
    assert_mixed(data!("surround/four-pce.m4a"), &four, 0.02);
    assert_mixed(data!("surround/four-pce.aac"), &four, 0.02);
}

#[cfg(feature = "he-aac")]
mod he_aac {
    use super::*;
    use crate::media::codec::DecodeError;

    const V1: &[u8] = data!("he/v1.aac");
    const V2: &[u8] = data!("he/v2.aac");
    /// 440 Hz on the left, 1000 Hz and 11 kHz on the right, at 44.1 kHz; the core has half of that.
    const TONES: [(f64, f64); 2] = [(440.0, 0.35), (1000.0, 0.35)];

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
        for (file, samples, treble) in files {
            let decoded = Decoded::of(file, None);
            assert_heard(&decoded, samples);
            let found = decoded.treble(1);
            assert!((found / treble - 1.0).abs() < 0.02, "{found}, not {treble}");
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
        let byte = |bits: &[u8]| {
            bits.iter().fold(0, |sum, bit| sum << 1 | (bit - b'0')) << (8 - bits.len())
        };
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
}
