//! Owns: how a WebSocket to a voice server is opened: endpoint, name lookup, TLS roots, limits.
//! Never knows: what is said over it.

use crate::{
    error::Failure,
    net::{guard::Guard, tls},
};
use rustls::pki_types::ServerName;
use std::{path::PathBuf, sync::Arc, sync::OnceLock, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::WebSocketConfig};

/// Version of the voice gateway protocol.
const GATEWAY_VERSION: u8 = 8;
/// The library's default is 128 KiB for each connection; messages here have some hundred bytes.
const READ_BUFFER: usize = 4096;
/// The largest message is a welcome to a full group, far below this.
const MAX_MESSAGE: usize = 1 << 20;

/// What the WebSocket runs over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// An open WebSocket.
pub(super) type WebSocket = Box<WebSocketStream<Box<dyn Stream>>>;

/// Opens WebSockets; shared by all connections, so that there is one set of TLS roots.
pub(super) struct Dialer {
    roots: Vec<PathBuf>,
    is_plaintext: bool,
    timeout: Duration,
    guard: Guard,
    /// Made at the first connection: reading the roots takes milliseconds and memory that an idle node does not need.
    tls: OnceLock<Arc<rustls::ClientConfig>>,
}

impl Dialer {
    pub(super) const fn new(
        roots: Vec<PathBuf>,
        is_plaintext: bool,
        timeout: Duration,
        guard: Guard,
    ) -> Self {
        Self {
            roots,
            is_plaintext,
            timeout,
            guard,
            tls: OnceLock::new(),
        }
    }

    /// Decides where may be connected to; also asked about the UDP address that a voice server names.
    pub(super) const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Opens a WebSocket to `endpoint` within the time limit.
    ///
    /// # Errors
    /// When the endpoint is malformed, blocked or not reached, with what was attempted and why it failed.
    pub(super) async fn dial(&self, endpoint: &str) -> Result<WebSocket, Failure> {
        let failed =
            || Failure::suspicious(format!("Connecting to voice server {endpoint} failed."));
        let address = Endpoint::parse(endpoint).ok_or_else(|| {
            Failure::common(format!("{endpoint:?} is not a voice server endpoint."))
        })?;
        match tokio::time::timeout(self.timeout, self.open(&address)).await {
            Ok(Ok(socket)) => Ok(socket),
            Ok(Err(error)) => Err(failed().because(error)),
            Err(_) => Err(failed().because(format!("no answer within {:?}", self.timeout))),
        }
    }

    async fn open(
        &self,
        to: &Endpoint,
    ) -> Result<WebSocket, Box<dyn std::error::Error + Send + Sync>> {
        let admitted = self.guard.resolve(&to.host, to.port).await?;
        let tcp = TcpStream::connect(&admitted[..]).await?;
        tcp.set_nodelay(true)?;
        let (scheme, stream): (_, Box<dyn Stream>) = if self.is_plaintext {
            ("ws", Box::new(tcp))
        } else {
            let name = ServerName::try_from(to.host.clone())?;
            let tls = tokio_rustls::TlsConnector::from(self.tls().clone());
            ("wss", Box::new(tls.connect(name, tcp).await?))
        };
        let url = format!("{scheme}://{}/?v={GATEWAY_VERSION}", to.authority());
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let (socket, _) =
            tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await?;
        Ok(Box::new(socket))
    }

    fn tls(&self) -> &Arc<rustls::ClientConfig> {
        self.tls.get_or_init(|| tls::client_config(&self.roots))
    }
}

/// A voice server's name and port.
#[derive(Debug, PartialEq)]
struct Endpoint {
    /// A DNS name or an address, IPv6 without brackets.
    host: String,
    port: u16,
}

impl Endpoint {
    const DEFAULT_PORT: u16 = 443;

    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`. A host with anything that is no part of a name is refused: it
    /// comes from a client and goes into a URL.
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (
                    host,
                    port.strip_prefix(':').or(port.is_empty().then_some("")),
                )
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, (!port.is_empty()).then_some(port)),
                None => (text, Some("")),
            },
        };
        let port = match port? {
            "" => Self::DEFAULT_PORT,
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
            _ => return None,
        };
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let is_host = text.starts_with('[') || host.bytes().all(is_name);
        (is_host && !host.is_empty() && host.len() <= 253 && port != 0).then(|| Self {
            host: host.to_owned(),
            port,
        })
    }

    /// As it stands in a URL.
    fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_in_all_their_forms() {
        for (text, host, port, authority) in [
            (
                "eu.discord.media",
                "eu.discord.media",
                443,
                "eu.discord.media:443",
            ),
            ("127.0.0.1:9", "127.0.0.1", 9, "127.0.0.1:9"),
            ("[::1]:2048", "::1", 2048, "[::1]:2048"),
            ("[2001:db8::1]", "2001:db8::1", 443, "[2001:db8::1]:443"),
        ] {
            let endpoint = Endpoint::parse(text).expect(text);
            assert_eq!((endpoint.host.as_str(), endpoint.port), (host, port));
            assert_eq!(endpoint.authority(), authority);
        }
    }

    #[test]
    fn malformed_endpoints_are_refused() {
        for text in [
            "", ":443", "a:", "a:0", "a:99999", "a:+5", "a/b", "a@b", "a b", "[::1", "[x]:1",
            "::1", "a?b:1", "[::1]x",
        ] {
            assert_eq!(Endpoint::parse(text), None, "{text:?}");
        }
    }

    fn dialer(guard: Guard) -> Dialer {
        Dialer::new(Vec::new(), true, Duration::from_secs(5), guard)
    }

    #[tokio::test]
    async fn a_refused_connection_says_to_whom() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = free.local_addr().unwrap().to_string();
        drop(free);
        let failure = dialer(Guard::new(false)).dial(&endpoint).await.err();
        let failure = failure.expect("refused");
        assert!(failure.message.contains(&endpoint), "{failure}");
    }

    #[tokio::test]
    async fn a_blocked_address_is_not_connected_to_and_tells_nothing_of_its_port() {
        let open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        open.set_nonblocking(true).unwrap();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ports = [&open, &closed].map(|l| l.local_addr().unwrap().port());
        drop(closed);
        let dialer = dialer(Guard::new(true));
        for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
            for port in ports {
                let failure = dialer.dial(&format!("{host}:{port}")).await.err();
                let trace = failure.expect("blocked").trace();
                let why = trace.split("Caused by: ").nth(1).unwrap_or_default();
                assert!(
                    why.ends_with("and private addresses are blocked"),
                    "{trace}"
                );
            }
        }
        let called = open.accept();
        assert_eq!(called.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}
