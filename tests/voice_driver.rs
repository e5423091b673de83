//! Owns: proof that the voice client behaves against a voice server: the fake one in `rig`.
//! Never knows: how the client is made inside.
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
    dave::{Committer, Room},
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

fn room<T>(session: &Session, ask: impl FnOnce(&Room) -> T) -> T {
    ask(lock(&session.dave).as_ref().expect("the call runs DAVE"))
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
async fn a_connection_that_is_lost_is_resumed_while_sound_goes_on() {
    let mut call = Call::connected(with_dave(1, Committer::Bot)).await;
    let session = call.rig.last().await;
    encrypted(&session, 1).await;
    call.play(150);
    for (n, cut) in (1..).zip([
        Cmd::Close(4015, "crash"),
        Cmd::DropTcp,
        Cmd::Close(1001, ""),
        Cmd::CloseEmpty,
    ]) {
        session.command(cut);
        let is_resumed =
            || (session.resumed.load(Relaxed) == n && session.is_alive()).then_some(());
        until("a resume", is_resumed).await;
        until("Connected", || {
            (call.events.count(&Seen::Connected) == n as usize + 1).then_some(())
        })
        .await;
    }
    heard(&session, 150).await;
    assert_exact(&session, 150);
    let gaps = lock(&session.media)
        .heard
        .windows(2)
        .map(|w| w[1].at.duration_since(w[0].at))
        .max();
    assert!(gaps < Some(Duration::from_millis(150)), "{gaps:?}");
    assert_eq!(call.events.count(&Seen::Interrupted), 4);
    assert_eq!(call.rig.sessions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_no_longer_answers_is_noticed() {
    for cut in [Cmd::Freeze, Cmd::MuteAcks] {
        let config = RigConfig {
            heartbeat_ms: 250.0,
            ..RigConfig::default()
        };
        let mut call = Call::connected(config).await;
        let session = call.rig.last().await;
        call.play(80);
        session.command(cut);
        until("a resume", || {
            (session.resumed.load(Relaxed) == 1).then_some(())
        })
        .await;
        heard(&session, 80).await;
        assert_exact(&session, 80);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_close_is_reported_and_no_frame_is_taken_any_more() {
    for (code, reason) in [
        (4006, "Session is no longer valid."),
        (4014, "Disconnected."),
        (1000, ""),
        (3000, "x"),
    ] {
        let mut call = Call::connected(RigConfig::default()).await;
        let session = call.rig.last().await;
        let (_writer, progress) = call.play(500);
        heard(&session, 3).await;
        session.command(Cmd::Close(code, reason));
        let expected = Seen::Closed(code, reason.into(), true);
        assert_eq!(call.events.end().await, expected);
        call.voice.drained().await;
        let stopped = progress.counts();
        until("silence", || {
            std::thread::sleep(Duration::from_millis(60));
            (progress.counts() == stopped).then_some(())
        })
        .await;
        assert_eq!(call.rig.attempts.load(Relaxed), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_reached_is_told() {
    let rig = Rig::start(RigConfig::default()).await.expect("a rig");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let refused = free.local_addr().expect("bound").to_string();
    drop(free);
    for endpoint in [refused, "no endpoint".into(), "voice.invalid".into()] {
        let events = Events::default();
        let ears = events.clone();
        let _connection = voice(&rig).connect(target(endpoint), move |e| ears.hear(e));
        assert!(matches!(events.end().await, Seen::Unreachable(_)));
        assert_eq!(events.all().len(), 1);
    }
    // a stranger's certificate
    let events = Events::default();
    let ears = events.clone();
    let strict = Voice::new(Settings::default());
    let _connection = strict.connect(target(rig.endpoint()), move |e| ears.hear(e));
    assert!(matches!(events.end().await, Seen::Unreachable(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_identify_is_reported() {
    let rig = Rig::start(RigConfig::default()).await.expect("a rig");
    rig.set_mood(Mood::Refuse(4006, 0));
    let events = Events::default();
    let ears = events.clone();
    let _connection = voice(&rig).connect(target(rig.endpoint()), move |e| ears.hear(e));
    let closed = Seen::Closed(4006, "refused".into(), true);
    assert_eq!(events.end().await, closed);
    assert_eq!(events.all(), [Seen::Opened, closed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_failure_is_reported_in_the_end() {
    let rig = Rig::start(RigConfig::default()).await.expect("a rig");
    rig.set_mood(Mood::Refuse(4015, 0));
    let events = Events::default();
    let ears = events.clone();
    let _connection = voice(&rig).connect(target(rig.endpoint()), move |e| ears.hear(e));
    let closed = Seen::Closed(4015, "refused".into(), true);
    assert_eq!(events.end().await, closed);
    assert_eq!(rig.attempts.load(Relaxed), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_is_cut_is_repaired() {
    for mood in [
        Mood::Refuse(4015, 0),
        Mood::Refuse(4015, 3),
        Mood::Refuse(4015, 1),
        Mood::CloseEmptyAfterHello,
    ] {
        let rig = Rig::start(RigConfig::default()).await.expect("a rig");
        rig.set_mood(mood);
        let events = Events::default();
        let ears = events.clone();
        let connection = voice(&rig).connect(target(rig.endpoint()), move |e| ears.hear(e));
        events.wait(&Seen::Interrupted).await;
        rig.set_mood(Mood::Normal);
        events.wait(&Seen::Connected).await;
        let mut call = Call {
            voice: voice(&rig),
            rig,
            connection: Box::new(connection),
            events,
        };
        let session = call.rig.last().await;
        call.play(5);
        heard(&session, 5).await;
        assert_exact(&session, 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_resume_is_reported_with_its_code() {
    let call = Call::connected(RigConfig::default()).await;
    let session = call.rig.last().await;
    call.rig.set_mood(Mood::RefuseResume);
    session.command(Cmd::Close(4015, ""));
    assert!(matches!(
        call.events.end().await,
        Seen::Closed(4006, _, true)
    ));
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

#[tokio::test(flavor = "multi_thread")]
async fn every_way_into_a_group_is_taken_and_changes_of_it_lose_no_frame() {
    for (listeners, committer) in [
        (1, Committer::Bot),
        (1, Committer::Listener),
        (2, Committer::Listener),
    ] {
        let mut call = Call::connected(with_dave(listeners, committer)).await;
        let session = call.rig.last().await;
        encrypted(&session, 1).await;
        call.play(90);
        for (n, change) in (2..).zip([
            Cmd::DaveJoin(5001),
            Cmd::DaveJoin(5002),
            Cmd::DaveLeave(5001),
        ]) {
            heard(&session, n as usize * 15).await;
            session.command(change);
            encrypted(&session, n).await;
        }
        heard(&session, 90).await;
        assert_exact(&session, 90);
        let media = lock(&session.media);
        assert!(media.dave_ok >= 85, "{} of 90 encrypted", media.dave_ok);
        assert_eq!(room(&session, |r| r.invalid_reports), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_listeners_lose_no_frame() {
    let config = RigConfig {
        listener_lag_ms: 200,
        ..with_dave(2, Committer::Listener)
    };
    let mut call = Call::connected(config).await;
    let session = call.rig.last().await;
    encrypted(&session, 1).await;
    call.play(100);
    for (n, change) in (2..).zip([Cmd::DaveJoin(5001), Cmd::DaveLeave(5001)]) {
        session.command(change);
        encrypted(&session, n).await;
    }
    heard(&session, 100).await;
    assert_exact(&session, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_while_the_connection_is_cut_is_heard_of() {
    let mut call = Call::connected(with_dave(2, Committer::Listener)).await;
    let session = call.rig.last().await;
    encrypted(&session, 1).await;
    call.play(80);
    heard(&session, 10).await;
    session.command(Cmd::DropThenJoin(5001));
    encrypted(&session, 2).await;
    session.command(Cmd::DaveJoin(5002));
    encrypted(&session, 3).await;
    heard(&session, 80).await;
    assert_exact(&session, 80);
    assert_eq!(session.resumed.load(Relaxed), 1);
    assert_eq!(room(&session, |r| r.invalid_reports), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_cannot_be_used_is_recovered_from() {
    let mut call = Call::connected(with_dave(2, Committer::Listener)).await;
    let session = call.rig.last().await;
    encrypted(&session, 1).await;
    session.command(Cmd::DaveGarbage);
    encrypted(&session, 2).await;
    assert_eq!(room(&session, |r| r.invalid_reports), 1);
    // the execution is on its way
    call.play(50);
    heard(&session, 45).await;
    let failed = lock(&session.media).dave_failed;
    assert!(failed <= 5, "{failed} frames of the old group");
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_or_without_encryption_frames_are_plain_again() {
    for leave in [Cmd::DaveSoleReset, Cmd::DaveDowngrade(7)] {
        let mut call = Call::connected(with_dave(1, Committer::Bot)).await;
        let session = call.rig.last().await;
        encrypted(&session, 1).await;
        session.command(leave);
        call.play(60);
        let sound = heard(&session, 55).await;
        let last = sound.last().expect("55 frames");
        let known: HashSet<Vec<u8>> = (0..60).map(frame).collect();
        assert!(known.contains(&last.opus));
        assert!(lock(&session.media).plain_in_dave >= 40);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_in_a_channel_frames_are_sent() {
    let mut call = Call::connected(with_dave(0, Committer::Bot)).await;
    let session = call.rig.last().await;
    call.play(10);
    heard(&session, 10).await;
    assert_exact(&session, 10);
}
