//! Owns: one run of a track: from fetched bytes to a ring of frames.
//! Never knows: sessions, clients, voice.

pub mod admission;
pub mod dial;
mod drift;
pub mod encode;
mod event;
mod feed;
mod pipeline;
pub mod pool;
mod render;
mod repack;
mod report;
mod splice;

pub use event::{Event, Lost, Rejoined, Title};
pub use report::{Activity, Media, Mode, Report};

use crate::{
    dsp::{FilterSpec, ResamplingQuality, TimescalePosition},
    frame::{self, FrameFormat, FrameReader, FrameWriter, Progress},
    media::{demux::probe::Hint, window::ByteWindow},
    units::{FRAME_DURATION, Samples},
};
use dial::Dials;
use pool::{Pool, Waker};
use report::{Notes, Reporter};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How playbacks work on this node.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How far ahead of the listener frames are made: Lavalink's `frameBufferDurationMs`, ours is 400 ms.
    pub frame_buffer: Duration,
    /// The encoder's.
    pub quality: encode::Quality,
    /// Lavalink's `resamplingQuality`.
    pub resampling: ResamplingQuality,
    /// Lavalink's `useSeekGhosting`: old frames are heard until the first one of the new place is there.
    pub seek_ghosting: bool,
    /// What positions count.
    pub timescale_position: TimescalePosition,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            frame_buffer: Duration::from_millis(400),
            quality: encode::Quality::default(),
            resampling: ResamplingQuality::Low,
            seek_ghosting: true,
            timescale_position: TimescalePosition::Track,
        }
    }
}

/// What is to be played, and how it begins.
pub struct Request {
    /// The bytes.
    pub window: ByteWindow,
    /// What their container may be.
    pub hint: Hint,
    /// Where to begin.
    pub start: Samples,
    /// Lavalink's volume, 0 to 1000.
    pub volume: u16,
    /// The filters.
    pub filters: FilterSpec,
    /// What the frames are to be.
    pub format: FrameFormat,
    /// Time without a frame, while one was asked for, after which the playback is stuck.
    pub stuck_after: Duration,
}

/// What the owner of a playback wants of it: the latest of each counts.
struct Wishes {
    volume: u16,
    filters: FilterSpec,
    seek: Option<Samples>,
    /// Where frames go from now on.
    tape: Option<Tape>,
    is_stopped: bool,
}

/// Where frames go, and what they are.
struct Tape {
    format: FrameFormat,
    writer: FrameWriter,
}

/// Makes the rings of one playback.
struct Tapes {
    /// Frames that a ring holds.
    frames: usize,
    /// Empty polls in a row after which it is stuck.
    stuck_after: u32,
    waker: Waker,
    events: Arc<dyn Fn(Event) + Send + Sync>,
}

impl Tapes {
    fn make(&self, format: FrameFormat, progress: Arc<Progress>) -> (Tape, FrameReader) {
        let (waker, events) = (self.waker.clone(), self.events.clone());
        let (writer, reader) = frame::ring_of(
            progress,
            format,
            self.frames,
            self.stuck_after,
            move || waker.wake(),
            move |event| events(Event::Reader(event)),
        );
        (Tape { format, writer }, reader)
    }
}

struct Parts {
    window: ByteWindow,
    hint: Hint,
    tape: Tape,
    notes: Arc<Notes>,
}

/// Runs playbacks. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pool: Arc<Pool>,
    settings: Settings,
    dials: Dials,
}

impl Engine {
    /// Makes an engine with `workers` threads of its own.
    #[must_use]
    pub fn new(workers: usize, settings: Settings) -> Self {
        Self {
            pool: Arc::new(Pool::new(workers)),
            settings,
            dials: Dials::default(),
        }
    }

    /// Its playbacks heed these dials.
    #[must_use]
    pub fn heeding(self, dials: Dials) -> Self {
        Self { dials, ..self }
    }

