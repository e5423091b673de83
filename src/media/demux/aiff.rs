//! Owns: AIFF and AIFF-C: finding the format and the samples.
//! Never knows: how samples become sound.

use crate::media::{
    demux::{
        DemuxError, Opened, Opening, PcmFormat, PcmSample, Tags,
        fields::Fields,
        raw_samples::{Layout, RawSamples},
    },
    window::{ByteWindow, Stop},
};

/// `COMM` has 18 bytes, and in AIFF-C the codec's name (at most 256) on top.
const MAX_COMMON_BYTES: u32 = 1024;
/// Longer names are left out.
const MAX_TEXT_BYTES: u32 = 4096;

/// Starts to read an AIFF file from its first byte.
#[must_use]
pub fn open() -> Box<dyn Opening> {
    Box::new(AiffOpening::default())
}

#[derive(Debug, Default)]
struct AiffOpening {
    /// Whether it is AIFF-C; `None` before the header was read.
    is_compressed: Option<bool>,
    common: Option<Common>,
    samples: Option<Samples>,
    tags: Tags,
}

/// The `COMM` chunk.
#[derive(Clone, Copy, Debug)]
struct Common {
    format: PcmFormat,
    rate: u32,
    channels: u16,
    frames: u32,
}

/// Where the `SSND` chunk says the samples are.
#[derive(Clone, Copy, Debug)]
struct Samples {
    start: u64,
    end: Option<u64>,
}

impl Opening for AiffOpening {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        let is_compressed = match self.is_compressed {
            Some(known) => known,
            None => {
                let head = bytes.peek(12)?;
                let is_compressed = match (&head[..4], &head[8..]) {
                    (b"FORM", b"AIFF") => false,
                    (b"FORM", b"AIFC") => true,
                    _ => return Err(DemuxError::Broken("no FORM/AIFF header").into()),
                };
                bytes.skip(12);
                self.is_compressed = Some(is_compressed);
                is_compressed
            }
        };
        loop {
            if let (Some(common), Some(samples)) = (self.common, self.samples) {
                return opened(common, samples, std::mem::take(&mut self.tags), bytes);
            }
            self.chunk(is_compressed, bytes)?;
        }
    }
}

impl AiffOpening {
    /// Reads one chunk, or leaves it out.
    fn chunk(&mut self, is_compressed: bool, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let mut head = Fields::new(bytes.peek(8)?, "the chunk header ends early");
        let (kind, size) = (head.array::<4>()?, head.u32()?);
        match &kind {
            b"COMM" => {
                let len = size.min(MAX_COMMON_BYTES) as usize;
                let common = parse_common(&bytes.peek(8 + len)?[8..], is_compressed)?;
                self.common = Some(common);
            }
            b"SSND" => {
                let mut body = Fields::new(&bytes.peek(16)?[8..], "the SSND chunk ends early");
                let offset = body.u32()?;
                let at = bytes.position();
                self.samples = Some(Samples {
                    start: at + 16 + u64::from(offset),
                    end: (size > 8 && size != u32::MAX).then(|| at + 8 + u64::from(size)),
                });
            }
            b"NAME" | b"AUTH" if size <= MAX_TEXT_BYTES => {
                let text = text(&bytes.peek(8 + size as usize)?[8..]);
                if &kind == b"NAME" {
                    self.tags.title = text;
                } else {
                    self.tags.artist = text;
                }
            }
            _ => {}
        }
        // chunks are padded to an even size
        bytes.skip(8 + u64::from(size) + u64::from(size & 1));
        Ok(())
    }
}

fn opened(
    common: Common,
    samples: Samples,
    tags: Tags,
    bytes: &mut ByteWindow,
) -> Result<Opened, Stop> {
    let mut end = match (samples.end, bytes.length()) {
        (Some(end), Some(length)) => Some(end.min(length)),
        (end, length) => end.or(length),
    };
    if common.frames != 0 {
        let frame_bytes = common.format.sample.bytes() as u64 * u64::from(common.channels);
        let told = samples.start + u64::from(common.frames) * frame_bytes;
        end = Some(end.map_or(told, |end| end.min(told)));
    }
    let demuxer = RawSamples::new(Layout {
        format: common.format,
        rate: common.rate,
        channels: common.channels,
        start: samples.start,
        end,
    })?;
    bytes.seek(samples.start);
    Ok(Opened {
        demuxer: Box::new(demuxer),
        container: "aiff",
        tags,
    })
}

