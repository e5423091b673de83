//! Owns: what remembered loads cost and save: latency of a hit, requests for a thousand loads at once, memory.
//! Never knows: any site.
//!
//! `cargo run --release --example resolve_cache`

use lavalink_rust::{
    net,
    source::{
        self, Registry,
        resolves::{Resolves, Settings},
    },
    track::{LoadResult, Playlist, Track, TrackInfo},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const HITS: u32 = 10_000;
const AT_ONCE: usize = 1000;
const TRACKS: usize = 1000;
const PLAYLISTS: usize = 100;

/// As long as those of a video site.
fn track(n: usize) -> Track {
    let identifier = format!("abcdefg{n:04}");
    Track {
        info: TrackInfo {
            is_seekable: true,
            author: "An artist of some length".into(),
            length: 213_000,
            is_stream: false,
            position: 0,
            title: format!("A title as they are given, with the number {n}"),
            uri: Some(format!("https://video.example/watch?v={identifier}")),
            artwork_url: Some(format!("https://img.example/vi/{identifier}/max.jpg")),
            isrc: None,
            source_name: "youtube".into(),
            identifier,
        },
        details: Vec::new(),
        plugin_info: serde_json::Map::new(),
        originals: Vec::new(),
    }
}

fn playlist() -> LoadResult {
    LoadResult::Playlist(Playlist {
        name: "A long list".into(),
        selected: None,
        plugin_info: serde_json::Map::new(),
        tracks: (0..TRACKS).map(track).collect(),
    })
}

/// Mean time of a hit, in microseconds: shared, and with a copy as a load gets it.
#[expect(clippy::disallowed_methods, reason = "it measures time")]
async fn hit_us(result: LoadResult, hits: u32) -> [f64; 2] {
    let cache = Resolves::new(Settings::default());
    let mut figures = [0.0; 2];
    for (figure, copies) in figures.iter_mut().zip([false, true]) {
        let begun = Instant::now();
        for _ in 0..hits {
            let find = || std::future::ready(Ok(result.clone()));
            let found = cache.get("identifier", find).await.expect("found");
            if copies {
                std::hint::black_box(Arc::unwrap_or_clone(found));
            }
        }
        *figure = begun.elapsed().as_secs_f64() * 1e6 / f64::from(hits);
    }
    figures
}

/// Loads the same URL so often at once; says how often its server was asked, and how long all took in milliseconds.
#[expect(clippy::disallowed_methods, reason = "it measures time")]
async fn at_once() -> anyhow::Result<(usize, f64)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/x", listener.local_addr()?);
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Relaxed);
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(answer).await;
        }
    });
    let settings = source::Settings {
        network: net::Settings::default(),
        ..source::Settings::default()
    };
    let sources = Registry::new(settings);
    let begun = Instant::now();
    let loads = (0..AT_ONCE).map(|_| sources.load(&url));
    for found in futures_util::future::join_all(loads).await {
        anyhow::ensure!(found? == LoadResult::Empty, "an answer of another kind");
    }
    let took = begun.elapsed().as_secs_f64() * 1e3;
    server.abort();
    Ok((asked.load(Relaxed), took))
}

/// Resident memory of this process, in bytes.
fn resident() -> anyhow::Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.unwrap_or("0").parse::<usize>()? * 1024)
}

/// Bytes of a playlist of a thousand tracks that is remembered: as counted, and as the system counts them.
async fn memory() -> anyhow::Result<[usize; 2]> {
    let settings = Settings {
        bytes: usize::MAX,
        ..Settings::default()
    };
    let cache = Resolves::new(settings);
    let before = resident()?;
    for n in 0..PLAYLISTS {
        let find = || std::future::ready(Ok(playlist()));
        cache.get(&n.to_string(), find).await?;
    }
    let counted = usize::try_from(cache.counts().bytes)?;
    let taken = resident()?.saturating_sub(before);
    Ok([counted / PLAYLISTS, taken / PLAYLISTS])
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let [counted, taken] = memory().await?;
    println!("memory of a playlist of {TRACKS} tracks: {counted} B counted, {taken} B resident");
    let one = LoadResult::Track(Box::new(track(1)));
    let [shared, copied] = hit_us(one, HITS).await;
    println!("hit of a track: {shared:.2} us, with its copy {copied:.2} us");
    let [shared, copied] = hit_us(playlist(), HITS / 100).await;
    println!("hit of a playlist of {TRACKS} tracks: {shared:.2} us, with its copy {copied:.0} us");
    let (asked, took) = at_once().await?;
    println!("{AT_ONCE} loads of one URL at once: {asked} request(s), {took:.1} ms for all");
    Ok(())
}
