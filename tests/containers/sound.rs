//! Owns: playing with the real engine, and telling by their tones whether samples are in their place.
//! Never knows: where the bytes come from.

use lavalink_rust::{
    dsp::FilterSpec,
    error::Failure,
    frame::{FrameFormat, FrameReader, PCM_FRAME_BYTES, Taken},
    media::{demux::probe::Hint, window::ByteWindow},
    playback::{Engine, Event, Playback, Request},
    units::Samples,
};
use std::{sync::mpsc, time::Duration};

/// Samples a second of everything that is played.
pub const RATE: usize = 48_000;

/// A playback and its frames.
pub struct Run {
    pub playback: Playback,
    reader: FrameReader,
    events: mpsc::Receiver<Event>,
}

impl Run {
    pub fn start(engine: &Engine, window: ByteWindow, hint: Hint, start: usize) -> Self {
        let (tell, events) = mpsc::channel();
        let request = Request {
            window,
            hint,
            start: Samples(start as u64),
            volume: 100,
            filters: FilterSpec::default(),
            format: FrameFormat::Pcm,
            stuck_after: Duration::MAX,
        };
        let (playback, reader) = engine.start(request, move |event| drop(tell.send(event)));
        Self {
            playback,
            reader,
            events,
        }
    }

    /// The next frame and its position; `None` when it is over.
    pub fn frame(&mut self) -> Option<(Sound, usize)> {
        let mut out = [0; PCM_FRAME_BYTES];
        loop {
            match self.reader.take(&mut out) {
                Taken::Frame { len, position } => {
                    return Some((Sound::of(&out[..len]), position.0 as usize));
                }
                // what is missing is on its way: a stall ends by the node's own time limit
                Taken::Underrun => std::thread::sleep(Duration::from_micros(200)),
                Taken::Over => return None,
            }
        }
    }

    /// At least so many samples from here on, or all up to the end, and the position of the first.
    pub fn take(&mut self, samples: usize) -> (Sound, usize) {
        let mut all = Sound::default();
        let mut first = None;
        while all.left.len() < samples
            && let Some((sound, position)) = self.frame()
        {
            first.get_or_insert(position);
            all.left.extend(sound.left);
            all.right.extend(sound.right);
        }
        (all, first.unwrap_or(0))
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.events.try_iter().find_map(|event| match event {
            Event::Failed { failure, .. } => Some(failure),
            _ => None,
        })
    }
}

/// Samples of both channels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sound {
    pub left: Vec<f32>,
    pub right: Vec<f32>,
}

impl Sound {
    fn of(frame: &[u8]) -> Self {
        let sample = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        Self {
            left: frame.chunks_exact(8).map(sample).collect(),
            right: frame
                .chunks_exact(8)
                .map(|pair| sample(&pair[4..]))
                .collect(),
        }
    }

    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// So many samples from an index on.
    pub fn part(&self, from: usize, len: usize) -> Self {
        Self {
            left: self.left[from..from + len].to_vec(),
            right: self.right[from..from + len].to_vec(),
        }
    }
}

/// Amplitude of a tone, and by how many samples it comes later than one that began at the track's beginning with phase 0.
/// `position` is the first sample's; the samples should be a whole number of periods.
pub fn tone(samples: &[f32], hz: f64, position: usize) -> (f64, f64) {
    let step = std::f64::consts::TAU * hz / RATE as f64;
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let (s, c) = (step * (position + i) as f64).sin_cos();
        sine += f64::from(*sample) * s;
        cosine += f64::from(*sample) * c;
    }
    let amplitude = 2.0 * sine.hypot(cosine) / samples.len() as f64;
    (amplitude, -cosine.atan2(sine) / step)
}
