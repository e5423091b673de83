//! Owns: what an output is, the place where finished frames leave the program.
//! Never knows: tracks, sessions, clients.

#[cfg(feature = "alsa-backend")]
pub mod alsa;
#[cfg(not(feature = "alsa-backend"))]
#[path = "left_out.rs"]
pub mod alsa;
pub mod device;
mod event;
mod os;
pub mod voice;

pub use event::OutputEvent;
pub use os::PRIORITY;

use crate::frame::FrameReader;

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
