//! Owns: the settings that have an effect, as plain typed values.
//! Never knows: how they are written in a file, and what the modules do with them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use url::Url;

use crate::{
    dsp::{ResamplingQuality, TimescalePosition},
    net::route_planner::{Block, Mistake, Plan, Strategy},
    server::RequestLog,
    session::Audience,
    units::Secret,
};

use super::{Profile, schema};

/// A value before the table's defaults are set: zero, empty, off. Only the table knows real defaults.
trait Blank {
    fn blank() -> Self;
}

impl<T: Default> Blank for T {
    fn blank() -> Self {
        T::default()
    }
}

/// A group of settings: the struct and its blank form. It has no `Default` of its own, because [`Config`]'s is the true one.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            pub(in crate::config) fn blank() -> Self {
                Self { $($field: <$type>::blank(),)* }
            }
        }
    };
}

mod arm_audio;
mod lavasrc;
mod monitoring;
mod resources;

pub use arm_audio::ArmAudio;
pub use lavasrc::{AppleMusic, LavaSrc, Spotify};
pub use monitoring::Monitoring;
pub use resources::Resources;

/// All settings. [`Default`] gives those of the table, with an empty password (which `load` refuses) and whatever the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `server`: where the node listens.
    pub server: Server,
    /// `lavalink.server`: the node itself.
    pub lavalink: Lavalink,
    /// The YouTube source.
    pub youtube: YouTube,
    /// `metrics.prometheus`.
    pub metrics: Metrics,
    /// `logging`.
    pub logging: Logging,
    /// `plugins.lavasrc`: mirrors.
    pub lavasrc: LavaSrc,
    /// `sites`: our own keys for what is known of sites.
    pub sites: Sites,
    /// `routePlanner`: our own keys beside `ratelimit`.
    pub route_planner: RoutePlanner,
    /// `resolve.cache`: our own keys for what is remembered of loads.
    pub resolve_cache: ResolveCache,
    /// Of `plugins.lavasrc`: sources that know tracks, and not their sound.
    pub catalogues: Catalogues,
    /// `ytdlp` and `plugins.lavasrc.ytdlp`.
    pub ytdlp: YtDlp,
    /// `arm.audio`: our own keys for sound cards.
    pub arm_audio: ArmAudio,
    /// `audio`: our own keys for encoding and the decode pool.
    pub audio: Audio,
    /// `voice`: our own keys for the way to Discord.
    pub voice: Voice,
    /// `limits`: our own keys for what clients may ask of the node.
    pub limits: Limits,
    /// `streams`: our own keys for radio stations.
    pub streams: Streams,
    /// `fetching`: our own keys for how sound is fetched.
    pub fetching: Fetching,
    /// `plugins`: keys of what plugins of Lavalink have made standard.
    pub plugins: Plugins,
    /// `extensions`: our own keys for what Lavalink does not have.
    pub extensions: Extensions,
    /// Of `arm.resources`: watching the machine.
    pub monitoring: Monitoring,
    /// `arm.profile`: whose defaults others have; `None`: those of the build.
    pub profile: Option<Profile>,
    /// `arm.resources`: when quality is lowered, and how much is taken on.
    pub resources: Resources,
}

