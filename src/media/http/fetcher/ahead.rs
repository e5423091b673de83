//! Owns: the connections of one track besides the first: the chunks that they fetch, and putting them in their places.
//! Never knows: how many there should be, or what the bytes mean.

use super::{Fetcher, Kind, now};
use crate::{
    media::{
        fragment::{Fragment, Next, at, progress},
        hls::playlist::ByteRange,
        pace::{Pace, Stand},
        part::Part,
    },
    net::{NetError, Resource, tally::Retried},
};
use std::{collections::VecDeque, time::Instant};

/// Bytes behind those that the first connection is to deliver.
pub(super) struct Ahead {
    pace: Pace,
    /// In order, one beginning where the one before ends.
    chunks: VecDeque<Chunk>,
    /// Since the fetch began.
    delivered: u64,
}

struct Chunk {
    range: ByteRange,
    fragment: Fragment,
}

impl Ahead {
    pub(super) fn new(resource: &Resource) -> Self {
        let settings = resource.settings();
        let budget = settings.fetching.max_bytes;
        let budget = budget.saturating_sub(settings.read_ahead_bytes) as u64;
        Self {
            pace: Pace::new(resource.clients().manner(), budget),
            chunks: VecDeque::new(),
            delivered: 0,
        }
    }

    /// What was fetched ahead is not wanted.
    pub(super) fn clear(&mut self) {
        self.chunks.clear();
        self.pace.jumped();
    }

    pub(super) const fn delivered(&mut self, len: usize) {
        self.delivered += len as u64;
    }

    /// Offset behind the last byte that the first connection is to deliver, if others go on there.
    pub(super) fn begins_at(&self) -> Option<u64> {
        self.chunks.front().map(|chunk| chunk.range.from)
    }

    /// Whether others go on from here, when the first connection is at this offset. They do not when nothing has come of
    /// them yet: it is then left to the one that works.
    pub(super) fn takes_over(&mut self, at: u64) -> bool {
        match self.chunks.front() {
            Some(first) if at < first.range.from => false,
            Some(first) if first.fragment.has_begun() => true,
            Some(_) => {
                self.refused();
                false
            }
            None => false,
        }
    }

    /// One connection has to do from here on.
    fn refused(&mut self) {
        tracing::debug!("one connection has to do");
        self.chunks.clear();
        self.pace.refused();
    }

    /// Waits until more of a chunk has come, for ever if there is none.
    pub(super) async fn progress(&mut self) -> Retried {
        progress(self.chunks.iter_mut().map(|chunk| &mut chunk.fragment)).await
    }

    fn pending(&self) -> u64 {
        let bytes = self
            .chunks
            .iter()
            .map(|chunk| chunk.range.until - chunk.range.from);
        bytes.sum()
    }
}

impl Fetcher {
    /// Opens another connection if one is wanted; when to look again, if nothing happens before.
    pub(super) fn look_ahead(&mut self) -> Option<Instant> {
        let length = self.length?;
        let has_splitter = |connection: &super::Connection| connection.splitter.is_some();
        if self.kind != Some(Kind::File)
            || self.has_ranges == Some(false)
            || self.connection.as_ref().is_some_and(has_splitter)
        {
            return None;
        }
        let ahead = &mut self.ahead;
        if let Some(failed) = ahead
            .chunks
            .iter()
            .position(|chunk| chunk.fragment.has_failed())
            && (failed > 0 || self.connection.is_some())
        {
            match failed {
                0 => ahead.refused(),
                // those before it are as good as the first
                _ => {
                    ahead.chunks.truncate(failed);
                    ahead.pace.refused();
                }
            }
        }
        let stand = Stand {
            waiting: self.writer.waiting(),
            credit: self.resource.settings().read_ahead_bytes,
            delivered: ahead.delivered,
        };
        let next = ahead.pace.look(now(), stand);
        let first = usize::from(self.connection.is_some());
        // one alone is the usual connection, which is asked for all
        while ahead.pace.width() > 1 && first + ahead.chunks.len() < ahead.pace.width() {
            let from = match (ahead.chunks.back(), first) {
                (Some(last), _) => last.range.until,
                // the connection at hand goes on for a chunk of its own
                (None, 1) => self.offset.saturating_add(ahead.pace.own()),
                (None, _) => self.offset,
            };
            let left = length.saturating_sub(from);
            let Some(len) = ahead.pace.chunk(ahead.pending(), left) else {
                break;
            };
            let range = ByteRange {
                from,
                until: from + len,
            };
            tracing::debug!(from, len, "another connection is opened");
            let (clients, address) = (self.resource.clients(), self.resource.address().clone());
            let part = Part::new(clients, address, Some(range)).strictly_of(length);
            let limit = usize::try_from(len).unwrap_or(usize::MAX);
            let fragment = Fragment::new(part, limit);
            ahead.chunks.push_back(Chunk { range, fragment });
        }
        next
    }

    /// Delivers what comes next of the first chunk, which begins at the next byte. Returns early when the window wants
    /// something else.
    pub(super) async fn step_ahead(&mut self) -> Result<(), NetError> {
        loop {
            let Some(chunk) = self.ahead.chunks.front_mut() else {
                return Ok(());
            };
            match chunk.fragment.next() {
                Next::Bytes(bytes) => {
                    chunk.range.from += bytes.len() as u64;
                    self.forward(bytes);
                    return Ok(());
                }
                Next::End => {
                    let was_whole = chunk.range.from >= chunk.range.until;
                    self.ahead.chunks.pop_front();
                    if !was_whole {
                        self.ahead.clear();
                    }
                    self.look_ahead();
                    return Ok(());
                }
                // a request of the usual kind shows what is wrong, if it is not that there are several
                Next::Failed(error) => {
                    tracing::debug!(%error, "a chunk could not be had");
                    self.ahead.refused();
                    return Ok(());
                }
                Next::Pending => {}
            }
            let look_at = self.look_ahead();
            tokio::select! {
                biased;
                () = self.writer.interrupted() => return Ok(()),
                retried = self.ahead.progress() => self.writer.count_retries(retried),
                () = at(look_at) => {}
            }
        }
    }
}
