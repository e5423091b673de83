//! Owns: gaps that a listener hears: what counts as one gap, why it was, which are told, how many there were.
//! Never knows: threads, rings, clocks. Time is counted in turns of 20 ms, one for each time that a frame is due.

use super::event::{Cause, Gap};
use crate::units::Samples;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A gap of so many turns (1 s) is told while it lasts, and again when it is over.
const LONG: u64 = 50;
/// A gap is told every so many turns (1 s) in the long run, so that a source that stutters does not flood the client. The
/// counters miss none.
const TELL_EVERY: u64 = 50;
/// Gaps that are told however fast they follow each other.
const AT_ONCE: u64 = 10;

/// What is missing in a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missing {
    pub cause: Cause,
    pub position: Samples,
    pub frames: u64,
    pub waited: u64,
    pub os_error: Option<i32>,
}

/// How many gaps of one cause there were, and how many frames they lack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Gaps that have begun.
    pub gaps: u64,
    /// Frames of 20 ms that were not heard.
    pub frames: u64,
}

/// Counters of gaps by cause: those of a player, or of all. Written by whoever takes frames, read by anybody.
#[derive(Debug, Default)]
pub struct Underruns {
    counters: [(AtomicU64, AtomicU64); Cause::ALL.len()],
    /// Counts what is counted here, too.
    all: Option<Arc<Self>>,
}

impl Underruns {
    /// Counters of a part: what they count is added to `all` as well.
    #[must_use]
    pub fn within(all: Arc<Self>) -> Self {
        Self {
            all: Some(all),
            ..Self::default()
        }
    }

    /// What was counted for a cause.
    #[must_use]
    pub fn count(&self, cause: Cause) -> Count {
        let (gaps, frames) = &self.counters[cause as usize];
        Count {
            gaps: gaps.load(Ordering::Relaxed),
            frames: frames.load(Ordering::Relaxed),
        }
    }

    fn add(&self, cause: Cause, gaps: u64, frames: u64) {
        let counters = &self.counters[cause as usize];
        counters.0.fetch_add(gaps, Ordering::Relaxed);
        counters.1.fetch_add(frames, Ordering::Relaxed);
        if let Some(all) = &self.all {
            all.add(cause, gaps, frames);
        }
    }
}

/// Makes gaps of what is missing turn by turn. `now` is the number of turns so far.
pub(super) struct GapMeter {
    open: Option<Open>,
    /// Until when what was told has used up the turns that it may.
    used_until: u64,
    untold: u64,
    counters: Arc<Underruns>,
}

#[derive(Clone, Copy)]
struct Open {
    gap: Gap,
    /// It has been told while it lasted, so its end must be told.
    is_told: bool,
    /// Something was missing since the last frame was taken. A frame that cannot be sent has been taken before: a gap of
    /// such frames is over only when one was taken and nothing bad was heard of it.
    is_fresh: bool,
}

impl GapMeter {
    pub(super) const fn new(counters: Arc<Underruns>) -> Self {
        Self {
            open: None,
            used_until: 0,
            untold: 0,
            counters,
        }
    }

    pub(super) fn counters(&self) -> Arc<Underruns> {
        self.counters.clone()
    }

    pub(super) fn count_in(&mut self, counters: Arc<Underruns>) {
        self.counters = counters;
    }

    /// Something is missing. Returns a gap that is to be told: another one that is over now, or this one if it has
    /// become long.
    pub(super) fn missing(&mut self, now: u64, missing: Missing) -> Option<Gap> {
        let Missing {
            cause,
            position,
            frames,
            waited,
            os_error,
        } = missing;
        match &mut self.open {
            Some(open) if open.gap.cause == cause => {
                self.counters.add(cause, 0, frames);
                open.gap.frames += frames;
                open.gap.waited = waited;
                open.gap.os_error = os_error;
                open.is_fresh = true;
                if open.is_told || open.gap.frames < LONG {
                    return None;
                }
                open.is_told = true;
                let gap = open.gap;
                Some(self.tell(now, gap))
            }
            _ => {
                let before = self.end(now);
                self.counters.add(cause, 1, frames);
                self.open = Some(Open {
                    gap: Gap {
                        cause,
                        position,
                        frames,
                        is_over: false,
                        waited,
                        os_error,
                        untold: 0,
                    },
                    is_told: false,
                    is_fresh: true,
                });
                before
            }
        }
    }

    /// A frame was taken. Returns a gap that is over by that and is to be told.
    pub(super) fn took(&mut self, now: u64) -> Option<Gap> {
        let open = self.open.as_mut()?;
        if open.gap.cause == Cause::SendError && open.is_fresh {
            open.is_fresh = false;
            return None;
        }
        self.end(now)
    }

    /// Nothing is missing any more, or nobody listens any more. Returns a gap that is over by that and is to be told.
    pub(super) fn end(&mut self, now: u64) -> Option<Gap> {
        let Open { gap, is_told, .. } = self.open.take()?;
        let gap = Gap {
            is_over: true,
            ..gap
        };
        let is_too_soon = self.used_until > now + (AT_ONCE - 1) * TELL_EVERY;
        if is_too_soon && !is_told {
            self.untold += 1;
            return None;
        }
        Some(self.tell(now, gap))
    }

