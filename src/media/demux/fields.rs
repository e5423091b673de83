//! Owns: reading the fixed-width fields of a header that lies whole in memory.
//! Never knows: which format the fields belong to.

use crate::media::demux::DemuxError;

/// A cursor over header bytes. Every read says [`DemuxError::Broken`] with the header's name when the bytes run out.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    /// What is being read, for the error.
    part: &'static str,
}

impl<'a> Fields<'a> {
    /// Starts at the first of `bytes`; `part` names them in errors.
    pub(super) const fn new(bytes: &'a [u8], part: &'static str) -> Self {
        Self { rest: bytes, part }
    }

    /// What has not been read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `len` bytes.
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], DemuxError> {
        let (head, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(DemuxError::Broken(self.part))?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DemuxError> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(DemuxError::Broken(self.part))?;
        self.rest = rest;
        Ok(*head)
    }

    /// Leaves `len` bytes out.
    pub(super) fn skip(&mut self, len: usize) -> Result<(), DemuxError> {
        self.bytes(len).map(drop)
    }

    /// One byte.
    pub(super) fn u8(&mut self) -> Result<u8, DemuxError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, most significant first.
    pub(super) fn u16(&mut self) -> Result<u16, DemuxError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, most significant first.
    pub(super) fn u32(&mut self) -> Result<u32, DemuxError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, most significant first.
    pub(super) fn u64(&mut self) -> Result<u64, DemuxError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Two bytes, least significant first.
    pub(super) fn u16_le(&mut self) -> Result<u16, DemuxError> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes, least significant first.
    pub(super) fn u32_le(&mut self) -> Result<u32, DemuxError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes, least significant first.
    pub(super) fn u64_le(&mut self) -> Result<u64, DemuxError> {
        self.array().map(u64::from_le_bytes)
    }
}
