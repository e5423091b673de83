//! Owns: what a playback says of itself at any time: how far it is, what it reads, how it makes frames.
//! Never knows: why that is asked.

use crate::{
    frame::{Gauge, Progress},
    media::{
        demux::{Codec, StreamInfo},
        window,
    },
    units::{FRAME_DURATION, FRAME_SAMPLES, SAMPLE_RATE, Samples, rescale},
};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

/// What whoever makes the frames is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// It reads headers.
    #[default]
    Opening,
    /// It looks for the place of a seek.
    Seeking,
    /// It makes frames, has a turn on the decode pool ahead, or rests because the ring is full.
    Running,
    /// All frames are made.
    Drained,
    /// It failed; what was made can still be heard.
    Failed,
}

/// How frames are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Packets are passed on as they are.
    Passthrough,
    /// Sound is decoded, processed and encoded.
    Transcode,
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// Name of the container.
    pub container: &'static str,
    /// Name of the codec.
    pub codec: &'static str,
    /// Samples a second.
    pub rate: u32,
    /// Channels as the container says.
    pub channels: u16,
    /// Length, when the headers tell it.
    pub length: Option<Samples>,
}

/// A playback at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// What it is doing.
    pub activity: Activity,
    /// For how long it has been waiting for bytes, in the time of the listener; `None` while it does not.
    pub waits: Option<Duration>,
    /// How frames are made at the moment; `None` before the headers are read.
    pub mode: Option<Mode>,
    /// What is read; `None` before the headers are read.
    pub media: Option<Media>,
    /// Bits per second of the source: of the whole resource where its size and length are known, else of what has been
    /// read up to now.
    pub bitrate: Option<u64>,
    /// Bytes that have been fetched and not been read.
    pub read_ahead_bytes: u64,
    /// How often things were asked for again.
    pub retries: window::Retries,
    /// Frames that are made and not taken.
    pub frames: usize,
    /// How many of them find room.
    pub frames_max: usize,
}

/// Where a pipeline notes it. Written on the pool, read anywhere.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// [`Activity`] in the low, [`Mode`] in the high half byte.
    now: AtomicU8,
    media: OnceLock<Media>,
}

impl Notes {
    pub(super) fn opened(&self, container: &'static str, info: &StreamInfo) {
        let length = info.length;
        let length = length.map(|length| Samples(rescale(length, info.rate, SAMPLE_RATE)));
        // it is opened once
        let _ = self.media.set(Media {
            container,
            codec: info.codec.name(),
            rate: info.rate,
            channels: info.channels,
            length,
        });
    }

    pub(super) fn now(&self, activity: Activity, mode: Mode) {
        self.now
            .store(activity as u8 | (mode as u8) << 4, Ordering::Relaxed);
    }
}

/// All that a report is made of.
pub(super) struct Reporter {
    pub notes: Arc<Notes>,
    pub progress: Arc<Progress>,
    pub ring: Gauge,
    pub bytes: window::Gauge,
}

impl Reporter {
    pub(super) fn report(&self) -> Report {
        let now = self.notes.now.load(Ordering::Relaxed);
        let activity = [
            Activity::Opening,
            Activity::Seeking,
            Activity::Running,
            Activity::Drained,
            Activity::Failed,
        ][usize::from(now & 0xF)];
        let mode = [Mode::Passthrough, Mode::Transcode][usize::from(now >> 4)];
        let media = self.notes.media.get().copied();
        let waits = self.progress.waited();
        Report {
            activity,
            waits: waits.map(|polls| FRAME_DURATION * u32::try_from(polls).unwrap_or(u32::MAX)),
            mode: media.map(|_| mode),
            media,
            bitrate: self.bitrate(media),
            read_ahead_bytes: self.bytes.waiting(),
            retries: self.bytes.retries(),
            frames: self.ring.level(),
            frames_max: self.ring.capacity(),
        }
    }

    fn bitrate(&self, media: Option<Media>) -> Option<u64> {
        let (bytes, samples) = match (self.bytes.length(), media?.length) {
            (Some(bytes), Some(length)) => (bytes, length.0),
            _ => {
                let made = self.progress.counts().0 + self.ring.level() as u64;
                (self.bytes.read(), made * FRAME_SAMPLES as u64)
            }
        };
        let bits = u128::from(bytes) * 8 * u128::from(SAMPLE_RATE);
        let rate = bits.checked_div(u128::from(samples))?;
        u64::try_from(rate).ok()
    }
}

impl Codec {
    /// Its name in lower case, for people.
    const fn name(&self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Aac { .. } => "aac",
            Self::Flac { .. } => "flac",
            Self::Alac { .. } => "alac",
            Self::Vorbis { .. } => "vorbis",
            Self::Opus { .. } => "opus",
            Self::Pcm(_) => "pcm",
        }
    }
}
