//! Owns: what holds for every packet that a decoder gets: it is sound or it is refused.
//! Never knows: any codec.
//!
//! Input: a whole stream. Real files are seeds: `cargo fuzz run decode fuzz/corpus/decode tests/data -- -max_len=16384` (the
//! corpus folder must exist).

#![no_main]

use lavalink_rust::{
    media::{
        codec,
        demux::{
            Opening,
            probe::{Hint, Prober},
        },
        window::ByteWindow,
    },
    pcm::PcmBlock,
};
use libfuzzer_sys::fuzz_target;

/// Packets decoded of one stream.
const MAX_PACKETS: usize = 50;

fuzz_target!(|data: &[u8]| {
    let mut window = ByteWindow::of(data.to_vec());
    let Ok(mut opened) = Prober::new(Hint::default()).advance(&mut window) else {
        return;
    };
    let Ok(mut decoder) = codec::decoder(opened.demuxer.info()) else {
        return;
    };
    let mut block = PcmBlock::default();
    for _ in 0..MAX_PACKETS {
        let Ok(packet) = opened.demuxer.next_packet(&mut window) else {
            return;
        };
        block.clear();
        match decoder.decode(&packet.data, &mut block) {
            Ok(rate) => assert!(rate > 0, "sound without a rate"),
            Err(_) => assert!(block.is_empty(), "a refused packet leaves sound behind"),
        }
    }
});
