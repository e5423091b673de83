//! Owns: an HTTP server for tests, on loopback, whose every byte and hang-up the test decides.
//! Never knows: what is tested.

use super::{Clients, Settings, address::Address};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// A request that came in.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub method: String,
    /// The whole URL, when the server is asked as a proxy.
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
    /// How many requests for this path came before.
    pub before: usize,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The offset of the `Range` header.
    pub fn from(&self) -> Option<usize> {
        let range = self.header("range")?.strip_prefix("bytes=")?;
        range.split_once('-')?.0.parse().ok()
    }

    /// The offset of the last byte in the `Range` header.
    pub fn last(&self) -> Option<usize> {
        self.header("range")?.split_once('-')?.1.parse().ok()
    }
}

/// What the server does for a request, one after another; then it hangs up.
pub(crate) enum Step {
    Send(Vec<u8>),
    /// Sends nothing for that long.
    Wait(Duration),
    /// Waits until somebody says so.
    Until(Arc<Notify>),
    /// Keeps the connection open until the client closes it.
    Hang,
}

/// Lives as long as the runtime of its test.
pub(crate) struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub async fn start(handler: impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handler = Arc::new(handler);
        let log = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, handler.clone(), log.clone()));
            }
        });
        Self { address, seen }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn address(&self, path: &str) -> Address {
        Address::parse(&self.url(path)).expect("an address")
    }

    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().expect("no panic").clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    handler: Arc<impl Fn(&Asked) -> Vec<Step>>,
    log: Arc<Mutex<Vec<Asked>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).expect("ASCII");
    let mut lines = head.lines();
    let mut words = lines.next().expect("a request line").split(' ');
    let mut word = || words.next().expect("a request line").to_owned();
    let (method, path) = (word(), word());
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: HashMap<String, String> = lines.filter_map(header).collect();
    let len = headers
        .get("content-length")
        .map_or(Ok(0), |len| len.parse());
    let mut body = vec![0; len.expect("a number")];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let steps = {
        let mut log = log.lock().expect("no panic");
        let before = log.iter().filter(|asked| asked.path == path).count();
        log.push(Asked {
            method,
            path,
            headers,
            body,
            before,
        });
        handler(log.last().expect("just pushed"))
    };
    for step in steps {
        let outcome = match step {
            Step::Send(bytes) => stream.write_all(&bytes).await.map(|()| 0),
            Step::Wait(duration) => {
                tokio::time::sleep(duration).await;
                Ok(0)
            }
            Step::Until(said) => {
                said.notified().await;
                Ok(0)
            }
            Step::Hang => stream.read(&mut [0]).await,
        };
        if outcome.is_err() {
            return;
        }
    }
}

/// Status line, headers and body; the caller gives the length.
pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend(format!("{name}: {value}\r\n").bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

/// A whole answer with its length.
pub(crate) fn whole(body: &[u8], headers: &[(&str, &str)]) -> Vec<u8> {
    let len = body.len().to_string();
    response(
        200,
        &[&[("Content-Length", len.as_str())], headers].concat(),
        body,
    )
}

/// As a file server answers: the whole or the range that was asked for.
pub(crate) fn ranged(asked: &Asked, body: &[u8]) -> Vec<u8> {
    let Some(from) = asked.from() else {
        return whole(body, &[("Accept-Ranges", "bytes")]);
    };
    let total = body.len();
    if from >= total {
        return response(416, &[("Content-Length", "0")], b"");
    }
    let last = asked.last().unwrap_or(total).min(total - 1);
    let range = format!("bytes {from}-{last}/{total}");
    let len = (last + 1 - from).to_string();
    let headers = [("Content-Range", range.as_str()), ("Content-Length", &len)];
    response(206, &headers, &body[from..=last])
}

/// Settings with limits that a test can wait for.
pub(crate) fn quick() -> Settings {
    Settings {
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_millis(300),
        stall_timeout: Duration::from_millis(300),
        give_up_after: Duration::from_secs(2),
        read_ahead_bytes: 64 * 1024,
        ..Settings::default()
    }
}

/// Clients for [`quick`] settings.
pub(crate) fn clients() -> Clients {
    Clients::new(quick())
}
