//! Owns: the table of sessions: who is connected, who waits to be resumed.
//! Never knows: what sessions do.
//!
//! Its lock is held for one operation on a map. Session tasks enter and leave by themselves.

use super::{
    Context, Outbox, Rejoins, SessionHandle, Settings, StatsSource, outbox,
    task::{Command, Session},
    view,
};
use crate::{
    frame::Underruns,
    player::{Admission, World, outlet::Route},
    protocol::outputs::Outputs,
    units::{GuildId, UserId},
};
use futures_util::stream::{FuturesUnordered, StreamExt};
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

/// Commands that may wait for a session; whoever sends more waits.
const COMMANDS: usize = 64;
/// Characters of a session id (reference, 1.2).
const ID_LEN: usize = 16;
const ID_LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// How long ending all sessions may take.
const SHUTDOWN: Duration = Duration::from_secs(3);
/// How long a client that comes back waits for the loss of its old socket to be noticed, and how often it is looked.
const LOSS_NOTICED_WITHIN: Duration = Duration::from_millis(300);
const LOSS_LOOK: Duration = Duration::from_millis(20);
/// Close codes (RFC 6455, 7.4.1, and the IANA registry): the server goes away; try again later.
const GOING_AWAY: u16 = 1001;
const TRY_AGAIN_LATER: u16 = 1013;

/// Who wants a session.
#[derive(Clone, Debug)]
pub struct ClientHello {
    /// The bot.
    pub user: UserId,
    /// `NAME/VERSION`, for the log and for [`Audience`](super::Audience).
    pub client_name: Option<String>,
    /// The session to take up again.
    pub session_id: Option<String>,
}

/// A session for a socket that is open.
pub struct Connected {
    /// Whether an older session goes on.
    pub resumed: bool,
    /// Its id; empty when the client was refused, which the outbox says by its first and only item, a close code.
    pub session_id: String,
    /// What to send. Dropping it says that the client is lost.
    pub outbox: Outbox,
}

/// Players of connected sessions (reference, 1.3: those that wait to be resumed do not count).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All.
    pub players: u64,
    /// Those with a track that are not paused.
    pub playing_players: u64,
    /// Those by where their sound goes, in the order of [`Route::ALL`].
    pub playing_by_route: [u64; Route::ALL.len()],
}

/// One session's part of [`Totals`], written by its task.
pub(super) struct Tally {
    players: AtomicU64,
    /// By where the sound goes.
    playing: [AtomicU64; Route::ALL.len()],
    is_connected: AtomicBool,
    /// Its players' counters; locked for an operation on the map.
    underruns: Mutex<HashMap<GuildId, Arc<Underruns>>>,
}

impl Tally {
    fn new() -> Self {
        Self {
            players: AtomicU64::new(0),
            playing: Default::default(),
            is_connected: AtomicBool::new(true),
            underruns: Mutex::default(),
        }
    }

