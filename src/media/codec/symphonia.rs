//! Owns: the decoders that Symphonia provides: AAC-LC, FLAC, ALAC, Vorbis.
//! Never knows: Symphonia's own demuxers; only its decoders are used.

use super::{
    DecodeError, Decoder,
    downmix::{Downmix, MAX_CHANNELS},
};
use crate::{
    media::demux::{Codec, StreamInfo},
    pcm::PcmBlock,
};
use symphonia_bundle_flac::FlacDecoder;
use symphonia_codec_aac::AacDecoder;
use symphonia_codec_alac::AlacDecoder;
use symphonia_codec_vorbis::VorbisDecoder;
use symphonia_core::{
    audio::{Audio, Channels, GenericAudioBufferRef},
    codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known},
    errors::Error,
    packet::PacketRef,
    units::{Duration, Timestamp},
};

/// See the [module](self).
pub(super) struct SymphoniaDecoder {
    inner: Box<dyn AudioDecoder>,
    name: &'static str,
    parameters: AudioCodecParameters,
    make: Make,
}

type Make = fn(&AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, Error>;

/// Symphonia trims only what a packet says, and ours say nothing; but with this on, its Vorbis decoder gives nothing for
/// the first packet after a reset, as the specification wants it (Vorbis I, section 4.3.8).
fn options() -> AudioDecoderOptions {
    AudioDecoderOptions::default().gapless(true)
}

macro_rules! maker {
    ($decoder:ident) => {
        |p| $decoder::try_new(p, &options()).map(|d| Box::new(d) as Box<dyn AudioDecoder>)
    };
}

impl SymphoniaDecoder {
    pub(super) fn new(codec: &Codec, info: &StreamInfo) -> Result<Self, DecodeError> {
        let mut parameters = AudioCodecParameters::new();
        parameters.with_sample_rate(info.rate);
        let (name, id, extra, make): (_, _, Vec<u8>, Make) = match codec {
            Codec::Aac { config } => {
                refuse_unsupported_aac(config)?;
                (
                    "AAC",
                    well_known::CODEC_ID_AAC,
                    config.to_vec(),
                    maker!(AacDecoder),
                )
            }
            Codec::Flac { stream_info } => (
                "FLAC",
                well_known::CODEC_ID_FLAC,
                stream_info.to_vec(),
                maker!(FlacDecoder),
            ),
            Codec::Alac { cookie } => (
                "ALAC",
                well_known::CODEC_ID_ALAC,
                cookie.to_vec(),
                maker!(AlacDecoder),
            ),
            Codec::Vorbis {
                identification,
                setup,
            } => {
                let extra = [&identification[..], &setup[..]].concat();
                (
                    "Vorbis",
                    well_known::CODEC_ID_VORBIS,
                    extra,
                    maker!(VorbisDecoder),
                )
            }
            Codec::Mp3 | Codec::Opus { .. } | Codec::Pcm(_) => {
                return Err(DecodeError::Unsupported(
                    "This codec has a decoder of its own.",
                ));
            }
        };
        parameters.for_codec(id);
        if !extra.is_empty() {
            parameters.with_extra_data(extra.into_boxed_slice());
        }
        let inner = make(&parameters).map_err(|e| DecodeError::Parameters {
            codec: name,
            reason: e.to_string(),
        })?;
        Ok(Self {
            inner,
            name,
            parameters,
            make,
        })
    }
}

/// Symphonia would decode the low half of an HE-AAC stream only: half the rate, dull, and mono where the stream has
/// parametric stereo. Better to say so (ISO 14496-3, 1.6.2.1: object types 5 and 29).
fn refuse_unsupported_aac(config: &[u8]) -> Result<(), DecodeError> {
    match config.first().map(|b| b >> 3) {
        Some(2) => Ok(()),
        Some(5 | 29) => Err(DecodeError::Unsupported(
            "HE-AAC is not supported by this build, only AAC-LC.",
        )),
        _ => Err(DecodeError::Unsupported(
            "This AAC profile is not supported by this build, only AAC-LC.",
        )),
    }
}

impl Decoder for SymphoniaDecoder {
    fn decode(&mut self, packet: &[u8], out: &mut PcmBlock) -> Result<u32, DecodeError> {
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
        let damaged = |name, e: Error| DecodeError::Damaged {
            codec: name,
            reason: e.to_string(),
        };
        if let Ok(buffer) = self.inner.decode_ref(&packet) {
            return append(&buffer, out);
        }
        // A stream may change its parameters (an AAC that turns mono); the decoder is bound to the first ones it saw.
        // A new one tells whether it was that.
        let mut fresh = (self.make)(&self.parameters).map_err(|e| damaged(self.name, e))?;
        let rate = match fresh.decode_ref(&packet) {
            Ok(buffer) => append(&buffer, out)?,
            Err(e) => return Err(damaged(self.name, e)),
        };
        self.inner = fresh;
        Ok(rate)
    }

    fn reset(&mut self) {
        self.inner.reset();
    }
}

fn append(buffer: &GenericAudioBufferRef<'_>, out: &mut PcmBlock) -> Result<u32, DecodeError> {
    match buffer {
        GenericAudioBufferRef::F32(b) => mix(*b, |s| s, out),
        // normalised to the whole 32 bits by Symphonia, whatever the stream's width
        GenericAudioBufferRef::S32(b) => mix(*b, |s| s as f32 * (1.0 / 2_147_483_648.0), out),
        GenericAudioBufferRef::S16(b) => mix(*b, |s| f32::from(s) / 32_768.0, out),
        _ => {
            return Err(DecodeError::Unsupported(
                "The decoder's sample format is unknown.",
            ));
        }
    }
    Ok(buffer.spec().rate())
}

fn mix<S: symphonia_core::audio::sample::Sample + Copy>(
    buffer: &impl Audio<S>,
    to_f32: impl Fn(S) -> f32,
    out: &mut PcmBlock,
) {
    // Symphonia's bits are those of a WAVE channel mask, as far as that goes, and its planes are in their order
    let mask = match buffer.spec().channels() {
        Channels::Positioned(positions) => positions.bits() as u32,
        _ => 0,
    };
    let downmix = Downmix::speakers(mask, buffer.num_planes());
    let mut planes: [&[S]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
    for (slot, plane) in planes.iter_mut().zip(buffer.iter_planes()) {
        *slot = plane;
    }
    downmix.mix(
        buffer.frames(),
        |channel, i| to_f32(planes[channel][i]),
        out,
    );
}
