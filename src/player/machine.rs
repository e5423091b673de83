//! Owns: the decisions of one player: what a change, an event or the passing of time leads to, and in what order.
//! Never knows: the clock, threads, how sound is made or sent.
//!
//! Sans-IO. Every input takes a [`Moment`]; what follows from it stands in [`Machine::take_effects`], in the order in
//! which it must be carried out and told. The order of events is the reference's, section 1.4; the order of the parts
//! of a change its section 2.6, steps 8 to 13.

mod effect;
mod input;
mod marks;
mod outlet;
mod playing;

pub use effect::Effect;
pub use input::{Change, Moment, Play, Settings};

use super::{
    link::Link,
    note::{EndReason, Note, Shown, State, VoiceTarget},
    outlet::{Outlet, Route},
};
use crate::{
    dsp::{FilterSpec, MAX_VOLUME},
    error::Failure,
    frame::ReaderEvent,
    output::OutputEvent,
    playback::Event,
    units::{Millis, Samples},
};
use marks::{Places, Way, Wishes};
use playing::Playing;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How often it is looked whether anybody takes frames (lavaplayer's `DEFAULT_CLEANUP_INTERVAL`).
const CLEANUP_CHECK: Duration = Duration::from_secs(10);
/// A track that nobody took a frame of for so long is ended (lavaplayer's `DEFAULT_CLEANUP_THRESHOLD`).
const CLEANUP_AFTER: Duration = Duration::from_secs(60);

/// One player.
pub struct Machine {
    settings: Settings,
    playing: Option<Playing>,
    volume: u16,
    is_paused: bool,
    filters: FilterSpec,
    link: Link,
    outlet: Outlet,
    wishes: Wishes,
    generations: u64,
    effects: Vec<Effect>,
}

impl Machine {
    /// An idle player at full volume, without filters and without voice.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            outlet: Outlet::new(settings.device.clone()),
            settings,
            playing: None,
            volume: 100,
            is_paused: false,
            filters: FilterSpec::default(),
            link: Link::new(),
            wishes: Wishes::default(),
            generations: 0,
            effects: Vec::new(),
        }
    }

    /// What is to be done, in order. Empties the list.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// When [`tick`](Self::tick) is due; `None` while nothing plays.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.playing.as_ref().map(|p| {
            let mut timers = p.next_update.min(p.next_check);
            timers = self.retry_at().map_or(timers, |due| timers.min(due));
            // a position that stands reaches nothing
            let place = p.places.due.filter(|_| !self.is_paused);
            place.map_or(timers, |due| timers.min(due))
        })
    }

    /// Volume in percent.
    #[must_use]
    pub const fn volume(&self) -> u16 {
        self.volume
    }

    /// The pause flag.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// The filters.
    #[must_use]
    pub const fn filters(&self) -> &FilterSpec {
        &self.filters
    }

    /// Whether there is a current track.
    #[must_use]
    pub const fn has_track(&self) -> bool {
        self.playing.is_some()
    }

    /// The current track.
    #[must_use]
    pub fn shown(&self, now: Moment) -> Option<Shown> {
        self.playing.as_ref().map(|p| p.shown(now.position))
    }

    /// The voice data that clients see: `None` until a gateway has been reached.
    #[must_use]
    pub fn voice(&self) -> Option<&VoiceTarget> {
        self.link.shown()
    }

    /// Position, connection and ping.
    #[must_use]
    pub fn state(&self, now: Moment) -> State {
        State {
            position: self
                .playing
                .as_ref()
                .map_or(Millis(0), |_| now.position.to_millis()),
            is_connected: self.link.is_open() || self.outlet.is_heard(),
            ping_ms: self.link.ping_ms(),
        }
    }

    fn do_next(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn tell(&mut self, note: Note) {
        self.effects.push(Effect::Tell(note));
    }

    fn tell_update(&mut self, now: Moment) {
        let state = self.state(now);
        self.tell(Note::Update(state));
    }

    fn next_generation(&mut self) -> u64 {
        self.generations += 1;
        self.generations
    }

    /// Step 8: leads the voice connection to `target`. Returns the generation of an attempt whose outcome is not known
    /// yet; `None` when the connection is already there.
    pub fn connect(&mut self, now: Moment, target: VoiceTarget) -> Option<u64> {
        if self.link.leads_to(&target) {
            return self.link.is_connecting().then(|| self.link.generation());
        }
        self.close_voice(now);
        let generation = self.next_generation();
        self.link.connect(generation, target.clone());
        self.settle(now);
        self.do_next(Effect::OpenVoice { generation, target });
        Some(generation)
    }

    /// Closes the connection from this side and says so, if it was open.
    fn close_voice(&mut self, now: Moment) {
        if self.link.is_alive() {
            self.link.forget();
            self.do_next(Effect::CloseVoice);
            self.tell(Note::VoiceClosed {
                code: 1000,
                reason: String::new(),
                by_remote: false,
            });
            self.tell_update(now);
        } else if self.link.is_connecting() {
            self.link.forget();
            self.do_next(Effect::CloseVoice);
        }
    }

    /// An attempt has taken too long: gives it up. Nothing happens when it has been decided meanwhile.
    pub fn give_up_voice(&mut self, now: Moment, generation: u64) {
        if self.link.is_connecting() && self.link.generation() == generation {
            self.link.forget();
            self.do_next(Effect::CloseVoice);
            self.settle(now);
        }
    }

    /// Steps 9 to 12.
    pub fn change(&mut self, now: Moment, change: Change) {
        if let Some(is_paused) = change.paused {
            self.set_paused(is_paused);
        }
        if let (Some(data), Some(playing)) = (change.user_data, &mut self.playing) {
            playing.user_data = Arc::new(data);
        }
        if let Some(volume) = change.volume {
            self.set_volume(volume);
        }
        let mut now = now;
        if let Some(to) = change.position {
            now.position = self.seek(now, to);
        }
        if let Some(end_time) = change.end_time {
            self.set_limit(now.position, end_time);
        }
        if let Some(filters) = change.filters {
            self.filters = filters.clone();
            if self.has_track() {
                self.do_next(Effect::SetFilters(filters));
            }
            self.plan_look(now);
            self.tell_update(now);
        }
    }

    /// Sets the pause flag.
    pub fn set_paused(&mut self, is_paused: bool) {
        if self.is_paused != is_paused {
            self.is_paused = is_paused;
            self.do_next(Effect::SetPaused(is_paused));
            if let Some(playing) = &mut self.playing {
                playing.places.moves_again();
            }
        }
    }

    fn set_volume(&mut self, percent: i64) {
        let volume = percent.clamp(0, i64::from(MAX_VOLUME)) as u16;
        if self.volume != volume {
            self.volume = volume;
            if self.has_track() {
                self.do_next(Effect::SetVolume(volume));
            }
        }
    }

    /// Goes elsewhere in the current track, if that can be. Returns the position from then on.
    fn seek(&mut self, now: Moment, to: Millis) -> Samples {
        if !self.playing.as_ref().is_some_and(|p| p.is_seekable) {
            return now.position;
        }
        let position = self.jump(now, to);
        self.pass_places(Moment { position, ..now }, Way::Jumped)
    }

    /// Shows the target at once, unclamped (reference, R.1.11). Going past the end marker ends the track. Returns the
    /// position from then on.
    fn jump(&mut self, now: Moment, to: Millis) -> Samples {
        let Some(playing) = self.playing.as_mut().filter(|p| p.is_seekable) else {
            return now.position;
        };
        let to = to.to_samples();
        let is_past_limit = playing.limit.is_some_and(|limit| to >= limit);
        playing.sought = Some((to, playing.heard_until(now)));
        if !is_past_limit {
            self.do_next(Effect::Seek(to));
        }
        let there = Moment {
            position: to,
            ..now
        };
        self.tell_update(there);
        if is_past_limit {
            self.end(there, EndReason::Finished);
        }
        to
    }

    /// A marker at or before the position never comes (lavaplayer calls it late).
    fn set_limit(&mut self, position: Samples, end_time: Option<Millis>) {
        if let Some(playing) = &mut self.playing {
            let limit = end_time
                .map(Millis::to_samples)
                .filter(|limit| *limit > position);
            if playing.limit != limit {
                playing.limit = limit;
                self.do_next(Effect::SetLimit(limit));
            }
        }
    }

    /// Step 13: starts a track, in place of the current one if there is one.
    pub fn play(&mut self, now: Moment, play: Play) {
        let at = play
            .position
            .unwrap_or(Millis(play.track.info.position))
            .to_samples();
        let limit = play.end_time.map(Millis::to_samples).filter(|l| *l > at);
        if let Some(old) = self.playing.take() {
            self.tell(Note::TrackEnd(old.shown(now.position), EndReason::Replaced));
        }
        let generation = self.next_generation();
        let playing = Playing {
            generation,
            length: play.track.info.length,
            is_seekable: play.track.info.is_seekable,
            track: Arc::new(play.track),
            user_data: Arc::new(play.user_data),
            limit,
            sought: None,
            is_stuck: false,
            stream_title: None,
            places: Places::default(),
            next_update: now.at + self.settings.update_every,
            next_check: now.at + CLEANUP_CHECK,
            polls: 0,
            polled_at: now.at,
        };
        // the old playback's position and polls mean nothing to the new one
        let fresh = Moment {
            position: at,
            polls: 0,
            ..now
        };
        let shown = playing.shown(at);
        self.do_next(Effect::Start {
            generation,
            track: playing.track.clone(),
            at,
            limit,
        });
        self.playing = Some(playing);
        self.tell(Note::TrackStart(shown));
        // the extra one of a PATCH, and the timer's first
        self.tell_update(fresh);
        self.tell_update(fresh);
        self.outlet.forgive();
        self.settle(fresh);
        self.look_all_up();
    }

    /// Ends the current track because a client says so; nothing happens without one.
    pub fn stop(&mut self, now: Moment) {
        self.end(now, EndReason::Stopped);
    }

    fn end(&mut self, now: Moment, reason: EndReason) {
        if let Some(old) = self.playing.take() {
            let position = match reason {
                EndReason::Finished => old.heard_until(now),
                EndReason::LoadFailed
                | EndReason::Stopped
                | EndReason::Replaced
                | EndReason::Cleanup => now.position,
            };
            self.do_next(Effect::Stop);
            self.tell(Note::TrackEnd(old.shown(position), reason));
        }
    }

    /// The player is to go: ends the track, then the voice connection.
    pub fn destroy(&mut self, now: Moment) {
        self.end(now, EndReason::Stopped);
        self.close_device();
        self.close_voice(now);
    }

    /// A playback tells something. Ignored unless it is the current one.
    pub fn heard_sound(&mut self, now: Moment, generation: u64, event: Event) {
        let Some(playing) = self.playing.as_mut().filter(|p| p.generation == generation) else {
            return;
        };
        match event {
            Event::Opened {
                length,
                is_seekable,
            } => {
                if let Some(length) = length
                    && !playing.track.info.is_stream
                {
                    playing.length = length.to_millis().0;
                }
                playing.is_seekable &= is_seekable;
            }
            Event::Title(title) => {
                let text = Some(&*title.text).filter(|text| !text.is_empty());
                playing.stream_title = text.map(Arc::from);
                self.tell(Note::StreamTitle(title));
            }
            Event::Rejoined(rejoined) => self.tell(Note::StreamRejoined(rejoined)),
            Event::Failed { failure, produced } => {
                let shown = playing.shown(now.position);
                self.tell(Note::TrackException(shown, failure));
                if !produced {
                    self.end(now, EndReason::LoadFailed);
                }
            }
            // gaps change nothing
            Event::Reader(ReaderEvent::Started | ReaderEvent::Gap(_)) => {}
            Event::Reader(ReaderEvent::Drained | ReaderEvent::LimitReached) => {
                self.end(now, EndReason::Finished);
            }
            Event::Reader(ReaderEvent::Stuck) => {
                if !std::mem::replace(&mut playing.is_stuck, true) {
                    let shown = playing.shown(now.position);
                    self.tell(Note::TrackStuck(shown, self.settings.stuck_after));
                    self.tell_update(now);
                }
            }
        }
    }

    /// A voice connection tells something. Ignored unless it is the current one. Returns how the attempt turned out
    /// when that is now known.
    pub fn heard_voice(
        &mut self,
        now: Moment,
        generation: u64,
        event: OutputEvent,
    ) -> Option<Result<(), Failure>> {
        let is_current = self.link.is_alive() || self.link.is_connecting();
        if !is_current || generation != self.link.generation() {
            return None;
        }
        match event {
            OutputEvent::Opened => {
                self.link.opened();
                Some(Ok(()))
            }
            OutputEvent::Connected => {
                self.link.opened();
                self.tell_update(now);
                Some(Ok(()))
            }
            OutputEvent::Interrupted => {
                self.link.interrupted();
                None
            }
            OutputEvent::Ping(ms) => {
                self.link.heard_ping(ms);
                None
            }
            OutputEvent::Closed {
                code,
                reason,
                by_remote,
            } => {
                self.link.closed();
                self.do_next(Effect::DropVoice);
                self.tell(Note::VoiceClosed {
                    code,
                    reason,
                    by_remote,
                });
                self.tell_update(now);
                Some(Ok(()))
            }
            OutputEvent::Unreachable(failure) => {
                self.link.forget();
                self.do_next(Effect::DropVoice);
                self.settle(now);
                Some(Err(failure))
            }
        }
    }

    /// Time has passed: periodic updates, places in the track, and the end of tracks that nobody hears.
    pub fn tick(&mut self, now: Moment) {
        let is_polled = match self.outlet.route {
            Route::Voice => self.link.is_alive(),
            Route::Device => self.outlet.open.is_some(),
            Route::Nowhere => false,
        };
        let every = self.settings.update_every;
        let Some(playing) = &mut self.playing else {
            return;
        };
        let is_update_due = now.at >= playing.next_update;
        while playing.next_update <= now.at {
            playing.next_update += every;
        }
        let mut is_unheard = false;
        if now.at >= playing.next_check {
            playing.next_check = now.at + CLEANUP_CHECK;
            // a voice connection polls whether paused or not, although no frame is taken then
            if is_polled || playing.polls != now.polls {
                playing.polls = now.polls;
                playing.polled_at = now.at;
            }
            is_unheard = now.at.saturating_duration_since(playing.polled_at) >= CLEANUP_AFTER;
        }
        if is_update_due {
            self.tell_update(now);
        }
        self.settle(now);
        if is_unheard {
            self.end(now, EndReason::Cleanup);
        } else if !self.is_paused {
            self.pass_places(now, Way::Played);
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
mod tests;