    fn underruns(&self) -> MutexGuard<'_, HashMap<GuildId, Arc<Underruns>>> {
        self.underruns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_player(&self, guild: GuildId, underruns: Arc<Underruns>) {
        self.underruns().insert(guild, underruns);
        self.players.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_player(&self, guild: GuildId, played: Option<Route>) {
        self.underruns().remove(&guild);
        self.players.fetch_sub(1, Ordering::Relaxed);
        self.set_playing(played, None);
    }

    /// A player has begun or ceased to play, or plays elsewhere.
    pub(super) fn set_playing(&self, before: Option<Route>, now: Option<Route>) {
        if let Some(route) = before {
            self.playing[route as usize].fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(route) = now {
            self.playing[route as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn set_connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Relaxed);
    }
}

struct Entry {
    handle: SessionHandle,
    tally: Arc<Tally>,
    /// Not found by requests, but may be resumed.
    is_waiting: bool,
    task: Option<JoinHandle<()>>,
}

/// The table itself.
#[derive(Default)]
pub(super) struct Table {
    entries: Mutex<HashMap<String, Entry>>,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_waiting(&self, id: &str, is_waiting: bool) {
        if let Some(entry) = self.lock().get_mut(id) {
            entry.is_waiting = is_waiting;
        }
    }

    pub(super) fn is_waiting(&self, id: &str) -> bool {
        self.lock().get(id).is_some_and(|entry| entry.is_waiting)
    }

    /// Ends the waiting of a session, for a client that takes it up again.
    fn take_up(&self, id: &str) -> Option<SessionHandle> {
        let mut entries = self.lock();
        let entry = entries.get_mut(id).filter(|entry| entry.is_waiting)?;
        entry.is_waiting = false;
        Some(entry.handle.clone())
    }

    pub(super) fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for entry in self.lock().values() {
            if entry.tally.is_connected.load(Ordering::Relaxed) {
                totals.players += entry.tally.players.load(Ordering::Relaxed);
                for (sum, playing) in totals.playing_by_route.iter_mut().zip(&entry.tally.playing) {
                    let playing = playing.load(Ordering::Relaxed);
                    *sum += playing;
                    totals.playing_players += playing;
                }
            }
        }
        totals
    }
}

/// All sessions. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    context: Arc<Context>,
    table: Arc<Table>,
    random: SystemRandom,
    is_closed: Arc<AtomicBool>,
}

impl Sessions {
    /// No sessions yet. To be used inside a tokio runtime.
    pub fn new(settings: Settings, world: Arc<dyn World>, stats: StatsSource) -> Self {
        Self {
            context: Arc::new(Context {
                settings,
                world,
                stats,
                rejoins: Rejoins::default(),
            }),
            table: Arc::default(),
            random: SystemRandom::new(),
            is_closed: Arc::default(),
        }
    }

    /// The session of a client that is connected. One that waits to be resumed is not found (reference, 1.6).
    #[must_use]
    pub fn find(&self, id: &str) -> Option<SessionHandle> {
        let entries = self.table.lock();
        let entry = entries.get(id).filter(|entry| !entry.is_waiting)?;
        Some(entry.handle.clone())
    }

    /// Whether a client that names this session would take it up again: what `Session-Resumed` says.
    #[must_use]
    pub fn will_resume(&self, id: &str) -> bool {
        self.table.is_waiting(id)
    }

    /// As [`will_resume`](Self::will_resume), but a client whose old socket has not been noticed to be gone gets a moment's
    /// patience: when a network breaks, it is often back before the break is seen here. A session whose client is really
    /// still there is not taken over (reference, 1.6).
    pub async fn will_resume_soon(&self, id: &str) -> bool {
        let end = tokio::time::Instant::now() + LOSS_NOTICED_WITHIN;
        while self.find(id).is_some() && tokio::time::Instant::now() < end {
            tokio::time::sleep(LOSS_LOOK).await;
        }
        self.will_resume(id)
    }

    /// Returns once a session has answered; at once where there is none. One session that hangs is its client's loss; when
    /// all do, the program does.
    pub async fn roll_call(&self) {
        let handles: Vec<SessionHandle> = {
            let entries = self.table.lock();
            entries.values().map(|entry| entry.handle.clone()).collect()
        };
        let mut asked: FuturesUnordered<_> = handles.iter().map(SessionHandle::roll_call).collect();
        asked.next().await;
    }

    /// Playbacks that have ended by a panic since the start.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.context.world.panics()
    }

