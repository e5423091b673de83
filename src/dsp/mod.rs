//! Owns: sound processing: resampler, filters, kernels.
//! Never knows: where samples come from or go.

mod kernel;
mod polyphase;
mod resample;
mod volume;

pub use polyphase::Quality;
pub use resample::{RATES, Resampler, UnsupportedRate};
pub use volume::{MAX_VOLUME, PlayerVolume, gain};

/// Name of the instruction set that the inner loops use on this machine, for the log.
#[must_use]
pub fn instruction_set() -> &'static str {
    kernel::kernels().name
}
