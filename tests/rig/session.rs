//! Owns: one voice session as the rig sees it: its media, opened and decrypted, and its counters.
//! Never knows: sockets.

use super::{Cmd, dave::Room};
use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInPlace};
use chacha20poly1305::XChaCha20Poly1305;
use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

pub const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];

/// Locks, also after a panic elsewhere.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The transport encryption that was negotiated.
pub enum Transport {
    Aes(Box<Aes256Gcm>),
    XChaCha(Box<XChaCha20Poly1305>),
}

impl Transport {
    pub fn new(mode: &str, key: &[u8; 32]) -> Option<Self> {
        match mode {
            "aead_aes256_gcm_rtpsize" => Some(Self::Aes(Box::new(Aes256Gcm::new(key.into())))),
            "aead_xchacha20_poly1305_rtpsize" => {
                Some(Self::XChaCha(Box::new(XChaCha20Poly1305::new(key.into()))))
            }
            _ => None,
        }
    }

    /// Opens a packet without CSRCs and extensions in place; the frame.
    fn open<'a>(&self, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        let n = packet.len();
        let (head, rest) = packet.split_at_mut_checked(12)?;
        let (body, tail) = rest.split_at_mut_checked(n.checked_sub(32)?)?;
        let tag: [u8; 16] = tail[..16].try_into().ok()?;
        let mut nonce = [0u8; 24];
        nonce[..4].copy_from_slice(&tail[16..20]);
        let opened = match self {
            Self::Aes(c) => {
                c.decrypt_in_place_detached(nonce[..12].into(), head, body, (&tag).into())
            }
            Self::XChaCha(c) => {
                c.decrypt_in_place_detached(&nonce.into(), head, body, (&tag).into())
            }
        };
        opened.ok().map(|()| &*body)
    }
}

/// A frame as the listener got it.
#[derive(Clone, Debug)]
pub struct Heard {
    pub at: Instant,
    pub sequence: u16,
    pub timestamp: u32,
    /// Decrypted.
    pub opus: Vec<u8>,
}

impl Heard {
    pub fn is_silence(&self) -> bool {
        self.opus == SILENCE
    }
}

/// What became of the packets.
#[derive(Default)]
pub struct Media {
    pub packets: u64,
    /// The transport encryption did not open.
    pub not_opened: u64,
    pub dave_ok: u64,
    pub dave_failed: u64,
    pub last_dave_error: String,
    /// Unencrypted Opus although the call runs DAVE (silence is allowed and not counted here).
    pub plain_in_dave: u64,
    /// Two packets with one transport nonce.
    pub repeated_nonces: u64,
    /// All frames in the order of arrival, when the rig keeps them.
    pub heard: Vec<Heard>,
    nonces: std::collections::HashSet<[u8; 4]>,
}

/// A session, over all its connections.
pub struct Session {
    pub ssrc: u32,
    pub guild: u64,
    pub user: u64,
    pub session_id: String,
    pub key: [u8; 32],
    pub keep: bool,
    pub transport: Mutex<Option<Transport>>,
    pub mode: Mutex<String>,
    pub media: Mutex<Media>,
    pub dave: Mutex<Option<Room>>,
    /// What was said, for messages of failed tests.
    pub log: Mutex<Vec<String>>,
    /// Values of all speaking messages.
    pub speaking: Mutex<Vec<u64>>,
    pub heartbeats: AtomicU64,
    pub keepalives: AtomicU64,
    pub resumed: AtomicU64,
    /// Connections that are open.
    pub connections: AtomicU64,
    /// The code of the client's last close frame.
    pub closed_with: AtomicU32,
    pub out_seq: AtomicU32,
    pub sent: Mutex<VecDeque<(u32, Message)>>,
    pub cmd: Mutex<Option<mpsc::UnboundedSender<Cmd>>>,
}

impl Session {
    pub fn note(&self, text: impl Into<String>) {
        lock(&self.log).push(text.into());
    }

    pub fn command(&self, command: Cmd) {
        if let Some(to) = lock(&self.cmd).as_ref() {
            let _ = to.send(command);
        }
    }

    /// Frames that are no silence.
    pub fn sound(&self) -> Vec<Heard> {
        let media = lock(&self.media);
        media
            .heard
            .iter()
            .filter(|h| !h.is_silence())
            .cloned()
            .collect()
    }

    pub fn packets(&self) -> u64 {
        lock(&self.media).packets
    }

    pub fn is_alive(&self) -> bool {
        self.connections.load(Relaxed) > 0
    }

    pub fn on_rtp(&self, at: Instant, sequence: u16, timestamp: u32, packet: &mut [u8]) {
        let mut media = lock(&self.media);
        media.packets += 1;
        let nonce: [u8; 4] = packet[packet.len() - 4..].try_into().expect("four bytes");
        if self.keep && !media.nonces.insert(nonce) {
            media.repeated_nonces += 1;
        }
        let transport = lock(&self.transport);
        let Some(frame) = transport.as_ref().and_then(|t| t.open(packet)) else {
            media.not_opened += 1;
            return;
        };
        let mut room = lock(&self.dave);
        let opus = match room.as_mut() {
            Some(room) if frame.ends_with(&[0xFA, 0xFA]) => match room.decrypt(frame) {
                Ok(opus) => {
                    media.dave_ok += 1;
                    opus
                }
                Err(error) => {
                    media.dave_failed += 1;
                    media.last_dave_error = error;
                    return;
                }
            },
            Some(_) if frame != SILENCE => {
                media.plain_in_dave += 1;
                frame.to_vec()
            }
            _ => frame.to_vec(),
        };
        if self.keep {
            media.heard.push(Heard {
                at,
                sequence,
                timestamp,
                opus,
            });
        }
    }
}
