//! Owns: what the `vimeo` source is held to. There are no recordings of this site: the servers here are written from the
//! shapes in yt-dlp's, NodeLink's and lavaplayer's extractors.
//! Never knows: how it works inside.

use crate::{
    error::Severity,
    media::testing::Reader,
    net::testing::{Asked, ranged, response, whole},
    source::site::testing::{World, html, json, status, told},
    track::{LoadResult, Track, UNKNOWN_LENGTH},
};
use serde_json::{Value, json};
use std::time::Duration;

const PAGE: &str = "https://vimeo.com/56015672";
const PLAYER: &str = "http://player.vimeo.com/video/56015672";
const MASTER: &str = "http://vod-adaptive-ak.vimeocdn.com/x/playlist/av/primary/playlist.m3u8";
const FILE: &str = "http://vod-progressive-ak.vimeocdn.com/exp/360.mp4";

fn config() -> Value {
    json!({
        "view": 1,
        "video": {
            "id": 56_015_672, "title": "A {video}; </title>", "duration": 10,
            "owner": {"name": "Some Body", "url": "https://vimeo.com/user1"},
            "thumbs": {"640": "https://i.vimeocdn.com/video/1-d_640", "base": "https://i.vimeocdn.com/video/1-d"},
        },
        "request": {"files": {
            "hls": {"default_cdn": "fastly_skyfire", "cdns": {
                "akfire_interconnect_quic": {"url": "http://other.example/playlist.m3u8"},
                "fastly_skyfire": {"url": MASTER},
            }},
            "progressive": [
                {"url": "http://vod-progressive-ak.vimeocdn.com/exp/1080.mp4", "height": 1080, "quality": "1080p"},
                {"url": FILE, "height": 360, "quality": "360p"},
            ],
        }},
    })
}

fn player(config: &Value) -> Vec<u8> {
    html(&format!(
        "<!DOCTYPE html><html><script>window.playerConfig = {config}; var a = {{}};</script></html>"
    ))
}

fn at(mut value: Value, path: &str, new: Value) -> Value {
    *value.pointer_mut(path).expect(path) = new;
    value
}

fn refusal(status: u16, body: &str) -> Vec<u8> {
    let len = body.len().to_string();
    response(status, &[("Content-Length", &len)], body.as_bytes())
}

