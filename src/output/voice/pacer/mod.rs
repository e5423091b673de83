//! Owns: the pacing threads, which send every connection's frames on time.
//! Never knows: the gateway, MLS, where frames come from.
//!
//! A pacer owns its streams outright; others send it [`Command`]s. Nothing in a stream's turn locks or allocates. Time is
//! cut into ticks of 2.5 ms ([`wheel`]); a stream has its turn every eighth tick. A stream that starts sends its first
//! frame in the moment it can and takes the nearest tick from then on. A pacer without an active stream sleeps until a
//! command comes, but for one short wake-up a second while there are links to keep alive.

mod seats;
mod stream;
mod wheel;

pub(super) use stream::{Counters, Link};

use super::dave::FrameSealer;
use crate::{frame::FrameReader, output::os};
use seats::Seats;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread::Thread,
    time::Instant,
};
use stream::Stream;

/// Streams per thread before another thread is started: one carries two thousand at a fifth of a core (measured), but
/// the last of a crowded tick are late then.
const STREAMS_PER_THREAD: usize = 1000;

/// What a stream reports: atomics that its owner may read at any time, and a wake-up when `is_speaking` has changed.
#[derive(Clone, Default)]
pub(super) struct Feedback {
    shared: Arc<Shared>,
    wake: Option<tokio::sync::mpsc::Sender<()>>,
}

#[derive(Default)]
struct Shared {
    is_speaking: AtomicBool,
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Feedback {
    /// `wake` gets a message when [`is_speaking`](Self::is_speaking) has changed. One waiting message is enough, so a
    /// full channel loses nothing.
    pub(super) fn new(wake: tokio::sync::mpsc::Sender<()>) -> Self {
        Self {
            shared: Arc::default(),
            wake: Some(wake),
        }
    }

    /// Whether sound is being sent.
    pub(super) fn is_speaking(&self) -> bool {
        self.shared.is_speaking.load(Ordering::Relaxed)
    }

    /// Packets handed to the network, and packets that it did not take.
    pub(super) fn counts(&self) -> (u64, u64) {
        (
            self.shared.sent.load(Ordering::Relaxed),
            self.shared.dropped.load(Ordering::Relaxed),
        )
    }

    fn speaking(&self, is_speaking: bool) {
        self.shared
            .is_speaking
            .store(is_speaking, Ordering::Relaxed);
        if let Some(wake) = &self.wake {
            let _ = wake.try_send(());
        }
    }

    fn count_sent(&self) {
        self.shared.sent.fetch_add(1, Ordering::Relaxed);
    }

    fn count_dropped(&self) {
        self.shared.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a pacer is told. The number is the stream's.
enum Command {
    Add(u64, Box<Stream>),
    Link(u64, Option<Box<Link>>),
    Sealer(u64, Option<Box<FrameSealer>>),
    Play(u64, Option<FrameReader>),
    Pause(u64, bool),
    AwaitKey(u64, bool),
    Remove(u64),
}

/// The pacing threads of a process.
pub(super) struct Pacers {
    /// Zero: as many as the machine has cores.
    max_threads: usize,
    is_realtime: bool,
    next_id: AtomicU64,
    /// Taken when a connection is made, never while one plays.
    threads: Mutex<Vec<Arc<Pacer>>>,
}

/// One thread's address.
struct Pacer {
    /// Unbounded: commands are few and small, a pacer drains them at every tick, and those who send may not wait.
    commands: Option<mpsc::Sender<Command>>,
    thread: Thread,
    streams: AtomicUsize,
}

impl Pacer {
    fn send(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // fails only if the thread is gone, and then there is nothing to command
            let _ = commands.send(command);
            self.thread.unpark();
        }
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.commands = None;
        self.thread.unpark();
    }
}

impl Pacers {
    pub(super) const fn new(max_threads: usize, is_realtime: bool) -> Self {
        Self {
            max_threads,
            is_realtime,
            next_id: AtomicU64::new(0),
            threads: Mutex::new(Vec::new()),
        }
    }

    /// A stream on the least loaded thread; starts a thread when all have plenty.
    pub(super) fn add(&self, counters: Counters, feedback: Feedback) -> StreamHandle {
        let pacer = self.choose();
        pacer.streams.fetch_add(1, Ordering::Relaxed);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let stream = Box::new(Stream::new(counters, feedback));
        pacer.send(Command::Add(id, stream));
        StreamHandle(Arc::new(Owned { pacer, id }))
    }

    fn choose(&self) -> Arc<Pacer> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let load = |p: &&Arc<Pacer>| p.streams.load(Ordering::Relaxed);
        let least = threads.iter().min_by_key(load).cloned();
        let max = match self.max_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        match least {
            Some(p) if threads.len() >= max || load(&&p) < STREAMS_PER_THREAD => p,
            _ => {
                let pacer = start(threads.len(), self.is_realtime);
                threads.push(pacer.clone());
                pacer
            }
        }
    }
}

fn start(number: usize, is_realtime: bool) -> Arc<Pacer> {
    let (commands, inbox) = mpsc::channel();
    let thread = std::thread::Builder::new()
        .name(format!("pacer-{number}"))
        .spawn(move || run(&inbox, is_realtime))
        .expect("the system can start a thread")
        .thread()
        .clone();
    Arc::new(Pacer {
        commands: Some(commands),
        thread,
        streams: AtomicUsize::new(0),
    })
}

/// The one who may command a stream; the stream ends with its last clone.
#[derive(Clone)]
pub(super) struct StreamHandle(Arc<Owned>);

struct Owned {
    pacer: Arc<Pacer>,
    id: u64,
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.pacer.streams.fetch_sub(1, Ordering::Relaxed);
        self.pacer.send(Command::Remove(self.id));
    }
}

