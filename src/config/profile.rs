//! Owns: default numbers that differ by machine: those of builds for devices, and those of `arm.profile`.
//! Never knows: what a user has written, which wins over all of them.
//!
//! From weak to strong: the table of keys, this build's features, the profile, then what the user writes. A profile means the
//! same in every build: where it is chosen, the features' numbers do not count. `high-performance` is the table of keys itself.
//! A new number is a row here, or a cell in one, and the same in the README, which a test compares.

/// Whether the build has the numbers for little memory.
pub const IS_FOR_LOW_MEMORY: bool = cfg!(feature = "low-memory");

/// `arm.profile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The machine is there for this node: the numbers of a server.
    HighPerformance,
    /// No gaps, before all: more is kept ready, and sound costs less to make.
    Stable,
    /// The least work and memory that do.
    Conservative,
}

impl Profile {
    pub(super) const ALL: [Self; 3] = [Self::HighPerformance, Self::Stable, Self::Conservative];
    /// As they are written, in the same order.
    pub(super) const NAMES: &[&str] = &["high-performance", "stable", "conservative"];
}

/// Numbers for a key, as they would be written; empty: no other than without.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub path: &'static str,
    /// Of builds with `arm-optimizations`.
    pub arm: &'static str,
    /// Of builds with `low-memory`, which is the stronger.
    pub low_memory: &'static str,
    pub stable: &'static str,
    pub conservative: &'static str,
}

/// A default that is not the table's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    pub path: &'static str,
    pub value: &'static str,
    /// Whose it is.
    pub of: &'static str,
}

const fn row(
    path: &'static str,
    [arm, low_memory, stable, conservative]: [&'static str; 4],
) -> Row {
    Row {
        path,
        arm,
        low_memory,
        stable,
        conservative,
    }
}

// Opus: complexity 5 costs half of 10, 0 a third; 8 costs as much as 10. Ring: made again when something changes, so that a long
// one delays nothing, and costs 8 KB a second where samples are kept. Bytes read ahead bridge the network, frames the processor.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    //                                           arm   low-memory  stable   conservative
    row("lavalink.server.frameBufferDurationMs", ["",  "200",      "1000",  "200"]),
    row("lavalink.server.opusEncodingQuality",   ["5", "",         "5",     "0"]),
    row("audio.workers",                         ["",  "2",        "",      "1"]),
    row("fetching.fragments",                    ["",  "",         "",      "1"]),
    row("fetching.readAheadBytes",               ["",  "48KB",     "512KB", "48KB"]),
    row("fetching.maxBytes",                     ["",  "512KB",    "2MB",   "512KB"]),
    row("resolve.cache.entries",                 ["",  "500",      "",      "500"]),
    row("resolve.cache.bytes",                   ["",  "2MB",      "",      "2MB"]),
    row("ytdlp.processes",                       ["1", "1",        "1",     "1"]),
    row("limits.bodyBytes",                      ["",  "4MB",      "",      "4MB"]),
    row("limits.connections",                    ["",  "128",      "",      "128"]),
    row("limits.outboxBytes",                    ["",  "1MB",      "",      "1MB"]),
    row("limits.resumeEvents",                   ["",  "1000",     "",      "1000"]),
];

/// Which of the features that pick numbers a build has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Build {
    pub is_arm: bool,
    pub is_low_memory: bool,
}

/// This one.
pub(super) const BUILD: Build = Build {
    is_arm: cfg!(feature = "arm-optimizations"),
    is_low_memory: IS_FOR_LOW_MEMORY,
};

/// The defaults that are not the table's.
pub(super) fn picks(build: Build, chosen: Option<Profile>) -> impl Iterator<Item = Pick> {
    ROWS.iter().filter_map(move |row| {
        let cells = match chosen {
            Some(Profile::HighPerformance) => [("", ""), ("", "")],
            Some(Profile::Stable) => [(row.stable, "arm.profile stable"), ("", "")],
            Some(Profile::Conservative) => {
                [(row.conservative, "arm.profile conservative"), ("", "")]
            }
            None => [
                (
                    if build.is_low_memory {
                        row.low_memory
                    } else {
                        ""
                    },
                    "low-memory",
                ),
                (if build.is_arm { row.arm } else { "" }, "arm-optimizations"),
            ],
        };
        let (value, of) = cells.into_iter().find(|(value, _)| !value.is_empty())?;
        Some(Pick {
            path: row.path,
            value,
            of,
        })
    })
}

/// `arm.resources.adaptive_quality`, as this build has it.
pub(super) const ADAPTIVE_QUALITY: &str = if cfg!(feature = "adaptive-quality") {
    "true"
} else {
    "false"
};
