//! Owns: iTunes-style metadata (`udta/meta/ilst`): title, artist, ISRC and the gapless note.
//! Never knows: who shows them.

use super::boxes::{Children, child};
use crate::media::demux::{MAX_TAG_BYTES, Tags};

/// What iTunes notes about the encoder's padding (`iTunSMPB`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gapless {
    /// Samples before the sound.
    pub delay: u32,
    /// Samples of the sound.
    pub length: u64,
}

/// Reads what a `moov` body carries.
pub(super) fn parse(moov: &[u8]) -> (Tags, Option<Gapless>) {
    let mut tags = Tags::default();
    let mut gapless = None;
    let meta = child(moov, b"udta")
        .and_then(|udta| child(udta, b"meta"))
        .or_else(|| child(moov, b"meta"));
    let Some(list) = meta.and_then(ilst) else {
        return (tags, gapless);
    };
    for (kind, body) in Children(list) {
        match &kind {
            b"\xA9nam" => tags.title = text(body),
            b"\xA9ART" => tags.artist = text(body),
            b"----" => match name(body) {
                Some(b"ISRC") => tags.isrc = text(body),
                Some(b"iTunSMPB") => gapless = text(body).as_deref().and_then(parse_gapless),
                _ => {}
            },
            _ => {}
        }
    }
    (tags, gapless)
}

/// `meta` is a full box, but not in QuickTime files.
fn ilst(meta: &[u8]) -> Option<&[u8]> {
    child(meta.get(4..)?, b"ilst").or_else(|| child(meta, b"ilst"))
}

fn name(body: &[u8]) -> Option<&[u8]> {
    child(body, b"name")?.get(4..)
}

/// The first `data` box: type and locale, then the text.
fn text(body: &[u8]) -> Option<String> {
    let text = child(body, b"data")?.get(8..)?;
    if text.is_empty() || text.len() > MAX_TAG_BYTES {
        return None;
    }
    let text = String::from_utf8_lossy(text);
    let text = text.trim_end_matches('\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// Hexadecimal words: zero, delay, padding, length.
fn parse_gapless(text: &str) -> Option<Gapless> {
    let mut words = text.split_ascii_whitespace();
    let delay = u32::from_str_radix(words.nth(1)?, 16).ok()?;
    let length = u64::from_str_radix(words.nth(1)?, 16).ok()?;
    (length > 0).then_some(Gapless { delay, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gapless_note_is_read() {
        // as iTunes writes it for 12 s at 44.1 kHz
        let note = " 00000000 00000840 000001C4 0000000000081330 00000000 00000000";
        assert_eq!(
            parse_gapless(note),
            Some(Gapless {
                delay: 2112,
                length: 529_200
            })
        );
        assert_eq!(parse_gapless(" 0 1"), None);
    }
}
