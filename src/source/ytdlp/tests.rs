//! Owns: what the `ytdlp` source is held to. The program is a script that answers in the shape of the real one.
//! Never knows: what the real one does.

use super::{
    testing::{Program, Said},
    *,
};
use crate::{
    error::Severity,
    net::testing::{Asked, ranged, whole},
    source::site::testing::{World, html, status, titles},
};
use serde_json::{Value, json};

const PAGE: &str = "http://site.example/watch/1";
const MEDIA: &str = "http://cdn.media.example/";

fn sound() -> Vec<u8> {
    (0..100_000u32).map(|i| (i % 251) as u8).collect()
}

fn video(link: &str) -> Value {
    json!({
        "id": "1", "title": "A song", "uploader": "Somebody", "duration": 60, "webpage_url": PAGE, "extractor": "site",
        "_type": "video", "epoch": 1000,
        "formats": [{
            "format_id": "a", "url": format!("{MEDIA}{link}"), "protocol": "http", "acodec": "opus", "vcodec": "none",
            "http_headers": { "Referer": PAGE, "User-Agent": "a browser" },
        }],
    })
}

/// Pages everywhere; sound at one place.
fn web(asked: &Asked) -> Vec<u8> {
    match &*asked.path {
        path if path.starts_with(MEDIA) && path.ends_with("gone") => status(403),
        path if path.starts_with(MEDIA) => ranged(asked, &sound()),
        "http://site.example/file.bin" => whole(b"no sound at all", &[]),
        "http://site.example/feed" => whole(b"no sound at all", &[]),
        "http://site.example/broken" => whole(b"no sound", &[("Content-Type", "audio/mpeg")]),
        "http://site.example/closed" | "http://site.example/closed.mp3" => status(403),
        _ => html("<html><title>A page</title></html>"),
    }
}

async fn world(program: &Program, change: impl FnOnce(&mut Settings)) -> World {
    let mut ytdlp = Settings {
        enabled: Some(true),
        path: program.path(),
        ..Settings::default()
    };
    change(&mut ytdlp);
    World::with(web, |settings| crate::source::Settings {
        ytdlp,
        ..settings
    })
    .await
}

#[tokio::test]
async fn a_page_that_nobody_knows_is_asked_of_the_program_and_its_sound_played() {
    let program = Program::answering(&[("*/watch/1", Said::Json(video("sound")))]);
    let world = world(&program, |_| {}).await;
    let found = world.track(PAGE).await;
    assert_eq!(
        (&*found.info.title, &*found.info.source_name),
        ("A song", "ytdlp")
    );
    assert!(world.sound(&found).await.expect("sound") == sound());
    // what was loaded a moment ago is not asked for again
    assert_eq!(program.questions(), [PAGE]);
    let fetch = world.server.seen().pop().expect("fetched");
    assert_eq!(fetch.header("referer"), Some(PAGE));
    assert_eq!(fetch.header("user-agent"), Some("a browser"));
}

#[tokio::test]
async fn the_program_may_take_longer_than_a_site() {
    let program = Program::new("sleep 3; cat \"$here/0\"");
    program.change(0, &video("sound"));
    let ytdlp = Settings {
        enabled: Some(true),
        path: program.path(),
        // those of the look-up do not do for finding the sound
        playback_arguments: vec!["--no-playlist".to_owned()],
        ..Settings::default()
    };
    let world = World::with(web, |mut settings| {
        settings.network.resolve_timeout = Duration::from_secs(2);
        crate::source::Settings { ytdlp, ..settings }
    })
    .await;
    let found = world.track(PAGE).await;
    assert!(world.sound(&found).await.expect("sound") == sound());
}

#[tokio::test]
async fn what_is_asked_stands_behind_all_options() {
    let program = Program::answering(&[]);
    let world = world(&program, |settings| {
        settings.arguments = vec!["--cookies".into(), "file".into()];
        settings.load_arguments = vec!["--load".into()];
        settings.playlist_limit = 7;
    })
    .await;
    world.refused(PAGE).await;
    let asked = program.asked().remove(0);
    let end = ["--cookies", "file", "--load", "--", PAGE];
    assert!(asked.ends_with(&end.map(str::to_owned)), "{asked:?}");
    assert_eq!(asked[0], "--ignore-config");
    let items = asked.iter().position(|it| it == "--playlist-items");
    assert_eq!(asked[items.expect("limited") + 1], "1:7");
}

#[tokio::test]
async fn a_link_that_is_refused_is_found_anew_in_the_same_format() {
    let program = Program::answering(&[("*/watch/1", Said::Json(video("gone")))]);
    let world = world(&program, |_| {}).await;
    let found = world.track(PAGE).await;
    let mut renewed = video("sound");
    let mut better = renewed["formats"][0].clone();
    better["format_id"] = json!("better");
    better["url"] = json!(format!("{MEDIA}other"));
    renewed["formats"]
        .as_array_mut()
        .expect("a list")
        .push(better);
    program.change(0, &renewed);
    assert!(world.sound(&found).await.expect("sound") == sound());
    assert_eq!(program.questions().len(), 2);
    assert_eq!(
        (
            world.count("cdn.media.example/sound"),
            world.count("/other")
        ),
        (1, 0)
    );
    // the next playback takes the best there is
    world.sound(&found).await.expect("sound");
    assert_eq!(world.count("/other"), 1);
}

