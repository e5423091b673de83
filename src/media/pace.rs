//! Owns: how many connections fetch one track, and how much each is asked for. Pure decisions.
//! Never knows: connections, clocks, what the bytes mean.
//!
//! One connection is enough for nearly every track: it brings more than is heard, the window fills, and what more connections
//! brought would only lie in memory. Some servers give a single one less than that, by throttling it or by standing far away.
//! Then the window stays below its half although nothing keeps the fetch from filling it: that is *hunger*, and it opens one
//! connection more after another, until it ends or there are as many as the site may have. When the window has been well
//! filled for a while, one connection has to do again.
//!
//! Sound comes in order, so that what a later connection brings waits for the earlier ones. A chunk is therefore what one
//! connection brings in about two seconds: small where it is slow, so that the help comes soon, and never above the limit.

use crate::net::manner::Manner;
use std::time::{Duration, Instant};

/// Hunger that opens another connection. A window of 128 KiB that is half full holds half a second of FLAC.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long the window must have been well filled until one connection has to do again.
const CALM: Duration = Duration::from_secs(10);
/// How much time a chunk takes its connection, about.
const CHUNK_TIME: Duration = Duration::from_secs(2);
/// The smallest chunk, in bytes: one of less is all waiting for the answer's first byte.
const MIN_CHUNK: u64 = 16 * 1024;

/// How a fetch stands at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Stand {
    /// Bytes that wait in the window.
    pub waiting: usize,
    /// The most that may wait there.
    pub credit: usize,
    /// Bytes that were delivered to it up to now.
    pub delivered: u64,
}

/// The window is below its half.
#[derive(Clone, Copy, Debug)]
struct Hunger {
    since: Instant,
    /// When it was last answered by another connection.
    answered: Instant,
    /// Bytes that had been delivered when it began.
    delivered: u64,
}

/// The decisions of one fetch.
#[derive(Clone, Debug)]
pub struct Pace {
    manner: Manner,
    /// The most bytes that chunks on their way may have together.
    budget: u64,
    /// Connections that are wanted, 1 or more.
    width: usize,
    /// What one connection brings, in bytes a second, when that is known.
    rate: Option<u64>,
    hunger: Option<Hunger>,
    sated_since: Option<Instant>,
}

impl Pace {
    /// One connection to begin with. Of what comes before its turn, at most `budget` bytes are held.
    #[must_use]
    pub const fn new(manner: Manner, budget: u64) -> Self {
        Self {
            manner,
            budget,
            width: 1,
            rate: None,
            hunger: None,
            sated_since: None,
        }
    }

    /// Connections that are wanted now.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Looks at how the fetch stands; when to look again, if nothing happens before.
    pub fn look(&mut self, now: Instant, stand: Stand) -> Option<Instant> {
        if stand.waiting.saturating_mul(2) >= stand.credit {
            self.hunger = None;
            let since = *self.sated_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= CALM {
                self.width = 1;
            }
            return None;
        }
        self.sated_since = None;
        let mut hunger = *self.hunger.get_or_insert(Hunger {
            since: now,
            answered: now,
            delivered: stand.delivered,
        });
        if now.saturating_duration_since(hunger.answered) >= PATIENCE {
            let time = now.saturating_duration_since(hunger.since).as_millis();
            let came = stand.delivered.saturating_sub(hunger.delivered);
            let rate = u128::from(came) * 1000 / time.max(1) / self.width as u128;
            self.rate = Some(u64::try_from(rate).unwrap_or(u64::MAX));
            self.width = (self.width + 1).min(self.manner.fragments.max(1));
            hunger.answered = now;
            self.hunger = Some(hunger);
        }
        Some(hunger.answered + PATIENCE)
    }

    /// The next chunk behind those on their way, which have `pending` bytes: its length, when there is room for one, of
    /// what is left from there, `left` bytes.
    #[must_use]
    pub fn chunk(&self, pending: u64, left: u64) -> Option<u64> {
        let most = self.manner.chunk_bytes.max(MIN_CHUNK);
        let len = self.own().min(most).min(left);
        let fits = pending.saturating_add(len) <= self.budget;
        (len > 0 && fits).then_some(len)
    }

    /// How much the connection at hand is left to bring, in bytes, when others are to go on from there: nothing of it has to
    /// be held, and it must last until they have begun.
    #[must_use]
    pub fn own(&self) -> u64 {
        let by_rate = self.rate.unwrap_or(0).saturating_mul(CHUNK_TIME.as_secs());
        by_rate.max(MIN_CHUNK)
    }

    /// The site does not like it: one connection has to do from here on.
    pub const fn refused(&mut self) {
        self.manner.fragments = 1;
        self.width = 1;
    }

