//! Owns: sound to the machine's cards through ALSA: one thread for each open device, shared by the players that play on it.
//! Never knows: tracks, sessions, Discord.
//!
//! - `names`: which names a client may use, and the list of devices;
//! - `card`: alsa-lib's calls; what is agreed with a device; `mixer`: its own volume control;
//! - `feed`: step by step what a device is given, with `desk` (players mixed), `shape` (the card's format) and `health` (what is
//!   done when a call fails), all without threads and clocks;
//! - here: the threads, and who has which device.
//!
//! Two players on one device are mixed. A device that another program has is refused ([`Refusal::Busy`]) unless the system
//! mixes there (dmix, a sound server).

mod card;
mod desk;
mod feed;
mod health;
mod mixer;
mod names;
mod shape;

use super::{
    Output, OutputEvent, OutputStats,
    device::{Device, Devices, OnOutput, Refusal, Settings, User},
    os,
};
use crate::{
    error::Failure,
    frame::{FrameFormat, FrameReader},
};
use card::{Card, OpenError, Wish};
use desk::{Given, Seat};
use feed::{Feed, Pulse, Rest, Sink};
use std::{
    collections::HashMap,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::Thread,
    time::{Duration, Instant},
};

/// Whether this build plays on sound cards.
pub const IS_THERE: bool = true;

/// The way to the machine's sound cards.
#[must_use]
pub fn devices(settings: &Settings) -> Arc<dyn Devices> {
    Arc::new(Alsa(Arc::new(Threads::new(settings))))
}

struct Alsa(Arc<Threads>);

/// The devices that are open, with a thread each.
struct Threads {
    settings: Settings,
    wish: Wish,
    next_id: AtomicU64,
    /// By name. Taken when a player gets or leaves a device and when a thread ends; never while a device plays.
    open: Mutex<HashMap<String, Address>>,
    /// A thread has ended.
    ended: Condvar,
}

/// How a device's thread is reached.
#[derive(Clone)]
struct Address {
    /// Unbounded: commands are few and small, the thread drains them at every step, and those who send may not wait.
    commands: mpsc::Sender<Command>,
    thread: Thread,
    pulse: Arc<Pulse>,
}

/// What a thread is told. The number is the seat's.
enum Command {
    Add(u64, Box<Seat>),
    Play(u64, Option<FrameReader>),
    Pause(u64, bool),
    Remove(u64),
}

impl Threads {
    fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            wish: Wish::new(settings),
            next_id: AtomicU64::new(0),
            open: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Address>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread of a device, with one more player; opens the device and starts the thread, if nobody has it yet.
    fn address(self: &Arc<Self>, name: &str) -> Result<Address, Refusal> {
        let mut open = self.lock();
        if let Some(address) = open.get(name) {
            address.pulse.players.fetch_add(1, Ordering::Relaxed);
            return Ok(address.clone());
        }
        let (card, complaint) = names::quietly(|| Card::open(name, &self.wish));
        let card = card.map_err(|error| refusal(name, error, &complaint))?;
        let gain = mixer::set_volume(name, &self.settings);
        let agreed = card.agreed();
        tracing::info!(
            device = name,
            format = ?agreed.shape.sample,
            channels = agreed.shape.channels,
            rate = agreed.rate,
            buffer = agreed.buffer,
            period = agreed.period,
            ahead = agreed.ahead,
            "sound card opened"
        );
        let (commands, inbox) = mpsc::channel();
        let pulse = Arc::<Pulse>::default();
        pulse.players.fetch_add(1, Ordering::Relaxed);
        let device = Running {
            name: name.to_owned(),
            threads: self.clone(),
            pulse: pulse.clone(),
            gain,
        };
        let thread = std::thread::Builder::new()
            .name("sound-card".to_owned())
            .spawn(move || device.run(card, &inbox))
            .map_err(|error| {
                Failure::fault("No thread can be started for the sound card.").because(error)
            })?
            .thread()
            .clone();
        let address = Address {
            commands,
            thread,
            pulse,
        };
        open.insert(name.to_owned(), address.clone());
        Ok(address)
    }
}

fn refusal(name: &str, error: OpenError, complaint: &str) -> Refusal {
    tracing::debug!(device = name, complaint, "the sound card was not opened");
    match (error, error.errno()) {
        (OpenError::Open(_), libc::ENOENT | libc::ENODEV | libc::ENXIO) => {
            Refusal::Unknown(name.to_owned())
        }
        (_, libc::EBUSY) => Refusal::Busy(name.to_owned()),
        (OpenError::Lacks(..), _) => {
            Refusal::Unsupported(format!("the device {name:?} cannot be played on: {error}"))
        }
        (OpenError::Open(_), libc::EACCES | libc::EPERM) => Refusal::Failed(
            Failure::common(format!(
                "The sound card {name:?} may not be opened: add this program's user to the group audio."
            ))
            .because(error),
        ),
        _ => Refusal::Failed(
            Failure::fault(format!("The sound card {name:?} cannot be opened.")).because(error),
        ),
    }
}

impl Devices for Alsa {
    fn list(&self) -> Result<Vec<Device>, Failure> {
        let ours: HashMap<String, (usize, Duration)> = self
            .0
            .lock()
            .iter()
            .map(|(name, address)| {
                let players = address.pulse.players.load(Ordering::Relaxed);
                let delay = Duration::from_micros(address.pulse.delay.load(Ordering::Relaxed));
                (name.clone(), (players as usize, delay))
            })
            .collect();
        let mut devices = names::list(&self.0.settings.device)?;
        for device in &mut devices {
            if let Some((players, delay)) = ours.get(&device.name) {
                device.in_use = Some(User::Us(*players));
                device.delay = (*delay > Duration::ZERO).then_some(*delay);
            } else {
                names::look_at(device);
            }
        }
        Ok(devices)
    }

