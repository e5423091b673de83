//! Owns: one device's feeding, step by step: when a frame is mixed, what the card is given, when it starts and stops, what is
//! done when it fails.
//! Never knows: ALSA, threads. `now` is given to it.
//!
//! The card's clock is the clock: a frame is mixed when the card has room for it. The next look is at the time at which
//! there will be room, by the card's own account of what it holds. What is missing is waited for as long as the card has
//! enough; only then silence takes its place. A device without a clock (`null`, a file) gets ours.

use super::{
    card::Agreed,
    desk::Desk,
    health::{Call, Health, Next},
};
use crate::{
    dsp::{Resampler, ResamplingQuality},
    frame::Cause,
    output::OutputEvent,
    pcm::PcmBlock,
    units::{FRAME_DURATION, FRAME_SAMPLES, SAMPLE_RATE},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How often it is looked whether a frame has come that is waited for.
const LOOK: Duration = Duration::from_micros(2500);
/// How long a card is not started while the first frames are still being made, so that it has some when it starts.
const FIRST_FRAMES: Duration = Duration::from_millis(40);
/// What the card must hold besides a period while a frame is waited for: for the scheduler's delays.
const SLACK_MS: u64 = 15;
/// Silence behind the last sound while the device has players: the next track mostly follows at once, and many cards click when they
/// start and stop. 1 s.
const LINGER: u32 = 50;
/// A card that takes no samples for so long, on top of what its buffer lasts, hangs.
const HANG: Duration = Duration::from_secs(1);
/// xruns are told in the log this often.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// A sound card, as far as it is fed. Failures are the system's error numbers.
pub(super) trait Sink {
    /// What was agreed with it.
    fn agreed(&self) -> Agreed;
    /// Samples that it holds, and how long the next one would take to be heard, in samples.
    fn ask(&self) -> Result<(usize, usize), i32>;
    /// Takes as many bytes as it has room for.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, i32>;
    fn start(&mut self) -> Result<(), i32>;
    /// Stops at once; what it held is not heard.
    fn stop(&mut self);
    fn prepare(&mut self) -> Result<(), i32>;
    fn resume(&mut self) -> Result<(), i32>;
}

/// What anybody may read of a device at any time.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Players that have it.
    pub players: AtomicU64,
    /// From the moment a frame is taken until its last sample is heard, in µs; 0 while the card stands.
    pub delay: AtomicU64,
    /// How often it ran dry.
    pub xruns: AtomicU64,
}

/// When the next step is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// At once.
    None,
    /// After this time, or when a command comes.
    For(Duration),
    /// When a command comes.
    Forever,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The device is closed.
    Lost { until: Instant },
    /// The machine was suspended, and the driver still is.
    Suspended { until: Instant },
    /// Nothing to be heard. `asked`: when those who want sound and have none were asked last.
    Idle { asked: Option<Instant> },
    /// It is given its first samples.
    Filling,
    /// It plays.
    Running,
}

/// See the module. `O` opens the device.
pub(super) struct Feed<S, O> {
    pub(super) desk: Desk,
    card: Option<S>,
    open: O,
    health: Health,
    phase: Phase,
    pulse: Arc<Pulse>,
    gain: f32,
    mix: PcmBlock,
    resampler: Option<Resampler>,
    resampled: PcmBlock,
    /// What the card is to get next, from `given` on.
    bytes: Vec<u8>,
    given: usize,
    /// Frames of silence that still follow the last sound.
    trail: u32,
    /// When it began to be filled or to play.
    started: Instant,
    /// Frames mixed since it began to be filled.
    mixed: u32,
    /// Whether it plays at a rate of its own.
    has_clock: bool,
    /// When it will have nothing any more.
    runs_dry: Instant,
    /// When it took samples last.
    took: Instant,
    untold_xruns: u64,
    told: Option<Instant>,
}

