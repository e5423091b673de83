//! Owns: what the configuration means for sources, and for the ways of their requests.
//! Never knows: how any source works.

use crate::{
    config::{self, Config},
    net::{self, address::Address},
    source,
    units::Secret,
};
use anyhow::Context;

/// What the configuration says of sources.
pub(crate) fn source_settings(config: &Config) -> source::Settings {
    let (sources, http) = (&config.lavalink.sources, &config.lavalink.http);
    let proxy = (!http.proxy_host.is_empty()).then(|| net::Proxy {
        host: http.proxy_host.clone(),
        port: http.proxy_port,
        credentials: (!http.proxy_user.is_empty())
            .then(|| (http.proxy_user.clone(), http.proxy_password.clone())),
    });
    source::Settings {
        youtube: youtube_settings(&config.youtube),
        soundcloud: sources.soundcloud.then_some(source::SoundCloudSettings {
            search: sources.soundcloud_search,
            filter_previews: sources.soundcloud_filter_previews,
        }),
        bandcamp: sources.bandcamp,
        twitch: sources.twitch,
        vimeo: sources.vimeo,
        nico: sources.nico,
        spotify: spotify_settings(&config.lavasrc),
        applemusic: config
            .lavasrc
            .is_applemusic_on
            .then(|| applemusic_settings(&config.lavasrc.applemusic)),
        mirror: mirror_settings(config),
        site_data: config.sites.data_file.clone(),
        http: sources.http,
        local: sources.local,
        deezer: config.catalogues.deezer,
        tidal: tidal_settings(&config.catalogues),
        yandexmusic: yandex_settings(&config.catalogues),
        ytdlp: ytdlp_settings(&config.ytdlp),
        local_roots: config.lavalink.local_roots.clone().unwrap_or_default(),
        lrclib: config.plugins.lrclib,
        lyrics_first: config.plugins.lyrics_sources.clone(),
        sponsorblock: config.plugins.sponsorblock,
        network: net::Settings {
            connect_timeout: config.lavalink.timeouts.connect,
            read_timeout: config.lavalink.timeouts.socket,
            stall_timeout: config.streams.stall,
            give_up_after: config.streams.give_up_after,
            block_private_addresses: http.block_private_addresses,
            proxy,
            stream_connect_timeout: config.fetching.stream_connect_timeout,
            stream_idle_timeout: config.fetching.stream_idle_timeout,
            resolve_timeout: config.fetching.resolve_timeout,
            read_ahead_bytes: config.fetching.read_ahead_bytes,
            fetching: fetching(&config.fetching),
            // the node sets them, when they fit
            routes: None,
        },
        playlist_bytes: config.limits.playlist_bytes,
        resolves: source::resolves::Settings {
            is_on: config.resolve_cache.enabled,
            keep: config.resolve_cache.ttl,
            keep_live: config.resolve_cache.live_ttl,
            keep_missing: config.resolve_cache.missing_ttl,
            keep_failure: config.resolve_cache.failure_ttl,
            entries: config.resolve_cache.entries,
            bytes: config.resolve_cache.bytes,
            heeds_headers: config.resolve_cache.heeds_headers,
        },
    }
}

fn mirror_settings(config: &Config) -> source::MirrorSettings {
    let providers = config.lavasrc.providers.clone().filter(|it| !it.is_empty());
    let settings = providers.map(|providers| source::MirrorSettings { providers });
    settings.unwrap_or_default()
}

