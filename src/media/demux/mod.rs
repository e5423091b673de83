//! Owns: what a demuxer is, and what it says of a stream: codec, rate, length, packets with exact positions.
//! Never knows: where the bytes come from, or how a packet is decoded.
//!
//! Demuxers are sans-IO: they read a [`ByteWindow`] that never waits. Each call either makes a whole step or changes
//! nothing and returns [`Stop::Need`], so the same call can be repeated when more bytes are there. What takes long by itself is
//! done in slices, with [`Stop::Again`] between them. That is why opening, playing and seeking all run on the decode pool
//! without ever blocking it.

pub mod adts;
pub mod aiff;
mod bits;
mod codecs;
mod comments;
mod fields;
pub mod flac;
mod id3;
pub mod latm;
pub mod matroska;
pub mod mp3;
pub mod mp4;
pub mod mpegts;
pub mod ogg;
pub mod probe;
mod raw_samples;
mod search;
pub mod sections;
mod sync;
#[cfg(test)]
mod testing;
#[cfg(feature = "tracker")]
mod tracker;
pub mod wav;

use crate::media::window::{ByteWindow, Stop};
use bytes::Bytes;

/// The bytes contradict the format, or ask for more than we give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DemuxError {
    /// The structure is broken: the text says which part.
    #[error("{0}")]
    Broken(&'static str),
    /// The structure is fine, but holds nothing that can be played: the text says what was found or missing.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A size or count in the stream is beyond what is accepted: the text says which.
    #[error("{0} is larger than is accepted")]
    TooLarge(&'static str),
}

/// How the packets of a stream are coded, with what a decoder must know beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codec {
    /// MPEG 1, 2 or 2.5, layer III. A packet is one frame with its header.
    Mp3,
    /// AAC; a packet is one raw access unit, without an ADTS header.
    Aac {
        /// AudioSpecificConfig (ISO 14496-3, 1.6.2.1).
        config: Bytes,
    },
    /// FLAC; a packet is one frame.
    Flac {
        /// The 34 bytes of the STREAMINFO block.
        stream_info: Bytes,
    },
    /// Apple Lossless.
    Alac {
        /// The magic cookie: ALACSpecificConfig, 24 bytes, perhaps followed by a channel layout.
        cookie: Bytes,
    },
    /// Vorbis.
    Vorbis {
        /// The identification header packet.
        identification: Bytes,
        /// The setup header packet.
        setup: Bytes,
    },
    /// Opus. A packet is one Opus packet of any duration.
    Opus {
        /// The OpusHead packet (RFC 7845, section 5.1), magic included; made up where a container has none.
        head: Bytes,
    },
    /// Uncompressed samples; a packet is a whole number of sample frames.
    Pcm(PcmFormat),
}

/// Core rates of AAC, in Hz, up to which a stream may have SBR that nothing announces (ISO 14496-3, 1.6.5.3).
pub(super) const MAX_IMPLICIT_SBR: u32 = 24_000;

/// How one uncompressed sample is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcmFormat {
    /// The number's type and width.
    pub sample: PcmSample,
    /// Most significant byte first.
    pub is_big_endian: bool,
    /// Which speakers the channels are for, as a WAVE channel mask; 0 where the container does not tell.
    pub speakers: u32,
}

/// The number type of one uncompressed sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PcmSample {
    /// Unsigned, 8 bit (WAV).
    U8,
    /// Signed, 8 bit (AIFF).
    I8,
    /// Signed, 16 bit.
    I16,
    /// Signed, 24 bit in three bytes.
    I24,
    /// Signed, 32 bit.
    I32,
    /// IEEE 754, 32 bit, nominal ±1.
    F32,
    /// IEEE 754, 64 bit, nominal ±1.
    F64,
    /// ITU-T G.711 A-law.
    ALaw,
    /// ITU-T G.711 µ-law.
    MuLaw,
}