impl<S: Sink, O: FnMut() -> Result<S, i32>> Feed<S, O> {
    /// `card` is open and prepared; `open` makes such a one, when it is lost. `gain`: how loud it is, 1 for unchanged.
    pub(super) fn new(card: S, open: O, gain: f32, pulse: Arc<Pulse>, now: Instant) -> Self {
        let mut feed = Self {
            desk: Desk::default(),
            card: None,
            open,
            health: Health::default(),
            phase: Phase::Idle { asked: None },
            pulse,
            gain,
            mix: PcmBlock::default(),
            resampler: None,
            resampled: PcmBlock::default(),
            bytes: Vec::new(),
            given: 0,
            trail: 0,
            started: now,
            mixed: 0,
            has_clock: true,
            runs_dry: now,
            took: now,
            untold_xruns: 0,
            told: None,
        };
        feed.install(card);
        feed
    }

    /// Whether the device plays or could play at once.
    pub(super) const fn is_there(&self) -> bool {
        self.card.is_some()
    }

    /// Whether nobody has the device any more, and all has been heard.
    pub(super) const fn is_over(&self) -> bool {
        self.desk.is_empty() && matches!(self.phase, Phase::Idle { .. } | Phase::Lost { .. })
    }

    /// Closes the device for good.
    pub(super) fn close(&mut self) {
        self.card = None;
    }

    fn install(&mut self, card: S) {
        let rate = card.agreed().rate;
        // both rates were checked when the card was opened
        self.resampler = (rate != SAMPLE_RATE)
            .then(|| Resampler::new(SAMPLE_RATE, rate, ResamplingQuality::default()).ok())
            .flatten();
        self.card = Some(card);
        self.has_clock = true;
        self.phase = Phase::Idle { asked: None };
        // all memory is taken now: several frames, as a resampler gives more at one time than at another
        for _ in 0..4 {
            self.mix.clear();
            self.mix.resize(FRAME_SAMPLES);
            self.stage();
        }
        self.forget();
    }