impl StreamHandle {
    pub(super) fn link(&self, link: Link) {
        self.send(Command::Link(self.0.id, Some(Box::new(link))));
    }

    /// Takes and sends nothing any more. The reader is kept: its position stands.
    pub(super) fn unlink(&self) {
        self.send(Command::Link(self.0.id, None));
    }

    /// End-to-end encryption of all frames from now on; `None` for none.
    pub(super) fn seal(&self, sealer: Option<Box<FrameSealer>>) {
        self.send(Command::Sealer(self.0.id, sealer));
    }

    /// Another reader, or none.
    pub(super) fn play(&self, reader: Option<FrameReader>) {
        self.send(Command::Play(self.0.id, reader));
    }

    pub(super) fn pause(&self, is_paused: bool) {
        self.send(Command::Pause(self.0.id, is_paused));
    }

    /// While it waits for its first end-to-end key, no sound is taken: nobody in the call could hear it.
    pub(super) fn await_key(&self, waits: bool) {
        self.send(Command::AwaitKey(self.0.id, waits));
    }

    /// Ends the stream and drops its reader.
    pub(super) fn remove(&self) {
        self.send(Command::Remove(self.0.id));
    }

    fn send(&self, command: Command) {
        self.0.pacer.send(command);
    }
}

/// A pacing thread's life: ends when nobody can command it any more.
#[expect(
    clippy::disallowed_methods,
    reason = "the pacing thread runs by the clock"
)]
fn run(inbox: &mpsc::Receiver<Command>, is_realtime: bool) {
    if is_realtime && !os::ask_for_realtime() {
        tracing::debug!("real-time priority for the pacing thread is not permitted");
    }
    let mut seats = Seats::new(Instant::now());
    loop {
        loop {
            match inbox.try_recv() {
                Ok(command) => apply(&mut seats, Instant::now(), command),
                Err(mpsc::TryRecvError::Empty) => break,
                Err(mpsc::TryRecvError::Disconnected) => return,
            }
        }
        match seats.run(Instant::now()) {
            Some(wake) => {
                let now = Instant::now();
                if wake > now {
                    std::thread::park_timeout(wake - now);
                }
            }
            None => std::thread::park(),
        }
    }
}

fn apply(seats: &mut Seats, now: Instant, command: Command) {
    match command {
        Command::Add(id, stream) => seats.add(id, stream),
        Command::Link(id, link) => seats.change(now, id, |s| s.set_link(link.map(|l| *l))),
        Command::Sealer(id, sealer) => seats.change(now, id, |s| s.set_sealer(sealer.map(|b| *b))),
        Command::Play(id, reader) => seats.change(now, id, |s| s.set_reader(reader)),
        Command::Pause(id, is_paused) => seats.change(now, id, |s| s.set_paused(is_paused)),
        Command::AwaitKey(id, waits) => seats.change(now, id, |s| s.set_awaiting_key(waits)),
        Command::Remove(id) => seats.remove(id),
    }
}
