//! Owns: what a machine wants done.
//! Never knows: why, or how it is done.

use crate::{
    dsp::FilterSpec,
    player::note::{Note, VoiceTarget},
    track::Track,
    units::Samples,
};
use std::sync::Arc;

/// What must be done next. Sound effects concern the playback that was started last.
#[derive(Debug)]
pub enum Effect {
    /// Tell the client.
    Tell(Note),
    /// Start a playback; the one before is over.
    Start {
        /// Comes back with its events.
        generation: u64,
        /// What to play.
        track: Arc<Track>,
        /// Where to begin.
        at: Samples,
        /// Where to end.
        limit: Option<Samples>,
    },
    /// End the playback; its reader is dropped.
    Stop,
    /// Go on from elsewhere.
    Seek(Samples),
    /// The player's volume has changed, in percent.
    SetVolume(u16),
    /// The player's filters have changed.
    SetFilters(FilterSpec),
    /// End before this position; `None` lifts it.
    SetLimit(Option<Samples>),
    /// No frame is taken while paused.
    SetPaused(bool),
    /// Connect to a voice server.
    OpenVoice {
        /// Comes back with its events.
        generation: u64,
        /// Where.
        target: VoiceTarget,
    },
    /// Say goodbye to the voice server.
    CloseVoice,
    /// The connection is over by itself: let it go.
    DropVoice,
}
