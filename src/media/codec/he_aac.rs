//! Owns: AAC that Symphonia does not decode, with `rusty_aac`: HE-AAC (SBR, parametric stereo), more than two channels, short
//! frames, and the profiles beside LC.
//! Never knows: containers; what SBR is made of.
//!
//! An ADTS header cannot say that there is SBR, and a configuration need not: then only decoding tells, and the rate turns out
//! to be twice what was announced. At low rates such streams are likely, so that all of them are decoded here.

use super::{DecodeError, Decoder, downmix::Downmix, pcm::sane};
use crate::{media::demux::MAX_IMPLICIT_SBR, pcm::PcmBlock};
use rusty_aac::{
    Error,
    config::{self, StreamConfig, aot},
    decode::{
        self,
        layout::{OutputConfig, default_layout, pce_layout},
    },
};

const NAME: &str = "AAC";
/// Layouts of more channels are refused: each channel with SBR takes a quarter of a megabyte.
const MAX_CHANNELS: usize = 8;

/// See the [module](self).
pub(super) struct HeAacDecoder {
    config: StreamConfig,
    inner: Box<decode::Decoder>,
    /// WAVE channel mask of the announced layout.
    mask: u32,
    downmix: (u16, Downmix),
}

fn parameters(error: &Error) -> DecodeError {
    match error {
        Error::Unsupported(_) => DecodeError::Unsupported("This AAC profile is not supported."),
        other => DecodeError::Parameters {
            codec: NAME,
            reason: other.to_string(),
        },
    }
}

fn damaged(error: &Error) -> DecodeError {
    DecodeError::Damaged {
        codec: NAME,
        reason: error.to_string(),
    }
}

/// Reads an AudioSpecificConfig. One made of an ADTS header has no room for a program config element: that stands in the
/// first access unit then.
fn read(config: &[u8]) -> Result<StreamConfig, Error> {
    match config {
        [_, b] if b & 0x78 == 0 => {
            let told = rusty_aac::parse_audio_specific_config(config)?;
            Ok(StreamConfig::lc(told.object_type, told.sample_rate, 0))
        }
        _ => config::parse(config),
    }
}

/// Whether Symphonia decodes all that can be in such a stream.
fn is_plain(config: &StreamConfig) -> bool {
    let has_no_sbr =
        !config.sbr && (config.sample_rate > MAX_IMPLICIT_SBR || config.sbr_explicitly_absent);
    config.object_type == aot::AAC_LC
        && has_no_sbr
        && matches!(config.channel_config, 1 | 2)
        && config.frame_length == 1024
}

impl HeAacDecoder {
    /// For an AudioSpecificConfig; `None` when Symphonia decodes all that can be in such a stream.
    pub(super) fn for_stream(config: &[u8]) -> Result<Option<Self>, DecodeError> {
        let config = read(config).map_err(|error| parameters(&error))?;
        if is_plain(&config) {
            return Ok(None);
        }
        if config.channels() > MAX_CHANNELS {
            return Err(DecodeError::Unsupported(
                "AAC of more than eight channels is not supported.",
            ));
        }
        let inner = make(&config).map_err(|error| parameters(&error))?;
        let layout = match &config.pce {
            Some(pce) => Some(pce_layout(pce)),
            None => default_layout(config.channel_config, false),
        };
        let mask = layout.map_or(0, |layout| OutputConfig::configure(layout, false).mask);
        Ok(Some(Self {
            inner,
            mask: u32::try_from(mask).unwrap_or(0),
            downmix: (0, Downmix::wave(0)),
            config,
        }))
    }

    /// Whether SBR was found where nothing announced it.
    fn has_found_sbr(&self) -> bool {
        self.inner.saw_sbr() && !self.config.sbr && !self.config.sbr_explicitly_absent
    }
}

fn make(config: &StreamConfig) -> Result<Box<decode::Decoder>, Error> {
    decode::Decoder::with_stream_config(config.clone()).map(Box::new)
}

impl Decoder for HeAacDecoder {
    fn decode(&mut self, packet: &[u8], out: &mut PcmBlock) -> Result<u32, DecodeError> {
        let decoded = self.inner.decode(packet, None);
        let mut audio = decoded.map_err(|error| damaged(&error))?;
        if self.has_found_sbr() {
            // from now on it counts as announced: the decoder looks for it in the first packet only, and after a reset
            // that might be one without
            self.config.sbr = true;
            if !self.config.ext_rate_signalled {
                self.config.ext_sample_rate = self.config.sample_rate * 2;
            }
            if audio.sample_rate == self.config.sample_rate {
                self.inner = make(&self.config).map_err(|error| damaged(&error))?;
                let decoded = self.inner.decode(packet, None);
                audio = decoded.map_err(|error| damaged(&error))?;
            }
        }
        let channels = usize::from(audio.channels);
        if channels == 0 || audio.sample_rate == 0 {
            return Err(damaged(&Error::Again));
        }
        if self.downmix.0 != audio.channels {
            self.downmix = (audio.channels, Downmix::speakers(self.mask, channels));
        }
        let samples = &audio.samples;
        self.downmix.1.mix(
            audio.frames(),
            |channel, i| sane(samples[i * channels + channel]),
            out,
        );
        Ok(audio.sample_rate)
    }

    fn reset(&mut self) {
        // the library has no reset; what it accepted once it accepts again
        if let Ok(inner) = make(&self.config) {
            self.inner = inner;
        }
    }
}
