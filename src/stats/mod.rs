//! Owns: figures about the node: frames sent, memory, processors, and how scrapers read them.
//! Never knows: the wire of Lavalink, or who asks.

pub mod files;
pub mod frames;
pub mod group;
pub mod proc;
pub mod prometheus;
pub mod system;
