//! Owns: tests of loading as a whole.
//! Never knows: how loading is split into files.

use std::{io::Write, path::Path, time::Duration};

use super::*;

mod mistakes;
mod profiles;
mod sources;

/// A password for files that are about something else.
const PASSWORD: &str = "lavalink.server.password: not-the-well-known-one\n";

fn env(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    pairs.into_iter()
}

fn args(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    env(pairs).collect()
}

fn load_all(yaml: &str, variables: &[(&str, &str)], arguments: &[(&str, &str)]) -> Loaded {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(yaml.as_bytes()).expect("to write it");
    load(Some(file.path()), true, env(variables), &args(arguments))
}

fn of(yaml: &str) -> Loaded {
    load_all(yaml, &[], &[])
}

fn settings(yaml: &str) -> Config {
    of(&format!("{PASSWORD}{yaml}")).config.expect("no errors")
}

fn errors(yaml: &str) -> Vec<Diagnostic> {
    of(yaml).config.expect_err("errors")
}

fn texts(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|d| d.message.as_str()).collect()
}

fn place(diagnostic: &Diagnostic) -> (usize, usize) {
    match diagnostic.origin {
        Origin::File { line, column, .. } => (line, column),
        ref other => panic!("a place in the file, not {other:?}"),
    }
}

#[test]
fn three_spellings_and_dots_name_the_same_key() {
    for yaml in [
        "lavalink:\n  server:\n    playerUpdateInterval: 3",
        "lavalink:\n  server:\n    player-update-interval: 3",
        "lavalink:\n  server:\n    player_update_interval: 3",
        "lavalink.server.playerUpdateInterval: 3",
        "lavalink:\n  server.playerUpdateInterval: '3'",
    ] {
        let config = settings(yaml);
        assert_eq!(
            config.lavalink.player_update_interval,
            Duration::from_secs(3),
            "{yaml}"
        );
    }
}

#[test]
fn numeric_passwords_stay_as_written() {
    for password in ["12345", "007", "1e3", "yes", "0x10"] {
        let config = of(&format!("lavalink: {{server: {{password: {password}}}}}"))
            .config
            .expect("no errors");
        assert_eq!(config.lavalink.password.expose(), password);
    }
}

#[test]
fn environment_beats_the_file_and_arguments_beat_both() {
    let yaml = format!(
        "{PASSWORD}server: {{port: 1}}\nlavalink.server.ratelimit.ipBlocks: [192.0.2.0/24, 198.51.100.0/24]"
    );
    let loaded = load_all(
        &yaml,
        &[
            ("SERVER_PORT", "2"),
            ("LAVALINK_SERVER_FRAME_BUFFER_DURATION_MS", "1000"),
            ("LAVALINK_SERVER_FILTERS_CHANNELMIX", "false"),
            ("LAVALINK_SERVER_RATELIMIT_IP_BLOCKS_0_", "2001:db8::/64"),
            ("LOGGING_LEVEL_LAVALINK_SERVER", "debug"),
            ("SENTRY_TAGS_SOME_KEY", "x"),
        ],
        &[("server.port", "3")],
    );
    let lines: Vec<String> = loaded.effective.iter().map(ToString::to_string).collect();
    let shows = |start: &str| lines.iter().any(|line| line.starts_with(start));
    // a list is replaced whole
    assert!(shows(
        "lavalink.server.ratelimit.ipBlocks: [2001:db8::/64]  # env"
    ));
    assert!(shows(
        "sentry.tags.some.key: x  # environment variable SENTRY_TAGS_SOME_KEY; no effect"
    ));
    let config = loaded.config.expect("no errors");
    assert_eq!(config.server.port, 3);
    assert_eq!(config.lavalink.frame_buffer, Duration::from_secs(1));
    assert!(!config.lavalink.filters.is_on("channelMix"));
    assert!(config.lavalink.filters.is_on("lowPass"));
    assert_eq!(config.logging.levels["lavalink.server"], LogLevel::Debug);
}

