//! Owns: what searches, playlists, mixes and the pages that lead to them are held to.
//! Never knows: how a video is played.

use super::*;
use crate::source::{
    Source,
    findings::Kind,
    site::{Site, data},
    youtube::YouTube,
};
use std::sync::Arc;

fn item(id: &str) -> Value {
    json!({
        "videoId": id, "title": {"runs": [{"text": id}]}, "isPlayable": true,
        "shortBylineText": {"runs": [{"text": "A channel"}]},
        "lengthText": {"simpleText": "1:00"}, "lengthSeconds": "60",
    })
}

/// The id of a video with a number.
fn id(number: u32) -> String {
    format!("video{number:06}")
}

fn next(token: &str) -> Value {
    json!({"continuationItemRenderer": {"continuationEndpoint": {"continuationCommand": {"token": token}}}})
}

fn hits(kind: &str, items: Vec<Value>) -> Vec<u8> {
    let items: Vec<Value> = items
        .into_iter()
        .map(|item| json!({ kind: item }))
        .collect();
    json(
        &json!({"contents": {"twoColumnSearchResultsRenderer": {"primaryContents": {"sectionListRenderer": {"contents": [
            {"itemSectionRenderer": {"contents": items}}, next("more"),
        ]}}}}}),
    )
}

async fn search(world: &World, identifier: &str) -> Vec<String> {
    match world.load(identifier).await {
        LoadResult::Search(tracks) => titles(&tracks).into_iter().map(str::to_owned).collect(),
        LoadResult::Empty => Vec::new(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_search_gives_videos_and_another_client_s_when_one_does_not_work() {
    let world = world(|call| match (&*call.client, call.body["query"].as_str()) {
        ("WEB", Some("two words")) => {
            // reference, 8.2
            assert_eq!(call.body["params"], "EgIQAfABAQ==");
            hits(
                "videoRenderer",
                vec![item(&id(1)), json!({"videoId": "x"}), item(&id(2))],
            )
        }
        ("WEB", Some("nothing")) => hits("channelRenderer", vec![json!({"channelId": "UCx"})]),
        ("ANDROID_VR", Some("old")) => hits("compactVideoRenderer", vec![item(&id(3))]),
        _ => status(404),
    })
    .await;
    assert_eq!(search(&world, "ytsearch: two words ").await, [id(1), id(2)]);
    assert_eq!(
        search(&world, "https://www.youtube.com/results?search_query=old").await,
        [id(3)]
    );
    for nothing in ["ytsearch:nothing", "ytsearch:unknown", "ytsearch: "] {
        assert_eq!(world.load(nothing).await, LoadResult::Empty, "{nothing}");
    }
}

fn song(columns: [&str; 2], endpoint: Value) -> Value {
    let runs = columns.map(|text| {
        let runs: Vec<Value> = text
            .split('|')
            .map(|text| json!({ "text": text }))
            .collect();
        json!({"musicResponsiveListItemFlexColumnRenderer": {"text": {"runs": runs}}})
    });
    let mut item = json!({"flexColumns": runs});
    item["navigationEndpoint"] = endpoint.clone();
    item["playlistItemData"] = endpoint;
    item
}

fn shelf(items: Vec<Value>) -> Vec<u8> {
    let items: Vec<Value> = items
        .into_iter()
        .map(|item| json!({"musicResponsiveListItemRenderer": item}))
        .collect();
    json(
        &json!({"contents": {"tabbedSearchResultsRenderer": {"tabs": [{"tabRenderer": {"content": {"sectionListRenderer": {
            "contents": [{"musicShelfRenderer": {"contents": items}}]
        }}}}]}}}),
    )
}

/// What is found of each kind of thing, by what a search of YouTube Music is told to look for.
fn music(call: &Call) -> Vec<u8> {
    let browse = |id: &str| json!({"browseEndpoint": {"browseId": id}});
    if call.endpoint == "music/get_search_suggestions" {
        assert_eq!(call.body["input"], "x");
        return json(
            &json!({"contents": [{"searchSuggestionsSectionRenderer": {"contents": [
                {"searchSuggestionRenderer": {"suggestion": {"runs": [{"text": "x "}, {"text": "y"}]},
                    "navigationEndpoint": {"searchEndpoint": {"query": "x y"}}}},
            ]}}]}),
        );
    }
    assert_eq!((&*call.client, &*call.endpoint), ("WEB_REMIX", "search"));
    match call.body["params"].as_str().expect("params") {
        "Eg-KAQwIARAAGAAgACgAMABqChADEAQQCRAFEAo=" => shelf(vec![song(
            ["A song", "An artist| • |3:49"],
            json!({"videoId": id(1)}),
        )]),
        "Eg-KAQwIABAAGAEgACgAMABqChAEEAUQAxAKEAk=" => shelf(vec![song(
            ["An album", "Album| • |An artist"],
            browse("MPREb_x"),
        )]),
        "Eg-KAQwIABAAGAAgASgAMABqChAEEAUQAxAKEAk=" => {
            shelf(vec![song(["An artist", "Artist"], browse("UCx"))])
        }
        "Eg-KAQwIABAAGAAgACgBMABqChAEEAUQAxAKEAk=" => {
            shelf(vec![song(["A list", "Somebody"], browse("VLPLx"))])
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn songs_are_sought_in_youtube_music() {
    let world = world(music).await;
    assert_eq!(search(&world, "ytmsearch:x").await, ["A song"]);
    assert_eq!(
        world.count("http://music.youtube.com/youtubei/v1/search"),
        1
    );
}

#[tokio::test]
async fn several_kinds_of_things_are_found_at_once() {
    let world = world(music).await;
    let clients = crate::net::Clients::new(crate::net::Settings {
        proxy: Some(crate::net::Proxy {
            host: world.server.address.ip().to_string(),
            port: world.server.address.port(),
            credentials: None,
        }),
        ..crate::net::testing::quick()
    });
    let known = data::SiteData::with(
        r#"{"youtube": {"musicApi": "http://music.youtube.com/youtubei/v1"}}"#,
    );
    let (_keep, known) = tokio::sync::watch::channel(Arc::new(known.expect("it fits")));
    let source = YouTube::new(
        Site::new("YouTube", clients, known),
        YouTubeSettings::default(),
    );
    let kinds = [
        Kind::Track,
        Kind::Album,
        Kind::Artist,
        Kind::Playlist,
        Kind::Text,
    ];
    let found = source
        .search("ytmsearch:x", &kinds)
        .await
        .expect("an answer")
        .expect("it is for this source");
    assert_eq!(titles(&found.tracks), ["A song"]);
    let names = [&found.albums, &found.artists, &found.playlists].map(|lists| &*lists[0].name);
    assert_eq!(names, ["An album", "An artist", "A list"]);
    assert_eq!(found.texts, ["x y"]);
    assert!(
        source
            .search("scsearch:x", &kinds)
            .await
            .expect("no failure")
            .is_none()
    );
}

fn playlist(items: Value) -> Value {
    json!({
        "header": {"playlistHeaderRenderer": {"title": {"simpleText": "A list"}}},
        "contents": {"twoColumnBrowseResultsRenderer": {"tabs": [{"tabRenderer": {"content": {"sectionListRenderer": {
            "contents": [{"itemSectionRenderer": {"contents": [{"playlistVideoListRenderer": {"contents": items}}]}}]
        }}}}]}},
    })
}

/// Pages of three tracks without an end.
fn endless(call: &Call) -> Vec<u8> {
    let entries = |page: u32| -> Value {
        let items = (0..3).map(|n| json!({"playlistVideoRenderer": item(&id(page * 3 + n))}));
        items.chain([next(&(page + 1).to_string())]).collect()
    };
    match (
        call.body["browseId"].as_str(),
        call.body["continuation"].as_str(),
    ) {
        (Some("VLPLx"), _) => json(&playlist(entries(0))),
        (_, Some(page)) => json(&json!({"onResponseReceivedActions": [
            {"appendContinuationItemsAction": {"continuationItems": entries(page.parse().expect("a number"))}}
        ]})),
        _ => status(404),
    }
}

#[tokio::test]
async fn a_playlist_is_read_page_by_page_up_to_its_limit() {
    for (pages, tracks) in [(0, 3), (1, 3), (3, 9)] {
        let settings = YouTubeSettings {
            playlist_pages: pages,
            ..YouTubeSettings::default()
        };
        let world = world_with(settings, endless).await;
        let link = format!("https://www.youtube.com/watch?v={}&list=PLx", id(4));
        let list = world.playlist(&link).await;
        assert_eq!((&*list.name, list.tracks.len()), ("A list", tracks));
        let wanted: Vec<String> = (0..tracks as u32).map(id).collect();
        assert_eq!(titles(&list.tracks), wanted);
        assert_eq!(list.selected, (tracks > 4).then_some(4));
    }
}

#[tokio::test]
async fn entries_that_are_gone_are_left_out_and_a_page_that_fails_ends_the_list() {
    let world = world(|call| match call.body["browseId"].as_str() {
        Some("VLPLx") => {
            let gone = json!({"videoId": id(1), "title": {"runs": [{"text": "[Private video]"}]}, "isPlayable": false});
            let entries = json!([
                {"playlistVideoRenderer": item(&id(0))}, {"playlistVideoRenderer": gone},
                {"playlistVideoRenderer": item(&id(2))}, next("broken"),
            ]);
            json(&playlist(entries))
        }
        Some("VLPLempty") => json(&json!({"header": {"pageHeaderRenderer": {"pageTitle": "Empty"}}})),
        Some("VLPLgone") => json(&json!({"alerts": [{"alertRenderer": {
            "type": "ERROR", "text": {"runs": [{"text": "The playlist does not exist."}]}
        }}]})),
        _ => status(404),
    })
    .await;
    let list = world.playlist("PLx").await;
    assert_eq!(titles(&list.tracks), [id(0), id(2)]);
    assert_eq!(list.selected, None);
    let empty = world
        .playlist("https://www.youtube.com/playlist?list=PLempty")
        .await;
    assert_eq!((&*empty.name, empty.tracks.len()), ("Empty", 0));
    for gone in ["PLgone", "PLunknown"] {
        let (message, severity) = world.refused(gone).await;
        assert!(message.contains("does not exist"), "{message}");
        assert_eq!(severity, Severity::Common);
    }
}

#[tokio::test]
async fn a_mix_is_a_list_around_its_video() {
    let world = world(|call| {
        assert_eq!(call.endpoint, "next");
        match (
            call.body["playlistId"].as_str(),
            call.body["videoId"].as_str(),
        ) {
            (Some("RDMM"), None) | (Some(_), Some(ID)) => {
                let items = [id(1), ID.to_owned()]
                    .map(|id| json!({"playlistPanelVideoRenderer": item(&id)}));
                json(&json!({"contents": {"twoColumnWatchNextResults": {
                    "playlist": {"playlist": {"title": "Mix – A title", "contents": items}},
                    "secondaryResults": {"results": [{"compactVideoRenderer": item(&id(9))}]},
                }}}))
            }
            _ => json(
                &json!({"contents": {"twoColumnWatchNextResults": {"results": {"contents": []}}}}),
            ),
        }
    })
    .await;
    let mix = world
        .playlist("https://www.youtube.com/watch?v=Kn56bMZ9OE8&list=RDGMEMx")
        .await;
    assert_eq!(
        (&*mix.name, mix.tracks.len(), mix.selected),
        ("Mix – A title", 2, Some(1))
    );
    let mix = world
        .playlist("https://www.youtube.com/playlist?list=RDAMVMKn56bMZ9OE8")
        .await;
    assert_eq!(mix.selected, Some(1));
    assert_eq!(
        world
            .playlist("https://www.youtube.com/playlist?list=RDMM")
            .await
            .selected,
        None
    );
    let (message, _) = world
        .refused("https://www.youtube.com/playlist?list=RDGMEMgone")
        .await;
    assert_eq!(message, "This mix does not exist.");
}

/// People share links out of lists that are theirs alone, or gone since.
#[tokio::test]
async fn where_a_list_is_gone_the_video_that_was_pointed_at_is_loaded() {
    let world = world(|call| match &*call.endpoint {
        "player" if call.body["videoId"] == ID => json(&video(ID)),
        "player" => refusal("ERROR", "Video unavailable"),
        "browse" if call.body["browseId"] == "VLPLprivate" => json(&json!({"alerts": [
            {"alertRenderer": {"type": "ERROR", "text": {"simpleText": "This playlist is private."}}}
        ]})),
        "browse" if call.body["browseId"] == "VLPLbroken" => status(403),
        "next" => json(&json!({"contents": {}})),
        _ => status(404),
    })
    .await;
    for list in ["PLgone", "PLprivate", "RDgone"] {
        let found = world.load(&format!("{PAGE}&list={list}")).await;
        let LoadResult::Track(track) = found else {
            panic!("{list}: {found:?}");
        };
        assert_eq!(track.info.identifier, ID, "{list}");
    }
    let told = async |identifier: &str| {
        let failure = world.registry.load(identifier).await;
        failure.expect_err(identifier).message
    };
    // nothing to fall back to, and what may be there the next time
    let list = "https://www.youtube.com/playlist?list=PLgone";
    assert_eq!(told(list).await, "This playlist does not exist.");
    let broken = told(&format!("{PAGE}&list=PLbroken")).await;
    assert!(broken.starts_with("YouTube refuses to answer"), "{broken}");
    let both = "https://youtu.be/abcdefghijk?list=PLgone";
    assert_eq!(told(both).await, "This video is not available.");
}

#[tokio::test]
async fn pages_that_lead_to_a_list_are_followed() {
    let world = World::new(|asked| match &*asked.path {
        "http://www.youtube.com/watch_videos?video_ids=video000000,video000004" => {
            assert_eq!(asked.method, "HEAD");
            moved("https://www.youtube.com/watch?v=video000000&list=PLx")
        }
        "http://www.youtube.com/watch_videos?video_ids=video000009" => {
            moved("http://evil.example/")
        }
        _ => api(asked, &|call: &Call| match &*call.endpoint {
            "browse" if call.body["browseId"] == "MPREb_x" => {
                json(&json!({"microformat": {"microformatDataRenderer": {
                    "urlCanonical": "https://music.youtube.com/playlist?list=PLx"
                }}}))
            }
            "navigation/resolve_url" => match call.body["url"].as_str() {
                Some("https://www.youtube.com/@handle") => {
                    json(&json!({"endpoint": {"browseEndpoint": {"browseId": "UCabc"}}}))
                }
                _ => status(404),
            },
            "browse" if call.body["browseId"] == "VLUUabc" => json(&playlist(json!([]))),
            _ => endless(call),
        }),
    })
    .await;
    let videos = "https://www.youtube.com/watch_videos?video_ids=video000000,video000004";
    assert_eq!(world.playlist(videos).await.selected, Some(0));
    let elsewhere = "https://www.youtube.com/watch_videos?video_ids=video000009";
    assert_eq!(world.load(elsewhere).await, LoadResult::Empty);
    assert_eq!(
        world
            .playlist("https://music.youtube.com/browse/MPREb_x")
            .await
            .name,
        "A list"
    );
    assert_eq!(
        world
            .playlist("https://www.youtube.com/@handle/videos")
            .await
            .name,
        "A list"
    );
    let (message, _) = world.refused("https://www.youtube.com/@nobody").await;
    assert_eq!(message, "This channel does not exist.");
}
