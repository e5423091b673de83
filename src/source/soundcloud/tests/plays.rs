//! Owns: what playing a track of SoundCloud is held to.
//! Never knows: how tracks are found.

use super::*;

/// The sound of everything here.
fn sound() -> Vec<u8> {
    (0..100_000u32).map(|i| (i % 251) as u8).collect()
}

const FILE: &str = "http://cf-media.sndcdn.com/file.mp3";

#[tokio::test]
async fn the_file_is_played_with_the_word_that_it_may_be_heard() {
    let world = World::new(|asked| match &*asked.path {
        FILE => ranged(asked, &sound()),
        _ => site(asked, &|path: &str| match path
            .strip_prefix("/media/soundcloud:tracks:1/u-audio/mpeg/stream/progressive")
        {
            Some("?track_authorization=a.signed.word") => json(&json!({ "url": FILE })),
            Some(other) => panic!("{other}"),
            None => json(&track(1)),
        }),
    })
    .await;
    let found = world.track(PAGE).await;
    assert!(world.sound(&found).await.expect("sound") == sound());
    // what was loaded a moment ago is not asked for again
    assert_eq!(world.count("/resolve"), 1);
    // a track out of a client's queue
    let other = self::world(|_| json(&track(1))).await;
    let _ = other.sound(&found).await;
    assert_eq!(other.count("/resolve"), 1);
}

#[tokio::test]
async fn a_link_that_expires_is_found_anew() {
    let world = World::new(|asked| match &*asked.path {
        "http://cf-media.sndcdn.com/0.mp3" => match asked.from() {
            None => {
                let mut answer = ranged(asked, &sound());
                answer.truncate(answer.len() - 50_000);
                answer
            }
            Some(_) => status(403),
        },
        "http://cf-media.sndcdn.com/1.mp3" => ranged(asked, &sound()),
        path if path.contains("/stream/progressive") => {
            let link = format!("http://cf-media.sndcdn.com/{}.mp3", asked.before);
            json(&json!({ "url": link }))
        }
        _ => site(asked, &|_: &str| json(&track(1))),
    })
    .await;
    let found = world.track(PAGE).await;
    assert!(world.sound(&found).await.expect("sound") == sound());
}

#[tokio::test]
async fn a_track_whose_page_is_gone_is_played_by_its_identifier() {
    let world = World::new(|asked| match &*asked.path {
        FILE => ranged(asked, &sound()),
        path if path.contains("/1/u-audio/mpeg/stream/progressive")
            || path.contains("tracks:1/u") =>
        {
            json(&json!({ "url": FILE }))
        }
        "http://soundcloud.com/" => start_page(),
        _ => status(404),
    })
    .await;
    let lookup = "http://api-v2.soundcloud.com/media/soundcloud:tracks:1/u-audio/mpeg/stream/hls";
    let wanted = Track::sample(&format!("U:{lookup}"), "soundcloud");
    assert!(world.sound(&wanted).await.expect("sound") == sound());
    let gone = Track::sample("12345", "soundcloud");
    let failure = world.sound(&gone).await.expect_err("gone");
    let message = "This track is not available any more.".to_owned();
    assert_eq!(told(failure), (message, Severity::Common));
}

#[tokio::test]
async fn identifiers_of_clients_lead_nowhere_else() {
    let world = world(|_| status(404)).await;
    for identifier in [
        "U:http://evil.example/media/soundcloud:tracks:1/x/stream/hls",
        "U:http://api-v2.soundcloud.com.evil.example/soundcloud:tracks:1/stream/hls",
        "M:file:///etc/passwd",
        "x",
        "",
    ] {
        let track = Track::sample(identifier, "soundcloud");
        let failure = world.registry.open(&track).err().expect(identifier);
        assert_eq!(failure.severity, Severity::Common);
    }
    assert_eq!(world.asked().len(), 0);
}

#[tokio::test]
async fn what_cannot_be_played_says_why() {
    let only_hls = json!({"transcodings": [stream(1, "hls", "audio/mpeg")]});
    for (streams, link, why, severity) in [
        (only_hls, FILE, "as HLS only", Severity::Common),
        (
            track(1)["media"].clone(),
            "http://evil.example/x",
            "may have changed",
            Severity::Suspicious,
        ),
        (
            track(1)["media"].clone(),
            "http://xsndcdn.com/x",
            "may have changed",
            Severity::Suspicious,
        ),
        (
            track(1)["media"].clone(),
            "nonsense",
            "may have changed",
            Severity::Suspicious,
        ),
    ] {
        let world = world(move |path| match path.starts_with("/media/") {
            true => json(&json!({ "url": link })),
            false => json(&with(track(1), "media", streams.clone())),
        })
        .await;
        let found = world.track(PAGE).await;
        let failure = world.sound(&found).await.expect_err("refused");
        let (message, told) = told(failure);
        assert!(message.contains(why), "{message}");
        assert_eq!(told, severity);
    }
}
