//! Owns: what a player tells about itself: the five events, our own, the update, and what is shown of its track.
//! Never knows: how it looks in JSON, or who is listening.

/// What stations tell.
pub use crate::playback::{Lost, Rejoined, Title};

use crate::{
    error::Failure,
    frame::Cause,
    track::{
        Track,
        lyrics::{Line, Lyrics},
        marks::{Chapter, Segment},
    },
    units::{ChannelId, Instant, Millis, Secret},
};
use alloc::{string::String, sync::Arc, vec::Vec};
use core::time::Duration;

/// A client's own data on a track: a JSON object, kept and given back unread.
pub type UserData = serde_json::Map<String, serde_json::Value>;

/// A track as it is shown now: the submitted one, with what playing it has taught.
#[derive(Clone, Debug)]
pub struct Shown {
    /// As it was submitted; its own length and position are those of the encoded form.
    pub track: Arc<Track>,
    /// Where it stands.
    pub position: Millis,
    /// In milliseconds: the submitted length until the headers have been read, then the accurate one
    /// (reference, 2.2).
    pub length: i64,
    /// The client's data.
    pub user_data: Arc<UserData>,
    /// What the station plays now, as it says itself; never empty.
    pub stream_title: Option<Arc<str>>,
}

/// Why a track is over (reference, 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Played to its end, to its end time, or to where it broke after some sound.
    Finished,
    /// Broke before the first frame.
    LoadFailed,
    /// A client said so, or the player was destroyed.
    Stopped,
    /// Another track was started on top.
    Replaced,
    /// Nobody took a frame for a minute.
    Cleanup,
}

/// The changing part of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Position of the current track; zero without one.
    pub position: Millis,
    /// Whether the voice gateway is open.
    pub is_connected: bool,
    /// Last heartbeat round trip in milliseconds; 0 before the first answer, `None` while not connected.
    pub ping_ms: Option<u32>,
}

/// Where a player's voice goes: what Discord told the bot. Two equal targets are one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceTarget {
    /// `host` or `host:port`.
    pub endpoint: String,
    /// Voice token.
    pub token: Secret,
    /// Voice session id.
    pub session_id: String,
    /// The voice channel.
    pub channel_id: ChannelId,
}

/// A gap that the listener has heard, or hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Underrun {
    /// Why.
    pub cause: Cause,
    /// When it began, to some 20 ms.
    pub began: Instant,
    /// Where in the track.
    pub position: Millis,
    /// How much was missing, up to now.
    pub length: Duration,
    /// Whether it is over.
    pub is_over: bool,
    /// The cause in words, with figures. Names a host, but no address.
    pub detail: String,
}

/// What has become of the device that a player plays on.
#[derive(Clone, Debug)]
pub enum DeviceState {
    /// It does not answer; it is tried again while the position stands.
    Interrupted,
    /// It cannot be opened, or is gone; it is tried again, ever more seldom.
    Lost(Failure),
    /// It plays again.
    Back,
}

/// A step of one of the node's ladders of quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Name of the ladder.
    pub ladder: &'static str,
    /// The level in force; 0 is what was configured.
    pub level: u8,
    /// The last one.
    pub last: u8,
    /// What there was too much of; `None` when all is well again.
    pub cause: Option<Excess>,
    /// Whether the node takes on nothing new.
    pub is_refusing: bool,
}

/// Too much of something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Excess {
    /// Its name.
    pub resource: &'static str,
    /// How much, in percent or °C.
    pub reading: f32,
    /// What is allowed.
    pub threshold: f32,
}

/// Something for the client to know. In the order in which they are made (reference, 1.4).
#[derive(Clone, Debug)]
pub enum Note {
    /// Play was requested. Nothing has been fetched yet.
    TrackStart(Shown),
    /// The track is over.
    TrackEnd(Shown, EndReason),
    /// Playing failed; a `TrackEnd` follows, at once or when what was made has been heard.
    TrackException(Shown, Failure),
    /// Frames are asked for, but none came for this long. The track goes on.
    TrackStuck(Shown, Duration),
    /// The voice connection is over.
    VoiceClosed {
        /// WebSocket close code.
        code: u16,
        /// Its reason, perhaps empty.
        reason: String,
        /// Whether Discord closed.
        by_remote: bool,
    },
    /// The listener hears a gap, or has heard one.
    Underrun(Underrun),
    /// A station says what it plays now.
    StreamTitle(Title),
    /// A station was interrupted, and goes on.
    StreamRejoined(Rejoined),
    /// The words of the track, with times; its lines follow.
    LyricsFound(Arc<Lyrics>),
    /// There are no words with times.
    LyricsNotFound,
    /// A line begins.
    LyricsLine {
        /// Which, from 0.
        index: usize,
        /// The line.
        line: Line,
        /// Whether it was jumped to or over.
        is_skipped: bool,
    },
    /// What will be skipped of the track.
    SegmentsLoaded(Vec<Segment>),
    /// A segment is skipped.
    SegmentSkipped(Segment),
    /// The track's chapters.
    ChaptersLoaded(Vec<Chapter>),
    /// A chapter begins.
    ChapterStarted(Chapter),
    /// The device that it plays on, by name.
    Device(Arc<str>, DeviceState),
    /// A `playerUpdate`.
    Update(State),
}