impl Config {
    pub(super) fn blank() -> Self {
        Self {
            server: Server::blank(),
            lavalink: Lavalink::blank(),
            youtube: YouTube::blank(),
            metrics: Metrics::blank(),
            logging: Logging::blank(),
            lavasrc: LavaSrc::blank(),
            sites: Sites::blank(),
            route_planner: RoutePlanner::blank(),
            resolve_cache: ResolveCache::blank(),
            catalogues: Catalogues::blank(),
            ytdlp: YtDlp::blank(),
            arm_audio: ArmAudio::blank(),
            audio: Audio::blank(),
            voice: Voice::blank(),
            limits: Limits::blank(),
            streams: Streams::blank(),
            fetching: Fetching::blank(),
            plugins: Plugins::blank(),
            extensions: Extensions::blank(),
            monitoring: Monitoring::blank(),
            profile: None,
            resources: Resources::blank(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        schema::defaults()
    }
}

section! {
    /// Where the node listens.
    Server {
        /// TCP port; 0 takes any free one.
        port: u16,
        /// Address to listen on; `0.0.0.0` is every IPv4 interface.
        address: ListenAddress,
        /// Whether HTTP/2 is spoken too.
        http2: bool,
    }
}

/// An address to listen on; blank is `0.0.0.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress(pub IpAddr);

impl Default for ListenAddress {
    fn default() -> Self {
        Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

section! {
    /// The node itself.
    Lavalink {
        /// What clients send as `Authorization`. Never empty after `load`.
        password: Secret,
        /// Which sources are on.
        sources: Sources,
        /// Which filters are on.
        filters: Filters,
        /// Frames kept ready per player; 200 ms to 60 s.
        frame_buffer: Duration,
        /// Opus complexity, 0–10.
        opus_encoding_quality: u8,
        /// Lavalink's resampler choice.
        resampling_quality: ResamplingQuality,
        /// Silence of a source after which a track counts as stuck; at least 100 ms.
        track_stuck_threshold: Duration,
        /// Whether the buffered frames go on playing until a seek has arrived.
        use_seek_ghosting: bool,
        /// Time between `playerUpdate` messages; whole seconds, at least 1.
        player_update_interval: Duration,
        /// Directories to which `local` is confined. `None`: any path.
        local_roots: Option<Vec<PathBuf>>,
        /// Addresses that requests of sources leave from.
        rate_limit: RateLimit,
        /// Outgoing HTTP of all sources.
        http: HttpConfig,
        /// Limits of outgoing connections.
        timeouts: Timeouts,
    }
}

section! {
    /// Which sources are on.
    Sources {
        /// Bandcamp.
        bandcamp: bool,
        /// SoundCloud.
        soundcloud: bool,
        /// Whether SoundCloud is searched (`soundcloudSearchEnabled`).
        soundcloud_search: bool,
        /// Whether tracks of SoundCloud are refused of which only a preview is free (`soundcloudFilterOutPreviewTracks`).
        soundcloud_filter_previews: bool,
        /// Twitch.
        twitch: bool,
        /// Vimeo.
        vimeo: bool,
        /// Niconico.
        nico: bool,
        /// Any HTTP URL.
        http: bool,
        /// Files of this machine.
        local: bool,
    }
}

section! {
    /// The YouTube source: keys of Lavalink's, and `plugins.youtube`.
    YouTube {
        /// `sources.youtube`.
        is_on: bool,
        /// Whether the plugin is on: what `plugins.youtube.enabled` says, or on where any other key of the plugin is set.
        /// `None`: nothing is said of it.
        plugin: Option<bool>,
        /// `youtubeSearchEnabled`.
        search: bool,
        /// `youtubePlaylistLoadLimit`: pages of a playlist that are read.
        playlist_pages: usize,
        /// `allowSearch`.
        allow_search: bool,
        /// `allowDirectVideoIds`.
        allow_video_ids: bool,
        /// `allowDirectPlaylistIds`.
        allow_playlist_ids: bool,
        /// `clients`, in order; `None`: as is known of the site.
        clients: Option<Vec<String>>,
        /// `clientOptions`: what clients may be asked for, by names such as `ANDROID_VR.playback`.
        client_options: BTreeMap<String, bool>,
        /// `remoteCipher.url`: a cipher server.
        cipher_url: Option<Url>,
        /// `remoteCipher.password`; empty: none.
        cipher_password: Secret,
        /// `remoteCipher.userAgent`.
        cipher_user_agent: String,
        /// `pot.token`; empty: none.
        pot_token: Secret,
        /// `pot.visitorData`; empty: none.
        pot_visitor_data: String,
        /// `pot.provider`, a key of our own: a server that makes po-tokens.
        pot_provider: Option<Url>,
        /// `oauth.enabled`.
        oauth: bool,
        /// `oauth.refreshToken`; empty: none.
        oauth_refresh_token: Secret,
        /// `oauth.skipInitialization`.
        oauth_skip_initialization: bool,
    }
}

section! {
    /// Which filters are on: `lavalink.server.filters`, all by default.
    Filters {
        /// Switches by name, with Lavalink's spelling for its ten; any other name for filters of plugins.
        switches: BTreeMap<String, bool>,
    }
}

impl Filters {
    /// Whether a filter may be used: on, or never mentioned (as Lavalink has it). Names are Lavalink's, case counts.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.switches.get(name).copied().unwrap_or(true)
    }

    /// The names that are switched off, sorted.
    pub fn off(&self) -> impl Iterator<Item = &str> {
        self.switches
            .iter()
            .filter(|(_, on)| !**on)
            .map(|(name, _)| name.as_str())
    }
}

section! {
    /// `lavalink.server.httpConfig`: outgoing HTTP of all sources.
    HttpConfig {
        /// Host of an HTTP proxy; empty: none.
        proxy_host: String,
        /// Its port.
        proxy_port: u16,
        /// User for basic authentication; empty: none.
        proxy_user: String,
        /// Password for it.
        proxy_password: Secret,
        /// Whether addresses of private networks are refused, after redirects and DNS answers and for voice servers too.
        block_private_addresses: bool,
    }
}

section! {
    /// `lavalink.server.ratelimit`: the addresses that requests of sources leave from.
    RateLimit {
        /// Blocks of this machine's addresses; none: the system chooses.
        ip_blocks: Option<Vec<Block>>,
        /// Addresses of them that are not used.
        excluded_ips: Option<Vec<IpAddr>>,
        /// How one is chosen.
        strategy: Strategy,
        /// Whether a search that is answered 429 marks its address as failing.
        search_triggers_fail: bool,
        /// How often a request is made again from another address: −1 is 10, 0 without limit.
        retry_limit: i32,
    }
}

impl RateLimit {
    /// What it says, if there are blocks.
    ///
    /// # Errors
    /// When the strategy cannot work with the blocks.
    pub fn plan(&self) -> Result<Option<Plan>, Mistake> {
        let Some(blocks) = self.ip_blocks.clone().filter(|blocks| !blocks.is_empty()) else {
            return Ok(None);
        };
        let excluded = self.excluded_ips.iter().flatten().copied();
        Plan::new(self.strategy, blocks, excluded).map(Some)
    }
}

section! {
    /// `routePlanner`: our own keys.
    RoutePlanner {
        /// Whether requests for any URL that a user names leave from these addresses too, not only those to sites.
        has_all_traffic: bool,
        /// Host and port that the test at the start connects to; empty: none.
        probe: String,
    }
}

impl RoutePlanner {
    /// What [`probe`](Self::probe) names; `None`: nothing.
    ///
    /// # Errors
    /// What it should be.
    pub fn target(&self) -> Result<Option<(String, u16)>, &'static str> {
        const SHAPE: &str = "no host and port, such as www.youtube.com:443";
        if self.probe.is_empty() {
            return Ok(None);
        }
        let (host, port) = self.probe.rsplit_once(':').ok_or(SHAPE)?;
        let port = port.parse().map_err(|_| SHAPE)?;
        match host.is_empty() {
            true => Err(SHAPE),
            false => Ok(Some((host.to_owned(), port))),
        }
    }
}

section! {
    /// `resolve.cache`: our own keys. A time of 0 keeps nothing.
    ResolveCache {
        /// Whether loads are remembered, or shared.
        enabled: bool,
        /// For what was found.
        ttl: Duration,
        /// For what has no end.
        live_ttl: Duration,
        /// For what was not found.
        missing_ttl: Duration,
        /// For refusals.
        failure_ttl: Duration,
        /// Identifiers that are remembered.
        entries: usize,
        /// Bytes of them and of what they led to.
        bytes: usize,
        /// Whether `Cache-Control` and `Expires` of answers are heeded.
        heeds_headers: bool,
    }
}

section! {
    /// `lavalink.server.timeouts`: limits of outgoing connections, 1 ms to 10 minutes.
    Timeouts {
        /// To connect.
        connect: Duration,
        /// Between two reads.
        socket: Duration,
    }
}

section! {
    /// `metrics.prometheus`.
    Metrics {
        /// Whether the endpoint exists.
        enabled: bool,
        /// Its path, with a leading `/`.
        endpoint: String,
        /// Whether the path was written by the user. Only then the endpoint is open without the password
        /// (reference section 5.2: the default of the exemption is `""`).
        is_endpoint_explicit: bool,
    }
}

section! {
    /// `logging`.
    Logging {
        /// Directory of log files; `None`: none.
        file_path: Option<PathBuf>,
        /// Size at which a log file is closed, in bytes.
        max_file_bytes: u64,
        /// Closed log files kept, 0–1000.
        max_history: u32,
        /// Levels by logger, as written; [`logger`](super::logger) knows which parts of the program a name stands for.
        levels: BTreeMap<String, LogLevel>,
        /// `logging.request`: what is logged of requests.
        request: RequestLog,
    }
}

/// A level of `logging.level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// For developers.
    Debug,
    /// The normal course.
    #[default]
    Info,
    /// Odd, but working.
    Warn,
    /// Failed. `FATAL` is this, too.
    Error,
    /// Nothing.
    Off,
}

impl LogLevel {
    /// In the order in which the table lists them; `FATAL` comes after `ERROR` there.
    pub(super) const ALL: [Self; 8] = [
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Error,
        Self::Off,
        Self::Off,
    ];

