//! Owns: the loops of a build that cannot ask what the machine has: those for all.
//! Never knows: the loops.

use super::{Kernels, PORTABLE};

/// The portable loops.
pub fn kernels() -> &'static Kernels {
    &PORTABLE
}
