//! Owns: what the `deezer` source is held to. There is no recording: a small server answers in the shapes of the API's
//! documentation (<https://developers.deezer.com/api>).
//! Never knows: how answers are read.

use super::*;
use crate::{
    error::Severity,
    net::testing::{Asked, ranged},
    source::site::testing::{World, json as answer, moved, status, titles, told},
    track::codec,
};
use serde_json::json;

/// Vector R8 of the reference (3.5): a track as the original writes it, kept by a client.
const R8: &str = "QAACDgMACk5vIERpZ2dpdHkAC0JsYWNrc3RyZWV0AAAAAAAEo4AABjkxNjQ5NgABAB9odHRwczovL2RlZXplci5jb20vdHJhY2svOTE2NDk2AQBpaHR0cHM6Ly9lLWNkbnMtaW1hZ2VzLmR6Y2RuLm5ldC9pbWFnZXMvY292ZXIvZGFlN2EyNjViNzlmYjcxMjc4Y2RlMjUwNDg0OWQ2ZjcvMTAwMHgxMDAwLTAwMDAwMC04MC0wLTAuanBnAQAMVVNJUjE5NjAwOTc4AAZkZWV6ZXIBAChObyBEaWdnaXR5OiBUaGUgVmVyeSBCZXN0IE9mIEJsYWNrc3RyZWV0AQAjaHR0cHM6Ly93d3cuZGVlemVyLmNvbS9hbGJ1bS8xMDMyNTQBACJodHRwczovL3d3dy5kZWV6ZXIuY29tL2FydGlzdC8xODYxAQBqaHR0cHM6Ly9lLWNkbnMtaW1hZ2VzLmR6Y2RuLm5ldC9pbWFnZXMvYXJ0aXN0L2YxNmNhYzM2ZmVjMzkxZjczN2I3ZDQ4MmY1YWM3M2UzLzEwMDB4MTAwMC0wMDAwMDAtODAtMC0wLmpwZwEAT2h0dHBzOi8vY2RuLXByZXZpZXctYS5kemNkbi5uZXQvc3RyZWFtL2MtYTE1Yjg1NzFhYTYyMDBjMDQ0YmY1OWM3NmVkOTEyN2MtNi5tcDMAAAAAAAAAAAA=";

const API: &str = "http://api.deezer.com/2.0";

fn no_diggity() -> Value {
    json!({
        "id": 916496, "readable": true, "title": "No Diggity", "isrc": "USIR19600978", "duration": 304,
        "link": "https://www.deezer.com/track/916496",
        "preview": "https://cdn-preview-a.dzcdn.net/stream/c-a15b8571aa6200c044bf59c76ed9127c-6.mp3",
        "artist": {
            "id": 1861, "name": "Blackstreet", "type": "artist",
            "picture_xl": "https://e-cdns-images.dzcdn.net/images/artist/f16cac36fec391f737b7d482f5ac73e3/1000x1000-000000-80-0-0.jpg",
        },
        "album": {
            "id": 103254, "title": "No Diggity: The Very Best Of Blackstreet", "type": "album",
            "cover_xl": "https://e-cdns-images.dzcdn.net/images/cover/dae7a265b79fb71278cde2504849d6f7/1000x1000-000000-80-0-0.jpg",
        },
        "type": "track",
    })
}

fn track(id: i64, title: &str) -> Value {
    json!({
        "id": id, "title": title, "duration": 60, "type": "track", "md5_image": "abc",
        "preview": "http://cdnt-preview.dzcdn.net/old.mp3", "artist": { "id": 7, "name": "Somebody" },
    })
}

fn sound() -> Vec<u8> {
    (0..50_000u32).map(|i| (i % 251) as u8).collect()
}

