//! Owns: Discord voice.
//! Never knows: tracks, sessions.
