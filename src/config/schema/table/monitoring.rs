//! Owns: the keys of watching the machine.
//! Never knows: where values come from.

use super::{super::Key, watching, whole};
use crate::config::value::Kind;

/// Every key of watching.
pub const KEYS: &[Key] = &[
    watching("arm.resources.monitoring", Kind::Switch, "true", |c, b| {
        c.monitoring.enabled = b.switch()
    }),
    watching(
        "arm.resources.interval_ms",
        whole(1000, 5_000),
        "1000",
        |c, b| c.monitoring.interval = b.millis(),
    ),
];