fn api(asked: &Asked) -> Vec<u8> {
    let nothing =
        || json!({ "error": { "type": "DataException", "message": "no data", "code": 800 } });
    let Some(path) = asked.path.strip_prefix(API) else {
        return match &*asked.path {
            "http://link.deezer.com/s/abc" => moved("https://www.deezer.com/en/track/916496?utm=x"),
            "http://deezer.page.link/old" => {
                moved("https://www.deezer.com/app?dest=https%3A%2F%2Fwww.deezer.com%2Falbum%2F5")
            }
            "http://link.deezer.com/s/gone" => moved("https://www.deezer.com/404"),
            "http://cdnt-preview.dzcdn.net/new.mp3" => ranged(asked, &sound()),
            _ => status(403),
        };
    };
    answer(&match path {
        "/track/916496" | "/track/isrc:USIR19600978" => no_diggity(),
        "/track/9" => {
            let mut renewed = track(9, "Nine");
            renewed["preview"] = json!("http://cdnt-preview.dzcdn.net/new.mp3");
            renewed
        }
        "/search?q=no+diggity" => {
            json!({ "data": [no_diggity(), { "type": "episode" }], "total": 1 })
        }
        "/album/5" => json!({
            "id": 5, "title": "Five", "link": "https://www.deezer.com/album/5", "cover_xl": "https://c/5.jpg",
            "nb_tracks": 3, "contributors": [{ "name": "Contributor" }],
            "artist": { "id": 7, "name": "Somebody", "picture_xl": "https://p/7.jpg" },
        }),
        "/album/5/tracks?index=0&limit=2" => {
            json!({ "data": [track(1, "One"), track(2, "Two")], "total": 3, "next": "x" })
        }
        "/album/5/tracks?index=2&limit=2" => json!({ "data": [track(3, "Three")], "total": 3 }),
        "/playlist/6" => json!({
            "id": 6, "title": "Six", "link": "https://www.deezer.com/playlist/6", "picture_xl": "https://c/6.jpg",
            "nb_tracks": 1, "creator": { "name": "Owner" },
        }),
        "/playlist/6/tracks?index=0&limit=2" => json!({ "data": [no_diggity()], "total": 1 }),
        "/artist/7" => json!({
            "id": 7, "name": "Somebody", "link": "https://www.deezer.com/artist/7", "picture_xl": "https://p/7.jpg",
        }),
        "/artist/7/top?limit=50" => json!({ "data": [track(1, "One")] }),
        "/artist/1861/radio" => json!({ "data": [track(4, "Four")] }),
        "/search/autocomplete?q=x" => json!({
            "tracks": { "data": [track(1, "One")] },
            "albums": { "data": [{ "title": "Album", "link": "https://l", "artist": { "name": "A" } }] },
            "artists": { "data": [{ "name": "A" }] },
            "playlists": { "data": [{ "title": "List", "user": { "name": "U" } }] },
        }),
        "/search?q=limit" => {
            json!({ "error": { "type": "Exception", "message": "Quota limit exceeded", "code": 4 } })
        }
        _ => nothing(),
    })
}

async fn world() -> World {
    World::with(api, |settings| crate::source::Settings {
        deezer: true,
        ..settings
    })
    .await
}

#[tokio::test]
async fn a_track_is_as_the_original_makes_it() {
    let world = world().await;
    for identifier in [
        "https://www.deezer.com/track/916496",
        "https://www.deezer.com/en/track/916496?x=y",
        "deezer.com/track/916496",
        "dzisrc:USIR19600978",
    ] {
        let found = world.track(identifier).await;
        assert_eq!(
            codec::encode(&found, 0).expect("it fits"),
            R8,
            "{identifier}"
        );
        assert_eq!(found, codec::decode(R8).expect("a track"));
    }
}

#[tokio::test]
async fn searches_find_tracks() {
    let world = world().await;
    match world.load("dzsearch:no diggity").await {
        LoadResult::Search(hits) => assert_eq!(titles(&hits), ["No Diggity"]),
        other => panic!("{other:?}"),
    }
    for nothing in [
        "dzsearch:",
        "dzsearch:other",
        "dzisrc:",
        "dzisrc:../x",
        "https://deezer.com/track/1",
    ] {
        assert_eq!(world.load(nothing).await, LoadResult::Empty, "{nothing}");
    }
    let (message, severity) = world.refused("dzsearch:limit").await;
    assert!(message.contains("too often") && severity == Severity::Suspicious);
}

#[tokio::test]
async fn albums_playlists_and_artists_are_lists_with_what_lavasrc_tells_of_them() {
    let world = world().await;
    let album = world.playlist("https://www.deezer.com/de/album/5").await;
    assert_eq!(
        (&*album.name, titles(&album.tracks)),
        ("Five", vec!["One", "Two", "Three"])
    );
    let wanted = json!({
        "type": "album", "url": "https://www.deezer.com/album/5", "artworkUrl": "https://c/5.jpg",
        "author": "Contributor", "totalTracks": 3,
    });
    assert_eq!(Value::Object(album.plugin_info), wanted);
    let first = &album.tracks[0];
    let wanted = json!({
        "albumName": "Five", "albumUrl": "https://www.deezer.com/album/5",
        "artistUrl": "https://www.deezer.com/artist/7", "artistArtworkUrl": "https://p/7.jpg",
        "previewUrl": "http://cdnt-preview.dzcdn.net/old.mp3", "isPreview": false,
    });
    assert_eq!(Value::Object(first.plugin_info.clone()), wanted);
    assert_eq!(first.info.artwork_url.as_deref(), Some("https://c/5.jpg"));

    let list = world.playlist("https://www.deezer.com/playlist/6").await;
    assert_eq!(
        (&*list.name, titles(&list.tracks)),
        ("Six", vec!["No Diggity"])
    );
    assert_eq!(
        (&list.plugin_info["type"], &list.plugin_info["author"]),
        (&json!("playlist"), &json!("Owner"))
    );

    let artist = world.playlist("https://www.deezer.com/artist/7").await;
    assert_eq!(artist.name, "Somebody's Top Tracks");
    assert_eq!(
        (
            &artist.plugin_info["type"],
            &artist.plugin_info["totalTracks"]
        ),
        (&json!("artist"), &json!(1))
    );
    assert_eq!(
        artist.tracks[0].plugin_info["artistArtworkUrl"],
        "https://p/7.jpg"
    );
    let by_hash = "https://cdn-images.dzcdn.net/images/cover/abc/1000x1000-000000-80-0-0.jpg";
    assert_eq!(artist.tracks[0].info.artwork_url.as_deref(), Some(by_hash));
}

