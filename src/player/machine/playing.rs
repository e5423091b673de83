//! Owns: what a machine knows of the current track.
//! Never knows: what to do about it.

use super::{Moment, Places};
use crate::{
    player::note::{Shown, UserData},
    track::Track,
    units::{Instant, Millis, Samples},
};
use alloc::sync::Arc;

/// One playback of a track, as the machine knows it.
pub(super) struct Playing {
    pub(super) generation: u64,
    pub(super) track: Arc<Track>,
    pub(super) user_data: Arc<UserData>,
    pub(super) length: i64,
    pub(super) is_seekable: bool,
    pub(super) limit: Option<Samples>,
    /// The last seek, and the position before it.
    pub(super) sought: Option<(Samples, Samples)>,
    pub(super) is_stuck: bool,
    pub(super) stream_title: Option<Arc<str>>,
    pub(super) places: Places,
    pub(super) next_update: Instant,
    pub(super) next_check: Instant,
    pub(super) polls: u64,
    pub(super) polled_at: Instant,
}

impl Playing {
    /// Where the sound came to: not a seek's target that nothing was heard of (reference, R.1.11), and not the silence that
    /// fills the last frame.
    pub(super) fn heard_until(&self, now: Moment) -> Samples {
        let heard = match self.sought {
            Some((target, before)) if now.position == target => before,
            Some(_) | None => now.position,
        };
        if self.track.info.is_stream || self.length <= 0 {
            heard
        } else {
            heard.min(Millis(self.length).to_samples())
        }
    }

    pub(super) fn shown(&self, position: Samples) -> Shown {
        Shown {
            track: self.track.clone(),
            position: position.to_millis(),
            length: self.length,
            user_data: self.user_data.clone(),
            stream_title: self.stream_title.clone(),
        }
    }
}
