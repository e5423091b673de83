//! Owns: what a session does for lyrics and segments: who hears of them, and that nothing of it disturbs playing.
//! Never knows: where they come from.

use super::*;
use crate::{
    track::{
        lyrics::{Line, Lyrics},
        marks::{Marks, Segment},
    },
    units::Millis,
};

fn words() -> Lyrics {
    let line = |at| Line {
        at: Millis(at),
        duration: None,
        text: "la".into(),
    };
    Lyrics {
        source: "test".into(),
        provider: "test".into(),
        text: None,
        lines: vec![line(0), line(5000)],
    }
}

fn segment() -> Marks {
    Marks {
        segments: vec![Segment {
            category: "sponsor".into(),
            start: Millis(1000),
            end: Millis(4000),
        }],
        chapters: Vec::new(),
    }
}

fn sponsor() -> Vec<String> {
    vec!["sponsor".into()]
}

/// What was heard of plugins' events.
async fn heard(client: &mut stage::Client) -> Vec<String> {
    let all = client.heard().await.into_iter();
    let is_of_plugin = |it: &String| it.starts_with("lyrics") || it.starts_with("segment");
    all.filter(is_of_plugin).collect()
}

#[tokio::test(start_paused = true)]
async fn who_subscribes_hears_the_lines_of_this_track_and_the_next() {
    let stage = stage();
    stage.sing(Ok(Some(words())));
    let mut client = stage.client().await;
    stage.play(&client, "a").await;
    stage.settle().await;
    assert_eq!(heard(&mut client).await, [""; 0]);
    let handle = stage.find(&client).await;
    assert!(handle.want_lyrics(GUILD, Some(true)).await);
    stage.settle().await;
    assert_eq!(
        heard(&mut client).await,
        ["lyrics found", "lyrics line 0 skipped true"]
    );
    stage.stand_at(0, 5000);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(heard(&mut client).await, ["lyrics line 1 skipped false"]);
    stage.play(&client, "b").await;
    stage.settle().await;
    assert_eq!(
        heard(&mut client).await,
        ["lyrics found", "lyrics line 0 skipped true"]
    );
    assert!(handle.want_lyrics(GUILD, None).await);
    stage.play(&client, "c").await;
    stage.settle().await;
    assert_eq!(heard(&mut client).await, [""; 0]);
    assert_eq!(
        stage.sung(),
        [("a".to_owned(), true), ("b".to_owned(), true)]
    );
}

#[tokio::test(start_paused = true)]
async fn lyrics_that_fail_are_none_and_the_track_plays_on() {
    let stage = stage();
    stage.sing(Err(Failure::suspicious("broken")));
    let mut client = stage.client().await;
    stage.play(&client, "a").await;
    let handle = stage.find(&client).await;
    assert!(handle.want_lyrics(GUILD, Some(false)).await);
    stage.settle().await;
    assert_eq!(heard(&mut client).await, ["lyrics not found"]);
    assert!(stage.player(&client).await.track.is_some());
}

#[tokio::test(start_paused = true)]
async fn without_a_player_nobody_subscribes() {
    let stage = stage();
    let client = stage.client().await;
    let handle = stage.find(&client).await;
    assert!(!handle.want_lyrics(GUILD, Some(false)).await);
    assert!(handle.track(GUILD).await.is_none());
    handle
        .patch_player(GUILD, stage::update("{}"), false)
        .await
        .unwrap();
    assert!(matches!(handle.track(GUILD).await, Some(None)));
    assert!(handle.want_lyrics(GUILD, Some(false)).await);
}

#[tokio::test(start_paused = true)]
async fn categories_are_kept_for_a_player_until_it_is_destroyed() {
    let stage = stage();
    let client = stage.client().await;
    let handle = stage.find(&client).await;
    assert_eq!(handle.categories(GUILD).await, None);
    handle.set_categories(GUILD, Vec::new()).await.unwrap();
    assert_eq!(handle.categories(GUILD).await, None);
    handle.set_categories(GUILD, sponsor()).await.unwrap();
    assert_eq!(handle.categories(GUILD).await, Some(sponsor()));
    handle.set_categories(GUILD, Vec::new()).await.unwrap();
    assert_eq!(handle.categories(GUILD).await, Some(Vec::new()));
    handle.destroy_player(GUILD).await;
    assert_eq!(handle.categories(GUILD).await, None);
}

#[tokio::test(start_paused = true)]
async fn segments_are_skipped_and_told_to_who_asked_for_them() {
    let stage = stage();
    stage.mark(Ok(segment()));
    let mut client = stage.client().await;
    let handle = stage.find(&client).await;
    handle.set_categories(GUILD, sponsor()).await.unwrap();
    stage.play(&client, "a").await;
    stage.settle().await;
    assert_eq!(heard(&mut client).await, ["segments 1000-4000"]);
    stage.stand_at(0, 1000);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(heard(&mut client).await, ["segment skipped 1000-4000"]);
    assert_eq!(stage.sought(), [Millis(4000)]);
}

#[tokio::test(start_paused = true)]
async fn categories_of_the_configuration_count_for_clients_that_know_nothing_of_them() {
    let stage = stage_with(Settings {
        categories: sponsor(),
        ..Settings::default()
    });
    stage.mark(Ok(segment()));
    let mut client = stage.client().await;
    stage.play(&client, "a").await;
    stage.settle().await;
    stage.stand_at(0, 1000);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.sought(), [Millis(4000)]);
    assert_eq!(heard(&mut client).await, [""; 0]);
    // and one that knows of them may say no
    let handle = stage.find(&client).await;
    assert_eq!(handle.categories(GUILD).await, Some(sponsor()));
    handle.set_categories(GUILD, Vec::new()).await.unwrap();
    stage.play(&client, "b").await;
    stage.stand_at(1, 1000);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.sought(), [Millis(4000)]);
}

#[tokio::test(start_paused = true)]
async fn segments_that_fail_disturb_nothing() {
    let stage = stage();
    stage.mark(Err(Failure::suspicious("broken")));
    let mut client = stage.client().await;
    let handle = stage.find(&client).await;
    handle.set_categories(GUILD, sponsor()).await.unwrap();
    stage.play(&client, "a").await;
    stage.settle().await;
    assert_eq!(heard(&mut client).await, [""; 0]);
    assert!(stage.player(&client).await.track.is_some());
}

#[tokio::test(start_paused = true)]
async fn lines_are_not_kept_for_a_client_that_is_away() {
    let stage = stage();
    stage.sing(Ok(Some(words())));
    let client = stage.client().await;
    stage.configure(&client, r#"{"resuming":true}"#).await;
    stage.play(&client, "a").await;
    assert!(
        stage
            .find(&client)
            .await
            .want_lyrics(GUILD, Some(false))
            .await
    );
    stage.settle().await;
    let id = client.lose();
    stage.settle().await;
    stage.stand_at(0, 5000);
    tokio::time::sleep(Duration::from_secs(6)).await;
    let mut client = stage.resume(&id).await;
    // what had not been read before the client went is kept
    let told = heard(&mut client).await;
    assert_eq!(told, ["lyrics found"]);
}
