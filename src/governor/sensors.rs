//! Owns: what Linux tells of processors, memory, heat and the board; with a folder as the root of the file system, so that
//! tests bring machines of their own.
//! Never knows: what follows from it.

use super::policy::Readings;
use serde::Serialize;
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The most zones, processors or files of a kind that are looked at.
const MOST: usize = 256;
/// The longest file that is read, in bytes; those of `/proc` and `/sys` have a few kilobytes.
const LONGEST: u64 = 64 * 1024;
/// What a sensor may say in °C; some say 0 or 127.5 when they are not connected.
const PLAUSIBLE: std::ops::RangeInclusive<f32> = 1.0..=125.0;
/// Types of thermal zones that are near the processor, the best first (Raspberry Pi, Allwinner, Rockchip, Amlogic, Intel, AMD).
const NEAR_THE_CPU: [&str; 8] = [
    "cpu-thermal",
    "cpu_thermal",
    "x86_pkg_temp",
    "soc-thermal",
    "soc_thermal",
    "cpu",
    "soc",
    "k10temp",
];

/// Processor time of the machine, in ticks, and of the control group, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Work {
    total: u64,
    idle: u64,
    group: Option<u64>,
}

/// Reads the sensors of a machine.
#[derive(Debug)]
pub struct Sensors {
    root: PathBuf,
    zone: Option<PathBuf>,
    before: Option<(Instant, Work)>,
    cpu: Option<f32>,
}

/// Memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Of the machine, or the limit of the control group where that is lower.
    pub total: u64,
    /// What can be had without swapping.
    pub available: u64,
    /// Swap of the machine.
    pub swap_total: u64,
}

/// A moment of the machine. `None` where it does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Processors in use, in percent of those that this node may use; since the moment before.
    pub cpu_percent: Option<f32>,
    /// Memory.
    pub memory: Option<Memory>,
    /// Memory in use, in percent.
    pub memory_percent: Option<f32>,
    /// Share of the last ten seconds in which something waited for memory, in percent (PSI).
    pub memory_pressure: Option<f32>,
    /// Temperature near the processor, in °C.
    pub temperature: Option<f32>,
    /// Present and highest frequency of the fastest processor, in MHz.
    pub frequency: Option<(u32, u32)>,
    /// Whether the machine holds its processors back: heat, or too little power.
    pub is_throttled: Option<bool>,
}

impl Snapshot {
    /// What the policy looks at.
    #[must_use]
    pub const fn readings(&self) -> Readings {
        Readings {
            cpu: self.cpu_percent,
            memory: self.memory_percent,
            temperature: self.temperature,
        }
    }
}

impl Sensors {
    /// Those of the machine whose file system begins at `root`: `/`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let zone = zone(&root);
        Self {
            root,
            zone,
            before: None,
            cpu: None,
        }
    }

    /// A moment. The processors' part is an average since the call before, and missing at the first.
    pub fn read(&mut self, now: Instant) -> Snapshot {
        self.measure(now);
        let meminfo = self.text("proc/meminfo");
        let memory = memory(&meminfo, self.group_memory());
        Snapshot {
            cpu_percent: self.cpu,
            memory,
            memory_percent: memory.and_then(|it| percent(it.total - it.available, it.total)),
            memory_pressure: pressure(&self.text("proc/pressure/memory")),
            temperature: self.zone.as_deref().and_then(celsius),
            frequency: frequency(&self.root),
            is_throttled: throttled(&self.root),
        }
    }

    fn measure(&mut self, now: Instant) {
        let group = self.group_file("cpu.stat");
        let used = group.as_deref().and_then(|text| field(text, "usage_usec"));
        let Some(work) = work(&self.text("proc/stat"), used) else {
            return;
        };
        let quota = self
            .group_file("cpu.max")
            .as_deref()
            .and_then(cores_allowed);
        if let Some((at, before)) = self.before.replace((now, work)) {
            let elapsed = now.saturating_duration_since(at);
            self.cpu = busy(before, work, quota, elapsed).or(self.cpu);
        }
    }

    fn text(&self, path: &str) -> String {
        read(&self.root.join(path)).unwrap_or_default()
    }

    /// A file of the control group that this process is in, or of the nearest above that has it (cgroups(7), version 2).
    fn group_file(&self, name: &str) -> Option<String> {
        let groups = self.text("proc/self/cgroup");
        let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let root = self.root.join("sys/fs/cgroup");
        let mut files = Path::new(path)
            .ancestors()
            .map(|at| root.join(at).join(name));
        files.find_map(|file| read(&file))
    }

    /// Limit and use of the control group, in bytes; what can be dropped is not in use.
    fn group_memory(&self) -> Option<(u64, u64)> {
        let limit = self.group_file("memory.max")?.trim().parse().ok()?;
        let used: u64 = self.group_file("memory.current")?.trim().parse().ok()?;
        let stat = self.group_file("memory.stat").unwrap_or_default();
        let droppable = field(&stat, "inactive_file").unwrap_or(0);
        Some((limit, used.saturating_sub(droppable)))
    }
}

