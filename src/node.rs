//! Owns: the composition root: builds all parts from the configuration, starts them, and stops them in order.
//! Never knows: how any part works.

mod governed;
mod memory;
mod sources;
mod supervisor;

pub(crate) use sources::source_settings;

use crate::{
    config::{self, Config},
    dsp::{self, FilterSpec},
    error::Failure,
    frame::{FrameReader, Underruns},
    governor::{
        self, Monitor,
        advice::Wishes,
        policy::{Each, Pace},
        quality::Rules,
        steering,
    },
    output::{
        self, Output,
        device::{self, Device, Devices, Refusal},
        voice,
    },
    playback::{self, Engine, admission::Admission, encode},
    player::{Call, OnSound, OnVoice, Run, Sound, World, machine, note::Quality},
    protocol::filters::{self, Filters},
    server, session,
    source::Registry,
    stats::system::System,
    track::{LoadResult, Track, lyrics::Lyrics, marks::Marks},
};
use anyhow::Context;
use futures_util::future::BoxFuture;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use supervisor::Supervisor;
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};

/// How long everything may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How long sound cards may take for what they have been given: they hold a tenth of a second or so.
pub(crate) const DRAIN_WITHIN: Duration = Duration::from_secs(1);
/// Threads for sockets: they wait far more than they work, so a few serve thousands of players.
const MAX_NET_THREADS: usize = 4;

/// Runs the node until it is told to stop (SIGTERM, SIGINT).
///
/// # Errors
/// When it cannot start: the port is taken, a file cannot be read.
pub fn run(config: Config) -> anyhow::Result<()> {
    if config::profile::IS_FOR_LOW_MEMORY {
        memory::share_one_heap();
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(MAX_NET_THREADS))
        .thread_name("net")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        let supervisor = Supervisor::of_this_process();
        let node = Node::start(config).await?;
        // ends with the runtime
        tokio::spawn(memory::give_back_often());
        supervisor.ready(node.address);
        tokio::select! {
            told = told_to_stop() => told.context("cannot wait for signals")?,
            () = supervisor.watch(|| node.roll_call()) => {}
        }
        tracing::info!("stopping");
        supervisor.stopping();
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
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let devices = device::devices(&device_settings(&config));
        Self::start_with(config, devices).await
    }

    /// The same with another way to sound cards, for tests.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    #[expect(
        clippy::disallowed_methods,
        reason = "the start of the program, and the clock of its figures"
    )]
    pub async fn start_with(config: Config, devices: Arc<dyn Devices>) -> anyhow::Result<Self> {
        let mut sources = source_settings(&config);
        sources.network.routes = sources::route_settings(&config)?;
        let sources = Arc::new(Registry::new(sources));
        let dials = steering::dials();
        let engine = Engine::new(workers(&config), playback_settings(&config));
        let world = Arc::new(NodeWorld {
            engine: engine.heeding(dials.clone()),
            sources: sources.clone(),
            voice: voice::Voice::new(voice_settings(&config)),
            devices,
            stuck_after: config.lavalink.track_stuck_threshold,
            underruns: Arc::default(),
            admission: Admission::new(config.resources.max_concurrent_tracks),
            quality: watch::Sender::default(),
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
        let mut app = server::App::new(server_settings(&config), sessions.clone(), sources, system);
        let mut steering = config
            .resources
            .adaptive_quality
            .then(|| governed::steering(&config, &world, dials));
        let board = steering.as_ref().map(|steering| steering.board().clone());
        let heed = move |now, readings| {
            if let Some(steering) = &mut steering {
                steering.heed(now, readings);
            }
        };
        let monitor = Monitor::start(monitor_settings(&config), wishes(&config), heed);
        match (&monitor, board) {
            (Ok(_), Some(board)) => app = app.governed(board),
            (Err(why), Some(_)) => tracing::warn!("quality is not lowered when needed: {why}"),
            (_, None) => {}
        }
        let app = app.watching(monitor);
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

    /// Returns once a session (if there is any) and a thread that decodes have answered.
    async fn roll_call(&self) {
        let (say, said) = oneshot::channel();
        self.world.engine.roll_call(move || {
            // whoever asked may have gone
            let _ = say.send(());
        });
        self.sessions.roll_call().await;
        if said.await.is_err() {
            // the pool has ended and will never answer
            std::future::pending::<()>().await;
        }
    }

    /// Stops accepting, tells clients, ends players, says goodbye to voice servers; within five seconds. What does not end
    /// by then is named and left.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let until = tokio::time::Instant::now() + STOP_WITHIN;
        in_time(until, "the sessions", self.sessions.shutdown()).await;
        in_time(until, "the voice connections", self.world.voice.drained()).await;
        let devices = self.world.devices.clone();
        let drained = tokio::task::spawn_blocking(move || devices.drained(DRAIN_WITHIN));
        in_time(until, "the sound cards", drained).await;
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
    devices: Arc<dyn Devices>,
    stuck_after: Duration,
    underruns: Arc<Underruns>,
    admission: Admission,
    quality: watch::Sender<Option<Quality>>,
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
            format: run.format,
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

    fn open(
        &self,
        name: Arc<str>,
        events: OnVoice,
    ) -> BoxFuture<'static, Result<Box<dyn Output>, Refusal>> {
        let devices = self.devices.clone();
        Box::pin(blocking(move || devices.open(&name, events)))
    }

    fn devices(&self) -> BoxFuture<'static, Result<Vec<Device>, Failure>> {
        let devices = self.devices.clone();
        Box::pin(blocking(move || devices.list()))
    }

    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn quality(&self) -> watch::Receiver<Option<Quality>> {
        self.quality.subscribe()
    }

    fn panics(&self) -> u64 {
        self.engine.panics()
    }

    fn underruns(&self) -> Arc<Underruns> {
        self.underruns.clone()
    }
}

