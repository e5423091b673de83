//! Owns: a fetch task's connection: what is asked for, when again, and which of the bytes are delivered.
//! Never knows: who began to fetch, or what the bytes mean.

mod ahead;
mod pause;
mod recover;

use crate::{
    media::{
        fragment::at,
        icy::{self, Part, Splitter, Titles},
        live::{Alike, Beginning, CatchUp, Kind, Lost, Rejoin},
        located::Locator,
        ranges::{Answer, Body, Retry, interpret},
        window::{LaneWriter, Notice, Task},
    },
    net::{NetError, Resource, Response, within},
};
use ahead::Ahead;
use bytes::Bytes;
use http::HeaderMap;
use std::time::Instant;

struct Connection {
    response: Response,
    /// Offset of its next byte; titles do not count.
    at: u64,
    /// Where it should end.
    ends_at: Option<u64>,
    /// Offset behind the last byte that was asked for of a resource that may have more.
    asked_until: Option<u64>,
    splitter: Option<Splitter>,
    join: Join,
}

/// How the bytes of a connection follow those that were delivered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Join {
    /// They are the same resource's: those before the offset are left out.
    Same,
    /// Whether they are the same resource's is still to be seen.
    Unknown,
    /// They are those of a station that was left.
    Anew,
}

pub(super) struct Fetcher {
    writer: LaneWriter,
    resource: Resource,
    /// Finds the resource anew.
    locator: Option<Locator>,
    connection: Option<Connection>,
    ahead: Ahead,
    /// Offset of the next byte to deliver.
    offset: u64,
    /// Nothing is left to be delivered from here, but a jump may come.
    is_done: bool,
    length: Option<u64>,
    has_ranges: Option<bool>,
    /// `None` before there was an answer.
    kind: Option<Kind>,
    /// Whether bytes were delivered since the last jump.
    has_delivered: bool,
    retry: Retry,
    /// In place of `retry` for what may be endless.
    rejoin: Rejoin,
    beginning: Beginning,
    titles: Titles,
    /// Nobody has read for long: what waits to be read is too old.
    is_stale: bool,
    catch_up: CatchUp,
    /// The window's section, of a station.
    section: u64,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the fetch task gives its decisions the time"
)]
fn now() -> Instant {
    Instant::now()
}

impl Fetcher {
    pub(super) fn new(mut writer: LaneWriter, resource: Resource) -> Self {
        writer.count_in(resource.clients().tally().clone());
        let rejoin = Rejoin::new(resource.settings().give_up_after, now());
        Self {
            writer,
            ahead: Ahead::new(&resource),
            resource,
            locator: None,
            connection: None,
            offset: 0,
            is_done: false,
            length: None,
            has_ranges: None,
            kind: None,
            has_delivered: false,
            retry: Retry::default(),
            rejoin,
            beginning: Beginning::default(),
            titles: Titles::default(),
            is_stale: false,
            catch_up: CatchUp::default(),
            section: 0,
        }
    }

    /// Of a resource that `locator` has found.
    pub(super) fn located(writer: LaneWriter, resource: Resource, locator: Locator) -> Self {
        Self {
            locator: Some(locator),
            ..Self::new(writer, resource)
        }
    }

    pub(super) async fn run(&mut self) {
        loop {
            match self.next_task().await {
                Task::Close => return,
                Task::Jump(to) => self.jump(to),
                Task::Renew => self.interrupted(Lost::Unreadable, None).await,
                Task::Deliver if self.is_done => self.writer.interrupted().await,
                Task::Deliver => {
                    if let Err(error) = self.step().await {
                        self.recover(error).await;
                    }
                }
            }
        }
    }

    pub(super) async fn fail(&mut self, error: NetError) {
        self.recover(error).await;
        self.run().await;
    }

    fn is_station(&self) -> bool {
        self.kind == Some(Kind::Station)
    }

    fn jump(&mut self, to: u64) {
        // a window that has come to a section asks for it by its number; before, for an offset
        if self.section > 0 && to > 0 {
            return self.begin_again(to);
        }
        self.section = 0;
        self.offset = to;
        self.is_done = false;
        self.has_delivered = false;
        self.is_stale = false;
        self.retry = Retry::default();
        self.ahead.clear();
        // without ranges, going on with what is there is the shortest way to a place further on
        let is_on_the_way = |connection: &Connection| connection.at <= to;
        if self.has_ranges != Some(false) || !self.connection.as_ref().is_some_and(is_on_the_way) {
            self.connection = None;
        }
    }

