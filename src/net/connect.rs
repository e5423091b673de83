//! Owns: connections to servers: names, TCP, the proxy, TLS, and what each may hold in memory.
//! Never knows: what is asked for, passwords of addresses.

use super::{
    MAX_CHUNK, Proxy, Settings, USER_AGENT,
    bound::{self, Dialer},
    guard::Guard,
    icy::IcyAware,
};
use crate::units::Secret;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Uri, header, uri::Scheme};
use http_body_util::Full;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{
        self,
        connect::{Connected, Connection, HttpConnector, proxy::Tunnel},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::ClientConfig;
use std::{
    error::Error,
    io::{self, IoSlice},
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::TcpStream;
use tower_service::Service;

/// Connections to one host that are kept for the next request; a playback has one of its own anyway.
const IDLE_CONNECTIONS: usize = 2;
const IDLE_FOR: Duration = Duration::from_secs(15);
/// A connection whose window is full may be silent for hours: probes find out whether there still is another side, so
/// that a vanished one is dropped after a minute.
const PROBE_EVERY: Duration = Duration::from_secs(15);
const PROBES: u32 = 3;
/// How long sent bytes may go unacknowledged; only some systems can be told.
const UNACKNOWLEDGED_FOR: Option<Duration> = Some(Duration::from_secs(30));

type BoxError = Box<dyn Error + Send + Sync>;

/// The body of our requests: none, for nearly all.
pub(super) type Body = Full<Bytes>;

/// Asks over connections that it makes and keeps. HTTP/1.1 only: in HTTP/2 a paused playback would hold the others' window.
pub(super) type Client = legacy::Client<Connector, Body>;

/// A client that reads at most [`MAX_CHUNK`] at a time, so that this is also the limit of an answer's headers.
///
/// # Errors
/// When the proxy's host is none, as text.
pub(super) fn client(
    settings: &Settings,
    guard: &Guard,
    tls: Arc<ClientConfig>,
) -> Result<Client, String> {
    let tcp = Tcp::Free(tcp(settings, resolver(settings, guard)));
    over(tcp, settings, tls)
}

/// The same over connections that leave from one address of this machine.
///
/// # Errors
/// When the proxy's host is none, as text.
pub(super) fn client_from(
    settings: &Settings,
    guard: &Guard,
    tls: Arc<ClientConfig>,
    from: IpAddr,
) -> Result<Client, String> {
    let dialer = dialer(settings, resolver(settings, guard), from);
    over(Tcp::Bound(dialer), settings, tls)
}

/// What looks up the host that is connected to: the guard, or for a proxy's own address one that blocks nothing.
pub(super) fn resolver(settings: &Settings, guard: &Guard) -> Guard {
    match &settings.proxy {
        None => guard.clone(),
        // the proxy itself is the operator's choice; targets are checked before they are sent to it
        Some(_) => Guard::new(false),
    }
}

/// Makes connections that leave from one address of this machine.
pub(super) fn dialer(settings: &Settings, resolver: Guard, from: IpAddr) -> Dialer {
    Dialer {
        resolver,
        from,
        limits: bound::Limits {
            connect: settings.connect_timeout,
            probe_every: PROBE_EVERY,
            probes: PROBES,
            unacknowledged: UNACKNOWLEDGED_FOR,
        },
    }
}

fn over(tcp: Tcp, settings: &Settings, tls: Arc<ClientConfig>) -> Result<Client, String> {
    let route = Route {
        tcp,
        via: settings.proxy.as_ref().map(Via::new).transpose()?,
    };
    let connector = Connector {
        https: HttpsConnector::from((route, tls)),
        limit: settings.connect_timeout,
    };
    Ok(legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_FOR)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .http1_read_buf_exact_size(MAX_CHUNK)
        // radio servers put all sorts of things there
        .http1_ignore_invalid_headers_in_responses(true)
        .build(connector))
}

fn tcp(settings: &Settings, resolver: Guard) -> HttpConnector<Guard> {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // shared out among the addresses of a name
    tcp.set_connect_timeout(Some(settings.connect_timeout));
    tcp.set_keepalive(Some(PROBE_EVERY));
    tcp.set_keepalive_interval(Some(PROBE_EVERY));
    tcp.set_keepalive_retries(Some(PROBES));
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    tcp.set_tcp_user_timeout(UNACKNOWLEDGED_FOR);
    tcp
}

/// Credentials as a header carries them (RFC 7617), marked so that no log prints them.
pub(super) fn basic(user: &str, password: &Secret) -> HeaderValue {
    let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
    let mut value = HeaderValue::try_from(format!("Basic {pair}")).expect("Base64 is ASCII");
    value.set_sensitive(true);
    value
}

/// Connects to the server of a URL, DNS, proxy and TLS included, within one time limit.
#[derive(Clone)]
pub(super) struct Connector {
    https: HttpsConnector<Route>,
    limit: Duration,
}

impl Service<Uri> for Connector {
    type Response = IcyAware<MaybeHttpsStream<Wire>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.limit, self.https.call(target));
        Box::pin(async move {
            let stream = connecting
                .await
                .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))?;
            Ok(IcyAware::new(stream))
        })
    }
}