    /// As `tracing`'s filter directives spell it.
    #[must_use]
    pub const fn as_directive(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Off => "off",
        }
    }
}

section! {
    /// `sites`: our own keys.
    Sites {
        /// A file that replaces parts of what is known of sites; read again when it changes.
        data_file: Option<PathBuf>,
    }
}

section! {
    /// Of `plugins.lavasrc`: Deezer, Tidal and Yandex Music.
    Catalogues {
        /// Whether Deezer is on.
        deezer: bool,
        /// Whether Tidal is on.
        tidal: bool,
        /// Its catalogue's country, as two letters.
        tidal_country: String,
        /// Hits of its searches.
        tidal_search_limit: usize,
        /// What its API wants; without it the source is not there.
        tidal_token: Secret,
        /// Whether Yandex Music is on.
        yandexmusic: bool,
        /// What its API wants; without it the source is not there.
        yandex_token: Secret,
        /// Pages of a playlist there, of 100 tracks each.
        yandex_playlist_pages: usize,
        /// Pages of an album, of 50 tracks each.
        yandex_album_pages: usize,
        /// Pages of an artist's tracks, of 10 each.
        yandex_artist_pages: usize,
        /// The URL of a proxy for its requests alone; empty: none.
        yandex_proxy: String,
        /// User of that proxy.
        yandex_proxy_user: String,
        /// Password of that proxy.
        yandex_proxy_password: Secret,
    }
}

