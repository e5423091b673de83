//! Owns: the command line: what can be asked for, and with which exit code it ends.
//! Never knows: how any of it is done.

mod decode;
mod file;
pub mod play;

use crate::{
    config::{self, Loaded},
    log, node, playback,
    source::Registry,
    units::Millis,
};
use clap::{Args, Parser, Subcommand};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// It worked.
const OK: u8 = 0;
/// It was tried and failed: nothing found, no file written, the port is taken.
const FAILED: u8 = 1;
/// It was not tried: the command line or the configuration is wrong.
const MISUSED: u8 = 2;

/// The configuration that is read when none is named and it exists.
const DEFAULT_CONFIG: &str = "application.yml";

#[derive(Parser)]
#[command(name = "lavalink-rust", version, about = "An audio node that speaks the Lavalink v4 protocol", long_about = None)]
#[command(
    after_help = "Any key of the configuration can be given as --its.path=value before the command, for example \
--server.port=2334.\nRUST_LOG sets what is logged (RUST_LOG=debug).\n\n\
Exit codes: 0 it worked, 1 it failed, 2 the command line or the configuration is wrong."
)]
struct Cli {
    /// Configuration file [default: application.yml, if it exists]
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the node (this is what happens without a command)
    Serve,
    /// Play a file or URL into a file, as fast as the machine goes
    Play(PlayArgs),
    /// Show what encoded tracks hold
    Decode {
        /// Encoded tracks (base64), as `encoded` of the API
        #[arg(required = true)]
        tracks: Vec<String>,
    },
    /// Check the configuration and show what is in force
    CheckConfig,
}

#[derive(Args)]
struct PlayArgs {
    /// A file, a URL, or what a source knows
    identifier: String,
    /// Where to: .ogg (Ogg Opus) or .wav (48 kHz stereo, 32-bit float, before Opus)
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Where to begin: seconds, or minutes:seconds [default: the start]
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Millis>,
    /// Where to end [default: the end]
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<Millis>,
    /// Volume in percent, 0 to 1000, on Lavalink's curve
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(0..=1000))]
    volume: u16,
    /// Filters as in PATCH player, for example '{"timescale":{"speed":1.2}}'
    #[arg(long, value_name = "JSON")]
    filters: Option<String>,
}

/// `83.5`, `1:23.5` or `1:02:03`.
fn time(text: &str) -> Result<Millis, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let mut seconds = 0.0;
    for (i, part) in parts.iter().enumerate() {
        let is_last = i + 1 == parts.len();
        let value: f64 = match part.parse() {
            Ok(v) if (0.0..1e9).contains(&v) && (is_last || !part.contains('.')) => v,
            _ => {
                return Err(
                    "give seconds (83.5), minutes:seconds (1:23.5) or hours:minutes:seconds".into(),
                );
            }
        };
        seconds = seconds * 60.0 + value;
    }
    if parts.len() > 3 {
        return Err("give at most hours:minutes:seconds".into());
    }
    Ok(Millis((seconds * 1000.0).round() as i64))
}

/// Does what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    // `--server.port=2333`, as the original takes it: a dotted name is never one of our own options
    let is_key = |arg: &String| {
        arg.starts_with("--") && arg.split('=').next().is_some_and(|name| name.contains('.'))
    };
    let (keys, rest): (Vec<String>, Vec<String>) = std::env::args_os()
        .map(|a| a.to_string_lossy().into_owned())
        .partition(is_key);
    let keys: Vec<(String, String)> = keys
        .iter()
        .map(|arg| arg.trim_start_matches('-'))
        .map(|arg| arg.split_once('=').unwrap_or((arg, "true")))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let cli = match Cli::try_parse_from(rest) {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { MISUSED } else { OK });
        }
    };
    let config = cli.config.as_deref();
    ExitCode::from(match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(load(config, &keys)),
        Command::CheckConfig => check(&load(config, &keys)),
        Command::Decode { tracks } => decode::decode(&tracks),
        Command::Play(args) => play(args),
    })
}

fn load(config: Option<&Path>, keys: &[(String, String)]) -> Loaded {
    let env = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    let file = config.unwrap_or(Path::new(DEFAULT_CONFIG));
    config::load(Some(file), config.is_some(), env, keys)
}

fn complain(loaded: &Loaded) {
    for warning in &loaded.warnings {
        eprintln!("{warning}\n");
    }
    if let Err(errors) = &loaded.config {
        for error in errors {
            eprintln!("{error}\n");
        }
        eprintln!(
            "the configuration has {} error(s); nothing was started",
            errors.len()
        );
    }
}

fn check(loaded: &Loaded) -> u8 {
    for line in &loaded.effective {
        // whoever reads may have read enough
        let _ = writeln!(std::io::stdout(), "{line}");
    }
    complain(loaded);
    if loaded.config.is_ok() { OK } else { MISUSED }
}

fn serve(loaded: Loaded) -> u8 {
    if loaded.config.is_err() {
        complain(&loaded);
    }
    let Loaded {
        config: Ok(config),
        warnings,
        ..
    } = loaded
    else {
        return MISUSED;
    };
    if let Err(e) = log::start(&config.logging) {
        eprintln!("cannot write the log: {e}");
        return FAILED;
    }
    for said in &warnings {
        match said.level {
            config::Level::Note => tracing::info!("{said}"),
            config::Level::Warning | config::Level::Error => tracing::warn!("{said}"),
        }
    }
    match node::run(config) {
        Ok(()) => OK,
        Err(e) => {
            eprintln!("{e:#}");
            FAILED
        }
    }
}

fn play(args: PlayArgs) -> u8 {
    log::start_quiet();
    let filters = match args.filters.as_deref().map(node::parse_filters).transpose() {
        Ok(filters) => filters.unwrap_or_default(),
        Err(e) => {
            eprintln!("--filters: {e}");
            return MISUSED;
        }
    };
    let from = args.from.unwrap_or(Millis(0));
    if args.to.is_some_and(|to| to <= from) {
        eprintln!("--to must lie after --from");
        return MISUSED;
    }
    let wanted = play::Play {
        identifier: args.identifier,
        output: args.output,
        from,
        to: args.to,
        volume: args.volume,
        filters,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("cannot start: {e}");
            return FAILED;
        }
    };
    let engine = playback::Engine::new(1, playback::Settings::default());
    let played = runtime.block_on(async {
        let sources = Registry::new(play::sources());
        play::play(wanted, &engine, &sources).await
    });
    match played {
        Ok(played) => {
            eprintln!(
                "{}: {:.3} s written",
                played.name,
                played.written.0 as f64 / 48_000.0
            );
            OK
        }
        Err(e) => {
            eprintln!("{:#}", anyhow::Error::from(e));
            FAILED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(time("83.5"), Ok(Millis(83_500)));
        assert_eq!(time("1:23.5"), Ok(Millis(83_500)));
        assert_eq!(time("1:02:03"), Ok(Millis(3_723_000)));
        for wrong in ["", "x", "-1", "1:", "1.5:2", "1:2:3:4", "nan", "inf"] {
            assert!(time(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
