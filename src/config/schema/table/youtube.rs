//! Owns: the keys of the YouTube source: Lavalink's own, and those of the plugin that took its place (reference, 5.3).
//! Never knows: where values come from.

use super::super::{Bound, Key, key};
use crate::config::{
    settings::Config,
    value::{Item, Kind},
};

/// Every key of it.
pub const KEYS: &[Key] = &[
    key(
        "lavalink.server.sources.youtube",
        Kind::Switch,
        "true",
        |c, b| c.youtube.is_on = b.switch(),
    ),
    key(
        "lavalink.server.youtubePlaylistLoadLimit",
        super::whole(0, i32::MAX as i64),
        "6",
        |c, b| c.youtube.playlist_pages = b.number(),
    ),
    key(
        "lavalink.server.youtubeSearchEnabled",
        Kind::Switch,
        "true",
        |c, b| c.youtube.search = b.switch(),
    ),
    key("plugins.youtube.enabled", Kind::Switch, "true", |c, b| {
        if b.explicit {
            c.youtube.plugin = Some(b.switch());
        }
    }),
    key(
        "plugins.youtube.allowSearch",
        Kind::Switch,
        "true",
        |c, b| {
            mention(c, b);
            c.youtube.allow_search = b.switch();
        },
    ),
    key(
        "plugins.youtube.allowDirectVideoIds",
        Kind::Switch,
        "true",
        |c, b| {
            mention(c, b);
            c.youtube.allow_video_ids = b.switch();
        },
    ),
    key(
        "plugins.youtube.allowDirectPlaylistIds",
        Kind::Switch,
        "true",
        |c, b| {
            mention(c, b);
            c.youtube.allow_playlist_ids = b.switch();
        },
    ),
    key(
        "plugins.youtube.clients",
        Kind::List(Item::Text),
        "",
        |c, b| {
            mention(c, b);
            c.youtube.clients = Some(b.texts());
        },
    ),
    key(
        "plugins.youtube.clientOptions.**",
        Kind::Switch,
        "",
        |c, b| {
            mention(c, b);
            c.youtube
                .client_options
                .insert(b.name.to_owned(), b.switch());
        },
    ),
    key("plugins.youtube.remoteCipher.url", Kind::Url, "", |c, b| {
        mention(c, b);
        c.youtube.cipher_url = b.url();
    }),
    key(
        "plugins.youtube.remoteCipher.password",
        Kind::Secret,
        "",
        |c, b| {
            mention(c, b);
            c.youtube.cipher_password = b.secret();
        },
    ),
    key(
        "plugins.youtube.remoteCipher.userAgent",
        Kind::Text,
        "yt-source",
        |c, b| {
            mention(c, b);
            c.youtube.cipher_user_agent = b.text();
        },
    ),
    key("plugins.youtube.pot.token", Kind::Secret, "", |c, b| {
        mention(c, b);
        c.youtube.pot_token = b.secret();
    }),
    key("plugins.youtube.pot.visitorData", Kind::Text, "", |c, b| {
        mention(c, b);
        c.youtube.pot_visitor_data = b.text();
    }),
    key("plugins.youtube.pot.provider", Kind::Url, "", |c, b| {
        mention(c, b);
        c.youtube.pot_provider = b.url();
    }),
    key(
        "plugins.youtube.oauth.enabled",
        Kind::Switch,
        "false",
        |c, b| {
            mention(c, b);
            c.youtube.oauth = b.switch();
        },
    ),
    key(
        "plugins.youtube.oauth.refreshToken",
        Kind::Secret,
        "",
        |c, b| {
            mention(c, b);
            c.youtube.oauth_refresh_token = b.secret();
        },
    ),
    key(
        "plugins.youtube.oauth.skipInitialization",
        Kind::Switch,
        "false",
        |c, b| {
            mention(c, b);
            c.youtube.oauth_skip_initialization = b.switch();
        },
    ),
];

/// The plugin is on where its block stands, unless that says otherwise.
fn mention(config: &mut Config, bound: &Bound<'_>) {
    if bound.explicit {
        config.youtube.plugin.get_or_insert(true);
    }
}
