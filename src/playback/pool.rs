//! Owns: the decode pool, a few threads that run every playback's work a little at a time.
//! Never knows: what a job does.
//!
//! A job is a plain state object. It is run when somebody wakes it (bytes arrived, frames were taken, a command came),
//! does what it can without waiting, and returns. Waking is one atomic step unless the job has to be queued; a job is never
//! queued twice, and never runs on two threads at once.

use crossbeam_channel::{Receiver, Sender};
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

/// What a job wants after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing until somebody wakes it.
    Sleep,
    /// Another turn, after the others had theirs.
    Again,
    /// It is finished and may be dropped.
    Done,
}

/// Work in small turns.
pub trait Job: Send {
    /// Does what can be done without waiting.
    fn run(&mut self) -> After;

    /// Called instead of [`run`](Self::run) once it has panicked: tells whoever must know. The job is dropped afterwards.
    fn panicked(&mut self, message: &str);
}

// The states of a task. QUEUED and RUNNING_AGAIN say that a wake-up is not lost.
const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
const RUNNING_AGAIN: u8 = 3;
const DONE: u8 = 4;

struct Task {
    state: AtomicU8,
    /// Locked by the one worker that runs it; never contended.
    job: Mutex<Option<Box<dyn Job>>>,
}

/// The pool. Dropping it lets the workers finish their turn and ends them; jobs that sleep are dropped with their wakers.
pub struct Pool {
    queue: Option<Sender<Arc<Task>>>,
    workers: Vec<JoinHandle<()>>,
    panics: Arc<AtomicU64>,
}

/// Wakes one job. Cheap to clone, cheap to call, from any thread.
#[derive(Clone)]
pub struct Waker {
    task: Arc<Task>,
    queue: Sender<Arc<Task>>,
}

impl Pool {
    /// Starts `workers` threads.
    ///
    /// # Panics
    /// When the system refuses a thread.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        // unbounded, but a task is in it at most once: as long as there are playbacks
        let (queue, tasks) = crossbeam_channel::unbounded();
        let panics = Arc::new(AtomicU64::new(0));
        let workers = (0..workers.max(1))
            .map(|i| {
                let (tasks, queue, panics) = (tasks.clone(), queue.clone(), panics.clone());
                std::thread::Builder::new()
                    .name(format!("decode-{i}"))
                    .spawn(move || work(&tasks, &queue, &panics))
                    .expect("the system gives a thread at start")
            })
            .collect();
        Self {
            queue: Some(queue),
            workers,
            panics,
        }
    }

    /// Adds a job; it sleeps until it is woken for the first time. The job gets its own waker through `make`.
    pub fn add(&self, make: impl FnOnce(Waker) -> Box<dyn Job>) -> Waker {
        let task = Arc::new(Task {
            state: AtomicU8::new(IDLE),
            job: Mutex::new(None),
        });
        let queue = self.queue.clone().expect("only drop takes the queue");
        let waker = Waker {
            task: task.clone(),
            queue,
        };
        let job = make(waker.clone());
        *task.job.lock().unwrap_or_else(PoisonError::into_inner) = Some(job);
        // a wake-up during `make` found no job and was answered by nothing
        waker.wake();
        waker
    }

    /// Jobs that have panicked since the start.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let queue = self.queue.take();
        for _ in &self.workers {
            if let Some(queue) = &queue {
                let stop = Task {
                    state: AtomicU8::new(DONE),
                    job: Mutex::new(None),
                };
                let _ = queue.send(Arc::new(stop));
            }
        }
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

impl Waker {
    /// Makes sure that the job gets a turn after this call.
    pub fn wake(&self) {
        let state = &self.task.state;
        let mut seen = state.load(Ordering::Acquire);
        loop {
            let next = match seen {
                IDLE => QUEUED,
                RUNNING => RUNNING_AGAIN,
                _ => return,
            };
            match state.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) if next == QUEUED => {
                    let _ = self.queue.send(self.task.clone());
                    return;
                }
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }
}

