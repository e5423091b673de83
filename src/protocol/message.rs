//! Owns: what the WebSocket says: the ops and the events (reference, 1.3).
//! Never knows: when it is said.

use serde::Serialize;

use super::rest::{Exception, PlayerState, Track, signed_id};
pub use super::server::{Cpu, FrameStats, Memory, Stats};
use crate::units::GuildId;

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
}

impl Event {
    /// Whether Lavalink has no such event. A new type of our own is a variant above, and a word here.
    #[must_use]
    pub const fn is_extension(&self) -> bool {
        match self {
            Self::TrackStart { .. }
            | Self::TrackEnd { .. }
            | Self::TrackException { .. }
            | Self::TrackStuck { .. }
            | Self::WebSocketClosed { .. } => false,
            Self::Underrun { .. } | Self::StreamTitle { .. } | Self::StreamRejoined { .. } => true,
        }
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
mod tests {
    use super::*;
    use crate::{
        error::Failure,
        protocol::rest::tests::{SAMPLE_TRACK, sample_track},
    };

    const GUILD: GuildId = GuildId(817_327_181_659_111_454);

    #[test]
    fn ready() {
        let message = Message::Ready {
            resumed: false,
            session_id: "k3q0v9m1x7c2b8za".into(),
        };
        assert_eq!(
            message.to_json(),
            r#"{"op":"ready","resumed":false,"sessionId":"k3q0v9m1x7c2b8za"}"#
        );
    }

    #[test]
    fn player_update() {
        let message = Message::PlayerUpdate {
            state: PlayerState {
                time: 1_767_225_600_123,
                position: 61_240,
                connected: true,
                ping: 14,
            },
            guild_id: GUILD,
        };
        assert_eq!(
            message.to_json(),
            r#"{"op":"playerUpdate","state":{"time":1767225600123,"position":61240,"connected":true,"ping":14},"guildId":"817327181659111454"}"#
        );
    }

    #[test]
    fn stats() {
        let mut stats = Stats {
            frame_stats: Some(FrameStats {
                sent: 3000,
                nulled: 0,
                deficit: 0,
            }),
            players: 3,
            playing_players: 2,
            uptime: 86_400_000,
            memory: Memory {
                free: 268_435_456,
                used: 536_870_912,
                allocated: 805_306_368,
                reservable: 4_294_967_296,
            },
            cpu: Cpu {
                cores: 8,
                system_load: 0.31,
                lavalink_load: 0.04,
            },
        };
        assert_eq!(
            Message::Stats(stats.clone()).to_json(),
            concat!(
                r#"{"op":"stats","frameStats":{"sent":3000,"nulled":0,"deficit":0},"players":3,"playingPlayers":2,"uptime":86400000,"#,
                r#""memory":{"free":268435456,"used":536870912,"allocated":805306368,"reservable":4294967296},"#,
                r#""cpu":{"cores":8,"systemLoad":0.31,"lavalinkLoad":0.04}}"#
            )
        );
        stats.frame_stats = None;
        assert!(
            Message::Stats(stats)
                .to_json()
                .starts_with(r#"{"op":"stats","frameStats":null,"#)
        );
    }

    #[test]
    fn track_events() {
        let start = Event::TrackStart {
            guild_id: GUILD,
            track: sample_track(),
        };
        assert_eq!(
            Message::Event(start).to_json(),
            format!(
                r#"{{"op":"event","type":"TrackStartEvent","guildId":"817327181659111454","track":{SAMPLE_TRACK}}}"#
            )
        );
        let end = Event::TrackEnd {
            guild_id: GUILD,
            track: sample_track(),
            reason: EndReason::LoadFailed,
        };
        assert_eq!(
            Message::Event(end).to_json(),
            format!(
                r#"{{"op":"event","type":"TrackEndEvent","guildId":"817327181659111454","track":{SAMPLE_TRACK},"reason":"loadFailed"}}"#
            )
        );
        let stuck = Event::TrackStuck {
            guild_id: GUILD,
            track: sample_track(),
            threshold_ms: 10_000,
        };
        assert_eq!(
            Message::Event(stuck).to_json(),
            format!(
                r#"{{"op":"event","type":"TrackStuckEvent","guildId":"817327181659111454","track":{SAMPLE_TRACK},"thresholdMs":10000}}"#
            )
        );
    }

    #[test]
    fn track_exception() {
        let event = Event::TrackException {
            guild_id: GUILD,
            track: sample_track(),
            exception: Exception::from(&Failure::fault("x")),
        };
        assert_eq!(
            Message::Event(event).to_json(),
            format!(
                r#"{{"op":"event","type":"TrackExceptionEvent","guildId":"817327181659111454","track":{SAMPLE_TRACK},"exception":{{"message":"x","severity":"fault","cause":"x","causeStackTrace":"x"}}}}"#
            )
        );
    }

    #[test]
    fn web_socket_closed() {
        let event = Event::WebSocketClosed {
            guild_id: GUILD,
            code: 4006,
            reason: "Session is no longer valid.".into(),
            by_remote: true,
        };
        assert_eq!(
            Message::Event(event).to_json(),
            r#"{"op":"event","type":"WebSocketClosedEvent","guildId":"817327181659111454","code":4006,"reason":"Session is no longer valid.","byRemote":true}"#
        );
    }

    #[test]
    fn what_stations_tell_is_an_extension() {
        let title = Event::StreamTitle {
            guild_id: GUILD,
            title: "A - B".into(),
            url: None,
        };
        let rejoined = Event::StreamRejoined {
            guild_id: GUILD,
            reason: Lost::Stalled,
            attempts: 2,
            silent_ms: 5_300,
        };
        assert!(title.is_extension() && rejoined.is_extension());
        assert_eq!(
            Message::Event(title).to_json(),
            r#"{"op":"event","type":"StreamTitleEvent","guildId":"817327181659111454","title":"A - B","url":null}"#
        );
        assert_eq!(
            Message::Event(rejoined).to_json(),
            r#"{"op":"event","type":"StreamRejoinedEvent","guildId":"817327181659111454","reason":"stalled","attempts":2,"silentMs":5300}"#
        );
    }

    #[test]
    fn underruns_are_an_extension() {
        let event = Event::Underrun {
            guild_id: GUILD,
            gap: Gap {
                cause: GapCause::SourceStalled,
                time: 1_767_225_600_123,
                position: 61_240,
                length: 340,
                ended: true,
                detail: "waited for bytes".into(),
            },
        };
        assert!(event.is_extension());
        assert_eq!(
            Message::Event(event).to_json(),
            r#"{"op":"event","type":"UnderrunEvent","guildId":"817327181659111454","cause":"sourceStalled","time":1767225600123,"position":61240,"length":340,"ended":true,"detail":"waited for bytes"}"#
        );
    }

    #[test]
    fn end_reasons_have_lavalinks_words() {
        let words: Vec<_> = [
            EndReason::Finished,
            EndReason::LoadFailed,
            EndReason::Stopped,
            EndReason::Replaced,
            EndReason::Cleanup,
        ]
        .iter()
        .map(|r| serde_json::to_string(r).unwrap())
        .collect();
        assert_eq!(
            words.join(""),
            r#""finished""loadFailed""stopped""replaced""cleanup""#
        );
    }
}
