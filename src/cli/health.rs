//! Owns: asking a node whether it answers, for health checks of containers.
//! Never knows: what else the node does.

use crate::units::Secret;
use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// For everything: whoever needs longer to say its version is not well.
const PATIENCE: Duration = Duration::from_secs(3);
/// `HTTP/1.1 200`.
const STATUS_LEN: usize = 12;

/// Why a node is not healthy.
#[derive(Debug, thiserror::Error)]
pub(super) enum HealthError {
    #[error("server.port is 0, so that nobody knows where the node listens; give it a port")]
    AnyPort,
    #[error("the node at {0} does not answer")]
    Silent(SocketAddr, #[source] io::Error),
    #[error("the node at {0} has another password than this configuration")]
    Refused(SocketAddr),
    #[error("what answers at {0} is no node that is well: it says `{1}`")]
    Unwell(SocketAddr, String),
}

/// Asks for the version, which takes the HTTP server and the password.
///
/// # Errors
/// When the answer is another than 200, or none within three seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "a command of its own, with a limit of time"
)]
pub(super) fn ask(listens_on: IpAddr, port: u16, password: &Secret) -> Result<(), HealthError> {
    if port == 0 {
        return Err(HealthError::AnyPort);
    }
    let to = SocketAddr::new(reachable(listens_on), port);
    let until = Instant::now() + PATIENCE;
    let status = status(to, password, until).map_err(|e| HealthError::Silent(to, e))?;
    match status.get(9..) {
        Some("200") => Ok(()),
        Some("401" | "403") => Err(HealthError::Refused(to)),
        _ => Err(HealthError::Unwell(to, status)),
    }
}

/// Where a node that listens on all addresses is asked.
fn reachable(listens_on: IpAddr) -> IpAddr {
    match listens_on {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        one => one,
    }
}

/// The version of HTTP and the status.
#[expect(
    clippy::disallowed_methods,
    reason = "a command of its own, with a limit of time"
)]
fn status(to: SocketAddr, password: &Secret, until: Instant) -> io::Result<String> {
    let left = || {
        let left = until.saturating_duration_since(Instant::now());
        // zero would mean no limit
        Some(left.max(Duration::from_millis(1)))
    };
    let mut node = TcpStream::connect_timeout(&to, PATIENCE)?;
    node.set_write_timeout(left())?;
    write!(
        node,
        "GET /version HTTP/1.1\r\nHost: {to}\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
        password.expose()
    )?;
    let mut status = [0; STATUS_LEN];
    let mut len = 0;
    while len < STATUS_LEN {
        if Instant::now() > until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        node.set_read_timeout(left())?;
        match node.read(&mut status[len..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => len += n,
        }
    }
    Ok(String::from_utf8_lossy(&status).escape_debug().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead, BufReader},
        net::TcpListener,
        thread,
    };

    /// Answers one request so, and gives its head back.
    fn answered(answer: &'static str) -> (Result<(), HealthError>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let server = thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let mut lines = BufReader::new(client.try_clone().expect("a copy")).lines();
            let head: Vec<String> = std::iter::from_fn(|| lines.next()?.ok())
                .take_while(|line| !line.is_empty())
                .collect();
            client.write_all(answer.as_bytes()).expect("it is read");
            head
        });
        let result = ask(
            Ipv4Addr::UNSPECIFIED.into(),
            port,
            &Secret::new("pass word"),
        );
        (result, server.join().expect("the server"))
    }

    #[test]
    fn a_node_that_says_its_version_is_well() {
        let (result, head) = answered("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n4.2.2");
        result.expect("it is well");
        assert_eq!(head[0], "GET /version HTTP/1.1");
        assert!(head.contains(&"Authorization: pass word".to_owned()));
    }

    #[test]
    fn other_answers_are_told() {
        let said = |answer| answered(answer).0.expect_err("not well").to_string();
        assert!(said("HTTP/1.1 401 Unauthorized\r\n\r\n").contains("another password"));
        assert!(said("HTTP/1.1 503 Service Unavailable\r\n\r\n").contains("HTTP/1.1 503"));
        assert!(said("SSH-2.0-OpenSSH_9.2\r\n").contains("SSH-2.0-Open"));
        assert!(said("HTTP").contains("does not answer"));
    }

    #[test]
    fn nobody_there_is_told() {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let alone = ask(Ipv4Addr::LOCALHOST.into(), port, &Secret::new("x"));
        assert!(matches!(alone, Err(HealthError::Silent(..))), "{alone:?}");
        let any = ask(Ipv4Addr::LOCALHOST.into(), 0, &Secret::new("x"));
        assert!(matches!(any, Err(HealthError::AnyPort)), "{any:?}");
    }
}