/// A site whose player answers so, and that tells nothing else.
async fn world(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> World {
    World::new(
        move |asked| match asked.path.starts_with("http://player.vimeo.com/") {
            true => answer(asked),
            false => status(403),
        },
    )
    .await
}

/// As the API tells a visitor.
fn api_answer(config: &str) -> Value {
    json!({
        "name": "A video", "uploader": {"name": "Some Body"}, "duration": 10,
        "pictures": {"base_link": "https://i.vimeocdn.com/video/1-d"},
        config: format!("{PLAYER}/config?token=1"),
    })
}

#[tokio::test]
async fn a_video_is_told_by_the_player_of_other_pages() {
    let world = world(|_| player(&config())).await;
    let track = world
        .track("https://vimeo.com/channels/x/56015672#t=3")
        .await;
    let info = track.info;
    assert_eq!(
        (&*info.identifier, info.uri.as_deref()),
        ("56015672", Some(PAGE))
    );
    assert_eq!(
        (&*info.title, &*info.author),
        ("A {video}; </title>", "Some Body")
    );
    assert_eq!((info.length, info.position), (10_000, 3000));
    assert!(info.is_seekable && !info.is_stream);
    assert_eq!(
        info.artwork_url.as_deref(),
        Some("https://i.vimeocdn.com/video/1-d")
    );
    assert_eq!((&*info.source_name, track.details), ("vimeo", Vec::new()));
    assert_eq!(world.asked(), [PLAYER]);
}

#[tokio::test]
async fn an_unlisted_video_keeps_its_key() {
    let world = world(|asked| match &*asked.path {
        "http://player.vimeo.com/video/1?h=a52724358e" => player(&config()),
        other => panic!("{other}"),
    })
    .await;
    let track = world.track("https://vimeo.com/1/a52724358e").await;
    assert_eq!(track.info.identifier, "1:a52724358e");
    let page = "https://vimeo.com/1/a52724358e";
    assert_eq!(track.info.uri.as_deref(), Some(page));
}

/// The original's way (reference, 8.4).
#[tokio::test]
async fn the_api_is_asked_where_the_player_is_not_answered() {
    let world = World::new(|asked| match &*asked.path {
        "http://vimeo.com/_next/viewer" => json(&json!({"jwt": "a.b.c", "xsrft": "x"})),
        path if path
            .starts_with("http://api.vimeo.com/videos/56015672?fields=config_url%2Cname") =>
        {
            assert_eq!(asked.header("authorization"), Some("jwt a.b.c"));
            json(&api_answer("config_url"))
        }
        "http://player.vimeo.com/video/56015672/config?token=1" => json(&config()),
        FILE => panic!("segments are preferred"),
        MASTER => whole(
            b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n1.ts\n#EXT-X-ENDLIST\n",
            &[],
        ),
        path if path.ends_with("/1.ts") => ranged(asked, b"sound"),
        _ => status(403),
    })
    .await;
    for _ in 0..2 {
        let info = world.track(PAGE).await.info;
        assert_eq!(
            (&*info.title, &*info.author, info.length),
            ("A video", "Some Body", 10_000)
        );
        assert_eq!(
            info.artwork_url.as_deref(),
            Some("https://i.vimeocdn.com/video/1-d")
        );
    }
    // one word for all
    assert_eq!(world.count("_next/viewer"), 1);
    let track = Track::sample("56015672", "vimeo");
    let media = world.registry.open(&track).expect("it can be played");
    let section = Reader::new(media.window).section().await;
    assert_eq!(section.expect("there"), (0, b"sound".to_vec()));
}

#[tokio::test]
async fn a_page_has_a_signature_for_the_api() {
    let world = World::new(|asked| match &*asked.path {
        "http://vimeo.com/watch" => html(
            "<html><script id=\"__NEXT_DATA__\" type=\"application/json\">{\"buildId\":\"b-1_2\",\"locale\":\"en\"}</script></html>",
        ),
        "http://vimeo.com/_next/data/b-1_2/en/56015672.json" => json(&json!({"pageProps": {
            "clipId": 56_015_672, "pageMetadata": {"clipSignature": "s/1"},
            "viewerBootstrap": {"jwt": "a.b.c"},
        }})),
        path if path.starts_with("http://api.vimeo.com/videos/56015672?anon_signature=s%2F1&fields=embed_player") => {
            assert_eq!(asked.header("authorization"), Some("jwt a.b.c"));
            json(&api_answer("embed_player_config_url"))
        }
        _ => status(403),
    })
    .await;
    assert_eq!(world.track(PAGE).await.info.title, "A video");
}

#[tokio::test]
async fn a_build_that_is_gone_is_no_video_that_is_not_there() {
    let world = World::new(|asked| match &*asked.path {
        "http://vimeo.com/watch" => html(&format!(
            "<script id=\"__NEXT_DATA__\">{{\"buildId\":\"b{}\",\"locale\":\"en\"}}</script>",
            asked.before
        )),
        // the first build is taken back after its first video
        path if path.ends_with("/_next/data/b0/en/2.json") => status(404),
        path if path.contains("/_next/data/b") && !path.ends_with("/3.json") => {
            json(&json!({"pageProps": {
                "pageMetadata": {"clipSignature": "s"}, "viewerBootstrap": {"jwt": "a"},
            }}))
        }
        path if path.starts_with("http://api.vimeo.com/") => {
            json(&api_answer("embed_player_config_url"))
        }
        path if path.ends_with("/3.json") => status(404),
        _ => status(403),
    })
    .await;
    world.track("https://vimeo.com/1").await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    world.track("https://vimeo.com/2").await;
    assert_eq!(world.count("/watch"), 2);
    // the build is new: it is the video that is missing
    assert_eq!(world.load("https://vimeo.com/3").await, LoadResult::Empty);
    assert_eq!(world.count("/watch"), 2);
}

#[tokio::test]
async fn what_cannot_be_played_says_why() {
    let locked = "<p>Because of its privacy settings, this video cannot be played here.</p>";
    let shown = json!({"message": "Because of its privacy settings, this video cannot be played here.", "title": "Sorry", "view": 7});
    let event = |status: &str| {
        at(
            config(),
            "/video",
            json!({"live_event": {"status": status}}),
        )
    };
    let files = at(config(), "/request/files", json!({}));
    for (answer, why, severity) in [
        (player(&json!({"view": 4})), "password", Severity::Common),
        (refusal(403, locked), "private", Severity::Common),
        (player(&shown), "private", Severity::Common),
        (player(&event("pending")), "has not begun", Severity::Common),
        (player(&files), "in no form", Severity::Common),
        (
            player(&json!({"x": 1})),
            "may have changed",
            Severity::Suspicious,
        ),
        (
            html("<html></html>"),
            "may have changed",
            Severity::Suspicious,
        ),
        (status(429), "too often", Severity::Suspicious),
        (status(403), "may be blocking", Severity::Suspicious),
    ] {
        let world = world(move |_| answer.clone()).await;
        let (message, told) = world.refused(PAGE).await;
        assert!(message.contains(why), "{why}: {message}");
        assert_eq!(told, severity, "{message}");
    }
}

#[tokio::test]
async fn the_api_says_why_too() {
    let field = r#"{"error": "x", "invalid_parameters": [{"field": "password", "error": "x"}]}"#;
    for (answer, why) in [
        (refusal(400, field), "password"),
        (
            refusal(404, r#"{"error": "x", "error_code": 5460}"#),
            "with an account only",
        ),
        (
            json(&json!({"name": "x", "config_url": null})),
            "with an account only",
        ),
    ] {
        let world = World::new(move |asked| match &*asked.path {
            "http://vimeo.com/_next/viewer" => json(&json!({"jwt": "a"})),
            path if path.starts_with("http://api.vimeo.com/") => answer.clone(),
            _ => status(403),
        })
        .await;
        let (message, severity) = world.refused(PAGE).await;
        assert!(message.contains(why), "{why}: {message}");
        assert_eq!(severity, Severity::Common);
    }
}

#[tokio::test]
async fn a_video_that_is_not_there_is_empty_whoever_else_refuses() {
    let world = world(|_| status(404)).await;
    assert_eq!(world.load(PAGE).await, LoadResult::Empty);
}

#[tokio::test]
async fn an_event_that_is_on_is_a_stream() {
    let mut live = config();
    live["video"]["live_event"] = json!({"status": "started"});
    let world = world(move |_| player(&live)).await;
    let info = world.track(&format!("{PAGE}#t=3")).await.info;
    assert!(info.is_stream && !info.is_seekable);
    assert_eq!((info.length, info.position), (UNKNOWN_LENGTH, 0));
}

/// Forms as the site has them: pictures in pieces of their own, sound in others, both fragmented MP4.
#[tokio::test]
async fn the_sound_alone_is_played_and_found_anew() {
    const SOUND: &str = "http://vod-adaptive-ak.vimeocdn.com/x/audio/2/playlist.m3u8";
    let world = World::new(|asked| match &*asked.path {
        PLAYER => player(&config()),
        MASTER => whole(
            b"#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio-low\",NAME=\"Original\",DEFAULT=YES,CHANNELS=\"2\",URI=\"../../../audio/1/playlist.m3u8\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio-high\",NAME=\"Original\",DEFAULT=YES,CHANNELS=\"2\",URI=\"../../../audio/2/playlist.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=300000,CODECS=\"avc1.640015,mp4a.40.2\",RESOLUTION=426x240,AUDIO=\"audio-low\"\n../../../video/1/playlist.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=4000000,CODECS=\"avc1.640028,mp4a.40.2\",RESOLUTION=1920x1080,AUDIO=\"audio-high\"\n../../../video/2/playlist.m3u8\n",
            &[],
        ),
        SOUND => whole(
            b"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:6\n#EXT-X-MAP:URI=\"init.mp4\"\n\
            #EXTINF:6,\n1.m4s\n#EXTINF:4,\n2.m4s\n#EXT-X-ENDLIST\n",
            &[],
        ),
        path if path.ends_with("/audio/2/init.mp4") => ranged(asked, b"init"),
        path if path.ends_with("/audio/2/1.m4s") => ranged(asked, b"one"),
        path if path.ends_with("/audio/2/2.m4s") && asked.before > 0 => ranged(asked, b"two"),
        _ => status(410),
    })
    .await;
    let track = world.track(PAGE).await;
    let media = world.registry.open(&track).expect("it can be played");
    let mut reader = Reader::new(media.window);
    for (number, bytes) in [(0, b"initone"), (1, b"inittwo")] {
        let section = reader.section().await.expect("there");
        assert_eq!(section, (number, bytes.to_vec()));
    }
    // once for the load, once when the second piece had expired
    assert_eq!(world.count(PLAYER), 2);
}

#[tokio::test]
async fn the_smallest_file_is_played_where_there_are_no_pieces() {
    let config = at(config(), "/request/files/hls", Value::Null);
    let world = World::new(move |asked| match &*asked.path {
        PLAYER => player(&config),
        FILE => ranged(asked, b"sound"),
        _ => status(404),
    })
    .await;
    let track = world.track(PAGE).await;
    assert_eq!(world.sound(&track).await.expect("sound"), b"sound");
    // what was loaded a moment ago is not asked for again
    assert_eq!(world.count(PLAYER), 1);
}

#[tokio::test]
async fn identifiers_of_clients_lead_nowhere_else() {
    let world = world(|_| status(404)).await;
    for identifier in ["https://evil.example/1", "x", "1:../x", ""] {
        let track = Track::sample(identifier, "vimeo");
        let failure = world.registry.open(&track).err().expect(identifier);
        assert_eq!(failure.severity, Severity::Common);
    }
    assert_eq!(world.asked().len(), 0);
    let gone = world
        .sound(&Track::sample("1", "vimeo"))
        .await
        .expect_err("gone");
    let message = "This video is not available any more.".to_owned();
    assert_eq!(told(gone), (message, Severity::Common));
}
