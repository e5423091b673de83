//! Owns: the messages of Discord's voice gateway, version 8, as they stand on the wire.
//! Never knows: in which order they come.

use crate::units::Secret;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use std::{net::IpAddr, num::NonZeroU16};

/// The highest DAVE protocol version that this client speaks.
pub(super) const MAX_DAVE_VERSION: u16 = 1;

/// A text message from the server.
#[derive(Deserialize)]
struct Envelope<'a> {
    op: u8,
    #[serde(default)]
    seq: Option<u16>,
    #[serde(borrow, default)]
    d: Option<&'a RawValue>,
}

/// What a text message says. Messages that a sender has no use for are [`Message::Other`].
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// Op 8. Milliseconds between heartbeats.
    Hello {
        interval_ms: f64,
    },
    /// Op 2.
    Ready(Ready),
    /// Op 4.
    Description(Description),
    /// Op 6.
    HeartbeatAck {
        nonce: u64,
    },
    /// Op 9.
    Resumed,
    /// Op 11.
    ClientsConnect(Vec<u64>),
    /// Op 13.
    ClientDisconnect(u64),
    /// Op 21.
    PrepareTransition {
        id: u16,
        version: u16,
    },
    /// Op 22.
    ExecuteTransition {
        id: u16,
    },
    /// Op 24.
    PrepareEpoch {
        epoch: u64,
        version: u16,
    },
    Other(u8),
}

/// Where to send sound, and as whom.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Ready {
    pub ssrc: u32,
    pub ip: IpAddr,
    pub port: u16,
    pub modes: Vec<String>,
}

/// How to encrypt it.
#[derive(Clone, PartialEq, Deserialize)]
pub(super) struct Description {
    pub mode: String,
    pub secret_key: [u8; 32],
    #[serde(default)]
    pub dave_protocol_version: u16,
}

impl std::fmt::Debug for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Description")
            .field("mode", &self.mode)
            .field("dave_protocol_version", &self.dave_protocol_version)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Hello {
    heartbeat_interval: f64,
}

#[derive(Deserialize)]
struct HeartbeatAck {
    t: u64,
}

#[derive(Deserialize)]
struct Users {
    user_ids: Vec<String>,
}

#[derive(Deserialize)]
struct User {
    user_id: String,
}

#[derive(Deserialize)]
struct Transition {
    transition_id: u16,
    #[serde(default)]
    protocol_version: u16,
}

#[derive(Deserialize)]
struct Epoch {
    epoch: u64,
    protocol_version: u16,
}

/// Reads a text message: its sequence number, if it has one, and what it says.
///
/// # Errors
/// When it is not JSON, or a message that matters lacks a field.
pub(super) fn parse(text: &str) -> Result<(Option<u16>, Message), serde_json::Error> {
    let envelope: Envelope<'_> = serde_json::from_str(text)?;
    let raw = envelope.d.map_or("null", RawValue::get);
    let message = match envelope.op {
        2 => Message::Ready(serde_json::from_str(raw)?),
        4 => Message::Description(serde_json::from_str(raw)?),
        6 => Message::HeartbeatAck {
            nonce: serde_json::from_str::<HeartbeatAck>(raw)?.t,
        },
        8 => Message::Hello {
            interval_ms: serde_json::from_str::<Hello>(raw)?.heartbeat_interval,
        },
        9 => Message::Resumed,
        11 => {
            let users: Users = serde_json::from_str(raw)?;
            Message::ClientsConnect(
                users
                    .user_ids
                    .iter()
                    .filter_map(|u| u.parse().ok())
                    .collect(),
            )
        }
        13 => match serde_json::from_str::<User>(raw)?.user_id.parse() {
            Ok(user) => Message::ClientDisconnect(user),
            Err(_) => Message::Other(13),
        },
        21 => {
            let t: Transition = serde_json::from_str(raw)?;
            Message::PrepareTransition {
                id: t.transition_id,
                version: t.protocol_version,
            }
        }
        22 => Message::ExecuteTransition {
            id: serde_json::from_str::<Transition>(raw)?.transition_id,
        },
        24 => {
            let e: Epoch = serde_json::from_str(raw)?;
            Message::PrepareEpoch {
                epoch: e.epoch,
                version: e.protocol_version,
            }
        }
        op => Message::Other(op),
    };
    Ok((envelope.seq, message))
}

/// What a binary message says; see [`binary`].
#[derive(Debug, PartialEq)]
pub(super) enum Binary<'a> {
    /// Op 25.
    ExternalSender(&'a [u8]),
    /// Op 27: whether proposals are revoked, and the vector of proposals or of their references.
    Proposals {
        is_revoke: bool,
        body: &'a [u8],
    },
    /// Op 29.
    Commit {
        id: u16,
        body: &'a [u8],
    },
    /// Op 30.
    Welcome {
        id: u16,
        body: &'a [u8],
    },
    Other(u8),
}

/// Reads a binary message: two bytes of sequence number, one of op, the rest. `None` when it is too short for its op.
pub(super) fn binary(message: &[u8]) -> Option<(u16, Binary<'_>)> {
    let (seq, rest) = message.split_first_chunk::<2>()?;
    let (&op, body) = rest.split_first()?;
    let read = match op {
        25 => Binary::ExternalSender(body),
        27 => {
            let (&kind, body) = body.split_first()?;
            Binary::Proposals {
                is_revoke: kind != 0,
                body,
            }
        }
        29 | 30 => {
            let (id, body) = body.split_first_chunk::<2>()?;
            let id = u16::from_be_bytes(*id);
            if op == 29 {
                Binary::Commit { id, body }
            } else {
                Binary::Welcome { id, body }
            }
        }
        op => Binary::Other(op),
    };
    Some((u16::from_be_bytes(*seq), read))
}

