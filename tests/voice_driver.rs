//! Owns: proof that the voice client behaves against a voice server: the fake one in `rig`.
//! Never knows: how the client is made inside.

#[path = "voice_driver/breaks.rs"]
mod breaks;
#[path = "voice_driver/groups.rs"]
mod groups;
mod rig;

use lavalink_rust::{
    frame::{FrameFormat, FrameWriter, Progress, ring},
    output::{
        Output, OutputEvent,
        voice::{Connection, Settings, Target, Voice},
    },
    units::{ChannelId, GuildId, Samples, Secret, UserId},
};
use rig::{
    Cmd, Mood, Rig, RigConfig,
    dave::Committer,
    session::{Heard, SILENCE, Session, lock},
    until,
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::Duration,
};

const CHANNEL: u64 = 5_000_001;

/// Events in a form that can be compared.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Opened,
    Connected,
    Interrupted,
    Closed(u16, String, bool),
    Unreachable(String),
}

#[derive(Clone, Default)]
struct Events {
    seen: Arc<Mutex<Vec<Seen>>>,
    pings: Arc<Mutex<Vec<u32>>>,
}

impl Events {
    fn hear(&self, event: OutputEvent) {
        let seen = match event {
            OutputEvent::Ping(ms) => {
                lock(&self.pings).push(ms);
                return;
            }
            OutputEvent::Opened => Seen::Opened,
            OutputEvent::Connected => Seen::Connected,
            OutputEvent::Interrupted => Seen::Interrupted,
            OutputEvent::Closed {
                code,
                reason,
                by_remote,
            } => Seen::Closed(code, reason, by_remote),
            OutputEvent::Unreachable(failure) => Seen::Unreachable(failure.to_string()),
        };
        lock(&self.seen).push(seen);
    }

    fn all(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    fn count(&self, of: &Seen) -> usize {
        lock(&self.seen).iter().filter(|s| *s == of).count()
    }

    async fn wait(&self, of: &Seen) {
        until(&format!("{of:?}"), || (self.count(of) > 0).then_some(())).await;
    }

    /// The event that ends a connection.
    async fn end(&self) -> Seen {
        until("the end", || {
            let all = self.all();
            let last = all.last()?;
            matches!(last, Seen::Closed(..) | Seen::Unreachable(_)).then(|| last.clone())
        })
        .await
    }
}

fn voice(rig: &Rig) -> Voice {
    Voice::new(Settings {
        roots: vec![rig.ca_path()],
        connect_timeout: Duration::from_secs(3),
        ..Settings::default()
    })
}

fn target(endpoint: String) -> Target {
    Target {
        guild: GuildId(1_000_001),
        user: UserId(777),
        channel: ChannelId(CHANNEL),
        session_id: "session".into(),
        token: Secret::new(format!("channel:{CHANNEL}")),
        endpoint,
    }
}

/// A connection to a rig of its own.
struct Call {
    rig: Arc<Rig>,
    voice: Voice,
    connection: Box<Connection>,
    events: Events,
}

/// A frame like no other.
fn frame(i: u32) -> Vec<u8> {
    let len = 20 + i as usize * 37 % 300;
    let mut bytes = vec![i as u8 ^ 0x5A; len];
    bytes[..4].copy_from_slice(&i.to_be_bytes());
    bytes
}

impl Call {
    async fn begin(config: RigConfig) -> Self {
        let rig = Rig::start(config).await.expect("the rig starts");
        let voice = voice(&rig);
        let events = Events::default();
        let ears = events.clone();
        let connection = voice.connect(target(rig.endpoint()), move |e| ears.hear(e));
        Self {
            rig,
            voice,
            connection: Box::new(connection),
            events,
        }
    }

    async fn connected(config: RigConfig) -> Self {
        let call = Self::begin(config).await;
        call.events.wait(&Seen::Connected).await;
        call
    }

