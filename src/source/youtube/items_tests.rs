//! Owns: what reading the site's lists is held to, against items in its shapes of 2026, made by hand.
//! Never knows: how they are read.

use super::*;
use crate::source::site::{json, testing::titles};
use serde_json::json;

/// What is left of an answer when it is read, and what is in that.
fn page(value: Value) -> Page {
    let text = value.to_string();
    Page::of(&json::read_only(text.as_bytes(), is_read).expect("JSON"))
}

fn only(name: &str, item: Value) -> Option<TrackInfo> {
    let mut tracks = page(json!({"contents": [{ name: item }]})).tracks;
    assert!(tracks.len() < 2);
    tracks.pop().map(|track| track.info)
}

fn classic(id: &str) -> Value {
    json!({
        "videoId": id, "trackingParams": "x",
        "title": {"runs": [{"text": format!("Title {id}")}]},
        "longBylineText": {"runs": [{"text": "A channel", "navigationEndpoint": {"browseEndpoint": {"browseId": "UCx"}}}]},
        "lengthText": {"simpleText": "1:02:03", "accessibility": {"accessibilityData": {"label": "long"}}},
        "thumbnail": {"thumbnails": [{"url": "https://i.ytimg.com/vi/x/hq720.jpg?sqp=-o", "width": 360}]},
    })
}

fn with(mut item: Value, name: &str, value: Value) -> Value {
    item[name] = value;
    item
}

const ID: &str = "Kn56bMZ9OE8";

#[test]
fn a_video_is_read_in_each_of_its_older_shapes() {
    for name in [
        "videoRenderer",
        "compactVideoRenderer",
        "gridVideoRenderer",
        "playlistPanelVideoRenderer",
    ] {
        let info = only(name, classic(ID)).expect(name);
        assert_eq!(
            (&*info.identifier, &*info.title, &*info.author),
            (ID, "Title Kn56bMZ9OE8", "A channel")
        );
        assert_eq!((info.length, info.is_stream), (3_723_000, false));
        assert_eq!(
            info.artwork_url.as_deref(),
            Some("https://i.ytimg.com/vi/Kn56bMZ9OE8/mqdefault.jpg")
        );
    }
    let of_a_list = json!({
        "videoId": ID, "title": {"simpleText": "T"}, "shortBylineText": {"runs": [{"text": "A"}]},
        "lengthSeconds": "12", "isPlayable": true, "index": {"simpleText": "1"},
        "thumbnail": {"thumbnails": [{"url": "https://i.ytimg.com/vi_webp/Kn56bMZ9OE8/maxresdefault.webp"}]},
    });
    let info = only("playlistVideoRenderer", of_a_list).expect("a video");
    assert_eq!((info.length, &*info.author), (12_000, "A"));
    // vector R6 of reference, 3.5
    let artwork = "https://i.ytimg.com/vi_webp/Kn56bMZ9OE8/maxresdefault.webp";
    assert_eq!(info.artwork_url.as_deref(), Some(artwork));
}

#[test]
fn live_videos_have_no_end_and_those_to_come_or_gone_are_left_out() {
    let without_length = with(classic(ID), "lengthText", Value::Null);
    let badge =
        json!([{"metadataBadgeRenderer": {"style": "BADGE_STYLE_TYPE_LIVE_NOW", "label": "LIVE"}}]);
    let live = only(
        "videoRenderer",
        with(without_length.clone(), "badges", badge),
    )
    .expect("live");
    assert_eq!((live.length, live.is_stream), (UNKNOWN_LENGTH, true));
    let mut nameless = without_length.clone();
    nameless["longBylineText"] = Value::Null;
    for gone in [
        with(
            without_length,
            "upcomingEventData",
            json!({"startTime": "1"}),
        ),
        with(classic(ID), "isPlayable", json!(false)),
        with(
            classic(ID),
            "unplayableText",
            json!({"simpleText": "[Private video]"}),
        ),
        with(classic(ID), "videoId", json!("short")),
        nameless,
    ] {
        assert_eq!(only("videoRenderer", gone.clone()), None, "{gone}");
    }
}

