//! Owns: what searches for several kinds of things find.
//! Never knows: how they are asked for.

use super::{track, user, with, world};
use crate::source::{
    findings::{Findings, Kind},
    site::testing::{World, json, status, titles},
};
use serde_json::{Value, json};

fn set(title: &str, is_album: bool) -> Value {
    json!({
        "kind": "playlist", "id": 5, "title": title, "is_album": is_album, "track_count": 20,
        "permalink_url": format!("https://soundcloud.com/an-artist/sets/{title}"), "artwork_url": null,
        "user": {"username": "An Artist", "avatar_url": "https://i1.sndcdn.com/avatars-x-large.jpg"},
        "tracks": [with(track(1), "artwork_url", json!("https://i1.sndcdn.com/artworks-y-large.jpg"))],
    })
}

fn answer(path: &str) -> Vec<u8> {
    let hits = match path {
        "/search/tracks?q=two+words&offset=0&limit=10" => vec![track(1), json!({"kind": "track"})],
        "/search/playlists?q=two+words&offset=0&limit=10" => {
            vec![
                set("one", true),
                set("two", false),
                json!({"is_album": true}),
            ]
        }
        "/search/users?q=two+words&offset=0&limit=10" => vec![with(
            with(
                user(),
                "permalink_url",
                json!("https://soundcloud.com/an-artist"),
            ),
            "track_count",
            json!(923),
        )],
        path => panic!("{path}"),
    };
    json(&json!({ "collection": hits }))
}

async fn find(world: &World, kinds: &[Kind]) -> Findings {
    let found = world.registry.search("scsearch:two words", kinds).await;
    found.expect("an answer").expect("it is SoundCloud's")
}

#[tokio::test]
async fn tracks_albums_playlists_and_artists_are_found_at_once() {
    let world = world(answer).await;
    let found = find(&world, &Kind::ALL).await;
    assert_eq!(titles(&found.tracks), ["Track 1"]);
    let shown = |lists: &[crate::track::Playlist]| -> Vec<Value> {
        let lists = lists.iter();
        lists
            .map(|it| json!({"name": it.name, "info": it.plugin_info, "tracks": it.tracks.len()}))
            .collect()
    };
    let info = |kind: &str, name: &str| {
        json!({
            "type": kind, "url": format!("https://soundcloud.com/an-artist/sets/{name}"), "author": "An Artist",
            "artworkUrl": "https://i1.sndcdn.com/artworks-y-original.jpg", "totalTracks": 20,
        })
    };
    assert_eq!(
        shown(&found.albums),
        [json!({"name": "one", "info": info("album", "one"), "tracks": 0})]
    );
    assert_eq!(
        shown(&found.playlists),
        [json!({"name": "two", "info": info("playlist", "two"), "tracks": 0})]
    );
    let artist = json!({
        "type": "artist", "url": "https://soundcloud.com/an-artist", "author": "An Artist", "artworkUrl": null,
        "totalTracks": 923,
    });
    assert_eq!(
        shown(&found.artists),
        [json!({"name": "An Artist", "info": artist, "tracks": 0})]
    );
    assert!(found.texts.is_empty());
}

#[tokio::test]
async fn only_what_is_wanted_is_asked_for() {
    let world = world(answer).await;
    let found = find(&world, &[Kind::Album]).await;
    assert_eq!((found.albums.len(), found.playlists.len()), (1, 0));
    assert_eq!(world.count("/search/"), 1);
    assert!(find(&world, &[Kind::Text]).await.is_empty());
    assert_eq!(world.count("/search/"), 1);
}

#[tokio::test]
async fn a_kind_that_fails_leaves_the_others() {
    let world = world(|path| match path {
        path if path.starts_with("/search/users") => status(400),
        path => answer(path),
    })
    .await;
    let found = find(&world, &Kind::ALL).await;
    assert_eq!((found.tracks.len(), found.artists.len()), (1, 0));
    let search = world.registry.search("scsearch:two words", &[Kind::Artist]);
    search.await.expect_err("nothing else was asked for");
}

#[tokio::test]
async fn what_is_no_search_of_its_is_left_to_others() {
    let world = world(answer).await;
    for other in [
        "spsearch:x",
        "two words",
        "https://soundcloud.com/search?q=x",
        "scsearch",
    ] {
        let found = world.registry.search(other, &Kind::ALL).await;
        assert_eq!(found.expect("an answer"), None, "{other}");
    }
}
