//! Owns: the metrics of quality and admission.
//! Never knows: where the figures come from.

use super::{Figures, Page};

/// Where a ladder of quality stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// Its name, as a label's value.
    pub ladder: &'static str,
    /// The level in force; 0 is what was configured.
    pub level: u64,
    /// Steps since the start, with their cause as a label's value.
    pub changes: Vec<(&'static str, u64)>,
}

pub(super) fn quality(page: &mut Page<impl Fn(&str) -> bool>, figures: &Figures) {
    let all = || figures.quality.iter();
    page.gauges(
        "lavalink_rust_quality_level",
        "Steps by which quality is lowered now, 0 for none.",
        all().map(|it| (format!("ladder=\"{}\"", it.ladder), it.level)),
    );
    page.counters(
        "lavalink_rust_quality_changes_total",
        "Steps that quality was lowered by, by what there was too much of, or raised by (calm).",
        all().flat_map(|it| {
            let labels = |cause| format!("ladder=\"{}\",cause=\"{cause}\"", it.ladder);
            it.changes
                .iter()
                .map(move |(cause, count)| (labels(cause), *count))
        }),
    );
    page.gauge(
        "lavalink_rust_tracks",
        "Tracks that players have, paused ones included.",
        Some(figures.tracks),
    );
    page.sample(
        "lavalink_rust_refusals_total",
        "Players and tracks that were not taken on because the machine was short of something, or enough were playing.",
        "counter",
        Some(figures.refusals),
    );
}
