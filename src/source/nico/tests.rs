//! Owns: what the `niconico` source is held to. There are no recordings of this site: the servers here are written from the
//! shapes in yt-dlp's extractors and in libraries for the site's API.
//! Never knows: how it works inside.

use super::{cookies, session};
use crate::{
    error::Severity,
    media::testing::Reader,
    net::testing::{Asked, ranged, response, whole},
    source::{
        Settings,
        site::testing::{World, html, json, status, titles, told},
    },
    track::{LoadResult, Track},
};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

const PAGE: &str = "https://www.nicovideo.jp/watch/sm9";
const WATCH: &str = "http://www.nicovideo.jp/api/watch/v3_guest/sm9?actionTrackId=";

fn data() -> Value {
    json!({
        "client": {"nicosid": "1.2", "watchTrackId": "ABCDEFGHIJ_1700000000000"},
        "media": {"domand": {
            "accessRightKey": "a.right.key",
            "videos": [
                {"id": "video-h264-1080p", "isAvailable": false, "bitRate": 1},
                {"id": "video-h264-720p", "isAvailable": true, "bitRate": 2_000_000},
                {"id": "video-h264-360p", "isAvailable": true, "bitRate": 700_000},
            ],
            "audios": [
                {"id": "audio-aac-64kbps", "isAvailable": true, "bitRate": 64_000, "samplingRate": 44_100},
                {"id": "audio-aac-192kbps", "isAvailable": true, "bitRate": 192_000, "samplingRate": 48_000},
                {"id": "audio-aac-320kbps", "isAvailable": false, "bitRate": 320_000},
            ],
        }},
        "owner": {"id": 4, "nickname": "Some Body"},
        "channel": null,
        "payment": {"video": {"isPpv": false, "isAdmission": false, "isPremium": false}},
        "video": {
            "id": "sm9", "title": "A video", "duration": 320,
            "thumbnail": {"url": "https://nicovideo.cdn.nimg.jp/thumbnails/9/9", "largeUrl": "https://x/L"},
        },
    })
}

fn found(data: &Value) -> Vec<u8> {
    json(&json!({"meta": {"status": 200}, "data": data}))
}

fn refusal(status: u16, code: &str, reason: &str) -> Vec<u8> {
    let body = json!({
        "meta": {"status": status, "errorCode": code}, "data": {"reasonCode": reason},
    });
    let body = body.to_string();
    let len = body.len().to_string();
    response(status, &[("Content-Length", &len)], body.as_bytes())
}

