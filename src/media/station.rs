//! Owns: what is told of a radio station: its titles, and that it was away.
//! Never knows: connections, or how either is found out.

use alloc::string::String;
use core::time::Duration;

/// What a station says that it plays now. Neither has more than the 4080 bytes of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// What it plays, in the station's own form, mostly `Artist - Title`; empty between two titles.
    pub text: String,
    /// An address that it names, of a picture or of its own page.
    pub url: Option<String>,
}

/// Why a stream was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The server ended its answer.
    Ended,
    /// The connection broke, or none came about.
    Broken,
    /// No byte came for too long.
    Stalled,
    /// The server did not give it.
    Refused,
    /// What came could not be played.
    Unreadable,
    /// Nobody took the bytes, because the player is paused.
    Paused,
}

/// What is told when a stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejoined {
    /// Why it was interrupted at first.
    pub reason: Lost,
    /// Connections that were tried, the last one included.
    pub attempts: u32,
    /// Time from the last byte before to the first one after. What had been read ahead was heard meanwhile.
    pub silent_for: Duration,
}
