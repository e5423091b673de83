//! Owns: how the files of `/proc` are read that tell of processors, memory and pressure.
//! Never knows: when they are read, and what follows from it.

use super::files::{field, kilobytes};

/// Ticks of `/proc` in a second: `USER_HZ`, 100 on every Linux that Rust runs on.
pub const TICKS_PER_SECOND: f64 = 100.0;

/// Time of all processors together since the machine's start, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// All of it.
    pub total: u64,
    /// Nothing to do, or waiting for a disk.
    pub idle: u64,
}

impl Ticks {
    /// What went by since `before`: all of it, and the part in use. No time runs backwards here.
    #[must_use]
    pub const fn since(self, before: Self) -> (u64, u64) {
        let total = self.total.saturating_sub(before.total);
        let idle = self.idle.saturating_sub(before.idle);
        (total, total.saturating_sub(idle))
    }
}

/// First line of `/proc/stat` (proc_stat(5)): user nice system idle iowait irq softirq steal. The two guest columns behind
/// them are in user and nice already.
#[must_use]
pub fn ticks(stat: &str) -> Option<Ticks> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let mut columns = [0; 8];
    let mut count = 0;
    for (column, word) in columns.iter_mut().zip(line.split_whitespace()) {
        *column = word.parse().ok()?;
        count += 1;
    }
    let [_, _, _, idle, iowait, ..] = columns;
    (count >= 4).then(|| Ticks {
        total: columns.iter().sum(),
        idle: idle + iowait,
    })
}

/// `utime` + `stime`, fields 14 and 15 of `/proc/self/stat`; field 2 is a name in brackets that may hold blanks.
#[must_use]
pub fn process_ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// Memory of the machine, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meminfo {
    /// All that the kernel has.
    pub total: u64,
    /// What can be had without swapping.
    pub available: u64,
    /// Swap, `zram` included.
    pub swap_total: u64,
    /// Of it, what is free.
    pub swap_free: u64,
}

/// `/proc/meminfo` (proc_meminfo(5)).
#[must_use]
pub fn meminfo(text: &str) -> Option<Meminfo> {
    let total = kilobytes(text, "MemTotal")?;
    // kernels before 3.14, which TV boxes still have, do not tell what is available
    let available = kilobytes(text, "MemAvailable")
        .or_else(|| kilobytes(text, "MemFree")?.checked_add(kilobytes(text, "Cached")?))?;
    Some(Meminfo {
        total,
        available: available.min(total),
        swap_total: kilobytes(text, "SwapTotal").unwrap_or(0),
        swap_free: kilobytes(text, "SwapFree").unwrap_or(0),
    })
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// All that is in memory.
    pub all: u64,
    /// Heap and stacks: what no file backs.
    pub private: u64,
    /// What was swapped out.
    pub swapped: u64,
}

/// `/proc/self/status` (proc_pid_status(5)). Kernels before 4.5 and some containers do not tell the private part: all counts.
#[must_use]
pub fn resident(status: &str) -> Option<Resident> {
    let all = kilobytes(status, "VmRSS")?;
    Some(Resident {
        all,
        private: kilobytes(status, "RssAnon").unwrap_or(all).min(all),
        swapped: kilobytes(status, "VmSwap").unwrap_or(0),
    })
}

/// `kind avg10=1.23 avg60=…` with the kind `some` or `full` (Documentation/accounting/psi.rst): percent of the last ten seconds
/// in which some, or all, that had work to do waited.
#[must_use]
pub fn pressure(text: &str, kind: &str) -> Option<f32> {
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))?;
    let mut words = line.split_whitespace();
    let percent: f32 = words
        .find_map(|word| word.strip_prefix("avg10="))?
        .parse()
        .ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent)
}

/// Whether this process may use a capability: a bit of `CapEff` (capabilities(7)).
#[must_use]
pub fn has_capability(status: &str, bit: u32) -> Option<bool> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    let bits = u64::from_str_radix(line.trim(), 16).ok()?;
    Some(bits >> bit & 1 == 1)
}

/// Soft limit in `/proc/self/limits`; `unlimited` is none.
#[must_use]
pub fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let mut lines = limits.lines();
    let line = lines.find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Periods of a group's quota of processor time, and those of them in which it was used up (`cpu.stat`, both versions).
#[must_use]
pub fn periods(stat: &str) -> Option<(u64, u64)> {
    Some((field(stat, "nr_periods")?, field(stat, "nr_throttled")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 10 40 800 50 0 0 0 30 0\ncpu0 1 2 3 4\n";
    const PROCESS: &str = "7 (a name) b) S 1 7 7 0 -1 4194304 101 0 0 0 300 20 0 0 20 0 1 0 1 2";

    #[test]
    fn ticks_count_guests_once_and_survive_brackets_in_names() {
        let wanted = Ticks {
            total: 1000,
            idle: 850,
        };
        assert_eq!(ticks(STAT), Some(wanted));
        assert_eq!(process_ticks(PROCESS), Some(320));
        for garbage in ["", "cpu ", "cpu  1 2 3", "cpu  1 2 3 x", "intr 5"] {
            assert_eq!(ticks(garbage), None, "{garbage}");
        }
        assert_eq!(process_ticks("7 (x) S 1"), None);
        // Linux 2.4 had four columns
        assert_eq!(ticks("cpu  1 2 3 4").map(|it| it.total), Some(10));
    }

    #[test]
    fn memory_is_what_can_be_had() {
        let text = "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable:  400 kB\nCached: 200 kB\nSwapTotal: 64 kB\nSwapFree: 4 kB\n";
        let wanted = Meminfo {
            total: 1_024_000,
            available: 409_600,
            swap_total: 65_536,
            swap_free: 4096,
        };
        assert_eq!(meminfo(text), Some(wanted));
        let old = text.replace("MemAvailable", "Other");
        assert_eq!(meminfo(&old).map(|it| it.available), Some(300 * 1024));
        assert_eq!(meminfo("MemFree: 5 kB\n"), None);
    }

    #[test]
    fn pressure_is_the_share_of_the_last_ten_seconds() {
        let text = "some avg10=3.25 avg60=1.00 avg300=0.00 total=5\nfull avg10=9.00 avg60=0 avg300=0 total=1\n";
        assert_eq!(
            (pressure(text, "some"), pressure(text, "full")),
            (Some(3.25), Some(9.0))
        );
        for garbage in [
            "",
            "some",
            "some avg10=x",
            "some avg10=NaN",
            "some avg10=400",
        ] {
            assert_eq!(pressure(garbage, "some"), None, "{garbage}");
        }
    }

    #[test]
    fn limits_are_the_soft_ones_and_capabilities_those_in_force() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        assert_eq!(soft_limit(limits, "Max open files"), Some(1024));
        assert_eq!(soft_limit("", "Max open files"), None);
        // CAP_SYS_NICE is bit 23
        assert_eq!(
            has_capability("CapEff:\t0000000000800000\n", 23),
            Some(true)
        );
        assert_eq!(
            has_capability("CapEff:\t0000000000400000\n", 23),
            Some(false)
        );
        assert_eq!(has_capability("CapPrm:\tff\n", 23), None);
    }
}
