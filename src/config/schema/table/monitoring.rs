//! Owns: the keys of watching the machine.
//! Never knows: where values come from.

use super::{
    super::{Bound, Key, idle, key},
    whole,
};
use crate::{
    config::{settings::Config, value::Kind},
    governor::CAN_WATCH,
};

/// Every key of watching.
pub const KEYS: &[Key] = &[
    watching("arm.resources.monitoring", Kind::Switch, "true", |c, b| {
        c.monitoring.enabled = b.switch()
    }),
    watching(
        "arm.resources.interval_ms",
        whole(1000, 60_000),
        "1000",
        |c, b| c.monitoring.interval = b.millis(),
    ),
];

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
