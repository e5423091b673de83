//! Owns: what the `spotify` source is held to. There are no recordings of the site: the answers here are made by hand in the
//! shapes of the Web API's reference (developer.spotify.com/documentation/web-api), those of 2026 included.
//! Never knows: how it works inside.

mod access;

use super::*;
use crate::{
    error::Severity,
    net::testing::{Asked, response},
    source::{
        self,
        registry::Others,
        site::testing::{World, json, status, titles, told},
    },
    track::codec,
};
use serde_json::json;

fn settings() -> Settings {
    Settings {
        credentials: Some(Credentials::Client {
            id: "id".into(),
            secret: Secret::new("geheim"),
        }),
        country: "DE".into(),
        playlist_pages: 2,
        album_pages: 2,
        resolve_artists: true,
        local_files: false,
    }
}

/// Answers what is behind the API's address, asked with the token; `None` is not found.
async fn world_with(
    settings: Settings,
    answer: impl Fn(&str, &Asked) -> Vec<u8> + Send + Sync + 'static,
) -> World {
    let answer = move |asked: &Asked| {
        if asked.path == "http://accounts.spotify.com/api/token" {
            // RFC 6749, 4.4.2 and 2.3.1: base64 of `id:geheim`
            assert_eq!(asked.header("authorization"), Some("Basic aWQ6Z2VoZWlt"));
            assert_eq!(asked.body, b"grant_type=client_credentials");
            return json(&json!({"access_token": "T", "token_type": "Bearer", "expires_in": 3600}));
        }
        let path = asked.path.strip_prefix("http://api.spotify.com/v1");
        if let Some(path) = path {
            assert_eq!(asked.header("authorization"), Some("Bearer T"));
            return answer(path, asked);
        }
        answer(&asked.path, asked)
    };
    World::with(answer, |all| source::Settings {
        spotify: Some(settings),
        ..all
    })
    .await
}

async fn world(answer: impl Fn(&str) -> Option<Value> + Send + Sync + 'static) -> World {
    let answer =
        move |path: &str, _: &Asked| answer(path).map_or_else(|| status(404), |it| json(&it));
    world_with(settings(), answer).await
}

fn artist(id: &str) -> Value {
    json!({
        "id": id, "name": format!("Artist {id}"), "type": "artist",
        "external_urls": {"spotify": format!("https://open.spotify.com/artist/{id}")},
    })
}

fn full_artist(id: &str) -> Value {
    let mut artist = artist(id);
    artist["images"] =
        json!([{"url": format!("https://i.scdn.co/image/{id}"), "width": 640, "height": 640}]);
    artist
}

fn album(id: &str) -> Value {
    json!({
        "id": id, "name": format!("Album {id}"), "type": "album", "total_tracks": 3,
        "external_urls": {"spotify": format!("https://open.spotify.com/album/{id}")},
        "images": [{"url": format!("https://i.scdn.co/image/{id}"), "width": 640, "height": 640}],
        "artists": [artist("a")],
    })
}

/// A track as an album tells it.
fn simple(id: &str) -> Value {
    json!({
        "id": id, "name": format!("Track {id}"), "type": "track", "duration_ms": 180_000, "is_local": false,
        "external_urls": {"spotify": format!("https://open.spotify.com/track/{id}")},
        "preview_url": format!("https://p.scdn.co/mp3-preview/{id}"),
        "artists": [artist("a"), artist("b")],
    })
}

fn full(id: &str) -> Value {
    let mut track = simple(id);
    track["album"] = album("l");
    track["external_ids"] = json!({"isrc": format!("ISRC{id}")});
    track
}

