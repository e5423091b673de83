//! Owns: what a decoder is, and which one a codec gets.
//! Never knows: containers, positions, frames.

mod downmix;
#[cfg(feature = "he-aac")]
mod he_aac;
#[cfg(all(test, feature = "he-aac"))]
mod he_aac_tests;
mod mp3;
mod opus;
mod pcm;
mod symphonia;
#[cfg(test)]
mod tests;

use super::demux::{Codec, StreamInfo};
use crate::pcm::PcmBlock;

/// A packet, or a whole stream, that cannot be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Only this packet is damaged; the next may be fine.
    #[error("the {codec} packet is damaged: {reason}")]
    Damaged {
        /// Name of the codec.
        codec: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// The stream's variant of the codec is not supported.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A decoder could not be made from the stream's parameters.
    #[error("the {codec} stream has unusable parameters: {reason}")]
    Parameters {
        /// Name of the codec.
        codec: &'static str,
        /// What the decoder says.
        reason: String,
    },
}

/// Turns packets into samples.
pub trait Decoder: Send {
    /// Decodes a packet and appends its samples, mixed down to stereo, to `out`. Returns their rate in Hz, which may differ
    /// from what the container said.
    ///
    /// # Errors
    /// [`DecodeError::Damaged`] when only this packet is bad: nothing was appended, decoding may go on.
    fn decode(&mut self, packet: &[u8], out: &mut PcmBlock) -> Result<u32, DecodeError>;

    /// Forgets everything heard so far: the next packet does not follow the last one.
    fn reset(&mut self);
}

/// Whether this build has a decoder for all of AAC.
#[cfg(test)]
pub(crate) const HAS_HE_AAC: bool = cfg!(feature = "he-aac");

/// Makes the decoder for a stream.
///
/// # Errors
/// [`DecodeError::Unsupported`] or [`DecodeError::Parameters`] when there is none for it.
pub fn decoder(info: &StreamInfo) -> Result<Box<dyn Decoder>, DecodeError> {
    #[cfg(feature = "he-aac")]
    if let Codec::Aac { config } = &info.codec
        && let Some(decoder) = he_aac::HeAacDecoder::for_stream(config)?
    {
        return Ok(Box::new(decoder));
    }
    Ok(match &info.codec {
        Codec::Opus { head } => Box::new(opus::OpusDecoder::new(head)?),
        Codec::Mp3 => Box::new(mp3::Mp3Decoder::new()),
        Codec::Pcm(format) => Box::new(pcm::PcmDecoder::new(*format, info.rate, info.channels)?),
        codec => Box::new(symphonia::SymphoniaDecoder::new(codec, info)?),
    })
}
