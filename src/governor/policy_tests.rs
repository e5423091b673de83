//! Owns: what the policy is held to: traces of sensors, some of which answer to what it does.
//! Never knows: real sensors.
#![expect(clippy::disallowed_methods, reason = "tests begin at any moment")]

use super::*;

const LAST: u8 = 4;

/// A policy for all three, and a clock that goes on by a second with each reading.
struct Run {
    policy: Policy,
    began: Instant,
    second: u64,
    changes: Vec<(u64, Change)>,
}

impl Run {
    fn new() -> Self {
        let thresholds = Each {
            cpu: Some(80.0),
            memory: Some(85.0),
            temperature: Some(70.0),
        };
        Self {
            policy: Policy::new(thresholds, Pace::default(), LAST),
            began: Instant::now(),
            second: 0,
            changes: Vec::new(),
        }
    }

    fn read(&mut self, readings: Readings) {
        let now = self.began + Duration::from_secs(self.second);
        if let Some(change) = self.policy.read(now, readings) {
            self.changes.push((self.second, change));
        }
        self.second += 1;
    }

    fn cpu(&mut self, percent: f32, seconds: u64) {
        for _ in 0..seconds {
            self.read(Readings {
                cpu: Some(percent),
                ..Readings::default()
            });
        }
    }

    fn level(&self) -> u8 {
        self.policy.level()
    }
}

#[test]
fn a_hog_is_answered_within_seconds_and_forgiven_after_minutes() {
    let mut run = Run::new();
    run.cpu(30.0, 60);
    assert_eq!(run.changes, []);
    run.cpu(95.0, 40);
    assert_eq!(run.level(), LAST);
    let (first, change) = run.changes[0];
    assert!((60..=66).contains(&first), "{first}");
    let wanted = Change {
        from: 0,
        to: 1,
        cause: Some(Excess {
            resource: Resource::Cpu,
            reading: 95.0,
            threshold: 80.0,
        }),
    };
    assert_eq!(change, wanted);
    let end = run.second;
    run.cpu(30.0, 600);
    assert_eq!(run.level(), 0);
    let ups: Vec<u64> = run.changes[4..].iter().map(|(at, _)| *at).collect();
    assert_eq!(ups.len(), 4);
    assert!(ups[0] >= end + 60, "{ups:?} after {end}");
    assert!(ups.windows(2).all(|two| two[1] - two[0] >= 60), "{ups:?}");
    assert!(
        run.changes[4..]
            .iter()
            .all(|(_, change)| change.cause.is_none())
    );
}

#[test]
fn a_moment_of_work_changes_nothing() {
    let mut run = Run::new();
    for _ in 0..60 {
        run.cpu(30.0, 8);
        run.cpu(100.0, 2);
    }
    assert_eq!(run.changes, []);
}

#[test]
fn between_calm_and_too_much_the_level_stays() {
    let mut run = Run::new();
    run.cpu(90.0, 10);
    let level = run.level();
    assert!(level > 0);
    run.cpu(70.0, 3600);
    assert_eq!(run.level(), level);
}

#[test]
fn steps_up_that_fail_become_rare() {
    // a node that needs 90 % at its best and 55 % one step below
    let mut run = Run::new();
    for _ in 0..4 * 3600 {
        let percent = if run.level() == 0 { 90.0 } else { 55.0 };
        run.cpu(percent, 1);
    }
    let ups = run
        .changes
        .iter()
        .filter(|(_, change)| change.cause.is_none());
    let ups: Vec<u64> = ups.map(|(at, _)| *at).collect();
    // 1 + 2 + 4 + 8 minutes, then each 16
    assert!((4..=20).contains(&ups.len()), "{ups:?}");
    let waits: Vec<u64> = ups.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(
        waits.iter().rev().take(5).all(|wait| *wait >= 16 * 60),
        "{waits:?}"
    );
    assert!(run.changes.iter().all(|(_, change)| change.to <= 1));
}

#[test]
fn after_a_failed_step_up_and_a_long_good_time_the_wait_is_short_again() {
    let mut run = Run::new();
    run.cpu(95.0, 10);
    run.cpu(30.0, 62);
    run.cpu(95.0, 10);
    run.cpu(30.0, 3600);
    assert_eq!(run.level(), 0);
    let before = run.changes.len();
    run.cpu(95.0, 6);
    assert_eq!((run.changes.len() - before, run.level()), (1, 1));
    run.cpu(30.0, 75);
    assert_eq!(run.level(), 0);
}

#[test]
fn a_hot_afternoon_is_survived_below_the_limit_without_swinging() {
    // a box that warms up by what it does: 45 °C above the air at its best, 15 °C less at the last level; it takes minutes
    let mut run = Run::new();
    let (mut box_is, mut hottest) = (50.0f32, 0.0f32);
    let hours = 8 * 3600;
    for second in 0..hours {
        let day = std::f32::consts::PI * second as f32 / hours as f32;
        let air = 20.0 + 12.0 * day.sin();
        let aim = air + 45.0 - 4.0 * f32::from(run.level());
        box_is += (aim - box_is) / 180.0;
        hottest = hottest.max(box_is);
        run.read(Readings {
            temperature: Some((box_is * 10.0).round() / 10.0),
            ..Readings::default()
        });
    }
    assert!(hottest < 73.0, "{hottest}");
    assert_eq!(run.level(), 0, "{:?}", run.changes);
    assert!((2..=24).contains(&run.changes.len()), "{:?}", run.changes);
}

#[test]
fn a_leak_leads_to_the_last_level_step_by_step_and_stays_there() {
    let mut run = Run::new();
    for second in 0..2000 {
        run.read(Readings {
            memory: Some((40.0 + 0.03 * second as f32).min(99.0)),
            ..Readings::default()
        });
    }
    assert!(run.policy.is_last());
    let levels: Vec<u8> = run.changes.iter().map(|(_, change)| change.to).collect();
    assert_eq!(levels, [1, 2, 3, 4]);
    let gaps = run.changes.windows(2).map(|two| two[1].0 - two[0].0);
    assert!(gaps.into_iter().all(|gap| gap >= 5));
}

#[test]
fn a_sensor_that_flaps_moves_nothing() {
    let mut run = Run::new();
    for second in 0u64..3600 {
        let temperature = match second % 5 {
            0 => Some(127.0),
            1 => None,
            2 => Some(f32::NAN),
            3 => Some(-40.0),
            _ => Some(45.0),
        };
        run.read(Readings {
            temperature,
            ..Readings::default()
        });
    }
    assert_eq!(run.changes, []);
}

#[test]
fn without_sensors_nothing_happens_and_one_that_goes_away_is_forgotten() {
    let mut run = Run::new();
    for _ in 0..100 {
        run.read(Readings::default());
    }
    assert_eq!(run.changes, []);
    run.cpu(95.0, 4);
    for _ in 0..1000 {
        run.read(Readings::default());
    }
    assert_eq!(run.level(), 0, "{:?}", run.changes);
}

#[test]
fn what_has_no_threshold_is_not_watched() {
    let mut policy = Policy::new(Each::default(), Pace::default(), LAST);
    let began = Instant::now();
    let all = Each {
        cpu: Some(100.0),
        memory: Some(100.0),
        temperature: Some(120.0),
    };
    for second in 0..100 {
        let now = began + Duration::from_secs(second);
        assert_eq!(policy.read(now, all), None);
    }
}
