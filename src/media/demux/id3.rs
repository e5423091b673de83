//! Owns: ID3v2 tags (2.2, 2.3, 2.4) in front of a stream: what they say, and where they end.
//! Never knows: which stream follows.
//!
//! Only the text frames that are shown are read; pictures are skipped, so that a large one costs no memory (and on a
//! window that can jump, no time). Layout: id3.org, "ID3 tag version 2.4.0 – Main Structure", and 2.3.0, 2.2.

use super::{DemuxError, MAX_TAG_BYTES, Tags};
use crate::media::window::{ByteWindow, Stop};

/// All tags in front of one stream together, in bytes.
const MAX_TOTAL: u64 = 16 << 20;
/// How much of a tag is read that is unsynchronised as a whole: there sizes cannot be added up without reading.
const MAX_UNSYNCHRONISED: u64 = 64 << 10;

/// Owner of the private frame that holds a time stamp, and the bytes of that frame: the owner, a zero, eight bytes of number
/// (RFC 8216, section 3.4).
const TRANSPORT_TIME: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";
const TRANSPORT_TIME_LEN: usize = TRANSPORT_TIME.len() + 8;

/// Reads the tags at the window's position, however many there are in a row.
#[derive(Default)]
pub(super) struct Id3 {
    tags: Tags,
    open: Option<Tag>,
    total: u64,
    transport_time: Option<u64>,
}

#[derive(Clone, Copy)]
struct Tag {
    version: u8,
    /// The whole tag is unsynchronised (before 2.4; there each frame says so itself).
    is_unsynchronised: bool,
    /// Where the frames end.
    frames_end: u64,
    /// Where the tag ends, with its footer.
    end: u64,
}

/// A frame's header.
struct Frame {
    id: [u8; 4],
    header_len: usize,
    len: usize,
    /// Format flags: how the frame's content is packed.
    packing: u8,
}

impl Id3 {
    /// Moves behind the last tag.
    ///
    /// # Errors
    /// [`Stop::Need`] when called too early; [`DemuxError::TooLarge`] beyond 16 MiB of tags.
    pub(super) fn advance(&mut self, bytes: &mut ByteWindow) -> Result<(), Stop> {
        loop {
            match self.open {
                None => {
                    if !self.begin(bytes)? {
                        return Ok(());
                    }
                }
                Some(tag) if tag.is_unsynchronised => self.read_unsynchronised(tag, bytes)?,
                Some(tag) => self.read_frame(tag, bytes)?,
            }
        }
    }

    /// What was found.
    pub(super) fn into_tags(self) -> Tags {
        self.tags
    }

    /// The time stamp in front of a segment of HLS, in ticks of the clock of MPEG-TS.
    pub(super) const fn transport_time(&self) -> Option<u64> {
        self.transport_time
    }

    /// Reads a tag's header; false when there is none.
    fn begin(&mut self, bytes: &mut ByteWindow) -> Result<bool, Stop> {
        let at = bytes.position();
        let seen = match bytes.peek(3) {
            Ok(b"ID3") => bytes.peek(10),
            Ok(_) => return Ok(false),
            Err(stop) => Err(stop),
        };
        let head: [u8; 10] = match seen {
            Ok(seen) => seen.try_into().expect("ten were asked for"),
            Err(Stop::End) => return Ok(false),
            Err(stop) => return Err(stop),
        };
        let (version, flags) = (head[3], head[5]);
        let Some(size) = synchsafe(&head[6..]).filter(|_| matches!(version, 2..=4)) else {
            return Ok(false);
        };
        let size = u64::from(size);
        let mut to_skip = 10;
        // in 2.2 the same bit means a compression that was never defined
        if flags & 0x40 != 0 && version > 2 && size >= 4 {
            let field = &bytes.peek(14)?[10..];
            to_skip += match version {
                3 => 4 + u64::from(be32(field)),
                _ => u64::from(synchsafe(field).unwrap_or(0)),
            };
        }
        self.total += 10 + size;
        if self.total > MAX_TOTAL {
            return Err(DemuxError::TooLarge("the ID3 tag").into());
        }
        let frames_end = at + 10 + size;
        self.open = Some(Tag {
            version,
            is_unsynchronised: flags & 0x80 != 0 && version < 4,
            frames_end,
            end: frames_end
                + if version == 4 && flags & 0x10 != 0 {
                    10
                } else {
                    0
                },
        });
        if version == 2 && flags & 0x40 != 0 || to_skip > 10 + size {
            self.close(bytes);
        } else {
            bytes.skip(to_skip);
        }
        Ok(true)
    }

