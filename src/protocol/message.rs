//! Owns: what the WebSocket says: the ops and the events (reference, 1.3).
//! Never knows: when it is said.

use serde::Serialize;

use super::plugins::{Chapter, Line, Lyrics, Segment};
use super::rest::{Exception, PlayerState, Track, signed_id};
pub use super::server::{Cpu, FrameStats, Memory, Stats};
use crate::units::GuildId;
use alloc::{string::String, vec::Vec};

/// A message to a client.
#[expect(
    clippy::large_enum_variant,
    reason = "messages are written out where they are made, and never kept"
)]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Message {
    /// First message of every connection.
    Ready {
        /// Whether an older session goes on.
        resumed: bool,
        /// 16 characters of `[a-z0-9]`.
        session_id: String,
    },
    /// Where a player stands.
    PlayerUpdate {
        /// The snapshot.
        state: PlayerState,
        /// Whose it is.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
    },
    /// Statistics, every minute.
    Stats(Stats),
    /// Something happened to a track or a voice connection.
    Event(Event),
}

impl Message {
    /// Whether Lavalink has no such message: not every client is told (`session/audience`).
    #[must_use]
    pub const fn is_extension(&self) -> bool {
        matches!(self, Self::Event(event) if event.is_extension())
    }

    /// The text frame.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("messages have string keys and finite numbers only")
    }
}

/// An event; `type` stands first, then `guildId`. Lavalink's five come first, then our own ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Event {
    /// A track was asked to play.
    #[serde(rename = "TrackStartEvent")]
    TrackStart {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// Which track.
        track: Track,
    },
    /// A track is over.
    #[serde(rename = "TrackEndEvent")]
    TrackEnd {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// Which track.
        track: Track,
        /// Why.
        reason: EndReason,
    },
    /// A track failed; its end follows.
    #[serde(rename = "TrackExceptionEvent")]
    TrackException {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// Which track.
        track: Track,
        /// What went wrong.
        exception: Exception,
    },
    /// A track gives no sound; nothing follows by itself.
    #[serde(rename = "TrackStuckEvent")]
    TrackStuck {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// Which track.
        track: Track,
        /// The configured threshold in milliseconds.
        threshold_ms: u64,
    },
    /// A voice connection is over.
    #[serde(rename = "WebSocketClosedEvent")]
    WebSocketClosed {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// Discord's close code.
        code: u16,
        /// Its text; `""` when there is none.
        reason: String,
        /// Whether the other side closed.
        by_remote: bool,
    },
    /// Ours: the listener has heard a gap, or hears one.
    #[serde(rename = "UnderrunEvent")]
    Underrun {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// The gap.
        #[serde(flatten)]
        gap: Gap,
    },
    /// Ours: a radio station says what it plays now.
    #[serde(rename = "StreamTitleEvent")]
    StreamTitle {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// In the station's own form, mostly `Artist - Title`; `""` when it says that there is none.
        title: String,
        /// An address that the station gives with it.
        url: Option<String>,
    },
    /// Ours: a radio station was interrupted, and goes on where it is now.
    #[serde(rename = "StreamRejoinedEvent")]
    StreamRejoined {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// Why it was interrupted at first.
        reason: Lost,
        /// Connections that were tried, the last one included.
        attempts: u32,
        /// Time from the last byte before to the first one after, in milliseconds. What had been read ahead was heard
        /// meanwhile.
        silent_ms: u64,
    },
    /// Ours: the node has lowered what sound and buffers cost because the machine is short of something, or taken that back.
    /// Each player with a track is told.
    #[serde(rename = "QualityEvent")]
    Quality {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// `sound` or `memory`.
        ladder: &'static str,
        /// The level in force; 0 is what was configured.
        level: u8,
        /// The last one.
        last_level: u8,
        /// What there was too much of: `cpu`, `memory` or `temperature`; `null` when all is well again.
        cause: Option<&'static str>,
        /// How much, in percent or °C.
        reading: Option<f64>,
        /// What is allowed, in the same unit.
        threshold: Option<f64>,
        /// Whether the node takes on nothing new.
        refusing: bool,
    },
    /// LavaLyrics: the words of the track; its lines follow.
    #[serde(rename = "LyricsFoundEvent")]
    LyricsFound {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// The words.
        lyrics: Lyrics,
    },
    /// LavaLyrics: there are no words with times.
    #[serde(rename = "LyricsNotFoundEvent")]
    LyricsNotFound {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
    },
    /// LavaLyrics: a line begins.
    #[serde(rename = "LyricsLineEvent")]
    LyricsLine {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// Which, from 0.
        line_index: usize,
        /// The line.
        line: Line,
        /// Whether it was jumped to or over.
        skipped: bool,
    },
    /// SponsorBlock: what will be skipped of the track.
    SegmentsLoaded {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// By beginning.
        segments: Vec<Segment>,
    },
    /// SponsorBlock: a segment is skipped.
    SegmentSkipped {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// Which.
        segment: Segment,
    },
    /// SponsorBlock: the track's chapters.
    ChaptersLoaded {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// By beginning.
        chapters: Vec<Chapter>,
    },
    /// SponsorBlock: a chapter begins.
    ChapterStarted {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// Which.
        chapter: Chapter,
    },
    /// Something has become of the device that a player plays on.
    #[serde(rename = "OutputEvent")]
    Output {
        /// Whose player.
        #[serde(serialize_with = "signed_id")]
        guild_id: GuildId,
        /// Which device.
        device: String,
        /// What.
        state: OutputState,
        /// Why; `null` when there is nothing to say.
        message: Option<String>,
    },
}

