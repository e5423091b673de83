//! Owns: when the node lowers its quality, and when it takes it back: pure, with the time as an argument.
//! Never knows: where readings come from, or what a level changes.
//!
//! A reading counts when most of the last five say so, so that a sensor that flaps moves nothing. Too much of anything that
//! lasts leads one step down, then the step is given time to work. Up it goes one step at a time after a long calm, well
//! below the threshold; a step up that has to be taken back makes the next wait twice as long. So the node never swings.

use crate::units::Instant;
use core::time::Duration;

/// Readings whose median counts.
const MEDIAN_OF: usize = 5;
/// A sensor that says nothing for so many readings in a row is no more asked about.
const SILENCE: usize = MEDIAN_OF;

/// How fast the node reacts, and how slowly it recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    reaction: Duration,
    recovery: Duration,
}

impl Pace {
    /// Too much that lasts for `reaction` leads one step down; one step up follows when all has been well for `recovery`,
    /// which is taken as at least five times the reaction: who recovers faster than a step down works swings.
    #[must_use]
    pub fn new(reaction: Duration, recovery: Duration) -> Self {
        Self {
            reaction,
            recovery: recovery.max(reaction * 5),
        }
    }

    /// How long a step down is given to work: sensors show an average of the last seconds, of which a median is taken.
    fn settling(self) -> Duration {
        self.reaction * 5 / 2
    }

    /// The longest wait before a step up: after steps up that had to be taken back.
    fn longest(self) -> Duration {
        self.recovery * 16
    }

    /// A step down so soon after one up takes that one back.
    fn regret(self) -> Duration {
        self.recovery * 5
    }
}

impl Default for Pace {
    /// Two seconds, a minute.
    fn default() -> Self {
        Self::new(Duration::from_secs(2), Duration::from_secs(60))
    }
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Processor time, in percent of what this node may use.
    Cpu,
    /// Memory, in percent of what this node may use.
    Memory,
    /// Temperature of the processor, in °C.
    Temperature,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Temperature];

    /// What follows its values in texts.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Cpu | Self::Memory => "%",
            Self::Temperature => "°C",
        }
    }

    /// Its name in logs, metrics and events.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Temperature => "temperature",
        }
    }

    /// How far below its threshold a reading must be to count as calm. What a step up costs must fit between; of a low
    /// threshold it is a quarter, so that there is something below.
    fn margin(self, threshold: f32) -> f32 {
        let usual: f32 = match self {
            Self::Cpu => 20.0,
            Self::Memory | Self::Temperature => 5.0,
        };
        usual.min(threshold / 4.0)
    }
}

/// One value for each resource.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Each<T> {
    /// Of [`Resource::Cpu`].
    pub cpu: T,
    /// Of [`Resource::Memory`].
    pub memory: T,
    /// Of [`Resource::Temperature`].
    pub temperature: T,
}

impl<T> Each<T> {
    /// The value of one.
    pub const fn of(&self, resource: Resource) -> &T {
        match resource {
            Resource::Cpu => &self.cpu,
            Resource::Memory => &self.memory,
            Resource::Temperature => &self.temperature,
        }
    }

    pub(super) const fn of_mut(&mut self, resource: Resource) -> &mut T {
        match resource {
            Resource::Cpu => &mut self.cpu,
            Resource::Memory => &mut self.memory,
            Resource::Temperature => &mut self.temperature,
        }
    }
}

/// What the sensors say, in the units of [`Resource`]; `None` where there is none.
pub type Readings = Each<Option<f32>>;

/// Too much of something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Excess {
    /// What.
    pub resource: Resource,
    /// How much there was: the median of the last readings, in the unit of the resource.
    pub reading: f32,
    /// What is allowed, in the same unit.
    pub threshold: f32,
}

/// A change of the level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Before.
    pub from: u8,
    /// After: one more or one less.
    pub to: u8,
    /// Why; `None` for a step up, because all is well again.
    pub cause: Option<Excess>,
}

/// Decides about the level: 0 is what was configured, each above it is cheaper, up to the last.
#[derive(Debug)]
pub struct Policy {
    thresholds: Each<Option<f32>>,
    pace: Pace,
    last: u8,
    level: u8,
    recent: Each<Recent>,
    /// Since when there is too much of something.
    over: Option<Instant>,
    /// Since when all is well.
    calm: Option<Instant>,
    /// The wait before the next step up.
    patience: Duration,
    down_at: Option<Instant>,
    up_at: Option<Instant>,
}

