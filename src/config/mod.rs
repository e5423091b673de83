//! Owns: the configuration: file, environment, arguments, validation, and the one table of all keys.
//! Never knows: what the settings do in the modules that use them.
//!
//! Order of precedence, as Spring has it: the table's defaults, then the file, then environment variables, then
//! `--key=value` arguments. A file that the Java server takes is taken here unchanged: keys that do nothing on this
//! node are reported once and change nothing.
//!
//! [`load`] never stops at the first mistake. It collects every error with its place and what is allowed there.

mod bind;
mod brief;
mod check;
mod diagnostic;
mod effective;
mod file;
mod files;
pub mod logger;
mod name;
mod nearest;
mod place;
mod placeholder;
mod profile;
mod schema;
mod settings;
mod tree;
mod value;

use std::path::Path;

pub use brief::{Brief, in_brief};
pub use diagnostic::{Diagnostic, Level, Origin};
pub use effective::Effective;
pub use settings::{
    AppleMusic, Audio, Bitrate, Catalogues, Config, Fetching, Filters, HttpConfig, LavaSrc,
    Lavalink, Limits, ListenAddress, LogLevel, Logging, Metrics, Server, Sources, Spotify,
    Timeouts, Voice, YouTube, YtDlp,
};

/// What loading came to.
#[derive(Debug)]
pub struct Loaded {
    /// The settings, or every error that was found, in the order of the file. Exit code 2 belongs to the latter.
    pub config: Result<Config, Vec<Diagnostic>>,
    /// What a user should hear but need not act on: corrections, unknown keys, keys without effect.
    pub warnings: Vec<Diagnostic>,
    /// Every key of the table with the value in force and where it came from, for `check-config`. Secrets are `***`. Empty
    /// with errors: then nothing is in force.
    pub effective: Vec<Effective>,
}

/// Reads the configuration.
///
/// * `file`: the YAML file; `None` reads none.
/// * `explicit`: whether the user named the file. A missing file is then an error; otherwise defaults and environment
///   stand alone.
/// * `env`: the environment, normally [`std::env::vars`] (callers with non-UTF-8 variables pass the readable ones).
/// * `args`: `--key=value` arguments without the dashes; they win over everything.
pub fn load(
    file: Option<&Path>,
    explicit: bool,
    env: impl Iterator<Item = (String, String)>,
    args: &[(String, String)],
) -> Loaded {
    let mut binder = bind::Binder::new(env);
    if let Some(path) = file {
        match file::read(path, explicit) {
            Ok(Some(text)) => binder.file(&text),
            Ok(None) => {}
            Err(error) => binder.lose_keys(*error),
        }
    }
    binder.environment();
    binder.arguments(args);
    binder.finish()
}

#[cfg(test)]
mod tests;
