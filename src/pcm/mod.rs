//! Owns: the block of samples that travels between decoder, resampler, filters and encoder, and other forms of samples.
//! Never knows: who made it.

use alloc::vec::Vec;

pub mod convert;

/// Stereo samples, planar: `channels[0]` left, `channels[1]` right, always of equal length, nominal ±1.0.
///
/// Blocks are reused: `clear` keeps the memory, so nothing is allocated once a playback runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PcmBlock {
    /// Left and right.
    pub channels: [Vec<f32>; 2],
}

impl PcmBlock {
    /// Samples per channel.
    #[must_use]
    pub fn len(&self) -> usize {
        debug_assert_eq!(
            self.channels[0].len(),
            self.channels[1].len(),
            "channels of one block are equally long"
        );
        self.channels[0].len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.channels.iter_mut().for_each(Vec::clear);
    }

    /// Makes it `len` samples long; new samples are silence.
    pub fn resize(&mut self, len: usize) {
        self.channels.iter_mut().for_each(|c| c.resize(len, 0.0));
    }

    /// Removes the first `len` samples.
    pub fn drop_front(&mut self, len: usize) {
        self.channels.iter_mut().for_each(|c| drop(c.drain(..len)));
    }

    /// Appends a range of another block.
    pub fn extend_from(&mut self, other: &Self, range: core::ops::Range<usize>) {
        for (to, from) in self.channels.iter_mut().zip(&other.channels) {
            to.extend_from_slice(&from[range.clone()]);
        }
    }
}
