//! Owns: running the gateway machine over events from a string of bytes: what its fuzz target does.
//! Never knows: what the messages say.

use super::{Action, Credentials, Gateway};
use crate::{error::Failure, output::voice::transport::Mode, units::Secret};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

/// The most actions that one event may lead to.
const MAX_ACTIONS: usize = 8;

/// Plays `script` to a machine: events, each of a letter and what belongs to it, with a byte 0xFF behind (which no text
/// has). `O` opened, `X` unreachable, `T` text, `B` binary, `C` closed (two bytes of code, a reason), `W` time passes until
/// the deadline, `D` discovered, `U` undiscovered, `S` speaking begins or ends, `R` the encryption starts anew.
///
/// # Panics
/// When the machine breaks a promise: it says nothing after it is over, asks for connections in order, does not answer one
/// event with many actions, and a deadline that was met does not stay.
#[expect(
    clippy::disallowed_methods,
    reason = "a moment to start from; it moves by what is rehearsed"
)]
pub(in crate::output) fn rehearse(script: &[u8]) {
    let who = Credentials {
        guild: 1,
        user: 2,
        session_id: "s".to_owned(),
        token: Secret::new("t"),
    };
    let mut stage = Stage {
        gateway: Gateway::new(who, &[Mode::Aes256Gcm, Mode::XChaCha20Poly1305]),
        now: Instant::now(),
        attempt: 0,
        is_speaking: false,
        is_over: false,
    };
    stage.settle();
    for event in script.split(|&byte| byte == 0xFF) {
        stage.play(event);
        stage.settle();
    }
}

struct Stage {
    gateway: Gateway,
    now: Instant,
    /// Number of the connection that was asked for last.
    attempt: u32,
    is_speaking: bool,
    is_over: bool,
}

impl Stage {
    fn play(&mut self, event: &[u8]) {
        let Some((kind, rest)) = event.split_first() else {
            return;
        };
        let (now, attempt, gateway) = (self.now, self.attempt, &mut self.gateway);
        match kind {
            b'O' => gateway.opened(now, attempt),
            b'X' => gateway.unreachable(now, attempt, Failure::common("no")),
            b'T' => gateway.text(now, attempt, &String::from_utf8_lossy(rest)),
            b'B' => gateway.binary(attempt, rest),
            b'C' => {
                let (code, reason) = match rest.split_first_chunk() {
                    Some((code, reason)) => (Some(u16::from_be_bytes(*code)), reason),
                    None => (None, rest),
                };
                gateway.closed(now, attempt, code, &String::from_utf8_lossy(reason));
            }
            b'D' => gateway.discovered(now, IpAddr::V4(Ipv4Addr::LOCALHOST), 9),
            b'U' => gateway.undiscovered("no answer"),
            b'S' => {
                self.is_speaking = !self.is_speaking;
                gateway.speaking(self.is_speaking);
            }
            b'R' => gateway.restart(now),
            b'W' => self.wait(),
            _ => {}
        }
    }

    fn wait(&mut self) {
        let Some(at) = self.gateway.deadline() else {
            self.now += Duration::from_secs(1);
            return;
        };
        self.now = self.now.max(at);
        self.gateway.timeout(self.now);
        let next = self.gateway.deadline();
        assert!(next.is_none_or(|next| next > self.now), "a deadline stays");
    }

    /// Does what the machine asks for.
    fn settle(&mut self) {
        for count in 0.. {
            let Some(action) = self.gateway.poll() else {
                return;
            };
            assert!(!self.is_over, "after the end comes {action:?}");
            assert!(count < MAX_ACTIONS, "no end of actions: {action:?}");
            match action {
                Action::Connect { attempt, .. } => {
                    assert!(
                        attempt == 0 || attempt == self.attempt + 1,
                        "connections in order"
                    );
                    self.attempt = attempt;
                }
                Action::Over => self.is_over = true,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_a_resume_and_an_end_keep_all_promises() {
        let ready = r#"T{"op":2,"seq":1,"d":{"ssrc":7,"ip":"1.2.3.4","port":5,"modes":["aead_aes256_gcm_rtpsize"]}}"#;
        let hello = r#"T{"op":8,"d":{"heartbeat_interval":250}}"#;
        let events: [&[u8]; 14] = [
            b"O",
            hello.as_bytes(),
            ready.as_bytes(),
            b"D",
            b"S",
            b"W",
            b"B\0\x09\x1D\0\0",
            b"W",
            b"O",
            hello.as_bytes(),
            br#"T{"op":9}"#,
            b"T}{",
            b"C\x0F\xAE",
            b"W",
        ];
        rehearse(&events.join(&0xFF));
    }
}
