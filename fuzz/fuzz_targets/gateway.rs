//! Owns: what holds for everything that a voice server may say: the gateway machine answers, or gives up, once.
//! Never knows: which messages there are.
//!
//! Input: events, see `lavalink_rust::output::voice::rehearse`. A dictionary with the messages of a handshake is needed:
//! `cargo fuzz run gateway -- -dict=fuzz/gateway.dict -max_len=2048`.

#![no_main]

use lavalink_rust::output::voice::rehearse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| rehearse(data));
