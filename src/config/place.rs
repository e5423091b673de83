//! Owns: which row of the table a path or an environment variable belongs to, and which key a wrong one probably means.
//! Never knows: values.

use super::{
    name,
    nearest::nearest,
    schema::{Key, Standing, TABLE},
    value::Kind,
};

/// What a path is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// A key of the table.
    Key(Place),
    /// The beginning of keys.
    Section,
    /// Nothing that the table lists.
    Unknown,
}

/// A key of the table, and what its wildcards and index stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Index into [`TABLE`].
    pub row: usize,
    /// What stood for the wildcard, as written, joined by dots; otherwise the last segment of the row's path.
    pub name: String,
    /// The item of a list.
    pub index: Option<usize>,
}

impl Place {
    pub(super) fn key(&self) -> &'static Key {
        &TABLE[self.row]
    }

    /// The path in Lavalink's spelling.
    pub(super) fn path(&self) -> String {
        let key = self.key();
        if key.is_family() && !self.name.is_empty() {
            format!("{}.{}", key.stem(), self.name)
        } else {
            key.stem().to_owned()
        }
    }
}

/// Finds what a path of segments, as written, is.
pub(super) fn find(written: &[String]) -> Match {
    let path: Vec<String> = written
        .iter()
        .map(|segment| name::uniform(segment))
        .collect();
    if let Some(place) = exact(&path, &path) {
        return Match::Key(place);
    }
    let begins = |key: &Key| {
        let segments = key.segments();
        let is_parent = segments.len() > path.len() && segments.starts_with(&path);
        let holds_blocks = key.is_read() || key.standing == Standing::PluginBlock;
        is_parent || (key.is_family() && holds_blocks && segments == path)
    };
    if path.is_empty() || TABLE.iter().any(begins) {
        return Match::Section;
    }
    family(&path, written).map_or(Match::Unknown, Match::Key)
}

/// Whether there are keys with a value below a path.
pub(super) fn has_keys(path: &[&str]) -> bool {
    let path: Vec<String> = path.iter().map(|segment| name::uniform(segment)).collect();
    let mut read = TABLE.iter().filter(|key| key.is_read());
    read.any(|key| key.segments().starts_with(&path))
}

/// A row without a wildcard, or an item of its list.
fn exact(path: &[String], written: &[String]) -> Option<Place> {
    let place = |path: &[String], index: Option<usize>| {
        let row = TABLE.iter().position(|key| {
            let is_list = matches!(key.kind, Kind::List(_));
            !key.is_family() && (index.is_none() || is_list) && key.segments() == path
        })?;
        Some(Place {
            row,
            name: TABLE[row].last().to_owned(),
            index,
        })
    };
    place(path, None).or_else(|| {
        let (last, front) = path.split_last()?;
        let index = written.last()?.parse().ok().filter(|_| is_index(last))?;
        place(front, Some(index))
    })
}

/// The row with the longest stem whose wildcard covers the rest.
fn family(path: &[String], written: &[String]) -> Option<Place> {
    let (row, stem) = TABLE
        .iter()
        .enumerate()
        .filter(|(_, key)| key.is_family())
        .map(|(row, key)| (row, key.segments()))
        .filter(|(row, stem)| {
            let key = &TABLE[*row];
            let rest = path.len().checked_sub(stem.len());
            let fits = match rest {
                None => false,
                Some(0) => !key.is_read(),
                Some(1) => true,
                Some(_) => key.path.ends_with("**"),
            };
            fits && path.starts_with(stem)
        })
        .max_by_key(|(_, stem)| stem.len())?;
    Some(Place {
        row,
        name: written[stem.len()..].join("."),
        index: None,
    })
}

fn is_index(segment: &str) -> bool {
    !segment.is_empty() && segment.len() <= 4 && segment.bytes().all(|b| b.is_ascii_digit())
}

