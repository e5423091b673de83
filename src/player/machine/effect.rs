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
    /// Look the words of the track up; [`Machine::found_lyrics`](super::Machine::found_lyrics) takes them.
    FindLyrics {
        /// Comes back with them.
        generation: u64,
        /// Whose.
        track: Arc<Track>,
        /// Whether they must come from another source than the track's.
        skip_track_source: bool,
    },
    /// Look up what is marked in the track; [`Machine::found_marks`](super::Machine::found_marks) takes it.
    FindMarks {
        /// Comes back with it.
        generation: u64,
        /// In which.
        track: Arc<Track>,
        /// Kinds of segments; they come back, too.
        categories: Vec<String>,
    },
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
    /// Open a device; [`Machine::device_opened`](super::Machine::device_opened) or
    /// [`device_refused`](super::Machine::device_refused) hears of it.
    OpenDevice {
        /// Comes back with its events.
        generation: u64,
        /// Which.
        name: Arc<str>,
    },
    /// The device that has just been opened is the player's from now on.
    UseDevice,
    /// Close the player's device.
    CloseDevice,
    /// The device is over by itself: let it go.
    DropDevice,
    /// Frames go another [`way`](super::Machine::route) from now on.
    Reroute,
}