    fn open(&self, name: &str, events: OnOutput) -> Result<Box<dyn Output>, Refusal> {
        if name != self.0.settings.device && !names::may_be_opened(name) {
            return Err(Refusal::Unknown(name.to_owned()));
        }
        let address = self.0.address(name)?;
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let given = Arc::<Given>::default();
        let seat = Box::new(Seat::new(given.clone(), events));
        let tap = Tap { id, address, given };
        tap.send(Command::Add(id, seat));
        Ok(Box::new(tap))
    }

    fn drained(&self, within: Duration) {
        let has_left = |open: &mut HashMap<String, Address>| {
            open.values()
                .any(|address| address.pulse.players.load(Ordering::Relaxed) == 0)
        };
        let open = self.0.lock();
        // whatever it says: it has been waited for as long as may be
        let _ = self.0.ended.wait_timeout_while(open, within, has_left);
    }
}

/// One player's way to a device. Takes only [`FrameFormat::Pcm`].
struct Tap {
    id: u64,
    address: Address,
    given: Arc<Given>,
}

impl Tap {
    fn send(&self, command: Command) {
        // the thread lives as long as it has a seat that was not removed
        let _ = self.address.commands.send(command);
        self.address.thread.unpark();
    }
}

impl Output for Tap {
    /// # Panics
    /// When the frames are not samples.
    fn play(&mut self, reader: FrameReader) {
        assert_eq!(
            reader.format(),
            FrameFormat::Pcm,
            "a sound card takes samples"
        );
        self.send(Command::Play(self.id, Some(reader)));
    }

    fn stop(&mut self) {
        self.send(Command::Play(self.id, None));
    }

    fn set_paused(&mut self, is_paused: bool) {
        self.send(Command::Pause(self.id, is_paused));
    }

    fn stats(&self) -> OutputStats {
        OutputStats {
            sent: self.given.sent.load(Ordering::Relaxed),
            dropped: self.given.dropped.load(Ordering::Relaxed),
        }
    }

    fn close(self: Box<Self>) {
        // dropping does it
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.address.pulse.players.fetch_sub(1, Ordering::Relaxed);
        self.send(Command::Remove(self.id));
    }
}

/// What a device's thread has of its own.
struct Running {
    name: String,
    threads: Arc<Threads>,
    pulse: Arc<Pulse>,
    gain: f32,
}

impl Running {
    /// The thread's life: ends when all players have gone and all has been heard.
    #[expect(
        clippy::disallowed_methods,
        reason = "the thread of a sound card runs by the clock"
    )]
    fn run(self, card: Card, inbox: &mpsc::Receiver<Command>) {
        if self.threads.settings.is_realtime && !os::ask_for_realtime() {
            tracing::debug!("real-time priority for the sound card's thread is not permitted");
        }
        let open = || {
            let (card, complaint) = names::quietly(|| Card::open(&self.name, &self.threads.wish));
            let card = card.map_err(|error| {
                tracing::debug!(device = self.name, %error, complaint, "the sound card is not back");
                error.errno()
            })?;
            // a card that was unplugged has its own idea of how loud it is
            mixer::set_volume(&self.name, &self.threads.settings);
            Ok(card)
        };
        let mut feed = Feed::new(card, open, self.gain, self.pulse.clone(), Instant::now());
        let mut was_there = true;
        loop {
            for command in inbox.try_iter() {
                apply(&mut feed, command);
            }
            if feed.is_over() && self.may_end(inbox, &mut feed) {
                return;
            }
            let rest = feed.step(Instant::now());
            if was_there != feed.is_there() {
                was_there = feed.is_there();
                if was_there {
                    tracing::info!(device = self.name, "the sound card is back");
                } else {
                    tracing::warn!(
                        device = self.name,
                        "the sound card is gone; it is tried again until it is back"
                    );
                }
            }
            match rest {
                Rest::None => {}
                Rest::For(time) => std::thread::park_timeout(time),
                // the step before may have made it so
                Rest::Forever if feed.is_over() => {}
                Rest::Forever => std::thread::park(),
            }
        }
    }

    /// Takes the thread off the list, unless somebody has just come: whoever comes sends under the same lock.
    fn may_end<O: FnMut() -> Result<Card, i32>>(
        &self,
        inbox: &mpsc::Receiver<Command>,
        feed: &mut Feed<Card, O>,
    ) -> bool {
        let mut open = self.threads.lock();
        if self.pulse.players.load(Ordering::Relaxed) > 0 {
            drop(open);
            // its seat is on the way
            if let Ok(command) = inbox.recv() {
                apply(feed, command);
            }
            return false;
        }
        open.remove(&self.name);
        // the next player may want to open it as soon as the lock is free
        feed.close();
        self.threads.ended.notify_all();
        true
    }
}

fn apply<O: FnMut() -> Result<Card, i32>>(feed: &mut Feed<Card, O>, command: Command) {
    match command {
        Command::Add(id, mut seat) => {
            seat.tell(OutputEvent::Opened);
            seat.tell(if feed.is_there() {
                OutputEvent::Connected
            } else {
                OutputEvent::Interrupted
            });
            feed.desk.add(id, *seat);
        }
        Command::Play(id, reader) => feed.desk.change(id, |seat| seat.play(reader)),
        Command::Pause(id, is_paused) => feed.desk.change(id, |seat| seat.pause(is_paused)),
        Command::Remove(id) => feed.desk.remove(id),
    }
}
