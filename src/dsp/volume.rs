//! Owns: the player's volume: Lavalink's curve from a number to a gain, and the way from one gain to the next.
//! Never knows: players.

use crate::float::Float as _;
use crate::{
    kernel::{Ramp, kernels},
    pcm::PcmBlock,
    units::FRAME_SAMPLES,
};

/// The largest volume the API takes.
pub const MAX_VOLUME: u16 = 1000;

/// What a player's volume multiplies samples by: 100 is exactly 1.0, 0 is 0.0, 1000 (and more) is 16.414.
///
/// The curve is the original's, quantised to ten-thousandths as there: a tangent up to 150, so 50 is −7.6 dB, then a
/// straight line (reference 4.12; all values measured in the oracle's `audio.md`, section 7).
#[must_use]
pub fn gain(volume: u16) -> f32 {
    let ten_thousandths = match volume.min(MAX_VOLUME) {
        100 => 10_000,
        volume @ 0..=150 => (f64::from(f32::from(volume) * 0.0079).tan() * 10_000.0) as u32,
        volume => 24_621 * u32::from(volume) / 150,
    };
    (f64::from(ten_thousandths) / 10_000.0) as f32
}

/// Applies a volume to a stream of blocks, changing it over one frame.
///
/// Loud samples are clipped to ±1; the original's 32-bit product wraps around from volume 400 on. A change is a straight
/// line in amplitude over 960 samples: what fades out and what fades in is the same sound, so amplitudes add up, and an
/// equal-power curve would only bend the line.
#[derive(Clone, Debug)]
pub struct PlayerVolume {
    from: f32,
    to: f32,
    /// Samples of the ramp that are still to come.
    ramp_left: usize,
}

impl PlayerVolume {
    /// Begins at a volume, without a ramp.
    #[must_use]
    pub fn new(volume: u16) -> Self {
        let gain = gain(volume);
        Self {
            from: gain,
            to: gain,
            ramp_left: 0,
        }
    }

    /// Goes to another volume over the next frame, from wherever a running ramp has come to.
    pub fn set(&mut self, volume: u16) {
        let gain = gain(volume);
        if gain != self.to {
            let way = self.way();
            self.from = way.at(way.first - 1);
            self.to = gain;
            self.ramp_left = FRAME_SAMPLES;
        }
    }

    /// Takes effect at once what a ramp would still do: after a seek there is nothing to connect to.
    pub fn reset(&mut self) {
        self.ramp_left = 0;
    }

    /// Whether samples pass untouched: the volume is 100 and no ramp runs.
    #[must_use]
    pub fn is_neutral(&self) -> bool {
        self.ramp_left == 0 && self.to == 1.0
    }

    /// Applies the volume in place.
    pub fn process(&mut self, block: &mut PcmBlock) {
        let ramped = self.ramp_left.min(block.len());
        let way = self.way();
        for channel in &mut block.channels {
            let (ramp, steady) = channel.split_at_mut(ramped);
            (kernels().ramp)(ramp, way);
            if self.to == 0.0 {
                // Not by a product: −0.0 and NaN are no silence.
                steady.fill(0.0);
            } else if self.to != 1.0 {
                (kernels().gain)(steady, self.to);
            }
        }
        self.ramp_left -= ramped;
    }

