//! Owns: what a ring's reader tells: events, and gaps with their causes.
//! Never knows: rings, or who listens.

use crate::units::Samples;

/// What the reader tells the player. Each is sent at most once for a ring, except where it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderEvent {
    /// The first frame was taken.
    Started,
    /// The end marker was reached: everything has been taken.
    Drained,
    /// The next frame lies at or after the limit set by [`Progress::set_limit`](super::Progress::set_limit); it was not taken.
    LimitReached,
    /// Frames were asked for, but none came, for as long as the stuck threshold says. Once per ring.
    Stuck,
    /// The listener has heard a gap, or hears a long one. At most ten at once, and two a second in the long run.
    Gap(Gap),
}

/// Why there was a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Whoever makes frames waited for bytes, or had them for less than 100 ms.
    SourceStalled,
    /// The bytes had been there for 100 ms, but no frame was made of them in time.
    DecodeLate,
    /// Frames were there, but the thread that takes them came so late that it gave time up.
    SchedulerLate,
    /// A frame was taken, but the system did not send it.
    SendError,
}

impl Cause {
    /// All, in the order in which they are counted and shown.
    pub const ALL: [Self; 4] = [
        Self::SourceStalled,
        Self::DecodeLate,
        Self::SchedulerLate,
        Self::SendError,
    ];

    /// In words with underscores, as Prometheus likes it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::SourceStalled => "source_stalled",
            Self::DecodeLate => "decode_late",
            Self::SchedulerLate => "scheduler_late",
            Self::SendError => "send_error",
        }
    }
}

/// Frames in a row that should have been heard and were not, for one cause. Ends with the next frame that is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Why.
    pub cause: Cause,
    /// Where in the track: the start of the frame that was missing first.
    pub position: Samples,
    /// How many are missing, 20 ms each.
    pub frames: u64,
    /// Whether it is over. False: it is long and goes on; the same gap is told once more at its end.
    pub is_over: bool,
    /// For [`Cause::SourceStalled`]: turns from the moment that the maker of frames began to wait for bytes to the last frame
    /// that was missing; more than `frames`, as what was made before has been heard meanwhile.
    pub waited: u64,
    /// For [`Cause::SendError`]: the system's error number, when it has one.
    pub os_error: Option<i32>,
    /// Gaps since the last one that was told, which were not told because they came too soon.
    pub untold: u64,
}
