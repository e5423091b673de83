//! Owns: everything between fetched bytes and samples: the byte window, demuxers, decoders.
//! Never knows: tracks, players, frames.

pub mod codec;
pub mod demux;
pub mod window;
