//! Owns: what playing tracks that stand for others is held to, against SoundCloud's API in its shapes.
//! Never knows: how hits are scored.

use super::*;
use crate::{
    error::Severity,
    net::testing::{Asked, ranged},
    source::{
        self, SpotifySettings,
        site::testing::{World, html, json, status, told},
    },
};
use serde_json::{Value, json};

/// The track whose links expire.
const EXPIRING: u64 = 50;

/// The sound of a track of SoundCloud.
fn sound(id: u64) -> Vec<u8> {
    (0..100_000u64).map(|i| ((i + id) % 251) as u8).collect()
}

fn hit(id: u64, title: &str, author: &str, seconds: i64) -> Value {
    json!({
        "kind": "track", "id": id, "title": title, "full_duration": seconds * 1000,
        "permalink_url": format!("https://soundcloud.com/x/{id}"), "user": {"username": author},
        "media": {"transcodings": [{
            "url": format!("http://api-v2.soundcloud.com/media/soundcloud:tracks:{id}/x/stream/progressive"),
            "format": {"protocol": "progressive", "mime_type": "audio/mpeg"},
        }]},
    })
}

/// SoundCloud, where a search finds what `hits` says of its words; tracks from 100 on have no file.
fn soundcloud(asked: &Asked, hits: &impl Fn(&str) -> Vec<Value>) -> Vec<u8> {
    let url = url::Url::parse(&asked.path).expect("a URL");
    let number = |text: &str| text.parse::<u64>().expect("a number");
    match (url.host_str().unwrap_or_default(), url.path()) {
        ("soundcloud.com", _) => html(
            r#"<script>[{"hydratable":"apiClient","data":{"id":"0123456789abcdef0123456789abcdef"}}]</script>"#,
        ),
        ("api-v2.soundcloud.com", "/search/tracks") => {
            let words = url
                .query_pairs()
                .find(|(name, _)| name == "q")
                .expect("words");
            json(&json!({ "collection": hits(&words.1) }))
        }
        ("api-v2.soundcloud.com", path) if path.starts_with("/media/") => {
            let id = path
                .split([':', '/'])
                .find_map(|it| it.parse::<u64>().ok())
                .expect("an id");
            match id {
                100.. => status(404),
                _ => json(
                    &json!({ "url": format!("http://a.sndcdn.com/{id}-{}.mp3", asked.before) }),
                ),
            }
        }
        ("a.sndcdn.com", path) => {
            let name = path.trim_matches('/').trim_end_matches(".mp3");
            let (id, link) = name.split_once('-').expect("two numbers");
            match (number(id), number(link), asked.from()) {
                // the first link of this one breaks, and is refused from then on
                (EXPIRING, 0, None) => {
                    let mut answer = ranged(asked, &sound(EXPIRING));
                    answer.truncate(answer.len() - 50_000);
                    answer
                }
                (EXPIRING, 0, Some(_)) => status(403),
                (id, _, _) => ranged(asked, &sound(id)),
            }
        }
        _ => status(404),
    }
}

async fn world(
    providers: &[&str],
    hits: impl Fn(&str) -> Vec<Value> + Send + Sync + 'static,
) -> World {
    let providers = providers.iter().map(|it| (*it).to_owned()).collect();
    World::with(
        move |asked| soundcloud(asked, &hits),
        |settings| source::Settings {
            mirror: Settings { providers },
            spotify: Some(SpotifySettings {
                credentials: None,
                country: "US".into(),
                playlist_pages: 1,
                album_pages: 1,
                resolve_artists: false,
                local_files: false,
            }),
            ..settings
        },
    )
    .await
}

fn wanted() -> Track {
    Extended::default().attach(TrackInfo {
        identifier: "abc".into(),
        is_seekable: true,
        author: "Rick Astley".into(),
        length: 213_573,
        is_stream: false,
        position: 0,
        title: "Never Gonna Give You Up".into(),
        uri: None,
        artwork_url: None,
        isrc: Some("GB-ARL-93-00135".into()),
        source_name: "spotify".into(),
    })
}

const RIGHT: &str = "Rick Astley - Never Gonna Give You Up (Official Audio)";

#[tokio::test]
async fn the_hit_that_fits_is_played_and_remembered() {
    let world = world(&["scsearch:%QUERY%"], |words| {
        assert_eq!(words, "Never Gonna Give You Up Rick Astley");
        vec![
            hit(1, "Never Gonna Give You Up (Karaoke)", "Sing", 213),
            hit(2, RIGHT, "Rick Astley", 213),
        ]
    })
    .await;
    for _ in 0..2 {
        assert!(world.sound(&wanted()).await.expect("sound") == sound(2));
    }
    assert_eq!(world.count("/search/tracks"), 1);
}

