//! Owns: outgoing HTTP: clients, limits, address guard.
//! Never knows: what is fetched, or why.

pub mod address;
mod bound;
pub mod call;
mod connect;
mod dns;
pub mod freshness;
pub mod gate;
pub mod guard;
mod icy;
pub mod manner;
pub mod patience;
mod resource;
mod response;
pub mod route_planner;
pub mod routes;
pub mod tally;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;

use crate::{error::Failure, units::Secret};
use address::Address;
use bytes::Bytes;
use guard::{Blocked, Guard};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::connect::capture_connection;
use manner::{Fetching, Manner};
pub use resource::Resource;
pub use response::{Response, redirect};
use rustls::ClientConfig;
use std::{
    error::Error,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tally::Tally;
use url::{Host, Url};

/// Redirects that are followed before a fetch gives up: as many as a load follows references.
pub const MAX_REDIRECTS: usize = 5;
/// What every request says of us.
pub const USER_AGENT: &str = concat!("lavalink-rust/", env!("CARGO_PKG_VERSION"));

/// The most that is read from a connection at a time, in bytes; also what it buffers. At 16 KiB, the most a TLS record
/// holds (RFC 8446, 5.1), a fetch task holds no more than its read-ahead and this.
pub const MAX_CHUNK: usize = 16 * 1024;

/// What a client is told when the route planner has no address left.
pub const NO_ADDRESS: &str = "All addresses of this node are marked as failing. The node's operator can free them with \
    POST /v4/routeplanner/free/all, or add others to ipBlocks.";

/// How requests are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest wait for a connection, DNS and TLS included (`timeouts.connectTimeoutMs`).
    pub connect_timeout: Duration,
    /// The longest wait for an answer's headers, or for any more of its body (`timeouts.socketTimeoutMs`).
    pub read_timeout: Duration,
    /// The longest wait for the bytes of a stream to begin, redirects included, of which each has the limits above besides
    /// (`fetching.streamConnectTimeoutMs`); `None`: no other limit than those.
    pub stream_connect_timeout: Option<Duration>,
    /// The longest wait for any more bytes of a stream (`fetching.streamIdleTimeoutMs`); `None`: as for other answers.
    pub stream_idle_timeout: Option<Duration>,
    /// The longest that one load may take, all its references included, and that finding a stream's place may take when it is
    /// about to play (`fetching.resolveTimeoutMs`). The original has only the limits of each request.
    pub resolve_timeout: Duration,
    /// Time without a byte after which an endless stream is connected anew, and without one taken after which its player
    /// counts as paused (`streams.stallTimeoutMs`).
    pub stall_timeout: Duration,
    /// Time of trouble in a row after which an endless stream is given up (`streams.giveUpAfterMs`).
    pub give_up_after: Duration,
    /// Refuses addresses that are not on the public internet (`httpConfig.blockPrivateAddresses`).
    pub block_private_addresses: bool,
    /// Through which requests go (`httpConfig.proxyHost` and so on).
    pub proxy: Option<Proxy>,
    /// Bytes that a playback's fetch task reads ahead.
    pub read_ahead_bytes: usize,
    /// The addresses of this machine that requests leave from in turn (`ratelimit`). With a proxy, connections to it do.
    pub routes: Option<routes::Settings>,
    /// How files of which site are fetched (`fetching`).
    pub fetching: Fetching,
}

impl Settings {
    /// The longest wait for any more bytes of a stream.
    #[must_use]
    pub fn stream_idle_timeout(&self) -> Duration {
        self.stream_idle_timeout.unwrap_or(self.read_timeout)
    }
}

impl Default for Settings {
    /// Lavalink's defaults (reference, 5.2). 128 KiB of reading ahead are 8 s of a 128 kbit/s stream and 1 s of FLAC; the
    /// kernel's receive buffer goes on filling behind it. Stations send several times a second, so that five seconds of
    /// silence are none of theirs, and are bridged by what was read ahead; encoders are started anew in less than five minutes.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(3000),
            read_timeout: Duration::from_millis(3000),
            stream_connect_timeout: None,
            stream_idle_timeout: None,
            resolve_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(5),
            give_up_after: Duration::from_secs(300),
            block_private_addresses: false,
            proxy: None,
            read_ahead_bytes: 128 * 1024,
            routes: None,
            fetching: Fetching::default(),
        }
    }
}