#[test]
fn of_both_spellings_of_a_variable_the_canonical_one_wins() {
    let loaded = load_all(
        PASSWORD,
        &[
            ("LAVALINK_SERVER_PLAYER_UPDATE_INTERVAL", "7"),
            ("LAVALINK_SERVER_PLAYERUPDATEINTERVAL", "8"),
        ],
        &[],
    );
    let config = loaded.config.expect("no errors");
    assert_eq!(
        config.lavalink.player_update_interval,
        Duration::from_secs(8)
    );
}

// A container without a file, as Lavalink's Docker documentation sets one up.
#[test]
fn the_environment_alone_is_enough() {
    let missing = Path::new("no-such-folder/application.yml");
    let variables = [
        ("SERVER_PORT", "2333"),
        ("SERVER_ADDRESS", "0.0.0.0"),
        ("SERVER_HTTP2_ENABLED", "false"),
        ("LAVALINK_SERVER_PASSWORD", "not-the-well-known-one"),
        ("LAVALINK_SERVER_SOURCES_HTTP", "true"),
        ("LAVALINK_SERVER_SOURCES_LOCAL", "true"),
        ("LAVALINK_SERVER_BUFFER_DURATION_MS", "400"),
        ("LAVALINK_SERVER_FRAME_BUFFER_DURATION_MS", "5000"),
        ("LAVALINK_SERVER_OPUS_ENCODING_QUALITY", "10"),
        ("LAVALINK_SERVER_RESAMPLING_QUALITY", "LOW"),
        ("LAVALINK_SERVER_TRACK_STUCK_THRESHOLD_MS", "10000"),
        ("LAVALINK_SERVER_USE_SEEK_GHOSTING", "true"),
        ("LAVALINK_SERVER_GC_WARNINGS", "true"),
        ("LAVALINK_SERVER_HTTP_CONFIG_PROXY_HOST", "localhost"),
        ("LAVALINK_SERVER_HTTP_CONFIG_PROXY_PORT", "3128"),
        ("METRICS_PROMETHEUS_ENABLED", "true"),
        ("METRICS_PROMETHEUS_ENDPOINT", "/metrics"),
        ("SENTRY_DSN", ""),
        ("LOGGING_FILE_PATH", "./logs/"),
        ("LOGGING_LEVEL_ROOT", "INFO"),
        ("LOGGING_REQUEST_MAX_PAYLOAD_LENGTH", "10000"),
        ("LOGGING_LOGBACK_ROLLINGPOLICY_MAX_FILE_SIZE", "1GB"),
        ("PATH", "/usr/bin"),
    ];
    let loaded = load(Some(missing), false, env(&variables), &[]);
    let config = loaded.config.expect("no errors");
    assert_eq!(config.server.port, 2333);
    assert!(config.lavalink.sources.local && config.metrics.enabled);
    assert!(config.metrics.is_endpoint_explicit);
    assert_eq!(config.lavalink.http.proxy_host, "localhost");
    assert_eq!(config.logging.max_file_bytes, 1 << 30);
    assert!(
        loaded.warnings.iter().all(|w| w.level == Level::Note),
        "{:?}",
        texts(&loaded.warnings)
    );
}

#[test]
fn a_missing_file_is_an_error_only_when_it_was_named() {
    let missing = Path::new("no-such-folder/mine.yml");
    let named = load(
        Some(missing),
        true,
        env(&[("LAVALINK_SERVER_PASSWORD", "x")]),
        &[],
    );
    let found = named.config.expect_err("an error");
    assert!(found[0].message.contains("no-such-folder/mine.yml"));
    let unnamed = load(
        Some(missing),
        false,
        env(&[("LAVALINK_SERVER_PASSWORD", "x")]),
        &[],
    );
    assert!(unnamed.config.is_ok());
}

#[test]
fn without_a_password_nothing_starts() {
    for yaml in [
        "",
        "server.port: 1",
        "lavalink:\n  server:\n    password:",
        "lavalink.server.password: ''",
    ] {
        let found = errors(yaml);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0]
                .message
                .contains("lavalink.server.password is not set")
        );
        assert!(found[0].to_string().contains("LAVALINK_SERVER_PASSWORD"));
    }
}

