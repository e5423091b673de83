//! Owns: streams whose place must be found first, and found anew later: links of many sites hold for a while only.
//! Never knows: how it is found, or what is fetched from there.

use super::{
    backoff, hls, http,
    window::{ByteWindow, LaneWriter, lane},
};
use crate::{
    error::Failure,
    net::{Clients, NetError, address::Address, patience, tally::Layer},
};
use ::http::HeaderMap;
use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio::runtime::Handle;

/// An address, and what its site wants to be sent along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where.
    pub address: Address,
    /// Headers of each request, the segments of HLS included, to this host and its [neighbours](Clients::with_headers).
    pub headers: HeaderMap,
    /// Hosts of the same site: there, and below, go all headers, also those that say who asks.
    pub trusted: Vec<String>,
    /// The source in whose manner it is fetched, when that is another than the track's: that of a track which stands for one
    /// of a site without sound of its own.
    pub source: Option<&'static str>,
}

impl From<Address> for Link {
    fn from(address: Address) -> Self {
        let headers = HeaderMap::new();
        Self::new(address, headers)
    }
}

impl Link {
    /// With headers that are sent along.
    #[must_use]
    pub const fn new(address: Address, headers: HeaderMap) -> Self {
        Self {
            address,
            headers,
            trusted: Vec::new(),
            source: None,
        }
    }

    /// The same, whose headers all go to these hosts, too, and below.
    #[must_use]
    pub fn trusting(self, hosts: &[String]) -> Self {
        Self {
            trusted: hosts.to_vec(),
            ..self
        }
    }

    /// The clients that send its headers.
    pub(super) fn clients(&self, clients: &Clients) -> Clients {
        let clients = match self.source {
            Some(name) => &clients.of_source(name),
            None => clients,
        };
        clients.with_headers(&self.address, self.headers.clone(), self.trusted.clone())
    }
}

/// Where a stream is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Located {
    /// All of it.
    File(Link),
    /// The playlist of its segments.
    Hls(Link),
}

/// Why a stream is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// For the first time.
    First,
    /// What was found did not give a single byte: another form of the same sound will do, of the same kind.
    Unheard,
    /// What was found has broken off: it must be the same stream, in the same bytes or segments.
    Heard,
}

impl Sought {
    /// Whether what was found before does not work any more.
    #[must_use]
    pub const fn is_again(self) -> bool {
        !matches!(self, Self::First)
    }
}

/// Finds out where a stream is now.
pub type Locate = Box<dyn Fn(Sought) -> BoxFuture<'static, Result<Located, Failure>> + Send + Sync>;

/// The same, for a track that stands for one of another source.
#[must_use]
pub fn of_source(locate: Locate, name: &'static str) -> Locate {
    Box::new(move |sought| {
        let finding = locate(sought);
        let found = async move {
            let mut found = finding.await?;
            let (Located::File(link) | Located::Hls(link)) = &mut found;
            link.source.get_or_insert(name);
            Ok(found)
        };
        Box::pin(found)
    })
}

/// A window over what `locate` finds, which is asked again when its link is refused later. It is asked, and what it finds is
/// fetched, in a task that lives on `runtime` until the window is dropped.
#[must_use]
pub fn fetch(clients: &Clients, locate: Locate, runtime: &Handle) -> ByteWindow {
    let (mut writer, window) = lane(clients.settings().read_ahead_bytes);
    let locator = Locator::new(locate, clients.settings().resolve_timeout);
    let clients = clients.clone();
    runtime.spawn(async move {
        let Some(found) = locator.locate(Sought::First, &writer).await else {
            return;
        };
        match found {
            Ok(Located::File(link)) => {
                http::run_located(writer, link.clients(&clients), link.address, locator).await;
            }
            Ok(Located::Hls(link)) => {
                writer.tell_sections();
                hls::run_located(writer, link.clients(&clients), link.address, locator).await;
            }
            Err(failure) => writer.fail(failure),
        }
    });
    window
}

/// Bytes of a link that make it one of the usual kind, that holds for minutes. Those of others are sought more and more slowly.
const GOOD: u64 = 256 * 1024;
/// The longest wait before a link is sought again.
const MAX_DELAY: Duration = Duration::from_secs(15);

/// Links in a row that may give nothing: as many as a site may have forms and clients, and little enough to end soon.
const MAX_FRUITLESS: u32 = 4;

/// Decides when a link is sought again: a few times, and as often again when one that was found then has worked.
pub(super) struct Locator {
    locate: Locate,
    /// The longest that finding it may take.
    limit: Duration,
    /// Links in a row that gave less than [`backoff::PROGRESS`].
    fruitless: u32,
    /// Whether any bytes have come, from this link or another.
    is_heard: bool,
    /// Bytes that came from this link.
    delivered: u64,
    /// Links in a row that were not [`GOOD`].
    brief: u32,
}

impl Locator {
    fn new(locate: Locate, limit: Duration) -> Self {
        Self {
            locate,
            limit,
            fruitless: 0,
            is_heard: false,
            delivered: 0,
            brief: 0,
        }
    }

    /// Where the stream is; `None` when the window is gone.
    async fn locate(
        &self,
        sought: Sought,
        writer: &LaneWriter,
    ) -> Option<Result<Located, Failure>> {
        tokio::select! {
            biased;
            () = writer.closed() => None,
            found = patience::within(self.limit, (self.locate)(sought)) => {
                Some(found.unwrap_or_else(|| {
                    let limit = NetError::Timeout(self.limit);
                    Err(Failure::suspicious("Finding the track's sound took too long.").because(limit))
                }))
            }
        }
    }

    /// Where the stream is now, if another link may do what this one did not; `None` if not, or when the window is gone.
    /// A link that is refused is sought again at once; what else broke is asked for again where it was, and elsewhere when
    /// that has not helped (`is_last`).
    pub(super) async fn relocate(
        &mut self,
        error: &NetError,
        is_last: bool,
        writer: &LaneWriter,
    ) -> Option<Result<Located, Failure>> {
        let delay = self.renew(error, is_last, backoff::chance())?;
        tracing::debug!(%error, "the link is sought again");
        writer.count_retry(Layer::Resolve);
        tokio::select! {
            biased;
            () = writer.closed() => return None,
            () = tokio::time::sleep(delay) => {}
        }
        let sought = match self.is_heard {
            true => Sought::Heard,
            false => Sought::Unheard,
        };
        self.locate(sought, writer).await
    }

    /// Whether it is sought again after this, and how long to wait before; for `chance` see [`backoff::delay`].
    fn renew(&mut self, error: &NetError, is_last: bool, chance: u64) -> Option<Duration> {
        let is_expired = matches!(error, NetError::Status(401 | 403 | 404 | 410));
        let is_worn_out = is_last && error.is_retryable();
        if !(is_expired || is_worn_out) || self.fruitless >= MAX_FRUITLESS {
            return None;
        }
        self.fruitless += 1;
        self.delivered = 0;
        let delay = match self.brief.checked_sub(1) {
            None => Duration::ZERO,
            Some(tries) => backoff::delay(tries, MAX_DELAY, chance),
        };
        self.brief += 1;
        Some(delay)
    }

    /// Bytes have come.
    pub(super) fn progressed(&mut self, len: u64) {
        self.delivered = self.delivered.saturating_add(len);
        self.is_heard |= len > 0;
        if self.delivered >= backoff::PROGRESS {
            self.fruitless = 0;
        }
        if self.delivered >= GOOD {
            self.brief = 0;
        }
    }
}

#[cfg(test)]
#[path = "located_tests.rs"]
mod tests;
