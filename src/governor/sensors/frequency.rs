//! Owns: how fast the processors run, and what holds them back.
//! Never knows: what follows from it.
//!
//! Sources: Documentation/admin-guide/pm/cpufreq.rst and intel_pstate.rst; thermal/sysfs-api.rst (cooling devices); the firmware of
//! Raspberry Pi (`vcgencmd get_throttled`, whose bits its kernels show as a file) and its driver of the supply
//! (Documentation/hwmon/raspberrypi-hwmon.rst).

use crate::{
    governor::moment::{Frequency, FrequencyGovernor, Throttling},
    stats::files::Files,
};
use std::cmp::Reverse;

/// The most groups of processors that are looked at: servers have one for each processor.
const MOST: usize = 16;
/// Bits of the firmware's word: now, and 16 higher whether it has happened since the start.
const UNDER_VOLTAGE: u32 = 1;
const CAPPED: u32 = 1 << 1;
const THROTTLED: u32 = 1 << 2;
const SOFT_LIMIT: u32 = 1 << 3;
const HAS_HAPPENED: u32 = 0xF << 16;

/// Where processors tell of their frequency.
#[derive(Debug)]
pub struct Frequencies {
    /// Folders of groups of processors that share a clock.
    policies: Vec<String>,
    /// The one that can go fastest.
    fastest: Option<String>,
    /// Present states of what slows processors down when it is hot.
    brakes: Vec<String>,
    firmware: Option<String>,
    /// Whether the supply is too weak.
    supply: Option<String>,
}

impl Frequencies {
    /// Looks what there is.
    pub fn find(files: &mut Files) -> Self {
        let policies = policies(files);
        let max = |files: &mut Files, policy: &String| {
            files.number::<u64>(format!("{policy}/cpuinfo_max_freq"))
        };
        let with_max = policies
            .iter()
            .filter_map(|policy| Some((max(files, policy)?, policy)));
        // the first of equals
        let fastest = with_max.min_by_key(|(max, _)| Reverse(*max));
        let fastest = fastest.map(|(_, policy)| policy.clone());
        Self {
            fastest,
            policies,
            brakes: brakes(files),
            firmware: firmware(files),
            supply: supply(files),
        }
    }

    /// What decides about the frequency.
    pub fn governor(&self, files: &mut Files) -> Option<FrequencyGovernor> {
        let policy = self.fastest.as_ref().or(self.policies.first())?;
        let name = files.line(format!("{policy}/scaling_governor"))?;
        let driver = files.line(format!("{policy}/scaling_driver"));
        // in their active mode these take `powersave` for what others call `schedutil`
        let is_own = matches!(driver.as_deref(), Some("intel_pstate" | "amd-pstate-epp"));
        Some(FrequencyGovernor {
            is_slow: name == "powersave" && !is_own,
            name,
        })
    }

    /// Of the processor that can go fastest.
    pub fn read(&self, files: &mut Files) -> Option<Frequency> {
        let policy = self.fastest.as_ref()?;
        let mut mhz = |name| {
            let khz: u64 = files.number(format!("{policy}/{name}"))?;
            u32::try_from(khz / 1000).ok()
        };
        let current = mhz("scaling_cur_freq")?;
        let max = mhz("cpuinfo_max_freq")?;
        let limit = mhz("scaling_max_freq").unwrap_or(max);
        Some(Frequency {
            current,
            limit,
            max,
        })
    }

    /// What holds processors back.
    pub fn throttling(&self, files: &mut Files) -> Throttling {
        let bits = self.firmware.as_ref().and_then(|file| bits(files, file));
        let is_set = |wanted: u32| bits.map(|bits| bits & wanted != 0);
        let is_weak = is_set(UNDER_VOLTAGE);
        // throttled for either reason; a weak supply says so
        let is_hot = match is_weak {
            Some(true) => is_set(SOFT_LIMIT),
            _ => is_set(SOFT_LIMIT | THROTTLED),
        };
        let brakes = self.brakes.iter();
        let is_braked = any(brakes.map(|file| Some(files.number::<i64>(file)? > 0)));
        let supply = self.supply.as_ref();
        let is_undersupplied = supply.and_then(|file| Some(files.number::<u8>(file)? != 0));
        let policies = self.policies.iter();
        let is_limited = any(policies.map(|policy| {
            let limit: u64 = files.number(format!("{policy}/scaling_max_freq"))?;
            Some(limit < files.number(format!("{policy}/cpuinfo_max_freq"))?)
        }));
        Throttling {
            heat: any([is_hot, is_braked].into_iter()),
            power: any([is_weak, is_undersupplied].into_iter()),
            limit: any([is_set(CAPPED), is_limited].into_iter()),
            has_happened: is_set(HAS_HAPPENED),
        }
    }
}

/// `None` when nobody says anything.
fn any(all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all.flatten().reduce(|any, one| any || one)
}

/// Kernels before 4.3, which TV boxes still have, have one folder for each processor.
fn policies(files: &mut Files) -> Vec<String> {
    const CPU: &str = "sys/devices/system/cpu";
    let mut all: Vec<String> = files
        .names(format!("{CPU}/cpufreq"), "policy")
        .into_iter()
        .map(|name| format!("{CPU}/cpufreq/{name}"))
        .collect();
    if all.is_empty() {
        let each = (0..MOST).map(|n| format!("{CPU}/cpu{n}/cpufreq"));
        all = each.filter(|folder| files.has(folder)).collect();
    }
    all.truncate(MOST);
    all
}

/// Of cooling devices those that slow processors down: `thermal-cpufreq-0`, since 5.13 `cpufreq-cpu0`, on PCs `Processor`.
fn brakes(files: &mut Files) -> Vec<String> {
    let mut all = Vec::new();
    for name in files.names("sys/class/thermal", "cooling_device") {
        let folder = format!("sys/class/thermal/{name}");
        let kind = files.line(format!("{folder}/type")).unwrap_or_default();
        let is_brake = kind.starts_with("thermal-cpufreq") || kind.starts_with("cpufreq-");
        if is_brake || kind == "Processor" {
            all.push(format!("{folder}/cur_state"));
        }
    }
    all.truncate(MOST);
    all
}

/// `soc/soc:firmware`, on a Raspberry Pi 5 `soc@107c000000/soc@107c000000:firmware`.
fn firmware(files: &mut Files) -> Option<String> {
    let platform = "sys/devices/platform";
    let buses = files.names(platform, "soc").into_iter();
    let mut paths = buses.map(|bus| format!("{platform}/{bus}/{bus}:firmware/get_throttled"));
    paths.find(|path| files.has(path))
}

/// Hexadecimal, without a prefix.
fn bits(files: &mut Files, file: &str) -> Option<u32> {
    let text = files.text(file)?.trim();
    u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

/// The driver of the supply of a Raspberry Pi: 1 while, or shortly after, it gives too little.
fn supply(files: &mut Files) -> Option<String> {
    let monitors = files.names("sys/class/hwmon", "hwmon").into_iter();
    let mut folders = monitors.map(|name| format!("sys/class/hwmon/{name}"));
    let folder = folders.find(|folder| {
        let name = files.line(format!("{folder}/name"));
        name.as_deref() == Some("rpi_volt")
    })?;
    Some(format!("{folder}/in0_lcrit_alarm"))
}