section! {
    /// `ytdlp` and `plugins.lavasrc.ytdlp`: the program of last resort.
    YtDlp {
        /// Whether it is asked; `None`: where it is found.
        enabled: Option<bool>,
        /// Whether it stands in for YouTube (`plugins.lavasrc.sources.ytdlp`).
        youtube: bool,
        /// The program, by its name or path.
        path: PathBuf,
        /// Programs at a time.
        processes: usize,
        /// Questions that wait at a time.
        queue: usize,
        /// How long one program may take, 1 s to 10 minutes.
        timeout: Duration,
        /// Writable memory of each process, in bytes; 0: no limit.
        memory_bytes: u64,
        /// The only hosts that it is asked for; any, when there are none.
        sites: Vec<String>,
        /// Hosts that it is never asked for.
        denied_sites: Vec<String>,
        /// Further arguments.
        arguments: Vec<String>,
        /// Those of look-ups (`customLoadArgs`).
        load_arguments: Vec<String>,
        /// Those for finding the sound of a track (`customPlaybackArgs`).
        playback_arguments: Vec<String>,
        /// Hits of a search.
        search_limit: usize,
        /// Tracks of a mix of YouTube.
        mix_limit: usize,
        /// Tracks of any other list.
        playlist_limit: usize,
    }
}

section! {
    /// `audio`: our own keys.
    Audio {
        /// Opus bitrate.
        bitrate: Bitrate,
        /// Threads of the decode pool; 0: one per core.
        workers: usize,
        /// What positions count under a time-scale.
        timescale_position: TimescalePosition,
    }
}

/// `audio.bitrate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bitrate {
    /// libopus chooses (about 99 kbit/s for stereo music in 20 ms frames).
    #[default]
    Auto,
    /// Bits per second, 6000–510000 (the range of `OPUS_SET_BITRATE`).
    Fixed(u32),
}

