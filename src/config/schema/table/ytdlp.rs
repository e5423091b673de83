//! Owns: the keys of the `ytdlp` source: LavaSrc's, in its spelling (reference, 5.4), and our own.
//! Never knows: where values come from.

use super::{
    super::{Bound, Key, key},
    GIB, LONGEST_TIMEOUT_MS, bytes, whole,
};
use crate::config::value::{Item, Kind};

const TEXTS: Kind = Kind::List(Item::Text);

/// Every key of the source.
pub const KEYS: &[Key] = &[
    key(
        "plugins.lavasrc.sources.ytdlp",
        Kind::Switch,
        "false",
        |c, b| c.ytdlp.youtube = b.switch(),
    ),
    key(
        "plugins.lavasrc.ytdlp.path",
        Kind::Text,
        "yt-dlp",
        |c, b| {
            if let Some(path) = b.path() {
                c.ytdlp.path = path;
            }
        },
    ),
    key(
        "plugins.lavasrc.ytdlp.searchLimit",
        whole(1, 100),
        "10",
        |c, b| c.ytdlp.search_limit = b.number(),
    ),
    key(
        "plugins.lavasrc.ytdlp.mixPlaylistLoadLimit",
        whole(1, 10_000),
        "25",
        |c, b| c.ytdlp.mix_limit = b.number(),
    ),
    key(
        "plugins.lavasrc.ytdlp.playlistLoadLimit",
        whole(1, 10_000),
        "1000",
        |c, b| c.ytdlp.playlist_limit = b.number(),
    ),
    key("plugins.lavasrc.ytdlp.customLoadArgs", TEXTS, "", |c, b| {
        c.ytdlp.load_arguments = b.texts();
    }),
    key(
        "plugins.lavasrc.ytdlp.customPlaybackArgs",
        TEXTS,
        "",
        |c, b| c.ytdlp.playback_arguments = b.texts(),
    ),
    key(
        "ytdlp.enabled",
        Kind::Choice(&["auto", "true", "false"]),
        "auto",
        |c, b| c.ytdlp.enabled = b.choice(&[None, Some(true), Some(false)]),
    ),
    key("ytdlp.processes", whole(1, 64), "2", |c, b| {
        c.ytdlp.processes = b.number()
    }),
    key("ytdlp.queue", whole(0, 10_000), "16", |c, b| {
        c.ytdlp.queue = b.number()
    }),
    key(
        "ytdlp.timeoutMs",
        whole(1000, LONGEST_TIMEOUT_MS),
        "30000",
        |c, b| c.ytdlp.timeout = b.millis(),
    ),
    key("ytdlp.memoryBytes", bytes(0, 64 * GIB), "512MB", |c, b| {
        c.ytdlp.memory_bytes = b.number()
    }),
    key("ytdlp.sites", TEXTS, "", |c, b| c.ytdlp.sites = hosts(b)),
    key("ytdlp.deniedSites", TEXTS, "", |c, b| {
        c.ytdlp.denied_sites = hosts(b)
    }),
    key("ytdlp.arguments", TEXTS, "", |c, b| {
        c.ytdlp.arguments = b.texts()
    }),
];

/// Names of hosts as URLs have them.
fn hosts(bound: &Bound<'_>) -> Vec<String> {
    let host = |text: String| text.trim().trim_matches('.').to_lowercase();
    let hosts = bound.texts().into_iter().map(host);
    hosts.filter(|host| !host.is_empty()).collect()
}
