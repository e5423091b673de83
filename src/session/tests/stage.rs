//! Owns: a made-up world for sessions, and a client that notes what it hears.
//! Never knows: what is tested with it.

use super::*;
use crate::{
    dsp::FilterSpec,
    frame::{self, FrameFormat, FrameReader, FrameWriter, ReaderEvent, Underruns},
    player::{
        Admission, Call, Device, OnSound, OnVoice, Output, OutputStats, Refusal, Report, Run,
        Sound, User,
        machine::Play,
        note::{Quality, VoiceTarget},
    },
    protocol::message::{Cpu, Memory},
    track::{LoadResult, Playlist, Track, codec, lyrics::Lyrics, marks::Marks},
    units::{ChannelId, Millis, Samples, Secret, UserId},
};
use futures_util::future::{BoxFuture, FutureExt};
use serde_json::{Map, Value};
use std::sync::Mutex;
use tokio::sync::watch;

pub(super) const GUILD: GuildId = GuildId(1);
pub(super) const USER: UserId = UserId(9);
pub(super) const VOICE: &str =
    r#"{"voice":{"token":"t","endpoint":"e","sessionId":"s","channelId":"3"}}"#;

type Held = Arc<Mutex<Option<FrameReader>>>;

struct Voice {
    events: OnVoice,
    reader: Held,
    is_closed: Arc<Mutex<bool>>,
}

impl Voice {
    fn new(events: OnVoice) -> (Self, Box<dyn Output>) {
        let (reader, is_closed) = (Held::default(), Arc::new(Mutex::new(false)));
        let output = FakeOutput {
            reader: reader.clone(),
            is_closed: is_closed.clone(),
        };
        let voice = Self {
            events,
            reader,
            is_closed,
        };
        (voice, Box::new(output))
    }
}

#[derive(Default)]
struct Props {
    runs: Vec<Run>,
    sounds: Vec<Arc<dyn Fn(Event) + Send + Sync>>,
    writers: Vec<FrameWriter>,
    voices: Vec<Voice>,
    /// Those that were opened, by name.
    devices: Vec<(String, Voice)>,
    underruns: Arc<Underruns>,
    lyrics: Option<Result<Option<Lyrics>, Failure>>,
    marks: Option<Result<Marks, Failure>>,
    /// Tracks whose words were looked up, and whether not at their own source.
    sung: Vec<(String, bool)>,
    sought: Arc<Mutex<Vec<Samples>>>,
}

/// What the governor of a node does.
#[derive(Clone, Default)]
struct Governed {
    admission: Admission,
    quality: watch::Sender<Option<Quality>>,
}

struct FakeSound {
    sought: Arc<Mutex<Vec<Samples>>>,
    /// Whose writer is at this index.
    props: Arc<Mutex<Props>>,
    index: usize,
}

impl Sound for FakeSound {
    fn seek(&self, to: Samples) {
        self.sought.lock().unwrap().push(to);
    }
    fn set_volume(&self, _: u16) {}
    fn set_filters(&self, _: FilterSpec) {}
    fn change_format(&mut self, format: FrameFormat) -> FrameReader {
        let old = &mut self.props.lock().unwrap().writers[self.index];
        let (new, reader) = frame::ring_of(old.progress(), format, 4, 500, || (), |_| ());
        *old = new;
        reader
    }
    fn report(&self) -> Report {
        Report::default()
    }
}

struct FakeOutput {
    reader: Held,
    is_closed: Arc<Mutex<bool>>,
}

impl Output for FakeOutput {
    fn play(&mut self, reader: FrameReader) {
        *self.reader.lock().unwrap() = Some(reader);
    }

    fn stop(&mut self) {
        drop(self.reader.lock().unwrap().take());
    }

    fn set_paused(&mut self, _: bool) {}

    fn stats(&self) -> OutputStats {
        OutputStats::default()
    }

    fn close(self: Box<Self>) {
        *self.is_closed.lock().unwrap() = true;
    }
}

