//! Owns: what the control groups of this process allow and use: processor time and memory, versions 1 and 2.
//! Never knows: the machine around them.
//!
//! Groups lie within groups, and each may have a limit: the tightest on the way up counts (cgroups(7);
//! Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/). Where they are mounted stands in `/proc/self/mountinfo`: a container
//! is shown a part of the tree, and some machines have both versions.

use super::{
    files::{Files, field},
    proc,
};
use std::path::{Path, PathBuf};

/// The longest list of mounts that is read, in bytes: machines with many containers have thousands.
const LONGEST_MOUNTS: u64 = 1 << 20;
/// The deepest nesting that is looked at.
const DEEPEST: usize = 32;
/// Version 1 says "no limit" by a number near 2^63.
const NO_LIMIT: u64 = 1 << 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The folders of a controller, the own group's first, then those above.
#[derive(Debug, PartialEq, Eq)]
struct Chain {
    version: Version,
    folders: Vec<PathBuf>,
}

/// The control groups that this process is in.
#[derive(Debug, Default)]
pub struct Groups {
    cpu: Option<Chain>,
    /// Of version 1, where it may be mounted apart.
    cpuacct: Option<Chain>,
    memory: Option<Chain>,
}

/// Memory of the groups, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupMemory {
    /// The smallest limit.
    pub limit: u64,
    /// What can still be had below every limit; what the kernel can drop counts as free.
    pub available: u64,
    /// What is in use of the limit that is nearest to be reached, 0–1.
    pub share: f64,
}

/// Processor time of one group with a quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    /// Processors that it may use.
    pub cores: f64,
    /// What it has used, in microseconds.
    pub used_us: Option<u64>,
    /// Periods so far, and those of them in which the quota was used up.
    pub periods: Option<(u64, u64)>,
}

impl Groups {
    /// Looks where this process is, and where that is mounted.
    pub fn find(files: &mut Files) -> Self {
        let Some(own) = files.text("proc/self/cgroup").map(str::to_owned) else {
            return Self::default();
        };
        let mounts = files
            .up_to("proc/self/mountinfo", LONGEST_MOUNTS)
            .unwrap_or_default();
        let of = |controller| chain(&own, mounts, controller);
        Self {
            cpu: of("cpu"),
            cpuacct: of("cpuacct"),
            memory: of("memory"),
        }
    }

    /// Memory; `None` without a limit.
    pub fn memory(&self, files: &mut Files) -> Option<GroupMemory> {
        let Chain { version, folders } = self.memory.as_ref()?;
        let of_one = |folder: &PathBuf| memory_of(files, *version, folder);
        folders
            .iter()
            .filter_map(of_one)
            .reduce(|a, b| GroupMemory {
                limit: a.limit.min(b.limit),
                available: a.available.min(b.available),
                share: a.share.max(b.share),
            })
    }

    /// Processor time of each group with a quota.
    pub fn quotas(&self, files: &mut Files) -> Vec<Quota> {
        let Some(Chain { version, folders }) = &self.cpu else {
            return Vec::new();
        };
        let of_one = |(at, folder): (usize, &PathBuf)| {
            let cores = match version {
                Version::Two => cores_of_two(files.text(folder.join("cpu.max"))?)?,
                Version::One => {
                    let quota: i64 = files.number(folder.join("cpu.cfs_quota_us"))?;
                    cores(quota, files.number(folder.join("cpu.cfs_period_us"))?)?
                }
            };
            let stat = files.text(folder.join("cpu.stat")).unwrap_or_default();
            let periods = proc::periods(stat);
            let used_us = match version {
                Version::Two => field(stat, "usage_usec"),
                Version::One => self.used_of_one(files, at),
            };
            Some(Quota {
                cores,
                used_us,
                periods,
            })
        };
        folders.iter().enumerate().filter_map(of_one).collect()
    }

    /// Whether the own group gets no real-time at all: version 1 with `RT_GROUP_SCHED`, whose default for new groups is 0
    /// (Documentation/scheduler/sched-rt-group.rst).
    pub fn is_kept_from_realtime(&self, files: &mut Files) -> bool {
        let own = self.cpu.as_ref().and_then(|chain| chain.folders.first());
        own.and_then(|own| files.number::<i64>(own.join("cpu.rt_runtime_us"))) == Some(0)
    }

