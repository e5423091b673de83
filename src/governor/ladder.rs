//! Owns: what each level of quality means: the steps of both ladders.
//! Never knows: when they are taken.

use super::policy::{Each, Resource};
use crate::playback::dial::{Buffers, Economy, ResamplingQuality};

/// What sound may cost, level by level. The last level costs what the one before does, and nothing new is taken on.
pub const SOUND: [Economy; 6] = [
    Economy::NONE,
    Economy {
        complexity: 5,
        ..Economy::NONE
    },
    Economy {
        complexity: 0,
        ..Economy::NONE
    },
    Economy {
        complexity: 0,
        bitrate: Some(64_000),
        ..Economy::NONE
    },
    CHEAPEST,
    CHEAPEST,
];

const CHEAPEST: Economy = Economy {
    complexity: 0,
    bitrate: Some(64_000),
    resampling: ResamplingQuality::Draft,
    is_hasty: true,
};

/// What is kept ready for a playback, level by level. With every step down, what was remembered of loads is forgotten and
/// memory that was freed goes back to the system: that is all that the first one does. At the last, nothing new is taken on.
pub const MEMORY: [Buffers; 4] = [Buffers::WHOLE, Buffers::WHOLE, HALF, HALF];

const HALF: Buffers = Buffers { divisor: 2 };

/// A row of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ladder {
    /// [`SOUND`]: against too much work, and heat.
    Sound,
    /// [`MEMORY`]: against too little memory.
    Memory,
}

impl Ladder {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sound, Self::Memory];

    /// Its name in logs, metrics and events.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Memory => "memory",
        }
    }

    /// The last level.
    #[must_use]
    pub const fn last(self) -> u8 {
        let steps = match self {
            Self::Sound => SOUND.len(),
            Self::Memory => MEMORY.len(),
        };
        steps as u8 - 1
    }

    /// The resources that it helps against.
    #[must_use]
    pub const fn resources(self) -> &'static [Resource] {
        match self {
            Self::Sound => &[Resource::Cpu, Resource::Temperature],
            Self::Memory => &[Resource::Memory],
        }
    }

    /// The thresholds of those.
    pub(super) fn watched(self, all: Each<Option<f32>>) -> Each<Option<f32>> {
        let mut watched = Each::default();
        for resource in self.resources() {
            *watched.of_mut(*resource) = *all.of(*resource);
        }
        watched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_step_costs_more_than_the_one_before() {
        for two in SOUND.windows(2) {
            let (before, after) = (two[0], two[1]);
            assert!(after.complexity <= before.complexity);
            assert!(after.bitrate.unwrap_or(u32::MAX) <= before.bitrate.unwrap_or(u32::MAX));
            assert!(after.resampling <= before.resampling);
            assert!(after.is_hasty >= before.is_hasty);
        }
        assert!(
            MEMORY
                .windows(2)
                .all(|two| two[0].divisor <= two[1].divisor)
        );
        assert_eq!((SOUND[0], MEMORY[0]), (Economy::NONE, Buffers::WHOLE));
    }

    #[test]
    fn each_resource_has_one_ladder() {
        for resource in Resource::ALL {
            let helping = Ladder::ALL.map(|it| it.resources().contains(&resource));
            assert_eq!(helping.iter().filter(|it| **it).count(), 1, "{resource:?}");
        }
    }
}
