//! Owns: what can be asked of a session's task, and how it answers.
//! Never knows: what is done about it.

use super::PluginCommand;
use crate::{
    player::{Attempt, PlayerEvent, Refusal, note::VoiceTarget, outlet::Choice},
    protocol::{diagnosis::Diagnosis, rest},
    session::{
        Rejection,
        handle::Flushed,
        outbox::Inlet,
        plan::{Plan, Start},
    },
    units::GuildId,
};
use tokio::sync::oneshot;

/// An event with the player it is for: guild and serial number.
pub(in crate::session) type Addressed = (GuildId, u64, PlayerEvent);

/// What a request leaves behind before it waits for a voice server or a device.
pub(in crate::session) struct Opened {
    /// Names the player for the steps that follow.
    pub(in crate::session) serial: u64,
    /// A connection that is being made.
    pub(in crate::session) attempt: Option<Attempt>,
    /// A device that is being opened.
    pub(in crate::session) device: Option<Attempt<Refusal>>,
}

/// How far a change came.
pub(in crate::session) enum Applied {
    /// All of it.
    Done {
        player: Box<rest::Player>,
        flush: Flushed,
    },
    /// Up to the new track, which cannot be played.
    Refused { why: Rejection, flush: Flushed },
    /// Up to the new track, which must be loaded first.
    Load {
        identifier: String,
        start: Start,
        flush: Flushed,
    },
}

/// What can be asked of a session. Replies to askers that have gone are dropped.
pub(in crate::session) enum Command {
    Players(oneshot::Sender<Vec<rest::Player>>),
    Player(GuildId, oneshot::Sender<Option<rest::Player>>),
    Diagnosis(GuildId, oneshot::Sender<Option<Diagnosis>>),
    /// Creates the player if missing, and leads its sound and its voice to where they are to go, if that is said.
    Open(
        GuildId,
        Option<Choice>,
        Option<VoiceTarget>,
        oneshot::Sender<Result<Opened, Rejection>>,
    ),
    /// An attempt of the player with this serial number takes too long.
    GiveUp(GuildId, u64, u64, oneshot::Sender<()>),
    /// Steps 9 to 13 on the player with this serial number.
    Apply(
        GuildId,
        u64,
        Box<Plan>,
        oneshot::Sender<Result<Applied, Rejection>>,
    ),
    Destroy(GuildId, oneshot::Sender<Flushed>),
    Configure(rest::SessionUpdate, oneshot::Sender<rest::Session>),
    /// About what plugins of Lavalink add to a player.
    Plugin(GuildId, PluginCommand),
    /// The client is back.
    Attach(Inlet, oneshot::Sender<()>),
    /// The program ends.
    Shutdown,
}
