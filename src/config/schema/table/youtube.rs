//! Owns: the keys of youtube-source (reference, 5.3), and what this node adds to them.
//! Never knows: where values come from.

use super::super::{Key, key};
use crate::config::value::Kind;

/// Every key of `plugins.youtube`.
pub const KEYS: &[Key] = &[
    key("plugins.youtube.remoteCipher.url", Kind::Url, "", |c, b| {
        c.youtube.cipher_url = b.url()
    }),
    key(
        "plugins.youtube.remoteCipher.password",
        Kind::Secret,
        "",
        |c, b| c.youtube.cipher_password = b.secret(),
    ),
    key(
        "plugins.youtube.remoteCipher.userAgent",
        Kind::Text,
        "yt-source",
        |c, b| c.youtube.cipher_user_agent = b.text(),
    ),
    key("plugins.youtube.pot.token", Kind::Secret, "", |c, b| {
        c.youtube.pot_token = b.secret()
    }),
    key("plugins.youtube.pot.visitorData", Kind::Text, "", |c, b| {
        c.youtube.pot_visitor_data = b.text()
    }),
    key("plugins.youtube.pot.provider", Kind::Url, "", |c, b| {
        c.youtube.pot_provider = b.url()
    }),
    key(
        "plugins.youtube.oauth.enabled",
        Kind::Switch,
        "false",
        |c, b| c.youtube.oauth = b.switch(),
    ),
    key(
        "plugins.youtube.oauth.refreshToken",
        Kind::Secret,
        "",
        |c, b| c.youtube.oauth_refresh_token = b.secret(),
    ),
    key(
        "plugins.youtube.oauth.skipInitialization",
        Kind::Switch,
        "false",
        |c, b| c.youtube.oauth_skip_initialization = b.switch(),
    ),
];
