//! Owns: whether an endless stream that has stopped is taken up again, when, and what is told of it. Pure decisions.
//! Never knows: connections, clocks, what the bytes mean.
//!
//! # What is endless
//! No answer says that it never ends, so three kinds are told apart:
//! - a *file*: its length is known, or it gave a range, or began with the same bytes when it was asked for again;
//! - a *station*: no length, and either `icy-` headers (Icecast, SHOUTcast and what imitates them) or other first bytes when it
//!   was asked for again: it can only go on where it is now;
//! - what is *unsure*: no length and nothing else; a station, or a file that somebody makes while he sends it.
//!
//! Where a station's answer ends, however well, it is asked again, and whatever it answers, until it has been silent for
//! too long. What is unsure has ended where its body ends well (the last chunk, or a close without a chunk missing): to ask
//! again would play a file that is made while it is sent over and over. Where it breaks, it is asked again, and then it is
//! known what it is; so it is in a pause, with its connection kept until it is known.

pub use super::station::{Lost, Rejoined};

use super::backoff::{self, PROGRESS};
use std::time::{Duration, Instant};

/// The longest wait.
const MAX_DELAY: Duration = Duration::from_secs(15);

/// What is known of a stream's kind; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It can be taken up at the same byte.
    File,
    /// No length, and nothing else is known.
    Unsure,
    /// It goes on where it is now.
    Station,
}

/// Time after joining in which a station shows whether it begins with a burst of what it sent before.
const BURST: Duration = Duration::from_secs(1);

/// Whether a station that was joined again has brought as much at once as was still to be heard of it: that is older, and
/// heard before it would only put the listener further and further behind. Stations without a burst begin where they are;
/// what was to be heard of them is then all that is ahead.
#[derive(Clone, Copy, Debug, Default)]
pub struct CatchUp {
    /// Until when, and how many bytes are missing.
    left: Option<(Instant, usize)>,
}

impl CatchUp {
    /// Joined at `now`, with `waiting` bytes that were not read yet and room for so many more.
    #[must_use]
    pub fn begin(now: Instant, waiting: usize, room: usize) -> Self {
        let enough = waiting.min(room.max(PROGRESS as usize));
        Self {
            left: (waiting > 0).then_some((now + BURST, enough)),
        }
    }

    /// So many bytes have come; true once, when they are enough.
    pub fn got(&mut self, now: Instant, len: usize) -> bool {
        let Some((until, missing)) = &mut self.left else {
            return false;
        };
        if now > *until {
            self.left = None;
            return false;
        }
        *missing = missing.saturating_sub(len);
        let is_enough = *missing == 0;
        if is_enough {
            self.left = None;
        }
        is_enough
    }
}

/// Trouble of a stream, from its last byte on.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    reason: Lost,
    since: Instant,
    attempts: u32,
}

/// The decisions of one stream.
#[derive(Debug)]
pub struct Rejoin {
    give_up_after: Duration,
    last_byte: Instant,
    /// Bytes of this connection.
    delivered: u64,
    trouble: Option<Trouble>,
    /// The trouble that this connection ended, for the case that it is of no use after all.
    before: Option<Trouble>,
}

impl Rejoin {
    /// A stream that is connected at `now`. It is given up after `give_up_after` without sound.
    #[must_use]
    pub const fn new(give_up_after: Duration, now: Instant) -> Self {
        Self {
            give_up_after,
            last_byte: now,
            delivered: 0,
            trouble: None,
            before: None,
        }
    }

    /// Bytes have come.
    pub fn heard(&mut self, now: Instant, len: usize) {
        self.last_byte = now;
        self.delivered = self.delivered.saturating_add(len as u64);
        if self.delivered >= PROGRESS && self.trouble.is_some() {
            self.before = self.trouble.take();
        }
    }

    /// The connection is gone, or none came about. How long to wait before the next try; `None` when it is to be given
    /// up. For `chance` see [`backoff::delay`].
    pub fn lost(&mut self, now: Instant, reason: Lost, chance: u64) -> Option<Duration> {
        self.delivered = 0;
        if reason == Lost::Unreadable {
            self.trouble = self.trouble.or(self.before.take());
        }
        let trouble = self.trouble.get_or_insert(Trouble {
            reason,
            since: self.last_byte,
            attempts: 0,
        });
        if now.saturating_duration_since(trouble.since) >= self.give_up_after {
            return None;
        }
        let delay = backoff::delay(trouble.attempts, MAX_DELAY, chance);
        trouble.attempts += 1;
        Some(delay)
    }

    /// Nobody has taken bytes for long, and now somebody does: it is to be taken up at once, and the time in between is no
    /// silence of the station's.
    pub fn resumed(&mut self, now: Instant) {
        self.delivered = 0;
        self.trouble = Some(Trouble {
            reason: Lost::Paused,
            since: now,
            attempts: 1,
        });
    }

    /// The first bytes of a new connection are here: what is told of it. `None` when there was no trouble.
    #[must_use]
    pub fn report(&self, now: Instant) -> Option<Rejoined> {
        self.trouble.map(|trouble| Rejoined {
            reason: trouble.reason,
            attempts: trouble.attempts,
            silent_for: now.saturating_duration_since(trouble.since),
        })
    }
}

/// Tells a station from a file by its first bytes: a file begins the same each time it is asked for.
#[derive(Debug, Default)]
pub struct Beginning {
    bytes: Vec<u8>,
}

impl Beginning {
    /// As much as is compared, in bytes: more than the headers of any Ogg stream without pictures, which are the same each
    /// time also for a station.
    const LEN: usize = 16 * 1024;

