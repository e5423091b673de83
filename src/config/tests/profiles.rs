//! Owns: what defaults by build and by profile are held to.
//! Never knows: what the numbers do.

use super::*;
use profile::{BUILD, Build, ROWS, picks};

const SERVER: Build = Build {
    is_arm: false,
    is_low_memory: false,
};
const EMBEDDED: Build = Build {
    is_arm: true,
    is_low_memory: true,
};

fn picked(
    build: Build,
    chosen: Option<Profile>,
    path: &str,
) -> Option<(&'static str, &'static str)> {
    let mut all = picks(build, chosen).filter(|pick| pick.path == path);
    all.next().map(|pick| (pick.value, pick.of))
}

fn key_of(path: &str) -> &'static schema::Key {
    &schema::TABLE[schema::row_of(path)]
}

#[test]
fn every_number_is_one_of_its_key_that_changes_something() {
    for row in ROWS {
        let key = key_of(row.path);
        for cell in [row.arm, row.low_memory, row.stable, row.conservative] {
            if !cell.is_empty() {
                let read = key.kind.read(cell).expect(row.path);
                assert!(read.corrected.is_none(), "{}: {cell}", row.path);
                assert_ne!(cell, key.default, "{}", row.path);
            }
        }
    }
}

#[test]
fn no_key_has_two_rows() {
    let mut paths: Vec<_> = ROWS.iter().map(|row| row.path).collect();
    paths.sort_unstable();
    assert!(paths.windows(2).all(|two| two[0] != two[1]));
}

#[test]
fn a_server_has_the_numbers_of_the_table_and_so_has_the_profile_for_high_performance() {
    assert_eq!(picks(SERVER, None).count(), 0);
    assert_eq!(picks(EMBEDDED, Some(Profile::HighPerformance)).count(), 0);
}

#[test]
fn little_memory_is_stronger_than_a_slow_processor_and_a_profile_than_both() {
    let ring = "lavalink.server.frameBufferDurationMs";
    let complexity = "lavalink.server.opusEncodingQuality";
    assert_eq!(picked(EMBEDDED, None, ring), Some(("200", "low-memory")));
    assert_eq!(
        picked(EMBEDDED, None, complexity),
        Some(("5", "arm-optimizations"))
    );
    for build in [SERVER, EMBEDDED] {
        let stable = Some(("1000", "arm.profile stable"));
        assert_eq!(picked(build, Some(Profile::Stable), ring), stable);
        let conservative = Some(("0", "arm.profile conservative"));
        assert_eq!(
            picked(build, Some(Profile::Conservative), complexity),
            conservative
        );
    }
}

#[test]
fn what_a_profile_picks_is_in_force_unless_somebody_wrote_the_key() {
    let yaml = format!(
        "{PASSWORD}arm.profile: conservative\n\
         lavalink.server.opusEncodingQuality: 10\n\
         resolve.cache.entries:\n"
    );
    let loaded = load_all(&yaml, &[("AUDIO_WORKERS", "3")], &[]);
    let config = loaded.config.expect("no errors");
    assert_eq!(config.profile, Some(Profile::Conservative));
    // written, also where the default is what was written
    assert_eq!(config.lavalink.opus_encoding_quality, 10);
    assert_eq!(config.audio.workers, 3);
    // not written, or with nothing behind the colon
    assert_eq!(config.lavalink.frame_buffer, Duration::from_millis(200));
    assert_eq!(config.resolve_cache.entries, 500);
    let lines: Vec<String> = loaded.effective.iter().map(ToString::to_string).collect();
    for line in [
        "lavalink.server.frameBufferDurationMs: 200  # default of arm.profile conservative",
        "audio.workers: 3  # environment variable AUDIO_WORKERS",
    ] {
        assert!(lines.contains(&line.to_owned()), "{line}");
    }
}

#[test]
fn without_a_profile_the_build_decides() {
    let loaded = of(PASSWORD);
    let picked: Vec<_> = picks(BUILD, None).collect();
    for pick in &picked {
        let line = format!("{}: {}  # default of {}", pick.path, pick.value, pick.of);
        let shown = |it: &Effective| it.to_string() == line;
        assert!(loaded.effective.iter().any(shown), "{line}");
    }
    let mut server = Config::default();
    for pick in &picked {
        schema::set_default(&mut server, key_of(pick.path), pick.value);
    }
    server.lavalink.password = crate::units::Secret::new("not-the-well-known-one");
    assert_eq!(loaded.config.expect("no errors"), server);
}

#[test]
fn every_way_to_say_it_is_understood_and_an_unknown_one_names_the_three() {
    for text in ["arm.profile: STABLE", "arm: {profile: stable}"] {
        assert_eq!(settings(text).profile, Some(Profile::Stable), "{text}");
    }
    let loaded = load_all(PASSWORD, &[("ARM_PROFILE", "high-performance")], &[]);
    let config = loaded.config.expect("no errors");
    assert_eq!(config.profile, Some(Profile::HighPerformance));
    let refused = errors(&format!("{PASSWORD}arm.profile: fast\n"));
    assert!(refused[0].message.contains("arm.profile"));
    assert_eq!(
        refused[0].allowed.as_deref(),
        Some("one of high-performance, stable, conservative")
    );
}

// Whoever takes the shipped file has written what stands in it: then no profile could pick anything.
#[test]
fn the_shipped_file_leaves_to_the_profile_what_it_picks() {
    let loaded = of(include_str!("../../../application.yml"));
    for row in ROWS {
        let line = loaded.effective.iter().find(|line| line.path == row.path);
        let origin = line.and_then(|line| line.origin.clone());
        assert!(
            matches!(origin, None | Some(Origin::Default(_))),
            "{}",
            row.path
        );
    }
}

#[test]
fn the_readme_has_the_same_table() {
    let readme = include_str!("../../../README.md");
    let shown = |cell: &str| match cell {
        "" => "–".to_owned(),
        cell => format!("`{cell}`"),
    };
    for row in ROWS {
        let cells = [
            key_of(row.path).default,
            row.arm,
            row.low_memory,
            row.stable,
            row.conservative,
        ];
        let line = format!("| `{}` | {} |", row.path, cells.map(shown).join(" | "));
        assert!(readme.lines().any(|it| it == line), "{line}");
    }
}
