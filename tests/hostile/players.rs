//! Owns: what a player takes of memory while it plays what is meant to be played.
//! Never knows: connections: voice takes some 40 KB more, fetching as much as may be read ahead.

use crate::{NOW, TURN};
use lavalink_rust::{
    dsp::{FilterSpec, TimescaleSpec},
    frame::{FrameFormat, FrameReader, MAX_OPUS_BYTES, Taken},
    media::{demux::probe::Hint, window::ByteWindow},
    playback::{Engine, Event, Playback, Request, Settings},
    units::Samples,
};
use std::{
    sync::{PoisonError, atomic::Ordering, mpsc},
    time::Duration,
};

/// Twelve seconds of mp3: 44.1 kHz, stereo, 128 kbit/s.
const MP3: &[u8] = include_bytes!("../data/tone44.mp3");

fn request(data: &'static [u8], filters: FilterSpec) -> Request {
    Request {
        window: ByteWindow::of(data),
        hint: Hint::default(),
        start: Samples::ZERO,
        volume: 100,
        filters,
        format: FrameFormat::Opus,
        stuck_after: Duration::MAX,
    }
}

/// Rust's part of the memory of a player in the middle of a track, in bytes, when its frames are made: libopus has 48 KB more.
fn taken(filters: FilterSpec) -> usize {
    let engine = Engine::new(1, Settings::default());
    let before = with_rubbish(&engine);
    let (_playback, mut reader): (Playback, FrameReader) =
        engine.start(request(MP3, filters), |_| {});
    let mut out = [0; MAX_OPUS_BYTES];
    let mut heard = 0;
    while heard < 250 {
        match reader.take(&mut out) {
            Taken::Frame { .. } => heard += 1,
            Taken::Underrun => std::thread::yield_now(),
            Taken::Over => panic!("the track is longer"),
        }
    }
    while reader.level() < 20 {
        std::thread::yield_now();
    }
    with_rubbish(&engine) - before
}

/// What is in use when the only worker has come to something that fails: it is done with all before.
fn with_rubbish(engine: &Engine) -> usize {
    let (tell, told) = mpsc::channel();
    let failed = move |event| {
        if let Event::Failed { .. } = event {
            let _ = tell.send(NOW.load(Ordering::Relaxed));
        }
    };
    let (_other, _frames) = engine.start(request(b"rubbish", FilterSpec::default()), failed);
    told.recv().expect("rubbish fails")
}

/// Both limits are a tenth more than what was measured.
#[test]
fn a_player_takes_no_more_than_it_needs() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // tables that all players share
    taken(FilterSpec::default());
    let plain = taken(FilterSpec::default());
    let scale = TimescaleSpec {
        speed: 1.2,
        pitch: 1.1,
        rate: 1.0,
    };
    let scaled = taken(FilterSpec {
        timescale: Some(scale),
        ..FilterSpec::default()
    });
    assert!(plain < 140_000, "{plain} bytes");
    assert!(scaled < 530_000, "{scaled} bytes with a time-scale");
}
