//! Owns: what holds for every encoded track: it is refused, or it is written again without loss.
//! Never knows: which fields a track has.
//!
//! Input: the bytes of a track, before base64. No seeds are needed; the format is found within seconds.

#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use lavalink_rust::track::codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // as a client might send it, without any base64
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = codec::decode(&codec::repair(text));
    }
    let Ok(track) = codec::decode(&STANDARD.encode(data)) else {
        return;
    };
    let written = codec::encode(&track, track.info.position).expect("what was read fits");
    let again = codec::decode(&written).expect("what was written can be read");
    assert_eq!(again, track);
    let twice = codec::encode(&again, again.info.position).expect("what was read fits");
    assert_eq!(twice, written);
});
