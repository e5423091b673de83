//! Owns: at which moments a pacer runs, and which of them is nearest to a wish.
//! Never knows: streams, packets, the clock: `now` is given to it.

use crate::units::FRAME_DURATION;
use std::time::{Duration, Instant};

/// Moments per frame. Streams are spread over them; a stream that starts between two is moved by at most 1.25 ms.
pub(super) const SLOTS: u64 = 8;
/// From one moment to the next: 2.5 ms.
pub(super) const STEP: Duration = Duration::from_micros(20_000 / SLOTS);
/// Lateness from which lost time is given up. Below it, a stream catches up by one frame sent early; a listener's
/// jitter buffer hides that, but not a burst.
const MAX_LATE: Duration = Duration::from_millis(40);

/// A moment of the wheel, counted from its start. Moments [`SLOTS`] apart are one frame apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(pub u64);

impl Tick {
    /// Which of the [`SLOTS`] it belongs to.
    pub(super) const fn slot(self) -> usize {
        (self.0 % SLOTS) as usize
    }

    /// One frame later.
    pub(super) const fn next_frame(self) -> Self {
        Self(self.0 + SLOTS)
    }
}

/// Turns the clock into ticks, with absolute deadlines: lateness does not add up.
pub(super) struct Wheel {
    /// When tick zero was. Moves on when lost time is given up.
    origin: Instant,
    /// The first tick that was not run yet.
    next: Tick,
}

impl Wheel {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            origin: now,
            next: Tick(0),
        }
    }

    /// When a tick is due.
    pub(super) fn time(&self, tick: Tick) -> Instant {
        self.origin
            + STEP * u32::try_from(tick.0 % BLOCK).expect("below 2^32")
            + BLOCK_TIME * (tick.0 / BLOCK) as u32
    }

    /// The next tick, if it is due. Running it is the caller's business.
    ///
    /// When it is long overdue, whole frames are skipped: streams keep their order and distance, and nothing is sent
    /// twice in one breath.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Tick> {
        let late = now.checked_duration_since(self.time(self.next))?;
        if late >= MAX_LATE {
            let frames = late.as_micros() / FRAME_DURATION.as_micros();
            self.origin += FRAME_DURATION * u32::try_from(frames).unwrap_or(u32::MAX);
        }
        let tick = self.next;
        self.next = Tick(tick.0 + 1);
        Some(tick)
    }

    /// Nothing needs the ticks before `now`: they are passed over.
    pub(super) fn skip_to(&mut self, now: Instant) {
        if let Some(late) = now.checked_duration_since(self.time(self.next)) {
            self.next = Tick(self.next.0 + 1 + (late.as_nanos() / STEP.as_nanos()) as u64);
        }
    }

    /// The next tick that was not run yet.
    pub(super) const fn next(&self) -> Tick {
        self.next
    }

    /// The tick nearest to `at`, but none that was already run.
    pub(super) fn nearest(&self, at: Instant) -> Tick {
        let base = self.time(self.next);
        let ahead = at.saturating_duration_since(base) + STEP / 2;
        Tick(self.next.0 + (ahead.as_nanos() / STEP.as_nanos()) as u64)
    }
}

/// Ticks are split for `Duration`'s 32-bit multiplication: a block is 28 hours.
const BLOCK: u64 = 40_000_000;
const BLOCK_TIME: Duration = Duration::from_secs(100_000);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn ticks_are_due_every_2_5_ms_however_late_each_is_run() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        assert_eq!(wheel.pop(start + ms(1)), Some(Tick(0)));
        assert_eq!(wheel.pop(start + ms(1)), None);
        for n in 1..2000 {
            let due = start + Duration::from_micros(2500) * n;
            assert_eq!(wheel.time(wheel.next()), due);
            assert_eq!(wheel.pop(due + ms(1)), Some(Tick(n.into())));
        }
    }

    #[test]
    fn a_block_of_ticks_lasts_as_long_as_its_ticks() {
        assert_eq!(STEP.as_nanos() * u128::from(BLOCK), BLOCK_TIME.as_nanos());
    }

    #[test]
    fn one_late_frame_is_caught_up() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.pop(start);
        let now = start + ms(35);
        let run = std::iter::from_fn(|| wheel.pop(now)).count();
        assert_eq!(run, 14, "2.5 … 35.0 ms");
        assert_eq!(
            wheel.time(wheel.next()),
            start + Duration::from_micros(37_500)
        );
    }

    #[test]
    fn a_stall_is_given_up_in_whole_frames() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.pop(start);
        // tick 1 was due at 2.5 ms; at 150 ms it is 147.5 ms late: seven frames are given up
        let now = start + ms(150);
        let run = std::iter::from_fn(|| wheel.pop(now)).count() as u64;
        assert!(run <= SLOTS, "{run} ticks at once");
        assert_eq!(wheel.time(Tick(8)), start + ms(20 + 140));
    }

    #[test]
    fn the_nearest_tick_is_never_a_past_one() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.pop(start);
        assert_eq!(wheel.nearest(start), Tick(1));
        assert_eq!(
            wheel.nearest(start + Duration::from_micros(21_200)),
            Tick(8)
        );
        assert_eq!(
            wheel.nearest(start + Duration::from_micros(21_300)),
            Tick(9)
        );
        wheel.skip_to(start + ms(100));
        assert_eq!(wheel.next(), Tick(41));
    }
}
