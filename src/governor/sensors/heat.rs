//! Owns: which of a machine's sensors of heat is near the processor, and what it says.
//! Never knows: what is too hot.
//!
//! A zone (`/sys/class/thermal`, Documentation/driver-api/thermal/sysfs-api.rst) is called after its node in the device tree of
//! the board, after its driver, or after nothing in particular. Monitors (`/sys/class/hwmon`, Documentation/hwmon/sysfs-interface.rst)
//! are called after their chip. Some machines have one, some the other; often both show the same sensor.

use crate::{governor::moment::Heat, stats::files::Files};

/// What a sensor may say in °C; some say 0, 127.5 or −273 when they are not connected.
const PLAUSIBLE: std::ops::RangeInclusive<f32> = 1.0..=125.0;
/// The most sensors that are read each time: of many processors, each has one.
const MOST_NEAR: usize = 8;

/// How a name is recognised, dashes taken for underscores.
#[derive(Clone, Copy)]
enum Name {
    Is(&'static str),
    Begins(&'static str),
    Holds(&'static str),
}

/// Names near the processor, the best first.
const RANKS: &[&[Name]] = &[
    &[
        // device trees of Raspberry Pi (bcm2711, bcm2712), Allwinner, Rockchip (rk3399, rk356x), Amlogic (g12, sm1), i.MX 8,
        // MediaTek; the monitor beside it has underscores
        Name::Is("cpu_thermal"),
        // drivers of Intel (zone and monitor) and AMD (monitor)
        Name::Is("x86_pkg_temp"),
        Name::Is("coretemp"),
        Name::Is("k10temp"),
        Name::Is("zenpower"),
        // Rockchip rk3588
        Name::Is("package_thermal"),
    ],
    &[
        // Rockchip rk3328 and kernels of Rockchip's and Amlogic's own (TV boxes)
        Name::Is("soc_thermal"),
        // Raspberry Pi before bcm2711
        Name::Is("bcm2835_thermal"),
        // i.MX 6 and 7
        Name::Is("imx_thermal_zone"),
    ],
    &[
        // one for each processor or cluster: Exynos (cpu0-thermal), Qualcomm (cpu0-0-thermal, cpuss0-thermal), Tegra (CPU-therm),
        // Allwinner's own kernels (cpu_thermal_zone), MediaTek's (mtktscpu)
        Name::Begins("cpu"),
        Name::Is("mtktscpu"),
        Name::Begins("bigcore"),
        Name::Begins("littlecore"),
    ],
    &[
        // Amlogic's S905 (monitor of its firmware; zone of its old kernel), others
        Name::Is("scpi_sensors"),
        Name::Begins("aml_thermal"),
        Name::Begins("soc"),
        Name::Begins("tsens"),
        Name::Holds("cpu"),
    ],
    // on the same chip
    &[Name::Begins("gpu"), Name::Begins("ddr")],
];

/// What is not the processor, however hot: batteries, radios, disks, supplies, the case.
const ELSEWHERE: &[&str] = &[
    "batt", "bms", "charg", "chg", "usb", "wifi", "wlan", "iwl", "ath", "phy", "modem", "mdm",
    "pmic", "pm8", "skin", "quiet", "case", "camera", "nvme", "drive", "xo_", "pa_",
];

/// The rank of a name of no known meaning.
const UNKNOWN: usize = RANKS.len();

/// 0 is the best; `None` for what is elsewhere.
fn rank(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let is_like = |it: &Name| match it {
        Name::Is(text) => name == *text,
        Name::Begins(text) => name.starts_with(text),
        Name::Holds(text) => name.contains(text),
    };
    let known = RANKS.iter().position(|names| names.iter().any(is_like));
    known.or_else(|| (!ELSEWHERE.iter().any(|it| name.contains(it))).then_some(UNKNOWN))
}

/// A machine's sensors of heat.
#[derive(Debug)]
pub struct Thermometers {
    all: Vec<Heat>,
    /// The file of each that is nearest to the processor, with its name.
    near: Vec<(String, String)>,
}

impl Thermometers {
    /// Looks what there is. Of monitors only those are read whose name is known: reading a disk's can keep it from sleeping
    /// (Documentation/hwmon/drivetemp.rst).
    pub fn find(files: &mut Files) -> Self {
        let mut found = Vec::new();
        for zone in files.names("sys/class/thermal", "thermal_zone") {
            let folder = format!("sys/class/thermal/{zone}");
            let name = files.line(format!("{folder}/type")).unwrap_or(zone);
            found.push((rank(&name), name, format!("{folder}/temp")));
        }
        for monitor in files.names("sys/class/hwmon", "hwmon") {
            let folder = format!("sys/class/hwmon/{monitor}");
            let Some(name) = files.line(format!("{folder}/name")) else {
                continue;
            };
            let is_zone = |(_, zone, _): &(_, String, _)| zone.replace('-', "_") == name;
            let rank = rank(&name).filter(|rank| *rank < UNKNOWN);
            if rank.is_some() && !found.iter().any(is_zone) {
                found.push((rank, name, format!("{folder}/temp1_input")));
            }
        }
        let mut all = Vec::new();
        let mut near = Vec::new();
        let mut best = usize::MAX;
        for (rank, name, file) in found {
            let Some(celsius) = celsius(files, &file) else {
                continue;
            };
            let rank = rank.unwrap_or(usize::MAX);
            if rank < best {
                best = rank;
                near.clear();
            }
            if rank == best && rank <= UNKNOWN {
                near.push((celsius, name.clone(), file));
            }
            all.push(Heat { name, celsius });
        }
        // the hottest first
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        near.truncate(MOST_NEAR);
        let near = near.into_iter().map(|(_, name, file)| (name, file));
        Self {
            all,
            near: near.collect(),
        }
    }

    /// All that said something when they were looked for.
    pub fn all(&self) -> &[Heat] {
        &self.all
    }

    /// The name of what counts.
    pub fn nearest(&self) -> Option<String> {
        self.near.first().map(|(name, _)| name.clone())
    }

    /// The highest temperature near the processor, in °C.
    pub fn read(&self, files: &mut Files) -> Option<f32> {
        let near = self.near.iter();
        near.filter_map(|(_, file)| celsius(files, file))
            .max_by(f32::total_cmp)
    }
}

/// Thousandths of °C; kernels of some boards say whole ones.
fn celsius(files: &mut Files, file: &str) -> Option<f32> {
    let value: i32 = files.number(file)?;
    let value = if value.unsigned_abs() > 200 {
        value as f32 / 1000.0
    } else {
        value as f32
    };
    PLAUSIBLE.contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_known_machines_are_told_apart() {
        // names from the kernel's device trees and drivers; the better one first
        for (better, worse) in [
            ("cpu-thermal", "gpu-thermal"),
            ("cpu_thermal", "battery"),
            ("x86_pkg_temp", "acpitz"),
            ("coretemp", "iwlwifi_1"),
            ("k10temp", "nvme"),
            ("package-thermal", "bigcore0-thermal"),
            ("soc_thermal", "ddr_thermal"),
            ("cpu0-thermal", "gpu0-thermal"),
            ("cpuss0-thermal", "pm8150-thermal"),
            ("mtktscpu", "mtktsbattery"),
            ("CPU-therm", "GPU-therm"),
            ("acpitz", "INT3400 battery"),
            ("thermal_zone0", "wifi-thermal"),
        ] {
            let value = |name| rank(name).unwrap_or(usize::MAX);
            assert!(value(better) < value(worse), "{better} before {worse}");
        }
    }
}