/// The place that an environment variable sets; both of Spring's spellings are taken: `…_BUFFERDURATIONMS` and
/// `…_BUFFER_DURATION_MS`. Keys that only Spring knows are not looked for: other programs use such names.
pub(super) fn of_variable(variable: &str) -> Option<Place> {
    let words = name::words(variable);
    let rows = || TABLE.iter().enumerate();
    let exact = rows().filter(|(_, key)| !key.is_family() && key.is_read());
    for (row, key) in exact {
        let Some(used) = consume(&words, &key.segments()) else {
            continue;
        };
        let index = match &words[used..] {
            [] => None,
            [index] if matches!(key.kind, Kind::List(_)) && is_index(index) => index.parse().ok(),
            _ => continue,
        };
        let name = key.last().to_owned();
        return Some(Place { row, name, index });
    }
    rows()
        .filter(|(_, key)| key.is_family() && !matches!(key.standing, Standing::Spring(_)))
        .find_map(|(row, key)| {
            let used = consume(&words, &key.segments())?;
            let rest = words.get(used..).filter(|rest| !rest.is_empty())?;
            let between = if key.path.ends_with("**") { "." } else { "" };
            Some(Place {
                row,
                name: rest.join(between),
                index: None,
            })
        })
}

/// How many words make up the segments, each of which may be split over several words.
fn consume(words: &[String], segments: &[String]) -> Option<usize> {
    let mut used = 0;
    for segment in segments {
        let mut rest = segment.as_str();
        while !rest.is_empty() {
            rest = rest.strip_prefix(words.get(used)?.as_str())?;
            used += 1;
        }
    }
    Some(used)
}

/// The key that an unknown path probably means, and how many edits away it is: a neighbour with a similar name, or a
/// key with the same last name elsewhere (a wrong indentation).
pub(super) fn meant(written: &[String]) -> Option<(usize, String)> {
    let path: Vec<String> = written
        .iter()
        .map(|segment| name::uniform(segment))
        .collect();
    let (last, parent) = path.split_last()?;
    let neighbours = TABLE.iter().filter(|key| key.is_read()).filter_map(|key| {
        let segments = key.segments();
        let segment = segments.get(parent.len())?;
        let shown: Vec<&str> = key.stem().split('.').take(path.len()).collect();
        segments
            .starts_with(parent)
            .then(|| (segment.clone(), shown.join(".")))
    });
    if let Some(found) = nearest(last, neighbours) {
        return Some(found);
    }
    TABLE
        .iter()
        .filter(|key| key.standing == Standing::Applies && !key.is_family())
        .find(|key| name::uniform(key.last()) == *last)
        .map(|key| (path.len(), key.path.to_owned()))
}

/// Whether keys that are read begin with this word.
pub(super) fn is_heading(word: &str) -> bool {
    let first = |key: &Key| key.segments().into_iter().next();
    TABLE
        .iter()
        .any(|key| key.is_read() && first(key).as_deref() == Some(word))
}