/// Waits no longer than `limit`, if there is one.
///
/// # Errors
/// As `asking`, and [`NetError::Timeout`].
pub async fn within<T>(
    limit: Option<Duration>,
    asking: impl Future<Output = Result<T, NetError>>,
) -> Result<T, NetError> {
    match limit {
        None => asking.await,
        Some(limit) => tokio::time::timeout(limit, asking)
            .await
            .unwrap_or(Err(NetError::Timeout(limit))),
    }
}

/// An HTTP proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User and password, when it asks for them (Basic).
    pub credentials: Option<(String, Secret)>,
}

/// Why a request got no usable answer. Says nothing of the URL, so that it may be logged and shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The address is private, and private addresses are blocked.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// The client could not be set up: bad certificates or a bad proxy.
    #[error("setting up the HTTP client: {0}")]
    Setup(String),
    /// Nothing came in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// No connection, or one that broke.
    #[error("the connection failed")]
    Connection(#[source] Box<dyn Error + Send + Sync>),
    /// The body ended before its announced length.
    #[error("the connection was closed {missing} bytes early")]
    CutShort {
        /// Bytes that are missing.
        missing: u64,
    },
    /// An answer that is no success.
    #[error("Not success status code: {0}")]
    Status(u16),
    /// One that is no success, by a server that wants to be left alone for a while.
    #[error("Not success status code: {status}")]
    Busy {
        /// Its status.
        status: u16,
        /// For how long.
        after: Duration,
    },
    /// More redirects than [`MAX_REDIRECTS`].
    #[error("redirected more than {MAX_REDIRECTS} times")]
    TooManyRedirects,
    /// A text that is longer than its limit, in bytes.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// A redirect to something that is no HTTP address.
    #[error("redirected to something that is not an HTTP address")]
    BadRedirect,
    /// The route planner has no address left.
    #[error(transparent)]
    Exhausted(#[from] route_planner::Exhausted),
    /// What is there now is not what was there before.
    #[error("the file at the address has changed")]
    Changed,
}

impl NetError {
    /// What an answer of this status means, which is no success. Of the two forms of `Retry-After` (RFC 9110, 10.2.3) that in
    /// seconds is read; nobody answers a request for sound with a date.
    #[must_use]
    pub fn refused(status: u16, headers: &HeaderMap) -> Self {
        let after = headers.get(header::RETRY_AFTER);
        let seconds = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        match (Self::Status(status), seconds) {
            (error, Some(seconds)) if error.is_retryable() => Self::Busy {
                status,
                after: Duration::from_secs(seconds),
            },
            (error, _) => error,
        }
    }

    /// How long the server wants to be left alone for.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { after, .. } => Some(*after),
            _ => None,
        }
    }

    /// Whether asking again may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::Connection(_) | Self::CutShort { .. } | Self::Busy { .. } => {
                true
            }
            // overloaded or restarting: what the original asks again for
            Self::Status(status) => matches!(status, 408 | 429 | 500..=599),
            Self::Blocked(_)
            | Self::Setup(_)
            | Self::TooManyRedirects
            | Self::TooLong(_)
            | Self::BadRedirect
            | Self::Exhausted(_)
            | Self::Changed => false,
        }
    }

    /// The failure of a load.
    #[must_use]
    pub fn into_load_failure(self) -> Failure {
        match self {
            Self::Blocked(_)
            | Self::Status(_)
            | Self::Busy { .. }
            | Self::TooManyRedirects
            | Self::BadRedirect => Failure::common("That URL is not playable.").because(self),
            Self::Setup(_) => Failure::fault("Connecting to the URL failed.").because(self),
            Self::Exhausted(_) => Failure::suspicious(NO_ADDRESS).because(self),
            Self::Timeout(_)
            | Self::Connection(_)
            | Self::CutShort { .. }
            | Self::TooLong(_)
            | Self::Changed => Failure::suspicious("Connecting to the URL failed.").because(self),
        }
    }

    /// The failure of a track that was playing, or about to.
    #[must_use]
    pub fn into_play_failure(self) -> Failure {
        let message = "Something broke when playing the track.";
        match self {
            Self::Blocked(_) => Failure::common(message).because(self),
            Self::Setup(_) => Failure::fault(message).because(self),
            Self::Exhausted(_) => Failure::suspicious(NO_ADDRESS).because(self),
            _ => Failure::suspicious(message).because(self),
        }
    }

    /// The failure of a track whose sound a site has, which may be told why: unlike the server of any URL, it is known to give
    /// sound to others.
    #[must_use]
    pub fn into_sound_failure(self) -> Failure {
        let told = match self {
            Self::Status(401 | 403) => {
                "The site refuses to give the track's sound; it may be blocking this node's address."
            }
            Self::Status(404 | 410) => "The track's sound is not where the site says that it is.",
            Self::Status(429) | Self::Busy { .. } => {
                "The site was asked too often from this node's address. Try again later."
            }
            Self::Status(451) => "The site must not give the track's sound in the node's country.",
            Self::Status(500..=599) => "The site has an error of its own. Try again later.",
            Self::Timeout(_) | Self::Connection(_) | Self::CutShort { .. } => {
                "The connection to the site's sound broke, again and again."
            }
            _ => return self.into_play_failure(),
        };
        match self {
            Self::Status(451) => Failure::common(told).because(self),
            _ => Failure::suspicious(told).because(self),
        }
    }
}

