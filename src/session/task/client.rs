//! Owns: a session's relation to its client: greeting, telling, losing, waiting, taking up again (reference, 1.6).
//! Never knows: what happens to players.

use super::{Flow, STATS_EVERY, Session};
use crate::{
    player::note::Note,
    protocol::message::{FrameStats, Message},
    session::{handle::Flushed, outbox::Inlet, resume::ResumeBuffer, seat::Now, view},
    stats::frames,
    units::GuildId,
};
use std::time::Duration;
use tokio::time::Instant;

/// Where the client is.
pub(super) enum Client {
    Here {
        inlet: Inlet,
    },
    /// Gone; the session ends at this time (`None`: in more years than there are).
    Away {
        until: Option<Instant>,
        buffer: ResumeBuffer,
    },
}

impl Client {
    /// Resolves when a client that is here is lost.
    pub(super) async fn lost(&self) {
        match self {
            Self::Here { inlet } => inlet.lost().await,
            Self::Away { .. } => std::future::pending().await,
        }
    }
}

impl Session {
    pub(super) fn tell(&mut self, guild: GuildId, notes: Vec<Note>, now: Now) {
        for note in notes {
            // nobody wants to know later where a player stood
            let is_passing = matches!(note, Note::Update(_) | Note::LyricsLine { .. });
            if is_passing && matches!(self.client, Client::Away { .. }) {
                continue;
            }
            if let Note::StreamRejoined(rejoined) = &note {
                self.context.rejoins.add(rejoined.reason);
            }
            self.say(&view::message(guild, note, now), !is_passing);
        }
    }

    /// Tells a message, if the client is to be told such.
    pub(super) fn say(&mut self, message: &Message, is_lasting: bool) {
        if self.is_told(message) {
            self.push(message.to_json(), is_lasting);
        }
    }

    fn is_told(&self, message: &Message) -> bool {
        match message {
            Message::Event(event) if event.is_of_sponsorblock() => self.uses_sponsorblock,
            message => !message.is_extension() || self.is_told_extensions(),
        }
    }

    fn is_told_extensions(&self) -> bool {
        let audience = self.context.settings.audience;
        audience.includes(self.client_name.as_deref(), self.asked_for_extensions)
    }

    /// Queues a message for the client, wherever it is. A client that does not read is cut off and counts as lost.
    pub(super) fn push(&mut self, text: String, is_lasting: bool) {
        match &mut self.client {
            Client::Here { inlet } => {
                let Err(text) = inlet.push(text, is_lasting) else {
                    return;
                };
                tracing::warn!(session = %self.id, "the client reads too slowly and is cut off");
                self.leave();
                if is_lasting {
                    self.push(text, is_lasting);
                }
            }
            Client::Away { buffer, .. } => buffer.push(text),
        }
    }

    pub(super) fn flush(&self) -> Flushed {
        match &self.client {
            Client::Here { inlet } => Some(inlet.flush()),
            Client::Away { .. } => None,
        }
    }

    /// Tells statistics when it is time to. Their beat is the session's: it does not begin anew with a client that comes
    /// back. For one that is away they wait, and then tell how things are, not how they were.
    pub(super) fn tell_due_stats(&mut self, now: Now) {
        if matches!(self.client, Client::Here { .. }) && self.next_stats.into_std() <= now.at {
            while self.next_stats.into_std() <= now.at {
                self.next_stats += STATS_EVERY;
            }
            self.tell_stats(now);
        }
    }

    pub(super) fn tell_stats(&mut self, now: Now) {
        let minutes: Vec<_> = self
            .seats
            .values_mut()
            .filter_map(|seat| seat.last_minute(now))
            .collect();
        let totals = self.table.totals();
        let mut stats = (self.context.stats)();
        stats.players = totals.players;
        stats.playing_players = totals.playing_players;
        stats.frame_stats = frames::average(minutes).map(|a| FrameStats {
            sent: a.sent,
            nulled: a.nulled,
            deficit: a.deficit,
        });
        self.push(Message::Stats(stats).to_json(), false);
    }

    /// The first messages of a connection.
    pub(super) fn greet(&mut self, resumed: bool) {
        let ready = Message::Ready {
            resumed,
            session_id: self.id.clone(),
        };
        self.push(ready.to_json(), false);
    }

    /// The client is back (reference, 1.6): what it missed, then where its players stand.
    pub(super) fn resume(&mut self, inlet: Inlet, now: Now) -> Flow {
        let here = Client::Here { inlet };
        let before = std::mem::replace(&mut self.client, here);
        self.table.set_waiting(&self.id, false);
        self.tally.set_connected(true);
        self.greet(true);
        if let Client::Away { buffer, .. } = before {
            tracing::info!(session = %self.id, dropped = buffer.dropped(), "resumed");
            for text in buffer.into_messages() {
                self.push(text, true);
            }
        }
        let mut guilds: Vec<_> = self.seats.keys().copied().collect();
        guilds.sort_unstable();
        for guild in guilds {
            let state = self.seats[&guild].player().state(now.at);
            self.tell(guild, vec![Note::Update(state)], now);
        }
        self.tell_due_stats(now);
        self.check_client()
    }

    /// The client is lost.
    pub(super) fn lose(&mut self) -> Flow {
        self.leave();
        self.check_client()
    }

    /// From now on the client is away, for as long as it may be.
    pub(super) fn leave(&mut self) {
        let may_resume = self.setting.resuming && self.setting.timeout > 0;
        let wait = if may_resume {
            Duration::from_secs(self.setting.timeout.unsigned_abs())
        } else {
            Duration::ZERO
        };
        let away = Client::Away {
            until: Instant::now().checked_add(wait),
            buffer: ResumeBuffer::new(self.context.settings.resume),
        };
        let Client::Here { inlet } = std::mem::replace(&mut self.client, away) else {
            return;
        };
        for text in inlet.cut_off() {
            self.push(text, true);
        }
        self.tally.set_connected(false);
        if may_resume {
            self.table.set_waiting(&self.id, true);
            tracing::info!(session = %self.id, timeout = self.setting.timeout, "the client is away");
        }
    }

    /// Whether the session goes on, now that something has happened.
    pub(super) fn check_client(&mut self) -> Flow {
        let Client::Away { until, .. } = &mut self.client else {
            return Flow::GoOn;
        };
        let now = Instant::now();
        if until.is_none_or(|until| until > now) {
            return Flow::GoOn;
        }
        if self.setting.resuming && self.setting.timeout > 0 && !self.table.is_waiting(&self.id) {
            // a client has just been told that it may resume; if it is lost before it comes, another one may
            *until = Some(now + Duration::from_secs(1));
            self.table.set_waiting(&self.id, true);
            return Flow::GoOn;
        }
        Flow::End
    }
}
