//! Owns: what tests of the whole node share: a node in this process, and a client of it that knows only HTTP and WebSocket.
//! Never knows: how the node is made inside.

use futures_util::StreamExt;
use lavalink_rust::{config::Config, node::Node, units::Secret};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Mutex, mpsc},
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

pub const PASSWORD: &str = "youshallnotpass";
/// Longer than anything here takes, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node that trusts `ca`, plays files, and listens on a port of its own.
pub async fn node(ca: &Path) -> Node {
    let mut config = Config::default();
    config.server.port = 0;
    config.server.address.0 = [127, 0, 0, 1].into();
    config.lavalink.password = Secret::new(PASSWORD);
    config.lavalink.sources.local = true;
    config.voice.ca_file = Some(ca.to_owned());
    Node::start(config).await.expect("the node starts")
}

/// One session of a bot.
pub struct Client {
    address: std::net::SocketAddr,
    pub session: String,
    messages: Mutex<mpsc::UnboundedReceiver<Value>>,
}

impl Client {
    pub async fn connect(node: &Node) -> Arc<Self> {
        let address = node.address();
        let mut request = format!("ws://{address}/v4/websocket")
            .into_client_request()
            .expect("a URL");
        let headers = request.headers_mut();
        headers.insert("Authorization", PASSWORD.parse().expect("a value"));
        headers.insert("User-Id", "777".parse().expect("a value"));
        headers.insert("Client-Name", "tests/1".parse().expect("a value"));
        let tcp = TcpStream::connect(address).await.expect("it listens");
        let (socket, _) = tokio_tungstenite::client_async(request, tcp)
            .await
            .expect("it accepts");
        let (tell, messages) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let (_keep, mut read) = socket.split();
            while let Some(Ok(message)) = read.next().await {
                if let Message::Text(text) = message {
                    let _ = tell.send(serde_json::from_str(&text).expect("JSON"));
                }
            }
        });
        let client = Self {
            address,
            session: String::new(),
            messages: Mutex::new(messages),
        };
        let ready = client.wait(|m| m["op"] == "ready").await;
        let session = ready["sessionId"].as_str().expect("an id").to_owned();
        Arc::new(Self { session, ..client })
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
        self.wait(|m| m["type"] == kind && m["guildId"] == guild.to_string())
            .await
    }

    pub async fn rest(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let body = body.map(|b| b.to_string()).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {PASSWORD}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut tcp = TcpStream::connect(self.address).await.expect("it listens");
        tcp.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, tcp.read_to_string(&mut answer))
            .await
            .expect("it answers")
            .expect("text");
        let status = answer[9..12].parse().expect("a status");
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, b)| b);
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
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
