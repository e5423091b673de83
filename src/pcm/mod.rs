//! Owns: the block of samples that travels between decoder, resampler, filters and encoder, and other forms of samples.
//! Never knows: who made it.

use alloc::vec::Vec;

pub mod convert;

/// Stereo samples, planar: `channels[0]` left, `channels[1]` right, always of equal length, nominal ±1.0.
///
/// Blocks are reused: `clear` keeps the memory, so that nothing is allocated while frames are made. Between two turns of a
/// playback nothing is kept that holds no sound ([`shrink`](Self::shrink)): hundreds of players wait, and a few work.
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

    /// Gives back the memory that holds nothing.
    pub fn shrink(&mut self) {
        self.channels.iter_mut().for_each(Vec::shrink_to_fit);
    }

    /// Makes it `len` samples long; new samples are silence.
    pub fn resize(&mut self, len: usize) {
        for channel in &mut self.channels {
            make_room(channel, len.saturating_sub(channel.len()));
            channel.resize(len, 0.0);
        }
    }

    /// Removes the first `len` samples.
    pub fn drop_front(&mut self, len: usize) {
        self.channels.iter_mut().for_each(|c| drop(c.drain(..len)));
    }

    /// Appends a range of another block.
    pub fn extend_from(&mut self, other: &Self, range: core::ops::Range<usize>) {
        for (to, from) in self.channels.iter_mut().zip(&other.channels) {
            make_room(to, range.len());
            to.extend_from_slice(&from[range.clone()]);
        }
    }
}

/// Makes room for so many samples more, and a little for the next time. A block grows a few times in its life and is kept for
/// all of it, so doubling, as vectors do it, would be paid for with half of the memory of each player's blocks.
fn make_room(channel: &mut Vec<f32>, more: usize) {
    if channel.capacity() - channel.len() < more {
        channel.reserve_exact(more.max(channel.len() / 8));
    }
}

/// Room that is used again and again and holds nothing between two uses: a copy of its owner begins without it.
#[derive(Debug, Default)]
pub struct Scratch<T>(pub T);

impl<T: Default> Clone for Scratch<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_grows_by_frames_has_little_room_to_spare() {
        let frame = PcmBlock {
            channels: [vec![0.5; 960], vec![0.5; 960]],
        };
        let mut block = PcmBlock::default();
        for _ in 0..16 {
            block.extend_from(&frame, 0..960);
        }
        for channel in &block.channels {
            assert!(
                channel.capacity() <= 15_360 * 9 / 8,
                "{}",
                channel.capacity()
            );
        }
    }

    #[test]
    fn copies_have_no_scratch() {
        let used = Scratch(vec![1.0f32; 4]);
        assert_eq!(used.clone().0.capacity(), 0);
    }
}
