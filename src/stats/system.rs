//! Owns: memory, processors and uptime of this process, as Linux tells them.
//! Never knows: players and frames.

use super::{
    files::{Files, kilobytes},
    group::Groups,
    proc::{self, TICKS_PER_SECOND, Ticks},
};
use std::{
    fs,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// Processor loads are averages over at least this time (reference, 1.3).
const LOAD_INTERVAL: Duration = Duration::from_secs(30);
const STATUS: &str = "proc/self/status";
/// Enough for the first line of `/proc/stat`, which has one for each processor and interrupt.
const FIRST_LINE: u64 = 512;

/// Memory in bytes; `used ≤ allocated ≤ reservable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Private memory: heap and stacks.
    pub used: u64,
    /// All resident memory; what lies above `used` is the program itself and can be dropped by the kernel.
    pub allocated: u64,
    /// The machine's memory, or the control group's limit where that is lower.
    pub reservable: u64,
}

/// Processors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cpu {
    /// Logical ones that this process may use.
    pub cores: u32,
    /// 0–1: the whole machine.
    pub system_load: f64,
    /// 0–1: this process, of all cores.
    pub process_load: f64,
}

/// What a scraper wants to know of any process; `None` where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Processor time used, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Unix time of the start, in seconds.
    pub started_seconds: Option<f64>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// How many there may be.
    pub max_fds: Option<u64>,
    /// Address space in bytes.
    pub virtual_bytes: Option<u64>,
    /// Resident memory in bytes.
    pub resident_bytes: Option<u64>,
}

/// Watches this process. Figures that the system does not tell are 0.
#[derive(Debug)]
pub struct System {
    started: Instant,
    started_unix: SystemTime,
    reservable: u64,
    cores: u32,
    load: Mutex<Load>,
}

impl System {
    /// Starts counting uptime and load.
    #[must_use]
    pub fn new(now: Instant, unix: SystemTime) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            started: now,
            started_unix: unix,
            reservable: memory_limit(),
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
            load: Mutex::new(Load::default()),
        }
    }

    /// Time since [`System::new`].
    #[must_use]
    pub fn uptime(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }

    /// Memory at this moment.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let mut files = Files::new("/");
        let resident = files.text(STATUS).and_then(proc::resident);
        let (allocated, used) = resident.map_or((0, 0), |it| (it.all, it.private));
        Memory {
            used,
            allocated,
            reservable: self.reservable.max(allocated),
        }
    }

    /// Processors; loads are those of the last 30 seconds or more, 0 before.
    #[must_use]
    pub fn cpu(&self, now: Instant) -> Cpu {
        // A panic between lock and unlock can leave nothing half done: the state is replaced whole.
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        load.update(now, || {
            let mut files = Files::new("/");
            let machine = proc::ticks(files.up_to("proc/stat", FIRST_LINE)?)?;
            let process = proc::process_ticks(files.text("proc/self/stat")?)?;
            Some(Sample { machine, process })
        });
        Cpu {
            cores: self.cores,
            system_load: load.system,
            process_load: load.process,
        }
    }

    /// What a scraper wants to know of any process.
    #[must_use]
    pub fn process(&self) -> Process {
        let mut files = Files::new("/");
        let status = files.text(STATUS).unwrap_or_default();
        let virtual_bytes = kilobytes(status, "VmSize");
        let resident_bytes = kilobytes(status, "VmRSS");
        let ticks = files.text("proc/self/stat").and_then(proc::process_ticks);
        let limits = files.text("proc/self/limits").unwrap_or_default();
        let started = self.started_unix.duration_since(SystemTime::UNIX_EPOCH);
        Process {
            cpu_seconds: ticks.map(|t| t as f64 / TICKS_PER_SECOND),
            started_seconds: started.ok().map(|d| d.as_secs_f64()),
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|d| d.count() as u64),
            max_fds: proc::soft_limit(limits, "Max open files"),
            virtual_bytes,
            resident_bytes,
        }
    }
}

/// Processor time so far, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sample {
    machine: Ticks,
    process: u64,
}

#[derive(Debug, Default)]
struct Load {
    sample: Option<(Instant, Sample)>,
    system: f64,
    process: f64,
}

impl Load {
    fn update(&mut self, now: Instant, sample: impl FnOnce() -> Option<Sample>) {
        let before = match self.sample {
            Some((at, _)) if now.saturating_duration_since(at) < LOAD_INTERVAL => return,
            Some((_, before)) => Some(before),
            None => None,
        };
        let Some(after) = sample() else { return };
        if let Some(before) = before {
            let (total, busy) = after.machine.since(before.machine);
            let process = after.process.saturating_sub(before.process);
            self.system = share(busy, total);
            self.process = share(process, total);
        }
        self.sample = Some((now, after));
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    (part as f64 / whole as f64).clamp(0.0, 1.0)
}

/// The machine's memory or the lowest limit of this process's control groups, in bytes; 0 when unknown.
fn memory_limit() -> u64 {
    let mut files = Files::new("/");
    let machine = files.text("proc/meminfo").and_then(proc::meminfo);
    let machine = machine.map(|it| it.total);
    let group = Groups::find(&mut files).memory(&mut files);
    let group = group.map(|it| it.limit);
    machine.into_iter().chain(group).min().unwrap_or(0)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
mod tests {
    use super::*;

    #[test]
    fn the_first_load_is_zero_and_later_ones_are_averages_of_thirty_seconds() {
        let t0 = Instant::now();
        let sample = |total, idle, process| {
            move || {
                Some(Sample {
                    machine: Ticks { total, idle },
                    process,
                })
            }
        };
        let mut load = Load::default();
        load.update(t0, sample(1000, 900, 10));
        assert_eq!((load.system, load.process), (0.0, 0.0));
        load.update(t0 + Duration::from_secs(29), || {
            unreachable!("it is too early to measure again")
        });
        load.update(t0 + Duration::from_secs(30), sample(2000, 1650, 110));
        assert_eq!((load.system, load.process), (0.25, 0.1));
        load.update(t0 + Duration::from_secs(60), sample(2000, 1650, 110));
        assert_eq!((load.system, load.process), (0.0, 0.0));
    }

    #[test]
    fn loads_stay_between_zero_and_one() {
        assert_eq!(share(5, 0), 0.0);
        assert_eq!(share(9, 3), 1.0);
    }

    #[test]
    fn memory_is_ordered() {
        let now = Instant::now();
        let memory = System::new(now, SystemTime::UNIX_EPOCH).memory();
        assert!(memory.used <= memory.allocated && memory.allocated <= memory.reservable);
    }
}