#[tokio::test]
async fn a_track_is_described_as_in_lavasrc() {
    let world = world(|path| match path {
        "/tracks/t" => Some(full("t")),
        "/artists/a" => Some(full_artist("a")),
        _ => None,
    })
    .await;
    for link in [
        "https://open.spotify.com/track/t?si=x",
        "https://open.spotify.com/intl-de/track/t",
        "spotify:track:t",
    ] {
        let found = world.track(link).await;
        let info = &found.info;
        assert_eq!(
            (&*info.identifier, &*info.title, &*info.author),
            ("t", "Track t", "Artist a")
        );
        assert_eq!((info.length, info.is_seekable), (180_000, true));
        assert_eq!(
            info.uri.as_deref(),
            Some("https://open.spotify.com/track/t")
        );
        assert_eq!(
            info.artwork_url.as_deref(),
            Some("https://i.scdn.co/image/l")
        );
        assert_eq!(info.isrc.as_deref(), Some("ISRCt"));
        let wanted = json!({
            "albumName": "Album l", "albumUrl": "https://open.spotify.com/album/l",
            "artistUrl": "https://open.spotify.com/artist/a", "artistArtworkUrl": "https://i.scdn.co/image/a",
            "previewUrl": "https://p.scdn.co/mp3-preview/t", "isPreview": false, "isLocal": false,
        });
        assert_eq!(Value::Object(found.plugin_info.clone()), wanted);
        let encoded = codec::encode(&found, 0).expect("encodable");
        assert_eq!(codec::decode(&encoded).expect("a track"), found);
    }
    assert_eq!(
        (world.count("/api/token"), world.count("/artists/a")),
        (1, 1)
    );
    let preview = world.track("spprev:https://open.spotify.com/track/t").await;
    assert_eq!(
        (preview.info.length, &preview.plugin_info["isPreview"]),
        (30_000, &json!(true))
    );
    assert_eq!(
        world.load("https://open.spotify.com/track/none").await,
        LoadResult::Empty
    );
}

/// A page of a list with as many items as `total` says, of which there are two a page.
fn page(path: &str, total: usize, item: impl Fn(usize) -> Value) -> Value {
    let offset = path
        .split_once("offset=")
        .map_or(0, |(_, it)| it.parse().expect("a number"));
    let items: Vec<Value> = (offset..total.min(offset + 2)).map(item).collect();
    let next = (offset + 2 < total).then_some("https://api.spotify.com/v1/next");
    json!({"items": items, "total": total, "next": next, "offset": offset, "limit": 2})
}

#[tokio::test]
async fn an_album_is_loaded_page_by_page_with_all_that_is_known_of_its_tracks() {
    let world = world(|path| match path {
        "/albums/l" => {
            let mut album = album("l");
            album["tracks"] = page("", 5, |at| simple(&at.to_string()));
            Some(album)
        }
        "/artists/a" => Some(full_artist("a")),
        "/tracks?ids=0%2C1%2C2%2C3" => {
            let tracks: Vec<Value> = [0, 1, 3].iter().map(|it| full(&it.to_string())).collect();
            Some(json!({ "tracks": tracks }))
        }
        path if path.starts_with("/albums/l/tracks?") => {
            Some(page(path, 5, |at| simple(&at.to_string())))
        }
        _ => None,
    })
    .await;
    let album = world.playlist("https://open.spotify.com/album/l").await;
    // two pages are allowed
    assert_eq!(
        titles(&album.tracks),
        ["Track 0", "Track 1", "Track 2", "Track 3"]
    );
    let isrcs: Vec<_> = album
        .tracks
        .iter()
        .map(|it| it.info.isrc.as_deref())
        .collect();
    assert_eq!(isrcs, [Some("ISRC0"), Some("ISRC1"), None, Some("ISRC3")]);
    for track in &album.tracks {
        assert_eq!(track.plugin_info["albumName"], "Album l");
        assert_eq!(
            track.info.artwork_url.as_deref(),
            Some("https://i.scdn.co/image/l")
        );
        assert_eq!(
            track.plugin_info["artistArtworkUrl"],
            "https://i.scdn.co/image/a"
        );
    }
    let wanted = json!({
        "type": "album", "url": "https://open.spotify.com/album/l", "artworkUrl": "https://i.scdn.co/image/l",
        "author": "Artist a", "totalTracks": 3,
    });
    assert_eq!(
        (&*album.name, Value::Object(album.plugin_info)),
        ("Album l", wanted)
    );
}

#[tokio::test]
async fn an_album_is_loaded_by_credentials_that_may_see_little() {
    let world = world_with(settings(), |path, _| match path {
        "/albums/l" => {
            let mut album = album("l");
            album["tracks"] = page("", 1, |at| simple(&at.to_string()));
            json(&album)
        }
        _ => status(403),
    })
    .await;
    let album = world.playlist("https://open.spotify.com/album/l").await;
    assert_eq!(titles(&album.tracks), ["Track 0"]);
    assert_eq!(album.tracks[0].info.isrc, None);
}