    /// Sound from another place is wanted: what was seen of the window says nothing any more.
    pub const fn jumped(&mut self) {
        self.hunger = None;
        self.sated_since = None;
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIB: u64 = 1024;

    fn pace(fragments: usize) -> (Pace, Instant) {
        let manner = Manner {
            fragments,
            chunk_bytes: 256 * KIB,
            request_bytes: None,
        };
        (Pace::new(manner, 896 * KIB), Instant::now())
    }

    fn stand(waiting: usize, delivered: u64) -> Stand {
        Stand {
            waiting,
            credit: 1000,
            delivered,
        }
    }

    fn after(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_window_that_fills_soon_takes_one_connection() {
        let (mut pace, start) = pace(4);
        assert_eq!(pace.look(start, stand(0, 0)), Some(start + PATIENCE));
        assert_eq!(pace.look(start + after(499), stand(500, 500)), None);
        // and it counts anew from there
        let later = start + after(600);
        assert_eq!(pace.look(later, stand(499, 600)), Some(later + PATIENCE));
        pace.look(later + after(499), stand(499, 700));
        assert_eq!(pace.width(), 1);
    }

    #[test]
    fn hunger_opens_one_connection_after_another_up_to_the_limit() {
        let (mut pace, start) = pace(3);
        let widths: Vec<_> = (0..6)
            .map(|n| {
                pace.look(start + PATIENCE * n, stand(10, 0));
                pace.width()
            })
            .collect();
        assert_eq!(widths, [1, 2, 3, 3, 3, 3]);
    }

    #[test]
    fn a_window_that_stays_well_filled_ends_it() {
        let (mut pace, start) = pace(3);
        pace.look(start, stand(10, 0));
        let fed = start + PATIENCE;
        pace.look(fed, stand(10, 0));
        assert_eq!(pace.width(), 2);
        for ms in [0, 5000, 9999] {
            pace.look(fed + after(ms), stand(900, 0));
        }
        assert_eq!(pace.width(), 2);
        pace.look(fed + CALM, stand(900, 0));
        assert_eq!(pace.width(), 1);
    }

    #[test]
    fn a_chunk_is_what_a_connection_brings_in_two_seconds() {
        // bytes that came in the half second
        for (came, expected) in [
            (0, 16 * KIB),
            (4000, 16 * KIB),
            (16_000, 64_000),
            (10_000_000, 256 * KIB),
        ] {
            let (mut pace, start) = pace(2);
            pace.look(start, stand(0, 7));
            pace.look(start + PATIENCE, stand(0, 7 + came));
            assert_eq!(pace.chunk(0, u64::MAX), Some(expected), "{came}");
        }
    }

    #[test]
    fn the_connection_at_hand_has_two_seconds_to_itself_however_fast() {
        let (mut pace, start) = pace(2);
        assert_eq!(pace.own(), 16 * KIB);
        pace.look(start, stand(0, 0));
        pace.look(start + PATIENCE, stand(0, 1_000_000));
        assert_eq!(pace.own(), 4_000_000);
    }

    #[test]
    fn the_rate_is_one_connections() {
        let (mut pace, start) = pace(4);
        pace.look(start, stand(0, 0));
        pace.look(start + PATIENCE, stand(0, 10_000));
        assert_eq!(pace.chunk(0, u64::MAX), Some(40_000));
        // two of them bring twice as much
        pace.look(start + PATIENCE * 2, stand(0, 40_000));
        assert_eq!(pace.chunk(0, u64::MAX), Some(40_000));
    }

    #[test]
    fn there_is_no_chunk_without_room_or_behind_the_end() {
        let (pace, _) = pace(2);
        assert_eq!(pace.chunk(880 * KIB, u64::MAX), Some(16 * KIB));
        assert_eq!(pace.chunk(880 * KIB + 1, u64::MAX), None);
        assert_eq!(pace.chunk(0, 5), Some(5));
        assert_eq!(pace.chunk(0, 0), None);
    }

    #[test]
    fn who_was_refused_does_not_ask_again() {
        let (mut pace, start) = pace(4);
        pace.look(start, stand(0, 0));
        pace.look(start + PATIENCE, stand(0, 0));
        pace.refused();
        pace.look(start + PATIENCE * 9, stand(0, 0));
        assert_eq!(pace.width(), 1);
    }

    proptest! {
        #[test]
        fn limits_hold_whatever_is_seen(
            looks in prop::collection::vec((0u64..3000, 0usize..2000, 0u64..1_000_000_000), 0..50),
            fragments in 0usize..9,
            pending in 0u64..2_000_000,
            left in 0u64..2_000_000,
        ) {
            let (mut pace, mut now) = pace(fragments);
            for (ms, waiting, delivered) in looks {
                now += after(ms);
                let next = pace.look(now, stand(waiting, delivered));
                prop_assert!(next.is_none_or(|at| at > now));
                prop_assert!((1..=fragments.max(1)).contains(&pace.width()));
                if let Some(len) = pace.chunk(pending, left) {
                    prop_assert!(len > 0 && len <= left && len <= 256 * KIB);
                    prop_assert!(pending + len <= 896 * KIB);
                }
            }
        }
    }
}