#[test]
fn all_errors_come_at_once_with_place_and_range() {
    let found = errors(
        "server:\n  port: 70000\n  address: nowhere\nlavalink:\n  server:\n    sources: {http: maybe}\n    \
         resamplingQuality: BEST\n    ratelimit:\n      ipBlocks: [1.2.3.4/99, fine]\naudio:\n  bitrate: 1000\n",
    );
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    for (field, allowed) in [
        ("server.port", "0 to 65535"),
        ("server.address", "0.0.0.0"),
        ("lavalink.server.sources.http", "true or false"),
        ("lavalink.server.resamplingQuality", "LOW, MEDIUM, HIGH"),
        ("lavalink.server.ratelimit.ipBlocks", "192.0.2.0/24"),
        ("audio.bitrate", "6000 to 510000"),
        ("lavalink.server.password", "LAVALINK_SERVER_PASSWORD"),
    ] {
        assert!(
            shown
                .iter()
                .any(|text| text.contains(field) && text.contains(allowed)),
            "{field}: {shown:#?}"
        );
    }
    assert_eq!(found.len(), 8, "both blocks of addresses: {shown:#?}");
    let places: Vec<_> = found[..6].iter().map(place).collect();
    assert_eq!(
        places,
        [(2, 9), (3, 12), (6, 21), (7, 24), (9, 18), (9, 30)]
    );
}

#[test]
fn an_error_shows_the_line_with_a_caret() {
    let found = errors(&format!("{PASSWORD}server:\n  port: abc # why\n"));
    let shown = found[0].to_string();
    assert!(
        shown.starts_with("error: server.port: `abc` is not a whole number\n  --> "),
        "{shown}"
    );
    let excerpt = ":3:9\n  |\n3 |   port: abc # why\n  |         ^^^\n  = allowed: a whole number from 0 to 65535";
    assert!(shown.ends_with(excerpt), "{shown}");
}

#[test]
fn corrections_are_lavalinks_and_are_told() {
    let yaml = |key: &str, value: i64| format!("{PASSWORD}lavalink.server.{key}: {value}");
    let corrected = |key: &str, value: i64| {
        let loaded = of(&yaml(key, value));
        let told = texts(&loaded.warnings)
            .iter()
            .any(|text| text.contains("is taken as"));
        (loaded.config.expect("no errors").lavalink, told)
    };
    for (given, used) in [(-1, 10), (11, 10), (0, 0), (5, 5), (10, 10)] {
        let (settings, told) = corrected("opusEncodingQuality", given);
        assert_eq!(
            (i64::from(settings.opus_encoding_quality), told),
            (used, given != used)
        );
    }
    for (given, used) in [(199, 400), (200, 200), (5000, 5000), (99_999, 60_000)] {
        let (settings, told) = corrected("frameBufferDurationMs", given);
        assert_eq!(
            (settings.frame_buffer.as_millis(), told),
            (used, given as u128 != used)
        );
    }
    for (given, used) in [(99, 10_000), (100, 100)] {
        let (settings, told) = corrected("trackStuckThresholdMs", given);
        assert_eq!(
            (settings.track_stuck_threshold.as_millis(), told),
            (used, given as u128 != used)
        );
    }
    for (given, is_told) in [(1, true), (39, true), (40, false), (0, false), (400, false)] {
        assert_eq!(corrected("bufferDurationMs", given).1, is_told, "{given}");
    }
}

#[test]
fn unknown_keys_warn_with_the_nearest_and_the_place() {
    let loaded = of(&format!(
        "{PASSWORD}lavalink:\n  server:\n    playerUpdateIntervall: 3\nserver:\n  prot: 1\n  wombat: 2\nzebra: 1\n"
    ));
    assert!(loaded.config.is_ok());
    assert_eq!(
        texts(&loaded.warnings),
        [
            "unknown key `lavalink.server.playerUpdateIntervall`; did you mean `lavalink.server.playerUpdateInterval`?",
            "unknown key `server.prot`; did you mean `server.port`?",
            "server.wombat is a Spring key without effect here",
            "unknown key `zebra`; it is ignored",
        ]
    );
    assert_eq!(place(&loaded.warnings[0]), (4, 5));
}

