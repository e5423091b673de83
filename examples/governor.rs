//! Owns: a run that shows the governor at work: players, then programs that take all processors, then none; and whether a
//! listener heard anything of it.
//! Never knows: how levels are decided.
//!
//! `scripts/governor.sh` starts it. It plays to the fake voice server of the tests, starts hogs of its own and ends them, and
//! fails when the level of quality did not go up and come back, or a frame was lost. `PLAYERS` (3), `HOGS` (one for each
//! processor) and `THRESHOLD` (50, percent of the machine) are taken from the environment.

#[path = "../tests/client/mod.rs"]
mod client;
#[path = "../tests/rig/mod.rs"]
mod rig;

use anyhow::{Context, Result, ensure};
use client::{Client, PASSWORD};
use rig::{Rig, RigConfig, session::Heard};
use serde_json::json;
use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long each phase may take before the run has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the hogs go on at the lowered level.
const HELD: Duration = Duration::from_secs(15);
/// Seconds of sound.
const SECONDS: usize = 400;

fn main() -> Result<()> {
    let players = from_environment("PLAYERS", 3)?;
    let cores = std::thread::available_parallelism()?.get();
    let hogs = from_environment("HOGS", cores)?;
    let threshold = from_environment("THRESHOLD", 50)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(run(players, hogs, threshold))
}

fn from_environment(name: &str, usual: usize) -> Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is {text:?}")),
        Err(_) => Ok(usual),
    }
}

/// Two tones at 44.1 kHz, which have to be resampled and encoded.
fn write_tones(to: &Path) -> Result<()> {
    const RATE: u32 = 44_100;
    let bytes = SECONDS as u32 * RATE * 4;
    let mut file = std::io::BufWriter::new(std::fs::File::create(to)?);
    file.write_all(b"RIFF")?;
    file.write_all(&(36 + bytes).to_le_bytes())?;
    file.write_all(b"WAVEfmt \x10\0\0\0\x01\0\x02\0")?;
    file.write_all(&RATE.to_le_bytes())?;
    file.write_all(&(RATE * 4).to_le_bytes())?;
    file.write_all(b"\x04\0\x10\0data")?;
    file.write_all(&bytes.to_le_bytes())?;
    for i in 0..SECONDS as u32 * RATE {
        for hz in [440.0, 660.0] {
            let wave = (std::f64::consts::TAU * hz * f64::from(i) / f64::from(RATE)).sin();
            file.write_all(&((wave * 12_000.0) as i16).to_le_bytes())?;
        }
    }
    Ok(file.flush()?)
}

/// Programs that never rest.
struct Hogs(Vec<Child>);

impl Hogs {
    fn start(count: usize) -> Result<Self> {
        let hog = || {
            let mut shell = Command::new("sh");
            shell.args(["-c", "while :; do :; done"]);
            shell.stdin(Stdio::null()).spawn()
        };
        Ok(Self((0..count).map(|_| hog()).collect::<Result<_, _>>()?))
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            // one that is gone is what is wanted
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}

/// A sample of the metrics.
async fn metric(address: std::net::SocketAddr, name: &str) -> Result<f64> {
    let answer = client::call(address, "GET", "/metrics", Some(PASSWORD), None).await;
    let mut samples = answer.body.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = samples
        .find(|(sample, _)| *sample == name)
        .with_context(|| format!("no {name} in the metrics"))?;
    Ok(value.parse()?)
}

const LEVEL: &str = r#"lavalink_rust_quality_level{ladder="sound"}"#;

/// Waits until the level is as wanted; prints each that there is.
async fn level(
    node: std::net::SocketAddr,
    began: Instant,
    is_wanted: impl Fn(f64) -> bool,
) -> Result<()> {
    let until = now() + PATIENCE;
    let mut last = None;
    loop {
        let level = metric(node, LEVEL).await?;
        if last.replace(level) != Some(level) {
            println!("{:6.1} s  level {level}", began.elapsed().as_secs_f64());
        }
        if is_wanted(level) {
            return Ok(());
        }
        ensure!(now() < until, "the level stays {level} for {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "this measures")]
fn now() -> Instant {
    Instant::now()
}

/// Packets or frames that are missing between the first and the last: RFC 3550, sequence numbers and timestamps.
fn lost(heard: &[Heard]) -> usize {
    let is_next = |two: &&[Heard]| {
        two[1].sequence.wrapping_sub(two[0].sequence) == 1
            && two[1].timestamp.wrapping_sub(two[0].timestamp) == 960
    };
    heard.windows(2).filter(|two| !is_next(two)).count()
}

async fn run(players: usize, hogs: usize, threshold: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tones = folder.path().join("tones.wav");
    write_tones(&tones)?;
    let rig = Rig::start(RigConfig {
        dave: 1,
        ..RigConfig::default()
    })
    .await?;
    let node = client::node_with(&rig.ca_path(), |config| {
        config.metrics.enabled = true;
        config.metrics.endpoint = "/metrics".into();
        let resources = &mut config.resources;
        resources.adaptive_quality = true;
        resources.cpu_threshold = u8::try_from(threshold).unwrap_or(100);
        // a machine may be short of memory and warm for other reasons
        (resources.memory_threshold, resources.temperature_threshold) = (0, 0);
        resources.reaction = Duration::from_secs(1);
        resources.recovery = Duration::from_secs(5);
    })
    .await;
    let (address, began) = (node.address(), now());
    let client = Client::connect(&node).await;
    for player in 0..players as u64 {
        let guild = 1000 + 10 * player;
        let session = format!("s{player}");
        client.join(guild, &rig.endpoint(), &session).await;
        client.play(guild, &tones, json!({})).await;
    }
    println!("{players} players; a level above {threshold} % of the machine");
    level(address, began, |level| level == 0.0).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = metric(address, LEVEL).await?;
    ensure!(
        before == 0.0,
        "the machine is busy with other work: level {before} before anything was done"
    );
    println!("{:6.1} s  {hogs} hogs begin", began.elapsed().as_secs_f64());
    let running = Hogs::start(hogs)?;
    level(address, began, |level| level >= 2.0).await?;
    tokio::time::sleep(HELD).await;
    drop(running);
    println!("{:6.1} s  the hogs are gone", began.elapsed().as_secs_f64());
    level(address, began, |level| level == 0.0).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut is_whole = true;
    for session in rig.sessions() {
        let heard = session.sound();
        let (first, last) = (heard.first(), heard.last());
        let (first, last) = first.zip(last).context("a listener heard nothing")?;
        let seconds = last.at.duration_since(first.at).as_secs_f64();
        let (frames, missing) = (heard.len(), lost(&heard));
        println!(
            "guild {}: {frames} frames in {seconds:.1} s ({:.1} due), {missing} gaps",
            session.guild,
            seconds * 50.0 + 1.0
        );
        is_whole &= missing == 0 && (frames as f64 - 1.0 - seconds * 50.0).abs() < 50.0;
    }
    for cause in [
        "source_stalled",
        "decode_late",
        "scheduler_late",
        "send_error",
    ] {
        let name = format!("lavalink_rust_underrun_frames_total{{cause=\"{cause}\"}}");
        println!("{cause}: {} frames", metric(address, &name).await?);
    }
    node.stop().await;
    ensure!(is_whole, "frames were lost");
    println!("the level went up and came back, and no frame was lost");
    Ok(())
}