/// Apple, "Audio Interchange File Format AIFF-C" (1991); the float and integer types as QuickTime names them.
fn parse_common(body: &[u8], is_compressed: bool) -> Result<Common, DemuxError> {
    let mut fields = Fields::new(body, "the COMM chunk ends early");
    let channels = fields.u16()?;
    let frames = fields.u32()?;
    let bits = fields.u16()?;
    let rate = extended_to_rate(fields.array()?)?;
    let codec = if is_compressed {
        fields.array()?
    } else {
        *b"NONE"
    };
    let integer = match bits.div_ceil(8) {
        1 => Some(PcmSample::I8),
        2 => Some(PcmSample::I16),
        3 => Some(PcmSample::I24),
        4 => Some(PcmSample::I32),
        _ => None,
    };
    let (sample, is_big_endian) = match &codec {
        b"NONE" | b"twos" => (integer, true),
        b"sowt" => (integer, false),
        b"raw " => (Some(PcmSample::U8), true),
        b"in24" => (Some(PcmSample::I24), true),
        b"in32" => (Some(PcmSample::I32), true),
        b"fl32" | b"FL32" => (Some(PcmSample::F32), true),
        b"fl64" | b"FL64" => (Some(PcmSample::F64), true),
        b"alaw" | b"ALAW" => (Some(PcmSample::ALaw), true),
        b"ulaw" | b"ULAW" => (Some(PcmSample::MuLaw), true),
        _ => (None, true),
    };
    let sample = sample.ok_or(DemuxError::Unsupported(
        "the AIFF file holds a codec that is not supported",
    ))?;
    Ok(Common {
        format: PcmFormat {
            sample,
            is_big_endian,
            speakers: 0,
        },
        rate,
        channels,
        frames,
    })
}

/// An 80-bit extended float (IEEE 754 double extended, explicit integer bit) as a whole rate, rounded to nearest.
fn extended_to_rate(bytes: [u8; 10]) -> Result<u32, DemuxError> {
    const BIAS: i32 = 16_383;
    let [e0, e1, mantissa @ ..] = bytes;
    let exponent = i32::from(u16::from_be_bytes([e0, e1])) - BIAS;
    let mantissa = u64::from_be_bytes(mantissa);
    if !(0..=31).contains(&exponent) {
        return Err(DemuxError::Broken("the sample rate is no sensible number"));
    }
    let shift = 63 - exponent as u32;
    let rounded = (mantissa >> shift) + ((mantissa >> (shift - 1)) & 1);
    u32::try_from(rounded).map_err(|_| DemuxError::TooLarge("the sample rate"))
}

