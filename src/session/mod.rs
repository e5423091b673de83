//! Owns: client sessions and their players: what the server may ask of a session, and the answers.
//! Never knows: HTTP, sockets, how sound is made.
//!
//! Each session is one task (`task`) that owns its players as plain values. [`Sessions`] finds sessions, a
//! [`SessionHandle`] sends commands to one. What may take long (a voice server that does not answer, a source that is
//! slow) is waited for in the caller's own future, never in the task.

mod audience;
mod handle;
mod outbox;
mod plan;
mod registry;
mod rejoins;
pub mod resume;
mod seat;
mod task;
mod view;

pub use audience::Audience;
pub use handle::SessionHandle;
pub use outbox::{Outbox, Outgoing};
pub use registry::{ClientHello, Connected, Sessions, Totals};
pub use rejoins::Rejoins;
pub use view::spec as filter_spec;

/// What [`Sessions`] counts.
pub use crate::{
    frame::{Cause, Underruns},
    player::outlet::Route,
};

use crate::{
    player::{Full, World, machine},
    protocol::message::Stats,
};
use std::{sync::Arc, time::Duration};

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// HTTP status.
    pub status: u16,
    /// For the error body.
    pub message: String,
}

impl Rejection {
    fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            message: message.into(),
        }
    }

    /// The session ended while the request was on its way.
    fn no_session() -> Self {
        Self {
            status: 404,
            message: "Session not found".into(),
        }
    }

    /// Nothing new is taken on. The original has no such answer.
    fn unavailable(refusal: &Full) -> Self {
        Self {
            status: 503,
            message: sentence(&refusal.to_string()),
        }
    }

    /// The player was destroyed while the request was on its way.
    fn no_player() -> Self {
        Self {
            status: 404,
            message: "Player not found".into(),
        }
    }
}

/// The text as a sentence begins.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// Figures for the `stats` message: everything but players and frames, which the session fills in.
pub type StatsSource = Arc<dyn Fn() -> Stats + Send + Sync>;

/// Numbers and rules for all sessions.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For every player.
    pub player: machine::Settings,
    /// Kinds of segments that players skip as long as their client says nothing (`plugins.sponsorblock.categories`).
    pub categories: Vec<String>,
    /// Names of filters that must not be used (`lavalink.server.filters`).
    pub disabled_filters: Vec<String>,
    /// Sessions at once, those that wait for their client included.
    pub max_sessions: usize,
    /// Players in one session.
    pub max_players: usize,
    /// Bytes that may wait for a client that reads slowly.
    pub outbox_bytes: usize,
    /// What is kept for a client that is away.
    pub resume: resume::Limits,
    /// Who is told events that Lavalink does not have.
    pub audience: Audience,
    /// How long a request waits for a voice server.
    pub voice_timeout: Duration,
}

impl Settings {
    /// The device that is meant where none is named.
    fn device(&self) -> &str {
        self.player.device.as_deref().unwrap_or("default")
    }
}

impl Default for Settings {
    /// Lavalink's defaults where it has any; limits that no honest client reaches.
    fn default() -> Self {
        Self {
            player: machine::Settings {
                update_every: Duration::from_secs(5),
                stuck_after: Duration::from_secs(10),
                device: None,
            },
            categories: Vec::new(),
            disabled_filters: Vec::new(),
            max_sessions: 1000,
            max_players: 10_000,
            outbox_bytes: 8 * 1024 * 1024,
            resume: resume::Limits {
                messages: 10_000,
                bytes: 16 * 1024 * 1024,
            },
            audience: Audience::default(),
            voice_timeout: Duration::from_secs(10),
        }
    }
}

/// What all sessions share.
struct Context {
    settings: Settings,
    world: Arc<dyn World>,
    stats: StatsSource,
    rejoins: Rejoins,
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
mod tests;