fn read(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut text = Vec::new();
    fs::File::open(path)
        .ok()?
        .take(LONGEST)
        .read_to_end(&mut text)
        .ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// A line `name number`.
fn field(text: &str, name: &str) -> Option<u64> {
    let mut lines = text
        .lines()
        .filter_map(|line| line.split_once([' ', ':', '\t']));
    let (_, rest) = lines.find(|(key, _)| *key == name)?;
    rest.trim_start_matches([' ', ':', '\t'])
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

fn percent(part: u64, whole: u64) -> Option<f32> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 100.0).clamp(0.0, 100.0) as f32)
}

/// First line of `/proc/stat` (proc_stat(5)): user nice system idle iowait irq softirq steal.
fn work(stat: &str, group: Option<u64>) -> Option<Work> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .map_while(|it| it.parse().ok())
        .take(8)
        .collect();
    Some(Work {
        total: ticks.iter().sum(),
        idle: ticks.get(3)? + ticks.get(4).copied().unwrap_or(0),
        group,
    })
}

/// `max 100000` or `50000 100000` (microseconds of a period): processors that the group may use.
fn cores_allowed(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0.0).then(|| quota / period)
}

/// The larger one of the machine's share and the group's share of its quota, in percent.
fn busy(before: Work, after: Work, quota: Option<f64>, elapsed: Duration) -> Option<f32> {
    let total = after.total.saturating_sub(before.total);
    let idle = after.idle.saturating_sub(before.idle);
    let machine = percent(total.saturating_sub(idle), total);
    let group = || {
        let used = after.group?.saturating_sub(before.group?) as f64;
        let allowed = quota? * elapsed.as_micros() as f64;
        (allowed > 0.0).then(|| (used / allowed * 100.0).clamp(0.0, 100.0) as f32)
    };
    match (machine, group()) {
        (Some(machine), Some(group)) => Some(machine.max(group)),
        (one, other) => one.or(other),
    }
}

/// `/proc/meminfo` (kB) and limit and use of the group, of which the tighter one counts.
fn memory(meminfo: &str, group: Option<(u64, u64)>) -> Option<Memory> {
    let bytes = |name| field(meminfo, name).map(|kb| kb.saturating_mul(1024));
    let total = bytes("MemTotal")?;
    // kernels before 3.14 do not tell what is available
    let available = bytes("MemAvailable").or_else(|| Some(bytes("MemFree")? + bytes("Cached")?))?;
    let swap_total = bytes("SwapTotal").unwrap_or(0);
    let machine = Memory {
        total,
        available: available.min(total),
        swap_total,
    };
    Some(match group {
        Some((limit, used)) if limit < total => Memory {
            total: limit,
            available: limit.saturating_sub(used).min(machine.available),
            swap_total,
        },
        _ => machine,
    })
}

