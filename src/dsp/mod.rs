//! Owns: sound processing: resampler, filters, kernels.
//! Never knows: where samples come from or go.

mod chain;
mod filters;
mod polyphase;
mod resample;
mod spec;
#[cfg(not(feature = "node"))]
#[path = "tables/own.rs"]
mod tables;
#[cfg(feature = "node")]
#[path = "tables/shared.rs"]
mod tables;
mod timescale;
mod volume;
mod wsola;

pub use chain::Chain;
pub use filters::FADE_SAMPLES;
pub use polyphase::ResamplingQuality;
pub use resample::{RATES, Resampler, UnsupportedRate, exact_step};
pub use spec::{
    BANDS, ChannelMixSpec, DistortionSpec, EqualizerSpec, FilterSpec, KaraokeSpec, LowPassSpec,
    Problem, RotationSpec, TimescalePosition, TimescaleSpec, TremoloSpec, VibratoSpec,
};
pub use volume::{MAX_VOLUME, PlayerVolume, gain};

/// Name of the instruction set that the inner loops use on this machine, for the log.
#[must_use]
pub fn instruction_set() -> &'static str {
    crate::kernel::kernels().name
}
