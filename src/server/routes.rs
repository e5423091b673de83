//! Owns: which paths exist, and which methods each of them takes.
//! Never knows: what happens there.

use http::Method;

use super::query::{Malformed, percent_decode};

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Where clients of older versions look for the WebSocket: `/` and `/v3/websocket`.
    Old,
    /// `/v4/websocket`.
    Socket,
    /// `/version`.
    Version,
    /// `/v4/info`.
    Info,
    /// `/v4/stats`.
    Stats,
    /// `/v4/outputs`: ours.
    Outputs,
    /// `/v4/loadtracks`.
    LoadTracks,
    /// `/v4/decodetrack`.
    DecodeTrack,
    /// `/v4/decodetracks`.
    DecodeTracks,
    /// `/v4/sessions/{session}`.
    Session(String),
    /// `/v4/sessions/{session}/players`.
    Players(String),
    /// `/v4/sessions/{session}/players/{guild}`.
    Player {
        /// Id of the session.
        session: String,
        /// What stands for the guild id; may be no number.
        guild: String,
    },
    /// `/v4/sessions/{session}/players/{guild}/diagnosis`: ours.
    Diagnosis {
        /// Id of the session.
        session: String,
        /// What stands for the guild id; may be no number.
        guild: String,
    },
    /// `/v4/loadsearch`, of LavaSearch.
    LoadSearch,
    /// `/v4/lyrics`, of LavaLyrics.
    Lyrics,
    /// `/v4/sessions/{session}/players/{guild}/track/lyrics`, of LavaLyrics.
    TrackLyrics {
        /// Id of the session.
        session: String,
        /// What stands for the guild id; may be no number.
        guild: String,
    },
    /// `/v4/sessions/{session}/players/{guild}/lyrics/subscribe`, of LavaLyrics.
    LyricsSubscription {
        /// Id of the session.
        session: String,
        /// What stands for the guild id; may be no number.
        guild: String,
    },
    /// `/v4/sessions/{session}/players/{guild}/sponsorblock/categories`, of the SponsorBlock plugin.
    Categories {
        /// Id of the session.
        session: String,
        /// What stands for the guild id; may be no number.
        guild: String,
    },
    /// `/v4/routeplanner/status`.
    PlannerStatus,
    /// `/v4/routeplanner/free/address`.
    PlannerFreeAddress,
    /// `/v4/routeplanner/free/all`.
    PlannerFreeAll,
    /// The page for Prometheus.
    Metrics,
}

impl Resource {
    /// Finds what a raw path names; `metrics` is the path of the page for Prometheus. Nothing is normalised: a
    /// trailing slash, a double slash or another case is another path (reference, 2.1 and R.1.18).
    ///
    /// # Errors
    /// On a broken escape.
    pub fn find(path: &str, metrics: Option<&str>) -> Result<Option<Self>, Malformed> {
        if metrics == Some(path) {
            return Ok(Some(Self::Metrics));
        }
        let decoded = path
            .strip_prefix('/')
            .unwrap_or(path)
            .split('/')
            .map(percent_decode)
            .collect::<Result<Vec<_>, _>>()?;
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        Ok(match segments[..] {
            [""] | ["v3", "websocket"] => Some(Self::Old),
            ["version"] => Some(Self::Version),
            ["v4", "websocket"] => Some(Self::Socket),
            ["v4", "info"] => Some(Self::Info),
            ["v4", "stats"] => Some(Self::Stats),
            ["v4", "outputs"] => Some(Self::Outputs),
            ["v4", "loadtracks"] => Some(Self::LoadTracks),
            ["v4", "decodetrack"] => Some(Self::DecodeTrack),
            ["v4", "decodetracks"] => Some(Self::DecodeTracks),
            ["v4", "sessions", session] if !session.is_empty() => {
                Some(Self::Session(session.to_owned()))
            }
            ["v4", "sessions", session, "players"] if !session.is_empty() => {
                Some(Self::Players(session.to_owned()))
            }
            ["v4", "sessions", session, "players", guild]
                if !session.is_empty() && !guild.is_empty() =>
            {
                Some(Self::Player {
                    session: session.to_owned(),
                    guild: guild.to_owned(),
                })
            }
            ["v4", "sessions", session, "players", guild, ref rest @ ..]
                if !session.is_empty() && !guild.is_empty() =>
            {
                Self::of_player(session.to_owned(), guild.to_owned(), rest)
            }
            ["v4", "loadsearch"] => Some(Self::LoadSearch),
            ["v4", "lyrics"] => Some(Self::Lyrics),
            ["v4", "routeplanner", "status"] => Some(Self::PlannerStatus),
            ["v4", "routeplanner", "free", "address"] => Some(Self::PlannerFreeAddress),
            ["v4", "routeplanner", "free", "all"] => Some(Self::PlannerFreeAll),
            _ => None,
        })
    }

    /// What lies below a player.
    fn of_player(session: String, guild: String, rest: &[&str]) -> Option<Self> {
        Some(match rest {
            ["diagnosis"] => Self::Diagnosis { session, guild },
            ["track", "lyrics"] => Self::TrackLyrics { session, guild },
            ["lyrics", "subscribe"] => Self::LyricsSubscription { session, guild },
            ["sponsorblock", "categories"] => Self::Categories { session, guild },
            _ => return None,
        })
    }

