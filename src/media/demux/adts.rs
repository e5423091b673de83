//! Owns: AAC in ADTS: its frame headers (ISO 14496-3, 1.A.2.2), and the raw access units behind them.
//! Never knows: how an access unit is decoded.
//!
//! As in Lavalink an ADTS stream is endless: nothing in it says how long it is. Encoder priming is not told either, so that
//! the first access unit begins at 0.

use super::{
    Codec, DemuxError, Demuxer, Opened, Opening, Packet, StreamInfo,
    codecs::aac::{RATES, channels, parse},
    id3::Id3,
    sync::{self, FrameSync},
};
use crate::media::window::{ByteWindow, Stop};
use bytes::Bytes;

/// How much may lie in front of the first frame.
const MAX_LEAD: u64 = 64 << 10;
/// The same where a station is joined in the middle of a frame: two of the longest (their length has 13 bits).
const MAX_JOINED_LEAD: u64 = 16 << 10;
/// How much may lie between two frames in the middle.
const MAX_GARBAGE: u64 = 1 << 20;
/// Samples an access unit decodes to (LC, one raw data block).
const SAMPLES: u32 = 1024;

/// Opens an ADTS stream; ID3 tags may be in front, and anything of up to 64 KiB.
#[must_use]
pub fn open() -> Box<dyn Opening> {
    Box::new(Open::default())
}

/// Whether these bytes can be a frame header.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    FrameHeader::parse(bytes).is_some()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FrameHeader {
    /// Audio object type less one.
    profile: u8,
    rate_index: u8,
    channel_config: u8,
    has_crc: bool,
    frame_len: u16,
    /// Raw data blocks less one.
    more_blocks: u8,
}

impl FrameSync for FrameHeader {
    const LEN: usize = 7;
    const MISSING: &'static str = "no ADTS frame was found";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let [0xFF, b, c, d, e, f, g, ..] = *bytes else {
            return None;
        };
        let rate_index = c >> 2 & 15;
        // sync, and layer 00
        if b & 0xF6 != 0xF0 || usize::from(rate_index) >= RATES.len() {
            return None;
        }
        let header = Self {
            profile: c >> 6,
            rate_index,
            channel_config: (c & 1) << 2 | d >> 6,
            has_crc: b & 1 == 0,
            frame_len: u16::from(d & 3) << 11 | u16::from(e) << 3 | u16::from(f >> 5),
            more_blocks: g & 3,
        };
        (header.frame_len() > header.header_len()).then_some(header)
    }

    fn frame_len(&self) -> usize {
        usize::from(self.frame_len)
    }

    fn is_alike(&self, other: &Self) -> bool {
        (self.profile, self.rate_index, self.channel_config)
            == (other.profile, other.rate_index, other.channel_config)
    }
}

impl FrameHeader {
    const fn header_len(&self) -> usize {
        if self.has_crc { 9 } else { 7 }
    }

    fn rate(&self) -> u32 {
        RATES[usize::from(self.rate_index)]
    }

    /// AudioSpecificConfig: object type (5 bits), rate index (4), channels (4), and three zero bits of GASpecificConfig.
    fn config(&self) -> Bytes {
        let bits = u16::from(self.profile + 1) << 11
            | u16::from(self.rate_index) << 7
            | u16::from(self.channel_config) << 3;
        Bytes::copy_from_slice(&bits.to_be_bytes())
    }

    const fn check(&self) -> Result<(), DemuxError> {
        if self.more_blocks > 0 {
            return Err(DemuxError::Unsupported(
                "ADTS frames of several raw data blocks",
            ));
        }
        Ok(())
    }
}

#[derive(Default)]
struct Open {
    id3: Option<Id3>,
    is_behind_tags: bool,
    skipped: u64,
}

impl Opening for Open {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        if !self.is_behind_tags {
            self.id3.get_or_insert_default().advance(bytes)?;
            self.is_behind_tags = true;
        }
        let lead = sync::lead(bytes, MAX_LEAD, MAX_JOINED_LEAD);
        let header: FrameHeader = match sync::find(bytes, None, &mut self.skipped, lead) {
            Err(Stop::End) => return Err(DemuxError::Broken(FrameHeader::MISSING).into()),
            found => found?,
        };
        header.check()?;
        Ok(Opened {
            demuxer: Box::new(Adts::new(header)),
            container: "adts",
            tags: self.id3.take().unwrap_or_default().into_tags(),
        })
    }
}