/// `some avg10=1.23 avg60=…` (psi).
fn pressure(text: &str) -> Option<f32> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    line.split_whitespace()
        .find_map(|it| it.strip_prefix("avg10="))?
        .parse()
        .ok()
}

/// Folders `sys/class/KIND/NAME…`, in order.
fn class(root: &Path, kind: &str, name: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root.join("sys/class").join(kind)) else {
        return Vec::new();
    };
    let is_one = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|it| it.to_string_lossy().starts_with(name))
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut all: Vec<PathBuf> = paths.filter(is_one).take(MOST).collect();
    all.sort();
    all
}

/// The file of the thermal zone, or of the hardware monitor, that is nearest to the processor; else the hottest one.
fn zone(root: &Path) -> Option<PathBuf> {
    let zones = class(root, "thermal", "thermal_zone").into_iter();
    let zones = zones.map(|zone| (zone.join("type"), zone.join("temp")));
    let monitors = class(root, "hwmon", "hwmon").into_iter();
    let monitors = monitors.map(|it| (it.join("name"), it.join("temp1_input")));
    let all = zones
        .chain(monitors)
        .filter(|(_, file)| celsius(file).is_some());
    let rank = |name: &Path| {
        let name = read(name).unwrap_or_default().trim().to_ascii_lowercase();
        let known = NEAR_THE_CPU.iter().position(|it| name == *it);
        known.or_else(|| {
            NEAR_THE_CPU
                .iter()
                .position(|it| name.contains(it))
                .map(|at| at + MOST)
        })
    };
    let hottest_last = |file: &Path| celsius(file).map_or(0, |it| -(it * 10.0) as i64);
    all.min_by_key(|(name, file)| (rank(name).unwrap_or(usize::MAX), hottest_last(file)))
        .map(|(_, file)| file)
}

/// Thousandths of °C; some kernels say whole ones.
fn celsius(file: &Path) -> Option<f32> {
    let value: f32 = read(file)?.trim().parse().ok()?;
    let value = if value.abs() > 200.0 {
        value / 1000.0
    } else {
        value
    };
    PLAUSIBLE.contains(&value).then_some(value)
}

fn policies(root: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = root.join("sys/devices/system/cpu");
    (0..MOST)
        .map(move |n| folder.join(format!("cpu{n}/cpufreq")))
        .take_while(|it| it.is_dir())
}

fn number(file: PathBuf) -> Option<u64> {
    read(&file)?.trim().parse().ok()
}

/// In MHz, of the processor that may go fastest.
fn frequency(root: &Path) -> Option<(u32, u32)> {
    let of = |folder: PathBuf| {
        let now = number(folder.join("scaling_cur_freq"))?;
        let most = number(folder.join("cpuinfo_max_freq"))?;
        Some((
            u32::try_from(now / 1000).ok()?,
            u32::try_from(most / 1000).ok()?,
        ))
    };
    policies(root).filter_map(of).max_by_key(|(_, most)| *most)
}

/// Whether the firmware of a Raspberry Pi says so now (bits 0 to 3 of `get_throttled`), or a processor's limit is below what
/// it can do.
fn throttled(root: &Path) -> Option<bool> {
    let firmware = root.join("sys/devices/platform/soc/soc:firmware/get_throttled");
    if let Some(text) = read(&firmware) {
        let bits = u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()?;
        return Some(bits & 0xF != 0);
    }
    let is_limited = |folder: PathBuf| {
        let limit = number(folder.join("scaling_max_freq"))?;
        Some(limit < number(folder.join("cpuinfo_max_freq"))?)
    };
    policies(root)
        .filter_map(is_limited)
        .reduce(|any, one| any || one)
}

#[cfg(test)]
#[path = "sensors_tests.rs"]
mod tests;
