//! Owns: outgoing HTTP: clients, limits, address guard.
//! Never knows: what is fetched, or why.

pub mod address;
mod bound;
pub mod call;
mod connect;
pub mod freshness;
pub mod gate;
pub mod guard;
mod icy;
mod response;
pub mod route_planner;
pub mod routes;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;

use crate::{error::Failure, units::Secret};
use address::Address;
use bytes::Bytes;
use guard::{Blocked, Guard};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::connect::capture_connection;
pub use response::{Response, redirect};
use rustls::ClientConfig;
use std::{
    error::Error,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};
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
}

impl Default for Settings {
    /// Lavalink's defaults (reference, 5.2). 128 KiB of reading ahead are 8 s of a 128 kbit/s stream and 1 s of FLAC; the
    /// kernel's receive buffer goes on filling behind it. Stations send several times a second, so that five seconds of
    /// silence are none of theirs, and are bridged by what was read ahead; encoders are started anew in less than five minutes.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(3000),
            read_timeout: Duration::from_millis(3000),
            stall_timeout: Duration::from_secs(5),
            give_up_after: Duration::from_secs(300),
            block_private_addresses: false,
            proxy: None,
            read_ahead_bytes: 128 * 1024,
            routes: None,
        }
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
    /// Whether asking again may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::Connection(_) | Self::CutShort { .. } => true,
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
            Self::Blocked(_) | Self::Status(_) | Self::TooManyRedirects | Self::BadRedirect => {
                Failure::common("That URL is not playable.").because(self)
            }
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
pub struct Clients(Arc<Inner>, Option<Arc<Extra>>, Way);

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
}

/// The hosts that are taken for one site's: those that share all but the first label, so the names of a content network;
/// of a name with less than three labels, and of an address, it is itself.
fn neighbourhood(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => match name.split_once('.') {
            Some((_, rest)) if rest.contains('.') => rest.to_owned(),
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
        let inner = Inner {
            routes: settings.routes.clone().map(routes::Routes::new),
            settings,
            guard,
            tls: OnceLock::new(),
            client: OnceLock::new(),
        };
        Self(Arc::new(inner), None, Way::Routed)
    }

    /// The same, which send these headers, too, to the host of an address and to its neighbours: hosts that differ in the
    /// first label only, when there are three. They take the place of headers that would be sent otherwise.
    #[must_use]
    pub fn with_headers(&self, to: &Address, headers: HeaderMap) -> Self {
        let extra = (!headers.is_empty()).then(|| {
            Arc::new(Extra {
                neighbourhood: neighbourhood(to.url()),
                headers,
            })
        });
        Self(self.0.clone(), extra, self.2)
    }

    /// The limits.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn client(&self) -> Result<&connect::Client, NetError> {
        let made = self.0.client.get_or_init(|| {
            let tls = self.0.tls().clone();
            connect::client(&self.0.settings, &self.0.guard, tls)
        });
        made.as_ref().map_err(|text| NetError::Setup(text.clone()))
    }

    /// Sends a request to an address that the guard lets pass.
    async fn send(
        &self,
        address: &Address,
        request: Request<connect::Body>,
    ) -> Result<Response, NetError> {
        match self.routes().filter(|_| self.2 != Way::Beside) {
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
        let inner = &self.0;
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
        if let Some(extra) = &self.1
            && extra.neighbourhood == neighbourhood(address.url())
        {
            headers.extend(extra.headers.clone());
        }
        // what is encrypted goes through a tunnel that the connector asks for
        if let (Some(proxy), "http") = (&self.0.settings.proxy, address.url().scheme())
            && let Some((user, password)) = &proxy.credentials
        {
            let value = connect::basic(user, password);
            headers.insert(header::PROXY_AUTHORIZATION, value);
        }
        Ok(request)
    }
}

/// The bytes that are asked for, as the header has them (RFC 9110, section 14.1.2).
#[derive(Clone, Copy)]
struct Range {
    from: u64,
    /// Offset behind the last one.
    until: Option<u64>,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes={}-", self.from)?;
        match self.until {
            Some(until) => write!(f, "{}", until.saturating_sub(1)),
            None => Ok(()),
        }
    }
}

