//! Owns: the route planner at work: requests that leave from the addresses it gives, what became of them, the test at the start.
//! Never knows: how addresses are chosen, or which site is asked.
//!
//! Each address has connections of its own, so that a kept connection never takes a request out by another address.

use super::{
    Clients, NetError, Response, Way,
    address::Address,
    bound::{self, Dialer, Unbindable},
    connect,
    guard::Guard,
    route_planner::{Plan, Planner, Status},
};
use http::Request;
use hyper_util::client::legacy::connect::HttpInfo;
use rustls::{ClientConfig, client::Resumption};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    error::Error,
    hash::{BuildHasher, RandomState},
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};
use tokio::net::TcpStream;

/// Addresses whose connections are kept for the next request.
const KEPT: usize = 32;
/// TLS sessions that are remembered for each address. They are not shared: a site would know its client again by one.
const TLS_SESSIONS: usize = 8;
/// Addresses that are tested at the start, spread over the blocks.
const TESTED: u128 = 16;

/// How the planner is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The addresses and the strategy (`ratelimit.ipBlocks`, `excludedIps`, `strategy`).
    pub plan: Plan,
    /// Whether an address is marked as failing when a search is answered 429 (`ratelimit.searchTriggersFail`).
    pub search_triggers_fail: bool,
    /// How often a request is made again from another address (`ratelimit.retryLimit`).
    pub retries: u32,
    /// Whether any URL that a user names is asked for in this way, too (`routePlanner.traffic`).
    pub has_all_traffic: bool,
    /// Host and port that the test at the start connects to (`routePlanner.probe`). `None`: it binds addresses only.
    pub probe: Option<(String, u16)>,
}

/// Marks a request as a search.
#[derive(Clone, Copy)]
pub(super) struct IsSearch;

/// What has happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Addresses that are failing now.
    pub failing: u64,
    /// Addresses that were marked because a site said 429.
    pub refused: u64,
    /// Addresses that were marked because they could not be bound.
    pub unbindable: u64,
    /// Requests that were made again from another address.
    pub retries: u64,
    /// Requests that found no address.
    pub exhausted: u64,
    /// What the test at the start found.
    pub tested: Tested,
}

/// What the test at the start found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tested {
    /// Addresses that were bound, and from which the probe was reached if there is one.
    pub working: u64,
    /// Addresses that could not be bound.
    pub unbindable: u64,
    /// Addresses from which the probe was not reached.
    pub unreachable: u64,
}

#[derive(Default)]
struct Counters {
    refused: AtomicU64,
    unbindable: AtomicU64,
    retries: AtomicU64,
    exhausted: AtomicU64,
    tested: Mutex<Tested>,
}

/// A planner at work.
pub struct Routes {
    settings: Settings,
    // both held for a choice, never over a request
    planner: Mutex<Planner>,
    /// The one that was used longest ago comes first.
    clients: Mutex<Vec<(IpAddr, connect::Client)>>,
    counters: Counters,
}

