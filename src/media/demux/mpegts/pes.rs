//! Owns: the PES packets of one stream (ISO 13818-1, 2.4.3.6): their headers, time stamps, and what is between them.
//! Never knows: what the bytes behind the headers are.

use super::packet::{Counter, Order, TsPacket};
use bytes::{Buf, Bytes};

/// Bytes of a header up to where it says how long it is.
const FIXED: usize = 9;

/// What a packet adds to the stream of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The time stamp, in 90 kHz ticks of 33 bits, when a PES packet with one begins here. It is that of the first frame
    /// that begins in the PES packet.
    pub(super) stamp: Option<u64>,
    /// The bytes.
    pub(super) data: Bytes,
}

/// Reads the packets of one PID.
#[derive(Debug, Default)]
pub(super) struct Pes {
    counter: Counter,
    /// What there is of a header that is not whole; `None` inside of a body or before the first header.
    head: Option<Vec<u8>>,
    is_in_body: bool,
}

/// A PES packet whose content is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scrambled;

impl Pes {
    /// Takes a packet. `None` when it adds nothing: the rest of a PES packet in which something is missing is left out.
    pub(super) fn push(&mut self, packet: &TsPacket) -> Result<Option<Piece>, Scrambled> {
        if packet.payload.is_empty() {
            return Ok(None);
        }
        match self.counter.follow(packet) {
            Order::Next => {}
            Order::Again => return Ok(None),
            Order::Gap => self.lose(),
        }
        if packet.is_scrambled {
            return Err(Scrambled);
        }
        if packet.starts_unit {
            self.is_in_body = false;
            self.head = Some(Vec::new());
        }
        let mut data = packet.payload.clone();
        if self.is_in_body {
            return Ok(Some(Piece { stamp: None, data }));
        }
        let Some(head) = &mut self.head else {
            return Ok(None);
        };
        // byte after byte up to the length, then all that it says
        while head.len() < FIXED {
            if data.is_empty() {
                return Ok(None);
            }
            head.push(data.get_u8());
        }
        let whole = FIXED + usize::from(head[FIXED - 1]);
        let more = (whole - head.len()).min(data.len());
        head.extend_from_slice(&data.split_to(more));
        if head.len() < whole {
            return Ok(None);
        }
        let header = self.head.take().unwrap_or_default();
        let [0, 0, 1, _, _, _, flags, ..] = header[..] else {
            return Ok(None);
        };
        if flags & 0xC0 != 0x80 {
            return Ok(None);
        }
        if flags & 0x30 != 0 {
            return Err(Scrambled);
        }
        self.is_in_body = true;
        Ok(Some(Piece {
            stamp: stamp(&header),
            data,
        }))
    }

    /// Something is missing: nothing counts up to the next PES packet.
    pub(super) fn lose(&mut self) {
        self.head = None;
        self.is_in_body = false;
    }
}

/// The presentation time stamp of a whole header.
fn stamp(header: &[u8]) -> Option<u64> {
    let [a, b, c, d, e] = *header.get(FIXED..)?.first_chunk::<5>()?;
    (header[7] & 0x80 != 0).then(|| {
        u64::from(a >> 1 & 7) << 30
            | u64::from(b) << 22
            | u64::from(c >> 1) << 15
            | u64::from(d) << 7
            | u64::from(e >> 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stamps_have_33_bits() {
        // all ones, with the prefix 0010 and the marker bits
        let header = [
            0, 0, 1, 0xC0, 0, 0, 0x80, 0x80, 5, 0x2F, 0xFF, 0xFF, 0xFF, 0xFF,
        ];
        assert_eq!(stamp(&header), Some((1 << 33) - 1));
        // ffmpeg's usual beginning, 1.4 s: 126 000 = 3 · 2^15 + 27 696
        let header = [
            0, 0, 1, 0xC0, 0, 0, 0x80, 0x80, 5, 0x21, 0x00, 0x07, 0xD8, 0x61,
        ];
        assert_eq!(stamp(&header), Some(126_000));
    }
}
