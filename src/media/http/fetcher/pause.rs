//! Owns: what becomes of a connection while nobody takes bytes, because the player is paused.
//! Never knows: how bytes are delivered, or how a station is joined again.

use super::{Fetcher, now};
use crate::{
    media::{
        live::{Alike, Beginning, Kind},
        ranges::{Answer, interpret},
        window::Task,
    },
    net::{NetError, Resource},
};
use std::time::Duration;

impl Fetcher {
    /// What is to be done next. Leaves a station that nobody reads; what may be one is asked again to see what it is, once
    /// in a pause.
    pub(super) async fn next_task(&mut self) -> Task {
        if self.is_stale {
            // the first new bytes make room
            return self.writer.poll().unwrap_or(Task::Deliver);
        }
        let may_be_left = matches!(self.kind, Some(Kind::Station | Kind::Unsure));
        if !may_be_left || self.connection.is_none() {
            return self.writer.ready().await;
        }
        let limit = self.resource.settings().stall_timeout;
        let mut is_paused = false;
        loop {
            let waiting = self.writer.waiting();
            match tokio::time::timeout(limit, self.writer.ready()).await {
                Ok(task) => {
                    if is_paused {
                        self.rejoin.resumed(now());
                    }
                    return task;
                }
                Err(_) if self.writer.waiting() < waiting => {}
                Err(_) => {
                    if !std::mem::replace(&mut is_paused, true) && !self.is_station() {
                        self.look_again(waiting, limit).await;
                    }
                    if self.is_station() {
                        self.connection = None;
                        self.writer.taken_from(waiting).await;
                        self.is_stale = true;
                        self.rejoin.resumed(now());
                        return self.writer.poll().unwrap_or(Task::Deliver);
                    }
                }
            }
        }
    }

    /// Finds out whether what is unsure is a station, unless fewer than `waiting` bytes wait before that is known. The
    /// connection at hand stays: a file may take as long to be made again as it took up to here.
    async fn look_again(&mut self, waiting: usize, limit: Duration) {
        let kind = tokio::select! {
            biased;
            () = self.writer.taken_from(waiting) => return,
            kind = second_look(&mut self.resource, &self.beginning, limit) => kind,
        };
        tracing::debug!(?kind, "a stream without a length was asked for again");
        if let Ok(kind) = kind {
            self.kind = Some(kind);
        }
        if self.is_station() {
            self.writer.tell_station();
        }
    }
}

/// What a resource is that began like this, by another answer; reads as much of it as it needs, and waits for each piece no
/// longer than `limit`.
async fn second_look(
    resource: &mut Resource,
    beginning: &Beginning,
    limit: Duration,
) -> Result<Kind, NetError> {
    let mut response = resource.ask_following(None).await?;
    match interpret(None, response.status().as_u16(), response.headers()) {
        Answer::Body(body) if body.length.is_some() => return Ok(Kind::File),
        Answer::Body(_) => {}
        Answer::PastTheEnd | Answer::Refused(_) => return Ok(Kind::Unsure),
    }
    let mut at = 0;
    loop {
        let chunk = tokio::time::timeout(limit, response.chunk()).await;
        let Some(chunk) = chunk.map_err(|_| NetError::Timeout(limit))?? else {
            return Ok(Kind::Unsure);
        };
        match beginning.compare(at, &chunk) {
            Alike::SoFar => at += chunk.len(),
            Alike::Yes => return Ok(Kind::File),
            Alike::No => return Ok(Kind::Station),
        }
    }
}
