//! Owns: how long a piece of work may take, when parts of it are known to be slow and have a limit of their own.
//! Never knows: what is done, or what is slow.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How often it is looked whether something slow is over.
const LOOKS: Duration = Duration::from_millis(100);

tokio::task_local! {
    static CLOCK: Arc<Clock>;
}

/// How much of the time of a piece of work does not count.
struct Clock {
    /// That of the work which this one is a part of.
    outer: Option<Arc<Self>>,
    // held for sums only
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Slow parts that are being done.
    slow: usize,
    /// Since when any is.
    since: Option<Instant>,
    /// How long any was, before.
    stood: Duration,
    /// More than this does not count.
    most: Duration,
}

impl Clock {
    fn new() -> Self {
        Self {
            outer: CLOCK.try_with(Arc::clone).ok(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the clock has stood so far.
    fn stood(&self) -> Duration {
        let state = self.state();
        let now = state.since.map_or(Duration::ZERO, |since| since.elapsed());
        (state.stood + now).min(state.most)
    }

    fn stands(&self) -> bool {
        self.state().slow > 0
    }

    fn stop(&self, most: Duration) {
        let mut state = self.state();
        state.most = state.most.max(most);
        state.slow += 1;
        state.since.get_or_insert_with(Instant::now);
        drop(state);
        if let Some(outer) = &self.outer {
            outer.stop(most);
        }
    }

    fn go_on(&self) {
        let mut state = self.state();
        state.slow -= 1;
        if state.slow == 0
            && let Some(since) = state.since.take()
        {
            state.stood += since.elapsed();
        }
        drop(state);
        if let Some(outer) = &self.outer {
            outer.go_on();
        }
    }
}

/// A clock that stands while this is there.
struct Stopped(Arc<Clock>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.go_on();
    }
}

/// Does a piece of work; `None` when it takes longer than `limit`, its [`slow`] parts not counted. Cancel-safe as the work
/// is. What the work spawns does not stop its clock.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let clock = Arc::new(Clock::new());
    let started = Instant::now();
    let mut work = std::pin::pin!(CLOCK.scope(clock.clone(), work));
    loop {
        let left = (limit + clock.stood()).saturating_sub(started.elapsed());
        if left.is_zero() {
            return None;
        }
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            // what is slow may have begun, and ended, meanwhile
            () = tokio::time::sleep(if clock.stands() { left.max(LOOKS) } else { left }) => {}
        }
    }
}

/// Does a slow part: of all pieces of work that it belongs to, up to `most` of their time does not count.
pub async fn slow<T>(most: Duration, work: impl Future<Output = T>) -> T {
    // outside of `within`, there is no limit
    let _stopped = CLOCK.try_with(Arc::clone).ok().map(|clock| {
        clock.stop(most);
        Stopped(clock)
    });
    work.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    const LIMIT: Duration = Duration::from_secs(15);
    const MOST: Duration = Duration::from_secs(30);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What comes of work, and after how many seconds.
    async fn timed(work: impl Future<Output = ()>) -> (bool, u64) {
        let started = Instant::now();
        let is_done = within(LIMIT, work).await.is_some();
        (is_done, started.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn work_ends_at_its_limit() {
        assert_eq!(timed(sleep(seconds(14))).await, (true, 14));
        assert_eq!(timed(sleep(seconds(16))).await, (false, 15));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_parts_do_not_count_up_to_their_own_limit() {
        assert_eq!(timed(slow(MOST, sleep(seconds(29)))).await, (true, 29));
        assert_eq!(timed(slow(MOST, sleep(seconds(99)))).await, (false, 45));
        let begun_late = async {
            sleep(seconds(10)).await;
            slow(MOST, sleep(seconds(20))).await;
        };
        assert_eq!(timed(begun_late).await, (true, 30));
        let goes_on = async {
            slow(MOST, sleep(seconds(20))).await;
            sleep(seconds(16)).await;
        };
        assert_eq!(timed(goes_on).await, (false, 35));
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_a_slow_part_belongs_to_is_patient() {
        let inner = async {
            within(LIMIT, slow(MOST, sleep(seconds(25))))
                .await
                .expect("in time");
        };
        assert_eq!(timed(inner).await, (true, 25));
        // side by side, they count once
        let both = async {
            tokio::join!(
                slow(MOST, sleep(seconds(20))),
                slow(MOST, sleep(seconds(25)))
            );
            sleep(seconds(16)).await;
        };
        assert_eq!(timed(both).await, (false, 40));
        // one that is given up does not go on standing
        let given_up = async {
            let _ = tokio::time::timeout(seconds(5), slow(MOST, sleep(seconds(20)))).await;
            sleep(seconds(16)).await;
        };
        assert_eq!(timed(given_up).await, (false, 20));
        slow(MOST, async {}).await;
    }
}
