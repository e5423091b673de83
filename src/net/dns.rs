//! Owns: remembering the addresses of names, and looking each name up once however many want it.
//! Never knows: which addresses may be connected to: whoever connects looks at what it is given each time.
//!
//! The system's resolver tells no time to live, so a fixed one stands in its stead: short enough for networks that answer
//! with another host every few minutes. When the resolver does not work, the last addresses of a name are still used: a
//! playing track goes on while the DNS is away.

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use std::{
    collections::HashMap,
    fmt, io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long addresses are used without asking again.
const KEEP: Duration = Duration::from_secs(60);
/// How long a name counts as one without addresses.
const KEEP_FAILURE: Duration = Duration::from_secs(5);
/// How old addresses may be that are used because there are no newer ones.
const KEEP_STALE: Duration = Duration::from_secs(60 * 60);
/// How long newer addresses are waited for when there are old ones: a resolver that is away takes longer to say so than a
/// connection may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Names that are remembered; of more, the one that was asked for longest ago is forgotten.
const MAX_NAMES: usize = 1024;
/// Addresses of a name that are remembered.
const MAX_ADDRESSES: usize = 16;

type Addresses = Arc<[IpAddr]>;
type Answer = Result<Addresses, Arc<io::Error>>;
type Flight = Shared<BoxFuture<'static, Answer>>;
type LookUp = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;

/// Addresses by name. Clones share what they know.
#[derive(Clone)]
pub struct Names(Arc<Inner>);

struct Inner {
    look_up: Box<LookUp>,
    // held for map operations only
    book: Mutex<HashMap<String, Entry>>,
}

/// What is known of one name.
struct Entry {
    asked: Instant,
    found: Option<(Instant, Addresses)>,
    failed: Option<(Instant, Arc<io::Error>)>,
    /// Being looked up, by a task that notes the answer when it comes, whether or not anybody still waits for it.
    flight: Option<Flight>,
}

impl Entry {
    /// The answer, if nothing has to be asked for it.
    fn known(&self, now: Instant) -> Option<Answer> {
        if let Some((_, addresses)) = self.found.as_ref().filter(|(at, _)| now < *at + KEEP) {
            return Some(Ok(addresses.clone()));
        }
        let (_, error) = self
            .failed
            .as_ref()
            .filter(|(at, _)| now < *at + KEEP_FAILURE)?;
        Some(self.stale(now).ok_or_else(|| error.clone()))
    }

    fn stale(&self, now: Instant) -> Option<Addresses> {
        let found = self.found.as_ref().filter(|(at, _)| now < *at + KEEP_STALE);
        found.map(|(_, addresses)| addresses.clone())
    }

    fn learn(&mut self, now: Instant, answer: &Answer) {
        self.flight = None;
        match answer {
            Ok(addresses) => {
                self.found = Some((now, addresses.clone()));
                self.failed = None;
            }
            Err(error) => self.failed = Some((now, error.clone())),
        }
    }
}

impl Names {
    /// As the system resolves them (`getaddrinfo`).
    #[must_use]
    pub fn of_the_system() -> Self {
        Self::new(|name| {
            let looked_up = async move {
                // port 0: only the addresses are of interest
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            };
            looked_up.boxed()
        })
    }

    fn new(
        look_up: impl Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            look_up: Box::new(look_up),
            book: Mutex::new(HashMap::new()),
        }))
    }

    /// The same addresses for every name.
    #[cfg(test)]
    pub(super) fn always(addresses: Vec<IpAddr>) -> Self {
        Self::new(move |_| std::future::ready(Ok(addresses.clone())).boxed())
    }

    /// The addresses of a name, in the resolver's order. Cancel-safe: when one who waits is gone, the others go on.
    ///
    /// # Errors
    /// When the resolver finds none, now or a moment ago, and none are remembered.
    pub async fn look_up(&self, name: &str) -> io::Result<Addresses> {
        let (flight, stale) = match self.begin(name) {
            Ok(known) => return known.map_err(again),
            Err(asked) => asked,
        };
        match stale {
            None => flight.await.map_err(again),
            Some(stale) => match tokio::time::timeout(PATIENCE, flight).await {
                Ok(Ok(addresses)) => Ok(addresses),
                Ok(Err(_)) | Err(_) => Ok(stale),
            },
        }
    }

    /// What is known, or who finds it out, with what may stand in for it.
    fn begin(&self, name: &str) -> Result<Answer, (Flight, Option<Addresses>)> {
        let now = Instant::now();
        let mut book = self.0.book.lock().unwrap_or_else(PoisonError::into_inner);
        if !book.contains_key(name) && book.len() >= MAX_NAMES {
            let oldest = book.iter().min_by_key(|(_, entry)| entry.asked);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                book.remove(&oldest);
            }
        }
        let entry = book.entry(name.to_owned()).or_insert_with(|| Entry {
            asked: now,
            found: None,
            failed: None,
            flight: None,
        });
        entry.asked = now;
        if let Some(known) = entry.known(now) {
            return Ok(known);
        }
        // one that is over and still here was never noted: its task is gone
        let under_way = entry.flight.take().filter(|it| it.peek().is_none());
        let flight = under_way.unwrap_or_else(|| self.depart(name));
        entry.flight = Some(flight.clone());
        Err((flight, entry.stale(now)))
    }

    /// Looks a name up in a task of its own, which ends by itself.
    fn depart(&self, name: &str) -> Flight {
        let looked_up = (self.0.look_up)(name.to_owned());
        let (names, name) = (self.clone(), name.to_owned());
        let task = tokio::spawn(async move {
            let answer = match looked_up.await {
                Ok(found) if found.is_empty() => {
                    let kind = io::ErrorKind::NotFound;
                    Err(Arc::new(io::Error::new(kind, "the name has no address")))
                }
                Ok(found) => Ok(found.into_iter().take(MAX_ADDRESSES).collect()),
                Err(error) => Err(Arc::new(error)),
            };
            names.learn(&name, &answer);
            answer
        });
        let answer = async move {
            let ended = task.await;
            ended.unwrap_or_else(|error| Err(Arc::new(io::Error::other(error))))
        };
        answer.boxed().shared()
    }

    /// Notes what has just been found, unless the name was forgotten meanwhile.
    fn learn(&self, name: &str, answer: &Answer) {
        let mut book = self.0.book.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = book.get_mut(name) {
            entry.learn(Instant::now(), answer);
        }
    }
}