    /// Starts playing. Frames appear in the reader as soon as the first bytes are there.
    pub fn start(
        &self,
        request: Request,
        events: impl Fn(Event) + Send + Sync + 'static,
    ) -> (Playback, FrameReader) {
        let events: Arc<dyn Fn(Event) + Send + Sync> = Arc::new(events);
        let wishes = Arc::new(Mutex::new(Wishes {
            volume: request.volume,
            filters: request.filters,
            seek: (request.start > Samples::ZERO).then_some(request.start),
            tape: None,
            is_stopped: false,
        }));
        let buffers = self.dials.buffers.get();
        let frames = buffers
            .ring(self.settings.frame_buffer)
            .as_millis()
            .div_ceil(FRAME_DURATION.as_millis())
            + 1;
        let stuck_after = (request.stuck_after.as_millis() / FRAME_DURATION.as_millis()).max(1);
        let mut window = request.window;
        window.limit_credit(buffers.read_ahead(window.credit()));
        let bytes = window.gauge();
        let notes = Arc::new(Notes::default());
        let progress = Arc::new(Progress::default());
        if request.start > Samples::ZERO {
            progress.begin_seek(request.start);
        }
        let mut made = None;
        let waker = self.pool.add(|waker| {
            let tapes = Tapes {
                frames: frames as usize,
                stuck_after: u32::try_from(stuck_after).unwrap_or(u32::MAX),
                waker: waker.clone(),
                events: events.clone(),
            };
            let (tape, reader) = tapes.make(request.format, progress.clone());
            made = Some((tapes, reader));
            let progress = progress.clone();
            window.on_ready(move || {
                progress.end_waiting();
                waker.wake();
            });
            let parts = Parts {
                window,
                hint: request.hint,
                tape,
                notes: notes.clone(),
            };
            Box::new(pipeline::Pipeline::new(
                parts,
                wishes.clone(),
                events,
                self.settings,
                self.dials.sound.clone(),
            ))
        });
        let (tapes, reader) = made.expect("made with the job");
        let playback = Playback {
            progress: progress.clone(),
            reporter: Reporter {
                notes,
                progress,
                ring: reader.gauge(),
                bytes,
            },
            wishes,
            waker,
            tapes,
        };
        (playback, reader)
    }

    /// Calls `answered` from one of its threads, after the work that waits already.
    pub fn roll_call(&self, answered: impl FnOnce() + Send + 'static) {
        self.pool.roll_call(answered);
    }

    /// Playbacks that ended by a panic since the start.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.pool.panics()
    }
}

/// A running playback, as its owner holds it. Dropping it ends it.
pub struct Playback {
    progress: Arc<Progress>,
    reporter: Reporter,
    wishes: Arc<Mutex<Wishes>>,
    waker: Waker,
    tapes: Tapes,
}

impl Playback {
    fn wish(&self, change: impl FnOnce(&mut Wishes)) {
        change(&mut self.wishes.lock().unwrap_or_else(PoisonError::into_inner));
        self.waker.wake();
    }

    /// Goes on at `to`; the position is that at once. Nothing happens on a stream that cannot seek. Beyond the end, the
    /// playback drains.
    pub fn seek(&self, to: Samples) {
        self.progress.begin_seek(to);
        self.wish(|w| w.seek = Some(to));
    }

    /// Changes the volume (0 to 1000), to be heard after one frame.
    pub fn set_volume(&self, volume: u16) {
        self.wish(|w| w.volume = volume);
    }

    /// Changes the filters.
    pub fn set_filters(&self, filters: FilterSpec) {
        self.wish(|w| w.filters = filters);
    }

    /// Gives frames of this format from now on, to a reader of their own; the one before gets none any more and is to be
    /// dropped. What it has not taken is made again, so that nothing is missing in between.
    pub fn change_format(&mut self, format: FrameFormat) -> FrameReader {
        let (mut tape, reader) = self.tapes.make(format, self.progress.clone());
        self.reporter.ring = reader.gauge();
        if self.report().activity == Activity::Failed {
            // nobody makes frames any more
            tape.writer.push_end();
        } else {
            self.wish(|w| w.tape = Some(tape));
        }
        reader
    }

    /// How it is doing.
    #[must_use]
    pub fn report(&self) -> Report {
        self.reporter.report()
    }

    /// Position, counters, and the limit.
    #[must_use]
    pub const fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }
}

impl Drop for Playback {
    fn drop(&mut self) {
        self.wish(|w| w.is_stopped = true);
    }
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod station_tests;
