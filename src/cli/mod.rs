//! Owns: the command line: what can be asked for, and with which exit code it ends.
//! Never knows: how any of it is done.

mod aloud;
mod decode;
mod file;
pub mod play;

use crate::{
    config::{self, Config, Loaded},
    dsp, log, node,
    output::device::{self, Backend},
    playback,
    source::Registry,
    units::{Millis, SAMPLE_RATE},
};
use clap::{
    Args, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};
use std::{
    ffi::OsString,
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
    /// Play a file or URL on a sound card, or as fast as the machine goes into a file
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
    /// A file, a URL, a search such as `scsearch:words`, or an encoded track
    identifier: String,
    /// A file in place of a sound card: .ogg (Ogg Opus) or .wav (48 kHz stereo, 32-bit float, before Opus)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The sound card [default: `arm.audio.device` of the configuration, else the system's]
    #[arg(long, short, value_name = "NAME", conflicts_with = "output")]
    device: Option<String>,
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

/// Takes keys of the configuration out of a command line: `--server.port=2333`, as the original has them. A dotted name
/// is never one of our own options; nothing behind `--` is an option.
fn split_keys(args: impl Iterator<Item = OsString>) -> (Vec<(String, String)>, Vec<OsString>) {
    let (mut keys, mut rest) = (Vec::new(), Vec::new());
    let mut is_literal = false;
    for arg in args {
        is_literal |= arg == "--";
        let key = arg.to_str().filter(|_| !is_literal).and_then(|text| {
            let text = text.strip_prefix("--")?;
            let (name, value) = text.split_once('=').unwrap_or((text, "true"));
            name.contains('.')
                .then(|| (name.to_owned(), value.to_owned()))
        });
        match key {
            Some(key) => keys.push(key),
            None => rest.push(arg),
        }
    }
    (keys, rest)
}

/// The key whose value was refused as an argument of its own: `--server.port 2333`, which would set the port to `true`.
fn key_without_value<'a>(args: &'a [OsString], refused: &clap::Error) -> Option<&'a str> {
    let what = [ContextKind::InvalidSubcommand, ContextKind::InvalidArg];
    let ContextValue::String(value) = what.into_iter().find_map(|kind| refused.get(kind))? else {
        return None;
    };
    args.windows(2).find_map(|pair| {
        let key = pair[0].to_str()?;
        let is_bare = key.starts_with("--") && key.contains('.') && !key.contains('=');
        (is_bare && pair[1] == value.as_str()).then_some(key)
    })
}

/// Does what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let (keys, rest) = split_keys(args.iter().cloned());
    let cli = match Cli::try_parse_from(rest) {
        Ok(cli) => cli,
        Err(e) => {
            if let Some(key) = key_without_value(&args, &e) {
                eprintln!(
                    "error: {key} has no value; write {key}=…, with `=` in place of the space"
                );
                return ExitCode::from(MISUSED);
            }
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { MISUSED } else { OK });
        }
    };
    let config = cli.config.as_deref();
    ExitCode::from(match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(load(config, &keys)),
        Command::CheckConfig => check(&load(config, &keys)),
        Command::Decode { .. } if config.is_some() || !keys.is_empty() => {
            eprintln!("decode reads no configuration");
            MISUSED
        }
        Command::Decode { tracks } => decode::decode(&tracks),
        Command::Play(args) => play(args, config, keys),
    })
}

fn load(config: Option<&Path>, keys: &[(String, String)]) -> Loaded {
    let env = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    let file = config.unwrap_or(Path::new(DEFAULT_CONFIG));
    config::load(Some(file), config.is_some(), env, keys)
}

fn refuse(errors: &[config::Diagnostic]) -> u8 {
    for error in errors {
        eprintln!("{error}\n");
    }
    eprintln!(
        "the configuration has {} error(s); nothing was started",
        errors.len()
    );
    MISUSED
}

fn check(loaded: &Loaded) -> u8 {
    for line in &loaded.effective {
        // whoever reads may have read enough
        let _ = writeln!(std::io::stdout(), "{line}");
    }
    // with errors to act on, what needs no action would only hide them
    let is_worth =
        |said: &&config::Diagnostic| loaded.config.is_ok() || said.level != config::Level::Note;
    for said in loaded.warnings.iter().filter(is_worth) {
        eprintln!("{said}\n");
    }
    match &loaded.config {
        Ok(_) => OK,
        Err(errors) => refuse(errors),
    }
}

