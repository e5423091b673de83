//! Owns: frame statistics: what was sent in the last whole minute, and whether that minute counts (reference, 1.3).
//! Never knows: how frames are sent; it is told how many, and when.

/// Frames that a player sends in a minute without loss: 50 a second.
pub const EXPECTED_PER_MINUTE: i64 = 3000;

const MINUTE_MS: i64 = 60_000;
/// A pause between two tracks up to this long still counts as continuous playback.
const ACCEPTABLE_GAP_MS: i64 = 100;

/// Frames of one player in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Frames sent.
    pub sent: i64,
    /// Times when a frame was due and there was none.
    pub nulled: i64,
}

/// Averages over players, as `frameStats` shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Average {
    /// Frames sent by a player.
    pub sent: i64,
    /// Times when a frame was due and there was none.
    pub nulled: i64,
    /// What is missing to [`EXPECTED_PER_MINUTE`]; negative when there was more.
    pub deficit: i64,
}

/// Counts the frames of one player by wall-clock minute.
///
/// All times are Unix milliseconds. Between two observations frames are taken as evenly spread, which a pacer makes
/// them, so an observation need not fall on the minute: any interval of some seconds is exact to a frame.
#[derive(Clone, Debug, Default)]
pub struct FrameCounter {
    observed_ms: Option<i64>,
    minute: i64,
    current: Minute,
    last: Minute,
    playing_since_ms: Option<i64>,
    ended_ms: Option<i64>,
}

impl FrameCounter {
    /// A track starts, or goes on after a pause. A gap of more than 100 ms before it makes playback start anew.
    pub fn start(&mut self, now_ms: i64) {
        let goes_on = self.playing_since_ms.is_some()
            && self
                .ended_ms
                .is_none_or(|ended| now_ms - ended <= ACCEPTABLE_GAP_MS);
        if !goes_on {
            self.playing_since_ms = Some(now_ms);
        }
        self.ended_ms = None;
        self.observe(now_ms, Minute::default());
    }

    /// A track ends, or is paused. Observe what it sent before this.
    pub fn end(&mut self, now_ms: i64) {
        self.ended_ms = Some(now_ms);
    }

    /// Adds what happened since the last observation (or start). A clock that went back counts as no time.
    pub fn observe(&mut self, now_ms: i64, since: Minute) {
        let from_ms = self.observed_ms.unwrap_or(now_ms).min(now_ms);
        let minute = now_ms.div_euclid(MINUTE_MS);
        let begin_ms = minute * MINUTE_MS;
        let in_current = part(since, from_ms, now_ms, begin_ms, now_ms);
        if minute == self.minute {
            self.current = plus(self.current, in_current);
        } else {
            let in_last = part(since, from_ms, now_ms, begin_ms - MINUTE_MS, begin_ms);
            self.last = if minute == self.minute + 1 {
                plus(self.current, in_last)
            } else {
                in_last
            };
            self.current = in_current;
            self.minute = minute;
        }
        self.observed_ms = Some(now_ms);
    }

    /// The last whole minute, if playback has been continuous since before it began. Observe first.
    #[must_use]
    pub fn last_minute(&self, now_ms: i64) -> Option<Minute> {
        let last = now_ms.div_euclid(MINUTE_MS) - 1;
        let since_ms = self.playing_since_ms?;
        let is_usable =
            self.ended_ms.is_none() && self.minute == last + 1 && since_ms < last * MINUTE_MS;
        is_usable.then_some(self.last)
    }
}

/// Averages usable minutes; `None` without any.
#[must_use]
pub fn average(minutes: impl IntoIterator<Item = Minute>) -> Option<Average> {
    let (players, sum) = minutes
        .into_iter()
        .fold((0, Minute::default()), |(n, sum), minute| {
            (n + 1, plus(sum, minute))
        });
    (players > 0).then(|| Average {
        sent: sum.sent / players,
        nulled: sum.nulled / players,
        deficit: (players * EXPECTED_PER_MINUTE - (sum.sent + sum.nulled)) / players,
    })
}

fn plus(a: Minute, b: Minute) -> Minute {
    Minute {
        sent: a.sent + b.sent,
        nulled: a.nulled + b.nulled,
    }
}