/// `None` when the source is off, or without what its API wants.
fn spotify_settings(config: &config::LavaSrc) -> Option<source::SpotifySettings> {
    let (is_on, config) = (config.is_spotify_on, &config.spotify);
    let is_set = |secret: &Secret| !secret.expose().trim().is_empty();
    let (id, secret) = (&config.client_id, &config.client_secret);
    let credentials = if !id.is_empty() && is_set(secret) {
        let (id, secret) = (id.clone(), secret.clone());
        Some(source::SpotifyCredentials::Client { id, secret })
    } else {
        let endpoint = Some(&config.token_endpoint).filter(|it| is_set(it));
        endpoint.cloned().map(source::SpotifyCredentials::Endpoint)
    };
    if is_on && credentials.is_none() {
        tracing::warn!(
            "the source spotify is off: neither plugins.lavasrc.spotify.clientId and clientSecret nor customTokenEndpoint are set"
        );
        return None;
    }
    is_on.then(|| source::SpotifySettings {
        credentials,
        country: config.country_code.clone(),
        playlist_pages: config.playlist_load_limit,
        album_pages: config.album_load_limit,
        resolve_artists: config.resolve_artists_in_search,
        local_files: config.local_files,
    })
}

fn applemusic_settings(config: &config::AppleMusic) -> source::AppleMusicSettings {
    let is_set = |secret: &Secret| !secret.expose().trim().is_empty();
    let credentials = if is_set(&config.media_api_token) {
        source::AppleMusicCredentials::Token(config.media_api_token.clone())
    } else if is_set(&config.music_kit_key) {
        source::AppleMusicCredentials::Key(source::AppleMusicKey {
            id: config.key_id.clone(),
            team: config.team_id.clone(),
            pem: config.music_kit_key.clone(),
        })
    } else {
        source::AppleMusicCredentials::Player
    };
    source::AppleMusicSettings {
        credentials,
        country: config.country_code.to_ascii_lowercase(),
        playlist_pages: config.playlist_load_limit,
        album_pages: config.album_load_limit,
    }
}

/// `None` when the source is off. The plugin's switch counts where it is set, because files that were written for the plugin
/// switch Lavalink's own source off.
fn youtube_settings(youtube: &config::YouTube) -> Option<source::YouTubeSettings> {
    let is_on = youtube.plugin.unwrap_or(youtube.is_on);
    is_on.then(|| source::YouTubeSettings {
        search: youtube.search && youtube.allow_search,
        video_ids: youtube.allow_video_ids,
        playlist_ids: youtube.allow_playlist_ids,
        playlist_pages: youtube.playlist_pages,
        clients: youtube.clients.clone(),
        options: youtube.client_options.clone(),
        cipher: source::CipherSettings {
            url: youtube.cipher_url.clone(),
            password: youtube.cipher_password.clone(),
            user_agent: youtube.cipher_user_agent.clone(),
        },
        pot: source::PoTokenSettings {
            token: youtube.pot_token.clone(),
            visitor_data: youtube.pot_visitor_data.clone(),
            provider: youtube.pot_provider.clone(),
        },
        oauth: source::OAuthSettings {
            enabled: youtube.oauth,
            refresh_token: youtube.oauth_refresh_token.clone(),
            skip_initialization: youtube.oauth_skip_initialization,
        },
    })
}

/// What the configuration says of the addresses that requests leave from.
///
/// # Errors
/// When that cannot be.
pub(super) fn route_settings(config: &Config) -> anyhow::Result<Option<net::routes::Settings>> {
    let (limit, own) = (&config.lavalink.rate_limit, &config.route_planner);
    let plan = limit.plan().context("lavalink.server.ratelimit")?;
    let probe = own.target().map_err(anyhow::Error::msg);
    let probe = probe.context("routePlanner.probe")?;
    Ok(plan.map(|plan| net::routes::Settings {
        plan,
        search_triggers_fail: limit.search_triggers_fail,
        // as in Lavalink's AudioPlayerConfiguration
        retries: match limit.retry_limit {
            ..0 => 10,
            0 => u32::MAX,
            limit => limit.unsigned_abs(),
        },
        has_all_traffic: own.has_all_traffic,
        probe,
    }))
}

/// `None` when the source is off, or without what its API wants.
fn tidal_settings(config: &config::Catalogues) -> Option<source::TidalSettings> {
    if config.tidal && config.tidal_token.expose().trim().is_empty() {
        tracing::warn!("the source tidal is off: plugins.lavasrc.tidal.token is not set");
        return None;
    }
    config.tidal.then(|| source::TidalSettings {
        country: config.tidal_country.clone(),
        search_limit: config.tidal_search_limit,
        token: config.tidal_token.clone(),
    })
}