#[test]
fn a_lockup_is_a_video_when_it_says_so() {
    let lockup = |kind: &str, badge: Value| {
        json!({
            "contentId": ID, "contentType": kind,
            "contentImage": {"thumbnailViewModel": {
                "image": {"sources": [{"url": "https://i.ytimg.com/vi/x/hqdefault.jpg"}]},
                "overlays": [
                    {"thumbnailHoverOverlayToggleActionsViewModel": {"buttons": [{"text": "9:99"}]}},
                    {"thumbnailOverlayBadgeViewModel": {"thumbnailBadges": [{"thumbnailBadgeViewModel": badge}]}},
                ],
            }},
            "metadata": {"lockupMetadataViewModel": {
                "title": {"content": "A title"},
                "metadata": {"contentMetadataViewModel": {"metadataRows": [
                    {"metadataParts": [{"text": {"content": "A channel"}}]},
                    {"metadataParts": [{"text": {"content": "5 views"}}]},
                ]}},
            }},
        })
    };
    let length = json!({"text": "18:42", "badgeStyle": "THUMBNAIL_OVERLAY_BADGE_STYLE_DEFAULT"});
    let info = only(
        "lockupViewModel",
        lockup("LOCKUP_CONTENT_TYPE_VIDEO", length.clone()),
    );
    let info = info.expect("a video");
    assert_eq!(
        (&*info.title, &*info.author, info.length),
        ("A title", "A channel", 1_122_000)
    );
    let live = json!({"text": "LIVE", "badgeStyle": "THUMBNAIL_OVERLAY_BADGE_STYLE_LIVE"});
    let info = only("lockupViewModel", lockup("LOCKUP_CONTENT_TYPE_VIDEO", live)).expect("live");
    assert!(info.is_stream);
    assert_eq!(
        only(
            "lockupViewModel",
            lockup("LOCKUP_CONTENT_TYPE_PLAYLIST", length)
        ),
        None
    );
    let upcoming =
        json!({"text": "UPCOMING", "badgeStyle": "THUMBNAIL_OVERLAY_BADGE_STYLE_DEFAULT"});
    assert_eq!(
        only(
            "lockupViewModel",
            lockup("LOCKUP_CONTENT_TYPE_VIDEO", upcoming)
        ),
        None
    );
}

#[test]
fn a_short_is_read_where_it_is_an_item() {
    let short = json!({
        "entityId": "shorts-shelf-item-x",
        "onTap": {"innertubeCommand": {"reelWatchEndpoint": {"videoId": ID}}},
        "overlayMetadata": {"primaryText": {"content": "A short"}, "secondaryText": {"content": "1 view"}},
    });
    let in_grid =
        json!({"contents": [{"richItemRenderer": {"content": {"shortsLockupViewModel": short}}}]});
    assert_eq!(titles(&page(in_grid).tracks), ["A short"]);
    let in_shelf =
        json!({"contents": [{"reelShelfRenderer": {"items": [{"shortsLockupViewModel": short}]}}]});
    assert!(page(in_shelf).tracks.is_empty());
}

fn song_item(columns: &[Value], more: Value) -> Value {
    let columns: Vec<Value> = columns
        .iter()
        .map(|runs| json!({"musicResponsiveListItemFlexColumnRenderer": {"text": {"runs": runs}}}))
        .collect();
    let mut item = json!({
        "flexColumns": columns,
        "thumbnail": {"musicThumbnailRenderer": {"thumbnail": {"thumbnails": [
            {"url": "https://lh3.googleusercontent.com/abc-_=w60-h60-l90-rj"},
            {"url": "https://lh3.googleusercontent.com/abc-_=w120-h120-l90-rj"},
        ]}}},
    });
    for (name, value) in more.as_object().expect("an object") {
        item[name] = value.clone();
    }
    item
}

/// The picture of vector R4 of reference, 3.5, and its author, the first of several.
#[test]
fn a_song_has_its_cover_and_its_first_artist() {
    let title =
        json!([{"text": "A song", "navigationEndpoint": {"watchEndpoint": {"videoId": ID}}}]);
    let about = json!([{"text": "One"}, {"text": " & "}, {"text": "Two"}, {"text": " • "}, {"text": "3:49"}]);
    let info = only(
        "musicResponsiveListItemRenderer",
        song_item(&[title.clone(), about], json!({})),
    );
    let info = info.expect("a song");
    assert_eq!(
        (&*info.title, &*info.author, info.length),
        ("A song", "One", 229_000)
    );
    let cover = "https://lh3.googleusercontent.com/abc-_=w1000-h1000";
    assert_eq!(info.artwork_url.as_deref(), Some(cover));
    // in an album the length stands in a column of its own
    let fixed = json!({"fixedColumns": [{"musicResponsiveListItemFixedColumnRenderer": {"text": {"runs": [{"text": "2:00"}]}}}]});
    let in_album = song_item(&[title.clone(), json!([{"text": "One"}])], fixed);
    let info = only("musicResponsiveListItemRenderer", in_album).expect("a song");
    assert_eq!(info.length, 120_000);
    let unknown = song_item(
        &[json!([{"text": "A song"}]), json!([{"text": "3:49"}])],
        json!({}),
    );
    assert_eq!(only("musicResponsiveListItemRenderer", unknown), None);
}

