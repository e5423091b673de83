//! Owns: the metrics of sources: what is remembered of loads, and the route planner.
//! Never knows: where the figures come from.

use super::Page;

/// What became of loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolves {
    /// Loads that were answered by what was kept.
    pub hits: u64,
    /// Loads that sources were asked for.
    pub misses: u64,
    /// Loads that waited for what another was asking for already.
    pub shared: u64,
    /// Entries that had to make room.
    pub evictions: u64,
    /// Identifiers that are kept.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What became of the route planner's addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutePlanner {
    /// Addresses that are failing now.
    pub failing: u64,
    /// How often addresses were marked as failing, with the reason as a label's value.
    pub marks: Vec<(&'static str, u64)>,
    /// Requests that were made again from another address.
    pub retries: u64,
    /// Requests that found no address.
    pub exhausted: u64,
    /// Addresses that were tested at the start, with the result as a label's value.
    pub tested: Vec<(&'static str, u64)>,
}

pub(super) fn resolves(page: &mut Page<impl Fn(&str) -> bool>, resolves: &Resolves) {
    for (name, help, count) in [
        (
            "lavalink_rust_resolve_cache_hits_total",
            "Loads that were answered by what was remembered.",
            resolves.hits,
        ),
        (
            "lavalink_rust_resolve_cache_misses_total",
            "Loads that sources were asked for.",
            resolves.misses,
        ),
        (
            "lavalink_rust_resolve_cache_shared_total",
            "Loads that waited for what another load was asking for already.",
            resolves.shared,
        ),
        (
            "lavalink_rust_resolve_cache_evictions_total",
            "Loads that were forgotten to make room.",
            resolves.evictions,
        ),
    ] {
        page.sample(name, help, "counter", Some(count));
    }
    page.gauge(
        "lavalink_rust_resolve_cache_entries",
        "Loads that are remembered.",
        Some(resolves.entries),
    );
    page.gauge(
        "lavalink_rust_resolve_cache_bytes",
        "Memory that remembered loads take, about.",
        Some(resolves.bytes),
    );
}

pub(super) fn route_planner(
    page: &mut Page<impl Fn(&str) -> bool>,
    planner: Option<&RoutePlanner>,
) {
    let Some(planner) = planner else {
        return;
    };
    let labelled = |name: &'static str, all: &[(&'static str, u64)]| {
        let all = all.iter();
        all.map(|(value, count)| (format!("{name}=\"{value}\""), *count))
            .collect::<Vec<_>>()
            .into_iter()
    };
    page.gauge(
        "lavalink_rust_route_planner_failing_addresses",
        "Addresses of the route planner that are failing.",
        Some(planner.failing),
    );
    page.counters(
        "lavalink_rust_route_planner_marks_total",
        "How often addresses were marked as failing.",
        labelled("reason", &planner.marks),
    );
    page.sample(
        "lavalink_rust_route_planner_retries_total",
        "Requests that were made again from another address.",
        "counter",
        Some(planner.retries),
    );
    page.sample(
        "lavalink_rust_route_planner_exhausted_total",
        "Requests for which all addresses were failing.",
        "counter",
        Some(planner.exhausted),
    );
    page.gauges(
        "lavalink_rust_route_planner_tested_addresses",
        "Addresses that were tested at the start.",
        labelled("result", &planner.tested),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planner_has_series_only_where_there_is_one() {
        let render = |planner: Option<&RoutePlanner>| {
            let mut page = Page {
                text: String::new(),
                is_wanted: |_: &str| true,
            };
            route_planner(&mut page, planner);
            page.text
        };
        assert_eq!(render(None), "");
        let planner = RoutePlanner {
            failing: 2,
            marks: vec![("refused", 3), ("unbindable", 1)],
            tested: vec![("working", 16)],
            ..RoutePlanner::default()
        };
        let text = render(Some(&planner));
        for line in [
            "lavalink_rust_route_planner_failing_addresses 2",
            r#"lavalink_rust_route_planner_marks_total{reason="unbindable"} 1"#,
            "# TYPE lavalink_rust_route_planner_tested_addresses gauge",
            r#"lavalink_rust_route_planner_tested_addresses{result="working"} 16"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{text}");
        }
    }
}
