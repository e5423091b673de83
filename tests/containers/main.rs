//! Owns: proof that every container is heard whole and in its place over HTTP, with and without ranges, and whatever the
//! network does: one table of files, one test for each manner of asking.
//! Never knows: how the node is made inside.

mod server;
mod sound;
#[cfg(feature = "tracker")]
mod tracker;

use bytes::Bytes;
use lavalink_rust::{
    error::Severity,
    net,
    playback::{Engine, Settings},
    source::{self, Registry},
    track::{LoadResult, Track},
    units::Samples,
};
use server::{Fault, Files, Manner, Server};
use sound::{RATE, Run, Sound, tone};
use std::{path::Path, time::Duration};

/// A file of twelve seconds: 440 Hz on the left, 660 Hz on the right, each of amplitude 0.25, and at every whole second a beep
/// of 1000 Hz, amplitude 0.2, 0.2 s long, on both.
struct File {
    name: &'static str,
    container: &'static str,
    /// What a load says, in milliseconds; `None`: a stream.
    told: Option<i64>,
    /// Samples at 48 kHz that are really there.
    length: usize,
    /// Samples by which the sound is late because the container says nothing of the encoder's delay.
    late: f64,
    /// Amplitude of the tones and of the beep, as ffmpeg decodes them.
    loudness: (f64, f64),
    /// Seconds that ffmpeg decodes of the first 236, 618 and 854 thousandths of the file.
    cut: [f64; 3],
    is_mono: bool,
    /// Whether only the end of the file tells the length, so that without ranges it is not known.
    ends_tell: bool,
    /// Names of the files that it leads to; sound from 3 s to 6 s lies in the second.
    segments: &'static [&'static str],
}

const TWELVE: usize = 12 * RATE;

const fn file(name: &'static str, container: &'static str, cut: [f64; 3]) -> File {
    File {
        name,
        container,
        told: Some(12_000),
        length: TWELVE,
        late: 0.0,
        loudness: (0.25, 0.2),
        cut,
        is_mono: false,
        ends_tell: false,
        segments: &[],
    }
}

/// Every container.
fn files() -> Vec<File> {
    vec![
        file("tone48.wav", "wav", [2.83, 7.42, 10.25]),
        file("tone44.flac", "flac", [2.51, 7.21, 10.14]),
        file("tone44.m4a", "mp4", [2.72, 7.36, 10.22]),
        File {
            loudness: (0.2375, 0.2),
            ..file("tone44.mp3", "mp3", [2.80, 7.42, 10.27])
        },
        File {
            loudness: (0.168, 0.2686),
            is_mono: true,
            ..file("tone22mono.mp3", "mp3", [2.80, 7.42, 10.27])
        },
        File {
            told: None,
            // 518 access units (ffprobe) of 1024 samples at 44.1 kHz, with the priming that nothing tells of
            length: (518 * 1024 * RATE).div_ceil(44_100),
            late: 1024.0 * 48.0 / 44.1,
            ..file("tone44.aac", "adts", [2.88, 7.55, 10.33])
        },
        File {
            ends_tell: true,
            ..file("tone44.ogg", "ogg", [2.00, 6.02, 10.06])
        },
        File {
            ends_tell: true,
            ..file("tone48.opus", "ogg", [1.99, 6.99, 9.99])
        },
        File {
            // Matroska's Duration in milliseconds, less the pre-skip; what is at the end of the last packet says it exactly
            told: Some(12_001),
            ..file("tone48.webm", "matroska/webm", [2.79, 7.39, 10.23])
        },
        File {
            segments: &[
                "hls/ts0.ts",
                "hls/ts1.ts",
                "hls/ts2.ts",
                "hls/ts3.ts",
                "hls/ts4.ts",
            ],
            // the times of its segments; 518 access units, as in ADTS
            told: Some(12_027),
            length: (518 * 1024 * RATE).div_ceil(44_100),
            late: 1024.0 * 48.0 / 44.1,
            ..file("hls/ts.m3u8", "m3u|hls-outer", [0.0; 3])
        },
        File {
            segments: &[
                "hls/fmp4-0.m4s",
                "hls/fmp4-1.m4s",
                "hls/fmp4-2.m4s",
                "hls/fmp4-3.m4s",
                "hls/fmp4-4.m4s",
                "hls/fmp4-init.mp4",
            ],
            // as in MPEG-TS: a shorter last access unit is heard whole, as by ffmpeg
            told: Some(12_027),
            length: (518 * 1024 * RATE).div_ceil(44_100),
            late: 1024.0 * 48.0 / 44.1,
            ..file("hls/fmp4.m3u8", "m3u|hls-outer", [0.0; 3])
        },
        File {
            segments: &[
                "hls/mp3-0.ts",
                "hls/mp3-1.ts",
                "hls/mp3-2.ts",
                "hls/mp3-3.ts",
                "hls/mp3-4.ts",
            ],
            // 461 frames of 1152 samples (ffprobe); LAME's delay, which nothing tells of
            told: Some(12_042),
            length: (461 * 1152 * RATE).div_ceil(44_100),
            late: 1105.0 * 48.0 / 44.1,
            loudness: (0.2375, 0.2),
            ..file("hls/mp3.m3u8", "m3u|hls-outer", [0.0; 3])
        },
    ]
}

