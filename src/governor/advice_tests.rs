//! Owns: what is said of which machine.
//! Never knows: real machines.

use super::*;
use crate::governor::moment::{
    Frequency, FrequencyGovernor, Group, Memory, Surroundings, Throttling,
};

const MB: u64 = 1 << 20;

fn with_memory(total_mb: u64, swap_mb: u64) -> Snapshot {
    Snapshot {
        memory: Some(Memory {
            total: total_mb * MB,
            available: total_mb * MB / 2,
            swap_total: swap_mb * MB,
            swap_free: 0,
        }),
        ..Snapshot::default()
    }
}

fn limited(mut now: Snapshot) -> Snapshot {
    now.group = Group {
        memory_limit: now.memory.map(|memory| memory.total),
        ..Group::default()
    };
    now
}

fn throttled(throttling: Throttling) -> Snapshot {
    Snapshot {
        throttling,
        frequency: Some(Frequency {
            current: 600,
            limit: 1000,
            max: 1500,
        }),
        ..Snapshot::default()
    }
}

fn governed(name: &str, is_slow: bool) -> Snapshot {
    Snapshot {
        surroundings: std::sync::Arc::new(Surroundings {
            frequency_governor: Some(FrequencyGovernor {
                name: name.into(),
                is_slow,
            }),
            ..Surroundings::default()
        }),
        ..Snapshot::default()
    }
}

fn hot(celsius: f32) -> Snapshot {
    Snapshot {
        temperature: Some(celsius),
        ..Snapshot::default()
    }
}

#[test]
fn each_trouble_has_its_advice_and_what_is_well_has_none() {
    let [yes, no] = [Some(true), Some(false)];
    let all = |heat, power, limit| {
        throttled(Throttling {
            heat,
            power,
            limit,
            has_happened: None,
        })
    };
    // what is seen, what it is about, and what to do
    let table: &[(Snapshot, &[(Topic, &str)])] = &[
        (Snapshot::default(), &[]),
        (with_memory(4096, 0), &[]),
        (with_memory(900, 100), &[]),
        (with_memory(900, 0), &[(Topic::Swap, "zram")]),
        (
            with_memory(430, 0),
            &[(Topic::Memory, "arm-iot"), (Topic::Swap, "430 MB")],
        ),
        (
            with_memory(200, 64),
            &[(
                Topic::Memory,
                "the machine has 200 MB of memory: use a build with the feature arm-embedded",
            )],
        ),
        (
            limited(with_memory(256, 0)),
            &[(Topic::Memory, "this process may use 256 MB")],
        ),
        (hot(69.9), &[]),
        (hot(74.2), &[(Topic::Temperature, "74 °C")]),
        (all(no, no, no), &[]),
        (all(yes, yes, yes), &[(Topic::Throttling, "supply")]),
        (all(yes, no, yes), &[(Topic::Throttling, "heat sink")]),
        (all(no, no, yes), &[(Topic::Throttling, "1000 of 1500 MHz")]),
        (governed("schedutil", false), &[]),
        (
            governed("powersave", true),
            &[(Topic::FrequencyGovernor, "scaling_governor")],
        ),
    ];
    for (now, wanted) in table {
        let board = Machine {
            architecture: "arm",
            ..Machine::default()
        };
        let found = advise(&board, now, Wishes::default());
        let topics: Vec<Topic> = found.iter().map(|it| it.topic).collect();
        let wanted_topics: Vec<Topic> = wanted.iter().map(|it| it.0).collect();
        assert_eq!(topics, wanted_topics, "{now:?}");
        for (advice, (_, words)) in found.iter().zip(*wanted) {
            assert!(advice.message.contains(words), "{}", advice.message);
        }
    }
}

#[test]
fn machines_without_neon_or_real_time_are_told() {
    let wishes = Wishes {
        realtime_priority: 5,
        ..Wishes::default()
    };
    for (has_neon, permitted, wanted) in [
        (None, None, vec![]),
        (Some(true), Some(5), vec![]),
        (Some(false), Some(99), vec![Topic::Neon]),
        (Some(true), Some(0), vec![Topic::Realtime]),
        (Some(true), Some(4), vec![Topic::Realtime]),
    ] {
        let machine = Machine {
            has_neon,
            realtime_priority: permitted,
            ..Machine::default()
        };
        let found = advise(&machine, &Snapshot::default(), wishes);
        let topics: Vec<Topic> = found.iter().map(|it| it.topic).collect();
        assert_eq!(topics, wanted);
        let calm = advise(&machine, &Snapshot::default(), Wishes::default());
        assert!(
            calm.iter().all(|it| it.topic != Topic::Realtime),
            "nobody asked for it"
        );
        if let Some(realtime) = found.iter().find(|it| it.topic == Topic::Realtime) {
            assert!(realtime.message.contains("LimitRTPRIO=5"), "{realtime:?}");
        }
    }
}

#[test]
fn a_group_without_real_time_is_told_apart() {
    let wishes = Wishes {
        realtime_priority: 5,
        ..Wishes::default()
    };
    let machine = Machine {
        realtime_priority: Some(0),
        is_kept_from_realtime: true,
        ..Machine::default()
    };
    let found = advise(&machine, &Snapshot::default(), wishes);
    assert!(found[0].message.contains("cpu.rt_runtime_us"), "{found:?}");
}

#[test]
fn bundles_for_arm_are_recommended_there_only() {
    let container = Machine {
        architecture: "x86_64",
        ..Machine::default()
    };
    let found = advise(&container, &limited(with_memory(256, 0)), Wishes::default());
    assert!(
        found[0].message.contains("the feature low-memory"),
        "{found:?}"
    );
}

#[test]
fn a_build_for_little_memory_is_not_recommended_to_itself() {
    let wishes = Wishes {
        is_for_low_memory: true,
        ..Wishes::default()
    };
    let found = advise(&Machine::default(), &with_memory(430, 64), wishes);
    assert_eq!(found, []);
}
