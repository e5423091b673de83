//! Owns: the decode pool, a few threads that run every playback's work a little at a time.
//! Never knows: what a job does.
//!
//! A job is a plain state object. It is run when somebody wakes it (bytes arrived, frames were taken, a command came),
//! does what it can without waiting, and returns. Waking is one atomic step unless the job has to be queued; a job is never
//! queued twice, and never runs on two threads at once.

use crossbeam_queue::{ArrayQueue, SegQueue};
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence},
    },
    thread::{JoinHandle, Thread},
    time::Duration,
};

/// Tasks that can be queued at once without asking for memory. Each is queued at most once, so this many playbacks can
/// become hungry in the time of one turn.
const QUEUE_LEN: usize = 1024;
/// How long the pool waits at its end for turns that are under way: many times a turn of a healthy job.
const END_WITHIN: Duration = Duration::from_secs(1);

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

/// A job that says that it had its turn.
struct RollCall<F>(Option<F>);

impl<F: FnOnce() + Send> Job for RollCall<F> {
    fn run(&mut self) -> After {
        if let Some(answered) = self.0.take() {
            answered();
        }
        After::Done
    }

    fn panicked(&mut self, message: &str) {
        tracing::error!(message, "a roll call panicked");
    }
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

impl Task {
    fn job(&self) -> MutexGuard<'_, Option<Box<dyn Job>>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pool. Dropping it lets the workers finish their turn and ends them; jobs that sleep are dropped with their wakers.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// Wakes one job. Cheap to clone, cheap to call, from any thread: it takes no lock, and asks for memory only when
/// a thousand others are queued.
#[derive(Clone)]
pub struct Waker {
    task: Arc<Task>,
    shared: Arc<Shared>,
}

/// What wakers and workers share.
struct Shared {
    queue: ArrayQueue<Arc<Task>>,
    /// What finds no room there.
    overflow: SegQueue<Arc<Task>>,
    /// Whether each worker is about to sleep or sleeps.
    idle: Box<[AtomicBool]>,
    /// Set before there is a task.
    threads: OnceLock<Box<[Thread]>>,
    is_ending: AtomicBool,
    panics: AtomicU64,
}

impl Shared {
    fn push(&self, task: Arc<Task>) {
        if let Err(task) = self.queue.push(task) {
            self.overflow.push(task);
        }
        self.wake_one();
    }

    /// Wakes a worker that sleeps, if one does.
    fn wake_one(&self) {
        // either the worker that goes to sleep sees the task that was queued, or we see that it sleeps (see `next`)
        fence(Ordering::SeqCst);
        let threads = self.threads.get().into_iter().flatten();
        for (is_idle, thread) in self.idle.iter().zip(threads) {
            if is_idle.load(Ordering::Relaxed) && is_idle.swap(false, Ordering::Relaxed) {
                thread.unpark();
                return;
            }
        }
    }

    fn pop(&self) -> Option<Arc<Task>> {
        self.queue.pop().or_else(|| self.overflow.pop())
    }
}

impl Pool {
    /// Starts `workers` threads.
    ///
    /// # Panics
    /// When the system refuses a thread.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        let count = workers.max(1);
        let shared = Arc::new(Shared {
            queue: ArrayQueue::new(QUEUE_LEN),
            overflow: SegQueue::new(),
            idle: std::iter::repeat_with(AtomicBool::default)
                .take(count)
                .collect(),
            threads: OnceLock::new(),
            is_ending: AtomicBool::new(false),
            panics: AtomicU64::new(0),
        });
        let workers: Vec<_> = (0..count)
            .map(|i| {
                let shared = shared.clone();
                std::thread::Builder::new()
                    .name(format!("decode-{i}"))
                    .spawn(move || work(&shared, i))
                    .expect("the system gives a thread at start")
            })
            .collect();
        let threads = workers.iter().map(|w| w.thread().clone()).collect();
        shared.threads.get_or_init(|| threads);
        Self { shared, workers }
    }

    /// Adds a job; it sleeps until it is woken for the first time. The job gets its own waker through `make`.
    pub fn add(&self, make: impl FnOnce(Waker) -> Box<dyn Job>) -> Waker {
        let waker = Waker {
            task: Arc::new(Task {
                state: AtomicU8::new(IDLE),
                job: Mutex::new(None),
            }),
            shared: self.shared.clone(),
        };
        let job = make(waker.clone());
        *waker.task.job() = Some(job);
        // a wake-up during `make` found no job and was answered by nothing
        waker.wake();
        waker
    }

    /// Calls `answered` from a worker, after the jobs that wait already: proof that work is still taken.
    pub fn roll_call(&self, answered: impl FnOnce() + Send + 'static) {
        self.add(|_| Box::new(RollCall(Some(answered))));
    }

