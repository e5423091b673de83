//! Owns: the answer of `GET /v4/system`, a route of our own.
//! Never knows: where the figures come from.

use alloc::{string::String, vec::Vec};
use serde::Serialize;

/// The machine and how it is doing. All keys are always there; `null` means that it does not tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct System {
    /// How long ago it was looked at, in milliseconds.
    pub age_ms: u64,
    /// What the machine is.
    pub machine: Machine,
    /// Processors.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
    /// What the control groups allow.
    pub group: Group,
    /// Heat.
    pub temperature: Temperature,
    /// Whether the processors are held back.
    pub throttling: Throttling,
    /// This process.
    pub process: Process,
    /// What was advised at the start.
    pub advice: Vec<Advice>,
    /// What was done about the quality of sound; null where nobody does anything.
    pub quality: Option<Quality>,
}

/// What the machine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The board or the computer, by its own name.
    pub board: Option<String>,
    /// What the device tree calls it.
    pub compatible: Vec<String>,
    /// Release of the kernel.
    pub kernel: Option<String>,
    /// What the node was built for.
    pub architecture: String,
    /// Bytes of a page of memory.
    pub page_bytes: Option<u64>,
    /// Kinds of processors.
    pub processors: Vec<Processor>,
    /// Processors that the node may use.
    pub usable_cores: u32,
    /// Whether there are NEON instructions; null also on what is not ARM.
    pub has_neon: Option<bool>,
}

/// Processors of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Processor {
    /// Its name.
    pub name: String,
    /// How many.
    pub count: u32,
}

/// Processors.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cpu {
    /// In use of what the node may use, in percent.
    pub used_percent: Option<f64>,
    /// In use of the whole machine, in percent.
    pub machine_percent: Option<f64>,
    /// Part of the last ten seconds in which something waited for a processor, in percent.
    pub pressure_percent: Option<f64>,
    /// Frequency of the fastest processor.
    pub current_mhz: Option<u32>,
    /// The highest that is allowed now.
    pub limit_mhz: Option<u32>,
    /// The highest that it can do.
    pub max_mhz: Option<u32>,
    /// What decides about the frequency.
    pub frequency_governor: Option<String>,
}

/// Memory.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Of the machine, or the smallest limit of the control groups where that is lower.
    pub total_bytes: Option<u64>,
    /// What can be had of it without swapping.
    pub available_bytes: Option<u64>,
    /// In use, in percent of the machine's or of the limit that is nearest to be reached.
    pub used_percent: Option<f64>,
    /// Part of the last ten seconds in which something waited for memory, in percent.
    pub pressure_percent: Option<f64>,
    /// The same, in which all that had work to do waited.
    pub pressure_full_percent: Option<f64>,
    /// Swap of the machine.
    pub swap_total_bytes: Option<u64>,
    /// Of it, what is free.
    pub swap_free_bytes: Option<u64>,
}

/// What the control groups allow; null where there is no limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Processors: the smallest quota.
    pub cores: Option<f64>,
    /// Periods in which a quota was used up, in percent.
    pub throttled_percent: Option<f64>,
    /// The smallest limit of memory.
    pub memory_limit_bytes: Option<u64>,
}

/// Heat.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Temperature {
    /// Near the processor, in °C.
    pub celsius: Option<f64>,
    /// The sensor that says so.
    pub sensor: Option<String>,
    /// All sensors, as they were at most a minute ago.
    pub sensors: Vec<Sensor>,
}

/// A sensor of heat.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensor {
    /// What it calls itself.
    pub name: String,
    /// In °C.
    pub celsius: f64,
}

/// Whether the processors are held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Throttling {
    /// By any of the next three.
    pub now: Option<bool>,
    /// It is too hot.
    pub heat: Option<bool>,
    /// The supply is too weak.
    pub power: Option<bool>,
    /// Something allows less than the highest frequency.
    pub limit: Option<bool>,
    /// Any of these has happened since the machine's start.
    pub has_happened: Option<bool>,
}

/// This process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Processor time, in percent of the whole machine.
    pub cpu_percent: Option<f64>,
    /// All that is in memory.
    pub resident_bytes: Option<u64>,
    /// Of it, heap and stacks.
    pub private_bytes: Option<u64>,
    /// What was swapped out.
    pub swapped_bytes: Option<u64>,
    /// The highest real-time priority that it may have; 0: none.
    pub realtime_priority: Option<u32>,
}

/// What could be better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What it is about.
    pub topic: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What was done about the quality of sound.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// What sound may cost.
    pub sound: Standing,
    /// What is kept in memory.
    pub memory: Standing,
}

/// A level of quality.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// 0 is what was configured.
    pub level: u8,
    /// The last one.
    pub last: u8,
    /// Why it was lowered; null at level 0.
    pub cause: Option<Excess>,
    /// For how long it has been in force, in milliseconds; null when it never changed.
    pub since_ms: Option<u64>,
    /// Steps since the start, down and up.
    pub changes: u64,
    /// Whether nothing new is taken on because of it.
    pub is_refusing: bool,
}

/// What there was too much of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Excess {
    /// `cpu`, `memory` or `temperature`.
    pub resource: &'static str,
    /// In percent or °C.
    pub reading: f64,
    /// What it should not exceed.
    pub threshold: f64,
}
