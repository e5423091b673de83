//! Owns: what playing a video is held to.
//! Never knows: how videos are found.

use super::*;
use crate::{
    net::testing::whole,
    source::{
        site::{Site, data},
        youtube::{
            Keys, YouTube,
            keys::{Account, Cipher, PoToken, Sealed, Token},
        },
    },
    units::Secret,
};
use futures_util::{FutureExt, future::BoxFuture};
use std::sync::Arc;
use url::Url;

/// The sound of everything here.
fn sound() -> Vec<u8> {
    (0..100_000u32).map(|i| (i % 251) as u8).collect()
}

const OPUS: &str = "http://r1.googlevideo.com/videoplayback?itag=251";

/// The site as usual, and `media` for its hosts of sound.
async fn site(media: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> World {
    World::new(move |asked| match asked.path.contains("googlevideo.com") {
        true => media(asked),
        false => api(asked, &|_: &Call| json(&video(ID))),
    })
    .await
}

#[tokio::test]
async fn the_best_form_is_fetched_as_the_client_that_was_told_of_it() {
    let world = site(|asked| match &*asked.path {
        OPUS => ranged(asked, &sound()),
        other => panic!("{other}"),
    })
    .await;
    let track = world.track(PAGE).await;
    assert!(world.sound(&track).await.expect("sound") == sound());
    // what was loaded a moment ago is not asked for again
    assert_eq!(world.count("/player"), 1);
    let asked = world.server.seen();
    let last = asked
        .iter()
        .rfind(|asked| asked.path == OPUS)
        .expect("fetched");
    let data = data::SiteData::built_in();
    assert_eq!(
        last.header("user-agent"),
        Some(&*data.youtube.clients["VISIONOS"].user_agent)
    );
    // a track out of a client's queue
    let other = site(|asked| ranged(asked, &sound())).await;
    assert!(other.sound(&track).await.expect("sound") == sound());
    assert_eq!(other.count("/player"), 1);
}

/// The link breaks in the middle; another client has the same form, but a better one, too.
#[tokio::test]
async fn a_refused_link_is_found_anew_in_the_same_form_by_the_next_client() {
    let world = World::new(|asked| match &*asked.path {
        OPUS => match asked.from() {
            None => {
                let mut answer = ranged(asked, &sound());
                answer.truncate(answer.len() - 50_000);
                answer
            }
            Some(_) => status(403),
        },
        "http://r2.googlevideo.com/same" => ranged(asked, &sound()),
        other if other.contains("googlevideo") => panic!("{other}"),
        _ => api(asked, &|call: &Call| match &*call.client {
            "VISIONOS" => json(&video(ID)),
            "ANDROID_VR" => {
                let mut other = video(ID);
                let mut same = opus();
                same["url"] = json!("http://r2.googlevideo.com/same");
                let mut better = form(999, "audio/webm; codecs=\"opus\"");
                better["bitrate"] = json!(999_999);
                other["streamingData"]["adaptiveFormats"] = json!([better, same]);
                json(&other)
            }
            _ => status(404),
        }),
    })
    .await;
    let track = world.track(PAGE).await;
    assert!(world.sound(&track).await.expect("sound") == sound());
}

#[tokio::test]
async fn what_is_live_is_played_by_its_segments() {
    let world = World::new(|asked| match &*asked.path {
        "http://manifest.googlevideo.com/live.m3u8" => {
            whole(b"#EXTM3U\n#EXTINF:5,\n0.ts\n#EXT-X-ENDLIST\n", &[])
        }
        "http://manifest.googlevideo.com/0.ts" => ranged(asked, &sound()),
        _ => api(asked, &|_: &Call| {
            let mut live = video(ID);
            live["videoDetails"]["isLive"] = json!(true);
            live["videoDetails"]["lengthSeconds"] = json!("0");
            live["streamingData"]["hlsManifestUrl"] =
                json!("http://manifest.googlevideo.com/live.m3u8");
            json(&live)
        }),
    })
    .await;
    let track = world.track(PAGE).await;
    assert_eq!(
        (track.info.length, track.info.is_stream),
        (UNKNOWN_LENGTH, true)
    );
    let media = world.registry.open(&track).expect("it can be played");
    let mut reader = crate::media::testing::Reader::new(media.window);
    assert!(reader.section().await.expect("there") == (0, sound()));
}

#[tokio::test]
async fn what_cannot_be_played_says_why() {
    let with = |formats: Value| {
        let mut video = video(ID);
        video["streamingData"] = json!({ "adaptiveFormats": formats });
        json(&video)
    };
    let mut elsewhere = opus();
    elsewhere["url"] = json!("http://evil.example/x");
    let mut sealed = opus();
    sealed["url"] = Value::Null;
    sealed["signatureCipher"] = json!("s=x&sp=sig&url=http%3A%2F%2Fr1.googlevideo.com%2Fx");
    for (answer, told, severity) in [
        (with(json!([])), "no form", Severity::Suspicious),
        (with(json!([sealed])), "no form", Severity::Suspicious),
        (
            with(json!([elsewhere])),
            "may have changed",
            Severity::Suspicious,
        ),
        (
            refusal("UNPLAYABLE", "This is a private video"),
            "private",
            Severity::Common,
        ),
    ] {
        let world = world(move |call| match &*call.client {
            "VISIONOS" => answer.clone(),
            _ => status(404),
        })
        .await;
        let track = Track::sample(ID, "youtube");
        let failure = world.sound(&track).await.expect_err("refused");
        assert!(failure.message.contains(told), "{failure}");
        assert_eq!(failure.severity, severity);
        assert_eq!(world.count("evil"), 0);
    }
    let world = world(|_| status(404)).await;
    for identifier in ["x", "", "../../../x1", "Kn56bMZ9OE8x"] {
        let track = Track::sample(identifier, "youtube");
        let failure = world.registry.open(&track).err().expect(identifier);
        assert_eq!(failure.severity, Severity::Common);
    }
}

/// Opens everything.
struct Skeleton;

impl Cipher for Skeleton {
    fn timestamp<'a>(
        &'a self,
        script: &'a Url,
    ) -> BoxFuture<'a, Result<u32, crate::error::Failure>> {
        let path = "/s/player/c9168c90/player_ias.vflset/en_GB/base.js";
        assert_eq!(script.path(), path);
        async { Ok(20_000) }.boxed()
    }

    fn solve<'a>(
        &'a self,
        _: &'a Url,
        sealed: Sealed,
    ) -> BoxFuture<'a, Result<Url, crate::error::Failure>> {
        assert_eq!(sealed.signature.as_deref(), Some("a=b"));
        assert_eq!(sealed.signature_key.as_deref(), Some("sig"));
        let mut url = sealed.url;
        url.query_pairs_mut().append_pair("sig", "solved");
        async { Ok(url) }.boxed()
    }
}

