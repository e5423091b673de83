//! Owns: the numbers with a meaning that every layer shares (ids, samples, milliseconds, the frame).
//! Never knows: what is played, or for whom.

pub use crate::instant::Instant;

use alloc::string::String;
use core::fmt;

/// Rate of everything after the resampler, in Hz. Opus and Discord know no other.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples per channel in one 20 ms frame at [`SAMPLE_RATE`].
pub const FRAME_SAMPLES: usize = 960;
/// Duration of one frame.
pub const FRAME_DURATION: core::time::Duration = core::time::Duration::from_millis(20);

/// `value` ticks of a clock of `from` Hz as ticks of one of `to` Hz, rounded down; huge ones saturate. A clock of 0 Hz counts as
/// one of 1 Hz.
#[must_use]
pub fn rescale(value: u64, from: u32, to: u32) -> u64 {
    let scaled = u128::from(value) * u128::from(to) / u128::from(from.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// A count of samples per channel at 48 kHz, or a position in a track counted so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Samples(pub u64);

impl Samples {
    /// No sound at all.
    pub const ZERO: Self = Self(0);
    /// One frame.
    pub const FRAME: Self = Self(FRAME_SAMPLES as u64);

    /// Whole milliseconds, rounded down.
    #[must_use]
    pub const fn to_millis(self) -> Millis {
        Millis((self.0 / (SAMPLE_RATE as u64 / 1000)) as i64)
    }
}

/// Milliseconds, as the API counts. Signed because the wire is; negative values are the caller's mistake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

impl Millis {
    /// Samples at 48 kHz; negative times become zero, huge ones saturate.
    #[must_use]
    pub const fn to_samples(self) -> Samples {
        if self.0 <= 0 {
            return Samples::ZERO;
        }
        Samples((self.0 as u64).saturating_mul(SAMPLE_RATE as u64 / 1000))
    }
}

macro_rules! snowflake {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

snowflake!(
    /// A Discord guild.
    GuildId
);
snowflake!(
    /// A Discord user: the bot that a session belongs to.
    UserId
);
snowflake!(
    /// A Discord voice channel; also the MLS group id of its DAVE call.
    ChannelId
);

/// Text that must never be seen: passwords, tokens. Prints as `***`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends or compares it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_48_000_samples() {
        assert_eq!(Millis(1000).to_samples(), Samples(48_000));
        assert_eq!(Samples(48_000).to_millis(), Millis(1000));
    }

    #[test]
    fn rescaling_does_not_overflow() {
        assert_eq!(
            rescale(u64::MAX / 2, 48_000, 44_100),
            (u128::from(u64::MAX / 2) * 44_100 / 48_000) as u64
        );
        assert_eq!(rescale(u64::MAX, 1, 2), u64::MAX);
    }

    #[test]
    fn negative_and_huge_times_are_clamped() {
        assert_eq!(Millis(-5).to_samples(), Samples::ZERO);
        assert_eq!(Millis(i64::MAX).to_samples(), Samples(u64::MAX));
    }

    #[test]
    fn a_secret_prints_as_stars() {
        assert_eq!(
            format!("{:?} {}", Secret::new("x"), Secret::new("x")),
            "*** ***"
        );
    }
}
