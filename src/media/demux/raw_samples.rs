//! Owns: cutting a run of uncompressed samples into packets, and finding any place in it.
//! Never knows: in which container the run lies (WAV and AIFF share this; Matroska its limits).

use crate::media::{
    demux::{Codec, DemuxError, Demuxer, Packet, PcmFormat, StreamInfo},
    window::{ByteWindow, Stop},
};

/// Packets a second: 25 ms each, between one and two frames of sound.
const PACKETS_PER_SECOND: u32 = 40;
/// More is no sound; also keeps a packet below 1 MiB.
const MAX_RATE: u32 = 768_000;
/// More channels than any layout names.
const MAX_CHANNELS: u16 = 64;
/// A packet is cut shorter for many channels at high rates.
const MAX_PACKET_BYTES: u32 = 256 * 1024;

/// How samples of a format are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Bytes of a sample frame; not 0.
    pub frame_bytes: u32,
    /// The most sample frames of a packet; not 0.
    pub packet_frames: u32,
}

impl Cut {
    /// Checks the figures of a header.
    ///
    /// # Errors
    /// [`DemuxError::Broken`] without channels or rate, [`DemuxError::TooLarge`] with absurd ones.
    pub(super) fn new(format: PcmFormat, rate: u32, channels: u16) -> Result<Self, DemuxError> {
        if rate == 0 || channels == 0 {
            return Err(DemuxError::Broken("the sample rate or the channels are 0"));
        }
        if rate > MAX_RATE {
            return Err(DemuxError::TooLarge("the sample rate"));
        }
        if channels > MAX_CHANNELS {
            return Err(DemuxError::TooLarge("the number of channels"));
        }
        let frame_bytes = format.sample.bytes() as u32 * u32::from(channels);
        Ok(Self {
            frame_bytes,
            packet_frames: (rate / PACKETS_PER_SECOND)
                .clamp(1, (MAX_PACKET_BYTES / frame_bytes).max(1)),
        })
    }
}

/// What the headers of WAV and AIFF say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// How one sample is stored.
    pub format: PcmFormat,
    /// Sample frames a second.
    pub rate: u32,
    /// Samples in a sample frame.
    pub channels: u16,
    /// Offset of the first sample.
    pub start: u64,
    /// Offset behind the last byte of samples; `None`: up to the end of the resource.
    pub end: Option<u64>,
}

/// The demuxer of uncompressed containers.
#[derive(Debug)]
pub(super) struct RawSamples {
    info: StreamInfo,
    start: u64,
    end: Option<u64>,
    frame_bytes: u64,
    packet_frames: u64,
    next_frame: u64,
}

impl RawSamples {
    /// Checks a layout.
    ///
    /// # Errors
    /// As [`Cut::new`].
    pub(super) fn new(layout: Layout) -> Result<Self, DemuxError> {
        let cut = Cut::new(layout.format, layout.rate, layout.channels)?;
        let frame_bytes = u64::from(cut.frame_bytes);
        let length = layout
            .end
            .map(|end| end.saturating_sub(layout.start) / frame_bytes);
        Ok(Self {
            info: StreamInfo {
                codec: Codec::Pcm(layout.format),
                rate: layout.rate,
                channels: layout.channels,
                length,
                is_seekable: true,
                preroll: 0,
            },
            start: layout.start,
            end: layout.end,
            frame_bytes,
            packet_frames: u64::from(cut.packet_frames),
            next_frame: 0,
        })
    }

    fn offset(&self, frame: u64) -> u64 {
        self.start
            .saturating_add(frame.saturating_mul(self.frame_bytes))
    }
}

impl Demuxer for RawSamples {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        let at = self.offset(self.next_frame);
        let mut frames = self.packet_frames;
        if let Some(end) = self.end {
            frames = frames.min(end.saturating_sub(at) / self.frame_bytes);
        }
        if frames == 0 {
            return Err(Stop::End);
        }
        bytes.seek(at);
        let data = match bytes.take((frames * self.frame_bytes) as usize) {
            Err(Stop::End) => {
                frames = bytes.available() as u64 / self.frame_bytes;
                if frames == 0 {
                    return Err(Stop::End);
                }
                bytes.take((frames * self.frame_bytes) as usize)?
            }
            other => other?,
        };
        let pts = self.next_frame as i64;
        self.next_frame += frames;
        Ok(Packet {
            data,
            pts,
            duration: frames as u32,
        })
    }

    fn seek(&mut self, target: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        // positions are signed in packets
        self.next_frame = target.min(i64::MAX as u64 / 2);
        if self
            .end
            .is_none_or(|end| self.offset(self.next_frame) < end)
        {
            bytes.seek(self.offset(self.next_frame));
        }
        Ok(())
    }
}
