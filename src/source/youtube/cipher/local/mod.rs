//! Owns: unlocking links with the player script itself: off the async threads, one question at a time, and in memory only as
//! long as there are questions.
//! Never knows: where scripts come from, links.

mod engine;
mod extract;

use super::Puzzle;
use crate::error::Failure;
use engine::{Broken, Engine};
use extract::Unreadable;
use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Whether this build runs scripts.
pub const IS_THERE: bool = true;
/// How long a script that nobody asks stays loaded: tracks of a playlist follow each other at such a pace.
const IDLE: Duration = Duration::from_secs(300);

/// Why a script unlocks nothing.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Unlocks links with one script.
pub struct Solver(Result<Arc<Loadable>, Arc<Unusable>>);

/// A script that can be loaded, and is when it was asked lately.
struct Loadable {
    program: String,
    // held while the script runs, on threads that may block
    loaded: Mutex<Option<Loaded>>,
}

struct Loaded {
    engine: Engine,
    asked: Instant,
}

impl Solver {
    /// Reads a script. Blocks. One that cannot be used is told by [`solve`](Self::solve).
    #[must_use]
    pub fn new(script: String) -> Self {
        Self(Loadable::new(&script).map(Arc::new).map_err(Arc::new))
    }

    /// Asks the script.
    ///
    /// # Errors
    /// When the script is of another making than known ones, or fails.
    pub async fn solve(&self, puzzle: Puzzle) -> Result<Puzzle, Failure> {
        let loadable = self.0.clone().map_err(changed)?;
        let asked = loadable.clone();
        let solving = tokio::task::spawn_blocking(move || asked.solve(&puzzle));
        let (answer, was_loaded) = solving.await.map_err(|error| {
            Failure::fault("Running YouTube's player script failed.").because(error)
        })?;
        if !was_loaded {
            tokio::spawn(unload_when_idle(loadable));
        }
        answer.map_err(changed)
    }
}

fn changed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
    Failure::suspicious(
        "YouTube's player script is not understood; it may have changed. A cipher server \
         (plugins.youtube.remoteCipher.url) may know it already.",
    )
    .because(error)
}

impl Loadable {
    fn new(script: &str) -> Result<Self, Unusable> {
        // first the parser that cannot be led too deep
        engine::check(script)?;
        Ok(Self {
            program: extract::program(script)?,
            loaded: Mutex::new(None),
        })
    }

    /// The answer, and whether the script was loaded already. Blocks.
    fn solve(&self, puzzle: &Puzzle) -> (Result<Puzzle, Unusable>, bool) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let was_loaded = loaded.is_some();
        let engine = match loaded.take() {
            Some(it) => Ok(it.engine),
            None => Engine::load(&self.program),
        };
        let solve = |engine: Engine| {
            let answer = engine.ask(puzzle)?;
            // one that fails is not asked again: the next is loaded anew
            let asked = Instant::now();
            *loaded = Some(Loaded { engine, asked });
            Ok(answer)
        };
        (engine.and_then(solve).map_err(Into::into), was_loaded)
    }

    /// Frees the memory of a script that nobody asks. Says how long to wait before the next look; blocks.
    fn rest(&self) -> Option<Duration> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let left = IDLE.saturating_sub(loaded.as_ref()?.asked.elapsed());
        if left.is_zero() {
            *loaded = None;
        }
        Some(left).filter(|left| !left.is_zero())
    }
}

async fn unload_when_idle(loadable: Arc<Loadable>) {
    let mut wait = Some(IDLE);
    while let Some(left) = wait {
        tokio::time::sleep(left).await;
        let resting = loadable.clone();
        wait = tokio::task::spawn_blocking(move || resting.rest())
            .await
            .unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