fn listed(path: &str, key: &str, list: &str) -> Option<Value> {
    if path.starts_with(&format!("/playlists/p/{list}?")) {
        return Some(page(path, 6, |at| match at {
            0 => json!({ key: full("0") }),
            1 => json!({ key: null }),
            2 => json!({ key: {"id": "e", "type": "episode", "name": "Episode"} }),
            3 => {
                json!({ key: {"id": null, "type": "track", "name": "File", "is_local": true, "duration_ms": 1000,
                               "artists": [{"name": ""}], "external_urls": {}} })
            }
            _ => panic!("two pages are allowed"),
        }));
    }
    path.starts_with("/playlists/p?").then(|| {
        json!({
            "name": "Mine", "external_urls": {"spotify": "https://open.spotify.com/playlist/p"},
            "images": [{"url": "https://i.scdn.co/image/p"}], "owner": {"display_name": "Me"},
            list: {"total": 6},
        })
    })
}

#[tokio::test]
async fn a_playlist_is_loaded_in_the_shapes_of_all_years() {
    for (key, list) in [("track", "tracks"), ("item", "items")] {
        let world = world(move |path| listed(path, key, list)).await;
        let found = world
            .playlist("https://open.spotify.com/user/me/playlist/p")
            .await;
        assert_eq!(titles(&found.tracks), ["Track 0"], "{key}");
        let wanted = json!({
            "type": "playlist", "url": "https://open.spotify.com/playlist/p",
            "artworkUrl": "https://i.scdn.co/image/p", "author": "Me", "totalTracks": 6,
        });
        assert_eq!(
            (&*found.name, Value::Object(found.plugin_info)),
            ("Mine", wanted)
        );
    }
}

#[tokio::test]
async fn files_of_people_count_when_they_are_wanted() {
    let settings = Settings {
        local_files: true,
        ..settings()
    };
    let answer = |path: &str, _: &Asked| {
        listed(path, "track", "items").map_or_else(|| status(404), |it| json(&it))
    };
    let world = world_with(settings, answer).await;
    let found = world.playlist("https://open.spotify.com/playlist/p").await;
    let file = &found.tracks[1];
    assert_eq!(
        (&*file.info.identifier, &*file.info.author),
        ("local", "Unknown")
    );
    assert_eq!((&file.info.uri, &file.info.isrc), (&None, &None));
    assert_eq!(file.plugin_info["isLocal"], true);
}

#[tokio::test]
async fn an_artists_best_known_tracks_are_a_list() {
    let world = world(|path| match path {
        "/artists/a" => Some(full_artist("a")),
        "/artists/a/top-tracks?market=DE" => Some(json!({ "tracks": [full("1"), full("2")] })),
        "/artists/z" => Some(full_artist("z")),
        // apps in development mode may search, and no more
        "/search?q=artist%3A%22Artist+z%22&type=track&limit=10" => {
            let mut his = full("3");
            his["artists"] = json!([artist("y"), artist("z")]);
            Some(json!({ "tracks": {"items": [full("1"), his]} }))
        }
        _ => None,
    })
    .await;
    let found = world.playlist("https://open.spotify.com/artist/a").await;
    assert_eq!(
        (&*found.name, titles(&found.tracks)),
        ("Artist a's Top Tracks", vec!["Track 1", "Track 2"])
    );
    let wanted = json!({
        "type": "artist", "url": "https://open.spotify.com/artist/a", "artworkUrl": "https://i.scdn.co/image/a",
        "author": "Artist a", "totalTracks": 2,
    });
    assert_eq!(Value::Object(found.plugin_info), wanted);
    let found = world.playlist("https://open.spotify.com/artist/z").await;
    assert_eq!(titles(&found.tracks), ["Track 3"]);
}

