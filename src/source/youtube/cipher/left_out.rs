//! Owns: what takes the place of running player scripts in a build that does not.
//! Never knows: scripts.

use super::Puzzle;
use crate::error::Failure;

/// Whether this build runs scripts.
pub const IS_THERE: bool = false;

/// Unlocks nothing.
pub struct Solver;

impl Solver {
    /// Has no use for a script.
    pub fn new(script: String) -> Self {
        drop(script);
        Self
    }

    /// Says what to do instead.
    ///
    /// # Errors
    /// Always.
    #[expect(
        clippy::unused_async,
        reason = "the solver that runs scripts waits for them"
    )]
    pub async fn solve(&self, _: Puzzle) -> Result<Puzzle, Failure> {
        Err(Failure::common(
            "This build runs no player scripts of YouTube: set plugins.youtube.remoteCipher.url to a cipher server.",
        ))
    }
}
