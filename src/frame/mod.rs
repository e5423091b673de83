//! Owns: the ring of finished 20 ms frames, the only thing that the producing and the consuming half share.
//! Never knows: how a frame was made, or where it goes.
//!
//! One [`FrameWriter`] (on the decode pool) and one [`FrameReader`] (on a pacer, a device or a file writer) share
//! a ring without a lock. The reader never waits. The writer may take frames back that nobody has read yet
//! ([`FrameWriter::rewind`]): that is how a change of volume, a filter or a seek is heard at once although sound is
//! made ahead. Both counters live in one atomic word, so taking and taking back cannot both win.
//!
//! Payloads are kept in atomic words, read and written relaxed; the counter's acquire/release pair orders them. That
//! costs a copy of some hundred bytes a frame and saves the crate its only need for `unsafe` here.

mod gap;
mod progress;
mod reader;

pub use gap::{Cause, Count, Gap, Underruns};
pub use progress::Progress;
pub use reader::{FrameReader, Gauge};

use crate::units::Samples;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// The largest Opus packet that a frame may hold (RFC 6716, section 3.4: 1275 bytes for one frame).
pub const MAX_OPUS_BYTES: usize = 1275;
/// Bytes of a frame of samples: 960 × 2 channels × 4 bytes, interleaved little-endian `f32`.
pub const PCM_FRAME_BYTES: usize = crate::units::FRAME_SAMPLES * 2 * 4;

/// Words before a slot's payload: kind and length, position.
const HEADER_WORDS: usize = 2;
const KIND_FRAME: u64 = 0;
const KIND_END: u64 = 1;

/// What a ring carries, fixed for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFormat {
    /// Finished Opus packets of 20 ms, 48 kHz, stereo.
    Opus,
    /// Interleaved little-endian `f32` samples, [`PCM_FRAME_BYTES`] each: before Opus, for files and devices.
    Pcm,
}

impl FrameFormat {
    /// The most bytes that one frame of this format has.
    #[must_use]
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Opus => MAX_OPUS_BYTES,
            Self::Pcm => PCM_FRAME_BYTES,
        }
    }
}

/// What the reader tells the player. Each is sent at most once for a ring, except where it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderEvent {
    /// The first frame was taken.
    Started,
    /// The end marker was reached: everything has been taken.
    Drained,
    /// The next frame lies at or after the limit set by [`Progress::set_limit`]; it was not taken.
    LimitReached,
    /// Frames were asked for, but none came, for as long as the stuck threshold says. Once per ring.
    Stuck,
    /// The listener has heard a gap, or hears a long one. At most ten at once, and two a second in the long run.
    Gap(Gap),
}

/// What one poll of the reader gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A frame of `len` bytes was copied out; it starts at `position` in the track.
    Frame {
        /// Bytes written to the caller's buffer.
        len: usize,
        /// Where in the track the frame starts, in the track's own time.
        position: Samples,
    },
    /// Nothing is there although something should be: the listener hears a gap.
    Underrun,
    /// Nothing will come any more: drained, or the limit was reached.
    Over,
}

struct Ring {
    words: Box<[AtomicU64]>,
    slot_words: usize,
    /// Physical slots less one; their number is a power of two, so that indices wrap together with the counters.
    mask: u32,
    /// Frames that may wait at once.
    capacity: u32,
    /// [`Ends`], packed.
    ends: AtomicU64,
    /// The reader is gone: nobody will take anything any more.
    abandoned: AtomicBool,
    progress: Arc<Progress>,
}

/// Both counters of a ring in one word. `era` counts rewinds, so that a reader notices one even when the writer has
/// refilled the ring to the very same counters meanwhile.
#[derive(Clone, Copy)]
struct Ends {
    /// Frames taken, modulo 2²⁴.
    head: u32,
    /// Frames written, modulo 2²⁴.
    tail: u32,
    era: u16,
}

const COUNTER_MASK: u32 = (1 << 24) - 1;

impl Ends {
    const fn pack(self) -> u64 {
        (self.era as u64) << 48
            | ((self.head & COUNTER_MASK) as u64) << 24
            | (self.tail & COUNTER_MASK) as u64
    }

    const fn unpack(word: u64) -> Self {
        Self {
            head: (word >> 24) as u32 & COUNTER_MASK,
            tail: word as u32 & COUNTER_MASK,
            era: (word >> 48) as u16,
        }
    }

    const fn level(self) -> u32 {
        self.tail.wrapping_sub(self.head) & COUNTER_MASK
    }
}

impl Ring {
    fn slot(&self, index: u32) -> &[AtomicU64] {
        let start = (index & self.mask) as usize * self.slot_words;
        &self.words[start..start + self.slot_words]
    }
}

