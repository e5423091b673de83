//! Owns: what the `youtube` source is held to, against answers in the shapes of the site's API, made by hand.
//! Never knows: how it works inside.

mod lists;
mod plays;

use crate::{
    error::Severity,
    net::testing::{Asked, ranged},
    source::{
        Settings, YouTubeSettings,
        site::testing::{World, html, json, moved, status, titles},
    },
    track::{LoadResult, Track, UNKNOWN_LENGTH, codec},
};
use serde_json::{Value, json};

const ID: &str = "Kn56bMZ9OE8";
const PAGE: &str = "https://www.youtube.com/watch?v=Kn56bMZ9OE8";

/// What the site is asked, as its API has it.
struct Call {
    /// `player`, `browse` and so on.
    endpoint: String,
    /// Name of the client.
    client: String,
    body: Value,
}

fn call(asked: &Asked) -> Option<Call> {
    let bases = [
        "http://youtubei.googleapis.com/youtubei/v1/",
        "http://music.youtube.com/youtubei/v1/",
    ];
    let path = bases
        .iter()
        .find_map(|base| asked.path.strip_prefix(base))?;
    let body: Value = serde_json::from_slice(&asked.body).expect("JSON");
    let name = body["context"]["client"]["clientName"]
        .as_str()
        .expect("a client");
    Some(Call {
        endpoint: path.split('?').next()?.to_owned(),
        client: name.to_owned(),
        body,
    })
}

/// The API answers by `answer`; visitors are given to all.
async fn world(answer: impl Fn(&Call) -> Vec<u8> + Send + Sync + 'static) -> World {
    World::new(move |asked| api(asked, &answer)).await
}

async fn world_with(
    settings: YouTubeSettings,
    answer: impl Fn(&Call) -> Vec<u8> + Send + Sync + 'static,
) -> World {
    World::with(
        move |asked| api(asked, &answer),
        |all| Settings {
            youtube: Some(settings),
            ..all
        },
    )
    .await
}

fn api(asked: &Asked, answer: &impl Fn(&Call) -> Vec<u8>) -> Vec<u8> {
    match call(asked) {
        Some(call) if call.endpoint == "visitor_id" => json(
            &json!({"responseContext": {"visitorData": format!("visitor of {}", call.client)}}),
        ),
        Some(call) => answer(&call),
        None => status(404),
    }
}

fn video(id: &str) -> Value {
    json!({
        "responseContext": {"x": 1},
        "playabilityStatus": {"status": "OK"},
        "videoDetails": {
            "videoId": id, "title": format!("Title {id}"), "author": "A channel", "lengthSeconds": "304",
            "thumbnail": {"thumbnails": [{"url": "https://i.ytimg.com/vi/x/hq720.jpg"}]},
        },
        "streamingData": {"expiresInSeconds": "21540", "adaptiveFormats": [form(140, "audio/mp4; codecs=\"mp4a.40.2\""), opus()]},
    })
}

fn form(itag: u32, mime: &str) -> Value {
    json!({"itag": itag, "mimeType": mime, "bitrate": 130_000, "url": format!("http://r1.googlevideo.com/videoplayback?itag={itag}")})
}

fn opus() -> Value {
    form(251, "audio/webm; codecs=\"opus\"")
}

fn refusal(word: &str, reason: &str) -> Vec<u8> {
    json(&json!({"playabilityStatus": {"status": word, "reason": reason}}))
}

/// Reference, 8.2; the encoded string has the shape of vector R2 of 3.5.
#[tokio::test]
async fn a_video_is_described_by_the_first_client_that_is_told_of_it() {
    let world = world(|call| match &*call.endpoint {
        "player" => json(&video(call.body["videoId"].as_str().expect("an id"))),
        other => panic!("{other}"),
    })
    .await;
    for link in [
        PAGE,
        ID,
        "https://youtu.be/Kn56bMZ9OE8?t=42",
        "youtube.com/shorts/Kn56bMZ9OE8",
    ] {
        let track = world.track(link).await;
        assert_eq!(track.info.title, "Title Kn56bMZ9OE8");
        assert_eq!((track.info.length, track.info.position), (304_000, 0));
        assert_eq!(track.info.uri.as_deref(), Some(PAGE));
        let encoded = codec::encode(&track, 0).expect("encodable");
        assert_eq!(codec::decode(&encoded).expect("a track"), track);
    }
    assert_eq!(world.count("/visitor_id"), 1);
    let asked = world.server.seen();
    let last = asked.last().expect("asked");
    let data = crate::source::site::data::SiteData::built_in();
    let client = &data.youtube.clients["VISIONOS"];
    assert_eq!(last.header("user-agent"), Some(&*client.user_agent));
    assert_eq!(
        last.header("x-goog-visitor-id"),
        Some("visitor of VISIONOS")
    );
    let body = call(last).expect("the API").body;
    assert_eq!(
        body["context"]["client"]["visitorData"],
        "visitor of VISIONOS"
    );
    assert_eq!(body["contentCheckOk"], true);
}

