//! Owns: what clients send as JSON: bodies of PATCH requests, and filters.
//! Never knows: which members they have.
//!
//! Input: the body. A dictionary of the members helps: `cargo fuzz run update -- -dict=fuzz/update.dict`.

#![no_main]

use lavalink_rust::{
    node,
    protocol::update::{PlayerUpdate, SessionUpdate},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = SessionUpdate::parse(data);
    let Ok(text) = std::str::from_utf8(data) else {
        assert!(PlayerUpdate::parse(data).is_err(), "JSON is UTF-8");
        return;
    };
    let _ = PlayerUpdate::parse(data);
    // filters alone, down to what they mean for the sound
    let _ = node::parse_filters(text);
});