    /// Plays frames `0..count`.
    fn play(&mut self, count: u32) -> (FrameWriter, Arc<Progress>) {
        let (mut writer, reader) =
            ring(FrameFormat::Opus, count as usize, 1_000_000, || (), |_| ());
        for i in 0..count {
            assert!(writer.push(&frame(i), Samples(u64::from(i) * 960)));
        }
        writer.push_end();
        let progress = reader.progress();
        self.connection.play(reader);
        (writer, progress)
    }
}

/// Waits until `count` frames of sound have arrived.
async fn heard(session: &Session, count: usize) -> Vec<Heard> {
    until(&format!("{count} frames"), || {
        let sound = session.sound();
        (sound.len() >= count).then_some(sound)
    })
    .await
}

/// Asserts that frames `0..count` arrived, complete, in order and unchanged, and that no packet broke a rule.
fn assert_exact(session: &Session, count: u32) {
    let sound = session.sound();
    for (i, heard) in (0..).zip(&sound) {
        assert_eq!(heard.opus, frame(i), "frame {i}");
    }
    assert_eq!(sound.len(), count as usize);
    let media = lock(&session.media);
    for pair in media.heard.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
    }
    assert_eq!((media.not_opened, media.repeated_nonces), (0, 0));
    assert_eq!(media.dave_failed, 0, "{}", media.last_dave_error);
}

/// Waits until the bot is in the group and its last transition was executed.
async fn encrypted(session: &Session, transitions: u32) {
    until("a transition", || {
        let room = lock(&session.dave);
        let room = room.as_ref()?;
        (room.established() && room.transitions_done >= transitions).then_some(())
    })
    .await;
}