    fn close(&mut self, bytes: &mut ByteWindow) {
        if let Some(tag) = self.open.take() {
            bytes.seek(tag.end);
        }
    }

    fn read_frame(&mut self, tag: Tag, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let left = tag.frames_end.saturating_sub(bytes.position());
        let header_len = if tag.version == 2 { 6 } else { 10 };
        if left < header_len as u64 || self.is_complete() {
            self.close(bytes);
            return Ok(());
        }
        let frame = match bytes.peek(header_len) {
            Ok(seen) => Frame::parse(tag.version, seen),
            Err(Stop::End) => None,
            Err(stop) => return Err(stop),
        };
        let Some(frame) = frame.filter(|f| (f.header_len + f.len) as u64 <= left) else {
            // padding, or damage
            self.close(bytes);
            return Ok(());
        };
        let whole = frame.header_len + frame.len;
        if &frame.id == b"PRIV" && frame.len == TRANSPORT_TIME_LEN {
            match bytes.peek(whole) {
                Ok(seen) => {
                    let ticks = seen[frame.header_len..].strip_prefix(TRANSPORT_TIME);
                    let ticks = ticks.and_then(|ticks| ticks.first_chunk());
                    self.transport_time = ticks.map(|ticks| u64::from_be_bytes(*ticks));
                }
                Err(Stop::End) => {}
                Err(stop) => return Err(stop),
            }
        }
        if let Some(slot) = self.slot(&frame) {
            match bytes.peek(whole) {
                Ok(seen) => *slot = frame.text(tag.version, &seen[frame.header_len..]),
                Err(Stop::End) => {}
                Err(stop) => return Err(stop),
            }
        }
        bytes.skip(whole as u64);
        Ok(())
    }

    fn read_unsynchronised(&mut self, tag: Tag, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let left = tag.frames_end.saturating_sub(bytes.position());
        let len = left.min(MAX_UNSYNCHRONISED) as usize;
        let seen = match bytes.peek(len) {
            Ok(seen) => seen,
            Err(Stop::End) => bytes.peek_up_to(len),
            Err(stop) => return Err(stop),
        };
        let plain = without_unsynchronisation(seen);
        let mut rest = &plain[..];
        let header_len = if tag.version == 2 { 6 } else { 10 };
        while rest.len() >= header_len {
            let Some(frame) = Frame::parse(tag.version, rest) else {
                break;
            };
            let Some((body, next)) = rest[header_len..].split_at_checked(frame.len) else {
                break;
            };
            if let Some(slot) = self.slot(&frame) {
                *slot = frame.text(tag.version, body);
            }
            rest = next;
        }
        self.close(bytes);
        Ok(())
    }

    const fn is_complete(&self) -> bool {
        self.tags.title.is_some() && self.tags.artist.is_some() && self.tags.isrc.is_some()
    }

    /// Where this frame's text belongs, when it is wanted.
    fn slot(&mut self, frame: &Frame) -> Option<&mut Option<String>> {
        let slot = match &frame.id {
            b"TIT2" | b"TT2\0" => &mut self.tags.title,
            b"TPE1" | b"TP1\0" => &mut self.tags.artist,
            b"TSRC" | b"TRC\0" => &mut self.tags.isrc,
            _ => return None,
        };
        (slot.is_none() && frame.len <= MAX_TAG_BYTES).then_some(slot)
    }
}