impl File {
    fn bytes(name: &str) -> Bytes {
        if name == "tone48.wav" {
            return wav().into();
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let bytes = std::fs::read(path.join(name));
        bytes.unwrap_or_else(|e| panic!("{name}: {e}")).into()
    }

    /// The file, and those that it leads to.
    fn parts(&self) -> Files {
        let names = std::iter::once(&self.name).chain(self.segments);
        names.map(|name| (*name, Self::bytes(name))).collect()
    }

    /// Where the sound of about 4.8 s lies: file and byte.
    fn middle(&self) -> (&'static str, usize) {
        match self.segments {
            [_, second, ..] => (second, Self::bytes(second).len() * 3 / 5),
            _ => (self.name, Self::bytes(self.name).len() * 2 / 5),
        }
    }

    /// What a load says of the length.
    fn told(&self, has_ranges: bool) -> Option<i64> {
        self.told.filter(|_| has_ranges || !self.ends_tell)
    }

    /// The tones are there, as loud as they should be, at the place in the track that these samples are said to have.
    fn check(&self, sound: &Sound, position: usize, what: &str) {
        let test = |samples: &[f32], hz: f64, position: usize, loudness: f64| {
            let (amplitude, late) = tone(samples, hz, position);
            let period = RATE as f64 / hz;
            let off = (late - self.late).rem_euclid(period);
            let off = off.min(period - off);
            assert!(
                (amplitude / loudness - 1.0).abs() < 0.06 && off < 0.5,
                "{}, {what}: {hz} Hz has {amplitude:.3} and is {off:.2} samples off",
                self.name
            );
        };
        let right = if self.is_mono { 440.0 } else { 660.0 };
        test(&sound.left, 440.0, position, self.loudness.0);
        test(&sound.right, right, position, self.loudness.0);
        // the beep is weaker by its share that lies elsewhere; within a second no other place looks the same
        let second = position.next_multiple_of(RATE) + self.late.round() as usize;
        let beep = second - position..second - position + RATE / 5;
        for samples in [&sound.left, &sound.right] {
            test(&samples[beep.clone()], 1000.0, second, self.loudness.1);
        }
    }
}

/// The signal, as a WAV file of 16 bits at 48 kHz.
fn wav() -> Vec<u8> {
    let wave = |hz: f64, i: usize| (std::f64::consts::TAU * hz * i as f64 / RATE as f64).sin();
    let beep = |i: usize| if i % RATE < RATE / 5 { 0.2 } else { 0.0 };
    let sample = |hz: f64, i: usize| 0.25 * wave(hz, i) + beep(i) * wave(1000.0, i);
    let data: Vec<u8> = (0..TWELVE)
        .flat_map(|i| [sample(440.0, i), sample(660.0, i)])
        .flat_map(|sample| ((sample * 32_768.0).round() as i16).to_le_bytes())
        .collect();
    let size = data.len() as u32;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\xBB\0\0\0\xEE\x02\0\x04\0\x10\0data");
    file.extend(size.to_le_bytes());
    file.extend(data);
    file
}

/// A source of tracks that soon gives a silent connection up, and an engine.
struct Stage {
    registry: Registry,
    engine: Engine,
}

impl Stage {
    fn set() -> Self {
        let registry = Registry::new(source::Settings {
            network: net::Settings {
                read_timeout: Duration::from_millis(300),
                ..net::Settings::default()
            },
            ..source::Settings::default()
        });
        Self {
            registry,
            engine: Engine::new(2, Settings::default()),
        }
    }