/// The same error for somebody else.
fn again(error: Arc<io::Error>) -> io::Error {
    io::Error::new(error.kind(), error)
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use tokio::time::{advance, sleep};

    /// What the resolver answers to its first, second, … question.
    enum Says {
        Address(u8),
        Nothing,
        Failure,
        Silence,
    }

    struct Resolver {
        names: Names,
        asked: Arc<AtomicUsize>,
    }

    impl Resolver {
        /// Takes a tenth of a second for each question.
        fn new(answers: Vec<Says>) -> Self {
            let asked = Arc::new(AtomicUsize::new(0));
            let (counter, answers) = (asked.clone(), Arc::new(answers));
            let names = Names::new(move |_| {
                let (at, answers) = (counter.fetch_add(1, Relaxed), answers.clone());
                let answer = async move {
                    sleep(Duration::from_millis(100)).await;
                    match answers.get(at) {
                        Some(Says::Address(last)) => Ok(vec![[192, 0, 2, *last].into()]),
                        Some(Says::Nothing) => Ok(Vec::new()),
                        Some(Says::Silence) => std::future::pending().await,
                        Some(Says::Failure) | None => {
                            Err(io::Error::from(io::ErrorKind::ConnectionReset))
                        }
                    }
                };
                answer.boxed()
            });
            Self { names, asked }
        }

        /// The last byte of the address.
        async fn ask(&self, name: &str) -> io::Result<u8> {
            let found = self.names.look_up(name).await?;
            match found[..] {
                [IpAddr::V4(address)] => Ok(address.octets()[3]),
                ref other => panic!("{other:?}"),
            }
        }

        fn asked(&self) -> usize {
            self.asked.load(Relaxed)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_used_for_a_minute() {
        let resolver = Resolver::new(vec![Says::Address(1), Says::Address(2)]);
        assert_eq!(resolver.ask("a").await.expect("found"), 1);
        advance(KEEP - Duration::from_millis(1)).await;
        assert_eq!(resolver.ask("a").await.expect("known"), 1);
        advance(Duration::from_millis(1)).await;
        assert_eq!(resolver.ask("a").await.expect("found anew"), 2);
        assert_eq!(resolver.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_want_one_name_ask_once_and_each_name_by_itself() {
        let resolver = Resolver::new(vec![Says::Address(1), Says::Address(2)]);
        let all = futures_util::future::join_all((0..100).map(|_| resolver.ask("a"))).await;
        assert!(
            all.into_iter()
                .all(|found| found.is_ok_and(|last| last == 1))
        );
        assert_eq!(resolver.ask("b").await.expect("found"), 2);
        assert_eq!(resolver.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_does_not_take_the_answer_from_others() {
        let resolver = Resolver::new(vec![Says::Address(1)]);
        let gone = tokio::time::timeout(Duration::from_millis(50), resolver.ask("a")).await;
        assert!(gone.is_err());
        assert_eq!(resolver.ask("a").await.expect("the same question"), 1);
        assert_eq!(resolver.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_waited_for_is_as_old_as_it_is() {
        let resolver = Resolver::new(vec![Says::Address(1), Says::Address(2)]);
        let gone = tokio::time::timeout(Duration::from_millis(50), resolver.ask("a")).await;
        assert!(gone.is_err());
        // it comes all the same, and is used as any other
        sleep(KEEP / 2).await;
        assert_eq!(resolver.ask("a").await.expect("known"), 1);
        assert_eq!(resolver.asked(), 1);
        sleep(KEEP / 2 + Duration::from_secs(1)).await;
        assert_eq!(resolver.ask("a").await.expect("found anew"), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_remembered_for_a_moment() {
        let resolver = Resolver::new(vec![Says::Failure, Says::Nothing, Says::Address(3)]);
        for _ in 0..2 {
            let error = resolver.ask("a").await.expect_err("failed");
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
        assert_eq!(resolver.asked(), 1);
        advance(KEEP_FAILURE).await;
        let error = resolver.ask("a").await.expect_err("no address");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        advance(KEEP_FAILURE).await;
        assert_eq!(resolver.ask("a").await.expect("found"), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn old_addresses_stand_in_while_the_resolver_is_away() {
        let resolver = Resolver::new(vec![Says::Address(1), Says::Failure, Says::Silence]);
        assert_eq!(resolver.ask("a").await.expect("found"), 1);
        advance(KEEP).await;
        // one fails, and the next need not ask
        for _ in 0..2 {
            assert_eq!(resolver.ask("a").await.expect("old"), 1);
        }
        assert_eq!(resolver.asked(), 2);
        // whoever gets no answer does not wait for it for long
        advance(KEEP_FAILURE).await;
        let before = Instant::now();
        assert_eq!(resolver.ask("a").await.expect("old"), 1);
        assert_eq!(before.elapsed(), PATIENCE);
        // but not for ever
        advance(KEEP_STALE).await;
        let waited = tokio::time::timeout(PATIENCE * 2, resolver.ask("a")).await;
        assert!(waited.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_names_are_remembered_than_there_is_room_for() {
        let answers = (0..=MAX_NAMES).map(|_| Says::Address(1)).collect();
        let resolver = Resolver::new(answers);
        for name in 0..=MAX_NAMES {
            // else they would all be of the same age
            advance(Duration::from_millis(1)).await;
            resolver.names.begin(&name.to_string()).map(|_| ()).ok();
        }
        let book = resolver.names.0.book.lock().expect("no panic");
        assert_eq!(book.len(), MAX_NAMES);
        assert!(!book.contains_key("0") && book.contains_key("1"));
    }
}