/// The environment variable that an unknown one probably means, and how many edits away it is.
pub(super) fn meant_variable(variable: &str) -> Option<(usize, String)> {
    let given = name::words(variable).concat();
    let known = TABLE.iter().filter(|key| key.is_read() && !key.is_family());
    nearest(
        &given,
        known.map(|key| (key.segments().concat(), name::variable(key.path))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(key: &str) -> String {
        match find(&name::split(key)) {
            Match::Key(place) => place.path(),
            other => format!("{other:?}"),
        }
    }

    fn set_by(variable: &str) -> String {
        of_variable(variable).map_or("nothing".into(), |place| match place.index {
            Some(index) => format!("{}[{index}]", place.path()),
            None => place.path(),
        })
    }

    #[test]
    fn paths_find_their_row() {
        assert_eq!(path_of("server.port"), "server.port");
        assert_eq!(
            path_of("lavalink.server.gcWarnings"),
            "lavalink.server.gc-warnings"
        );
        assert_eq!(
            path_of("lavalink.server.filters.channel-mix"),
            "lavalink.server.filters.channelMix"
        );
        assert_eq!(
            path_of("lavalink.server.filters.echo"),
            "lavalink.server.filters.echo"
        );
        assert_eq!(
            path_of("logging.level.lavalink.server.io.Foo"),
            "logging.level.lavalink.server.io.Foo"
        );
        assert_eq!(
            path_of("lavalink.plugins[0].dependency"),
            "lavalink.plugins.0.dependency"
        );
        assert_eq!(path_of("plugins.other"), "plugins.other");
        assert_eq!(path_of("server.ssl.key-store"), "server.ssl.key-store");
        assert_eq!(path_of("lavalink.server"), "Section");
        assert_eq!(path_of("plugins"), "Section");
        assert_eq!(path_of("spring.cloud"), "Section");
        assert_eq!(path_of("lavalink.server.nope"), "Unknown");
    }

    // The names of reference section 5.1, in both spellings.
    #[test]
    fn environment_variables_bind_as_springs_do() {
        for (variable, path) in [
            ("SERVER_PORT", "server.port"),
            ("SERVER_HTTP2_ENABLED", "server.http2.enabled"),
            ("LAVALINK_SERVER_PASSWORD", "lavalink.server.password"),
            (
                "LAVALINK_SERVER_SOURCES_YOUTUBE",
                "lavalink.server.sources.youtube",
            ),
            (
                "LAVALINK_SERVER_BUFFERDURATIONMS",
                "lavalink.server.bufferDurationMs",
            ),
            (
                "LAVALINK_SERVER_BUFFER_DURATION_MS",
                "lavalink.server.bufferDurationMs",
            ),
            ("LAVALINK_SERVER_GCWARNINGS", "lavalink.server.gc-warnings"),
            ("LAVALINK_SERVER_GC_WARNINGS", "lavalink.server.gc-warnings"),
            (
                "LAVALINK_SERVER_RATELIMIT_IP_BLOCKS_0_",
                "lavalink.server.ratelimit.ipBlocks[0]",
            ),
            (
                "LAVALINK_SERVER_RATELIMIT_EXCLUDEDIPS_1",
                "lavalink.server.ratelimit.excludedIps[1]",
            ),
            (
                "LAVALINK_SERVER_FILTERS_CHANNELMIX",
                "lavalink.server.filters.channelMix",
            ),
            (
                "LAVALINK_SERVER_FILTERS_LOW_PASS",
                "lavalink.server.filters.lowPass",
            ),
            (
                "LAVALINK_PLUGINS_0_DEPENDENCY",
                "lavalink.plugins.0.dependency",
            ),
            ("LAVALINK_PLUGINS_DIR", "lavalink.pluginsDir"),
            ("METRICS_PROMETHEUS_ENABLED", "metrics.prometheus.enabled"),
            ("SENTRY_TAGS_SOME_KEY", "sentry.tags.some.key"),
            ("LOGGING_LEVEL_ROOT", "logging.level.root"),
            (
                "LOGGING_LOGBACK_ROLLINGPOLICY_MAX_FILE_SIZE",
                "logging.logback.rollingpolicy.max-file-size",
            ),
            (
                "PLUGINS_LAVASRC_SOURCES_SPOTIFY",
                "plugins.lavasrc.sources.spotify",
            ),
            ("lavalink.server.password", "lavalink.server.password"),
            ("SPRING_PROFILES_ACTIVE", "nothing"),
            ("SERVERPORT", "nothing"),
            ("PATH", "nothing"),
        ] {
            assert_eq!(set_by(variable), path, "{variable}");
        }
    }

    #[test]
    fn the_nearest_key_is_suggested() {
        let meant = |key: &str| meant(&name::split(key)).map(|(_, path)| path);
        assert_eq!(meant("server.prot").as_deref(), Some("server.port"));
        assert_eq!(meant("lavalnk").as_deref(), Some("lavalink"));
        assert_eq!(
            meant("lavalink.server.pasword").as_deref(),
            Some("lavalink.server.password")
        );
        assert_eq!(
            meant("password").as_deref(),
            Some("lavalink.server.password")
        );
        assert_eq!(meant("lavalink.server.wombat"), None);
        // A typo in Lavalink's own documentation.
        assert_eq!(
            meant_variable("LAVALINK_SERVER_RATELIMIT_EXCLUDE_IPS"),
            Some((1, "LAVALINK_SERVER_RATELIMIT_EXCLUDEDIPS".into()))
        );
    }
}
