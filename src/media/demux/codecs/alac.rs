//! Owns: reading the magic cookie of Apple Lossless (ALACSpecificConfig, Apple's ALACMagicCookieDescription.txt).
//! Never knows: which box or element holds it.

use crate::media::demux::{DemuxError, fields::Fields};

/// What the cookie says of the decoded sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::demux) struct AlacFormat {
    /// Samples per channel of each packet but the last.
    pub frame_samples: u32,
    /// Not 0.
    pub channels: u16,
    /// Hz; not 0.
    pub rate: u32,
}

impl AlacFormat {
    /// Reads a cookie; a channel layout may stand behind it.
    ///
    /// # Errors
    /// [`DemuxError::Broken`] when it is too short or has no rate or channels.
    pub(in crate::media::demux) fn parse(cookie: &[u8]) -> Result<Self, DemuxError> {
        let mut fields = Fields::new(cookie, "the ALAC cookie ends early");
        let frame_samples = fields.u32()?;
        fields.skip(5)?;
        let channels = fields.u8()?;
        fields.skip(10)?;
        let rate = fields.u32()?;
        if rate == 0 || channels == 0 {
            return Err(DemuxError::Broken("the ALAC cookie has rate or channels 0"));
        }
        Ok(Self {
            frame_samples,
            channels: channels.into(),
            rate,
        })
    }
}
