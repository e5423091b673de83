//! Owns: proof that a connection that breaks is repaired, or its end told.
//! Never knows: how it is decided which.

use super::*;

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
