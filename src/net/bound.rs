//! Owns: TCP connections that leave from a chosen address of this machine.
//! Never knows: why that one, or what is said over them.

use super::guard::Guard;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::{TcpSocket, TcpStream};
use tower_service::Service;

type BoxError = Box<dyn Error + Send + Sync>;

/// The system does not let connections leave from an address: it is not one of this machine's.
#[derive(Debug, thiserror::Error)]
#[error("connections cannot leave from the address {address}")]
pub struct Unbindable {
    /// Which one.
    pub address: IpAddr,
    #[source]
    source: io::Error,
}

/// What the connections are held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For connecting, shared out among the addresses of a name.
    pub connect: Duration,
    /// How often the other side is probed while nothing is said, and how often in vain.
    pub probe_every: Duration,
    pub probes: u32,
    /// How long sent bytes may go unacknowledged; only some systems can be told.
    pub unacknowledged: Option<Duration>,
}

/// Connects from one address. A server that has no address of its family is connected to from any, as the original does for
/// IPv6: there is nothing to rotate then.
#[derive(Clone)]
pub(super) struct Dialer {
    pub resolver: Guard,
    pub from: IpAddr,
    pub limits: Limits,
}

impl Dialer {
    /// Connects to the first address of a name that answers.
    ///
    /// # Errors
    /// [`Unbindable`], [`Blocked`](super::guard::Blocked), or the first address's [`io::Error`].
    pub async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, BoxError> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let all = self.resolver.resolve(host, port).await?;
        let (same, others): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|to| to.is_ipv4() == self.from.is_ipv4());
        let (targets, from) = match same.is_empty() {
            true => (others, None),
            false => (same, Some(self.from)),
        };
        let patience = self.limits.connect / u32::try_from(targets.len().max(1)).unwrap_or(1);
        let mut first = None;
        for to in targets {
            let socket = self.socket(to, from)?;
            let connected = tokio::time::timeout(patience, socket.connect(to)).await;
            match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => return Ok(stream),
                Err(error) => first = first.or(Some(error)),
            }
        }
        let nowhere = || io::Error::from(io::ErrorKind::NotFound);
        Err(first.unwrap_or_else(nowhere).into())
    }

    fn socket(&self, to: SocketAddr, from: Option<IpAddr>) -> Result<TcpSocket, BoxError> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        let limits = &self.limits;
        let probes = TcpKeepalive::new()
            .with_time(limits.probe_every)
            .with_interval(limits.probe_every)
            .with_retries(limits.probes);
        socket.set_tcp_keepalive(&probes)?;
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        socket.set_tcp_user_timeout(limits.unacknowledged)?;
        if let Some(address) = from {
            bind(&socket, address).map_err(|source| Unbindable { address, source })?;
        }
        Ok(TcpSocket::from_std_stream(socket.into()))
    }
}

/// Chooses the address that a socket's connection leaves from, and leaves the port to the system.
pub(super) fn bind(socket: &Socket, from: IpAddr) -> io::Result<()> {
    let own = SocketAddr::new(from, 0).into();
    let bound = socket.bind(&own);
    // Linux takes the addresses of an IPv6 block that is only routed to this machine (`ip -6 route add local 2001:db8::/64
    // dev lo`) for its own when packets come in, but not here (ip(7), IP_FREEBIND). Those of IPv4 it does.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if from.is_ipv6()
        && let Err(error) = &bound
        && error.kind() == io::ErrorKind::AddrNotAvailable
    {
        socket.set_freebind_v6(true)?;
        return socket.bind(&own);
    }
    bound
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move {
            let default = match target.scheme_str() {
                Some("https") => 443,
                _ => 80,
            };
            let port = target.port_u16().unwrap_or(default);
            let host = target.host().unwrap_or_default();
            Ok(TokioIo::new(dialer.dial(host, port).await?))
        })
    }
}