#[test]
fn unknown_variables_warn_only_where_they_are_meant_for_us() {
    let loaded = load_all(
        PASSWORD,
        &[
            ("LAVALINK_SERVER_RATELIMIT_EXCLUDE_IPS", "x"),
            ("AUDIO_BITRAT", "x"),
            ("AUDIO_DRIVER", "x"),
            ("VOICE_LANGUAGE", "x"),
            ("LAVALINK_PORT", "tcp://10.0.0.1:2333"),
            ("LAVALINK_SERVICE_HOST", "10.0.0.1"),
            ("SPRING_PROFILES_ACTIVE", "x"),
        ],
        &[],
    );
    assert_eq!(
        texts(&loaded.warnings),
        [
            "AUDIO_BITRAT matches no key; did you mean AUDIO_BITRATE?",
            "LAVALINK_SERVER_RATELIMIT_EXCLUDE_IPS matches no key; did you mean LAVALINK_SERVER_RATELIMIT_EXCLUDEDIPS?",
        ]
    );
}

#[test]
fn servers_are_named_by_urls() {
    let with = |youtube: &str| of(&format!("{PASSWORD}plugins:\n  youtube: {youtube}\n"));
    let loaded = with("{remoteCipher: {url: 'http://localhost:8001/x'}, pot: {provider: ''}}");
    assert!(loaded.warnings.is_empty());
    let youtube = loaded.config.expect("settings").youtube;
    let url = youtube.cipher_url.map(String::from);
    assert_eq!(url.as_deref(), Some("http://localhost:8001/x"));
    assert_eq!(youtube.pot_provider, None);
    for wrong in [
        "localhost:8001",
        "ftp://host",
        "http://user:word@host",
        "http://",
    ] {
        let loaded = with(&format!("{{pot: {{provider: '{wrong}'}}}}"));
        let errors = loaded.config.expect_err(wrong);
        let wanted = "plugins.youtube.pot.provider: it is no URL of a server that begins with http:// or https://";
        assert_eq!(texts(&errors), [wanted]);
    }
}

#[test]
fn blocks_of_plugins_and_of_spring_never_stop_the_node() {
    let loaded = of(&format!(
        "{PASSWORD}plugins:\n  youtube: {{enabled: true, clients: [MUSIC]}}\n  other: {{token: geheim}}\n  lavasrc:\n    spotify: {{clientSecret: geheim}}\n\
         lavalink:\n  plugins:\n    - dependency: a:b:1\n    - dependency: c:d:2\n\
         server:\n  ssl: {{enabled: true, key-store-password: geheim}}\nspring:\n  application: {{name: x}}\n\
         management: {{server: {{port: 9}}}}\nlogging:\n  pattern: {{console: '%m'}}\n"
    ));
    assert!(loaded.config.is_ok());
    assert_eq!(
        texts(&loaded.warnings),
        [
            "lavalink.plugins: plugins of the JVM cannot be loaded by this node; what is built in instead stands in the README",
            "server.ssl is a Spring key without effect here: this node speaks plain HTTP; put a proxy in front of it for TLS",
            "spring.application is a Spring key without effect here",
            "management is a Spring key without effect here",
            "logging.pattern is a Spring key without effect here",
            "plugin block other is not used by this version",
        ]
    );
    assert!(!format!("{:?}", loaded.warnings).contains("geheim"));
}