    /// Microseconds; the group above that is as far from the root, where both controllers have the same groups.
    fn used_of_one(&self, files: &mut Files, at: usize) -> Option<u64> {
        let (cpu, accounting) = (self.cpu.as_ref()?, self.cpuacct.as_ref()?);
        if cpu.folders.len() != accounting.folders.len() {
            return None;
        }
        let folder = accounting.folders.get(at)?;
        let nanoseconds: u64 = files.number(folder.join("cpuacct.usage"))?;
        Some(nanoseconds / 1000)
    }
}

fn memory_of(files: &mut Files, version: Version, folder: &Path) -> Option<GroupMemory> {
    let (limit, used, droppable) = match version {
        Version::Two => {
            // above `high` a group is held back and made to give memory up, long before `max`
            let limits = ["memory.max", "memory.high"];
            let limits = limits.map(|name| files.number::<u64>(folder.join(name)));
            let limit = limits.into_iter().flatten().min()?;
            (limit, "memory.current", "inactive_file")
        }
        Version::One => {
            let limit: u64 = files.number(folder.join("memory.limit_in_bytes"))?;
            (limit, "memory.usage_in_bytes", "total_inactive_file")
        }
    };
    if limit >= NO_LIMIT || limit == 0 {
        return None;
    }
    let used: u64 = files.number(folder.join(used)).unwrap_or(0);
    let stat = files.text(folder.join("memory.stat")).unwrap_or_default();
    let used = used.saturating_sub(field(stat, droppable).unwrap_or(0));
    Some(GroupMemory {
        limit,
        available: limit.saturating_sub(used),
        share: (used as f64 / limit as f64).min(1.0),
    })
}

/// `max 100000` or `50000 100000`: microseconds of a period.
fn cores_of_two(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    cores(quota.parse().ok()?, period.parse().ok()?)
}

/// Processors that a quota allows; −1 is none.
fn cores(quota_us: i64, period_us: i64) -> Option<f64> {
    (quota_us > 0 && period_us > 0).then(|| quota_us as f64 / period_us as f64)
}

/// Where a controller's groups are: of version 1 if it is there, else of version 2.
fn chain(own: &str, mounts: &str, controller: &str) -> Option<Chain> {
    let mut lines = own.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        Some((parts.next()?, parts.next()?))
    });
    let is_one = |(controllers, _): &(&str, &str)| controllers.split(',').any(|c| c == controller);
    let (version, path) = match lines.clone().find(is_one) {
        Some((_, path)) => (Version::One, path),
        None => {
            let unified = lines.find(|(controllers, _)| controllers.is_empty());
            (Version::Two, unified?.1)
        }
    };
    let mount = mounts
        .lines()
        .filter_map(Mount::read)
        .find(|mount| match version {
            Version::One => {
                mount.kind == "cgroup" && mount.options.split(',').any(|o| o == controller)
            }
            Version::Two => mount.kind == "cgroup2",
        })?;
    Some(Chain {
        version,
        folders: mount.folders(path),
    })
}

/// A line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)), as far as it matters here. Blanks in paths are written `\040`; no
/// control groups are mounted at such places.
struct Mount<'a> {
    /// What is mounted, within its file system.
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (place, what) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let mut what = what.split(' ');
        Some(Self {
            root: place.next()?,
            point: place.next()?,
            kind: what.next()?,
            options: what.nth(1)?,
        })
    }

    /// The folders of a group and of those above it that can be seen. A container may be told its path on the host, or one
    /// outside of what it is shown (`/../x`): then the mount's root is its own group.
    fn folders(&self, path: &str) -> Vec<PathBuf> {
        let inside = Path::new(path).strip_prefix(self.root).ok();
        let inside = inside.filter(|path| path.components().all(|part| part.as_os_str() != ".."));
        let inside = inside.unwrap_or(Path::new(""));
        let inside = inside.strip_prefix("/").unwrap_or(inside);
        let groups = inside.ancestors().take(DEEPEST);
        groups
            .map(|group| Path::new(self.point).join(group))
            .collect()
    }
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
