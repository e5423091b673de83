//! Owns: the fetch task that feeds a byte window from an HTTP server, over broken connections and jumps.
//! Never knows: what the bytes mean, or which track they belong to.
//!
//! The first request is a plain one, so that the bytes of a load come from one request; after a jump or a break the task
//! asks for a range. While the window is full the connection idles, and no time limit runs.

use super::{
    ranges::{Answer, Body, Retry, interpret},
    window::{ByteWindow, LaneWriter, Task, lane},
};
use crate::{
    error::Failure,
    net::{Clients, NetError, Resource, Response, address::Address},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};
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
    let mut resource = Resource::new(clients.clone(), address);
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
        let (writer, window) = lane(self.resource.clients().settings().read_ahead_bytes);
        let clients = self.resource.clients().clone();
        let mut fetcher = Fetcher::new(writer, clients, Place::Fixed(self.resource));
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
    let place = Place::Fixed(Resource::new(clients.clone(), address));
    let mut fetcher = Fetcher::new(writer, clients.clone(), place);
    runtime.spawn(async move { fetcher.run().await });
    window
}

/// Finds out where a resource is now, for sites whose links hold for a while only.
pub type Locate = Box<dyn Fn() -> BoxFuture<'static, Result<Address, Failure>> + Send + Sync>;

/// As [`fetch`], of what `locate` finds. It is asked again when its link is refused later; the new one must lead to the same
/// bytes.
#[must_use]
pub fn fetch_located(clients: &Clients, locate: Locate, runtime: &Handle) -> ByteWindow {
    let (writer, window) = lane(clients.settings().read_ahead_bytes);
    let place = Place::Sought {
        locate,
        found: None,
        may_renew: true,
        delivered: 0,
    };
    let mut fetcher = Fetcher::new(writer, clients.clone(), place);
    runtime.spawn(async move { fetcher.run().await });
    window
}

/// Where the bytes are.
enum Place {
    Fixed(Resource),
    Sought {
        locate: Locate,
        found: Option<Resource>,
        /// Whether another link may be sought: once, and again when that one has worked.
        may_renew: bool,
        /// Bytes that came from this link.
        delivered: u64,
    },
}

impl Place {
    /// Whether there may be another link for what this status refused; forgets the one there is.
    fn renews(&mut self, error: &NetError) -> bool {
        let is_expired = matches!(error, NetError::Status(401 | 403 | 404 | 410));
        match self {
            Self::Sought {
                found,
                may_renew,
                delivered,
                ..
            } if is_expired && *may_renew => {
                *found = None;
                *may_renew = false;
                *delivered = 0;
                true
            }
            _ => false,
        }
    }

    /// Bytes have come.
    fn progressed(&mut self, len: u64) {
        if let Self::Sought {
            may_renew,
            delivered,
            ..
        } = self
        {
            *delivered = delivered.saturating_add(len);
            *may_renew |= *delivered >= Retry::PROGRESS;
        }
    }
}

/// Why a step did not work.
enum Trouble {
    Net(NetError),
    /// Nobody knows where the bytes are.
    Lost(Failure),
}

impl From<NetError> for Trouble {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

struct Connection {
    response: Response,
    /// Offset of its next byte.
    at: u64,
    /// Where it should end.
    ends_at: Option<u64>,
}

struct Fetcher {
    writer: LaneWriter,
    clients: Clients,
    place: Place,
    connection: Option<Connection>,
    /// Offset of the next byte to deliver.
    offset: u64,
    /// Nothing is left to be delivered from here, but a jump may come.
    is_done: bool,
    length: Option<u64>,
    has_ranges: Option<bool>,
    /// A radio station: taken up again where it is now, not where it was.
    is_live: bool,
    has_answered: bool,
    retry: Retry,
}

impl Fetcher {
    fn new(writer: LaneWriter, clients: Clients, place: Place) -> Self {
        Self {
            writer,
            clients,
            place,
            connection: None,
            offset: 0,
            is_done: false,
            length: None,
            has_ranges: None,
            is_live: false,
            has_answered: false,
            retry: Retry::default(),
        }
    }

    async fn run(&mut self) {
        loop {
            match self.writer.ready().await {
                Task::Close => return,
                Task::Jump(to) => self.jump(to),
                Task::Deliver if self.is_done => self.writer.interrupted().await,
                Task::Deliver => {
                    if let Err(error) = self.step().await {
                        self.recover(error).await;
                    }
                }
            }
        }
    }

    async fn fail(&mut self, error: NetError) {
        self.recover(error.into()).await;
        self.run().await;
    }

    fn jump(&mut self, to: u64) {
        self.offset = to;
        self.is_done = false;
        self.retry = Retry::default();
        // without ranges, going on with what is there is the shortest way to a place further on
        let is_on_the_way = |connection: &Connection| connection.at <= to;
        if self.has_ranges != Some(false) || !self.connection.as_ref().is_some_and(is_on_the_way) {
            self.connection = None;
        }
    }

