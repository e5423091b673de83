//! Owns: what `GET /v4/system` and the metrics tell of the machine.
//! Never knows: how it is watched.

use super::{
    answer::{Answer, Problem, json},
    app::App,
};
use crate::{
    governor::{
        Monitor, Unwatched,
        moment::{Report, Snapshot},
        quality::{self, Status},
    },
    protocol::system::{
        Advice, Cpu, Excess, Group, Machine, Memory, Process, Processor, Quality, Sensor, Standing,
        System, Temperature, Throttling,
    },
    stats::prometheus,
};
use http::StatusCode;
use std::time::Instant;

/// The route. It waits for the first look at the machine, which takes milliseconds.
///
/// # Errors
/// 501 where this build cannot watch, 404 where that is off, 503 where a sensor hangs, 500 where it has failed.
#[expect(clippy::disallowed_methods, reason = "the time of the answer")]
pub async fn show(app: &App) -> Result<Answer, Problem> {
    let monitor = app.monitor.as_ref().map_err(unwatched)?;
    let report = monitor.report().await.map_err(|why| unwatched(&why))?;
    let now = Instant::now();
    let quality = app
        .governor
        .as_ref()
        .map(|board| quality(&board.status(), now));
    Ok(json(&system(&report, now, quality)))
}

fn unwatched(why: &Unwatched) -> Problem {
    let status = match why {
        Unwatched::LeftOut => StatusCode::NOT_IMPLEMENTED,
        Unwatched::Off => StatusCode::NOT_FOUND,
        Unwatched::Silent => StatusCode::SERVICE_UNAVAILABLE,
        Unwatched::Thread(_) | Unwatched::Gone => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::told(status, why.to_string())
}

/// What scrapers are told, if the machine is watched.
pub fn figures(monitor: Option<&Monitor>) -> Option<prometheus::Machine> {
    let report = monitor?.latest()?;
    let Snapshot {
        memory,
        throttling,
        frequency,
        ..
    } = report.snapshot;
    let snapshot = &report.snapshot;
    // hundredths of a percent are more than exact
    let ratio = |percent: Option<f32>| Some((f64::from(percent?) * 100.0).round() / 1e4);
    Some(prometheus::Machine {
        cpu_ratio: ratio(snapshot.cpu_percent),
        cpu_pressure_ratio: ratio(snapshot.cpu_pressure),
        memory_ratio: ratio(snapshot.memory_percent),
        memory_available_bytes: memory.map(|memory| memory.available),
        memory_pressure_ratio: ratio(snapshot.memory_pressure),
        swap_free_bytes: memory.map(|memory| memory.swap_free),
        quota_throttled_ratio: ratio(snapshot.group.throttled_percent),
        temperature_celsius: snapshot.temperature.map(rounded),
        frequency_hertz: frequency.map(|it| u64::from(it.current) * 1_000_000),
        throttled: [
            ("heat", throttling.heat),
            ("power", throttling.power),
            ("limit", throttling.limit),
        ],
    })
}

/// Tenths are as exact as any of this is.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 10.0).round() / 10.0
}

fn system(report: &Report, now: Instant, quality: Option<Quality>) -> System {
    let Report {
        at,
        machine,
        snapshot,
        advice,
    } = report;
    let age = now.saturating_duration_since(*at).as_millis();
    let own = snapshot.own_memory;
    let advice = advice.iter().map(|it| Advice {
        topic: it.topic.label(),
        message: it.message.clone(),
    });
    System {
        age_ms: u64::try_from(age).unwrap_or(u64::MAX),
        machine: Machine {
            board: machine.board.clone(),
            compatible: machine.compatible.clone(),
            kernel: machine.kernel.clone(),
            architecture: machine.architecture.to_owned(),
            page_bytes: machine.page_bytes,
            processors: machine.processors.iter().map(processor).collect(),
            usable_cores: machine.usable_cores,
            has_neon: machine.has_neon,
        },
        cpu: cpu(snapshot),
        memory: memory(snapshot),
        group: Group {
            cores: snapshot.group.cores,
            throttled_percent: snapshot.group.throttled_percent.map(rounded),
            memory_limit_bytes: snapshot.group.memory_limit,
        },
        temperature: temperature(snapshot),
        throttling: Throttling {
            now: snapshot.throttling.is_on(),
            heat: snapshot.throttling.heat,
            power: snapshot.throttling.power,
            limit: snapshot.throttling.limit,
            has_happened: snapshot.throttling.has_happened,
        },
        process: Process {
            cpu_percent: snapshot.own_cpu_percent.map(rounded),
            resident_bytes: own.map(|own| own.resident),
            private_bytes: own.map(|own| own.private),
            swapped_bytes: own.map(|own| own.swapped),
            realtime_priority: machine.realtime_priority,
        },
        advice: advice.collect(),
        quality,
    }
}

fn quality(status: &Status, now: Instant) -> Quality {
    Quality {
        sound: standing(&status.sound, now),
        memory: standing(&status.memory, now),
    }
}

fn standing(it: &quality::Standing, now: Instant) -> Standing {
    let lowered = it.lowered.cpu + it.lowered.memory + it.lowered.temperature;
    Standing {
        level: it.level,
        last: it.last,
        cause: it.cause.map(|cause| Excess {
            resource: cause.resource.label(),
            reading: rounded(cause.reading),
            threshold: rounded(cause.threshold),
        }),
        since_ms: it.since.map(|since| {
            let passed = now.saturating_duration_since(since).as_millis();
            u64::try_from(passed).unwrap_or(u64::MAX)
        }),
        changes: lowered + it.raised,
        is_refusing: it.is_refusing(),
    }
}

fn processor(kind: &crate::governor::moment::Processor) -> Processor {
    Processor {
        name: kind.name.clone(),
        count: kind.count,
    }
}

fn cpu(snapshot: &Snapshot) -> Cpu {
    let frequency = snapshot.frequency;
    let governor = snapshot.surroundings.frequency_governor.as_ref();
    Cpu {
        used_percent: snapshot.cpu_percent.map(rounded),
        machine_percent: snapshot.machine_cpu_percent.map(rounded),
        pressure_percent: snapshot.cpu_pressure.map(rounded),
        current_mhz: frequency.map(|it| it.current),
        limit_mhz: frequency.map(|it| it.limit),
        max_mhz: frequency.map(|it| it.max),
        frequency_governor: governor.map(|it| it.name.clone()),
    }
}

fn memory(snapshot: &Snapshot) -> Memory {
    let memory = snapshot.memory;
    Memory {
        total_bytes: memory.map(|it| it.total),
        available_bytes: memory.map(|it| it.available),
        used_percent: snapshot.memory_percent.map(rounded),
        pressure_percent: snapshot.memory_pressure.map(rounded),
        pressure_full_percent: snapshot.memory_pressure_full.map(rounded),
        swap_total_bytes: memory.map(|it| it.swap_total),
        swap_free_bytes: memory.map(|it| it.swap_free),
    }
}

fn temperature(snapshot: &Snapshot) -> Temperature {
    let heat = snapshot.surroundings.heat.iter().map(|it| Sensor {
        name: it.name.clone(),
        celsius: rounded(it.celsius),
    });
    Temperature {
        celsius: snapshot.temperature.map(rounded),
        sensor: snapshot.surroundings.sensor.clone(),
        sensors: heat.collect(),
    }
}

#[cfg(test)]
#[path = "system_tests.rs"]
mod tests;
