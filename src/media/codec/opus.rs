//! Owns: decoding of Opus by libopus.
//! Never knows: containers; pre-skip (the demuxer's timeline has it).

use super::{DecodeError, Decoder, downmix::Downmix};
use crate::{pcm::PcmBlock, units::SAMPLE_RATE};
use opus2::{Channels, MSDecoder};

/// The longest Opus packet: 120 ms.
const MAX_SAMPLES: usize = 5760;
const NAME: &str = "Opus";

enum Backend {
    /// Mapping family 0: mono or stereo, decoded to stereo by libopus itself.
    Stereo(opus2::Decoder),
    /// Any other family: several streams, mixed down here.
    Multi(MSDecoder, Downmix),
}

/// See the [module](self).
pub(super) struct OpusDecoder {
    backend: Backend,
    interleaved: Vec<f32>,
}

fn parameters(reason: impl ToString) -> DecodeError {
    DecodeError::Parameters {
        codec: NAME,
        reason: reason.to_string(),
    }
}

impl OpusDecoder {
    /// `head` is the OpusHead packet (RFC 7845, section 5.1).
    pub(super) fn new(head: &[u8]) -> Result<Self, DecodeError> {
        if head.len() < 19 || &head[..8] != b"OpusHead" {
            return Err(parameters("the OpusHead packet is missing"));
        }
        let (channels, family) = (head[9], head[18]);
        let gain = i32::from(i16::from_le_bytes([head[16], head[17]]));
        let (backend, width) = if family == 0 {
            let mut decoder =
                opus2::Decoder::new(SAMPLE_RATE, Channels::Stereo).map_err(parameters)?;
            if gain != 0 {
                decoder.set_gain(gain).map_err(parameters)?;
            }
            (Backend::Stereo(decoder), 2)
        } else {
            let downmix = match family {
                1 => Downmix::vorbis(channels.into()),
                2 => Downmix::ambisonic(),
                3 => {
                    return Err(DecodeError::Unsupported(
                        "Opus ambisonics with a matrix of their own are not supported.",
                    ));
                }
                // streams that nobody says the places of: two of them are enough
                _ => Downmix::wave(usize::from(channels).min(2)),
            };
            let mapping = head
                .get(21..21 + usize::from(channels))
                .ok_or_else(|| parameters("no channel mapping"))?;
            let mut decoder =
                MSDecoder::new(SAMPLE_RATE, head[19], head[20], mapping).map_err(parameters)?;
            if gain != 0 {
                decoder.set_gain(gain).map_err(parameters)?;
            }
            (Backend::Multi(decoder, downmix), usize::from(channels))
        };
        Ok(Self {
            backend,
            interleaved: vec![0.0; MAX_SAMPLES * width],
        })
    }
}

impl Decoder for OpusDecoder {
    fn decode(&mut self, packet: &[u8], out: &mut PcmBlock) -> Result<u32, DecodeError> {
        let damaged = |e: opus2::Error| DecodeError::Damaged {
            codec: NAME,
            reason: e.description().to_owned(),
        };
        match &mut self.backend {
            Backend::Stereo(decoder) => {
                let n = decoder
                    .decode_float(packet, &mut self.interleaved, false)
                    .map_err(damaged)?;
                let pairs = &self.interleaved[..n * 2];
                out.channels[0].extend(pairs.iter().step_by(2));
                out.channels[1].extend(pairs.iter().skip(1).step_by(2));
            }
            Backend::Multi(decoder, downmix) => {
                let n = decoder
                    .decode_float(packet, &mut self.interleaved, false)
                    .map_err(damaged)?;
                let width = self.interleaved.len() / MAX_SAMPLES;
                let samples = &self.interleaved;
                downmix.mix(
                    n,
                    |channel, i| samples[i * width + channel.min(width - 1)],
                    out,
                );
            }
        }
        Ok(SAMPLE_RATE)
    }

    fn reset(&mut self) {
        let reset = match &mut self.backend {
            Backend::Stereo(decoder) => decoder.reset_state(),
            Backend::Multi(decoder, _) => decoder.reset_state(),
        };
        reset.expect("resetting a decoder cannot fail (opus_decoder_ctl with OPUS_RESET_STATE)");
    }
}
