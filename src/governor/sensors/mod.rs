//! Owns: reading what Linux tells of processors, memory and heat; with a folder as the root of the file system, so that
//! tests bring machines of their own.
//! Never knows: what follows from it.
//!
//! What is read each time is a dozen small files. What takes long or hardly changes (which sensors there are, where the control
//! groups lie) is looked for once a minute, so that what comes and goes is noticed; reading a sensor that is gone gives nothing.

mod board;
mod frequency;
mod heat;
mod parts;

use super::moment::{Group, Memory, OwnMemory, Surroundings};
pub use super::moment::{Machine, Snapshot};
use crate::stats::{
    files::Files,
    group::{GroupMemory, Groups, Quota},
    proc::{self, Meminfo, Ticks},
};
use frequency::Frequencies;
use heat::Thermometers;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// How often the machine is searched for sensors.
const SEARCH_EVERY: Duration = Duration::from_secs(60);
/// Enough for the first line of `/proc/stat`, which has one for each processor and interrupt.
const FIRST_LINE: u64 = 512;

/// Reads the sensors of a machine.
#[derive(Debug)]
pub struct Sensors {
    files: Files,
    places: Option<(Instant, Places)>,
    before: Option<(Instant, Work)>,
    shares: Shares,
}

/// Where things are.
#[derive(Debug)]
struct Places {
    groups: Groups,
    thermometers: Thermometers,
    frequencies: Frequencies,
    surroundings: Arc<Surroundings>,
}

impl Places {
    fn find(files: &mut Files) -> Self {
        let thermometers = Thermometers::find(files);
        let frequencies = Frequencies::find(files);
        let surroundings = Surroundings {
            heat: thermometers.all().to_vec(),
            sensor: thermometers.nearest(),
            frequency_governor: frequencies.governor(files),
        };
        Self {
            groups: Groups::find(files),
            thermometers,
            frequencies,
            surroundings: Arc::new(surroundings),
        }
    }
}

/// Processor time so far.
#[derive(Debug, Default)]
struct Work {
    machine: Option<Ticks>,
    own: Option<u64>,
    quotas: Vec<Quota>,
}

/// Processor time between two moments, in percent.
#[derive(Clone, Copy, Debug, Default)]
struct Shares {
    allowed: Option<f32>,
    machine: Option<f32>,
    own: Option<f32>,
    throttled: Option<f32>,
}

impl Sensors {
    /// Those of the machine whose file system begins at `root`: `/`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            files: Files::new(root),
            places: None,
            before: None,
            shares: Shares::default(),
        }
    }

    /// What the machine is.
    pub fn machine(&mut self) -> Machine {
        board::machine(&mut self.files, std::env::consts::ARCH)
    }

    /// A moment. The processors' part is an average since the call before, and missing at the first.
    pub fn read(&mut self, now: Instant) -> Snapshot {
        let places = match self.places.take() {
            Some((at, places)) if now.saturating_duration_since(at) < SEARCH_EVERY => (at, places),
            _ => (now, Places::find(&mut self.files)),
        };
        let snapshot = self.look(now, &places.1);
        self.places = Some(places);
        snapshot
    }

    fn look(&mut self, now: Instant, places: &Places) -> Snapshot {
        let quotas = self.measure(now, &places.groups);
        let files = &mut self.files;
        let meminfo = files.text("proc/meminfo").and_then(proc::meminfo);
        let limited = places.groups.memory(files);
        let status = files.text("proc/self/status");
        let own_memory = status.and_then(proc::resident).map(|own| OwnMemory {
            resident: own.all,
            private: own.private,
            swapped: own.swapped,
        });
        let cpu = files.text("proc/pressure/cpu").unwrap_or_default();
        let cpu_pressure = proc::pressure(cpu, "some");
        let memory_pressures = files.text("proc/pressure/memory").unwrap_or_default();
        let [some, full] = ["some", "full"].map(|kind| proc::pressure(memory_pressures, kind));
        Snapshot {
            cpu_percent: self.shares.allowed,
            machine_cpu_percent: self.shares.machine,
            own_cpu_percent: self.shares.own,
            cpu_pressure,
            memory: meminfo.map(|machine| memory(machine, limited)),
            memory_percent: memory_percent(meminfo, limited),
            memory_pressure: some,
            memory_pressure_full: full,
            own_memory,
            group: Group {
                cores: quotas,
                throttled_percent: self.shares.throttled,
                memory_limit: limited.map(|it| it.limit),
            },
            temperature: places.thermometers.read(files),
            frequency: places.frequencies.read(files),
            throttling: places.frequencies.throttling(files),
            surroundings: places.surroundings.clone(),
        }
    }

    /// Measures processor time; gives the smallest quota in processors.
    fn measure(&mut self, now: Instant, groups: &Groups) -> Option<f64> {
        let files = &mut self.files;
        let stat = files.up_to("proc/stat", FIRST_LINE);
        let machine = stat.and_then(proc::ticks);
        let own = files.text("proc/self/stat").and_then(proc::process_ticks);
        let after = Work {
            machine,
            own,
            quotas: groups.quotas(files),
        };
        if let Some((at, before)) = &self.before {
            let elapsed = now.saturating_duration_since(*at);
            // two looks at the same tick tell nothing: the last shares stay
            if let Some(shares) = shares(before, &after, elapsed) {
                self.shares = shares;
            }
        }
        let quotas = after.quotas.iter().map(|quota| quota.cores);
        let smallest = quotas.min_by(f64::total_cmp);
        self.before = Some((now, after));
        smallest
    }
}

