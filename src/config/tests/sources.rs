//! Owns: what keys of sources are held to: addresses that requests leave from, what is remembered of loads.
//! Never knows: what is done with them.

use super::*;

#[test]
fn our_keys_beside_the_sources_are_read() {
    let config = settings(
        "resolve.cache: {enabled: off, ttlMs: 0, entries: 3, bytes: 1KB}\n\
         routePlanner: {traffic: sites, probe: ''}\n",
    );
    let cache = &config.resolve_cache;
    assert_eq!(
        (cache.enabled, cache.entries, cache.bytes),
        (false, 3, 1024)
    );
    assert!(cache.ttl.is_zero() && cache.heeds_headers);
    assert!(!config.route_planner.has_all_traffic && config.route_planner.probe.is_empty());
}

// reference, 5.2
#[test]
fn blocks_of_addresses_have_to_suit_the_strategy() {
    let limit = |yaml: &str| format!("lavalink.server.ratelimit: {{{yaml}}}\n");
    let good = settings(&limit(
        "ipBlocks: ['2001:db8::/48'], excludedIps: ['2001:db8::1'], strategy: nanoswitch, retryLimit: 0",
    ));
    let plan = good.lavalink.rate_limit.plan().expect("possible");
    let plan = plan.expect("blocks");
    assert_eq!(plan.blocks().size(), 1 << 80);
    assert!(plan.is_excluded("2001:db8::1".parse().expect("an address")));
    for wrong in [
        "ipBlocks: ['2001:db8::/65'], strategy: NanoSwitch",
        "ipBlocks: [192.0.2.0/24], strategy: RotatingNanoSwitch",
        "ipBlocks: [192.0.2.0/24, '2001:db8::/64']",
    ] {
        let found = errors(&format!("{PASSWORD}{}", limit(wrong)));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains("ratelimit.ipBlocks"), "{found:?}");
    }
}

#[test]
fn a_probe_that_is_no_host_and_port_is_told_at_its_place() {
    for probe in ["nowhere", ":443", "a.example:many"] {
        let loaded = of(&format!("{PASSWORD}routePlanner: {{probe: '{probe}'}}\n"));
        let errors = loaded.config.expect_err(probe);
        assert!(
            errors[0].message.contains("routePlanner.probe"),
            "{errors:?}"
        );
        assert_ne!(errors[0].origin, Origin::Nowhere);
    }
}

#[test]
fn names_that_nobody_has_are_told() {
    let loaded = of(&format!(
        "{PASSWORD}fetching: {{sites: {{fragments: {{yuotube: 3, youtube: 3}}}}}}\n\
         plugins:\n  lavalyrics: {{sources: [genius, lrcLib]}}\n  sponsorblock: {{categories: [sponsors, intro]}}\n"
    ));
    assert!(loaded.config.is_ok());
    let told: Vec<&str> = loaded.warnings.iter().map(|it| &*it.message).collect();
    for unknown in ["yuotube", "genius", "sponsors"] {
        let about = |text: &&&str| text.contains(&format!("{unknown} has no effect"));
        assert_eq!(told.iter().filter(about).count(), 1, "{unknown}: {told:?}");
    }
}
