//! Owns: what the memory of resolved identifiers is held to.
//! Never knows: any source.

use super::*;
use futures_util::future::{join_all, pending};
use std::sync::atomic::AtomicUsize;
use tokio::sync::Notify;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn found(name: &str) -> LoadResult {
    LoadResult::Track(Box::new(Track::sample(name, "youtube")))
}

fn stream(name: &str) -> LoadResult {
    let mut track = Track::sample(name, "twitch");
    track.info.is_stream = true;
    LoadResult::Track(Box::new(track))
}

/// A world that counts how often it is asked.
#[derive(Clone, Default)]
struct World(Arc<AtomicUsize>);

impl World {
    async fn answer(self, result: Result<LoadResult, Failure>) -> Result<LoadResult, Failure> {
        self.0.fetch_add(1, Relaxed);
        tokio::task::yield_now().await;
        result
    }

    fn asked(&self) -> usize {
        self.0.load(Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_who_want_the_same_ask_once() {
    let (cache, world) = (Resolves::new(Settings::default()), World::default());
    let go = Arc::new(Notify::new());
    let find = || {
        let (world, go) = (world.clone(), go.clone());
        async move {
            go.notified().await;
            world.answer(Ok(found("x"))).await
        }
    };
    let mut all = Box::pin(join_all((0..1000).map(|_| cache.get("a", find))));
    while cache.counts().shared < 999 {
        assert!(futures_util::poll!(&mut all).is_pending());
    }
    go.notify_one();
    for outcome in all.await {
        assert_eq!(*outcome.expect("found"), found("x"));
    }
    cache.get("a", find).await.expect("kept");
    assert_eq!(world.asked(), 1);
    let counts = cache.counts();
    assert_eq!((counts.misses, counts.shared, counts.hits), (1, 999, 1));
    assert_eq!(counts.entries, 1);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_does_not_end_what_others_wait_for() {
    let (cache, world) = (Resolves::new(Settings::default()), World::default());
    let go = Arc::new(Notify::new());
    let find = || {
        let (world, go) = (world.clone(), go.clone());
        async move {
            let answer = world.answer(Ok(found("x"))).await;
            go.notified().await;
            answer
        }
    };
    let mut first = Box::pin(cache.get("a", find));
    let mut second = Box::pin(cache.get("a", find));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert!(futures_util::poll!(&mut second).is_pending());
    drop(first);
    go.notify_one();
    assert_eq!(*second.await.expect("found"), found("x"));
    assert_eq!(world.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_everybody_has_given_up_is_begun_anew() {
    let (cache, world) = (Resolves::new(Settings::default()), World::default());
    let hangs = cache.get("a", pending);
    assert!(tokio::time::timeout(seconds(1), hangs).await.is_err());
    assert!(cache.0.known().flights.is_empty());
    let again = cache.get("a", || world.clone().answer(Ok(found("x"))));
    assert!(again.await.is_ok());
    assert!(cache.0.known().flights.is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_outcome_is_kept_for_its_own_time() {
    let timeout = || Err(Failure::suspicious("Loading took too long."));
    for (outcome, least, keeps) in [
        (Ok(found("x")), None, 600),
        (Ok(LoadResult::Search(vec![])), None, 30),
        (Ok(LoadResult::Empty), None, 30),
        (Ok(stream("x")), None, 10),
        (Err(Failure::common("It is private.")), None, 5),
        (Err(Failure::suspicious("Refused.")), None, 5),
        (Err(Failure::fault("A bug.")), None, 0),
        (timeout(), Some(0), 0),
        (Ok(found("x")), Some(7), 7),
        (Ok(found("x")), Some(6000), 600),
    ] {
        let (cache, world) = (Resolves::new(Settings::default()), World::default());
        let get = || async {
            let (world, outcome) = (world.clone(), outcome.clone());
            let find = move || async move {
                if let Some(least) = least {
                    freshness::at_most(seconds(least));
                }
                world.answer(outcome).await
            };
            cache.get("a", find).await
        };
        let _ = get().await;
        if let Some(nearly) = seconds(keeps).checked_sub(Duration::from_millis(1)) {
            tokio::time::advance(nearly).await;
            let _ = get().await;
            assert_eq!(world.asked(), 1, "{outcome:?}");
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let _ = get().await;
        assert_eq!(world.asked(), 2, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn entries_and_bytes_are_bounded() {
    let settings = Settings {
        entries: 10,
        bytes: 20_000,
        ..Settings::default()
    };
    let (cache, world) = (Resolves::new(settings), World::default());
    let list = |len| LoadResult::Search(vec![Track::sample("x", "youtube"); len]);
    let put = async |identifier: String, result| {
        let find = || world.clone().answer(Ok(result));
        cache.get(&identifier, find).await.expect("found");
    };
    for n in 0..25 {
        put(format!("small {n}"), list(1)).await;
    }
    let counts = cache.counts();
    assert_eq!((counts.entries, counts.evictions), (10, 15));
    put("large".into(), list(30)).await;
    let counts = cache.counts();
    assert!(counts.bytes <= 20_000 && counts.entries < 10, "{counts:?}");
    put("too large".into(), list(400)).await;
    assert_eq!(cache.counts().entries, counts.entries);
}

#[tokio::test(start_paused = true)]
async fn switched_off_it_keeps_and_shares_nothing() {
    let settings = Settings {
        is_on: false,
        ..Settings::default()
    };
    let (cache, world) = (Resolves::new(settings), World::default());
    let get = || cache.get("a", || world.clone().answer(Ok(found("x"))));
    join_all([get(), get()]).await;
    assert_eq!((world.asked(), cache.counts()), (2, Counts::default()));
}
