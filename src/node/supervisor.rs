//! Owns: what the service manager is told: that the node is ready, that it stops, that it is alive (sd_notify(3)).
//! Never knows: what readiness and life consist of.
//!
//! Nothing is told where nobody asks: a service manager asks by the environment variables `NOTIFY_SOCKET` and `WATCHDOG_USEC`.

use std::{
    env,
    ffi::OsString,
    io,
    net::SocketAddr,
    os::{
        linux::net::SocketAddrExt,
        unix::{ffi::OsStrExt, net},
    },
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The service manager, if there is one.
#[derive(Default)]
pub(super) struct Supervisor {
    /// Connected, and never waiting: a manager that does not read must not hold anything up.
    socket: Option<net::UnixDatagram>,
    /// The manager ends a service that has been silent for so long.
    patience: Option<Duration>,
}

impl Supervisor {
    /// The one that has started this process.
    pub(super) fn of_this_process() -> Self {
        Self::asking(|name| env::var_os(name), std::process::id())
    }

    fn asking(variable: impl Fn(&str) -> Option<OsString>, pid: u32) -> Self {
        let Some(name) = variable("NOTIFY_SOCKET") else {
            return Self::default();
        };
        let socket = match connect(&name) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::warn!(
                    %error,
                    "the service manager cannot be told of the node: NOTIFY_SOCKET leads nowhere"
                );
                return Self::default();
            }
        };
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        // sd_watchdog_enabled(3): without a process id, or with ours, it is us who are watched
        let is_ours = variable("WATCHDOG_PID").is_none()
            || number("WATCHDOG_PID").is_some_and(|watched| watched == u64::from(pid));
        Self {
            socket: Some(socket),
            patience: number("WATCHDOG_USEC")
                .filter(|micros| is_ours && *micros > 0)
                .map(Duration::from_micros),
        }
    }

    /// The node takes connections.
    pub(super) fn ready(&self, address: SocketAddr) {
        self.tell(&format!("READY=1\nSTATUS=listening on {address}"));
    }

    /// The node has begun to stop.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Tells that the node is alive as long as it is: twice in the time that the manager waits, `is_alive` has to return. Where
    /// nobody watches, it never does anything. Does not end.
    pub(super) async fn watch<F: Future<Output = ()>>(&self, is_alive: impl Fn() -> F) {
        let Some(patience) = self.patience else {
            return std::future::pending().await;
        };
        let every = patience / 2;
        let mut beat = interval(every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_alive = true;
        loop {
            beat.tick().await;
            let is_alive = timeout(every, is_alive()).await.is_ok();
            if is_alive {
                self.tell("WATCHDOG=1");
            } else if was_alive {
                tracing::error!(
                    "neither sessions nor decoding threads have answered for {every:?}; the service manager will end the node"
                );
            }
            was_alive = is_alive;
        }
    }

    fn tell(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(state.as_bytes()) {
            tracing::warn!(%error, state, "the service manager could not be told");
        }
    }
}

/// A path, or a name in Linux's abstract namespace behind an `@`.
fn connect(name: &OsString) -> io::Result<net::UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => net::SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => net::SocketAddr::from_pathname(name)?,
        _ => {
            let problem = "it is neither an absolute path nor an abstract name";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
    };
    let socket = net::UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::{pending, ready},
        sync::atomic::{AtomicBool, Ordering},
    };

    const PID: u32 = 4711;

    /// A manager's socket in a folder that lives as long, and what connects to it.
    fn manager(
        variables: &[(&'static str, &'static str)],
    ) -> (tempfile::TempDir, net::UnixDatagram, Supervisor) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = net::UnixDatagram::bind(&path).expect("a socket");
        socket.set_nonblocking(true).expect("a setting");
        let supervisor = Supervisor::asking(
            |name| match name {
                "NOTIFY_SOCKET" => Some(path.clone().into()),
                _ => variables
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).into()),
            },
            PID,
        );
        (folder, socket, supervisor)
    }

    /// What has been told so far.
    fn told(socket: &net::UnixDatagram) -> Vec<String> {
        let mut buffer = [0; 256];
        std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|n| buffer[..n].to_vec()))
            .map(|state| String::from_utf8(state).expect("text"))
            .collect()
    }

    #[test]
    fn start_and_stop_are_told_as_the_manual_has_them() {
        let (_folder, socket, supervisor) = manager(&[]);
        supervisor.ready(([127, 0, 0, 1], 2333).into());
        supervisor.stopping();
        let wanted = ["READY=1\nSTATUS=listening on 127.0.0.1:2333", "STOPPING=1"];
        assert_eq!(told(&socket), wanted);
    }

    #[test]
    fn an_abstract_socket_is_reached() {
        let name = format!("lavalink-rust-test-{}", std::process::id());
        let address = net::SocketAddr::from_abstract_name(&name).expect("a name");
        let socket = net::UnixDatagram::bind_addr(&address).expect("a socket");
        socket.set_nonblocking(true).expect("a setting");
        let variable =
            |wanted: &str| (wanted == "NOTIFY_SOCKET").then(|| format!("@{name}").into());
        Supervisor::asking(variable, PID).stopping();
        assert_eq!(told(&socket), ["STOPPING=1"]);
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        for name in [None, Some("relative"), Some(""), Some("/nowhere/at/all")] {
            let supervisor = Supervisor::asking(
                |wanted| name.filter(|_| wanted == "NOTIFY_SOCKET").map(Into::into),
                PID,
            );
            assert!(supervisor.socket.is_none(), "{name:?}");
            supervisor.stopping();
        }
    }

    #[test]
    fn only_the_process_that_is_meant_is_watched() {
        let watched = |variables| manager(variables).2.patience;
        let two_seconds = Some(Duration::from_secs(2));
        assert_eq!(watched(&[]), None);
        assert_eq!(watched(&[("WATCHDOG_USEC", "0")]), None);
        assert_eq!(watched(&[("WATCHDOG_USEC", "soon")]), None);
        assert_eq!(watched(&[("WATCHDOG_USEC", "2000000")]), two_seconds);
        let ours = [("WATCHDOG_USEC", "2000000"), ("WATCHDOG_PID", "4711")];
        assert_eq!(watched(&ours), two_seconds);
        let anothers = [("WATCHDOG_USEC", "2000000"), ("WATCHDOG_PID", "4712")];
        assert_eq!(watched(&anothers), None);
    }

    #[tokio::test(start_paused = true)]
    async fn as_long_as_the_node_answers_it_is_told_to_be_alive_twice_in_the_time_given() {
        let (_folder, socket, supervisor) = manager(&[("WATCHDOG_USEC", "10000000")]);
        let hangs = AtomicBool::new(false);
        let watch = supervisor.watch(|| async {
            if hangs.load(Ordering::Relaxed) {
                pending().await
            } else {
                ready(()).await
            }
        });
        tokio::pin!(watch);
        let mut pass = async |seconds| {
            let _ = timeout(Duration::from_secs(seconds), &mut watch).await;
            told(&socket).len()
        };
        assert_eq!(pass(21).await, 5, "at once, and every five seconds");
        hangs.store(true, Ordering::Relaxed);
        assert_eq!(pass(60).await, 0);
        hangs.store(false, Ordering::Relaxed);
        assert!(pass(20).await >= 3);
    }
}
