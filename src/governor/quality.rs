//! Owns: the level of quality in force: which ladder takes a step, and where both stand.
//! Never knows: where readings come from, or who heeds a level.
//!
//! Two ladders, each with a [`Policy`] of its own, because what helps against the one does nothing against the other: too
//! much work or heat makes *sound* cheaper, too little memory makes *buffers* smaller. At the last step of either, the node
//! takes on nothing new; what plays goes on.

use super::{
    ladder::Ladder,
    policy::{Change, Each, Excess, Pace, Policy, Readings},
};
use std::time::Instant;

/// When quality is lowered (`arm.resources`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Whether it ever is.
    pub is_on: bool,
    /// Above which readings; what has no threshold is not watched.
    pub thresholds: Each<Option<f32>>,
    /// How fast, and how slowly it is taken back.
    pub pace: Pace,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            is_on: true,
            thresholds: Each {
                cpu: Some(80.0),
                memory: Some(85.0),
                temperature: Some(70.0),
            },
            pace: Pace::default(),
        }
    }
}

/// Where a ladder stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// The level in force; 0 is what was configured.
    pub level: u8,
    /// The last one.
    pub last: u8,
    /// Why it was last lowered; `None` at level 0.
    pub cause: Option<Excess>,
    /// Since when this level is in force; `None` when it never changed.
    pub since: Option<Instant>,
    /// Steps down since the start, by resource.
    pub lowered: Each<u64>,
    /// Steps up since the start.
    pub raised: u64,
}

impl Standing {
    /// Whether nothing new is taken on because of it.
    #[must_use]
    pub const fn is_refusing(&self) -> bool {
        self.level == self.last && self.last > 0
    }
}

/// Where both ladders stand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Status {
    /// What sound may cost.
    pub sound: Standing,
    /// What is kept in memory.
    pub memory: Standing,
}

impl Status {
    /// Of one of them.
    #[must_use]
    pub const fn of(&self, ladder: Ladder) -> &Standing {
        match ladder {
            Ladder::Sound => &self.sound,
            Ladder::Memory => &self.memory,
        }
    }

    const fn of_mut(&mut self, ladder: Ladder) -> &mut Standing {
        match ladder {
            Ladder::Sound => &mut self.sound,
            Ladder::Memory => &mut self.memory,
        }
    }

    /// What nothing new is taken on for, in words; `None` as long as all is taken on.
    #[must_use]
    pub fn shortage(&self) -> Option<String> {
        let refusing = Ladder::ALL.map(|ladder| self.of(ladder));
        let cause = refusing
            .into_iter()
            .find_map(|it| it.cause.filter(|_| it.is_refusing()))?;
        let Excess {
            resource,
            reading,
            threshold,
        } = cause;
        let (name, unit) = (resource.label(), resource.unit());
        Some(format!(
            "{name} was at {reading:.0} {unit}, above {threshold:.0} {unit} (arm.resources.{name}_threshold)"
        ))
    }
}

/// A step of a ladder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Which.
    pub ladder: Ladder,
    /// From where to where, and why.
    pub change: Change,
}

/// Decides. Pure: readings and the time come from outside.
#[derive(Debug)]
pub struct Governor {
    ladders: [(Ladder, Policy); 2],
    status: Status,
}

impl Governor {
    /// At level 0.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        let mut status = Status::default();
        let ladders = Ladder::ALL.map(|ladder| {
            status.of_mut(ladder).last = ladder.last();
            let thresholds = ladder.watched(rules.thresholds);
            (ladder, Policy::new(thresholds, rules.pace, ladder.last()))
        });
        Self { ladders, status }
    }

    /// Takes readings, about one a second, and says what changes: at most one step of each ladder.
    pub fn read(&mut self, now: Instant, readings: Readings) -> impl Iterator<Item = Step> + use<> {
        let Self { ladders, status } = self;
        let steps = ladders.each_mut().map(|(ladder, policy)| {
            let change = policy.read(now, readings)?;
            let standing = status.of_mut(*ladder);
            standing.level = change.to;
            standing.since = Some(now);
            match change.cause {
                Some(cause) => *standing.lowered.of_mut(cause.resource) += 1,
                None => standing.raised += 1,
            }
            standing.cause = change.cause.or(standing.cause).filter(|_| change.to > 0);
            Some(Step {
                ladder: *ladder,
                change,
            })
        });
        steps.into_iter().flatten()
    }

    /// Where it stands.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }
}

#[cfg(test)]
#[path = "quality_tests.rs"]
mod tests;