#[tokio::test]
async fn searches_find_tracks_with_the_pictures_of_their_artists() {
    let answer = |path: &str| match path {
        "/search?q=some+words&type=track&limit=10" => {
            let mut local = full("2");
            local["is_local"] = json!(true);
            Some(json!({ "tracks": {"items": [full("1"), local, null]} }))
        }
        "/artists?ids=a" => Some(json!({ "artists": [full_artist("a"), null] })),
        _ => None,
    };
    let world = world(answer).await;
    let LoadResult::Search(hits) = world.load("spsearch: some words").await else {
        panic!("hits");
    };
    assert_eq!(titles(&hits), ["Track 1"]);
    assert_eq!(
        hits[0].plugin_info["artistArtworkUrl"],
        "https://i.scdn.co/image/a"
    );
    assert_eq!(world.load("spsearch:nothing").await, LoadResult::Empty);
    assert_eq!(world.load("spsearch:").await, LoadResult::Empty);
    let quiet = Settings {
        resolve_artists: false,
        ..settings()
    };
    let answer =
        move |path: &str, _: &Asked| answer(path).map_or_else(|| status(404), |it| json(&it));
    let world = world_with(quiet, answer).await;
    assert!(matches!(
        world.load("spsearch:some words").await,
        LoadResult::Search(_)
    ));
    assert_eq!(world.count("/artists"), 0);
}

#[tokio::test]
async fn tracks_like_others_are_found() {
    let world = world(|path| match path {
        "/recommendations?seed_tracks=t&limit=20&market=DE" => Some(json!({ "tracks": [full("1")] })),
        "http://spclient.wg.spotify.com/inspiredby-mix/v2/seed_to_playlist/spotify:album:l?response-format=json" => {
            Some(json!({ "mediaItems": [{"uri": "spotify:playlist:p"}] }))
        }
        path => listed(path, "item", "items"),
    })
    .await;
    let found = world.playlist("sprec:t").await;
    assert_eq!(
        (&*found.name, found.plugin_info["type"].as_str()),
        ("Spotify Recommendations", Some("recommendations"))
    );
    assert_eq!(world.playlist("sprec:mix:album:l").await.name, "Mine");
    assert_eq!(world.load("sprec:none").await, LoadResult::Empty);
}

#[tokio::test]
async fn short_links_lead_to_long_ones() {
    let world = world_with(settings(), |path, asked| match path {
        "http://spotify.link/Abc" => {
            assert_eq!(asked.method, "HEAD");
            let to = "https://open.spotify.com/track/t?si=x";
            response(307, &[("Location", to), ("Content-Length", "0")], b"")
        }
        "http://spotify.link/evil" => response(
            307,
            &[("Location", "http://10.0.0.1/"), ("Content-Length", "0")],
            b"",
        ),
        "/tracks/t" => json(&full("t")),
        _ => status(404),
    })
    .await;
    assert_eq!(
        world.track("http://spotify.link/Abc").await.info.identifier,
        "t"
    );
    for link in ["http://spotify.link/evil", "http://spotify.link/none"] {
        assert_eq!(world.load(link).await, LoadResult::Empty, "{link}");
    }
}

#[tokio::test]
async fn many_kinds_are_searched_at_once() {
    let world = world(|path| match path {
        "/search?q=words&type=track%2Calbum%2Cartist%2Cplaylist" => Some(json!({
            "tracks": {"items": [full("1")]}, "albums": {"items": [album("l")]},
            "artists": {"items": [full_artist("a")]},
            "playlists": {"items": [null, {"name": "P", "owner": {"display_name": "Me"}, "tracks": {"total": 9}}]},
        })),
        _ => None,
    })
    .await;
    let mirror = Mirror::new(source::MirrorSettings::default(), Others::none());
    let spotify = Spotify::new(world.site("Spotify"), settings(), mirror);
    use findings::Kind::{Album, Artist, Playlist, Text, Track};
    let kinds = [Track, Album, Artist, Playlist, Text];
    let found = spotify
        .search("spsearch:words", &kinds)
        .await
        .expect("an answer");
    let found = found.expect("its own");
    let names = |lists: &[crate::track::Playlist]| {
        lists.iter().map(|it| it.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(titles(&found.tracks), ["Track 1"]);
    assert_eq!(names(&found.albums), ["Album l"]);
    assert_eq!(names(&found.artists), ["Artist a's Top Tracks"]);
    assert_eq!(names(&found.playlists), ["P"]);
    assert_eq!(found.playlists[0].plugin_info["totalTracks"], 9);
    let other = spotify.search("ytsearch:words", &kinds).await;
    assert_eq!(other.map_err(told), Ok(None));
}
