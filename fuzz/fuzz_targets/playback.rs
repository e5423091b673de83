//! Owns: what holds for every stream that is played: its playback makes frames or ends, without a fault and without more
//! memory than a track may take, also when it seeks and changes its volume meanwhile.
//! Never knows: any container or codec.
//!
//! Input: a stream, and behind it one byte that says how it is played. So real files are seeds as they are:
//! `cargo fuzz run playback fuzz/corpus/playback tests/data -- -max_len=16384 -malloc_limit_mb=512` (the corpus folder must
//! exist).

#![no_main]

use lavalink_rust::{
    dsp::FilterSpec,
    error::Severity,
    frame::{FrameFormat, PCM_FRAME_BYTES, Taken},
    media::{demux::probe::Hint, window::ByteWindow},
    playback::{Engine, Event, Request, Settings},
    units::Samples,
};
use libfuzzer_sys::fuzz_target;
use std::{sync::LazyLock, time::Duration};

/// Frames taken of one stream: a second.
const MAX_FRAMES: usize = 50;
/// Where playing begins and goes on: the beginning, a second, an hour, beyond everything.
const TARGETS: [u64; 4] = [0, 48_000, 172_800_000, u64::MAX];

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(1, Settings::default()));

fuzz_target!(|data: &[u8]| {
    let Some((&how, stream)) = data.split_last() else {
        return;
    };
    let target = |bits: u8| Samples(TARGETS[usize::from(bits & 3)]);
    let format = if how & 16 == 0 {
        FrameFormat::Pcm
    } else {
        FrameFormat::Opus
    };
    let request = Request {
        window: ByteWindow::of(stream.to_vec()),
        hint: Hint::default(),
        start: target(how),
        volume: 100,
        filters: FilterSpec::default(),
        format,
        stuck_after: Duration::MAX,
    };
    let (playback, mut reader) = ENGINE.start(request, |event| {
        if let Event::Failed { failure, .. } = event {
            assert!(failure.severity != Severity::Fault, "{failure:?}");
        }
    });
    let mut out = [0; PCM_FRAME_BYTES];
    let mut frames = 0;
    while frames < MAX_FRAMES {
        match reader.take(&mut out) {
            Taken::Frame { len, .. } => {
                assert!(len <= format.max_bytes(), "a frame has its size");
                frames += 1;
                match frames {
                    10 => playback.set_volume(50),
                    20 => playback.seek(target(how >> 2)),
                    _ => {}
                }
            }
            // the window has everything: the next frame is on its way
            Taken::Underrun => std::thread::yield_now(),
            Taken::Over => break,
        }
    }
});
