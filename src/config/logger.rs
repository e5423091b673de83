//! Owns: which parts of this program the names below `logging.level` stand for: Lavalink's loggers, and our own modules.
//! Never knows: levels, and where lines go.

/// Everything, libraries too.
pub const ROOT: &str = "root";

/// Why a level is not taken.
pub(super) const UNKNOWN: &str = "no part of this program logs under that name";

/// Our modules by path.
const OURS: &str = "lavalink_rust";

/// Packages of the original, and what does their work here.
const PACKAGES: &[(&str, &[&str])] = &[
    ("lavalink", &[OURS]),
    ("lavalink.server", &[OURS]),
    ("lavalink.server.config", &["lavalink_rust::cli"]),
    (
        "lavalink.server.io",
        &["lavalink_rust::server", "lavalink_rust::session"],
    ),
    (
        "lavalink.server.io.RequestLoggingFilter",
        &["lavalink_rust::server::log"],
    ),
    (
        "lavalink.server.player",
        &["lavalink_rust::session", "lavalink_rust::playback"],
    ),
    (
        "com.sedmelluq.discord.lavaplayer",
        &[
            "lavalink_rust::media",
            "lavalink_rust::net",
            "lavalink_rust::playback",
        ],
    ),
    ("moe.kyokobot.koe", &["lavalink_rust::output::voice"]),
];

/// The modules whose lines a logger's level decides about, by path; none for [`ROOT`], whose level is that of all without
/// one of their own. `None`: the name means nothing here. Case does not count, as variables have none.
#[must_use]
pub fn modules(logger: &str) -> Option<Vec<String>> {
    if logger.eq_ignore_ascii_case(ROOT) {
        return Some(Vec::new());
    }
    let package = PACKAGES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(logger));
    if let Some((_, modules)) = package {
        return Some(modules.iter().map(ToString::to_string).collect());
    }
    let path = logger.replace("::", ".");
    let mut segments = path.split('.');
    let is_ours = segments.next() == Some(OURS)
        && segments
            .all(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    is_ours.then(|| vec![path.replace('.', "::")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn loggers_of_the_original_are_found_and_foreign_ones_are_not() {
        assert_eq!(modules("ROOT"), Some(Vec::new()));
        assert_eq!(modules("lavalink"), Some(vec![OURS.into()]));
        assert_eq!(
            modules("lavalink.server.io.requestloggingfilter"),
            Some(vec!["lavalink_rust::server::log".into()])
        );
        for own in ["lavalink_rust::output::voice", "lavalink_rust.output.voice"] {
            assert_eq!(
                modules(own),
                Some(vec!["lavalink_rust::output::voice".into()])
            );
        }
        for foreign in [
            "org.springframework.web",
            "lavalink.server.bootstrap",
            "lavalinkx",
            "lavalink_rust::",
            "lavalink_rust=trace,davey",
            "",
        ] {
            assert_eq!(modules(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn every_module_of_the_table_exists() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for module in PACKAGES.iter().flat_map(|(_, modules)| *modules) {
            let path = module.trim_start_matches(OURS).replace("::", "/");
            let path = src.join(path.trim_start_matches('/'));
            assert!(
                path.is_dir() || path.with_extension("rs").is_file(),
                "{module}"
            );
        }
    }
}