/// The example of the plugin (reference, 5.3).
#[test]
fn the_block_of_the_youtube_plugin_is_read() {
    let loaded = of(&format!(
        "{PASSWORD}lavalink.server.sources.youtube: false\n\
         plugins:\n  youtube:\n    allowSearch: false\n    allowDirectVideoIds: false\n    allowDirectPlaylistIds: false\n\
        \u{20}   clients: [MUSIC, ANDROID_VR]\n    clientOptions:\n      ANDROID_VR: {{playback: false, searching: true}}\n"
    ));
    assert_eq!(texts(&loaded.warnings), [""; 0]);
    let youtube = loaded.config.expect("it is valid").youtube;
    assert_eq!((youtube.is_on, youtube.plugin), (false, Some(true)));
    assert!(!youtube.allow_search && !youtube.allow_video_ids && !youtube.allow_playlist_ids);
    let clients = ["MUSIC", "ANDROID_VR"].map(str::to_owned);
    assert_eq!(youtube.clients.as_deref(), Some(&clients[..]));
    let options: Vec<_> = youtube.client_options.into_iter().collect();
    let options = options
        .iter()
        .map(|(name, on)| (&**name, *on))
        .collect::<Vec<_>>();
    assert_eq!(
        options,
        [
            ("ANDROID_VR.playback", false),
            ("ANDROID_VR.searching", true)
        ]
    );
    let off = of(&format!(
        "{PASSWORD}plugins.youtube: {{enabled: false, allowSearch: true}}\n"
    ));
    assert_eq!(off.config.expect("it is valid").youtube.plugin, Some(false));
}

#[test]
fn secrets_are_in_no_message_excerpt_or_debug_output() {
    let yaml = "lavalink:\n  server:\n    password: [hunter2]\n    passwrod: hunter2\n    httpConfig: {proxyPassword: hunter2, proxyPort: x}\n\
                audio.bitrate: ${lavalink.server.httpConfig.proxyPassword}\nplugins: {a: {token: hunter2}}\nsentry.dsn: 'hunter2\n  more'\n";
    let loaded = load_all(
        yaml,
        &[("LAVALINK_SERVER_YOUTUBECONFIG_PASSWORD", "hunter2")],
        &[],
    );
    let mut all = format!("{:?}", loaded.warnings);
    for diagnostic in loaded
        .config
        .as_ref()
        .expect_err("errors")
        .iter()
        .chain(&loaded.warnings)
    {
        all.push_str(&diagnostic.to_string());
    }
    assert!(!all.contains("hunter2"), "{all}");
    let good = of("lavalink.server.password: hunter2");
    assert!(!format!("{good:?}").contains("hunter2"));
    let derived = of(
        "lavalink.server.password: hunter2\nmetrics.prometheus.endpoint: /${lavalink.server.password}\n",
    );
    assert!(derived.config.is_ok());
    assert!(!format!("{:?}", derived.effective).contains("hunter2"));
    let broken = errors("lavalink:\n  server:\n    password: \"hunter2\n  port: 1\n");
    assert!(
        !broken
            .iter()
            .map(ToString::to_string)
            .collect::<String>()
            .contains("hunter2")
    );
}