    /// Decides whether players and tracks are taken on.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        self.context.world.admission()
    }

    /// How often stations were joined again since the start.
    #[must_use]
    pub fn rejoins(&self) -> &Rejoins {
        &self.context.rejoins
    }

    /// What can be played on. May take as long as the system does.
    pub async fn outputs(&self) -> Outputs {
        view::outputs(self.context.world.devices().await)
    }

    /// Gaps of all players since the start.
    #[must_use]
    pub fn underruns(&self) -> Arc<Underruns> {
        self.context.world.underruns()
    }

    /// Gaps of each player that exists, with the id of its session and its guild.
    #[must_use]
    pub fn underruns_of_players(&self) -> Vec<(String, GuildId, Arc<Underruns>)> {
        let entries = self.table.lock();
        let of_session = |(id, entry): (&String, &Entry)| {
            let of_player = |(guild, counters): (&GuildId, &Arc<Underruns>)| {
                (id.clone(), *guild, counters.clone())
            };
            let players: Vec<_> = entry.tally.underruns().iter().map(of_player).collect();
            players
        };
        entries.iter().flat_map(of_session).collect()
    }

    /// Players of connected sessions.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.table.totals()
    }

    /// Gives a client its session, the one that it named if that waits for it, else a new one. To be called once its
    /// socket is open: a session that is taken up waits no more.
    pub async fn connect(&self, hello: ClientHello) -> Connected {
        if self.is_closed.load(Ordering::Relaxed) {
            return refused(GOING_AWAY);
        }
        if let Some(id) = hello.session_id.as_deref()
            && let Some(handle) = self.table.take_up(id)
        {
            let (inlet, outbox) = outbox::channel(self.context.settings.outbox_bytes);
            let (reply, attached) = oneshot::channel();
            let sent = handle.commands.send(Command::Attach(inlet, reply)).await;
            // a session that ended in this very moment does not answer
            if sent.is_ok() && attached.await.is_ok() {
                return Connected {
                    resumed: true,
                    session_id: id.to_owned(),
                    outbox,
                };
            }
        }
        self.begin(&hello)
    }

    fn begin(&self, hello: &ClientHello) -> Connected {
        let (inlet, outbox) = outbox::channel(self.context.settings.outbox_bytes);
        let (commands, to_obey) = mpsc::channel(COMMANDS);
        // unbounded, because none may be lost and those who tell may not wait; a run of a track and a voice connection tell a
        // handful each
        let (events, to_hear) = mpsc::unbounded_channel();
        let tally = Arc::new(Tally::new());
        let mut entries = self.table.lock();
        if entries.len() >= self.context.settings.max_sessions {
            tracing::warn!(
                sessions = entries.len(),
                "too many sessions; a client is refused"
            );
            return refused(TRY_AGAIN_LATER);
        }
        let id = loop {
            let id = self.new_id();
            if !entries.contains_key(&id) {
                break id;
            }
        };
        let client = hello.client_name.as_deref().unwrap_or("unknown");
        tracing::info!(session = %id, user = %hello.user, client, "a client has connected");
        let session = Session::new(
            id.clone(),
            hello,
            self.context.clone(),
            self.table.clone(),
            tally.clone(),
            inlet,
            events,
        );
        let entry = Entry {
            handle: SessionHandle {
                commands,
                context: self.context.clone(),
            },
            tally,
            is_waiting: false,
            task: Some(tokio::spawn(session.run(to_obey, to_hear))),
        };
        entries.insert(id.clone(), entry);
        Connected {
            resumed: false,
            session_id: id,
            outbox,
        }
    }

    fn new_id(&self) -> String {
        let mut id = String::with_capacity(ID_LEN);
        while id.len() < ID_LEN {
            let mut bytes = [0; 2 * ID_LEN];
            self.random
                .fill(&mut bytes)
                .expect("the system has random bytes");
            // 252 = 7 × 36: bytes above would favour the first letters
            let fair = bytes.iter().filter(|b| **b < 252);
            id.extend(
                fair.map(|b| char::from(ID_LETTERS[usize::from(b % 36)]))
                    .take(ID_LEN - id.len()),
            );
        }
        id
    }

    /// Closes all sockets with 1001 and destroys all players; refuses clients from now on. Returns when that is done, or
    /// after three seconds.
    pub async fn shutdown(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        let ending: Vec<_> = self
            .table
            .lock()
            .values_mut()
            .map(|entry| (entry.handle.clone(), entry.task.take()))
            .collect();
        let all = async {
            for (handle, _) in &ending {
                // one that has ended does not listen
                let _ = handle.commands.send(Command::Shutdown).await;
            }
            for (_, task) in ending {
                if let Some(Err(error)) = match task {
                    Some(task) => Some(task.await),
                    None => None,
                } {
                    tracing::error!(%error, "a session has broken");
                }
            }
        };
        if timeout(SHUTDOWN, all).await.is_err() {
            tracing::warn!("sessions have not ended in time");
        }
    }
}

fn refused(code: u16) -> Connected {
    Connected {
        resumed: false,
        session_id: String::new(),
        outbox: outbox::refused(code),
    }
}