#[test]
fn links_that_expire_are_not_kept_longer() {
    let known = |lifetime: Option<Duration>| {
        let read = super::answer::read(
            &video("sound"),
            &crate::source::site::data::SiteData::built_in().ytdlp,
        );
        let Ok(Answer::Video(mut video)) = read else {
            panic!("{read:?}");
        };
        video.forms[0].lifetime = lifetime;
        Known {
            outcome: Ok(Answer::Video(video)),
            since: Instant::now(),
        }
    };
    let seconds = Duration::from_secs;
    let holds = |known: &Known, age| known.holds(known.since + seconds(age));
    let expiring = known(Some(seconds(40)));
    assert!(holds(&expiring, 39) && !holds(&expiring, 40));
    assert!(holds(&known(None), 1_000_000));
    // what is not there today may be there tomorrow
    let nothing = Known {
        outcome: Err(Refusal::Missing),
        since: Instant::now(),
    };
    assert!(holds(&nothing, 29) && !holds(&nothing, 30));
}

#[tokio::test]
async fn refusals_reach_the_client_without_addresses() {
    let program = Program::answering(&[
        (
            "*/private",
            Said::Error("ERROR: [site] 1: This video is private"),
        ),
        (
            "*/missing",
            Said::Error("ERROR: [site] 1: HTTP Error 404: Not Found"),
        ),
        (
            "*/odd",
            Said::Error("ERROR: [site] 1: Something at http://10.0.0.1/"),
        ),
        ("*/list", Said::Json(json!({ "_type": "playlist" }))),
        (
            "*/mute",
            Said::Json(json!({ "id": "1", "webpage_url": PAGE, "formats": [{"url": "rtmp://x"}] })),
        ),
    ]);
    let world = world(&program, |_| {}).await;
    let refused = async |name: &str| world.refused(&format!("http://site.example/{name}")).await;
    assert_eq!(
        refused("private").await,
        ("This is private.".to_owned(), Severity::Common)
    );
    let missing = world.load("http://site.example/missing").await;
    assert_eq!(missing, LoadResult::Empty);
    let (message, severity) = refused("odd").await;
    assert!(!message.contains("10.0.0.1") && severity == Severity::Suspicious);
    assert_eq!(refused("list").await.1, Severity::Suspicious);
    assert_eq!(
        refused("mute").await.0,
        "The site has this in no form that can be played."
    );
    // what it does not know either is what it was before
    assert_eq!(refused("other").await.0, "Unknown file format.");
}

#[tokio::test]
async fn files_and_their_troubles_start_no_program() {
    let program = Program::answering(&[("*", Said::Json(video("sound")))]);
    let world = world(&program, |_| {}).await;
    for name in ["file.bin", "broken", "closed.mp3"] {
        world.refused(&format!("http://site.example/{name}")).await;
    }
    assert!(program.questions().is_empty());
    for name in ["feed", "closed"] {
        world.track(&format!("http://site.example/{name}")).await;
    }
    assert_eq!(program.questions().len(), 2);
}

#[tokio::test]
async fn a_page_with_another_sites_player_leads_there() {
    let player = json!({
        "_type": "playlist", "id": "p", "extractor": "generic",
        "entries": [{ "_type": "url", "url": PAGE, "ie_key": "Site" }],
    });
    let program = Program::answering(&[
        ("*/blog", Said::Json(player)),
        ("*/watch/1", Said::Json(video("sound"))),
    ]);
    let world = world(&program, |_| {}).await;
    assert_eq!(
        world
            .track("http://site.example/blog")
            .await
            .info
            .identifier,
        PAGE
    );
    assert_eq!(program.questions(), ["http://site.example/blog", PAGE]);
}

#[tokio::test]
async fn lists_are_playlists() {
    let entry = json!({ "_type": "url", "id": "1", "url": PAGE, "title": "One", "duration": 1 });
    let list = json!({ "_type": "playlist", "id": "PL", "title": "All", "extractor": "site:list", "entries": [entry] });
    let program = Program::answering(&[("*/list", Said::Json(list))]);
    let world = world(&program, |_| {}).await;
    let found = world.playlist("http://site.example/list").await;
    assert_eq!((&*found.name, titles(&found.tracks)), ("All", vec!["One"]));
}