fn text(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(['\0', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::demux::{Codec, testing};

    /// 44 100 as an 80-bit extended, as every AIFF file of that rate has it.
    const CD_RATE: [u8; 10] = [0x40, 0x0E, 0xAC, 0x44, 0, 0, 0, 0, 0, 0];

    fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_vec();
        bytes.extend((body.len() as u32).to_be_bytes());
        bytes.extend(body);
        bytes.resize(bytes.len() + body.len() % 2, 0);
        bytes
    }

    fn common(channels: u16, frames: u32, bits: u16, codec: &[u8]) -> Vec<u8> {
        let mut body = channels.to_be_bytes().to_vec();
        body.extend(frames.to_be_bytes());
        body.extend(bits.to_be_bytes());
        body.extend(CD_RATE);
        body.extend(codec);
        chunk(b"COMM", &body)
    }

    fn sound(offset: u32, data: &[u8]) -> Vec<u8> {
        let mut body = offset.to_be_bytes().to_vec();
        body.extend([0; 4]);
        body.resize(8 + offset as usize, 0xEE);
        body.extend(data);
        chunk(b"SSND", &body)
    }

    fn file(form: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
        let body = chunks.concat();
        let mut bytes = b"FORM".to_vec();
        bytes.extend((body.len() as u32 + 4).to_be_bytes());
        bytes.extend(form);
        bytes.extend(body);
        bytes
    }

    fn counted(len: usize) -> Vec<u8> {
        (0..len).map(|n| (n % 251) as u8).collect()
    }

    #[test]
    fn samples_come_out_behind_the_offset_whatever_the_order_of_chunks() {
        let data = counted(5000 * 4);
        let comm = common(2, 5000, 16, b"");
        let name = chunk(b"NAME", b"Tone");
        for chunks in [
            [name.clone(), comm.clone(), sound(6, &data)],
            [name, sound(6, &data), comm],
        ] {
            let bytes = file(b"AIFF", &chunks);
            let (mut opened, mut window) = testing::open(&bytes, open());
            let info = opened.demuxer.info();
            assert_eq!(
                (info.rate, info.channels, info.length),
                (44_100, 2, Some(5000))
            );
            assert_eq!(opened.tags.title.as_deref(), Some("Tone"));
            let packets = testing::rest(&mut *opened.demuxer, &mut window);
            let joined: Vec<u8> = packets.iter().flat_map(|p| p.data.to_vec()).collect();
            assert_eq!(joined, data);
            assert_eq!(testing::read_slowly(&bytes, open(), 1).1, packets);
            opened.demuxer.seek(4321, &mut window).expect("seeks");
            let packet = opened.demuxer.next_packet(&mut window).expect("reads");
            assert_eq!(
                (packet.pts, &packet.data[..4]),
                (4321, &data[4321 * 4..4321 * 4 + 4])
            );
        }
    }

    #[test]
    fn every_sample_format_is_recognised() {
        for (codec, bits, sample, is_big_endian) in [
            (b"NONE", 8, PcmSample::I8, true),
            (b"NONE", 24, PcmSample::I24, true),
            (b"sowt", 16, PcmSample::I16, false),
            (b"in24", 24, PcmSample::I24, true),
            (b"in32", 32, PcmSample::I32, true),
            (b"fl32", 32, PcmSample::F32, true),
            (b"fl64", 64, PcmSample::F64, true),
            (b"alaw", 16, PcmSample::ALaw, true),
            (b"ulaw", 16, PcmSample::MuLaw, true),
        ] {
            let bytes = file(b"AIFC", &[common(1, 8, bits, codec), sound(0, &[0; 64])]);
            let (opened, _) = testing::open(&bytes, open());
            let format = PcmFormat {
                sample,
                is_big_endian,
                speakers: 0,
            };
            assert_eq!(opened.demuxer.info().codec, Codec::Pcm(format));
        }
        let bytes = file(b"AIFC", &[common(1, 8, 4, b"ima4"), sound(0, &[0; 64])]);
        assert!(open().advance(&mut ByteWindow::of(bytes)).is_err());
    }

    #[test]
    fn rates_are_read_from_extended_floats() {
        let rate = |head: [u8; 4]| {
            let mut bytes = [0; 10];
            bytes[..4].copy_from_slice(&head);
            extended_to_rate(bytes)
        };
        // 8000 = 1.953125 x 2^12, 96000 = 1.46484375 x 2^16
        assert_eq!(rate([0x40, 0x0B, 0xFA, 0x00]).ok(), Some(8000));
        assert_eq!(rate([0x40, 0x0F, 0xBB, 0x80]).ok(), Some(96_000));
        assert!(rate([0x7F, 0xFF, 0xFF, 0xFF]).is_err());
        assert!(rate([0, 0, 0, 0]).is_err());
    }

    #[test]
    fn damaged_files_end_or_are_refused() {
        let bytes = file(
            b"AIFC",
            &[
                chunk(b"NAME", b"Tone"),
                common(2, 100, 16, b"sowt"),
                sound(2, &counted(400)),
            ],
        );
        testing::torture(&bytes, open, 1, 2000);
    }
}
