//! Owns: the conversation with a Discord voice gateway (version 8) as a state machine: identify, resume, heartbeats,
//! what is repaired and what is reported.
//! Never knows: sockets, clocks, MLS. Time and messages are given to it; it gives [`Action`]s.
//!
//! Connections are numbered by the attempt that made them. Whatever arrives for another number than the current one is
//! late and ignored.

mod action;
mod beat;
mod close;
mod rehearsal;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
mod tests;
mod wire;

pub(super) use action::{Action, DaveInput};
pub(super) use rehearsal::rehearse;
pub(super) use wire::{
    Credentials, commit_and_welcome, dave_version, invalid_commit_or_welcome, key_package,
    ready_for_transition,
};

use super::transport::Mode;
use crate::output::OutputEvent;
use beat::{Beat, Due};
use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};
use wire::{Binary, Message, Ready};

/// How long each answer of the handshake may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that lived this long was a good one: the next repair is immediate again.
const LONG_LIFE: Duration = Duration::from_secs(10);

/// Where the conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No connection; one is being made.
    Down,
    /// Waiting for Hello.
    Greeting,
    /// Waiting for Ready.
    Identifying,
    /// Waiting for Resumed.
    Resuming,
    /// Waiting for the answer over UDP.
    Discovering,
    /// Waiting for the session description.
    Selecting,
    /// All is well.
    Up,
    /// Reported as over.
    Over,
}

/// The state machine; see the module.
pub(super) struct Gateway {
    who: Credentials,
    /// Modes that this client speaks, the best first.
    modes: &'static [Mode],
    phase: Phase,
    /// Number of the current connection.
    attempt: u32,
    /// When the answer that is waited for is overdue.
    overdue: Option<Instant>,
    beat: Option<Beat>,
    /// Heartbeat nonces, never used twice.
    nonce: u64,
    /// Sequence number of the last message, −1 before the first.
    seq: i32,
    /// From Ready: from then on a lost connection is resumed.
    ready: Option<(Ready, Mode)>,
    /// This end's address as the server sees it.
    address: Option<(IpAddr, u16)>,
    /// The session description came.
    is_described: bool,
    is_speaking: bool,
    /// The first WebSocket was open.
    was_opened: bool,
    /// [`OutputEvent::Interrupted`] was said and not taken back.
    is_interrupted: bool,
    /// Repairs in a row without Ready or Resumed.
    repairs: u32,
    /// Connections in a row that did not live long.
    failures: u32,
    good_since: Option<Instant>,
    /// Code and reason of the last close.
    last: (u16, String),
    actions: VecDeque<Action>,
}

impl Gateway {
    /// A machine whose first action is to connect.
    pub(super) fn new(who: Credentials, modes: &'static [Mode]) -> Self {
        Self {
            who,
            modes,
            phase: Phase::Down,
            attempt: 0,
            overdue: None,
            beat: None,
            nonce: 0,
            seq: -1,
            ready: None,
            address: None,
            is_described: false,
            is_speaking: false,
            was_opened: false,
            is_interrupted: false,
            repairs: 0,
            failures: 0,
            good_since: None,
            last: (close::ABNORMAL, String::new()),
            actions: VecDeque::from([Action::Connect {
                attempt: 0,
                after: Duration::ZERO,
            }]),
        }
    }