struct Adts {
    info: StreamInfo,
    like: FrameHeader,
    next_pts: i64,
    /// Bytes passed over while looking for a frame.
    lost: Option<u64>,
}

impl Adts {
    fn new(like: FrameHeader) -> Self {
        Self {
            info: StreamInfo {
                codec: Codec::Aac {
                    config: like.config(),
                },
                rate: like.rate(),
                channels: channels(like.channel_config.into()),
                length: None,
                is_seekable: false,
                preroll: parse(&like.config()).map_or(SAMPLES, |format| format.preroll()),
            },
            like,
            next_pts: 0,
            lost: None,
        }
    }

    fn locate(&mut self, bytes: &mut ByteWindow) -> Result<FrameHeader, Stop> {
        if self.lost.is_none() {
            let seen = bytes.peek(FrameHeader::LEN)?;
            match FrameHeader::parse(seen).filter(|h| h.is_alike(&self.like)) {
                Some(header) => return Ok(header),
                None => self.lost = Some(0),
            }
        }
        let lost = self.lost.get_or_insert(0);
        let header = sync::find(bytes, Some(&self.like), lost, MAX_GARBAGE)?;
        self.lost = None;
        Ok(header)
    }
}

impl Demuxer for Adts {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        let header = self.locate(bytes)?;
        header.check()?;
        let frame = bytes.take(header.frame_len())?;
        let pts = self.next_pts;
        self.next_pts += i64::from(SAMPLES);
        Ok(Packet {
            data: frame.slice(header.header_len()..),
            pts,
            duration: SAMPLES,
        })
    }

    fn seek(&mut self, _target: u64, _bytes: &mut ByteWindow) -> Result<(), Stop> {
        Err(DemuxError::Unsupported("seeking in an ADTS stream").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::demux::testing;

    /// 5 s of a tone, 48 kHz stereo, by ffmpeg's AAC encoder; ffprobe counts 236 packets.
    const TONE: &[u8] = include_bytes!("../../../tests/data/tone.aac");

    #[test]
    fn access_units_come_without_their_headers() {
        let (mut opened, mut window) = testing::open(TONE, open());
        let info = opened.demuxer.info().clone();
        // LC, index 3, two channels: 00010 0011 0010 000
        let config = Bytes::from_static(&[0x11, 0x90]);
        assert_eq!(info.codec, Codec::Aac { config });
        assert_eq!((info.rate, info.channels), (48_000, 2));
        assert_eq!((info.length, info.is_seekable), (None, false));
        let packets = testing::rest(&mut *opened.demuxer, &mut window);
        assert_eq!(packets.len(), 236);
        assert_eq!(packets[0].pts, 0);
        testing::assert_gapless(&packets);
        let payload: usize = packets.iter().map(|p| p.data.len() + 7).sum();
        assert_eq!(payload, TONE.len());
    }

    #[test]
    fn pieces_of_any_size_give_the_same() {
        testing::assert_same_in_pieces(TONE, open);
    }

    #[test]
    fn cut_and_damaged_files_come_to_an_end() {
        testing::assert_survives(TONE, open);
    }

    #[test]
    fn tags_and_garbage_in_front_are_passed() {
        let data = [b"ID3\x03\0\0\0\0\0\x0A0123456789garbage", TONE].concat();
        let (mut opened, mut window) = testing::open(&data, open());
        assert_eq!(testing::rest(&mut *opened.demuxer, &mut window).len(), 236);
    }

    #[test]
    fn a_checksum_belongs_to_the_header() {
        // 20 bytes a frame: 9 of header and checksum, 11 of payload
        let frame = [
            &[0xFF, 0xF0, 0x4C, 0x80, 0x02, 0x9F, 0xFC, 1, 2][..],
            &[7; 11],
        ]
        .concat();
        let (mut opened, mut window) = testing::open(&frame.repeat(3), open());
        let packets = testing::rest(&mut *opened.demuxer, &mut window);
        assert!(packets.len() == 3 && packets.iter().all(|p| p.data == vec![7; 11]));
    }

    #[test]
    fn seeking_is_refused() {
        let (mut opened, mut window) = testing::open(TONE, open());
        let stop = opened.demuxer.seek(0, &mut window);
        assert!(matches!(
            stop,
            Err(Stop::Malformed(DemuxError::Unsupported(_)))
        ));
    }
}
