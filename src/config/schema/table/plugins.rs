//! Owns: the keys of what plugins of Lavalink have made standard: lyrics, SponsorBlock.
//! Never knows: where values come from.

use super::super::{Key, key};
use crate::config::value::{Item, Kind};

/// Keys of LavaLyrics, of LavaSrc's lyrics, and our own for SponsorBlock, whose plugin has none.
pub const KEYS: &[Key] = &[
    key(
        "plugins.lavalyrics.sources",
        Kind::List(Item::Text),
        "",
        |c, b| c.plugins.lyrics_sources = b.texts(),
    ),
    key(
        "plugins.lavasrc.lyrics-sources.lrcLib",
        Kind::Switch,
        "false",
        |c, b| c.plugins.lrclib = b.switch(),
    ),
    key(
        "plugins.sponsorblock.enabled",
        Kind::Switch,
        "true",
        |c, b| c.plugins.sponsorblock = b.switch(),
    ),
    key(
        "plugins.sponsorblock.categories",
        Kind::List(Item::Text),
        "",
        |c, b| {
            let categories = b.texts().into_iter();
            c.plugins.sponsorblock_categories = categories
                .map(|it| it.trim().to_ascii_lowercase())
                .collect();
        },
    ),
];