impl Frame {
    /// Reads a frame header; `None` at padding.
    fn parse(version: u8, bytes: &[u8]) -> Option<Self> {
        let id_len = if version == 2 { 3 } else { 4 };
        let mut id = [0; 4];
        id[..id_len].copy_from_slice(&bytes[..id_len]);
        if !id[..id_len]
            .iter()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        {
            return None;
        }
        let (header_len, len, packing) = match version {
            2 => (6, be32(&[0, bytes[3], bytes[4], bytes[5]]), 0),
            3 => (10, be32(&bytes[4..]), bytes[9]),
            // some writers (old iTunes) put a plain number here: then a top bit may be set
            _ => (
                10,
                synchsafe(&bytes[4..]).unwrap_or_else(|| be32(&bytes[4..])),
                bytes[9],
            ),
        };
        Some(Self {
            id,
            header_len,
            len: len as usize,
            packing,
        })
    }

    /// The first string of a text frame; `None` when it is empty, compressed or encrypted.
    fn text(&self, version: u8, body: &[u8]) -> Option<String> {
        let (is_opaque, is_grouped, is_unsynchronised, has_len) = match version {
            3 => (
                self.packing & 0xC0 != 0,
                self.packing & 0x20 != 0,
                false,
                false,
            ),
            4 => (
                self.packing & 0x0C != 0,
                self.packing & 0x40 != 0,
                self.packing & 0x02 != 0,
                self.packing & 0x01 != 0,
            ),
            _ => (false, false, false, false),
        };
        if is_opaque {
            return None;
        }
        let prefix = usize::from(is_grouped) + if has_len { 4 } else { 0 };
        let body = body.get(prefix..)?;
        if is_unsynchronised {
            decode_text(&without_unsynchronisation(body))
        } else {
            decode_text(body)
        }
    }
}

/// Undoes unsynchronisation: every `FF 00` stands for `FF`.
fn without_unsynchronisation(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut is_after_ff = false;
    for &byte in bytes {
        if !(is_after_ff && byte == 0) {
            plain.push(byte);
        }
        is_after_ff = byte == 0xFF;
    }
    plain
}