impl Drop for FakeOutput {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(super) fn encoded(name: &str) -> String {
    encoded_by(name, "http")
}

pub(super) fn encoded_by(name: &str, source: &str) -> String {
    codec::encode(&Track::sample(name, source), 0).unwrap()
}

pub(super) fn target() -> VoiceTarget {
    VoiceTarget {
        endpoint: "e".into(),
        token: Secret::new("t"),
        session_id: "s".into(),
        channel_id: ChannelId(3),
    }
}

pub(super) fn play(name: &str) -> Play {
    Play {
        track: Track::sample(name, "http"),
        position: Some(Millis(0)),
        end_time: None,
        user_data: Map::new(),
    }
}

pub(super) fn update(body: &str) -> rest::PlayerUpdate {
    rest::PlayerUpdate::parse(body.as_bytes()).unwrap()
}

#[derive(Clone, Default)]
struct FakeWorld(Arc<Mutex<Props>>, Governed);

impl World for FakeWorld {
    fn load(&self, identifier: String) -> BoxFuture<'static, Result<LoadResult, Failure>> {
        async move {
            match identifier.as_str() {
                "nothing" => Ok(LoadResult::Empty),
                "broken" => Err(Failure::common("the site is down")),
                "slow" => std::future::pending().await,
                "list" => Ok(LoadResult::Playlist(Playlist {
                    name: "l".into(),
                    selected: None,
                    plugin_info: Map::new(),
                    tracks: vec![],
                })),
                name => Ok(LoadResult::Track(Box::new(Track::sample(name, "http")))),
            }
        }
        .boxed()
    }

    fn lyrics(
        &self,
        track: Arc<Track>,
        skip_track_source: bool,
    ) -> BoxFuture<'static, Result<Option<Lyrics>, Failure>> {
        let mut props = self.0.lock().unwrap();
        let name = track.info.identifier.clone();
        props.sung.push((name, skip_track_source));
        let found = props.lyrics.clone().unwrap_or(Ok(None));
        async { found }.boxed()
    }

    fn marks(&self, _: Arc<Track>, _: Vec<String>) -> BoxFuture<'static, Result<Marks, Failure>> {
        let found = self.0.lock().unwrap().marks.clone();
        async { found.unwrap_or_else(|| Ok(Marks::default())) }.boxed()
    }

    fn admission(&self) -> &Admission {
        &self.1.admission
    }

    fn quality(&self) -> watch::Receiver<Option<Quality>> {
        self.1.quality.subscribe()
    }

    fn panics(&self) -> u64 {
        0
    }

    fn underruns(&self) -> Arc<Underruns> {
        self.0.lock().unwrap().underruns.clone()
    }

    fn has_source(&self, name: &str) -> bool {
        name == "http"
    }

    fn start(&self, run: Run, events: OnSound) -> Result<(Box<dyn Sound>, FrameReader), Failure> {
        if run.track.info.identifier == "unopenable" {
            return Err(Failure::common("no such file"));
        }
        let events: Arc<dyn Fn(Event) + Send + Sync> = Arc::from(events);
        let tell = events.clone();
        let notify = move |event| {
            // the rest is told by the tests themselves
            if matches!(event, ReaderEvent::Gap(_)) {
                tell(Event::Reader(event));
            }
        };
        let (writer, reader) = frame::ring(run.format, 4, 500, || (), notify);
        let mut props = self.0.lock().unwrap();
        props.runs.push(run);
        props.sounds.push(events);
        props.writers.push(writer);
        let sound = FakeSound {
            sought: props.sought.clone(),
            props: self.0.clone(),
            index: props.writers.len() - 1,
        };
        Ok((Box::new(sound), reader))
    }

    fn connect(&self, _: Call, events: OnVoice) -> Box<dyn Output> {
        let (voice, output) = Voice::new(events);
        self.0.lock().unwrap().voices.push(voice);
        output
    }

    fn open(
        &self,
        name: Arc<str>,
        events: OnVoice,
    ) -> BoxFuture<'static, Result<Box<dyn Output>, Refusal>> {
        let props = self.0.clone();
        async move {
            match &*name {
                "busy" => Err(Refusal::Busy(name.to_string())),
                "missing" => Err(Refusal::Unknown(name.to_string())),
                "broken" => Err(Failure::suspicious("the card is on fire").into()),
                "silent" => std::future::pending().await,
                name => {
                    let (device, output) = Voice::new(events);
                    props.lock().unwrap().devices.push((name.into(), device));
                    Ok(output)
                }
            }
        }
        .boxed()
    }

    fn devices(&self) -> BoxFuture<'static, Result<Vec<Device>, Failure>> {
        let device = |(name, of): &(String, Voice)| Device {
            name: name.clone(),
            description: "a card".into(),
            is_default: name == "card",
            rates: vec![48_000],
            channels: Vec::new(),
            in_use: Some(User::Us(usize::from(!*of.is_closed.lock().unwrap()))),
            delay: Some(Duration::from_millis(40)),
        };
        let all = self.0.lock().unwrap().devices.iter().map(device).collect();
        async { Ok(all) }.boxed()
    }
}

