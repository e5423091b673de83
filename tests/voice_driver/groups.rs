//! Owns: proof that the client comes into every group of an encrypted call, and that no change of it costs a frame.
//! Never knows: how a group is kept.

use super::*;
use rig::dave::Room;

fn room<T>(session: &Session, ask: impl FnOnce(&Room) -> T) -> T {
    ask(lock(&session.dave).as_ref().expect("the call runs DAVE"))
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
