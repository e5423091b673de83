//! Owns: what a step of the governor does: dials, admission, the log.
//! Never knows: when a step is taken, or who reads the sensors.

use super::{
    ladder::{Ladder, MEMORY, SOUND},
    policy::{Excess, Readings},
    quality::{Governor, Status, Step},
};
use crate::playback::{
    admission::Admission,
    dial::{Dial, Dials},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// Dials that a governor turns.
#[must_use]
pub fn dials() -> Dials {
    Dials {
        sound: Arc::new(Dial::new(&SOUND)),
        buffers: Arc::new(Dial::new(&MEMORY)),
    }
}

/// What a step acts on.
pub struct Levers {
    /// Made by [`dials`].
    pub dials: Dials,
    /// Turns newcomers away at the last level.
    pub admission: Admission,
    /// Gives memory back that is not needed. Called on the sensors' thread; may take some milliseconds.
    pub relieve: Box<dyn Fn() + Send>,
    /// Tells who wants to know, with where that ladder stands then. Must not block.
    pub tell: Box<dyn Fn(Step, Status) + Send>,
}

impl Levers {
    /// Carries a step out.
    fn act(&self, step: Step, status: Status) {
        let (ladder, change) = (step.ladder.label(), step.change);
        let (from, to) = (change.from, change.to);
        match step.ladder {
            Ladder::Sound => self.dials.sound.turn(to),
            Ladder::Memory => self.dials.buffers.turn(to),
        }
        self.admission.set_shortage(status.shortage());
        match change.cause {
            Some(Excess {
                resource,
                reading,
                threshold,
            }) => {
                let cause = resource.label();
                tracing::warn!(
                    ladder,
                    from,
                    to,
                    cause,
                    reading,
                    threshold,
                    "quality is lowered"
                );
                if step.ladder == Ladder::Memory {
                    (self.relieve)();
                }
            }
            None => tracing::info!(ladder, from, to, "quality is raised, all is well again"),
        }
        (self.tell)(step, status);
    }
}

/// Where the governor stands, for anybody at any time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Board(Arc<Mutex<Status>>);

impl Board {
    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, status: Status) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

/// A governor whose steps are carried out.
pub struct Steering {
    governor: Governor,
    levers: Levers,
    board: Board,
}

impl Steering {
    /// At level 0.
    #[must_use]
    pub fn new(governor: Governor, levers: Levers) -> Self {
        let board = Board(Arc::new(Mutex::new(governor.status())));
        Self {
            governor,
            levers,
            board,
        }
    }

    /// Where it stands.
    #[must_use]
    pub const fn board(&self) -> &Board {
        &self.board
    }

    /// Takes readings, about one a second, and does what follows from them.
    pub fn heed(&mut self, now: Instant, readings: Readings) {
        for step in self.governor.read(now, readings) {
            let status = self.governor.status();
            // who is told may look there
            self.board.write(status);
            self.levers.act(step, status);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        governor::{policy::Pace, quality::Rules},
        playback::{admission::Refusal, dial::Economy},
    };
    use std::{sync::mpsc, time::Duration};

    /// What it did, with these readings one after another and no time between them.
    fn told(readings: &[Readings]) -> (Steering, Status, Vec<Step>, u32) {
        let rules = Rules {
            pace: Pace::new(Duration::ZERO, Duration::ZERO),
            ..Rules::default()
        };
        let (said, heard) = mpsc::channel();
        let (relieved, relief) = mpsc::channel();
        let levers = Levers {
            dials: dials(),
            admission: Admission::default(),
            relieve: Box::new(move || relieved.send(()).expect("counted")),
            tell: Box::new(move |step, _| said.send(step).expect("heard")),
        };
        let mut steering = Steering::new(Governor::new(&rules), levers);
        let now = now();
        for readings in readings {
            steering.heed(now, *readings);
        }
        let status = steering.board().status();
        let relief = relief.try_iter().count() as u32;
        (steering, status, heard.try_iter().collect(), relief)
    }

    #[expect(clippy::disallowed_methods, reason = "any moment does")]
    fn now() -> Instant {
        Instant::now()
    }

    fn cpu(percent: f32) -> Readings {
        Readings {
            cpu: Some(percent),
            ..Readings::default()
        }
    }

    #[test]
    fn steps_turn_the_dial_and_the_last_one_turns_newcomers_away() {
        let (steering, status, steps, relief) = told(&[cpu(95.0); 12]);
        assert_eq!((status.sound.level, status.memory.level), (5, 0));
        assert_eq!(*steering.levers.dials.sound.get(), SOUND[5]);
        assert_eq!(steering.levers.dials.buffers.get().divisor, 1);
        assert_eq!(steps.len(), 5);
        assert_eq!((status.sound.lowered.cpu, relief), (5, 0));
        let wanted = "cpu was at 95 %, above 80 % (arm.resources.cpu_threshold)";
        assert_eq!(
            steering.levers.admission.newcomer(),
            Err(Refusal::Short(wanted.into()))
        );
    }

    #[test]
    fn memory_is_given_back_at_each_step_down_and_sound_stays() {
        let short = Readings {
            memory: Some(99.0),
            ..Readings::default()
        };
        let (steering, status, _, relief) = told(&[short; 12]);
        assert_eq!((status.sound.level, status.memory.level), (0, 3));
        assert_eq!(*steering.levers.dials.sound.get(), Economy::NONE);
        assert_eq!(
            (steering.levers.dials.buffers.get().divisor, relief),
            (2, 3)
        );
        assert!(steering.levers.admission.newcomer().is_err());
    }

    #[test]
    fn what_was_lowered_comes_back_and_with_it_newcomers() {
        let readings: Vec<_> = [cpu(95.0); 10].into_iter().chain([cpu(10.0); 12]).collect();
        let (steering, status, steps, _) = told(&readings);
        assert_eq!(status.sound.level, 0, "{steps:?}");
        assert_eq!((status.sound.cause, status.sound.raised), (None, 5));
        assert_eq!(*steering.levers.dials.sound.get(), Economy::NONE);
        assert_eq!(steering.levers.admission.newcomer(), Ok(()));
    }
}
