//! Owns: `lavalink-rust play`: one track, as fast as the machine goes into a file, or aloud.
//! Never knows: sessions, voice, sound cards.

use super::{
    aloud::Aloud,
    file::{self, Sink},
};
use crate::{
    dsp::FilterSpec,
    error::Failure,
    frame::{FrameFormat, FrameReader, PCM_FRAME_BYTES, Taken},
    output::device::{Devices, Refusal},
    playback::{Engine, Event, Request, encode::LOOKAHEAD},
    source::Registry,
    track::{LoadResult, Track, codec},
    units::{FRAME_SAMPLES, Millis, SAMPLE_RATE, Samples},
};
use std::{
    io::{IsTerminal, Write},
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

/// What to play, and where to.
pub struct Play {
    /// A path, a URL, or anything else that a source knows.
    pub identifier: String,
    /// Where to.
    pub target: Target,
    /// Where to begin.
    pub from: Millis,
    /// Where to end.
    pub to: Option<Millis>,
    /// Lavalink's volume.
    pub volume: u16,
    /// The filters.
    pub filters: FilterSpec,
}

/// Where it is to be heard.
pub enum Target {
    /// In a file: `.ogg`/`.opus` for Ogg Opus, `.wav` for samples before Opus.
    File(std::path::PathBuf),
    /// On the device of this name.
    Device(Arc<dyn Devices>, String),
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Played {
    /// Title and author, for people.
    pub name: String,
    /// How much was written, or played.
    pub written: Samples,
    /// It was told to stop before the end.
    pub is_cut: bool,
}

/// Why nothing, or not everything, was played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// It could not be loaded or played.
    #[error(transparent)]
    Track(#[from] Failure),
    /// Nothing is known by that name.
    #[error(
        "nothing was found for {0:?}: no readable file, no URL or search that a source knows, no encoded track"
    )]
    Nothing(String),
    /// The device cannot be played on.
    #[error("{0}{hint}", hint = advice(.0))]
    Device(Refusal),
    /// The output file's name says nothing of its format.
    #[error(
        "{0:?} is no output that can be written: give it the ending .ogg (Ogg Opus) or .wav (32-bit float samples)"
    )]
    Format(std::path::PathBuf),
    /// There is no sound where it was looked for.
    #[error("there is nothing to be heard there: the track ends before --from")]
    Empty,
    /// Writing would destroy what is to be read.
    #[error("{0:?} is the file that is to be played: give --output another name")]
    Overwrites(std::path::PathBuf),
    /// The output file could not be written.
    #[error("cannot write {path:?}")]
    Write {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn format_of(output: &Path) -> Option<FrameFormat> {
    match output.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "ogg" | "opus" => Some(FrameFormat::Opus),
        "wav" => Some(FrameFormat::Pcm),
        _ => None,
    }
}

impl From<Refusal> for PlayError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed(failure) => Self::Track(failure),
            refusal => Self::Device(refusal),
        }
    }
}

/// What to do about a device.
const fn advice(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Unknown(_) => {
            ": name one with --device (`aplay -L` lists them), or give --output FILE; without any card, see that it is plugged in \
and that you are in the group audio"
        }
        Refusal::Busy(_) => ": stop what plays there, or name another one with --device",
        Refusal::Absent(_) => "; or give --output FILE",
        Refusal::Unsupported(_) | Refusal::Failed(_) => "",
    }
}

/// Plays one track, or as much of it as there is until `stop`.
///
/// # Errors
/// When it cannot be loaded, played, heard or written.
pub async fn play(
    play: Play,
    engine: &Engine,
    sources: &Registry,
    stop: impl Future<Output = ()>,
) -> Result<Played, PlayError> {
    match &play.target {
        Target::File(output) => {
            let output = output.clone();
            write(play, output, engine, sources, stop).await
        }
        Target::Device(devices, name) => {
            // before anything is fetched
            let device = Aloud::open(devices.clone(), name.clone()).await?;
            listen(play, device, engine, sources, stop).await
        }
    }
}

