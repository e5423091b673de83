//! Owns: what several containers ask of a codec: what its headers say, and how long a packet lasts by its first bytes.
//! Never knows: how packets are decoded, or how a container stores them.

pub(super) mod aac;
pub(super) mod alac;
pub(super) mod flac;
pub(super) mod mp3;
pub(super) mod opus;
pub(super) mod vorbis;