impl PcmSample {
    /// Bytes of one sample of one channel.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::ALaw | Self::MuLaw => 1,
            Self::I16 => 2,
            Self::I24 => 3,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// What is known of a stream once its headers are read.
///
/// Everything is counted in samples per channel at `rate` on the *audible timeline*: sample 0 is the first that a listener
/// should hear, after encoder delay, pre-skip and edit lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// The packets' codec.
    pub codec: Codec,
    /// Samples a second of `pts`, `duration` and `length`: 48 000 for Opus whatever its head says.
    pub rate: u32,
    /// Channels as the container says (a decoder may know better).
    pub channels: u16,
    /// Exact audible length, when the container tells it; sound beyond it is cut. Where a header only promises a length
    /// (FLAC, Matroska, Xing, fragmented MP4), the demuxer raises it before a packet that goes beyond: as other players do,
    /// all that is there is played, and only what means the end (edit lists, the last granule position, padding) ends it.
    pub length: Option<u64>,
    /// Whether [`Demuxer::seek`] can work on a window that can jump.
    pub is_seekable: bool,
    /// Samples that must be decoded before a seek target for the sound there to be right (overlap, bit reservoir, Opus
    /// convergence: 80 ms, RFC 7845 section 4.6).
    pub preroll: u32,
}

/// One unit for the decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What the decoder gets.
    pub data: Bytes,
    /// Audible-timeline position of the first sample that this packet decodes to. Negative: priming, to be dropped.
    pub pts: i64,
    /// Samples that it decodes to, as far as the container or the packet tells; 0 when unknown.
    pub duration: u32,
}

/// Tags, as far as Lavalink shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// Title.
    pub title: Option<String>,
    /// Artist.
    pub artist: Option<String>,
    /// International Standard Recording Code.
    pub isrc: Option<String>,
    /// Address of a picture, where a container carries one as an address (embedded pictures are not shown).
    pub artwork_url: Option<String>,
}

/// Bytes of a tag's text; a longer one is left out: a track string could not carry it.
const MAX_TAG_BYTES: usize = 16 * 1024;

/// A stream that is ready to be read.
pub struct Opened {
    /// Reads the packets.
    pub demuxer: Box<dyn Demuxer>,
    /// Lavalink's name of the container: what `pluginInfo.probeInfo` shows (reference, 3.3 and 6.2), or our own name for
    /// containers that Lavalink does not know (`aiff`).
    pub container: &'static str,
    /// Tags found in the headers.
    pub tags: Tags,
}

/// Reads headers until a stream can be played.
pub trait Opening: Send {
    /// Goes on reading headers. May jump in the window.
    ///
    /// # Errors
    /// [`Stop::Need`] when called too early, [`Stop::Again`] when there is more to do; anything else is final.
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop>;
}

/// How a tracker module that begins so is opened, in a build that plays them.
#[cfg_attr(
    not(feature = "tracker"),
    expect(unused_variables, reason = "nothing is looked for")
)]
fn tracker_module(head: &[u8]) -> Option<fn() -> Box<dyn Opening>> {
    #[cfg(feature = "tracker")]
    if tracker::is_module(head) {
        return Some(tracker::open);
    }
    None
}

/// Cuts an opened stream into packets.
pub trait Demuxer: Send {
    /// What the stream is. `length` may become known later; the rest changes only with [`stream`](Self::stream).
    fn info(&self) -> &StreamInfo;

    /// Number of the stream that the last packet is of, where several follow each other (radio stations that send a new Ogg
    /// stream with each title, segments of another codec). With it everything that [`info`](Self::info) tells may change, and decoding begins anew.
    /// Positions go on, at the new rate; what the new one begins with that is not to be heard lies before the old one's end.
    fn stream(&self) -> u32 {
        0
    }

    /// The next packet, in decoding order.
    ///
    /// # Errors
    /// [`Stop::Need`] when called too early, [`Stop::End`] after the last packet; a damaged place inside a stream is skipped
    /// where the format has sync marks, else it is [`Stop::Malformed`].
    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop>;

    /// Moves to the last place from which decoding gives right sound at `target` (so `preroll` samples before it). To be
    /// repeated with the same target until it is `Ok`; then [`next_packet`](Self::next_packet) goes on from there, with right
    /// positions. A target beyond the end makes the next packet [`Stop::End`].
    ///
    /// # Errors
    /// As [`next_packet`](Self::next_packet), and [`Stop::Again`] when there is more to do.
    fn seek(&mut self, target: u64, bytes: &mut ByteWindow) -> Result<(), Stop>;

    /// Where sample 0 lies on the stream's own clock, in 90 kHz ticks of 33 bits, if it has one: for who puts streams
    /// together that follow each other (segments of MPEG-TS).
    fn origin(&self) -> Option<u64> {
        None
    }
}