async fn listen(
    play: Play,
    device: Aloud,
    engine: &Engine,
    sources: &Registry,
    stop: impl Future<Output = ()>,
) -> Result<Played, PlayError> {
    let track = find(&play.identifier, sources).await?;
    let media = sources.open(&track)?;
    let request = Request {
        window: media.window,
        hint: media.hint,
        start: play.from.to_samples(),
        volume: play.volume,
        filters: play.filters,
        format: FrameFormat::Pcm,
        stuck_after: Duration::MAX,
    };
    let bar = Bar::new(play.from, &track);
    let limit = play.to.map(Millis::to_samples);
    let (written, is_cut) = device.play(engine, request, limit, bar, stop).await?;
    Ok(Played {
        name: format!("{} - {}", track.info.author, track.info.title),
        written,
        is_cut,
    })
}

/// Writes a file, well-formed also when the track fails.
async fn write(
    play: Play,
    output: std::path::PathBuf,
    engine: &Engine,
    sources: &Registry,
    stop: impl Future<Output = ()>,
) -> Result<Played, PlayError> {
    let format = format_of(&output).ok_or_else(|| PlayError::Format(output.clone()))?;
    let track = find(&play.identifier, sources).await?;
    // what was typed may be another name of the track: an encoded one, or a list
    if is_same_file(Path::new(&track.info.identifier), &output) {
        return Err(PlayError::Overwrites(output));
    }
    let media = sources.open(&track)?;
    let from = play.from.to_samples();
    let (tell, told) = mpsc::channel();
    let request = Request {
        window: media.window,
        hint: media.hint,
        start: from,
        volume: play.volume,
        filters: play.filters.clone(),
        format,
        stuck_after: Duration::MAX,
    };
    let (playback, reader) = engine.start(request, move |event| drop(tell.send(event)));
    let limit = play.to.map_or(Samples(u64::MAX), Millis::to_samples);
    let pace = play.filters.pace();
    // the encoder's delay puts the last sound into one frame more
    let delay = (LOOKAHEAD as f64 * pace).ceil() as u64;
    let last = Samples(limit.0.saturating_add(delay));
    playback.progress().set_limit(Some(last));
    let failed = |source| PlayError::Write {
        path: output.clone(),
        source,
    };
    let mut copy = Copy {
        reader,
        told,
        sink: file::create(&output, format).map_err(failed)?,
        bar: Bar::new(play.from, &track),
        from,
        begins: from,
        length: None,
    };
    let ended = tokio::select! {
        ended = copy.run(format) => Some(ended),
        () = stop => None,
    };
    copy.bar.end();
    let end = copy.length.map_or(limit, |length| length.min(limit));
    let heard = end.0.saturating_sub(copy.begins.0);
    let wanted = if end == Samples(u64::MAX) {
        u64::MAX
    } else {
        // a time-scale's last sample may be one of two
        (heard as f64 / pace).round() as u64
    };
    let written = Samples(copy.sink.finish(wanted).map_err(failed)?);
    if written == Samples::ZERO && matches!(ended, Some(Ok(()))) {
        return Err(PlayError::Empty);
    }
    match ended {
        Some(Err(Broken::Track(failure))) => Err(failure.into()),
        Some(Err(Broken::File(source))) => Err(failed(source)),
        Some(Ok(())) | None => Ok(Played {
            name: format!("{} - {}", track.info.author, track.info.title),
            written,
            is_cut: ended.is_none(),
        }),
    }
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    let id = |path: &Path| path.metadata().map(|m| (m.dev(), m.ino()));
    matches!((id(a), id(b)), (Ok(a), Ok(b)) if a == b)
}

/// Frames on their way from the ring to the file.
struct Copy {
    reader: FrameReader,
    told: mpsc::Receiver<Event>,
    sink: Box<dyn Sink>,
    bar: Bar,
    /// Where the sound is to begin.
    from: Samples,
    /// Where it begins in the file.
    begins: Samples,
    /// Of the whole track, once it is known.
    length: Option<Samples>,
}

/// Why copying ended before its time.
enum Broken {
    Track(Failure),
    File(std::io::Error),
}

