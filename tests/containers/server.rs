//! Owns: an HTTP server on loopback that gives some files, with or without ranges, and breaks as it is told to.
//! Never knows: what is in the files.

use bytes::Bytes;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
}

/// Files by their names.
pub type Files = Vec<(&'static str, Bytes)>;

/// Lives as long as its runtime.
pub struct Server {
    address: SocketAddr,
    is_armed: Arc<AtomicBool>,
}

struct Site {
    files: Files,
    manner: Manner,
    is_armed: Arc<AtomicBool>,
}

impl Server {
    pub async fn start(files: Files, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let is_armed = Arc::new(AtomicBool::new(false));
        let site = Arc::new(Site {
            files,
            manner,
            is_armed: is_armed.clone(),
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let site = site.clone();
                // a client that hangs up is none of our business
                tokio::spawn(async move { site.serve(stream).await.ok() });
            }
        });
        Self { address, is_armed }
    }

    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// From now on the fault happens; what was loaded before met none.
    pub fn arm(&self) {
        self.is_armed.store(true, Ordering::Release);
    }

    /// Whether the fault has happened.
    pub fn has_failed(&self) -> bool {
        !self.is_armed.load(Ordering::Acquire)
    }
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
            .and_then(|(from, _)| from.parse::<usize>().ok())
            .filter(|_| self.manner.has_ranges);
        let len = file.len();
        let from = asked.unwrap_or(0).min(len);
        let unit = if self.manner.has_ranges {
            "bytes"
        } else {
            "none"
        };
        let status = match asked {
            Some(from) if from >= len => "416 Range Not Satisfiable\r\n".to_owned(),
            Some(from) => format!(
                "206 Partial Content\r\nContent-Range: bytes {from}-{}/{len}\r\n",
                len - 1
            ),
            None => "200 OK\r\n".to_owned(),
        };
        let head = format!(
            "HTTP/1.1 {status}Accept-Ranges: {unit}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            len - from
        );
        stream.write_all(head.as_bytes()).await?;
        let fault = self.manner.fault.filter(|(broken, ..)| broken == name);
        self.body(stream, file, from, fault.map(|(_, at, fault)| (at, fault)))
            .await
    }

    async fn body(
        &self,
        mut stream: TcpStream,
        file: &Bytes,
        from: usize,
        fault: Option<(usize, Fault)>,
    ) -> std::io::Result<()> {
        let Some((at, fault)) = fault.filter(|(at, _)| *at >= from) else {
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
