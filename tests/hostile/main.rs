//! Owns: proof that bytes made to do harm end in an exception that blames them, in bounded memory, after a bounded part of
//! them was read: one table of files that end, one of streams that do not.
//! Never knows: how a parser works inside.

#![allow(
    unsafe_code,
    reason = "an allocator that counts can only be made of unsafe functions"
)]

mod files;
mod forms;
mod players;
mod streams;

use files::files;
use lavalink_rust::{
    dsp::FilterSpec,
    error::{Failure, Severity},
    frame::{FrameFormat, PCM_FRAME_BYTES, Taken},
    media::{
        demux::probe::Hint,
        window::{ByteWindow, lane},
    },
    playback::{Engine, Event, Request, Settings},
    units::Samples,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};
use streams::{Endless, streams};

/// The most memory that one track may take, in bytes: an MP4's tables may have 32 MiB and are gathered from what was
/// delivered of them.
const MAX_MEMORY: usize = 96 << 20;
/// Counts what is allocated.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes on to the system's allocator unchanged; counting touches nothing else.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Memory is counted for all tests together: one at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Plays up to the end, or up to half a second of sound; gives the failure and how many frames there were.
fn play(window: ByteWindow, extension: &str) -> (Option<Failure>, usize) {
    let engine = Engine::new(1, Settings::default());
    let (tell, events) = mpsc::channel();
    let request = Request {
        window,
        hint: Hint {
            mime: None,
            extension: Some(extension.to_owned()),
        },
        start: Samples::ZERO,
        volume: 100,
        filters: FilterSpec::default(),
        format: FrameFormat::Pcm,
        stuck_after: Duration::MAX,
    };
    let (_playback, mut reader) = engine.start(request, move |event| drop(tell.send(event)));
    let mut out = [0; PCM_FRAME_BYTES];
    let mut frames = 0;
    while frames < 25 {
        match reader.take(&mut out) {
            Taken::Frame { .. } => frames += 1,
            Taken::Underrun => std::thread::yield_now(),
            Taken::Over => break,
        }
    }
    let failure = events.try_iter().find_map(|event| match event {
        Event::Failed { failure, .. } => Some(failure),
        _ => None,
    });
    (failure, frames)
}

/// It was refused, and whose fault that is said to be.
fn assert_blamed(name: &str, failure: Option<Failure>) {
    let failure = failure.unwrap_or_else(|| panic!("{name}: no exception"));
    assert!(
        matches!(failure.severity, Severity::Common | Severity::Suspicious),
        "{name}: {failure:?}"
    );
    assert!(!failure.message.is_empty(), "{name}");
}

/// Plays while memory is counted.
fn counted<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let done = work();
    let peak = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(peak < MAX_MEMORY, "{name}: {} MiB", peak >> 20);
    done
}

#[test]
fn every_file_is_refused() {
    let _turn = TURN.lock().expect("no test has failed");
    for (name, extension, file) in files() {
        let (failure, frames) = counted(name, || play(ByteWindow::of(file), extension));
        assert!(frames < 25, "{name}: sound");
        assert_blamed(name, failure);
    }
}

#[test]
fn every_stream_is_given_up() {
    let _turn = TURN.lock().expect("no test has failed");
    // a station, and a server that claims a terabyte and has ranges, in turn
    let lengths = [None, Some(1 << 40)].into_iter().cycle();
    for ((name, extension, front, unit), length) in streams().into_iter().zip(lengths) {
        let (writer, window) = lane(128 << 10);
        writer.describe(length, length.is_some());
        let endless = Endless::new(front, unit);
        let (failure, is_closed) = counted(name, || {
            let serving = std::thread::spawn(move || endless.serve(writer));
            let (failure, _) = play(window, extension);
            (failure, serving.join().expect("no panic"))
        });
        assert!(is_closed, "{name}, {length:?}: read on and on");
        assert_blamed(name, failure);
    }
}
