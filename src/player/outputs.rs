//! Owns: a player's outputs at work: devices that are opened, and which output has the reader of frames.
//! Never knows: when that is to be; the machine decides it.

use super::{Attempt, Player, PlayerEvent, answer, machine::Moment, note::Note, wait};
use crate::{
    error::Failure,
    frame::FrameFormat,
    output::{Output, device::Refusal},
    player::outlet::{Choice, Route},
};
use std::{sync::Arc, time::Instant};

/// What an output takes. Without one, frames are made for Discord, where most are heard.
pub(super) const fn format(route: Route) -> FrameFormat {
    match route {
        Route::Voice | Route::Nowhere => FrameFormat::Opus,
        Route::Device => FrameFormat::Pcm,
    }
}

impl Player {
    /// The sound is to go elsewhere. No [`Attempt`] when that is done at once: only a device takes its time.
    pub fn choose_output(
        &mut self,
        now: Instant,
        choice: Choice,
    ) -> (Vec<Note>, Option<Attempt<Refusal>>) {
        let undecided = self.machine.choose(self.moment(now), choice);
        // this drops the senders of attempts that give way to the new one
        let notes = self.act();
        let attempt = undecided.map(|generation| wait(&mut self.waiting_for_device, generation));
        (notes, attempt)
    }

    /// What was said of where the sound is to go.
    #[must_use]
    pub const fn choice(&self) -> &Choice {
        self.machine.choice()
    }

    /// Where the sound goes.
    #[must_use]
    pub const fn route(&self) -> Route {
        self.machine.route()
    }

    /// The output that the sound goes to.
    pub(super) fn heard_through(&self) -> Option<&dyn Output> {
        match self.machine.route() {
            Route::Voice => self.voice.as_deref(),
            Route::Device => self.device.as_deref(),
            Route::Nowhere => None,
        }
    }

    pub(super) fn open_device(&self, generation: u64, name: Arc<str>) {
        let (post, tell) = (self.post.clone(), self.post.clone());
        let opening = self.world.open(
            name,
            Box::new(move |event| tell(PlayerEvent::Device(generation, event))),
        );
        tokio::spawn(async move { post(PlayerEvent::Opened(generation, opening.await)) });
    }

    /// A device has been opened, or has not.
    pub(super) fn opened(
        &mut self,
        now: Moment,
        generation: u64,
        opened: Result<Box<dyn Output>, Refusal>,
    ) {
        let outcome = match opened {
            Ok(output) if self.machine.device_opened(now, generation) => {
                self.arrived = Some(output);
                Ok(())
            }
            Ok(output) => {
                output.close();
                return;
            }
            Err(why) => {
                self.machine
                    .device_refused(now, generation, Failure::from(why.clone()));
                Err(why)
            }
        };
        answer(&mut self.waiting_for_device, generation, &outcome);
    }

    pub(super) fn use_device(&mut self) {
        self.device = self.arrived.take();
        if let Some(output) = &mut self.device {
            output.set_paused(self.machine.is_paused());
        }
        self.hand_over();
    }

    /// Takes the reader from the output that the sound does not go to any more.
    pub(super) fn reroute(&mut self) {
        let route = self.machine.route();
        if route != Route::Voice
            && let Some(output) = &mut self.voice
        {
            output.stop();
        }
        if route != Route::Device
            && let Some(output) = &mut self.device
        {
            output.stop();
        }
        self.hand_over();
    }

    /// Gives the reader to the output if both are here, or a new one if that takes other frames. It comes back when the output
    /// goes.
    pub(super) fn hand_over(&mut self) {
        let route = self.machine.route();
        let output = match route {
            Route::Voice => &mut self.voice,
            Route::Device => &mut self.device,
            Route::Nowhere => return,
        };
        let (Some(output), Some(running)) = (output, &mut self.running) else {
            return;
        };
        if running.format != format(route) {
            running.format = format(route);
            running.readers += 1;
            let reader = running.sound.change_format(running.format);
            running.ring = reader.gauge();
            self.reader = Some(reader.counting(self.underruns.clone()));
        }
        if let Some(reader) = self.reader.take() {
            let (post, generation, number) =
                (self.post.clone(), running.generation, running.readers);
            let home = move |reader| post(PlayerEvent::Returned(generation, number, reader));
            output.play(reader.with_home(home));
        }
    }
}