/// Makes TCP connections.
#[derive(Clone)]
enum Tcp {
    /// From any address of this machine, as the system chooses.
    Free(HttpConnector<Guard>),
    /// From one.
    Bound(Dialer),
}

impl Service<Uri> for Tcp {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Free(tcp) => tcp.poll_ready(context).map_err(Into::into),
            Self::Bound(dialer) => dialer.poll_ready(context),
        }
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        match self {
            Self::Free(tcp) => {
                let connecting = tcp.call(target);
                Box::pin(async move { Ok(connecting.await?) })
            }
            Self::Bound(dialer) => dialer.call(target),
        }
    }
}

/// Where the TCP connection for a URL goes.
#[derive(Clone)]
struct Route {
    tcp: Tcp,
    via: Option<Via>,
}

/// A proxy: plain requests are handed to it, what is encrypted passes through it.
#[derive(Clone)]
struct Via {
    proxy: Uri,
    /// What it is told besides where a tunnel leads.
    headers: HeaderMap,
}

impl Via {
    fn new(proxy: &Proxy) -> Result<Self, String> {
        let uri = Uri::try_from(format!("http://{}:{}", proxy.host, proxy.port))
            .map_err(|error| format!("the proxy's host: {error}"))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if let Some((user, password)) = &proxy.credentials {
            headers.insert(header::PROXY_AUTHORIZATION, basic(user, password));
        }
        Ok(Self {
            proxy: uri,
            headers,
        })
    }
}

impl Service<Uri> for Route {
    type Response = Wire;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Wire, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let Some(via) = &self.via else {
            return wire(self.tcp.call(target), false);
        };
        if target.scheme() != Some(&Scheme::HTTPS) {
            return wire(self.tcp.call(via.proxy.clone()), true);
        }
        let mut tunnel =
            Tunnel::new(via.proxy.clone(), self.tcp.clone()).with_headers(via.headers.clone());
        wire(tunnel.call(target), false)
    }
}

fn wire<E: Into<BoxError> + 'static>(
    connecting: impl Future<Output = Result<TokioIo<TcpStream>, E>> + Send + 'static,
    is_proxied: bool,
) -> BoxFuture<'static, Result<Wire, BoxError>> {
    Box::pin(async move {
        let stream = connecting.await.map_err(Into::into)?;
        Ok(Wire { stream, is_proxied })
    })
}

/// A TCP connection that knows whether requests on it must name their host, as a proxy needs it (RFC 9112, 3.2.2).
pub(super) struct Wire {
    stream: TokioIo<TcpStream>,
    is_proxied: bool,
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.is_proxied)
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
