//! Owns: one run of a track, as a job of the decode pool: open, seek, make frames, end or fail.
//! Never knows: who listens, or who asked.
//!
//! Frames are made ahead of the listener by the ring's length. When volume or filters change, or a packet stream that was
//! passed on must now be encoded, the frames that nobody has taken yet are taken back and made again from the packets of the
//! last moments: the change is heard after one frame, at the right place, without a click.

mod frames;
mod remake;

use super::{
    Event, Settings, Wishes,
    dial::{Dial, Economy},
    drift::{self, Drift},
    encode::Encoder,
    feed::Feed,
    pool::{After, Job},
    render::{self, Render},
    report::{Activity, Mode, Notes},
};
use crate::{
    error::Failure,
    frame::{FrameFormat, FrameWriter, Progress},
    media::{
        demux::{DemuxError, Opened, Opening, probe::Prober, sections},
        window::{ByteWindow, Notice, Stop},
    },
    pcm::PcmBlock,
    units::Samples,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Frames made in one turn: half of the usual ring in one go, while its state is in the caches, and no more, so that a
/// playback that begins does not wait long behind others.
const FRAMES_PER_TURN: usize = 12;
/// Frames that the encoder hears before it goes on in the middle of a stream.
const WARM_FRAMES: usize = 2;
/// What frames are made from is kept for one of so many, to make them again from there.
const FRAMES_PER_STATE: usize = 8;
/// The same under a time-scale, of which a state holds a quarter of a second of sound: two are kept then, and not four. Half
/// a second is made again in 5 ms (a fifth of that on x86-64), while the frame that is left alone is heard.
const FRAMES_PER_SCALED_STATE: usize = 24;
/// What is said of a track without sound.
const EMPTY: &str = "The track ends before it begins.";

enum Stage {
    /// Headers are being read.
    Opening(Prober),
    /// The demuxer looks for this place.
    Seeking(Samples),
    /// The place is found; the grid of the packets around it is being looked for.
    Aligning(Samples),
    /// Frames are being made.
    Running,
    /// All frames are made.
    Drained,
    /// It failed; nothing more is made.
    Failed,
}

/// A frame that has been made and may have to be made again.
struct Made {
    /// Where it lies in the track.
    position: Samples,
    /// The position that the listener is told.
    told: Samples,
    mode: Mode,
    /// What it was made from, for some of those that were not passed on.
    state: Option<Box<render::State>>,
}

/// What is to be done before a wish is heard.
struct Turn {
    /// Frames to be made once more as they were.
    left: usize,
    /// The last of them, for the encoder, which begins anew. `None` when it simply goes on.
    heard: Option<PcmBlock>,
}

/// See the [module](self).
pub(super) struct Pipeline {
    stage: Stage,
    mode: Mode,
    window: ByteWindow,
    feed: Option<Feed>,
    render: Render,
    encoder: Option<Encoder>,
    turn: Option<Turn>,
    /// What the next frame is made from, if that is to be kept.
    state: Option<Box<render::State>>,
    /// Frames encoded since the sound was last changed by volume or filters.
    steady: usize,
    writer: FrameWriter,
    progress: Arc<Progress>,
    notes: Arc<Notes>,
    format: FrameFormat,
    made: VecDeque<Made>,
    /// The target of a seek that has not arrived. The ring may still hold frames from before it; they go when the first new
    /// one comes.
    sought: Option<Samples>,
    has_produced: bool,
    /// Of a station, whose clock is not ours.
    drift: Option<Drift>,
    /// Nothing is ahead of a station's first frame, or of the first after it ran dry: sound is gathered first, so that there
    /// is one gap and not many.
    fills_cushion: bool,
    /// Whether the packet that was passed on last was silent.
    was_silent: bool,
    told_length: Option<Option<Samples>>,
    wishes: Arc<Mutex<Wishes>>,
    events: Arc<dyn Fn(Event) + Send + Sync>,
    settings: Settings,
    dial: Arc<Dial<Economy>>,
    payload: Vec<u8>,
}

impl Pipeline {
    pub(super) fn new(
        parts: super::Parts,
        wishes: Arc<Mutex<Wishes>>,
        events: Arc<dyn Fn(Event) + Send + Sync>,
        settings: Settings,
        dial: Arc<Dial<Economy>>,
    ) -> Self {
        let super::Tape { format, writer } = parts.tape;
        let render = {
            let first = wishes.lock().unwrap_or_else(PoisonError::into_inner);
            Render::new(first.volume, &first.filters)
        };
        Self {
            stage: Stage::Opening(Prober::new(parts.hint)),
            mode: Mode::Transcode,
            window: parts.window,
            feed: None,
            render,
            encoder: None,
            turn: None,
            state: None,
            steady: 0,
            progress: writer.progress(),
            notes: parts.notes,
            writer,
            format,
            made: VecDeque::new(),
            sought: None,
            has_produced: false,
            drift: None,
            fills_cushion: false,
            was_silent: false,
            told_length: None,
            wishes,
            events,
            settings,
            dial,
            payload: Vec::with_capacity(format.max_bytes()),
        }
    }

    fn advance(&mut self) -> Result<After, Stop> {
        let mut frames = 0;
        loop {
            match &mut self.stage {
                Stage::Opening(prober) => {
                    let opened = prober.advance(&mut self.window)?;
                    self.notes.opened(opened.container, opened.demuxer.info());
                    self.look_for_station();
                    let demuxer = if is_endless(&opened, &self.window) {
                        sections::follow(opened)
                    } else {
                        opened.demuxer
                    };
                    self.opened(Feed::new(demuxer, self.settings.resampling));
                }
                Stage::Seeking(target) => {
                    let target = *target;
                    let feed = self.feed.as_mut().expect("opened before it seeks");
                    feed.seek(target, &mut self.window)?;
                    self.stage = if feed.may_pass() && self.format == FrameFormat::Opus {
                        Stage::Aligning(target)
                    } else {
                        Stage::Running
                    };
                }
                Stage::Aligning(target) => {
                    let target = *target;
                    let feed = self.feed.as_mut().expect("opened before it seeks");
                    match feed.align(target, &mut self.window) {
                        Ok(at) => {
                            self.render.clear(at);
                            if self.mode == Mode::Transcode {
                                feed.restart_at(at);
                            }
                        }
                        Err(Stop::End) => {}
                        Err(stop) => return Err(stop),
                    }
                    self.stage = Stage::Running;
                }
                Stage::Running if self.fills_cushion => {
                    let feed = self.feed.as_mut().expect("opened before it runs");
                    feed.gather(drift::CUSHION, &mut self.window)?;
                    self.fills_cushion = false;
                }
                Stage::Running => {
                    if self.sought.is_some() || self.writer.room() > 0 {
                        if frames == FRAMES_PER_TURN {
                            return Ok(After::Again);
                        }
                        frames += 1;
                        self.make_frame()?;
                    } else {
                        return Ok(After::Sleep);
                    }
                }
                Stage::Drained | Stage::Failed => return Ok(After::Sleep),
            }
        }
    }

    /// Sees whether it is a station, which may be found out when it has been heard for long.
    fn look_for_station(&mut self) {
        if self.drift.is_none() && self.window.is_station() {
            self.drift = Some(Drift::default());
            self.fills_cushion = !self.has_produced;
        }
    }

    fn opened(&mut self, feed: Feed) {
        self.tell_length(&feed);
        self.mode = self.wanted_mode(&feed);
        let start = self
            .wishes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .seek
            .take();
        self.stage = match start {
            Some(target) if feed.info().is_seekable => {
                self.sought = Some(target);
                self.render.clear(target);
                Stage::Seeking(target)
            }
            // a start position that cannot be reached is not shown either
            Some(target) => {
                self.writer.progress().cancel_seek(target);
                Stage::Running
            }
            None => Stage::Running,
        };
        self.feed = Some(feed);
    }

    /// Tells the track's length if it is not what was told before: some containers know it exactly only at their end.
    fn tell_length(&mut self, feed: &Feed) {
        let length = feed.length();
        if self.told_length.replace(length) != Some(length) {
            (self.events)(Event::Opened {
                length,
                is_seekable: feed.info().is_seekable,
            });
        }
    }

    fn wanted_mode(&self, feed: &Feed) -> Mode {
        if self.format == FrameFormat::Opus && feed.may_pass() && self.render.is_neutral() {
            Mode::Passthrough
        } else {
            Mode::Transcode
        }
    }

    fn arrive(&mut self, position: Samples) {
        if let Some(target) = self.sought.take() {
            self.writer.rewind(0);
            self.writer.progress().end_seek(target, position);
        }
    }

    fn finish(&mut self) {
        if !self.has_produced && self.sought.is_none() {
            self.fail(Failure::suspicious(EMPTY));
            return;
        }
        self.arrive(self.render.position());
        if let Some(feed) = self.feed.take() {
            self.tell_length(&feed);
            self.feed = Some(feed);
        }
        self.writer.push_end();
        self.stage = Stage::Drained;
    }

    /// Says what the turn came to, for whoever finds the ring empty or asks.
    fn note(&mut self, advanced: &Result<After, Stop>) {
        let activity = match (advanced, &self.stage) {
            (Err(Stop::End | Stop::Malformed(_) | Stop::Failed(_)), _) | (_, Stage::Failed) => {
                Activity::Failed
            }
            (_, Stage::Opening(_)) => Activity::Opening,
            (_, Stage::Seeking(_) | Stage::Aligning(_)) => Activity::Seeking,
            (_, Stage::Running) => Activity::Running,
            (_, Stage::Drained) => Activity::Drained,
        };
        self.notes.now(activity, self.mode);
        match advanced {
            Err(Stop::Need(len)) => {
                self.progress.begin_waiting();
                // what has come since the look is not what is missing; what comes from now on ends the waiting itself
                if self.window.available() >= *len {
                    self.progress.end_waiting();
                }
            }
            _ => self.progress.end_waiting(),
        }
    }

    /// Gives back the memory that is of no use until the next turn: of the players of a node, a few are at work at a time.
    fn rest(&mut self) {
        self.window.rest();
        self.render.rest();
        if let Some(feed) = &mut self.feed {
            feed.rest();
        }
    }

    fn fail(&mut self, failure: Failure) {
        if let Some(target) = self.sought.take() {
            self.writer.progress().cancel_seek(target);
        }
        (self.events)(Event::Failed {
            failure,
            produced: self.has_produced,
        });
        self.writer.push_end();
        self.stage = Stage::Failed;
        self.notes.now(Activity::Failed, self.mode);
    }
}

/// Whether nothing tells the length of a stream that comes over the network, in one piece.
fn is_endless(opened: &Opened, window: &ByteWindow) -> bool {
    let has_length = opened.demuxer.info().length.is_some() || window.length().is_some();
    !has_length && !window.is_local() && !window.has_sections()
}

impl Job for Pipeline {
    fn run(&mut self) -> After {
        if !self.obey() {
            return After::Done;
        }
        self.look_for_station();
        let advanced = self.advance();
        while let Some(notice) = self.window.notice() {
            (self.events)(match notice {
                Notice::Title(title) => Event::Title(title),
                Notice::Rejoined(rejoined) => Event::Rejoined(rejoined),
            });
        }
        self.note(&advanced);
        self.rest();
        let is_short = matches!(advanced, Err(Stop::Need(_)));
        if is_short && self.drift.is_some() && self.has_produced && self.writer.level() == 0 {
            self.fills_cushion = true;
        }
        match advanced {
            Ok(after) => after,
            Err(Stop::Need(_)) => After::Sleep,
            Err(Stop::Again) => After::Again,
            Err(Stop::Failed(failure)) => {
                self.fail(failure);
                After::Sleep
            }
            Err(Stop::End) => {
                self.fail(Failure::suspicious(EMPTY));
                After::Sleep
            }
            Err(Stop::Malformed(e)) => {
                let failure = match e {
                    DemuxError::Unsupported(text) => Failure::common(text),
                    _ if self.feed.is_none() => {
                        Failure::common("The file could not be read.").because(e)
                    }
                    _ => Failure::suspicious("Something went wrong when decoding the track.")
                        .because(e),
                };
                self.fail(failure);
                After::Sleep
            }
        }
    }

    fn panicked(&mut self, message: &str) {
        let failure =
            Failure::fault("Something broke when playing the track.").because(message.to_owned());
        self.fail(failure);
    }
}
