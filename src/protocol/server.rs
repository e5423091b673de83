//! Owns: what clients get about the server itself: information, statistics.
//! Never knows: where the figures come from.

use alloc::{string::String, vec::Vec};
use serde::Serialize;

/// Answer of `GET /v4/info` (reference, 2.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Version of Lavalink that this server is compatible with.
    pub version: Version,
    /// Unix milliseconds of the build; 0 = unknown.
    pub build_time: i64,
    /// What it was built from.
    pub git: Git,
    /// The virtual machine.
    pub jvm: String,
    /// The audio engine.
    pub lavaplayer: String,
    /// Names of the sources, in the order in which they are asked.
    pub source_managers: Vec<String>,
    /// Names of the filters that may be used.
    pub filters: Vec<String>,
    /// Plugins.
    pub plugins: Vec<Plugin>,
}

/// A semantic version. Parts stay below 256: some clients read them as bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// The whole.
    pub semver: String,
    /// First part.
    pub major: u8,
    /// Second part.
    pub minor: u8,
    /// Third part.
    pub patch: u8,
    /// Behind the dash; `""` when there is none.
    pub pre_release: String,
}

/// What the server was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Git {
    /// Branch, or `unknown`.
    pub branch: String,
    /// Short hash, or `unknown`.
    pub commit: String,
    /// Unix milliseconds; 0 = unknown.
    pub commit_time: i64,
}

/// A plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plugin {
    /// Its name, by which clients unlock features.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Answer of `GET /v4/stats`, and the `stats` message.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Frames of the last minute, or null; always null on REST.
    pub frame_stats: Option<FrameStats>,
    /// Players of connected sessions.
    pub players: u64,
    /// Of those, players with a track and not paused.
    pub playing_players: u64,
    /// Milliseconds since the start.
    pub uptime: u64,
    /// Memory of the process.
    pub memory: Memory,
    /// Processors.
    pub cpu: Cpu,
}

/// Averages over the players of a session that played through the last whole minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FrameStats {
    /// Frames sent.
    pub sent: i64,
    /// Frames that were due but not there.
    pub nulled: i64,
    /// Frames missing to 3000; negative when there were more.
    pub deficit: i64,
}

/// Memory in bytes; `used ≤ allocated ≤ reservable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Allocated and not used.
    pub free: u64,
    /// Used.
    pub used: u64,
    /// Taken from the system.
    pub allocated: u64,
    /// What could be taken.
    pub reservable: u64,
}

/// Processors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cpu {
    /// Logical ones.
    pub cores: u32,
    /// 0–1: the whole machine.
    pub system_load: f64,
    /// 0–1: this process, of all cores.
    pub lavalink_load: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn information_has_lavalinks_keys_in_order() {
        let info = Info {
            version: Version {
                semver: "4.2.2".into(),
                major: 4,
                minor: 2,
                patch: 2,
                pre_release: String::new(),
            },
            build_time: 0,
            git: Git {
                branch: "main".into(),
                commit: "85c5ab5".into(),
                commit_time: 0,
            },
            jvm: "none".into(),
            lavaplayer: "x".into(),
            source_managers: vec!["http".into()],
            filters: vec!["volume".into()],
            plugins: vec![Plugin {
                name: "some-plugin".into(),
                version: "1.0.0".into(),
            }],
        };
        assert_eq!(
            serde_json::to_string(&info).unwrap(),
            concat!(
                r#"{"version":{"semver":"4.2.2","major":4,"minor":2,"patch":2,"preRelease":""},"buildTime":0,"#,
                r#""git":{"branch":"main","commit":"85c5ab5","commitTime":0},"jvm":"none","lavaplayer":"x","#,
                r#""sourceManagers":["http"],"filters":["volume"],"plugins":[{"name":"some-plugin","version":"1.0.0"}]}"#
            )
        );
    }
}
