//! Owns: the keys that Lavalink does not have.
//! Never knows: where values come from.

use super::{
    super::{Key, key},
    GIB, LONGEST_TIMEOUT_MS, TIMEOUT, bytes, whole,
};
use crate::{
    config::value::{Item, Kind, Value},
    dsp::TimescalePosition,
    session::Audience,
};
use std::path::PathBuf;

/// Every key of this node's own.
pub const KEYS: &[Key] = &[
    key(
        "lavalink.server.localRoots",
        Kind::List(Item::Text),
        "",
        |c, b| {
            c.lavalink.local_roots = Some(b.texts().into_iter().map(PathBuf::from).collect());
        },
    ),
    key(
        "lavalink.server.httpConfig.blockPrivateAddresses",
        Kind::Switch,
        "false",
        |c, b| c.lavalink.http.block_private_addresses = b.switch(),
    ),
    key("sites.dataFile", Kind::Text, "", |c, b| {
        c.sites.data_file = b.path()
    }),
    key("audio.bitrate", Kind::Bitrate, "auto", |c, b| {
        if let Value::Bitrate(bitrate) = b.value {
            c.audio.bitrate = *bitrate;
        }
    }),
    key("audio.workers", whole(0, 1024), "0", |c, b| {
        c.audio.workers = b.number()
    }),
    key(
        "audio.timescalePosition",
        Kind::Choice(&["track", "output"]),
        "track",
        |c, b| c.audio.timescale_position = b.choice(&TimescalePosition::ALL),
    ),
    key("voice.caFile", Kind::Text, "", |c, b| {
        c.voice.ca_file = b.path()
    }),
    key("voice.plaintext", Kind::Switch, "false", |c, b| {
        c.voice.plaintext = b.switch()
    })
    .risky("voice gateways are spoken to without TLS; this is for test benches only"),
    key("voice.pacers", whole(0, 64), "0", |c, b| {
        c.voice.pacers = b.number()
    }),
    key("voice.realtime", Kind::Switch, "true", |c, b| {
        c.voice.realtime = b.switch()
    }),
    key("limits.bodyBytes", bytes(1024, GIB), "32MB", |c, b| {
        c.limits.body_bytes = b.number()
    }),
    key(
        "limits.headerBytes",
        bytes(8192, 1 << 20),
        "16KB",
        |c, b| c.limits.header_bytes = b.number(),
    ),
    key("limits.connections", whole(1, 65_535), "1024", |c, b| {
        c.limits.connections = b.number()
    }),
    key("limits.sessions", whole(1, 65_535), "1000", |c, b| {
        c.limits.sessions = b.number()
    }),
    key(
        "limits.playersPerSession",
        whole(1, 1_000_000),
        "10000",
        |c, b| c.limits.players_per_session = b.number(),
    ),
    key(
        "limits.resumeEvents",
        whole(1, 1_000_000),
        "10000",
        |c, b| c.limits.resume_events = b.number(),
    ),
    key("limits.outboxBytes", bytes(65_536, GIB), "8MB", |c, b| {
        c.limits.outbox_bytes = b.number()
    }),
    key(
        "limits.requestTimeoutMs",
        whole(100, LONGEST_TIMEOUT_MS),
        "30000",
        |c, b| c.limits.request_timeout = b.millis(),
    ),
    key(
        "limits.playlistBytes",
        bytes(1024, 64 << 20),
        "1MB",
        |c, b| c.limits.playlist_bytes = b.number(),
    ),
    key("streams.stallTimeoutMs", TIMEOUT, "5000", |c, b| {
        c.streams.stall = b.millis()
    }),
    key(
        "streams.giveUpAfterMs",
        whole(1000, 86_400_000),
        "300000",
        |c, b| c.streams.give_up_after = b.millis(),
    ),
    key(
        "extensions.events",
        Kind::Choice(&["known", "all", "nobody"]),
        "known",
        |c, b| c.extensions.events = b.choice(&Audience::ALL),
    ),
    key("extensions.playerMetrics", Kind::Switch, "false", |c, b| {
        c.extensions.player_metrics = b.switch()
    }),
];
