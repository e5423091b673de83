//! Owns: what reading answers of yt-dlp is held to. They have the shape of real ones of 2026.10.26, written by hand.
//! Never knows: how they come in.

use super::*;
use crate::source::site::data::SiteData;
use serde_json::json;

fn read(value: &Value) -> Answer {
    super::read(value, &SiteData::built_in().ytdlp).expect("an answer")
}

fn video(value: &Value) -> Video {
    match read(value) {
        Answer::Video(video) => *video,
        other => panic!("{other:?}"),
    }
}

fn format(id: &str, more: &Value) -> Value {
    let mut format = json!({
        "format_id": id, "url": format!("https://media.example/{id}"), "protocol": "https",
        "acodec": "mp4a.40.2", "vcodec": "none",
    });
    let into = format.as_object_mut().expect("an object");
    into.extend(more.as_object().expect("an object").clone());
    format
}

fn with_formats(formats: &[Value]) -> Value {
    json!({
        "id": "1", "title": "T", "webpage_url": "https://site.example/1", "duration": 1.5,
        "epoch": 1000, "formats": formats, "_type": "video",
    })
}

fn ids(value: &Value) -> Vec<String> {
    let forms = video(value).forms.into_iter();
    forms.map(|form| form.id).collect()
}

#[test]
fn a_video_is_a_track() {
    let found = video(&json!({
        "id": "x1", "title": "A song", "uploader": "Somebody", "duration": 212.64, "is_live": false,
        "webpage_url": "https://site.example/watch/x1", "original_url": "https://short.example/x1",
        "thumbnail": "https://img.example/x1.jpg", "formats": [], "_type": "video",
    }));
    let wanted = TrackInfo {
        identifier: "https://site.example/watch/x1".into(),
        is_seekable: true,
        author: "Somebody".into(),
        length: 212_640,
        is_stream: false,
        position: 0,
        title: "A song".into(),
        uri: Some("https://site.example/watch/x1".into()),
        artwork_url: Some("https://img.example/x1.jpg".into()),
        isrc: None,
        source_name: "ytdlp".into(),
    };
    assert_eq!(found.track.info, wanted);
    assert!(found.forms.is_empty() && !found.is_direct && !found.is_live);
}

#[test]
fn artists_come_before_uploaders_and_pictures_from_where_they_are() {
    let mut value = with_formats(&[]);
    value["artists"] = json!(["A", "B"]);
    value["uploader"] = json!("Channel");
    value["thumbnails"] = json!([{"url": "https://i/small"}, {"url": "https://i/large"}]);
    let info = video(&value).track.info;
    assert_eq!(info.author, "A, B");
    assert_eq!(info.artwork_url.as_deref(), Some("https://i/large"));
    value["artists"] = json!([]);
    assert_eq!(video(&value).track.info.author, "Channel");
}

#[test]
fn what_is_live_or_has_no_length_is_a_stream() {
    let mut value = with_formats(&[]);
    value["duration"] = Value::Null;
    let found = video(&value);
    assert!(found.track.info.is_stream && !found.is_live);
    assert_eq!(found.track.info.length, UNKNOWN_LENGTH);
    value["duration"] = json!(5);
    value["live_status"] = json!("is_live");
    let found = video(&value);
    assert!(found.track.info.is_stream && found.is_live);
}

#[test]
fn sound_alone_is_preferred_and_opus_to_all() {
    let value = with_formats(&[
        format(
            "storyboard",
            &json!({ "protocol": "mhtml", "acodec": "none" }),
        ),
        format("m4a-low", &json!({ "abr": 48 })),
        format("m4a", &json!({ "abr": 128 })),
        format("opus-low", &json!({ "acodec": "opus" })),
        format("opus", &json!({ "acodec": "opus" })),
        format("hls", &json!({ "protocol": "m3u8_native" })),
        format("dash", &json!({ "protocol": "http_dash_segments" })),
        format("film", &json!({ "vcodec": "avc1", "height": 360 })),
        format("silent", &json!({ "vcodec": "avc1", "acodec": "none" })),
        format("locked", &json!({ "has_drm": true })),
    ]);
    assert_eq!(
        ids(&value),
        ["opus", "opus-low", "m4a", "m4a-low", "hls", "film"]
    );
}

#[test]
fn pictures_that_are_thrown_away_should_be_small() {
    let film = |id: &str, height: i64| format(id, &json!({ "vcodec": "avc1", "height": height }));
    let value = with_formats(&[
        film("240", 240),
        film("480", 480),
        film("720", 720),
        film("1080", 1080),
    ]);
    assert_eq!(ids(&value), ["480", "240", "720", "1080"]);
}

#[test]
fn the_language_of_the_original_wins() {
    let of = |id: &str, preference: i64| {
        format(
            id,
            &json!({ "language_preference": preference, "acodec": "opus" }),
        )
    };
    let original = format("original", &json!({ "language_preference": 10 }));
    let value = with_formats(&[of("dubbed", -1), original, of("also dubbed", -10)]);
    assert_eq!(ids(&value)[0], "original");
}