#[tokio::test]
async fn providers_are_asked_in_order_until_one_has_it() {
    let providers = [
        "spsearch:%QUERY%",
        "scsearch:\"%ISRC%\"",
        "scsearch:%QUERY% audio",
        "scsearch:%QUERY%",
    ];
    let world = world(&providers, |words| match words {
        "\"GBARL9300135\"" => vec![hit(1, "Something Else", "Somebody", 100)],
        "Never Gonna Give You Up Rick Astley audio" => Vec::new(),
        _ => vec![hit(2, RIGHT, "Rick Astley", 213)],
    })
    .await;
    assert!(world.sound(&wanted()).await.expect("sound") == sound(2));
    assert_eq!(world.count("/search/tracks"), 3);
    let mut nameless = wanted();
    nameless.info.isrc = None;
    assert!(world.sound(&nameless).await.expect("sound") == sound(2));
    assert_eq!(world.count("ISRC"), 0);
}

#[tokio::test]
async fn a_hit_that_does_not_play_leaves_it_to_the_next() {
    let world = world(&["scsearch:%QUERY%"], |_| {
        vec![
            hit(100, RIGHT, "Rick Astley", 213),
            hit(3, RIGHT, "somebody", 213),
        ]
    })
    .await;
    assert!(world.sound(&wanted()).await.expect("sound") == sound(3));
}

#[tokio::test]
async fn a_link_that_expires_is_found_anew_where_the_first_was() {
    let world = world(&["scsearch:%QUERY%"], |_| {
        vec![hit(EXPIRING, RIGHT, "Rick Astley", 213)]
    })
    .await;
    assert!(world.sound(&wanted()).await.expect("sound") == sound(EXPIRING));
    assert_eq!(
        (world.count("/search/tracks"), world.count("/media/")),
        (1, 2)
    );
}

#[tokio::test]
async fn what_is_nowhere_is_told_as_lavasrc_tells_it() {
    let world = world(
        &["scsearch:%QUERY%", "ytsearch:%QUERY%"],
        |words| match words.contains("Rick") {
            true => vec![hit(1, "Never Gonna Give You Up (Live)", "Rick Astley", 300)],
            false => vec![hit(100, "Song", "Singer", 100)],
        },
    )
    .await;
    let failure = world.sound(&wanted()).await.expect_err("nothing");
    let wanted_text = "No mirror found for track".to_owned();
    assert_eq!(told(failure), (wanted_text, Severity::Common));
    // the hit is right, but does not play: that is what is of use
    let mut other = wanted();
    other.info.title = "Song".into();
    other.info.author = "Singer".into();
    other.info.length = 100_000;
    let failure = world.sound(&other).await.expect_err("nothing");
    assert_eq!(told(failure).0, "This track is not available any more.");
}

#[tokio::test]
async fn previews_are_played_from_where_their_source_has_them() {
    let mirror = Mirror::new(Settings::default(), Others::none());
    let open = |url: Option<&str>| {
        let extended = Extended {
            preview_url: url.map(str::to_owned),
            is_preview: true,
            ..Extended::default()
        };
        let track = extended.attach(wanted().info);
        mirror.open(&track, &["scdn.co".to_owned()])
    };
    let url = "http://p.scdn.co/mp3-preview/x.mp3";
    let Ok(Supply::Located { locate, hint }) = open(Some(url)) else {
        panic!("it can be played");
    };
    let address = Address::parse(url).expect("an address");
    assert_eq!(
        locate(crate::media::located::Sought::First)
            .await
            .expect("found"),
        Located::File(address.into())
    );
    assert_eq!(hint.extension.as_deref(), Some("mp3"));
    for (url, wanted) in [
        (None, "No preview url found"),
        (Some("file:///etc/passwd"), "No preview url found"),
        (
            Some("http://10.0.0.1/x.mp3"),
            "The preview is at a place that is not the source's.",
        ),
    ] {
        let failure = open(url).err().expect("refused");
        assert_eq!(told(failure), (wanted.to_owned(), Severity::Common));
    }
}

#[test]
fn providers_are_filled_in() {
    let mut info = wanted().info;
    let fill = |provider: &str, info: &TrackInfo| identifier(provider, info);
    let filled = |text: &str| Some(text.to_owned());
    assert_eq!(
        fill("ytsearch:\"%ISRC%\"", &info),
        filled("ytsearch:\"GBARL9300135\"")
    );
    assert_eq!(
        fill("ytsearch:%QUERY%", &info),
        filled("ytsearch:Never Gonna Give You Up Rick Astley")
    );
    info.author = "unknown".into();
    info.title = "100 %ISRC% %QUERY%".into();
    assert_eq!(fill("x:%QUERY%!", &info), filled("x:100 %ISRC% %QUERY%!"));
    info.isrc = None;
    assert_eq!(fill("ytsearch:\"%ISRC%\"", &info), None);
}
