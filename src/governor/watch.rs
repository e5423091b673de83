//! Owns: the thread that asks the sensors once a second, and what a step does: dials, admission, the log.
//! Never knows: when a step is taken, or what the sensors are.

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
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Time between two readings.
const EVERY: Duration = Duration::from_secs(1);

/// It reads small files and calls no deep code.
const STACK_BYTES: usize = 256 * 1024;

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
    /// Gives memory back that is not needed. Called on the governor's thread; may take some milliseconds.
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

/// The thread. Dropping this ends it.
pub struct Watch {
    board: Board,
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Watch {
    /// Nobody watches, nothing changes.
    #[must_use]
    pub fn idle(governor: &Governor) -> Self {
        Self {
            board: Board(Arc::new(Mutex::new(governor.status()))),
            thread: None,
        }
    }

    /// Asks `sensors` once a second from now on.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(
        governor: Governor,
        levers: Levers,
        sensors: impl FnMut(Instant) -> Readings + Send + 'static,
    ) -> std::io::Result<Self> {
        let mut watch = Self::idle(&governor);
        let board = watch.board.clone();
        let (stop, stopped) = mpsc::channel();
        let work = move || {
            run(governor, &levers, sensors, &board, || {
                stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout)
            });
        };
        let thread = std::thread::Builder::new()
            .name("governor".into())
            .stack_size(STACK_BYTES);
        watch.thread = Some((stop, thread.spawn(work)?));
        Ok(watch)
    }

    /// Where it stands.
    #[must_use]
    pub const fn board(&self) -> &Board {
        &self.board
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            drop(stop);
            // a reading that is under way takes milliseconds; a panic there has been reported
            let _ = thread.join();
        }
    }
}

/// The thread's life. `wait` lets a second pass and says whether to go on.
#[expect(
    clippy::disallowed_methods,
    reason = "the governor's thread gives it the time"
)]
fn run(
    mut governor: Governor,
    levers: &Levers,
    mut sensors: impl FnMut(Instant) -> Readings,
    board: &Board,
    wait: impl Fn() -> bool,
) {
    // the first reading is what the next ones are compared with
    sensors(Instant::now());
    while wait() {
        let now = Instant::now();
        let steps = governor.read(now, sensors(now));
        for step in steps {
            let status = governor.status();
            // who is told may look there
            board.write(status);
            levers.act(step, status);
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
    use std::cell::Cell;

    /// What it did, with these readings one after another and no time between them.
    fn told(readings: &[Readings]) -> (Levers, Status, Vec<Step>, u32) {
        let rules = Rules {
            pace: Pace::new(Duration::ZERO, Duration::ZERO),
            ..Rules::default()
        };
        let governor = Governor::new(&rules);
        let watch = Watch::idle(&governor);
        let (said, heard) = mpsc::channel();
        let (relieved, relief) = mpsc::channel();
        let levers = Levers {
            dials: dials(),
            admission: Admission::default(),
            relieve: Box::new(move || relieved.send(()).expect("counted")),
            tell: Box::new(move |step, _| said.send(step).expect("heard")),
        };
        let (left, mut readings) = (Cell::new(readings.len()), readings.iter().copied());
        let sensors = |_| readings.next().unwrap_or_default();
        let wait = || left.replace(left.get().saturating_sub(1)) > 1;
        run(governor, &levers, sensors, &watch.board, wait);
        let status = watch.board().status();
        let relief = relief.try_iter().count() as u32;
        (levers, status, heard.try_iter().collect(), relief)
    }

    fn cpu(percent: f32) -> Readings {
        Readings {
            cpu: Some(percent),
            ..Readings::default()
        }
    }

    #[test]
    fn steps_turn_the_dial_and_the_last_one_turns_newcomers_away() {
        let (levers, status, steps, relief) = told(&[cpu(95.0); 12]);
        assert_eq!((status.sound.level, status.memory.level), (5, 0));
        assert_eq!(*levers.dials.sound.get(), SOUND[5]);
        assert_eq!(levers.dials.buffers.get().divisor, 1);
        assert_eq!(steps.len(), 5);
        assert_eq!((status.sound.lowered.cpu, relief), (5, 0));
        let wanted = "cpu was at 95 %, above 80 % (arm.resources.cpu_threshold)";
        assert_eq!(
            levers.admission.newcomer(),
            Err(Refusal::Short(wanted.into()))
        );
    }

    #[test]
    fn memory_is_given_back_at_each_step_down_and_sound_stays() {
        let short = Readings {
            memory: Some(99.0),
            ..Readings::default()
        };
        let (levers, status, _, relief) = told(&[short; 12]);
        assert_eq!((status.sound.level, status.memory.level), (0, 3));
        assert_eq!(*levers.dials.sound.get(), Economy::NONE);
        assert_eq!((levers.dials.buffers.get().divisor, relief), (2, 3));
        assert!(levers.admission.newcomer().is_err());
    }

    #[test]
    fn what_was_lowered_comes_back_and_with_it_newcomers() {
        let readings: Vec<_> = [cpu(95.0); 10].into_iter().chain([cpu(10.0); 12]).collect();
        let (levers, status, steps, _) = told(&readings);
        assert_eq!(status.sound.level, 0, "{steps:?}");
        assert_eq!((status.sound.cause, status.sound.raised), (None, 5));
        assert_eq!(*levers.dials.sound.get(), Economy::NONE);
        assert_eq!(levers.admission.newcomer(), Ok(()));
    }

    #[test]
    fn the_thread_ends_when_it_is_not_wanted_any_more() {
        let governor = Governor::new(&Rules::default());
        let (said, heard) = mpsc::channel::<()>();
        let levers = Levers {
            dials: dials(),
            admission: Admission::default(),
            relieve: Box::new(|| ()),
            tell: Box::new(move |_, _| said.send(()).expect("heard")),
        };
        let sensors = |_| Readings::default();
        let watch = Watch::start(governor, levers, sensors).expect("a thread");
        drop(watch);
        // all that it held is gone
        assert!(heard.recv().is_err());
    }
}
