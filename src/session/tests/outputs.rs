//! Owns: what clients and outputs see of a player that plays on devices.
//! Never knows: sound cards.

use super::*;
use crate::{
    frame::FrameFormat::{Opus, Pcm},
    protocol::{diagnosis::Audible, outputs::Output},
};

fn stage_with_card() -> stage::Stage {
    let mut settings = Settings::default();
    settings.player.device = Some("card".into());
    stage_with(settings)
}

fn open(name: &str) -> (String, bool) {
    (name.to_owned(), false)
}

fn was(name: &str) -> (String, bool) {
    (name.to_owned(), true)
}

#[tokio::test(start_paused = true)]
async fn without_voice_a_track_plays_on_the_card_until_voice_comes() {
    let stage = stage_with_card();
    let mut client = stage.client().await;
    stage.play(&client, "a").await;
    stage.settle().await;
    assert_eq!(stage.devices(), [open("card")]);
    assert_eq!(stage.format_at_device(0), Some(Pcm));
    let player = stage.player(&client).await;
    assert!(player.state.connected && player.state.ping == -1);
    // nobody has said anything of outputs, so nothing of them is shown
    assert!(!serde_json::to_string(&player).unwrap().contains("output"));
    assert_eq!(stage.sessions.totals().playing_by_route, [0, 1, 0]);
    stage.connect_voice(&client, 0, "t").await;
    stage.settle().await;
    assert_eq!(stage.sessions.totals().playing_by_route, [1, 0, 0]);
    assert_eq!(stage.devices(), [was("card")]);
    assert_eq!(stage.format_at_voice(0), Some(Opus));
    assert_eq!(stage.runs().len(), 1, "it is the same playback");
    assert!(client.heard().await.iter().all(|t| !t.starts_with("end")));
}

#[tokio::test(start_paused = true)]
async fn the_output_changes_to_and_fro_while_a_track_plays() {
    let stage = stage();
    let mut client = stage.client().await;
    stage.connect_voice(&client, 0, "t").await;
    stage.play(&client, "a").await;
    stage.settle().await;
    assert_eq!(stage.format_at_voice(0), Some(Opus));
    stage.stand_at(0, 7000);

    let body = r#"{"output":{"type":"alsa","device":"hw:1"}}"#;
    let player = stage.patch(&client, body).await.unwrap();
    let device = Some("hw:1".to_owned());
    assert_eq!(player.output, Some(Output::Alsa { device }));
    assert_eq!(player.state.position, 7000);
    stage.settle().await;
    assert_eq!(
        (stage.format_at_voice(0), stage.format_at_device(0)),
        (None, Some(Pcm))
    );

    let player = stage.patch(&client, r#"{"output":"none"}"#).await.unwrap();
    assert_eq!(player.output, Some(Output::None));
    assert_eq!(stage.devices(), [was("hw:1")]);
    assert_eq!(stage.format_at_voice(0), None);
    let diagnosis = stage.find(&client).await.diagnosis(GUILD).await.unwrap();
    assert_eq!(diagnosis.audible, Audible::Disconnected);

    let player = stage
        .patch(&client, r#"{"output":"discord"}"#)
        .await
        .unwrap();
    assert_eq!(player.state.position, 7000);
    stage.settle().await;
    assert_eq!(stage.format_at_voice(0), Some(Opus));

    let player = stage.patch(&client, r#"{"output":null}"#).await.unwrap();
    assert_eq!(player.output, None);
    assert!(!stage.is_voice_closed(0) && stage.runs().len() == 1);
    assert!(client.heard().await.iter().all(|t| !t.starts_with("end")));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_cannot_be_had_is_refused_and_nothing_changes() {
    let stage = stage();
    let client = stage.client().await;
    stage.connect_voice(&client, 0, "t").await;
    stage.play(&client, "a").await;
    for (device, status, message) in [
        (
            "busy",
            409,
            "output.device: the device \"busy\" is in use; stop what plays there, or choose another one",
        ),
        (
            "missing",
            400,
            "output.device: there is no device \"missing\"; GET /v4/outputs lists those that there are",
        ),
        ("broken", 500, "output.device: the card is on fire"),
        (
            "silent",
            500,
            "output.device: the device did not open within 10 s",
        ),
    ] {
        let body = format!(r#"{{"output":{{"type":"alsa","device":"{device}"}},"volume":7}}"#);
        let refused = stage.patch(&client, &body).await.unwrap_err();
        assert_eq!(
            (refused.status, refused.message.as_str()),
            (status, message)
        );
        let player = stage.player(&client).await;
        assert_eq!((player.output, player.volume), (None, 100));
        assert_eq!(stage.format_at_voice(0), Some(Opus));
    }
}

#[tokio::test(start_paused = true)]
async fn destroying_a_player_closes_its_device() {
    let stage = stage_with_card();
    let client = stage.client().await;
    stage.play(&client, "a").await;
    stage.settle().await;
    stage.find(&client).await.destroy_player(GUILD).await;
    assert_eq!(stage.devices(), [was("card")]);
}

#[tokio::test(start_paused = true)]
async fn a_device_outlives_its_client_as_long_as_the_session_does() {
    let stage = stage_with_card();
    let client = stage.client().await;
    stage.configure(&client, r#"{"resuming":true}"#).await;
    stage.play(&client, "a").await;
    let client = stage.resume_lost(client).await;
    assert!(client.resumed);
    assert_eq!(stage.devices(), [open("card")]);
    stage.sessions.shutdown().await;
    assert_eq!(stage.devices(), [was("card")]);
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_device_is_told_to_clients_that_bear_it() {
    for (name, is_told) in [("Shoukaku/4.2.0 (x)", true), ("My Bot", false)] {
        let stage = stage_with_card();
        let mut client = stage.client_named(name).await;
        stage.play(&client, "a").await;
        stage.settle().await;
        client.heard().await;
        stage.device_event(0, OutputEvent::Interrupted);
        stage.device_event(0, OutputEvent::Connected);
        let why = Failure::common("unplugged");
        stage.device_event(0, OutputEvent::Unreachable(why));
        stage.settle().await;
        let told = |state: &str, message: &str| {
            format!(
                r#"{{"op":"event","type":"OutputEvent","guildId":"1","device":"card","state":"{state}","message":{message}}}"#
            )
        };
        let mut expected = vec![
            told("interrupted", "null"),
            "update 0".into(),
            told("back", "null"),
            "update 0".into(),
            told("lost", r#""unplugged""#),
            "update 0".into(),
        ];
        expected.retain(|it| is_told || it == "update 0");
        assert_eq!(client.heard().await, expected, "{name}");
        // and it is tried again
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(stage.devices().len(), 2);
        assert_eq!(stage.format_at_device(1), Some(Pcm));
    }
}

#[tokio::test(start_paused = true)]
async fn devices_are_listed_with_what_is_known() {
    let stage = stage_with_card();
    let client = stage.client().await;
    stage.play(&client, "a").await;
    stage.settle().await;
    let listed = serde_json::to_value(stage.sessions.outputs().await).unwrap();
    let expected = serde_json::json!({
        "types": ["discord", "none", "alsa"],
        "devices": [{
            "device": "card", "description": "a card", "isDefault": true, "sampleRates": [48_000],
            "channels": null, "inUse": true, "players": 1, "delayMs": 40,
        }],
        "problem": null,
    });
    assert_eq!(listed, expected);
}