#[tokio::test]
async fn recommendations_are_those_of_the_artist() {
    let world = world().await;
    for seed in ["dzrec:916496", "dzrec:track=916496", "dzrec:artist=1861"] {
        let list = world.playlist(seed).await;
        assert_eq!(
            (&*list.name, titles(&list.tracks)),
            ("Deezer Recommendations", vec!["Four"])
        );
        assert_eq!(list.plugin_info["type"], "recommendations");
    }
    assert_eq!(world.load("dzrec:artist=x/../y").await, LoadResult::Empty);
}

#[tokio::test]
async fn short_links_are_followed_on_their_site_only() {
    let world = world().await;
    // plain ones, because the proxy of the test is no end of TLS
    let api = Api {
        site: world.site("Deezer"),
    };
    let lengthen = async |text: &str| {
        let address = Address::parse(text).expect("a URL");
        api.lengthen(address).await.expect("an answer")
    };
    assert_eq!(
        lengthen("http://link.deezer.com/s/abc").await,
        Some(Wish::Track("916496".into()))
    );
    assert_eq!(
        lengthen("http://deezer.page.link/old").await,
        Some(Wish::Album("5".into()))
    );
    assert_eq!(lengthen("http://link.deezer.com/s/gone").await, None);
    for short in [
        "https://link.deezer.com/s/abc",
        "https://deezer.page.link/x",
    ] {
        assert!(matches!(Wish::read(short), Some(Wish::Short(_))), "{short}");
    }
    for other in [
        "https://deezer.com/show/1",
        "https://deezer.com/track/x",
        "https://example.org/track/1",
        "words",
    ] {
        assert_eq!(Wish::read(other), None, "{other}");
    }
}

#[tokio::test]
async fn previews_play_and_their_links_are_renewed() {
    let world = world().await;
    let preview = world.track("dzprev:https://www.deezer.com/track/9").await;
    assert_eq!(
        (preview.info.length, &preview.plugin_info["isPreview"]),
        (30_000, &json!(true))
    );
    // as a client kept it: its link is refused by now
    let mut old = preview.clone();
    old.plugin_info["previewUrl"] = json!("http://cdnt-preview.dzcdn.net/old.mp3");
    for track in [&preview, &old] {
        assert!(world.sound(track).await.expect("sound") == sound());
    }
    let mut forged = preview.clone();
    forged.plugin_info["previewUrl"] = json!("http://dzcdn.net.example/x.mp3");
    let failure = world.sound(&forged).await.expect_err("elsewhere");
    assert_eq!(
        told(failure),
        ("No preview url found".to_owned(), Severity::Common)
    );
    assert_eq!(world.count("example/x.mp3"), 0);
}

#[tokio::test]
async fn whole_tracks_are_sought_elsewhere() {
    let world = world().await;
    let found = world.track("https://www.deezer.com/track/916496").await;
    // none of the providers is there
    let failure = world.sound(&found).await.expect_err("no mirror");
    assert_eq!(failure.message, "No mirror found for track");
    assert_eq!(world.count("dzcdn"), 0);
}

#[tokio::test]
async fn several_kinds_are_found_at_once() {
    let world = world().await;
    let api = Api {
        site: world.site("Deezer"),
    };
    let kinds = [Kind::Track, Kind::Album, Kind::Artist, Kind::Playlist];
    let found = api.search_all("x", &kinds).await.expect("an answer");
    assert_eq!(titles(&found.tracks), ["One"]);
    let name = |lists: &[crate::track::Playlist]| {
        lists.iter().map(|it| it.name.clone()).collect::<String>()
    };
    assert_eq!(name(&found.albums), "Album");
    assert_eq!(name(&found.artists), "A's Top Tracks");
    assert_eq!(name(&found.playlists), "List");
    let albums = api
        .search_all("x", &[Kind::Album])
        .await
        .expect("an answer");
    assert!(albums.tracks.is_empty() && albums.albums.len() == 1);
}