async fn world(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> World {
    World::with(answer, |settings| Settings {
        nico: true,
        ..settings
    })
    .await
}

#[tokio::test]
async fn a_video_is_told_as_the_original_has_it() {
    let world = world(|_| found(&data())).await;
    let track = world.track("nicovideo.jp/watch/sm9?from=60").await;
    let info = track.info;
    assert_eq!(
        (&*info.identifier, info.uri.as_deref()),
        ("sm9", Some(PAGE))
    );
    assert_eq!((&*info.title, &*info.author), ("A video", "Some Body"));
    assert_eq!((info.length, info.position), (320_000, 60_000));
    assert!(info.is_seekable && !info.is_stream);
    let artwork = "https://nicovideo.cdn.nimg.jp/thumbnails/9/9";
    assert_eq!(info.artwork_url.as_deref(), Some(artwork));
    assert_eq!(
        (&*info.source_name, track.details),
        ("niconico", Vec::new())
    );
    let asked = &world.server.seen()[0];
    let name = asked.path.strip_prefix(WATCH).expect("asked");
    let (letters, time) = name.split_once('_').expect("two parts");
    assert_eq!((letters.len(), time.len()), (10, 13));
    assert_eq!(asked.header("x-frontend-id"), Some("6"));
    // the site answers 406 to those who want JSON
    assert_eq!(asked.header("accept"), Some("*/*"));
}

#[tokio::test]
async fn a_video_of_a_channel_has_its_name() {
    let mut data = data();
    data["owner"] = Value::Null;
    data["channel"] = json!({"id": "ch1", "name": "A channel"});
    let world = world(move |_| found(&data)).await;
    assert_eq!(world.track(PAGE).await.info.author, "A channel");
}

#[tokio::test]
async fn what_is_not_there_is_empty() {
    for answer in [
        refusal(404, "NOT_FOUND", ""),
        refusal(400, "INVALID_PARAMETER", ""),
        status(404),
    ] {
        let is_told = answer.ends_with(b"}");
        let world = world(move |_| answer.clone()).await;
        match is_told {
            true => assert_eq!(world.load(PAGE).await, LoadResult::Empty),
            // the API itself is gone
            false => assert_eq!(world.refused(PAGE).await.1, Severity::Suspicious),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_played_says_why() {
    for (answer, why, severity) in [
        (
            refusal(403, "FORBIDDEN", "DOMESTIC_VIDEO"),
            "country",
            Severity::Common,
        ),
        (
            refusal(403, "FORBIDDEN", "HIGH_RISK_COUNTRY_VIDEO"),
            "country",
            Severity::Common,
        ),
        (
            refusal(403, "FORBIDDEN", "CHANNEL_MEMBER_ONLY"),
            "its channel",
            Severity::Common,
        ),
        (
            refusal(403, "FORBIDDEN", "PREMIUM_ONLY"),
            "premium",
            Severity::Common,
        ),
        (
            refusal(403, "FORBIDDEN", "PPV_VIDEO"),
            "paid",
            Severity::Common,
        ),
        (
            refusal(403, "FORBIDDEN", "HARMFUL_VIDEO"),
            "logged in",
            Severity::Common,
        ),
        (
            refusal(403, "FORBIDDEN", "HIDDEN_VIDEO"),
            "private",
            Severity::Common,
        ),
        (
            refusal(403, "FORBIDDEN", "ADMINISTRATOR_DELETE_VIDEO"),
            "deleted",
            Severity::Common,
        ),
        (
            refusal(404, "NOT_FOUND", "RIGHT_HOLDER_DELETE_VIDEO"),
            "deleted",
            Severity::Common,
        ),
        (
            refusal(403, "FORBIDDEN", "NOT_ALLOWED"),
            "refuses",
            Severity::Suspicious,
        ),
        (
            refusal(400, "MAINTENANCE", ""),
            "maintenance",
            Severity::Suspicious,
        ),
        (status(403), "may be blocking", Severity::Suspicious),
        (
            html("<html></html>"),
            "may have changed",
            Severity::Suspicious,
        ),
        (
            json(&json!({"meta": {"status": 200}})),
            "may have changed",
            Severity::Suspicious,
        ),
    ] {
        let world = world(move |_| answer.clone()).await;
        let (message, told) = world.refused(PAGE).await;
        assert!(message.contains(why), "{why}: {message}");
        assert_eq!(told, severity, "{message}");
    }
}

#[tokio::test]
async fn what_only_members_hear_is_refused_before_it_is_in_a_queue() {
    for (flag, why) in [
        ("isPremium", "premium"),
        ("isAdmission", "its channel"),
        ("isPpv", "paid"),
        ("isContinuationBenefit", "paid"),
        ("x", "in no form"),
    ] {
        let mut data = data();
        data["media"]["domand"] = Value::Null;
        data["payment"]["video"][flag] = true.into();
        let world = world(move |_| found(&data)).await;
        let (message, severity) = world.refused(PAGE).await;
        assert!(message.contains(why), "{why}: {message}");
        assert_eq!(severity, Severity::Common);
    }
}

const MASTER: &str =
    "http://delivery.domand.nicovideo.jp/hlsbid/x/playlists/variants/1.m3u8?Policy=x";
const SOUND: &str =
    "http://delivery.domand.nicovideo.jp/hlsbid/x/playlists/media/audio-aac-192kbps.m3u8";

/// A site that sends; `answer` is asked first.
async fn sending(answer: impl Fn(&Asked) -> Option<Vec<u8>> + Send + Sync + 'static) -> World {
    world(move |asked| {
        if let Some(answer) = answer(asked) {
            return answer;
        }
        match &*asked.path {
            path if path.starts_with(WATCH) => found(&data()),
            "http://nvapi.nicovideo.jp/v1/watch/sm9/access-rights/hls?actionTrackId=ABCDEFGHIJ_1700000000000" => {
                let body = json!({"meta": {"status": 201}, "data": {"contentUrl": MASTER}}).to_string();
                let len = body.len().to_string();
                let headers = [
                    ("Content-Length", &*len),
                    ("Set-Cookie", "nicosid=1.2; Path=/; Domain=nicovideo.jp"),
                    ("Set-Cookie", "domand_bid=abc; Path=/; Domain=.nicovideo.jp; HttpOnly; Secure"),
                ];
                response(201, &headers, body.as_bytes())
            }
            // without the cookie, the lists are refused
            path if asked.header("cookie") != Some("nicosid=1.2; domand_bid=abc") => {
                assert!(path.contains("domand.nicovideo.jp"), "{path}");
                status(403)
            }
            MASTER => whole(
                format!(
                    "#EXTM3U\n#EXT-X-VERSION:6\n\
                    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio-aac-192kbps\",NAME=\"Main Audio\",DEFAULT=YES,URI=\"{SOUND}\"\n\
                    #EXT-X-STREAM-INF:BANDWIDTH=892000,CODECS=\"avc1.4d401f,mp4a.40.2\",RESOLUTION=640x360,AUDIO=\"audio-aac-192kbps\"\n\
                    http://delivery.domand.nicovideo.jp/hlsbid/x/playlists/media/video-h264-360p.m3u8\n"
                )
                .as_bytes(),
                &[],
            ),
            SOUND => whole(
                b"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1\n\
                #EXT-X-MAP:URI=\"http://asset.domand.nicovideo.jp/x/init01.cmfa\"\n\
                #EXTINF:6,\nhttp://asset.domand.nicovideo.jp/x/01.cmfa\n\
                #EXTINF:6,\nhttp://asset.domand.nicovideo.jp/x/02.cmfa\n#EXT-X-ENDLIST\n",
                &[],
            ),
            "http://asset.domand.nicovideo.jp/x/init01.cmfa" => ranged(asked, b"init"),
            "http://asset.domand.nicovideo.jp/x/01.cmfa" => ranged(asked, b"one"),
            "http://asset.domand.nicovideo.jp/x/02.cmfa" => ranged(asked, b"two"),
            path => panic!("{path}"),
        }
    })
    .await
}

#[tokio::test]
async fn the_sound_is_played_with_the_cookies_of_its_right() {
    // the second piece has expired once
    let world = sending(|asked| {
        let is_lost = asked.path.ends_with("/02.cmfa") && asked.before == 0;
        is_lost.then(|| status(403))
    })
    .await;
    let track = world.track(PAGE).await;
    let media = world.registry.open(&track).expect("it can be played");
    let mut reader = Reader::new(media.window);
    for (number, bytes) in [(1, b"initone"), (2, b"inittwo")] {
        let section = reader.section().await.expect("there");
        assert_eq!(section, (number, bytes.to_vec()));
    }
    let seen = world.server.seen();
    let rights: Vec<_> = seen
        .iter()
        .filter(|it| it.path.contains("access-rights"))
        .collect();
    assert_eq!(rights.len(), 2);
    let wanted = json!({"outputs": [["video-h264-360p", "audio-aac-192kbps"]]});
    assert_eq!(
        serde_json::from_slice::<Value>(&rights[0].body).expect("JSON"),
        wanted
    );
    for (name, value) in [
        ("x-access-right-key", "a.right.key"),
        ("x-request-with", "https://www.nicovideo.jp"),
        ("x-frontend-id", "6"),
    ] {
        assert_eq!(rights[0].header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_right_that_is_none_is_not_used() {
    let elsewhere =
        json!({"meta": {"status": 201}, "data": {"contentUrl": "http://evil.example/x.m3u8"}});
    for (answer, why, severity) in [
        (json(&elsewhere), "may have changed", Severity::Suspicious),
        (
            json(&json!({"meta": {"status": 201}, "data": {}})),
            "may have changed",
            Severity::Suspicious,
        ),
        (
            refusal(400, "INVALID_PARAMETER", ""),
            "not available any more",
            Severity::Common,
        ),
        (
            refusal(403, "FORBIDDEN", ""),
            "refuses",
            Severity::Suspicious,
        ),
    ] {
        let world =
            sending(move |asked| asked.path.contains("access-rights").then(|| answer.clone()))
                .await;
        let failure = world.sound(&Track::sample("sm9", "niconico")).await;
        let (message, told) = told(failure.expect_err(why));
        assert!(message.contains(why), "{message}");
        assert_eq!(told, severity, "{message}");
        assert_eq!(world.count("evil.example"), 0);
    }
}

#[tokio::test]
async fn lists_are_read_page_by_page_without_what_is_hidden() {
    fn item(number: usize, status: &str) -> Value {
        json!({"watchId": format!("sm{number}"), "status": status, "video": {
            "id": format!("sm{number}"), "title": format!("Video {number}"), "duration": 10,
            "thumbnail": {"url": "https://x/t"}, "owner": {"name": "Some Body"},
        }})
    }
    let world = world(|asked| {
        let items: Vec<Value> = match asked.path.contains("page=1&pageSize=100") {
            true => (0..100).map(|number| item(number, "public")).collect(),
            false => vec![item(100, "deleted"), item(101, "public"), json!({})],
        };
        match asked.path.contains("/v2/mylists/27411728?") {
            true => found(&json!({"mylist": {"name": "A list", "items": items}})),
            false => found(&json!({"detail": {"title": "A series"}, "items": items})),
        }
    })
    .await;
    for (link, name) in [
        ("https://www.nicovideo.jp/user/1/mylist/27411728", "A list"),
        ("https://nico.ms/series/203559", "A series"),
    ] {
        let list = world.playlist(link).await;
        assert_eq!((&*list.name, list.tracks.len()), (name, 101));
        assert_eq!(titles(&list.tracks)[99..], ["Video 99", "Video 101"]);
        assert_eq!(list.tracks[0].info.author, "Some Body");
    }
    assert_eq!(world.asked().len(), 4);
}

#[tokio::test]
async fn identifiers_of_clients_lead_nowhere_else() {
    let world = world(|_| status(404)).await;
    for identifier in ["https://evil.example/watch/sm9", "sm9/../x", "x", ""] {
        let track = Track::sample(identifier, "niconico");
        let failure = world.registry.open(&track).err().expect(identifier);
        assert_eq!(failure.severity, Severity::Common);
    }
    assert_eq!(world.asked().len(), 0);
}

#[test]
fn a_name_has_ten_letters_and_the_time() {
    assert_eq!(session(0, 1_700_000_000_000), "AAAAAAAAAA_1700000000000");
    assert_eq!(session(27, 1), "BBAAAAAAAA_1");
}

#[test]
fn cookies_are_sent_back_and_never_printed() {
    let mut given = HeaderMap::new();
    assert!(cookies(&given).is_empty());
    given.append(header::SET_COOKIE, HeaderValue::from_static("a=b; Path=/"));
    given.append(header::SET_COOKIE, HeaderValue::from_static("c=d"));
    let sent = cookies(&given);
    assert_eq!(sent[header::COOKIE], "a=b; c=d");
    assert!(!format!("{sent:?}").contains("a=b"));
    let large = HeaderValue::try_from("x".repeat(10_000)).expect("a header");
    given.append(header::SET_COOKIE, large);
    assert!(cookies(&given).is_empty());
}
