//! Owns: everything between fetched bytes and samples: the byte window, demuxers, decoders.
//! Never knows: tracks, players, frames.

pub mod backoff;
pub mod codec;
pub mod demux;
pub mod file;
mod fragment;
pub mod hls;
pub mod http;
pub mod icy;
pub mod live;
pub mod located;
pub mod opus;
mod pace;
mod part;
pub mod ranges;
pub mod station;
#[cfg(test)]
pub(crate) mod testing;
pub mod window;