/// `None` when the source is off, or without what its API wants.
fn yandex_settings(config: &config::Catalogues) -> Option<source::YandexMusicSettings> {
    if config.yandexmusic && config.yandex_token.expose().trim().is_empty() {
        tracing::warn!(
            "the source yandexmusic is off: plugins.lavasrc.yandexmusic.accessToken is not set"
        );
        return None;
    }
    let proxy = Address::parse(&config.yandex_proxy).and_then(|address| {
        let url = address.url();
        Some(net::Proxy {
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
            credentials: (!config.yandex_proxy_user.is_empty()).then(|| {
                let user = config.yandex_proxy_user.clone();
                (user, config.yandex_proxy_password.clone())
            }),
        })
    });
    if proxy.is_none() && !config.yandex_proxy.is_empty() {
        tracing::warn!(
            "plugins.lavasrc.yandexmusic.proxy.url is no URL such as http://host:port, and is not used"
        );
    }
    config.yandexmusic.then(|| source::YandexMusicSettings {
        token: config.yandex_token.clone(),
        playlist_pages: config.yandex_playlist_pages,
        album_pages: config.yandex_album_pages,
        artist_pages: config.yandex_artist_pages,
        proxy,
    })
}

fn ytdlp_settings(config: &config::YtDlp) -> source::YtDlpSettings {
    let config = config.clone();
    source::YtDlpSettings {
        enabled: config.enabled,
        youtube: config.youtube,
        path: config.path,
        processes: config.processes,
        queue: config.queue,
        timeout: config.timeout,
        memory_bytes: config.memory_bytes,
        sites: config.sites,
        denied_sites: config.denied_sites,
        arguments: config.arguments,
        load_arguments: config.load_arguments,
        playback_arguments: config.playback_arguments,
        search_limit: config.search_limit,
        mix_limit: config.mix_limit,
        playlist_limit: config.playlist_limit,
    }
}

