//! Owns: what an output tells the player that it plays for.
//! Never knows: how an output works.

use crate::error::Failure;
use alloc::string::String;

/// What an output tells the player that owns it. Sent in order, from any thread.
#[derive(Debug)]
pub enum OutputEvent {
    /// The way to the other side is open (voice: the gateway's WebSocket), though nothing can be heard yet.
    Opened,
    /// Frames can flow (voice: the session description arrived, or the session was resumed).
    Connected,
    /// The way is lost and is being repaired in silence; [`OutputEvent::Connected`] or
    /// [`OutputEvent::Closed`] follows.
    Interrupted,
    /// A heartbeat was answered after this many milliseconds.
    Ping(u32),
    /// The connection is over for good and the output does nothing any more.
    Closed {
        /// WebSocket close code.
        code: u16,
        /// Its reason, perhaps empty.
        reason: String,
        /// Whether the other side closed.
        by_remote: bool,
    },
    /// The other side could not be reached at all; the output does nothing any more.
    Unreachable(Failure),
}
