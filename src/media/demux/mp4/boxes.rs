//! Owns: the box structure of ISO 14496-12, section 4.2: headers in a stream, children in memory.
//! Never knows: what a box means.

use crate::media::{
    demux::DemuxError,
    window::{ByteWindow, Stop},
};

/// The header of a box in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BoxHeader {
    /// Its four characters.
    pub kind: [u8; 4],
    /// Bytes of the header: 8, or 16 with a 64-bit size.
    pub header_len: usize,
    /// Bytes with the header; `None`: up to the end of the file.
    pub size: Option<u64>,
}

impl BoxHeader {
    /// Offset of the next box when this one begins at `at`; `u64::MAX` when none follows.
    pub(super) const fn end(&self, at: u64) -> u64 {
        match self.size {
            Some(size) => at.saturating_add(size),
            None => u64::MAX,
        }
    }
}

/// The header at the window's position, which stays.
pub(super) fn peek_header(bytes: &mut ByteWindow) -> Result<BoxHeader, Stop> {
    let head = bytes.peek(8)?;
    let kind = [head[4], head[5], head[6], head[7]];
    let (header_len, size) = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
        0 => (8, None),
        1 => {
            let wide = bytes
                .peek(16)?
                .last_chunk()
                .map_or(0, |wide| u64::from_be_bytes(*wide));
            (16, Some(wide))
        }
        size => (8, Some(u64::from(size))),
    };
    if size.is_some_and(|size| size < header_len as u64) {
        return Err(DemuxError::Broken("a box is smaller than its header").into());
    }
    Ok(BoxHeader {
        kind,
        header_len,
        size,
    })
}

/// The boxes inside a box. Ends where the structure does not hold.
#[derive(Clone, Debug)]
pub(super) struct Children<'a>(pub &'a [u8]);

impl<'a> Iterator for Children<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, _) = self.0.split_first_chunk::<8>()?;
        let kind = [head[4], head[5], head[6], head[7]];
        let (header_len, size) = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
            0 => (8, self.0.len()),
            1 => {
                let wide = self.0.get(8..16)?.first_chunk()?;
                (16, usize::try_from(u64::from_be_bytes(*wide)).ok()?)
            }
            size => (8, size as usize),
        };
        let body = self.0.get(header_len..size)?;
        self.0 = &self.0[size..];
        Some((kind, body))
    }
}

/// The body of the first child of that kind.
pub(super) fn child<'a>(body: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    Children(body)
        .find(|(found, _)| found == kind)
        .map(|(_, body)| body)
}

/// The body at the end of a path of first children.
pub(super) fn descend<'a>(body: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(body, |body, kind| child(body, kind))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A box with a 32-bit size.
    pub(crate) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = (body.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend(kind);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn sizes_of_all_three_kinds_are_read() {
        let mut window = ByteWindow::of(&b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\0"[..]);
        let wide = peek_header(&mut window).expect("reads");
        assert_eq!(
            (wide.header_len, wide.size, wide.end(5)),
            (16, Some(1 << 32), (1 << 32) + 5)
        );
        let open = peek_header(&mut ByteWindow::of(&b"\0\0\0\0mdat"[..])).expect("reads");
        assert_eq!((open.size, open.end(5)), (None, u64::MAX));
        assert!(peek_header(&mut ByteWindow::of(&b"\0\0\0\x07mdat"[..])).is_err());
    }

    #[test]
    fn children_end_where_a_size_does_not_fit() {
        let mut body = boxed(b"free", b"abc");
        body.extend(b"\0\0\0\x63moov");
        let found: Vec<_> = Children(&body).collect();
        assert_eq!(found, [(*b"free", &b"abc"[..])]);
    }
}