    /// Bytes of the first connection, in order.
    pub fn note(&mut self, bytes: &[u8]) {
        let len = bytes.len().min(Self::LEN - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..len]);
    }

    /// The bytes from `at` on of another connection, all those before having been the same.
    #[must_use]
    pub fn compare(&self, at: usize, bytes: &[u8]) -> Alike {
        let known = &self.bytes[at.min(self.bytes.len())..];
        let len = known.len().min(bytes.len());
        if known[..len] != bytes[..len] {
            Alike::No
        } else if len == known.len() {
            Alike::Yes
        } else {
            Alike::SoFar
        }
    }

    /// How many bytes are known.
    #[must_use]
    pub const fn known(&self) -> usize {
        self.bytes.len()
    }

    /// The first `len` bytes, as far as they are known.
    #[must_use]
    pub fn first(&self, len: usize) -> &[u8] {
        &self.bytes[..len.min(self.bytes.len())]
    }
}

/// Whether two connections began the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alike {
    /// In everything that is known of the first.
    Yes,
    /// As far as bytes have come.
    SoFar,
    /// They differ.
    No,
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rejoin() -> (Rejoin, Instant) {
        let now = Instant::now();
        (Rejoin::new(300 * SECOND, now), now)
    }

    #[test]
    fn a_burst_takes_the_place_of_what_was_to_be_heard() {
        let now = Instant::now();
        let after = |ms| now + Duration::from_millis(ms);
        let mut burst = CatchUp::begin(now, 60_000, 68_000);
        assert!(!burst.got(after(10), 40_000));
        assert!(burst.got(after(20), 20_000));
        assert!(!burst.got(after(30), 20_000), "once");
        // 128 kbit/s
        let mut steady = CatchUp::begin(now, 60_000, 68_000);
        assert!((1..20).all(|n| !steady.got(after(n * 250), 4_000)));
        // there is not even room for as much
        let mut full = CatchUp::begin(now, 100_000, 28_000);
        assert!(full.got(after(300), 28_000));
        assert!(!CatchUp::begin(now, 0, 1_000).got(now, 1_000));
    }

    #[test]
    fn waits_double_up_to_a_limit_until_the_time_is_up() {
        let (mut rejoin, mut now) = rejoin();
        let start = now;
        let mut waits = Vec::new();
        while let Some(wait) = rejoin.lost(now, Lost::Broken, 0) {
            waits.push(wait.as_millis());
            now += wait;
        }
        assert_eq!(
            waits[..9],
            [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000]
        );
        assert!(waits[9..].iter().all(|wait| *wait == 15_000));
        let tried = now - start;
        assert!((300 * SECOND..316 * SECOND).contains(&tried), "{tried:?}");
    }

    #[test]
    fn a_connection_that_worked_begins_the_waits_anew_and_one_of_few_bytes_does_not() {
        let (mut rejoin, now) = rejoin();
        let wait = |rejoin: &mut Rejoin| rejoin.lost(now, Lost::Ended, 0).map(|w| w.as_millis());
        assert_eq!(wait(&mut rejoin), Some(100));
        rejoin.heard(now, PROGRESS as usize - 1);
        assert_eq!(wait(&mut rejoin), Some(200));
        rejoin.heard(now, PROGRESS as usize - 1);
        rejoin.heard(now, 1);
        assert_eq!(wait(&mut rejoin), Some(100));
    }

    #[test]
    fn what_cannot_be_read_does_not_count_as_sound() {
        let (mut rejoin, mut now) = rejoin();
        let mut tries = 0;
        let mut reason = Lost::Broken;
        while let Some(wait) = rejoin.lost(now, reason, 0) {
            now += wait;
            rejoin.heard(now, 1 << 20);
            reason = Lost::Unreadable;
            tries += 1;
        }
        assert!((20..40).contains(&tries), "{tries}");
    }

    #[test]
    fn the_report_counts_from_the_last_byte() {
        let (mut rejoin, start) = rejoin();
        rejoin.heard(start + SECOND, 10_000);
        assert_eq!(rejoin.report(start + SECOND), None);
        rejoin.lost(start + 6 * SECOND, Lost::Stalled, 0);
        rejoin.lost(start + 7 * SECOND, Lost::Refused, 0);
        let told = Rejoined {
            reason: Lost::Stalled,
            attempts: 2,
            silent_for: 8 * SECOND,
        };
        assert_eq!(rejoin.report(start + 9 * SECOND), Some(told));
        rejoin.heard(start + 9 * SECOND, 10_000);
        assert_eq!(rejoin.report(start + 9 * SECOND), None);
    }

    #[test]
    fn a_pause_is_no_silence() {
        let (mut rejoin, start) = rejoin();
        rejoin.resumed(start + 3600 * SECOND);
        assert!(
            rejoin
                .lost(start + 3601 * SECOND, Lost::Broken, 0)
                .is_some()
        );
        let told = rejoin.report(start + 3602 * SECOND).expect("trouble");
        assert_eq!((told.reason, told.silent_for), (Lost::Paused, 2 * SECOND));
    }

    #[test]
    fn beginnings_are_compared_as_far_as_they_are_known() {
        let mut first = Beginning::default();
        first.note(b"abc");
        first.note(b"de");
        assert_eq!(first.compare(0, b"ab"), Alike::SoFar);
        assert_eq!(first.compare(2, b"cdefg"), Alike::Yes);
        assert_eq!(first.compare(2, b"cx"), Alike::No);
        assert_eq!(first.first(2), b"ab");
        first.note(&[7; 100_000]);
        assert_eq!(first.compare(0, &[]), Alike::SoFar);
        assert_eq!(first.first(usize::MAX).len(), Beginning::LEN);
    }
}
