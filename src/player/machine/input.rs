//! Owns: what a machine is told: settings, moments, a client's wishes.
//! Never knows: what follows from it.

use crate::{
    dsp::FilterSpec,
    player::note::UserData,
    track::Track,
    units::{Millis, Samples},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// What a machine needs to know beforehand.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time between two periodic updates (`playerUpdateInterval`). Never zero.
    pub update_every: Duration,
    /// What `TrackStuck` names (`trackStuckThresholdMs`).
    pub stuck_after: Duration,
    /// The device that players without voice data play on, if there is one.
    pub device: Option<Arc<str>>,
}

/// When something happens, and how far the current playback's reader is then.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Now.
    pub at: Instant,
    /// The reader's position, during a seek its target; anything when nothing plays.
    pub position: Samples,
    /// Frames taken plus polls that found none, since the playback began.
    pub polls: u64,
}

/// The parts of a change that concern what is playing now (steps 9 to 12). `None` leaves alone.
#[derive(Debug, Default)]
pub struct Change {
    /// Pause flag.
    pub paused: Option<bool>,
    /// Replaces the current track's data.
    pub user_data: Option<UserData>,
    /// In percent; cut at 0 and [`MAX_VOLUME`](crate::dsp::MAX_VOLUME).
    pub volume: Option<i64>,
    /// Seek; negative is zero.
    pub position: Option<Millis>,
    /// End marker; `Some(None)` lifts it.
    pub end_time: Option<Option<Millis>>,
    /// Replaces the whole set.
    pub filters: Option<FilterSpec>,
}

/// A track to start (step 13).
#[derive(Debug)]
pub struct Play {
    /// What.
    pub track: Track,
    /// From where; without it from where the track says. Negative is zero.
    pub position: Option<Millis>,
    /// Where to end.
    pub end_time: Option<Millis>,
    /// The client's data.
    pub user_data: UserData,
}