pub(super) struct Stage {
    pub(super) sessions: Sessions,
    world: FakeWorld,
}

pub(super) fn stage() -> Stage {
    stage_with(Settings::default())
}

pub(super) fn stage_with(settings: Settings) -> Stage {
    stage_of(settings, Admission::default())
}

pub(super) fn stage_of(settings: Settings, admission: Admission) -> Stage {
    let mut world = FakeWorld::default();
    world.1.admission = admission;
    let stats: StatsSource = Arc::new(|| Stats {
        frame_stats: None,
        players: 0,
        playing_players: 0,
        uptime: 0,
        memory: Memory {
            free: 0,
            used: 0,
            allocated: 0,
            reservable: 0,
        },
        cpu: Cpu {
            cores: 1,
            system_load: 0.0,
            lavalink_load: 0.0,
        },
    });
    Stage {
        sessions: Sessions::new(settings, Arc::new(world.clone()), stats),
        world,
    }
}

impl Stage {
    pub(super) fn admission(&self) -> &Admission {
        &self.world.1.admission
    }

    pub(super) fn tell_quality(&self, quality: Quality) {
        self.world.1.quality.send_replace(Some(quality));
    }

    pub(super) async fn client(&self) -> Client {
        self.connect(None).await
    }

    pub(super) async fn resume(&self, id: &str) -> Client {
        self.connect(Some(id.to_owned())).await
    }

    pub(super) async fn resume_lost(&self, client: Client) -> Client {
        let id = client.lose();
        self.settle().await;
        self.resume(&id).await
    }

    async fn connect(&self, session_id: Option<String>) -> Client {
        self.welcome(ClientHello {
            user: USER,
            client_name: None,
            session_id,
        })
        .await
    }

    /// A client that calls itself `name`.
    pub(super) async fn client_named(&self, name: &str) -> Client {
        self.welcome(ClientHello {
            user: USER,
            client_name: Some(name.into()),
            session_id: None,
        })
        .await
    }

    async fn welcome(&self, hello: ClientHello) -> Client {
        let connected = self.sessions.connect(hello).await;
        Client {
            id: connected.session_id,
            resumed: connected.resumed,
            outbox: connected.outbox,
        }
    }

    pub(super) async fn find(&self, client: &Client) -> SessionHandle {
        self.sessions.find(&client.id).expect("it is connected")
    }

    pub(super) async fn patch(
        &self,
        client: &Client,
        body: &str,
    ) -> Result<rest::Player, Rejection> {
        let handle = self.find(client).await;
        handle.patch_player(GUILD, update(body), false).await
    }

