//! Owns: memory, processors and uptime of this process, as Linux tells them.
//! Never knows: players and frames.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// Processor loads are averages over at least this time (reference, 1.3).
const LOAD_INTERVAL: Duration = Duration::from_secs(30);
/// Ticks of `/proc` in a second: `USER_HZ`, 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

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
        let status = read("/proc/self/status");
        let allocated = kilobytes(&status, "VmRSS:").unwrap_or(0);
        // Kernels before 4.5 and some containers do not tell the private part.
        let used = kilobytes(&status, "RssAnon:").unwrap_or(allocated);
        Memory {
            used: used.min(allocated),
            allocated,
            reservable: self.reservable.max(allocated),
        }
    }

    /// Processors; loads are those of the last 30 seconds or more, 0 before.
    #[must_use]
    pub fn cpu(&self, now: Instant) -> Cpu {
        // A panic between lock and unlock can leave nothing half done: the state is replaced whole.
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        load.update(now, || ticks(&read("/proc/stat"), &read("/proc/self/stat")));
        Cpu {
            cores: self.cores,
            system_load: load.system,
            process_load: load.process,
        }
    }

    /// What a scraper wants to know of any process.
    #[must_use]
    pub fn process(&self) -> Process {
        let status = read("/proc/self/status");
        let started = self.started_unix.duration_since(SystemTime::UNIX_EPOCH);
        Process {
            cpu_seconds: process_ticks(&read("/proc/self/stat"))
                .map(|t| t as f64 / TICKS_PER_SECOND),
            started_seconds: started.ok().map(|d| d.as_secs_f64()),
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|d| d.count() as u64),
            max_fds: max_fds(&read("/proc/self/limits")),
            virtual_bytes: kilobytes(&status, "VmSize:"),
            resident_bytes: kilobytes(&status, "VmRSS:"),
        }
    }
}

/// Processor time so far, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    total: u64,
    idle: u64,
    process: u64,
}

#[derive(Debug, Default)]
struct Load {
    sample: Option<(Instant, Ticks)>,
    system: f64,
    process: f64,
}

impl Load {
    fn update(&mut self, now: Instant, ticks: impl FnOnce() -> Option<Ticks>) {
        let before = match self.sample {
            Some((at, _)) if now.saturating_duration_since(at) < LOAD_INTERVAL => return,
            Some((_, before)) => Some(before),
            None => None,
        };
        let Some(after) = ticks() else { return };
        if let Some(before) = before {
            let total = after.total.saturating_sub(before.total);
            let idle = after.idle.saturating_sub(before.idle);
            let process = after.process.saturating_sub(before.process);
            self.system = share(total.saturating_sub(idle), total);
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

/// The text of a file of `/proc`; empty when there is none.
fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// A line such as `VmRSS:   1234 kB`, in bytes (proc_pid_status(5)).
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

/// First line of `/proc/stat` (proc_stat(5)) and this process's own time.
fn ticks(stat: &str, process_stat: &str) -> Option<Ticks> {
    let numbers: Vec<u64> = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace()
        .map_while(|n| n.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal; the two guest columns are in user and nice already.
    let total = numbers.iter().take(8).sum();
    let idle = numbers.get(3)? + numbers.get(4).copied().unwrap_or(0);
    Some(Ticks {
        total,
        idle,
        process: process_ticks(process_stat)?,
    })
}

/// `utime` + `stime`, fields 14 and 15 of `/proc/self/stat`; field 2 is a name in brackets that may hold blanks.
fn process_ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// Soft limit in `/proc/self/limits`; `unlimited` is none.
fn max_fds(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The machine's memory or the lowest limit of this process's control groups, in bytes; 0 when unknown.
fn memory_limit() -> u64 {
    let machine = kilobytes(&read("/proc/meminfo"), "MemTotal:").unwrap_or(0);
    limit_files(&read("/proc/self/cgroup"))
        .iter()
        .filter_map(|file| read(file).trim().parse().ok())
        .fold(machine, |lowest: u64, limit| {
            // Version 1 says "no limit" by a number near 2^63.
            if lowest == 0 {
                limit
            } else {
                lowest.min(limit)
            }
        })
}

/// Files that may hold a memory limit, own group first, then its parents (cgroups(7), versions 2 and 1).
///
/// Inside a container the path in `/proc/self/cgroup` may be the host's, while the mount shows only the own group: the
/// walk ends at the mount's root, where the container's limit stands then.
fn limit_files(cgroup: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in cgroup.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, name) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|c| c == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        files.extend(
            Path::new(path.trim_start_matches('/'))
                .ancestors()
                .map(|group| Path::new(root).join(group).join(name)),
        );
    }
    files
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 10 40 800 50 0 0 0 30 0\ncpu0 1 2 3 4\n";
    const PROCESS: &str = "7 (a name) b) S 1 7 7 0 -1 4194304 101 0 0 0 300 20 0 0 20 0 1 0 1 2";

    #[test]
    fn ticks_count_guests_once_and_survive_brackets_in_names() {
        assert_eq!(
            ticks(STAT, PROCESS),
            Some(Ticks {
                total: 1000,
                idle: 850,
                process: 320
            })
        );
        assert_eq!(ticks("", ""), None);
        assert_eq!(ticks(STAT, "7 (x) S 1"), None);
    }

    #[test]
    fn the_first_load_is_zero_and_later_ones_are_averages_of_thirty_seconds() {
        let t0 = Instant::now();
        let sample = |total, idle, process| {
            move || {
                Some(Ticks {
                    total,
                    idle,
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
    fn memory_lines_are_read_in_bytes() {
        let status = "Name:\tx\nVmRSS:\t    2048 kB\nRssAnon:\t  512 kB\n";
        assert_eq!(kilobytes(status, "VmRSS:"), Some(2_097_152));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
    }

    #[test]
    fn limits_are_looked_for_in_the_own_group_and_above() {
        let names: Vec<_> = limit_files("4:memory:/a/b\n1:cpu:/x\n0::/c\n")
            .into_iter()
            .map(|p| p.display().to_string())
            .collect();
        assert_eq!(
            names,
            [
                "/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/c/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
    }

    #[test]
    fn the_limit_of_open_files_is_the_soft_one() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        assert_eq!(max_fds(limits), Some(1024));
        assert_eq!(max_fds(""), None);
    }

    #[test]
    fn memory_is_ordered() {
        let now = Instant::now();
        let memory = System::new(now, SystemTime::UNIX_EPOCH).memory();
        assert!(memory.used <= memory.allocated && memory.allocated <= memory.reservable);
    }
}
