//! Owns: proof that a player's sound reaches the sound card that a client chooses, through a whole node, and comes back.
//! Never knows: how the node is made inside, and any real card.

#[path = "client/mod.rs"]
mod client;
#[path = "rig/mod.rs"]
mod rig;

use client::Client;
use lavalink_rust::{
    cli::play::{self, Play, PlayError, Target},
    dsp::FilterSpec,
    error::Failure,
    frame::{FrameFormat, FrameReader, PCM_FRAME_BYTES, Taken},
    node::Node,
    output::{
        Output, OutputStats,
        device::{Backend, Device, Devices, OnOutput, Refusal, User},
    },
    playback::{self, Engine},
    source::{self, Registry},
    units::{Millis, Samples},
};
use rig::{Rig, RigConfig, until};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// A card that hears frames when the test says so.
#[derive(Default)]
struct Card {
    reader: Mutex<Option<FrameReader>>,
    is_open: AtomicBool,
}

impl Card {
    fn put(&self, reader: Option<FrameReader>) {
        let old = {
            let mut held = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *held, reader)
        };
        drop(old);
    }

    fn take(&self, out: &mut [u8]) -> Option<Taken> {
        let mut held = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = held.as_mut()?;
        assert_eq!(reader.format(), FrameFormat::Pcm);
        // a poll in vain would be a gap
        reader.is_ready().then(|| reader.take(out))
    }

    /// The next frames, as many as there are up to `most`.
    async fn hear(&self, most: usize) -> Vec<f32> {
        let mut out = [0; PCM_FRAME_BYTES];
        let mut heard = Vec::new();
        for _ in 0..most {
            match until("a frame", || self.take(&mut out)).await {
                Taken::Frame { len, .. } => heard.extend(
                    out[..len]
                        .chunks_exact(4)
                        .map(|b| f32::from_le_bytes(b.try_into().expect("four"))),
                ),
                Taken::Underrun => {}
                Taken::Over => break,
            }
        }
        heard
    }

    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }
}

/// Some cards, each for one player at a time.
#[derive(Clone, Default)]
struct Cards(Arc<BTreeMap<&'static str, Arc<Card>>>);

impl Cards {
    fn new() -> Self {
        Self(Arc::new(
            ["card", "hw:1"]
                .map(|name| (name, Arc::default()))
                .into_iter()
                .collect(),
        ))
    }

    fn card(&self, name: &str) -> Arc<Card> {
        self.0[name].clone()
    }
}

impl Devices for Cards {
    fn list(&self) -> Result<Vec<Device>, Failure> {
        let device = |(name, card): (&&str, &Arc<Card>)| Device {
            name: (*name).to_owned(),
            description: "made up".to_owned(),
            is_default: *name == "card",
            rates: vec![44_100, 48_000],
            channels: vec![2],
            in_use: Some(match card.is_open() {
                true => User::Us(1),
                false => User::Nobody,
            }),
            delay: None,
        };
        Ok(self.0.iter().map(device).collect())
    }

    fn open(&self, name: &str, _: OnOutput) -> Result<Box<dyn Output>, Refusal> {
        let card = self
            .0
            .get(name)
            .ok_or_else(|| Refusal::Unknown(name.to_owned()))?;
        if card.is_open.swap(true, Ordering::Relaxed) {
            return Err(Refusal::Busy(name.to_owned()));
        }
        Ok(Box::new(Playing(card.clone())))
    }

    fn drained(&self, _: Duration) {}
}

struct Playing(Arc<Card>);

impl Output for Playing {
    fn play(&mut self, reader: FrameReader) {
        self.0.put(Some(reader));
    }
    fn stop(&mut self) {
        self.0.put(None);
    }
    fn set_paused(&mut self, _: bool) {}
    fn stats(&self) -> OutputStats {
        OutputStats::default()
    }
    fn close(self: Box<Self>) {}
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.0.put(None);
        self.0.is_open.store(false, Ordering::Relaxed);
    }
}

struct Stage {
    cards: Cards,
    rig: Arc<Rig>,
    node: Node,
    client: Arc<Client>,
}

impl Stage {
    async fn set() -> Self {
        let cards = Cards::new();
        let rig = Rig::start(RigConfig::default()).await.expect("it starts");
        let config = client::config_with(&rig.ca_path(), |config| {
            config.arm_audio.backend = Backend::Alsa;
            config.arm_audio.device = "card".into();
        });
        let node = Node::start_with(config, Arc::new(cards.clone()))
            .await
            .expect("the node starts");
        let client = Client::connect(&node).await;
        Self {
            cards,
            rig,
            node,
            client,
        }
    }

