//! Owns: the keys of the addresses that requests leave from: Lavalink's `ratelimit`, and our own beside it.
//! Never knows: where values come from.

use super::{
    super::{Key, key},
    whole,
};
use crate::{
    config::value::{Item, Kind, Value},
    net::route_planner::{Block, Strategy},
};

/// In the order of [`Strategy::ALL`].
const STRATEGIES: &[&str] = &[
    "RotateOnBan",
    "LoadBalance",
    "NanoSwitch",
    "RotatingNanoSwitch",
];

/// Every key of the route planner.
pub const KEYS: &[Key] = &[
    key(
        "lavalink.server.ratelimit.ipBlocks",
        Kind::List(Item::Block),
        "",
        |c, b| {
            c.lavalink.rate_limit.ip_blocks = Some(b.list(|item| match item {
                Value::Block(block) => Block::new(block.address, block.prefix),
                _ => None,
            }));
        },
    ),
    key(
        "lavalink.server.ratelimit.excludedIps",
        Kind::List(Item::Address),
        "",
        |c, b| {
            c.lavalink.rate_limit.excluded_ips = Some(b.list(|item| match item {
                Value::Address(address) => Some(*address),
                _ => None,
            }));
        },
    ),
    key(
        "lavalink.server.ratelimit.strategy",
        Kind::Choice(STRATEGIES),
        "RotateOnBan",
        |c, b| c.lavalink.rate_limit.strategy = b.choice(&Strategy::ALL),
    ),
    key(
        "lavalink.server.ratelimit.searchTriggersFail",
        Kind::Switch,
        "true",
        |c, b| c.lavalink.rate_limit.search_triggers_fail = b.switch(),
    ),
    key(
        "lavalink.server.ratelimit.retryLimit",
        whole(-1, i32::MAX as i64),
        "-1",
        |c, b| c.lavalink.rate_limit.retry_limit = b.number(),
    ),
    key(
        "routePlanner.traffic",
        Kind::Choice(&["all", "sites"]),
        "all",
        |c, b| c.route_planner.has_all_traffic = b.choice(&[true, false]),
    ),
    key(
        "routePlanner.probe",
        Kind::Text,
        "www.youtube.com:443",
        |c, b| c.route_planner.probe = b.text().trim().to_owned(),
    ),
];
