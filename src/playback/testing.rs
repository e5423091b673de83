//! Owns: waiting in a test for what other threads do.
//! Never knows: what that is.

use std::time::Duration;

/// A test that takes longer has failed.
const DEADLINE: Duration = Duration::from_secs(60);

/// Asks again and again, until it is so.
pub(super) fn until(mut is_so: impl FnMut() -> bool) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test that never ends has failed"
    )]
    let now = std::time::Instant::now;
    let began = now();
    while !is_so() {
        assert!(now() - began < DEADLINE, "in time");
        std::thread::yield_now();
    }
}
