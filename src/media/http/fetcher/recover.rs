//! Owns: what is done about a connection that broke or was refused: asked for again, sought elsewhere, or given up.
//! Never knows: how bytes are delivered.

use super::{Fetcher, now};
use crate::{
    error::Failure,
    media::{
        backoff::chance,
        live::{Kind, Lost},
        located::Located,
        ranges::Retry,
    },
    net::{NetError, Resource, tally::Layer},
};
use std::time::Duration;

impl Fetcher {
    /// Waits before the next try, or gives up.
    pub(super) async fn recover(&mut self, error: NetError) {
        let layer = match self.connection.take() {
            Some(_) => Layer::Fragment,
            None => Layer::Request,
        };
        if self.relocate(&error, false).await {
            return;
        }
        let may_return = match (&self.kind, &error) {
            // a station is away while its encoder is started anew, and full at other times
            (Some(Kind::Station), NetError::Status(_)) => true,
            (Some(Kind::Station | Kind::Unsure), error) => error.is_retryable(),
            (Some(Kind::File) | None, _) => false,
        };
        if may_return {
            let reason = match &error {
                NetError::Timeout(_) => Lost::Stalled,
                NetError::Status(_) | NetError::Busy { .. } => Lost::Refused,
                _ => Lost::Broken,
            };
            return self.interrupted(reason, Some(error)).await;
        }
        match self.retry.after(&error, chance()) {
            Some(delay) => {
                tracing::debug!(at = self.offset, %error, "connection is taken up again");
                self.writer.count_retry(layer);
                self.pause(delay).await;
            }
            None if self.relocate(&error, true).await => self.retry = Retry::default(),
            None if self.locator.is_some() => self.give_up(error.into_sound_failure()),
            None => self.give_up(error.into_play_failure()),
        }
    }

    /// Finds the resource anew, if it may be elsewhere now, and goes on there at the same byte; false if it may not.
    /// `is_last`: see `relocate` of the locator.
    async fn relocate(&mut self, error: &NetError, is_last: bool) -> bool {
        let Some(locator) = &mut self.locator else {
            return false;
        };
        match locator.relocate(error, is_last, &self.writer).await {
            None => return false,
            Some(Ok(Located::File(link))) => {
                self.ahead.clear();
                let clients = link.clients(self.resource.clients());
                self.resource = Resource::new(clients, link.address);
            }
            Some(Ok(Located::Hls(_))) => self.give_up(NetError::Changed.into_play_failure()),
            Some(Err(failure)) => self.give_up(failure),
        }
        true
    }

    /// A stream that may be endless was interrupted: waits before the next try, or gives up.
    pub(super) async fn interrupted(&mut self, reason: Lost, error: Option<NetError>) {
        self.connection = None;
        match self.rejoin.lost(now(), reason, chance()) {
            Some(delay) => {
                tracing::debug!(at = self.offset, ?reason, "a stream is taken up again");
                self.writer.count_retry(match reason {
                    Lost::Refused => Layer::Request,
                    _ => Layer::Fragment,
                });
                self.pause(delay).await;
            }
            None => self.give_up(match error {
                Some(error) => error.into_play_failure(),
                None => Failure::suspicious("Something broke when playing the track.")
                    .because("the stream ends each time that it is asked for".to_owned()),
            }),
        }
    }

    pub(super) fn give_up(&mut self, failure: Failure) {
        self.ahead.clear();
        self.is_done = true;
        self.is_stale = false;
        self.writer.fail(failure);
    }

    async fn pause(&mut self, delay: Duration) {
        tokio::select! {
            () = self.writer.interrupted() => {}
            () = tokio::time::sleep(delay) => {}
        }
    }
}
