//! Owns: what the `twitch` source is held to. There are no recordings of this site: the servers here are written from the
//! shapes in yt-dlp's, streamlink's and lavaplayer's extractors, and from playlists of the site that others have published.
//! Never knows: how it works inside.

use crate::{
    error::Severity,
    media::testing::Reader,
    net::testing::{Asked, ranged, response, whole},
    source::site::testing::{World, json, status, titles, told},
    track::{LoadResult, Track, UNKNOWN_LENGTH},
};
use serde_json::{Value, json};

const CHANNEL: &str = "https://www.twitch.tv/SomeBody";
const VIDEO: &str = "https://www.twitch.tv/videos/635475444";
const CLIP: &str = "https://clips.twitch.tv/Faint-Light_1";
const API: &str = "http://gql.twitch.tv/gql";
const TOKEN: &str = r#"{"channel":"somebody","geoblock_reason":"","authorization":{"forbidden":false,"reason":""},"expires":1}"#;

fn operation(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).expect("JSON")
}

fn user() -> Value {
    json!({
        "id": "1", "displayName": "SomeBody", "lastBroadcast": {"title": "A title"},
        "stream": {"id": "40500071752", "type": "live"},
    })
}

fn recording(id: &str) -> Value {
    json!({
        "id": id, "title": format!("Recording {id}"), "lengthSeconds": 11_643, "status": "RECORDED",
        "previewThumbnailURL": "https://static-cdn.jtvnw.net/x-640x360.jpg",
        "owner": {"displayName": "Some Body"},
    })
}

fn clip() -> Value {
    let quality = |quality: &str| {
        let url = format!("http://production.assets.clips.twitchcdn.net/v2/{quality}.mp4");
        json!({"quality": quality, "sourceURL": url})
    };
    json!({
        "id": "396245304", "title": "A clip", "durationSeconds": 32,
        "thumbnailURL": "https://clips-media-assets2.twitch.tv/x.jpg",
        "broadcaster": {"displayName": "EA"},
        "playbackAccessToken": {"signature": "c1", "value": "{\"clip\": 1}"},
        "assets": [{"videoQualities": [quality("1080"), quality("360"), quality("720")]}],
    })
}

fn token(value: &str) -> Value {
    json!({"value": value, "signature": "5160"})
}

/// The API, with an answer to each field that a query can find.
fn api(asked: &Asked, found: &[(&str, Value)]) -> Vec<u8> {
    let operation = operation(asked);
    let field = match operation["operationName"].as_str().expect("a name") {
        "StreamMetadata" | "FilterableVideoTower_Videos" => "user",
        "VideoMetadata" => "video",
        "ShareClipRenderStatus" => "clip",
        "CollectionSideBar" => "collection",
        "PlaybackAccessToken_Template" => match operation["variables"]["isLive"] == true {
            true => "streamPlaybackAccessToken",
            false => "videoPlaybackAccessToken",
        },
        other => panic!("{other}"),
    };
    let found = found.iter().find(|(name, _)| *name == field);
    let found = found.map_or(Value::Null, |(_, value)| value.clone());
    json(&json!({"data": {field: found}}))
}

