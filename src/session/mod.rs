//! Owns: client sessions and their players.
//! Never knows: HTTP.
