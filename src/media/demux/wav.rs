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
    /// WAVE channel mask, 0 when there is none.
    speakers: u32,
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
                speakers: format.speakers,
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
    let mut speakers = 0;
    if tag == 0xFFFE {
        // size of the extension, valid bits, channel mask; the sub-format's GUID begins with the plain tag
        fields.skip(4)?;
        speakers = fields.u32_le()?;
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
        speakers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::demux::{Codec, testing};

    /// A WAV file: `fmt ` as given, then `data` with the size that it claims.
    fn wav(magic: &[u8; 4], chunks: &[(&[u8; 4], Vec<u8>)], claimed: u32, data: &[u8]) -> Vec<u8> {
        let mut file = magic.to_vec();
        file.extend(u32::MAX.to_le_bytes());
        file.extend(b"WAVE");
        for (kind, body) in chunks {
            file.extend(*kind);
            file.extend((body.len() as u32).to_le_bytes());
            file.extend(body);
            file.resize(file.len() + body.len() % 2, 0);
        }
        file.extend(b"data");
        file.extend(claimed.to_le_bytes());
        file.extend(data);
        file
    }

    fn fmt(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
        let frame = channels * bits.div_ceil(8);
        let mut body = tag.to_le_bytes().to_vec();
        body.extend(channels.to_le_bytes());
        body.extend(rate.to_le_bytes());
        body.extend((rate * u32::from(frame)).to_le_bytes());
        body.extend(frame.to_le_bytes());
        body.extend(bits.to_le_bytes());
        body
    }

    fn counted(len: usize) -> Vec<u8> {
        (0..len).map(|n| (n % 251) as u8).collect()
    }

    fn plain() -> (Vec<u8>, Vec<u8>) {
        let data = counted(44_100 * 4);
        let chunks = [(b"fmt ", fmt(1, 2, 44_100, 16)), (b"LIST", vec![1, 2, 3])];
        (wav(b"RIFF", &chunks, data.len() as u32, &data), data)
    }

    fn joined(packets: &[crate::media::demux::Packet]) -> Vec<u8> {
        packets.iter().flat_map(|p| p.data.to_vec()).collect()
    }

    #[test]
    fn all_samples_come_out_in_packets_of_25_ms() {
        let (mut file, data) = plain();
        // a chunk behind the samples is none
        file.extend(b"id3 \x04\0\0\0abcd");
        let (mut opened, mut window) = testing::open(&file, open());
        let info = opened.demuxer.info().clone();
        assert_eq!(
            (info.rate, info.channels, info.length),
            (44_100, 2, Some(44_100))
        );
        assert_eq!(
            info.codec,
            Codec::Pcm(PcmFormat {
                sample: PcmSample::I16,
                is_big_endian: false,
                speakers: 0,
            })
        );
        assert_eq!((opened.container, &opened.tags), ("wav", &Tags::default()));
        let packets = testing::rest(&mut *opened.demuxer, &mut window);
        assert_eq!(packets.len(), 41);
        assert!(
            packets
                .iter()
                .enumerate()
                .all(|(n, p)| p.pts == n as i64 * 1102)
        );
        assert_eq!(packets[40].duration, 44_100 - 40 * 1102);
        assert_eq!(joined(&packets), data);
        let (_, slow) = testing::read_slowly(&file, open(), 1);
        assert_eq!(slow, packets);
    }

    #[test]
    fn every_sample_format_is_recognised() {
        for (tag, bits, sample) in [
            (1, 8, PcmSample::U8),
            (1, 16, PcmSample::I16),
            (1, 20, PcmSample::I24),
            (1, 24, PcmSample::I24),
            (1, 32, PcmSample::I32),
            (3, 32, PcmSample::F32),
            (3, 64, PcmSample::F64),
            (6, 8, PcmSample::ALaw),
            (7, 8, PcmSample::MuLaw),
        ] {
            assert_eq!(
                parse_format(&fmt(tag, 2, 8000, bits))
                    .expect("reads")
                    .sample,
                sample
            );
        }
        let mut extensible = fmt(0xFFFE, 6, 48_000, 32);
        extensible.extend([22, 0, 32, 0, 0x3F, 0, 0, 0, 3, 0]);
        let read = parse_format(&extensible).expect("reads");
        assert_eq!((read.sample, read.speakers), (PcmSample::F32, 0x3F));
        assert!(matches!(
            parse_format(&fmt(2, 1, 8000, 4)),
            Err(DemuxError::Unsupported(_))
        ));
    }

    #[test]
    fn a_size_that_is_not_known_means_up_to_the_end() {
        let data = counted(8000);
        for claimed in [0, u32::MAX] {
            let file = wav(b"RIFF", &[(b"fmt ", fmt(1, 1, 8000, 8))], claimed, &data);
            let (mut opened, mut window) = testing::open(&file, open());
            assert_eq!(opened.demuxer.info().length, Some(8000));
            assert_eq!(
                joined(&testing::rest(&mut *opened.demuxer, &mut window)),
                data
            );
            // without a length the stream still ends where its bytes do
            let (mut served, mut window) = testing::Served::with(&file, 100, 4096, false, false);
            let mut opening = open();
            let mut opened = served
                .run(&mut window, |w| opening.advance(w))
                .expect("opens");
            assert_eq!(opened.demuxer.info().length, None);
            let mut total = 0;
            while let Ok(packet) = served.run(&mut window, |w| opened.demuxer.next_packet(w)) {
                total += packet.duration;
            }
            assert_eq!(total, 8000);
        }
    }

    #[test]
    fn rf64_has_its_size_in_ds64() {
        let data = counted(4000);
        let mut ds64 = vec![0; 28];
        ds64[8..16].copy_from_slice(&2000u64.to_le_bytes());
        let chunks = [(b"ds64", ds64), (b"fmt ", fmt(1, 1, 8000, 16))];
        let (opened, _) = testing::open(&wav(b"RF64", &chunks, u32::MAX, &data), open());
        assert_eq!(opened.demuxer.info().length, Some(1000));
    }

    #[test]
    fn a_seek_is_exact_and_reads_nothing_else() {
        let (file, data) = plain();
        for target in [0, 1, 22_050, 44_099] {
            let (mut opened, mut window) = testing::open(&file, open());
            opened.demuxer.seek(target, &mut window).expect("seeks");
            let packet = opened.demuxer.next_packet(&mut window).expect("reads");
            assert_eq!(packet.pts, target as i64);
            assert_eq!(packet.data[0], data[target as usize * 4]);
        }
        let (mut opened, mut window) = testing::open(&file, open());
        opened.demuxer.seek(44_100, &mut window).expect("seeks");
        assert!(matches!(
            opened.demuxer.next_packet(&mut window),
            Err(Stop::End)
        ));
    }

    #[test]
    fn damaged_files_end_or_are_refused() {
        let data = counted(600);
        let chunks = [(b"fmt ", fmt(1, 2, 8000, 16)), (b"LIST", vec![1, 2, 3])];
        testing::torture(&wav(b"RIFF", &chunks, 600, &data), open, 1, 2000);
        let zero = wav(b"RIFF", &[(b"fmt ", fmt(1, 0, 0, 16))], 600, &data);
        assert!(open().advance(&mut ByteWindow::of(zero)).is_err());
    }
}
