//! Owns: what people are told at the start who could make a machine better for sound: pure, from what is known of it.
//! Never knows: where that was read, and who reads it.

use super::moment::{Machine, Snapshot};

/// Memory below which builds for small boards are there, in bytes. Boards that are sold with that much have less, since graphics
/// take a part.
const SMALL_MEMORY: u64 = 512 << 20;
/// Memory below which the smallest one is.
const SMALLEST_MEMORY: u64 = 256 << 20;
/// Memory up to which swap is worth having.
const WANTS_SWAP: u64 = 1 << 30;
/// Temperature from which it is hot, in °C: Raspberry Pi and Rockchip slow down at 80 to 85.
const HOT: f32 = 70.0;

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Little memory.
    Memory,
    /// No swap.
    Swap,
    /// Processors that stay slow.
    FrequencyGovernor,
    /// Heat.
    Temperature,
    /// Processors that are held back.
    Throttling,
    /// A processor without NEON.
    Neon,
    /// No real-time priority.
    Realtime,
}

impl Topic {
    /// Its name in logs and answers.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Swap => "swap",
            Self::FrequencyGovernor => "frequencyGovernor",
            Self::Temperature => "temperature",
            Self::Throttling => "throttling",
            Self::Neon => "neon",
            Self::Realtime => "realtime",
        }
    }
}

/// What is not as it could be, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What it is about.
    pub topic: Topic,
    /// One or two sentences.
    pub message: String,
}

/// What the node would like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The real-time priority that its sending threads ask for; 0: none.
    pub realtime_priority: u32,
    /// Whether this build has the numbers for little memory.
    pub is_for_low_memory: bool,
}

/// What to say of a machine at the start, the most important first; nothing of what is not known.
#[must_use]
pub fn advise(machine: &Machine, now: &Snapshot, wishes: Wishes) -> Vec<Advice> {
    [
        (Topic::Throttling, throttling(now)),
        (Topic::Temperature, temperature(now)),
        (Topic::Memory, memory(machine, now, wishes)),
        (Topic::Swap, swap(now)),
        (Topic::FrequencyGovernor, frequency_governor(now)),
        (Topic::Neon, neon(machine)),
        (Topic::Realtime, realtime(machine, wishes)),
    ]
    .into_iter()
    .filter_map(|(topic, message)| {
        let message = message?;
        Some(Advice { topic, message })
    })
    .collect()
}

fn throttling(now: &Snapshot) -> Option<String> {
    let throttling = now.throttling;
    if throttling.power == Some(true) {
        return Some(
            "the supply gives too little voltage, so that the processor is slowed down and cards and disks may fail: \
             use the supply that was made for the board, and a short cable"
                .to_owned(),
        );
    }
    if throttling.heat == Some(true) {
        return Some(
            "the processor is slowed down because it is hot: give it a heat sink, a fan or air"
                .to_owned(),
        );
    }
    let limited = now
        .frequency
        .filter(|it| throttling.limit == Some(true) && it.limit < it.max);
    let frequency = limited?;
    Some(format!(
        "the processor is held at {} of {} MHz: if nobody wants that, see scaling_max_freq in \
         /sys/devices/system/cpu/cpufreq and the board's configuration",
        frequency.limit, frequency.max
    ))
}

fn temperature(now: &Snapshot) -> Option<String> {
    let celsius = now.temperature.filter(|it| *it >= HOT)?;
    Some(format!(
        "it is {celsius:.0} °C near the processor, before any track plays: give it a heat sink, a fan or air; most boards slow \
         down at 80 to 85 °C"
    ))
}

fn memory(machine: &Machine, now: &Snapshot, wishes: Wishes) -> Option<String> {
    let total = now.memory?.total;
    if total >= SMALL_MEMORY || wishes.is_for_low_memory {
        return None;
    }
    let is_arm = matches!(machine.architecture, "arm" | "aarch64");
    let features = match is_arm {
        true if total < SMALLEST_MEMORY => "arm-embedded",
        true => "arm-iot (arm-tv-box with a sound card)",
        false => "low-memory",
    };
    let of = match now.group.memory_limit {
        Some(limit) if limit == total => "this process may use",
        _ => "the machine has",
    };
    Some(format!(
        "{of} {} MB of memory: use a build with the feature {features}, or set arm.profile to conservative",
        total >> 20
    ))
}

fn swap(now: &Snapshot) -> Option<String> {
    let memory = now.memory?;
    // a group's limit says nothing of the machine's need for swap
    let is_small = memory.total < WANTS_SWAP && now.group.memory_limit.is_none();
    (is_small && memory.swap_total == 0).then(|| {
        format!(
            "the machine has {} MB of memory and no swap, so that the kernel ends programs when it runs out: compressed memory \
             (zram; on Debian the package zram-tools) costs no disk",
            memory.total >> 20
        )
    })
}

fn frequency_governor(now: &Snapshot) -> Option<String> {
    let governor = now.surroundings.frequency_governor.as_ref();
    governor
        .filter(|governor| governor.is_slow)
        .map(|governor| {
            format!(
                "the processors stay at their lowest frequency ({}): echo schedutil | sudo tee \
             /sys/devices/system/cpu/cpufreq/policy*/scaling_governor (ondemand on old kernels)",
                governor.name
            )
        })
}

fn neon(machine: &Machine) -> Option<String> {
    (machine.has_neon == Some(false)).then(|| {
        "the processor has no NEON instructions, so that each player costs several times the work: set \
         lavalink.server.opusEncodingQuality to 0, and play Opus sources without filters where you can"
            .to_owned()
    })
}

fn realtime(machine: &Machine, wishes: Wishes) -> Option<String> {
    let wanted = wishes.realtime_priority;
    let permitted = machine.realtime_priority?;
    if permitted >= wanted {
        return None;
    }
    if machine.is_kept_from_realtime {
        return Some(
            "the control group gets no real-time, so that sound may be sent late while the machine is busy: give it some \
             (cpu.rt_runtime_us; in Docker --cpu-rt-runtime=95000), and those above it more; voice.realtime: false asks for none"
                .to_owned(),
        );
    }
    Some(format!(
        "real-time priority is not permitted, so that sound may be sent late while the machine is busy: in a systemd unit \
         LimitRTPRIO={wanted}, in Docker --ulimit rtprio={wanted}, else sudo setcap cap_sys_nice+ep on the program; \
         voice.realtime: false asks for none"
    ))
}

#[cfg(test)]
#[path = "advice_tests.rs"]
mod tests;