impl Policy {
    /// With levels `0..=last`; a reading above its threshold is too much. What has no threshold is not watched.
    #[must_use]
    pub fn new(thresholds: Each<Option<f32>>, pace: Pace, last: u8) -> Self {
        Self {
            thresholds,
            pace,
            last,
            level: 0,
            recent: Each::default(),
            over: None,
            calm: None,
            patience: pace.recovery,
            down_at: None,
            up_at: None,
        }
    }

    /// The level in force.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// The last level.
    #[must_use]
    pub const fn last(&self) -> u8 {
        self.last
    }

    /// Whether the last level is in force.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.level == self.last
    }

    /// Takes readings, about one a second, and says what changes.
    pub fn read(&mut self, now: Instant, readings: Readings) -> Option<Change> {
        let medians = Resource::ALL.map(|resource| {
            let recent = self.recent.of_mut(resource);
            recent.push(*readings.of(resource));
            (resource, recent.median())
        });
        let watched = |&(resource, median): &(Resource, Option<f32>)| {
            Some(Excess {
                resource,
                reading: median?,
                threshold: (*self.thresholds.of(resource))?,
            })
        };
        let over = |it: &Excess| it.reading - it.threshold;
        let worst = medians
            .iter()
            .filter_map(watched)
            .filter(|it| over(it) > 0.0)
            .max_by(|a, b| over(a).total_cmp(&over(b)));
        if let Some(cause) = worst {
            self.calm = None;
            return self.too_much(now, cause);
        }
        self.over = None;
        let is_calm = medians
            .iter()
            .filter_map(watched)
            .all(|it| over(&it) <= -it.resource.margin(it.threshold));
        if is_calm {
            return self.all_well(now);
        }
        self.calm = None;
        None
    }

    fn too_much(&mut self, now: Instant, cause: Excess) -> Option<Change> {
        let since = *self.over.get_or_insert(now);
        let settling = self.pace.settling();
        let is_settled = self.down_at.is_none_or(|at| has_passed(at, now, settling));
        if self.is_last() || !is_settled || !has_passed(since, now, self.pace.reaction) {
            return None;
        }
        if self
            .up_at
            .take()
            .is_some_and(|at| !has_passed(at, now, self.pace.regret()))
        {
            self.patience = (self.patience * 2).min(self.pace.longest());
        }
        self.down_at = Some(now);
        Some(self.change(self.level + 1, Some(cause)))
    }

    fn all_well(&mut self, now: Instant) -> Option<Change> {
        let since = *self.calm.get_or_insert(now);
        if self.level == 0 {
            if has_passed(since, now, self.pace.regret().max(self.patience)) {
                self.patience = self.pace.recovery;
            }
            return None;
        }
        if !has_passed(since, now, self.patience) {
            return None;
        }
        self.calm = Some(now);
        self.up_at = Some(now);
        Some(self.change(self.level - 1, None))
    }

    const fn change(&mut self, to: u8, cause: Option<Excess>) -> Change {
        let from = self.level;
        self.level = to;
        Change { from, to, cause }
    }
}

fn has_passed(since: Instant, now: Instant, time: Duration) -> bool {
    now.saturating_duration_since(since) >= time
}

/// The last readings of one sensor.
#[derive(Debug, Default)]
struct Recent {
    values: [f32; MEDIAN_OF],
    len: usize,
    next: usize,
    silent: usize,
}

impl Recent {
    fn push(&mut self, value: Option<f32>) {
        match value.filter(|value| value.is_finite()) {
            Some(value) => {
                self.silent = 0;
                self.values[self.next] = value;
                self.next = (self.next + 1) % MEDIAN_OF;
                self.len = (self.len + 1).min(MEDIAN_OF);
            }
            None => self.silent = self.silent.saturating_add(1),
        }
        if self.silent >= SILENCE {
            self.len = 0;
        }
    }

    /// The one in the middle, or the lower one of two; `None` as long as there are less than half.
    fn median(&self) -> Option<f32> {
        if self.len * 2 < MEDIAN_OF {
            return None;
        }
        let mut values = self.values;
        let values = &mut values[..self.len];
        values.sort_by(f32::total_cmp);
        values.get((self.len - 1) / 2).copied()
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
