//! Owns: Vorbis comments, the tags of Ogg and FLAC streams (xiph.org, "Ogg Vorbis I format specification: comment field").
//! Never knows: what packet or block they came in.

use super::{MAX_TAG_BYTES, Tags};

/// Reads a comment block that begins with the vendor's length. A block that is cut off gives what comes before the cut.
pub(super) fn parse(block: &[u8]) -> Tags {
    let mut tags = Tags::default();
    let mut rest = block;
    if counted(&mut rest).is_none() || number(&mut rest).is_none() {
        return tags;
    }
    while let Some(comment) = counted(&mut rest) {
        let Some(equals) = comment.iter().position(|&b| b == b'=') else {
            continue;
        };
        let (name, value) = (&comment[..equals], &comment[equals + 1..]);
        let slot = match name.to_ascii_uppercase().as_slice() {
            b"TITLE" => &mut tags.title,
            b"ARTIST" => &mut tags.artist,
            b"ISRC" => &mut tags.isrc,
            _ => continue,
        };
        if slot.is_none() && !value.is_empty() && value.len() <= MAX_TAG_BYTES {
            *slot = Some(String::from_utf8_lossy(value).into_owned());
        }
    }
    tags
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_le_bytes(*head))
}

fn counted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(number(rest)?).ok()?;
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(comments: &[&str]) -> Vec<u8> {
        let mut block = b"\x04\0\0\0test".to_vec();
        block.extend((comments.len() as u32).to_le_bytes());
        for comment in comments {
            block.extend((comment.len() as u32).to_le_bytes());
            block.extend_from_slice(comment.as_bytes());
        }
        block
    }

    #[test]
    fn names_have_no_case_and_the_first_counts() {
        let tags = parse(&block(&[
            "Title=One",
            "TITLE=Two",
            "artist=A=B",
            "ISRC=X",
            "noise",
        ]));
        assert_eq!(tags.title.as_deref(), Some("One"));
        assert_eq!(tags.artist.as_deref(), Some("A=B"));
        assert_eq!(tags.isrc.as_deref(), Some("X"));
    }

    #[test]
    fn a_cut_block_gives_what_is_whole() {
        let whole = block(&["TITLE=One", "ARTIST=Two"]);
        for len in 0..whole.len() {
            let tags = parse(&whole[..len]);
            assert!(tags.artist.is_none());
            assert_eq!(tags.title.is_some(), len >= 4 + 4 + 4 + 4 + 9);
        }
    }
}
