//! Owns: streams whose place must be found first, and found anew later: links of many sites hold for a while only.
//! Never knows: how it is found, or what is fetched from there.

use super::{
    backoff, hls, http,
    window::{ByteWindow, LaneWriter, lane},
};
use crate::{
    error::Failure,
    net::{Clients, NetError, address::Address},
};
use ::http::HeaderMap;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

/// An address, and what its site wants to be sent along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where.
    pub address: Address,
    /// Headers of each request, the segments of HLS included, to this host and its [neighbours](Clients::with_headers).
    pub headers: HeaderMap,
}

impl From<Address> for Link {
    fn from(address: Address) -> Self {
        let headers = HeaderMap::new();
        Self { address, headers }
    }
}

impl Link {
    /// The clients that send its headers.
    pub(super) fn clients(&self, clients: &Clients) -> Clients {
        clients.with_headers(&self.address, self.headers.clone())
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

/// Finds out where a stream is now; told whether what was found before has been refused. What is found later must be the same
/// stream, in the same bytes or segments.
pub type Locate = Box<dyn Fn(bool) -> BoxFuture<'static, Result<Located, Failure>> + Send + Sync>;

/// A window over what `locate` finds, which is asked again when its link is refused later. It is asked, and what it finds is
/// fetched, in a task that lives on `runtime` until the window is dropped.
#[must_use]
pub fn fetch(clients: &Clients, locate: Locate, runtime: &Handle) -> ByteWindow {
    let (mut writer, window) = lane(clients.settings().read_ahead_bytes);
    let (clients, locator) = (clients.clone(), Locator::new(locate));
    runtime.spawn(async move {
        let Some(found) = locator.locate(false, &writer).await else {
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

/// Decides when a link is sought again: once, and again when the one that was found then has worked.
pub(super) struct Locator {
    locate: Locate,
    may_renew: bool,
    /// Bytes that came from this link.
    delivered: u64,
}

impl Locator {
    fn new(locate: Locate) -> Self {
        Self {
            locate,
            may_renew: true,
            delivered: 0,
        }
    }

    /// Where the stream is; `None` when the window is gone.
    async fn locate(
        &self,
        is_again: bool,
        writer: &LaneWriter,
    ) -> Option<Result<Located, Failure>> {
        tokio::select! {
            biased;
            () = writer.closed() => None,
            found = (self.locate)(is_again) => Some(found),
        }
    }

    /// Where the stream is now, if another link may do what this one refused; `None` if not, or when the window is gone.
    pub(super) async fn relocate(
        &mut self,
        error: &NetError,
        writer: &LaneWriter,
    ) -> Option<Result<Located, Failure>> {
        let is_expired = matches!(error, NetError::Status(401 | 403 | 404 | 410));
        if !is_expired || !std::mem::take(&mut self.may_renew) {
            return None;
        }
        self.delivered = 0;
        tracing::debug!(%error, "the link is sought again");
        writer.count_retry();
        self.locate(true, writer).await
    }

    /// Bytes have come.
    pub(super) fn progressed(&mut self, len: u64) {
        self.delivered = self.delivered.saturating_add(len);
        self.may_renew |= self.delivered >= backoff::PROGRESS;
    }
}

#[cfg(test)]
#[path = "located_tests.rs"]
mod tests;
