//! Owns: a world without sound: tracks start at once and never give a frame, voice servers do not exist.
//! Never knows: what is tested with it.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use futures_util::future::BoxFuture;
use lavalink_rust::{
    dsp::FilterSpec,
    error::Failure,
    frame::{FrameFormat, FrameReader, FrameWriter, Underruns, ring},
    output::{Output, OutputEvent, OutputStats},
    player::{
        Admission, Call, Device, OnSound, OnVoice, Refusal, Report, Run, Sound, World,
        note::Quality,
    },
    server,
    session::{self, Sessions},
    source::{self, Registry},
    stats::system::System,
    track::{LoadResult, Track, lyrics::Lyrics, marks::Marks},
    units::Samples,
};
use tokio::sync::watch;

/// An identifier that makes loading panic.
pub const PANIC: &str = "panic";

struct SilentWorld(Admission);

struct Silence {
    // While the writer lives, the track goes on.
    writer: FrameWriter,
}

impl Sound for Silence {
    fn seek(&self, to: Samples) {
        self.writer.progress().end_seek(to, to);
    }
    fn set_volume(&self, _percent: u16) {}
    fn set_filters(&self, _filters: FilterSpec) {}
    fn change_format(&mut self, format: FrameFormat) -> FrameReader {
        let (writer, reader) = ring(format, 8, 500, || {}, |_| {});
        self.writer = writer;
        reader
    }
    fn report(&self) -> Report {
        Report::default()
    }
}

struct Nowhere;

impl Output for Nowhere {
    fn play(&mut self, _reader: FrameReader) {}
    fn stop(&mut self) {}
    fn set_paused(&mut self, _is_paused: bool) {}
    fn stats(&self) -> OutputStats {
        OutputStats::default()
    }
    fn close(self: Box<Self>) {}
}

impl World for SilentWorld {
    fn load(&self, identifier: String) -> BoxFuture<'static, Result<LoadResult, Failure>> {
        Box::pin(async move {
            assert_ne!(identifier, PANIC, "as the test wants it");
            Ok(LoadResult::Empty)
        })
    }

    fn lyrics(
        &self,
        _track: Arc<Track>,
        _skip_track_source: bool,
    ) -> BoxFuture<'static, Result<Option<Lyrics>, Failure>> {
        Box::pin(async { Ok(None) })
    }

    fn marks(
        &self,
        _track: Arc<Track>,
        _categories: Vec<String>,
    ) -> BoxFuture<'static, Result<Marks, Failure>> {
        Box::pin(async { Ok(Marks::default()) })
    }

    fn open(
        &self,
        _device: Arc<str>,
        _events: OnVoice,
    ) -> BoxFuture<'static, Result<Box<dyn Output>, Refusal>> {
        Box::pin(async { Err(Refusal::Absent("there are no cards here")) })
    }

    fn devices(&self) -> BoxFuture<'static, Result<Vec<Device>, Failure>> {
        Box::pin(async { Err(Failure::common("there are no cards here")) })
    }

    fn admission(&self) -> &Admission {
        &self.0
    }

    fn quality(&self) -> watch::Receiver<Option<Quality>> {
        watch::Sender::default().subscribe()
    }

    fn panics(&self) -> u64 {
        0
    }

    fn underruns(&self) -> Arc<Underruns> {
        Arc::default()
    }

    fn has_source(&self, name: &str) -> bool {
        name == "http"
    }

    fn start(&self, run: Run, _events: OnSound) -> Result<(Box<dyn Sound>, FrameReader), Failure> {
        let (writer, reader) = ring(FrameFormat::Opus, 8, 500, || {}, |_| {});
        writer.progress().end_seek(run.at, run.at);
        Ok((Box::new(Silence { writer }), reader))
    }

    fn connect(&self, _call: Call, mut events: OnVoice) -> Box<dyn Output> {
        events(OutputEvent::Unreachable(Failure::common(
            "there is no voice here",
        )));
        Box::new(Nowhere)
    }
}

/// What an `App` is made from. To be called on a runtime.
pub fn parts() -> (Sessions, Arc<Registry>, Arc<System>) {
    parts_with(source::Settings::default())
}

/// The same with other sources.
#[expect(clippy::disallowed_methods, reason = "the edge of a test")]
pub fn parts_with(sources: source::Settings) -> (Sessions, Arc<Registry>, Arc<System>) {
    let system = Arc::new(System::new(Instant::now(), SystemTime::now()));
    let machine = system.clone();
    let stats = Arc::new(move || server::machine_stats(&machine, Instant::now()));
    let sessions = Sessions::new(
        session::Settings::default(),
        Arc::new(SilentWorld(Admission::default())),
        stats,
    );
    let sources = Registry::new(sources);
    (sessions, Arc::new(sources), system)
}