fn work(tasks: &Receiver<Arc<Task>>, queue: &Sender<Arc<Task>>, panics: &AtomicU64) {
    while let Ok(task) = tasks.recv() {
        if task.state.load(Ordering::Acquire) == DONE {
            return; // only the pool's own farewell is queued in this state
        }
        task.state.store(RUNNING, Ordering::Release);
        let after = turn(&task, panics);
        match after {
            After::Done => {
                task.state.store(DONE, Ordering::Release);
                *task.job.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            After::Again => requeue(&task, queue),
            After::Sleep => {
                let slept =
                    task.state
                        .compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire);
                if slept.is_err() {
                    requeue(&task, queue);
                }
            }
        }
    }
}

fn requeue(task: &Arc<Task>, queue: &Sender<Arc<Task>>) {
    task.state.store(QUEUED, Ordering::Release);
    let _ = queue.send(task.clone());
}

fn turn(task: &Task, panics: &AtomicU64) -> After {
    let mut slot = task.job.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(job) = slot.as_mut() else {
        return After::Sleep;
    };
    match std::panic::catch_unwind(AssertUnwindSafe(|| job.run())) {
        Ok(after) => after,
        Err(payload) => {
            panics.fetch_add(1, Ordering::Relaxed);
            let message = payload
                .downcast_ref::<&str>()
                .map(|s| (*s).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "a panic without a message".to_owned());
            let told = std::panic::catch_unwind(AssertUnwindSafe(|| job.panicked(&message)));
            if told.is_err() {
                tracing::error!(message, "a playback panicked, and again when it was told");
            }
            After::Done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Each<F: FnMut() -> After + Send>(F, mpsc::Sender<String>);

    impl<F: FnMut() -> After + Send> Job for Each<F> {
        fn run(&mut self) -> After {
            (self.0)()
        }
        fn panicked(&mut self, message: &str) {
            self.1.send(message.to_owned()).expect("the test listens");
        }
    }

    #[test]
    fn no_wake_up_is_lost() {
        let pool = Pool::new(2);
        let (said, heard) = mpsc::channel();
        let waker = pool.add(|_| {
            Box::new(Each(
                move || {
                    said.send(()).expect("the test listens");
                    After::Sleep
                },
                mpsc::channel().0,
            ))
        });
        heard.recv().expect("the first turn");
        for _ in 0..1000 {
            waker.wake();
            // one more turn begins after each wake; some wakes share a turn
            heard.recv().expect("a turn after the wake");
            while heard.try_recv().is_ok() {}
        }
    }

    #[test]
    fn again_means_again_and_done_means_never() {
        let pool = Pool::new(1);
        let (said, heard) = mpsc::channel();
        let mut turns = 0;
        let waker = pool.add(|_| {
            Box::new(Each(
                move || {
                    turns += 1;
                    said.send(turns).expect("the test listens");
                    if turns < 3 { After::Again } else { After::Done }
                },
                mpsc::channel().0,
            ))
        });
        assert_eq!(heard.iter().take(3).collect::<Vec<_>>(), [1, 2, 3]);
        waker.wake();
        assert!(
            heard.recv().is_err(),
            "the job is dropped, and the channel with it"
        );
    }

    #[test]
    fn a_panic_ends_one_job_and_not_the_pool() {
        let pool = Pool::new(1);
        let (told, heard) = mpsc::channel();
        pool.add(|_| Box::new(Each(|| panic!("bad packet"), told)));
        assert_eq!(heard.recv().expect("the job is told"), "bad packet");
        let (said, alive) = mpsc::channel();
        pool.add(|_| {
            Box::new(Each(
                move || {
                    said.send(()).expect("the test listens");
                    After::Done
                },
                mpsc::channel().0,
            ))
        });
        alive.recv().expect("the worker lives");
        assert_eq!(pool.panics(), 1);
    }
}