#[expect(
    clippy::disallowed_methods,
    reason = "failures are shown with the time of the clock, as the original counts it"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Routes {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            planner: Mutex::new(Planner::new(settings.plan.clone(), now())),
            settings,
            clients: Mutex::default(),
            counters: Counters::default(),
        }
    }

    /// Whether any URL that a user names is asked for in this way, too.
    #[must_use]
    pub const fn has_all_traffic(&self) -> bool {
        self.settings.has_all_traffic
    }

    /// Where the planner stands.
    #[must_use]
    pub fn status(&self) -> Status {
        locked(&self.planner).status(now())
    }

    /// An address may be used again.
    pub fn free(&self, address: IpAddr) {
        locked(&self.planner).free(address);
    }

    /// All addresses may be used again.
    pub fn free_all(&self) {
        locked(&self.planner).free_all();
    }

    /// What has happened.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let counters = &self.counters;
        let failing = locked(&self.planner).failing(now());
        Counts {
            failing: u64::try_from(failing).unwrap_or(u64::MAX),
            refused: counters.refused.load(Relaxed),
            unbindable: counters.unbindable.load(Relaxed),
            retries: counters.retries.load(Relaxed),
            exhausted: counters.exhausted.load(Relaxed),
            tested: *locked(&counters.tested),
        }
    }

    fn choose(&self) -> Result<IpAddr, NetError> {
        let seed = RandomState::new().hash_one(0);
        let chosen = locked(&self.planner).choose(now(), seed);
        chosen.map_err(|error| {
            self.counters.exhausted.fetch_add(1, Relaxed);
            error.into()
        })
    }

    /// Marks an address; says whether it is one of the planner's.
    fn mark(&self, address: IpAddr, counter: &AtomicU64, why: &'static str) -> bool {
        let is_mine = locked(&self.planner).mark(address, now());
        if is_mine {
            counter.fetch_add(1, Relaxed);
            tracing::warn!(%address, why, "an address is marked as failing for a week");
        }
        is_mine
    }

    /// The connections of an address.
    fn client(&self, from: IpAddr, clients: &Clients) -> Result<connect::Client, NetError> {
        if let Some(kept) = self.kept(from) {
            return Ok(kept);
        }
        let inner = &clients.inner;
        let mut tls = ClientConfig::clone(inner.tls());
        tls.resumption = Resumption::in_memory_sessions(TLS_SESSIONS);
        let made = connect::client_from(&inner.settings, &inner.guard, Arc::new(tls), from);
        let made = made.map_err(NetError::Setup)?;
        if self.settings.plan.strategy().comes_back() {
            let mut all = locked(&self.clients);
            if all.len() >= KEPT {
                all.remove(0);
            }
            all.push((from, made.clone()));
        }
        Ok(made)
    }

    fn kept(&self, from: IpAddr) -> Option<connect::Client> {
        let mut all = locked(&self.clients);
        let at = all.iter().position(|(address, _)| *address == from)?;
        let found = all.remove(at);
        let client = found.1.clone();
        all.push(found);
        Some(client)
    }

    /// Marks the address of an error, when nothing can leave from it.
    fn blame_unbindable(&self, error: &(dyn Error + 'static)) -> Blame {
        match unbindable(error) {
            Some(address) => {
                let why = "it cannot be bound";
                self.mark(address, &self.counters.unbindable, why);
                Blame::Again
            }
            None => Blame::Nothing,
        }
    }

    /// Connects to a host, or to the proxy when there is one, from the address that the planner gives, and from another when
    /// that one cannot be bound. The guard decides about the host's addresses, not about the proxy's.
    ///
    /// # Errors
    /// When there is no address left, or no connection.
    pub(super) async fn dial(
        &self,
        clients: &Clients,
        host: &str,
        port: u16,
    ) -> io::Result<TcpStream> {
        let settings = clients.settings();
        let resolver = connect::resolver(settings, &clients.inner.guard);
        let mut tries = 0;
        loop {
            let from = self.choose().map_err(io::Error::other)?;
            let dialer = connect::dialer(settings, resolver.clone(), from);
            let error = match dialer.dial(host, port).await {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            };
            match self.blame_unbindable(&*error) {
                Blame::Again if tries < self.settings.retries => tries += 1,
                Blame::Again | Blame::Nothing => return Err(io::Error::other(error)),
            }
            self.counters.retries.fetch_add(1, Relaxed);
        }
    }

    /// Marks the address that a request left from, when what came of it is that address's fault.
    fn blame(&self, blames: bool, is_search: bool, outcome: &Result<Response, NetError>) -> Blame {
        match outcome {
            Err(error) => self.blame_unbindable(error),
            Ok(response) if blames && response.status() == 429 => {
                let used = response.extensions().get::<HttpInfo>();
                let used = used.map(|info| info.local_addr().ip());
                let is_mine = used.is_some_and(|used| match is_search {
                    true if !self.settings.search_triggers_fail => {
                        self.settings.plan.blocks().contains(used)
                    }
                    _ => self.mark(used, &self.counters.refused, "a site said 429"),
                });
                match is_mine {
                    true => Blame::Again,
                    // it did not leave by an address of the blocks
                    false => Blame::Nothing,
                }
            }
            Ok(_) => Blame::Nothing,
        }
    }

    /// Tries addresses of the blocks: whether they can be bound, and whether the probe is reached from them. Takes as long as
    /// one connection may, and says in the log what it has found.
    pub(super) async fn test(&self, clients: &Clients) {
        let settings = &clients.inner.settings;
        let probe = match &settings.proxy {
            Some(proxy) => Some((proxy.host.clone(), proxy.port)),
            None => self.settings.probe.clone(),
        };
        let plan = &self.settings.plan;
        let blocks = plan.blocks();
        let count = blocks.size().min(TESTED);
        let stride = blocks.size() / count;
        let addresses = (0..count).map(|n| blocks.at(n * stride));
        let testing = addresses
            .filter(|address| !plan.is_excluded(*address))
            .map(|address| {
                let dialer = connect::dialer(settings, Guard::new(false), address);
                verdict(dialer, address, probe.as_ref())
            });
        let found = futures_util::future::join_all(testing).await;
        self.tell(&found, probe.as_ref());
    }

    fn tell(&self, found: &[(IpAddr, Verdict)], probe: Option<&(String, u16)>) {
        let with = |wanted| {
            let all = found.iter().filter(move |(_, verdict)| *verdict == wanted);
            all.map(|(address, _)| address.to_string())
                .collect::<Vec<_>>()
        };
        let [working, unbindable, unreachable] =
            [Verdict::Works, Verdict::Unbindable, Verdict::Unreachable].map(with);
        *locked(&self.counters.tested) = Tested {
            working: working.len() as u64,
            unbindable: unbindable.len() as u64,
            unreachable: unreachable.len() as u64,
        };
        let plan = &self.settings.plan;
        tracing::info!(
            strategy = ?plan.strategy(),
            addresses = %plan.blocks().size(),
            tested = found.len(),
            working = working.len(),
            "the route planner has tested its addresses"
        );
        if !unbindable.is_empty() {
            tracing::warn!(
                addresses = unbindable.join(" "),
                "addresses of ipBlocks are not this machine's: add them to an interface, or route the block to it \
                 (ip route add local BLOCK dev lo)"
            );
        }
        if let Some((host, _)) = probe.filter(|_| !unreachable.is_empty()) {
            tracing::warn!(
                addresses = unreachable.join(" "),
                host,
                "a connection from addresses of ipBlocks did not come about; is the block routed to this machine, \
                 and has the host an address of the same family?"
            );
        }
    }
}

