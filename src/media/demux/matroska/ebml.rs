//! Owns: EBML (RFC 8794): element headers in a stream, children and values in memory.
//! Never knows: what an element means, except the names of those that are used.

use crate::media::{
    demux::{DemuxError, MAX_TAG_BYTES},
    window::{ByteWindow, Stop},
};

/// Element IDs with their length markers (RFC 9559, section 5.1).
pub(super) mod id {
    pub const EBML: u32 = 0x1A45_DFA3;
    pub const DOC_TYPE: u32 = 0x4282;
    pub const VOID: u32 = 0xEC;
    pub const CRC_32: u32 = 0xBF;
    pub const SEGMENT: u32 = 0x1853_8067;
    pub const SEEK_HEAD: u32 = 0x114D_9B74;
    pub const SEEK: u32 = 0x4DBB;
    pub const SEEK_ID: u32 = 0x53AB;
    pub const SEEK_POSITION: u32 = 0x53AC;
    pub const INFO: u32 = 0x1549_A966;
    pub const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
    pub const DURATION: u32 = 0x4489;
    pub const TITLE: u32 = 0x7BA9;
    pub const TRACKS: u32 = 0x1654_AE6B;
    pub const TRACK_ENTRY: u32 = 0xAE;
    pub const TRACK_NUMBER: u32 = 0xD7;
    pub const TRACK_TYPE: u32 = 0x83;
    pub const FLAG_ENABLED: u32 = 0xB9;
    pub const FLAG_DEFAULT: u32 = 0x88;
    pub const CODEC_ID: u32 = 0x86;
    pub const CODEC_PRIVATE: u32 = 0x63A2;
    pub const CODEC_DELAY: u32 = 0x56AA;
    pub const SEEK_PRE_ROLL: u32 = 0x56BB;
    pub const AUDIO: u32 = 0xE1;
    pub const SAMPLING_FREQUENCY: u32 = 0xB5;
    pub const OUTPUT_SAMPLING_FREQUENCY: u32 = 0x78B5;
    pub const CHANNELS: u32 = 0x9F;
    pub const BIT_DEPTH: u32 = 0x6264;
    pub const CONTENT_ENCODINGS: u32 = 0x6D80;
    pub const CONTENT_ENCODING: u32 = 0x6240;
    pub const CONTENT_ENCODING_SCOPE: u32 = 0x5032;
    pub const CONTENT_ENCODING_TYPE: u32 = 0x5033;
    pub const CONTENT_COMPRESSION: u32 = 0x5034;
    pub const CONTENT_COMP_ALGO: u32 = 0x4254;
    pub const CONTENT_COMP_SETTINGS: u32 = 0x4255;
    pub const CUES: u32 = 0x1C53_BB6B;
    pub const CUE_POINT: u32 = 0xBB;
    pub const CUE_TIME: u32 = 0xB3;
    pub const CUE_TRACK_POSITIONS: u32 = 0xB7;
    pub const CUE_TRACK: u32 = 0xF7;
    pub const CUE_CLUSTER_POSITION: u32 = 0xF1;
    pub const CHAPTERS: u32 = 0x1043_A770;
    pub const ATTACHMENTS: u32 = 0x1941_A469;
    pub const TAGS: u32 = 0x1254_C367;
    pub const TAG: u32 = 0x7373;
    pub const SIMPLE_TAG: u32 = 0x67C8;
    pub const TAG_NAME: u32 = 0x45A3;
    pub const TAG_STRING: u32 = 0x4487;
    pub const CLUSTER: u32 = 0x1F43_B675;
    pub const TIMESTAMP: u32 = 0xE7;
    pub const POSITION: u32 = 0xA7;
    pub const PREV_SIZE: u32 = 0xAB;
    pub const SIMPLE_BLOCK: u32 = 0xA3;
    pub const BLOCK_GROUP: u32 = 0xA0;
    pub const BLOCK: u32 = 0xA1;
    pub const DISCARD_PADDING: u32 = 0x75A2;
}

/// The header of an element in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub id: u32,
    /// Bytes of ID and size.
    pub header_len: usize,
    /// Bytes of the body; `None`: unknown, as live muxers write.
    pub size: Option<u64>,
}

/// A variable-length number at the front of `bytes` and its length; its marker bit is kept if `keep_marker`. All value
/// bits set means "unknown" and gives `None` when the marker is removed.
fn number(bytes: &[u8], keep_marker: Marker) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    let value = bytes
        .get(..len.min(bytes.len()))
        .filter(|part| part.len() == len && len <= 8)?
        .iter()
        .fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    let mask = (1u64 << (7 * len)) - 1;
    Some(match keep_marker {
        Marker::Keep => (Some(value), len),
        Marker::Remove => ((value & mask != mask).then_some(value & mask), len),
    })
}

