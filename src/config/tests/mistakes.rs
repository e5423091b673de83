//! Owns: tests of what is told about mistakes, and of what is not told because it would be untrue or useless.
//! Never knows: how loading is split into files.

use super::*;

fn arguments(pairs: &[(&str, &str)]) -> Loaded {
    load_all(PASSWORD, &[], pairs)
}

fn variables(pairs: &[(&str, &str)]) -> Loaded {
    load_all(PASSWORD, pairs, &[])
}

/// A file with this text, and its path as a value.
fn file_with(text: &str) -> (tempfile::NamedTempFile, String) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("to write it");
    let path = file.path().display().to_string();
    (file, path)
}

#[test]
fn a_rejected_configuration_has_no_values_in_force() {
    let loaded = load_all(PASSWORD, &[], &[("server.port", "233300")]);
    assert!(loaded.config.is_err());
    assert_eq!(loaded.effective, []);
}

#[test]
fn what_a_file_that_cannot_be_read_would_have_said_is_not_missed() {
    for (yaml, wrong) in [
        ("lavalink:\n\tserver:\n    password: x\n", "tabs"),
        ("lavalink:\n  server:\n    password: \"x\n", "YAML"),
        (
            "lavalink: {}\nlavalink: {server: {password: x}}\n",
            "duplicate",
        ),
        ("lavalink.server.password=x\n", "does not hold keys"),
        ("lavalink: [{server: {password: x}}]\n", "is a section"),
    ] {
        let found = errors(yaml);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].message.contains(wrong), "{found:#?}");
    }
    let missing = Path::new("no-such-folder/mine.yml");
    let loaded = load(Some(missing), true, env(&[("SERVER_PORT", "x")]), &[]);
    let found = loaded.config.expect_err("errors");
    assert_eq!(found.len(), 2, "the file and the variable: {found:#?}");
}

#[test]
fn a_file_of_certificates_must_hold_one() {
    let (_empty, empty) = file_with("no certificate\n");
    let (_broken, broken) = file_with("-----BEGIN CERTIFICATE-----\nAAAA\n");
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().display().to_string();
    for (path, wrong) in [
        ("/no/such/file.pem", "cannot be read"),
        (&folder, "cannot be read"),
        (&empty, "holds no certificate"),
        (&broken, "holds no certificate"),
    ] {
        let loaded = arguments(&[("voice.caFile", path)]);
        let found = loaded.config.expect_err("an error");
        assert_eq!(found.len(), 1, "{found:#?}");
        let message = &found[0].message;
        let begin = format!("voice.caFile: `{path}` ");
        assert!(message.starts_with(&begin), "{message}");
        assert!(message.contains(wrong), "{message}");
        assert_eq!(found[0].origin, Origin::Argument("voice.caFile".into()));
    }
    let derived = arguments(&[("voice.caFile", "/${lavalink.server.password}")]);
    let found = derived.config.expect_err("an error");
    assert!(
        found[0].message.starts_with("voice.caFile: `***` "),
        "{found:?}"
    );
}

#[test]
fn roots_that_confine_nothing_are_told() {
    let (_file, file) = file_with("");
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().display().to_string();
    let told = |is_on: &str, roots: &str| {
        let loaded = arguments(&[
            ("lavalink.server.sources.local", is_on),
            ("lavalink.server.localRoots", roots),
        ]);
        assert!(loaded.config.is_ok());
        texts(&loaded.warnings).join("\n")
    };
    assert_eq!(told("true", &folder), "");
    assert_eq!(
        told("true", &format!("{folder},/no/such/folder,{file}")),
        format!(
            "lavalink.server.localRoots: `/no/such/folder` is not a directory; no file lies in it\n\
             lavalink.server.localRoots: `{file}` is not a directory; no file lies in it"
        )
    );
    assert_eq!(
        told("false", "/no/such/folder"),
        "lavalink.server.localRoots has no effect while lavalink.server.sources.local is false"
    );
}

#[test]
fn a_mistyped_argument_is_answered_as_in_the_file() {
    for (key, told) in [
        (
            "server.prt",
            "unknown key `server.prt`; did you mean `server.port`?",
        ),
        (
            "lavalink.server.wombat",
            "unknown key `lavalink.server.wombat`; it is ignored",
        ),
        (
            "server.wombat",
            "server.wombat is a Spring key without effect here",
        ),
    ] {
        let in_file = of(&format!("{PASSWORD}{key}: 1\n"));
        assert_eq!(texts(&in_file.warnings), [told]);
        assert_eq!(texts(&arguments(&[(key, "1")]).warnings), [told]);
    }
    let section = arguments(&[("lavalink.server", "x")]);
    let found = section.config.expect_err("an error");
    assert_eq!(texts(&found), ["lavalink.server is a section, not a value"]);
}

