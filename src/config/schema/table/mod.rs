//! Owns: the list of all keys. No other place names them; a new key is one row in a file here and one field in `settings`.
//! Never knows: where values come from.

mod arm_audio;
mod catalogues;
mod fetching;
mod lavalink;
mod lavasrc;
mod monitoring;
mod ours;
mod plugins;
mod profile;
mod resolve;
mod resources;
mod route_planner;
mod youtube;
mod ytdlp;

use super::{
    super::{
        settings::Config,
        value::{Correction, Kind},
    },
    Bound, Key, idle, key,
};
use crate::governor::CAN_WATCH;
use std::sync::LazyLock;

/// Every key.
pub(in crate::config) static TABLE: LazyLock<Vec<Key>> = LazyLock::new(|| {
    [
        lavalink::KEYS,
        youtube::KEYS,
        lavasrc::KEYS,
        catalogues::KEYS,
        ytdlp::KEYS,
        route_planner::KEYS,
        fetching::KEYS,
        resolve::KEYS,
        plugins::KEYS,
        ours::KEYS,
        monitoring::KEYS,
        profile::KEYS,
        arm_audio::KEYS,
        resources::KEYS,
    ]
    .concat()
});

const GIB: i64 = 1 << 30;
const LONGEST_TIMEOUT_MS: i64 = 600_000;

const TIMEOUT: Kind = corrected(
    1,
    LONGEST_TIMEOUT_MS,
    |ms| {
        if (1..=LONGEST_TIMEOUT_MS).contains(&ms) {
            ms
        } else {
            LONGEST_TIMEOUT_MS
        }
    },
    "no connection waits longer than ten minutes",
);

/// A row that has an effect in builds that can watch.
const fn watching(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    set: fn(&mut Config, &Bound<'_>),
) -> Key {
    if CAN_WATCH {
        key(path, kind, default, set)
    } else {
        idle(
            path,
            kind,
            default,
            "this build was made without the feature resource-monitoring",
        )
    }
}

const fn whole(min: i64, max: i64) -> Kind {
    Kind::Whole {
        min,
        max,
        correct: None,
    }
}

const fn corrected(min: i64, max: i64, to: fn(i64) -> i64, rule: &'static str) -> Kind {
    Kind::Whole {
        min,
        max,
        correct: Some(Correction { to, rule }),
    }
}

const fn bytes(min: i64, max: i64) -> Kind {
    Kind::Size { min, max }
}
