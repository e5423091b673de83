//! Owns: the HTTP side over a real socket: statuses, bodies and headers as the reference has them (1.1, 2, R.1).
//! Never knows: sound, and voice servers.

#![expect(
    clippy::unwrap_used,
    reason = "a step that fails is a test that fails, also outside of the test function"
)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use lavalink_rust::{
    server::{self, App, Limits, Metrics, RequestLog, Settings},
    session::Sessions,
    source::Registry,
    stats::system::System,
    units::Secret,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

mod client;
#[path = "http_api/plugins.rs"]
mod plugins;
#[path = "http_api/route_planner.rs"]
mod route_planner;
#[path = "http_api/socket.rs"]
mod socket;
mod support;

use client::{Answer, PASSWORD};

const AUTHORIZED: &str = "Authorization: youshallnotpass\r\n";
const JSON: &str = "Authorization: youshallnotpass\r\nContent-Type: application/json\r\n";
/// Vector S1 of the reference, 3.5.
const ENCODED: &str = "QAAAdQMADVVua25vd24gdGl0bGUADlVua25vd24gYXJ0aXN0AAAAAAADSAAAGWh0dHBzOi8vZXhhbXBsZS5jb20vYS5tcDMAAQAZaHR0cHM6Ly9leGFtcGxlLmNvbS9hLm1wMwAAAARodHRwAANtcDMAAAAAAAAAAA==";

struct Node {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

fn settings() -> Settings {
    Settings {
        password: Secret::new(PASSWORD),
        http2: false,
        filters: vec!["volume".into()],
        metrics: None,
        request_log: RequestLog::default(),
        limits: Limits {
            body_bytes: 4096,
            header_bytes: 8192,
            ..Limits::default()
        },
    }
}

impl Node {
    async fn start(settings: Settings) -> Self {
        Self::of(settings, support::parts()).await
    }

    async fn of(
        settings: Settings,
        (sessions, sources, system): (Sessions, Arc<Registry>, Arc<System>),
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let app = Arc::new(App::new(
            settings,
            sessions,
            sources,
            system,
            support::board(),
        ));
        let served = tokio::spawn(server::serve(listener, app, stopped));
        Self {
            address,
            stop,
            served,
        }
    }

    /// Sends bytes as they are, and reads until the server closes.
    async fn raw(&self, request: &[u8]) -> Answer {
        client::raw(self.address, request).await
    }

    async fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        client::request(self.address, method, path, headers, body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, AUTHORIZED, "").await
    }
}

fn assert_error(reply: &Answer, status: u16, path: &str, message: &str) {
    assert_eq!(reply.status, status, "{}", reply.body);
    let body = reply.json();
    assert_eq!(body["status"], status);
    assert_eq!(body["path"], path);
    let told = body["message"].as_str().expect("a message");
    assert!(told.starts_with(message), "{told}");
    assert!(body["timestamp"].is_i64() && body["error"].is_string());
    assert_eq!(reply.header("lavalink-api-version"), Some("4"));
}

/// The connection preface of RFC 9113, 3.4: the fixed words, and an empty SETTINGS frame.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn http_2_is_spoken_only_when_it_is_switched_on() {
    for http2 in [false, true] {
        let node = Node::start(Settings {
            http2,
            ..settings()
        })
        .await;
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        stream.write_all(HTTP2_PREFACE).await.unwrap();
        let mut answer = [0; 9];
        let answered = stream.read_exact(&mut answer).await.is_ok();
        // the server's own preface is a SETTINGS frame: type 4 behind three bytes of length
        assert_eq!(answered && answer[3] == 4, http2, "{answer:?}");
    }
}

#[tokio::test]
async fn the_password_is_asked_for_after_path_and_method() {
    let node = Node::start(settings()).await;
    let wrong = "Authorization: wrong\r\n";
    for (path, method) in [
        ("/version", "GET"),
        ("/v4/info", "HEAD"),
        ("/v4/info", "OPTIONS"),
        ("/", "GET"),
        ("/v4/sessions/nope/players", "GET"),
        ("/v4/decodetracks", "POST"),
    ] {
        for (headers, status) in [("", 401), (wrong, 403)] {
            let reply = node.call(method, path, headers, "").await;
            assert_eq!((reply.status, reply.body.as_str()), (status, ""), "{path}");
            assert_eq!(reply.header("lavalink-api-version"), Some("4"));
        }
    }
    let reply = node.call("GET", "/v4/nope", wrong, "").await;
    assert_error(&reply, 404, "/v4/nope", "No endpoint GET /v4/nope.");
    let reply = node.call("POST", "/v4/info", "", "").await;
    assert_error(&reply, 405, "/v4/info", "Method 'POST' is not supported.");
    assert_eq!(reply.header("allow"), Some("GET"));
}

