//! Owns: the keys of what is remembered of loads.
//! Never knows: where values come from.

use super::{
    super::{Key, key},
    GIB, bytes, whole,
};
use crate::config::value::Kind;

const LONGEST: Kind = whole(0, 86_400_000);

/// Every key of `resolve`.
pub const KEYS: &[Key] = &[
    key("resolve.cache.enabled", Kind::Switch, "true", |c, b| {
        c.resolve_cache.enabled = b.switch()
    }),
    key("resolve.cache.ttlMs", LONGEST, "600000", |c, b| {
        c.resolve_cache.ttl = b.millis()
    }),
    key("resolve.cache.liveTtlMs", LONGEST, "10000", |c, b| {
        c.resolve_cache.live_ttl = b.millis()
    }),
    key("resolve.cache.missingTtlMs", LONGEST, "30000", |c, b| {
        c.resolve_cache.missing_ttl = b.millis()
    }),
    key("resolve.cache.failureTtlMs", LONGEST, "5000", |c, b| {
        c.resolve_cache.failure_ttl = b.millis()
    }),
    key(
        "resolve.cache.entries",
        whole(0, 1_000_000),
        "5000",
        |c, b| c.resolve_cache.entries = b.number(),
    ),
    key("resolve.cache.bytes", bytes(0, GIB), "32MB", |c, b| {
        c.resolve_cache.bytes = b.number()
    }),
    key(
        "resolve.cache.heedsHeaders",
        Kind::Switch,
        "true",
        |c, b| c.resolve_cache.heeds_headers = b.switch(),
    ),
];
