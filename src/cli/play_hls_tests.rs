//! Owns: proof that HLS is heard as it was made: the way from a playlist's address to samples.
//! Never knows: how segments are fetched or joined.
//!
//! What is expected is the same sound in one piece, to the sample: so there is no click where segments meet, nothing is left
//! out, and a seek lands where it was wanted.

use super::{
    tests::{data, run, samples, wanted},
    *,
};
use crate::net::testing::{Server, Step, ranged, response, whole};
use std::collections::HashMap;

type Files = HashMap<String, Vec<u8>>;

/// Serves files by their paths.
async fn serve(files: Files) -> Server {
    Server::start(move |asked| {
        vec![Step::Send(match files.get(&asked.path) {
            Some(file) => ranged(asked, file),
            None => response(404, &[("Content-Length", "0")], b""),
        })]
    })
    .await
}

/// What is heard of a track from a place on: interleaved stereo at 48 kHz.
async fn heard(identifier: &str, from: i64) -> Vec<f32> {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("o.wav");
    let mut wanted = wanted(identifier.to_owned(), output.clone());
    wanted.from = Millis(from);
    let played = run(wanted, std::future::pending()).await.expect("it plays");
    let (samples, _) = samples(&output);
    assert_eq!(samples.len() as u64, played.written.0 * 2);
    samples
}

/// How far two sounds are apart: the root of the mean square.
fn distance(one: &[f32], other: &[f32]) -> f64 {
    let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
    let sum: f64 = one.iter().zip(other).map(square).sum();
    (sum / one.len().min(other.len()) as f64).sqrt()
}

/// From the beginning, the same is heard to the sample. From any other place too, apart from the noise that a decoder of AAC
/// makes up anew (ISO 14496-3, 4.6.13): so it must be much nearer there than a sample earlier or later.
async fn assert_heard(url: &str, whole: &[f32], from: &[i64]) {
    let all = heard(url, 0).await;
    assert_eq!(all.len(), whole.len());
    assert!(all == whole);
    for &from in from {
        let start = Millis(from).to_samples().0 as usize * 2;
        let part = heard(url, from).await;
        assert_eq!(part.len(), whole.len() - start, "from {from} ms");
        let there = distance(&part, &whole[start..]);
        let near = [start - 2, start + 2].map(|start| distance(&part, &whole[start..]));
        let nearest = near[0].min(near[1]);
        assert!(there * 4.0 < nearest, "from {from} ms: {there} {nearest}");
    }
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(data(name)).expect("there")
}

fn list(segments: &[String]) -> Vec<u8> {
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n";
    [head, &segments.concat(), "#EXT-X-ENDLIST\n"]
        .concat()
        .into_bytes()
}

