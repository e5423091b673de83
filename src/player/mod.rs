//! Owns: one player: what it is doing.
//! Never knows: JSON, HTTP, sockets.
