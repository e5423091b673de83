//! Owns: writing frames to files: Ogg Opus, and WAV of 32-bit floats.
//! Never knows: how frames are made.

use crate::{
    frame::FrameFormat,
    playback::encode::LOOKAHEAD,
    units::{FRAME_SAMPLES, SAMPLE_RATE},
};
use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use std::{
    fs::File,
    io::{BufWriter, Result, Seek, SeekFrom, Write},
    path::Path,
};

/// A file that takes frames.
pub(super) trait Sink {
    /// Writes a frame.
    fn write(&mut self, frame: &[u8]) -> Result<()>;
    /// Closes the file, which is to hold at most `wanted` samples of sound; returns how many it holds.
    fn finish(&mut self, wanted: u64) -> Result<u64>;
}

/// Makes the file for frames of `format`.
pub(super) fn create(path: &Path, format: FrameFormat) -> Result<Box<dyn Sink>> {
    let file = File::create(path)?;
    Ok(match format {
        FrameFormat::Opus => Box::new(OggOpus::new(BufWriter::new(file))?),
        FrameFormat::Pcm => Box::new(Wav::new(file)?),
    })
}

/// RFC 7845. A packet is held back until the next one comes, because the last one must say that it is the last.
struct OggOpus<W: Write> {
    writer: PacketWriter<'static, W>,
    held: Option<Vec<u8>>,
    /// End of the held packet, counted from the start of the file.
    granule: u64,
}

/// One stream a file: any number does.
const SERIAL: u32 = 0x4C61_7661;

impl<W: Write> OggOpus<W> {
    fn new(file: W) -> Result<Self> {
        let mut writer = PacketWriter::new(file);
        let mut head = b"OpusHead\x01\x02".to_vec();
        head.extend_from_slice(&(LOOKAHEAD as u16).to_le_bytes());
        head.extend_from_slice(&SAMPLE_RATE.to_le_bytes());
        head.extend_from_slice(&[0, 0, 0]);
        writer.write_packet(head, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        let vendor = concat!("lavalink-rust ", env!("CARGO_PKG_VERSION")).as_bytes();
        let mut tags = b"OpusTags".to_vec();
        tags.extend_from_slice(&(vendor.len() as u32).to_le_bytes());
        tags.extend_from_slice(vendor);
        tags.extend_from_slice(&0u32.to_le_bytes());
        writer.write_packet(tags, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        Ok(Self {
            writer,
            held: None,
            granule: 0,
        })
    }
}

impl<W: Write> Sink for OggOpus<W> {
    fn write(&mut self, frame: &[u8]) -> Result<()> {
        if let Some(held) = self.held.take() {
            // pages of a second: 50 packets
            let is_full = self.granule.is_multiple_of(u64::from(SAMPLE_RATE));
            let info = if is_full {
                PacketWriteEndInfo::EndPage
            } else {
                PacketWriteEndInfo::NormalPacket
            };
            self.writer.write_packet(held, SERIAL, info, self.granule)?;
        }
        self.held = Some(frame.to_vec());
        self.granule += FRAME_SAMPLES as u64;
        Ok(())
    }

    fn finish(&mut self, wanted: u64) -> Result<u64> {
        let lookahead = LOOKAHEAD as u64;
        let end = wanted.saturating_add(lookahead).min(self.granule);
        if let Some(held) = self.held.take() {
            self.writer
                .write_packet(held, SERIAL, PacketWriteEndInfo::EndStream, end)?;
        }
        self.writer.inner_mut().flush()?;
        Ok(end.saturating_sub(lookahead))
    }
}

/// RIFF WAVE, format 3 (IEEE float), 32 bit, 48 kHz, stereo.
struct Wav {
    file: BufWriter<File>,
    data_bytes: u64,
}

/// Bytes before the samples: a RIFF head of 12, chunks for the format (26) and the count (12), the samples' own head of 8.
const WAV_HEAD: u64 = 58;

impl Wav {
    fn new(file: File) -> Result<Self> {
        let mut wav = Self {
            file: BufWriter::new(file),
            data_bytes: 0,
        };
        wav.header()?;
        Ok(wav)
    }

    fn header(&mut self) -> Result<()> {
        let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
        let mut head = b"RIFF".to_vec();
        head.extend_from_slice(&size(WAV_HEAD - 8 + self.data_bytes));
        head.extend_from_slice(b"WAVEfmt ");
        head.extend_from_slice(&18u32.to_le_bytes());
        head.extend_from_slice(&[3, 0, 2, 0]);
        head.extend_from_slice(&SAMPLE_RATE.to_le_bytes());
        head.extend_from_slice(&(SAMPLE_RATE * 8).to_le_bytes());
        head.extend_from_slice(&[8, 0, 32, 0, 0, 0]);
        head.extend_from_slice(b"fact");
        head.extend_from_slice(&4u32.to_le_bytes());
        head.extend_from_slice(&size(self.data_bytes / 8));
        head.extend_from_slice(b"data");
        head.extend_from_slice(&size(self.data_bytes));
        self.file.write_all(&head)
    }
}

impl Sink for Wav {
    fn write(&mut self, frame: &[u8]) -> Result<()> {
        self.file.write_all(frame)?;
        self.data_bytes += frame.len() as u64;
        Ok(())
    }

    fn finish(&mut self, wanted: u64) -> Result<u64> {
        self.data_bytes = self.data_bytes.min(wanted.saturating_mul(8));
        self.file.seek(SeekFrom::Start(0))?;
        self.header()?;
        self.file.flush()?;
        self.file.get_ref().set_len(WAV_HEAD + self.data_bytes)?;
        Ok(self.data_bytes / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ogg::PacketReader;
    use std::io::Cursor;

    #[test]
    fn an_ogg_file_says_how_long_it_is() {
        let mut bytes = Vec::new();
        let mut sink = OggOpus::new(&mut bytes).expect("memory");
        for _ in 0..4 {
            sink.write(&[0xFC, 0xFF, 0xFE]).expect("memory");
        }
        assert_eq!(sink.finish(2500).expect("memory"), 2500);
        drop(sink);
        let mut reader = PacketReader::new(Cursor::new(bytes));
        let mut packets = Vec::new();
        while let Some(packet) = reader.read_packet().expect("well-formed") {
            packets.push(packet.absgp_page());
        }
        // RFC 7845, section 4.4: two headers, and an end that counts the 312 samples of pre-skip
        assert_eq!((packets.len(), packets[5]), (6, 312 + 2500));
    }

    #[test]
    fn a_wav_file_has_the_size_of_its_samples() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.wav");
        let mut sink = create(&path, FrameFormat::Pcm).expect("created");
        sink.write(&[0; 80]).expect("written");
        assert_eq!(sink.finish(7).expect("finished"), 7);
        let bytes = std::fs::read(path).expect("there");
        let size = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
        assert_eq!(bytes.len(), 58 + 56);
        assert_eq!((size(4) as usize, size(54)), (bytes.len() - 8, 56));
    }
}
