//! Owns: taking a block apart: track, time, laced frames (RFC 9559, section 10).
//! Never knows: codecs, positions in samples.

use super::ebml::{signed_vint, vint};
use crate::media::demux::DemuxError;
use bytes::Bytes;

/// A `Block` or `SimpleBlock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Ticks relative to the cluster.
    pub ticks: i16,
    /// At least one frame.
    pub frames: Vec<Bytes>,
}

const BROKEN: DemuxError = DemuxError::Broken("a block ends early");

/// The track number at the front of a block.
pub(super) fn track_number(block: &[u8]) -> Option<u64> {
    vint(block).map(|(number, _)| number)
}

/// Takes a block's body apart.
///
/// # Errors
/// [`DemuxError::Broken`] when the sizes in it do not fit.
pub(super) fn parse(mut body: Bytes) -> Result<Block, DemuxError> {
    let (_, number_len) = vint(&body).ok_or(BROKEN)?;
    let head = body.get(number_len..number_len + 3).ok_or(BROKEN)?;
    let ticks = i16::from_be_bytes([head[0], head[1]]);
    let lacing = head[2] >> 1 & 3;
    let _ = body.split_to(number_len + 3);
    if lacing == 0 {
        return Ok(Block {
            ticks,
            frames: vec![body],
        });
    }
    let count = usize::from(*body.first().ok_or(BROKEN)?) + 1;
    let _ = body.split_to(1);
    let (sizes, header_len) = match lacing {
        1 => xiph_sizes(&body, count)?,
        3 => ebml_sizes(&body, count)?,
        _ => {
            if !body.len().is_multiple_of(count) {
                return Err(BROKEN);
            }
            (vec![body.len() / count; count - 1], 0)
        }
    };
    let _ = body.split_to(header_len);
    let mut frames = Vec::with_capacity(count);
    for size in sizes {
        if size > body.len() {
            return Err(BROKEN);
        }
        frames.push(body.split_to(size));
    }
    // the last frame is what is left
    frames.push(body);
    Ok(Block { ticks, frames })
}

/// Sizes of all frames but the last as bytes that are added up to one below 255; and the bytes that they take. Codec
/// headers in CodecPrivate are laced the same way.
pub(super) fn xiph_sizes(body: &[u8], count: usize) -> Result<(Vec<usize>, usize), DemuxError> {
    let mut at = 0;
    let mut sizes = Vec::with_capacity(count);
    for _ in 1..count {
        let mut size = 0;
        loop {
            let byte = *body.get(at).ok_or(BROKEN)?;
            at += 1;
            size += usize::from(byte);
            if byte != 255 {
                break;
            }
        }
        sizes.push(size);
    }
    Ok((sizes, at))
}

/// The first size plain, the others as differences.
fn ebml_sizes(body: &[u8], count: usize) -> Result<(Vec<usize>, usize), DemuxError> {
    let mut sizes = Vec::with_capacity(count);
    let mut at = 0;
    let mut size = 0i64;
    for index in 1..count {
        let rest = &body[at..];
        let (step, len) = if index == 1 {
            let (first, len) = vint(rest).ok_or(BROKEN)?;
            (i64::try_from(first).map_err(|_| BROKEN)?, len)
        } else {
            signed_vint(rest).ok_or(BROKEN)?
        };
        size = size.checked_add(step).ok_or(BROKEN)?;
        sizes.push(usize::try_from(size).map_err(|_| BROKEN)?);
        at += len;
    }
    Ok((sizes, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(flags: u8, rest: &[u8]) -> Bytes {
        let mut bytes = vec![0x81, 0x00, 0x05, flags];
        bytes.extend_from_slice(rest);
        bytes.into()
    }

    fn lens(body: Bytes) -> Vec<usize> {
        let block = parse(body).expect("reads");
        assert_eq!(block.ticks, 5);
        block.frames.iter().map(Bytes::len).collect()
    }

    #[test]
    fn all_three_lacings_give_the_frames_of_rfc_9559() {
        // section 10.3: three frames of 800, 500 and 1000 bytes
        let mut xiph = vec![2, 255, 255, 255, 35, 255, 245];
        xiph.extend([0; 2300]);
        assert_eq!(lens(block(0x02, &xiph)), [800, 500, 1000]);
        let mut ebml = vec![2, 0x43, 0x20, 0x5E, 0xD3];
        ebml.extend([0; 2300]);
        assert_eq!(lens(block(0x06, &ebml)), [800, 500, 1000]);
        let mut fixed = vec![2];
        fixed.extend([0; 2400]);
        assert_eq!(lens(block(0x04, &fixed)), [800, 800, 800]);
        assert_eq!(lens(block(0x00, &[0; 7])), [7]);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        for (flags, rest) in [
            (0x02, &[2, 255, 255][..]),
            (0x02, &[1, 9, 0, 0]),
            (0x06, &[2, 0x81, 0x80, 0]),
            (0x04, &[1, 0, 0, 0]),
            (0x04, &[]),
        ] {
            assert!(parse(block(flags, rest)).is_err(), "{flags:x} {rest:?}");
        }
    }
}
