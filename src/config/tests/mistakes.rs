//! Owns: tests of what is told about mistakes, and of what is not told because it would be untrue or useless.
//! Never knows: how loading is split into files.

use super::*;

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
