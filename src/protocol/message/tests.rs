//! Owns: how messages look, against the reference's examples.
//! Never knows: when they are sent.

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

/// The examples of the READMEs of LavaLyrics and the SponsorBlock plugin.
#[test]
fn events_of_plugins() {
    let line = Event::LyricsLine {
        guild_id: GUILD,
        line_index: 3,
        line: Line {
            timestamp: 16_770,
            duration: None,
            line: "la".into(),
            plugin: serde_json::Map::new(),
        },
        skipped: false,
    };
    let segment = Segment {
        category: "sponsor".into(),
        start: 0,
        end: 3000,
    };
    let loaded = Event::SegmentsLoaded {
        guild_id: GUILD,
        segments: vec![segment.clone()],
    };
    let skipped = Event::SegmentSkipped {
        guild_id: GUILD,
        segment,
    };
    let chapter = Event::ChapterStarted {
        guild_id: GUILD,
        chapter: Chapter {
            name: "Prelude".into(),
            start: 0,
            end: 10,
            duration: 10,
        },
    };
    let missing = Event::LyricsNotFound { guild_id: GUILD };
    for (event, rest) in [
        (
            line,
            r#""LyricsLineEvent","guildId":"817327181659111454","lineIndex":3,"line":{"timestamp":16770,"duration":null,"line":"la","plugin":{}},"skipped":false}"#,
        ),
        (
            missing,
            r#""LyricsNotFoundEvent","guildId":"817327181659111454"}"#,
        ),
        (
            loaded,
            r#""SegmentsLoaded","guildId":"817327181659111454","segments":[{"category":"sponsor","start":0,"end":3000}]}"#,
        ),
        (
            skipped,
            r#""SegmentSkipped","guildId":"817327181659111454","segment":{"category":"sponsor","start":0,"end":3000}}"#,
        ),
        (
            chapter,
            r#""ChapterStarted","guildId":"817327181659111454","chapter":{"name":"Prelude","start":0,"end":10,"duration":10}}"#,
        ),
    ] {
        assert!(!event.is_extension());
        assert_eq!(
            Message::Event(event).to_json(),
            format!(r#"{{"op":"event","type":{rest}"#)
        );
    }
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