    /// A section of a station is wanted from its beginning: what can be had is another beginning.
    fn begin_again(&mut self, section: u64) {
        self.is_done = false;
        self.connection = None;
        self.section = section - 1;
    }

    /// Connects, or delivers what comes next. Returns early when the window wants something else.
    async fn step(&mut self) -> Result<(), NetError> {
        if self.connection.is_none() {
            return match self.ahead.begins_at() {
                Some(begin) if begin <= self.offset => self.step_ahead().await,
                _ => self.connect().await,
            };
        }
        let limit = match self.kind {
            Some(Kind::File) | None => self.resource.settings().stream_idle_timeout(),
            Some(Kind::Unsure | Kind::Station) => self.resource.settings().stall_timeout,
        };
        let silence = tokio::time::sleep(limit);
        tokio::pin!(silence);
        let chunk = loop {
            let look_at = self.look_ahead();
            let Some(connection) = &mut self.connection else {
                return Ok(());
            };
            tokio::select! {
                biased;
                () = self.writer.interrupted() => return Ok(()),
                chunk = connection.response.chunk() => break chunk?,
                () = &mut silence => return Err(NetError::Timeout(limit)),
                retried = self.ahead.progress() => self.writer.count_retries(retried),
                () = at(look_at) => {}
            }
        };
        match chunk {
            Some(chunk) => self.deliver(chunk),
            None => self.ended().await?,
        }
        Ok(())
    }

    /// The answer at hand has ended.
    async fn ended(&mut self) -> Result<(), NetError> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let missing = connection
            .ends_at
            .map_or(0, |end| end.saturating_sub(connection.at));
        if missing > 0 {
            return Err(NetError::CutShort { missing });
        }
        // a server may answer with less than was asked for
        let is_all = match (self.length, connection.asked_until) {
            (Some(length), _) => connection.at >= length,
            (None, Some(until)) => connection.at < until,
            (None, None) => true,
        };
        self.connection = None;
        if self.is_station() {
            self.interrupted(Lost::Ended, None).await;
        } else if is_all {
            self.finish();
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), NetError> {
        if self.length.is_some_and(|length| self.offset >= length) {
            self.finish();
            return Ok(());
        }
        let until = self.asks_until();
        let is_part = self.offset > 0 || until.is_some();
        let asked = (is_part && !self.is_station()).then_some(self.offset);
        self.resource.end_at(until);
        let limit = self.resource.settings().stream_connect_timeout;
        let response = tokio::select! {
            biased;
            () = self.writer.interrupted() => return Ok(()),
            response = within(limit, self.resource.ask_following(asked)) => response?,
        };
        self.accept(asked, response)?;
        if let Some(connection) = &mut self.connection {
            connection.asked_until = until.filter(|_| self.has_ranges == Some(true));
        }
        Ok(())
    }

    /// Offset behind the last byte of the next request: as much as the site gives at a time, and no more than others do
    /// not fetch already.
    fn asks_until(&self) -> Option<u64> {
        let most = self.resource.clients().manner().request_bytes;
        let most = most.map(|most| self.offset.saturating_add(most));
        let may_stop = |until: &u64| self.length.is_none_or(|length| *until < length);
        let ends = [most.filter(may_stop), self.ahead.begins_at()];
        ends.into_iter().flatten().min()
    }

