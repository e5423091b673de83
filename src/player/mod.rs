//! Owns: one player: its machine, and what the machine's effects act on (playback, frame reader, outputs).
//! Never knows: JSON, HTTP, sockets, sessions.
//!
//! A [`Player`] is a plain value in its session's task. Playbacks and outputs tell it things from their own threads
//! through [`Post`]; the task brings them back to [`Player::heard`].

pub mod diagnosis;
mod link;
mod look_ups;
pub mod machine;
pub mod note;
pub mod outlet;
mod outputs;
mod sound;

use crate::{
    dsp::FilterSpec,
    error::Failure,
    frame::{FrameFormat, FrameReader, Gauge, Progress, ReaderEvent, Underruns},
    track::{LoadResult, Track, lyrics::Lyrics, marks::Marks},
    units::{GuildId, Samples, UserId},
};
use futures_util::future::BoxFuture;

/// What a [`World`] deals in.
pub use crate::{
    output::{
        Output, OutputEvent, OutputStats,
        device::{Device, Refusal, User},
    },
    playback::{
        Activity, Event, Media, Mode, Report,
        admission::{Admission, Permit, Refusal as Full},
    },
};
use diagnosis::History;
use look_ups::LookUps;
use machine::{Change, Effect, Machine, Moment, Play, Settings};
use note::{Note, Quality, Shown, State, VoiceTarget};
pub use sound::Sound;
use std::{sync::Arc, time::Instant};
use tokio::sync::{oneshot, watch};

/// What to play, for one playback.
#[derive(Clone, Debug)]
pub struct Run {
    /// The track.
    pub track: Arc<Track>,
    /// Where to begin.
    pub at: Samples,
    /// In percent.
    pub volume: u16,
    /// Filters to begin with.
    pub filters: FilterSpec,
    /// What the frames are to be.
    pub format: FrameFormat,
}

/// A connection to make.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where the bot is.
    pub guild: GuildId,
    /// The bot.
    pub user: UserId,
    /// Where the voice server is, and what it wants to hear.
    pub target: VoiceTarget,
}

/// Told by a playback, on any thread.
pub type OnSound = Box<dyn Fn(Event) + Send + Sync>;
/// Told by an output, on any thread.
pub type OnVoice = Box<dyn FnMut(OutputEvent) + Send>;

/// The world of a player: sources, playbacks, voice. The program has one; tests have another.
pub trait World: Send + Sync {
    /// Finds what an identifier leads to. May take as long as the sources' own time limits.
    fn load(&self, identifier: String) -> BoxFuture<'static, Result<LoadResult, Failure>>;
    /// Finds the words of a track. May take as long as the sources' own time limits.
    fn lyrics(
        &self,
        track: Arc<Track>,
        skip_track_source: bool,
    ) -> BoxFuture<'static, Result<Option<Lyrics>, Failure>>;
    /// Finds what is marked in a track: segments of these categories, and chapters. May take as long.
    fn marks(
        &self,
        track: Arc<Track>,
        categories: Vec<String>,
    ) -> BoxFuture<'static, Result<Marks, Failure>>;
    /// Whether tracks of this source can be played.
    fn has_source(&self, name: &str) -> bool;
    /// Starts a playback. Returns at once; nothing has been fetched yet. The reader shows `run.at` as its position.
    ///
    /// # Errors
    /// When the track cannot even be opened; its player takes that as a playback that failed at once.
    fn start(&self, run: Run, events: OnSound) -> Result<(Box<dyn Sound>, FrameReader), Failure>;
    /// Starts connecting. Returns at once; the output may be given a reader before it is connected.
    fn connect(&self, call: Call, events: OnVoice) -> Box<dyn Output>;
    /// Opens a device. May take as long as the system does.
    fn open(
        &self,
        device: Arc<str>,
        events: OnVoice,
    ) -> BoxFuture<'static, Result<Box<dyn Output>, Refusal>>;
    /// What can be played on, the default first. May take as long.
    fn devices(&self) -> BoxFuture<'static, Result<Vec<Device>, Failure>>;
    /// Decides whether players and tracks are taken on.
    fn admission(&self) -> &Admission;
    /// Tells each change of quality from now on; of changes that come faster than they are looked at, the last.
    fn quality(&self) -> watch::Receiver<Option<Quality>>;
    /// Playbacks that have ended by a panic since the start.
    fn panics(&self) -> u64;
    /// Counters of the gaps of all players since the start.
    fn underruns(&self) -> Arc<Underruns>;
}