impl Copy {
    async fn run(&mut self, format: FrameFormat) -> Result<(), Broken> {
        let mut buffer = vec![0; format.max_bytes()];
        // a source that cannot seek is heard from its start; what comes before the wanted place is dropped here
        let mut skips = false;
        loop {
            let taken = self.reader.take(&mut buffer);
            // after the look at the ring: what leads to its end is told before it
            for event in self.told.try_iter() {
                match event {
                    Event::Opened {
                        length,
                        is_seekable,
                    } => {
                        self.length = length;
                        skips = !is_seekable;
                    }
                    Event::Failed { failure, .. } => return Err(Broken::Track(failure)),
                    Event::Reader(_) | Event::Title(_) | Event::Rejoined(_) => {}
                }
            }
            match taken {
                Taken::Frame { len, position } => {
                    self.bar.show(position);
                    let before = if skips {
                        self.from.0.saturating_sub(position.0)
                    } else {
                        0
                    };
                    if before < FRAME_SAMPLES as u64 {
                        let start = match format {
                            FrameFormat::Pcm => before as usize * (PCM_FRAME_BYTES / FRAME_SAMPLES),
                            FrameFormat::Opus => 0,
                        };
                        if before > 0 && start == 0 {
                            self.begins = position;
                        }
                        let frame = &buffer[start.min(len)..len];
                        self.sink.write(frame).map_err(Broken::File)?;
                    }
                    // lets a wish to stop be heard
                    tokio::task::yield_now().await;
                }
                // frames are made on other threads; this one has nothing else to do
                Taken::Underrun => tokio::time::sleep(Duration::from_micros(500)).await,
                Taken::Over => return Ok(()),
            }
        }
    }
}

/// The track of an identifier, or one in its binary format, as clients keep them.
async fn find(identifier: &str, sources: &Registry) -> Result<Track, PlayError> {
    if let Ok(track) = codec::decode(identifier) {
        return Ok(track);
    }
    match sources.load(identifier).await? {
        LoadResult::Track(track) => Ok(*track),
        LoadResult::Playlist(mut list) if !list.tracks.is_empty() => Ok(list
            .tracks
            .swap_remove(list.selected.unwrap_or(0).min(list.tracks.len() - 1))),
        LoadResult::Search(tracks) if !tracks.is_empty() => Ok(tracks[0].clone()),
        _ => Err(PlayError::Nothing(identifier.to_owned())),
    }
}

/// A line that says how far it is; only on a terminal.
pub(super) struct Bar {
    length: Option<u64>,
    from: u64,
    shown: Option<Instant>,
    began: Instant,
}

#[expect(
    clippy::disallowed_methods,
    reason = "only a person looks at this clock"
)]
impl Bar {
    fn new(from: Millis, track: &Track) -> Self {
        let known = !track.info.is_stream && track.info.length != crate::track::UNKNOWN_LENGTH;
        Self {
            length: known.then(|| Millis(track.info.length).to_samples().0),
            from: from.to_samples().0,
            shown: std::io::stderr().is_terminal().then(Instant::now),
            began: Instant::now(),
        }
    }

    /// Says something beside it.
    pub(super) fn say(&self, text: &str) {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    pub(super) fn show(&mut self, at: Samples) {
        const WIDTH: u64 = 40;
        let Some(shown) = &mut self.shown else { return };
        if shown.elapsed() < Duration::from_millis(100) {
            return;
        }
        *shown = Instant::now();
        let done = (at.0.saturating_sub(self.from)) as f64 / f64::from(SAMPLE_RATE);
        let speed = done / self.began.elapsed().as_secs_f64().max(0.001);
        let seconds = at.0 / u64::from(SAMPLE_RATE);
        let clock = format!("{:02}:{:02}", seconds / 60, seconds % 60);
        let filled = self
            .length
            .map_or(0, |l| (at.0 * WIDTH / l.max(1)).min(WIDTH)) as usize;
        let bar = format!(
            "{:█<filled$}{:░<rest$}",
            "",
            "",
            rest = WIDTH as usize - filled
        );
        let _ = write!(std::io::stderr(), "\r{bar} {clock}  {speed:.0}x ");
    }

    pub(super) fn end(&self) {
        if self.shown.is_some() {
            let _ = writeln!(std::io::stderr());
        }
    }
}

#[cfg(test)]
#[path = "play_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "play_hls_tests.rs"]
mod hls_tests;