    /// Connects, or delivers what comes next. Returns early when the window wants something else.
    async fn step(&mut self) -> Result<(), Trouble> {
        let Some(connection) = &mut self.connection else {
            return self.connect().await;
        };
        let limit = self.clients.settings().read_timeout;
        let chunk = tokio::select! {
            biased;
            () = self.writer.interrupted() => return Ok(()),
            chunk = tokio::time::timeout(limit, connection.response.chunk()) => chunk,
        };
        let chunk = chunk.map_err(|_| NetError::Timeout(limit))??;
        match chunk {
            Some(chunk) => self.deliver(chunk),
            None => {
                let missing = connection
                    .ends_at
                    .map_or(0, |end| end.saturating_sub(connection.at));
                if missing > 0 {
                    return Err(NetError::CutShort { missing }.into());
                }
                // a server may answer with less than was asked for
                let is_all = self.length.is_none_or(|length| connection.at >= length);
                self.connection = None;
                if is_all {
                    self.finish();
                }
            }
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), Trouble> {
        if self.length.is_some_and(|length| self.offset >= length) {
            self.finish();
            return Ok(());
        }
        let asked = (self.offset > 0).then_some(self.offset);
        let resource = match &mut self.place {
            Place::Fixed(resource) => resource,
            Place::Sought { locate, found, .. } => {
                if found.is_none() {
                    let address = tokio::select! {
                        biased;
                        () = self.writer.interrupted() => return Ok(()),
                        address = locate() => address.map_err(Trouble::Lost)?,
                    };
                    *found = Some(Resource::new(self.clients.clone(), address));
                }
                let Some(resource) = found else { return Ok(()) };
                resource
            }
        };
        let response = tokio::select! {
            biased;
            () = self.writer.interrupted() => return Ok(()),
            response = resource.ask_following(asked) => response?,
        };
        Ok(self.accept(asked, response)?)
    }

    fn accept(&mut self, asked: Option<u64>, response: Response) -> Result<(), NetError> {
        let status = response.status().as_u16();
        let body = match interpret(asked, status, response.headers()) {
            Answer::Body(body) => body,
            Answer::PastTheEnd if asked.is_some() => {
                self.finish();
                return Ok(());
            }
            Answer::PastTheEnd => return Err(NetError::Status(status)),
            Answer::Refused(status) => return Err(NetError::Status(status)),
        };
        self.learn(&body, response.headers())?;
        let is_rejoined = self.is_live && body.starts_at == 0;
        let at = if is_rejoined {
            self.offset
        } else {
            body.starts_at
        };
        if at > self.offset {
            return Err(NetError::Changed);
        }
        self.connection = Some(Connection {
            response,
            at,
            ends_at: body.ends_at,
        });
        Ok(())
    }

    fn learn(&mut self, body: &Body, headers: &HeaderMap) -> Result<(), NetError> {
        if let (Some(known), Some(now)) = (self.length, body.length)
            && known != now
        {
            return Err(NetError::Changed);
        }
        if !self.has_answered {
            self.has_answered = true;
            self.is_live = body.length.is_none()
                && headers.keys().any(|name| name.as_str().starts_with("icy-"));
        }
        self.length = self.length.or(body.length);
        self.has_ranges = body.has_ranges.or(self.has_ranges);
        // many servers have ranges and do not say so; those that have none are found out by the first jump
        let is_seekable = self.length.is_some() && self.has_ranges != Some(false);
        self.writer.describe(self.length, is_seekable);
        Ok(())
    }

    fn deliver(&mut self, mut chunk: Bytes) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let ahead = self.offset.saturating_sub(connection.at);
        connection.at += chunk.len() as u64;
        let dropped = ahead.min(chunk.len() as u64) as usize;
        let _ = chunk.split_to(dropped);
        self.offset += chunk.len() as u64;
        self.retry.progressed(chunk.len() as u64);
        self.place.progressed(chunk.len() as u64);
        self.writer.push(chunk);
    }

    fn finish(&mut self) {
        self.connection = None;
        self.is_done = true;
        self.writer.finish();
    }

    /// Waits before the next try, or gives up.
    async fn recover(&mut self, trouble: Trouble) {
        self.connection = None;
        let error = match trouble {
            Trouble::Net(error) => error,
            Trouble::Lost(failure) => {
                self.is_done = true;
                self.writer.fail(failure);
                return;
            }
        };
        if self.place.renews(&error) {
            tracing::debug!(at = self.offset, %error, "the link is sought again");
            return;
        }
        let delay = if error.is_retryable() {
            self.retry.failed(RandomState::new().hash_one(self.offset))
        } else {
            None
        };
        match delay {
            Some(delay) => {
                tracing::debug!(at = self.offset, %error, "connection is taken up again");
                self.pause(delay).await;
            }
            None => {
                self.is_done = true;
                self.writer.fail(error.into_play_failure());
            }
        }
    }

    async fn pause(&self, delay: Duration) {
        tokio::select! {
            () = self.writer.interrupted() => {}
            () = tokio::time::sleep(delay) => {}
        }
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