/// Keyboards of phones begin with a capital letter, and a messenger's links without a preview stand in brackets.
#[tokio::test]
async fn links_are_read_as_people_paste_them() {
    let world = world(|_| json(&video(ID))).await;
    for link in [
        "Https://youtu.be/Kn56bMZ9OE8",
        "HTTPS://WWW.YOUTUBE.COM/watch?v=Kn56bMZ9OE8",
        " https://youtu.be/Kn56bMZ9OE8",
        "https://youtu.be/Kn56bMZ9OE8\n",
        "<https://youtu.be/Kn56bMZ9OE8>",
        " <https://youtu.be/Kn56bMZ9OE8> ",
    ] {
        let found = world.load(link).await;
        let LoadResult::Track(track) = found else {
            panic!("{link:?}: {found:?}");
        };
        assert_eq!(track.info.identifier, ID, "{link:?}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_work_is_passed_over() {
    let world = world(|call| match (&*call.endpoint, &*call.client) {
        ("player", "VISIONOS") => status(404),
        ("player", "WEB") => status(400),
        ("player", "WEB_EMBEDDED_PLAYER") => {
            b"HTTP/1.1 200 X\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>".to_vec()
        }
        ("player", _) => refusal("ERROR", "Video unavailable"),
        ("reel/reel_item_watch", "ANDROID") => {
            let id = call.body["playerRequest"]["videoId"]
                .as_str()
                .expect("an id");
            json(&json!({ "playerResponse": video(id) }))
        }
        (other, client) => panic!("{client}: {other}"),
    })
    .await;
    assert_eq!(world.track(PAGE).await.info.title, "Title Kn56bMZ9OE8");
}

#[tokio::test]
async fn the_most_telling_refusal_is_told() {
    for (visionos, others, told, severity) in [
        (
            status(404),
            json(&json!({})),
            "does not exist",
            Severity::Common,
        ),
        (status(404), status(404), "does not exist", Severity::Common),
        (
            refusal("ERROR", "Video unavailable"),
            status(404),
            "is not available.",
            Severity::Common,
        ),
        (
            refusal("ERROR", "Video unavailable"),
            refusal("LOGIN_REQUIRED", "Sign in to confirm your age"),
            "plugins.youtube.oauth",
            Severity::Common,
        ),
        (
            refusal("LOGIN_REQUIRED", "Sign in to confirm you’re not a bot"),
            status(404),
            "plugins.youtube.pot",
            Severity::Suspicious,
        ),
        (
            refusal(
                "LIVE_STREAM_OFFLINE",
                "This live event will begin in 2 hours.",
            ),
            status(404),
            "not begun",
            Severity::Common,
        ),
        (
            refusal("UNPLAYABLE", "Something\nnew"),
            status(404),
            "Somethingnew",
            Severity::Common,
        ),
    ] {
        let world = world(move |call| match &*call.client {
            "VISIONOS" => visionos.clone(),
            _ => others.clone(),
        })
        .await;
        let (message, found) = world.refused(PAGE).await;
        assert!(message.contains(told), "{message}");
        assert_eq!(found, severity, "{message}");
    }
}

#[tokio::test]
async fn what_every_client_would_be_told_ends_the_asking() {
    for (reason, told) in [
        ("This is a private video", "private"),
        (
            "This video is only available to Music Premium members",
            "Premium",
        ),
        (
            "This video is available to this channel's members on level: A",
            "members",
        ),
        (
            "The uploader has not made this video available in your country",
            "country",
        ),
        ("This video has been removed by the uploader", "removed"),
    ] {
        let world = world(move |_| refusal("UNPLAYABLE", reason)).await;
        let (message, severity) = world.refused(PAGE).await;
        assert!(message.contains(told), "{message}");
        assert_eq!(severity, Severity::Common);
        assert_eq!(world.count("/player"), 1);
    }
}

#[tokio::test]
async fn what_is_switched_off_is_left_to_others() {
    let settings = YouTubeSettings {
        search: false,
        video_ids: false,
        playlist_ids: false,
        ..YouTubeSettings::default()
    };
    let world = world_with(settings, |_| json(&video(ID))).await;
    for identifier in [
        "ytsearch:x",
        "ytmsearch:x",
        ID,
        "PLabc",
        "UUabc",
        "some words",
    ] {
        assert_eq!(
            world.load(identifier).await,
            LoadResult::Empty,
            "{identifier}"
        );
    }
    assert!(world.asked().is_empty());
    world.track(PAGE).await;
    let nothing = "https://www.youtube.com/watch?v=abcde&list=RDabcde";
    assert_eq!(world.load(nothing).await, LoadResult::Empty);
}

#[tokio::test]
async fn the_operator_s_list_of_clients_and_their_options_count() {
    let settings = YouTubeSettings {
        clients: Some(["IOS", "NOBODY"].map(str::to_owned).into()),
        options: [
            ("VISIONOS.videoLoading".to_owned(), false),
            ("IOS.sarching".to_owned(), false),
        ]
        .into(),
        ..YouTubeSettings::default()
    };
    let world = world_with(settings, |call| match &*call.client {
        "IOS" => json(&video(ID)),
        other => panic!("{other}"),
    })
    .await;
    world.track(PAGE).await;
    assert_eq!(world.count("/player"), 1);
}

#[tokio::test]
async fn without_any_client_it_is_said_where_they_are_named() {
    let all = crate::source::site::data::SiteData::built_in()
        .youtube
        .clients;
    let options = all
        .keys()
        .map(|name| (format!("{name}.videoLoading"), false));
    let settings = YouTubeSettings {
        options: options.collect(),
        ..YouTubeSettings::default()
    };
    let world = world_with(settings, |_| status(404)).await;
    let (message, _) = world.refused(PAGE).await;
    assert!(message.contains("plugins.youtube.clients"), "{message}");
}