#[derive(Clone, Copy)]
enum Marker {
    Keep,
    Remove,
}

/// A variable-length number without its marker: track numbers, lace sizes.
pub(super) fn vint(bytes: &[u8]) -> Option<(u64, usize)> {
    let (value, len) = number(bytes, Marker::Remove)?;
    Some((value?, len))
}

/// A signed one, biased to the middle of its range: the differences in EBML lacing.
pub(super) fn signed_vint(bytes: &[u8]) -> Option<(i64, usize)> {
    let (value, len) = vint(bytes)?;
    let bias = (1i64 << (7 * len - 1)) - 1;
    Some((value as i64 - bias, len))
}

/// Parses an element header in memory.
fn parse_header(bytes: &[u8]) -> Option<Element> {
    let (id, id_len) = number(bytes, Marker::Keep)?;
    let (size, size_len) = number(bytes.get(id_len..)?, Marker::Remove)?;
    Some(Element {
        id: u32::try_from(id?).ok()?,
        header_len: id_len + size_len,
        size,
    })
}

/// The header at the window's position, which stays.
///
/// # Errors
/// [`DemuxError::Broken`] when no element can begin here.
pub(super) fn peek_element(bytes: &mut ByteWindow) -> Result<Element, Stop> {
    const BROKEN: Stop = Stop::Malformed(DemuxError::Broken("no EBML element where one should be"));
    let id_len = bytes.peek(1)?[0].leading_zeros() as usize + 1;
    if id_len > 4 {
        return Err(BROKEN);
    }
    let size_len = bytes.peek(id_len + 1)?[id_len].leading_zeros() as usize + 1;
    if size_len > 8 {
        return Err(BROKEN);
    }
    parse_header(bytes.peek(id_len + size_len)?).ok_or(BROKEN)
}

/// The elements inside an element. Ends where the structure does not hold.
#[derive(Clone, Debug)]
pub(super) struct Children<'a>(pub &'a [u8]);

impl<'a> Iterator for Children<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let element = parse_header(self.0)?;
        let size = usize::try_from(element.size?).ok()?;
        let rest = self.0.get(element.header_len..)?;
        let (body, rest) = rest.split_at_checked(size)?;
        self.0 = rest;
        Some((element.id, body))
    }
}

/// The body of the first child with that ID.
pub(super) fn child(body: &[u8], id: u32) -> Option<&[u8]> {
    Children(body)
        .find(|(found, _)| *found == id)
        .map(|(_, body)| body)
}

/// An unsigned integer; `None` beyond eight bytes.
pub(super) fn uint(body: &[u8]) -> Option<u64> {
    (body.len() <= 8).then(|| {
        body.iter()
            .fold(0, |value, &byte| value << 8 | u64::from(byte))
    })
}

/// A signed integer; `None` beyond eight bytes.
pub(super) fn sint(body: &[u8]) -> Option<i64> {
    let unused = 64 - 8 * u32::try_from(body.len()).ok()?.min(8);
    let value = uint(body)?;
    if unused == 64 {
        return Some(0);
    }
    Some((value << unused) as i64 >> unused)
}

/// A float of four or eight bytes.
pub(super) fn float(body: &[u8]) -> Option<f64> {
    if let Ok(bytes) = <[u8; 4]>::try_from(body) {
        return Some(f32::from_be_bytes(bytes).into());
    }
    <[u8; 8]>::try_from(body).ok().map(f64::from_be_bytes)
}

/// A text without padding; `None` when empty or beyond [`MAX_TAG_BYTES`].
pub(super) fn text(body: &[u8]) -> Option<String> {
    if body.len() > MAX_TAG_BYTES {
        return None;
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim_end_matches('\0');
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_rfc_8794_shows() {
        // section 4.4: the value 2 in one to four bytes
        for bytes in [&[0x82][..], &[0x40, 2], &[0x20, 0, 2], &[0x10, 0, 0, 2]] {
            assert_eq!(vint(bytes), Some((2, bytes.len())));
        }
        assert_eq!(vint(&[0xFF]), None);
        assert_eq!(vint(&[0x40]), None);
        assert_eq!(vint(&[0]), None);
        // RFC 9559, section 10.3.3: 0xBF is a difference of 0, 0x5FD3 is -... around 0x5FFF
        assert_eq!(signed_vint(&[0xBF]), Some((0, 1)));
        assert_eq!(signed_vint(&[0x5F, 0xD3]), Some((-44, 2)));
    }

    #[test]
    fn integers_keep_their_sign() {
        assert_eq!(sint(&[0xFF]), Some(-1));
        assert_eq!(sint(&[0x00, 0xCD, 0xFE, 0x60]), Some(13_500_000));
        assert_eq!(sint(&[]), Some(0));
        assert_eq!(sint(&[0; 9]), None);
    }
}
