//! Owns: what the levels are held to: machines whose load depends on the level, and what a machine showed while it was busy.
//! Never knows: real sensors.
#![expect(clippy::disallowed_methods, reason = "tests begin at any moment")]

use super::*;
use crate::governor::policy::Resource;
use std::time::Duration;

/// A governor, and a clock that goes on by a second with each reading.
struct Run {
    governor: Governor,
    began: Instant,
    second: u64,
    steps: Vec<(u64, Step)>,
}

impl Run {
    fn new() -> Self {
        Self {
            governor: Governor::new(&Rules::default()),
            began: Instant::now(),
            second: 0,
            steps: Vec::new(),
        }
    }

    fn read(&mut self, readings: Readings) {
        let now = self.began + Duration::from_secs(self.second);
        let steps = self.governor.read(now, readings);
        self.steps.extend(steps.map(|step| (self.second, step)));
        self.second += 1;
    }

    fn level(&self, ladder: Ladder) -> u8 {
        self.governor.status().of(ladder).level
    }

    fn steps_of(&self, ladder: Ladder) -> Vec<u8> {
        let steps = self.steps.iter().filter(|(_, step)| step.ladder == ladder);
        steps.map(|(_, step)| step.change.to).collect()
    }
}

/// What a track costs at each level of the sound ladder, against level 0: instructions of mp3 to Opus, counted with
/// valgrind (`--tool=callgrind`, 20 s of music, x86-64); from level 4 on reckoned.
const COST: [f32; 6] = [1.0, 0.71, 0.48, 0.44, 0.42, 0.42];

#[test]
fn a_loop_that_answers_settles_and_comes_back() {
    // players that need 150 % of a machine at their best, from the second minute on for an hour; a sensor's average of 3 s
    let mut run = Run::new();
    let (mut shown, mut late) = (20.0f32, 0);
    for second in 0..3 * 3600 {
        let is_busy = (120..3720).contains(&second);
        let need = if is_busy { 150.0 } else { 20.0 };
        let load = (need * COST[usize::from(run.level(Ladder::Sound))]).min(100.0);
        late += u32::from(load >= 100.0);
        shown += (load - shown) / 3.0;
        run.read(Readings {
            cpu: Some(shown),
            ..Readings::default()
        });
        if (1200..3720).contains(&second) {
            assert!(run.level(Ladder::Sound) >= 1, "too dear at second {second}");
        }
    }
    assert_eq!(run.level(Ladder::Sound), 0, "{:?}", run.steps);
    // level 2 needs 72 %, which is neither too much nor calm; what the sensor still shows of level 1 may cost one step more
    let is_settled = |at: &u64| !(200..3720).contains(at);
    assert!(
        run.steps.iter().all(|(at, _)| is_settled(at)),
        "{:?}",
        run.steps
    );
    assert!(run.steps.len() <= 6, "{:?}", run.steps);
    assert!(late < 25, "{late} seconds without a processor to spare");
}

#[test]
fn a_loop_that_cannot_rest_swings_ever_more_rarely() {
    // 120 % at its best, 85 %, 58 %: one level too dear, the next one calm
    let mut run = Run::new();
    for _ in 0..12 * 3600 {
        let load = 120.0 * COST[usize::from(run.level(Ladder::Sound))];
        run.read(Readings {
            cpu: Some(load.min(100.0)),
            ..Readings::default()
        });
    }
    // waits of 1, 2, 4, 8 and then 16 minutes: at most 4 + 45 ups in twelve hours, and as many downs after the first two
    assert!(run.steps.len() <= 2 * 49 + 2, "{}", run.steps.len());
    assert!(run.steps.iter().all(|(_, step)| step.change.to <= 2));
}

#[test]
fn what_helps_against_one_thing_is_not_taken_against_another() {
    let mut run = Run::new();
    for _ in 0..60 {
        run.read(Readings {
            cpu: Some(30.0),
            memory: Some(97.0),
            temperature: Some(50.0),
        });
    }
    assert!(run.steps_of(Ladder::Sound).is_empty());
    assert_eq!(run.steps_of(Ladder::Memory), [1, 2, 3]);
    let status = run.governor.status();
    assert!(status.memory.is_refusing() && !status.sound.is_refusing());
    assert_eq!(status.memory.lowered.memory, 3);
    assert_eq!(
        status.shortage().as_deref(),
        Some("memory was at 97 %, above 85 % (arm.resources.memory_threshold)")
    );
}

#[test]
fn heat_makes_sound_cheaper_and_is_named() {
    let mut run = Run::new();
    for _ in 0..5 {
        run.read(Readings {
            temperature: Some(81.5),
            ..Readings::default()
        });
    }
    let standing = *run.governor.status().of(Ladder::Sound);
    let cause = standing.cause.expect("lowered");
    assert_eq!(
        (cause.resource, cause.reading, cause.threshold),
        (Resource::Temperature, 81.5, 70.0)
    );
    assert_eq!(standing.lowered.temperature, 1);
    assert_eq!(run.governor.status().shortage(), None);
}

/// A machine that was busy and then was not (see the file).
const HOG: &str = include_str!("hog.trace");

#[test]
fn a_recorded_hog_is_answered_and_forgiven() {
    let rows = HOG.lines().filter(|line| !line.starts_with('#'));
    let trace: Vec<(bool, Readings)> = rows
        .map(|row| {
            let mut fields = row.split_whitespace();
            let is_busy = fields.next() == Some("1");
            let mut next = || fields.next().and_then(|it| it.parse().ok());
            let readings = Readings {
                cpu: next(),
                memory: next(),
                temperature: next(),
            };
            (is_busy, readings)
        })
        .collect();
    let mut run = Run::new();
    for (_, readings) in &trace {
        run.read(*readings);
    }
    let begin = trace.iter().position(|(is_busy, _)| *is_busy);
    let begin = begin.expect("there was a hog") as u64;
    let end = begin + trace.iter().filter(|(is_busy, _)| *is_busy).count() as u64;
    let downs = run.steps.iter().filter(|(_, it)| it.change.cause.is_some());
    let downs: Vec<u64> = downs.map(|(at, _)| *at).collect();
    assert!((begin..begin + 8).contains(&downs[0]), "{downs:?} {begin}");
    // an average of the last seconds, and a median of it, still show the hog for a while
    assert!(downs.iter().all(|at| *at < end + 4), "{downs:?} {end}");
    assert!(run.steps_of(Ladder::Memory).is_empty());
    // the recording ends; calm goes on as it was then
    let calm = trace.last().expect("rows").1;
    for _ in 0..600 {
        run.read(calm);
    }
    assert_eq!(run.level(Ladder::Sound), 0, "{:?}", run.steps);
    assert_eq!(run.steps.len(), 2 * downs.len(), "{:?}", run.steps);
}