/// What is built in of sites, and what the configuration says of them.
fn fetching(config: &config::Fetching) -> net::manner::Fetching {
    let mut all = net::manner::Fetching {
        manner: net::manner::Manner {
            fragments: config.fragments,
            chunk_bytes: config.chunk_bytes,
            request_bytes: Some(config.request_bytes).filter(|bytes| *bytes > 0),
        },
        max_bytes: config.max_bytes,
        ..net::manner::Fetching::default()
    };
    for (name, said) in &config.sites {
        let site = all.sites.entry(name.clone()).or_default();
        site.fragments = said.fragments.or(site.fragments);
        site.chunk_bytes = said.chunk_bytes.or(site.chunk_bytes);
        site.request_bytes = said.request_bytes.or(site.request_bytes);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_of_sources_reach_them() {
        let mut config = Config::default();
        config.lavalink.sources.soundcloud_search = false;
        config.lavalink.sources.soundcloud_filter_previews = true;
        config.sites.data_file = Some("sites.json".into());
        let settings = source_settings(&config);
        let wanted = source::SoundCloudSettings {
            search: false,
            filter_previews: true,
        };
        assert_eq!(settings.soundcloud, Some(wanted));
        assert_eq!(settings.site_data, config.sites.data_file);
        let plugins = &mut config.plugins;
        plugins.lrclib = true;
        plugins.sponsorblock = false;
        plugins.lyrics_sources = vec!["lrcLib".into()];
        let settings = source_settings(&config);
        assert!(settings.lrclib && !settings.sponsorblock);
        assert_eq!(settings.lyrics_first, ["lrcLib"]);
        config.lavalink.sources.soundcloud = false;
        config.lavalink.sources.bandcamp = false;
        config.lavalink.sources.twitch = false;
        config.lavalink.sources.nico = true;
        let settings = source_settings(&config);
        assert!(settings.soundcloud.is_none() && !settings.bandcamp);
        assert!(!settings.twitch && settings.vimeo && settings.nico);
        config.lavalink.sources.vimeo = false;
        assert!(!source_settings(&config).vimeo);
    }

    #[test]
    fn the_plugin_s_block_switches_its_source_on_whatever_lavalink_s_own_switch_says() {
        let is_on = |is_on, plugin| {
            let mut config = Config::default();
            config.youtube.is_on = is_on;
            config.youtube.plugin = plugin;
            source_settings(&config).youtube.is_some()
        };
        assert!(is_on(true, None) && is_on(false, Some(true)));
        assert!(!is_on(false, None) && !is_on(true, Some(false)));
    }

    #[test]
    fn keys_of_lavasrc_reach_the_sources() {
        let mut config = Config::default();
        assert_eq!(source_settings(&config).mirror.providers.len(), 2);
        config.lavasrc.providers = Some(vec!["scsearch:%QUERY%".into()]);
        config.lavasrc.is_spotify_on = true;
        config.lavasrc.is_applemusic_on = true;
        config.lavasrc.spotify.client_id = "id".into();
        config.lavasrc.spotify.token_endpoint = Secret::new("http://tokens.example/");
        config.lavasrc.applemusic.country_code = "DE".into();
        let settings = source_settings(&config);
        assert_eq!(settings.mirror.providers, ["scsearch:%QUERY%"]);
        let spotify = settings.spotify.expect("it is on");
        // half a pair is none
        let endpoint = source::SpotifyCredentials::Endpoint(Secret::new("http://tokens.example/"));
        assert_eq!(spotify.credentials, Some(endpoint));
        assert_eq!((&*spotify.country, spotify.playlist_pages), ("US", 6));
        let apple = settings.applemusic.expect("it is on");
        assert_eq!(apple.credentials, source::AppleMusicCredentials::Player);
        assert_eq!((&*apple.country, apple.album_pages), ("de", 6));
        config.lavasrc.spotify.client_secret = Secret::new("secret");
        let spotify = source_settings(&config).spotify.expect("it is on");
        let credentials = spotify.credentials.expect("some");
        assert!(matches!(
            credentials,
            source::SpotifyCredentials::Client { .. }
        ));
    }

    #[test]
    fn what_is_said_of_addresses_reaches_the_route_planner() {
        let block = |text: &str, prefix| {
            net::route_planner::Block::new(text.parse().expect("an address"), prefix)
        };
        let mut config = Config::default();
        assert_eq!(route_settings(&config).expect("no blocks"), None);
        let limit = &mut config.lavalink.rate_limit;
        limit.ip_blocks = block("192.0.2.0", 24).map(|block| vec![block]);
        let routes = |config: &Config| route_settings(config).expect("right").expect("blocks");
        // reference, 5.2: the default of retries
        assert_eq!(routes(&config).retries, 10);
        let probe = Some(("www.youtube.com".to_owned(), 443));
        assert_eq!(routes(&config).probe, probe);
        for (limit, retries) in [(0, u32::MAX), (3, 3)] {
            config.lavalink.rate_limit.retry_limit = limit;
            assert_eq!(routes(&config).retries, retries);
        }
        config.route_planner.probe = String::new();
        assert_eq!(routes(&config).probe, None);
        config.route_planner.probe = "nowhere".to_owned();
        assert!(route_settings(&config).is_err());
        config.route_planner.probe = String::new();
        config.lavalink.rate_limit.strategy = net::route_planner::Strategy::NanoSwitch;
        assert!(route_settings(&config).is_err());
    }

    #[test]
    fn what_is_said_of_youtube_reaches_it() {
        let mut config = Config::default();
        let youtube = &mut config.youtube;
        youtube.cipher_url = "http://localhost:8001".parse().ok();
        youtube.pot_visitor_data = "visitor".into();
        youtube.oauth = true;
        let settings = source_settings(&config).youtube.expect("it is on");
        assert_eq!(settings.cipher.url, config.youtube.cipher_url);
        assert_eq!(settings.pot.visitor_data, "visitor");
        assert!(settings.oauth.enabled && !settings.oauth.skip_initialization);
    }
}
