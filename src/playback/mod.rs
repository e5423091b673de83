//! Owns: one run of a track: bytes to frames.
//! Never knows: sessions, clients, voice.
