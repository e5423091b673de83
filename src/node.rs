//! Owns: the composition root: builds all parts from the configuration, starts them, and stops them in order.
//! Never knows: how any part works.

use crate::{
    config::{self, Config},
    dsp::{self, FilterSpec},
    error::Failure,
    frame::{FrameFormat, FrameReader, Underruns},
    net::{self, address::Address},
    output::{Output, voice},
    playback::{self, Engine, encode},
    player::{Call, OnSound, OnVoice, Run, Sound, World, machine},
    protocol::filters::{self, Filters},
    server, session,
    source::{self, Registry},
    stats::system::System,
    track::{LoadResult, Track, lyrics::Lyrics, marks::Marks},
    units::Secret,
};
use anyhow::Context;
use futures_util::future::BoxFuture;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// How long everything may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// Threads for sockets: they wait far more than they work, so a few serve thousands of players.
const MAX_NET_THREADS: usize = 4;

/// Runs the node until it is told to stop (SIGTERM, SIGINT).
///
/// # Errors
/// When it cannot start: the port is taken, a file cannot be read.
pub fn run(config: Config) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(MAX_NET_THREADS))
        .thread_name("net")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        let node = Node::start(config).await?;
        told_to_stop().await.context("cannot wait for signals")?;
        tracing::info!("stopping");
        node.stop().await;
        Ok(())
    });
    // what is left waits for the network and holds nothing that must be saved
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

/// Returns when the process is asked to end: SIGTERM, SIGINT.
pub(crate) async fn told_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// A running node.
pub struct Node {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    sessions: session::Sessions,
    world: Arc<NodeWorld>,
}

impl Node {
    /// Builds and starts everything; when it returns, clients can connect.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    #[expect(
        clippy::disallowed_methods,
        reason = "the start of the program, and the clock of its figures"
    )]
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let mut sources = source_settings(&config);
        sources.network.routes = route_settings(&config)?;
        let sources = Arc::new(Registry::new(sources));
        let world = Arc::new(NodeWorld {
            engine: Engine::new(workers(&config), playback_settings(&config)),
            sources: sources.clone(),
            voice: voice::Voice::new(voice_settings(&config)),
            stuck_after: config.lavalink.track_stuck_threshold,
            underruns: Arc::default(),
        });
        let system = Arc::new(System::new(Instant::now(), SystemTime::now()));
        let figures = system.clone();
        let sessions = session::Sessions::new(
            session_settings(&config),
            world.clone(),
            Arc::new(move || server::machine_stats(&figures, Instant::now())),
        );
        let (host, port) = (config.server.address.0, config.server.port);
        let listener = TcpListener::bind((host, port))
            .await
            .with_context(|| format!("cannot listen on {host}:{port}"))?;
        let address = listener
            .local_addr()
            .context("the listener has no address")?;
        let app = server::App::new(server_settings(&config), sessions.clone(), sources, system);
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(server::serve(listener, Arc::new(app), stopped));
        tracing::info!(%address, kernels = dsp::instruction_set(), "ready to take connections");
        Ok(Self {
            address,
            stop,
            server,
            sessions,
            world,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, tells clients, ends players, says goodbye to voice servers; within five seconds. What does not end
    /// by then is named and left.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let until = tokio::time::Instant::now() + STOP_WITHIN;
        in_time(until, "the sessions", self.sessions.shutdown()).await;
        in_time(until, "the voice connections", self.world.voice.drained()).await;
        in_time(until, "the HTTP server", self.server).await;
    }
}

async fn in_time<T>(until: tokio::time::Instant, part: &str, ended: impl Future<Output = T>) {
    if tokio::time::timeout_at(until, ended).await.is_err() {
        tracing::warn!("{part} did not end within {STOP_WITHIN:?}");
    }
}

/// The real world of players.
struct NodeWorld {
    engine: Engine,
    sources: Arc<Registry>,
    voice: voice::Voice,
    stuck_after: Duration,
    underruns: Arc<Underruns>,
}

