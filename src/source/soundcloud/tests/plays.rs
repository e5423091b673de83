//! Owns: what playing a track of SoundCloud is held to.
//! Never knows: how tracks are found.

use super::*;
use crate::media::testing::Reader;

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

/// Links of segments expire as those of files do.
#[tokio::test]
async fn a_track_that_comes_in_segments_only_is_played() {
    const HOST: &str = "http://cf-hls-media.sndcdn.com/";
    let segment = |number: usize| sound()[number * 20_000..][..20_000].to_vec();
    let world = World::new(move |asked| {
        if let Some(path) = asked.path.strip_prefix(HOST) {
            let (link, name) = path.split_once('/').expect("a link and a name");
            return match name {
                "playlist.m3u8" => {
                    let segments =
                        (0..3).map(|number| format!("#EXTINF:10,\n{HOST}{link}/{number}\n"));
                    let text = format!("#EXTM3U\n{}#EXT-X-ENDLIST\n", segments.collect::<String>());
                    whole(text.as_bytes(), &[])
                }
                "1" if link == "0" => status(403),
                number => ranged(asked, &segment(number.parse().expect("a number"))),
            };
        }
        if asked.path.contains("/stream/hls") {
            let link = format!("{HOST}{}/playlist.m3u8", asked.before);
            return json(&json!({ "url": link }));
        }
        let only = json!({"transcodings": [stream(1, "hls", "audio/mpeg")]});
        site(asked, &|_: &str| {
            json(&with(track(1), "media", only.clone()))
        })
    })
    .await;
    let found = world.track(PAGE).await;
    let media = world.registry.open(&found).expect("it can be played");
    let mut reader = Reader::new(media.window);
    for number in 0..3 {
        let section = reader.section().await.expect("there");
        assert!(section == (number as u64, segment(number)), "{number}");
    }
    // the site was asked once more
    assert_eq!(world.count("/stream/hls"), 2);
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
    // its segments have no headers, but for the first
    let only_ogg = json!({"transcodings": [stream(1, "hls", "audio/ogg; codecs=\"opus\"")]});
    for (streams, link, why, severity) in [
        (only_ogg, FILE, "in no form", Severity::Common),
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
