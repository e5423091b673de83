//! Owns: an HTTP server on loopback that gives some files, with or without ranges, and breaks as it is told to.
//! Never knows: what is in the files.

use bytes::Bytes;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What goes wrong, once, in the middle of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing comes any more, and the connection stays.
    Stall,
    /// The connection is reset.
    Reset,
    /// The connection is closed, as if all had been sent.
    Close,
    /// Every byte comes in a packet of its own, for a while.
    Drip,
}

/// Bytes that drip.
const DRIPPING: usize = 3000;

/// How the files are given.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Any part of them on request.
    pub has_ranges: bool,
    /// In which file, and where in it, something goes wrong, and what.
    pub fault: Option<(&'static str, usize, Fault)>,
    /// Bytes a second of each connection, when it is not given all it takes.
    pub rate: Option<u32>,
}

/// Files by their names.
pub type Files = Vec<(&'static str, Bytes)>;

/// Lives as long as its runtime.
pub struct Server {
    address: SocketAddr,
    is_armed: Arc<AtomicBool>,
    most: Arc<AtomicUsize>,
}

struct Site {
    files: Files,
    manner: Manner,
    is_armed: Arc<AtomicBool>,
    /// Bodies that are being sent, and the most at a time.
    sending: AtomicUsize,
    most: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start(files: Files, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let is_armed = Arc::new(AtomicBool::new(false));
        let most = Arc::new(AtomicUsize::new(0));
        let site = Arc::new(Site {
            files,
            manner,
            is_armed: is_armed.clone(),
            sending: AtomicUsize::new(0),
            most: most.clone(),
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let site = site.clone();
                // a client that hangs up is none of our business
                tokio::spawn(async move { site.serve(stream).await.ok() });
            }
        });
        Self {
            address,
            is_armed,
            most,
        }
    }

    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// From now on the fault happens; what was loaded before met none.
    pub fn arm(&self) {
        self.is_armed.store(true, Ordering::Release);
    }

    /// The most bodies that were sent at a time.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::Acquire)
    }

    /// Whether the fault has happened.
    pub fn has_failed(&self) -> bool {
        !self.is_armed.load(Ordering::Acquire)
    }
}

/// Sends so many bytes a second.
async fn trickle(stream: &mut TcpStream, body: &[u8], rate: u32) -> std::io::Result<()> {
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    for piece in body.chunks(rate as usize / 50) {
        beat.tick().await;
        stream.write_all(piece).await?;
    }
    stream.shutdown().await
}

impl Site {
    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let Some((name, file)) = self.files.iter().find(|(name, _)| path[1..] == **name) else {
            let nothing =
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return stream.write_all(nothing).await;
        };
        let asked = head
            .lines()
            .find_map(|line| line.strip_prefix("range: bytes=")?.split_once('-'))
            .and_then(|(from, last)| Some((from.parse::<usize>().ok()?, last.parse().ok())))
            .filter(|_| self.manner.has_ranges);
        let (asked, last): (_, Option<usize>) = (asked.map(|a| a.0), asked.and_then(|a| a.1));
        let len = file.len();
        let from = asked.unwrap_or(0).min(len);
        let until = last.map_or(len, |last| (last + 1).min(len)).max(from);
        let unit = if self.manner.has_ranges {
            "bytes"
        } else {
            "none"
        };
        let status = match asked {
            Some(from) if from >= len => "416 Range Not Satisfiable\r\n".to_owned(),
            Some(from) => format!(
                "206 Partial Content\r\nContent-Range: bytes {from}-{}/{len}\r\n",
                until - 1
            ),
            None => "200 OK\r\n".to_owned(),
        };
        let head = format!(
            "HTTP/1.1 {status}Accept-Ranges: {unit}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            until - from
        );
        stream.write_all(head.as_bytes()).await?;
        if let Some(rate) = self.manner.rate {
            let sending = self.sending.fetch_add(1, Ordering::AcqRel) + 1;
            self.most.fetch_max(sending, Ordering::AcqRel);
            let sent = trickle(&mut stream, &file[from..until], rate).await;
            self.sending.fetch_sub(1, Ordering::AcqRel);
            return sent;
        }
        let fault = self.manner.fault.filter(|(broken, ..)| broken == name);
        let file = file.slice(..until);
        self.body(stream, &file, from, fault.map(|(_, at, fault)| (at, fault)))
            .await
    }

    async fn body(
        &self,
        mut stream: TcpStream,
        file: &Bytes,
        from: usize,
        fault: Option<(usize, Fault)>,
    ) -> std::io::Result<()> {
        let Some((at, fault)) = fault.filter(|(at, _)| (from..file.len()).contains(at)) else {
            stream.write_all(&file[from..]).await?;
            return stream.shutdown().await;
        };
        stream.write_all(&file[from..at]).await?;
        if !self.is_armed.swap(false, Ordering::AcqRel) {
            stream.write_all(&file[at..]).await?;
            return stream.shutdown().await;
        }
        match fault {
            Fault::Stall => {
                // ends when the client hangs up
                while stream.read(&mut [0; 64]).await? > 0 {}
                Ok(())
            }
            Fault::Reset => stream.set_zero_linger(),
            Fault::Close => stream.shutdown().await,
            Fault::Drip => {
                let behind = (at + DRIPPING).min(file.len());
                for byte in &file[at..behind] {
                    stream.write_all(std::slice::from_ref(byte)).await?;
                }
                stream.write_all(&file[behind..]).await?;
                stream.shutdown().await
            }
        }
    }
}
