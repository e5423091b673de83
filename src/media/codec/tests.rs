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

/// A file among the test data.
macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/data/", $name)).as_slice()
    };
}

pub(super) use data;

pub(super) struct Decoded {
    pub(super) info: StreamInfo,
    pub(super) rate: u32,
    pub(super) sound: PcmBlock,
}

impl Decoded {
    /// Everything that the decoder gives, with `config` instead of the container's, if there is one.
    pub(super) fn of(file: &[u8], config: Option<&'static [u8]>) -> Self {
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
    pub(super) fn middle(&self, side: usize) -> &[f32] {
        let all = &self.sound.channels[side];
        let begin = all.len() / 4;
        &all[begin..begin + self.rate as usize / 4]
    }

    /// Amplitude of a tone in it.
    pub(super) fn tone(&self, side: usize, hz: f64) -> f64 {
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
}

const HALF_POWER: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// Tones of amplitude 0.5, each on one speaker of 5.1: `(Hz, weight on the left, on the right)` after ITU-R BS.775-3, divided
/// by the loudest sum of a side, 1 + 2 · 0.7071.
pub(super) const SIX: [(f64, f64, f64); 6] = [
    (300.0, 1.0, 0.0),
    (500.0, 0.0, 1.0),
    (700.0, HALF_POWER, HALF_POWER),
    (60.0, 0.0, 0.0),
    (1100.0, HALF_POWER, 0.0),
    (1300.0, 0.0, HALF_POWER),
];

#[track_caller]
pub(super) fn assert_mixed(file: &[u8], tones: &[(f64, f64, f64)], tolerance: f64) {
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
