//! Owns: what the governor of a node acts on.
//! Never knows: when it takes a step.

use super::{NodeWorld, governor_rules, memory};
use crate::{
    config::Config,
    governor::{
        ladder::Ladder,
        quality::{Governor, Status, Step},
        steering::{Levers, Steering},
    },
    playback::dial::Dials,
    player::note::{Excess, Quality},
};
use std::sync::Arc;

/// A governor that turns these dials, and acts on this world.
pub(super) fn steering(config: &Config, world: &Arc<NodeWorld>, dials: Dials) -> Steering {
    let governor = Governor::new(&governor_rules(config));
    let (sources, told) = (world.sources.clone(), world.quality.clone());
    let levers = Levers {
        dials,
        admission: world.admission.clone(),
        relieve: Box::new(move || {
            sources.forget();
            memory::give_back_heap();
        }),
        tell: Box::new(move |step, status| {
            told.send_replace(Some(quality(step, &status)));
        }),
    };
    Steering::new(governor, levers)
}

/// What players tell of a step.
fn quality(step: Step, status: &Status) -> Quality {
    let Step { ladder, change } = step;
    Quality {
        ladder: ladder.label(),
        level: change.to,
        last: ladder.last(),
        cause: change.cause.map(|cause| Excess {
            resource: cause.resource.label(),
            reading: cause.reading,
            threshold: cause.threshold,
        }),
        is_refusing: Ladder::ALL.iter().any(|it| status.of(*it).is_refusing()),
    }
}