/// What comes back to a player from its playback and its output, with the generation it belongs to.
pub enum PlayerEvent {
    /// A playback tells something.
    Sound(u64, Event),
    /// A voice connection tells something.
    Voice(u64, OutputEvent),
    /// A device is open, or cannot be opened.
    Opened(u64, Result<Box<dyn Output>, Refusal>),
    /// A device tells something.
    Device(u64, OutputEvent),
    /// The output that held the reader is gone, or has another one. With the number of the reader among those of its playback.
    Returned(u64, u32, FrameReader),
    /// The words of a playback's track were looked up.
    Lyrics(u64, Option<Arc<Lyrics>>),
    /// What is marked in a playback's track was looked up, with these categories.
    Marks(u64, Vec<String>, Marks),
}

/// Brings events to the task that owns the player. Called from any thread; must not block.
pub type Post = Arc<dyn Fn(PlayerEvent) + Send + Sync>;

/// An attempt to connect or to open a device whose outcome is not known yet.
pub struct Attempt<E = Failure> {
    /// Names it for [`Player::give_up`].
    pub generation: u64,
    /// `Ok` once the gateway was reached (even if it closed again) or the device is open, the failure otherwise. Dropped
    /// without a word when another attempt took its place, or the player is gone.
    pub outcome: oneshot::Receiver<Result<(), E>>,
}

/// Who waits for attempts, by generation.
type Waiting<E> = Vec<(u64, oneshot::Sender<Result<(), E>>)>;

struct Running {
    generation: u64,
    sound: Box<dyn Sound>,
    progress: Arc<Progress>,
    ring: Gauge,
    /// What its frames are.
    format: FrameFormat,
    /// How many readers it has had: only the last one gets frames.
    readers: u32,
    /// The host that the track comes from, for words about gaps.
    host: Option<String>,
}

/// One player. Methods that change it return what the client is to be told, in order.
pub struct Player {
    guild: GuildId,
    user: UserId,
    machine: Machine,
    world: Arc<dyn World>,
    post: Post,
    running: Option<Running>,
    /// The current playback's reader while no output has it: without voice nobody takes frames.
    reader: Option<FrameReader>,
    voice: Option<Box<dyn Output>>,
    device: Option<Box<dyn Output>>,
    /// A device that has been opened and is not in use yet.
    arrived: Option<Box<dyn Output>>,
    waiting: Waiting<Failure>,
    waiting_for_device: Waiting<Refusal>,
    underruns: Arc<Underruns>,
    history: History,
    look_ups: LookUps,
}

impl Player {
    /// An idle player.
    pub fn new(
        guild: GuildId,
        user: UserId,
        settings: Settings,
        world: Arc<dyn World>,
        post: Post,
    ) -> Self {
        let underruns = Arc::new(Underruns::within(world.underruns()));
        let look_ups = LookUps::new(world.clone(), post.clone());
        Self {
            guild,
            user,
            machine: Machine::new(settings),
            world,
            post,
            running: None,
            reader: None,
            voice: None,
            device: None,
            arrived: None,
            waiting: Vec::new(),
            waiting_for_device: Vec::new(),
            underruns,
            history: History::default(),
            look_ups,
        }
    }

    /// What the machine decides by, at `now`.
    fn moment(&self, now: Instant) -> Moment {
        let (position, polls) = self.running.as_ref().map_or((Samples::ZERO, 0), |running| {
            let (sent, missed) = running.progress.counts();
            (running.progress.position(), sent + missed)
        });
        Moment {
            at: now,
            position,
            polls,
        }
    }

