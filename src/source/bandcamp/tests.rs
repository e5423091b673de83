//! Owns: what the `bandcamp` source is held to, against pages in the shapes of the site's.
//! Never knows: how it works inside.

mod search;

use crate::{
    error::Severity,
    net::{
        address::Address,
        testing::{Asked, ranged},
    },
    source::{
        Settings,
        site::{
            data::SiteData,
            testing::{World, html, json, moved, status, titles, told},
        },
    },
    track::{LoadResult, Track, UNKNOWN_LENGTH, codec},
};
use proptest::prelude::*;
use serde_json::{Value, json};

const PAGE: &str = "http://artist.bandcamp.com/track/a-song";
const STREAM: &str = "http://t4.bcbits.com/stream/x/mp3-128/1";

fn item(name: &str) -> Value {
    json!({
        "title": format!("Song {name}"), "duration": 188.637, "title_link": format!("/track/{name}"),
        "file": {"mp3-128": format!("{STREAM}?track={name}")},
    })
}

/// The page of a work, with what the site says of it.
fn work(kind: &str, tracks: Value) -> Value {
    json!({
        "artist": "An Artist", "item_type": kind, "art_id": 76_513_327,
        "current": {"title": "A \"Work\"", "isrc": "QZHNA1985784"},
        "trackinfo": tracks,
    })
}

fn page(work: &Value) -> Vec<u8> {
    let data = work.to_string().replace('"', "&quot;");
    html(&format!(
        "<!DOCTYPE html><html><script data-tralbum=\"{data}\" data-band=\"{{}}\"></script></html>"
    ))
}

/// A page without a work, of the artist with that number.
fn artist(band: i64, grid: &str) -> Vec<u8> {
    html(&format!(
        "<!DOCTYPE html><html><script data-band=\"{{&quot;id&quot;:{band},&quot;name&quot;:&quot;Tom &amp; Jerry&quot;}}\"></script>\
         <ol>{grid}</ol></html>"
    ))
}

fn song(name: &str) -> Value {
    work("track", json!([item(name)]))
}

