//! Owns: places that tracks come from.
//! Never knows: players, sessions.