    async fn load(&self, url: &str) -> Track {
        match self.registry.load(url).await {
            Ok(LoadResult::Track(track)) => *track,
            other => panic!("{url}: {other:?}"),
        }
    }

    fn play(&self, track: &Track, start: usize) -> Run {
        let media = self.registry.open(track).expect("its own");
        Run::start(&self.engine, media.window, media.hint, start)
    }
}

/// Playing takes a thread that waits; the server needs the runtime's.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

async fn is_heard_whole(file: File, has_ranges: bool) {
    let manner = Manner {
        has_ranges,
        fault: None,
        rate: None,
    };
    let server = Server::start(file.parts(), manner).await;
    let stage = Stage::set();
    let track = stage.load(&server.url(file.name)).await;
    let info = &track.info;
    assert_eq!(track.plugin_info["probeInfo"], file.container);
    let told = file.told(has_ranges);
    assert_eq!(info.is_stream, told.is_none(), "{}", file.name);
    if let Some(told) = told {
        assert_eq!(info.length, told, "{}", file.name);
    }
    blocking(move || {
        let (all, first) = stage.play(&track, 0).take(usize::MAX);
        assert_eq!((all.len(), first), (file.length, 0), "{}", file.name);
        // the first tenth of a second is the codec's to settle
        file.check(&all.part(4800, 2 * RATE - 4800), 4800, "first 2 s");
        let from = TWELVE - RATE;
        file.check(&all.part(from, RATE - 960), from, "last second");
        if told.is_none() {
            return;
        }
        for is_sought in [false, true] {
            let target = 7 * RATE;
            let mut run = stage.play(&track, if is_sought { 0 } else { target });
            if is_sought {
                run.take(9600);
                run.playback.seek(Samples(target as u64));
            }
            // frames from before the seek may still come
            let first = std::iter::from_fn(|| run.frame()).find(|(_, at)| *at >= target);
            let (mut part, at) = first.expect("it arrives");
            assert_eq!(at, target, "{}", file.name);
            let (more, _) = run.take(RATE);
            part.left.extend(more.left);
            part.right.extend(more.right);
            file.check(&part.part(0, RATE), target, "from 7 s on");
            // a seek gives the samples of unbroken playing, once a resampler has its first taps
            let whole = all.part(target + 200, RATE);
            let part = part.part(200, RATE - 200);
            let differs = (0..part.len())
                .map(|i| (part.left[i] - whole.left[i]).abs())
                .fold(0f32, f32::max);
            // an Opus decoder only converges within the 80 ms before (RFC 7845, 4.6)
            let is_opus = file.name.contains("48.") && file.container != "wav";
            let limit = if is_opus { 0.05 } else { 1e-3 };
            assert!(differs < limit, "{}: off by {differs}", file.name);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_container_is_heard_whole_and_seeks_exactly_with_ranges() {
    for file in files() {
        is_heard_whole(file, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_container_is_heard_whole_and_seeks_exactly_without_ranges() {
    for file in files() {
        is_heard_whole(file, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_of_the_network_changes_a_sample() {
    for file in files() {
        // what is played: from two seconds before the fault to two seconds behind it
        let (broken, at) = file.middle();
        for has_ranges in [true, false] {
            let is_seekable = file.told(has_ranges).is_some();
            let start = if is_seekable { 14 * RATE / 5 } else { 0 };
            let len = 34 * RATE / 5 - start;
            let mut clean: Option<Sound> = None;
            for fault in [
                None,
                Some(Fault::Stall),
                Some(Fault::Reset),
                Some(Fault::Close),
                Some(Fault::Drip),
            ] {
                let manner = Manner {
                    has_ranges,
                    fault: fault.map(|fault| (broken, at, fault)),
                    rate: None,
                };
                let server = Server::start(file.parts(), manner).await;
                let stage = Stage::set();
                let track = stage.load(&server.url(file.name)).await;
                server.arm();
                let mut run = stage.play(&track, start);
                let heard = blocking(move || run.take(len).0).await;
                assert!(fault.is_none() || server.has_failed(), "it happened");
                assert!(heard.len() >= len, "{}, {fault:?}", file.name);
                let clean = clean.get_or_insert_with(|| heard.clone());
                assert!(heard == *clean, "{}, {fault:?}, {has_ranges}", file.name);
            }
        }
    }
}

/// A connection brings less than is heard of these files: others help it.
#[tokio::test(flavor = "multi_thread")]
async fn a_throttling_server_changes_no_sample() {
    let all = files().into_iter();
    let some = all.filter(|file| ["mp3", "flac"].contains(&file.container));
    let mut heard_of_two = 0;
    for file in some {
        let mut clean: Option<Sound> = None;
        for rate in [None, Some(60_000)] {
            let manner = Manner {
                has_ranges: true,
                fault: None,
                rate,
            };
            let server = Server::start(file.parts(), manner).await;
            let stage = Stage::set();
            let track = stage.load(&server.url(file.name)).await;
            let heard = blocking(move || stage.play(&track, 0).take(3 * RATE).0).await;
            let clean = clean.get_or_insert_with(|| heard.clone());
            assert!(heard == *clean, "{}, {rate:?}", file.name);
            heard_of_two += usize::from(server.most() > 1);
        }
    }
    assert!(
        heard_of_two > 0,
        "connections were opened besides the first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_file_is_heard_as_far_as_it_goes() {
    // a segment that is cut off ends no stream: see `media/hls`
    for file in files().into_iter().filter(|f| f.segments.is_empty()) {
        let bytes = File::bytes(file.name);
        // places that look like chance: multiples of the golden section
        for (share, expected) in [236, 618, 854].into_iter().zip(file.cut) {
            let cut = bytes.len() * share / 1000;
            let manner = Manner {
                has_ranges: true,
                fault: None,
                rate: None,
            };
            let server = Server::start(vec![(file.name, bytes.slice(..cut))], manner).await;
            let stage = Stage::set();
            let track = stage.load(&server.url(file.name)).await;
            let name = file.name;
            blocking(move || {
                let start = if track.info.is_seekable {
                    ((expected - 1.0) * RATE as f64) as usize
                } else {
                    0
                };
                let mut run = stage.play(&track, start);
                let (heard, from) = run.take(usize::MAX);
                let end = (from + heard.len()) as f64 / RATE as f64;
                // the byte rate is only about constant
                // ffmpeg plays what is left of the last packet, or leaves it out
                assert!((end - expected).abs() < 0.06, "{name}: up to {end:.2} s");
                let failure = run.failure();
                let is_fault = failure.as_ref().map(|f| f.severity) == Some(Severity::Fault);
                assert!(!is_fault, "{name}: {failure:?}");
            })
            .await;
        }
    }
}
