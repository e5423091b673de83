//! Owns: the decisions on where a player's sound goes: when a device is opened, let go, tried again, and what takes frames.
//! Never knows: the clock, threads, what a device is.
//!
//! A device that a client asks for takes the place of what plays now once it is open; when it is refused, nothing has
//! changed. A device of the configuration is opened for the first track that finds no voice data. What is lost is tried again
//! as long as there is a track; meanwhile the position stands, as without voice, and after a minute the track is ended so.

use super::{Effect, Machine, Moment};
use crate::{
    error::Failure,
    output::OutputEvent,
    player::{
        note::{DeviceState, Note},
        outlet::{Choice, Open, Opening, Route},
    },
    units::Instant,
};
use alloc::sync::Arc;

impl Machine {
    /// What was said of where the sound is to go.
    #[must_use]
    pub const fn choice(&self) -> &Choice {
        &self.outlet.choice
    }

    /// Which output takes frames.
    #[must_use]
    pub const fn route(&self) -> Route {
        self.outlet.route
    }

    /// Whether the output that takes frames is open.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        match self.outlet.route {
            Route::Voice => self.link.is_open(),
            Route::Device => self.outlet.is_heard(),
            Route::Nowhere => false,
        }
    }

    /// The generation of the device that is being opened.
    #[must_use]
    pub fn opening(&self) -> Option<u64> {
        self.outlet.opening.as_ref().map(|it| it.generation)
    }

    /// The sound is to go elsewhere. Returns the generation of an attempt whose outcome is not known yet.
    pub fn choose(&mut self, now: Moment, choice: Choice) -> Option<u64> {
        let Choice::Device(name) = &choice else {
            self.outlet.choice = choice;
            self.outlet.opening = None;
            self.outlet.forgive();
            self.settle(now);
            return None;
        };
        if self.outlet.open.as_ref().is_some_and(|it| it.name == *name) {
            self.outlet.choice = choice;
            self.outlet.opening = None;
            self.settle(now);
            return None;
        }
        match &mut self.outlet.opening {
            Some(opening) if opening.name == *name => {
                opening.is_asked_for = true;
                Some(opening.generation)
            }
            _ => Some(self.begin_opening(name.clone(), true)),
        }
    }

    fn begin_opening(&mut self, name: Arc<str>, is_asked_for: bool) -> u64 {
        let generation = self.next_generation();
        self.outlet.opening = Some(Opening {
            name: name.clone(),
            generation,
            is_asked_for,
            is_interrupted: false,
        });
        self.do_next(Effect::OpenDevice { generation, name });
        generation
    }

    /// An attempt has taken too long. Nothing happens when it has been decided meanwhile.
    pub fn give_up_device(&mut self, now: Moment, generation: u64) {
        let late = Failure::common("the device did not open in time");
        self.device_refused(now, generation, late);
    }

    /// Leads everything to where it is to be: the device open or let go, frames to the right output.
    pub(super) fn settle(&mut self, now: Moment) {
        let has_voice = self.link.has_target();
        let wanted = self.outlet.wanted(has_voice).cloned();
        let is_idle = |it: &Open| Some(&it.name) != wanted.as_ref();
        if self.outlet.open.as_ref().is_some_and(is_idle) {
            self.outlet.open = None;
            self.do_next(Effect::CloseDevice);
        }
        let is_vain = |it: &Opening| !it.is_asked_for && Some(&it.name) != wanted.as_ref();
        if self.outlet.opening.as_ref().is_some_and(is_vain) {
            self.outlet.opening = None;
        }
        let route = self.outlet.wanted_route(has_voice);
        if self.outlet.route != route {
            self.outlet.route = route;
            self.do_next(Effect::Reroute);
        }
        if let Some(name) = wanted
            && self.has_track()
            && self.outlet.open.is_none()
            && self.outlet.opening.is_none()
            && self.outlet.retry_at().is_none_or(|at| at <= now.at)
        {
            self.begin_opening(name, false);
        }
    }

    /// When a device is to be tried again, if anything plays.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        let is_wanted = self.outlet.wanted(self.link.has_target()).is_some();
        let is_due = is_wanted && self.outlet.open.is_none() && self.outlet.opening.is_none();
        self.outlet.retry_at().filter(|_| is_due)
    }

    /// A device is open. False when nobody wants it any more: it is to be closed.
    pub fn device_opened(&mut self, now: Moment, generation: u64) -> bool {
        let opening = &mut self.outlet.opening;
        let Some(opened) = opening.take_if(|it| it.generation == generation) else {
            return false;
        };
        if self.outlet.open.take().is_some() {
            self.do_next(Effect::CloseDevice);
        }
        if opened.is_asked_for {
            self.outlet.choice = Choice::Device(opened.name.clone());
        }
        let was_lost = self.outlet.has_failed();
        self.outlet.forgive();
        self.outlet.open = Some(Open {
            name: opened.name,
            generation,
            is_interrupted: opened.is_interrupted,
        });
        self.do_next(Effect::UseDevice);
        if was_lost {
            self.tell_device(DeviceState::Back);
        }
        self.settle(now);
        self.tell_update(now);
        true
    }

    /// A device could not be opened. What was chosen before still counts; a device that was not asked for is tried again.
    pub fn device_refused(&mut self, now: Moment, generation: u64, why: Failure) {
        let opening = &mut self.outlet.opening;
        let Some(refused) = opening.take_if(|it| it.generation == generation) else {
            return;
        };
        if refused.is_asked_for {
            self.settle(now);
        } else if self.outlet.failed(now.at) {
            self.tell(Note::Device(refused.name, DeviceState::Lost(why)));
        }
    }

    /// A device tells something. Ignored unless it is the current one.
    pub fn heard_device(&mut self, now: Moment, generation: u64, event: OutputEvent) {
        if let Some(opening) = &mut self.outlet.opening
            && opening.generation == generation
        {
            // said before it was known here to be open
            opening.is_interrupted = matches!(event, OutputEvent::Interrupted);
            return;
        }
        let open = &mut self.outlet.open;
        let Some(device) = open.as_mut().filter(|it| it.generation == generation) else {
            return;
        };
        match event {
            OutputEvent::Opened | OutputEvent::Connected => {
                if core::mem::replace(&mut device.is_interrupted, false) {
                    self.tell_device(DeviceState::Back);
                }
            }
            OutputEvent::Interrupted => {
                if !core::mem::replace(&mut device.is_interrupted, true) {
                    self.tell_device(DeviceState::Interrupted);
                }
            }
            OutputEvent::Ping(_) => return,
            OutputEvent::Closed { reason, .. } => self.lose_device(now, Failure::common(reason)),
            OutputEvent::Unreachable(failure) => self.lose_device(now, failure),
        }
        self.tell_update(now);
    }

    fn lose_device(&mut self, now: Moment, why: Failure) {
        self.outlet.failed(now.at);
        self.tell_device(DeviceState::Lost(why));
        self.outlet.open = None;
        self.do_next(Effect::DropDevice);
    }

    fn tell_device(&mut self, state: DeviceState) {
        if let Some(device) = &self.outlet.open {
            let name = device.name.clone();
            self.tell(Note::Device(name, state));
        }
    }

    /// The player is to go.
    pub(super) fn close_device(&mut self) {
        self.outlet.opening = None;
        if self.outlet.open.take().is_some() {
            self.do_next(Effect::CloseDevice);
        }
    }
}