/// Who is calling; the same for all messages of a connection.
#[derive(Clone, Debug)]
pub(in crate::output::voice) struct Credentials {
    pub guild: u64,
    pub user: u64,
    pub session_id: String,
    pub token: Secret,
}

/// Op 0.
pub(super) fn identify(who: &Credentials) -> String {
    json!({"op": 0, "d": {
        "server_id": who.guild.to_string(),
        "user_id": who.user.to_string(),
        "session_id": who.session_id,
        "token": who.token.expose(),
        "video": false,
        "max_dave_protocol_version": MAX_DAVE_VERSION,
    }})
    .to_string()
}

/// Op 7.
pub(super) fn resume(who: &Credentials, seq_ack: i32) -> String {
    json!({"op": 7, "d": {
        "server_id": who.guild.to_string(),
        "session_id": who.session_id,
        "token": who.token.expose(),
        "seq_ack": seq_ack,
    }})
    .to_string()
}

/// Op 3.
pub(super) fn heartbeat(nonce: u64, seq_ack: i32) -> String {
    json!({"op": 3, "d": {"t": nonce, "seq_ack": seq_ack}}).to_string()
}

/// Op 1.
pub(super) fn select_protocol(address: IpAddr, port: u16, mode: &str) -> String {
    json!({"op": 1, "d": {
        "protocol": "udp",
        "data": {"address": address.to_string(), "port": port, "mode": mode},
    }})
    .to_string()
}

/// Op 5.
pub(super) fn speaking(is_speaking: bool, ssrc: u32) -> String {
    json!({"op": 5, "d": {"speaking": u8::from(is_speaking), "delay": 0, "ssrc": ssrc}}).to_string()
}

/// Op 15: no media is wanted from the others.
pub(super) fn want_nothing() -> String {
    json!({"op": 15, "d": {"any": 0}}).to_string()
}

/// Op 23.
pub(in crate::output::voice) fn ready_for_transition(id: u16) -> String {
    json!({"op": 23, "d": {"transition_id": id}}).to_string()
}

/// Op 31.
pub(in crate::output::voice) fn invalid_commit_or_welcome(id: u16) -> String {
    json!({"op": 31, "d": {"transition_id": id}}).to_string()
}

/// Op 26.
pub(in crate::output::voice) fn key_package(package: &[u8]) -> Vec<u8> {
    [&[26], package].concat()
}

/// Op 28: the commit, directly followed by the welcome for those whom it adds.
pub(in crate::output::voice) fn commit_and_welcome(
    commit: &[u8],
    welcome: Option<&[u8]>,
) -> Vec<u8> {
    [&[28], commit, welcome.unwrap_or_default()].concat()
}

/// A DAVE version from the wire that this client can speak; `None` for none, or for one it does not know.
pub(in crate::output::voice) fn dave_version(version: u16) -> Option<NonZeroU16> {
    NonZeroU16::new(version).filter(|v| v.get() <= MAX_DAVE_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hello_ready_and_description_are_read() {
        let hello = r#"{"op":8,"d":{"v":8,"heartbeat_interval":13750.0}}"#;
        assert_eq!(
            parse(hello).unwrap(),
            (
                None,
                Message::Hello {
                    interval_ms: 13750.0
                }
            )
        );
        let ready = r#"{"op":2,"seq":1,"d":{"ssrc":7,"ip":"10.0.0.1","port":5,"modes":["a"],"experiments":[]}}"#;
        let (seq, message) = parse(ready).unwrap();
        assert!(
            seq == Some(1) && matches!(message, Message::Ready(r) if r.port == 5 && r.ssrc == 7)
        );
        let key: Vec<String> = (0..32).map(|i| i.to_string()).collect();
        let text = format!(
            r#"{{"op":4,"d":{{"mode":"m","secret_key":[{}],"dave_protocol_version":1}}}}"#,
            key.join(",")
        );
        assert!(
            matches!(parse(&text).unwrap().1, Message::Description(d) if d.secret_key[31] == 31)
        );
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        assert!(parse(r#"{"op":4,"d":{"mode":"m","secret_key":[1,2]}}"#).is_err());
    }

    #[test]
    fn binary_messages_are_read_and_short_ones_refused() {
        assert_eq!(
            binary(&[0, 9, 29, 1, 2, 3]),
            Some((
                9,
                Binary::Commit {
                    id: 258,
                    body: &[3]
                }
            ))
        );
        assert_eq!(
            binary(&[1, 0, 27, 1, 5]),
            Some((
                256,
                Binary::Proposals {
                    is_revoke: true,
                    body: &[5]
                }
            ))
        );
        for short in [&[][..], &[0, 1], &[0, 1, 27], &[0, 1, 30, 0]] {
            assert_eq!(binary(short), None);
        }
    }

    #[test]
    fn the_secrets_are_not_in_the_debug_text() {
        let d = Description {
            mode: "m".into(),
            secret_key: [77; 32],
            dave_protocol_version: 0,
        };
        assert!(!format!("{d:?}").contains("77"));
    }
}
