//! Owns: reading fields of any number of bits, most significant first.
//! Never knows: which format the fields belong to.

use crate::media::demux::DemuxError;

/// A cursor over bits. Every read says the same error when they run out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    at: usize,
    too_short: DemuxError,
}

impl<'a> Bits<'a> {
    /// Starts at the top bit of the first of `bytes`; `too_short` is what is said when they run out.
    pub(super) const fn new(bytes: &'a [u8], too_short: DemuxError) -> Self {
        Self {
            bytes,
            at: 0,
            too_short,
        }
    }

    /// Bits read so far.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// Bits that are left.
    pub(super) const fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// The next `count` bits, at most 32.
    pub(super) fn take(&mut self, count: usize) -> Result<u32, DemuxError> {
        if count > self.left() {
            return Err(self.too_short);
        }
        let mut value = 0;
        for at in self.at..self.at + count {
            value = value << 1 | u32::from(self.bytes[at / 8] >> (7 - at % 8) & 1);
        }
        self.at += count;
        Ok(value)
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> Result<bool, DemuxError> {
        self.take(1).map(|bit| bit == 1)
    }

    /// Leaves `count` bits out.
    pub(super) fn skip(&mut self, count: usize) -> Result<(), DemuxError> {
        if count > self.left() {
            return Err(self.too_short);
        }
        self.at += count;
        Ok(())
    }

    /// Leaves bits out up to the next whole byte.
    pub(super) fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    /// The next `count` bits as bytes, the last one filled with zeros.
    pub(super) fn bytes(&mut self, count: usize) -> Result<Vec<u8>, DemuxError> {
        if count > self.left() {
            return Err(self.too_short);
        }
        let (first, shift) = (self.at / 8, self.at % 8);
        let mut bytes: Vec<u8> = (first..first + count.div_ceil(8))
            .map(|at| {
                let next = self.bytes.get(at + 1).copied().unwrap_or(0);
                (u16::from_be_bytes([self.bytes[at], next]) >> (8 - shift)) as u8
            })
            .collect();
        if let (Some(last), 1..) = (bytes.last_mut(), count % 8) {
            *last &= 0xFF << (8 - count % 8);
        }
        self.at += count;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_any_width_follow_each_other() {
        let short = DemuxError::Broken("short");
        let mut bits = Bits::new(&[0b1010_1100, 0b0111_0001, 0xFF], short);
        assert_eq!(bits.take(3), Ok(0b101));
        assert_eq!(bits.bytes(10), Ok(vec![0b0110_0011, 0b1000_0000]));
        assert_eq!(bits.take(3), Ok(0b001));
        assert_eq!((bits.position(), bits.left()), (16, 8));
        assert_eq!(bits.take(9), Err(short));
        assert_eq!(bits.skip(9), Err(short));
        assert_eq!(bits.bytes(8), Ok(vec![0xFF]));
        assert_eq!(bits.bytes(0), Ok(vec![]));
    }
}