    /// The ramp from the next sample on.
    fn way(&self) -> Ramp {
        Ramp {
            from: self.from,
            to: self.to,
            first: (FRAME_SAMPLES - self.ramp_left + 1) as u32,
            // Rounded up, so that 960 of them are 1 in a float.
            step: 1.0 / FRAME_SAMPLES as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Measured: rows of ten, volume 0 to 990 in steps of 10 (the oracle's `audio.md`, section 7); 100 is left out there.
    const MEASURED: [[u32; 10]; 10] = [
        [0, 791, 1593, 2415, 3269, 4169, 5130, 6172, 7321, 8612],
        [
            10092, 11829, 13924, 16539, 19942, 24621, 26262, 27903, 29545, 31186,
        ],
        [
            32828, 34469, 36110, 37752, 39393, 41035, 42676, 44317, 45959, 47600,
        ],
        [
            49242, 50883, 52524, 54166, 55807, 57449, 59090, 60731, 62373, 64014,
        ],
        [
            65656, 67297, 68938, 70580, 72221, 73863, 75504, 77145, 78787, 80428,
        ],
        [
            82070, 83711, 85352, 86994, 88635, 90277, 91918, 93559, 95201, 96842,
        ],
        [
            98484, 100_125, 101_766, 103_408, 105_049, 106_691, 108_332, 109_973, 111_615, 113_256,
        ],
        [
            114_898, 116_539, 118_180, 119_822, 121_463, 123_105, 124_746, 126_387, 128_029,
            129_670,
        ],
        [
            131_312, 132_953, 134_594, 136_236, 137_877, 139_519, 141_160, 142_801, 144_443,
            146_084,
        ],
        [
            147_726, 149_367, 151_008, 152_650, 154_291, 155_933, 157_574, 159_215, 160_857,
            162_498,
        ],
    ];

    fn constant(value: f32, len: usize) -> PcmBlock {
        PcmBlock {
            channels: [vec![value; len], vec![-value; len]],
        }
    }

    #[test]
    fn the_curve_is_the_measured_one() {
        for (hundreds, row) in MEASURED.iter().enumerate() {
            for (tens, &m) in row.iter().enumerate() {
                let volume = (hundreds * 100 + tens * 10) as u16;
                if volume != 100 {
                    assert_eq!(
                        (gain(volume) * 10_000.0).round() as u32,
                        m,
                        "volume {volume}"
                    );
                }
            }
        }
        assert_eq!((gain(1000) * 10_000.0).round() as u32, 164_140);
        assert_eq!((gain(125) * 10_000.0).round() as u32, 15_154);
        assert_eq!((gain(1) * 10_000.0).round() as u32, 79);
        assert_eq!(gain(u16::MAX), gain(1000));
    }

    #[test]
    fn a_hundred_touches_nothing_and_zero_is_silence() {
        let mut block = constant(1.7, 100);
        PlayerVolume::new(100).process(&mut block);
        assert_eq!(block, constant(1.7, 100));
        PlayerVolume::new(0).process(&mut block);
        assert!(block.channels.iter().flatten().all(|x| x.to_bits() == 0));
    }

    #[test]
    fn loud_samples_clip_and_do_not_wrap() {
        // 13084 of 32768 at volume 1000 is the original's first sample on the wrong side.
        let mut block = constant(13_084.0 / 32_768.0, 10);
        PlayerVolume::new(1000).process(&mut block);
        assert_eq!(block, constant(1.0, 10));
    }

    #[test]
    fn a_change_takes_one_frame_in_equal_steps_however_it_is_cut() {
        let mut whole = constant(0.5, 2_000);
        let mut volume = PlayerVolume::new(100);
        volume.set(50);
        volume.process(&mut whole);
        let step = 0.5 * (1.0 - 0.4169) / 960.0;
        for pair in whole.channels[0].windows(2) {
            assert!((pair[0] - pair[1]).abs() <= step * 1.01);
        }
        assert!((whole.channels[0][0] - 0.5).abs() <= step * 1.01);
        assert_eq!(whole.channels[0][959], 0.5 * 0.4169);
        assert_eq!(whole.channels[0][1999], 0.5 * 0.4169);

        let mut cut = PcmBlock::default();
        let mut volume = PlayerVolume::new(100);
        volume.set(50);
        for len in [1, 500, 700, 799] {
            let mut block = constant(0.5, len);
            volume.process(&mut block);
            cut.extend_from(&block, 0..len);
        }
        assert_eq!(cut, whole);
    }

    #[test]
    fn a_change_during_a_ramp_goes_on_from_where_it_is() {
        let mut volume = PlayerVolume::new(0);
        volume.set(100);
        let mut block = constant(0.8, 480);
        volume.process(&mut block);
        let last = block.channels[0][479];
        volume.set(0);
        let mut block = constant(0.8, 960);
        volume.process(&mut block);
        assert!((block.channels[0][0] - last).abs() < 0.001);
        let mut block = constant(0.8, 960);
        volume.process(&mut block);
        assert!(block.channels[0].iter().all(|s| *s == 0.0));
    }
}
