//! Owns: finding the next frame in a stream of frames that begin with a sync word (MPEG audio, ADTS, LOAS).
//! Never knows: what such a header says beyond its frame's length.

use super::DemuxError;
use crate::media::window::{ByteWindow, Stop};

/// How much is looked at in one go.
const LOOK: usize = 2048;

/// A frame header that starts with a sync word and tells the frame's length.
pub(super) trait FrameSync: Copy {
    /// The first byte of every header.
    const FIRST: u8 = 0xFF;
    /// Bytes that [`parse`](Self::parse) looks at.
    const LEN: usize;
    /// What is said when no frame is found within the limit.
    const MISSING: &'static str;

    /// Reads a header; `bytes` holds at least [`LEN`](Self::LEN).
    fn parse(bytes: &[u8]) -> Option<Self>;
    /// Bytes from this header to the next one, at least [`LEN`](Self::LEN).
    fn frame_len(&self) -> usize;
    /// Whether both can be of one stream.
    fn is_alike(&self, other: &Self) -> bool;
}

/// How much may lie in front of the first frame: `usual`, or `joined` of a station. There it is what is left of a frame, or
/// another codec, which should not have to wait for long.
pub(super) fn lead(bytes: &ByteWindow, usual: u64, joined: u64) -> u64 {
    if bytes.is_station() { joined } else { usual }
}

/// Moves to the next header that another one follows (or the end, or a tag that closes files), and returns it. With
/// `like`, only headers of that stream count. `skipped` counts what was passed over and is kept between calls.
///
/// # Errors
/// [`Stop::Need`] when called too early: call again with the same `skipped`. [`Stop::End`] when nothing is found up to the
/// end, [`DemuxError::Broken`] when nothing is found in `limit` bytes.
pub(super) fn find<H: FrameSync>(
    bytes: &mut ByteWindow,
    like: Option<&H>,
    skipped: &mut u64,
    limit: u64,
) -> Result<H, Stop> {
    loop {
        if *skipped > limit {
            return Err(DemuxError::Broken(H::MISSING).into());
        }
        let seen = bytes.peek_up_to(LOOK);
        if seen.len() < H::LEN {
            bytes.peek(H::LEN)?;
            continue;
        }
        let found = (0..=seen.len() - H::LEN).find_map(|at| {
            let header = (seen[at] == H::FIRST).then(|| H::parse(&seen[at..]))??;
            like.is_none_or(|like| like.is_alike(&header))
                .then_some((at, header))
        });
        let past = found.map_or(seen.len() - (H::LEN - 1), |(at, _)| at);
        bytes.skip(past as u64);
        *skipped += past as u64;
        if let Some((_, header)) = found {
            if is_followed(bytes, &header)? {
                return Ok(header);
            }
            bytes.skip(1);
            *skipped += 1;
        }
    }
}

fn is_followed<H: FrameSync>(bytes: &mut ByteWindow, header: &H) -> Result<bool, Stop> {
    let len = header.frame_len();
    match bytes.peek(len + H::LEN) {
        Ok(seen) => {
            let next = &seen[len..];
            Ok(H::parse(next).is_some_and(|next| next.is_alike(header)) || is_closing_tag(next))
        }
        // the last frame of all: there is no other to compare with, but it is whole
        Err(Stop::End) => Ok(bytes.peek(len).is_ok()),
        Err(stop) => Err(stop),
    }
}

/// Whether an ID3v1 or APE tag begins here.
pub(super) fn is_closing_tag(bytes: &[u8]) -> bool {
    bytes.starts_with(b"TAG") || bytes.starts_with(b"APET")
}