impl Event {
    /// Whether neither Lavalink nor a plugin of its has such an event. A new type of our own is a variant above, and a word here.
    #[must_use]
    pub const fn is_extension(&self) -> bool {
        match self {
            Self::TrackStart { .. }
            | Self::TrackEnd { .. }
            | Self::TrackException { .. }
            | Self::TrackStuck { .. }
            | Self::WebSocketClosed { .. }
            | Self::LyricsFound { .. }
            | Self::LyricsNotFound { .. }
            | Self::LyricsLine { .. }
            | Self::SegmentsLoaded { .. }
            | Self::SegmentSkipped { .. }
            | Self::ChaptersLoaded { .. }
            | Self::ChapterStarted { .. } => false,
            Self::Underrun { .. }
            | Self::StreamTitle { .. }
            | Self::StreamRejoined { .. }
            | Self::Output { .. }
            | Self::Quality { .. } => true,
        }
    }
}

impl Event {
    /// Whether it is one of the SponsorBlock plugin, which only those are told who use its routes.
    #[must_use]
    pub const fn is_of_sponsorblock(&self) -> bool {
        matches!(
            self,
            Self::SegmentsLoaded { .. }
                | Self::SegmentSkipped { .. }
                | Self::ChaptersLoaded { .. }
                | Self::ChapterStarted { .. }
        )
    }
}

/// A gap that a listener has heard: an own event, and an entry of the diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// Why.
    pub cause: GapCause,
    /// When it began, in Unix milliseconds.
    pub time: i64,
    /// Where in the track, in milliseconds.
    pub position: i64,
    /// How long it was, or has been until now, in milliseconds: 20 for each frame that was not there.
    pub length: u64,
    /// Whether sound has come back (or the track has ended). Of a long gap there are two events: one while it lasts.
    pub ended: bool,
    /// The cause in words, with figures; for people.
    pub detail: String,
}

/// Why a station was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
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

/// What has become of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OutputState {
    /// It does not answer, and is tried again.
    Interrupted,
    /// It cannot be opened or is gone, and is tried again ever more seldom.
    Lost,
    /// It plays again.
    Back,
}

/// Why there was a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum GapCause {
    /// The source gave no bytes in time.
    SourceStalled,
    /// Bytes were there, but were not decoded in time.
    DecodeLate,
    /// The frame was there, but the thread that sends came too late.
    SchedulerLate,
    /// The frame was ready, but the system did not take it.
    SendError,
}

/// Why a track is over (reference, 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EndReason {
    /// It played to its end, its end time, or an error after some sound. The next one may start.
    Finished,
    /// It failed before its first frame. The next one may start.
    LoadFailed,
    /// The client stopped it.
    Stopped,
    /// Another track took its place.
    Replaced,
    /// Nobody took frames for too long.
    Cleanup,
}

#[cfg(test)]
mod tests;
