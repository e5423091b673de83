//! Owns: one session while it runs: its players, its client's outbox, its timers.
//! Never knows: HTTP, or how it was found.
//!
//! Nothing here waits for anything but the next thing to do: a command, an event, a deadline, the loss of the client.

use super::{
    Context, Rejection,
    handle::Flushed,
    outbox::Inlet,
    plan::{Next, Plan, Start},
    registry::{Table, Tally},
    resume::ResumeBuffer,
    seat::{Now, Seat},
    view,
};
use crate::{
    player::{Attempt, Player, PlayerEvent, note::Note, note::VoiceTarget},
    protocol::{
        message::{FrameStats, Message},
        rest,
    },
    stats::frames,
    units::{GuildId, UserId},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

/// Time between two `stats` messages (reference, 1.3).
const STATS_EVERY: Duration = Duration::from_secs(60);
/// Seconds that a session may be resumed for, unless the client says otherwise.
const DEFAULT_TIMEOUT: i64 = 60;

/// An event with the player it is for: guild and serial number.
pub(super) type Addressed = (GuildId, u64, PlayerEvent);

/// What a request leaves behind before it waits for a voice server.
pub(super) struct Opened {
    /// Names the player for the steps that follow.
    pub(super) serial: u64,
    /// A connection that is being made.
    pub(super) attempt: Option<Attempt>,
}

/// How far a change came.
pub(super) enum Applied {
    /// All of it.
    Done {
        player: Box<rest::Player>,
        flush: Flushed,
    },
    /// Up to the new track, which cannot be played.
    Refused { why: Rejection, flush: Flushed },
    /// Up to the new track, which must be loaded first.
    Load {
        identifier: String,
        start: Start,
        flush: Flushed,
    },
}

/// What can be asked of a session. Replies to askers that have gone are dropped.
pub(super) enum Command {
    Players(oneshot::Sender<Vec<rest::Player>>),
    Player(GuildId, oneshot::Sender<Option<rest::Player>>),
    /// Creates the player if missing, and leads its voice to a target if there is one.
    Open(
        GuildId,
        Option<VoiceTarget>,
        oneshot::Sender<Result<Opened, Rejection>>,
    ),
    GiveUpVoice(GuildId, u64, u64, oneshot::Sender<()>),
    /// Steps 9 to 13 on the player with this serial number.
    Apply(
        GuildId,
        u64,
        Box<Plan>,
        oneshot::Sender<Result<Applied, Rejection>>,
    ),
    Destroy(GuildId, oneshot::Sender<Flushed>),
    Configure(rest::SessionUpdate, oneshot::Sender<rest::Session>),
    /// The client is back.
    Attach(Inlet, oneshot::Sender<()>),
    /// The program ends.
    Shutdown,
}

/// Where the client is.
enum Client {
    Here {
        inlet: Inlet,
        next_stats: Instant,
    },
    /// Gone; the session ends at this time (`None`: in more years than there are).
    Away {
        until: Option<Instant>,
        buffer: ResumeBuffer,
    },
}

/// Whether the session goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    GoOn,
    End,
}

pub(super) struct Session {
    pub(super) id: String,
    pub(super) user: UserId,
    pub(super) context: Arc<Context>,
    pub(super) table: Arc<Table>,
    pub(super) tally: Arc<Tally>,
    client: Client,
    setting: rest::Session,
    seats: HashMap<GuildId, Seat>,
    deadlines: BTreeSet<(std::time::Instant, GuildId)>,
    serials: u64,
    /// Full only when this task has not run for thousands of events; then events are lost, and logged.
    events: mpsc::Sender<Addressed>,
}

fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    Now {
        at: Instant::now().into_std(),
        unix_ms: unix.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
    }
}

impl Session {
    pub(super) fn new(
        id: String,
        user: UserId,
        context: Arc<Context>,
        table: Arc<Table>,
        tally: Arc<Tally>,
        inlet: Inlet,
        events: mpsc::Sender<Addressed>,
    ) -> Self {
        Self {
            id,
            user,
            context,
            table,
            tally,
            client: Client::Here {
                inlet,
                next_stats: Instant::now() + STATS_EVERY,
            },
            setting: rest::Session {
                resuming: false,
                timeout: DEFAULT_TIMEOUT,
            },
            seats: HashMap::new(),
            deadlines: BTreeSet::new(),
            serials: 0,
            events,
        }
    }

