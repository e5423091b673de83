//! Owns: what becomes of a session whose client is away, and what it is told when it comes back.
//! Never knows: sound, sockets.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_lost_session_that_may_be_resumed_waits_and_tells_what_was_missed() {
    let stage = stage();
    let mut client = stage.client().await;
    stage
        .configure(&client, r#"{"resuming":true,"timeout":30}"#)
        .await;
    stage.play(&client, "a").await;
    client.heard().await;
    let id = client.lose();
    stage.settle().await;
    assert!(stage.sessions.find(&id).is_none());
    assert!(stage.sessions.will_resume(&id));
    assert_eq!(stage.sessions.totals().players, 0);
    stage.sound_event(0, Event::Reader(ReaderEvent::Drained));
    tokio::time::sleep(Duration::from_secs(29)).await;
    let mut client = stage.resume(&id).await;
    assert!(client.resumed && client.id == id);
    assert_eq!(
        client.heard().await,
        ["ready true", "end a finished", "update 0"]
    );
    let setting = stage.configure(&client, "{}").await;
    assert_eq!((setting.resuming, setting.timeout), (true, 30));
    assert!(!stage.sessions.will_resume(&id));
}

#[tokio::test(start_paused = true)]
async fn updates_are_not_kept_for_a_client_that_is_away() {
    let stage = stage();
    let mut client = stage.client().await;
    stage
        .configure(&client, r#"{"resuming":true,"timeout":60}"#)
        .await;
    stage.play(&client, "a").await;
    client.heard().await;
    let id = client.lose();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let mut client = stage.resume(&id).await;
    assert_eq!(client.heard().await, ["ready true", "update 0"]);
}

#[tokio::test(start_paused = true)]
async fn the_beat_of_stats_goes_on_while_the_client_is_away() {
    let stage = stage();
    let mut client = stage.client().await;
    stage
        .configure(&client, r#"{"resuming":true,"timeout":60}"#)
        .await;
    client.heard().await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    let id = client.lose();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let mut client = stage.resume(&id).await;
    assert_eq!(client.heard().await, ["ready true", "stats 0/0 null"]);
    tokio::time::sleep(Duration::from_secs(49)).await;
    assert!(client.heard().await.is_empty());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(client.heard().await, ["stats 0/0 null"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_client_had_not_been_given_is_told_again() {
    let stage = stage();
    let client = stage.client().await;
    stage.configure(&client, r#"{"resuming":true}"#).await;
    stage.play(&client, "a").await;
    let mut client = stage.resume_lost(client).await;
    assert_eq!(client.heard().await, ["ready true", "start a", "update 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_resumes_ends() {
    let stage = stage();
    let client = stage.client().await;
    stage
        .configure(&client, r#"{"resuming":true,"timeout":30}"#)
        .await;
    stage.connect_voice(&client, 0, "t").await;
    let id = client.lose();
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert!(!stage.sessions.will_resume(&id) && stage.is_voice_closed(0));
    let client = stage.resume(&id).await;
    assert!(!client.resumed && client.id != id);
}

#[tokio::test(start_paused = true)]
async fn only_resuming_with_a_time_outlives_the_socket() {
    for (setting, outlives) in [
        ("{}", false),
        (r#"{"resuming":true,"timeout":0}"#, false),
        (r#"{"resuming":true,"timeout":-1}"#, false),
        (r#"{"resuming":true,"timeout":9223372036854775807}"#, true),
        (r#"{"resuming":true}"#, true),
    ] {
        let stage = stage();
        let client = stage.client().await;
        stage.configure(&client, setting).await;
        stage.connect_voice(&client, 0, "t").await;
        let id = client.lose();
        stage.settle().await;
        assert_eq!(stage.sessions.will_resume(&id), outlives, "{setting}");
        assert_eq!(stage.is_voice_closed(0), !outlives, "{setting}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connected_session_cannot_be_taken_over() {
    let stage = stage();
    let first = stage.client().await;
    stage.configure(&first, r#"{"resuming":true}"#).await;
    let second = stage.resume(&first.id).await;
    assert!(!second.resumed && second.id != first.id);
    assert!(stage.sessions.find(&first.id).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_off_and_may_resume() {
    let stage = stage_with(Settings {
        outbox_bytes: 4096,
        ..Settings::default()
    });
    let mut client = stage.client().await;
    stage.configure(&client, r#"{"resuming":true}"#).await;
    stage
        .patch(
            &client,
            &format!(r#"{{"encodedTrack":"{}"}}"#, encoded("a")),
        )
        .await
        .unwrap();
    // an update every five seconds, until the queue is full
    tokio::time::sleep(Duration::from_secs(55)).await;
    for _ in 0..20 {
        if let Some(handle) = stage.sessions.find(&client.id) {
            let _ = handle
                .patch_player(GUILD, stage::update(r#"{"position":1}"#), false)
                .await;
        }
    }
    assert_eq!(client.heard().await, ["close 1008"]);
    let mut again = stage.resume(&client.id).await;
    assert!(again.resumed);
    assert_eq!(again.heard().await, ["ready true", "start a", "update 0"]);
}