    fn tell(&mut self, now: u64, gap: Gap) -> Gap {
        self.used_until = self.used_until.max(now) + TELL_EVERY;
        Gap {
            untold: std::mem::take(&mut self.untold),
            ..gap
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause::*, *};

    fn meter() -> GapMeter {
        GapMeter::new(Arc::default())
    }

    fn one(cause: Cause, position: u64) -> Missing {
        Missing {
            cause,
            position: Samples(position),
            frames: 1,
            waited: 0,
            os_error: None,
        }
    }

    fn gap(cause: Cause, position: u64, frames: u64) -> Gap {
        Gap {
            cause,
            position: Samples(position),
            frames,
            is_over: true,
            waited: 0,
            os_error: None,
            untold: 0,
        }
    }

    #[test]
    fn frames_that_are_missing_in_a_row_are_one_gap_that_ends_with_sound() {
        let mut meter = meter();
        assert_eq!(meter.took(0), None);
        for now in 1..=3 {
            assert_eq!(meter.missing(now, one(SourceStalled, 960)), None);
        }
        assert_eq!(meter.took(4), Some(gap(SourceStalled, 960, 3)));
        assert_eq!(meter.took(5), None);
        assert_eq!(
            meter.counters.count(SourceStalled),
            Count { gaps: 1, frames: 3 }
        );
    }

    #[test]
    fn another_cause_is_another_gap() {
        let mut meter = meter();
        meter.missing(1, one(SourceStalled, 960));
        meter.missing(2, one(SourceStalled, 960));
        let first = meter.missing(3, one(DecodeLate, 960));
        assert_eq!(first, Some(gap(SourceStalled, 960, 2)));
        assert_eq!(meter.took(4), Some(gap(DecodeLate, 960, 1)));
        for cause in [SourceStalled, DecodeLate] {
            assert_eq!(meter.counters.count(cause).gaps, 1);
        }
    }

    #[test]
    fn a_long_gap_is_told_while_it_lasts_and_at_its_end() {
        let mut meter = meter();
        let told: Vec<_> = (1..=120)
            .filter_map(|now| meter.missing(now, one(DecodeLate, 0)))
            .collect();
        let begun = Gap {
            is_over: false,
            ..gap(DecodeLate, 0, 50)
        };
        assert_eq!(told, [begun]);
        assert_eq!(meter.took(121), Some(gap(DecodeLate, 0, 120)));
        // however soon that is after the first word
        let mut meter = self::meter();
        for now in 1..=51 {
            let _ = meter.missing(now, one(DecodeLate, 0));
        }
        assert_eq!(meter.took(52), Some(gap(DecodeLate, 0, 51)));
    }

    #[test]
    fn gaps_that_come_too_fast_are_counted_but_not_told() {
        let mut meter = meter();
        let mut told = Vec::new();
        for now in (0..200).step_by(2) {
            told.extend(meter.missing(now, one(SourceStalled, now)));
            told.extend(meter.took(now + 1));
        }
        // ten at once, then one every fifty turns; a gap ends in the turn after the one at which it lies
        let at_once = (0..10).map(|i| (2 * i, 0));
        let later = [(50, 15), (100, 24), (150, 24)];
        let expected: Vec<_> = at_once
            .chain(later)
            .map(|(position, untold)| Gap {
                untold,
                ..gap(SourceStalled, position, 1)
            })
            .collect();
        assert_eq!(told, expected);
        assert_eq!(
            meter.counters.count(SourceStalled),
            Count {
                gaps: 100,
                frames: 100
            }
        );
    }

    /// A frame is taken before it turns out that it cannot be sent.
    #[test]
    fn frames_that_cannot_be_sent_in_a_row_are_one_gap() {
        let mut meter = meter();
        let lost = Missing {
            os_error: Some(101),
            ..one(SendError, 0)
        };
        for now in 0..3 {
            assert_eq!(meter.took(now), None);
            assert_eq!(meter.missing(now, lost), None);
        }
        assert_eq!(meter.took(3), None, "nothing is known of this frame yet");
        let expected = Gap {
            os_error: Some(101),
            ..gap(SendError, 0, 3)
        };
        assert_eq!(meter.took(4), Some(expected));
    }

    #[test]
    fn a_part_counts_for_the_whole_too() {
        let all = Arc::new(Underruns::default());
        let parts: Vec<_> = (0..2).map(|_| Underruns::within(all.clone())).collect();
        for part in &parts {
            part.add(SchedulerLate, 1, 7);
        }
        assert_eq!(parts[0].count(SchedulerLate), Count { gaps: 1, frames: 7 });
        assert_eq!(
            all.count(SchedulerLate),
            Count {
                gaps: 2,
                frames: 14
            }
        );
        assert_eq!(all.count(SendError), Count::default());
    }
}