    /// Runs until the session is over.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut events: mpsc::Receiver<Addressed>,
    ) {
        self.greet(false);
        self.tell_stats(now());
        let mut flow = self.check_client();
        while flow == Flow::GoOn {
            let deadline = self.deadline();
            flow = tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => Flow::End,
                },
                Some((guild, serial, event)) = events.recv() => self.hear(guild, serial, event),
                () = self.client.lost() => self.lose(),
                () = wait_until(deadline) => self.wake(),
            };
        }
        self.end();
    }

    fn deadline(&self) -> Option<Instant> {
        let player = self.deadlines.first().map(|(at, _)| Instant::from_std(*at));
        let own = match &self.client {
            Client::Here { next_stats, .. } => Some(*next_stats),
            Client::Away { until, .. } => *until,
        };
        [player, own].into_iter().flatten().min()
    }

    fn obey(&mut self, command: Command) -> Flow {
        let now = now();
        match command {
            Command::Players(reply) => {
                let mut guilds: Vec<_> = self.seats.keys().copied().collect();
                guilds.sort_unstable();
                let views = guilds.iter().filter_map(|g| self.view(*g, now)).collect();
                let _ = reply.send(views);
            }
            Command::Player(guild, reply) => {
                let _ = reply.send(self.view(guild, now));
            }
            Command::Open(guild, voice, reply) => {
                let _ = reply.send(self.open(guild, voice, now));
            }
            Command::GiveUpVoice(guild, serial, attempt, reply) => {
                self.with_seat(guild, serial, now, |player| player.give_up_voice(attempt));
                let _ = reply.send(());
            }
            Command::Apply(guild, serial, plan, reply) => {
                let _ = reply.send(self.apply(guild, serial, *plan, now));
            }
            Command::Destroy(guild, reply) => {
                self.destroy(guild, now);
                let _ = reply.send(self.flush());
            }
            Command::Configure(update, reply) => {
                self.setting.resuming = update.resuming.or(self.setting.resuming);
                self.setting.timeout = update.timeout.or(self.setting.timeout);
                let _ = reply.send(self.setting);
            }
            Command::Attach(inlet, reply) => {
                let _ = reply.send(());
                return self.resume(inlet, now);
            }
            Command::Shutdown => {
                if let Client::Here { inlet, .. } = &self.client {
                    inlet.close(1001);
                }
                return Flow::End;
            }
        }
        self.check_client()
    }

    fn view(&self, guild: GuildId, now: Now) -> Option<rest::Player> {
        self.seats.get(&guild).map(|seat| seat.view(guild, now))
    }

    /// Steps 7 and 8.
    fn open(
        &mut self,
        guild: GuildId,
        voice: Option<VoiceTarget>,
        now: Now,
    ) -> Result<Opened, Rejection> {
        if !self.seats.contains_key(&guild) {
            let most = self.context.settings.max_players;
            if self.seats.len() >= most {
                return Err(Rejection::bad_request(format!(
                    "A session can have {most} players, no more"
                )));
            }
            self.seat(guild);
        }
        let seat = self.seats.get_mut(&guild).expect("it was made if missing");
        let serial = seat.serial;
        let (notes, attempt) = match voice {
            None => (Vec::new(), None),
            Some(target) => seat.act(
                now,
                |player| player.connect(now.at, target),
                |(notes, _)| notes,
            ),
        };
        self.after(guild, notes, now);
        Ok(Opened { serial, attempt })
    }

    fn seat(&mut self, guild: GuildId) {
        self.serials += 1;
        let (serial, events) = (self.serials, self.events.clone());
        let post = Arc::new(move |event| {
            if events.try_send((guild, serial, event)).is_err() {
                // also when the session has just ended, which is no trouble
                tracing::debug!(%guild, "a player's event was lost");
            }
        });
        let player = Player::new(
            guild,
            self.user,
            self.context.settings.player,
            self.context.world.clone(),
            post,
        );
        self.seats.insert(guild, Seat::new(serial, player));
        self.tally.add_player();
    }

    /// Steps 9 to 14.
    fn apply(
        &mut self,
        guild: GuildId,
        serial: u64,
        plan: Plan,
        now: Now,
    ) -> Result<Applied, Rejection> {
        let seat = self
            .seats
            .get_mut(&guild)
            .filter(|seat| seat.serial == serial)
            .ok_or_else(Rejection::no_player)?;
        if let Some(filters) = plan.filters {
            seat.filters = filters;
        }
        let mut notes = seat.tell(now, |player| player.change(now.at, plan.change));
        let mut refused = None;
        let mut load = None;
        if let Some(new) = plan.next
            && !(new.no_replace && seat.player().has_track())
        {
            if let Some(is_paused) = new.is_paused {
                notes.extend(seat.tell(now, |player| player.set_paused(is_paused)));
            }
            match new.next {
                Next::Stop => notes.extend(seat.tell(now, |player| player.stop(now.at))),
                Next::Decoded(Ok(track)) => {
                    let play = new.start.with(*track);
                    notes.extend(seat.tell(now, |player| player.play(now.at, play)));
                }
                Next::Decoded(Err(why)) => refused = Some(why),
                Next::Load(identifier) => load = Some((identifier, new.start)),
            }
        }
        let player = Box::new(seat.view(guild, now));
        self.after(guild, notes, now);
        let flush = self.flush();
        Ok(match (refused, load) {
            (Some(why), _) => Applied::Refused { why, flush },
            (None, Some((identifier, start))) => Applied::Load {
                identifier,
                start,
                flush,
            },
            (None, None) => Applied::Done { player, flush },
        })
    }

    fn destroy(&mut self, guild: GuildId, now: Now) {
        let Some(mut seat) = self.seats.remove(&guild) else {
            return;
        };
        let notes = seat.tell(now, |player| player.destroy(now.at));
        if let Some(at) = seat.deadline {
            self.deadlines.remove(&(at, guild));
        }
        self.tally.remove_player(seat.counted_playing);
        self.tell(guild, notes, now);
    }

    fn with_seat(
        &mut self,
        guild: GuildId,
        serial: u64,
        now: Now,
        act: impl FnOnce(&mut Player) -> Vec<Note>,
    ) {
        if let Some(seat) = self.seats.get_mut(&guild)
            && seat.serial == serial
        {
            let notes = seat.tell(now, act);
            self.after(guild, notes, now);
        }
    }

    /// After anything that may have changed a player: tells the client, notes the deadline, counts.
    fn after(&mut self, guild: GuildId, notes: Vec<Note>, now: Now) {
        if let Some(seat) = self.seats.get_mut(&guild) {
            let deadline = seat.player().deadline();
            if deadline != seat.deadline {
                if let Some(old) = std::mem::replace(&mut seat.deadline, deadline) {
                    self.deadlines.remove(&(old, guild));
                }
                self.deadlines.extend(deadline.map(|at| (at, guild)));
            }
            let is_playing = seat.is_playing();
            if is_playing != std::mem::replace(&mut seat.counted_playing, is_playing) {
                self.tally.set_playing(is_playing);
            }
        }
        self.tell(guild, notes, now);
    }

    fn tell(&mut self, guild: GuildId, notes: Vec<Note>, now: Now) {
        for note in notes {
            // nobody wants to know later where a player stood
            let is_update = matches!(note, Note::Update(_));
            if is_update && matches!(self.client, Client::Away { .. }) {
                continue;
            }
            let text = view::message(guild, note, now.unix_ms).to_json();
            self.push(text, !is_update);
        }
    }

    /// Queues a message for the client, wherever it is. A client that does not read is cut off and counts as lost.
    fn push(&mut self, text: String, is_lasting: bool) {
        match &mut self.client {
            Client::Here { inlet, .. } => {
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

    fn flush(&self) -> Flushed {
        match &self.client {
            Client::Here { inlet, .. } => Some(inlet.flush()),
            Client::Away { .. } => None,
        }
    }

    fn hear(&mut self, guild: GuildId, serial: u64, event: PlayerEvent) -> Flow {
        let now = now();
        self.with_seat(guild, serial, now, |player| player.heard(now.at, event));
        self.check_client()
    }

    /// A deadline has come: players', statistics', the end of waiting.
    fn wake(&mut self) -> Flow {
        let now = now();
        while let Some(&(at, guild)) = self.deadlines.first()
            && at <= now.at
        {
            self.deadlines.remove(&(at, guild));
            if let Some(seat) = self.seats.get_mut(&guild) {
                seat.deadline = None;
                let notes = seat.tell(now, |player| player.tick(now.at));
                self.after(guild, notes, now);
            }
        }
        if let Client::Here { next_stats, .. } = &mut self.client
            && next_stats.into_std() <= now.at
        {
            *next_stats += STATS_EVERY;
            self.tell_stats(now);
        }
        self.check_client()
    }

    fn tell_stats(&mut self, now: Now) {
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
    fn greet(&mut self, resumed: bool) {
        let ready = Message::Ready {
            resumed,
            session_id: self.id.clone(),
        };
        self.push(ready.to_json(), false);
    }

    /// The client is back (reference, 1.6): what it missed, then where its players stand.
    fn resume(&mut self, inlet: Inlet, now: Now) -> Flow {
        let here = Client::Here {
            inlet,
            next_stats: Instant::from_std(now.at) + STATS_EVERY,
        };
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
        self.tell_stats(now);
        self.check_client()
    }

    /// The client is lost.
    fn lose(&mut self) -> Flow {
        self.leave();
        self.check_client()
    }

    /// From now on the client is away, for as long as it may be.
    fn leave(&mut self) {
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
        let Client::Here { inlet, .. } = std::mem::replace(&mut self.client, away) else {
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
    fn check_client(&mut self) -> Flow {
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

    /// Ends all players.
    fn end(mut self) {
        self.table.remove(&self.id);
        let now = now();
        let guilds: Vec<_> = self.seats.keys().copied().collect();
        for guild in guilds {
            self.destroy(guild, now);
        }
        tracing::info!(session = %self.id, "the session is over");
    }
}

impl Client {
    /// Resolves when a client that is here is lost.
    async fn lost(&self) {
        match self {
            Self::Here { inlet, .. } => inlet.lost().await,
            Self::Away { .. } => std::future::pending().await,
        }
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
