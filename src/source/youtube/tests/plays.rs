//! Owns: what playing a video is held to.
//! Never knows: how videos are found.

use super::*;
use crate::{
    net::testing::whole,
    source::{CipherSettings, OAuthSettings, PoTokenSettings},
    units::Secret,
};

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
    let data = crate::source::site::data::SiteData::built_in();
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
            None | Some(0) => {
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

/// Reference, 8.2: a 403 at the start moves on to the next client, which may have other forms only.
#[tokio::test]
async fn links_refused_before_a_byte_are_left_for_other_clients_and_forms() {
    let world = World::new(|asked| match &*asked.path {
        OPUS => status(403),
        "http://r2.googlevideo.com/refused" => status(403),
        "http://r3.googlevideo.com/m4a" => ranged(asked, &sound()),
        other if other.contains("googlevideo") => panic!("{other}"),
        _ => api(asked, &|call: &Call| {
            let with = |mut form: Value, url: &str| {
                form["url"] = json!(url);
                let mut other = video(ID);
                other["streamingData"]["adaptiveFormats"] = json!([form]);
                json(&other)
            };
            let m4a = form(140, "audio/mp4; codecs=\"mp4a.40.2\"");
            match &*call.client {
                "VISIONOS" => json(&video(ID)),
                "ANDROID_VR" => with(opus(), "http://r2.googlevideo.com/refused"),
                "IOS" => with(m4a, "http://r3.googlevideo.com/m4a"),
                _ => status(404),
            }
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

/// A cipher server, a provider of po-tokens and an account, in the shapes of youtube-source, bgutil and OAuth.
#[tokio::test]
async fn keys_open_what_is_closed_for_the_clients_that_take_them() {
    let sealed = |call: &Call| {
        let named = &call.body["playbackContext"]["contentPlaybackContext"]["signatureTimestamp"];
        assert_eq!(*named, 20_000);
        let token = &call.body["serviceIntegrityDimensions"]["poToken"];
        assert_eq!(token, "no robot");
        let mut sealed = opus();
        sealed["url"] = Value::Null;
        sealed["signatureCipher"] =
            json!("s=a%3Db&sp=sig&url=http%3A%2F%2Fr1.googlevideo.com%2Fx%3Fn%3D1");
        let mut video = video(ID);
        video["streamingData"]["adaptiveFormats"] = json!([sealed]);
        json(&video)
    };
    let settings = YouTubeSettings {
        cipher: CipherSettings {
            url: "http://cipher.example".parse().ok(),
            ..CipherSettings::default()
        },
        pot: PoTokenSettings {
            provider: "http://pot.example".parse().ok(),
            ..PoTokenSettings::default()
        },
        oauth: OAuthSettings {
            enabled: true,
            refresh_token: Secret::new("refresh"),
            skip_initialization: true,
        },
        ..YouTubeSettings::default()
    };
    let world = World::with(
        move |asked| match &*asked.path {
            "http://www.youtube.com/iframe_api" => html(
                r"var scriptUrl = 'https:\/\/www.youtube.com\/s\/player\/c9168c90\/www-widgetapi.vflset\/x.js';",
            ),
            "http://cipher.example/get_sts" => json(&json!({"sts": "20000"})),
            "http://cipher.example/resolve_url" => {
                let body: Value = serde_json::from_slice(&asked.body).expect("JSON");
                assert_eq!(body["encrypted_signature"], "a=b");
                let script = body["player_url"].as_str().expect("a URL");
                assert!(script.ends_with("/s/player/c9168c90/player_ias.vflset/en_GB/base.js"));
                json(&json!({"resolved_url": "http://r1.googlevideo.com/x?n=2&sig=solved"}))
            }
            "http://pot.example/get_pot" => {
                let body: Value = serde_json::from_slice(&asked.body).expect("JSON");
                assert_eq!(body["content_binding"], ID);
                json(&json!({"poToken": "no robot", "expiresAt": "2100-01-01T00:00:00Z"}))
            }
            "http://www.youtube.com/o/oauth2/token" => {
                json(&json!({"access_token": "an account", "expires_in": 3600, "token_type": "Bearer"}))
            }
            path if path.starts_with("http://r1.googlevideo.com/x?") => ranged(asked, &sound()),
            _ => api(asked, &|call: &Call| match &*call.client {
                "TVHTML5" => refusal("LOGIN_REQUIRED", "Sign in"),
                "WEB" => sealed(call),
                _ => status(404),
            }),
        },
        |all| Settings {
            youtube: Some(settings),
            ..all
        },
    )
    .await;
    let track = Track::sample(ID, "youtube");
    assert_eq!(world.sound(&track).await.expect("it plays"), sound());
    let url = "http://r1.googlevideo.com/x?n=2&sig=solved&pot=no+robot";
    assert!(
        world.asked().iter().any(|it| it == url),
        "{:?}",
        world.asked()
    );
    let asked = world.server.seen();
    let of = |name: &str| {
        let is = |asked: &&Asked| {
            call(asked).is_some_and(|it| it.client == name && it.endpoint == "player")
        };
        asked.iter().find(is).expect(name)
    };
    let bearer = |name| of(name).header("authorization");
    assert_eq!(bearer("TVHTML5"), Some("Bearer an account"));
    assert_eq!(bearer("WEB"), None);
}
