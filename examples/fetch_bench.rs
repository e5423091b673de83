//! Owns: a measurement of fetching: bytes a second over 1, 2 and 4 connections, from a server that throttles each and from one
//! that does not, and memory for each of many fetches at once.
//! Never knows: what is good enough.
//!
//! `cargo run --release --example fetch_bench -- throughput [bytes/s of a connection]` and `… -- memory <fetches>`. The server
//! is a process of its own, so that the memory is that of the fetching side alone.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use lavalink_rust::{
    media::{
        http::fetch,
        window::{ByteWindow, Stop},
    },
    net::{Clients, Settings, address::Address, manner::Manner},
};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::Notify,
};

/// Bytes of the file that is served.
const LEN: usize = 64 << 20;
/// Bytes that are sent at a time by a server that throttles.
const PIECE: usize = 2048;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["serve", rate] => serve(rate.parse()?).await,
            ["throughput"] => throughput(32_000).await,
            ["throughput", rate] => throughput(rate.parse()?).await,
            ["memory", fetches] => each_memory(fetches),
            ["memory", fetches, rate, fragments] => {
                memory(fetches.parse()?, rate.parse()?, fragments.parse()?).await
            }
            _ => bail!("throughput [bytes/s] | memory <fetches>"),
        }
    })
}

/// A server in a process of its own; dies with this value.
struct Server {
    child: Child,
    address: Address,
}

impl Server {
    /// One that sends so many bytes a second over each connection; 0: as many as go.
    fn start(rate: usize) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", &rate.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().context("a pipe")?;
        BufReader::new(output).read_line(&mut line)?;
        let address = Address::parse(line.trim()).context("an address")?;
        Ok(Self { child, address })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it is gone already, then
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

async fn serve(rate: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let data: Bytes = (0..LEN).map(|i| (i * 31 % 251) as u8).collect();
    println!("http://{}/file", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let data = data.clone();
        // a client that hangs up is none of its business
        tokio::spawn(async move { answer(stream, &data, rate).await.ok() });
    }
}

async fn answer(mut stream: TcpStream, data: &[u8], rate: usize) -> Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let range = head
            .lines()
            .find_map(|line| line.strip_prefix("range: bytes="));
        let (from, until) = match range.and_then(|range| range.split_once('-')) {
            Some((from, last)) => {
                let until = last.parse().map_or(LEN, |last: usize| last + 1);
                (from.parse::<usize>()?, until.min(LEN))
            }
            None => (0, LEN),
        };
        let status = match range {
            Some(_) => format!(
                "206 Partial Content\r\nContent-Range: bytes {from}-{}/{LEN}",
                until - 1
            ),
            None => "200 OK".to_owned(),
        };
        let len = until - from;
        let head =
            format!("HTTP/1.1 {status}\r\nAccept-Ranges: bytes\r\nContent-Length: {len}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        if rate == 0 {
            stream.write_all(&data[from..until]).await?;
            continue;
        }
        let start = tokio::time::Instant::now();
        for (n, piece) in data[from..until].chunks(PIECE).enumerate() {
            let due = Duration::from_secs_f64((n * PIECE) as f64 / rate as f64);
            tokio::time::sleep_until(start + due).await;
            stream.write_all(piece).await?;
        }
    }
}

fn clients(fragments: usize) -> Clients {
    let mut settings = Settings::default();
    settings.fetching.manner = Manner {
        fragments,
        ..Manner::default()
    };
    Clients::new(settings)
}

/// Reads so many bytes, and checks them.
async fn read(window: &mut ByteWindow, woken: &Notify, from: usize, len: usize) -> Result<()> {
    let mut at = from;
    while at < from + len {
        let there = window.available().clamp(1, 16 * 1024).min(from + len - at);
        match window.take(there) {
            Ok(bytes) => {
                let is_right = |(i, byte): (usize, &u8)| *byte == ((at + i) * 31 % 251) as u8;
                anyhow::ensure!(
                    bytes.iter().enumerate().all(is_right),
                    "wrong bytes at {at}"
                );
                at += bytes.len();
                window.found();
            }
            Err(Stop::Need(_)) => woken.notified().await,
            Err(stop) => bail!("{stop:?}"),
        }
    }
    Ok(())
}

fn open(clients: &Clients, server: &Server) -> (ByteWindow, Arc<Notify>) {
    let mut window = fetch(clients, server.address.clone(), &Handle::current());
    let woken = Arc::new(Notify::new());
    let waker = woken.clone();
    window.on_ready(move || waker.notify_one());
    (window, woken)
}

async fn throughput(rate: usize) -> Result<()> {
    for (what, rate, len) in [("throttled", rate, rate * 30), ("free", 0, LEN)] {
        let server = Server::start(rate)?;
        for fragments in [1, 2, 4] {
            let (mut window, woken) = open(&clients(fragments), &server);
            let begun = begin();
            read(&mut window, &woken, 0, len).await?;
            let speed = len as f64 / begun.elapsed().as_secs_f64();
            println!(
                "{what:>9}, up to {fragments} connections: {:>10.0} bytes/s",
                speed
            );
        }
    }
    Ok(())
}

/// Each in a process of its own: what one has freed, the next would use again.
fn each_memory(fetches: &str) -> Result<()> {
    for rate in ["8000", "0"] {
        for fragments in ["1", "2", "4"] {
            let status = Command::new(std::env::current_exe()?)
                .args(["memory", fetches, rate, fragments])
                .status()?;
            anyhow::ensure!(status.success(), "a measurement failed");
        }
    }
    Ok(())
}

async fn memory(fetches: usize, rate: usize, fragments: usize) -> Result<()> {
    let server = Server::start(rate)?;
    let clients = clients(fragments);
    // what is set up once does not count
    let (mut first, woken) = open(&clients, &server);
    read(&mut first, &woken, 0, 10_000).await?;
    let before = resident()?;
    let mut playing = tokio::task::JoinSet::new();
    for _ in 0..fetches {
        let (mut window, woken) = open(&clients, &server);
        // 128 kbit/s
        playing.spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_millis(500));
            for n in 0.. {
                beat.tick().await;
                read(&mut window, &woken, n * 8000, 8000).await?;
            }
            anyhow::Ok(())
        });
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    let each = (resident()? - before) / fetches as f64;
    let what = if rate == 0 { "free" } else { "throttled" };
    println!("{what:>9}, up to {fragments} connections: {each:>6.0} KiB each");
    playing.shutdown().await;
    Ok(())
}

/// Resident memory of this process, in KiB.
fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("a figure")?.parse()?)
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn begin() -> Instant {
    Instant::now()
}
