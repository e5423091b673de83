//! Owns: our own keys for how sound is fetched: how much at a time, by how many connections, and how long is waited.
//! Never knows: where values come from.

use super::{
    super::{Key, key},
    GIB, TIMEOUT, bytes, whole,
};

const FRAGMENTS: super::Kind = whole(1, 16);
const CHUNK: super::Kind = bytes(16 * 1024, 16 << 20);
const REQUEST: super::Kind = bytes(0, GIB);
/// Two seconds of 128 kbit/s at least.
const AHEAD: super::Kind = bytes(32 * 1024, 64 << 20);
const HELD: super::Kind = bytes(64 * 1024, 64 << 20);

/// Every key of `fetching`.
pub const KEYS: &[Key] = &[
    key("fetching.fragments", FRAGMENTS, "2", |c, b| {
        c.fetching.fragments = b.number()
    }),
    key("fetching.chunkBytes", CHUNK, "256KB", |c, b| {
        c.fetching.chunk_bytes = b.number()
    }),
    key("fetching.requestBytes", REQUEST, "0", |c, b| {
        c.fetching.request_bytes = b.number()
    }),
    key("fetching.sites.fragments.*", FRAGMENTS, "", |c, b| {
        let fragments = b.number();
        c.fetching.of_site(b.name).fragments = Some(fragments);
    }),
    key("fetching.sites.chunkBytes.*", CHUNK, "", |c, b| {
        let bytes = b.number();
        c.fetching.of_site(b.name).chunk_bytes = Some(bytes);
    }),
    key("fetching.sites.requestBytes.*", REQUEST, "", |c, b| {
        let bytes = b.number();
        c.fetching.of_site(b.name).request_bytes = Some(bytes);
    }),
    key("fetching.readAheadBytes", AHEAD, "128KB", |c, b| {
        c.fetching.read_ahead_bytes = b.number()
    }),
    key("fetching.maxBytes", HELD, "1MB", |c, b| {
        c.fetching.max_bytes = b.number()
    }),
    key("fetching.resolveTimeoutMs", TIMEOUT, "15000", |c, b| {
        c.fetching.resolve_timeout = b.millis()
    }),
    key("fetching.streamConnectTimeoutMs", TIMEOUT, "", |c, b| {
        c.fetching.stream_connect_timeout = Some(b.millis())
    }),
    key("fetching.streamIdleTimeoutMs", TIMEOUT, "", |c, b| {
        c.fetching.stream_idle_timeout = Some(b.millis())
    }),
];
