//! Owns: reading an AudioSpecificConfig (ISO 14496-3, 1.6.2.1) for rate, channels and samples in an access unit.
//! Never knows: how AAC is decoded, or which container carried the configuration.

use crate::media::demux::{DemuxError, MAX_IMPLICIT_SBR, bits::Bits};

/// What the configuration says of the decoded sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::demux) struct AacFormat {
    /// Output rate in Hz: that of the SBR extension when it is signalled.
    pub rate: u32,
    /// Channels; 0 when neither the configuration nor a program config element in it tells them.
    pub channels: u16,
    /// Samples of one access unit at `rate`.
    pub frame_samples: u32,
    /// SBR is signalled, or may be found.
    may_have_sbr: bool,
}

/// Access units in front of a seek target where there is SBR: its header comes once or twice a second, and until then there is
/// no upper half. A second of the longest ones.
const SBR_PREROLL: u32 = 24;

impl AacFormat {
    /// Samples to decode before a seek target: one access unit for the overlap, one more for window shape and noise
    /// substitution; more where there may be SBR.
    pub(in crate::media::demux) const fn preroll(&self) -> u32 {
        let units = if self.may_have_sbr { SBR_PREROLL } else { 2 };
        units * self.frame_samples
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

/// Object type (ISO 14496-3, 1.6.2.1, GetAudioObjectType).
fn object_type(bits: &mut Bits) -> Result<u32, DemuxError> {
    match bits.take(5)? {
        31 => Ok(32 + bits.take(6)?),
        kind => Ok(kind),
    }
}

fn rate(bits: &mut Bits) -> Result<u32, DemuxError> {
    match bits.take(4)? {
        15 => bits.take(24),
        index => RATES
            .get(index as usize)
            .copied()
            .ok_or(DemuxError::Broken("the AAC sample rate is reserved")),
    }
}

/// Reads a configuration that fills these bytes.
///
/// # Errors
/// [`DemuxError::Broken`] when it is too short or has a reserved or zero rate.
pub(in crate::media::demux) fn parse(config: &[u8]) -> Result<AacFormat, DemuxError> {
    let mut bits = Bits::new(config, TOO_SHORT);
    let mut core = Core::read(&mut bits)?;
    // what follows is optional in practice: its absence is no error
    if core.general(&mut bits).is_ok() && core.extended.is_none() {
        core.extended = sync_extension(&mut bits).unwrap_or(None);
    }
    core.format()
}

/// Reads a configuration that other things follow, as LATM has it. Also returns its length in bits.
///
/// # Errors
/// As [`parse`].
pub(in crate::media::demux) fn parse_first(bytes: &[u8]) -> Result<(AacFormat, usize), DemuxError> {
    let mut bits = Bits::new(bytes, TOO_SHORT);
    let mut core = Core::read(&mut bits)?;
    core.general(&mut bits)?;
    Ok((core.format()?, bits.position()))
}

/// What stands in front of a sync extension.
struct Core {
    kind: u32,
    rate: u32,
    /// Channel configuration.
    layout: u32,
    channels: u16,
    frame_samples: u32,
    /// Rate of SBR, where it is signalled.
    extended: Option<u32>,
}

impl Core {
    fn read(bits: &mut Bits) -> Result<Self, DemuxError> {
        let kind = object_type(bits)?;
        let core_rate = rate(bits)?;
        let layout = bits.take(4)?;
        let mut core = Self {
            kind,
            rate: core_rate,
            layout,
            channels: channels(layout),
            frame_samples: 1024,
            extended: None,
        };
        if kind == SBR || kind == PARAMETRIC_STEREO {
            core.extended = Some(rate(bits)?);
            core.kind = object_type(bits)?;
        }
        Ok(core)
    }

    /// GASpecificConfig (ISO 14496-3, 4.4.1), for the object types that have one.
    fn general(&mut self, bits: &mut Bits) -> Result<(), DemuxError> {
        let kind = self.kind;
        if !matches!(kind, 1..=4 | 6 | 7 | 17 | 19..=23) {
            return Ok(());
        }
        if bits.flag()? {
            self.frame_samples = 960;
        }
        if bits.flag()? {
            bits.skip(14)?;
        }
        let has_extension = bits.flag()?;
        if self.layout == 0 {
            self.channels = program_config(bits)?;
        }
        if matches!(kind, 6 | 20) {
            bits.skip(3)?;
        }
        if has_extension {
            bits.skip(match kind {
                22 => 16,
                17 | 19 | 20 | 23 => 3,
                _ => 0,
            })?;
            bits.skip(1)?;
        }
        // epConfig
        if matches!(kind, 17 | 19..=23) {
            bits.skip(2)?;
        }
        Ok(())
    }

    fn format(&self) -> Result<AacFormat, DemuxError> {
        let rate = self.extended.unwrap_or(self.rate);
        if self.rate == 0 || rate == 0 {
            return Err(DemuxError::Broken("the AAC sample rate is 0"));
        }
        Ok(AacFormat {
            rate,
            channels: self.channels,
            may_have_sbr: self.extended.is_some() || self.rate <= MAX_IMPLICIT_SBR,
            frame_samples: if rate > self.rate {
                self.frame_samples * 2
            } else {
                self.frame_samples
            },
        })
    }
}

/// Channels by channel configuration (ISO 14496-3, table 1.19); 0 where a program config element tells them.
pub(in crate::media::demux) const fn channels(layout: u32) -> u16 {
    match layout {
        7 | 12 | 14 => 8,
        11 => 7,
        13 => 24,
        told @ 1..=6 => told as u16,
        _ => 0,
    }
}

/// The channels of a program config element (ISO 14496-3, 4.4.1.1). Alignment in it counts from the beginning of the
/// configuration.
fn program_config(bits: &mut Bits) -> Result<u16, DemuxError> {
    bits.skip(10)?;
    let [front, side, back] = [bits.take(4)?, bits.take(4)?, bits.take(4)?];
    let [bass, associated, coupled] = [bits.take(2)?, bits.take(3)?, bits.take(4)?];
    for len in [4, 4, 3] {
        if bits.flag()? {
            bits.skip(len)?;
        }
    }
    let mut channels = bass as u16;
    for _ in 0..front + side + back {
        channels += if bits.flag()? { 2 } else { 1 };
        bits.skip(4)?;
    }
    bits.skip((bass * 4 + associated * 4 + coupled * 5) as usize)?;
    bits.align();
    let comment = bits.take(8)?;
    bits.skip(comment as usize * 8)?;
    Ok(channels)
}

/// The SBR rate that may stand behind a configuration that old decoders understand.
fn sync_extension(bits: &mut Bits) -> Result<Option<u32>, DemuxError> {
    if bits.take(11)? != SYNC_EXTENSION || object_type(bits)? != SBR || !bits.flag()? {
        return Ok(None);
    }
    rate(bits).map(Some)
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
        // only the five and eight bits that must be there
        assert_eq!(parse(&[0x12, 0x10]).expect("reads").channels, 2);
    }

    #[test]
    fn a_program_config_element_tells_the_channels() {
        // by ffmpeg for 5.1 with side speakers at 44.1 kHz: SCE and CPE in front, CPE at the side, LFE, a comment of 13 bytes,
        // then a sync extension for PS
        let config = b"\x12\0\x05\x08\x44\0\x20\0\xC4\x0DLavc59.37.100V\xE5\0";
        let whole = parse(config).expect("reads");
        assert_eq!((whole.rate, whole.channels), (44_100, 6));
        let (format, len) = parse_first(config).expect("reads");
        assert_eq!((format.rate, format.channels), (44_100, 6));
        assert_eq!(len, 23 * 8);
    }
}
