//! Owns: the keys of LavaSrc, the plugin whose mirrors are built in (reference, 5.4).
//! Never knows: where values come from.

use super::{
    super::{Key, idle, key},
    corrected,
};
use crate::config::value::{Item, Kind};

const PAGES: Kind = corrected(
    1,
    1000,
    |pages| match pages {
        ..=0 => 6,
        1..=1000 => pages,
        _ => 1000,
    },
    "less than 1 is replaced by the default, as in LavaSrc; more than 1000 pages are never loaded",
);
const NO_PARTNER_API: &str = "the API of Spotify's own player is not used";

/// Every key of LavaSrc's for mirrors, Spotify and Apple Music.
pub const KEYS: &[Key] = &[
    key(
        "plugins.lavasrc.providers",
        Kind::List(Item::Text),
        "",
        |c, b| {
            c.lavasrc.providers = Some(b.texts());
        },
    ),
    key(
        "plugins.lavasrc.sources.spotify",
        Kind::Switch,
        "false",
        |c, b| c.lavasrc.is_spotify_on = b.switch(),
    ),
    key(
        "plugins.lavasrc.sources.applemusic",
        Kind::Switch,
        "false",
        |c, b| c.lavasrc.is_applemusic_on = b.switch(),
    ),
    key(
        "plugins.lavasrc.spotify.clientId",
        Kind::Text,
        "",
        |c, b| c.lavasrc.spotify.client_id = b.text(),
    ),
    key(
        "plugins.lavasrc.spotify.clientSecret",
        Kind::Secret,
        "",
        |c, b| c.lavasrc.spotify.client_secret = b.secret(),
    ),
    key(
        "plugins.lavasrc.spotify.customTokenEndpoint",
        Kind::Secret,
        "",
        |c, b| c.lavasrc.spotify.token_endpoint = b.secret(),
    ),
    key(
        "plugins.lavasrc.spotify.countryCode",
        Kind::Text,
        "US",
        |c, b| c.lavasrc.spotify.country_code = b.text(),
    ),
    key(
        "plugins.lavasrc.spotify.playlistLoadLimit",
        PAGES,
        "6",
        |c, b| c.lavasrc.spotify.playlist_load_limit = b.number(),
    ),
    key(
        "plugins.lavasrc.spotify.albumLoadLimit",
        PAGES,
        "6",
        |c, b| c.lavasrc.spotify.album_load_limit = b.number(),
    ),
    key(
        "plugins.lavasrc.spotify.resolveArtistsInSearch",
        Kind::Switch,
        "true",
        |c, b| c.lavasrc.spotify.resolve_artists_in_search = b.switch(),
    ),
    key(
        "plugins.lavasrc.spotify.localFiles",
        Kind::Switch,
        "false",
        |c, b| c.lavasrc.spotify.local_files = b.switch(),
    ),
    idle(
        "plugins.lavasrc.spotify.spDc",
        Kind::Secret,
        "",
        "Spotify is not asked for lyrics",
    ),
    idle(
        "plugins.lavasrc.spotify.preferPartnerApi",
        Kind::Switch,
        "false",
        NO_PARTNER_API,
    ),
    idle(
        "plugins.lavasrc.spotify.preferV1SearchApi",
        Kind::Switch,
        "false",
        NO_PARTNER_API,
    ),
    key(
        "plugins.lavasrc.applemusic.countryCode",
        Kind::Text,
        "us",
        |c, b| c.lavasrc.applemusic.country_code = b.text(),
    ),
    key(
        "plugins.lavasrc.applemusic.mediaAPIToken",
        Kind::Secret,
        "",
        |c, b| c.lavasrc.applemusic.media_api_token = b.secret(),
    ),
    key(
        "plugins.lavasrc.applemusic.keyID",
        Kind::Text,
        "",
        |c, b| c.lavasrc.applemusic.key_id = b.text(),
    ),
    key(
        "plugins.lavasrc.applemusic.teamID",
        Kind::Text,
        "",
        |c, b| c.lavasrc.applemusic.team_id = b.text(),
    ),
    key(
        "plugins.lavasrc.applemusic.musicKitKey",
        Kind::Secret,
        "",
        |c, b| c.lavasrc.applemusic.music_kit_key = b.secret(),
    ),
    key(
        "plugins.lavasrc.applemusic.playlistLoadLimit",
        PAGES,
        "6",
        |c, b| c.lavasrc.applemusic.playlist_load_limit = b.number(),
    ),
    key(
        "plugins.lavasrc.applemusic.albumLoadLimit",
        PAGES,
        "6",
        |c, b| c.lavasrc.applemusic.album_load_limit = b.number(),
    ),
];
