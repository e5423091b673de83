//! Owns: Discord voice: this program's own client of Discord's voice servers, behind [`Output`].
//! Never knows: tracks, sessions.
//!
//! A [`Connection`] has three parts that share nothing but messages:
//! - `task`: a tokio task that keeps the gateway's WebSocket; what it says and when is decided by the `gateway` machine;
//! - `dave`: the end-to-end encryption's group, on blocking threads while it calculates;
//! - `pacer`: a few threads that own the UDP sockets and send all connections' frames on time.
//!
//! Speaks voice gateway version 8 with buffered resume, DAVE 1, and the transport modes `aead_aes256_gcm_rtpsize` and
//! `aead_xchacha20_poly1305_rtpsize`.

mod dave;
mod dial;
mod discovery;
mod gateway;
mod os;
mod pacer;
mod task;
mod transport;

pub use os::PRIORITY;

use super::{Output, OutputEvent, OutputStats};
use crate::{
    frame::{FrameFormat, FrameReader},
    net::guard::Guard,
    units::{ChannelId, GuildId, Secret, UserId},
};
use dial::Dialer;
use gateway::{Credentials, Gateway};
use pacer::{Counters, Feedback, Pacers, StreamHandle};
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use task::Parts;
use tokio::sync::{Semaphore, mpsc, watch};
use transport::Mode;

/// For the fuzz target `gateway`: what a voice server may say, see `gateway/rehearsal.rs`.
///
/// # Panics
/// When the gateway machine breaks a promise.
#[doc(hidden)]
pub fn rehearse(script: &[u8]) {
    gateway::rehearse(script);
}

/// How voice connections are made; the same for all of a process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// PEM files with certificates to trust besides Mozilla's, of authorities or of servers themselves. The files of the
    /// environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` are always trusted too.
    pub roots: Vec<PathBuf>,
    /// Connects without TLS (`ws://`). Only for tests: Discord knows nothing but TLS.
    pub is_plaintext: bool,
    /// Most pacing threads; zero: one per core. There is one for each 1000 connections anyway.
    pub max_pacers: usize,
    /// Asks for real-time priority for pacing threads, where the system permits it.
    pub is_realtime: bool,
    /// How long it may take from name lookup to the open WebSocket, for each attempt.
    pub connect_timeout: Duration,
    /// Refuses voice servers with addresses that are not on the public internet, of their gateway and for UDP.
    pub block_private_addresses: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            is_plaintext: false,
            max_pacers: 0,
            is_realtime: true,
            connect_timeout: Duration::from_secs(7),
            block_private_addresses: false,
        }
    }
}

/// Where to connect, as Discord told the bot.
#[derive(Clone, Debug)]
pub struct Target {
    /// The guild.
    pub guild: GuildId,
    /// The bot.
    pub user: UserId,
    /// The voice channel, which names the encryption's group.
    pub channel: ChannelId,
    /// From the bot's voice state.
    pub session_id: String,
    /// From the voice server update.
    pub token: Secret,
    /// From the voice server update: `host`, `host:port` or `[v6]:port`; the port is 443 unless named.
    pub endpoint: String,
}

/// Discord voice, once per process: TLS roots and pacing threads, made when first needed.
pub struct Voice {
    dialer: Arc<Dialer>,
    pacers: Pacers,
    /// Connections whose task has not ended.
    live: watch::Sender<usize>,
    /// One permit per core, for the calculations of the end-to-end encryption.
    calculating: Arc<Semaphore>,
}

impl Voice {
    /// Costs nothing until the first connection.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            dialer: Arc::new(Dialer::new(
                settings.roots,
                settings.is_plaintext,
                settings.connect_timeout,
                Guard::new(settings.block_private_addresses),
            )),
            pacers: Pacers::new(settings.max_pacers, settings.is_realtime),
            live: watch::Sender::new(0),
            calculating: Arc::new(Semaphore::new(
                std::thread::available_parallelism().map_or(1, usize::from),
            )),
        }
    }

    /// Begins to connect and returns at once; `events` hears what comes of it, from a task of the runtime, and must not
    /// block.
    ///
    /// What is lost later is repaired as the original does it (the reference's section R.1, point 12), and frames go on
    /// being sent meanwhile. After [`OutputEvent::Closed`] or [`OutputEvent::Unreachable`] no frame is taken any more.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect(
        &self,
        target: Target,
        mut events: impl FnMut(OutputEvent) + Send + 'static,
    ) -> Connection {
        let (wake, speaking) = mpsc::channel(1);
        let feedback = Feedback::new(wake);
        let stream = self.pacers.add(random_counters(), feedback.clone());
        let is_closed = Arc::new(AtomicBool::new(false));
        let is_deaf = is_closed.clone();
        let credentials = Credentials {
            guild: target.guild.0,
            user: target.user.0,
            session_id: target.session_id,
            token: target.token,
        };
        let parts = Parts {
            dialer: self.dialer.clone(),
            endpoint: target.endpoint,
            gateway: Gateway::new(credentials, Mode::by_cost()),
            user: target.user.0,
            channel: target.channel.0,
            stream: stream.clone(),
            feedback: feedback.clone(),
            speaking,
            events: Box::new(move |event| {
                if !is_deaf.load(Ordering::Acquire) {
                    events(event);
                }
            }),
            calculating: self.calculating.clone(),
        };
        let (closing, is_closing) = watch::channel(false);
        let guard = Alive::new(&self.live);
        tokio::spawn(async move {
            task::run(parts, is_closing).await;
            drop(guard);
        });
        Connection {
            stream,
            feedback,
            closing,
            is_closed,
        }
    }

    /// Waits until all connections that were closed or dropped have said goodbye and ended. At shutdown, after closing
    /// them; bound it by a timeout.
    pub async fn drained(&self) {
        let mut live = self.live.subscribe();
        // cannot fail: the sender is in `self`
        let _ = live.wait_for(|n| *n == 0).await;
    }
}

/// Counts a task while it lives.
struct Alive(watch::Sender<usize>);

impl Alive {
    fn new(live: &watch::Sender<usize>) -> Self {
        live.send_modify(|n| *n += 1);
        Self(live.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}

fn random_counters() -> Counters {
    let mut bytes = [0; 10];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system has random numbers");
    let [a, b, c, d, e, f, g, h, i, j] = bytes;
    Counters {
        sequence: u16::from_be_bytes([a, b]),
        timestamp: u32::from_be_bytes([c, d, e, f]),
        nonce: u32::from_be_bytes([g, h, i, j]),
    }
}

/// A voice connection. Takes only [`FrameFormat::Opus`].
pub struct Connection {
    stream: StreamHandle,
    feedback: Feedback,
    /// True, or dropped: the task says goodbye and ends, whatever it is doing.
    closing: watch::Sender<bool>,
    /// No event is passed on any more.
    is_closed: Arc<AtomicBool>,
}

impl Output for Connection {
    /// # Panics
    /// When the frames are not Opus.
    fn play(&mut self, reader: FrameReader) {
        assert_eq!(
            reader.format(),
            FrameFormat::Opus,
            "Discord hears only Opus"
        );
        self.stream.play(Some(reader));
    }

    fn stop(&mut self) {
        self.stream.play(None);
    }

    fn set_paused(&mut self, is_paused: bool) {
        self.stream.pause(is_paused);
    }

    fn stats(&self) -> OutputStats {
        let (sent, dropped) = self.feedback.counts();
        OutputStats { sent, dropped }
    }

    fn close(self: Box<Self>) {
        // dropping does it
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::Release);
        self.closing.send_replace(true);
        self.stream.remove();
    }
}
