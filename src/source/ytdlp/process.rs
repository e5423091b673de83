//! Owns: running a program for an answer: how many run at a time, how long, with how much memory, and that nothing of them is
//! left behind.
//! Never knows: what is asked, or what an answer means.

use crate::net::{Clients, gate::Gate};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    sync::Semaphore,
};

/// The longest answer, in bytes. A list of a thousand entries takes 1.5 MB, a video in many formats 1 MB.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;
/// What is kept of its complaints, in bytes; the rest is read and thrown away, so that the program does not wait.
const MAX_COMPLAINTS: u64 = 64 * 1024;
/// Variables that a program gets of our own, which may hold passwords: where it finds others, and its files; which
/// certificates are trusted.
const VARIABLES: &[&str] = &[
    "PATH",
    "HOME",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// What programs are held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Programs at a time.
    pub processes: usize,
    /// Questions that may wait for a place.
    pub queue: usize,
    /// How long one may wait for a place, and then how long it may take.
    pub timeout: Duration,
    /// Writable memory of each of a program's processes, in bytes; 0: no limit. On Linux only.
    pub memory_bytes: u64,
}

/// What a program said.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    /// On its standard output.
    pub answer: Vec<u8>,
    /// On its standard error: the beginning.
    pub complaints: String,
}

/// Why there is no answer. Says nothing of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Too many are waiting, or one waited too long.
    #[error("all places for programs are taken")]
    Busy,
    /// The operating system refuses.
    #[error("the program cannot be started")]
    Start(#[source] io::Error),
    /// It did not end in time.
    #[error("the program was stopped after {} s", .0.as_secs())]
    Timeout(Duration),
    /// More than [`MAX_ANSWER`].
    #[error("the program answered with more than {MAX_ANSWER} bytes")]
    TooLong,
    /// What it says cannot be read.
    #[error("the program's answer cannot be read")]
    Read(#[source] io::Error),
}

/// Runs one program, again and again.
pub struct Runner {
    program: PathBuf,
    limits: Limits,
    clients: Clients,
    queue: Semaphore,
    places: Semaphore,
}

impl Runner {
    /// Of the program at this path, which reaches the network as `clients` do.
    #[must_use]
    pub fn new(program: PathBuf, limits: Limits, clients: Clients) -> Self {
        let places = limits.processes.clamp(1, Semaphore::MAX_PERMITS / 2);
        let queue = limits.queue.min(Semaphore::MAX_PERMITS / 2);
        Self {
            program,
            limits,
            clients,
            queue: Semaphore::new(places + queue),
            places: Semaphore::new(places),
        }
    }

    /// Asks the program. Cancel-safe: when the future is dropped, the program and all that it has started are killed.
    ///
    /// # Errors
    /// When there is no answer. A program that only fails has answered.
    pub async fn run(&self, arguments: &[OsString]) -> Result<Said, RunError> {
        let _queued = self.queue.try_acquire().map_err(|_| RunError::Busy)?;
        let limit = self.limits.timeout;
        let waiting = tokio::time::timeout(limit, self.places.acquire()).await;
        let _place = waiting.ok().and_then(Result::ok).ok_or(RunError::Busy)?;
        tokio::time::timeout(limit, self.run_now(arguments))
            .await
            .unwrap_or(Err(RunError::Timeout(limit)))
    }

    async fn run_now(&self, arguments: &[OsString]) -> Result<Said, RunError> {
        let gate = Gate::open(&self.clients).await.map_err(RunError::Start)?;
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .env("LANG", "C.UTF-8")
            .env("PYTHONUTF8", "1")
            .envs(VARIABLES.iter().filter_map(|name| {
                let value = std::env::var_os(name)?;
                Some((name, value))
            }))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // of its own, so that what it starts can be found
            .process_group(0);
        if let Some(gate) = &gate {
            // not among the arguments, which everybody on the machine can read
            let url = gate.url();
            command.env("http_proxy", &url).env("https_proxy", &url);
        }
        let mut running = Running::new(command.spawn().map_err(RunError::Start)?);
        running.limit_memory(self.limits.memory_bytes);
        tokio::select! {
            said = running.finish() => said,
            () = Gate::serve(gate.as_ref()) => Err(RunError::Busy),
        }
    }
}

/// A program that runs. Dropped before it has ended, it is killed, and all of its group.
struct Running {
    child: Child,
    /// Named after its first process, which is not waited for before the last moment: until then, nobody else gets its number.
    group: Option<Pid>,
}

impl Running {
    fn new(child: Child) -> Self {
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            child,
            group: group.and_then(Pid::from_raw),
        }
    }

    /// From now on; the program has hardly begun. What it starts inherits the limit. Address space is not limited, because
    /// engines of JavaScript reserve many times of what they use.
    #[cfg(target_os = "linux")]
    fn limit_memory(&self, bytes: u64) {
        use rustix::process::{Resource, Rlimit, prlimit};
        if bytes == 0 || self.group.is_none() {
            return;
        }
        let limit = Rlimit {
            current: Some(bytes),
            maximum: Some(bytes),
        };
        // it may have ended already
        if let Err(error) = prlimit(self.group, Resource::Data, limit) {
            tracing::debug!(%error, "the memory of a program is not limited");
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn limit_memory(&self, _: u64) {}

    async fn finish(&mut self) -> Result<Said, RunError> {
        let (answer, complaints) = (self.child.stdout.take(), self.child.stderr.take());
        let (answer, complaints) = tokio::try_join!(
            read(answer, MAX_ANSWER, Excess::Refused),
            read(complaints, MAX_COMPLAINTS, Excess::Lost),
        )?;
        self.child.wait().await.map_err(RunError::Read)?;
        self.group = None;
        Ok(Said {
            answer,
            complaints: String::from_utf8_lossy(&complaints).into_owned(),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group
            && let Err(error) = kill_process_group(group, Signal::KILL)
        {
            tracing::debug!(%error, "a program was not killed");
        }
    }
}

/// What becomes of what is too much.
#[derive(Clone, Copy)]
enum Excess {
    Refused,
    Lost,
}

async fn read(
    from: Option<impl AsyncRead + Unpin>,
    limit: u64,
    excess: Excess,
) -> Result<Vec<u8>, RunError> {
    let mut bytes = Vec::new();
    let Some(mut from) = from else {
        return Ok(bytes);
    };
    let taken = (&mut from).take(limit).read_to_end(&mut bytes).await;
    taken.map_err(RunError::Read)?;
    let mut more = [0; 4096];
    while from.read(&mut more).await.map_err(RunError::Read)? > 0 {
        if let Excess::Refused = excess {
            return Err(RunError::TooLong);
        }
    }
    Ok(bytes)
}

/// The program of this name in the folders of `PATH`, or at this path when it has more than one part. Blocks shortly.
#[must_use]
pub fn find(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return is_executable(program).then(|| program.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