#[tokio::test]
async fn a_length_that_the_site_has_not_told_is_read_from_the_file() {
    // a second and a half: MPEG 1, layer III, 128 kbit/s, 44.1 kHz; 1152 samples and 417 bytes a frame
    let mut frame = vec![0; 417];
    frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x64]);
    let mp3 = frame.repeat(58);
    let mut value = video("sound.mp3");
    value["duration"] = Value::Null;
    let program = Program::answering(&[("*/watch/1", Said::Json(value))]);
    let ytdlp = Settings {
        enabled: Some(true),
        path: program.path(),
        ..Settings::default()
    };
    let world = World::with(
        move |asked| match asked.path.starts_with(MEDIA) {
            true => ranged(asked, &mp3),
            false => web(asked),
        },
        |settings| crate::source::Settings { ytdlp, ..settings },
    )
    .await;
    let info = world.track(PAGE).await.info;
    // 58 frames of 1152 samples at 44.1 kHz are 1515 ms
    assert_eq!(
        (info.length, info.is_stream, info.is_seekable),
        (1515, false, true)
    );
}

#[tokio::test]
async fn a_prefix_asks_the_program_first_and_sites_are_the_operators_choice() {
    let program = Program::answering(&[("*/watch/1", Said::Json(video("sound")))]);
    let free = world(&program, |_| {}).await;
    free.track(&format!("ytdlp:{PAGE}")).await;
    assert_eq!(free.asked(), Vec::<String>::new());
    assert_eq!(
        free.load("ytdlp:http://site.example/x").await,
        LoadResult::Empty
    );
    assert_eq!(free.refused("ytdlp:--exec=id").await.0, "Not a valid URL.");
    let denied = world(&program, |settings| {
        settings.denied_sites = vec!["site.example".into()];
    })
    .await;
    assert_eq!(denied.refused(PAGE).await.0, "Unknown file format.");
    let (message, severity) = denied.refused(&format!("ytdlp:{PAGE}")).await;
    assert!(message.contains("not asked for this site"), "{message}");
    assert_eq!(severity, Severity::Common);
    let named = world(&program, |settings| {
        settings.sites = vec!["site.example".into()]
    })
    .await;
    let asked = program.questions().len();
    let found = named.track(PAGE).await;
    // a site that is named is not looked at in vain before
    assert_eq!(
        (named.count("/watch"), program.questions().len()),
        (0, asked + 1)
    );
    named.refused("http://other.example/").await;
    assert_eq!(program.questions().len(), asked + 1);
    // a client's own track leads nowhere else
    let mut forged = found.clone();
    forged.info.identifier = "http://other.example/".into();
    let refused = named.registry.open(&forged).err().expect("refused");
    assert_eq!(refused.severity, Severity::Common);
}

#[tokio::test]
async fn youtube_is_asked_only_when_that_is_configured() {
    const LINK: &str = "https://www.youtube.com/watch?v=abcdefghijk";
    let hits = json!({
        "_type": "playlist", "id": "w", "title": "w", "extractor": "youtube:search",
        "entries": [{ "_type": "url", "url": LINK, "title": "Hit", "ie_key": "Youtube" }],
    });
    let program = Program::answering(&[
        ("ytsearch3:*", Said::Json(hits)),
        ("*abcdefghijk*", Said::Json(video("sound"))),
    ]);
    let without_youtube = |settings: crate::source::Settings, ytdlp| crate::source::Settings {
        youtube: None,
        ytdlp,
        ..settings
    };
    let ytdlp = |youtube| Settings {
        enabled: Some(true),
        path: program.path(),
        youtube,
        search_limit: 3,
        ..Settings::default()
    };
    let off = World::with(web, |settings| without_youtube(settings, ytdlp(false))).await;
    assert_eq!(off.load("ytsearch:words").await, LoadResult::Empty);
    off.refused("http://www.youtube.com/watch?v=abcdefghijk")
        .await;
    assert!(program.questions().is_empty());
    let mut saved = Track::sample("abcdefghijk", "youtube");
    assert!(off.registry.open(&saved).is_err());

    let on = World::with(web, |settings| without_youtube(settings, ytdlp(true))).await;
    match on.load("ytsearch:words and more").await {
        LoadResult::Search(hits) => assert_eq!(titles(&hits), ["Hit"]),
        other => panic!("{other:?}"),
    }
    on.track(LINK).await;
    assert!(on.sound(&saved).await.expect("it stands in") == sound());
    assert_eq!(program.questions(), ["ytsearch3:words and more", LINK]);
    saved.info.identifier = "x&list=y".into();
    assert!(on.registry.open(&saved).is_err());
}

#[tokio::test]
async fn it_is_there_when_its_program_is() {
    let program = Program::answering(&[]);
    let has = async |enabled, path: &str| {
        let ytdlp = Settings {
            enabled,
            path: path.into(),
            ..Settings::default()
        };
        let world = World::with(web, |settings| crate::source::Settings {
            ytdlp,
            ..settings
        });
        let names = world.await.registry.names();
        // before the one that takes any URL
        assert_eq!(names.last(), Some(&"http"));
        names.contains(&NAME)
    };
    let path = program.path();
    let path = path.to_str().expect("a text");
    assert!(has(None, path).await && has(Some(true), path).await);
    assert!(!has(Some(false), path).await);
    assert!(!has(None, "/nowhere").await && !has(Some(true), "/nowhere").await);
}
