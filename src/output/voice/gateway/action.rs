//! Owns: what the gateway machine asks of those who run it.
//! Never knows: when it asks.

use crate::output::{OutputEvent, voice::transport::Mode};
use std::{net::SocketAddr, time::Duration};

/// What the machine wants done.
#[derive(Debug)]
pub(in crate::output::voice) enum Action {
    /// Open connection number `attempt` after a pause, then say [`Gateway::opened`](super::Gateway::opened) or [`Gateway::unreachable`](super::Gateway::unreachable).
    Connect { attempt: u32, after: Duration },
    /// Send this as a text message.
    Text(String),
    /// Send this as a binary message.
    Binary(Vec<u8>),
    /// Give the connection up, saying goodbye with this code.
    Hang(u16),
    /// Ask the server over UDP for this end's address, then say [`Gateway::discovered`](super::Gateway::discovered).
    Discover { ssrc: u32, server: SocketAddr },
    /// Frames may be sent, encrypted so.
    Link {
        ssrc: u32,
        mode: Mode,
        secret: [u8; 32],
    },
    /// Something for the end-to-end encryption.
    Dave(DaveInput),
    /// Tell the player.
    Emit(OutputEvent),
    /// All is over: the [`OutputEvent`] before this was the last.
    Over,
}

/// What the gateway says about end-to-end encryption (<https://daveprotocol.com>, voice gateway opcodes).
#[derive(Debug, PartialEq)]
pub(in crate::output::voice) enum DaveInput {
    /// Op 4: the version of the call; zero for none.
    Version(u16),
    /// Op 11.
    Joined(Vec<u64>),
    /// Op 13.
    Left(u64),
    /// Op 21.
    Prepare { id: u16, version: u16 },
    /// Op 22.
    Execute { id: u16 },
    /// Op 24.
    Epoch { epoch: u64, version: u16 },
    /// Op 25.
    ExternalSender(Vec<u8>),
    /// Op 27.
    Proposals { is_revoke: bool, body: Vec<u8> },
    /// Op 29.
    Commit { id: u16, body: Vec<u8> },
    /// Op 30.
    Welcome { id: u16, body: Vec<u8> },
}
