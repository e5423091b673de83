//! Owns: what clients and operators learn of gaps: events, the diagnosis, the counters.
//! Never knows: why frames are missing.

use super::*;
use crate::protocol::diagnosis::{Audible, Count};

/// A player with voice that plays, and has given its first frame.
async fn playing(stage: &stage::Stage, client: &mut stage::Client) -> Vec<u8> {
    stage.connect_voice(client, 0, "t").await;
    stage.play(client, "a").await;
    let mut buffer = vec![0; MAX_OPUS_BYTES];
    stage.take_frame(true, &mut buffer);
    stage.settle().await;
    client.heard().await;
    buffer
}

/// A gap of so many frames, and the frame that ends it.
async fn miss(stage: &stage::Stage, frames: usize, buffer: &mut [u8]) {
    for _ in 0..frames {
        stage.take_frame(false, buffer);
    }
    stage.take_frame(true, buffer);
    stage.settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_told_to_clients_that_bear_it_or_ask_for_it() {
    for (name, asks, told) in [
        ("Shoukaku/4.2.0 (x)", None, true),
        ("Shoukaku/4.2.0 (x)", Some(false), false),
        ("Lavalink-Client/3.3.0", None, false),
        ("Lavalink-Client/3.3.0", Some(true), true),
        ("My Bot", None, false),
    ] {
        let stage = stage();
        let mut client = stage.client_named(name).await;
        let mut buffer = playing(&stage, &mut client).await;
        if let Some(asks) = asks {
            let body = format!(r#"{{"extensionEvents":{asks}}}"#);
            stage.configure(&client, &body).await;
        }
        miss(&stage, 5, &mut buffer).await;
        let expected = told.then(|| "underrun decodeLate 100 ended true".to_owned());
        assert_eq!(client.heard().await, Vec::from_iter(expected), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_player_remembers_its_gaps_and_counts_them() {
    let stage = stage();
    let mut client = stage.client().await;
    let mut buffer = playing(&stage, &mut client).await;
    miss(&stage, 5, &mut buffer).await;
    // too soon to be told and remembered, but counted
    miss(&stage, 2, &mut buffer).await;
    let handle = stage.find(&client).await;
    let diagnosis = handle.diagnosis(GUILD).await.expect("it exists");
    let count = Count {
        gaps: 2,
        missing_ms: 140,
    };
    assert_eq!(diagnosis.underruns.decode_late, count);
    assert_eq!(diagnosis.underruns.source_stalled, Count::default());
    let [gap] = &diagnosis.gaps[..] else {
        panic!("{diagnosis:?}");
    };
    assert_eq!((gap.length, gap.ended), (100, true));
    assert_eq!(diagnosis.source.expect("it plays").host.as_deref(), None);
    assert_eq!(diagnosis.audible, Audible::Starving);

    // another track does not make them undone
    stage.play(&client, "b").await;
    let diagnosis = handle.diagnosis(GUILD).await.expect("it exists");
    assert_eq!(
        (diagnosis.underruns.decode_late, diagnosis.gaps.len()),
        (count, 1)
    );
    assert_eq!(diagnosis.audible, Audible::Starting);
    assert!(handle.diagnosis(OTHER).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn counters_outlive_players_but_series_do_not() {
    let stage = stage();
    let mut client = stage.client().await;
    let mut buffer = playing(&stage, &mut client).await;
    miss(&stage, 3, &mut buffer).await;
    let frames = |counters: &Underruns| counters.count(Cause::DecodeLate).frames;
    let players = stage.sessions.underruns_of_players();
    let [(session, guild, counters)] = &players[..] else {
        panic!("one player");
    };
    assert_eq!((session, *guild, frames(counters)), (&client.id, GUILD, 3));
    stage.find(&client).await.destroy_player(GUILD).await;
    assert!(stage.sessions.underruns_of_players().is_empty());
    assert_eq!(frames(&stage.sessions.underruns()), 3);
}
