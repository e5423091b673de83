//! Owns: what searches for several kinds of things find, in answers of the shape of Bandcamp's API.
//! Never knows: how they are asked for.

use super::PAGE;
use crate::{
    net::testing::Asked,
    source::{
        findings::Kind,
        site::testing::{World, json, status, titles},
    },
    track::Playlist,
};
use serde_json::{Value, json};

fn answer(asked: &Asked) -> Vec<u8> {
    assert_eq!(
        asked.path,
        "http://bandcamp.com/api/bcsearch_public_api/1/autocomplete_elastic"
    );
    let wanted: Value = serde_json::from_slice(&asked.body).expect("JSON");
    assert_eq!(
        wanted,
        json!({"search_text": "two words", "search_filter": "", "full_page": false, "fan_id": null})
    );
    json(&json!({"auto": {"results": [
        {"type": "b", "id": 1, "name": "Somebody", "item_url_root": "https://somebody.bandcamp.com", "is_label": false,
         "img": "https://f4.bcbits.com/img/0025187517_23.jpg"},
        {"type": "a", "id": 2, "name": "one", "band_name": "Somebody", "art_id": 7,
         "item_url_path": "https://somebody.bandcamp.com/album/one"},
        {"type": "t", "id": 3, "name": "A Song", "band_name": "Somebody", "art_id": 5, "item_url_path": PAGE},
        {"type": "f", "id": 4, "name": "A Fan", "item_url_root": "https://bandcamp.com/fan"},
    ]}}))
}

fn info(list: &Playlist) -> Value {
    Value::Object(list.plugin_info.clone())
}

#[tokio::test]
async fn tracks_albums_and_artists_are_found_by_one_request() {
    let world = World::new(answer).await;
    let found = world
        .registry
        .search("bcsearch: two words", &Kind::ALL)
        .await;
    let found = found.expect("an answer").expect("it is Bandcamp's");
    assert_eq!(titles(&found.tracks), ["A Song"]);
    assert_eq!((&*found.albums[0].name, found.albums.len()), ("one", 1));
    assert_eq!(
        info(&found.albums[0]),
        json!({
            "type": "album", "url": "https://somebody.bandcamp.com/album/one", "author": "Somebody",
            "artworkUrl": "https://f4.bcbits.com/img/a0000000007_1.png", "totalTracks": null,
        })
    );
    assert_eq!(
        (&*found.artists[0].name, found.artists.len()),
        ("Somebody", 1)
    );
    assert_eq!(
        info(&found.artists[0])["url"],
        "https://somebody.bandcamp.com"
    );
    assert!(found.playlists.is_empty() && found.texts.is_empty());
    assert_eq!(world.count("autocomplete"), 1);
    let albums = world
        .registry
        .search("bcsearch: two words", &[Kind::Album])
        .await;
    let albums = albums.expect("an answer").expect("it is Bandcamp's");
    assert_eq!(
        (
            albums.tracks.len(),
            albums.albums.len(),
            albums.artists.len()
        ),
        (0, 1, 0)
    );
}

#[tokio::test]
async fn nothing_is_asked_for_what_is_not_there_and_a_refusal_is_told() {
    let world = World::new(|_| status(403)).await;
    for (query, kinds) in [
        ("bcsearch:", &Kind::ALL[..]),
        ("bcsearch:x", &[Kind::Text, Kind::Playlist]),
    ] {
        let found = world.registry.search(query, kinds).await;
        let found = found.expect("an answer").expect("it is Bandcamp's");
        assert!(found.is_empty(), "{query}");
    }
    assert_eq!(world.count(""), 0);
    let refused = world.registry.search("bcsearch:x", &Kind::ALL).await;
    let failure = refused.expect_err("refused");
    assert!(failure.message.contains("Bandcamp refuses"), "{failure}");
}
