//! Owns: AAC in LATM, as a stream of LOAS frames (ISO 14496-3, 1.7.2): bare or in a transport stream.
//! Never knows: how an access unit is decoded.
//!
//! Like an ADTS stream it is endless and not sought in; positions count from the first access unit.

mod mux;
#[cfg(test)]
mod tests;

use super::{
    Codec, DemuxError, Demuxer, Opened, Opening, Packet, StreamInfo, Tags,
    codecs::aac::AacFormat,
    sync::{self, FrameSync},
};
use crate::media::window::{ByteWindow, Stop};
use bytes::Bytes;
use mux::MuxConfig;
use std::collections::VecDeque;

/// How much may lie in front of the first frame that brings a configuration: a second of the largest.
const MAX_LEAD: u64 = 512 << 10;
/// How much may lie between two frames in the middle.
const MAX_GARBAGE: u64 = 1 << 20;

/// Opens a LOAS stream; up to 512 KiB of anything may be in front.
#[must_use]
pub fn open() -> Box<dyn Opening> {
    Box::new(Open::default())
}

/// Whether a frame begins here, and another behind it: the mark alone is met too often.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    let next = Header::parse(bytes).and_then(|header| bytes.get(header.frame_len()..));
    next.is_some_and(|next| Header::parse(next).is_some())
}

/// The header of a frame: 11 bits of sync and 13 of length.
#[derive(Clone, Copy, Debug)]
struct Header {
    len: usize,
}

impl Header {
    const BYTES: usize = 3;
}

impl FrameSync for Header {
    const FIRST: u8 = 0x56;
    const LEN: usize = Self::BYTES;
    const MISSING: &'static str = "no LOAS frame was found";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let [0x56, b, c, ..] = *bytes else {
            return None;
        };
        let len = usize::from(b & 0x1F) << 8 | usize::from(c);
        (b & 0xE0 == 0xE0 && len > 0).then_some(Self { len })
    }

    fn frame_len(&self) -> usize {
        Self::BYTES + self.len
    }

    fn is_alike(&self, _: &Self) -> bool {
        true
    }
}

#[derive(Default)]
struct Open {
    skipped: u64,
}

impl Opening for Open {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        loop {
            let header: Header = match sync::find(bytes, None, &mut self.skipped, MAX_LEAD) {
                Err(Stop::End) => return Err(DemuxError::Broken(Header::MISSING).into()),
                found => found?,
            };
            let frame = bytes.peek(header.frame_len())?;
            match mux::read(&frame[Header::BYTES..], None) {
                Ok((Some(config), _)) => {
                    return Ok(Opened {
                        demuxer: Box::new(Latm::new(config)),
                        container: "latm",
                        tags: Tags::default(),
                    });
                }
                Err(error @ DemuxError::Unsupported(_)) => return Err(error.into()),
                // a frame between two that bring a configuration, or no frame at all
                Ok((None, _)) | Err(_) => {
                    bytes.skip(1);
                    self.skipped += 1;
                }
            }
        }
    }
}

struct Latm {
    info: StreamInfo,
    config: MuxConfig,
    /// Access units of the last frame that have not been given.
    units: VecDeque<Bytes>,
    next_pts: i64,
    /// Bytes passed over while looking for a frame.
    lost: Option<u64>,
}

impl Latm {
    fn new(config: MuxConfig) -> Self {
        let AacFormat { rate, channels, .. } = config.format;
        Self {
            info: StreamInfo {
                codec: Codec::Aac {
                    config: config.config.clone(),
                },
                rate,
                channels,
                length: None,
                is_seekable: false,
                preroll: config.format.preroll(),
            },
            config,
            units: VecDeque::new(),
            next_pts: 0,
            lost: None,
        }
    }

    fn locate(&mut self, bytes: &mut ByteWindow) -> Result<Header, Stop> {
        if self.lost.is_none() {
            if let Some(header) = Header::parse(bytes.peek(Header::LEN)?) {
                return Ok(header);
            }
            self.lost = Some(0);
        }
        let lost = self.lost.get_or_insert(0);
        let header = sync::find(bytes, None, lost, MAX_GARBAGE)?;
        self.lost = None;
        Ok(header)
    }
}

impl Demuxer for Latm {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        loop {
            if let Some(data) = self.units.pop_front() {
                let duration = self.config.format.frame_samples;
                let pts = self.next_pts;
                self.next_pts += i64::from(duration);
                return Ok(Packet {
                    data,
                    pts,
                    duration,
                });
            }
            let header = self.locate(bytes)?;
            let frame = bytes.take(header.frame_len())?;
            let Ok((brought, units)) = mux::read(&frame[Header::BYTES..], Some(&self.config))
            else {
                // damaged: the next frame stands alone
                continue;
            };
            if let Some(config) = brought {
                if config.config != self.config.config {
                    return Err(DemuxError::Broken(
                        "the AAC configuration changes in the middle of a LATM stream",
                    )
                    .into());
                }
                self.config = config;
            }
            self.units.extend(units);
        }
    }

    fn seek(&mut self, _target: u64, _bytes: &mut ByteWindow) -> Result<(), Stop> {
        Err(DemuxError::Unsupported("seeking in a LATM stream").into())
    }
}
