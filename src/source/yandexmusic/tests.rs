//! Owns: what the `yandexmusic` source is held to. There is no recording: a small server answers in the shapes that LavaSrc reads.
//! Never knows: how answers are read.

use super::*;
use crate::{
    error::Severity,
    net::{
        route_planner::{Block, Plan, Strategy},
        routes,
        testing::Asked,
    },
    source::site::testing::{World, json as answer, status, titles},
    track::codec,
};
use serde_json::json;

const API: &str = "http://api.music.yandex.net";

/// Ids are texts in some answers, and numbers in others.
fn track(id: Value, title: &str) -> Value {
    json!({
        "id": id, "title": title, "available": true, "durationMs": 212_340, "coverUri": "avatars.yandex.net/t/%%",
        "artists": [{ "id": 7, "name": "A", "cover": { "uri": "avatars.yandex.net/a/%%" } }, { "id": 8, "name": "B" }],
        "albums": [{ "id": 5, "title": "Five" }],
    })
}

fn api(asked: &Asked) -> Vec<u8> {
    if asked.header("authorization") != Some("OAuth geheim") {
        return status(401);
    }
    assert_eq!(
        asked.header("x-yandex-music-client"),
        Some("YandexMusicAndroid/24023621")
    );
    let path = asked.path.strip_prefix(API).expect("the API");
    let one = || track(json!("1"), "One");
    let gone = json!({ "id": 2, "title": "Gone", "available": false });
    let list = |kind: i64| {
        json!({
            "kind": kind, "title": "List", "owner": { "login": "me", "name": "Me" }, "ogImage": "avatars.yandex.net/l/%%",
            "tracks": [{ "id": 1, "track": one() }], "trackCount": 1,
        })
    };
    let result = match path {
        "/tracks/1" => json!([one()]),
        "/tracks/2" => json!([gone]),
        "/tracks/3" => {
            let mut podcast = track(json!(3), "Three");
            podcast["major"] = json!({ "name": "PODCASTS" });
            json!([podcast])
        }
        "/search?text=one&type=track&page=0" => json!({ "tracks": { "results": [one(), gone] } }),
        "/search?text=one&type=all&page=0" => json!({
            "tracks": { "results": [one()] },
            "albums": { "results": [{ "id": 5, "title": "Five", "available": true }, { "id": 6, "available": false }] },
            "artists": { "results": [{ "id": 7, "name": "A", "available": true }] },
            "playlists": { "results": [
                { "kind": 9, "title": "Mine", "available": true, "owner": { "login": "me" } },
            ] },
        }),
        "/albums/5/with-tracks?page-size=100" => json!({
            "id": 5, "title": "Five", "artists": [{ "name": "A" }], "coverUri": "avatars.yandex.net/al/%%",
            "volumes": [[one()], [track(json!(4), "Four"), gone]],
        }),
        "/artists/7/tracks?page-size=30" => json!({ "tracks": [one()] }),
        "/artists/7" => json!({ "artist": { "id": 7, "name": "A" } }),
        "/users/me/playlists/9?page-size=100&rich-tracks=true" => list(9),
        "/users/me/playlists/3?page-size=100&rich-tracks=true" => list(3),
        "/playlist/ab-cd?page-size=100&rich-tracks=true" => list(9),
        "/tracks/1/similar" => json!({ "similarTracks": [track(json!(4), "Four")] }),
        _ => return status(404),
    };
    answer(&json!({ "invocationInfo": {}, "result": result }))
}

fn settings(token: &str) -> Settings {
    Settings {
        token: Secret::new(token),
        playlist_pages: 1,
        album_pages: 2,
        artist_pages: 3,
        proxy: None,
    }
}

async fn world_with(settings: Settings) -> World {
    World::with(api, |all| crate::source::Settings {
        yandexmusic: Some(settings),
        ..all
    })
    .await
}

async fn world() -> World {
    world_with(settings("geheim")).await
}

#[tokio::test]
async fn a_track_is_as_lavasrc_tells_it() {
    let world = world().await;
    for identifier in [
        "https://music.yandex.ru/album/5/track/1",
        "https://music.yandex.ru/track/1?utm=x",
        "music.yandex.ru/track/1",
    ] {
        let found = world.track(identifier).await;
        let info = &found.info;
        assert_eq!(
            (&*info.identifier, &*info.title, &*info.author),
            ("1", "One", "A, B")
        );
        assert_eq!((info.length, info.is_stream), (212_340, false));
        assert_eq!(info.uri.as_deref(), Some("https://music.yandex.ru/track/1"));
        assert_eq!(
            info.artwork_url.as_deref(),
            Some("https://avatars.yandex.net/t/400x400")
        );
        let wanted = json!({
            "albumName": "Five", "albumUrl": "https://music.yandex.ru/album/5",
            "artistUrl": "https://music.yandex.ru/artist/7", "artistArtworkUrl": "https://avatars.yandex.net/a/400x400",
            "previewUrl": null, "isPreview": false,
        });
        assert_eq!(Value::Object(found.plugin_info.clone()), wanted);
        let encoded = codec::encode(&found, 0).expect("it fits");
        assert_eq!(codec::decode(&encoded).expect("a track"), found);
    }
    let podcast = world.track("https://music.yandex.com/track/3").await;
    assert_eq!(podcast.info.author, "Five");
    for nothing in [
        "https://music.yandex.ru/track/2",
        "https://music.yandex.kz/track/99",
    ] {
        assert_eq!(world.load(nothing).await, LoadResult::Empty, "{nothing}");
    }
}

