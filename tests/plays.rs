//! Owns: proof that a listener in an encrypted voice channel hears what a client asked the node to play.
//! Never knows: how the node is made inside.

mod client;
mod rig;

use client::Client;
use lavalink_rust::{
    config::Config,
    dsp::TimescalePosition,
    media::{
        demux::{
            Opening,
            probe::{Hint, Prober},
        },
        window::ByteWindow,
    },
    node::Node,
};
use rig::{
    Rig, RigConfig,
    session::{Heard, Session},
    until,
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

const FRAME: usize = 960;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// A node, a client, and a voice server with DAVE.
struct Stage {
    rig: Arc<Rig>,
    node: Node,
    client: Arc<Client>,
}

impl Stage {
    async fn set() -> Self {
        Self::set_with(|_| {}).await
    }

    async fn set_with(change: impl FnOnce(&mut Config)) -> Self {
        let rig = Rig::start(RigConfig {
            dave: 1,
            ..RigConfig::default()
        })
        .await
        .expect("the rig starts");
        let node = client::node_with(&rig.ca_path(), change).await;
        let client = Client::connect(&node).await;
        Self { rig, node, client }
    }

    /// The voice session of a guild.
    async fn voice(&self, guild: u64) -> Arc<Session> {
        until("a voice session", || {
            self.rig
                .sessions()
                .into_iter()
                .rev()
                .find(|s| s.guild == guild)
        })
        .await
    }

    async fn end(self) {
        self.node.stop().await;
    }
}

/// What the listener hears: interleaved stereo.
fn decoded(frames: &[Heard]) -> Vec<f32> {
    let mut decoder = opus2::Decoder::new(48_000, opus2::Channels::Stereo).expect("libopus");
    let mut out = Vec::new();
    for frame in frames {
        let mut pcm = [0f32; FRAME * 2];
        let n = decoder
            .decode_float(&frame.opus, &mut pcm, false)
            .expect("valid Opus");
        out.extend_from_slice(&pcm[..n * 2]);
    }
    out
}

fn channel(stereo: &[f32], which: usize) -> Vec<f32> {
    stereo.iter().skip(which).step_by(2).copied().collect()
}

/// Share of the energy of one channel that lies at `hz` (Goertzel), in the second where it is least.
fn tone_share(samples: &[f32], hz: f64) -> f64 {
    let k = 2.0 * (std::f64::consts::TAU * hz / 48_000.0).cos();
    let share = |second: &[f32]| {
        let (mut s1, mut s2, mut energy) = (0f64, 0f64, 0f64);
        for x in second {
            let x = f64::from(*x);
            (s1, s2) = (x + k * s1 - s2, s1);
            energy += x * x;
        }
        let power = s1 * s1 + s2 * s2 - k * s1 * s2;
        2.0 * power / second.len() as f64 / energy.max(1e-9)
    };
    samples.chunks_exact(48_000).map(share).fold(1.0, f64::min)
}

/// No frame is missing and none is out of place.
fn assert_unbroken(frames: &[Heard]) {
    for pair in frames.windows(2) {
        assert_eq!(
            pair[1].sequence.wrapping_sub(pair[0].sequence),
            1,
            "a packet is missing"
        );
        assert_eq!(
            pair[1].timestamp.wrapping_sub(pair[0].timestamp),
            960,
            "a frame is missing"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_container_is_heard_whole_through_an_encrypted_channel() {
    let files = [
        "tone44.mp3",
        "tone44.m4a",
        "tone44.ogg",
        "tone48.opus",
        "tone48.webm",
    ];
    assert_heard_whole(&files, 0).await;
}

/// What an emulated board can do in time (`scripts/arm.sh`): one track, and where the first key takes it longer than sound is
/// held for it in an empty channel, up to two seconds before the key.
#[tokio::test(flavor = "multi_thread")]
async fn a_single_track_is_heard_whole_also_where_keys_take_long() {
    assert_heard_whole(&["tone44.mp3"], 100).await;
}

/// Plays the files, all at once, each in a channel of its own. So many frames at most may come before the first key.
async fn assert_heard_whole(files: &[&'static str], before_key: u64) {
    let stage = Stage::set().await;
    let mut playing = Vec::new();
    for (i, file) in files.iter().copied().enumerate() {
        let guild = 1000 + 10 * i as u64;
        stage
            .client
            .join(guild, &stage.rig.endpoint(), &format!("s{i}"))
            .await;
        stage.client.play(guild, &data(file), json!({})).await;
        playing.push((file, guild));
    }
    for _ in files {
        let end = stage.client.wait(|m| m["type"] == "TrackEndEvent").await;
        assert_eq!(end["reason"], "finished", "{end}");
    }
    for (file, guild) in playing {
        let voice = stage.voice(guild).await;
        let heard = voice.sound();
        assert_unbroken(&heard);
        // 12 s are 600 frames; the encoder's delay needs one more, or the packets' own pre-skip
        assert!(
            (600..=602).contains(&heard.len()),
            "{file}: {} frames",
            heard.len()
        );
        let pcm = decoded(&heard);
        let middle = 48_000 * 2..48_000 * 22;
        for (side, hz) in [(0, 440.0), (1, 660.0)] {
            let share = tone_share(&channel(&pcm[middle.clone()], side), hz);
            // the signal itself has 0.8865 there (its source, measured with ffmpeg and a Fourier sum)
            assert!(share > 0.88, "{file}: {share} of channel {side} at {hz} Hz");
        }
        let media = rig::session::lock(&voice.media);
        assert_eq!((media.dave_failed, media.not_opened), (0, 0), "{file}");
        assert!(
            media.plain_in_dave <= before_key && media.dave_ok + media.plain_in_dave >= 595,
            "{file}: {} encrypted frames, {} plain ones",
            media.dave_ok,
            media.plain_in_dave
        );
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_fit_arrive_byte_for_byte_also_over_a_pause() {
    let stage = Stage::set().await;
    let mut window = ByteWindow::of(std::fs::read(data("tone48.webm")).expect("the file"));
    let mut opened = Prober::new(Hint::default())
        .advance(&mut window)
        .unwrap_or_else(|e| panic!("{e:?}"));
    let packets: Vec<Vec<u8>> = std::iter::from_fn(|| opened.demuxer.next_packet(&mut window).ok())
        .map(|p| p.data.to_vec())
        .collect();
    stage.client.join(7, &stage.rig.endpoint(), "s").await;
    stage
        .client
        .play(7, &data("tone48.webm"), json!({ "endTime": 4000 }))
        .await;
    let voice = stage.voice(7).await;
    until("sound", || (voice.sound().len() > 40).then_some(())).await;
    stage.client.patch(7, json!({ "paused": true })).await;
    let before = stage.client.position(7).await;
    let after = stage.client.position(7).await;
    assert_eq!(before, after, "the position stands while paused");
    stage.client.patch(7, json!({ "paused": false })).await;
    assert_eq!(
        stage.client.event("TrackEndEvent", 7).await["reason"],
        "finished"
    );
    let heard: Vec<Vec<u8>> = voice.sound().into_iter().map(|h| h.opus).collect();
    assert_eq!(heard.len(), 200, "4 s end after 200 frames");
    assert!(heard == packets[..200], "frames are the file's own packets");
    stage.end().await;
}

/// A WAV file of a rising tone, 300 + 200 t Hz: what is heard tells where in the track it comes from.
fn chirp(seconds: usize) -> tempfile::TempPath {
    let samples = seconds * 48_000;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend_from_slice(&(36 + samples as u32 * 4).to_le_bytes());
    bytes.extend_from_slice(
        b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\xBB\0\0\0\xEE\x02\0\x04\0\x10\0data",
    );
    bytes.extend_from_slice(&(samples as u32 * 4).to_le_bytes());
    for i in 0..samples {
        let t = i as f64 / 48_000.0;
        let value = (11_000.0 * (std::f64::consts::TAU * (300.0 * t + 100.0 * t * t)).sin()) as i16;
        bytes.extend_from_slice(&value.to_le_bytes());
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    let mut file = tempfile::Builder::new()
        .suffix(".wav")
        .tempfile()
        .expect("a temporary file");
    std::io::Write::write_all(&mut file, &bytes).expect("room");
    file.into_temp_path()
}

/// Where in the chirp a stretch of sound lies, in seconds: the mean frequency between its first and last rising zero
/// crossing is that of the middle.
fn place(samples: &[f32]) -> f64 {
    let crossings: Vec<f64> = samples
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0] < 0.0 && pair[1] >= 0.0)
        .map(|(i, pair)| i as f64 + f64::from(pair[0] / (pair[0] - pair[1])))
        .collect();
    let (first, last) = (crossings[0], crossings[crossings.len() - 1]);
    let hz = (crossings.len() - 1) as f64 * 48_000.0 / (last - first);
    let middle = (first + last) / 2.0 / 48_000.0;
    (hz - 300.0) / 200.0 - middle
}

/// Place of the sound at frame `index`, as the listener hears it; his decoder is 312 samples late.
fn place_at(left: &[f32], index: usize) -> f64 {
    place(&left[index * FRAME + 312..(index + 8) * FRAME])
}

#[tokio::test(flavor = "multi_thread")]
async fn seeks_pauses_and_ends_are_exact_to_the_frame() {
    let stage = Stage::set().await;
    let file = chirp(12);
    stage.client.join(3, &stage.rig.endpoint(), "s").await;
    stage
        .client
        .play(3, &file, json!({ "position": 1000, "endTime": 9500 }))
        .await;
    let voice = stage.voice(3).await;
    until("sound", || (voice.sound().len() > 30).then_some(())).await;
    stage.client.patch(3, json!({ "paused": true })).await;
    stage.client.patch(3, json!({ "paused": false })).await;
    until("more sound", || (voice.sound().len() > 60).then_some(())).await;
    let answer = stage.client.patch(3, json!({ "position": 7000 })).await;
    assert_eq!(answer["state"]["position"], 7000);
    assert_eq!(
        stage.client.event("TrackEndEvent", 3).await["reason"],
        "finished"
    );
    let heard = voice.sound();
    let left = channel(&decoded(&heard), 0);
    // what was heard before the seek: from 1 s on, through the pause, without a step
    let jump = (0..heard.len() - 8)
        .find(|i| place_at(&left, *i) > 6.5)
        .expect("the seek is heard");
    for i in (0..jump - 8).step_by(5) {
        let expected = 1.0 + i as f64 * 0.02;
        let found = place_at(&left, i);
        assert!(
            (found - expected).abs() < 0.02,
            "frame {i} comes from {found:.3} s, not {expected:.3} s"
        );
    }
    // a frame that lies safely behind the jump is a whole number of frames after 7 s
    let behind = jump + 10;
    let at = place_at(&left, behind);
    let start = (at - 7.0) / 0.02;
    assert!(
        (start - start.round()).abs() < 0.25,
        "frame {behind} lies at {at:.3} s"
    );
    // the end: 9.5 s, counted from 7 s, is 125 frames later
    let frames_after = heard.len() as f64 - (behind as f64 - start);
    assert!(
        (frames_after - 125.0).abs() <= 1.0,
        "{frames_after:.1} frames from 7 s to the end at 9.5 s"
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_time_scale_positions_and_end_times_count_the_track_or_what_is_heard() {
    // At speed 2 an end time of 1.5 s is reached after 0.75 s, or, as in Lavalink (reference R.1.33), after 1.5 s.
    for (counts, frames, place) in [
        (TimescalePosition::Track, 38, 1.5),
        (TimescalePosition::Output, 75, 3.0),
    ] {
        let stage = Stage::set_with(|config| config.audio.timescale_position = counts).await;
        let file = chirp(4);
        stage.client.join(5, &stage.rig.endpoint(), "s").await;
        let speed = json!({ "timescale": { "speed": 2.0 } });
        stage
            .client
            .play(5, &file, json!({ "endTime": 1500, "filters": speed }))
            .await;
        let voice = stage.voice(5).await;
        let end = stage.client.event("TrackEndEvent", 5).await;
        assert_eq!(end["reason"], "finished");
        let position = end["track"]["info"]["position"].as_i64().expect("a number");
        assert!(
            (1480..=1520).contains(&position),
            "{counts:?}: ends at {position}"
        );
        let heard = voice.sound();
        assert_eq!(heard.len(), frames, "{counts:?}");
        let left = channel(&decoded(&heard), 0);
        let found = place_at(&left, frames - 8) + 0.16 * 2.0;
        // a piece of the time-scale lies up to 40 ms from where it should
        assert!(
            (found - place).abs() < 0.1,
            "{counts:?}: the last sound is that of {found:.3} s"
        );
        stage.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_change_leaves_passthrough_and_comes_back_without_losing_a_frame() {
    let stage = Stage::set().await;
    stage.client.join(5, &stage.rig.endpoint(), "s").await;
    stage
        .client
        .play(5, &data("tone48.webm"), json!({ "endTime": 5000 }))
        .await;
    let voice = stage.voice(5).await;
    until("sound", || (voice.sound().len() > 50).then_some(())).await;
    stage.client.patch(5, json!({ "volume": 50 })).await;
    until("quiet sound", || (voice.sound().len() > 120).then_some(())).await;
    stage.client.patch(5, json!({ "volume": 100 })).await;
    assert_eq!(
        stage.client.event("TrackEndEvent", 5).await["reason"],
        "finished"
    );
    let heard = voice.sound();
    assert_unbroken(&heard);
    assert_eq!(heard.len(), 250);
    let mut window = ByteWindow::of(std::fs::read(data("tone48.webm")).expect("the file"));
    let mut opened = Prober::new(Hint::default())
        .advance(&mut window)
        .unwrap_or_else(|e| panic!("{e:?}"));
    let packets: Vec<Vec<u8>> = std::iter::from_fn(|| opened.demuxer.next_packet(&mut window).ok())
        .map(|p| p.data.to_vec())
        .collect();
    let passed: Vec<bool> = heard
        .iter()
        .zip(&packets)
        .map(|(h, p)| h.opus == *p)
        .collect();
    assert!(
        passed[..50].iter().all(|p| *p),
        "the beginning is passed through"
    );
    assert!(!passed[100], "the middle is encoded");
    assert!(
        passed[200..].iter().all(|p| *p),
        "the end is passed through again"
    );
    // no click: a 440 Hz tone of 0.35 or less bends at most so much from sample to sample
    let left = channel(&decoded(&heard), 0);
    let bend = |i: usize| (left[i + 1] - 2.0 * left[i] + left[i - 1]).abs();
    let usual = (10 * FRAME..40 * FRAME).map(bend).fold(0.0, f32::max);
    let worst = (41 * FRAME..240 * FRAME).map(bend).fold(0.0, f32::max);
    assert!(worst < usual * 3.0, "bends {worst}, usually {usual}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_voice_server_takes_over_in_the_middle_of_a_track() {
    let stage = Stage::set().await;
    let other = Rig::start(RigConfig {
        dave: 1,
        ..RigConfig::default()
    })
    .await
    .expect("the rig starts");
    // two rigs have two roots; the node trusts only the first, so both calls go there, as two sessions
    drop(other);
    let file = chirp(12);
    stage.client.join(9, &stage.rig.endpoint(), "first").await;
    stage
        .client
        .play(9, &file, json!({ "endTime": 4000 }))
        .await;
    let first = stage.voice(9).await;
    until("sound", || (first.sound().len() > 60).then_some(())).await;
    stage.client.join(9, &stage.rig.endpoint(), "second").await;
    assert_eq!(
        stage.client.event("TrackEndEvent", 9).await["reason"],
        "finished"
    );
    let second = stage.voice(9).await;
    assert_ne!(first.ssrc, second.ssrc);
    let (one, two) = (first.sound(), second.sound());
    assert_eq!(
        one.len() + two.len(),
        200,
        "no frame is lost or heard twice"
    );
    let left = channel(&decoded(&two), 0);
    let found = place_at(&left, 5);
    let expected = (one.len() + 5) as f64 * 0.02;
    assert!(
        (found - expected).abs() < 0.02,
        "goes on at {found:.3} s, not {expected:.3} s"
    );
    stage.end().await;
}
