//! Owns: what a build was made for, where that is told to people.
//! Never knows: what a user has written.

/// Whether the build has the numbers for little memory.
pub const IS_FOR_LOW_MEMORY: bool = cfg!(feature = "low-memory");