async fn world(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> World {
    World::new(answer).await
}

#[tokio::test]
async fn a_track_is_described_as_in_lavaplayer() {
    let world = world(|_| page(&song("a-song"))).await;
    let found = world.track(PAGE).await;
    // reference, 8.4: the shapes of its fields
    let info = &found.info;
    assert_eq!((&*info.title, &*info.author), ("Song a-song", "An Artist"));
    assert_eq!(
        (info.length, info.is_stream, info.is_seekable),
        (188_637, false, true)
    );
    assert_eq!((&*info.identifier, info.uri.as_deref()), (PAGE, Some(PAGE)));
    let artwork = "https://f4.bcbits.com/img/a0076513327_1.png";
    assert_eq!(info.artwork_url.as_deref(), Some(artwork));
    assert_eq!(info.isrc.as_deref(), Some("QZHNA1985784"));
    let encoded = codec::encode(&found, 0).expect("encodable");
    assert_eq!(codec::decode(&encoded).expect("a track"), found);
}

#[tokio::test]
async fn an_album_has_its_tracks_and_an_empty_one_has_none() {
    let full = work("album", json!([item("a"), {"title": "no link"}, item("b")]));
    let world = world(move |asked| match asked.path.ends_with("/full") {
        true => page(&full),
        false => page(&work("album", json!([]))),
    })
    .await;
    let list = world
        .playlist("http://artist.bandcamp.com/album/full")
        .await;
    assert_eq!(list.name, "A \"Work\"");
    assert_eq!(titles(&list.tracks), ["Song a", "Song b"]);
    assert_eq!(
        list.tracks[1].info.identifier,
        "http://artist.bandcamp.com/track/b"
    );
    assert_eq!(list.tracks[0].info.isrc, None);
    let none = world
        .playlist("http://artist.bandcamp.com/album/none")
        .await;
    assert_eq!(none.tracks, []);
}

#[tokio::test]
async fn the_start_page_of_an_artist_is_what_it_leads_to() {
    let world = world(|asked| match &*asked.path {
        "http://artist.bandcamp.com/" => moved("/album/newest"),
        "http://artist.bandcamp.com/album/newest" => page(&work("album", json!([item("a")]))),
        path => panic!("{path}"),
    })
    .await;
    let list = world.playlist("http://artist.bandcamp.com").await;
    assert_eq!(titles(&list.tracks), ["Song a"]);
    assert_eq!(
        list.tracks[0].info.identifier,
        "http://artist.bandcamp.com/track/a"
    );
}

#[tokio::test]
async fn a_list_of_works_gives_the_tracks_of_all() {
    let item_of = |link: &str| {
        format!("<li class=\"music-grid-item square\"><a href=\"{link}\"><p>x</p></a></li>")
    };
    let grid: String = [
        "/album/one",
        "/track/two",
        "/album/one",
        "/merch/shirt",
        "http://label.bandcamp.com/album/three",
        "/album/gone",
    ]
    .map(item_of)
    .concat();
    let world = world(move |asked| match &*asked.path {
        "http://artist.bandcamp.com/music" => artist(5, &grid),
        "http://artist.bandcamp.com/album/one" => {
            page(&work("album", json!([item("a"), item("b")])))
        }
        "http://artist.bandcamp.com/track/two" => page(&song("two")),
        "http://label.bandcamp.com/album/three" => page(&work("album", json!([item("c")]))),
        "http://artist.bandcamp.com/album/gone" => status(404),
        path => panic!("{path}"),
    })
    .await;
    let list = world.playlist("http://artist.bandcamp.com/music").await;
    assert_eq!(list.name, "Tom & Jerry");
    assert_eq!(
        titles(&list.tracks),
        ["Song a", "Song b", "Song two", "Song c"]
    );
    assert_eq!(
        list.tracks[3].info.identifier,
        "http://label.bandcamp.com/track/c"
    );
}

#[tokio::test]
async fn the_works_of_a_page_without_a_list_are_asked_for() {
    let world = world(|asked| match &*asked.path {
        "http://artist.bandcamp.com/" => artist(5, ""),
        "http://bandcamp.com/api/mobile/22/band_details" => {
            assert_eq!(asked.body, br#"{"band_id":"5"}"#);
            json(&json!({"discography": [
                {"item_type": "album", "item_id": 6, "band_id": 5},
                {"item_type": "track", "item_id": 7, "band_id": 5},
                {"item_type": 8},
            ]}))
        }
        "http://bandcamp.com/api/mobile/22/tralbum_details?band_id=5&tralbum_id=6&tralbum_type=a" => {
            json(&json!({"bandcamp_url": "http://artist.bandcamp.com/album/one"}))
        }
        "http://bandcamp.com/api/mobile/22/tralbum_details?band_id=5&tralbum_id=7&tralbum_type=t" => {
            status(404)
        }
        "http://artist.bandcamp.com/album/one" => page(&work("album", json!([item("a")]))),
        path => panic!("{path}"),
    })
    .await;
    let list = world.playlist("http://artist.bandcamp.com/").await;
    assert_eq!(titles(&list.tracks), ["Song a"]);
}

#[tokio::test]
async fn an_artist_without_works_is_empty_and_one_that_cannot_be_asked_for_an_error() {
    let world = world(|asked| match &*asked.path {
        "http://none.bandcamp.com/" => artist(5, ""),
        "http://refused.bandcamp.com/" => artist(6, ""),
        _ if asked.body == br#"{"band_id":"5"}"# => json(&json!({"discography": []})),
        path if path.contains("tralbum_details") => status(403),
        _ => json(&json!({"discography": [{"item_type": "album", "item_id": 6, "band_id": 6}]})),
    })
    .await;
    assert_eq!(
        world.load("http://none.bandcamp.com/").await,
        LoadResult::Empty
    );
    let (message, _) = world.refused("http://refused.bandcamp.com/").await;
    assert!(message.contains("Bandcamp refuses"), "{message}");
}

fn hit(kind: &str, title: &str, subhead: &str, link: &str) -> String {
    format!(
        "<li class=\"searchresult data-search\"><a class=\"artcont\" href=\"{link}?from=search\">\
         <div class=\"art\">\n <img src=\"https://f4.bcbits.com/img/a1_7.jpg\"></div></a\n>\
         <div class=\"itemtype\">\n {kind}\n </div><div class=\"heading\">\n<a href=\"x\">\n {title}\n</a></div>\
         <div class=\"subhead\">\n {subhead} </div><div class=\"itemurl\"><a href=\"x\">{link}?from=1&amp;x=2</a></div></li>"
    )
}

#[tokio::test]
async fn a_search_gives_tracks_of_unknown_length() {
    let hits = [
        hit("ARTIST", "Somebody", "", "https://a.bandcamp.com"),
        hit(
            "TRACK",
            "Tom &amp; Jerry&#39;s",
            "from An Album\n by Ruby, feat. X",
            PAGE,
        ),
        hit("TRACK", "No Author", "", "https://a.bandcamp.com/track/b"),
        hit("TRACK", "No Link", "by X", "javascript:x"),
    ]
    .concat();
    let world = world(move |asked| {
        assert_eq!(
            asked.path,
            "http://bandcamp.com/search?q=two+words&item_type=t"
        );
        html(&hits)
    })
    .await;
    for search in [
        "bcsearch: two words",
        "https://bandcamp.com/search?q=two+words&page=1",
    ] {
        let LoadResult::Search(tracks) = world.load(search).await else {
            panic!("no search");
        };
        assert_eq!(titles(&tracks), ["Tom & Jerry's", "No Author"]);
        let info = &tracks[0].info;
        assert_eq!((&*info.author, &*info.identifier), ("Ruby", PAGE));
        assert_eq!((info.length, info.is_stream), (UNKNOWN_LENGTH, false));
        assert_eq!(
            info.artwork_url.as_deref(),
            Some("https://f4.bcbits.com/img/a1_7.jpg")
        );
        assert_eq!(tracks[1].info.author, "Unknown artist");
    }
    assert_eq!(world.load("bcsearch: ").await, LoadResult::Empty);
}

#[tokio::test]
async fn where_pages_are_refused_the_api_is_searched() {
    let world = world(|asked| match &*asked.path {
        "http://bandcamp.com/api/bcsearch_public_api/1/autocomplete_elastic" => {
            let wanted: Value = serde_json::from_slice(&asked.body).expect("JSON");
            match wanted["search_text"].as_str() {
                Some("x") => json(&json!({"auto": {"results": [
                    {"type": "b", "name": "Somebody"},
                    {"type": "t", "name": "A Song", "band_name": "An Artist", "art_id": 5, "item_url_path": PAGE},
                ]}})),
                Some("nothing") => json(&json!({"auto": {"results": []}})),
                _ => status(403),
            }
        }
        path if path.contains("q=nothing") => html("<html>"),
        _ => status(403),
    })
    .await;
    let LoadResult::Search(tracks) = world.load("bcsearch:x").await else {
        panic!("no search");
    };
    assert_eq!(titles(&tracks), ["A Song"]);
    assert_eq!(
        tracks[0].info.artwork_url.as_deref(),
        Some("https://f4.bcbits.com/img/a0000000005_1.png")
    );
    assert_eq!(world.load("bcsearch:nothing").await, LoadResult::Empty);
    let (message, severity) = world.refused("bcsearch:y").await;
    assert!(message.contains("Bandcamp refuses"), "{message}");
    assert_eq!(severity, Severity::Suspicious);
}

#[tokio::test]
async fn an_artists_own_domain_is_known_by_its_pages() {
    let answer = |asked: &Asked| match &*asked.path {
        "http://artist.example/music" => {
            artist(5, "<li class=\"music-grid-item\"><a href=\"/album/one\">")
        }
        "http://artist.example/album/one" => page(&work("album", json!([item("a")]))),
        path if path.starts_with(STREAM) => ranged(asked, &sound()),
        "http://other.example/" => html("<!DOCTYPE html><html>data-band</html>"),
        path => panic!("{path}"),
    };
    let world = World::new(answer).await;
    let list = world.playlist("http://artist.example/music").await;
    assert_eq!(titles(&list.tracks), ["Song a"]);
    let found = &list.tracks[0];
    assert_eq!(found.info.identifier, "http://artist.example/track/a");
    assert_eq!(found.info.source_name, "bandcamp");
    assert!(world.sound(found).await.expect("sound") == sound());
    let (message, severity) = world.refused("http://other.example/").await;
    assert_eq!(
        (&*message, severity),
        ("Unknown file format.", Severity::Common)
    );

    // where no other URLs may be asked for, none are
    let closed = |settings| Settings {
        http: false,
        ..settings
    };
    let world = World::with(answer, closed).await;
    assert_eq!(
        world.load("http://artist.example/music").await,
        LoadResult::Empty
    );
    assert!(world.registry.open(found).is_err());
    assert_eq!(world.asked().len(), 0);
}

#[tokio::test]
async fn an_artists_page_leads_to_no_other_hosts_where_none_may_be_asked_for() {
    let grid = "<li class=\"music-grid-item\"><a href=\"http://evil.example/album/one\">";
    let answer = move |asked: &Asked| match &*asked.path {
        "http://artist.bandcamp.com/music" => artist(5, grid),
        path => panic!("{path}"),
    };
    let closed = |settings| Settings {
        http: false,
        ..settings
    };
    let world = World::with(answer, closed).await;
    let link = "http://artist.bandcamp.com/music";
    assert_eq!(world.load(link).await, LoadResult::Empty);
}

fn sound() -> Vec<u8> {
    (0..100_000u32).map(|i| (i % 251) as u8).collect()
}

#[tokio::test]
async fn a_track_is_played_by_the_link_of_its_page() {
    let world = world(|asked| match &*asked.path {
        PAGE => page(&song("a-song")),
        path if path.starts_with(STREAM) => ranged(asked, &sound()),
        path => panic!("{path}"),
    })
    .await;
    // out of a client's queue
    let queued = Track::sample(PAGE, "bandcamp");
    assert!(world.sound(&queued).await.expect("sound") == sound());
    assert_eq!(world.count(PAGE), 1);
    // the link is still known
    let found = world.track(PAGE).await;
    assert!(world.sound(&found).await.expect("sound") == sound());
    assert_eq!(world.count(PAGE), 2);
}

#[tokio::test]
async fn a_kept_link_that_has_expired_is_found_anew() {
    let world = world(|asked| match &*asked.path {
        PAGE => {
            let mut item = item("a-song");
            item["file"]["mp3-128"] = json!(format!("{STREAM}?{}", asked.before));
            page(&work("track", json!([item])))
        }
        path if path.ends_with("?0") => status(410),
        path if path.starts_with(STREAM) => ranged(asked, &sound()),
        path => panic!("{path}"),
    })
    .await;
    let found = world.track(PAGE).await;
    assert!(world.sound(&found).await.expect("sound") == sound());
    assert_eq!(world.count(PAGE), 2);
}

#[tokio::test]
async fn what_is_not_there_is_empty_and_what_fails_says_so() {
    let nested = format!("<html data-tralbum=\"{}\">", "[".repeat(1000));
    let cases: [(Vec<u8>, Option<&str>); 6] = [
        (status(404), None),
        (status(403), Some("Bandcamp refuses to answer")),
        (html("<html>"), Some("the site may have changed")),
        (html(&nested), Some("the site may have changed")),
        (
            page(&work("track", json!("none"))),
            Some("the site may have changed"),
        ),
        (
            page(&json!({"item_type": 5})),
            Some("the site may have changed"),
        ),
    ];
    for (at, (answer, failure)) in cases.into_iter().enumerate() {
        let world = world(move |_| answer.clone()).await;
        match failure {
            None => assert_eq!(world.load(PAGE).await, LoadResult::Empty),
            Some(why) => {
                let (message, severity) = world.refused(PAGE).await;
                assert!(message.contains(why), "{at}: {message}");
                assert_eq!(severity, Severity::Suspicious);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_page_can_be_read(
        text in "(<li class=\"(searchresult|music-grid-item)|<div class=\"(itemtype|itemurl|subhead|heading|art)\">|</div>\
            |TRACK|by |,|\\?|<a href=\"|\"|>|https://a.b/|é|\\PC){0,60}",
        json in "(\\{|\\}|\\[|\\]|:|,|null|-1|1e99|&quot;(title|item_type|track|trackinfo|title_link|duration|art_id|é)&quot;){0,40}",
    ) {
        let facts = SiteData::built_in().bandcamp;
        let address = Address::parse(PAGE).expect("an address");
        let html = format!("{text}<p data-tralbum=\"{json}\" data-band=\"{json}\">{text}");
        let _ = super::page::hits(&html);
        let _ = super::page::read(&html, &address, &facts);
        let _ = super::page::sound(&html, &facts);
        let rest = html.replace("data-tralbum", "x");
        let _ = super::page::read(&rest, &address.join("/music").expect("an address"), &facts);
    }
}

#[tokio::test]
async fn what_cannot_be_played_says_why() {
    let with_file = |file: Value| {
        let mut item = item("a-song");
        item["file"] = file;
        page(&work("track", json!([item])))
    };
    for (answer, why, severity) in [
        (status(404), "not available any more", Severity::Common),
        (
            with_file(Value::Null),
            "by its buyers only",
            Severity::Common,
        ),
        (
            with_file(json!({"flac": STREAM})),
            "by its buyers only",
            Severity::Common,
        ),
        (
            with_file(json!({"mp3-128": "http://evil.example/x"})),
            "may have changed",
            Severity::Suspicious,
        ),
        (
            with_file(json!({"mp3-128": "file:///etc/passwd"})),
            "may have changed",
            Severity::Suspicious,
        ),
        (html("<html>"), "may have changed", Severity::Suspicious),
    ] {
        let world = world(move |_| answer.clone()).await;
        let queued = Track::sample(PAGE, "bandcamp");
        let (message, told) = told(world.sound(&queued).await.expect_err("refused"));
        assert!(message.contains(why), "{message}");
        assert_eq!(told, severity, "{message}");
    }
    let world = world(|_| status(404)).await;
    for identifier in ["x", "file:///etc/passwd", ""] {
        let track = Track::sample(identifier, "bandcamp");
        assert!(world.registry.open(&track).is_err(), "{identifier}");
    }
}
