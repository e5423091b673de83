//! Owns: reading an AudioSpecificConfig (ISO 14496-3, 1.6.2.1) for rate, channels and samples in an access unit.
//! Never knows: how AAC is decoded, or which container carried the configuration.

use crate::media::demux::DemuxError;

/// What the configuration says of the decoded sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::demux) struct AacFormat {
    /// Output rate in Hz: that of the SBR extension when it is signalled.
    pub rate: u32,
    /// Channels; 0 when a program config element defines them.
    pub channels: u16,
    /// Samples of one access unit at `rate`.
    pub frame_samples: u32,
}

impl AacFormat {
    /// Samples to decode before a seek target: one access unit for the overlap, one more for window shape and noise
    /// substitution.
    pub(in crate::media::demux) const fn preroll(&self) -> u32 {
        2 * self.frame_samples
    }
}

/// Hz by sampling frequency index (ISO 14496-3, table 1.18).
pub(in crate::media::demux) const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];
const SBR: u32 = 5;
const PARAMETRIC_STEREO: u32 = 29;
/// Announces SBR behind a configuration that old decoders understand.
const SYNC_EXTENSION: u32 = 0x2B7;
const TOO_SHORT: DemuxError = DemuxError::Broken("the AAC configuration ends early");

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Result<u32, DemuxError> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or(TOO_SHORT)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    fn object_type(&mut self) -> Result<u32, DemuxError> {
        match self.take(5)? {
            31 => Ok(32 + self.take(6)?),
            kind => Ok(kind),
        }
    }

    fn rate(&mut self) -> Result<u32, DemuxError> {
        match self.take(4)? {
            15 => self.take(24),
            index => RATES
                .get(index as usize)
                .copied()
                .ok_or(DemuxError::Broken("the AAC sample rate is reserved")),
        }
    }
}

/// Reads a configuration.
///
/// # Errors
/// [`DemuxError::Broken`] when it is too short or has a reserved or zero rate.
pub(in crate::media::demux) fn parse(config: &[u8]) -> Result<AacFormat, DemuxError> {
    let mut bits = Bits {
        bytes: config,
        at: 0,
    };
    let mut kind = bits.object_type()?;
    let core_rate = bits.rate()?;
    let channels = match bits.take(4)? {
        7 => 8,
        told => told as u16,
    };
    let mut extended = None;
    if kind == SBR || kind == PARAMETRIC_STEREO {
        extended = Some(bits.rate()?);
        kind = bits.object_type()?;
    }
    let mut core_samples = 1024;
    if matches!(kind, 1..=4 | 6 | 7 | 17 | 19..=23) {
        if bits.take(1).unwrap_or(0) == 1 {
            core_samples = 960;
        }
        // what follows is optional in practice: its absence is no error
        if extended.is_none() && channels != 0 {
            extended = sync_extension(&mut bits).unwrap_or(None);
        }
    }
    let rate = extended.unwrap_or(core_rate);
    if core_rate == 0 || rate == 0 {
        return Err(DemuxError::Broken("the AAC sample rate is 0"));
    }
    Ok(AacFormat {
        rate,
        channels,
        frame_samples: if rate > core_rate {
            core_samples * 2
        } else {
            core_samples
        },
    })
}

/// The rest of a GASpecificConfig after `frameLengthFlag`, and the SBR rate that may stand behind it.
fn sync_extension(bits: &mut Bits) -> Result<Option<u32>, DemuxError> {
    if bits.take(1)? == 1 {
        bits.take(14)?;
    }
    if bits.take(1)? == 1 {
        return Ok(None);
    }
    if bits.take(11)? != SYNC_EXTENSION || bits.object_type()? != SBR || bits.take(1)? == 0 {
        return Ok(None);
    }
    bits.rate().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_extended_configurations_are_read() {
        // 44.1 kHz stereo LC; values worked out by hand from the bit fields of table 1.15
        let lc = parse(&[0x12, 0x10]).expect("reads");
        assert_eq!((lc.rate, lc.channels, lc.frame_samples), (44_100, 2, 1024));
        // explicit SBR: type 5, 22.05 kHz core, stereo, 44.1 kHz output, then type 2
        let he = parse(&[0x2B, 0x92, 0x08, 0x00]).expect("reads");
        assert_eq!((he.rate, he.channels, he.frame_samples), (44_100, 2, 2048));
        // backward compatible: LC at 22.05 kHz, sync extension 0x2B7, type 5, present, 44.1 kHz
        let compatible = parse(&[0x13, 0x90, 0x56, 0xE5, 0xA0]).expect("reads");
        assert_eq!((compatible.rate, compatible.frame_samples), (44_100, 2048));
        assert!(parse(&[0x12]).is_err());
    }
}
