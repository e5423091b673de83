//! Owns: lowering the quality of sound before the machine stutters.
//! Never knows: players, or the wire.
//!
//! [`sensors`] read, [`policy`] and [`quality`] decide, [`ladder`] says what each level means, and [`watch`] turns the dials that
//! playbacks read.

pub mod ladder;
pub mod policy;
pub mod quality;
pub mod relief;
pub mod sensors;
pub mod watch;
