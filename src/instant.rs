//! Owns: a moment, for builds without std, which have no clock of their own.
//! Never knows: which clock it is.
//!
//! With std a moment is std's own `Instant`. Decisions take it as an argument and count with it, and never ask for one, so that
//! here time since any beginning does, which whoever brings the clock has chosen.

use core::{
    ops::{Add, AddAssign, Sub, SubAssign},
    time::Duration,
};

/// A moment on a clock that never goes back; what it counts from is up to the clock. Its methods are those of std's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// So long after the clock's beginning.
    #[must_use]
    pub const fn after(start: Duration) -> Self {
        Self(start)
    }

    /// Time since an earlier moment; none if it is a later one.
    #[must_use]
    pub const fn duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The same as [`duration_since`](Self::duration_since).
    #[must_use]
    pub const fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }

    /// A later moment, if the clock comes so far.
    #[must_use]
    pub fn checked_add(&self, time: Duration) -> Option<Self> {
        self.0.checked_add(time).map(Self)
    }

    /// An earlier moment, if the clock was running then.
    #[must_use]
    pub fn checked_sub(&self, time: Duration) -> Option<Self> {
        self.0.checked_sub(time).map(Self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, time: Duration) {
        self.0 += time;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self(self.0 - time)
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, time: Duration) {
        self.0 -= time;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}