#[tokio::test]
async fn what_the_server_tells_about_itself() {
    let node = Node::start(settings()).await;
    let version = node.get("/version").await;
    assert_eq!((version.status, version.body.as_str()), (200, "4.2.2"));
    assert!(
        version
            .header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );

    let info = node.get("/v4/info?trace=true").await;
    assert_eq!(info.header("content-type"), Some("application/json"));
    let info = info.json();
    assert_eq!(info["version"]["semver"], "4.2.2");
    assert_eq!(info["filters"][0], "volume");
    assert!(info["sourceManagers"].is_array() && info["plugins"].is_array());

    let stats = node.get("/v4/stats").await;
    assert!(
        stats
            .body
            .starts_with(r#"{"frameStats":null,"players":0,"playingPlayers":0,"uptime":"#)
    );

    let head = node.call("HEAD", "/v4/info", AUTHORIZED, "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let options = node.call("OPTIONS", "/v4/info", AUTHORIZED, "").await;
    assert_eq!(options.header("allow"), Some("GET,HEAD,OPTIONS"));
    let old = node.get("/v3/websocket").await;
    assert_eq!((old.status, old.body.as_str()), (200, ""));
}

#[tokio::test]
async fn trace_never_echoes_the_password() {
    let node = Node::start(settings()).await;
    let reply = node.call("TRACE", "/v4/info", AUTHORIZED, "").await;
    assert_eq!(reply.status, 405);
    assert!(!reply.body.contains(PASSWORD));
}

// The program's runtime has several threads; a long list is decoded aside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_of_tracks_is_decoded_whole() {
    let mut large = settings();
    large.limits.body_bytes = 1 << 20;
    let node = Node::start(large).await;
    let body = serde_json::to_string(&vec![ENCODED; 4000]).unwrap();
    let reply = node.call("POST", "/v4/decodetracks", JSON, &body).await;
    let tracks = reply.json();
    let tracks = tracks.as_array().unwrap();
    assert_eq!(tracks.len(), 4000);
    assert!(tracks.iter().all(|track| track["encoded"] == ENCODED));
}

#[tokio::test]
async fn tracks_are_decoded_and_refused() {
    let node = Node::start(settings()).await;
    let encoded = ENCODED;
    // Unescaped, so that every `+` would come in as a space.
    let reply = node.get(&format!("/v4/decodetrack?track={encoded}")).await;
    let track = reply.json();
    assert_eq!(track["encoded"], encoded);
    assert_eq!(track["info"]["length"], 215_040);
    assert_eq!(track["pluginInfo"]["probeInfo"], "mp3");

    let path = "/v4/decodetrack";
    assert_error(
        &node.get(path).await,
        400,
        path,
        "No track to decode provided",
    );
    assert_eq!(node.get("/v4/decodetrack?encodedTrack=x").await.status, 400);
    // Vector S5, and a source that this node does not have in its place.
    let unknown = "AAAALQABVAABQQAAAAAAAAPoAAtkUXc0dzlXZ1hjUQAAB2JlYW0ucHIAAAAAAAAAAA==";
    let reply = node.get(&format!("{path}?encodedTrack={unknown}")).await;
    assert_error(&reply, 400, path, "Unknown source name: beam.pr");

    let path = "/v4/decodetracks";
    let post = async |body: &str| node.call("POST", path, JSON, body).await;
    let list = post(&format!("[\"{encoded}\",\"{encoded}\"]")).await;
    assert_eq!(list.json().as_array().unwrap().len(), 2);
    assert_error(&post("[]").await, 400, path, "No tracks to decode provided");
    assert_eq!(post(&format!("[\"{encoded}\",\"x\"]")).await.status, 400);
    for wrong in ["", "{}", "[1]", "[null]", "nope", "[\"a\",]"] {
        assert_error(&post(wrong).await, 400, path, "Bad Request");
    }
    let path = "/v4/loadtracks";
    let message = "Required parameter 'identifier' is not present.";
    assert_error(&node.get(path).await, 400, path, message);
    let empty = node.get("/v4/loadtracks?identifier=no+such+thing").await;
    assert_eq!(empty.body, r#"{"loadType":"empty","data":null}"#);
}

#[tokio::test]
async fn bodies_are_checked_before_sessions() {
    let node = Node::start(settings()).await;
    let path = "/v4/sessions/nope/players/1";
    let patch =
        async |path: &str, headers: &str, body: &str| node.call("PATCH", path, headers, body).await;
    assert_error(
        &patch(path, JSON, "{}").await,
        404,
        path,
        "Session not found",
    );
    assert_error(
        &patch(path, JSON, r#"{"volume":"x"}"#).await,
        400,
        path,
        "Bad Request",
    );
    // a client from before 4.2 must be told what it lacks
    let voice = r#"{"voice":{"token":"t","endpoint":"e","sessionId":"s"}}"#;
    let message = "Bad Request: voice.channelId: is missing";
    assert_error(&patch(path, JSON, voice).await, 400, path, message);
    let reply = patch(&format!("{path}?noReplace=banana"), JSON, "{}").await;
    assert_error(&reply, 400, path, "Bad Request");
    let diagnosis = "/v4/sessions/nope/players/1/diagnosis";
    let reply = node.get(diagnosis).await;
    assert_error(&reply, 404, diagnosis, "Session not found");
    let bad_guild = "/v4/sessions/nope/players/abc";
    assert_error(
        &patch(bad_guild, JSON, "{}").await,
        400,
        bad_guild,
        "Bad Request",
    );
    let reply = patch(path, AUTHORIZED, "{}").await;
    let message = "Content-Type 'application/octet-stream' is not supported.";
    assert_error(&reply, 415, path, message);
    let traced = patch(&format!("{path}?trace=true"), JSON, r#"{"volume":"x"}"#).await;
    assert!(
        traced.json()["trace"]
            .as_str()
            .unwrap()
            .contains("volume: expected a whole number")
    );
    let broken = node.get("/v4/info?x=%zz").await;
    assert_error(&broken, 400, "/v4/info", "Bad Request");
}

#[tokio::test]
async fn metrics_need_the_password_unless_their_path_was_set() {
    let path = "/v4/figures";
    for (is_open, status) in [(true, 200), (false, 401)] {
        let metrics = Some(Metrics {
            path: path.into(),
            is_open,
            has_players: false,
        });
        let node = Node::start(Settings {
            metrics,
            ..settings()
        })
        .await;
        assert_eq!(node.call("GET", path, "", "").await.status, status);
        let one = node.get(&format!("{path}?name[]=lavalink_cpu_cores")).await;
        assert!(one.body.contains("\nlavalink_cpu_cores ") && !one.body.contains("memory"));
    }
}

#[tokio::test]
async fn too_much_is_refused_at_once() {
    let node = Node::start(settings()).await;
    let long = format!("X: {}\r\n", "x".repeat(20_000));
    assert_eq!(node.call("GET", "/version", &long, "").await.status, 431);
    // The length alone decides: the body never comes.
    let request = format!(
        "POST /v4/decodetracks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{JSON}Content-Length: 5000\r\n\r\n"
    );
    assert_eq!(node.raw(request.as_bytes()).await.status, 413);
    let chunked = format!(
        "POST /v4/decodetracks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n1388\r\n{}\r\n0\r\n\r\n",
        " ".repeat(5000)
    );
    assert_eq!(node.raw(chunked.as_bytes()).await.status, 413);
}

#[tokio::test]
async fn half_open_requests_are_dropped_and_block_nobody() {
    let mut short = settings();
    short.limits.request_timeout = Duration::from_millis(50);
    let node = Node::start(short).await;
    let mut half = TcpStream::connect(&node.address).await.unwrap();
    half.write_all(b"GET /version HTTP/1.1\r\n").await.unwrap();
    assert_eq!(node.get("/version").await.status, 200);
    let mut end = Vec::new();
    half.read_to_end(&mut end).await.unwrap();
    assert_eq!(end, b"");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let mut few = settings();
    few.limits.connections = 1;
    let node = Node::start(few).await;
    let first = TcpStream::connect(&node.address).await.unwrap();
    let (reply, ()) = tokio::join!(node.get("/version"), async { drop(first) });
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let node = Node::start(settings()).await;
    let mut stream = TcpStream::connect(&node.address).await.unwrap();
    for _ in 0..3 {
        let request = format!("GET /version HTTP/1.1\r\nHost: x\r\n{AUTHORIZED}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        while !text.ends_with("4.2.2") {
            let mut buffer = [0; 1024];
            let n = stream.read(&mut buffer).await.unwrap();
            assert!(n > 0, "closed after {text}");
            text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
        }
    }
}

#[tokio::test]
async fn handshakes_are_refused_as_by_the_original() {
    let node = Node::start(settings()).await;
    let path = "/v4/websocket";
    let upgrade = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let user = "User-Id: 1006550348453187624\r\n";
    for (headers, status) in [
        (format!("{upgrade}{user}"), 401),
        (format!("Authorization: wrong\r\n{upgrade}{user}"), 401),
        (format!("{AUTHORIZED}{upgrade}"), 400),
        (format!("{AUTHORIZED}{upgrade}User-Id: 0\r\n"), 400),
        (format!("{AUTHORIZED}{upgrade}User-Id: abc\r\n"), 400),
    ] {
        let reply = node.call("GET", path, &headers, "").await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (status, ""),
            "{headers}"
        );
    }
    let plain = node
        .call("GET", path, &format!("{AUTHORIZED}{user}"), "")
        .await;
    assert_eq!(plain.status, 400);
}