/// Does what the sound system may take its time for, on a thread where that harms nobody.
async fn blocking<T: Send + 'static, E: From<Failure> + Send + 'static>(
    act: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let done = tokio::task::spawn_blocking(act).await;
    done.unwrap_or_else(|broken| {
        Err(Failure::fault("The sound system broke.")
            .because(broken)
            .into())
    })
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

/// What the configuration says of sound cards.
pub(crate) fn device_settings(config: &Config) -> device::Settings {
    let audio = &config.arm_audio;
    let frames = |count: u32| Some(count).filter(|count| *count > 0);
    device::Settings {
        backend: audio.backend,
        device: audio.device.clone(),
        sample_rate: audio.sample_rate,
        channels: audio.channels,
        buffer_frames: frames(audio.buffer_size),
        period_frames: frames(audio.period_size),
        is_low_latency: audio.low_latency,
        is_realtime: config.voice.realtime,
        volume: audio.volume,
        mixer: Some(audio.mixer.clone()).filter(|name| !name.is_empty()),
    }
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

/// When quality is lowered.
fn governor_rules(config: &Config) -> Rules {
    let resources = &config.resources;
    let threshold = |value: u8| (value > 0).then(|| f32::from(value));
    Rules {
        is_on: resources.adaptive_quality,
        thresholds: Each {
            cpu: threshold(resources.cpu_threshold),
            memory: threshold(resources.memory_threshold),
            temperature: threshold(resources.temperature_threshold),
        },
        pace: Pace::new(resources.reaction, resources.recovery),
    }
}

/// What the configuration says of watching the machine.
fn monitor_settings(config: &Config) -> governor::Settings {
    governor::Settings {
        is_on: config.monitoring.enabled,
        interval: config.monitoring.interval,
    }
}

/// What this node would like of its machine.
fn wishes(config: &Config) -> Wishes {
    let priority = u32::try_from(output::PRIORITY).unwrap_or(0);
    Wishes {
        realtime_priority: if config.voice.realtime { priority } else { 0 },
        is_for_low_memory: config::profile::IS_FOR_LOW_MEMORY,
    }
}

fn session_settings(config: &Config) -> session::Settings {
    let defaults = session::Settings::default();
    session::Settings {
        player: machine::Settings {
            update_every: config.lavalink.player_update_interval,
            stuck_after: config.lavalink.track_stuck_threshold,
            device: (config.arm_audio.backend != device::Backend::None)
                .then(|| config.arm_audio.device.as_str().into()),
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
    fn categories_of_segments_reach_the_sessions() {
        let mut config = Config::default();
        config.plugins.sponsorblock_categories = vec!["sponsor".into()];
        assert_eq!(session_settings(&config).categories, ["sponsor"]);
    }

    /// Tests and tools start modules with their own defaults; what they show must hold for a node, too.
    #[test]
    fn defaults_of_the_configuration_are_those_of_the_modules() {
        fn assert_same(from_config: &impl Debug, own: &impl Debug) {
            assert_eq!(format!("{from_config:#?}"), format!("{own:#?}"));
        }
        let config = Config::default();
        assert_same(&playback_settings(&config), &playback::Settings::default());
        assert_same(
            &source_settings(&config),
            &crate::source::Settings::default(),
        );
        assert_same(&voice_settings(&config), &voice::Settings::default());
        assert_same(&monitor_settings(&config), &governor::Settings::default());
        assert_same(&device_settings(&config), &device::Settings::default());
        let rules = Rules {
            // a matter of the build
            is_on: config.resources.adaptive_quality,
            ..Rules::default()
        };
        assert_same(&governor_rules(&config), &rules);
        assert_same(&session_settings(&config), &session::Settings::default());
        let server = server_settings(&config);
        assert_same(&server.limits, &server::Limits::default());
        assert_same(&server.request_log, &server::RequestLog::default());
    }
}
