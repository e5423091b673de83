//! Owns: what the answer about the machine looks like.
//! Never knows: any machine.
#![expect(clippy::disallowed_methods, reason = "tests begin at any moment")]

use super::*;
use crate::governor::{advice, moment};
use serde_json::json;
use std::{io, sync::Arc, time::Duration};

fn board() -> Report {
    let machine = moment::Machine {
        board: Some("Raspberry Pi 4 Model B Rev 1.4".into()),
        compatible: vec!["raspberrypi,4-model-b".into()],
        kernel: Some("6.12.25".into()),
        architecture: "aarch64",
        page_bytes: Some(4096),
        processors: vec![moment::Processor {
            name: "Cortex-A72".into(),
            count: 4,
        }],
        usable_cores: 4,
        has_neon: Some(true),
        realtime_priority: Some(0),
        is_kept_from_realtime: false,
    };
    let surroundings = moment::Surroundings {
        heat: vec![moment::Heat {
            name: "cpu-thermal".into(),
            celsius: 48.312,
        }],
        sensor: Some("cpu-thermal".into()),
        frequency_governor: Some(moment::FrequencyGovernor {
            name: "ondemand".into(),
            is_slow: false,
        }),
    };
    let snapshot = Snapshot {
        cpu_percent: Some(90.04),
        machine_cpu_percent: Some(22.5),
        own_cpu_percent: Some(3.333),
        cpu_pressure: Some(1.5),
        memory: Some(moment::Memory {
            total: 1000,
            available: 400,
            swap_total: 64,
            swap_free: 60,
        }),
        memory_percent: Some(60.0),
        memory_pressure: Some(0.1),
        memory_pressure_full: Some(0.0),
        own_memory: Some(moment::OwnMemory {
            resident: 9,
            private: 4,
            swapped: 0,
        }),
        group: moment::Group {
            cores: Some(0.5),
            throttled_percent: Some(50.0),
            memory_limit: Some(1000),
        },
        temperature: Some(48.312),
        frequency: Some(moment::Frequency {
            current: 600,
            limit: 1500,
            max: 1800,
        }),
        throttling: moment::Throttling {
            power: Some(true),
            limit: Some(true),
            ..moment::Throttling::default()
        },
        surroundings: Arc::new(surroundings),
    };
    let advice = [advice::Advice {
        topic: advice::Topic::Throttling,
        message: "do something".into(),
    }];
    Report {
        at: Instant::now(),
        machine: Arc::new(machine),
        snapshot,
        advice: advice.into(),
    }
}

#[test]
fn the_shape_is_the_documented_one() {
    let report = board();
    let shown = system(&report, report.at + Duration::from_millis(250), None);
    let wanted = json!({
        "ageMs": 250,
        "machine": {
            "board": "Raspberry Pi 4 Model B Rev 1.4",
            "compatible": ["raspberrypi,4-model-b"],
            "kernel": "6.12.25",
            "architecture": "aarch64",
            "pageBytes": 4096,
            "processors": [{ "name": "Cortex-A72", "count": 4 }],
            "usableCores": 4,
            "hasNeon": true,
        },
        "cpu": {
            "usedPercent": 90.0,
            "machinePercent": 22.5,
            "pressurePercent": 1.5,
            "currentMhz": 600,
            "limitMhz": 1500,
            "maxMhz": 1800,
            "frequencyGovernor": "ondemand",
        },
        "memory": {
            "totalBytes": 1000,
            "availableBytes": 400,
            "usedPercent": 60.0,
            "pressurePercent": 0.1,
            "pressureFullPercent": 0.0,
            "swapTotalBytes": 64,
            "swapFreeBytes": 60,
        },
        "group": { "cores": 0.5, "throttledPercent": 50.0, "memoryLimitBytes": 1000 },
        "temperature": {
            "celsius": 48.3,
            "sensor": "cpu-thermal",
            "sensors": [{ "name": "cpu-thermal", "celsius": 48.3 }],
        },
        "throttling": { "now": true, "heat": null, "power": true, "limit": true, "hasHappened": null },
        "process": {
            "cpuPercent": 3.3,
            "residentBytes": 9,
            "privateBytes": 4,
            "swappedBytes": 0,
            "realtimePriority": 0,
        },
        "advice": [{ "topic": "throttling", "message": "do something" }],
        "quality": null,
    });
    assert_eq!(serde_json::to_value(shown).expect("JSON"), wanted);
}

#[test]
fn what_is_not_known_is_null_and_every_key_is_there() {
    let silent = Report {
        at: Instant::now(),
        machine: Arc::default(),
        snapshot: Snapshot::default(),
        advice: Arc::new([]),
    };
    let [silent, board] = [silent, board()].map(|report| {
        let shown = system(&report, report.at, None);
        serde_json::to_value(shown).expect("JSON")
    });
    for (name, part) in board.as_object().expect("an object") {
        let Some(part) = part.as_object() else {
            continue;
        };
        let keys: Vec<&String> = part.keys().collect();
        let silent_keys: Vec<&String> = silent[name].as_object().expect("too").keys().collect();
        assert_eq!(keys, silent_keys);
    }
    assert!(silent["cpu"]["usedPercent"].is_null() && silent["machine"]["board"].is_null());
}

#[test]
fn who_does_not_watch_says_why() {
    for (why, status, words) in [
        (Unwatched::LeftOut, 501, "resource-monitoring"),
        (Unwatched::Off, 404, "arm.resources.monitoring"),
        (
            Unwatched::Thread(io::ErrorKind::OutOfMemory.into()),
            500,
            "no thread",
        ),
        (Unwatched::Silent, 503, "does not answer"),
        (Unwatched::Gone, 500, "any more"),
    ] {
        let Problem::Told {
            status: told,
            message,
            ..
        } = unwatched(&why)
        else {
            panic!("it says something")
        };
        assert_eq!(told.as_u16(), status);
        assert!(message.contains(words), "{message}");
    }
}
