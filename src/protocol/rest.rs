//! Owns: what clients get about tracks and players: the objects of reference 2.2, 2.4 and 2.7, and the error body.
//! Never knows: how any of it comes about.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

pub use super::update::{PlayerUpdate, PlayerUpdateTrack, SessionUpdate, VoiceState};
use super::{filters::Filters, outputs::Output};
use crate::{
    error::{Failure, Severity},
    track,
    units::GuildId,
};

/// Writes a guild id as clients expect it: a string. Signed, as the original's ids are.
pub(super) fn signed_id<S: Serializer>(id: &GuildId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&id.0.cast_signed())
}

/// A track as clients see it; all keys are always there.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Track {
    /// The binary format in standard base64.
    pub encoded: String,
    /// What it says.
    pub info: TrackInfo,
    /// What sources add.
    pub plugin_info: Map<String, Value>,
    /// What the client noted.
    pub user_data: Map<String, Value>,
}

impl Track {
    /// A track with its encoded form. `info.position` is the track's own one.
    #[must_use]
    pub fn new(encoded: String, track: &track::Track, user_data: Map<String, Value>) -> Self {
        Self {
            encoded,
            info: TrackInfo::from(&track.info),
            plugin_info: track.plugin_info.clone(),
            user_data,
        }
    }
}

/// `info` of a track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrackInfo {
    /// The source's own name for it.
    pub identifier: String,
    /// Whether its position can be changed.
    pub is_seekable: bool,
    /// Artist or channel.
    pub author: String,
    /// Milliseconds; `i64::MAX` when unknown.
    pub length: i64,
    /// Whether it has no end.
    pub is_stream: bool,
    /// Milliseconds.
    pub position: i64,
    /// Title.
    pub title: String,
    /// Address for people.
    pub uri: Option<String>,
    /// Name of the source.
    pub source_name: String,
    /// Address of a picture.
    pub artwork_url: Option<String>,
    /// International Standard Recording Code.
    pub isrc: Option<String>,
}

impl From<&track::TrackInfo> for TrackInfo {
    fn from(info: &track::TrackInfo) -> Self {
        Self {
            identifier: info.identifier.clone(),
            is_seekable: info.is_seekable,
            author: info.author.clone(),
            length: info.length,
            is_stream: info.is_stream,
            position: info.position,
            title: info.title.clone(),
            uri: info.uri.clone(),
            source_name: info.source_name.clone(),
            artwork_url: info.artwork_url.clone(),
            isrc: info.isrc.clone(),
        }
    }
}

/// A player as clients see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Player {
    /// Whose it is.
    #[serde(serialize_with = "signed_id")]
    pub guild_id: GuildId,
    /// What it plays.
    pub track: Option<Track>,
    /// Percent, 0–1000.
    pub volume: i32,
    /// Whether it is paused.
    pub paused: bool,
    /// Where it stands.
    pub state: PlayerState,
    /// The voice credentials in use.
    pub voice: VoiceState,
    /// The filters that are set.
    pub filters: Filters,
    /// Where its sound goes, for clients that have said it: Lavalink has no such key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
}

/// Where a player stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PlayerState {
    /// Unix milliseconds of this snapshot.
    pub time: i64,
    /// Milliseconds in the track; 0 when nothing plays.
    pub position: i64,
    /// Whether the voice gateway socket is open.
    pub connected: bool,
    /// Round trip to the voice gateway in milliseconds; 0 before the first, −1 without a gateway.
    pub ping: i64,
}

/// Answer of `GET /v4/loadtracks`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "loadType", content = "data", rename_all = "camelCase")]
pub enum LoadResult {
    /// One track.
    Track(Box<Track>),
    /// A list that belongs together.
    Playlist(Playlist),
    /// Hits of a search.
    Search(Vec<Track>),
    /// Nothing; `data` is `null`, which every client can read.
    Empty(()),
    /// It went wrong.
    Error(Exception),
}

/// `data` of a playlist.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Playlist {
    /// Name and selection.
    pub info: PlaylistInfo,
    /// What sources add.
    pub plugin_info: Map<String, Value>,
    /// The tracks, in order.
    pub tracks: Vec<Track>,
}

/// `info` of a playlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaylistInfo {
    /// Its name.
    pub name: String,
    /// Index of the selected track, or −1.
    pub selected_track: i64,
}

/// A failure of a track, in events and load results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    /// One sentence for a person.
    pub message: String,
    /// Whose fault it is: `common`, `suspicious` or `fault`.
    pub severity: &'static str,
    /// The innermost cause in one line.
    pub cause: String,
    /// The whole chain of causes, one a line.
    pub cause_stack_trace: String,
}

impl From<&Failure> for Exception {
    fn from(failure: &Failure) -> Self {
        Self {
            message: failure.message.clone(),
            severity: match failure.severity {
                Severity::Common => "common",
                Severity::Suspicious => "suspicious",
                Severity::Fault => "fault",
            },
            cause: failure.root_cause(),
            cause_stack_trace: failure.trace(),
        }
    }
}

/// Answer of `PATCH /v4/sessions/{id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Whether the session outlives its socket.
    pub resuming: bool,
    /// For how many seconds.
    pub timeout: i64,
}

