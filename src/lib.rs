//! lavalink-rust: an audio node that speaks the Lavalink v4 protocol.

pub mod cli;
pub mod config;
pub mod dsp;
pub mod error;
pub mod frame;
pub mod log;
pub mod media;
pub mod net;
pub mod node;
pub mod output;
pub mod pcm;
pub mod playback;
pub mod player;
pub mod protocol;
pub mod server;
pub mod session;
pub mod source;
pub mod stats;
pub mod track;
pub mod units;
