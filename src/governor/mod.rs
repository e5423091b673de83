//! Owns: lowering the quality of sound before the machine stutters.
//! Never knows: players, or the wire.

pub mod policy;
pub mod sensors;
