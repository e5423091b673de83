//! Owns: one TrackEntry: its codec and configuration, encodings, delay.
//! Never knows: clusters and times.

use super::{
    block::xiph_sizes,
    ebml::{Children, child, float, id, uint},
    meter::{Meter, VorbisMeter},
};
use crate::media::demux::{
    Codec, DemuxError, PcmFormat, PcmSample,
    codecs::{
        aac,
        alac::AlacFormat,
        flac::FlacInfo,
        mp3, opus,
        vorbis::{Blocks, Identification},
    },
    raw_samples::Cut,
};
use bytes::Bytes;

/// A track that can be played.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub number: u64,
    pub codec: Codec,
    pub meter: Meter,
    pub rate: u32,
    pub channels: u16,
    /// Samples to decode before a seek target.
    pub preroll: u32,
    /// Samples at the start that are not to be heard.
    pub delay: u32,
    /// Bytes that were taken from the front of every frame.
    pub stripped: Bytes,
    /// Whether it is meant to be played, and then whether without being asked for: the higher, the rather it is chosen.
    pub rank: (bool, bool),
}

const AUDIO_TRACK: u64 = 2;
/// Bytes that header stripping may take from every frame. Muxers strip the few that all frames begin with; much more would
/// let a small file ask for any amount of memory.
const MAX_STRIPPED: usize = 256;
const UNSUPPORTED: DemuxError =
    DemuxError::Unsupported("no supported audio format in the Matroska file");

/// The fields of a TrackEntry that codecs look at.
struct Entry<'a> {
    private: &'a [u8],
    rate: u32,
    channels: u16,
    bits: u64,
    delay_ns: u64,
    preroll_ns: u64,
}

/// What a codec makes of them.
struct Parsed {
    codec: Codec,
    meter: Meter,
    rate: u32,
    channels: u16,
    preroll: u32,
    /// Pre-skip that the codec's own header tells.
    delay: Option<u32>,
}

impl Track {
    /// Reads a TrackEntry body; `None` when it is no audio track.
    ///
    /// # Errors
    /// [`DemuxError::Unsupported`] for codecs and encodings that cannot be read, [`DemuxError::Broken`] for damaged ones.
    pub(super) fn parse(body: &[u8]) -> Result<Option<Self>, DemuxError> {
        let number = |id| child(body, id).and_then(uint);
        if number(id::TRACK_TYPE) != Some(AUDIO_TRACK) {
            return Ok(None);
        }
        let stripped = parse_encodings(body)?;
        let audio = child(body, id::AUDIO).unwrap_or(&[]);
        let frequency = |id| child(audio, id).and_then(float).map(|hz| hz.round() as u32);
        let entry = Entry {
            private: child(body, id::CODEC_PRIVATE).unwrap_or(&[]),
            // RFC 9559, 5.1.4.1.29: 8 kHz and one channel when nothing is told
            rate: frequency(id::OUTPUT_SAMPLING_FREQUENCY)
                .or_else(|| frequency(id::SAMPLING_FREQUENCY))
                .unwrap_or(8000),
            channels: child(audio, id::CHANNELS)
                .and_then(uint)
                .and_then(|n| u16::try_from(n).ok())
                .unwrap_or(1),
            bits: child(audio, id::BIT_DEPTH).and_then(uint).unwrap_or(0),
            delay_ns: number(id::CODEC_DELAY).unwrap_or(0),
            preroll_ns: number(id::SEEK_PRE_ROLL).unwrap_or(0),
        };
        let name = child(body, id::CODEC_ID).ok_or(UNSUPPORTED)?;
        let parsed = match name {
            b"A_OPUS" => entry.opus()?,
            b"A_VORBIS" => entry.vorbis()?,
            name if name.starts_with(b"A_AAC") => entry.aac()?,
            b"A_FLAC" => entry.flac()?,
            b"A_MPEG/L3" => entry.mp3(),
            b"A_ALAC" => entry.alac()?,
            b"A_PCM/INT/LIT" => entry.pcm(false, false)?,
            b"A_PCM/INT/BIG" => entry.pcm(true, false)?,
            b"A_PCM/FLOAT/IEEE" => entry.pcm(false, true)?,
            _ => return Err(UNSUPPORTED),
        };
        if parsed.rate == 0 || parsed.channels == 0 {
            return Err(DemuxError::Broken("the sample rate or the channels are 0"));
        }
        let told = entry.samples(entry.delay_ns, parsed.rate);
        Ok(Some(Self {
            number: number(id::TRACK_NUMBER).ok_or(DemuxError::Broken("a track has no number"))?,
            codec: parsed.codec,
            meter: parsed.meter,
            rate: parsed.rate,
            channels: parsed.channels,
            preroll: parsed.preroll,
            delay: parsed.delay.filter(|&delay| delay != 0).unwrap_or(told),
            stripped,
            // RFC 9559, 5.1.4.1.4 and 5.1.4.1.5: both are set unless told
            rank: (
                number(id::FLAG_ENABLED) != Some(0),
                number(id::FLAG_DEFAULT) != Some(0),
            ),
        }))
    }
}

