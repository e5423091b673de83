//! Owns: a measurement of the voice client: many connections, passthrough frames, CPU per frame and memory per connection.
//! Never knows: what is good enough.
//!
//! `cargo run --release --example voice_load -- <connections> <seconds> [dave 0|1]` starts the fake voice server of the
//! tests as a process of its own and plays to it. `… -- <connections> <seconds> <endpoint> <ca.pem>` plays to another one.

#[path = "../tests/rig/mod.rs"]
mod rig;

use anyhow::{Context, Result, bail};
use lavalink_rust::{
    frame::{FrameFormat, FrameWriter, ring},
    output::{
        Output, OutputEvent,
        voice::{Connection, Settings, Target, Voice},
    },
    units::{ChannelId, GuildId, Samples, Secret, UserId},
};
use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Bytes of a frame: 128 kbit/s.
const FRAME: usize = 320;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["rig", dave] => runtime.block_on(serve(dave.parse()?)),
        [n, secs, endpoint, ca] => {
            let load = Load {
                connections: n.parse()?,
                seconds: secs.parse()?,
                endpoint: endpoint.to_owned(),
                ca: ca.into(),
            };
            runtime.block_on(load.run())
        }
        [n, secs, ref rest @ ..] => {
            let (mut child, endpoint, ca) = start_rig(rest.first().copied().unwrap_or("1"))?;
            let load = Load {
                connections: n.parse()?,
                seconds: secs.parse()?,
                endpoint,
                ca,
            };
            let result = runtime.block_on(load.run());
            child.kill()?;
            child.wait()?;
            result
        }
        _ => bail!("usage: voice_load <connections> <seconds> [dave 0|1 | endpoint ca.pem]"),
    }
}

async fn serve(dave: u16) -> Result<()> {
    let rig = rig::Rig::start(rig::RigConfig {
        dave,
        keep: false,
        ..rig::RigConfig::default()
    })
    .await?;
    println!("{} {}", rig.endpoint(), rig.ca_path().display());
    std::future::pending().await
}

fn start_rig(dave: &str) -> Result<(Child, String, PathBuf)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["rig", dave])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
    let (endpoint, ca) = line.trim().split_once(' ').context("no rig")?;
    Ok((child, endpoint.to_owned(), ca.into()))
}

struct Load {
    connections: u64,
    seconds: u64,
    endpoint: String,
    ca: PathBuf,
}

/// Resident memory of this process in kB.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|l| l.starts_with("VmRSS"))
        .context("VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("VmRSS")?.parse()?)
}

/// CPU time of the pacing threads in ms.
fn pacers_ms() -> Result<u64> {
    let mut ms = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        // threads of the blocking pool come and go
        let Ok(name) = std::fs::read_to_string(path.join("comm")) else {
            continue;
        };
        if name.starts_with("pacer") {
            let stat = std::fs::read_to_string(path.join("schedstat"))?;
            let ns: u64 = stat
                .split_whitespace()
                .next()
                .context("schedstat")?
                .parse()?;
            ms += ns / 1_000_000;
        }
    }
    Ok(ms)
}

/// CPU time of this process in ms, counted by the kernel in hundredths of a second.
fn all_ms() -> Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("stat")?;
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = times.map(|t| t.parse::<u64>().unwrap_or(0)).sum();
    Ok(ticks * 10)
}

#[expect(clippy::disallowed_methods, reason = "this measures")]
impl Load {
    async fn run(self) -> Result<()> {
        let voice = Voice::new(Settings {
            roots: vec![self.ca.clone()],
            ..Settings::default()
        });
        let before = (resident()?, all_ms()?);
        let mut connections = self.connect(&voice).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let connected = (resident()?, all_ms()?);
        let n = self.connections;
        println!(
            "{n} connections: {} kB and {:.1} ms CPU each",
            (connected.0 - before.0) / n,
            (connected.1 - before.1) as f64 / n as f64,
        );
        let idle = all_ms()?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        println!("idle: {:.2} % of a core", (all_ms()? - idle) as f64 / 20.0);
        self.play(&mut connections);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let sent = || connections.iter().map(|c| c.stats().sent).sum::<u64>();
        let (frames, all, pacers, at) = (sent(), all_ms()?, pacers_ms()?, Instant::now());
        tokio::time::sleep(Duration::from_secs(self.seconds)).await;
        let (frames, took) = (sent() - frames, at.elapsed().as_secs_f64());
        let (all, pacers) = (all_ms()? - all, pacers_ms()? - pacers);
        let dropped: u64 = connections.iter().map(|c| c.stats().dropped).sum();
        println!(
            "{frames} frames in {took:.2} s ({:.1} % of those due), {dropped} dropped",
            100.0 * frames as f64 / (50.0 * took * n as f64)
        );
        println!(
            "CPU a frame: {:.2} µs on pacers, {:.2} µs in all ({:.2} % of a core)",
            pacers as f64 * 1000.0 / frames as f64,
            all as f64 * 1000.0 / frames as f64,
            all as f64 / took / 10.0,
        );
        drop(connections);
        voice.drained().await;
        Ok(())
    }

    async fn connect(&self, voice: &Voice) -> Result<Vec<Connection>> {
        let up = Arc::new(AtomicUsize::new(0));
        let mut connections = Vec::new();
        for i in 0..self.connections {
            let up = up.clone();
            let channel = 5_000_000 + i;
            let target = Target {
                guild: GuildId(1_000_000 + i),
                user: UserId(777),
                channel: ChannelId(channel),
                session_id: format!("s{i}"),
                token: Secret::new(format!("channel:{channel}")),
                endpoint: self.endpoint.clone(),
            };
            connections.push(voice.connect(target, move |event| match event {
                OutputEvent::Connected => {
                    up.fetch_add(1, Relaxed);
                }
                OutputEvent::Opened | OutputEvent::Ping(_) => {}
                other => eprintln!("{other:?}"),
            }));
            // as a bot does: not all at once
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        let begun = Instant::now();
        while up.load(Relaxed) < connections.len() {
            if begun.elapsed() > Duration::from_secs(30) {
                bail!("{} of {} connected", up.load(Relaxed), connections.len());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(connections)
    }

    /// Plays for ever; a thread keeps the rings filled, as a decode pool does.
    fn play(&self, connections: &mut [Connection]) {
        let mut writers: Vec<FrameWriter> = connections
            .iter_mut()
            .map(|connection| {
                let (writer, reader) = ring(FrameFormat::Opus, 20, 1_000_000, || (), |_| ());
                connection.play(reader);
                writer
            })
            .collect();
        std::thread::spawn(move || {
            for i in 0u64.. {
                for writer in &mut writers {
                    while writer.push(&[i as u8; FRAME], Samples(i * 960)) {}
                }
                if writers.iter().all(FrameWriter::is_abandoned) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
    }
}
