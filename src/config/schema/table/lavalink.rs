//! Owns: Lavalink's own keys, in its spelling (reference, 5.2), and those of Spring Boot.
//! Never knows: where values come from.

use super::{
    super::{Bound, Key, Standing, idle, key, unread},
    TIMEOUT, corrected, whole,
};
use crate::{
    config::{
        settings::{Config, ListenAddress, LogLevel},
        value::{Kind, Value},
    },
    dsp::ResamplingQuality,
};
use std::time::Duration;

const I32: i64 = i32::MAX as i64;
const MOST_LOG_FILES: i64 = 1000;
const LEVELS: &[&str] = &[
    "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF", "false",
];

const NO_LOGIN: &str = "YouTube takes no passwords any more";
const NO_JVM_PLUGINS: &str = "plugins of the JVM cannot be loaded";
const NO_SENTRY: &str = "nothing is reported to Sentry";
const NO_CLOUD_CONFIG: &str = "there is no client for Spring's config server";
const NO_TLS: &str = "this node speaks plain HTTP; put a proxy in front of it for TLS";

/// Every key of Lavalink.
pub const KEYS: &[Key] = &[
    key("server.port", whole(0, 65_535), "8080", |c, b| {
        c.server.port = b.number()
    }),
    key("server.address", Kind::Address, "0.0.0.0", |c, b| {
        if let Value::Address(address) = b.value {
            c.server.address = ListenAddress(*address);
        }
    }),
    key("server.http2.enabled", Kind::Switch, "false", |c, b| {
        c.server.http2 = b.switch()
    }),
    // The node itself.
    key("lavalink.server.password", Kind::Secret, "", |c, b| {
        c.lavalink.password = b.secret()
    }),
    key(
        "lavalink.server.sources.bandcamp",
        Kind::Switch,
        "true",
        |c, b| c.lavalink.sources.bandcamp = b.switch(),
    ),
    key(
        "lavalink.server.sources.soundcloud",
        Kind::Switch,
        "true",
        |c, b| c.lavalink.sources.soundcloud = b.switch(),
    ),
    key(
        "lavalink.server.sources.twitch",
        Kind::Switch,
        "true",
        |c, b| c.lavalink.sources.twitch = b.switch(),
    ),
    key(
        "lavalink.server.sources.vimeo",
        Kind::Switch,
        "true",
        |c, b| c.lavalink.sources.vimeo = b.switch(),
    ),
    key(
        "lavalink.server.sources.nico",
        Kind::Switch,
        "false",
        |c, b| c.lavalink.sources.nico = b.switch(),
    ),
    key(
        "lavalink.server.sources.http",
        Kind::Switch,
        "true",
        |c, b| c.lavalink.sources.http = b.switch(),
    ),
    key(
        "lavalink.server.sources.local",
        Kind::Switch,
        "false",
        |c, b| c.lavalink.sources.local = b.switch(),
    ),
    key(
        "lavalink.server.filters.volume",
        Kind::Switch,
        "true",
        set_filter,
    ),
    key(
        "lavalink.server.filters.equalizer",
        Kind::Switch,
        "true",
        set_filter,
    ),
    key(
        "lavalink.server.filters.karaoke",
        Kind::Switch,
        "true",
        set_filter,
    ),
    key(
        "lavalink.server.filters.timescale",
        Kind::Switch,
        "true",
        set_filter,
    ),
    key(
        "lavalink.server.filters.tremolo",
        Kind::Switch,
        "true",
        set_filter,
    ),
    key(
        "lavalink.server.filters.vibrato",
        Kind::Switch,
        "true",
        set_filter,
    ),
    key(
        "lavalink.server.filters.distortion",
        Kind::Switch,
        "true",
        set_filter,
    ),
    key(
        "lavalink.server.filters.rotation",
        Kind::Switch,
        "true",
        set_filter,
    ),
    key(
        "lavalink.server.filters.channelMix",
        Kind::Switch,
        "true",
        set_filter,
    ),
    key(
        "lavalink.server.filters.lowPass",
        Kind::Switch,
        "true",
        set_filter,
    ),
    key("lavalink.server.filters.*", Kind::Switch, "", set_filter),
    idle(
        "lavalink.server.nonAllocatingFrameBuffer",
        Kind::Switch,
        "false",
        "no frame buffer allocates here",
    ),
    idle(
        "lavalink.server.bufferDurationMs",
        corrected(
            0,
            I32,
            |ms| match ms {
                ..=0 => 0,
                1..=39 => 400,
                _ => ms,
            },
            "at least 40 ms, or 0 to switch it off, as in Lavalink",
        ),
        "400",
        "there are no garbage collection pauses to bridge; frames leave at exact deadlines",
    ),
    key(
        "lavalink.server.frameBufferDurationMs",
        corrected(
            200,
            60_000,
            |ms| match ms {
                ..=199 => 400,
                200..=60_000 => ms,
                _ => 60_000,
            },
            "less than 200 ms is replaced by the default, as in Lavalink; more than a minute is never kept",
        ),
        "400",
        |c, b| c.lavalink.frame_buffer = b.millis(),
    ),
    key(
        "lavalink.server.opusEncodingQuality",
        corrected(
            0,
            10,
            |quality| {
                if (0..=10).contains(&quality) {
                    quality
                } else {
                    10
                }
            },
            "what is outside 0 to 10 is 10, as in Lavalink",
        ),
        "10",
        |c, b| c.lavalink.opus_encoding_quality = b.number(),
    ),
    key(
        "lavalink.server.resamplingQuality",
        Kind::Choice(&["LOW", "MEDIUM", "HIGH"]),
        "LOW",
        |c, b| c.lavalink.resampling_quality = b.choice(&ResamplingQuality::ALL),
    ),
    key(
        "lavalink.server.trackStuckThresholdMs",
        corrected(
            100,
            i64::MAX,
            |ms| if ms < 100 { 10_000 } else { ms },
            "less than 100 ms is replaced by the default, as in Lavalink",
        ),
        "10000",
        |c, b| c.lavalink.track_stuck_threshold = b.millis(),
    ),
    key(
        "lavalink.server.useSeekGhosting",
        Kind::Switch,
        "true",
        |c, b| c.lavalink.use_seek_ghosting = b.switch(),
    ),
    key(
        "lavalink.server.playerUpdateInterval",
        whole(1, 3600),
        "5",
        |c, b| c.lavalink.player_update_interval = Duration::from_secs(b.number()),
    ),
    key(
        "lavalink.server.soundcloudSearchEnabled",
        Kind::Switch,
        "true",
        |c, b| c.lavalink.sources.soundcloud_search = b.switch(),
    ),
    key(
        "lavalink.server.soundcloudFilterOutPreviewTracks",
        Kind::Switch,
        "false",
        |c, b| c.lavalink.sources.soundcloud_filter_previews = b.switch(),
    ),
    idle(
        "lavalink.server.gc-warnings",
        Kind::Switch,
        "true",
        "there is no garbage collector",
    ),
    idle(
        "lavalink.server.youtubeConfig.email",
        Kind::Text,
        "",
        NO_LOGIN,
    ),
    idle(
        "lavalink.server.youtubeConfig.password",
        Kind::Secret,
        "",
        NO_LOGIN,
    ),
    key(
        "lavalink.server.httpConfig.proxyHost",
        Kind::Text,
        "",
        |c, b| c.lavalink.http.proxy_host = b.text().trim().to_owned(),
    ),
    key(
        "lavalink.server.httpConfig.proxyPort",
        whole(1, 65_535),
        "3128",
        |c, b| c.lavalink.http.proxy_port = b.number(),
    ),
    key(
        "lavalink.server.httpConfig.proxyUser",
        Kind::Text,
        "",
        |c, b| c.lavalink.http.proxy_user = b.text(),
    ),
    key(
        "lavalink.server.httpConfig.proxyPassword",
        Kind::Secret,
        "",
        |c, b| c.lavalink.http.proxy_password = b.secret(),
    ),
    key(
        "lavalink.server.timeouts.connectTimeoutMs",
        TIMEOUT,
        "3000",
        |c, b| c.lavalink.timeouts.connect = b.millis(),
    ),
    idle(
        "lavalink.server.timeouts.connectionRequestTimeoutMs",
        TIMEOUT,
        "3000",
        "outgoing connections do not queue for a place in a pool",
    ),
    key(
        "lavalink.server.timeouts.socketTimeoutMs",
        TIMEOUT,
        "3000",
        |c, b| c.lavalink.timeouts.socket = b.millis(),
    ),
    // Plugins of the JVM.
    unread("lavalink.plugins.**", Standing::JvmPlugins),
    idle(
        "lavalink.pluginsDir",
        Kind::Text,
        "./plugins",
        NO_JVM_PLUGINS,
    ),
    idle(
        "lavalink.defaultPluginRepository",
        Kind::Text,
        "https://maven.lavalink.dev/releases",
        NO_JVM_PLUGINS,
    ),
    idle(
        "lavalink.defaultPluginSnapshotRepository",
        Kind::Text,
        "https://maven.lavalink.dev/snapshots",
        NO_JVM_PLUGINS,
    ),
    unread("plugins.**", Standing::PluginBlock),
    // What is told to the outside.
    key(
        "metrics.prometheus.enabled",
        Kind::Switch,
        "false",
        |c, b| c.metrics.enabled = b.switch(),
    ),
    key(
        "metrics.prometheus.endpoint",
        Kind::Text,
        "/metrics",
        |c, b| {
            let path = b.text();
            let path = path.trim().trim_start_matches('/');
            let is_blank = path.is_empty();
            c.metrics.endpoint = format!("/{}", if is_blank { "metrics" } else { path });
            c.metrics.is_endpoint_explicit = b.explicit && !is_blank;
        },
    ),
    idle("sentry.dsn", Kind::Secret, "", NO_SENTRY),
    idle("sentry.environment", Kind::Text, "", NO_SENTRY),
    idle("sentry.tags.**", Kind::Text, "", NO_SENTRY),
    key("logging.file.path", Kind::Text, "", |c, b| {
        c.logging.file_path = b.path()
    }),
    key("logging.level.**", Kind::Choice(LEVELS), "", |c, b| {
        let level = b.choice(&LogLevel::ALL);
        c.logging.levels.insert(b.name.to_owned(), level);
    })
    .of_loggers(),
    key("logging.request.enabled", Kind::Switch, "true", |c, b| {
        c.logging.request.enabled = b.switch()
    }),
    key(
        "logging.request.includeClientInfo",
        Kind::Switch,
        "false",
        |c, b| c.logging.request.include_client_info = b.switch(),
    ),
    key(
        "logging.request.includeHeaders",
        Kind::Switch,
        "false",
        |c, b| c.logging.request.include_headers = b.switch(),
    ),
    key(
        "logging.request.includeQueryString",
        Kind::Switch,
        "true",
        |c, b| c.logging.request.include_query_string = b.switch(),
    ),
    key(
        "logging.request.includePayload",
        Kind::Switch,
        "true",
        |c, b| c.logging.request.include_payload = b.switch(),
    ),
    key(
        "logging.request.maxPayloadLength",
        whole(0, I32),
        "10000",
        |c, b| c.logging.request.max_payload_length = b.number(),
    ),
    key(
        "logging.request.beforeRequest",
        Kind::Switch,
        "false",
        |c, b| c.logging.request.before_request = b.switch(),
    ),
    key(
        "logging.logback.rollingpolicy.max-file-size",
        Kind::Size {
            min: 0,
            max: i64::MAX,
        },
        "10MB",
        |c, b| c.logging.max_file_bytes = b.number(),
    ),
    key(
        "logging.logback.rollingpolicy.max-history",
        corrected(
            0,
            MOST_LOG_FILES,
            |files| files.min(MOST_LOG_FILES),
            "each file that is closed makes the older ones move up, so there are never more",
        ),
        "7",
        |c, b| c.logging.max_history = b.number(),
    ),
    // Spring Boot.
    idle(
        "spring.cloud.config.enabled",
        Kind::Switch,
        "false",
        NO_CLOUD_CONFIG,
    ),
    idle("spring.cloud.config.name", Kind::Text, "", NO_CLOUD_CONFIG),
    idle(
        "spring.cloud.config.profile",
        Kind::Text,
        "",
        NO_CLOUD_CONFIG,
    ),
    idle("spring.cloud.config.label", Kind::Text, "", NO_CLOUD_CONFIG),
    idle(
        "spring.cloud.config.fail-fast",
        Kind::Switch,
        "false",
        NO_CLOUD_CONFIG,
    ),
    idle(
        "spring.cloud.config.username",
        Kind::Text,
        "",
        NO_CLOUD_CONFIG,
    ),
    idle(
        "spring.cloud.config.password",
        Kind::Secret,
        "",
        NO_CLOUD_CONFIG,
    ),
    unread("spring.config.import.**", Standing::Spring(NO_CLOUD_CONFIG)),
    unread("server.ssl.**", Standing::Spring(NO_TLS)),
    unread("server.**", Standing::Spring("")),
    unread("spring.**", Standing::Spring("")),
    unread("management.**", Standing::Spring("")),
    unread("logging.**", Standing::Spring("")),
    unread("info.**", Standing::Spring("")),
    unread("debug", Standing::Spring("set RUST_LOG=debug instead")),
    unread("trace", Standing::Spring("set RUST_LOG=trace instead")),
];

fn set_filter(config: &mut Config, bound: &Bound<'_>) {
    let on = bound.switch();
    config
        .lavalink
        .filters
        .switches
        .insert(bound.name.to_owned(), on);
}
