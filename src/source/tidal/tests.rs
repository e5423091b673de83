//! Owns: what the `tidal` source is held to. There is no recording: a small server answers in the shapes that LavaSrc reads.
//! Never knows: how answers are read.

use super::*;
use crate::{
    error::Severity,
    net::testing::Asked,
    source::site::testing::{World, json as answer, status, titles},
    track::codec,
};
use serde_json::json;

const API: &str = "http://api.tidal.com/v1/";

fn track(id: i64, title: &str) -> Value {
    json!({
        "id": id, "title": title, "duration": 200, "isrc": "USIR19600978", "url": format!("http://www.tidal.com/track/{id}"),
        "artists": [{ "id": 7, "name": "A", "picture": "00aa-11bb" }, { "id": 8, "name": "B" }],
        "album": { "id": 5, "title": "Five", "cover": "aaaa-bbbb" }, "mixes": { "TRACK_MIX": "mix1" },
    })
}

fn api(asked: &Asked) -> Vec<u8> {
    if asked.header("x-tidal-token") != Some("geheim") {
        return status(401);
    }
    let path = asked.path.strip_prefix(API).expect("the API");
    let page = |items: Value, total: u32| json!({ "items": items, "totalNumberOfItems": total });
    answer(&match path {
        "tracks/1?countryCode=DE" => track(1, "One"),
        "search?query=one&offset=0&limit=6&countryCode=DE" => {
            json!({ "tracks": { "items": [track(1, "One"), { "id": 2, "title": "no length", "duration": 0 }] } })
        }
        "albums/5?countryCode=DE" => json!({
            "title": "Five", "url": "http://www.tidal.com/album/5", "cover": "aaaa-bbbb", "numberOfTracks": 3,
            "artists": [{ "name": "A" }],
        }),
        "albums/5/tracks?offset=0&limit=2&countryCode=DE" => {
            page(json!([track(1, "One"), track(2, "Two")]), 3)
        }
        "albums/5/tracks?offset=2&limit=2&countryCode=DE" => page(json!([track(3, "Three")]), 3),
        "playlists/ab-1?countryCode=DE" => json!({
            "title": "List", "url": "http://www.tidal.com/playlist/ab-1", "squareImage": "cc-dd", "numberOfTracks": 1,
            "promotedArtists": [{ "name": "P" }],
        }),
        "playlists/ab-1/tracks?offset=0&limit=2&countryCode=DE" => {
            page(json!([{ "item": track(1, "One") }]), 1)
        }
        "mixes/mix1/items?countryCode=DE" => page(json!([{ "item": track(4, "Four") }]), 1),
        _ => return status(404),
    })
}

async fn world_with(token: &str) -> World {
    let tidal = Settings {
        country: "DE".to_owned(),
        search_limit: 6,
        token: Secret::new(token),
    };
    World::with(api, |settings| crate::source::Settings {
        tidal: Some(tidal),
        ..settings
    })
    .await
}

#[tokio::test]
async fn a_track_is_as_lavasrc_tells_it() {
    let world = world_with("geheim").await;
    for identifier in [
        "https://tidal.com/browse/track/1",
        "https://listen.tidal.com/track/1?u",
        "http://www.tidal.com/track/1/u",
    ] {
        let found = world.track(identifier).await;
        let info = &found.info;
        assert_eq!(
            (&*info.identifier, &*info.title, &*info.author),
            ("1", "One", "A, B")
        );
        assert_eq!(
            (info.length, info.isrc.as_deref()),
            (200_000, Some("USIR19600978"))
        );
        assert_eq!(info.uri.as_deref(), Some("http://www.tidal.com/track/1"));
        let cover = "https://resources.tidal.com/images/aaaa/bbbb/1280x1280.jpg";
        assert_eq!(info.artwork_url.as_deref(), Some(cover));
        assert_eq!(found.plugin_info["albumName"], "Five");
        let encoded = codec::encode(&found, 0).expect("it fits");
        assert_eq!(codec::decode(&encoded).expect("a track"), found);
    }
}

#[tokio::test]
async fn lists_searches_and_mixes_hold_tracks() {
    let world = world_with("geheim").await;
    let album = world.playlist("https://tidal.com/album/5").await;
    assert_eq!(
        (&*album.name, titles(&album.tracks)),
        ("Five", vec!["One", "Two", "Three"])
    );
    let wanted = json!({
        "type": "album", "url": "http://www.tidal.com/album/5", "author": "A", "totalTracks": 3,
        "artworkUrl": "https://resources.tidal.com/images/aaaa/bbbb/1080x1080.jpg",
    });
    assert_eq!(Value::Object(album.plugin_info), wanted);
    let list = world.playlist("https://tidal.com/playlist/ab-1").await;
    assert_eq!(
        (&list.plugin_info["type"], &list.plugin_info["author"]),
        (&json!("playlist"), &json!("P"))
    );
    for mix in ["https://tidal.com/mix/mix1", "tdrec:1"] {
        let mix = world.playlist(mix).await;
        assert_eq!(
            (&*mix.name, titles(&mix.tracks)),
            ("Mix: mix1", vec!["Four"])
        );
    }
    match world.load("tdsearch:one").await {
        LoadResult::Search(hits) => assert_eq!(titles(&hits), ["One"]),
        other => panic!("{other:?}"),
    }
    for nothing in [
        "tdsearch:",
        "tdsearch:other",
        "tdrec:",
        "tdrec:../x",
        "https://tidal.com/track/9",
    ] {
        assert_eq!(world.load(nothing).await, LoadResult::Empty, "{nothing}");
    }
    assert_eq!(Wish::read("https://tidal.com/artist/7"), None);
}

#[tokio::test]
async fn a_wrong_token_is_told_and_not_shown() {
    for wrong in ["falsch", "fal\nsch"] {
        let world = world_with(wrong).await;
        let (message, severity) = world.refused("https://tidal.com/track/1").await;
        assert!(
            message.contains("plugins.lavasrc.tidal.token") && !message.contains("fal"),
            "{message}"
        );
        assert_eq!(severity, Severity::Common);
    }
}