/// A site on which every query finds that.
async fn world(found: impl Fn() -> Vec<(&'static str, Value)> + Send + Sync + 'static) -> World {
    World::new(move |asked| match &*asked.path {
        API => api(asked, &found()),
        path => panic!("{path}"),
    })
    .await
}

#[tokio::test]
async fn a_live_channel_is_a_stream_as_the_original_has_it() {
    let world = world(|| vec![("user", user())]).await;
    let track = world.track(CHANNEL).await;
    let info = track.info;
    assert_eq!(
        (&*info.identifier, info.uri.as_deref()),
        (CHANNEL, Some(CHANNEL))
    );
    assert_eq!((&*info.title, &*info.author), ("A title", "somebody"));
    assert!(info.is_stream && !info.is_seekable && info.length == UNKNOWN_LENGTH);
    let artwork = "https://static-cdn.jtvnw.net/previews-ttv/live_user_somebody-440x248.jpg";
    assert_eq!(info.artwork_url.as_deref(), Some(artwork));
    assert_eq!((&*info.source_name, track.details), ("twitch", Vec::new()));
    let asked = &world.server.seen()[0];
    let client = asked.header("client-id").expect("told");
    assert_eq!(client, "kimne78kx3ncx6brgo4mv6wki5h1ko");
    assert_eq!(
        operation(asked)["variables"],
        json!({"channelLogin": "somebody"})
    );
}

#[tokio::test]
async fn what_is_off_or_not_there_is_empty() {
    let offline = world(|| {
        let mut user = user();
        user["stream"] = Value::Null;
        vec![("user", user)]
    })
    .await;
    assert_eq!(offline.load(CHANNEL).await, LoadResult::Empty);
    let nothing = world(Vec::new).await;
    let list = "https://www.twitch.tv/somebody/videos";
    let collection = "https://www.twitch.tv/collections/abc";
    for link in [CHANNEL, VIDEO, CLIP, list, collection] {
        assert_eq!(nothing.load(link).await, LoadResult::Empty, "{link}");
    }
}

#[tokio::test]
async fn a_recording_begins_where_its_link_says() {
    let world = world(|| vec![("video", recording("635475444"))]).await;
    for (suffix, position) in [("", 0), ("?t=1h2m3s", 3_723_000), ("?t=9h", 0)] {
        let info = world.track(&format!("{VIDEO}{suffix}")).await.info;
        assert_eq!(
            (&*info.identifier, info.uri.as_deref()),
            (VIDEO, Some(VIDEO))
        );
        assert_eq!(
            (&*info.title, &*info.author),
            ("Recording 635475444", "Some Body")
        );
        assert_eq!((info.length, info.position), (11_643_000, position));
        assert!(info.is_seekable && !info.is_stream);
        let artwork = "https://static-cdn.jtvnw.net/x-640x360.jpg";
        assert_eq!(info.artwork_url.as_deref(), Some(artwork));
    }
}

#[tokio::test]
async fn a_recording_that_is_still_being_made_has_no_end() {
    let world = world(|| {
        let mut video = recording("1");
        video["status"] = "RECORDING".into();
        video["title"] = Value::Null;
        vec![("video", video)]
    })
    .await;
    let info = world.track(&format!("{VIDEO}?t=5")).await.info;
    assert!(info.is_stream && !info.is_seekable);
    assert_eq!((info.length, info.position), (UNKNOWN_LENGTH, 0));
    assert_eq!(info.title, "Unknown title");
}

#[tokio::test]
async fn a_clip_is_a_track_of_its_channel() {
    let world = world(|| vec![("clip", clip())]).await;
    let info = world
        .track("https://m.twitch.tv/ea/clip/Faint-Light_1")
        .await
        .info;
    assert_eq!((&*info.identifier, info.uri.as_deref()), (CLIP, Some(CLIP)));
    assert_eq!(
        (&*info.title, &*info.author, info.length),
        ("A clip", "EA", 32_000)
    );
    assert!(info.is_seekable && !info.is_stream && info.artwork_url.is_some());
}

#[tokio::test]
async fn lists_have_the_recordings_that_can_be_seen() {
    let edges = || json!({"edges": [{"node": recording("2")}, {"node": null}, {"node": {}}, {"node": recording("1")}]});
    let world = world(move || {
        let mut user = user();
        user["videos"] = edges();
        vec![
            ("user", user),
            (
                "collection",
                json!({"title": "A collection", "items": edges()}),
            ),
        ]
    })
    .await;
    for (link, name) in [
        (
            "https://www.twitch.tv/somebody/videos?filter=all",
            "Videos of SomeBody",
        ),
        ("https://www.twitch.tv/collections/abc", "A collection"),
    ] {
        let list = world.playlist(link).await;
        assert_eq!(list.name, name);
        assert_eq!(titles(&list.tracks), ["Recording 2", "Recording 1"]);
    }
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_told_from_one_that_has_changed() {
    for (answer, why) in [
        (
            json(
                &json!({"errors": [{"message": "failed integrity check"}], "data": {"user": null}}),
            ),
            "wants a browser",
        ),
        (
            json(&json!({"errors": [{"message": "service timeout"}]})),
            "wants a browser",
        ),
        (json(&json!({"data": null})), "may have changed"),
        (json(&json!([])), "may have changed"),
        (whole(b"<html>", &[]), "may have changed"),
        (
            response(400, &[("Content-Length", "0")], b""),
            "may have changed",
        ),
        (status(403), "may be blocking"),
    ] {
        let world = World::new(move |_| answer.clone()).await;
        let (message, severity) = world.refused(CHANNEL).await;
        assert!(message.contains(why), "{message}");
        assert_eq!(severity, Severity::Suspicious);
    }
}

/// What usher answers: forms with pictures, and one without.
const MASTER: &str = "#EXTM3U\n\
    #EXT-X-TWITCH-INFO:NODE=\"video-edge-c2c424.sfo03\",SERVER-TIME=\"1704067200.00\"\n\
    #EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"chunked\",NAME=\"1080p60 (source)\",AUTOSELECT=YES,DEFAULT=YES\n\
    #EXT-X-STREAM-INF:BANDWIDTH=8534030,RESOLUTION=1920x1080,CODECS=\"avc1.64002A,mp4a.40.2\",VIDEO=\"chunked\",FRAME-RATE=60.000\n\
    http://video-weaver.sfo03.hls.ttvnw.net/v1/playlist/high.m3u8\n\
    #EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"160p30\",NAME=\"160p\",AUTOSELECT=YES,DEFAULT=YES\n\
    #EXT-X-STREAM-INF:BANDWIDTH=230000,RESOLUTION=284x160,CODECS=\"avc1.4D000C,mp4a.40.2\",VIDEO=\"160p30\",FRAME-RATE=30.000\n\
    http://video-weaver.sfo03.hls.ttvnw.net/v1/playlist/low.m3u8\n\
    #EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"audio_only\",NAME=\"audio_only\",AUTOSELECT=NO,DEFAULT=NO\n\
    #EXT-X-STREAM-INF:BANDWIDTH=160000,CODECS=\"mp4a.40.2\",VIDEO=\"audio_only\"\n\
    http://video-weaver.sfo03.hls.ttvnw.net/v1/playlist/sound.m3u8\n";

/// A list as it is while the site puts an advertisement in, of a stream that has just ended.
const LIST: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n\
    #EXT-X-TWITCH-LIVE-SEQUENCE:7\n#EXT-X-TWITCH-ELAPSED-SECS:10.000\n#EXT-X-TWITCH-TOTAL-SECS:18.000\n\
    #EXT-X-DATERANGE:ID=\"stitched-ad-1\",CLASS=\"twitch-stitched-ad\",START-DATE=\"2026-07-23T00:00:02.000Z\",DURATION=2.002,X-TV-TWITCH-AD-ROLL-TYPE=\"MIDROLL\"\n\
    #EXT-X-PROGRAM-DATE-TIME:2026-07-23T00:00:00.000Z\n#EXTINF:2.000,live\nhttp://video-edge.sfo03.hls.ttvnw.net/v1/segment/7\n\
    #EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-07-23T00:00:02.000Z\n#EXTINF:2.002,Amazon|1\nhttp://video-edge.sfo03.hls.ttvnw.net/v1/segment/8\n\
    #EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-07-23T00:00:04.002Z\n#EXTINF:2.000,live\nhttp://video-edge.sfo03.hls.ttvnw.net/v1/segment/9\n\
    #EXT-X-TWITCH-PREFETCH:http://video-edge.sfo03.hls.ttvnw.net/v1/segment/10\n#EXT-X-ENDLIST\n";

fn segment(number: &str) -> Vec<u8> {
    number.repeat(1000).into_bytes()
}

fn stream(id: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("user", user()),
        ("video", recording(id)),
        ("streamPlaybackAccessToken", token(TOKEN)),
        ("videoPlaybackAccessToken", token(TOKEN)),
    ]
}

/// A site that sends; `refuses` is asked first.
async fn sending(refuses: impl Fn(&Asked) -> Option<Vec<u8>> + Send + Sync + 'static) -> World {
    World::new(move |asked| {
        if let Some(refusal) = refuses(asked) {
            return refusal;
        }
        let path = &*asked.path;
        match path.rsplit_once('/').expect("a path") {
            _ if path == API => api(asked, &stream("635475444")),
            ("http://usher.ttvnw.net/api/channel/hls", rest)
                if rest.starts_with("somebody.m3u8?") =>
            {
                whole(MASTER.as_bytes(), &[])
            }
            ("http://usher.ttvnw.net/vod", rest) if rest.starts_with("635475444.m3u8?") => {
                whole(MASTER.as_bytes(), &[])
            }
            (_, "sound.m3u8") => whole(LIST.as_bytes(), &[]),
            ("http://video-edge.sfo03.hls.ttvnw.net/v1/segment", number) => {
                ranged(asked, &segment(number))
            }
            _ => panic!("{path}"),
        }
    })
    .await
}

#[tokio::test]
async fn sound_alone_is_played_through_advertisements() {
    for link in [CHANNEL, VIDEO] {
        let world = sending(|_| None).await;
        let track = world.track(link).await;
        let media = world.registry.open(&track).expect("it can be played");
        let mut reader = Reader::new(media.window);
        for number in [7, 8, 9] {
            let section = reader.section().await.expect("there");
            assert!(
                section == (number, segment(&number.to_string())),
                "{number}"
            );
        }
        let usher = world.asked().into_iter().find(|url| url.contains("usher"));
        let usher = url::Url::parse(&usher.expect("asked")).expect("a URL");
        let query: Vec<_> = usher.query_pairs().collect();
        for (name, value) in [
            ("token", TOKEN),
            ("sig", "5160"),
            ("allow_audio_only", "true"),
        ] {
            assert!(query.contains(&(name.into(), value.into())), "{name}");
        }
    }
}

#[tokio::test]
async fn a_link_that_expires_is_found_anew_with_another_token() {
    let world = sending(|asked| {
        let is_lost = asked.path.ends_with("/segment/8") && asked.before == 0;
        is_lost.then(|| status(403))
    })
    .await;
    let track = world.track(VIDEO).await;
    let media = world.registry.open(&track).expect("it can be played");
    let mut reader = Reader::new(media.window);
    for number in [7, 8, 9] {
        let section = reader.section().await.expect("there");
        assert!(
            section == (number, segment(&number.to_string())),
            "{number}"
        );
    }
    let tokens = world.server.seen().into_iter().filter(|asked| {
        asked.path == API && operation(asked)["operationName"] == "PlaybackAccessToken_Template"
    });
    assert_eq!(tokens.count(), 2);
    assert_eq!(world.count("usher.ttvnw.net"), 2);
}

#[tokio::test]
async fn what_cannot_be_heard_says_why() {
    let error = |status: u16, code: &str| {
        let body =
            json!([{"type": "error", "error": "Manifest is restricted", "error_code": code}]);
        response(
            status,
            &[
                ("Content-Type", "application/json"),
                ("Content-Length", &body.to_string().len().to_string()),
            ],
            body.to_string().as_bytes(),
        )
    };
    for (link, answer, why, severity) in [
        (
            VIDEO,
            error(403, "vod_manifest_restricted"),
            "subscribers",
            Severity::Common,
        ),
        (
            CHANNEL,
            error(403, "unauthorized_entitlements"),
            "subscribers",
            Severity::Common,
        ),
        (
            CHANNEL,
            error(403, "content_geoblocked"),
            "country",
            Severity::Common,
        ),
        (
            CHANNEL,
            error(404, "transcode_does_not_exist"),
            "not live",
            Severity::Common,
        ),
        (
            VIDEO,
            status(404),
            "not available any more",
            Severity::Common,
        ),
        (VIDEO, status(403), "may be blocking", Severity::Suspicious),
        (
            VIDEO,
            whole(b"<html>", &[]),
            "may have changed",
            Severity::Suspicious,
        ),
    ] {
        let world =
            sending(move |asked| asked.path.contains("usher").then(|| answer.clone())).await;
        let track = world.track(link).await;
        let (message, told) = told(world.sound(&track).await.expect_err(why));
        assert!(message.contains(why), "{message}");
        assert_eq!(told, severity, "{message}");
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_not_used() {
    let forbidden =
        r#"{"authorization": {"forbidden": true, "reason": "x"}, "geoblock_reason": ""}"#;
    for (found, why, severity) in [
        (token(forbidden), "without an account", Severity::Common),
        (
            token(r#"{"geoblock_reason": "anonymizer_blocked"}"#),
            "of a proxy",
            Severity::Common,
        ),
        (
            token(r#"{"geoblock_reason": "x"}"#),
            "country",
            Severity::Common,
        ),
        (Value::Null, "not live", Severity::Common),
        (
            json!({"value": TOKEN}),
            "may have changed",
            Severity::Suspicious,
        ),
    ] {
        let world = world(move || {
            vec![
                ("user", user()),
                ("streamPlaybackAccessToken", found.clone()),
            ]
        })
        .await;
        let track = world.track(CHANNEL).await;
        let (message, told) = told(world.sound(&track).await.expect_err(why));
        assert!(message.contains(why), "{message}");
        assert_eq!(told, severity, "{message}");
        assert_eq!(world.count("usher"), 0);
    }
}

#[tokio::test]
async fn the_smallest_file_of_a_clip_is_played_and_found_anew() {
    let sound = segment("abc");
    let world = World::new(move |asked| match &*asked.path {
        API => api(asked, &[("clip", clip())]),
        path if path.starts_with("http://production.assets.clips.twitchcdn.net/v2/360.mp4?") => {
            assert!(
                path.contains("sig=c1") && path.contains("token=%7B%22clip%22"),
                "{path}"
            );
            match asked.before {
                0 => status(403),
                _ => ranged(asked, &sound),
            }
        }
        path => panic!("{path}"),
    })
    .await;
    let track = world.track(CLIP).await;
    assert!(world.sound(&track).await.expect("sound") == segment("abc"));
}

#[tokio::test]
async fn identifiers_of_clients_lead_nowhere_else() {
    let world = world(Vec::new).await;
    for identifier in [
        "https://evil.example/videos/1",
        "https://www.twitch.tv/somebody/videos",
        "https://www.twitch.tv/collections/abc",
        "somebody",
        "",
    ] {
        let track = Track::sample(identifier, "twitch");
        let failure = world.registry.open(&track).err().expect(identifier);
        assert_eq!(failure.severity, Severity::Common);
    }
    assert_eq!(world.asked().len(), 0);
}