fn decode_text(body: &[u8]) -> Option<String> {
    let (&encoding, text) = body.split_first()?;
    let text = match encoding {
        0 => text.iter().map(|&c| char::from(c)).collect(),
        // without a mark the original takes UTF-16 for big endian, as Java does
        1 => match text {
            [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
            [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
            _ => utf16(text, u16::from_be_bytes),
        },
        2 => utf16(text, u16::from_be_bytes),
        3 => String::from_utf8_lossy(text).into_owned(),
        _ => return None,
    };
    let first = text.split('\0').next().unwrap_or_default();
    (!first.is_empty()).then(|| first.to_owned())
}

fn utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Seven bits a byte; `None` when a top bit is set. Reads four bytes.
fn synchsafe(bytes: &[u8]) -> Option<u32> {
    bytes[..4].iter().try_fold(0, |sum, &byte| {
        (byte < 0x80).then_some(sum << 7 | u32::from(byte))
    })
}

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(version: u8, flags: u8, frames: &[u8]) -> Vec<u8> {
        let size = frames.len() as u32;
        let mut tag = vec![b'I', b'D', b'3', version, 0, flags];
        tag.extend([21, 14, 7, 0].map(|shift| (size >> shift & 0x7F) as u8));
        tag.extend_from_slice(frames);
        tag
    }

    fn frame(version: u8, id: &str, flags: u8, body: &[u8]) -> Vec<u8> {
        let mut frame = id.as_bytes().to_vec();
        let len = (body.len() as u32).to_be_bytes();
        if version == 2 {
            frame.extend_from_slice(&len[1..]);
        } else {
            frame.extend_from_slice(&len);
            frame.extend_from_slice(&[0, flags]);
        }
        frame.extend_from_slice(body);
        frame
    }

    fn read(data: Vec<u8>) -> (Tags, u64) {
        let mut window = ByteWindow::of(data);
        let mut id3 = Id3::default();
        id3.advance(&mut window).expect("all is there");
        (id3.into_tags(), window.position())
    }

    #[test]
    fn version_2_2_has_short_names_and_sizes() {
        let frames = [
            frame(2, "TT2", 0, b"\0Caf\xE9\0"),
            frame(2, "TP1", 0, b"\0A"),
        ]
        .concat();
        let (tags, _) = read(tag(2, 0, &frames));
        assert_eq!(
            (tags.title.as_deref(), tags.artist.as_deref()),
            (Some("Caf\u{E9}"), Some("A"))
        );
    }

    #[test]
    fn every_text_encoding_is_read() {
        for (body, title) in [
            (&b"\x01\xFF\xFEA\0\xE9\0"[..], "A\u{E9}"),
            (b"\x01\xFE\xFF\0A", "A"),
            (b"\x01\0A\0B", "AB"),
            (b"\x02\x4E\x16", "\u{4E16}"),
            (b"\x03\xC3\xA9\0second", "\u{E9}"),
        ] {
            let (tags, _) = read(tag(4, 0, &frame(4, "TIT2", 0, body)));
            assert_eq!(tags.title.as_deref(), Some(title));
        }
    }

    #[test]
    fn several_tags_padding_and_a_footer_are_passed() {
        let mut data = tag(3, 0, &frame(3, "TSRC", 0, b"\0USABC0000001"));
        let mut footed = tag(
            4,
            0x10,
            &[frame(4, "TIT2", 0, b"\x03T"), vec![0; 40]].concat(),
        );
        footed.extend_from_slice(b"3DI\x04\0\x10\0\0\0\x33");
        data.extend(footed);
        let end = data.len() as u64;
        data.extend_from_slice(b"\xFF\xFBrest-of-it");
        let (tags, position) = read(data);
        assert_eq!(
            (tags.title.as_deref(), tags.isrc.as_deref(), position),
            (Some("T"), Some("USABC0000001"), end)
        );
    }

    #[test]
    fn unsynchronisation_and_extended_headers_are_undone() {
        // the picture's FF 00 counts as one byte in the frame's size
        let picture = frame(3, "APIC", 0, &[0xFF, 1, 2]);
        let unsynchronised = [
            &picture[..10],
            &[0xFF, 0, 1, 2],
            &frame(3, "TPE1", 0, b"\0Band")[..],
        ]
        .concat();
        assert_eq!(
            read(tag(3, 0x80, &unsynchronised)).0.artist.as_deref(),
            Some("Band")
        );

        let extended = [
            &[0, 0, 0, 6, 0, 0, 0, 0, 0, 0][..],
            &frame(3, "TPE1", 0, b"\0Band"),
        ]
        .concat();
        assert_eq!(
            read(tag(3, 0x40, &extended)).0.artist.as_deref(),
            Some("Band")
        );

        let extended = [
            &[0, 0, 0, 6, 1, 0][..],
            &frame(4, "TPE1", 0x03, b"\0\0\0\x04\x01\xFF\0\xFEA\0"),
        ]
        .concat();
        assert_eq!(read(tag(4, 0x40, &extended)).0.artist.as_deref(), Some("A"));
    }

    #[test]
    fn a_large_picture_is_never_asked_for() {
        let mut frames = frame(3, "APIC", 0, &[]);
        frames[4..8].copy_from_slice(&3_000_000_u32.to_be_bytes());
        let mut head = tag(3, 0, &[]);
        let size = 3_000_010 + 14 + 10_u32;
        head.splice(
            6..10,
            [21, 14, 7, 0].map(|shift| (size >> shift & 0x7F) as u8),
        );
        head.extend(&frames);
        let (mut writer, mut window) = crate::media::window::lane(4096);
        writer.describe(Some(9_000_000), true);
        writer.push(head.into());
        let mut id3 = Id3::default();
        assert!(matches!(id3.advance(&mut window), Err(Stop::Need(10))));
        assert_eq!(
            writer.poll(),
            Some(crate::media::window::Task::Jump(3_000_020))
        );
        writer.push(frame(3, "TIT2", 0, b"\0Behind").into());
        writer.push(vec![0; 20].into());
        id3.advance(&mut window).expect("all is there");
        assert_eq!(id3.into_tags().title.as_deref(), Some("Behind"));
    }

    #[test]
    fn sixteen_mebibytes_are_the_limit() {
        let mut data = tag(4, 0, &[]);
        data.splice(6..10, [0x08, 0, 0, 1]);
        let stop = Id3::default().advance(&mut ByteWindow::of(data));
        assert!(matches!(
            stop,
            Err(Stop::Malformed(DemuxError::TooLarge(_)))
        ));
    }
}