#[test]
fn albums_artists_and_playlists_are_lists_without_tracks() {
    let item = |id: &str, about: &[&str]| {
        let about: Vec<Value> = about.iter().map(|text| json!({"text": text})).collect();
        let endpoint = json!({"navigationEndpoint": {"browseEndpoint": {"browseId": id}}});
        json!({"musicResponsiveListItemRenderer": song_item(&[json!([{"text": "Name"}]), json!(about)], endpoint)})
    };
    let found = page(json!({"contents": [
        item("MPREb_x", &["Album", " • ", "Axwell", " • ", "2007"]),
        item("UCx", &["Artist", " • ", "13 m"]),
        item("VLPLx", &["Somebody", " • ", "5 k views"]),
        item("FEx", &[]),
    ]}));
    assert!(found.tracks.is_empty());
    let told: Vec<_> = found
        .lists
        .iter()
        .map(|list| {
            ["type", "author", "url"].map(|name| list.plugin_info[name].as_str().expect("text"))
        })
        .collect();
    assert_eq!(
        told,
        [
            [
                "album",
                "Axwell",
                "https://music.youtube.com/browse/MPREb_x"
            ],
            ["artist", "Name", "https://music.youtube.com/channel/UCx"],
            [
                "playlist",
                "Somebody",
                "https://music.youtube.com/playlist?list=PLx"
            ],
        ]
    );
}

#[test]
fn the_next_page_goes_on_where_the_items_end() {
    let next = |token: &str| json!({"continuationItemRenderer": {"continuationEndpoint": {"continuationCommand": {"token": token}}}});
    let inner = json!([{"playlistVideoRenderer": classic(ID)}, next("right")]);
    let nested = json!({"contents": {"twoColumnBrowseResultsRenderer": {"tabs": [{"tabRenderer": {"content": {
    "sectionListRenderer": {"contents": [
        {"itemSectionRenderer": {"contents": [{"playlistVideoListRenderer": {"contents": inner}}]}},
        next("of the sections"),
    ]}}}}]}}});
    let found = page(nested);
    assert_eq!(
        (found.tracks.len(), found.next.as_deref()),
        (1, Some("right"))
    );
    let commands = json!({"commandExecutorCommand": {"commands": [{"x": 1}, {"continuationCommand": {"token": "t"}}]}});
    let later = json!({"onResponseReceivedActions": [{"appendContinuationItemsAction": {"continuationItems": [
        {"playlistVideoRenderer": classic(ID)}, {"continuationItemRenderer": {"continuationEndpoint": commands}},
    ]}}]});
    assert_eq!(page(later).next.as_deref(), Some("t"));
    let older = json!({"continuationContents": {"playlistVideoListContinuation": {
        "contents": [{"playlistVideoRenderer": classic(ID)}],
        "continuations": [{"nextContinuationData": {"continuation": "old"}}],
    }}});
    assert_eq!(page(older).next.as_deref(), Some("old"));
    let last = json!({"contents": [{"playlistVideoRenderer": classic(ID)}]});
    assert_eq!(page(last).next, None);
}

#[test]
fn a_playlist_s_name_stands_in_one_of_many_places() {
    let title = json!({"simpleText": "N"});
    for page in [
        json!({"header": {"playlistHeaderRenderer": {"title": title}}}),
        json!({"header": {"pageHeaderRenderer": {"pageTitle": "N"}}}),
        json!({"microformat": {"microformatDataRenderer": {"title": "N"}}}),
        json!({"sidebar": {"playlistSidebarRenderer": {"items": [
            {"playlistSidebarPrimaryInfoRenderer": {"title": {"runs": [{"text": "N"}]}}}
        ]}}}),
    ] {
        let text = page.to_string();
        let read = json::read_only(text.as_bytes(), is_read).expect("JSON");
        assert_eq!(name_of(&read).as_deref(), Some("N"), "{page}");
    }
}

#[test]
fn clocks_are_read() {
    for (text, millis) in [
        ("0:07", 7_000),
        ("3:49", 229_000),
        ("100:00:00", 360_000_000),
    ] {
        assert_eq!(clock(text), Some(millis), "{text}");
    }
    for none in [
        "LIVE",
        "7",
        "1:2:3:4",
        ":",
        "-1:00",
        "1:0x",
        "99999999999999999999:00",
    ] {
        assert_eq!(clock(none), None, "{none}");
    }
}