    /// The methods it takes, as the `Allow` header of a 405 lists them. `HEAD` works where `GET` does, `OPTIONS`
    /// everywhere.
    #[must_use]
    pub fn methods(&self) -> &'static str {
        match self {
            Self::DecodeTracks | Self::PlannerFreeAddress | Self::PlannerFreeAll => "POST",
            Self::Session(_) => "PATCH",
            Self::Player { .. } => "GET,PATCH,DELETE",
            Self::Categories { .. } => "GET,PUT,DELETE",
            Self::LyricsSubscription { .. } => "POST,DELETE",
            Self::Old
            | Self::Socket
            | Self::Version
            | Self::Info
            | Self::Stats
            | Self::Outputs
            | Self::LoadTracks
            | Self::DecodeTrack
            | Self::Players(_)
            | Self::Diagnosis { .. }
            | Self::LoadSearch
            | Self::Lyrics
            | Self::TrackLyrics { .. }
            | Self::PlannerStatus
            | Self::Metrics => "GET",
        }
    }

    /// Whether it takes a method, `OPTIONS` aside.
    #[must_use]
    pub fn takes(&self, method: &Method) -> bool {
        let name = if method == Method::HEAD {
            "GET"
        } else {
            method.as_str()
        };
        self.methods().split(',').any(|m| m == name)
    }

    /// The `Allow` header of an answer to `OPTIONS`.
    #[must_use]
    pub fn options(&self) -> String {
        let methods = self.methods();
        match methods.strip_prefix("GET") {
            Some(others) => format!("GET,HEAD{others},OPTIONS"),
            None => format!("{methods},OPTIONS"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str) -> Option<Resource> {
        Resource::find(path, Some("/metrics")).unwrap()
    }

    #[test]
    fn every_route_is_found() {
        let player = Resource::Player {
            session: "abc".into(),
            guild: "1".into(),
        };
        let (session, guild) = (|| "abc".to_owned(), || "1".to_owned());
        let diagnosis = Resource::Diagnosis {
            session: session(),
            guild: guild(),
        };
        let lyrics = Resource::TrackLyrics {
            session: session(),
            guild: guild(),
        };
        let subscription = Resource::LyricsSubscription {
            session: session(),
            guild: guild(),
        };
        let categories = Resource::Categories {
            session: session(),
            guild: guild(),
        };
        for (path, resource) in [
            ("/v4/sessions/abc/players/1/diagnosis", diagnosis),
            ("/v4/sessions/abc/players/1/track/lyrics", lyrics),
            ("/v4/sessions/abc/players/1/lyrics/subscribe", subscription),
            (
                "/v4/sessions/abc/players/1/sponsorblock/categories",
                categories,
            ),
            ("/v4/loadsearch", Resource::LoadSearch),
            ("/v4/lyrics", Resource::Lyrics),
            ("/", Resource::Old),
            ("/v3/websocket", Resource::Old),
            ("/v4/websocket", Resource::Socket),
            ("/version", Resource::Version),
            ("/v4/info", Resource::Info),
            ("/v4/stats", Resource::Stats),
            ("/v4/outputs", Resource::Outputs),
            ("/v4/loadtracks", Resource::LoadTracks),
            ("/v4/decodetrack", Resource::DecodeTrack),
            ("/v4/decodetracks", Resource::DecodeTracks),
            ("/v4/sessions/abc", Resource::Session("abc".into())),
            ("/v4/sessions/abc/players", Resource::Players("abc".into())),
            ("/v4/sessions/abc/players/1", player),
            ("/v4/routeplanner/status", Resource::PlannerStatus),
            (
                "/v4/routeplanner/free/address",
                Resource::PlannerFreeAddress,
            ),
            ("/v4/routeplanner/free/all", Resource::PlannerFreeAll),
            ("/metrics", Resource::Metrics),
        ] {
            assert_eq!(find(path), Some(resource), "{path}");
        }
    }

    #[test]
    fn a_slash_a_case_or_a_dot_makes_another_path() {
        for path in [
            "/v4/nope",
            "/nope",
            "/v4/sessions",
            "/v4/sessions/",
            "/v4",
            "/v4/info/",
            "/version/",
            "/V4/info",
            "/v4/INFO",
            "//v4//info",
            "/v4/../version",
            "/v4/sessions//players",
            "/v4/sessions/a/players/",
            "/v4/sessions/a/players/1/lyrics",
            "/v4/sessions/a/players/1/track/lyrics/",
            "/v4/sessions//players/1/track/lyrics",
            "*",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
    }

    #[test]
    fn segments_are_decoded() {
        assert_eq!(
            find("/v4/sessions/a%2Fb/players/%205"),
            Some(Resource::Player {
                session: "a/b".into(),
                guild: " 5".into()
            })
        );
        assert_eq!(Resource::find("/v4/sessions/%zz", None), Err(Malformed));
    }

    #[test]
    fn without_metrics_their_path_does_not_exist() {
        assert_eq!(Resource::find("/metrics", None), Ok(None));
    }

    #[test]
    fn methods_are_those_of_the_original() {
        assert!(Resource::Info.takes(&Method::GET) && Resource::Info.takes(&Method::HEAD));
        assert!(!Resource::Info.takes(&Method::POST) && !Resource::Info.takes(&Method::TRACE));
        assert!(!Resource::DecodeTracks.takes(&Method::HEAD));
        assert_eq!(Resource::Info.options(), "GET,HEAD,OPTIONS");
        let player = find("/v4/sessions/a/players/1").unwrap();
        assert_eq!(player.options(), "GET,HEAD,PATCH,DELETE,OPTIONS");
        assert_eq!(Resource::DecodeTracks.options(), "POST,OPTIONS");
        let categories = find("/v4/sessions/a/players/1/sponsorblock/categories").unwrap();
        assert_eq!(categories.options(), "GET,HEAD,PUT,DELETE,OPTIONS");
        let subscription = find("/v4/sessions/a/players/1/lyrics/subscribe").unwrap();
        assert_eq!(subscription.options(), "POST,DELETE,OPTIONS");
    }
}
