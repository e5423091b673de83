//! Owns: what the `http` source is held to (reference, 6.5 and R.1).
//! Never knows: how a container is read.

use super::*;
use crate::{
    error::Severity,
    media::testing::Reader,
    net::testing::{Server, Step, quick, response, whole},
    source::{Registry, Settings, YtDlpSettings},
    track::UNKNOWN_LENGTH,
};

/// A second and a half of silence: MPEG 1, layer III, 128 kbit/s, 44.1 kHz; 1152 samples and 417 bytes a frame.
fn mp3() -> Vec<u8> {
    let mut frame = vec![0; 417];
    frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x64]);
    frame.repeat(58)
}

fn registry() -> Registry {
    Registry::new(Settings {
        // it knows `ytsearch:`
        youtube: None,
        network: quick(),
        ytdlp: YtDlpSettings::off(),
        ..Settings::default()
    })
}

async fn load(url: &str) -> Result<LoadResult, Failure> {
    registry().load(url).await
}

async fn track(url: &str) -> Track {
    match load(url).await {
        Ok(LoadResult::Track(track)) => *track,
        other => panic!("{other:?}"),
    }
}

async fn refused(url: &str) -> (String, Severity) {
    let failure = load(url).await.expect_err("refused");
    (failure.message, failure.severity)
}

async fn server() -> Server {
    Server::start(|asked| {
        let redirect = |to: &str| response(302, &[("Location", to), ("Content-Length", "0")], b"");
        let typed = |mime: &str, body: &[u8]| whole(body, &[("Content-Type", mime)]);
        let answer = match asked.path.as_str() {
            "/a.mp3" | "/list/b.mp3" | "/a%20b.mp3" => typed("audio/mpeg", &mp3()),
            "/to" => redirect("/a.mp3"),
            "/away" => redirect("file:///etc/passwd"),
            "/list/l.m3u" => typed("audio/x-mpegurl", b"#EXTM3U\n#EXTINF:30,Listed\nb.mp3\n"),
            "/l.pls" => typed(
                "audio/x-scpls",
                b"[playlist]\nFile1=/list/l.m3u\nTitle1=Outer\n",
            ),
            "/etc.pls" => typed("audio/x-scpls", b"[playlist]\nFile1=file:///etc/passwd\n"),
            "/live" => typed(
                "x/y",
                b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\na.ts\n",
            ),
            "/vod/list" => typed(
                "x/y",
                b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\na.ts\n#EXTINF:0.2505,\nb.ts\n\
                #EXT-X-ENDLIST\n",
            ),
            "/master" => typed(
                "x/y",
                b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"mp4a.40.2\"\nvod/list\n",
            ),
            "/mute" => typed(
                "x/y",
                b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1\"\nvod/list\n",
            ),
            "/drm" => typed(
                "x/y",
                b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n\
                #EXTINF:3,\na.ts\n",
            ),
            "/garbage" => typed("x/y", &[7; 4096]),
            "/empty" => typed("x/y", b""),
            "/html" => typed("text/html", b"<!doctype html><html></html>"),
            "/icy" | "/icy-description" => {
                let mut headers = vec![("icy-name", "Station"), ("icy-url", "http://s/")];
                if asked.path == "/icy-description" {
                    headers.push(("icy-description", "All d\u{E4}y"));
                }
                headers.push(("Content-Type", "audio/mpeg; charset=x"));
                let mut answer = response(200, &headers, &mp3());
                answer.extend(mp3());
                answer
            }
            "/slow" => return vec![Step::Wait(quick().read_timeout * 30), Step::Hang],
            path => response(
                path[1..].parse().unwrap_or(404),
                &[("Content-Length", "0")],
                b"",
            ),
        };
        vec![Step::Send(answer)]
    })
    .await
}