#[test]
fn a_mistyped_variable_is_told_when_it_can_hardly_be_another_programs() {
    let told = |name: &str| variables(&[(name, "1")]).warnings.pop().map(|w| w.message);
    for (name, meant) in [
        ("SERVER_PRT", "SERVER_PORT"),
        ("LOGGING_FILE_PAHT", "LOGGING_FILE_PATH"),
        ("METRICS_PROMETHEUS_ENABLE", "METRICS_PROMETHEUS_ENABLED"),
    ] {
        let expected = format!("{name} matches no key; did you mean {meant}?");
        assert_eq!(told(name), Some(expected));
    }
    for others in ["SERVER_HOST", "SERVER_NAME", "LOGGING_DIR", "SERVE_PORT"] {
        assert_eq!(told(others), None, "{others}");
    }
}

#[test]
fn the_log_at_start_has_a_line_for_each_matter_the_gravest_first() {
    let lines = |yaml: &str| {
        let told = in_brief(&of(yaml).warnings).into_iter();
        told.map(|brief| (brief.level, brief.text))
            .collect::<Vec<_>>()
    };
    let java = include_str!("../../../tests/data/config/java-server.yml");
    let java = java.replace("youshallnotpass", "not-the-well-known-one");
    let idle = "keys without effect here (check-config says why): lavalink.server.nonAllocatingFrameBuffer, \
                lavalink.server.bufferDurationMs, lavalink.server.gc-warnings, \
                lavalink.server.timeouts.connectionRequestTimeoutMs, sentry.dsn, sentry.environment";
    assert_eq!(lines(&java), [(Level::Note, idle.to_owned())]);
    let mixed = lines(&format!(
        "{PASSWORD}server:\n  prot: 1\n  wombat: 1\n  ssl: {{enabled: true}}\n  \"a\\nb\": 1\nplugins: {{x: {{y: 1}}}}\n"
    ));
    let texts: Vec<&str> = mixed.iter().map(|(_, text)| text.as_str()).collect();
    assert!(texts[0].starts_with("unknown key `server.prot`; did you mean `server.port`? (/"));
    assert!(texts[0].ends_with(":3:3)"), "{texts:?}");
    assert!(texts[1].starts_with("server.ssl is a Spring key without effect here: this node"));
    assert_eq!(
        texts[2..],
        [
            "keys without effect here (check-config says why): server.wombat, server.a\u{fffd}b, plugins.x"
        ]
    );
}

#[test]
fn a_size_is_shown_alike_wherever_it_comes_from() {
    let shown = |key: &str, text: &str| {
        let loaded = arguments(&[(key, text)]);
        let line = loaded.effective.into_iter().find(|line| line.path == key);
        line.map(|line| line.value).expect("the key")
    };
    let log = "logging.logback.rollingpolicy.max-file-size";
    for (written, value) in [
        ("1GB", "1GB"),
        ("1073741824", "1GB"),
        ("10240KB", "10MB"),
        ("1536", "1536"),
        ("0", "0"),
    ] {
        assert_eq!(shown(log, written), value);
    }
    assert_eq!(shown("limits.bodyBytes", "33554432"), "32MB");
}

#[test]
fn a_value_is_shown_alike_as_default_and_as_written() {
    for default in of(PASSWORD).effective {
        let is_set = default.origin.is_some() || default.value.is_empty();
        if is_set || default.path.ends_with("localRoots") {
            continue;
        }
        let written = arguments(&[(&default.path, &default.value)]).effective;
        let written = written.iter().find(|line| line.path == default.path);
        assert_eq!(
            written.map(|w| &w.value),
            Some(&default.value),
            "{}",
            default.path
        );
    }
}

#[test]
fn the_password_of_the_example_is_told_where_others_reach_the_port() {
    let yaml = "lavalink.server.password: youshallnotpass\nserver.address: ";
    let told = |address: &str| {
        let loaded = of(&format!("{yaml}'{address}'\n"));
        assert!(loaded.config.is_ok());
        texts(&loaded.warnings).concat()
    };
    for open in ["", "192.0.2.1", "::"] {
        let told = told(open);
        assert!(told.contains("lavalink.server.password"), "{open}: {told}");
        assert!(told.contains("everybody knows"), "{open}: {told}");
    }
    for closed in ["127.0.0.1", "::1", "localhost"] {
        assert_eq!(told(closed), "");
    }
}
