//! Owns: what the `applemusic` source is held to. There are no recordings of the site: the answers here are made by hand in the
//! shapes of the Apple Music API's documentation (developer.apple.com/documentation/applemusicapi).
//! Never knows: how it works inside.

use super::*;
use crate::{
    error::Severity,
    net::testing::Asked,
    source::{
        self,
        registry::Others,
        site::testing::{World, html, json, status, titles},
    },
    track::codec,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

/// A token as the site's player has it.
fn token() -> String {
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = encode(json!({ "alg": "ES256", "kid": "WebPlayKid", "typ": "JWT" }));
    let payload = encode(json!({ "iss": "AMPWebPlay", "root_https_origin": ["apple.com"] }));
    format!("{header}.{payload}.{}", "s".repeat(86))
}

fn settings() -> Settings {
    Settings {
        credentials: Credentials::Player,
        country: "de".into(),
        playlist_pages: 2,
        album_pages: 2,
    }
}

async fn world_with(
    settings: Settings,
    answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> World {
    let answer = move |asked: &Asked| match asked
        .path
        .strip_prefix("http://api.music.apple.com/v1/catalog")
    {
        Some(path) => {
            let wanted = format!("Bearer {}", token());
            assert_eq!(asked.header("authorization"), Some(&*wanted));
            assert_eq!(asked.header("origin"), Some("https://apple.com"));
            answer(path)
        }
        None => match &*asked.path {
            "http://music.apple.com/" => html(
                r#"<html><script type="module" crossorigin src="/assets/index~f0.js"></script></html>"#,
            ),
            "http://music.apple.com/assets/index~f0.js" => {
                html(&format!("const a=\"eye\",t=\"{}\";", token()))
            }
            _ => status(404),
        },
    };
    World::with(answer, |all| source::Settings {
        applemusic: Some(settings),
        ..all
    })
    .await
}

async fn world(answer: impl Fn(&str) -> Option<Value> + Send + Sync + 'static) -> World {
    world_with(settings(), move |path| {
        answer(path).map_or_else(|| status(404), |it| json(&it))
    })
    .await
}

fn song(id: u32) -> Value {
    json!({"id": id.to_string(), "type": "songs", "attributes": {
        "name": format!("Song {id}"), "artistName": "Röyksopp", "albumName": "Melody",
        "durationInMillis": 200_000, "isrc": format!("ISRC{id}"),
        "url": format!("https://music.apple.com/de/album/mel%C3%B3dy/1?i={id}"),
        "artistUrl": "https://music.apple.com/de/artist/r%C3%B6yksopp/77",
        "artwork": {"url": "https://is1.mzstatic.com/x/{w}x{h}bb.jpg", "width": 3000, "height": 2000},
        "previews": [{"url": format!("https://audio-ssl.itunes.apple.com/{id}.m4a")}],
    }})
}

fn thing(kind: &str, name: &str) -> Value {
    json!({"id": "1", "type": kind, "attributes": {
        "name": name, "url": format!("https://music.apple.com/de/{kind}/1"),
        "artistName": "Röyksopp", "curatorName": "Apple Music", "trackCount": 3,
        "artwork": {"url": "https://is1.mzstatic.com/{w}x{h}.jpg", "width": 10, "height": 20},
    }})
}

fn data(items: impl IntoIterator<Item = Value>) -> Value {
    json!({ "data": items.into_iter().collect::<Vec<_>>() })
}

fn artist() -> Value {
    json!({"id": "77", "type": "artists", "attributes": {
        "name": "Röyksopp", "url": "https://music.apple.com/de/artist/77",
        "artwork": {"url": "https://is1.mzstatic.com/a/{w}x{h}.jpg", "width": 5, "height": 5},
    }})
}

#[tokio::test]
async fn a_song_is_described_as_in_lavasrc() {
    let world = world(|path| match path {
        "/us/songs/9?extend=artistUrl" | "/de/songs/9?extend=artistUrl" => Some(data([song(9)])),
        "/us/artists?ids=77" | "/de/artists?ids=77" => Some(data([artist()])),
        _ => None,
    })
    .await;
    for link in [
        "https://music.apple.com/us/album/melody/1?i=9",
        "https://music.apple.com/us/song/song/9",
        "music.apple.com/song/9",
    ] {
        let found = world.track(link).await;
        let info = &found.info;
        assert_eq!(
            (&*info.identifier, &*info.title, &*info.author),
            ("9", "Song 9", "Röyksopp")
        );
        assert_eq!(
            (info.length, info.isrc.as_deref()),
            (200_000, Some("ISRC9"))
        );
        assert_eq!(
            info.uri.as_deref(),
            Some("https://music.apple.com/de/album/melódy/1?i=9")
        );
        assert_eq!(
            info.artwork_url.as_deref(),
            Some("https://is1.mzstatic.com/x/3000x2000bb.jpg")
        );
        let wanted = json!({
            "albumName": "Melody", "albumUrl": "https://music.apple.com/de/album/melódy/1",
            "artistUrl": "https://music.apple.com/de/artist/r%C3%B6yksopp/77",
            "artistArtworkUrl": "https://is1.mzstatic.com/a/5x5.jpg",
            "previewUrl": "https://audio-ssl.itunes.apple.com/9.m4a", "isPreview": false,
        });
        assert_eq!(Value::Object(found.plugin_info.clone()), wanted);
        let encoded = codec::encode(&found, 0).expect("encodable");
        assert_eq!(codec::decode(&encoded).expect("a track"), found);
    }
    assert_eq!(world.count("index~f0.js"), 1);
    let preview = world
        .track("amprev:https://music.apple.com/us/song/song/9")
        .await;
    assert_eq!(
        (preview.info.length, &preview.plugin_info["isPreview"]),
        (30_000, &json!(true))
    );
    assert_eq!(
        world.load("https://music.apple.com/us/song/song/8").await,
        LoadResult::Empty
    );
}

#[tokio::test]
async fn lists_are_loaded_page_by_page() {
    let pages = |path: &str| {
        let (_, offset) = path.split_once("offset=")?;
        let at: u32 = offset.split('&').next()?.parse().ok()?;
        let mut page = data([song(at + 1), song(at + 2)]);
        page["next"] = json!("/v1/next");
        Some(page)
    };
    let world = world(move |path| match path {
        "/de/albums/1" => Some(data([thing("albums", "Melody")])),
        "/gb/playlists/pl.x" => {
            let mut list = thing("playlists", "Hits");
            list["attributes"]["trackCount"] = Value::Null;
            Some(data([list]))
        }
        "/de/artists/77" => Some(data([artist()])),
        "/de/artists?ids=77" | "/gb/artists?ids=77" => Some(data([artist()])),
        path if path.starts_with("/de/artists/77/view/top-songs?") => Some(data([song(5)])),
        path if path.starts_with("/de/albums/1/tracks?limit=300&") => pages(path),
        path if path.starts_with("/gb/playlists/pl.x/tracks?limit=300&") => pages(path),
        _ => None,
    })
    .await;
    let four = vec!["Song 1", "Song 2", "Song 301", "Song 302"];
    let album = world
        .playlist("https://music.apple.com/de/album/melody/1")
        .await;
    assert_eq!(
        (&*album.name, titles(&album.tracks)),
        ("Melody", four.clone())
    );
    let wanted = json!({
        "type": "album", "url": "https://music.apple.com/de/albums/1",
        "artworkUrl": "https://is1.mzstatic.com/10x20.jpg", "author": "Röyksopp", "totalTracks": 3,
    });
    assert_eq!(Value::Object(album.plugin_info), wanted);
    let list = world
        .playlist("https://music.apple.com/gb/playlist/hits/pl.x")
        .await;
    assert_eq!((&*list.name, titles(&list.tracks)), ("Hits", four));
    assert_eq!(
        (
            &list.plugin_info["author"],
            &list.plugin_info["totalTracks"]
        ),
        (&json!("Apple Music"), &json!(4))
    );
    let artist = world.playlist("https://music.apple.com/artist/x/77").await;
    assert_eq!(
        (&*artist.name, titles(&artist.tracks)),
        ("Röyksopp's Top Tracks", vec!["Song 5"])
    );
    assert_eq!(
        world.load("https://music.apple.com/de/album/x/2").await,
        LoadResult::Empty
    );
}

#[tokio::test]
async fn searches_find_songs() {
    let world = world(|path| match path {
        "/de/search?term=some+words&types=songs&limit=25&extend=artistUrl" => {
            Some(json!({ "results": {"songs": data([song(1), song(2)])} }))
        }
        "/de/search?term=none&types=songs&limit=25&extend=artistUrl" => {
            Some(json!({ "results": {} }))
        }
        _ => None,
    })
    .await;
    let LoadResult::Search(hits) = world.load("amsearch: some words").await else {
        panic!("hits");
    };
    assert_eq!(titles(&hits), ["Song 1", "Song 2"]);
    for search in ["amsearch:none", "amsearch:"] {
        assert_eq!(world.load(search).await, LoadResult::Empty);
    }
}

#[tokio::test]
async fn many_kinds_are_searched_at_once() {
    let world = world(|path| match path {
        "/de/search/suggestions?term=words&kinds=terms%2CtopResults&extend=artistUrl&types=songs%2Calbums" => {
            Some(json!({ "results": {"suggestions": [
                {"kind": "terms", "searchTerm": "words of love", "displayTerm": "words of love"},
                {"kind": "topResults", "content": song(1)},
                {"kind": "topResults", "content": thing("albums", "Melody")},
                {"kind": "topResults", "content": {"type": "stations", "id": "x"}},
            ]} }))
        }
        _ => None,
    })
    .await;
    let mirror = Mirror::new(source::MirrorSettings::default(), Others::none());
    let apple = AppleMusic::new(world.site("Apple Music"), settings(), mirror);
    let kinds = [
        findings::Kind::Track,
        findings::Kind::Album,
        findings::Kind::Text,
    ];
    let found = apple
        .search("amsearch:words", &kinds)
        .await
        .expect("an answer");
    let found = found.expect("its own");
    assert_eq!(titles(&found.tracks), ["Song 1"]);
    assert_eq!((found.albums.len(), &*found.albums[0].name), (1, "Melody"));
    assert_eq!(found.texts, ["words of love"]);
}

#[tokio::test]
async fn tokens_that_are_wrong_are_told() {
    let refusing = Settings {
        credentials: Credentials::Token(Secret::new(token())),
        ..settings()
    };
    let world = world_with(refusing, |_| status(401)).await;
    let (text, severity) = world.refused("amsearch:words").await;
    assert!(text.contains("does not accept the token"), "{text}");
    assert_eq!(
        (severity, world.count("index~f0.js")),
        (Severity::Common, 0)
    );
    let bad = Settings {
        credentials: Credentials::Token(Secret::new("geheim")),
        ..settings()
    };
    let world = world_with(bad, |_| status(401)).await;
    let (text, severity) = world.refused("amsearch:words").await;
    assert!(
        text.contains("mediaAPIToken") && !text.contains("geheim"),
        "{text}"
    );
    assert_eq!(severity, Severity::Common);
}
