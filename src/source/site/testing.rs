//! Owns: sites for tests: a proxy on loopback that answers for every host, and sources that ask through it.
//! Never knows: what is tested.

use crate::{
    error::{Failure, Severity},
    net::{
        self, Clients, Proxy,
        testing::{Asked, Server, Step, quick, response, whole},
    },
    source::{
        Registry, Settings, YtDlpSettings,
        site::{
            Site,
            data::{self, SiteData},
        },
    },
    track::{LoadResult, Playlist, Track},
};
use serde_json::Value;
use std::{io::Write, sync::Arc, time::Duration};
use tokio::{runtime::Handle, sync::watch};

/// Sources, and the internet that they see.
pub struct World {
    pub server: Server,
    pub registry: Registry,
    clients: Clients,
    data: watch::Receiver<Arc<SiteData>>,
}

impl World {
    /// `answer` is asked for everything, with the whole URL as its path.
    pub async fn new(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::with(answer, |settings| settings).await
    }

    /// With other settings.
    pub async fn with(
        answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let server = Server::start(move |asked| vec![Step::Send(answer(asked))]).await;
        // plain addresses, because the proxy is no end of TLS
        let mut data = tempfile::NamedTempFile::new().expect("a file");
        data.write_all(
            br#"{
                "youtube": {
                    "site": "http://www.youtube.com", "api": "http://youtubei.googleapis.com/youtubei/v1",
                    "musicApi": "http://music.youtube.com/youtubei/v1",
                    "oauth": { "token": "http://www.youtube.com/o/oauth2/token" }
                },
                "soundcloud": {
                    "site": "http://soundcloud.com", "api": "http://api-v2.soundcloud.com",
                    "widget": "http://w.soundcloud.com/player/"
                },
                "bandcamp": { "site": "http://bandcamp.com" },
                "twitch": { "api": "http://gql.twitch.tv/gql", "usher": "http://usher.ttvnw.net" },
                "vimeo": {
                    "site": "http://vimeo.com", "api": "http://api.vimeo.com",
                    "player": "http://player.vimeo.com"
                },
                "nico": {
                    "watch": "http://www.nicovideo.jp/api/watch/v3_guest/",
                    "api": "http://nvapi.nicovideo.jp"
                },
                "spotify": {
                    "api": "http://api.spotify.com/v1", "accounts": "http://accounts.spotify.com/api/token",
                    "client": "http://spclient.wg.spotify.com"
                },
                "applemusic": { "api": "http://api.music.apple.com/v1", "site": "http://music.apple.com" },
                "deezer": { "api": "http://api.deezer.com/2.0", "pageSize": 2 },
                "tidal": { "api": "http://api.tidal.com/v1", "pageSize": 2 },
                "yandexmusic": { "api": "http://api.music.yandex.net" },
                "lrclib": { "api": "http://lrclib.net/api" },
                "sponsorblock": { "api": "http://sponsor.ajay.app/api" }
            }"#,
        )
        .expect("written");
        let settings = Settings {
            network: net::Settings {
                proxy: Some(proxy(&server)),
                // nothing here is slow on purpose
                read_timeout: Duration::from_secs(10),
                ..quick()
            },
            site_data: Some(data.path().to_owned()),
            // a machine's own program would be asked for the public internet
            ytdlp: YtDlpSettings::off(),
            ..Settings::default()
        };
        // the file is read at once, and need not stay
        let settings = change(settings);
        let clients = Clients::new(settings.network.clone());
        let known = data::publish(settings.site_data.clone(), &Handle::current());
        Self {
            server,
            registry: Registry::new(settings),
            clients,
            data: known,
        }
    }

    /// Asks the same internet, for a source that is tested without the others.
    pub fn site(&self, name: &'static str) -> Site {
        Site::new(name, self.clients.clone(), self.data.clone())
    }

    pub async fn load(&self, identifier: &str) -> LoadResult {
        self.registry.load(identifier).await.expect(identifier)
    }

    pub async fn track(&self, identifier: &str) -> Track {
        match self.load(identifier).await {
            LoadResult::Track(track) => *track,
            other => panic!("{identifier}: {other:?}"),
        }
    }

    pub async fn playlist(&self, identifier: &str) -> Playlist {
        match self.load(identifier).await {
            LoadResult::Playlist(playlist) => playlist,
            other => panic!("{identifier}: {other:?}"),
        }
    }

    pub async fn refused(&self, identifier: &str) -> (String, Severity) {
        told(self.registry.load(identifier).await.expect_err(identifier))
    }

    /// The sound of a track, or why there is none.
    pub async fn sound(&self, track: &Track) -> Result<Vec<u8>, Failure> {
        let media = self.registry.open(track)?;
        let mut reader = crate::media::testing::Reader::new(media.window);
        reader.rest().await.map_err(|stop| match stop {
            crate::media::window::Stop::Failed(failure) => failure,
            other => panic!("{other:?}"),
        })
    }

    /// Everything that was asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.server.seen().into_iter().map(|it| it.path).collect()
    }

    /// How often something was asked for that holds this text.
    pub fn count(&self, text: &str) -> usize {
        self.asked().iter().filter(|url| url.contains(text)).count()
    }
}

impl Site {
    /// A site whose every host is `server`, with these parts in the place of what is known of sites.
    pub(crate) fn served_by(name: &'static str, server: &Server, parts: &str) -> Self {
        let network = net::Settings {
            proxy: Some(proxy(server)),
            read_timeout: Duration::from_secs(10),
            ..quick()
        };
        let known = SiteData::with(parts).expect("it fits");
        let (_, known) = watch::channel(Arc::new(known));
        Self::new(name, Clients::new(network), known)
    }
}

fn proxy(server: &Server) -> Proxy {
    Proxy {
        host: server.address.ip().to_string(),
        port: server.address.port(),
        credentials: None,
    }
}

/// What a client is told.
pub fn told(failure: Failure) -> (String, Severity) {
    (failure.message, failure.severity)
}

/// Titles, in order.
pub fn titles(tracks: &[Track]) -> Vec<&str> {
    tracks.iter().map(|track| &*track.info.title).collect()
}

/// An answer of that status, without a body.
pub fn status(status: u16) -> Vec<u8> {
    response(status, &[("Content-Length", "0")], b"")
}

/// Leads elsewhere.
pub fn moved(to: &str) -> Vec<u8> {
    response(302, &[("Content-Length", "0"), ("Location", to)], b"")
}

/// An answer of an API.
pub fn json(value: &Value) -> Vec<u8> {
    whole(
        value.to_string().as_bytes(),
        &[("Content-Type", "application/json")],
    )
}

/// A page.
pub fn html(text: &str) -> Vec<u8> {
    whole(
        text.as_bytes(),
        &[("Content-Type", "text/html; charset=UTF-8")],
    )
}
