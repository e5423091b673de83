//! Owns: what `play` is held to: what it writes, and what it never destroys.
//! Never knows: how frames are made.

use super::*;
use crate::playback::Settings;
use std::{
    io::{Read, Write},
    net::TcpListener,
    path::PathBuf,
};

pub(super) fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn wanted(identifier: String, output: PathBuf) -> Play {
    Play {
        identifier,
        target: Target::File(output),
        from: Millis(0),
        to: None,
        volume: 100,
        filters: FilterSpec::default(),
    }
}

pub(super) async fn run(wanted: Play, stop: impl Future<Output = ()>) -> Result<Played, PlayError> {
    let engine = Engine::new(1, Settings::default());
    let sources = Registry::new(crate::source::Settings {
        local: true,
        ..Default::default()
    });
    let played = play(wanted, &engine, &sources, stop).await;
    drop(engine);
    played
}

/// The samples of a file as `play` writes them, and the size that its header tells.
pub(super) fn samples(path: &Path) -> (Vec<f32>, usize) {
    let bytes = std::fs::read(path).expect("written");
    let told = u32::from_le_bytes(bytes[54..58].try_into().expect("a head")) as usize;
    let samples = bytes[58..].chunks_exact(4);
    let samples = samples.map(|b| f32::from_le_bytes(b.try_into().expect("four")));
    (samples.collect(), told / 4)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_played_is_never_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, link) = (folder.path().join("a.wav"), folder.path().join("b.wav"));
    std::os::unix::fs::symlink(&file, &link).expect("linked");
    let source = data("tone.aac");
    std::fs::copy(&source, &file).expect("copied");
    let typed = file.to_str().expect("text").to_owned();
    let encoded = codec::encode(&Track::sample(&typed, "local"), 0).expect("it fits");
    for (typed, output) in [(&typed, &file), (&typed, &link), (&encoded, &link)] {
        let wanted = wanted(typed.clone(), output.clone());
        let refused = run(wanted, std::future::pending()).await;
        assert!(
            matches!(refused, Err(PlayError::Overwrites(_))),
            "{refused:?}"
        );
    }
    let left = std::fs::read(&file).expect("there");
    assert_eq!(left, std::fs::read(&source).expect("there"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encoded_track_is_played() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = |name: &str| folder.path().join(name);
    let typed = data("tone.aac");
    let encoded = codec::encode(&Track::sample(&typed, "local"), 0).expect("it fits");
    for (typed, name) in [(typed, "typed.wav"), (encoded, "encoded.wav")] {
        let played = run(wanted(typed, output(name)), std::future::pending()).await;
        played.expect("it plays");
    }
    assert_eq!(
        samples(&output("typed.wav")),
        samples(&output("encoded.wav"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_cannot_seek_is_heard_from_the_wanted_place() {
    // ADTS has no index
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, part) = (folder.path().join("w.wav"), folder.path().join("p.wav"));
    run(
        wanted(data("tone.aac"), whole.clone()),
        std::future::pending(),
    )
    .await
    .expect("it plays");
    let mut from = wanted(data("tone.aac"), part.clone());
    (from.from, from.to) = (Millis(1234), Some(Millis(1500)));
    let played = run(from, std::future::pending()).await.expect("it plays");
    assert_eq!(played.written, Millis(1500 - 1234).to_samples());
    let (whole, _) = samples(&whole);
    let (part, told) = samples(&part);
    let start = Millis(1234).to_samples().0 as usize * 2;
    assert_eq!(told, part.len());
    assert_eq!(part[..], whole[start..start + part.len()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_scaled_part_is_as_long_as_its_factors_say() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, speed, ms) in [
        ("a.wav", 1.3, 990),
        ("b.ogg", 0.8, 1_010),
        ("c.ogg", 2.0, 1_003),
    ] {
        let mut part = wanted(data("tone44.mp3"), folder.path().join(name));
        (part.from, part.to) = (Millis(250), Some(Millis(250 + ms)));
        part.filters.timescale = Some(crate::dsp::TimescaleSpec {
            speed,
            ..Default::default()
        });
        let played = run(part, std::future::pending()).await.expect("it plays");
        let want = Millis(ms).to_samples().0 as f64 / speed;
        assert_eq!(played.written.0, want.round() as u64, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_stream_that_is_stopped_leaves_a_whole_file() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/radio.wav", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        // the first connection is the look-up's
        for stream in listener.incoming().take(2).flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let _ = stream.read(&mut [0; 1024]);
                let mut head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\n\r\n".to_vec();
                head.extend_from_slice(b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x01\0\x02\0");
                head.extend_from_slice(&48_000u32.to_le_bytes());
                head.extend_from_slice(&192_000u32.to_le_bytes());
                head.extend_from_slice(b"\x04\0\x10\0data\xFF\xFF\xFF\xFF");
                let _ = stream.write_all(&head);
                while stream.write_all(&[1; 8192]).is_ok() {}
            });
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("radio.wav");
    let watched = output.clone();
    let stop = async move {
        while std::fs::metadata(&watched).map_or(0, |m| m.len()) < 100_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let played = run(wanted(url, output.clone()), stop)
        .await
        .expect("it plays");
    assert!(played.is_cut);
    let (samples, told) = samples(&output);
    assert_eq!(samples.len(), told);
    assert_eq!(samples.len() as u64, played.written.0 * 2);
    assert!(samples.len() > 20_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_track_that_fails_leaves_what_it_had_as_a_whole_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (broken, output) = (
        folder.path().join("broken.flac"),
        folder.path().join("o.wav"),
    );
    let mut bytes = std::fs::read(data("tone.flac")).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0);
    std::fs::write(&broken, bytes).expect("written");
    let result = run(
        wanted(broken.to_str().expect("text").to_owned(), output.clone()),
        std::future::pending(),
    )
    .await;
    let (samples, told) = samples(&output);
    assert_eq!(samples.len(), told, "{result:?}");
    assert!(!samples.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_does_not_exist_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["o.wav", "o.ogg"] {
        let mut beyond = wanted(data("tone.flac"), folder.path().join(name));
        beyond.from = Millis(100_000);
        let refused = run(beyond, std::future::pending()).await;
        assert!(matches!(refused, Err(PlayError::Empty)), "{refused:?}");
    }
}