/// The bytes that header stripping took away; empty without encodings.
fn parse_encodings(body: &[u8]) -> Result<Bytes, DemuxError> {
    const HEADER_STRIPPING: u64 = 3;
    let Some(encodings) = child(body, id::CONTENT_ENCODINGS) else {
        return Ok(Bytes::new());
    };
    let mut stripped = Bytes::new();
    for (_, encoding) in Children(encodings).filter(|(found, _)| *found == id::CONTENT_ENCODING) {
        let number = |id, default| child(encoding, id).and_then(uint).unwrap_or(default);
        if number(id::CONTENT_ENCODING_TYPE, 0) != 0 {
            return Err(DemuxError::Unsupported("the audio track is encrypted"));
        }
        // bit 0: the frames; bit 1: the codec's configuration
        if number(id::CONTENT_ENCODING_SCOPE, 1) & 1 == 0 {
            continue;
        }
        let compression = child(encoding, id::CONTENT_COMPRESSION).unwrap_or(&[]);
        let algorithm = child(compression, id::CONTENT_COMP_ALGO)
            .and_then(uint)
            .unwrap_or(0);
        if algorithm != HEADER_STRIPPING || !stripped.is_empty() {
            return Err(DemuxError::Unsupported(
                "the audio track is compressed once more",
            ));
        }
        let settings = child(compression, id::CONTENT_COMP_SETTINGS).unwrap_or(&[]);
        if settings.len() > MAX_STRIPPED {
            return Err(DemuxError::TooLarge("the stripped header of the frames"));
        }
        stripped = Bytes::copy_from_slice(settings);
    }
    Ok(stripped)
}