#[tokio::test]
async fn lists_hold_tracks_and_what_lavasrc_tells_of_them() {
    let world = world().await;
    let album = world.playlist("https://music.yandex.by/album/5").await;
    assert_eq!(
        (&*album.name, titles(&album.tracks)),
        ("Five", vec!["One", "Four"])
    );
    let wanted = json!({
        "type": "album", "url": "https://music.yandex.by/album/5", "author": "A", "totalTracks": 2,
        "artworkUrl": "https://avatars.yandex.net/al/400x400",
    });
    assert_eq!(Value::Object(album.plugin_info), wanted);
    let artist = world
        .playlist("https://music.yandex.ru/artist/7/tracks")
        .await;
    assert_eq!(
        (&*artist.name, &artist.plugin_info["type"]),
        ("A's Top Tracks", &json!("artist"))
    );
    for (link, name, url) in [
        (
            "users/me/playlists/9",
            "List",
            "https://music.yandex.ru/users/me/playlists/9",
        ),
        (
            "users/me/playlists/3",
            "Me's liked songs",
            "https://music.yandex.ru/users/me/playlists/3",
        ),
        (
            "playlists/ab-cd",
            "List",
            "https://music.yandex.ru/playlists/ab-cd",
        ),
    ] {
        let list = world
            .playlist(&format!("https://music.yandex.ru/{link}"))
            .await;
        assert_eq!((&*list.name, &list.plugin_info["url"]), (name, &json!(url)));
        assert_eq!(titles(&list.tracks), ["One"]);
    }
    let similar = world.playlist("ymrec:1").await;
    assert_eq!(
        (&*similar.name, titles(&similar.tracks)),
        ("Yandex Music Recommendations", vec!["Four"])
    );
}

#[tokio::test]
async fn searches_find_what_may_be_heard() {
    let world = world().await;
    match world.load("ymsearch:one").await {
        LoadResult::Search(hits) => assert_eq!(titles(&hits), ["One"]),
        other => panic!("{other:?}"),
    }
    for nothing in ["ymsearch:", "ymsearch:other", "ymrec:", "ymrec:x"] {
        assert_eq!(world.load(nothing).await, LoadResult::Empty, "{nothing}");
    }
    for other in [
        "https://music.yandex.ru/home",
        "https://music.yandex.fr/track/1",
        "https://music.yandex.ru/users/.me/playlists/1",
    ] {
        assert_eq!(Wish::read(other), None, "{other}");
    }
    let own = YandexMusic {
        site: world.site("Yandex Music"),
        settings: settings("geheim"),
        mirror: Mirror::new(crate::source::MirrorSettings::default(), Default::default()),
    };
    let kinds = [
        findings::Kind::Track,
        findings::Kind::Album,
        findings::Kind::Artist,
        findings::Kind::Playlist,
    ];
    let found = own.search_all("one", &kinds).await.expect("an answer");
    let of = |lists: &[crate::track::Playlist]| {
        lists.iter().map(|it| it.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(titles(&found.tracks), ["One"]);
    assert_eq!(of(&found.albums), ["Five"]);
    assert_eq!(of(&found.artists), ["A's Top Tracks"]);
    assert_eq!(of(&found.playlists), ["Mine"]);
}

#[tokio::test]
async fn a_wrong_token_is_told_and_a_proxy_of_its_own_is_used() {
    let wrong = world_with(settings("falsch")).await;
    let (message, severity) = wrong.refused("https://music.yandex.ru/track/1").await;
    assert!(
        message.contains("yandexmusic.accessToken") && !message.contains("falsch"),
        "{message}"
    );
    assert_eq!(severity, Severity::Common);

    let other = crate::net::testing::Server::start(|asked| {
        vec![crate::net::testing::Step::Send(api(asked))]
    })
    .await;
    let own = Settings {
        proxy: Some(Proxy {
            host: other.address.ip().to_string(),
            port: other.address.port(),
            credentials: None,
        }),
        ..settings("geheim")
    };
    // no machine has the addresses of the route planner (RFC 5737): its own proxy is reached from any
    let block = Block::new([203, 0, 113, 0].into(), 30).expect("a block");
    let routes = routes::Settings {
        plan: Plan::new(Strategy::RotateOnBan, vec![block], []).expect("a plan"),
        search_triggers_fail: true,
        retries: 1,
        has_all_traffic: true,
        probe: None,
    };
    let world = World::with(api, |mut all| {
        all.network.routes = Some(routes);
        all.yandexmusic = Some(own);
        all
    })
    .await;
    world.track("https://music.yandex.ru/track/1").await;
    assert_eq!((other.seen().len(), world.asked().len()), (1, 0));
}
