//! Owns: what can be told of a machine: what it is, and how it is doing at a moment. `None` wherever it does not tell.
//! Never knows: where that is read, and what follows from it.

use super::policy::Readings;
use std::{sync::Arc, time::Instant};

/// What a machine is: nothing here changes while the node runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// The board or the computer, by its own name.
    pub board: Option<String>,
    /// What the device tree calls it, the exact name first: `raspberrypi,4-model-b`, `brcm,bcm2711`.
    pub compatible: Vec<String>,
    /// Release of the kernel.
    pub kernel: Option<String>,
    /// What this program was built for: `aarch64`, `arm`, `x86_64`.
    pub architecture: &'static str,
    /// Bytes of a page of memory.
    pub page_bytes: Option<u64>,
    /// Kinds of processors.
    pub processors: Vec<Processor>,
    /// Processors that this process may use.
    pub usable_cores: u32,
    /// Whether there are NEON instructions; `None` also on what is not ARM.
    pub has_neon: Option<bool>,
    /// The highest real-time priority that threads of this process may have; 0: none.
    pub realtime_priority: Option<u32>,
    /// Whether it is the control group that permits none, whatever else would.
    pub is_kept_from_realtime: bool,
}

/// Processors of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    /// Its name: `Cortex-A72`.
    pub name: String,
    /// How many.
    pub count: u32,
}

/// What changes slowly, or takes long to read: looked at now and then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surroundings {
    /// Sensors of heat, as they were then.
    pub heat: Vec<Heat>,
    /// Name of the sensor whose temperature counts.
    pub sensor: Option<String>,
    /// What decides about the processors' frequency (cpufreq's governor), and whether it keeps to the lowest.
    pub frequency_governor: Option<FrequencyGovernor>,
}

/// One sensor of heat.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// What it calls itself.
    pub name: String,
    /// In °C.
    pub celsius: f32,
}

/// What decides about the processors' frequency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrequencyGovernor {
    /// Its name: `schedutil`, `ondemand`, `performance`, `powersave`.
    pub name: String,
    /// Whether it keeps to the lowest. The drivers of some processors give that name to what goes as fast as is needed.
    pub is_slow: bool,
}

/// Memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Of the machine, or the smallest limit of the control groups where that is lower.
    pub total: u64,
    /// What can be had of it without swapping.
    pub available: u64,
    /// Swap of the machine.
    pub swap_total: u64,
    /// Of it, what is free.
    pub swap_free: u64,
}

/// What the control groups allow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Group {
    /// Processors: the smallest quota.
    pub cores: Option<f64>,
    /// Periods since the moment before in which a quota was used up, in percent.
    pub throttled_percent: Option<f32>,
    /// The smallest limit of memory, in bytes.
    pub memory_limit: Option<u64>,
}

/// Memory of this process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnMemory {
    /// All that is in memory.
    pub resident: u64,
    /// Heap and stacks.
    pub private: u64,
    /// What was swapped out.
    pub swapped: u64,
}

/// Frequencies of the fastest processor, in MHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frequency {
    /// Now.
    pub current: u32,
    /// The highest that is allowed now.
    pub limit: u32,
    /// The highest that it can do.
    pub max: u32,
}

/// Whether the machine holds its processors back, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttling {
    /// It is too hot.
    pub heat: Option<bool>,
    /// The supply gives too little voltage.
    pub power: Option<bool>,
    /// Something allows less than the highest frequency.
    pub limit: Option<bool>,
    /// Any of these has happened since the start of the machine.
    pub has_happened: Option<bool>,
}

impl Throttling {
    /// Whether it is held back now, whatever the reason.
    #[must_use]
    pub fn is_on(self) -> Option<bool> {
        [self.heat, self.power, self.limit]
            .into_iter()
            .flatten()
            .reduce(|any, one| any || one)
    }
}

/// A moment of the machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Processor time in use, in percent of what this node may use: of the machine, or of the tightest quota of its control
    /// groups where that is more. Since the moment before, as the next two.
    pub cpu_percent: Option<f32>,
    /// In percent of the whole machine.
    pub machine_cpu_percent: Option<f32>,
    /// By this process, in percent of the whole machine.
    pub own_cpu_percent: Option<f32>,
    /// Share of the last ten seconds in which something waited for a processor, in percent (PSI).
    pub cpu_pressure: Option<f32>,
    /// Memory.
    pub memory: Option<Memory>,
    /// Memory in use, in percent of the machine's or of the limit that is nearest to be reached.
    pub memory_percent: Option<f32>,
    /// Share of the last ten seconds in which something waited for memory, in percent (PSI).
    pub memory_pressure: Option<f32>,
    /// The same, in which all that had work to do waited for it.
    pub memory_pressure_full: Option<f32>,
    /// Of this process.
    pub own_memory: Option<OwnMemory>,
    /// What the control groups allow.
    pub group: Group,
    /// Temperature near the processor, in °C.
    pub temperature: Option<f32>,
    /// Frequencies.
    pub frequency: Option<Frequency>,
    /// Whether processors are held back.
    pub throttling: Throttling,
    /// What is looked at now and then.
    pub surroundings: Arc<Surroundings>,
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

/// All that is told at a moment.
#[derive(Clone, Debug)]
pub struct Report {
    /// When.
    pub at: Instant,
    /// What the machine is.
    pub machine: Arc<Machine>,
    /// How it is doing.
    pub snapshot: Snapshot,
    /// What was advised at the start.
    pub advice: Arc<[super::advice::Advice]>,
}
