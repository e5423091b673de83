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
    /// Writes a frame, but at most `left` samples of it; returns how many samples of the track it was.
    fn write(&mut self, frame: &[u8], left: u64) -> Result<u64>;
    /// Writes what closes the file.
    fn finish(&mut self) -> Result<()>;
}

/// Makes the file for frames of `format`.
pub(super) fn create(path: &Path, format: FrameFormat) -> Result<Box<dyn Sink>> {
    let file = BufWriter::new(File::create(path)?);
    Ok(match format {
        FrameFormat::Opus => Box::new(OggOpus::new(file)?),
        FrameFormat::Pcm => Box::new(Wav::new(file)?),
    })
}

/// RFC 7845. A packet is held back until the next one comes, because the last one must say that it is the last.
struct OggOpus<W: Write> {
    writer: PacketWriter<'static, W>,
    held: Option<Vec<u8>>,
    /// End of the held packet, and of the track, counted from the start of the file.
    granule: u64,
    heard: u64,
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
            heard: 0,
        })
    }
}

impl<W: Write> Sink for OggOpus<W> {
    fn write(&mut self, frame: &[u8], left: u64) -> Result<u64> {
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
        let heard = left.min(FRAME_SAMPLES as u64);
        self.heard += heard;
        Ok(heard)
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(held) = self.held.take() {
            let end = (self.heard + LOOKAHEAD as u64).min(self.granule);
            self.writer
                .write_packet(held, SERIAL, PacketWriteEndInfo::EndStream, end)?;
        }
        self.writer.inner_mut().flush()
    }
}

/// RIFF WAVE, format 3 (IEEE float), 32 bit, 48 kHz, stereo.
struct Wav<W: Write + Seek> {
    file: W,
    data_bytes: u64,
}

impl<W: Write + Seek> Wav<W> {
    fn new(file: W) -> Result<Self> {
        let mut wav = Self {
            file,
            data_bytes: 0,
        };
        wav.header()?;
        Ok(wav)
    }

    fn header(&mut self) -> Result<()> {
        let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
        let mut head = b"RIFF".to_vec();
        // everything after this number: "WAVE", a format chunk of 18, a fact chunk of 4, and the data
        head.extend_from_slice(&size(4 + 26 + 12 + 8 + self.data_bytes));
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

impl<W: Write + Seek> Sink for Wav<W> {
    fn write(&mut self, frame: &[u8], left: u64) -> Result<u64> {
        let samples = left.min((frame.len() / 8) as u64);
        self.file.write_all(&frame[..samples as usize * 8])?;
        self.data_bytes += samples * 8;
        Ok(samples)
    }

    fn finish(&mut self) -> Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.header()?;
        self.file.flush()
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
        for left in [2500, 1540, 580, 0] {
            sink.write(&[0xFC, 0xFF, 0xFE], left).expect("memory");
        }
        sink.finish().expect("memory");
        drop(sink);
        let mut reader = PacketReader::new(Cursor::new(bytes));
        let mut packets = Vec::new();
        while let Some(packet) = reader.read_packet().expect("well-formed") {
            packets.push((packet.data.len(), packet.absgp_page()));
        }
        assert_eq!(packets.len(), 6);
        // 312 of lookahead and 2500 heard: within the fourth packet is none of it, so the end lies in the third
        assert_eq!(packets[5].1, 312 + 2500);
    }

    #[test]
    fn a_wav_file_has_the_size_of_its_samples() {
        let mut file = Cursor::new(Vec::new());
        let mut sink = Wav::new(&mut file).expect("memory");
        assert_eq!(sink.write(&[0; 80], 7).expect("memory"), 7);
        sink.finish().expect("memory");
        let bytes = file.into_inner();
        assert_eq!(bytes.len(), 58 + 56);
        assert_eq!(
            u32::from_le_bytes(bytes[4..8].try_into().expect("four")) as usize,
            bytes.len() - 8
        );
        assert_eq!(
            u32::from_le_bytes(bytes[54..58].try_into().expect("four")),
            56
        );
    }
}