/// Body of every error answer but 401 and 403.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// Unix milliseconds.
    pub timestamp: i64,
    /// The status code.
    pub status: u16,
    /// Its reason phrase.
    pub error: String,
    /// Details, only with `?trace=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// One sentence.
    pub message: String,
    /// Path of the request without its query.
    pub path: String,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(in super::super) fn sample_track() -> Track {
        Track {
            encoded: "QAAA".into(),
            info: TrackInfo {
                identifier: "dQw4w9WgXcQ".into(),
                is_seekable: true,
                author: "RickAstleyVEVO".into(),
                length: 212_000,
                is_stream: false,
                position: 0,
                title: "Rick Astley - Never Gonna Give You Up".into(),
                uri: Some("https://www.youtube.com/watch?v=dQw4w9WgXcQ".into()),
                source_name: "youtube".into(),
                artwork_url: None,
                isrc: None,
            },
            plugin_info: Map::new(),
            user_data: Map::new(),
        }
    }

    pub(in super::super) const SAMPLE_TRACK: &str = concat!(
        r#"{"encoded":"QAAA","info":{"identifier":"dQw4w9WgXcQ","isSeekable":true,"author":"RickAstleyVEVO","length":212000,"#,
        r#""isStream":false,"position":0,"title":"Rick Astley - Never Gonna Give You Up","#,
        r#""uri":"https://www.youtube.com/watch?v=dQw4w9WgXcQ","sourceName":"youtube","artworkUrl":null,"isrc":null},"#,
        r#""pluginInfo":{},"userData":{}}"#
    );

    fn text(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn a_track_has_all_keys_in_lavalinks_order() {
        assert_eq!(text(&sample_track()), SAMPLE_TRACK);
    }

    #[test]
    fn a_player_without_anything_still_has_all_keys() {
        let player = Player {
            guild_id: GuildId(817_327_181_659_111_454),
            track: None,
            volume: 100,
            paused: false,
            state: PlayerState {
                time: 1_767_225_600_123,
                position: 0,
                connected: false,
                ping: -1,
            },
            voice: VoiceState::default(),
            output: None,
            filters: Filters::default(),
        };
        assert_eq!(
            text(&player),
            concat!(
                r#"{"guildId":"817327181659111454","track":null,"volume":100,"paused":false,"#,
                r#""state":{"time":1767225600123,"position":0,"connected":false,"ping":-1},"#,
                r#""voice":{"token":"","endpoint":"","sessionId":"","channelId":null},"filters":{}}"#
            )
        );
    }

    #[test]
    fn an_unknown_length_is_the_largest_integer() {
        let mut track = sample_track();
        track.info.length = track::UNKNOWN_LENGTH;
        assert!(text(&track).contains(r#""length":9223372036854775807,"#));
    }

    #[test]
    fn load_results_have_lavalinks_shapes() {
        assert_eq!(
            text(&LoadResult::Track(Box::new(sample_track()))),
            format!(r#"{{"loadType":"track","data":{SAMPLE_TRACK}}}"#)
        );
        assert_eq!(
            text(&LoadResult::Search(vec![sample_track()])),
            format!(r#"{{"loadType":"search","data":[{SAMPLE_TRACK}]}}"#)
        );
        assert_eq!(
            text(&LoadResult::Empty(())),
            r#"{"loadType":"empty","data":null}"#
        );
        let playlist = Playlist {
            info: PlaylistInfo {
                name: "mix".into(),
                selected_track: -1,
            },
            plugin_info: Map::new(),
            tracks: vec![],
        };
        assert_eq!(
            text(&LoadResult::Playlist(playlist)),
            r#"{"loadType":"playlist","data":{"info":{"name":"mix","selectedTrack":-1},"pluginInfo":{},"tracks":[]}}"#
        );
    }

    #[test]
    fn an_exception_is_made_from_a_failure() {
        let failure = Failure::common("The uploader has not made this video available.")
            .because(std::io::Error::other("geo"));
        assert_eq!(
            text(&LoadResult::Error(Exception::from(&failure))),
            concat!(
                r#"{"loadType":"error","data":{"message":"The uploader has not made this video available.","#,
                r#""severity":"common","cause":"geo","#,
                r#""causeStackTrace":"The uploader has not made this video available.\nCaused by: geo"}}"#
            )
        );
    }

    #[test]
    fn an_error_body_has_a_trace_only_when_asked_for() {
        let mut body = ErrorBody {
            timestamp: 1_667_857_581_613,
            status: 404,
            error: "Not Found".into(),
            trace: None,
            message: "Session not found".into(),
            path: "/v4/sessions/x/players/1".into(),
        };
        assert_eq!(
            text(&body),
            r#"{"timestamp":1667857581613,"status":404,"error":"Not Found","message":"Session not found","path":"/v4/sessions/x/players/1"}"#
        );
        body.trace = Some("…".into());
        assert_eq!(serde_json::to_value(&body).unwrap()["trace"], json!("…"));
    }

    #[test]
    fn a_session_has_both_keys() {
        let session = Session {
            resuming: true,
            timeout: 60,
        };
        assert_eq!(text(&session), r#"{"resuming":true,"timeout":60}"#);
    }
}