async fn verdict(
    dialer: Dialer,
    address: IpAddr,
    probe: Option<&(String, u16)>,
) -> (IpAddr, Verdict) {
    let verdict = match (try_to_bind(address), probe) {
        (Err(_), _) => Verdict::Unbindable,
        (Ok(()), None) => Verdict::Works,
        (Ok(()), Some((host, port))) => match dialer.dial(host, *port).await {
            // a host without an address of the family is reached from any
            Ok(connection) if connection.local_addr().is_ok_and(|it| it.ip() == address) => {
                Verdict::Works
            }
            Ok(_) | Err(_) => Verdict::Unreachable,
        },
    };
    (address, verdict)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Works,
    Unbindable,
    Unreachable,
}

enum Blame {
    /// The outcome stands.
    Nothing,
    /// Another address may do better.
    Again,
}

fn try_to_bind(address: IpAddr) -> io::Result<()> {
    let domain = Domain::for_address(SocketAddr::new(address, 0));
    bound::bind(
        &Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?,
        address,
    )
}

fn unbindable(error: &(dyn Error + 'static)) -> Option<IpAddr> {
    let mut at = Some(error);
    while let Some(link) = at {
        if let Some(found) = link.downcast_ref::<Unbindable>() {
            return Some(found.address);
        }
        at = link.source();
    }
    None
}

impl Clients {
    /// The same for requests to a site whose refusals say something of the address that it was asked from: a 429 marks that
    /// as failing. Of the servers of any URL this must not be said, or whoever names URLs could use up all addresses.
    #[must_use]
    pub fn for_site(&self) -> Self {
        Self {
            way: Way::Blaming,
            ..self.clone()
        }
    }

    /// The same for requests that leave from any address of the system's choice.
    #[must_use]
    pub fn beside_routes(&self) -> Self {
        Self {
            way: Way::Beside,
            ..self.clone()
        }
    }

    /// The route planner, when there is one.
    #[must_use]
    pub fn routes(&self) -> Option<&Routes> {
        self.inner.routes.as_ref()
    }

    /// The route planner, when requests leave from its addresses.
    pub(super) fn routing(&self) -> Option<&Routes> {
        self.routes().filter(|_| self.way != Way::Beside)
    }

    /// Tests addresses of the route planner, if there is one.
    pub async fn test_routes(&self) {
        if let Some(routes) = self.routes() {
            routes.test(self).await;
        }
    }

    /// Sends a request from the address that the planner gives, and from another when that one is refused.
    pub(super) async fn send_from(
        &self,
        routes: &Routes,
        address: &Address,
        request: Request<connect::Body>,
    ) -> Result<Response, NetError> {
        let is_search = request.extensions().get::<IsSearch>().is_some();
        let mut tries = 0;
        loop {
            let client = routes.client(routes.choose()?, self)?;
            let outcome = self.exchange(&client, address, request.clone()).await;
            match routes.blame(self.way == Way::Blaming, is_search, &outcome) {
                Blame::Again if tries < routes.settings.retries => tries += 1,
                Blame::Again | Blame::Nothing => return outcome,
            }
            routes.counters.retries.fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