    /// When [`tick`](Self::tick) is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.machine.deadline()
    }

    /// Volume in percent.
    #[must_use]
    pub fn volume(&self) -> u16 {
        self.machine.volume()
    }

    /// The pause flag.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.machine.is_paused()
    }

    /// Whether there is a current track.
    #[must_use]
    pub fn has_track(&self) -> bool {
        self.machine.has_track()
    }

    /// The current track and the state, seen at the same moment: the position is the same in both.
    #[must_use]
    pub fn look(&self, now: Instant) -> (Option<Shown>, State) {
        let moment = self.moment(now);
        (self.machine.shown(moment), self.machine.state(moment))
    }

    /// Position, connection, ping.
    #[must_use]
    pub fn state(&self, now: Instant) -> State {
        self.machine.state(self.moment(now))
    }

    /// The voice data that clients see.
    #[must_use]
    pub fn voice(&self) -> Option<&VoiceTarget> {
        self.machine.voice()
    }

    /// Frames handed out by the current playback, and polls that found none; `None` while nothing plays.
    #[must_use]
    pub fn frame_counts(&self) -> Option<(u64, u64)> {
        self.running.as_ref().map(|r| r.progress.counts())
    }

    /// Counters of its gaps; they go on counting when the track changes.
    #[must_use]
    pub const fn underruns(&self) -> &Arc<Underruns> {
        &self.underruns
    }

    /// Leads the voice connection to `target` (reference, 2.6, step 8). No [`Attempt`] when it is there already.
    pub fn connect(&mut self, now: Instant, target: VoiceTarget) -> (Vec<Note>, Option<Attempt>) {
        let undecided = self.machine.connect(self.moment(now), target);
        // this drops the senders of attempts that give way to the new one
        let notes = self.act();
        (
            notes,
            undecided.map(|generation| wait(&mut self.waiting, generation)),
        )
    }

    /// Gives up an attempt that takes too long.
    pub fn give_up(&mut self, now: Instant, generation: u64) -> Vec<Note> {
        let moment = self.moment(now);
        self.machine.give_up_voice(moment, generation);
        self.machine.give_up_device(moment, generation);
        let failure = Failure::common("no answer from the voice server");
        answer(&mut self.waiting, generation, &Err(failure));
        let failure = Failure::common("no answer from the sound system");
        answer(
            &mut self.waiting_for_device,
            generation,
            &Err(Refusal::Failed(failure)),
        );
        self.act()
    }

    /// Changes what plays now (steps 9 to 12).
    pub fn change(&mut self, now: Instant, change: Change) -> Vec<Note> {
        self.machine.change(self.moment(now), change);
        self.act()
    }

    /// Sets the pause flag.
    pub fn set_paused(&mut self, is_paused: bool) -> Vec<Note> {
        self.machine.set_paused(is_paused);
        self.act()
    }

    /// Starts a track, in place of the current one if there is one.
    pub fn play(&mut self, now: Instant, play: Play) -> Vec<Note> {
        self.machine.play(self.moment(now), play);
        self.act()
    }

    /// Ends the current track, if there is one.
    pub fn stop(&mut self, now: Instant) -> Vec<Note> {
        self.machine.stop(self.moment(now));
        self.act()
    }

    /// Ends everything. The player is to be dropped then.
    pub fn destroy(&mut self, now: Instant) -> Vec<Note> {
        self.machine.destroy(self.moment(now));
        self.act()
    }

    /// To be called at the [`deadline`](Self::deadline); calling it early does no harm.
    pub fn tick(&mut self, now: Instant) -> Vec<Note> {
        self.machine.tick(self.moment(now));
        self.act()
    }

    /// Something came through [`Post`].
    pub fn heard(&mut self, now: Instant, event: PlayerEvent) -> Vec<Note> {
        let moment = self.moment(now);
        match event {
            PlayerEvent::Sound(generation, Event::Reader(ReaderEvent::Gap(gap))) => {
                // one that ends with its track is remembered, but the client has no such track any more
                let current = self.running.as_ref().filter(|r| r.generation == generation);
                let host = current.and_then(|running| running.host.as_deref());
                let underrun = self.history.heard(now, &gap, host);
                return current
                    .map(|_| Note::Underrun(underrun))
                    .into_iter()
                    .collect();
            }
            PlayerEvent::Sound(generation, event) => {
                self.machine.heard_sound(moment, generation, event);
            }
            PlayerEvent::Voice(generation, event) => {
                if let Some(outcome) = self.machine.heard_voice(moment, generation, event) {
                    answer(&mut self.waiting, generation, &outcome);
                }
            }
            PlayerEvent::Opened(generation, opened) => self.opened(moment, generation, opened),
            PlayerEvent::Device(generation, event) => {
                self.machine.heard_device(moment, generation, event);
            }
            PlayerEvent::Lyrics(generation, lyrics) => {
                self.machine.found_lyrics(moment, generation, lyrics);
            }
            PlayerEvent::Marks(generation, categories, marks) => {
                self.machine
                    .found_marks(moment, generation, &categories, marks);
            }
            PlayerEvent::Returned(generation, number, reader) => {
                let is_last = |r: &Running| r.generation == generation && r.readers == number;
                if self.running.as_ref().is_some_and(is_last) {
                    self.reader = Some(reader);
                    self.hand_over();
                }
            }
        }
        self.act()
    }

    /// Carries out what the machine has decided.
    fn act(&mut self) -> Vec<Note> {
        let mut notes = Vec::new();
        for effect in self.machine.take_effects() {
            match effect {
                Effect::Tell(note) => notes.push(note),
                Effect::Start {
                    generation,
                    track,
                    at,
                    limit,
                } => self.start(generation, track, at, limit),
                Effect::Stop => self.silence(),
                Effect::Seek(to) => self.with_running(|r| r.sound.seek(to)),
                Effect::SetVolume(percent) => self.with_running(|r| r.sound.set_volume(percent)),
                Effect::SetFilters(filters) => self.with_running(|r| r.sound.set_filters(filters)),
                Effect::SetLimit(limit) => self.with_running(|r| r.progress.set_limit(limit)),
                Effect::SetPaused(is_paused) => {
                    for output in [&mut self.voice, &mut self.device].into_iter().flatten() {
                        output.set_paused(is_paused);
                    }
                }
                Effect::FindLyrics {
                    generation,
                    track,
                    skip_track_source,
                } => self.look_ups.lyrics(generation, track, skip_track_source),
                Effect::FindMarks {
                    generation,
                    track,
                    categories,
                } => self.look_ups.marks(generation, track, categories),
                Effect::OpenVoice { generation, target } => self.open_voice(generation, target),
                Effect::CloseVoice => {
                    self.waiting.clear();
                    if let Some(output) = self.voice.take() {
                        output.close();
                    }
                }
                Effect::DropVoice => self.voice = None,
                Effect::OpenDevice { generation, name } => self.open_device(generation, name),
                Effect::UseDevice => self.use_device(),
                Effect::CloseDevice => {
                    if let Some(output) = self.device.take() {
                        output.close();
                    }
                }
                Effect::DropDevice => self.device = None,
                Effect::Reroute => self.reroute(),
            }
        }
        let opening = self.machine.opening();
        self.waiting_for_device
            .retain(|(generation, _)| Some(*generation) == opening);
        notes
    }

    fn silence(&mut self) {
        self.look_ups.end();
        self.running = None;
        self.reader = None;
        for output in [&mut self.voice, &mut self.device].into_iter().flatten() {
            output.stop();
        }
    }

    fn with_running(&self, act: impl FnOnce(&Running)) {
        if let Some(running) = &self.running {
            act(running);
        }
    }

    fn start(&mut self, generation: u64, track: Arc<Track>, at: Samples, limit: Option<Samples>) {
        self.look_ups.end();
        let post = self.post.clone();
        let host = diagnosis::host(&track);
        let format = outputs::format(self.machine.route());
        let run = Run {
            track,
            at,
            volume: self.machine.volume(),
            filters: self.machine.filters().clone(),
            format,
        };
        let started = self.world.start(
            run,
            Box::new(move |event| post(PlayerEvent::Sound(generation, event))),
        );
        let (sound, reader) = match started {
            Ok(started) => started,
            Err(failure) => {
                self.silence();
                let failed = Event::Failed {
                    failure,
                    produced: false,
                };
                (self.post)(PlayerEvent::Sound(generation, failed));
                return;
            }
        };
        let reader = reader.counting(self.underruns.clone());
        let progress = reader.progress();
        progress.set_limit(limit);
        self.running = Some(Running {
            generation,
            sound,
            progress,
            ring: reader.gauge(),
            format,
            readers: 0,
            host,
        });
        self.reader = Some(reader);
        self.hand_over();
    }

    fn open_voice(&mut self, generation: u64, target: VoiceTarget) {
        let post = self.post.clone();
        let call = Call {
            guild: self.guild,
            user: self.user,
            target,
        };
        let mut output = self.world.connect(
            call,
            Box::new(move |event| post(PlayerEvent::Voice(generation, event))),
        );
        if self.machine.is_paused() {
            output.set_paused(true);
        }
        self.voice = Some(output);
        self.hand_over();
    }
}

fn wait<E>(waiting: &mut Waiting<E>, generation: u64) -> Attempt<E> {
    let (sender, outcome) = oneshot::channel();
    waiting.push((generation, sender));
    Attempt {
        generation,
        outcome,
    }
}

fn answer<E: Clone>(waiting: &mut Waiting<E>, generation: u64, outcome: &Result<(), E>) {
    for (_, sender) in waiting.extract_if(.., |(of, _)| *of == generation) {
        // whoever asked may have gone
        let _ = sender.send(outcome.clone());
    }
}