/// Makes a ring for `capacity` frames of `format`, with its two ends, and tells how far it is in `progress`: that of a new
/// playback, or of the ring that this one takes the place of.
///
/// `wake` is called by the reader, on its own thread, whenever no more than half the ring is left; it must neither
/// block nor allocate. `notify` is called by the reader for each [`ReaderEvent`], under the same rule except that it may
/// allocate (it is not called in the steady state). `stuck_after` is the number of empty polls in a row that make
/// [`ReaderEvent::Stuck`].
///
/// # Panics
/// When `capacity` is zero or above 2²⁰.
pub fn ring_of(
    progress: Arc<Progress>,
    format: FrameFormat,
    capacity: usize,
    stuck_after: u32,
    wake: impl Fn() + Send + 'static,
    notify: impl FnMut(ReaderEvent) + Send + 'static,
) -> (FrameWriter, FrameReader) {
    assert!(
        (1..=1 << 20).contains(&capacity),
        "a ring holds 1 to 2^20 frames"
    );
    let slot_words = HEADER_WORDS + format.max_bytes().div_ceil(8);
    // one more than asked for: the end marker must find room in a full ring
    let slots = (capacity + 1).next_power_of_two();
    let ring = Arc::new(Ring {
        words: std::iter::repeat_with(AtomicU64::default)
            .take(slots * slot_words)
            .collect(),
        slot_words,
        mask: slots as u32 - 1,
        capacity: capacity as u32,
        ends: AtomicU64::new(0),
        abandoned: AtomicBool::new(false),
        progress,
    });
    let reader = FrameReader::new(
        ring.clone(),
        format,
        Box::new(wake),
        Box::new(notify),
        stuck_after,
    );
    let writer = FrameWriter {
        ring,
        is_ended: false,
    };
    (writer, reader)
}

/// A ring of a new playback; see [`ring_of`].
///
/// # Panics
/// As there.
pub fn ring(
    format: FrameFormat,
    capacity: usize,
    stuck_after: u32,
    wake: impl Fn() + Send + 'static,
    notify: impl FnMut(ReaderEvent) + Send + 'static,
) -> (FrameWriter, FrameReader) {
    ring_of(Arc::default(), format, capacity, stuck_after, wake, notify)
}

/// The producing end.
pub struct FrameWriter {
    ring: Arc<Ring>,
    /// The last thing written is the end marker.
    is_ended: bool,
}

impl FrameWriter {
    /// Frames that wait to be taken (an end marker counts).
    #[must_use]
    pub fn level(&self) -> usize {
        Ends::unpack(self.ring.ends.load(Ordering::Acquire)).level() as usize
    }

    /// Frames that find room now.
    #[must_use]
    pub fn room(&self) -> usize {
        (self.ring.capacity as usize).saturating_sub(self.level())
    }

    /// Frames that the ring holds when full.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.capacity as usize
    }

    /// True once the reader has been dropped.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.ring.abandoned.load(Ordering::Relaxed)
    }

    /// The position and counters that the reader keeps.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        self.ring.progress.clone()
    }

    /// Appends a frame that starts at `position`. False, and nothing done, when the ring is full.
    ///
    /// # Panics
    /// When the payload is larger than the format allows.
    pub fn push(&mut self, payload: &[u8], position: Samples) -> bool {
        if self.room() == 0 {
            return false;
        }
        self.put(KIND_FRAME, payload, position);
        true
    }

    /// Appends the end marker, unless it is there; it finds room in a full ring too. Nothing may be pushed after it before it
    /// has been taken back.
    pub fn push_end(&mut self) {
        if !self.is_ended {
            self.put(KIND_END, &[], Samples::ZERO);
            self.is_ended = true;
        }
    }

    fn put(&mut self, kind: u64, payload: &[u8], position: Samples) {
        let slot = self
            .ring
            .slot(Ends::unpack(self.ring.ends.load(Ordering::Relaxed)).tail);
        assert!(
            payload.len() <= (slot.len() - HEADER_WORDS) * 8,
            "a frame of {} bytes",
            payload.len()
        );
        slot[0].store(kind << 32 | payload.len() as u64, Ordering::Relaxed);
        slot[1].store(position.0, Ordering::Relaxed);
        for (word, bytes) in slot[HEADER_WORDS..].iter().zip(payload.chunks(8)) {
            let mut le = [0u8; 8];
            le[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_le_bytes(le), Ordering::Relaxed);
        }
        // only the reader changes the word meanwhile, and only its head
        let longer = |word| {
            let ends = Ends::unpack(word);
            let tail = ends.tail.wrapping_add(1);
            Some(Ends { tail, ..ends }.pack())
        };
        let _ = self
            .ring
            .ends
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, longer);
    }

    /// Takes back the end marker, if it was the last thing written; the frames before it stay.
    pub fn take_back_end(&mut self) -> bool {
        self.is_ended && self.take_back(|level| level.saturating_sub(1)) > 0
    }

    /// Takes back all frames that wait, except the `keep` next ones. Returns how many were taken back.
    ///
    /// The reader may take a frame at the same time; whatever it took stays taken.
    pub fn rewind(&mut self, keep: usize) -> usize {
        self.take_back(|_| keep)
    }

    /// `keep` tells how many of those that wait are to stay.
    fn take_back(&mut self, keep: impl Fn(usize) -> usize) -> usize {
        let mut taken = 0;
        let shorter = |word| {
            let ends = Ends::unpack(word);
            let level = ends.level() as usize;
            taken = level - keep(level).min(level);
            let next = Ends {
                tail: ends.tail.wrapping_sub(taken as u32),
                era: ends.era.wrapping_add(1),
                ..ends
            };
            (taken > 0).then(|| next.pack())
        };
        let update = self
            .ring
            .ends
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, shorter);
        if update.is_ok() {
            self.is_ended = false;
        }
        taken
    }
}

#[cfg(test)]
mod tests;
