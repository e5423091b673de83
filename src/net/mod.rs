//! Owns: outgoing HTTP: clients, limits, address guard.
//! Never knows: what is fetched, or why.

pub mod address;
pub mod guard;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;

use crate::{error::Failure, units::Secret};
use address::Address;
use guard::{Blocked, Guard};
use reqwest::{Response, StatusCode, header};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Redirects that are followed before a fetch gives up: as many as a load follows references.
pub const MAX_REDIRECTS: usize = 5;
/// What every request says of us.
pub const USER_AGENT: &str = concat!("lavalink-rust/", env!("CARGO_PKG_VERSION"));
/// Connections to one host that are kept for the next request; a playback has one of its own anyway.
const IDLE_CONNECTIONS: usize = 2;
const IDLE_FOR: Duration = Duration::from_secs(15);

/// How requests are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest wait for a connection, DNS and TLS included (`timeouts.connectTimeoutMs`).
    pub connect_timeout: Duration,
    /// The longest wait for an answer's headers, or for any more of its body (`timeouts.socketTimeoutMs`).
    pub read_timeout: Duration,
    /// Refuses addresses that are not on the public internet (`httpConfig.blockPrivateAddresses`).
    pub block_private_addresses: bool,
    /// Through which requests go (`httpConfig.proxyHost` and so on).
    pub proxy: Option<Proxy>,
    /// Bytes that a playback's fetch task reads ahead.
    pub read_ahead_bytes: usize,
}

impl Default for Settings {
    /// Lavalink's defaults (reference, 5.2); 256 KiB of reading ahead are 16 s of a 128 kbit/s stream.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(3000),
            read_timeout: Duration::from_millis(3000),
            block_private_addresses: false,
            proxy: None,
            read_ahead_bytes: 256 * 1024,
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
    Connection(#[source] reqwest::Error),
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
    /// A redirect to something that is no HTTP address.
    #[error("redirected to something that is not an HTTP address")]
    BadRedirect,
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
            | Self::BadRedirect
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
            Self::Timeout(_) | Self::Connection(_) | Self::CutShort { .. } | Self::Changed => {
                Failure::suspicious("Connecting to the URL failed.").because(self)
            }
        }
    }

    /// The failure of a track that was playing, or about to.
    #[must_use]
    pub fn into_play_failure(self) -> Failure {
        let message = "Something broke when playing the track.";
        match self {
            Self::Blocked(_) => Failure::common(message).because(self),
            Self::Setup(_) => Failure::fault(message).because(self),
            _ => Failure::suspicious(message).because(self),
        }
    }
}

impl From<reqwest::Error> for NetError {
    fn from(error: reqwest::Error) -> Self {
        let mut at: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(link) = at {
            if let Some(blocked) = link.downcast_ref::<Blocked>() {
                return Self::Blocked(blocked.clone());
            }
            at = link.source();
        }
        Self::Connection(error.without_url())
    }
}

/// Makes requests. Cheap to clone; the TLS half is set up by the first request, because it costs memory.
#[derive(Clone)]
pub struct Clients(Arc<Inner>);

struct Inner {
    settings: Settings,
    guard: Guard,
    client: OnceLock<Result<reqwest::Client, String>>,
}

impl Clients {
    /// With these limits.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let guard = Guard::new(settings.block_private_addresses);
        Self::with_guard(settings, guard)
    }

    pub(crate) fn with_guard(settings: Settings, guard: Guard) -> Self {
        Self(Arc::new(Inner {
            settings,
            guard,
            client: OnceLock::new(),
        }))
    }

    /// The limits.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn client(&self) -> Result<&reqwest::Client, NetError> {
        let made = self.0.client.get_or_init(|| self.build());
        made.as_ref().map_err(|text| NetError::Setup(text.clone()))
    }

    fn build(&self) -> Result<reqwest::Client, String> {
        let inner = &self.0;
        let tls = tls::client_config().map_err(|error| error.to_string())?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            // one connection per playback: in HTTP/2 a paused one would hold the others' window
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .user_agent(USER_AGENT)
            .connect_timeout(inner.settings.connect_timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_FOR)
            .no_proxy();
        builder = match &inner.settings.proxy {
            // the proxy itself is the operator's choice; targets are checked before they are sent to it
            Some(proxy) => builder.proxy(proxy.to_reqwest().map_err(|error| error.to_string())?),
            None => builder.dns_resolver(inner.guard.clone()),
        };
        builder.build().map_err(|error| error.to_string())
    }

    async fn send(
        &self,
        address: &Address,
        from: Option<u64>,
        with_password: bool,
    ) -> Result<Response, NetError> {
        let inner = &self.0;
        let limit = inner.settings.connect_timeout + inner.settings.read_timeout;
        let asking = async {
            let is_proxied = inner.settings.proxy.is_some();
            inner.guard.admit(address.url(), is_proxied).await?;
            let mut request = self
                .client()?
                .get(address.url().clone())
                .header(header::ACCEPT_ENCODING, "identity");
            if let Some(from) = from {
                request = request.header(header::RANGE, format!("bytes={from}-"));
            }
            if let (true, Some((user, password))) = (with_password, address.credentials()) {
                request = request.basic_auth(user, Some(password.expose()));
            }
            Ok(request.send().await?)
        };
        tokio::time::timeout(limit, asking)
            .await
            .unwrap_or(Err(NetError::Timeout(limit)))
    }
}

impl Proxy {
    fn to_reqwest(&self) -> reqwest::Result<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(format!("http://{}:{}", self.host, self.port))?;
        Ok(match &self.credentials {
            Some((user, password)) => proxy.basic_auth(user, password.expose()),
            None => proxy,
        })
    }
}

/// One thing to be fetched, perhaps several times: remembers whether it has asked for a password.
pub struct Resource {
    clients: Clients,
    address: Address,
    wants_password: bool,
}

impl Resource {
    /// What is at an address.
    #[must_use]
    pub fn new(clients: Clients, address: Address) -> Self {
        Self {
            clients,
            address,
            wants_password: false,
        }
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

    /// Asks for all, or for everything from an offset on. An answer of any status is a success here, also a redirect.
    /// The password of the address is sent once the server has asked for it, and never anywhere else.
    ///
    /// # Errors
    /// When there is no answer. Cancel-safe: dropping the future drops the connection.
    pub async fn ask(&mut self, from: Option<u64>) -> Result<Response, NetError> {
        let response = self
            .clients
            .send(&self.address, from, self.wants_password)
            .await?;
        if self.wants_password || !self.may_answer(&response) {
            return Ok(response);
        }
        self.wants_password = true;
        self.clients.send(&self.address, from, true).await
    }

    /// As [`ask`](Self::ask), but goes where redirects lead.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and when redirects do not end or lead out of HTTP.
    pub async fn ask_following(&mut self, from: Option<u64>) -> Result<Response, NetError> {
        let mut response = self.ask(from).await?;
        let mut address = self.address.clone();
        for _ in 0..MAX_REDIRECTS {
            let Some(location) = redirect(&response) else {
                return Ok(response);
            };
            address = address.join(&location).ok_or(NetError::BadRedirect)?;
            // a resource of its own, so that this one's password stays here
            let mut next = Self::new(self.clients.clone(), address.clone());
            response = Box::pin(next.ask(from)).await?;
        }
        match redirect(&response) {
            Some(_) => Err(NetError::TooManyRedirects),
            None => Ok(response),
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

/// Where a response redirects to, as it says it.
#[must_use]
pub fn redirect(response: &Response) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}