#[test]
fn headers_and_cookies_go_along() {
    let value = with_formats(&[format(
        "1",
        &json!({
            "http_headers": {
                "User-Agent": "Mozilla/5.0", "Referer": "https://site.example/", "Range": "bytes=0-", "Host": "evil",
                "bad name": "x", "Bad-Value": "a\nb",
            },
            "cookies": "sid=abc; Domain=.site.example; Path=/; Secure; Expires=1803000000; tok=\"x=y\"; Domain=.a; Path=/",
        }),
    )]);
    let link = video(&value).forms.remove(0).link;
    let mut names: Vec<_> = link.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["cookie", "referer", "user-agent"]);
    assert_eq!(link.headers["cookie"], "sid=abc; tok=\"x=y\"");
}

#[test]
fn links_hold_until_they_say() {
    let lifetime = |query: &str| {
        let url = format!("https://media.example/a?{query}");
        let value = with_formats(&[format("1", &json!({ "url": url }))]);
        video(&value).forms.remove(0).lifetime
    };
    assert_eq!(lifetime("expire=4660&x=1"), Some(Duration::from_secs(3600)));
    assert_eq!(lifetime("Expires=900"), Some(Duration::ZERO));
    assert_eq!(lifetime("x=1"), None);
    assert_eq!(lifetime("expire=soon"), None);
}

#[test]
fn a_file_has_itself_for_a_format() {
    let found = video(&json!({
        "id": "a", "title": "a", "direct": true, "url": "http://site.example/a.mp3", "ext": "mp3", "protocol": "http",
        "webpage_url": "http://site.example/a.mp3", "extractor": "generic",
    }));
    assert!(found.is_direct);
    assert_eq!(found.forms.len(), 1);
}

#[test]
fn lists_and_searches_are_told_apart() {
    let entry = |id: &str| {
        json!({
            "_type": "url", "id": id, "url": format!("https://site.example/{id}"), "title": id, "duration": 60,
            "channel": "C", "thumbnails": [{"url": "https://i/1"}],
        })
    };
    let mut value = json!({
        "_type": "playlist", "id": "PL", "title": "A list", "extractor": "site:playlist",
        "entries": [entry("a"), null, entry("b"), {"_type": "url", "title": "nowhere"}],
    });
    let Answer::List { name, tracks } = read(&value) else {
        panic!("no list");
    };
    let ids: Vec<_> = tracks.iter().map(|it| &*it.info.identifier).collect();
    assert_eq!(name, "A list");
    assert_eq!(ids, ["https://site.example/a", "https://site.example/b"]);
    assert_eq!(
        (tracks[0].info.length, &*tracks[0].info.author),
        (60_000, "C")
    );
    value["extractor"] = json!("youtube:search");
    assert!(matches!(read(&value), Answer::Hits(hits) if hits.len() == 2));
    value["entries"] = json!([]);
    assert_eq!(read(&value), Answer::Nothing);
}

#[test]
fn a_page_with_one_player_is_what_that_plays() {
    let page = |entry: Value| json!({ "_type": "playlist", "id": "page", "title": "Page", "extractor": "generic", "entries": [entry] });
    let elsewhere =
        json!({ "_type": "url", "url": "https://www.youtube.com/watch?v=x", "ie_key": "Youtube" });
    let wanted = Answer::Elsewhere("https://www.youtube.com/watch?v=x".into());
    assert_eq!(read(&page(elsewhere)), wanted);
    let here = page(with_formats(&[format("1", &json!({}))]));
    assert!(matches!(read(&here), Answer::Video(_)));
    assert_eq!(read(&page(Value::Null)), Answer::Nothing);
}

#[test]
fn elsewhere_is_an_address_and_nothing_that_another_source_would_take_for_its_own() {
    for text in [
        "/etc/passwd",
        "file:///etc/passwd",
        "ytsearch:words",
        "C:\\x",
    ] {
        let value = json!({ "_type": "url", "url": text });
        assert_eq!(read(&value), Answer::Nothing, "{text}");
    }
}

#[test]
fn players_on_one_page_are_told_apart() {
    let player = |id: &str| with_formats(&[format(id, &json!({}))]);
    let value = json!({
        "_type": "playlist", "id": "page", "title": "Page", "extractor": "generic",
        "webpage_url": "https://site.example/1", "entries": [player("a"), player("b"), with_formats(&[])],
    });
    let Answer::List { tracks, .. } = read(&value) else {
        panic!("no list");
    };
    let ids: Vec<_> = tracks.iter().map(|it| &*it.info.identifier).collect();
    assert_eq!(ids, ["https://media.example/a", "https://media.example/b"]);
    assert_eq!(
        tracks[0].info.uri.as_deref(),
        Some("https://site.example/1")
    );
}

#[test]
fn what_is_no_answer_is_an_error() {
    for value in [
        json!({}),
        json!([]),
        json!({ "_type": "playlist" }),
        json!({ "_type": "url" }),
    ] {
        let read = super::read(&value, &SiteData::built_in().ytdlp);
        assert!(read.is_err(), "{value}");
    }
    let nowhere = json!({ "id": "1", "title": "T" });
    assert_eq!(read(&nowhere), Answer::Nothing);
}
