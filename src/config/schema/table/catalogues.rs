//! Owns: the keys of LavaSrc's sources deezer, tidal and yandexmusic, in its spelling (reference, 5.4).
//! Never knows: where values come from.

use super::{
    super::{Key, idle, key},
    whole,
};
use crate::config::value::{Item, Kind};

const NOT_DECRYPTED: &str = "tracks of Deezer are encrypted, and not decrypted here; they are played from the providers, previews from Deezer";

/// Every key of these sources.
pub const KEYS: &[Key] = &[
    key(
        "plugins.lavasrc.sources.deezer",
        Kind::Switch,
        "false",
        |c, b| c.catalogues.deezer = b.switch(),
    ),
    key(
        "plugins.lavasrc.sources.tidal",
        Kind::Switch,
        "false",
        |c, b| c.catalogues.tidal = b.switch(),
    ),
    key(
        "plugins.lavasrc.sources.yandexmusic",
        Kind::Switch,
        "false",
        |c, b| c.catalogues.yandexmusic = b.switch(),
    ),
    idle(
        "plugins.lavasrc.deezer.masterDecryptionKey",
        Kind::Secret,
        "",
        NOT_DECRYPTED,
    ),
    idle(
        "plugins.lavasrc.deezer.arl",
        Kind::Secret,
        "",
        NOT_DECRYPTED,
    ),
    idle(
        "plugins.lavasrc.deezer.formats",
        Kind::List(Item::Text),
        "",
        NOT_DECRYPTED,
    ),
    key(
        "plugins.lavasrc.tidal.countryCode",
        Kind::Text,
        "US",
        |c, b| {
            let country = b.text();
            if !country.trim().is_empty() {
                c.catalogues.tidal_country = country.trim().to_uppercase();
            }
        },
    ),
    key(
        "plugins.lavasrc.tidal.searchLimit",
        whole(1, 100),
        "6",
        |c, b| c.catalogues.tidal_search_limit = b.number(),
    ),
    key("plugins.lavasrc.tidal.token", Kind::Secret, "", |c, b| {
        c.catalogues.tidal_token = b.secret();
    }),
    key(
        "plugins.lavasrc.yandexmusic.accessToken",
        Kind::Secret,
        "",
        |c, b| c.catalogues.yandex_token = b.secret(),
    ),
    key(
        "plugins.lavasrc.yandexmusic.playlistLoadLimit",
        whole(1, 100),
        "1",
        |c, b| c.catalogues.yandex_playlist_pages = b.number(),
    ),
    key(
        "plugins.lavasrc.yandexmusic.albumLoadLimit",
        whole(1, 100),
        "1",
        |c, b| c.catalogues.yandex_album_pages = b.number(),
    ),
    key(
        "plugins.lavasrc.yandexmusic.artistLoadLimit",
        whole(1, 100),
        "1",
        |c, b| c.catalogues.yandex_artist_pages = b.number(),
    ),
    key(
        "plugins.lavasrc.yandexmusic.proxy.url",
        Kind::Text,
        "",
        |c, b| c.catalogues.yandex_proxy = b.text().trim().to_owned(),
    ),
    key(
        "plugins.lavasrc.yandexmusic.proxy.username",
        Kind::Text,
        "",
        |c, b| c.catalogues.yandex_proxy_user = b.text(),
    ),
    key(
        "plugins.lavasrc.yandexmusic.proxy.password",
        Kind::Secret,
        "",
        |c, b| c.catalogues.yandex_proxy_password = b.secret(),
    ),
];
