//! Owns: the fetch task that feeds a byte window from an HTTP server, over broken connections and jumps.
//! Never knows: what the bytes mean, or which track they belong to.
//!
//! The first request is a plain one, so that the bytes of a load come from one request; after a jump or a break the task
//! asks for a range. While the window is full the connection idles, and no time limit runs.
//!
//! A station ([`live`](super::live)) is joined again where it is now, in a new section of the window. One that nobody reads,
//! because its player is paused, is left, and joined again when bytes are taken; what was read ahead is then too old. What may be
//! one is asked for a second time then, to see whether it is.

mod fetcher;

use super::{
    located::Locator,
    window::{ByteWindow, LaneWriter, lane},
};
use crate::net::{Clients, NetError, Resource, Response, address::Address};
use fetcher::Fetcher;
use http::HeaderMap;
use tokio::runtime::Handle;

/// An answer whose body has not been read.
pub struct Opened {
    resource: Resource,
    response: Response,
}

/// Asks for what is at an address, once, without following redirects: what a load looks at.
///
/// # Errors
/// When there is no answer; any status is one.
pub async fn open(clients: &Clients, address: Address) -> Result<Opened, NetError> {
    let mut resource = Resource::new(clients.clone(), address).with_titles();
    let response = resource.ask(None).await?;
    Ok(Opened { resource, response })
}

impl Opened {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Where it redirects to, as the server says it.
    #[must_use]
    pub fn redirect(&self) -> Option<String> {
        crate::net::redirect(&self.response)
    }

    /// A window over the body. Its fetch task lives on `runtime` until the window is dropped.
    #[must_use]
    pub fn into_window(self, runtime: &Handle) -> ByteWindow {
        let (writer, window) = lane(self.resource.settings().read_ahead_bytes);
        let mut fetcher = Fetcher::new(writer, self.resource);
        runtime.spawn(async move {
            match fetcher.accept(None, self.response) {
                Ok(()) => fetcher.run().await,
                Err(error) => fetcher.fail(error).await,
            }
        });
        window
    }
}

/// A window over what is at an address; asks for it, and follows redirects, in a fetch task that lives on `runtime` until
/// the window is dropped.
#[must_use]
pub fn fetch(clients: &Clients, address: Address, runtime: &Handle) -> ByteWindow {
    let (writer, window) = lane(clients.settings().read_ahead_bytes);
    let mut fetcher = {
        let resource = Resource::new(clients.clone(), address).with_titles();
        Fetcher::new(writer, resource)
    };
    runtime.spawn(async move { fetcher.run().await });
    window
}

/// Fetches what is at an address that `locator` has found, and may find anew, until the window is gone.
pub(super) async fn run_located(
    writer: LaneWriter,
    clients: Clients,
    address: Address,
    locator: Locator,
) {
    let resource = Resource::new(clients, address);
    Fetcher::located(writer, resource, locator).run().await;
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "http_ahead_tests.rs"]
mod ahead_tests;

#[cfg(test)]
#[path = "http_live_tests.rs"]
mod live_tests;