impl NetError {
    /// What an error of the HTTP library is, whose texts name no URL.
    fn of(error: impl Error + Send + Sync + 'static) -> Self {
        let mut at: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(link) = at {
            if let Some(blocked) = link.downcast_ref::<Blocked>() {
                return Self::Blocked(blocked.clone());
            }
            at = link.source();
        }
        Self::Connection(Box::new(error))
    }
}

/// Makes requests. Cheap to clone; the TLS half is set up by the first request, because it costs memory.
#[derive(Clone)]
pub struct Clients {
    inner: Arc<Inner>,
    extra: Option<Arc<Extra>>,
    way: Way,
    manner: Manner,
}

/// How requests stand to the route planner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// They leave from its addresses.
    Routed,
    /// The same, and a refusal is the address's fault.
    Blaming,
    /// They leave from any address.
    Beside,
}

/// Headers that go along to one neighbourhood.
struct Extra {
    neighbourhood: String,
    headers: HeaderMap,
    /// Where those go of them that say who asks.
    host: String,
    /// The same; below these, too.
    trusted: Vec<String>,
}

impl Extra {
    /// Those that go along to an address.
    fn of(&self, url: &Url) -> HeaderMap {
        let host = url.host_str().unwrap_or_default();
        let is_below = |known: &String| {
            let rest = host.strip_suffix(known.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let is_trusted = self.host == host || self.trusted.iter().any(is_below);
        let is_near = self.neighbourhood == neighbourhood(url);
        let mut sent = HeaderMap::new();
        for (name, value) in &self.headers {
            if is_trusted || (is_near && !says_who(name, value)) {
                sent.append(name, value.clone());
            }
        }
        sent
    }
}

/// Whether a header says who asks. Neighbours are not told, because they may be somebody else's: many share the suffixes
/// under which anybody gets a name.
fn says_who(name: &HeaderName, value: &HeaderValue) -> bool {
    let is_known = [
        header::COOKIE,
        header::AUTHORIZATION,
        header::PROXY_AUTHORIZATION,
    ];
    value.is_sensitive() || is_known.contains(name)
}

/// The hosts that are taken for one site's: names of as many labels that share all but the first, so those of a content
/// network; of a name with less than three labels, and of an address, it is itself.
fn neighbourhood(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => match name.split_once('.') {
            Some((_, rest)) if rest.contains('.') => format!("*.{rest}"),
            _ => name.to_owned(),
        },
        host => host.map(|host| host.to_string()).unwrap_or_default(),
    }
}

struct Inner {
    settings: Settings,
    guard: Guard,
    tls: OnceLock<Arc<ClientConfig>>,
    client: OnceLock<Result<connect::Client, String>>,
    routes: Option<routes::Routes>,
    tally: Arc<Tally>,
}

impl Inner {
    fn tls(&self) -> &Arc<ClientConfig> {
        self.tls.get_or_init(|| tls::client_config(&[]))
    }
}

impl Clients {
    /// With these limits.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let guard = Guard::new(settings.block_private_addresses);
        Self::with_guard(settings, guard)
    }