    pub(super) async fn play(&self, client: &Client, name: &str) {
        let body = format!(r#"{{"encodedTrack":"{}"}}"#, encoded(name));
        self.patch(client, &body).await.unwrap();
    }

    pub(super) async fn player(&self, client: &Client) -> rest::Player {
        let handle = self.find(client).await;
        handle.player(GUILD).await.expect("it exists")
    }

    pub(super) async fn configure(&self, client: &Client, body: &str) -> rest::Session {
        let update = rest::SessionUpdate::parse(body.as_bytes()).unwrap();
        self.find(client).await.configure(update).await
    }

    /// Lets everything happen that happens without time.
    pub(super) async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// Waits until so many connections have been asked for.
    pub(super) async fn voices(&self, count: usize) {
        while self.world.0.lock().unwrap().voices.len() < count {
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn voice_event(&self, index: usize, event: OutputEvent) {
        self.voices(index + 1).await;
        (self.world.0.lock().unwrap().voices[index].events)(event);
    }

    /// Sends voice data, and lets connection number `index` succeed.
    pub(super) async fn connect_voice(&self, client: &Client, index: usize, token: &str) {
        let handle = self.find(client).await;
        let body = update(&VOICE.replace(r#""t""#, &format!("{token:?}")));
        let asked = tokio::spawn(async move { handle.patch_player(GUILD, body, false).await });
        self.voice_event(index, OutputEvent::Opened).await;
        let player = asked.await.unwrap().unwrap();
        assert!(player.state.connected && player.voice.token == token);
    }

    pub(super) fn sound_event(&self, index: usize, event: Event) {
        let sound = self.world.0.lock().unwrap().sounds[index].clone();
        sound(event);
    }

    /// What looking for lyrics gives.
    pub(super) fn sing(&self, lyrics: Result<Option<Lyrics>, Failure>) {
        self.world.0.lock().unwrap().lyrics = Some(lyrics);
    }

    /// What looking for marks gives.
    pub(super) fn mark(&self, marks: Result<Marks, Failure>) {
        self.world.0.lock().unwrap().marks = Some(marks);
    }

    /// Tracks whose words were looked up, and whether not at their own source.
    pub(super) fn sung(&self) -> Vec<(String, bool)> {
        self.world.0.lock().unwrap().sung.clone()
    }

    /// Where playbacks were sought to.
    pub(super) fn sought(&self) -> Vec<Millis> {
        let sought = self.world.0.lock().unwrap().sought.clone();
        let sought = sought.lock().unwrap();
        sought.iter().map(|to| to.to_millis()).collect()
    }

    /// Frames have been taken up to there.
    pub(super) fn stand_at(&self, index: usize, ms: i64) {
        let at = Millis(ms).to_samples();
        let props = self.world.0.lock().unwrap();
        props.writers[index].progress().end_seek(at, at);
    }

    pub(super) fn runs(&self) -> Vec<Run> {
        self.world.0.lock().unwrap().runs.clone()
    }

    pub(super) fn is_voice_closed(&self, index: usize) -> bool {
        *self.world.0.lock().unwrap().voices[index]
            .is_closed
            .lock()
            .unwrap()
    }

    /// The device that was opened as number `index`.
    fn device<R>(&self, index: usize, look: impl FnOnce(&mut (String, Voice)) -> R) -> R {
        look(&mut self.world.0.lock().unwrap().devices[index])
    }

    /// Names of the devices that were opened, in order, and whether they were closed.
    pub(super) fn devices(&self) -> Vec<(String, bool)> {
        let props = self.world.0.lock().unwrap();
        let all = props.devices.iter();
        all.map(|(name, it)| (name.clone(), *it.is_closed.lock().unwrap()))
            .collect()
    }

    pub(super) fn device_event(&self, index: usize, event: OutputEvent) {
        self.device(index, |(_, it)| (it.events)(event));
    }

    /// What the frames are that a device is given.
    pub(super) fn format_at_device(&self, index: usize) -> Option<FrameFormat> {
        let held = self.device(index, |(_, it)| it.reader.clone());
        held.lock().unwrap().as_ref().map(FrameReader::format)
    }

    /// What the frames are that a voice connection is given.
    pub(super) fn format_at_voice(&self, index: usize) -> Option<FrameFormat> {
        let held = self.world.0.lock().unwrap().voices[index].reader.clone();
        held.lock().unwrap().as_ref().map(FrameReader::format)
    }

    pub(super) fn world(&self) -> Arc<dyn World> {
        Arc::new(self.world.clone())
    }

    /// Lets the first output ask for a frame, which is there or not.
    pub(super) fn take_frame(&self, is_there: bool, buffer: &mut [u8]) {
        let mut props = self.world.0.lock().unwrap();
        if is_there {
            assert!(props.writers[0].push(b"x", Samples::ZERO));
        }
        let mut held = props.voices[0].reader.lock().unwrap();
        held.as_mut().expect("it plays").take(buffer);
    }

    /// Makes the first output lose frames that were made, or take none for lack of bytes.
    pub(super) fn lose_frames(&self, cause: Cause, frames: u64) {
        let props = self.world.0.lock().unwrap();
        let mut held = props.voices[0].reader.lock().unwrap();
        let reader = held.as_mut().expect("it plays");
        match cause {
            Cause::SchedulerLate => reader.lost(cause, frames, None),
            Cause::SendError => (0..frames).for_each(|_| reader.lost(cause, 1, Some(101))),
            Cause::SourceStalled | Cause::DecodeLate => {
                if cause == Cause::SourceStalled {
                    reader.progress().begin_waiting();
                }
                for _ in 0..frames {
                    reader.take(&mut [0; frame::MAX_OPUS_BYTES]);
                }
                reader.progress().end_waiting();
            }
        }
    }

    /// Which playback's reader an output has.
    pub(super) fn reader_at(&self, index: usize) -> Option<usize> {
        let props = self.world.0.lock().unwrap();
        let held = props.voices[index].reader.lock().unwrap();
        let progress = held.as_ref()?.progress();
        let is_its = |w: &FrameWriter| Arc::ptr_eq(&w.progress(), &progress);
        props.writers.iter().position(is_its)
    }
}

pub(super) struct Client {
    pub(super) id: String,
    pub(super) resumed: bool,
    outbox: Outbox,
}

impl Client {
    pub(super) fn lose(self) -> String {
        self.id
    }

    /// The next thing, in a few words. Flushes are answered.
    pub(super) async fn next(&mut self) -> String {
        match self.outbox.next().await.expect("the session goes on") {
            Outgoing::Text(text) => brief(&serde_json::from_str(&text).unwrap()),
            Outgoing::Flush(done) => {
                // too late when nobody waits any more
                let _ = done.send(());
                "flush".into()
            }
            Outgoing::Close(code) => format!("close {code}"),
        }
    }

    /// All that is there.
    pub(super) async fn heard(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(next) = tokio::time::timeout(Duration::from_millis(1), self.next()).await {
            let is_over = next.starts_with("close ");
            all.push(next);
            if is_over {
                break;
            }
        }
        all
    }
}

fn span(segment: &Value) -> String {
    format!("{}-{}", segment["start"], segment["end"])
}

fn brief(message: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = || text(&message["track"]["info"]["identifier"]);
    match (
        text(&message["op"]).as_str(),
        text(&message["type"]).as_str(),
    ) {
        ("ready", _) => format!("ready {}", message["resumed"]),
        ("stats", _) => format!(
            "stats {}/{} {}",
            message["players"], message["playingPlayers"], message["frameStats"]
        ),
        ("playerUpdate", _) => format!("update {}", message["state"]["position"]),
        (_, "TrackStartEvent") => format!("start {}", name()),
        (_, "TrackEndEvent") => format!("end {} {}", name(), text(&message["reason"])),
        (_, "TrackExceptionEvent") => format!("exception {}", name()),
        (_, "WebSocketClosedEvent") => {
            format!("closed {} {}", message["code"], message["byRemote"])
        }
        (_, "LyricsFoundEvent") => "lyrics found".into(),
        (_, "LyricsNotFoundEvent") => "lyrics not found".into(),
        (_, "LyricsLineEvent") => format!(
            "lyrics line {} skipped {}",
            message["lineIndex"], message["skipped"]
        ),
        (_, "SegmentsLoaded") => format!("segments {}", span(&message["segments"][0])),
        (_, "SegmentSkipped") => format!("segment skipped {}", span(&message["segment"])),
        (_, "UnderrunEvent") => format!(
            "underrun {} {} ended {}",
            text(&message["cause"]),
            message["length"],
            message["ended"]
        ),
        _ => message.to_string(),
    }
}
