//! Owns: the numbers and switches of the server.
//! Never knows: how they are written in a file.

use std::time::Duration;

use crate::units::Secret;

/// What the server is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What clients send as `Authorization`.
    pub password: Secret,
    /// Whether HTTP/2 is spoken, too (with prior knowledge, as no TLS negotiates it).
    pub http2: bool,
    /// Names of the filters that may be used, in Lavalink's order: what `/v4/info` lists.
    pub filters: Vec<String>,
    /// The page for Prometheus; `None`: there is none.
    pub metrics: Option<Metrics>,
    /// What is logged of requests.
    pub request_log: RequestLog,
    /// What clients may take.
    pub limits: Limits,
}

/// The page for Prometheus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Its path, with a leading `/`.
    pub path: String,
    /// Whether it can be read without the password: only when the path was set explicitly (reference, 5.2).
    pub is_open: bool,
    /// Whether each player has series of its own.
    pub has_players: bool,
}

/// `logging.request` (reference, 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLog {
    /// Whether requests are logged.
    pub enabled: bool,
    /// The client's address.
    pub include_client_info: bool,
    /// Headers; `Authorization` is shown as `***`.
    pub include_headers: bool,
    /// The query string, without user info of URLs in it.
    pub include_query_string: bool,
    /// JSON bodies, without tokens and session ids; of those above 256 KiB only the length.
    pub include_payload: bool,
    /// Longest part of a body or a query, in bytes.
    pub max_payload_length: usize,
    /// Whether a line is written before the request is handled, too.
    pub before_request: bool,
}

impl Default for RequestLog {
    /// Lavalink's defaults.
    fn default() -> Self {
        Self {
            enabled: true,
            include_client_info: false,
            include_headers: false,
            include_query_string: true,
            include_payload: true,
            max_payload_length: 10_000,
            before_request: false,
        }
    }
}

/// What clients may take of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest request body, in bytes; more is 413.
    pub body_bytes: usize,
    /// Longest request head, in bytes; more is 431. Below 8192 it counts as 8192.
    pub header_bytes: usize,
    /// Connections at a time, WebSockets included; others wait to be accepted.
    pub connections: usize,
    /// Time in which the first head, and then each body, must have arrived.
    pub request_timeout: Duration,
    /// Time for which a connection may stand without a request.
    pub idle_timeout: Duration,
    /// Time for which a client may take nothing of what is written to it.
    pub write_timeout: Duration,
    /// Time in which connections must be gone when the server stops.
    pub stop_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 * 1024 * 1024,
            header_bytes: 16 * 1024,
            connections: 1024,
            request_timeout: Duration::from_secs(30),
            // reqwest keeps idle connections for 90 s, aiohttp for 15 s, undici for 4 s; all of them notice a close.
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(3),
        }
    }
}
