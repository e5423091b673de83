//! Owns: whom a session turns away when the machine is short of something or enough is playing, and what it tells then.
//! Never knows: when a machine is short.

use super::*;
use crate::{
    player::{
        Admission,
        note::{Excess, Quality},
    },
    session::tests::stage::{VOICE, stage_of, update},
};

const FULL: &str =
    "As many tracks play as arm.resources.max_concurrent_tracks allows (1); try again later";
const SHORT: &str = "The node takes on nothing new: it is hot; try again later";

async fn patch(handle: &SessionHandle, guild: GuildId, body: &str) -> Result<(), Rejection> {
    let done = handle.patch_player(guild, update(body), false).await;
    done.map(|_| ())
}

fn track(name: &str) -> String {
    format!(r#"{{"track":{{"encoded":"{}"}}}}"#, encoded(name))
}

fn refused(message: &str) -> Result<(), Rejection> {
    Err(Rejection {
        status: 503,
        message: message.to_owned(),
    })
}

#[tokio::test(start_paused = true)]
async fn no_more_tracks_play_than_may_over_all_sessions() {
    let stage = stage_of(Settings::default(), Admission::new(1));
    let (first, second) = (stage.client().await, stage.client().await);
    let (one, other) = (stage.find(&first).await, stage.find(&second).await);
    assert_eq!(patch(&one, GUILD, &track("a")).await, Ok(()));
    assert_eq!(patch(&other, GUILD, &track("b")).await, refused(FULL));
    let identifier = r#"{"track":{"identifier":"c"}}"#;
    assert_eq!(patch(&other, GUILD, identifier).await, refused(FULL));
    // the player is there, and can do all else; the track in its place is no further one
    assert_eq!(patch(&other, GUILD, r#"{"volume":50}"#).await, Ok(()));
    assert_eq!(patch(&one, GUILD, &track("d")).await, Ok(()));
    assert_eq!(
        patch(&one, GUILD, r#"{"track":{"encoded":null}}"#).await,
        Ok(())
    );
    assert_eq!(patch(&other, GUILD, identifier).await, Ok(()));
    assert_eq!(patch(&one, GUILD, &track("e")).await, refused(FULL));
    other.destroy_player(GUILD).await;
    assert_eq!(patch(&one, GUILD, &track("e")).await, Ok(()));
    // a session that ends leaves its place
    drop(first);
    stage.settle().await;
    assert_eq!(patch(&other, GUILD, &track("f")).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn when_the_machine_is_short_what_plays_goes_on_to_its_next_track() {
    let stage = stage();
    let client = stage.client().await;
    let handle = stage.find(&client).await;
    assert_eq!(patch(&handle, GUILD, &track("a")).await, Ok(()));
    assert_eq!(patch(&handle, OTHER, r#"{"volume":50}"#).await, Ok(()));
    stage.admission().set_shortage(Some("it is hot".into()));
    // a new player, and the first track of one that has not played
    let third = GuildId(3);
    assert_eq!(patch(&handle, third, VOICE).await, refused(SHORT));
    assert!(handle.player(third).await.is_none());
    assert_eq!(patch(&handle, OTHER, &track("b")).await, refused(SHORT));
    let identifier = r#"{"track":{"identifier":"b"}}"#;
    assert_eq!(patch(&handle, OTHER, identifier).await, refused(SHORT));
    // the track in the place of another, and the one after a track that has ended
    assert_eq!(patch(&handle, GUILD, &track("c")).await, Ok(()));
    stage.sound_event(1, Event::Reader(ReaderEvent::Drained));
    stage.settle().await;
    assert_eq!(patch(&handle, GUILD, &track("d")).await, Ok(()));
    assert_eq!(
        patch(&handle, GUILD, r#"{"track":{"encoded":null}}"#).await,
        Ok(())
    );
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(patch(&handle, GUILD, identifier).await, Ok(()));
    assert_eq!(
        patch(&handle, GUILD, r#"{"track":{"encoded":null}}"#).await,
        Ok(())
    );
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(patch(&handle, GUILD, &track("e")).await, refused(SHORT));
    stage.admission().set_shortage(None);
    assert_eq!(patch(&handle, third, &track("f")).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn players_with_a_track_tell_a_change_of_quality_to_whom_it_may_concern() {
    let stage = stage();
    let mut knows = stage.client_named("Shoukaku/4.2.0").await;
    let mut strict = stage.client_named("Lavalink-Client/3.3.0").await;
    for client in [&knows, &strict] {
        let handle = stage.find(client).await;
        assert_eq!(patch(&handle, GUILD, &track("a")).await, Ok(()));
        assert_eq!(patch(&handle, OTHER, r#"{"volume":50}"#).await, Ok(()));
    }
    knows.heard().await;
    strict.heard().await;
    stage.tell_quality(Quality {
        ladder: "sound",
        level: 2,
        last: 5,
        cause: Some(Excess {
            resource: "cpu",
            reading: 93.14,
            threshold: 80.0,
        }),
        is_refusing: false,
    });
    assert_eq!(
        knows.heard().await,
        [
            r#"{"op":"event","type":"QualityEvent","guildId":"1","ladder":"sound","level":2,"lastLevel":5,"cause":"cpu","reading":93.1,"threshold":80.0,"refusing":false}"#
        ]
    );
    assert_eq!(strict.heard().await, [""; 0]);
    stage.tell_quality(Quality {
        ladder: "sound",
        level: 1,
        last: 5,
        cause: None,
        is_refusing: false,
    });
    assert_eq!(
        knows.heard().await,
        [
            r#"{"op":"event","type":"QualityEvent","guildId":"1","ladder":"sound","level":1,"lastLevel":5,"cause":null,"reading":null,"threshold":null,"refusing":false}"#
        ]
    );
}