    /// Forgets what the card was to get.
    fn forget(&mut self) {
        self.bytes.clear();
        self.given = 0;
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
        }
    }

    /// Does what is to be done now.
    pub(super) fn step(&mut self, now: Instant) -> Rest {
        match self.phase {
            Phase::Lost { until } | Phase::Suspended { until } if now < until => {
                Rest::For(until - now)
            }
            Phase::Lost { .. } => self.reopen(now),
            Phase::Suspended { .. } => self.resume(now),
            Phase::Idle { asked } => self.idle(now, asked),
            Phase::Filling | Phase::Running => self.feed(now),
        }
    }

    fn reopen(&mut self, now: Instant) -> Rest {
        match (self.open)() {
            Ok(card) => {
                self.health.succeeded(Call::Open);
                self.install(card);
                self.desk.tell(|| OutputEvent::Connected);
                Rest::None
            }
            Err(errno) => self.failed(Call::Open, errno, now),
        }
    }

    fn resume(&mut self, now: Instant) -> Rest {
        match self.card.as_mut().map_or(Err(libc::ENODEV), S::resume) {
            Ok(()) => {
                self.health.succeeded(Call::Resume);
                self.begin(now);
                Rest::None
            }
            Err(errno) => self.failed(Call::Resume, errno, now),
        }
    }

    fn idle(&mut self, now: Instant, asked: Option<Instant>) -> Rest {
        if !self.desk.is_active() {
            self.phase = Phase::Idle { asked: None };
            return Rest::Forever;
        }
        if self.desk.has_sound() {
            self.fill(now);
            return Rest::None;
        }
        // what is asked for in vain is counted once a frame
        let asked = asked.unwrap_or(now);
        if now.saturating_duration_since(asked) < FRAME_DURATION {
            self.phase = Phase::Idle { asked: Some(asked) };
            return Rest::For(LOOK);
        }
        self.phase = Phase::Idle {
            asked: Some(asked + FRAME_DURATION),
        };
        if self.desk.turn(&mut self.mix) {
            // it came in this very moment
            self.stage();
            self.fill(now);
        }
        Rest::None
    }

    fn fill(&mut self, now: Instant) {
        self.phase = Phase::Filling;
        (self.started, self.mixed, self.took) = (now, 0, now);
    }

    fn feed(&mut self, now: Instant) -> Rest {
        let Some(card) = &self.card else {
            return self.failed(Call::Ask, libc::ENODEV, now);
        };
        let agreed = card.agreed();
        let (held, delay) = match card.ask() {
            Ok(answer) => answer,
            Err(errno) => return self.failed(Call::Ask, errno, now),
        };
        self.health.succeeded(Call::Ask);
        self.runs_dry = now + Duration::from_micros(agreed.micros(held));
        if self.given < self.bytes.len() {
            return self.write(now, &agreed, held);
        }
        let frame = agreed.rate as usize / 50;
        let is_filling = matches!(self.phase, Phase::Filling);
        if is_filling && self.mixed as usize * frame >= agreed.ahead && held < agreed.ahead / 2 {
            // it has played what it was given before it was started: `null`, a file
            self.has_clock = false;
        }
        let held = if self.has_clock {
            held
        } else {
            self.owed(now, &agreed)
        };
        let slack = agreed.period + (u64::from(agreed.rate) * SLACK_MS / 1000) as usize;
        let low = slack.min(agreed.ahead.saturating_sub(frame).max(agreed.ahead / 3));
        if held + frame > agreed.ahead && held > low {
            let room = held - low.max(agreed.ahead.saturating_sub(frame));
            return self.wait(now, &agreed, room);
        }
        let is_patient = now.saturating_duration_since(self.started) < FIRST_FRAMES;
        if is_filling && self.desk.lacks_sound() && !is_patient {
            return self.start(now);
        }
        // nobody hears it until the card is started or has played what it holds
        if self.desk.lacks_sound() && (held > low || is_filling) {
            return Rest::For(LOOK);
        }
        self.mix(now, &agreed, delay)
    }

    /// What a device that has no clock would hold if it had ours, in samples.
    fn owed(&self, now: Instant, agreed: &Agreed) -> usize {
        let played = match self.phase {
            Phase::Running => now.saturating_duration_since(self.started).as_micros() as u64,
            _ => 0,
        };
        let mixed = u64::from(self.mixed) * FRAME_DURATION.as_micros() as u64;
        (mixed.saturating_sub(played) * u64::from(agreed.rate) / 1_000_000) as usize
    }

    /// Makes the next frame.
    fn mix(&mut self, now: Instant, agreed: &Agreed, delay: usize) -> Rest {
        if self.desk.is_empty() {
            // so much that the card has played the last sound when it has taken all
            let ahead = agreed.ahead.div_ceil(agreed.rate as usize / 50) as u32;
            self.trail = self.trail.min(ahead + 1);
        }
        if self.desk.is_active() {
            let is_heard = self.desk.turn(&mut self.mix);
            self.trail = LINGER;
            if !is_heard && !self.desk.is_active() {
                return Rest::None;
            }
        } else if self.trail > 0 {
            self.trail -= 1;
            self.mix.clear();
            self.mix.resize(FRAME_SAMPLES);
        } else {
            return self.stop(now);
        }
        let micros = agreed.micros(delay) + FRAME_DURATION.as_micros() as u64;
        self.pulse.delay.store(micros, Ordering::Relaxed);
        self.mixed = self.mixed.saturating_add(1);
        self.stage();
        Rest::None
    }

    /// Makes bytes for the card of what was mixed.
    fn stage(&mut self) {
        let Some(card) = &self.card else { return };
        self.bytes.clear();
        self.given = 0;
        let mixed = match &mut self.resampler {
            Some(resampler) => {
                self.resampled.clear();
                resampler.process(&self.mix, &mut self.resampled);
                &self.resampled
            }
            None => &self.mix,
        };
        card.agreed().shape.put(mixed, self.gain, &mut self.bytes);
    }

    fn write(&mut self, now: Instant, agreed: &Agreed, held: usize) -> Rest {
        let Some(card) = &mut self.card else {
            return Rest::None;
        };
        match card.write(&self.bytes[self.given..]) {
            Ok(0) => self.wait(now, agreed, agreed.period),
            Ok(bytes) => {
                if matches!(self.phase, Phase::Running) {
                    self.health.succeeded(Call::Write);
                }
                self.given += bytes;
                self.took = now;
                let held = held + bytes / agreed.shape.stride();
                self.runs_dry = now + Duration::from_micros(agreed.micros(held));
                Rest::None
            }
            Err(libc::EAGAIN) => self.wait(now, agreed, agreed.period),
            Err(errno) => self.failed(Call::Write, errno, now),
        }
    }

    /// Waits until the card has played so many samples.
    fn wait(&mut self, now: Instant, agreed: &Agreed, samples: usize) -> Rest {
        if matches!(self.phase, Phase::Filling) {
            return self.start(now);
        }
        let buffer = Duration::from_micros(agreed.micros(agreed.buffer));
        if now.saturating_duration_since(self.took) > buffer + HANG {
            return self.failed(Call::Wait, libc::ETIMEDOUT, now);
        }
        let micros = agreed.micros(samples);
        Rest::For(Duration::from_micros(micros).max(LOOK))
    }

    fn start(&mut self, now: Instant) -> Rest {
        match self.card.as_mut().map_or(Err(libc::ENODEV), S::start) {
            Ok(()) => {
                self.health.succeeded(Call::Start);
                self.phase = Phase::Running;
                (self.started, self.took) = (now, now);
                Rest::None
            }
            Err(errno) => self.failed(Call::Start, errno, now),
        }
    }

    /// Silence, until there is sound again.
    fn stop(&mut self, now: Instant) -> Rest {
        self.pulse.delay.store(0, Ordering::Relaxed);
        self.desk.rest();
        self.forget();
        self.phase = Phase::Idle { asked: None };
        if let Some(card) = &mut self.card {
            card.stop();
        }
        self.prepare(now)
    }

    fn prepare(&mut self, now: Instant) -> Rest {
        match self.card.as_mut().map_or(Err(libc::ENODEV), S::prepare) {
            Ok(()) => {
                self.health.succeeded(Call::Prepare);
                Rest::None
            }
            Err(errno) => self.failed(Call::Prepare, errno, now),
        }
    }

    /// After an interruption: what waits to be written goes first.
    fn begin(&mut self, now: Instant) {
        if self.desk.is_active() || self.given < self.bytes.len() {
            self.fill(now);
        } else {
            self.phase = Phase::Idle { asked: None };
        }
    }

    fn failed(&mut self, call: Call, errno: i32, now: Instant) -> Rest {
        match self.health.failed(call, errno) {
            Next::GoOn => Rest::For(LOOK),
            Next::Prepare => {
                if matches!(self.phase, Phase::Running | Phase::Filling) {
                    self.ran_dry(now);
                }
                self.begin(now);
                self.prepare(now)
            }
            Next::Resume(after) => {
                self.desk.rest();
                self.phase = Phase::Suspended { until: now + after };
                Rest::None
            }
            Next::Reopen(after) => {
                if self.card.take().is_some() {
                    self.pulse.delay.store(0, Ordering::Relaxed);
                    self.desk.rest();
                    self.forget();
                    self.desk.tell(|| OutputEvent::Interrupted);
                }
                self.phase = Phase::Lost { until: now + after };
                Rest::None
            }
        }
    }

    /// The listener heard nothing since the card ran dry.
    fn ran_dry(&mut self, now: Instant) {
        let silence = now.saturating_duration_since(self.runs_dry).as_micros();
        let frame = FRAME_DURATION.as_micros();
        let frames = ((silence + frame / 2) / frame).max(1);
        self.desk.lost(
            Cause::SchedulerLate,
            u64::try_from(frames).unwrap_or(u64::MAX),
        );
        self.pulse.xruns.fetch_add(1, Ordering::Relaxed);
        self.untold_xruns += 1;
        if self
            .told
            .is_none_or(|told| now.saturating_duration_since(told) >= TELL_EVERY)
        {
            tracing::warn!(
                xruns = self.untold_xruns,
                "the sound card ran dry: the machine is too slow, or arm.audio.buffer_size too small"
            );
            (self.untold_xruns, self.told) = (0, Some(now));
        }
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
