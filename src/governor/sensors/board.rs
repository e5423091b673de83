//! Owns: finding out what a machine is: board, kernel, processors, what this process may do.
//! Never knows: how it is doing.
//!
//! No serial number is read.

use super::parts;
use crate::{
    governor::moment::{Machine, Processor},
    stats::{
        files::{Files, shown},
        group::Groups,
        proc,
    },
};

/// Enough for `/proc/cpuinfo` of the largest machines, which has 1.5 KB for each processor.
const LONGEST_CPUINFO: u64 = 1 << 20;
/// The most kinds of processors, and names of a board, that are told.
const MOST: usize = 8;
/// Keys of `/proc/self/auxv` (getauxval(3)).
const AT_PAGESZ: usize = 6;
const AT_HWCAP: usize = 16;
/// `HWCAP_NEON` of 32-bit ARM (the kernel's arch/arm/include/uapi/asm/hwcap.h).
const HWCAP_NEON: usize = 1 << 12;
/// capabilities(7)
const CAP_SYS_NICE: u32 = 23;
/// The highest real-time priority (sched(7)).
const HIGHEST_PRIORITY: u32 = 99;
/// What makers of PCs leave in the place of a name.
const NO_NAMES: &[&str] = &[
    "to be filled by o.e.m.",
    "default string",
    "system product name",
    "system manufacturer",
    "not specified",
];

/// What a machine with this architecture is.
pub fn machine(files: &mut Files, architecture: &'static str) -> Machine {
    let auxv = files.bytes("proc/self/auxv", 4096).unwrap_or_default();
    let (page_bytes, hwcap) = (entry(auxv, AT_PAGESZ), entry(auxv, AT_HWCAP));
    let cpuinfo = files.up_to("proc/cpuinfo", LONGEST_CPUINFO);
    let processors = processors(cpuinfo.unwrap_or_default());
    let is_kept_from_realtime = Groups::find(files).is_kept_from_realtime(files);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Machine {
        board: board(files),
        compatible: compatible(files),
        kernel: files.line("proc/sys/kernel/osrelease"),
        architecture,
        page_bytes: page_bytes.and_then(|it| u64::try_from(it).ok()),
        processors,
        usable_cores: u32::try_from(cores).unwrap_or(u32::MAX),
        has_neon: has_neon(architecture, hwcap),
        realtime_priority: if is_kept_from_realtime {
            Some(0)
        } else {
            realtime_priority(files)
        },
        is_kept_from_realtime,
    }
}

/// 64-bit ARM always has it.
fn has_neon(architecture: &str, hwcap: Option<usize>) -> Option<bool> {
    match architecture {
        "aarch64" => Some(true),
        "arm" => hwcap.map(|bits| bits & HWCAP_NEON != 0),
        _ => None,
    }
}

/// A value of the auxiliary vector: pairs of words of this machine.
fn entry(auxv: &[u8], key: usize) -> Option<usize> {
    let words = auxv.as_chunks::<{ size_of::<usize>() }>().0.iter();
    let words: Vec<usize> = words.map(|word| usize::from_ne_bytes(*word)).collect();
    let pairs = words.as_chunks::<2>().0;
    let found = pairs.iter().find(|[this, _]| *this == key);
    found.map(|[_, value]| *value)
}

/// `model` of a device tree, else what the firmware of a PC says.
fn board(files: &mut Files) -> Option<String> {
    if let Some(model) = files.line("proc/device-tree/model") {
        return Some(model);
    }
    let words = ["sys_vendor", "product_name"].map(|name| {
        let text = files.line(format!("sys/class/dmi/id/{name}"))?;
        (!NO_NAMES.contains(&text.to_ascii_lowercase().as_str())).then_some(text)
    });
    let words: Vec<String> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Texts that end with a zero each.
fn compatible(files: &mut Files) -> Vec<String> {
    let text = files.text("proc/device-tree/compatible");
    let names = text.unwrap_or_default().split('\0').filter_map(shown);
    names.take(MOST).collect()
}

/// Kinds in the order in which they appear. ARM has numbers, others a name.
fn processors(cpuinfo: &str) -> Vec<Processor> {
    let hex = |text: &str| u32::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    let mut all: Vec<Processor> = Vec::new();
    let mut designer = None;
    // 32-bit ARM has both: "ARMv7 Processor rev 4 (v7l)" says less than the numbers
    let is_arm = cpuinfo
        .lines()
        .any(|line| line.starts_with("CPU implementer"));
    for line in cpuinfo.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        let name = match key.trim() {
            "CPU implementer" => {
                designer = hex(value);
                continue;
            }
            "CPU part" => designer.zip(hex(value)).map(|it| parts::name(it.0, it.1)),
            "model name" if !is_arm => shown(value),
            _ => continue,
        };
        let Some(name) = name else { continue };
        match all.iter().position(|kind| kind.name == name) {
            Some(at) => all[at].count += 1,
            None if all.len() < MOST => all.push(Processor { name, count: 1 }),
            None => {}
        }
    }
    all
}

/// The highest that threads of this process may ask for: any with the capability, else up to a limit.
fn realtime_priority(files: &mut Files) -> Option<u32> {
    let status = files.text("proc/self/status");
    if status.and_then(|it| proc::has_capability(it, CAP_SYS_NICE)) == Some(true) {
        return Some(HIGHEST_PRIORITY);
    }
    let limits = files.text("proc/self/limits")?;
    let is_unlimited = || {
        limits
            .lines()
            .any(|it| it.starts_with("Max realtime priority") && it.contains("unlimited"))
    };
    match proc::soft_limit(limits, "Max realtime priority") {
        Some(limit) => u32::try_from(limit).ok(),
        None => is_unlimited().then_some(HIGHEST_PRIORITY),
    }
}