    pub(super) fn accept(
        &mut self,
        asked: Option<u64>,
        response: Response,
    ) -> Result<(), NetError> {
        let status = response.status().as_u16();
        let mut body = match interpret(asked, status, response.headers()) {
            Answer::Body(body) => body,
            Answer::PastTheEnd if asked.is_some() => {
                self.finish();
                return Ok(());
            }
            Answer::PastTheEnd => return Err(NetError::Status(status)),
            Answer::Refused(status) => {
                return Err(NetError::refused(status, response.headers()));
            }
        };
        let splitter = icy::interval(response.headers()).map(Splitter::new);
        if splitter.is_some() || self.is_station() {
            // lengths would count the titles, and a station has none
            body.length = None;
            body.ends_at = None;
            body.has_ranges = Some(false);
        }
        self.learn(asked, &body, response.headers())?;
        let join = match self.kind {
            Some(Kind::Station) if self.has_delivered => Join::Anew,
            Some(Kind::Unsure) if self.offset > 0 => Join::Unknown,
            Some(_) | None => Join::Same,
        };
        let at = if self.is_station() {
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
            asked_until: None,
            splitter,
            join,
        });
        Ok(())
    }

    fn learn(
        &mut self,
        asked: Option<u64>,
        body: &Body,
        headers: &HeaderMap,
    ) -> Result<(), NetError> {
        if let (Some(known), Some(now)) = (self.length, body.length)
            && known != now
        {
            return Err(NetError::Changed);
        }
        let is_from_there = asked.is_some() && body.starts_at > 0;
        let is_icy = || headers.keys().any(|name| name.as_str().starts_with("icy-"));
        self.kind = match self.kind {
            Some(Kind::Station) => Some(Kind::Station),
            _ if body.length.is_some() || is_from_there => Some(Kind::File),
            Some(kind) => Some(kind),
            None if is_icy() => Some(Kind::Station),
            None => Some(Kind::Unsure),
        };
        if self.is_station() {
            self.writer.tell_station();
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
        let Some(mut splitter) = connection.splitter.take() else {
            return self.deliver_sound(chunk);
        };
        while let Some(part) = splitter.next(&mut chunk) {
            match part {
                Part::Sound(sound) => self.deliver_sound(sound),
                Part::Text(text) => self.titles.heard(&text),
            }
        }
        if let Some(connection) = &mut self.connection {
            connection.splitter = Some(splitter);
        }
    }

    fn deliver_sound(&mut self, mut sound: Bytes) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        if connection.join == Join::Unknown {
            let at = connection.at as usize;
            match self.beginning.compare(at, &sound) {
                Alike::SoFar => {}
                Alike::Yes => {
                    self.kind = Some(Kind::File);
                    connection.join = Join::Same;
                    self.beginning = Beginning::default();
                }
                Alike::No => {
                    self.kind = Some(Kind::Station);
                    self.writer.tell_station();
                    connection.join = Join::Anew;
                    let beginning = std::mem::take(&mut self.beginning);
                    sound = [beginning.first(at), &sound].concat().into();
                }
            }
        }
        if connection.join == Join::Anew {
            connection.join = Join::Same;
            connection.at = self.offset;
            self.begin_section();
        }
        self.pass_on(sound);
    }

    /// A station was joined again.
    fn begin_section(&mut self) {
        self.section += 1;
        self.writer.begin_section(self.section);
        self.catch_up = CatchUp::begin(now(), self.writer.waiting(), self.writer.room());
        if std::mem::take(&mut self.is_stale) {
            self.writer.tell_fresh();
        }
        if let Some(report) = self.rejoin.report(now()) {
            self.writer.notice(Notice::Rejoined(report));
        }
    }

    fn pass_on(&mut self, mut sound: Bytes) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let ahead = self.offset.saturating_sub(connection.at);
        connection.at += sound.len() as u64;
        let dropped = ahead.min(sound.len() as u64) as usize;
        let _ = sound.split_to(dropped);
        if self.ahead.takes_over(self.offset + sound.len() as u64)
            && let Some(end) = self.ahead.begins_at()
        {
            sound.truncate(end.saturating_sub(self.offset) as usize);
            self.connection = None;
        }
        if sound.is_empty() {
            return;
        }
        self.forward(sound);
    }

    /// Delivers the next bytes.
    fn forward(&mut self, sound: Bytes) {
        if self.kind == Some(Kind::Unsure) && self.offset == self.beginning.known() as u64 {
            self.beginning.note(&sound);
        }
        self.offset += sound.len() as u64;
        self.has_delivered = true;
        self.ahead.delivered(sound.len());
        self.retry.progressed(sound.len() as u64);
        if let Some(locator) = &mut self.locator {
            locator.progressed(sound.len() as u64);
        }
        self.rejoin.heard(now(), sound.len());
        if let Some(title) = self.titles.due(sound.len()) {
            self.writer.notice(Notice::Title(title));
        }
        let is_ahead = self.catch_up.got(now(), sound.len());
        self.writer.push(sound);
        if is_ahead {
            self.writer.tell_fresh();
        }
    }

    fn finish(&mut self) {
        self.connection = None;
        self.ahead.clear();
        self.is_done = true;
        self.writer.finish();
    }
}