impl World for NodeWorld {
    fn load(&self, identifier: String) -> BoxFuture<'static, Result<LoadResult, Failure>> {
        let sources = self.sources.clone();
        Box::pin(async move { sources.load(&identifier).await })
    }

    fn lyrics(
        &self,
        track: Arc<Track>,
        skip_track_source: bool,
    ) -> BoxFuture<'static, Result<Option<Lyrics>, Failure>> {
        let sources = self.sources.clone();
        Box::pin(async move { sources.lyrics(&track, skip_track_source).await })
    }

    fn marks(
        &self,
        track: Arc<Track>,
        categories: Vec<String>,
    ) -> BoxFuture<'static, Result<Marks, Failure>> {
        let sources = self.sources.clone();
        Box::pin(async move { sources.marks(&track, &categories).await })
    }

    fn has_source(&self, name: &str) -> bool {
        self.sources.has(name)
    }

    fn start(&self, run: Run, events: OnSound) -> Result<(Box<dyn Sound>, FrameReader), Failure> {
        let media = self.sources.open(&run.track)?;
        let request = playback::Request {
            window: media.window,
            hint: media.hint,
            start: run.at,
            volume: run.volume,
            filters: run.filters,
            format: FrameFormat::Opus,
            stuck_after: self.stuck_after,
        };
        let (playback, reader) = self.engine.start(request, events);
        Ok((Box::new(playback), reader))
    }

    fn connect(&self, call: Call, events: OnVoice) -> Box<dyn Output> {
        let target = voice::Target {
            guild: call.guild,
            user: call.user,
            channel: call.target.channel_id,
            session_id: call.target.session_id,
            token: call.target.token,
            endpoint: call.target.endpoint,
        };
        Box::new(self.voice.connect(target, events))
    }

    fn panics(&self) -> u64 {
        self.engine.panics()
    }

    fn underruns(&self) -> Arc<Underruns> {
        self.underruns.clone()
    }
}

/// Reads filters as `PATCH player` has them, for the command line.
///
/// # Errors
/// When the text is not such JSON, or a value cannot be processed: names the field and what is allowed.
pub fn parse_filters(json: &str) -> anyhow::Result<FilterSpec> {
    let filters = Filters::parse(json.as_bytes())?;
    let spec = session::filter_spec(&filters);
    match spec.problem() {
        Some(dsp::Problem {
            field,
            value,
            allowed: (low, high),
        }) => {
            anyhow::bail!("{field} is {value}, but must lie between {low} and {high}")
        }
        None => Ok(spec),
    }
}

fn workers(config: &Config) -> usize {
    match config.audio.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    }
}

/// What the configuration says of playbacks.
pub(crate) fn playback_settings(config: &Config) -> playback::Settings {
    playback::Settings {
        frame_buffer: config.lavalink.frame_buffer,
        quality: encode::Quality {
            complexity: config.lavalink.opus_encoding_quality,
            bitrate: match config.audio.bitrate {
                config::Bitrate::Auto => None,
                config::Bitrate::Fixed(bits) => Some(bits),
            },
        },
        resampling: config.lavalink.resampling_quality,
        seek_ghosting: config.lavalink.use_seek_ghosting,
        timescale_position: config.audio.timescale_position,
    }
}

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
        spotify: config
            .lavasrc
            .is_spotify_on
            .then(|| spotify_settings(&config.lavasrc.spotify)),
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
        ..source::Settings::default()
    }
}

fn mirror_settings(config: &Config) -> source::MirrorSettings {
    let providers = config.lavasrc.providers.clone().filter(|it| !it.is_empty());
    let settings = providers.map(|providers| source::MirrorSettings { providers });
    settings.unwrap_or_default()
}

