//! Owns: running a program made of a player script: what it finds around it, its limits, and asking it.
//! Never knows: where scripts come from, links.

use super::{super::Puzzle, extract::CANDIDATES};
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Function, Object, Runtime, context::EvalOptions,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What the script finds of a page, and how a function of it is asked.
const AROUND: &str = include_str!("around.js");
/// The most memory that it may take, in bytes. The real ones of 2026 hold 13 MB.
const MAX_MEMORY: usize = 64 * 1024 * 1024;
/// Native stack that it may take, in bytes: an eighth of a thread's.
const MAX_STACK: usize = 256 * 1024;
/// How long it may take to define its things; a small device needs seconds.
const LOADING: Duration = Duration::from_secs(30);
/// How long one answer may take.
const SOLVING: Duration = Duration::from_secs(5);
/// The longest answer, in bytes.
const MAX_ANSWER: usize = 4096;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The engine could not be set up.
    #[error("the engine for scripts could not be set up")]
    Setup(#[source] rquickjs::Error),
    /// The script threw something, or met a limit.
    #[error("the script failed: {0}")]
    Script(String),
    /// The answer is none.
    #[error("the script gave no answer of the known kind")]
    Answer,
}

/// A script that is ready to be asked. Blocks; to be used on a thread where that is allowed.
pub struct Engine {
    context: Context,
    until: Arc<Mutex<Instant>>,
}

/// Whether the engine's own parser, which has a limit of nesting, can read a script.
///
/// # Errors
/// When it cannot.
pub fn check(script: &str) -> Result<(), Broken> {
    let engine = Engine::new()?;
    let source = ["(function(){", script, "\n})"].concat();
    engine.run(LOADING, |context| {
        context.eval_with_options::<Function<'_>, _>(source, loose())?;
        Ok(())
    })
}

impl Engine {
    /// Defines what the program does.
    ///
    /// # Errors
    /// When it fails, or meets a limit.
    pub fn load(program: &str) -> Result<Self, Broken> {
        let engine = Self::new()?;
        engine.run(LOADING, |context| {
            context.eval_with_options::<(), _>(AROUND, loose())?;
            context.eval_with_options::<(), _>(program, loose())
        })?;
        Ok(engine)
    }

    fn new() -> Result<Self, Broken> {
        let runtime = Runtime::new().map_err(Broken::Setup)?;
        runtime.set_memory_limit(MAX_MEMORY);
        runtime.set_max_stack_size(MAX_STACK);
        let until = Arc::new(Mutex::new(Instant::now()));
        let limit = until.clone();
        let is_over =
            move || Instant::now() >= *limit.lock().unwrap_or_else(PoisonError::into_inner);
        runtime.set_interrupt_handler(Some(Box::new(is_over)));
        let context = Context::full(&runtime).map_err(Broken::Setup)?;
        Ok(Self { context, until })
    }

    /// Asks.
    ///
    /// # Errors
    /// When the script fails, meets a limit, or its answer is none.
    pub fn ask(&self, puzzle: &Puzzle) -> Result<Puzzle, Broken> {
        self.ask_within(SOLVING, puzzle)
    }

    /// Asks, and waits no longer than that.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn ask_within(&self, patience: Duration, puzzle: &Puzzle) -> Result<Puzzle, Broken> {
        let (n, signature) = (puzzle.n.clone(), puzzle.signature.clone());
        let answer = self.run(patience, |context| {
            let globals = context.globals();
            let ask: Function<'_> = globals.get("ask")?;
            let candidates: Object<'_> = globals.get(CANDIDATES)?;
            let answer: Object<'_> = ask.call((candidates, n, signature))?;
            Ok(Puzzle {
                n: answer.get("n")?,
                signature: answer.get("signature")?,
            })
        })?;
        let fits = |asked: &Option<String>, given: &Option<String>| match (asked, given) {
            // what comes back as it was has not been unlocked
            (Some(asked), Some(given)) => {
                !given.is_empty() && given.len() <= MAX_ANSWER && !given.ends_with(asked.as_str())
            }
            (None, None) => true,
            _ => false,
        };
        let is_good = fits(&puzzle.n, &answer.n) && fits(&puzzle.signature, &answer.signature);
        is_good.then_some(answer).ok_or(Broken::Answer)
    }

    /// What the script holds, in bytes.
    #[cfg(test)]
    pub fn memory(&self) -> i64 {
        self.context.runtime().memory_usage().malloc_size
    }

    fn run<T>(
        &self,
        patience: Duration,
        work: impl FnOnce(&Ctx<'_>) -> rquickjs::Result<T>,
    ) -> Result<T, Broken> {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + patience;
        self.context.with(|context| {
            work(&context).catch(&context).map_err(|error| {
                let text = match error {
                    CaughtError::Exception(it) => it.message().unwrap_or_default(),
                    other => other.to_string(),
                };
                Broken::Script(text.chars().take(200).collect())
            })
        })
    }
}

fn loose() -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = false;
    options
}