/// What of `all`, spread evenly from `from` to `to`, falls between `begin` and `end`.
///
/// Both ends are rounded from the same line, so parts of neighbouring minutes add up to the whole.
fn part(all: Minute, from: i64, to: i64, begin: i64, end: i64) -> Minute {
    if from >= to {
        // No time at all: everything belongs to the moment itself.
        return if (begin..=end).contains(&to) {
            all
        } else {
            Minute::default()
        };
    }
    let until = |n: i64, t: i64| n * (t.clamp(from, to) - from) / (to - from);
    let between = |n: i64| until(n, end) - until(n, begin);
    Minute {
        sent: between(all.sent),
        nulled: between(all.nulled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 12:00:00 of some day, on a whole minute.
    const NOON: i64 = 1_767_225_600_000;

    fn sent(n: i64) -> Minute {
        Minute { sent: n, nulled: 0 }
    }

    /// Plays from `from` to `to` without loss, observed every five seconds.
    fn play(counter: &mut FrameCounter, from: i64, to: i64) {
        let mut at = from;
        while at < to {
            let next = (at + 5000).min(to);
            counter.observe(next, sent((next - at) / 20));
            at = next;
        }
    }

    #[test]
    fn a_minute_without_loss_has_3000_frames_wherever_it_is_observed() {
        let mut counter = FrameCounter::default();
        counter.start(NOON - 1740);
        play(&mut counter, NOON - 1740, NOON + 63_260);
        assert_eq!(counter.last_minute(NOON + 63_260), Some(sent(3000)));
    }

    #[test]
    fn a_minute_that_began_before_playback_does_not_count() {
        let mut counter = FrameCounter::default();
        counter.start(NOON + 20);
        play(&mut counter, NOON + 20, NOON + 70_020);
        assert_eq!(counter.last_minute(NOON + 70_020), None);
        play(&mut counter, NOON + 70_020, NOON + 130_020);
        assert_eq!(counter.last_minute(NOON + 130_020), Some(sent(3000)));
    }

    #[test]
    fn the_minute_in_which_playback_began_exactly_does_not_count() {
        // `playing since` must be before the minute, not at its start (reference, 1.3).
        let mut counter = FrameCounter::default();
        counter.start(NOON);
        play(&mut counter, NOON, NOON + 65_000);
        assert_eq!(counter.last_minute(NOON + 65_000), None);
    }

    #[test]
    fn back_to_back_tracks_are_continuous_but_a_longer_gap_starts_anew() {
        for (gap, is_usable) in [(100, true), (101, false)] {
            let mut counter = FrameCounter::default();
            counter.start(NOON - 1000);
            play(&mut counter, NOON - 1000, NOON + 30_000);
            counter.end(NOON + 30_000);
            counter.start(NOON + 30_000 + gap);
            play(&mut counter, NOON + 30_000 + gap, NOON + 65_000);
            assert_eq!(
                counter.last_minute(NOON + 65_000).is_some(),
                is_usable,
                "{gap} ms"
            );
        }
    }

    #[test]
    fn an_ended_or_paused_player_has_no_usable_minute() {
        let mut counter = FrameCounter::default();
        counter.start(NOON - 1000);
        play(&mut counter, NOON - 1000, NOON + 65_000);
        counter.end(NOON + 65_000);
        assert_eq!(counter.last_minute(NOON + 65_000), None);
    }

    #[test]
    fn an_interval_over_the_minute_is_split_by_time() {
        let mut counter = FrameCounter::default();
        counter.start(NOON - 5000);
        counter.observe(
            NOON + 15_000,
            Minute {
                sent: 1000,
                nulled: 100,
            },
        );
        counter.observe(NOON + 60_000, sent(2250));
        assert_eq!(
            counter.last_minute(NOON + 60_000),
            Some(Minute {
                sent: 3000,
                nulled: 75
            })
        );
    }

    #[test]
    fn a_stale_counter_gives_no_old_minute() {
        let mut counter = FrameCounter::default();
        counter.start(NOON - 1000);
        play(&mut counter, NOON - 1000, NOON + 65_000);
        assert_eq!(counter.last_minute(NOON + 185_000), None);
    }

    #[test]
    fn a_clock_that_goes_back_breaks_nothing() {
        let mut counter = FrameCounter::default();
        counter.start(NOON);
        counter.observe(NOON - 90_000, sent(50));
        counter.observe(NOON + 5000, sent(50));
        assert_eq!(counter.last_minute(NOON + 5000), None);
    }

    #[test]
    fn averages_follow_the_formula() {
        let minutes = [
            Minute {
                sent: 3000,
                nulled: 0,
            },
            Minute {
                sent: 2900,
                nulled: 51,
            },
        ];
        assert_eq!(
            average(minutes),
            Some(Average {
                sent: 2950,
                nulled: 25,
                deficit: 24
            })
        );
        assert_eq!(average([sent(3002)]).unwrap().deficit, -2);
        assert_eq!(average([]), None);
    }
}