/// What a request carries besides its address and range.
#[derive(Clone, Copy, Default)]
struct With {
    password: bool,
    titles: bool,
}

/// One thing to be fetched, perhaps several times: remembers whether it has asked for a password.
pub struct Resource {
    clients: Clients,
    address: Address,
    until: Option<u64>,
    with: With,
}

impl Resource {
    /// What is at an address.
    #[must_use]
    pub fn new(clients: Clients, address: Address) -> Self {
        Self {
            clients,
            address,
            until: None,
            with: With::default(),
        }
    }

    /// Asks radio stations for titles between the bytes (`Icy-MetaData`), too; who reads must take them out again.
    #[must_use]
    pub const fn with_titles(mut self) -> Self {
        self.with.titles = true;
        self
    }

    /// Of it, never more is asked for than the bytes before this offset: it is a part of a larger file.
    #[must_use]
    pub const fn ending_at(mut self, until: Option<u64>) -> Self {
        self.until = until;
        self
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The clients' limits.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.clients.settings()
    }

    /// What it is fetched with.
    #[must_use]
    pub const fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Asks for all, or for everything from an offset on. An answer of any status is a success here, also a redirect.
    /// The password of the address is sent once the server has asked for it, and never anywhere else.
    ///
    /// # Errors
    /// When there is no answer. Cancel-safe: dropping the future drops the connection.
    pub async fn ask(&mut self, from: Option<u64>) -> Result<Response, NetError> {
        let response = self.send(from).await?;
        if self.with.password || !self.may_answer(&response) {
            return Ok(response);
        }
        self.with.password = true;
        self.send(from).await
    }

    async fn send(&self, from: Option<u64>) -> Result<Response, NetError> {
        let clients = &self.clients;
        let mut request = clients.request(Method::GET, &self.address, Bytes::new())?;
        let headers = request.headers_mut();
        if let Some(from) = from {
            let range = Range {
                from,
                until: self.until,
            };
            let range = HeaderValue::try_from(range.to_string()).expect("numbers are ASCII");
            headers.insert(header::RANGE, range);
        }
        if self.with.titles {
            let name = HeaderName::from_static("icy-metadata");
            headers.insert(name, HeaderValue::from_static("1"));
        }
        if let (true, Some((user, password))) = (self.with.password, self.address.credentials()) {
            headers.insert(header::AUTHORIZATION, connect::basic(user, password));
        }
        clients.send(&self.address, request).await
    }

    /// As [`ask`](Self::ask), but goes where redirects lead.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and when redirects do not end or lead out of HTTP.
    pub async fn ask_following(&mut self, from: Option<u64>) -> Result<Response, NetError> {
        Ok(self.follow(from).await?.0)
    }

    /// As [`ask_following`](Self::ask_following); also tells where the answer came from.
    ///
    /// # Errors
    /// As [`ask_following`](Self::ask_following).
    pub async fn follow(&mut self, from: Option<u64>) -> Result<(Response, Address), NetError> {
        let mut response = self.ask(from).await?;
        let mut address = self.address.clone();
        for _ in 0..MAX_REDIRECTS {
            let Some(location) = redirect(&response) else {
                return Ok((response, address));
            };
            address = address.join(&location).ok_or(NetError::BadRedirect)?;
            // a resource of its own, so that this one's password stays here
            let mut next = Self::new(self.clients.clone(), address.clone()).ending_at(self.until);
            next.with.titles = self.with.titles;
            response = Box::pin(next.ask(from)).await?;
        }
        match redirect(&response) {
            Some(_) => Err(NetError::TooManyRedirects),
            None => Ok((response, address)),
        }
    }

    fn may_answer(&self, response: &Response) -> bool {
        response.status() == StatusCode::UNAUTHORIZED
            && self.address.credentials().is_some()
            && response
                .headers()
                .get_all(header::WWW_AUTHENTICATE)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .any(|value| value.to_ascii_lowercase().contains("basic"))
    }
}