#[tokio::test]
async fn a_track_has_all_that_is_known() {
    let server = server().await;
    let url = server.url("/a.mp3");
    let track = track(&url).await;
    let info = &track.info;
    assert_eq!((&info.identifier, info.uri.as_ref()), (&url, Some(&url)));
    assert_eq!(
        (info.title.as_str(), info.author.as_str()),
        ("Unknown title", "Unknown artist")
    );
    // 58 frames of 1152 samples, less what an encoder's delay would be
    assert!((1480..=1516).contains(&info.length), "{}", info.length);
    assert!(!info.is_stream && info.is_seekable);
    assert_eq!((info.source_name.as_str(), info.position), ("http", 0));
    assert_eq!(track.plugin_info["probeInfo"], "mp3");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_loaded_track_can_be_fetched() {
    let server = server().await;
    let registry = registry();
    let track = track(&server.url("/a.mp3")).await;
    let media = registry.open(&track).expect("its own");
    assert_eq!(media.hint.extension.as_deref(), Some("mp3"));
    assert_eq!(Reader::new(media.window).rest().await.expect("all"), mp3());
}

#[tokio::test]
async fn the_identifier_is_the_final_url() {
    let server = server().await;
    let target = server.url("/a.mp3");
    assert_eq!(track(&server.url("/to")).await.info.identifier, target);
    let icy = target.replace("http://", "icy://");
    assert_eq!(track(&icy).await.info.identifier, target);
    let escaped = server.url("/a%20b.mp3");
    assert_eq!(track(&escaped).await.info.identifier, escaped);
}

#[tokio::test]
async fn playlists_lead_to_their_first_link() {
    let server = server().await;
    let found = track(&server.url("/l.pls")).await;
    assert_eq!(found.info.identifier, server.url("/list/b.mp3"));
    assert_eq!(found.info.title, "Listed");
}

#[tokio::test]
async fn nothing_from_the_network_leads_to_local_files() {
    let server = server().await;
    assert!(load(&server.url("/away")).await.is_err());
    assert!(load(&server.url("/etc.pls")).await.is_err());
}

#[tokio::test]
async fn statuses_mean_what_they_mean_in_the_original() {
    let server = server().await;
    let empty = load(&server.url("/404")).await.expect("no failure");
    assert_eq!(empty, LoadResult::Empty);
    for status in [401, 403, 410, 500, 503] {
        let failure = load(&server.url(&format!("/{status}")))
            .await
            .expect_err("refused");
        assert_eq!(
            (failure.message.as_str(), failure.severity),
            ("That URL is not playable.", Severity::Common)
        );
        assert_eq!(
            failure.root_cause(),
            format!("Not success status code: {status}")
        );
    }
}

#[tokio::test]
async fn what_is_no_sound_is_of_unknown_format() {
    let server = server().await;
    for path in ["/garbage", "/empty", "/html"] {
        let refused = refused(&server.url(path)).await;
        assert_eq!(
            refused,
            ("Unknown file format.".into(), Severity::Common),
            "{path}"
        );
    }
}

/// What the original makes of all of them is the live one (`S2` of its recorded tracks); we know when there is an end.
#[tokio::test]
async fn streams_in_segments_are_tracks() {
    let server = server().await;
    for (path, length) in [
        ("/live", None),
        ("/vod/list", Some(3250)),
        ("/master", Some(3250)),
    ] {
        let url = server.url(path);
        let track = track(&url).await;
        let info = &track.info;
        assert_eq!((&info.identifier, info.uri.as_ref()), (&url, Some(&url)));
        assert_eq!(info.length, length.unwrap_or(UNKNOWN_LENGTH), "{path}");
        let is_stream = length.is_none();
        assert_eq!((info.is_stream, info.is_seekable), (is_stream, !is_stream));
        assert_eq!(info.title, "Unknown title");
        assert_eq!(track.plugin_info["probeInfo"], "m3u|hls-outer");
        assert!(
            registry()
                .open(&track)
                .expect("its own")
                .window
                .has_sections()
        );
    }
    for (path, text) in [
        ("/mute", "The HLS stream cannot be played."),
        (
            "/drm",
            "The HLS stream is encrypted by a method that is not supported.",
        ),
    ] {
        let refused = refused(&server.url(path)).await;
        assert_eq!(refused, (text.to_owned(), Severity::Common));
    }
}

#[tokio::test]
async fn bad_urls_are_errors_and_other_words_nothing() {
    for url in [
        "http://",
        "http:///x",
        "http://[::1",
        "https://h:99999/",
        "http://h/a b",
    ] {
        let expected = ("Not a valid URL.".into(), Severity::Common);
        assert_eq!(refused(url).await, expected, "{url}");
    }
    for word in [
        "",
        "no-such-thing",
        "foo:bar",
        "ftp://h/x",
        "//x",
        "ytsearch:x",
        "http",
    ] {
        assert_eq!(
            load(word).await.expect("no failure"),
            LoadResult::Empty,
            "{word}"
        );
    }
}

#[tokio::test]
async fn a_station_tells_its_name() {
    let server = server().await;
    let plain = track(&server.url("/icy")).await.info;
    assert_eq!(
        (plain.title.as_str(), plain.author.as_str()),
        ("http://s/", "Station")
    );
    assert_eq!(
        (plain.is_stream, plain.is_seekable, plain.length),
        (true, false, UNKNOWN_LENGTH)
    );
    let described = track(&server.url("/icy-description")).await.info;
    assert_eq!(described.title, "All d\u{E4}y");
}

#[tokio::test]
async fn a_load_is_limited_in_time() {
    let server = server().await;
    let registry = Registry::new(Settings {
        network: crate::net::Settings {
            resolve_timeout: std::time::Duration::from_millis(100),
            ..quick()
        },
        ytdlp: YtDlpSettings::off(),
        ..Settings::default()
    });
    let failure = registry
        .load(&server.url("/slow"))
        .await
        .expect_err("too slow");
    assert_eq!(failure.severity, Severity::Suspicious);
}

#[tokio::test]
async fn private_addresses_are_refused_when_they_are_blocked() {
    let server = server().await;
    let network = crate::net::Settings {
        block_private_addresses: true,
        ..quick()
    };
    let registry = Registry::new(Settings {
        network,
        ytdlp: YtDlpSettings::off(),
        ..Settings::default()
    });
    let failure = registry
        .load(&server.url("/a.mp3"))
        .await
        .expect_err("refused");
    assert_eq!(failure.severity, Severity::Common);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_track_of_a_client_is_checked_like_a_load() {
    let server = server().await;
    let mut made = track(&server.url("/a.mp3")).await;
    made.info.identifier = "/etc/passwd".into();
    assert!(registry().open(&made).is_err());
    made.info.source_name = "local".into();
    assert!(registry().open(&made).is_err());
}