    /// Jobs that have panicked since the start.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::SeqCst);
        for worker in &self.workers {
            worker.thread().unpark();
        }
        let mut left = END_WITHIN.as_millis();
        for worker in self.workers.drain(..) {
            while !worker.is_finished() && left > 0 {
                std::thread::sleep(Duration::from_millis(1));
                left -= 1;
            }
            if worker.is_finished() {
                let _ = worker.join();
            } else {
                let name = worker.thread().name().unwrap_or_default();
                tracing::warn!(name, "a decoding thread hangs and is left behind");
            }
        }
        while let Some(task) = self.shared.pop() {
            *task.job() = None;
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
                    self.shared.push(self.task.clone());
                    return;
                }
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }
}

/// A worker's life.
fn work(shared: &Shared, number: usize) {
    while !shared.is_ending.load(Ordering::SeqCst) {
        if let Some(task) = shared.pop().or_else(|| next(shared, &shared.idle[number])) {
            run(task, shared);
        }
    }
}

/// Sleeps unless a task has come meanwhile.
fn next(shared: &Shared, is_idle: &AtomicBool) -> Option<Arc<Task>> {
    is_idle.store(true, Ordering::Relaxed);
    fence(Ordering::SeqCst);
    let task = shared.pop();
    if task.is_none() && !shared.is_ending.load(Ordering::SeqCst) {
        std::thread::park();
    }
    let was_called = !is_idle.swap(false, Ordering::Relaxed);
    if task.is_some() && was_called {
        shared.wake_one(); // called for another task, but busy now
    }
    task
}

fn run(task: Arc<Task>, shared: &Shared) {
    task.state.store(RUNNING, Ordering::Release);
    match turn(&task, &shared.panics) {
        After::Done => {
            task.state.store(DONE, Ordering::Release);
            *task.job() = None;
        }
        After::Again => requeue(task, shared),
        After::Sleep => {
            let slept =
                task.state
                    .compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire);
            if slept.is_err() {
                requeue(task, shared);
            }
        }
    }
}

fn requeue(task: Arc<Task>, shared: &Shared) {
    task.state.store(QUEUED, Ordering::Release);
    shared.push(task);
}

fn turn(task: &Task, panics: &AtomicU64) -> After {
    let mut slot = task.job();
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
    #[test]
    fn more_jobs_than_the_queue_holds_all_get_their_turn() {
        let pool = Pool::new(1);
        let (go, wait) = mpsc::channel::<()>();
        let (said, heard) = mpsc::channel();
        let first = move || {
            let _ = wait.recv();
            After::Done
        };
        pool.add(|_| Box::new(Each(first, mpsc::channel().0)));
        for i in 0..QUEUE_LEN + 100 {
            let said = said.clone();
            let turn = move || {
                said.send(i).expect("the test listens");
                After::Done
            };
            pool.add(|_| Box::new(Each(turn, mpsc::channel().0)));
        }
        drop((go, said));
        let mut turns: Vec<_> = heard.iter().collect();
        turns.sort_unstable();
        assert!(turns.into_iter().eq(0..QUEUE_LEN + 100));
    }

    #[test]
    fn many_wakers_and_workers_lose_nothing() {
        const JOBS: usize = 50;
        const WAKES: usize = 2000;
        let pool = Pool::new(3);
        let (said, heard) = mpsc::channel();
        let asked: Arc<Vec<AtomicU64>> =
            Arc::new((0..JOBS).map(|_| AtomicU64::default()).collect());
        let wakers: Vec<_> = (0..JOBS)
            .map(|i| {
                let (asked, said) = (asked.clone(), said.clone());
                // every job ends once it has seen the last request
                let turn = move || {
                    if asked[i].load(Ordering::Acquire) < 2 * WAKES as u64 {
                        return After::Sleep;
                    }
                    said.send(i).expect("the test listens");
                    After::Done
                };
                pool.add(|_| Box::new(Each(turn, mpsc::channel().0)))
            })
            .collect();
        drop(said);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..WAKES {
                        for (waker, asked) in wakers.iter().zip(asked.iter()) {
                            asked.fetch_add(1, Ordering::AcqRel);
                            waker.wake();
                        }
                    }
                });
            }
        });
        assert_eq!(heard.iter().count(), JOBS);
    }

    #[test]
    fn a_job_that_hangs_does_not_hold_up_the_end() {
        let pool = Pool::new(1);
        let (go, wait) = mpsc::channel::<()>();
        let (said, begun) = mpsc::channel();
        let turn = move || {
            said.send(()).expect("the test listens");
            let _ = wait.recv();
            After::Done
        };
        pool.add(|_| Box::new(Each(turn, mpsc::channel().0)));
        begun.recv().expect("it runs");
        drop(pool); // would never return if it waited for the job
        drop(go);
    }
}
