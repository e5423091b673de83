//! Owns: what a session does over time, played through on a paused clock with a made-up world.
//! Never knows: sound, sockets.

mod admission;
mod outputs;
mod plugins;
mod resume;
mod stage;
mod underruns;

use super::*;
use crate::{
    error::Failure,
    frame::{MAX_OPUS_BYTES, ReaderEvent},
    player::{Event, OutputEvent, Player},
    protocol::rest,
    stats::frames::Minute,
    units::GuildId,
};
use stage::{GUILD, encoded, stage, stage_with};

const OTHER: GuildId = GuildId(2);

#[tokio::test(start_paused = true)]
async fn a_new_client_gets_ready_then_stats() {
    let stage = stage();
    let mut client = stage.client().await;
    assert_eq!(client.heard().await, ["ready false", "stats 0/0 null"]);
    assert_eq!(client.id.len(), 16);
    assert!(
        client
            .id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    );
}

#[tokio::test(start_paused = true)]
async fn stats_come_every_minute() {
    let stage = stage();
    let mut client = stage.client().await;
    client.heard().await;
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(client.heard().await, [""; 0]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(client.heard().await, ["stats 0/0 null"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_until_its_events_are_written() {
    let stage = stage();
    let mut client = stage.client().await;
    client.heard().await;
    let handle = stage.find(&client).await;
    let body = stage::update(&format!(r#"{{"track":{{"encoded":"{}"}}}}"#, encoded("a")));
    let mut answer = tokio::spawn(async move { handle.patch_player(GUILD, body, false).await });
    for expected in ["start a", "update 0", "update 0"] {
        assert_eq!(client.next().await, expected);
        assert!(!answer.is_finished());
    }
    assert_eq!(client.next().await, "flush");
    let player = (&mut answer).await.unwrap().unwrap();
    assert_eq!(player.track.unwrap().info.identifier, "a");
}

#[tokio::test(start_paused = true)]
async fn an_answer_does_not_wait_for_a_client_that_does_not_read() {
    let stage = stage();
    let client = stage.client().await;
    let before = tokio::time::Instant::now();
    stage.play(&client, "a").await;
    assert_eq!(before.elapsed(), Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn players_are_made_listed_and_destroyed() {
    let stage = stage();
    let client = stage.client().await;
    let handle = stage.find(&client).await;
    assert!(handle.player(GUILD).await.is_none());
    for guild in [OTHER, GUILD] {
        handle
            .patch_player(guild, stage::update("{}"), false)
            .await
            .unwrap();
    }
    let guilds: Vec<_> = handle.players().await.iter().map(|p| p.guild_id).collect();
    assert_eq!(guilds, [GUILD, OTHER]);
    handle.destroy_player(GUILD).await;
    handle.destroy_player(GUILD).await;
    assert!(handle.player(GUILD).await.is_none());
    assert_eq!(stage.sessions.totals().players, 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_identifier_leaves_the_rest_applied() {
    let stage = stage();
    let client = stage.client().await;
    for (identifier, message) in [
        ("nothing", "No matches found for identifier"),
        ("list", "Cannot play a playlist or search result"),
        ("broken", "the site is down"),
    ] {
        let refused = stage
            .patch(
                &client,
                &format!(
                    r#"{{"identifier":"{identifier}","volume":33,"filters":{{"volume":0.5}},"paused":true}}"#
                ),
            )
            .await
            .unwrap_err();
        assert_eq!(
            (refused.status, refused.message.as_str()),
            (400, message),
            "{identifier}"
        );
    }
    let player = stage.player(&client).await;
    assert_eq!((player.volume, player.paused), (33, true));
    assert_eq!(player.filters.volume, Some(0.5));
    assert!(player.track.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_identifier_is_loaded_and_played() {
    let stage = stage();
    let client = stage.client().await;
    let body = r#"{"track":{"identifier":"song","userData":{"a":1}},"position":7000}"#;
    let player = stage.patch(&client, body).await.unwrap();
    let track = player.track.unwrap();
    assert_eq!(track.info.identifier, "song");
    assert_eq!(track.user_data["a"], 1);
    assert_eq!(stage.runs()[0].at.to_millis().0, 7000);
}

#[tokio::test(start_paused = true)]
async fn a_slow_source_keeps_nobody_waiting() {
    let stage = stage();
    let client = stage.client().await;
    let handle = stage.find(&client).await;
    let slow = tokio::spawn(async move {
        let body = stage::update(r#"{"identifier":"slow"}"#);
        handle.patch_player(GUILD, body, false).await
    });
    tokio::task::yield_now().await;
    let player = stage.patch(&client, r#"{"volume":7}"#).await.unwrap();
    assert_eq!(player.volume, 7);
    assert!(!slow.is_finished());
}

#[tokio::test(start_paused = true)]
async fn an_undecodable_or_foreign_track_is_the_callers_fault() {
    let stage = stage();
    let client = stage.client().await;
    stage.play(&client, "a").await;
    for bad in ["x", &stage::encoded_by("a", "elsewhere")] {
        let body = format!(r#"{{"track":{{"encoded":"{bad}"}}}}"#);
        let refused = stage.patch(&client, &body).await.unwrap_err();
        assert_eq!(refused.status, 400, "{refused}");
    }
    let track = stage.player(&client).await.track.unwrap();
    assert_eq!(track.info.identifier, "a");
}

#[tokio::test(start_paused = true)]
async fn no_replace_keeps_the_track_but_applies_the_rest() {
    let stage = stage();
    let mut client = stage.client().await;
    stage.play(&client, "a").await;
    client.heard().await;
    let body = stage::update(&format!(
        r#"{{"track":{{"encoded":"{}"}},"volume":12,"paused":true}}"#,
        encoded("b")
    ));
    let handle = stage.find(&client).await;
    let player = handle.patch_player(GUILD, body, true).await.unwrap();
    assert_eq!((player.volume, player.paused), (12, false));
    assert_eq!(player.track.unwrap().info.identifier, "a");
    assert_eq!(client.heard().await, ["flush"]);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_voice_server_is_answered() {
    // whether the caller or the network is to blame makes the status
    for (failure, status) in [
        (Failure::suspicious("refused"), 500),
        (Failure::common("refused"), 400),
    ] {
        let stage = stage();
        let client = stage.client().await;
        let handle = stage.find(&client).await;
        let body = stage::update(stage::VOICE);
        let asked = tokio::spawn(async move { handle.patch_player(GUILD, body, false).await });
        stage
            .voice_event(0, OutputEvent::Unreachable(failure))
            .await;
        let refused = asked.await.unwrap().unwrap_err();
        assert_eq!(refused.status, status);
        assert_eq!(
            refused.message,
            "Failed to connect to voice server: refused"
        );
        let player = stage.player(&client).await;
        assert!(!player.state.connected && player.voice.token.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_voice_server_is_given_up_and_blocks_nobody() {
    let stage = stage();
    let client = stage.client().await;
    let handle = stage.find(&client).await;
    let before = tokio::time::Instant::now();
    let body = stage::update(stage::VOICE);
    let asked = tokio::spawn(async move { handle.patch_player(GUILD, body, false).await });
    stage.voices(1).await;
    assert_eq!(
        stage
            .patch(&client, r#"{"volume":7}"#)
            .await
            .unwrap()
            .volume,
        7
    );
    let refused = asked.await.unwrap().unwrap_err();
    assert_eq!(before.elapsed(), Duration::from_secs(10));
    assert_eq!(
        refused.message,
        "Failed to connect to voice server: no answer within 10 s"
    );
    assert!(stage.is_voice_closed(0));
}

#[tokio::test(start_paused = true)]
async fn a_player_destroyed_while_it_connects_stays_away() {
    let stage = stage();
    let client = stage.client().await;
    let handle = stage.find(&client).await;
    let other = handle.clone();
    let body = stage::update(stage::VOICE);
    let asked = tokio::spawn(async move { handle.patch_player(GUILD, body, false).await });
    stage.voices(1).await;
    other.destroy_player(GUILD).await;
    let refused = asked.await.unwrap().unwrap_err();
    assert_eq!(
        (refused.status, refused.message.as_str()),
        (404, "Player not found")
    );
    assert!(other.player(GUILD).await.is_none() && stage.is_voice_closed(0));
}

#[tokio::test(start_paused = true)]
async fn late_events_of_a_destroyed_player_do_not_reach_its_successor() {
    let stage = stage();
    let mut client = stage.client().await;
    stage.play(&client, "a").await;
    stage.find(&client).await.destroy_player(GUILD).await;
    stage.play(&client, "b").await;
    client.heard().await;
    stage.sound_event(0, Event::Reader(ReaderEvent::Drained));
    assert_eq!(client.heard().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_reader_moves_to_the_next_voice_server() {
    let stage = stage();
    let mut client = stage.client().await;
    stage.play(&client, "a").await;
    stage.connect_voice(&client, 0, "t1").await;
    assert_eq!(stage.reader_at(0), Some(0));
    let closed = OutputEvent::Closed {
        code: 4014,
        reason: "moved".into(),
        by_remote: true,
    };
    client.heard().await;
    stage.voice_event(0, closed).await;
    assert_eq!(client.heard().await, ["closed 4014 true", "update 0"]);
    stage.connect_voice(&client, 1, "t2").await;
    assert_eq!((stage.reader_at(0), stage.reader_at(1)), (None, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn destroy_tells_the_end_then_the_close_then_an_update() {
    let stage = stage();
    let mut client = stage.client().await;
    stage.connect_voice(&client, 0, "t").await;
    stage.play(&client, "a").await;
    client.heard().await;
    stage.find(&client).await.destroy_player(GUILD).await;
    assert_eq!(
        client.heard().await,
        ["end a stopped", "closed 1000 false", "update 0", "flush"]
    );
}

#[tokio::test(start_paused = true)]
async fn sessions_and_players_have_limits() {
    let stage = stage_with(Settings {
        max_sessions: 1,
        max_players: 1,
        ..Settings::default()
    });
    let client = stage.client().await;
    stage.patch(&client, "{}").await.unwrap();
    let handle = stage.find(&client).await;
    let refused = handle
        .patch_player(OTHER, stage::update("{}"), false)
        .await
        .unwrap_err();
    assert_eq!(refused.status, 400);
    let mut second = stage.client().await;
    assert_eq!(second.heard().await, ["close 1013"]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_closes_every_socket_and_destroys_all_players() {
    let stage = stage();
    let mut client = stage.client().await;
    stage.connect_voice(&client, 0, "t").await;
    client.heard().await;
    stage.sessions.shutdown().await;
    assert!(stage.is_voice_closed(0));
    assert_eq!(
        client.heard().await.first().map(String::as_str),
        Some("close 1001")
    );
    assert!(stage.sessions.find(&client.id).is_none());
    assert_eq!(stage.client().await.heard().await, ["close 1001"]);
}

#[tokio::test(start_paused = true)]
async fn a_track_that_cannot_be_opened_starts_and_fails() {
    let stage = stage();
    let mut client = stage.client().await;
    stage.play(&client, "unopenable").await;
    let heard = client.heard().await;
    assert_eq!(
        heard[2..],
        [
            "start unopenable",
            "update 0",
            "update 0",
            "flush",
            "exception unopenable",
            "end unopenable loadFailed"
        ]
    );
}

/// Frames are counted from what an output really took, minute by minute of the wall clock (reference, 1.3).
#[test]
fn a_whole_minute_of_playing_counts_its_frames() {
    const NOON: i64 = 1_767_225_600_000;
    let stage = stage();
    let player = Player::new(
        GUILD,
        stage::USER,
        Settings::default().player,
        stage.world(),
        Arc::new(|_| ()),
    );
    let mut seat = seat::Seat::new(1, player);
    let start = std::time::Instant::now();
    let at = |ms: u64| seat::Now {
        at: start + Duration::from_millis(ms),
        unix_ms: NOON - 1000 + ms.cast_signed(),
    };
    seat.tell(at(0), |p| p.connect(at(0).at, stage::target()).0);
    seat.tell(at(0), |p| p.play(at(0).at, stage::play("a")));
    let mut buffer = [0; MAX_OPUS_BYTES];
    for frame in 0..3100u64 {
        // one in a hundred is not there when it is due
        stage.take_frame(frame % 100 != 99, &mut buffer);
        if frame % 250 == 249 {
            let now = at((frame + 1) * 20);
            seat.tell(now, |p| p.tick(now.at));
        }
    }
    let now = at(62_000);
    assert_eq!(
        seat.last_minute(now),
        Some(Minute {
            sent: 2970,
            nulled: 30
        })
    );
    seat.tell(now, |p| p.set_paused(true));
    assert_eq!(seat.last_minute(now), None);
}
