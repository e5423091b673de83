//! Owns: `lavalink-rust play`: one track, as fast as the machine goes, into a file.
//! Never knows: sessions, voice.

use super::file;
use crate::{
    dsp::FilterSpec,
    error::Failure,
    frame::{FrameFormat, Taken},
    playback::{Engine, Event, Request, encode::LOOKAHEAD},
    source::{self, Registry},
    track::{LoadResult, Track},
    units::{Millis, SAMPLE_RATE, Samples},
};
use std::{
    io::{IsTerminal, Write},
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

/// What to play, and where to.
pub struct Play {
    /// A path, a URL, or anything else that a source knows.
    pub identifier: String,
    /// `.ogg`/`.opus` for Ogg Opus, `.wav` for samples before Opus.
    pub output: std::path::PathBuf,
    /// Where to begin.
    pub from: Millis,
    /// Where to end.
    pub to: Option<Millis>,
    /// Lavalink's volume.
    pub volume: u16,
    /// The filters.
    pub filters: FilterSpec,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Played {
    /// Title and author, for people.
    pub name: String,
    /// How much was written.
    pub written: Samples,
}

/// Why nothing, or not everything, was played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// It could not be loaded or played.
    #[error(transparent)]
    Track(#[from] Failure),
    /// Nothing is known by that name.
    #[error(
        "nothing was found for {0:?}: it is neither a readable file nor a URL that can be played"
    )]
    Nothing(String),
    /// The output file's name says nothing of its format.
    #[error(
        "{0:?} is no output that can be written: give it the ending .ogg (Ogg Opus) or .wav (32-bit float samples)"
    )]
    Format(std::path::PathBuf),
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

/// Plays one track into a file.
///
/// # Errors
/// When it cannot be loaded, played or written.
pub async fn play(play: Play, engine: &Engine, sources: &Registry) -> Result<Played, PlayError> {
    let format = format_of(&play.output).ok_or_else(|| PlayError::Format(play.output.clone()))?;
    let track = find(&play.identifier, sources).await?;
    let media = sources.open(&track)?;
    let (tell, told) = mpsc::channel();
    let request = Request {
        window: media.window,
        hint: media.hint,
        start: play.from.to_samples(),
        volume: play.volume,
        filters: play.filters.clone(),
        format,
        stuck_after: Duration::MAX,
    };
    let (playback, mut reader) = engine.start(request, move |event| drop(tell.send(event)));
    let failed = |source| PlayError::Write {
        path: play.output.clone(),
        source,
    };
    let mut sink = file::create(&play.output, format).map_err(failed)?;
    let mut bar = Bar::new(play.from, &track);
    let mut buffer = vec![0; format.max_bytes()];
    let limit = play.to.map_or(Samples(u64::MAX), Millis::to_samples);
    // the encoder's delay puts the last sound into one frame more
    let last = Samples(limit.0.saturating_add(LOOKAHEAD as u64));
    playback.progress().set_limit(Some(last));
    let mut length = None;
    loop {
        let taken = reader.take(&mut buffer);
        // after the look at the ring: what leads to its end is told before it
        for event in told.try_iter() {
            match event {
                Event::Opened { length: exact, .. } => length = exact,
                Event::Failed { failure, .. } => return Err(failure.into()),
                Event::Reader(_) => {}
            }
        }
        match taken {
            Taken::Frame { len, position } => {
                sink.write(&buffer[..len]).map_err(failed)?;
                bar.show(position);
            }
            // frames are made on other threads; this one has nothing else to do
            Taken::Underrun => tokio::time::sleep(Duration::from_micros(500)).await,
            Taken::Over => break,
        }
    }
    bar.end();
    let end = length.map_or(limit, |length: Samples| length.min(limit));
    let is_stretched = play.filters.timescale.is_some();
    let wanted = if is_stretched {
        u64::MAX
    } else {
        end.0.saturating_sub(play.from.to_samples().0)
    };
    let written = Samples(sink.finish(wanted).map_err(failed)?);
    Ok(Played {
        name: format!("{} - {}", track.info.author, track.info.title),
        written,
    })
}

async fn find(identifier: &str, sources: &Registry) -> Result<Track, PlayError> {
    match sources.load(identifier).await? {
        LoadResult::Track(track) => Ok(*track),
        LoadResult::Playlist(mut list) if !list.tracks.is_empty() => Ok(list
            .tracks
            .swap_remove(list.selected.unwrap_or(0).min(list.tracks.len() - 1))),
        LoadResult::Search(tracks) if !tracks.is_empty() => Ok(tracks[0].clone()),
        _ => Err(PlayError::Nothing(identifier.to_owned())),
    }
}

/// The sources of the command line: files and URLs, without a configuration.
#[must_use]
pub fn sources() -> source::Settings {
    source::Settings {
        local: true,
        ..source::Settings::default()
    }
}

/// A line that says how far it is; only on a terminal.
struct Bar {
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

    fn show(&mut self, at: Samples) {
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

    fn end(&self) {
        if self.shown.is_some() {
            let _ = writeln!(std::io::stderr());
        }
    }
}