impl Entry<'_> {
    /// Nanoseconds as samples, to the nearest, at most a second.
    fn samples(&self, ns: u64, rate: u32) -> u32 {
        let samples = (u128::from(ns) * u128::from(rate) + 500_000_000) / 1_000_000_000;
        samples.min(u128::from(rate)) as u32
    }

    fn opus(&self) -> Result<Parsed, DemuxError> {
        let raw: Bytes = if self.private.starts_with(b"OpusHead") {
            Bytes::copy_from_slice(self.private)
        } else {
            let channels = u8::try_from(self.channels).unwrap_or(0);
            if !(1..=2).contains(&channels) {
                return Err(DemuxError::Broken("the Opus head is missing"));
            }
            let delay = self.samples(self.delay_ns, opus::RATE) as u16;
            let mut head = b"OpusHead\x01".to_vec();
            head.push(channels);
            head.extend_from_slice(&delay.to_le_bytes());
            head.extend_from_slice(&opus::RATE.to_le_bytes());
            head.extend_from_slice(&[0, 0, 0]);
            head.into()
        };
        let head =
            opus::Head::parse(&raw).ok_or(DemuxError::Broken("an impossible Opus header"))?;
        let preroll = self.samples(self.preroll_ns, opus::RATE);
        Ok(Parsed {
            delay: Some(head.pre_skip),
            channels: head.channels,
            codec: Codec::Opus { head: raw },
            meter: Meter::Opus,
            rate: opus::RATE,
            preroll: if preroll == 0 { opus::PREROLL } else { preroll },
        })
    }

    /// The three headers stand in CodecPrivate, laced as in Ogg (RFC 9559 and the Matroska codec mappings).
    fn vorbis(&self) -> Result<Parsed, DemuxError> {
        const BROKEN: DemuxError = DemuxError::Broken("the Vorbis headers end early");
        let (&count, laced) = self.private.split_first().ok_or(BROKEN)?;
        if count != 2 {
            return Err(DemuxError::Broken("there are not three Vorbis headers"));
        }
        let (sizes, at) = xiph_sizes(laced, 3)?;
        let headers = laced.get(at..).ok_or(BROKEN)?;
        let (identification, rest) = headers.split_at_checked(sizes[0]).ok_or(BROKEN)?;
        let (_comments, setup) = rest.split_at_checked(sizes[1]).ok_or(BROKEN)?;
        let head = Identification::parse(identification)?;
        let blocks = Blocks::parse(head, setup)?;
        Ok(Parsed {
            codec: Codec::Vorbis {
                identification: Bytes::copy_from_slice(identification),
                setup: Bytes::copy_from_slice(setup),
            },
            rate: head.rate,
            channels: head.channels,
            // the first packet after a jump only fills the overlap
            preroll: blocks.longest(),
            meter: Meter::Vorbis(VorbisMeter::new(blocks)),
            delay: None,
        })
    }

    fn aac(&self) -> Result<Parsed, DemuxError> {
        if self.private.is_empty() {
            return Err(DemuxError::Unsupported("the AAC configuration is missing"));
        }
        let format = aac::parse(self.private)?;
        Ok(Parsed {
            codec: Codec::Aac {
                config: Bytes::copy_from_slice(self.private),
            },
            meter: Meter::Constant(format.frame_samples),
            rate: format.rate,
            channels: if format.channels == 0 {
                self.channels
            } else {
                format.channels
            },
            preroll: format.preroll(),
            delay: None,
        })
    }

    /// `fLaC` and the metadata blocks, STREAMINFO first.
    fn flac(&self) -> Result<Parsed, DemuxError> {
        let stream_info = self
            .private
            .get(8..42)
            .filter(|_| self.private.starts_with(b"fLaC"))
            .ok_or(DemuxError::Broken("the FLAC headers end early"))?;
        let info = FlacInfo::parse(stream_info)?;
        Ok(Parsed {
            codec: Codec::Flac {
                stream_info: info.raw.clone(),
            },
            rate: info.rate,
            channels: info.channels,
            meter: Meter::Flac(info),
            preroll: 0,
            delay: None,
        })
    }

    fn mp3(&self) -> Parsed {
        Parsed {
            codec: Codec::Mp3,
            meter: Meter::Mp3,
            rate: self.rate,
            channels: self.channels,
            preroll: mp3::PREROLL,
            delay: None,
        }
    }

    fn alac(&self) -> Result<Parsed, DemuxError> {
        let format = AlacFormat::parse(self.private)?;
        Ok(Parsed {
            codec: Codec::Alac {
                cookie: Bytes::copy_from_slice(self.private),
            },
            meter: Meter::Constant(format.frame_samples),
            rate: format.rate,
            channels: format.channels,
            preroll: 0,
            delay: None,
        })
    }

    fn pcm(&self, is_big_endian: bool, is_float: bool) -> Result<Parsed, DemuxError> {
        let sample = match (self.bits, is_float) {
            (8, false) => PcmSample::U8,
            (16, false) => PcmSample::I16,
            (24, false) => PcmSample::I24,
            (32, false) => PcmSample::I32,
            (32, true) => PcmSample::F32,
            (64, true) => PcmSample::F64,
            _ => return Err(UNSUPPORTED),
        };
        let format = PcmFormat {
            sample,
            is_big_endian,
            speakers: 0,
        };
        Ok(Parsed {
            codec: Codec::Pcm(format),
            meter: Meter::Pcm(Cut::new(format, self.rate, self.channels)?),
            rate: self.rate,
            channels: self.channels,
            preroll: 0,
            delay: None,
        })
    }
}
