//! Owns: what replaying a recorded session of the original needs: its files, its names in our terms, the comparison.
//! Never knows: the node.

pub mod compare;
pub mod files;
pub mod names;
