//! Owns: decoding mp3 (MPEG 1, 2 and 2.5, layer III), with `nanomp3`, a port of minimp3: half the work of Symphonia's
//! decoder, with the same sound.
//! Never knows: headers of files, and which samples are heard.

use super::{DecodeError, Decoder, downmix::Downmix};
use crate::pcm::PcmBlock;
use nanomp3_core::MAX_SAMPLES_PER_FRAME;

const CODEC: &str = "mp3";

/// See the [module](self).
pub(super) struct Mp3Decoder {
    inner: nanomp3_core::Decoder,
}

impl Mp3Decoder {
    pub(super) const fn new() -> Self {
        Self {
            inner: nanomp3_core::Decoder::new(),
        }
    }
}

impl Decoder for Mp3Decoder {
    fn decode(&mut self, packet: &[u8], out: &mut PcmBlock) -> Result<u32, DecodeError> {
        let damaged = |reason: String| DecodeError::Damaged {
            codec: CODEC,
            reason,
        };
        // one frame, interleaved: on the stack, so that no decoder has to keep 9 KB between two of them
        let mut samples = [0.0; MAX_SAMPLES_PER_FRAME];
        let (_, decoded) = self.inner.decode(packet, &mut samples);
        let info = decoded.map_err(|error| damaged(error.to_string()))?;
        if info.layer != 3 {
            return Err(damaged(format!("it is one of layer {}", info.layer)));
        }
        let channels = usize::from(info.channels.num());
        Downmix::wave(channels).mix(
            info.samples_produced,
            |channel, i| samples[i * channels + channel],
            out,
        );
        Ok(info.sample_rate)
    }

    fn reset(&mut self) {
        self.inner = nanomp3_core::Decoder::new();
    }
}