    pub(crate) fn with_guard(settings: Settings, guard: Guard) -> Self {
        let manner = settings.fetching.manner;
        let inner = Inner {
            routes: settings.routes.clone().map(routes::Routes::new),
            settings,
            guard,
            tls: OnceLock::new(),
            client: OnceLock::new(),
            tally: Arc::default(),
        };
        Self {
            inner: Arc::new(inner),
            extra: None,
            way: Way::Routed,
            manner,
        }
    }

    /// The same, which send these headers, too, to the host of an address and to its neighbours: hosts that differ in the
    /// first label only, when there are three. Cookies, passwords and whatever is marked as sensitive go to the very host only.
    /// All of them go to the hosts that are `trusted`, and below. They take the place of headers that would be sent otherwise.
    #[must_use]
    pub fn with_headers(&self, to: &Address, headers: HeaderMap, trusted: Vec<String>) -> Self {
        let extra = (!headers.is_empty()).then(|| {
            Arc::new(Extra {
                neighbourhood: neighbourhood(to.url()),
                headers,
                host: to.url().host_str().unwrap_or_default().to_owned(),
                trusted,
            })
        });
        Self {
            extra,
            ..self.clone()
        }
    }

    /// The same, which fetch in the manner of a source.
    #[must_use]
    pub fn of_source(&self, name: &str) -> Self {
        let manner = self.settings().fetching.of(name);
        Self {
            manner,
            ..self.clone()
        }
    }

    /// How files are fetched.
    #[must_use]
    pub const fn manner(&self) -> Manner {
        self.manner
    }

    /// Where everything that is asked for again is counted.
    #[must_use]
    pub fn tally(&self) -> &Arc<Tally> {
        &self.inner.tally
    }

    /// The limits.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    fn client(&self) -> Result<&connect::Client, NetError> {
        let made = self.inner.client.get_or_init(|| {
            let tls = self.inner.tls().clone();
            connect::client(&self.inner.settings, &self.inner.guard, tls)
        });
        made.as_ref().map_err(|text| NetError::Setup(text.clone()))
    }

    /// Sends a request to an address that the guard lets pass.
    async fn send(
        &self,
        address: &Address,
        request: Request<connect::Body>,
    ) -> Result<Response, NetError> {
        match self.routing() {
            Some(routes) => self.send_from(routes, address, request).await,
            None => self.exchange(self.client()?, address, request).await,
        }
    }

    /// The same over the connections of one client.
    async fn exchange(
        &self,
        client: &connect::Client,
        address: &Address,
        mut request: Request<connect::Body>,
    ) -> Result<Response, NetError> {
        let inner = &self.inner;
        let is_proxied = inner.settings.proxy.is_some();
        let patience = inner.settings.connect_timeout;
        tokio::time::timeout(patience, inner.guard.admit(address.url(), is_proxied))
            .await
            .map_err(|_| NetError::Timeout(patience))??;
        let mut connection = capture_connection(&mut request);
        let limit = inner.settings.read_timeout;
        let silence = async {
            // the connector has a limit of its own
            connection.wait_for_connection_metadata().await;
            tokio::time::sleep(limit).await;
        };
        tokio::select! {
            answered = client.request(request) => {
                Ok(Response::new(answered.map_err(NetError::of)?))
            }
            () = silence => Err(NetError::Timeout(limit)),
        }
    }

    /// A request with the headers that all have.
    fn request(
        &self,
        method: Method,
        address: &Address,
        body: Bytes,
    ) -> Result<Request<connect::Body>, NetError> {
        let uri = Uri::try_from(address.url().as_str()).map_err(NetError::of)?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if let Some(extra) = &self.extra {
            headers.extend(extra.of(address.url()));
        }
        // what is encrypted goes through a tunnel that the connector asks for
        if let (Some(proxy), "http") = (&self.inner.settings.proxy, address.url().scheme())
            && let Some((user, password)) = &proxy.credentials
        {
            let value = connect::basic(user, password);
            headers.insert(header::PROXY_AUTHORIZATION, value);
        }
        Ok(request)
    }
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