/// `None` when no time went by.
fn shares(before: &Work, after: &Work, elapsed: Duration) -> Option<Shares> {
    if elapsed.is_zero() {
        return None;
    }
    let machine = before.machine.zip(after.machine);
    let (total, busy) = machine.map_or((0, 0), |(before, after)| after.since(before));
    let own = before.own.zip(after.own);
    let own = own.map(|(before, after)| after.saturating_sub(before));
    // a group that has come or gone changes their number: the next moment knows
    let same = before.quotas.len() == after.quotas.len();
    let pairs = || before.quotas.iter().zip(&after.quotas).filter(|_| same);
    let of_quota = |(before, after): (&Quota, &Quota)| {
        let used = after.used_us?.saturating_sub(before.used_us?) as f64;
        let allowed = after.cores * elapsed.as_micros() as f64;
        Some((used / allowed * 100.0).clamp(0.0, 100.0) as f32)
    };
    let machine = percent(busy, total);
    let tightest = pairs().filter_map(of_quota).max_by(f32::total_cmp);
    let periods = pairs().filter_map(|(before, after)| {
        let ((all, throttled), before) = (after.periods?, before.periods?);
        let all = all.saturating_sub(before.0);
        Some(percent(throttled.saturating_sub(before.1), all).unwrap_or(0.0))
    });
    Some(Shares {
        allowed: machine.into_iter().chain(tightest).max_by(f32::total_cmp),
        machine,
        own: own.and_then(|own| percent(own, total)),
        throttled: periods.max_by(f32::total_cmp),
    })
}

fn percent(part: u64, whole: u64) -> Option<f32> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 100.0).clamp(0.0, 100.0) as f32)
}

fn memory(machine: Meminfo, limited: Option<GroupMemory>) -> Memory {
    let limit = limited.map_or(u64::MAX, |it| it.limit);
    let available = limited.map_or(u64::MAX, |it| it.available);
    Memory {
        total: machine.total.min(limit),
        available: machine.available.min(available),
        swap_total: machine.swap_total,
        swap_free: machine.swap_free.min(machine.swap_total),
    }
}

fn memory_percent(machine: Option<Meminfo>, limited: Option<GroupMemory>) -> Option<f32> {
    let machine = machine.and_then(|it| percent(it.total - it.available, it.total));
    let limited = limited.map(|it| (it.share * 100.0) as f32);
    machine.into_iter().chain(limited).max_by(f32::total_cmp)
}

#[cfg(test)]
mod tests;
