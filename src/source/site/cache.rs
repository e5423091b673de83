//! Owns: remembering what was found out for a while, and finding each thing out once however many want it.
//! Never knows: what it is.

use crate::{
    error::Failure,
    source::shelf::{Room, Shelf},
};
use std::{
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Mutex as Gate, time::Instant};

/// How long what is remembered holds, and how much of it there is.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For what was found.
    pub keep: Duration,
    /// For a failure: shorter, but long enough that many who want the same do not fail one after another.
    pub keep_failure: Duration,
    /// Entries; beyond that the oldest goes.
    pub entries: usize,
}

type Outcome<V> = Option<(Instant, Result<V, Failure>)>;

/// Remembers values by their keys. Values are cloned: what is large stands behind an `Arc`.
pub struct Cache<K, V> {
    limits: Limits,
    /// Who finds something out holds its gate. The lock is held for map operations only.
    gates: Mutex<Shelf<K, Arc<Gate<Outcome<V>>>>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// An empty one.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let room = Room {
            entries: limits.entries,
            bytes: usize::MAX,
        };
        Self {
            limits,
            gates: Mutex::new(Shelf::new(room)),
        }
    }

    /// The value of a key: remembered, or as `find` finds it out, which happens once at a time. Cancel-safe: when the one who
    /// finds it out is gone, the next does.
    ///
    /// # Errors
    /// When `find` has failed, now or lately.
    pub async fn get(
        &self,
        key: &K,
        find: impl Future<Output = Result<V, Failure>>,
    ) -> Result<V, Failure> {
        let gate = self.gate(key);
        let mut known = gate.lock().await;
        if let Some((at, outcome)) = &*known {
            let keep = match outcome {
                Ok(_) => self.limits.keep,
                Err(_) => self.limits.keep_failure,
            };
            if at.elapsed() < keep {
                return outcome.clone();
            }
        }
        let outcome = find.await;
        *known = Some((Instant::now(), outcome.clone()));
        outcome
    }

    /// Remembers a value that was found out in another way.
    pub fn put(&self, key: &K, value: V) {
        let gate = self.gate(key);
        // somebody is finding it out right now: he will know better
        if let Ok(mut known) = gate.try_lock() {
            *known = Some((Instant::now(), Ok(value)));
        };
    }

    /// Forgets a value that turned out to be wrong, unless it was found out less than `grace` ago. Says whether it did.
    pub fn forget(&self, key: &K, grace: Duration) -> bool {
        let gate = self.gate(key);
        let Ok(mut known) = gate.try_lock() else {
            return true;
        };
        let is_old = known.as_ref().is_none_or(|(at, _)| at.elapsed() >= grace);
        if is_old {
            *known = None;
        }
        is_old
    }

    fn gate(&self, key: &K) -> Arc<Gate<Outcome<V>>> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(key) {
            return gate.clone();
        }
        let gate = Arc::new(Gate::new(None));
        gates.put(key.clone(), gate.clone(), 0);
        gate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    const LIMITS: Limits = Limits {
        keep: Duration::from_secs(60),
        keep_failure: Duration::from_secs(5),
        entries: 3,
    };

    /// Counts how often something is found out.
    #[derive(Default)]
    struct Finder(AtomicUsize);

    impl Finder {
        async fn find(&self) -> Result<usize, Failure> {
            tokio::task::yield_now().await;
            Ok(self.0.fetch_add(1, Relaxed))
        }

        async fn fail(&self) -> Result<usize, Failure> {
            self.0.fetch_add(1, Relaxed);
            Err(Failure::common("no"))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_found_out_once_for_all_and_again_when_it_is_old() {
        let (cache, finder) = (Cache::new(LIMITS), Finder::default());
        let get = || cache.get(&1, finder.find());
        let all = futures_util::future::join_all((0..20).map(|_| get())).await;
        assert!(all.into_iter().all(|value| value.expect("found") == 0));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(get().await.expect("remembered"), 0);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(get().await.expect("found anew"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_remembered_shortly() {
        let (cache, finder) = (Cache::<_, usize>::new(LIMITS), Finder::default());
        for (wait, tries) in [(0, 1), (4, 1), (1, 2)] {
            tokio::time::advance(Duration::from_secs(wait)).await;
            cache.get(&1, finder.fail()).await.expect_err("fails");
            assert_eq!(finder.0.load(Relaxed), tries);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_it_to_the_next() {
        let (cache, finder) = (Cache::new(LIMITS), Finder::default());
        let hangs = cache.get(&1, std::future::pending());
        let given_up = tokio::time::timeout(Duration::from_secs(1), hangs).await;
        assert!(given_up.is_err());
        assert_eq!(cache.get(&1, finder.find()).await.expect("found"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_wrong_is_forgotten_but_not_at_once() {
        let (cache, finder) = (Cache::new(LIMITS), Finder::default());
        let grace = Duration::from_secs(10);
        cache.put(&1, 7);
        assert!(!cache.forget(&1, grace));
        assert_eq!(cache.get(&1, finder.find()).await.expect("remembered"), 7);
        tokio::time::advance(grace).await;
        assert!(cache.forget(&1, grace));
        assert_eq!(cache.get(&1, finder.find()).await.expect("found"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_was_used_longest_ago_goes() {
        let cache = Cache::new(LIMITS);
        for key in 0..5 {
            tokio::time::advance(Duration::from_secs(1)).await;
            cache.put(&key, key);
            cache.put(&0, 0);
        }
        let lost = async { Err(Failure::common("lost")) };
        cache.get(&2, lost).await.expect_err("gone");
        let kept = |key| cache.get(key, std::future::pending());
        assert_eq!(kept(&0).await.expect("kept"), 0);
        assert_eq!(kept(&4).await.expect("kept"), 4);
    }
}
