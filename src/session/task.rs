//! Owns: one session while it runs: its players, its client's outbox, its timers.
//! Never knows: HTTP, or how it was found.
//!
//! Nothing here waits for anything but the next thing to do: a command, an event, a deadline, the loss of the client.

mod client;
mod command;
mod plugins;

pub(super) use command::{Addressed, Applied, Command, Opened};
pub(super) use plugins::PluginCommand;

use super::{
    Context, Rejection,
    outbox::Inlet,
    plan::{Next, Plan},
    registry::{ClientHello, Table, Tally},
    seat::{Now, Seat},
    view,
};
use crate::{
    player::{
        Player, PlayerEvent,
        note::{Note, Quality, VoiceTarget},
        outlet::Choice,
    },
    protocol::{omissible::Omissible, rest},
    units::{GuildId, UserId},
};
use client::Client;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

/// Time between two `stats` messages (reference, 1.3).
const STATS_EVERY: Duration = Duration::from_secs(60);
/// Seconds that a session may be resumed for, unless the client says otherwise.
const DEFAULT_TIMEOUT: i64 = 60;

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
    next_stats: Instant,
    setting: rest::Session,
    /// As the client calls itself.
    client_name: Option<String>,
    /// Whether it has said that it wants events that Lavalink does not have, or that it does not.
    asked_for_extensions: Option<bool>,
    /// Whether it has used the routes of the SponsorBlock plugin, and so knows its events.
    uses_sponsorblock: bool,
    seats: HashMap<GuildId, Seat>,
    deadlines: BTreeSet<(std::time::Instant, GuildId)>,
    serials: u64,
    events: mpsc::UnboundedSender<Addressed>,
    /// Changes of the node's quality.
    quality: watch::Receiver<Option<Quality>>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the session task gives its players the time"
)]
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
        hello: &ClientHello,
        context: Arc<Context>,
        table: Arc<Table>,
        tally: Arc<Tally>,
        inlet: Inlet,
        events: mpsc::UnboundedSender<Addressed>,
    ) -> Self {
        let quality = context.world.quality();
        Self {
            id,
            user: hello.user,
            context,
            table,
            tally,
            client: Client::Here { inlet },
            next_stats: Instant::now() + STATS_EVERY,
            setting: rest::Session {
                resuming: false,
                timeout: DEFAULT_TIMEOUT,
            },
            client_name: hello.client_name.clone(),
            asked_for_extensions: None,
            uses_sponsorblock: false,
            seats: HashMap::new(),
            deadlines: BTreeSet::new(),
            serials: 0,
            events,
            quality,
        }
    }

    /// Runs until the session is over.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut events: mpsc::UnboundedReceiver<Addressed>,
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
                Ok(()) = self.quality.changed() => self.tell_quality(),
                () = wait_until(deadline) => self.wake(),
            };
        }
        self.end();
    }

    fn deadline(&self) -> Option<Instant> {
        let player = self.deadlines.first().map(|(at, _)| Instant::from_std(*at));
        let own = match &self.client {
            Client::Here { .. } => Some(self.next_stats),
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
            Command::Diagnosis(guild, reply) => {
                let seat = self.seats.get(&guild);
                let _ = reply.send(seat.map(|seat| seat.diagnosis(guild, now)));
            }
            Command::Open(guild, output, voice, reply) => {
                let _ = reply.send(self.open(guild, output, voice, now));
            }
            Command::GiveUp(guild, serial, attempt, reply) => {
                self.with_seat(guild, serial, now, |player| player.give_up(now.at, attempt));
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
                if let Omissible::Present(asked) = update.extension_events {
                    self.asked_for_extensions = Some(asked);
                }
                let _ = reply.send(self.setting);
            }
            Command::Plugin(guild, command) => self.obey_plugin(guild, command, now),
            Command::Attach(inlet, reply) => {
                let _ = reply.send(());
                return self.resume(inlet, now);
            }
            Command::RollCall(reply) => {
                let _ = reply.send(());
            }
            Command::Shutdown => {
                if let Client::Here { inlet } = &self.client {
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
        output: Option<Choice>,
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
            let admission = self.context.world.admission();
            admission
                .newcomer()
                .map_err(|why| Rejection::unavailable(&why))?;
            self.seat(guild);
        }
        let seat = self.seats.get_mut(&guild).expect("it was made if missing");
        let serial = seat.serial;
        let (mut notes, device) = match output {
            None => (Vec::new(), None),
            Some(choice) => seat.act(
                now,
                |player| player.choose_output(now.at, choice),
                |(notes, _)| notes,
            ),
        };
        let mut attempt = None;
        if let Some(target) = voice {
            let connect = |player: &mut Player| player.connect(now.at, target);
            let (more, connecting) = seat.act(now, connect, |(notes, _)| notes);
            notes.extend(more);
            attempt = connecting;
        }
        self.after(guild, notes, now);
        Ok(Opened {
            serial,
            attempt,
            device,
        })
    }

    fn seat(&mut self, guild: GuildId) {
        self.serials += 1;
        let (serial, events) = (self.serials, self.events.clone());
        let post = Arc::new(move |event| {
            // fails when the session has just ended, and then nobody wants to know
            let _ = events.send((guild, serial, event));
        });
        let mut player = Player::new(
            guild,
            self.user,
            self.context.settings.player.clone(),
            self.context.world.clone(),
            post,
        );
        // nothing plays yet, so there is nothing to tell
        player.want_segments(self.context.settings.categories.clone());
        self.tally.add_player(guild, player.underruns().clone());
        self.seats.insert(guild, Seat::new(serial, player));
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
            let admission = self.context.world.admission();
            let admitted = match &new.next {
                Next::Decoded(Ok(_)) => seat.admit(admission, now.at),
                Next::Load(_) => seat.check(admission, now.at),
                Next::Stop | Next::Decoded(Err(_)) => Ok(()),
            };
            match new.next {
                _ if admitted.is_err() => {
                    refused = admitted.err().map(|why| Rejection::unavailable(&why))
                }
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
        self.tally.remove_player(guild, seat.counted_playing);
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
            seat.settle(now.at);
            let playing = seat.is_playing().then(|| seat.player().route());
            let before = std::mem::replace(&mut seat.counted_playing, playing);
            if playing != before {
                self.tally.set_playing(before, playing);
            }
        }
        self.tell(guild, notes, now);
    }

    /// The node's quality has changed: every player that this concerns says so.
    fn tell_quality(&mut self) -> Flow {
        let quality = *self.quality.borrow_and_update();
        if let Some(quality) = quality {
            let mut guilds: Vec<_> = self.seats.keys().copied().collect();
            guilds.retain(|guild| self.seats[guild].player().has_track());
            guilds.sort_unstable();
            for guild in guilds {
                self.say(&view::quality(guild, quality), true);
            }
        }
        self.check_client()
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
        self.tell_due_stats(now);
        self.check_client()
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

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
