//! Owns: how long to wait before something that broke is asked for again, and what counts as having worked. Pure arithmetic.
//! Never knows: what is asked for, or when it is given up.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// Bytes that make a connection count as having worked. A server that sends a byte and hangs up is asked no more often
/// than one that sends nothing.
pub const PROGRESS: u64 = 4096;

/// The first wait.
pub const FIRST_DELAY: Duration = Duration::from_millis(100);

/// The wait after so many tries in vain before this one: 100, 200, 400 ms and so on up to `longest`, each up to a half longer
/// by `chance` (any number), so that many players of one server do not come back at once.
#[must_use]
pub fn delay(tries: u32, longest: Duration, chance: u64) -> Duration {
    let delay = FIRST_DELAY
        .saturating_mul(2u32.saturating_pow(tries))
        .min(longest);
    let half = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) / 2;
    delay + Duration::from_millis(chance % half.saturating_add(1))
}

/// Any number, another each time.
#[must_use]
pub fn chance() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_makes_a_wait_up_to_a_half_longer() {
        for chance in [0, 1, 49, 50, 51, u64::MAX] {
            let wait = delay(0, Duration::from_secs(15), chance);
            assert!((100..=150).contains(&wait.as_millis()), "{wait:?}");
        }
    }

    #[test]
    fn many_tries_wait_the_longest_and_no_longer() {
        for tries in [8, 31, 32, u32::MAX] {
            let wait = delay(tries, Duration::from_secs(15), 0);
            assert_eq!(wait, Duration::from_secs(15));
        }
    }
}
