//! Owns: RIFF/WAVE, RF64 and BW64: finding the format and the samples.
//! Never knows: how samples become sound. Tags in the file are not read: Lavalink shows none for WAV.

use crate::media::{
    demux::{
        DemuxError, Opened, Opening, PcmFormat, PcmSample, Tags,
        fields::Fields,
        raw_samples::{Layout, RawSamples},
    },
    window::{ByteWindow, Stop},
};

/// `fmt ` has 16 to 40 bytes; what is longer is not read further than this.
const MAX_FORMAT_BYTES: u32 = 1024;
/// Size fields of files that were written to a pipe, and of RF64.
const UNKNOWN: u32 = u32::MAX;

/// Starts to read a WAV file from its first byte.
#[must_use]
pub fn open() -> Box<dyn Opening> {
    Box::new(WavOpening::default())
}

#[derive(Debug, Default)]
struct WavOpening {
    is_inside: bool,
    /// Size of the samples as `ds64` has it.
    wide_size: Option<u64>,
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug)]
struct Format {
    sample: PcmSample,
    rate: u32,
    channels: u16,
}

impl Opening for WavOpening {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        if !self.is_inside {
            let head = bytes.peek(12)?;
            if !matches!(&head[..4], b"RIFF" | b"RF64" | b"BW64") || &head[8..] != b"WAVE" {
                return Err(DemuxError::Broken("no RIFF/WAVE header").into());
            }
            bytes.skip(12);
            self.is_inside = true;
        }
        loop {
            if let Some(opened) = self.chunk(bytes)? {
                return Ok(opened);
            }
        }
    }
}

impl WavOpening {
    /// Reads one chunk, or leaves it out.
    fn chunk(&mut self, bytes: &mut ByteWindow) -> Result<Option<Opened>, Stop> {
        let mut head = Fields::new(bytes.peek(8)?, "the chunk header ends early");
        let (kind, size) = (head.array::<4>()?, head.u32_le()?);
        match &kind {
            b"data" => return self.samples(size, bytes).map(Some),
            b"ds64" if size >= 16 => {
                let mut body = Fields::new(&bytes.peek(24)?[8..], "the ds64 chunk ends early");
                body.skip(8)?;
                self.wide_size = Some(body.u64_le()?);
            }
            b"fmt " => {
                let len = size.min(MAX_FORMAT_BYTES) as usize;
                let format = parse_format(&bytes.peek(8 + len)?[8..])?;
                self.format = Some(format);
            }
            _ => {}
        }
        // chunks are padded to an even size
        bytes.skip(8 + u64::from(size) + u64::from(size & 1));
        Ok(None)
    }

    fn samples(&self, size: u32, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        let format = self
            .format
            .ok_or(DemuxError::Broken("the samples come before the format"))?;
        let start = bytes.position() + 8;
        let told = match (size, self.wide_size) {
            (UNKNOWN, Some(wide)) if wide != 0 && wide != u64::MAX => Some(wide),
            (0 | UNKNOWN, _) => None,
            (size, _) => Some(u64::from(size)),
        };
        let end = match (told, bytes.length()) {
            (Some(size), Some(length)) => Some(start.saturating_add(size).min(length)),
            (Some(size), None) => Some(start.saturating_add(size)),
            (None, length) => length,
        };
        let demuxer = RawSamples::new(Layout {
            format: PcmFormat {
                sample: format.sample,
                is_big_endian: false,
            },
            rate: format.rate,
            channels: format.channels,
            start,
            end,
        })?;
        bytes.skip(8);
        Ok(Opened {
            demuxer: Box::new(demuxer),
            container: "wav",
            tags: Tags::default(),
        })
    }
}

/// `WAVEFORMAT`, `WAVEFORMATEX`, `WAVEFORMATEXTENSIBLE` (Microsoft, mmreg.h).
fn parse_format(body: &[u8]) -> Result<Format, DemuxError> {
    let mut fields = Fields::new(body, "the fmt chunk ends early");
    let mut tag = fields.u16_le()?;
    let channels = fields.u16_le()?;
    let rate = fields.u32_le()?;
    fields.skip(4)?;
    let frame_bytes = fields.u16_le()?;
    let bits = fields.u16_le()?;
    if tag == 0xFFFE {
        // size of the extension, valid bits, channel mask; the sub-format's GUID begins with the plain tag
        fields.skip(8)?;
        tag = fields.u16_le()?;
    }
    let told = match channels {
        0 => 0,
        n if frame_bytes % n == 0 => frame_bytes / n,
        _ => 0,
    };
    // 20 bits may lie in three bytes or in four: the frame size decides
    let sample_bytes = if told >= bits.div_ceil(8) {
        told
    } else {
        bits.div_ceil(8)
    };
    let sample = match (tag, sample_bytes) {
        (1, 1) => PcmSample::U8,
        (1, 2) => PcmSample::I16,
        (1, 3) => PcmSample::I24,
        (1, 4) => PcmSample::I32,
        (3, 4) => PcmSample::F32,
        (3, 8) => PcmSample::F64,
        (6, 1) => PcmSample::ALaw,
        (7, 1) => PcmSample::MuLaw,
        _ => {
            return Err(DemuxError::Unsupported(
                "the WAV file holds a codec that is not supported",
            ));
        }
    };
    Ok(Format {
        sample,
        rate,
        channels,
    })
}
