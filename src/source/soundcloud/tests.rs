//! Owns: what the `soundcloud` source is held to, against answers in the shapes of its API.
//! Never knows: how it works inside.

mod plays;
mod search;

use crate::{
    error::Severity,
    net::testing::{Asked, ranged, whole},
    source::{
        Settings, SoundCloudSettings,
        site::testing::{World, html, json, moved, status, titles, told},
    },
    track::{LoadResult, Track, codec},
};
use serde_json::{Value, json};
use std::time::Duration;

const ID: &str = "0123456789abcdef0123456789abcdef";

fn start_page() -> Vec<u8> {
    html(&format!(
        r#"<html><script>window.__sc_hydration = [{{"hydratable":"apiClient","data":{{"id":"{ID}","isExpiring":false}}}}];</script>"#
    ))
}

fn stream(id: u64, protocol: &str, mime: &str) -> Value {
    let last = if protocol == "progressive" {
        protocol
    } else {
        "hls"
    };
    json!({
        "url": format!("http://api-v2.soundcloud.com/media/soundcloud:tracks:{id}/u-{mime}/stream/{last}"),
        "format": {"protocol": protocol, "mime_type": mime},
    })
}

/// A track as the API describes it.
fn track(id: u64) -> Value {
    json!({
        "kind": "track", "id": id, "title": format!("Track {id}"),
        "duration": 30_000, "full_duration": 125_910,
        "permalink_url": format!("https://soundcloud.com/an-artist/track-{id}"),
        "artwork_url": "https://i1.sndcdn.com/artworks-x-0-large.jpg",
        "publisher_metadata": {"isrc": "QZHNA1985784"},
        "user": {"id": 9, "username": "An Artist"},
        "policy": "ALLOW", "monetization_model": "NOT_APPLICABLE",
        "track_authorization": "a.signed.word",
        "media": {"transcodings": [
            stream(id, "ctr-encrypted-hls", "audio/mp4"),
            stream(id, "hls", "audio/mpegurl"),
            stream(id, "hls", "audio/mpeg"),
            stream(id, "progressive", "audio/mpeg"),
            stream(id, "hls", "audio/ogg; codecs=\"opus\""),
        ]},
    })
}

fn with(mut track: Value, field: &str, value: Value) -> Value {
    track[field] = value;
    track
}

/// The part of an API's URL behind its host, without the client id, which must be there and right.
fn api(asked: &Asked) -> Option<String> {
    let path = asked.path.strip_prefix("http://api-v2.soundcloud.com")?;
    let suffix = format!("client_id={ID}");
    let path = path.strip_suffix(&suffix).expect("the client id, last");
    Some(path.trim_end_matches(['?', '&']).to_owned())
}

