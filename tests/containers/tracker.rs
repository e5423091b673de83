//! Owns: proof that a tracker module that takes long to count and to seek in leaves the pool to others.
//! Never knows: how modules are played.

use super::sound::RATE;
use lavalink_rust::{
    dsp::FilterSpec,
    frame::{FrameFormat, FrameReader, PCM_FRAME_BYTES, Taken},
    media::{demux::probe::Hint, window::ByteWindow},
    playback::{Engine, Event, Playback, Request, Settings},
    units::Samples,
};
use std::{sync::mpsc, time::Duration};

/// A MOD of silence: a hundred times a pattern of 64 rows, of 6 ticks of 20 ms each: 12.8 minutes.
fn tune() -> Vec<u8> {
    let mut file = vec![0; 1084 + 1024];
    file[950] = 100;
    file[1080..1084].copy_from_slice(b"M.K.");
    file
}

/// A second of silence, mono.
fn wav() -> Vec<u8> {
    let len = RATE as u32 * 2;
    let rate = RATE as u32;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + len).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend([rate.to_le_bytes(), (rate * 2).to_le_bytes()].concat());
    file.extend(b"\x02\0\x10\0data");
    file.extend(len.to_le_bytes());
    file.resize(file.len() + len as usize, 0);
    file
}

fn play(
    engine: &Engine,
    file: Vec<u8>,
    start: usize,
    opened: impl Fn() + Send + Sync + 'static,
) -> (Playback, FrameReader) {
    let request = Request {
        window: ByteWindow::of(file),
        hint: Hint::default(),
        start: Samples(start as u64),
        volume: 100,
        filters: FilterSpec::default(),
        format: FrameFormat::Pcm,
        stuck_after: Duration::MAX,
    };
    engine.start(request, move |event| match event {
        Event::Opened { .. } => opened(),
        Event::Failed { failure, .. } => panic!("{failure}"),
        _ => {}
    })
}

#[test]
fn a_long_tune_lets_others_play_while_it_is_counted_and_sought_in() {
    let engine = Engine::new(1, Settings::default());
    let (tell, told) = mpsc::channel();
    let say = |name: &'static str| {
        let tell = tell.clone();
        move || tell.send(name).expect("the test listens")
    };
    // the only thread of the pool is held until both wait for it
    let (hold, held) = mpsc::sync_channel::<()>(0);
    let _first = play(&engine, wav(), 0, move || {
        let _ = (hold.send(()), hold.send(()));
    });
    held.recv().expect("held");
    let (_tune, mut frames) = play(&engine, tune(), 30 * RATE, say("tune"));
    let _other = play(&engine, wav(), 0, say("wav"));
    held.recv().expect("let go");
    assert_eq!(told.iter().take(2).collect::<Vec<_>>(), ["wav", "tune"]);
    let mut out = [0; PCM_FRAME_BYTES];
    let position = loop {
        match frames.take(&mut out) {
            Taken::Frame { position, .. } => break position,
            Taken::Underrun => std::thread::yield_now(),
            Taken::Over => panic!("no sound"),
        }
    };
    assert_eq!(position, Samples(30 * RATE as u64));
}