    /// A PATCH that may be refused.
    async fn try_patch(&self, guild: u64, body: Value) -> (u16, Value) {
        let path = format!("/v4/sessions/{}/players/{guild}", self.client.session);
        self.client.rest("PATCH", &path, Some(body)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_wanders_from_card_to_discord_to_card_and_no_frame_is_lost() {
    let stage = Stage::set().await;
    let (first, second) = (stage.cards.card("card"), stage.cards.card("hw:1"));
    let player = stage
        .client
        .play(7, &data("tone48.webm"), json!({ "endTime": 4000 }))
        .await;
    assert!(player.get("output").is_none(), "{player}");
    let on_card = first.hear(50).await.len() / (2 * 960);
    assert_eq!((on_card, stage.client.position(7).await), (50, 1000));

    stage.client.join(7, &stage.rig.endpoint(), "s").await;
    let voice = until("a voice session", || stage.rig.sessions().pop()).await;
    until("sound", || (voice.sound().len() > 40).then_some(())).await;
    assert!(!first.is_open(), "voice has taken its place");

    let body = json!({ "output": { "type": "alsa", "device": "hw:1" } });
    let player = stage.client.patch(7, body).await;
    assert_eq!(
        player["output"],
        json!({ "type": "alsa", "device": "hw:1" })
    );
    assert!(player["state"]["connected"].as_bool().expect("a flag"));
    let rest = second.hear(1000).await.len() / (2 * 960);
    let end = stage.client.event("TrackEndEvent", 7).await;
    assert_eq!(end["reason"], "finished");
    let through_discord = voice.sound().len();
    assert_eq!(on_card + through_discord + rest, 200, "4 s are 200 frames");

    stage.client.patch(7, json!({ "output": null })).await;
    assert!(!second.is_open());
    stage.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_card_hears_is_the_file() {
    let stage = Stage::set().await;
    let card = stage.cards.card("card");
    stage
        .client
        .play(
            7,
            &data("tone44.flac"),
            json!({ "position": 500, "volume": 50 }),
        )
        .await;
    let before = card.hear(25).await;
    stage.client.patch(7, json!({ "output": "none" })).await;
    assert!(!card.is_open());
    let there = stage.client.position(7).await;
    assert_eq!(there, 1000);
    // whatever was chosen, the card goes on where it was
    stage.client.patch(7, json!({ "output": null })).await;
    until("the card", || card.is_open().then_some(())).await;
    let after = card.hear(25).await;
    // the file itself, through the command line, as one piece
    let folder = tempfile::tempdir().expect("a folder");
    let whole = folder.path().join("whole.wav");
    let played = play(Target::File(whole.clone()), "tone44.flac", 500, 1500, 50).await;
    assert_eq!(played.expect("it plays").written, Samples(48_000));
    let bytes = std::fs::read(whole).expect("written");
    let expected: Vec<f32> = bytes[58..]
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().expect("four")))
        .collect();
    let heard = [before, after].concat();
    assert_eq!(heard.len(), expected.len());
    let worst = heard
        .iter()
        .zip(&expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst < 1e-5, "off by {worst}");
    stage.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_that_cannot_be_had_are_refused_by_name_and_listed() {
    let stage = Stage::set().await;
    stage.client.patch(7, json!({ "output": "alsa" })).await;
    assert!(stage.cards.card("card").is_open());
    for (output, status, told) in [
        (
            json!("alsa"),
            409,
            "output.device: the device \"card\" is in use",
        ),
        (
            json!({"type":"alsa","device":"hw:9"}),
            400,
            "output.device: there is no device \"hw:9\"",
        ),
        (
            json!({"type":"alsa","device":"file:x,raw"}),
            400,
            "output.device: there is no device \"file:x,raw\"",
        ),
        (
            json!({"type":"pulse"}),
            400,
            "Bad Request: output.type: expected discord, alsa or none",
        ),
    ] {
        let (answered, body) = stage.try_patch(8, json!({ "output": output })).await;
        let message = body["message"].as_str().expect("a message");
        assert_eq!(
            (answered, &body["status"]),
            (status, &json!(status)),
            "{message}"
        );
        assert!(message.starts_with(told), "{message}");
    }
    let (status, listed) = stage.client.rest("GET", "/v4/outputs", None).await;
    assert_eq!(status, 200);
    assert_eq!(listed["types"], json!(["discord", "none", "alsa"]));
    let in_use = |i: usize| {
        (
            &listed["devices"][i]["device"],
            &listed["devices"][i]["inUse"],
        )
    };
    assert_eq!(in_use(0), (&json!("card"), &json!(true)));
    assert_eq!(in_use(1), (&json!("hw:1"), &json!(false)));
    let path = format!("/v4/sessions/{}/players/7", stage.client.session);
    let (status, _) = stage.client.rest("DELETE", &path, None).await;
    assert_eq!(status, 204);
    assert!(!stage.cards.card("card").is_open(), "destroying closes it");
    stage.node.stop().await;
}

async fn play(
    target: Target,
    file: &str,
    from: i64,
    to: i64,
    volume: u16,
) -> Result<play::Played, PlayError> {
    let engine = Engine::new(1, playback::Settings::default());
    let sources = Registry::new(source::Settings {
        local: true,
        ..source::Settings::default()
    });
    let wanted = Play {
        identifier: data(file).to_str().expect("a name").to_owned(),
        target,
        from: Millis(from),
        to: Some(Millis(to)),
        volume,
        filters: FilterSpec::default(),
    };
    play::play(wanted, &engine, &sources, std::future::pending()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_plays_aloud_and_says_why_it_does_not() {
    let cards = Cards::new();
    let target = |name: &str| Target::Device(Arc::new(cards.clone()), name.to_owned());
    let card = cards.card("card");
    let listening = tokio::spawn({
        let card = card.clone();
        async move { card.hear(1000).await.len() }
    });
    let played = play(target("card"), "tone48.opus", 1000, 2000, 100).await;
    assert_eq!(played.expect("it plays").written, Samples(48_000));
    assert_eq!(listening.await.expect("it ends"), 2 * 48_000);
    assert!(!card.is_open());

    let told = |played: Result<play::Played, PlayError>| played.expect_err("refused").to_string();
    let unknown = told(play(target("hw:7"), "tone48.opus", 0, 1000, 100).await);
    assert!(unknown.starts_with("there is no device \"hw:7\"") && unknown.contains("--device"));
    let _holder = cards.open("hw:1", Box::new(|_| ())).expect("it is free");
    let busy = told(play(target("hw:1"), "tone48.opus", 0, 1000, 100).await);
    assert!(busy.starts_with("the device \"hw:1\" is in use"), "{busy}");
}
