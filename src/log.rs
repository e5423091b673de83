//! Owns: where log lines go: the terminal, and rolling files.
//! Never knows: what is logged.

use crate::config::{LogLevel, Logging, logger};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal, Write},
    path::PathBuf,
    str::FromStr,
    sync::{Mutex, PoisonError},
};
use tracing_subscriber::{
    EnvFilter, filter::Directive, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt,
};

/// Lavalink's name for the file.
const FILE_NAME: &str = "spring.log";

/// Starts logging as configured; `RUST_LOG` wins over the levels of the configuration.
///
/// # Errors
/// When the log file cannot be opened.
pub fn start(settings: &Logging) -> io::Result<()> {
    let terminal = tracing_subscriber::fmt::layer().with_ansi(io::stdout().is_terminal());
    let file = match &settings.file_path {
        None => None,
        Some(folder) => {
            let rolling = Rolling::open(
                folder.clone(),
                settings.max_file_bytes,
                settings.max_history,
            )?;
            Some(
                tracing_subscriber::fmt::layer()
                    .with_ansi(false)
                    .with_writer(rolling),
            )
        }
    };
    // a second start in one process (tests) keeps the first
    let _ = tracing_subscriber::registry()
        .with(filter(&directives(settings)))
        .with(terminal)
        .with(file)
        .try_init();
    Ok(())
}

/// For tools: only what went wrong, to standard error; `RUST_LOG` shows more.
pub fn start_quiet() {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter("warn"))
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .try_init();
}

/// The levels as filter directives.
fn directives(settings: &Logging) -> String {
    let root = settings
        .levels
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(logger::ROOT))
        .map_or_else(LogLevel::default, |(_, level)| *level);
    let mut all = vec![root.as_directive().to_owned()];
    if matches!(root, LogLevel::Trace | LogLevel::Debug) {
        // the transport's own chatter hides what one looks for
        all.push("hyper=info,rustls=info".to_owned());
    }
    // Of two directives for one module a filter keeps the later: in the order of the names that is the inner one of two
    // packages, and `lavalink_rust…` rather than `lavalink…`.
    for (name, level) in &settings.levels {
        for module in logger::modules(name).unwrap_or_default() {
            all.push(format!("{module}={}", level.as_directive()));
        }
    }
    all.join(",")
}

/// Libraries that write keys, tokens or whole messages at finer levels; only one that names the very module shows those.
const TELL_SECRETS: [&str; 3] = ["davey", "openmls", "tungstenite"];

/// `RUST_LOG`, or else `usual`, as a filter that lets no secret through.
fn filter(usual: &str) -> EnvFilter {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    TELL_SECRETS.iter().fold(filter, |filter, name| {
        let cap = Directive::from_str(&format!("{name}=warn")).expect("a name and a level");
        filter.add_directive(cap)
    })
}

/// A log file that is closed and numbered when it has grown enough; the oldest go.
struct Rolling {
    folder: PathBuf,
    max_bytes: u64,
    max_history: u32,
    open: Mutex<(File, u64)>,
}

impl Rolling {
    fn open(folder: PathBuf, max_bytes: u64, max_history: u32) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(FILE_NAME))?;
        let size = file.metadata()?.len();
        Ok(Self {
            folder,
            max_bytes: max_bytes.max(1),
            max_history,
            open: Mutex::new((file, size)),
        })
    }

    /// `spring.log.1` is the newest closed file.
    fn roll(&self) -> io::Result<File> {
        let numbered = |n: u32| self.folder.join(format!("{FILE_NAME}.{n}"));
        let _ = fs::remove_file(numbered(self.max_history));
        for n in (1..self.max_history).rev() {
            let _ = fs::rename(numbered(n), numbered(n + 1));
        }
        let current = self.folder.join(FILE_NAME);
        if self.max_history > 0 {
            let _ = fs::rename(&current, numbered(1));
        }
        OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(current)
    }
}

impl Write for &Rolling {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.1 > 0 && open.1 + line.len() as u64 > self.max_bytes {
            *open = (self.roll()?, 0);
        }
        open.0.write_all(line)?;
        open.1 += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .flush()
    }
}

impl<'a> MakeWriter<'a> for Rolling {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_full_file_is_closed_and_the_oldest_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Rolling::open(folder.path().into(), 10, 2).expect("opens");
        for line in ["first----\n", "second---\n", "third----\n", "fourth---\n"] {
            (&log).write_all(line.as_bytes()).expect("writes");
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        assert_eq!(
            (read("spring.log"), read("spring.log.1")),
            ("fourth---\n".into(), "third----\n".into())
        );
        assert_eq!(
            (read("spring.log.2"), read("spring.log.3")),
            ("second---\n".into(), String::new())
        );
    }

    #[test]
    fn the_finest_level_shows_no_librarys_secrets() {
        let all = tracing_subscriber::registry().with(filter("trace"));
        tracing::subscriber::with_default(all, || {
            assert!(tracing::enabled!(target: "lavalink_rust", tracing::Level::TRACE));
            assert!(!tracing::enabled!(target: "davey::session", tracing::Level::INFO));
            assert!(!tracing::enabled!(target: "openmls", tracing::Level::DEBUG));
        });
    }

    #[test]
    fn each_logger_has_its_level() {
        let mut settings = Config::default().logging;
        settings.levels = [
            ("root", LogLevel::Warn),
            ("lavalink", LogLevel::Debug),
            ("lavalink.server", LogLevel::Info),
            ("lavalink.server.io", LogLevel::Error),
            ("lavalink.server.io.RequestLoggingFilter", LogLevel::Off),
            ("lavalink_rust::server::log", LogLevel::Info),
            ("com.sedmelluq.discord.lavaplayer", LogLevel::Trace),
            ("org.example", LogLevel::Trace),
        ]
        .map(|(name, level)| (name.to_owned(), level))
        .into();
        let levels = tracing_subscriber::registry().with(filter(&directives(&settings)));
        tracing::subscriber::with_default(levels, || {
            use tracing::{Level, enabled};
            assert!(enabled!(target: "hyper", Level::WARN));
            assert!(!enabled!(target: "hyper", Level::INFO));
            assert!(enabled!(target: "lavalink_rust::output", Level::INFO));
            assert!(!enabled!(target: "lavalink_rust::output", Level::DEBUG));
            assert!(!enabled!(target: "lavalink_rust::server::listen", Level::WARN));
            assert!(enabled!(target: "lavalink_rust::server::log", Level::INFO));
            assert!(enabled!(target: "lavalink_rust::media::http", Level::TRACE));
            assert!(!enabled!(target: "org::example", Level::INFO));
        });
    }
}
