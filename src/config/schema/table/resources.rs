//! Owns: the keys of what the node does when the machine is short of something.
//! Never knows: where values come from.

use super::{
    super::{Key, key},
    LONGEST_TIMEOUT_MS, watching, whole,
};
use crate::config::{profile, value::Kind};

/// Every key of `arm.resources` about quality and admission.
pub const KEYS: &[Key] = &[
    watching(
        "arm.resources.adaptive_quality",
        Kind::Switch,
        profile::ADAPTIVE_QUALITY,
        |c, b| c.resources.adaptive_quality = b.switch(),
    ),
    watching(
        "arm.resources.cpu_threshold",
        whole(0, 100),
        "80",
        |c, b| c.resources.cpu_threshold = b.number(),
    ),
    watching(
        "arm.resources.memory_threshold",
        whole(0, 100),
        "85",
        |c, b| c.resources.memory_threshold = b.number(),
    ),
    watching(
        "arm.resources.temperature_threshold",
        whole(0, 120),
        "70",
        |c, b| c.resources.temperature_threshold = b.number(),
    ),
    watching(
        "arm.resources.reaction_ms",
        whole(1000, LONGEST_TIMEOUT_MS),
        "2000",
        |c, b| c.resources.reaction = b.millis(),
    ),
    watching(
        "arm.resources.recovery_ms",
        whole(1000, 86_400_000),
        "60000",
        |c, b| c.resources.recovery = b.millis(),
    ),
    key(
        "arm.resources.max_concurrent_tracks",
        whole(0, 1_000_000),
        "0",
        |c, b| c.resources.max_concurrent_tracks = b.number(),
    ),
];
