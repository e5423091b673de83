//! Owns: Opus in a transport stream: the control header in front of each packet ("ETSI TS Opus 0.1.3", the draft that
//! encoders follow: <https://wiki.xiph.org/OpusTS>).
//! Never knows: PES and transport packets.

use super::super::{
    Codec, DemuxError, Demuxer, Opened, Opening, Packet, StreamInfo, Tags,
    codecs::opus::{PREROLL, RATE},
};
use crate::media::{
    opus::samples,
    window::{ByteWindow, Stop},
};
use bytes::Bytes;

/// The most bytes of a packet: 120 ms of the largest frames (RFC 6716, 3.4, for each of five streams).
const MAX_PACKET: usize = 5 * 6 * 1275;
/// The most bytes of a control header: mark, size, two trims and an extension.
const MAX_HEADER: usize = 2 + MAX_PACKET / 255 + 1 + 4 + 256;
/// How much may lie between two packets.
const MAX_GARBAGE: usize = 1 << 18;

/// Streams, coupled streams and mapping by channels, as libopus makes them in the order of Vorbis (RFC 7845, 5.1.1.2).
const LAYOUTS: [(u8, u8, &[u8]); 6] = [
    (2, 1, &[0, 2, 1]),
    (2, 2, &[0, 1, 2, 3]),
    (3, 2, &[0, 4, 1, 2, 3]),
    (4, 2, &[0, 4, 1, 2, 3, 5]),
    (4, 3, &[0, 4, 1, 2, 3, 5, 6]),
    (5, 3, &[0, 6, 1, 2, 3, 4, 5, 7]),
];

/// Opens a stream of so many channels, as the table of programs tells them.
pub(super) fn open(channels: u8) -> Box<dyn Opening> {
    Box::new(Open(channels))
}

/// OpusHead for a channel configuration (table 4-3 of the draft); `None` for layouts that are not of Vorbis.
fn head(channels: u8) -> Option<Bytes> {
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    // pre-skip is told by trims; 48 kHz; no gain
    head.extend_from_slice(&[0, 0, 0x80, 0xBB, 0, 0, 0, 0]);
    match channels {
        1 | 2 => head.push(0),
        channels => {
            let (streams, coupled, mapping) = LAYOUTS.get(usize::from(channels).checked_sub(3)?)?;
            head.extend_from_slice(&[1, *streams, *coupled]);
            head.extend_from_slice(mapping);
        }
    }
    Some(head.into())
}

struct Open(u8);

impl Opening for Open {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        let head = head(self.0).ok_or(DemuxError::Unsupported(
            "Opus in the transport stream has an unusual channel layout.",
        ))?;
        let first = Header::parse(bytes)?.ok_or(DemuxError::Broken("no Opus packet was found"))?;
        Ok(Opened {
            demuxer: Box::new(OpusTs {
                info: StreamInfo {
                    codec: Codec::Opus { head },
                    rate: RATE,
                    channels: self.0.into(),
                    length: None,
                    is_seekable: false,
                    preroll: PREROLL,
                },
                next_pts: -i64::from(first.start_trim),
                lost: 0,
            }),
            container: "mpegts-adts",
            tags: Tags::default(),
        })
    }
}

/// The control header of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    /// Bytes of the header.
    len: usize,
    /// Bytes of the packet behind it.
    size: usize,
    /// Samples to drop at its beginning.
    start_trim: u16,
}

impl Header {
    /// Reads the header at the window's position, and sees to it that the packet is there too. `None` when it is none.
    fn parse(bytes: &mut ByteWindow) -> Result<Option<Self>, Stop> {
        let mark = bytes.peek(2)?;
        if mark[0] != 0x7F || mark[1] & 0xE0 != 0xE0 {
            return Ok(None);
        }
        // a header is short and has a packet behind it: growing what is looked at ends soon
        for want in 3..=MAX_HEADER {
            if let Some(header) = Self::read(bytes.peek(want)?) {
                return Ok((1..=MAX_PACKET).contains(&header.size).then_some(header));
            }
        }
        Ok(None)
    }

    /// `None` when it is longer than this.
    fn read(bytes: &[u8]) -> Option<Self> {
        let flags = bytes[1];
        let mut rest = bytes[2..].iter();
        let mut size = 0;
        loop {
            let byte = *rest.next()?;
            size += usize::from(byte);
            if byte != 255 {
                break;
            }
        }
        let mut trim = || -> Option<u16> {
            Some(u16::from(*rest.next()? & 0x1F) << 8 | u16::from(*rest.next()?))
        };
        let start_trim = if flags & 0x10 == 0 { 0 } else { trim()? };
        if flags & 0x08 != 0 {
            trim()?;
        }
        if flags & 0x04 != 0 {
            let len = usize::from(*rest.next()?);
            rest = rest.as_slice().get(len..)?.iter();
        }
        Some(Self {
            len: bytes.len() - rest.len(),
            size,
            start_trim,
        })
    }
}

struct OpusTs {
    info: StreamInfo,
    next_pts: i64,
    /// Bytes passed over while looking for a packet.
    lost: usize,
}

impl Demuxer for OpusTs {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        loop {
            let Some(header) = Header::parse(bytes)? else {
                if self.lost > MAX_GARBAGE {
                    return Err(DemuxError::Broken("no Opus packet was found").into());
                }
                self.lost += 1;
                bytes.skip(1);
                continue;
            };
            let data = bytes.take(header.len + header.size)?.slice(header.len..);
            self.lost = 0;
            let Some(duration) = samples(&data) else {
                continue;
            };
            let pts = self.next_pts;
            self.next_pts += i64::from(duration);
            return Ok(Packet {
                data,
                pts,
                duration,
            });
        }
    }

    fn seek(&mut self, _target: u64, _bytes: &mut ByteWindow) -> Result<(), Stop> {
        Err(DemuxError::Unsupported("seeking in a transport stream").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_headers_of_every_shape_are_read() {
        // as ffmpeg writes its first packet: start trim of 312, 258 bytes
        let header = Header::read(&[0x7F, 0xF0, 0xFF, 3, 0x01, 0x38]).expect("reads");
        assert_eq!((header.len, header.size, header.start_trim), (6, 258, 312));
        let header = Header::read(&[0x7F, 0xE0, 9, 1, 2]).expect("reads");
        assert_eq!((header.len, header.size, header.start_trim), (3, 9, 0));
        let header = Header::read(&[0x7F, 0xEC, 9, 0, 5, 2, 1, 1, 7]).expect("reads");
        assert_eq!((header.len, header.size), (8, 9));
        assert_eq!(Header::read(&[0x7F, 0xEC, 9, 0, 5, 2, 1]), None);
    }

    #[test]
    fn layouts_beyond_eight_channels_are_refused() {
        assert_eq!(head(6).map(|head| head.len()), Some(27));
        assert_eq!(head(9), None);
        assert_eq!(head(0), None);
    }
}