fn with_dave(listeners: usize, committer: Committer) -> RigConfig {
    RigConfig {
        dave: 1,
        listeners,
        committer,
        ..RigConfig::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_arrive_unchanged_in_order_and_every_20_ms() {
    let mut call = Call::connected(with_dave(1, Committer::Bot)).await;
    let session = call.rig.last().await;
    encrypted(&session, 1).await;
    call.play(100);
    let sound = heard(&session, 100).await;
    let silence = |s: &Session| {
        lock(&s.media)
            .heard
            .iter()
            .filter(|h| h.is_silence())
            .count()
    };
    until("five silence frames", || {
        (silence(&session) == 5).then_some(())
    })
    .await;
    until("the end of speaking", || {
        (*lock(&session.speaking) == [1, 0]).then_some(())
    })
    .await;
    assert_exact(&session, 100);
    for pair in lock(&session.media).heard.windows(2) {
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(step == 960 || step == 1920, "timestamp +{step}");
    }
    // never ahead of the clock; how far behind is for benchmarks
    let whole = sound[99].at.duration_since(sound[0].at).as_millis();
    assert!(whole >= 1900, "99 frames took {whole} ms");
    assert_eq!(call.events.all(), [Seen::Opened, Seen::Connected]);
    assert!(!lock(&call.events.pings).is_empty(), "the ping is known");
    assert!(call.connection.stats().sent >= 105);
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_that_comes_late_is_sent_when_it_comes() {
    let mut call = Call::connected(RigConfig::default()).await;
    let session = call.rig.last().await;
    let (mut writer, reader) = ring(FrameFormat::Opus, 20, 1000, || (), |_| ());
    call.connection.play(reader);
    until("a poll", || {
        (writer.progress().counts().1 >= 2).then_some(())
    })
    .await;
    writer.push(&frame(0), Samples(0));
    heard(&session, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_leaves_no_connection_at_whatever_moment() {
    let rig = Rig::start(RigConfig::default()).await.expect("a rig");
    let voice = voice(&rig);
    for step in 0..60u64 {
        if step == 30 {
            // from here on, closed while a repair is under way
            rig.set_mood(Mood::Refuse(4015, 3));
        }
        let events = Events::default();
        let ears = events.clone();
        let mut target = target(rig.endpoint());
        target.session_id = format!("session {step}");
        let connection = Box::new(voice.connect(target, move |e| ears.hear(e)));
        tokio::time::sleep(Duration::from_micros(step % 30 * 700)).await;
        connection.close();
        let before = events.all();
        tokio::task::yield_now().await;
        assert_eq!(events.all(), before, "no event after closing");
    }
    voice.drained().await;
    until("all closed", || (rig.open.load(Relaxed) == 0).then_some(())).await;
    let attempts = rig.attempts.load(Relaxed);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(rig.attempts.load(Relaxed), attempts);
    assert_eq!(rig.open.load(Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_says_goodbye() {
    let call = Call::connected(RigConfig::default()).await;
    let session = call.rig.last().await;
    call.connection.close();
    until("a close frame", || {
        (session.closed_with.load(Relaxed) == 1000).then_some(())
    })
    .await;
    assert_eq!(call.events.all(), [Seen::Opened, Seen::Connected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn xchacha_is_spoken_where_nothing_else_is_offered() {
    let config = RigConfig {
        modes: vec!["aead_xchacha20_poly1305_rtpsize"],
        ..with_dave(1, Committer::Bot)
    };
    let mut call = Call::connected(config).await;
    let session = call.rig.last().await;
    call.play(20);
    heard(&session, 20).await;
    assert_exact(&session, 20);
    assert!(lock(&session.mode).contains("xchacha"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_loses_nothing_and_ends_in_silence() {
    let mut call = Call::connected(RigConfig::default()).await;
    let session = call.rig.last().await;
    call.play(60);
    heard(&session, 20).await;
    call.connection.set_paused(true);
    until("the end of speaking", || {
        (*lock(&session.speaking) == [1, 0]).then_some(())
    })
    .await;
    let paused = session.packets();
    let tail: Vec<bool> = {
        let media = lock(&session.media);
        media
            .heard
            .iter()
            .rev()
            .take(6)
            .map(Heard::is_silence)
            .collect()
    };
    assert_eq!(tail, [true, true, true, true, true, false]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(session.packets(), paused);
    call.connection.set_paused(false);
    heard(&session, 60).await;
    assert_exact(&session, 60);
    let media = lock(&session.media);
    let jump = media
        .heard
        .windows(2)
        .map(|w| w[1].timestamp.wrapping_sub(w[0].timestamp) / 960)
        .max();
    assert!(
        jump >= Some(9),
        "timestamps run on over the pause: {jump:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_drops_the_reader_and_a_new_one_goes_on_at_once() {
    let mut call = Call::connected(RigConfig::default()).await;
    let session = call.rig.last().await;
    let (writer, _) = call.play(500);
    heard(&session, 5).await;
    call.connection.stop();
    until("the reader's end", || writer.is_abandoned().then_some(())).await;
    until("five silence frames", || {
        let media = lock(&session.media);
        media.heard.ends_with_silence(5).then_some(())
    })
    .await;
    let before = session.sound().len();
    call.play(10);
    let sound = heard(&session, before + 10).await;
    let again: Vec<_> = sound[before..].iter().map(|h| h.opus.clone()).collect();
    assert_eq!(again, (0..10).map(frame).collect::<Vec<_>>());
}

trait EndsWithSilence {
    fn ends_with_silence(&self, frames: usize) -> bool;
}

impl EndsWithSilence for Vec<Heard> {
    fn ends_with_silence(&self, frames: usize) -> bool {
        self.len() >= frames && self.iter().rev().take(frames).all(|h| h.opus == SILENCE)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_discovery_packet_is_sent_again() {
    let rig = Rig::start(RigConfig::default()).await.expect("a rig");
    rig.deaf_packets.store(1, Relaxed);
    let events = Events::default();
    let ears = events.clone();
    let _connection = voice(&rig).connect(target(rig.endpoint()), move |e| ears.hear(e));
    events.wait(&Seen::Connected).await;
}