section! {
    /// `voice`: our own keys.
    Voice {
        /// PEM file of further roots that are trusted for voice gateways.
        ca_file: Option<PathBuf>,
        /// Whether voice gateways are spoken to without TLS; for test benches only.
        plaintext: bool,
        /// Pacing threads; 0: automatic.
        pacers: usize,
        /// Whether the pacing threads ask for real-time priority.
        realtime: bool,
    }
}

section! {
    /// `limits`: our own keys.
    Limits {
        /// Longest request body, in bytes.
        body_bytes: usize,
        /// Longest request head, in bytes.
        header_bytes: usize,
        /// Connections at a time.
        connections: usize,
        /// Sessions at a time, those waiting to be resumed included.
        sessions: usize,
        /// Players of one session.
        players_per_session: usize,
        /// Messages kept for a client that is away.
        resume_events: usize,
        /// Unsent WebSocket bytes of one client before it is cut off.
        outbox_bytes: usize,
        /// Time in which head and body of a request must have arrived.
        request_timeout: Duration,
        /// How much of a playlist file is read, in bytes.
        playlist_bytes: usize,
    }
}

section! {
    /// `streams`: our own keys for radio stations.
    Streams {
        /// Time without a byte after which a station is joined again, and without one taken after which its player counts
        /// as paused; 1 ms to 10 minutes.
        stall: Duration,
        /// Time without sound after which a station is given up, 1 s to a day.
        give_up_after: Duration,
    }
}

section! {
    /// `fetching`: our own keys for how sound is fetched.
    Fetching {
        /// The most connections of one track, 1–16.
        fragments: usize,
        /// The most bytes that those besides the first ask for at a time, 16 KiB to 16 MiB.
        chunk_bytes: u64,
        /// The most bytes that a request asks for; 0: all that is left.
        request_bytes: u64,
        /// What differs for a source, by its name.
        sites: BTreeMap<String, SiteFetching>,
        /// Bytes that are read ahead of what is heard, 64 KiB to 64 MiB.
        read_ahead_bytes: usize,
        /// The most bytes that are held for one track.
        max_bytes: usize,
        /// The longest that looking a track up may take, and finding its sound; 1 ms to 10 minutes.
        resolve_timeout: Duration,
        /// The longest wait for sound to begin to come; `None`: no other limit than `lavalink.server.timeouts`.
        stream_connect_timeout: Option<Duration>,
        /// The longest wait for any more sound; `None`: as `lavalink.server.timeouts` says.
        stream_idle_timeout: Option<Duration>,
    }
}

section! {
    /// What differs for one source; `None` where nothing does.
    SiteFetching {
        /// In place of [`Fetching::fragments`].
        fragments: Option<usize>,
        /// In place of [`Fetching::chunk_bytes`].
        chunk_bytes: Option<u64>,
        /// In place of [`Fetching::request_bytes`].
        request_bytes: Option<u64>,
    }
}

impl Fetching {
    pub(super) fn of_site(&mut self, name: &str) -> &mut SiteFetching {
        let sites = &mut self.sites;
        sites
            .entry(name.to_owned())
            .or_insert_with(SiteFetching::blank)
    }
}

section! {
    /// `plugins`: what plugins of Lavalink have made standard.
    Plugins {
        /// Names of sources that are asked for lyrics before the others (`lavalyrics.sources`).
        lyrics_sources: Vec<String>,
        /// Whether LRCLIB is asked for lyrics (`lavasrc.lyrics-sources.lrcLib`).
        lrclib: bool,
        /// Whether SponsorBlock may be asked for segments (`sponsorblock.enabled`).
        sponsorblock: bool,
        /// Kinds of segments that are skipped where no client says anything (`sponsorblock.categories`).
        sponsorblock_categories: Vec<String>,
    }
}

section! {
    /// `extensions`: our own keys for what Lavalink does not have.
    Extensions {
        /// Who is told events of our own.
        events: Audience,
        /// Whether each player has metrics of its own.
        player_metrics: bool,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_nobody_mentioned_is_on() {
        let filters = Filters {
            switches: BTreeMap::from([("karaoke".to_owned(), false)]),
        };
        assert!(filters.is_on("volume") && !filters.is_on("karaoke"));
        assert_eq!(filters.off().collect::<Vec<_>>(), ["karaoke"]);
    }
}
