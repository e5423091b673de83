//! Owns: players on a sound card without a node around them: what they tell, how long the sound takes to the card.
//! Never knows: clients, Discord.
//!
//! `cargo run --features alsa-backend --example device_play -- '{"device": "default", "files": ["a.wav", "b.flac"]}'`: each file has
//! a player, and all play on the device at once. Further fields: `low_latency`, `rate`, `channels`, `volume` of the device, `pause`
//! (from and to which second), `mute` (in which second the volume goes to 0). Writes a line of JSON about it.

use anyhow::{Context, Result, bail};
use lavalink_rust::{
    dsp::FilterSpec,
    frame::{FrameFormat, ReaderEvent},
    output::{
        OutputEvent,
        device::{self, Backend},
    },
    playback::{Engine, Event, Request, Settings},
    source::{self, Registry},
    track::LoadResult,
    units::Samples,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Sound that has not ended by then is cut.
const LONGEST: Duration = Duration::from_secs(60);
/// How often the device is asked for its delay.
const ASK_EVERY: Duration = Duration::from_millis(50);

fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let wish: Value = serde_json::from_str(&std::env::args().nth(1).context("a JSON object")?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    println!("{}", runtime.block_on(run(&wish))?);
    Ok(())
}

fn settings(wish: &Value) -> device::Settings {
    let plain = device::Settings::default();
    let number = |key: &str, otherwise: u32| {
        wish[key]
            .as_u64()
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(otherwise)
    };
    device::Settings {
        backend: Backend::Alsa,
        device: wish["device"].as_str().unwrap_or("default").to_owned(),
        sample_rate: number("rate", plain.sample_rate),
        channels: number("channels", plain.channels),
        volume: number("volume", plain.volume),
        is_low_latency: wish["low_latency"].as_bool().unwrap_or(false),
        ..plain
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
async fn run(wish: &Value) -> Result<Value> {
    let settings = settings(wish);
    let devices = device::devices(&settings);
    let sources = Registry::new(source::Settings {
        local: true,
        ..source::Settings::default()
    });
    let engine = Engine::new(1, Settings::default());
    let began = Instant::now();
    // few events come, and all of them are wanted
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut players = Vec::new();
    for file in wish["files"].as_array().context("files")? {
        let LoadResult::Track(track) = sources.load(file.as_str().context("a path")?).await? else {
            bail!("{file} is no track");
        };
        let media = sources.open(&track)?;
        let request = Request {
            window: media.window,
            hint: media.hint,
            start: Samples::ZERO,
            volume: 100,
            filters: FilterSpec::default(),
            format: FrameFormat::Pcm,
            stuck_after: Duration::from_secs(10),
        };
        let (of_sound, of_device) = (tell.clone(), tell.clone());
        let device = settings.device.clone();
        let ours = devices.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let events = move |event| drop(of_device.send(said(began, &event)));
            ours.open(&device, Box::new(events))
        });
        let mut output = match opened.await? {
            Ok(output) => output,
            Err(refusal) => return Ok(json!({ "refusal": refusal.to_string() })),
        };
        let events = move |event: Event| drop(of_sound.send(heard(began, &event)));
        let (playback, reader) = engine.start(request, events);
        output.play(reader);
        players.push((playback, output));
    }
    drop(tell);
    let seconds = |value: &Value| value.as_f64().map(Duration::from_secs_f64);
    let (pause, resume) = (seconds(&wish["pause"][0]), seconds(&wish["pause"][1]));
    let mute = seconds(&wish["mute"]);
    let mut due = [(pause, "pause"), (resume, "resume"), (mute, "mute")]
        .map(|(at, what)| (at.unwrap_or(Duration::MAX), what))
        .to_vec();
    due.sort();
    let (mut events, mut delays, mut ended) = (Vec::new(), Vec::new(), 0);
    while ended < players.len() && began.elapsed() < LONGEST {
        tokio::select! {
            event = told.recv() => {
                let Some(event) = event.flatten() else { continue };
                ended += usize::from(event["event"] == "drained");
                events.push(event);
            }
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
        while due.first().is_some_and(|(at, _)| *at <= began.elapsed()) {
            let (_, what) = due.remove(0);
            events.push(json!({ "at": began.elapsed().as_secs_f64(), "event": what }));
            for (playback, output) in &mut players {
                match what {
                    "mute" => playback.set_volume(0),
                    _ => output.set_paused(what == "pause"),
                }
            }
        }
        let ours = devices.clone();
        let listed = tokio::task::spawn_blocking(move || ours.list()).await??;
        let device = listed.into_iter().find(|d| d.name == settings.device);
        delays.extend(
            device
                .and_then(|d| d.delay)
                .map(|d| d.as_secs_f64() * 1000.0),
        );
    }
    let stats: Vec<Value> = players
        .iter()
        .map(
            |(_, output)| json!({ "sent": output.stats().sent, "dropped": output.stats().dropped }),
        )
        .collect();
    players.into_iter().for_each(|(_, output)| output.close());
    let closing = Instant::now();
    tokio::task::spawn_blocking(move || devices.drained(Duration::from_secs(5))).await?;
    Ok(json!({
        "events": events,
        "players": stats,
        "delay_ms": [delays.iter().copied().reduce(f64::min), delays.iter().copied().reduce(f64::max)],
        "closed_in": closing.elapsed().as_secs_f64(),
    }))
}

fn said(began: Instant, event: &OutputEvent) -> Option<Value> {
    let name = match event {
        OutputEvent::Connected => "connected",
        OutputEvent::Interrupted => "interrupted",
        _ => return None,
    };
    Some(json!({ "at": began.elapsed().as_secs_f64(), "event": name }))
}

fn heard(began: Instant, event: &Event) -> Option<Value> {
    let at = began.elapsed().as_secs_f64();
    match event {
        Event::Reader(ReaderEvent::Started) => Some(json!({ "at": at, "event": "started" })),
        Event::Reader(ReaderEvent::Drained) => Some(json!({ "at": at, "event": "drained" })),
        Event::Reader(ReaderEvent::Gap(gap)) => Some(
            json!({ "at": at, "event": "gap", "cause": gap.cause.label(), "frames": gap.frames }),
        ),
        Event::Failed { failure, .. } => Some(json!({ "at": at, "event": failure.message })),
        _ => None,
    }
}
