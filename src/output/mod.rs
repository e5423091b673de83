//! Owns: what an output is, the place where finished frames leave the program.
//! Never knows: tracks, sessions, clients.

#[cfg(feature = "alsa-backend")]
pub mod alsa;
#[cfg(not(feature = "alsa-backend"))]
#[path = "left_out.rs"]
pub mod alsa;
pub mod device;
mod os;
pub mod voice;

use crate::{error::Failure, frame::FrameReader};

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

/// What an output has sent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputStats {
    /// Packets handed to the network, silence included.
    pub sent: u64,
    /// Packets that the system did not take (its send buffer was full, or there was no route).
    pub dropped: u64,
}

/// Where finished frames leave: takes them from a reader at its own clock. Dropping it closes it without a word.
pub trait Output: Send {
    /// Plays from this reader from now on; the one before is dropped.
    fn play(&mut self, reader: FrameReader);
    /// Drops the reader; silence.
    fn stop(&mut self);
    /// While paused no frame is taken. New outputs are not paused.
    fn set_paused(&mut self, is_paused: bool);
    /// What it has sent so far.
    fn stats(&self) -> OutputStats;
    /// Says goodbye properly and takes nothing any more. No [`OutputEvent`] follows.
    fn close(self: Box<Self>);
}
