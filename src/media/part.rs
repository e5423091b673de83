//! Owns: fetching one thing from its first byte to its last, over broken connections: a playlist, a key, a segment, or a part
//! of a file.
//! Never knows: what it is for.

use super::{
    backoff::chance,
    hls::playlist::ByteRange,
    ranges::{Answer, Retry, interpret},
};
use crate::net::{Clients, NetError, Resource, Response, address::Address, tally::Retried, within};
use bytes::Bytes;

/// Something that is being fetched.
pub struct Part {
    resource: Resource,
    connection: Option<Connection>,
    /// Offset of the next byte.
    offset: u64,
    until: Option<u64>,
    /// Of the whole, when nothing else may be answered.
    length: Option<u64>,
    retry: Retry,
    retried: Retried,
}

struct Connection {
    response: Response,
    /// Where it comes from.
    origin: Address,
    /// Offset of its next byte.
    at: u64,
    /// Offset behind its last byte, when it is announced.
    ends_at: Option<u64>,
}

impl Part {
    /// What is at an address, or a part of it.
    #[must_use]
    pub fn new(clients: &Clients, address: Address, range: Option<ByteRange>) -> Self {
        let until = range.map(|range| range.until);
        Self {
            resource: Resource::new(clients.clone(), address).ending_at(until),
            connection: None,
            offset: range.map_or(0, |range| range.from),
            until,
            length: None,
            retry: Retry::default(),
            retried: Retried::default(),
        }
    }

    /// Takes nothing else than the range that is asked for, of something with this length: what is answered whole, or is
    /// another file by now, is an error.
    #[must_use]
    pub const fn strictly_of(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    /// How often a connection was taken up again since this was asked last.
    pub const fn take_retried(&mut self) -> Retried {
        let retried = self.retried;
        self.retried = Retried {
            requests: 0,
            fragments: 0,
        };
        retried
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When they cannot be had, also by trying again.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, NetError> {
        loop {
            let error = match self.step().await {
                Ok(chunk) => return Ok(chunk),
                Err(error) => error,
            };
            let was_begun = self.connection.take().is_some();
            let Some(pause) = self.retry.after(&error, chance()) else {
                return Err(error);
            };
            tracing::debug!(at = self.offset, %error, "connection is taken up again");
            self.retried.add(was_begun);
            tokio::time::sleep(pause).await;
        }
    }

    /// All of it, and where it came from; `None` when it has more than `limit` bytes.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn whole(&mut self, limit: usize) -> Result<Option<(Vec<u8>, Address)>, NetError> {
        let mut all = Vec::new();
        let mut origin = self.resource.address().clone();
        while let Some(chunk) = self.chunk().await? {
            if let Some(connection) = &self.connection {
                origin.clone_from(&connection.origin);
            }
            if all.len() + chunk.len() > limit {
                return Ok(None);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(Some((all, origin)))
    }

    async fn step(&mut self) -> Result<Option<Bytes>, NetError> {
        if self.until.is_some_and(|until| self.offset >= until) {
            return Ok(None);
        }
        if self.connection.is_none() {
            let asked = (self.offset > 0 || self.until.is_some()).then_some(self.offset);
            let limit = self.resource.settings().stream_connect_timeout;
            let asking = self.resource.follow(asked);
            let (response, origin) = within(limit, asking).await?;
            let body = match interpret(asked, response.status().as_u16(), response.headers()) {
                Answer::Body(body) => body,
                Answer::PastTheEnd => return Ok(None),
                Answer::Refused(status) => {
                    return Err(NetError::refused(status, response.headers()));
                }
            };
            let is_other = self.length.is_some()
                && (body.starts_at != self.offset || body.length != self.length);
            if body.starts_at > self.offset || is_other {
                return Err(NetError::Changed);
            }
            self.connection = Some(Connection {
                response,
                origin,
                at: body.starts_at,
                ends_at: body.ends_at,
            });
        }
        let limit = self.resource.settings().stream_idle_timeout();
        while let Some(connection) = &mut self.connection {
            let chunk = tokio::time::timeout(limit, connection.response.chunk()).await;
            let Some(mut chunk) = chunk.map_err(|_| NetError::Timeout(limit))?? else {
                let missing = |end: u64| end.saturating_sub(connection.at);
                return match connection.ends_at.map_or(0, missing) {
                    0 => Ok(None),
                    missing => Err(NetError::CutShort { missing }),
                };
            };
            // what an answer without ranges has in front, and behind
            let before = (self.offset - connection.at).min(chunk.len() as u64) as usize;
            connection.at += chunk.len() as u64;
            let _ = chunk.split_to(before);
            if let Some(until) = self.until {
                let left = until - self.offset;
                chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            }
            self.offset += chunk.len() as u64;
            self.retry.progressed(chunk.len() as u64);
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }
}
