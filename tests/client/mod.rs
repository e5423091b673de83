//! Owns: what tests of the whole node share: a node in this process, and a client of it that knows only HTTP and WebSocket.
//! Never knows: how the node is made inside.
#![allow(dead_code, reason = "each test binary uses its part of the client")]

use futures_util::StreamExt;
use lavalink_rust::{config::Config, node::Node, units::Secret};
use serde_json::{Value, json};
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Mutex, Notify, mpsc},
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest, http::HeaderMap};

pub const PASSWORD: &str = "youshallnotpass";
/// Longer than anything here takes, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node that trusts `ca`, plays files, and listens on a port of its own.
pub async fn node(ca: &Path) -> Node {
    node_with(ca, |_| {}).await
}

/// The same with more changes to the configuration.
pub async fn node_with(ca: &Path, change: impl FnOnce(&mut Config)) -> Node {
    let config = config_with(ca, change);
    Node::start(config).await.expect("the node starts")
}

/// The configuration of such a node.
pub fn config_with(ca: &Path, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.server.port = 0;
    config.server.address.0 = [127, 0, 0, 1].into();
    config.lavalink.password = Secret::new(PASSWORD);
    config.lavalink.sources.local = true;
    // sites are none of a test's business
    config.youtube.is_on = false;
    config.lavalink.sources.soundcloud = false;
    config.lavalink.sources.bandcamp = false;
    config.lavalink.sources.twitch = false;
    config.lavalink.sources.vimeo = false;
    config.voice.ca_file = Some(ca.to_owned());
    // a machine that is busy with tests is no reason for other sound
    config.resources.adaptive_quality = false;
    change(&mut config);
    config
}

/// An answer to a request.
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body, `null` when it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// Sends a request and reads its whole answer. A body goes as JSON.
pub async fn call(
    to: SocketAddr,
    method: &str,
    path: &str,
    password: Option<&str>,
    body: Option<&str>,
) -> Answer {
    let authorization = password.map_or_else(String::new, |p| format!("Authorization: {p}\r\n"));
    let headers = authorization + "Content-Type: application/json\r\n";
    request(to, method, path, &headers, body.unwrap_or_default()).await
}

/// The same with headers of the caller's choice, each with its line end.
pub async fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Answer {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    raw(to, request.as_bytes()).await
}

/// Sends bytes as they are, and reads until the server closes. The status is 0 when no answer came.
pub async fn raw(to: SocketAddr, request: &[u8]) -> Answer {
    let mut tcp = TcpStream::connect(to).await.expect("it listens");
    tcp.write_all(request).await.expect("it reads");
    let mut answer = Vec::new();
    // a server that refuses a body that it has not read may reset the connection after its answer
    let _ = tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut answer))
        .await
        .expect("it answers");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let header = |line: &str| {
        line.split_once(": ")
            .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
    };
    Answer {
        status: head.get(9..12).and_then(|s| s.parse().ok()).unwrap_or(0),
        headers: head.lines().skip(1).filter_map(header).collect(),
        body: body.to_owned(),
    }
}

/// One session of a bot.
pub struct Client {
    address: SocketAddr,
    pub session: String,
    messages: Mutex<mpsc::UnboundedReceiver<Value>>,
    leave: Arc<Notify>,
}

impl Client {
    /// Connects, and takes the first message.
    pub async fn connect(node: &Node) -> Arc<Self> {
        let (client, _) = Self::open(node, None).await;
        let ready = client.wait(|m| m["op"] == "ready").await;
        let session = ready["sessionId"].as_str().expect("an id").to_owned();
        Arc::new(Self { session, ..client })
    }

    /// Connects, perhaps to go on with a session. Returns also the headers of the handshake; all messages are still to
    /// come.
    pub async fn open(node: &Node, session_id: Option<&str>) -> (Self, HeaderMap) {
        let address = node.address();
        let mut request = format!("ws://{address}/v4/websocket")
            .into_client_request()
            .expect("a URL");
        let headers = request.headers_mut();
        headers.insert("Authorization", PASSWORD.parse().expect("a value"));
        headers.insert("User-Id", "777".parse().expect("a value"));
        headers.insert("Client-Name", "tests/1".parse().expect("a value"));
        if let Some(id) = session_id {
            headers.insert("Session-Id", id.parse().expect("a value"));
        }
        let tcp = TcpStream::connect(address).await.expect("it listens");
        let (mut socket, answer) = tokio_tungstenite::client_async(request, tcp)
            .await
            .expect("it accepts");
        let (tell, messages) = mpsc::unbounded_channel();
        let leave = Arc::new(Notify::new());
        let leaving = leave.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    message = socket.next() => match message {
                        Some(Ok(Message::Text(text))) => {
                            let _ = tell.send(serde_json::from_str(&text).expect("JSON"));
                        }
                        Some(Ok(_)) => {}
                        _ => return,
                    },
                    () = leaving.notified() => {
                        let _ = socket.close(None).await;
                    }
                }
            }
        });
        let client = Self {
            address,
            session: String::new(),
            messages: Mutex::new(messages),
            leave,
        };
        (client, answer.headers().clone())
    }

    /// Closes the socket, as a bot does that stops. Messages that are on their way are still received.
    pub fn leave(&self) {
        self.leave.notify_one();
    }

    /// The next message that fits; those before it are dropped.
    pub async fn wait(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let mut messages = self.messages.lock().await;
        tokio::time::timeout(PATIENCE, async {
            loop {
                let message = messages.recv().await.expect("the socket stays open");
                if fits(&message) {
                    return message;
                }
            }
        })
        .await
        .expect("the message comes")
    }

    /// The next event of a kind for a guild.
    pub async fn event(&self, kind: &str, guild: u64) -> Value {
        let guild = guild.to_string();
        self.wait(|m| m["type"] == kind && m["guildId"] == guild.as_str())
            .await
    }

    pub async fn rest(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let body = body.map(|b| b.to_string());
        let answer = call(self.address, method, path, Some(PASSWORD), body.as_deref()).await;
        (answer.status, answer.json())
    }

    pub async fn patch(&self, guild: u64, body: Value) -> Value {
        let path = format!("/v4/sessions/{}/players/{guild}", self.session);
        let (status, answer) = self.rest("PATCH", &path, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub async fn position(&self, guild: u64) -> i64 {
        let path = format!("/v4/sessions/{}/players/{guild}", self.session);
        self.rest("GET", &path, None).await.1["state"]["position"]
            .as_i64()
            .expect("a number")
    }

    /// Leads a player's voice to a server of the rig.
    pub async fn join(&self, guild: u64, endpoint: &str, session_id: &str) {
        let channel = guild + 1;
        let voice = json!({
            "token": format!("channel:{channel}"), "endpoint": endpoint, "sessionId": session_id,
            "channelId": channel.to_string(),
        });
        self.patch(guild, json!({ "voice": voice })).await;
    }

    /// Plays a file.
    pub async fn play(&self, guild: u64, file: &Path, more: Value) -> Value {
        let mut body = json!({ "track": { "identifier": file.to_str().expect("a name") } });
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().cloned().unwrap_or_default());
        self.patch(guild, body).await
    }
}
