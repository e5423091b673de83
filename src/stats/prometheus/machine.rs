//! Owns: the metrics of the machine.
//! Never knows: how it is watched.

use super::Page;

/// How the machine is doing; `None` where it does not tell. Ratios are 0–1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Machine {
    /// Processor time in use of what the node may use.
    pub cpu_ratio: Option<f64>,
    /// Part of the last ten seconds in which something waited for a processor.
    pub cpu_pressure_ratio: Option<f64>,
    /// Memory in use of what the node may use.
    pub memory_ratio: Option<f64>,
    /// Memory that can be had.
    pub memory_available_bytes: Option<u64>,
    /// Part of the last ten seconds in which something waited for memory.
    pub memory_pressure_ratio: Option<f64>,
    /// Swap that is free.
    pub swap_free_bytes: Option<u64>,
    /// Periods in which a quota of processor time was used up.
    pub quota_throttled_ratio: Option<f64>,
    /// Near the processor.
    pub temperature_celsius: Option<f64>,
    /// Of the fastest processor.
    pub frequency_hertz: Option<u64>,
    /// Whether processors are held back, with the reason as a label's value.
    pub throttled: [(&'static str, Option<bool>); 3],
}

pub(super) fn machine(page: &mut Page<impl Fn(&str) -> bool>, machine: Option<&Machine>) {
    let Some(machine) = machine else {
        return;
    };
    for (name, help, ratio) in [
        (
            "lavalink_rust_machine_cpu_ratio",
            "Processor time in use of what the node may use, 0 to 1.",
            machine.cpu_ratio,
        ),
        (
            "lavalink_rust_machine_cpu_pressure_ratio",
            "Part of the last ten seconds in which something waited for a processor.",
            machine.cpu_pressure_ratio,
        ),
        (
            "lavalink_rust_machine_memory_ratio",
            "Memory in use of what the node may use, 0 to 1.",
            machine.memory_ratio,
        ),
        (
            "lavalink_rust_machine_memory_pressure_ratio",
            "Part of the last ten seconds in which something waited for memory.",
            machine.memory_pressure_ratio,
        ),
        (
            "lavalink_rust_machine_quota_throttled_ratio",
            "Periods in which a control group's quota of processor time was used up.",
            machine.quota_throttled_ratio,
        ),
        (
            "lavalink_rust_machine_temperature_celsius",
            "Temperature near the processor.",
            machine.temperature_celsius,
        ),
    ] {
        page.gauge(name, help, ratio);
    }
    for (name, help, number) in [
        (
            "lavalink_rust_machine_memory_available_bytes",
            "Memory that can be had without swapping.",
            machine.memory_available_bytes,
        ),
        (
            "lavalink_rust_machine_swap_free_bytes",
            "Swap that is free.",
            machine.swap_free_bytes,
        ),
        (
            "lavalink_rust_machine_frequency_hertz",
            "Frequency of the fastest processor.",
            machine.frequency_hertz,
        ),
    ] {
        page.gauge(name, help, number);
    }
    let throttled = machine.throttled.iter();
    let throttled: Vec<(String, u64)> = throttled
        .filter_map(|(reason, is_so)| Some((format!("reason=\"{reason}\""), u64::from((*is_so)?))))
        .collect();
    if !throttled.is_empty() {
        page.gauges(
            "lavalink_rust_machine_throttled",
            "Whether the processors are held back.",
            throttled.into_iter(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(it: Option<&Machine>) -> String {
        let mut page = Page {
            text: String::new(),
            is_wanted: |_: &str| true,
        };
        machine(&mut page, it);
        page.text
    }

    #[test]
    fn only_what_is_known_has_series() {
        assert_eq!(render(None), "");
        assert_eq!(render(Some(&Machine::default())), "");
        let hot = Machine {
            temperature_celsius: Some(71.5),
            throttled: [
                ("heat", Some(true)),
                ("power", Some(false)),
                ("limit", None),
            ],
            ..Machine::default()
        };
        let text = render(Some(&hot));
        let samples: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "lavalink_rust_machine_temperature_celsius 71.5",
                "lavalink_rust_machine_throttled{reason=\"heat\"} 1",
                "lavalink_rust_machine_throttled{reason=\"power\"} 0",
            ]
        );
    }
}
