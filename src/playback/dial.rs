//! Owns: how much sound may cost while the machine is short of something, where all playbacks read it.
//! Never knows: who turns the dials, or why.

use super::encode::Quality;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

/// What a resampler may cost.
pub use crate::dsp::ResamplingQuality;

/// One of several steps: turned by one, read by all, without a lock.
#[derive(Debug)]
pub struct Dial<T: 'static> {
    steps: &'static [T],
    at: AtomicU8,
}

impl<T> Dial<T> {
    /// At the first of these steps.
    ///
    /// # Panics
    /// Without steps.
    #[must_use]
    pub const fn new(steps: &'static [T]) -> Self {
        assert!(!steps.is_empty(), "a dial has steps");
        Self {
            steps,
            at: AtomicU8::new(0),
        }
    }

    /// Turns it; beyond the last step it stays there.
    pub fn turn(&self, step: u8) {
        self.at.store(step, Ordering::Relaxed);
    }

    /// The step that it is at.
    #[must_use]
    pub fn get(&self) -> &'static T {
        let at = usize::from(self.at.load(Ordering::Relaxed));
        self.steps
            .get(at)
            .unwrap_or(&self.steps[self.steps.len() - 1])
    }
}

/// What sound may cost at most. What was configured cheaper stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Economy {
    /// Highest complexity of the encoder, 0 to 10.
    pub complexity: u8,
    /// Most bits a second; `None` for what libopus likes.
    pub bitrate: Option<u32>,
    /// The best resampler.
    pub resampling: ResamplingQuality,
    /// Whether a time-scale looks for good joins less closely.
    pub is_hasty: bool,
}

impl Economy {
    /// Nothing is saved.
    pub const NONE: Self = Self {
        complexity: 10,
        bitrate: None,
        resampling: ResamplingQuality::High,
        is_hasty: false,
    };

    /// The encoder's, of what was configured.
    #[must_use]
    pub fn encoding(&self, configured: Quality) -> Quality {
        Quality {
            complexity: configured.complexity.min(self.complexity),
            bitrate: match (configured.bitrate, self.bitrate) {
                (Some(wanted), Some(most)) => Some(wanted.min(most)),
                (one, other) => one.or(other),
            },
        }
    }
}

/// What is kept ready for a playback that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// What is configured is divided by this; at least 1.
    pub divisor: u8,
}

/// The shortest ring that comes of dividing: what a busy machine needs between two turns of a playback.
const SHORTEST_RING: Duration = Duration::from_millis(100);
/// The least that is read ahead, unless less was configured: the least of `fetching.readAheadBytes`.
const LEAST_AHEAD: usize = 32 * 1024;

impl Buffers {
    /// As configured.
    pub const WHOLE: Self = Self { divisor: 1 };

    /// The length of the frame ring, of what was configured.
    #[must_use]
    pub fn ring(self, configured: Duration) -> Duration {
        (configured / u32::from(self.divisor)).max(SHORTEST_RING.min(configured))
    }

    /// Bytes read ahead, of what was configured.
    #[must_use]
    pub fn read_ahead(self, configured: usize) -> usize {
        (configured / self.divisor as usize).max(LEAST_AHEAD.min(configured))
    }
}

/// The dials of all playbacks. Cheap to clone: the clones are turned together.
#[derive(Clone, Debug)]
pub struct Dials {
    /// Read for each frame.
    pub sound: Arc<Dial<Economy>>,
    /// Read when a playback begins.
    pub buffers: Arc<Dial<Buffers>>,
}

impl Default for Dials {
    /// Nothing is ever saved.
    fn default() -> Self {
        Self {
            sound: Arc::new(Dial::new(&[Economy::NONE])),
            buffers: Arc::new(Dial::new(&[Buffers::WHOLE])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dial_ends_at_its_last_step() {
        let dial = Dial::new(&[1, 2, 3]);
        assert_eq!(*dial.get(), 1);
        dial.turn(1);
        assert_eq!(*dial.get(), 2);
        dial.turn(200);
        assert_eq!(*dial.get(), 3);
    }

    #[test]
    fn what_is_configured_is_never_exceeded() {
        let economy = Economy {
            complexity: 5,
            bitrate: Some(64_000),
            ..Economy::NONE
        };
        let quality = |complexity, bitrate| Quality {
            complexity,
            bitrate,
        };
        for (configured, wanted) in [
            (quality(10, None), quality(5, Some(64_000))),
            (quality(3, Some(48_000)), quality(3, Some(48_000))),
            (quality(5, Some(510_000)), quality(5, Some(64_000))),
        ] {
            assert_eq!(economy.encoding(configured), wanted);
            assert_eq!(Economy::NONE.encoding(configured), configured);
        }
        let half = Buffers { divisor: 2 };
        let millis = Duration::from_millis;
        for (configured, wanted) in [(400, 200), (150, 100), (60, 60)] {
            assert_eq!(half.ring(millis(configured)), millis(wanted));
            assert_eq!(Buffers::WHOLE.ring(millis(configured)), millis(configured));
        }
    }
}