#[test]
fn placeholders_take_variables_keys_and_defaults() {
    let loaded = load_all(
        "lavalink.server.password: ${SECRET_OF_MINE}\nserver.port: ${PORT:2333}\nmetrics.prometheus.endpoint: /m${server.port}\n",
        &[("SECRET_OF_MINE", "geheim")],
        &[],
    );
    let config = loaded.config.expect("no errors");
    assert_eq!(config.lavalink.password.expose(), "geheim");
    assert_eq!(config.server.port, 2333);
    assert_eq!(config.metrics.endpoint, "/m2333");
    let found = errors("lavalink.server.password: ${NOT_SET}\n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].message.contains("${NOT_SET}"));
}

#[test]
fn our_own_keys_are_read() {
    let mut roots = tempfile::NamedTempFile::new().expect("a temporary file");
    let pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    roots.write_all(pem).expect("to write it");
    let config = settings(&format!(
        "voice.caFile: '{}'\n{}",
        roots.path().display(),
        "audio: {bitrate: 128k, workers: 3, timescalePosition: output}\nvoice: {plaintext: yes, pacers: 2, realtime: off}\n\
         limits: {bodyBytes: 1MB, connections: 7, requestTimeoutMs: 1000}\n\
         lavalink.server: {localRoots: [/music, /more], httpConfig: {blockPrivateAddresses: on}}\n",
    ));
    assert_eq!(config.audio.bitrate, Bitrate::Fixed(128_000));
    assert_eq!((config.audio.workers, config.voice.pacers), (3, 2));
    assert_eq!(
        config.audio.timescale_position,
        crate::dsp::TimescalePosition::Output
    );
    assert_eq!(config.voice.ca_file.as_deref(), Some(roots.path()));
    assert!(config.voice.plaintext && !config.voice.realtime);
    assert_eq!(
        (config.limits.body_bytes, config.limits.connections),
        (1 << 20, 7)
    );
    assert_eq!(config.limits.request_timeout, Duration::from_secs(1));
    assert_eq!(
        config.lavalink.local_roots.map(|roots| roots.len()),
        Some(2)
    );
    assert!(config.lavalink.http.block_private_addresses);
}

// Reference section 5.2, column "Default"; our own keys as the shipped file has them.
#[test]
fn defaults_are_lavalinks() {
    let config = Config::default();
    let limit = &config.lavalink.rate_limit;
    assert_eq!((limit.search_triggers_fail, limit.retry_limit), (true, -1));
    assert!(limit.plan().expect("possible").is_none());
    assert_eq!(config.server.port, 8080);
    assert_eq!(config.server.address.0.to_string(), "0.0.0.0");
    let sources = &config.lavalink.sources;
    assert!(sources.http && !sources.local);
    assert!(config.lavalink.filters.off().next().is_none());
    assert_eq!(config.lavalink.filters.switches.len(), 10);
    assert_eq!(config.lavalink.frame_buffer, Duration::from_millis(400));
    assert_eq!(config.lavalink.opus_encoding_quality, 10);
    assert_eq!(
        config.lavalink.track_stuck_threshold,
        Duration::from_secs(10)
    );
    assert_eq!(
        config.lavalink.player_update_interval,
        Duration::from_secs(5)
    );
    assert_eq!(config.lavalink.timeouts.connect, Duration::from_secs(3));
    assert_eq!(config.lavalink.local_roots, None);
    assert_eq!(config.metrics.endpoint, "/metrics");
    assert!(!config.metrics.enabled && !config.metrics.is_endpoint_explicit);
    assert_eq!(config.logging.request.max_payload_length, 10_000);
    assert_eq!(config.audio.bitrate, Bitrate::Auto);
    assert!(config.voice.realtime && !config.voice.plaintext);
    assert_eq!(config.limits.body_bytes, 32 << 20);
    assert_eq!(config.limits.request_timeout, Duration::from_secs(30));
}

#[test]
fn documents_for_a_profile_are_skipped_and_others_merged() {
    let loaded = of(&format!(
        "{PASSWORD}server.port: 1\n---\nserver.address: 127.0.0.1\n---\nspring.config.activate.on-profile: dev\nserver.port: 9\n"
    ));
    let config = loaded.config.expect("no errors");
    assert_eq!(
        (config.server.port, config.server.address.0.is_loopback()),
        (1, true)
    );
    assert!(texts(&loaded.warnings)[0].contains("profile"));
}

#[test]
fn files_beyond_the_limits_are_refused_with_a_reason() {
    let large = format!("{PASSWORD}# {}", "x".repeat(1024 * 1024));
    assert!(errors(&large)[0].message.contains("1 MiB"));
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(b"a: 1\nb: \xff\n").expect("to write it");
    let loaded = load(Some(file.path()), true, env(&[]), &[]);
    assert!(
        loaded.config.expect_err("an error")[0]
            .message
            .starts_with("line 2 ")
    );
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let loaded = of("\u{feff}lavalink.server.password: x\r\nserver:\r\n  port: 7\r\n");
    assert_eq!(loaded.config.expect("no errors").server.port, 7);
}

// Every key that the original's example names, at its value there (Lavalink 4.2).
#[test]
fn the_configuration_of_the_java_server_starts_this_one() {
    let loaded = of(include_str!("../../tests/data/config/java-server.yml"));
    let config = loaded.config.expect("no errors");
    assert_eq!(config.server.port, 2333);
    assert_eq!(config.lavalink.frame_buffer, Duration::from_secs(5));
    assert_eq!(config.logging.max_history, 30);
    let loud: Vec<_> = loaded
        .warnings
        .iter()
        .filter(|w| w.level != Level::Note)
        .map(|w| w.message.as_str())
        .collect();
    assert_eq!(
        loud,
        [
            "lavalink.server.password is that of Lavalink's example, which everybody knows; change it: the node listens \
             on 0.0.0.0, which other machines can reach",
        ]
    );
}

#[test]
fn the_shipped_file_says_nothing_wrong() {
    let loaded = of(include_str!("../../application.yml"));
    let config = loaded.config.expect("no errors");
    assert_eq!(config.lavalink.password.expose(), "youshallnotpass");
    assert_eq!(config.server.port, 2333);
    // that the password is to be changed stands beside it, too
    let told = texts(&loaded.warnings);
    assert!(
        matches!(told[..], [only] if only.contains("everybody knows")),
        "{told:?}"
    );
}

#[test]
fn the_shipped_file_mentions_every_key_that_applies() {
    let shipped = include_str!("../../application.yml");
    let applies = |key: &&schema::Key| {
        key.is_read() && !matches!(key.standing, schema::Standing::NoEffect(_))
    };
    for key in schema::TABLE.iter().filter(applies) {
        let is_there = shipped.lines().any(|line| {
            let line = line.trim_start().trim_start_matches(['#', ' ']);
            line.starts_with(&format!("{}:", key.last()))
        });
        assert!(is_there, "{}", key.path);
    }
}

// README.md, "Configuration", names these.
#[test]
fn the_shipped_file_differs_from_the_defaults_where_the_readme_says_so() {
    let loaded = of(include_str!("../../application.yml"));
    let default = |path: &str| {
        let key = schema::TABLE.iter().find(|key| key.path == path);
        key.map_or("", |key| key.default)
    };
    let differs: Vec<_> = loaded
        .effective
        .iter()
        .filter(|line| !matches!(line.origin, None | Some(Origin::Default(_))))
        .filter(|line| line.value != default(&line.path))
        .map(|line| line.path.as_str())
        .collect();
    assert_eq!(
        differs,
        [
            "server.port",
            "lavalink.server.password",
            "logging.file.path",
            "logging.level.lavalink",
            "logging.level.root",
            "logging.request.includeClientInfo",
            "logging.logback.rollingpolicy.max-file-size",
            "logging.logback.rollingpolicy.max-history",
        ]
    );
}

#[test]
fn every_secret_of_the_table_is_masked_in_excerpts() {
    for key in schema::TABLE.iter() {
        if matches!(key.kind, value::Kind::Secret) {
            assert!(name::is_secret(key.last()), "{}", key.path);
        }
    }
}

#[test]
fn levels_of_unknown_loggers_are_told_to_have_no_effect() {
    let loaded = of(&format!(
        "{PASSWORD}logging.level: {{root: WARN, lavalink.server.io: DEBUG, org.springframework: ERROR}}\n"
    ));
    assert_eq!(
        texts(&loaded.warnings),
        [
            "logging.level.org.springframework has no effect here: no part of this program logs under that name"
        ]
    );
    let idle: Vec<_> = loaded
        .effective
        .iter()
        .filter(|line| line.path.starts_with("logging.level") && line.no_effect.is_some())
        .map(|line| line.path.as_str())
        .collect();
    assert_eq!(idle, ["logging.level.org.springframework"]);
}

#[test]
fn no_more_log_files_are_kept_than_can_be_renamed_in_a_moment() {
    let loaded = of(&format!(
        "{PASSWORD}logging.logback.rollingpolicy.max-history: 2147483647\n"
    ));
    assert_eq!(loaded.config.expect("no errors").logging.max_history, 1000);
    assert!(texts(&loaded.warnings)[0].contains("is taken as 1000"));
}

#[test]
fn check_config_lists_every_key_with_its_origin() {
    let loaded = load_all(PASSWORD, &[("SERVER_PORT", "7")], &[]);
    let lines: Vec<String> = loaded.effective.iter().map(ToString::to_string).collect();
    assert!(lines.contains(&"server.port: 7  # environment variable SERVER_PORT".to_owned()));
    assert!(lines.contains(&"server.address: 0.0.0.0  # default".to_owned()));
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("lavalink.server.password: ***  # "))
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains("gc-warnings") && line.contains("no effect here"))
    );
}