fn spotify_settings(config: &config::Spotify) -> source::SpotifySettings {
    let is_set = |secret: &Secret| !secret.expose().trim().is_empty();
    let (id, secret) = (&config.client_id, &config.client_secret);
    let credentials = if !id.is_empty() && is_set(secret) {
        let (id, secret) = (id.clone(), secret.clone());
        Some(source::SpotifyCredentials::Client { id, secret })
    } else {
        let endpoint = Some(&config.token_endpoint).filter(|it| is_set(it));
        endpoint.cloned().map(source::SpotifyCredentials::Endpoint)
    };
    source::SpotifySettings {
        credentials,
        country: config.country_code.clone(),
        playlist_pages: config.playlist_load_limit,
        album_pages: config.album_load_limit,
        resolve_artists: config.resolve_artists_in_search,
        local_files: config.local_files,
    }
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
fn route_settings(config: &Config) -> anyhow::Result<Option<net::routes::Settings>> {
    let (limit, own) = (&config.lavalink.rate_limit, &config.route_planner);
    let plan = limit.plan().context("lavalink.server.ratelimit")?;
    let probe = match own.probe.rsplit_once(':') {
        None if own.probe.is_empty() => None,
        Some((host, port)) if !host.is_empty() => {
            let port = port.parse().context("the port of routePlanner.probe")?;
            Some((host.to_owned(), port))
        }
        _ => anyhow::bail!("routePlanner.probe is no host and port, such as www.youtube.com:443"),
    };
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

fn voice_settings(config: &Config) -> voice::Settings {
    voice::Settings {
        roots: config.voice.ca_file.iter().cloned().collect(),
        is_plaintext: config.voice.plaintext,
        max_pacers: config.voice.pacers,
        is_realtime: config.voice.realtime,
        block_private_addresses: config.lavalink.http.block_private_addresses,
        ..voice::Settings::default()
    }
}

fn session_settings(config: &Config) -> session::Settings {
    let defaults = session::Settings::default();
    session::Settings {
        player: machine::Settings {
            update_every: config.lavalink.player_update_interval,
            stuck_after: config.lavalink.track_stuck_threshold,
        },
        categories: config.plugins.sponsorblock_categories.clone(),
        disabled_filters: config.lavalink.filters.off().map(str::to_owned).collect(),
        max_sessions: config.limits.sessions,
        max_players: config.limits.players_per_session,
        outbox_bytes: config.limits.outbox_bytes,
        resume: session::resume::Limits {
            messages: config.limits.resume_events,
            ..defaults.resume
        },
        audience: config.extensions.events,
        ..defaults
    }
}

fn server_settings(config: &Config) -> server::Settings {
    let is_on = |name: &&str| config.lavalink.filters.is_on(name);
    server::Settings {
        password: config.lavalink.password.clone(),
        http2: config.server.http2,
        filters: filters::NAMES
            .iter()
            .copied()
            .filter(is_on)
            .map(str::to_owned)
            .collect(),
        metrics: config.metrics.enabled.then(|| server::Metrics {
            path: config.metrics.endpoint.clone(),
            is_open: config.metrics.is_endpoint_explicit,
            has_players: config.extensions.player_metrics,
        }),
        request_log: config.logging.request.clone(),
        limits: server::Limits {
            body_bytes: config.limits.body_bytes,
            header_bytes: config.limits.header_bytes,
            connections: config.limits.connections,
            request_timeout: config.limits.request_timeout,
            ..server::Limits::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;

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
        plugins.sponsorblock_categories = vec!["sponsor".into()];
        assert_eq!(session_settings(&config).categories, ["sponsor"]);
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

    /// Tests and tools start modules with their own defaults; what they show must hold for a node, too.
    #[test]
    fn defaults_of_the_configuration_are_those_of_the_modules() {
        fn assert_same(from_config: &impl Debug, own: &impl Debug) {
            assert_eq!(format!("{from_config:#?}"), format!("{own:#?}"));
        }
        let config = Config::default();
        assert_same(&playback_settings(&config), &playback::Settings::default());
        assert_same(&source_settings(&config), &source::Settings::default());
        assert_same(&voice_settings(&config), &voice::Settings::default());
        assert_same(&session_settings(&config), &session::Settings::default());
        let server = server_settings(&config);
        assert_same(&server.limits, &server::Limits::default());
        assert_same(&server.request_log, &server::RequestLog::default());
    }
}
