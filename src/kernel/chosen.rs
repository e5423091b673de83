//! Owns: which loops this machine runs, found out once, when the first is asked for.
//! Never knows: the loops.

use super::{Kernels, PORTABLE, SETS};
use std::sync::OnceLock;

/// The best loops this machine has.
pub fn kernels() -> &'static Kernels {
    static CHOSEN: OnceLock<Kernels> = OnceLock::new();
    CHOSEN.get_or_init(|| SETS.iter().find_map(|detect| detect()).unwrap_or(PORTABLE))
}