fn serve(loaded: Loaded) -> u8 {
    let said = config::in_brief(&loaded.warnings);
    let config = match loaded.config {
        Ok(config) => config,
        Err(errors) => {
            // a mistyped key may be the cause of an error
            for said in said.iter().filter(|s| s.level != config::Level::Note) {
                eprintln!("{}: {}\n", said.level, said.text);
            }
            return refuse(&errors);
        }
    };
    if let Err(e) = log::start(&config.logging) {
        eprintln!("cannot write the log: {e}");
        return FAILED;
    }
    for said in said {
        match said.level {
            config::Level::Note => tracing::info!("{}", said.text),
            config::Level::Warning | config::Level::Error => tracing::warn!("{}", said.text),
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

/// What `play` takes from the configuration: how sound is made and fetched. Whoever sits at the shell may play any file and
/// URL, and needs no password.
fn for_play(
    file: Option<&Path>,
    mut keys: Vec<(String, String)>,
) -> Result<Config, Vec<config::Diagnostic>> {
    // what the node says of a file that happens to lie here is of no interest
    let was_asked = file.is_some() || !keys.is_empty();
    keys.push(("lavalink.server.password".to_owned(), "unused".to_owned()));
    let loaded = load(file, &keys);
    for said in config::in_brief(&loaded.warnings) {
        if was_asked && said.level != config::Level::Note {
            eprintln!("{}: {}", said.level, said.text);
        }
    }
    let mut config = loaded.config?;
    config.lavalink.sources.http = true;
    config.lavalink.sources.local = true;
    config.lavalink.local_roots = None;
    Ok(config)
}

fn play(args: PlayArgs, file: Option<&Path>, keys: Vec<(String, String)>) -> u8 {
    let config = match for_play(file, keys) {
        Ok(config) => config,
        Err(errors) => return refuse(&errors),
    };
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
    let (target, done) = match args.output {
        Some(file) => (play::Target::File(file), "written"),
        None => {
            let settings = device::Settings {
                // whoever sits at the shell may use the cards
                backend: Backend::Alsa,
                ..node::device_settings(&config)
            };
            let name = args.device.unwrap_or_else(|| settings.device.clone());
            (
                play::Target::Device(device::devices(&settings), name),
                "played",
            )
        }
    };
    let is_file = matches!(target, play::Target::File(_));
    let wanted = play::Play {
        identifier: args.identifier,
        target,
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
    let settings = playback::Settings {
        // --from and --to are places in the track
        timescale_position: dsp::TimescalePosition::Track,
        ..node::playback_settings(&config)
    };
    let engine = playback::Engine::new(1, settings);
    let played = runtime.block_on(async {
        let sources = Registry::new(node::source_settings(&config));
        let stop = async {
            if node::told_to_stop().await.is_err() {
                std::future::pending().await // then the signals end the process, as they do without a handler
            }
        };
        play::play(wanted, &engine, &sources, stop).await
    });
    match played {
        Ok(played) => {
            let cut = if played.is_cut {
                " before it was stopped"
            } else {
                ""
            };
            let seconds = played.written.0 as f64 / f64::from(SAMPLE_RATE);
            eprintln!("{}: {seconds:.3} s {done}{cut}", played.name);
            // half a file is not what was asked for, but who has heard enough has
            if played.is_cut && is_file { FAILED } else { OK }
        }
        Err(e) => {
            let code = match e {
                play::PlayError::Format(_) | play::PlayError::Overwrites(_) => MISUSED,
                _ => FAILED,
            };
            eprintln!("{:#}", anyhow::Error::from(e));
            code
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
    fn keys_of_the_configuration_are_told_from_options() {
        let args = [
            "x",
            "--server.port=1",
            "play",
            "--output",
            "a.ogg",
            "--a.b",
            "--",
            "--c.d",
        ];
        let (keys, rest) = split_keys(args.into_iter().map(OsString::from));
        let key = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(keys, [key("server.port", "1"), key("a.b", "true")]);
        assert_eq!(rest, ["x", "play", "--output", "a.ogg", "--", "--c.d"]);
    }

    #[test]
    fn a_value_behind_a_space_is_told_from_a_command() {
        let key = |args: &[&str]| {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            let (_, rest) = split_keys(args.iter().cloned());
            let refused = Cli::try_parse_from(rest).err()?;
            key_without_value(&args, &refused).map(str::to_owned)
        };
        let port = Some("--server.port".to_owned());
        assert_eq!(key(&["x", "--server.port", "2333"]), port);
        assert_eq!(
            key(&["x", "--a.b=1", "--server.port", "2333", "serve"]),
            port
        );
        assert_eq!(key(&["x", "check-config", "--server.port", "2333"]), port);
        // a switch may stand alone, and what is refused elsewhere is something else
        assert_eq!(key(&["x", "--voice.plaintext", "serve"]), None);
        assert_eq!(key(&["x", "--server.port=1", "srve"]), None);
        assert_eq!(key(&["x", "--voice.plaintext", "serve", "more"]), None);
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
