//! Owns: sound processing: resampler, filters, kernels.
//! Never knows: where samples come from or go.

mod kernel;
mod polyphase;
mod resample;

pub use polyphase::Quality;
pub use resample::{RATES, Resampler, UnsupportedRate};