/// 5 s of ADTS in segments of so many access units, and their list.
fn adts_segments(units: usize) -> Files {
    let adts = read("tone.aac");
    let mut frames = Vec::new();
    let mut rest = &adts[..];
    while !rest.is_empty() {
        let len =
            usize::from(rest[3] & 3) << 11 | usize::from(rest[4]) << 3 | usize::from(rest[5] >> 5);
        let (frame, behind) = rest.split_at(len);
        frames.push(frame);
        rest = behind;
    }
    let mut files = Files::new();
    let mut entries = Vec::new();
    for (index, frames) in frames.chunks(units).enumerate() {
        let seconds = frames.len() as f64 * 1024.0 / 48_000.0;
        entries.push(format!("#EXTINF:{seconds:.3},\n{index}.aac\n"));
        files.insert(format!("/{index}.aac"), frames.concat());
    }
    files.insert("/l.m3u8".to_owned(), list(&entries));
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_audio_is_heard_as_one_stream() {
    let whole = heard(&data("tone.aac"), 0).await;
    let server = serve(adts_segments(40)).await;
    // 40 access units are 853.3 ms
    let places = [853, 854, 2345, 100, 4990];
    assert_heard(&server.url("/l.m3u8"), &whole, &places).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragments_in_one_file_are_heard_as_that_file() {
    let file = read("boxes-dash.mp4");
    let path = data("boxes-dash.mp4");
    let whole = heard(&path, 0).await;
    // its boxes: init section up to 765, then an index, a header and samples for each fragment
    let ends = [765, 5150, 9448, 14_117, 18_628];
    let mut segments = vec![format!(
        "#EXT-X-MAP:URI=\"f.mp4\",BYTERANGE=\"{}@0\"\n",
        ends[0]
    )];
    for pair in ends.windows(2) {
        segments.push(format!(
            "#EXTINF:0.5,\n#EXT-X-BYTERANGE:{}@{}\nf.mp4\n",
            pair[1] - pair[0],
            pair[0]
        ));
    }
    let files = [
        ("/f.mp4".to_owned(), file),
        ("/l.m3u8".to_owned(), list(&segments)),
    ];
    let server = serve(files.into()).await;
    let places = [499, 500, 1234, 700, 1900];
    assert_heard(&server.url("/l.m3u8"), &whole, &places).await;
}

/// Segments that ffmpeg made: 3 s of two tones in four segments, the last one a single access unit.
fn transport_segments() -> (Vec<u8>, Files) {
    let lens = [1.021_678, 0.998_456, 0.998_467, 0.023_222];
    let mut files = Files::new();
    let mut entries = Vec::new();
    let mut together = Vec::new();
    for (index, seconds) in lens.iter().enumerate() {
        let segment = read(&format!("hls/tone{index}.ts"));
        together.extend_from_slice(&segment);
        entries.push(format!("#EXTINF:{seconds},\n{index}.ts\n"));
        files.insert(format!("/{index}.ts"), segment);
    }
    files.insert("/l.m3u8".to_owned(), list(&entries));
    (together, files)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transport_streams_are_heard_as_one() {
    let (together, files) = transport_segments();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("all.ts");
    std::fs::write(&path, together).expect("written");
    let whole = heard(path.to_str().expect("text"), 0).await;
    // 131 access units of 1024 samples at 44.1 kHz; where the length is known, the last sample is a whole one
    let samples = 131 * 1024 * 480 / 441;
    assert_eq!(whole.len() / 2, samples + 1);
    let whole = &whole[..samples * 2];
    let server = serve(files).await;
    let places = [1021, 1022, 2500, 1500, 2990];
    assert_heard(&server.url("/l.m3u8"), whole, &places).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_codec_goes_on_where_the_first_one_ends() {
    let mp3 = heard(&data("cbr-bare.mp3"), 0).await;
    let aac = heard(&data("tone.aac"), 0).await;
    let files = [
        ("/a".to_owned(), read("tone.aac")),
        ("/m".to_owned(), read("cbr-bare.mp3")),
        (
            "/l.m3u8".to_owned(),
            list(&[
                "#EXTINF:5.034,\na\n".to_owned(),
                "#EXT-X-DISCONTINUITY\n#EXTINF:6,\nm\n".to_owned(),
            ]),
        ),
    ];
    let server = serve(files.into()).await;
    let both = heard(&server.url("/l.m3u8"), 0).await;
    assert_eq!(both[..aac.len()], aac[..]);
    let second = &both[aac.len()..];
    // the resampler begins anew
    assert!(
        second.len().abs_diff(mp3.len()) <= 64,
        "{} {}",
        second.len(),
        mp3.len()
    );
    let energy = |samples: &[f32]| samples.iter().map(|x| x * x).sum::<f32>();
    let ratio = energy(second) / energy(&mp3);
    assert!((0.99..1.01).contains(&ratio), "{ratio}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_a_failure() {
    let mut files = adts_segments(40);
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n#EXTINF:1,\n0.aac\n".to_owned();
    files.insert("/l.m3u8".to_owned(), list(&[key.repeat(4)]));
    files.insert("/key".to_owned(), vec![7; 16]);
    let server = serve(files).await;
    let folder = tempfile::tempdir().expect("a folder");
    let wanted = wanted(server.url("/l.m3u8"), folder.path().join("o.wav"));
    let result = run(wanted, std::future::pending()).await;
    let Err(PlayError::Track(failure)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(failure.message, "Unknown file format.");
}

/// Three segments of a live stream, and a fourth when it has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_stream_is_heard_until_it_ends() {
    let whole_sound = heard(&data("tone.aac"), 0).await;
    let files = adts_segments(60);
    let server = Server::start(move |asked| {
        if asked.path != "/live.m3u8" {
            return vec![Step::Send(ranged(asked, &files[&asked.path]))];
        }
        let segments = if asked.before < 3 { 3 } else { 4 };
        let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:0.05\n".to_owned();
        for index in 0..segments {
            text += &format!("#EXTINF:0.05,\n{index}.aac\n");
        }
        if asked.before > 4 {
            text += "#EXT-X-ENDLIST\n";
        }
        vec![Step::Send(whole(text.as_bytes(), &[]))]
    })
    .await;
    let live = heard(&server.url("/live.m3u8"), 0).await;
    assert_eq!(live.len(), whole_sound.len());
    assert!(live == whole_sound);
}