/// The API answers by `answer`, all else is as usual.
async fn world(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> World {
    World::new(move |asked| site(asked, &answer)).await
}

fn site(asked: &Asked, answer: &impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    match (api(asked), &*asked.path) {
        (Some(path), _) => answer(&path),
        (None, "http://soundcloud.com/") => start_page(),
        _ => status(404),
    }
}

fn resolve(page: &str) -> String {
    let query = url::form_urlencoded::byte_serialize(page.as_bytes()).collect::<String>();
    format!("/resolve?url={query}")
}

const PAGE: &str = "https://soundcloud.com/an-artist/track-1";

#[tokio::test]
async fn a_track_is_described_as_in_lavaplayer() {
    let world = world(|path| match path == resolve(PAGE) {
        true => json(&track(1)),
        false => status(404),
    })
    .await;
    let found = world.track(PAGE).await;
    let info = &found.info;
    // reference, 8.3 and the encoded track R7 of 3.5: the shapes of its fields
    assert_eq!(
        info.identifier,
        "U:http://api-v2.soundcloud.com/media/soundcloud:tracks:1/u-audio/mpeg/stream/hls"
    );
    assert_eq!((&*info.title, &*info.author), ("Track 1", "An Artist"));
    assert_eq!((info.length, info.position), (125_910, 0));
    assert!(info.is_seekable && !info.is_stream);
    assert_eq!(info.uri.as_deref(), Some(PAGE));
    let artwork = "https://i1.sndcdn.com/artworks-x-0-original.jpg";
    assert_eq!(info.artwork_url.as_deref(), Some(artwork));
    assert_eq!(info.isrc.as_deref(), Some("QZHNA1985784"));
    assert_eq!(info.source_name, "soundcloud");
    let encoded = codec::encode(&found, 0).expect("encodable");
    assert_eq!(codec::decode(&encoded).expect("a track"), found);
}

#[tokio::test]
async fn a_start_is_where_the_track_begins_unless_it_is_past_its_end() {
    let world = world(|_| json(&track(1))).await;
    for (link, position) in [("#t=1:09", 69_000), ("#t=130", 0), ("", 0)] {
        let found = world.track(&format!("{PAGE}{link}")).await;
        assert_eq!(found.info.position, position, "{link}");
    }
}

#[tokio::test]
async fn the_client_id_is_found_once_for_all_loads() {
    let world = world(|_| json(&track(1))).await;
    let loads = (0..8).map(|_| world.track(PAGE));
    futures_util::future::join_all(loads).await;
    assert_eq!(world.count("http://soundcloud.com/"), 1);
}

#[tokio::test]
async fn the_client_id_is_found_in_the_scripts_of_known_hosts() {
    let world = World::new(|asked| match &*asked.path {
        "http://soundcloud.com/" => html(
            "<script crossorigin src=\"http://evil.example/assets/0-a.js\"></script>\
             <script src=\"http://a-v2.sndcdn.com/assets/1-b.js\"></script>\
             <script src=\"http://a-v2.sndcdn.com/assets/2-c.js\"></script>\
             <script src=\"http://a-v2.sndcdn.com/assets/3-d.js\"></script>",
        ),
        "http://a-v2.sndcdn.com/assets/2-c.js" => whole(
            format!(r#",web_app_id:"123",client_id:"short",client_id:"{ID}",x"#).as_bytes(),
            &[],
        ),
        "http://a-v2.sndcdn.com/assets/3-d.js" => status(404),
        path if path.starts_with("http://api-v2.soundcloud.com/") => json(&track(1)),
        path => panic!("{path}"),
    })
    .await;
    world.track(PAGE).await;
    assert!(world.asked().last().expect("asked").contains(ID));
}

#[tokio::test]
async fn a_refused_client_id_is_found_anew_but_not_all_the_time() {
    let new = ID.replace('0', "f");
    let page = new.clone();
    let world = World::new(move |asked| match &*asked.path {
        "http://soundcloud.com/" if asked.before == 0 => start_page(),
        "http://soundcloud.com/" => html(&format!("client_id:\"{page}\"")),
        path if path.contains(&page) => json(&track(1)),
        _ => status(401),
    })
    .await;
    let (message, severity) = world.refused(PAGE).await;
    assert!(message.contains("SoundCloud refuses"), "{message}");
    assert_eq!(severity, Severity::Suspicious);
    assert_eq!(world.count("http://soundcloud.com/"), 1);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    world.track(PAGE).await;
    assert!(world.asked().last().expect("asked").contains(&new));
    assert_eq!(world.count("http://soundcloud.com/"), 2);
}

#[tokio::test]
async fn a_search_gives_what_can_be_played() {
    let found = json!({"collection": [
        track(1),
        with(track(2), "policy", json!("BLOCK")),
        {"kind": "track", "id": 3},
        null,
        with(with(track(4), "policy", json!("SNIP")), "monetization_model", json!("SUB_HIGH_TIER")),
        with(track(5), "title", json!(17)),
    ]});
    let answer = move |path: &str| match path {
        "/search/tracks?q=two+words&offset=0&limit=10" => json(&found),
        "/search/tracks?q=x&offset=20&limit=200" => json(&json!({"collection": []})),
        path => panic!("{path}"),
    };
    let hits = async |world: &World| match world.load("scsearch: two words").await {
        LoadResult::Search(tracks) => titles(&tracks).join(", "),
        other => panic!("{other:?}"),
    };
    let world = World::with(
        {
            let answer = answer.clone();
            move |asked| site(asked, &answer)
        },
        |settings| settings,
    )
    .await;
    assert_eq!(hits(&world).await, "Track 1, Track 4, Unknown title");
    assert_eq!(world.load("scsearch[20,500]:x").await, LoadResult::Empty);
    assert_eq!(world.load("scsearch:").await, LoadResult::Empty);

    let of = |search, filter_previews| {
        let answer = answer.clone();
        World::with(
            move |asked| site(asked, &answer),
            move |settings| Settings {
                soundcloud: Some(SoundCloudSettings {
                    search,
                    filter_previews,
                }),
                ..settings
            },
        )
    };
    assert_eq!(hits(&of(true, true).await).await, "Track 1, Unknown title");
    let silent = of(false, false).await;
    assert_eq!(silent.load("scsearch:two words").await, LoadResult::Empty);
    assert_eq!(silent.asked().len(), 0);
}

#[tokio::test]
async fn a_track_that_cannot_be_played_says_why() {
    let none = json!({"transcodings": []});
    let encrypted = json!({"transcodings": [stream(1, "cbc-encrypted-hls", "audio/mp4")]});
    for (track, why, severity) in [
        (
            with(
                with(track(1), "policy", json!("BLOCK")),
                "media",
                none.clone(),
            ),
            "not available in the node's country",
            Severity::Common,
        ),
        (
            with(track(1), "media", none),
            "no streams",
            Severity::Common,
        ),
        (
            with(track(1), "media", encrypted),
            "copy-protected",
            Severity::Common,
        ),
        (
            with(track(1), "media", json!(5)),
            "the site may have changed",
            Severity::Suspicious,
        ),
        (
            with(track(1), "kind", json!(5)),
            "the site may have changed",
            Severity::Suspicious,
        ),
        (json!([]), "the site may have changed", Severity::Suspicious),
    ] {
        let world = world(move |_| json(&track)).await;
        let (message, told) = world.refused(PAGE).await;
        assert!(message.contains(why), "{message}");
        assert_eq!(told, severity, "{message}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_empty_and_what_fails_says_so() {
    let huge = format!("[{}]", "\"x\",".repeat(1_100_000));
    let cases: [(Vec<u8>, Option<&str>); 6] = [
        (status(404), None),
        (status(403), Some("SoundCloud refuses to answer")),
        (status(429), Some("SoundCloud was asked too often")),
        (html("<html>"), Some("the site may have changed")),
        (
            whole(huge.as_bytes(), &[]),
            Some("The answer of SoundCloud is too long"),
        ),
        (moved("http://elsewhere.example/"), None),
    ];
    for (answer, failure) in cases {
        let world = world(move |_| answer.clone()).await;
        match failure {
            None => assert_eq!(world.load(PAGE).await, LoadResult::Empty),
            Some(why) => {
                let (message, severity) = world.refused(PAGE).await;
                assert!(message.contains(why), "{message}");
                assert_eq!(severity, Severity::Suspicious);
            }
        }
    }
}

#[tokio::test]
async fn a_site_in_trouble_is_asked_again() {
    let world = World::new(|asked| match &*asked.path {
        "http://soundcloud.com/" => start_page(),
        _ if asked.before == 0 => status(503),
        _ => json(&track(1)),
    })
    .await;
    world.track(PAGE).await;
    assert_eq!(world.count("/resolve"), 2);
}

#[tokio::test]
async fn failures_say_nothing_of_tokens_and_addresses() {
    let secret = format!("{PAGE}/s-SeCrEt");
    let world = world(|_| html("<html>track_authorization=abc")).await;
    let failure = world.registry.load(&secret).await.expect_err("no JSON");
    let trace = failure.trace();
    for word in [ID, "SeCrEt", "abc", "http"] {
        assert!(!trace.contains(word), "{trace}");
    }
}

#[tokio::test]
async fn a_redirect_into_a_private_network_is_refused() {
    let guarded = |settings: Settings| {
        let mut settings = settings;
        settings.network.block_private_addresses = true;
        settings
    };
    let world = World::with(
        |asked| match &*asked.path {
            "http://soundcloud.com/" => start_page(),
            _ => moved("http://192.168.0.1/"),
        },
        guarded,
    )
    .await;
    let (message, severity) = world.refused(PAGE).await;
    assert!(message.contains("private address"), "{message}");
    assert_eq!(severity, Severity::Common);
    assert_eq!(world.count("192.168"), 0);
}

#[tokio::test]
async fn a_set_asks_for_the_tracks_that_it_only_names() {
    // 40 tracks, of which the first two are whole, one is blocked and one is gone
    let stub = |id: u64| json!({"id": id, "kind": "track", "policy": "ALLOW"});
    let tracks: Vec<Value> = (1..=40)
        .map(|id| if id <= 2 { track(id) } else { stub(id) })
        .collect();
    let set = json!({
        "kind": "playlist", "id": 77, "title": "A Set", "secret_token": "s-x", "tracks": tracks,
    });
    let world = world(move |path| {
        let Some(rest) = path.strip_prefix("/tracks?ids=") else {
            assert_eq!(path, resolve("https://soundcloud.com/u/sets/s/s-x"));
            return json(&set);
        };
        let (ids, rest) = rest.split_once('&').expect("the set");
        assert_eq!(rest, "playlistId=77&playlistSecretToken=s-x");
        let ids = ids.split("%2C").map(|id| id.parse().expect("a number"));
        let found = ids.filter(|id| *id != 20).map(|id| match id {
            10 => with(track(id), "policy", json!("BLOCK")),
            id => track(id),
        });
        // in any order
        let mut found: Vec<Value> = found.collect();
        found.reverse();
        json(&Value::Array(found))
    })
    .await;
    let list = world.playlist("https://soundcloud.com/u/sets/s/s-x").await;
    assert_eq!((&*list.name, list.selected), ("A Set", None));
    let wanted = (1..=40).filter(|id| ![10, 20].contains(id));
    let wanted: Vec<String> = wanted.map(|id| format!("Track {id}")).collect();
    assert_eq!(titles(&list.tracks), wanted);
    // 38 tracks by 15
    assert_eq!(world.count("/tracks?ids="), 3);
}

#[tokio::test]
async fn a_set_of_which_a_part_fails_is_what_is_left() {
    // the last is there twice
    let tracks: Vec<Value> = (1..=17).chain([17]).map(|id| json!({"id": id})).collect();
    let set = json!({"kind": "playlist", "id": 77, "title": "A Set", "tracks": tracks});
    let world = world(move |path| match path {
        path if path.starts_with("/resolve") => json(&set),
        path if path.starts_with("/tracks?ids=1%2C") => status(403),
        path => {
            assert_eq!(path, "/tracks?ids=16%2C17%2C17");
            json(&json!([track(16), track(17)]))
        }
    })
    .await;
    let list = world.playlist("https://soundcloud.com/u/sets/s").await;
    assert_eq!(titles(&list.tracks), ["Track 16", "Track 17", "Track 17"]);
}

fn user() -> Value {
    json!({"kind": "user", "id": 9, "username": "An Artist"})
}

#[tokio::test]
async fn lists_of_a_user_are_read_page_by_page() {
    let next = |query: &str| format!("http://api-v2.soundcloud.com/users/9/tracks?{query}");
    let world = world(move |path| match path {
        "/users/9/tracks?limit=100&linked_partitioning=1" => {
            json(&json!({"collection": [track(1), track(2)], "next_href": next("offset=2")}))
        }
        // an empty page is not the end, and one that leads to itself is
        "/users/9/tracks?offset=2" => {
            json(&json!({"collection": [], "next_href": next("offset=3")}))
        }
        "/users/9/tracks?offset=3" => {
            json(&json!({"collection": [track(3)], "next_href": next("offset=2")}))
        }
        "/users/9/likes?limit=100&linked_partitioning=1" => json(&json!({
            "collection": [{"kind": "like", "track": track(4)}, {"kind": "like", "playlist": {}}],
            "next_href": "http://evil.example/users/9/likes",
        })),
        "/stream/users/9/reposts?limit=100&linked_partitioning=1" => {
            json(&json!({"collection": [{"type": "track-repost", "track": track(5)}], "next_href": null}))
        }
        path if path == resolve("https://soundcloud.com/u") => json(&user()),
        path if path == resolve("https://soundcloud.com/u/tracks") => json(&user()),
        "/users/9" => json(&user()),
        path => panic!("{path}"),
    })
    .await;
    for (link, name, wanted) in [
        (
            "https://soundcloud.com/u",
            "Tracks by An Artist",
            &["Track 1", "Track 2", "Track 3"][..],
        ),
        (
            "https://soundcloud.com/u/tracks",
            "Tracks by An Artist",
            &["Track 1", "Track 2", "Track 3"],
        ),
        (
            "https://soundcloud.com/u/likes",
            "Liked by An Artist",
            &["Track 4"],
        ),
        (
            "https://api.soundcloud.com/users/9/likes",
            "Liked by An Artist",
            &["Track 4"],
        ),
        (
            "https://soundcloud.com/u/reposts",
            "Reposted by An Artist",
            &["Track 5"],
        ),
    ] {
        let list = world.playlist(link).await;
        assert_eq!(
            (&*list.name, titles(&list.tracks)),
            (name, wanted.to_vec()),
            "{link}"
        );
    }
    assert_eq!(world.count("evil"), 0);
}

#[tokio::test]
async fn things_that_only_the_widget_knows_are_found_through_it() {
    let world = World::new(|asked| match &*asked.path {
        "http://soundcloud.com/" => start_page(),
        "http://w.soundcloud.com/player/?url=https%3A%2F%2Fapi.soundcloud.com%2Ftracks%2F1%3Fsecret_token%3Ds-x" => {
            html(&format!(r#"<head><link rel="canonical" href="{PAGE}"></head>"#))
        }
        path if path.starts_with("http://w.soundcloud.com/") => {
            html(r#"<link rel="canonical" href="http://10.0.0.1/a/b">"#)
        }
        _ => match api(asked).expect("the API") {
            path if path == resolve(PAGE) => json(&track(1)),
            _ => status(404),
        },
    })
    .await;
    let link = "https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/1%3Fsecret_token%3Ds-x";
    assert_eq!(world.track(link).await.info.title, "Track 1");
    let other = "https://api.soundcloud.com/playlists/2";
    assert_eq!(world.load(other).await, LoadResult::Empty);
}

#[tokio::test]
async fn short_links_lead_to_links_of_the_site_and_nowhere_else() {
    let world = World::new(|asked| match &*asked.path {
        "http://soundcloud.com/" => start_page(),
        path if path.starts_with("http://on.soundcloud.com/") => {
            assert_eq!(asked.method, "HEAD");
            match path {
                "http://on.soundcloud.com/good" => moved(&format!("{PAGE}?si=1#t=5")),
                "http://on.soundcloud.com/round" => moved(path),
                "http://on.soundcloud.com/out" => moved("http://evil.example/"),
                _ => status(404),
            }
        }
        _ => json(&track(1)),
    })
    .await;
    let found = world.track("http://on.soundcloud.com/good").await;
    assert_eq!(found.info.position, 5000);
    for nowhere in ["round", "out", "gone"] {
        let link = format!("http://on.soundcloud.com/{nowhere}");
        assert_eq!(world.load(&link).await, LoadResult::Empty, "{link}");
    }
}