    /// What to do next; `None` when nothing is left for now.
    pub(super) fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`timeout`](Self::timeout) is to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let beat = self.beat.as_ref().map(Beat::due);
        match (self.overdue, beat) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Connection number `attempt` is open.
    pub(super) fn opened(&mut self, now: Instant, attempt: u32) {
        if attempt != self.attempt || self.phase != Phase::Down {
            return;
        }
        self.phase = Phase::Greeting;
        self.overdue = Some(now + STEP_TIMEOUT);
        if !self.was_opened {
            self.was_opened = true;
            self.emit(OutputEvent::Opened);
        }
    }

    /// Connection number `attempt` could not be made.
    pub(super) fn unreachable(&mut self, now: Instant, attempt: u32, why: crate::error::Failure) {
        if attempt != self.attempt || self.phase != Phase::Down {
            return;
        }
        if self.was_opened {
            self.repair(now);
        } else {
            self.phase = Phase::Over;
            self.emit(OutputEvent::Unreachable(why));
            self.actions.push_back(Action::Over);
        }
    }

    /// Connection number `attempt` was closed by the other side; no code when it broke.
    pub(super) fn closed(&mut self, now: Instant, attempt: u32, code: Option<u16>, reason: &str) {
        if attempt != self.attempt || matches!(self.phase, Phase::Down | Phase::Over) {
            return;
        }
        self.lost(now, code.unwrap_or(close::NO_STATUS), reason);
    }

    /// Connection number `attempt` broke without a goodbye.
    pub(super) fn broken(&mut self, now: Instant, attempt: u32) {
        self.closed(now, attempt, Some(close::ABNORMAL), "");
    }

    /// A text message came in on connection number `attempt`.
    pub(super) fn text(&mut self, now: Instant, attempt: u32, text: &str) {
        if attempt != self.attempt || matches!(self.phase, Phase::Down | Phase::Over) {
            return;
        }
        match wire::parse(text) {
            Ok((seq, message)) => {
                if let Some(seq) = seq {
                    self.seq = seq.into();
                }
                self.message(now, message);
            }
            Err(error) => {
                tracing::debug!(guild = self.who.guild, %error, "unreadable voice gateway message");
            }
        }
    }

    fn message(&mut self, now: Instant, message: Message) {
        match message {
            Message::Hello { interval_ms } => self.hello(now, interval_ms),
            Message::Ready(ready) => self.on_ready(now, ready),
            Message::Description(d) => self.described(&d),
            Message::Resumed => self.resumed(now),
            Message::HeartbeatAck { nonce } => {
                let ping = self.beat.as_mut().and_then(|b| b.acked(now, nonce));
                if let Some(ms) = ping {
                    self.emit(OutputEvent::Ping(ms));
                }
            }
            Message::ClientsConnect(users) => self.dave(DaveInput::Joined(users)),
            Message::ClientDisconnect(user) => self.dave(DaveInput::Left(user)),
            Message::PrepareTransition { id, version } => {
                self.dave(DaveInput::Prepare { id, version });
            }
            Message::ExecuteTransition { id } => self.dave(DaveInput::Execute { id }),
            Message::PrepareEpoch { epoch, version } => {
                self.dave(DaveInput::Epoch { epoch, version });
            }
            Message::Other(_) => {}
        }
    }

    /// A binary message came in on connection number `attempt`.
    pub(super) fn binary(&mut self, attempt: u32, message: &[u8]) {
        if attempt != self.attempt || matches!(self.phase, Phase::Down | Phase::Over) {
            return;
        }
        let Some((seq, message)) = wire::binary(message) else {
            tracing::debug!(guild = self.who.guild, "short binary voice gateway message");
            return;
        };
        self.seq = seq.into();
        match message {
            Binary::ExternalSender(body) => self.dave(DaveInput::ExternalSender(body.to_vec())),
            Binary::Proposals { is_revoke, body } => {
                let body = body.to_vec();
                self.dave(DaveInput::Proposals { is_revoke, body });
            }
            Binary::Commit { id, body } => {
                let body = body.to_vec();
                self.dave(DaveInput::Commit { id, body });
            }
            Binary::Welcome { id, body } => {
                let body = body.to_vec();
                self.dave(DaveInput::Welcome { id, body });
            }
            Binary::Other(_) => {}
        }
    }

    fn hello(&mut self, now: Instant, interval_ms: f64) {
        self.beat = Some(Beat::new(now, interval_ms));
        if self.phase != Phase::Greeting {
            return;
        }
        self.overdue = Some(now + STEP_TIMEOUT);
        let text = if self.ready.is_some() {
            self.phase = Phase::Resuming;
            wire::resume(&self.who, self.seq)
        } else {
            self.phase = Phase::Identifying;
            wire::identify(&self.who)
        };
        self.actions.push_back(Action::Text(text));
    }

    fn on_ready(&mut self, now: Instant, ready: Ready) {
        if self.phase != Phase::Identifying {
            return;
        }
        self.recovered(now);
        let offered = |m: &&Mode| ready.modes.iter().any(|o| o == m.name());
        let Some(&mode) = self.modes.iter().find(offered) else {
            self.give_up(close::UNKNOWN_MODE, "no common encryption mode");
            return;
        };
        self.ready = Some((ready, mode));
        self.discover();
        self.heartbeat(now);
    }

    fn discover(&mut self) {
        let Some((ready, _)) = &self.ready else {
            return;
        };
        self.phase = Phase::Discovering;
        // the discovery has a limit of its own
        self.overdue = None;
        self.actions.push_back(Action::Discover {
            ssrc: ready.ssrc,
            server: SocketAddr::new(ready.ip, ready.port),
        });
    }

    /// The server answered over UDP: this is how it sees this end.
    pub(super) fn discovered(&mut self, now: Instant, address: IpAddr, port: u16) {
        self.address = Some((address, port));
        if self.phase == Phase::Discovering {
            self.select(now);
        }
    }

    /// The server cannot be spoken to over UDP, and why: nobody would hear anything.
    pub(super) fn undiscovered(&mut self, why: &str) {
        if self.phase != Phase::Over {
            self.give_up(close::ABNORMAL, why);
        }
    }

    fn select(&mut self, now: Instant) {
        if let (Some((_, mode)), Some((address, port))) = (&self.ready, self.address) {
            self.phase = Phase::Selecting;
            self.overdue = Some(now + STEP_TIMEOUT);
            let text = wire::select_protocol(address, port, mode.name());
            self.actions.push_back(Action::Text(text));
        }
    }

    /// May also come while all is well: the server then changes the keys.
    fn described(&mut self, description: &wire::Description) {
        let Some((ready, _)) = &self.ready else {
            return;
        };
        let Some(mode) = Mode::named(&description.mode) else {
            self.give_up(close::UNKNOWN_MODE, "unknown encryption mode");
            return;
        };
        let link = Action::Link {
            ssrc: ready.ssrc,
            mode,
            secret: description.secret_key,
        };
        // first whether frames are to be encrypted, then where they go
        self.dave(DaveInput::Version(description.dave_protocol_version));
        self.actions.push_back(link);
        self.is_described = true;
        // replayed before Resumed, it waits for that one
        if self.phase != Phase::Resuming {
            self.actions.push_back(Action::Text(wire::want_nothing()));
            self.up();
        }
    }

    fn resumed(&mut self, now: Instant) {
        if self.phase != Phase::Resuming {
            return;
        }
        self.recovered(now);
        if self.is_described {
            self.up();
        } else if self.address.is_some() {
            // lost between Ready and the description
            self.select(now);
        } else {
            self.discover();
        }
        self.heartbeat(now);
    }

    /// Ready or Resumed came: the next loss is the first again.
    fn recovered(&mut self, now: Instant) {
        self.repairs = 0;
        self.good_since = Some(now);
        self.overdue = None;
    }

    fn up(&mut self) {
        let was_up = self.phase == Phase::Up;
        self.phase = Phase::Up;
        self.overdue = None;
        self.is_interrupted = false;
        if self.is_speaking {
            self.say_speaking();
        }
        if !was_up {
            self.emit(OutputEvent::Connected);
        }
    }

    /// Sound begins or has ended. Said to the server at once, or as soon as it can be.
    pub(super) fn speaking(&mut self, is_speaking: bool) {
        if self.is_speaking != is_speaking {
            self.is_speaking = is_speaking;
            if self.phase == Phase::Up {
                self.say_speaking();
            }
        }
    }

    fn say_speaking(&mut self) {
        if let Some((ready, _)) = &self.ready {
            let text = wire::speaking(self.is_speaking, ready.ssrc);
            self.actions.push_back(Action::Text(text));
        }
    }

    /// A message of the end-to-end encryption for the server. Lost when there is no connection: what it answered will
    /// come again on a resume, or the group starts anew.
    pub(super) fn send(&mut self, action: Action) {
        if !matches!(self.phase, Phase::Down | Phase::Over) {
            self.actions.push_back(action);
        }
    }

    /// To be called at [`deadline`](Self::deadline).
    pub(super) fn timeout(&mut self, now: Instant) {
        if self.overdue.is_some_and(|at| now >= at) {
            tracing::debug!(guild = self.who.guild, phase = ?self.phase, "no answer from the voice gateway");
            self.hang_up(now);
            return;
        }
        match self.beat.as_mut().map(|b| b.poll(now)) {
            Some(Due::Send) => self.heartbeat(now),
            Some(Due::Dead) => {
                tracing::info!(
                    guild = self.who.guild,
                    "voice gateway heartbeats are unanswered"
                );
                self.hang_up(now);
            }
            Some(Due::Not) | None => {}
        }
    }

    /// The end-to-end encryption cannot go on: everything starts anew with an Identify.
    pub(super) fn restart(&mut self, now: Instant) {
        if self.phase == Phase::Over {
            return;
        }
        self.ready = None;
        self.address = None;
        self.is_described = false;
        self.seq = -1;
        if self.phase != Phase::Down {
            self.hang_up(now);
        }
    }

    fn heartbeat(&mut self, now: Instant) {
        if let Some(beat) = &mut self.beat {
            self.nonce += 1;
            beat.sent(now, self.nonce);
            let text = wire::heartbeat(self.nonce, self.seq);
            self.actions.push_back(Action::Text(text));
        }
    }

    /// This end gives a connection up that the other side does not serve. The code is not 1000: that would end the
    /// session, which is to be resumed.
    fn hang_up(&mut self, now: Instant) {
        self.actions.push_back(Action::Hang(4900));
        self.lost(now, close::ABNORMAL, "");
    }

    fn lost(&mut self, now: Instant, code: u16, reason: &str) {
        tracing::debug!(guild = self.who.guild, code, reason, phase = ?self.phase, "voice gateway closed");
        self.beat = None;
        self.overdue = None;
        self.last = (code, reason.to_owned());
        if close::is_repaired(code) {
            self.repair(now);
        } else {
            self.report(true);
        }
    }

    fn repair(&mut self, now: Instant) {
        if self.repairs >= close::MAX_ATTEMPTS {
            self.report(true);
            return;
        }
        let lived = self.good_since.take().map(|at| now.duration_since(at));
        if lived.is_some_and(|l| l >= LONG_LIFE) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.repairs += 1;
        self.attempt += 1;
        self.phase = Phase::Down;
        if !self.is_interrupted {
            self.is_interrupted = true;
            self.emit(OutputEvent::Interrupted);
        }
        self.actions.push_back(Action::Connect {
            attempt: self.attempt,
            after: close::delay(self.failures),
        });
    }

    fn give_up(&mut self, code: u16, reason: &str) {
        self.actions.push_back(Action::Hang(1000));
        self.last = (code, reason.to_owned());
        self.report(false);
    }

    fn report(&mut self, by_remote: bool) {
        self.phase = Phase::Over;
        self.beat = None;
        self.overdue = None;
        let (code, reason) = self.last.clone();
        self.emit(OutputEvent::Closed {
            code,
            reason,
            by_remote,
        });
        self.actions.push_back(Action::Over);
    }

    fn dave(&mut self, input: DaveInput) {
        self.actions.push_back(Action::Dave(input));
    }

    fn emit(&mut self, event: OutputEvent) {
        self.actions.push_back(Action::Emit(event));
    }
}
