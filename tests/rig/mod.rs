//! Owns: a fake Discord voice server for tests: gateway version 8 over TLS, UDP, DAVE with listeners, and misbehaviour on
//! command.
//! Never knows: the client under test.
#![allow(dead_code, reason = "each test binary uses its part of the rig")]

pub mod dave;
mod peer;
pub mod session;
pub mod signal;
mod tls;
mod udp;

use anyhow::{Context, Result};
use dave::{Committer, Room};
use serde_json::Value;
use session::{Session, lock};
use std::{
    collections::VecDeque,
    io::Write,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc};

const FIRST_SSRC: u32 = 10_000;

#[derive(Clone)]
pub struct RigConfig {
    /// DAVE version of all calls; zero: none.
    pub dave: u16,
    /// Listeners in each channel. One: the group is made with the bot; more: the bot is welcomed into theirs.
    pub listeners: usize,
    pub committer: Committer,
    /// How much later than the bot the others handle a commit.
    pub listener_lag_ms: u64,
    pub heartbeat_ms: f64,
    pub modes: Vec<&'static str>,
    /// Keep every frame of every session.
    pub keep: bool,
}

impl Default for RigConfig {
    fn default() -> Self {
        Self {
            dave: 0,
            listeners: 1,
            committer: Committer::Bot,
            listener_lag_ms: 0,
            heartbeat_ms: 13_750.0,
            modes: vec!["aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize"],
            keep: true,
        }
    }
}

/// What a test makes a session's connection do.
#[derive(Debug)]
pub enum Cmd {
    Close(u16, &'static str),
    /// A close frame without a code.
    CloseEmpty,
    DropTcp,
    /// Answer no heartbeat any more.
    MuteAcks,
    /// Neither read nor write any more, without closing.
    Freeze,
    Text(Value),
    DaveJoin(u64),
    DaveLeave(u64),
    DaveSoleReset,
    /// Lead the call out of encryption, with this transition.
    DaveDowngrade(u16),
    /// Send a commit that cannot be used.
    DaveGarbage,
    /// A listener joins while the bot's connection is being cut; the messages are only in the resume buffer.
    DropThenJoin(u64),
}

/// How new connections are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Normal,
    /// Close with this code after this op of the client.
    Refuse(u16, u8),
    CloseEmptyAfterHello,
    /// Accept, then say nothing.
    Silent,
    /// Refuse resumes with 4006.
    RefuseResume,
}

pub struct Rig {
    pub cfg: RigConfig,
    pub ws_addr: SocketAddr,
    pub udp_addr: SocketAddr,
    ca: tempfile::NamedTempFile,
    sessions: Mutex<Vec<Arc<Session>>>,
    mood: Mutex<Mood>,
    /// Connections that were accepted.
    pub attempts: AtomicU64,
    /// WebSockets that are open.
    pub open: AtomicU64,
    /// Requests of the IP discovery that are not answered.
    pub deaf_packets: AtomicU64,
}

impl Rig {
    pub async fn start(cfg: RigConfig) -> Result<Arc<Self>> {
        let tls = tls::TestTls::generate()?;
        let mut ca = tempfile::NamedTempFile::new()?;
        ca.write_all(tls.ca_pem.as_bytes())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        let rig = Arc::new(Self {
            cfg,
            ws_addr: listener.local_addr()?,
            udp_addr: udp.local_addr()?,
            ca,
            sessions: Mutex::default(),
            mood: Mutex::new(Mood::Normal),
            attempts: AtomicU64::new(0),
            open: AtomicU64::new(0),
            deaf_packets: AtomicU64::new(0),
        });
        let ears = rig.clone();
        std::thread::Builder::new()
            .name("rig-udp".into())
            .spawn(move || udp::run(&ears, &udp))?;
        let acceptor = tokio_rustls::TlsAcceptor::from(tls.server);
        let server = rig.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (rig, acceptor) = (server.clone(), acceptor.clone());
                rig.attempts.fetch_add(1, Relaxed);
                tokio::spawn(async move {
                    let _ = peer::serve(&rig, acceptor, tcp).await;
                });
            }
        });
        Ok(rig)
    }

    /// The certificate authority that a client must trust.
    pub fn ca_path(&self) -> std::path::PathBuf {
        self.ca.path().to_owned()
    }

    pub fn endpoint(&self) -> String {
        self.ws_addr.to_string()
    }

    pub fn session(&self, ssrc: u32) -> Option<Arc<Session>> {
        let index = ssrc.wrapping_sub(FIRST_SSRC) as usize;
        lock(&self.sessions).get(index).cloned()
    }

    pub fn sessions(&self) -> Vec<Arc<Session>> {
        lock(&self.sessions).clone()
    }

    /// The newest session, waited for.
    pub async fn last(&self) -> Arc<Session> {
        until("a session", || lock(&self.sessions).last().cloned()).await
    }

    pub fn set_mood(&self, mood: Mood) {
        *lock(&self.mood) = mood;
    }

    fn create(&self, d: &Value) -> Result<Arc<Session>> {
        let number = |v: &Value| v.as_str().and_then(|s| s.parse::<u64>().ok());
        let guild = number(&d["server_id"]).context("server_id")?;
        let user = number(&d["user_id"]).context("user_id")?;
        // version 8 does not name the channel; tests do, in the token
        let channel = d["token"]
            .as_str()
            .and_then(|t| t.strip_prefix("channel:"))
            .and_then(|c| c.parse().ok())
            .unwrap_or(guild);
        let wanted = d["max_dave_protocol_version"].as_u64().unwrap_or(0);
        let mut list = lock(&self.sessions);
        let index = list.len() as u32;
        let room = if u64::from(self.cfg.dave).min(wanted) > 0 {
            let first = 900_000_000_000 + u64::from(index) * 64;
            let ids: Vec<u64> = (first..).take(self.cfg.listeners).collect();
            let mut room = Room::new(channel, user, &ids, self.cfg.committer)?;
            room.slow_listeners = self.cfg.listener_lag_ms > 0;
            Some(room)
        } else {
            None
        };
        let session = Arc::new(Session {
            ssrc: FIRST_SSRC + index,
            guild,
            user,
            session_id: d["session_id"].as_str().unwrap_or_default().to_owned(),
            key: rand::random(),
            keep: self.cfg.keep,
            transport: Mutex::default(),
            mode: Mutex::default(),
            media: Mutex::default(),
            dave: Mutex::new(room),
            log: Mutex::default(),
            speaking: Mutex::default(),
            heartbeats: AtomicU64::new(0),
            keepalives: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            closed_with: AtomicU32::new(0),
            out_seq: AtomicU32::new(0),
            sent: Mutex::new(VecDeque::new()),
            cmd: Mutex::new(None),
        });
        list.push(session.clone());
        Ok(session)
    }

    fn find(&self, d: &Value) -> Option<Arc<Session>> {
        let (id, guild) = (d["session_id"].as_str()?, d["server_id"].as_str()?);
        let list = lock(&self.sessions);
        let same = |s: &&Arc<Session>| s.session_id == id && s.guild.to_string() == guild;
        list.iter().rev().find(same).cloned()
    }

    fn attach(&self, session: &Arc<Session>, commands: &mpsc::UnboundedSender<Cmd>) {
        *lock(&session.cmd) = Some(commands.clone());
        session.connections.fetch_add(1, Relaxed);
    }
}

/// Waits until `found` finds something, at most ten seconds.
///
/// # Panics
/// When it does not.
pub async fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..5000 {
        if let Some(found) = found() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("waited in vain for {what}");
}
