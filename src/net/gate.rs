//! Owns: the way to the network for programs that we start: a proxy on loopback that connects to what the guard lets pass.
//! Never knows: which program asks, or what is said over the connections.

use super::{Clients, Proxy, connect::basic};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use url::{Position, Url};

/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Connections at a time; more wait.
const MAX_CONNECTIONS: usize = 32;
/// The wait after a connection that could not be taken: there are too many open files, and soon may not be.
const BREATHER: Duration = Duration::from_millis(100);
/// The longest wait for a head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A proxy for one program. Open as long as it is [served](Self::serve).
pub struct Gate {
    listener: TcpListener,
    address: SocketAddr,
    clients: Clients,
}

impl Gate {
    /// A gate with the limits of `clients`; `None` when programs may go their own way: private addresses are not blocked, and
    /// there is neither a proxy nor a route planner that they would have to use.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn open(clients: &Clients) -> io::Result<Option<Self>> {
        let settings = clients.settings();
        let has_a_way = settings.proxy.is_some() || clients.routing().is_some();
        if !settings.block_private_addresses && !has_a_way {
            return Ok(None);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Some(Self {
            address: listener.local_addr()?,
            listener,
            clients: clients.clone(),
        }))
    }

    /// What a program is told (`http_proxy`).
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connects whoever asks, until it is dropped; never, when there is no gate.
    pub async fn serve(gate: Option<&Self>) {
        let Some(gate) = gate else {
            return std::future::pending().await;
        };
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = or_rest(gate.listener.accept()), if open.len() < MAX_CONNECTIONS => {
                    if let Some((stream, _)) = accepted {
                        open.push(gate.connect(stream));
                    }
                }
                Some(ended) = open.next(), if !open.is_empty() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection of a program ended");
                    }
                }
            }
        }
    }

    async fn connect(&self, mut stream: TcpStream) -> io::Result<()> {
        let reading = tokio::time::timeout(HEAD_TIMEOUT, read_head(&mut stream));
        let (head, rest) = reading.await.map_err(io::Error::other)??;
        let Some(wish) = Wish::read(&head) else {
            return refuse(&mut stream, "400 Bad Request").await;
        };
        let limit = self.clients.settings().connect_timeout;
        let dialled = tokio::time::timeout(limit, self.dial(&wish)).await;
        let mut server = match dialled {
            Ok(Ok(server)) => server,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a program is not connected");
                return refuse(&mut stream, "403 Forbidden").await;
            }
            Err(_) => return refuse(&mut stream, "504 Gateway Timeout").await,
        };
        match (&self.clients.settings().proxy, wish.is_tunnel) {
            (Some(proxy), _) => server.write_all(&for_proxy(&head, &wish, proxy)).await?,
            (None, true) => {
                let connected = b"HTTP/1.1 200 Connection established\r\n\r\n";
                stream.write_all(connected).await?;
            }
            (None, false) => server.write_all(&for_server(&head, &wish)).await?,
        }
        server.write_all(&rest).await?;
        copy_bidirectional(&mut stream, &mut server).await?;
        Ok(())
    }

    /// Connects to the very addresses that the guard has checked, or to the proxy, once it has.
    async fn dial(&self, wish: &Wish) -> io::Result<TcpStream> {
        let settings = self.clients.settings();
        let guard = &self.clients.inner.guard;
        if settings.proxy.is_some() && settings.block_private_addresses {
            // a name that only the proxy can look up is its business otherwise
            let known = guard.resolve(&wish.host, wish.port).await;
            known.map_err(io::Error::other)?;
            // the proxy may take any address of it
            let admitted = guard.admit(&wish.url, true).await;
            admitted.map_err(io::Error::other)?;
        }
        if let Some(routes) = self.clients.routing() {
            let (host, port) = match &settings.proxy {
                Some(proxy) => (&proxy.host, proxy.port),
                None => (&wish.host, wish.port),
            };
            return routes.dial(&self.clients, host, port).await;
        }
        match &settings.proxy {
            Some(proxy) => TcpStream::connect((proxy.host.as_str(), proxy.port)).await,
            None => {
                let admitted = guard.resolve(&wish.host, wish.port).await;
                TcpStream::connect(&*admitted.map_err(io::Error::other)?).await
            }
        }
    }
}

/// What was taken; nothing, after a moment, when that failed.
async fn or_rest<T>(taking: impl Future<Output = io::Result<T>>) -> Option<T> {
    match taking.await {
        Ok(taken) => Some(taken),
        Err(error) => {
            tracing::debug!(%error, "a connection of a program is not taken");
            tokio::time::sleep(BREATHER).await;
            None
        }
    }
}

/// Where a program wants to go.
#[derive(Debug)]
struct Wish {
    /// Of a tunnel, only host and port are said.
    url: Url,
    host: String,
    port: u16,
    /// For anything (RFC 9110, 9.3.6), not for one plain request (RFC 9112, 3.2.2).
    is_tunnel: bool,
}

impl Wish {
    fn read(head: &str) -> Option<Self> {
        let mut words = head.lines().next()?.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let is_tunnel = method == "CONNECT";
        // the URL standard knows how a host and a port are written
        let url = match is_tunnel {
            true => Url::parse(&format!("https://{target}/")).ok()?,
            false => Url::parse(target).ok().filter(|it| it.scheme() == "http")?,
        };
        Some(Self {
            host: url.host_str()?.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default()?,
            is_tunnel,
            url,
        })
    }

    /// What the server of a plain request is to be asked for.
    fn path(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }
}

/// The head of a request up to its empty line, and what came behind it.
async fn read_head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            let head = String::from_utf8(bytes).map_err(io::Error::other)?;
            return Ok((head, rest));
        }
        if bytes.len() > MAX_HEAD || stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

async fn refuse(stream: &mut TcpStream, status: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await
}

/// The same request for a proxy. A plain one ends the connection: the next one may be for another server.
fn for_proxy(head: &str, wish: &Wish, proxy: &Proxy) -> Vec<u8> {
    let first = head.lines().next().unwrap_or_default();
    let mut all = with_headers(first, head, wish.is_tunnel);
    if let Some((user, password)) = &proxy.credentials {
        all.extend(b"Proxy-Authorization: ");
        all.extend(basic(user, password).as_bytes());
        all.extend(b"\r\n");
    }
    all.extend(b"\r\n");
    all
}

/// The same plain request for its server.
fn for_server(head: &str, wish: &Wish) -> Vec<u8> {
    let method = head.split(' ').next().unwrap_or_default();
    let mut all = with_headers(&format!("{method} {} HTTP/1.1", wish.path()), head, false);
    all.extend(b"\r\n");
    all
}

/// A first line, and the headers behind that of `head`, without what is for a proxy only.
fn with_headers(first: &str, head: &str, stays_open: bool) -> Vec<u8> {
    let mut all = format!("{first}\r\n");
    for line in head.lines().skip(1).filter(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default();
        match &*name.trim().to_ascii_lowercase() {
            "proxy-authorization" | "proxy-connection" => continue,
            "connection" | "keep-alive" if !stays_open => continue,
            _ => all.extend([line, "\r\n"]),
        }
    }
    if !stays_open {
        all.push_str("Connection: close\r\n");
    }
    all.into_bytes()
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
