//! Owns: what is in an AudioMuxElement of LATM (ISO 14496-3, 1.7.3): its configuration and the access units.
//! Never knows: how elements follow each other in a stream.
//!
//! Only one program of one layer is read, as all broadcasts have it.

use crate::media::demux::{
    DemuxError,
    bits::Bits,
    codecs::aac::{self, AacFormat},
};
use bytes::Bytes;

const TOO_SHORT: DemuxError = DemuxError::Broken("a LATM element ends early");
const UNUSUAL: DemuxError = DemuxError::Unsupported(
    "LATM with several programs or layers, or without AAC, is not supported.",
);
/// The most bytes of an AudioSpecificConfig: a program config element with its comment.
const MAX_CONFIG: usize = 512;

/// StreamMuxConfig: how the elements after it are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MuxConfig {
    /// AudioSpecificConfig.
    pub(super) config: Bytes,
    /// What it says.
    pub(super) format: AacFormat,
    /// Access units in an element, at most 64.
    frames: usize,
    /// Where the length of an access unit is not told, this is it, in bits.
    fixed: Option<usize>,
}

impl MuxConfig {
    fn read(bits: &mut Bits) -> Result<Self, DemuxError> {
        let version = bits.take(1)?;
        if version == 1 {
            if bits.flag()? {
                return Err(UNUSUAL);
            }
            value(bits)?;
        }
        let is_same_framing = bits.flag()?;
        let frames = bits.take(6)? as usize + 1;
        let (programs, layers) = (bits.take(4)?, bits.take(3)?);
        if !is_same_framing || programs > 0 || layers > 0 {
            return Err(UNUSUAL);
        }
        let told = match version {
            1 => Some(value(bits)? as usize),
            _ => None,
        };
        // it need not begin at a whole byte, but counts from where it begins
        let mut ahead = *bits;
        let seen = ahead.bytes(bits.left().min(MAX_CONFIG * 8))?;
        let (format, len) = match told {
            Some(len) => {
                let seen = seen.get(..len.div_ceil(8)).ok_or(TOO_SHORT)?;
                (aac::parse(seen)?, len)
            }
            None => aac::parse_first(&seen)?,
        };
        let config = bits.bytes(len)?.into();
        let fixed = match bits.take(3)? {
            0 => {
                bits.skip(8)?;
                None
            }
            // frameLength: 8 · (n + 20) bits (ISO 14496-3, 1.7.3.2.3)
            1 => Some(8 * (bits.take(9)? as usize + 20)),
            _ => return Err(UNUSUAL),
        };
        if bits.flag()? {
            if version == 1 {
                value(bits)?;
            } else {
                while bits.take(9)? & 0x100 != 0 {}
            }
        }
        if bits.flag()? {
            bits.skip(8)?;
        }
        Ok(Self {
            config,
            format,
            frames,
            fixed,
        })
    }
}

/// LatmGetValue: one to four bytes, the count of them in front.
fn value(bits: &mut Bits) -> Result<u32, DemuxError> {
    let bytes = bits.take(2)? as usize + 1;
    bits.take(bytes * 8)
}

/// Reads an element: its access units, and the configuration, where it brings one. `current` is the one in force; without
/// any, an element that brings none has nothing to say.
///
/// # Errors
/// [`DemuxError::Unsupported`] for what is not read, [`DemuxError::Broken`] when it ends early.
pub(super) fn read(
    element: &[u8],
    current: Option<&MuxConfig>,
) -> Result<(Option<MuxConfig>, Vec<Bytes>), DemuxError> {
    let mut bits = Bits::new(element, TOO_SHORT);
    let brought = if bits.flag()? {
        None
    } else {
        Some(MuxConfig::read(&mut bits)?)
    };
    let Some(config) = brought.as_ref().or(current) else {
        return Ok((None, Vec::new()));
    };
    let mut units = Vec::new();
    for _ in 0..config.frames {
        let len = match config.fixed {
            Some(len) => len,
            None => {
                let mut len = 0;
                loop {
                    let more = bits.take(8)? as usize;
                    len += more;
                    if more != 255 {
                        break len * 8;
                    }
                }
            }
        };
        let unit = bits.bytes(len)?;
        if !unit.is_empty() {
            units.push(unit.into());
        }
    }
    Ok((brought, units))
}
