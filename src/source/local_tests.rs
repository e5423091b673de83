//! Owns: what the `local` source is held to.
//! Never knows: how a container is read.

use super::*;
use crate::{
    media::testing::Reader,
    source::{Registry, Settings},
    track::LoadResult,
};
use std::{fs, os::unix::fs::symlink};

/// MPEG 1, layer III, 128 kbit/s, 44.1 kHz: silence.
fn mp3() -> Vec<u8> {
    let mut frame = vec![0; 417];
    frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x64]);
    frame.repeat(58)
}

fn registry(roots: &[&Path]) -> Registry {
    Registry::new(Settings {
        local: true,
        local_roots: roots.iter().map(|root| (*root).to_owned()).collect(),
        ..Settings::default()
    })
}

/// `music/a.mp3`, `secret/b.mp3`, and ways from one to the other.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |path: &str| dir.path().join(path);
    fs::create_dir(at("music")).expect("made");
    fs::create_dir(at("secret")).expect("made");
    fs::write(at("music/a.mp3"), mp3()).expect("written");
    fs::write(at("secret/b.mp3"), mp3()).expect("written");
    fs::write(at("music/list.m3u"), "#EXTM3U\n#EXTINF:1,Listed\na.mp3\n").expect("written");
    fs::write(at("music/out.m3u"), "#EXTM3U\n../secret/b.mp3\n").expect("written");
    fs::write(at("music/words.txt"), "only words").expect("written");
    symlink(at("secret/b.mp3"), at("music/link.mp3")).expect("linked");
    symlink(at("music/a.mp3"), at("music/inner.mp3")).expect("linked");
    symlink(at("music"), at("alias")).expect("linked");
    dir
}

fn path(dir: &tempfile::TempDir, name: &str) -> String {
    let path = dir.path().join(name);
    path.to_str().expect("UTF-8").to_owned()
}

async fn finds(registry: &Registry, path: &str) -> bool {
    matches!(registry.load(path).await, Ok(LoadResult::Track(_)))
}

#[tokio::test]
async fn a_file_is_a_track_and_can_be_read() {
    let dir = tree();
    let registry = registry(&[]);
    let path = path(&dir, "music/a.mp3");
    let track = match registry.load(&path).await {
        Ok(LoadResult::Track(track)) => track,
        other => panic!("{other:?}"),
    };
    let info = &track.info;
    assert_eq!((&info.identifier, info.uri.as_ref()), (&path, Some(&path)));
    assert_eq!(
        (info.source_name.as_str(), info.is_stream),
        ("local", false)
    );
    let media = registry.open(&track).expect("its own");
    assert_eq!(Reader::new(media.window).rest().await.expect("all"), mp3());
}

#[tokio::test]
async fn without_roots_any_file_is_read() {
    let dir = tree();
    let registry = registry(&[]);
    for name in ["secret/b.mp3", "music/link.mp3", "music/../secret/b.mp3"] {
        assert!(finds(&registry, &path(&dir, name)).await, "{name}");
    }
}

#[tokio::test]
async fn roots_confine_whatever_the_way() {
    let dir = tree();
    let registry = registry(&[&dir.path().join("alias"), Path::new("/nonexistent")]);
    for name in [
        "music/a.mp3",
        "alias/a.mp3",
        "music/inner.mp3",
        "secret/../music/a.mp3",
        "music/list.m3u",
    ] {
        assert!(finds(&registry, &path(&dir, name)).await, "{name}");
    }
    for name in [
        "secret/b.mp3",
        "music/link.mp3",
        "music/../secret/b.mp3",
        "alias/../secret/b.mp3",
        "music/out.m3u",
    ] {
        let found = registry.load(&path(&dir, name)).await;
        assert_eq!(found.expect("no failure"), LoadResult::Empty, "{name}");
    }
}

#[tokio::test]
async fn roots_confine_tracks_that_a_client_made() {
    let dir = tree();
    let registry = registry(&[&dir.path().join("music")]);
    let track = match registry.load(&path(&dir, "music/a.mp3")).await {
        Ok(LoadResult::Track(track)) => track,
        other => panic!("{other:?}"),
    };
    for name in ["secret/b.mp3", "music/link.mp3", "music/gone.mp3"] {
        let mut made = track.clone();
        made.info.identifier = path(&dir, name);
        let media = registry.open(&made).expect("only told by the window");
        assert!(Reader::new(media.window).take(1).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn what_is_no_file_is_nothing_and_what_is_no_sound_an_error() {
    let dir = tree();
    let registry = registry(&[]);
    for name in [
        "",
        "music",
        "music/gone.mp3",
        "music/a.mp3/x",
        "\0",
        &"x".repeat(5000),
    ] {
        let found = registry.load(&path(&dir, name)).await;
        assert_eq!(found.expect("no failure"), LoadResult::Empty, "{name}");
    }
    let failure = registry.load(&path(&dir, "music/words.txt")).await;
    assert_eq!(failure.expect_err("words").message, "Unknown file format.");
}

#[tokio::test]
async fn a_list_leads_to_the_file_beside_it() {
    let dir = tree();
    match registry(&[]).load(&path(&dir, "music/list.m3u")).await {
        Ok(LoadResult::Track(track)) => {
            assert_eq!(track.info.identifier, path(&dir, "music/a.mp3"));
            assert_eq!(track.info.title, "Listed");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn real_files_have_their_names_lengths_and_tags() {
    // 12 s of sound, as ffmpeg made them; where the original's length is wrong (24 189 for the MPEG-2 file) ours is right
    let unknown = ("Unknown title", "Unknown artist");
    let files = [
        ("tone22mono.mp3", "mp3", unknown),
        ("tone44.mp3", "mp3", ("Two Tones", "Test Bench")),
        ("tone44.ogg", "ogg", unknown),
    ];
    let registry = registry(&[]);
    for (name, probe, texts) in files {
        let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
        let track = match registry.load(&path).await {
            Ok(LoadResult::Track(track)) => track,
            other => panic!("{other:?}"),
        };
        let info = &track.info;
        assert_eq!(track.plugin_info["probeInfo"], probe, "{name}");
        assert_eq!((info.title.as_str(), info.author.as_str()), texts, "{name}");
        assert!(
            info.length.abs_diff(12_000) <= 25,
            "{name}: {}",
            info.length
        );
    }
}

#[tokio::test]
async fn a_transport_stream_is_an_endless_stream_of_its_station() {
    let registry = registry(&[]);
    let file = |name| format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    for (name, probe, texts) in [
        // as the original shows one of ffmpeg's: name and provider of the service
        ("ts/opus.ts", "mpegts-adts", ("Service01", "FFmpeg")),
        ("ts/aac.ts", "mpegts-adts", ("Zwei Töne", "Prüfstand")),
        ("tone.latm", "latm", ("Unknown title", "Unknown artist")),
    ] {
        let track = match registry.load(&file(name)).await {
            Ok(LoadResult::Track(track)) => track,
            other => panic!("{other:?}"),
        };
        let info = &track.info;
        assert_eq!(track.plugin_info["probeInfo"], probe, "{name}");
        assert_eq!((info.title.as_str(), info.author.as_str()), texts, "{name}");
        assert_eq!((info.length, info.is_stream), (i64::MAX, true), "{name}");
        assert!(!info.is_seekable, "{name}");
    }
}