impl PoToken for Skeleton {
    fn of<'a>(
        &'a self,
        binding: &'a str,
    ) -> BoxFuture<'a, Result<Option<Token>, crate::error::Failure>> {
        let token = Token {
            token: Secret::new(format!("no robot {binding}")),
            visitor_data: Some("its visitor".to_owned()),
        };
        async { Ok(Some(token)) }.boxed()
    }
}

impl Account for Skeleton {
    fn bearer(&self) -> BoxFuture<'_, Result<Option<Secret>, crate::error::Failure>> {
        async { Ok(Some(Secret::new("an account"))) }.boxed()
    }
}

/// The registry makes the source without keys; here it has all.
#[tokio::test]
async fn keys_open_what_is_closed_for_the_clients_that_take_them() {
    let world = World::new(|asked| match &*asked.path {
        "http://www.youtube.com/iframe_api" => {
            html(r"var scriptUrl = 'https:\/\/www.youtube.com\/s\/player\/c9168c90\/www-widgetapi.vflset\/x.js';")
        }
        _ => api(asked, &|call: &Call| match &*call.client {
            "TVHTML5" => refusal("LOGIN_REQUIRED", "Sign in"),
            "WEB" => {
                assert_eq!(call.body["playbackContext"]["contentPlaybackContext"]["signatureTimestamp"], 20_000);
                assert_eq!(call.body["serviceIntegrityDimensions"]["poToken"], "no robot Kn56bMZ9OE8");
                assert_eq!(call.body["context"]["client"]["visitorData"], "its visitor");
                let mut sealed = opus();
                sealed["url"] = Value::Null;
                sealed["signatureCipher"] = json!("s=a%3Db&sp=sig&url=http%3A%2F%2Fr1.googlevideo.com%2Fx%3Fn%3D1");
                let mut video = video(ID);
                video["streamingData"]["adaptiveFormats"] = json!([sealed]);
                json(&video)
            }
            _ => status(404),
        }),
    })
    .await;
    let clients = crate::net::Clients::new(crate::net::Settings {
        proxy: Some(crate::net::Proxy {
            host: world.server.address.ip().to_string(),
            port: world.server.address.port(),
            credentials: None,
        }),
        ..crate::net::testing::quick()
    });
    let plain = r#"{"youtube": {"site": "http://www.youtube.com", "api": "http://youtubei.googleapis.com/youtubei/v1"}}"#;
    let known = Arc::new(data::SiteData::with(plain).expect("it fits"));
    let (_keep, known) = tokio::sync::watch::channel(known);
    let keys = Keys {
        cipher: Some(Arc::new(Skeleton)),
        po_token: Some(Arc::new(Skeleton)),
        account: Some(Arc::new(Skeleton)),
    };
    let source = YouTube::new(
        Site::new("YouTube", clients, known),
        YouTubeSettings::default(),
        keys,
    );
    let wanted = crate::source::youtube::play::Wanted::new(
        crate::source::youtube::link::VideoId::parse(ID).expect("an id"),
    );
    let located = source.shared.locate(&wanted, false).await.expect("found");
    let crate::media::located::Located::File(link) = located else {
        panic!("{located:?}");
    };
    let url = "http://r1.googlevideo.com/x?n=1&sig=solved&pot=no+robot+Kn56bMZ9OE8";
    assert_eq!(link.address.url().as_str(), url);
    let asked = world.server.seen();
    let of = |name: &str| {
        let is = |asked: &&Asked| {
            call(asked).is_some_and(|it| it.client == name && it.endpoint == "player")
        };
        asked.iter().find(is).expect(name)
    };
    assert_eq!(
        of("TVHTML5").header("authorization"),
        Some("Bearer an account")
    );
    assert_eq!(of("WEB").header("authorization"), None);
}
