//! Owns: the answer of `GET /v4/sessions/{session}/players/{guild}/diagnosis`, a route of our own.
//! Never knows: where the figures come from.

use super::{
    message::Gap,
    rest::{PlayerState, signed_id},
};
use crate::units::GuildId;
use serde::Serialize;

/// How a player is doing. All keys are always there; `null` means that there is no such thing now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// Whose player.
    #[serde(serialize_with = "signed_id")]
    pub guild_id: GuildId,
    /// What is heard.
    pub audible: Audible,
    /// As in the player itself.
    pub state: PlayerState,
    /// What plays.
    pub source: Option<Source>,
    /// Who makes its frames.
    pub producer: Option<Producer>,
    /// Where they go.
    pub output: Option<Output>,
    /// Gaps since the player was made.
    pub underruns: Underruns,
    /// The last gaps, the latest first.
    pub gaps: Vec<Gap>,
}

/// What a listener has of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Audible {
    /// No track.
    Idle,
    /// Paused.
    Paused,
    /// No voice connection.
    Disconnected,
    /// The first frame is not there yet.
    Starting,
    /// Sound.
    Playing,
    /// No frame is ready: a gap, or about to be one.
    Starving,
}

/// What plays, and how it is fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Title of the track.
    pub title: String,
    /// Name of the source.
    pub source_name: String,
    /// Host of its address; null for files.
    pub host: Option<String>,
    /// Name of the container; null before the headers are read, as the next four.
    pub container: Option<String>,
    /// Name of the codec.
    pub codec: Option<String>,
    /// Samples a second.
    pub sample_rate: Option<u32>,
    /// Channels as the container says.
    pub channels: Option<u16>,
    /// Bits a second.
    pub bitrate: Option<u64>,
    /// Bytes that were fetched and not read yet.
    pub read_ahead_bytes: u64,
    /// How often something was asked for again for this track.
    pub retries: u64,
    /// Of these, how many of which kind.
    pub retries_by: Retries,
}

/// What was asked for again, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retries {
    /// Requests without an answer, or refused for the moment.
    pub request: u64,
    /// Answers that broke off or fell silent: the rest of them.
    pub fragment: u64,
    /// Links that were no good any more: found anew.
    pub resolve: u64,
}

/// Who makes the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Producer {
    /// What it is doing.
    pub activity: Activity,
    /// How frames are made; null before the headers are read.
    pub mode: Option<Mode>,
    /// For how long it has been waiting for bytes, in milliseconds; null while it does not.
    pub waiting_for_bytes_ms: Option<u64>,
    /// Frames that are made and wait to be heard, 20 ms each.
    pub frames_ready: usize,
    /// How many of them there can be.
    pub frames_max: usize,
}

/// What whoever makes the frames is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Activity {
    /// Headers are being read.
    Opening,
    /// The place of a seek is being looked for.
    Seeking,
    /// Frames are being made, or enough are.
    Running,
    /// All frames are made.
    Drained,
    /// It failed.
    Failed,
}

/// How frames are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Opus packets are passed on as they are.
    Passthrough,
    /// Sound is decoded and encoded anew.
    Transcode,
}

/// Where frames go: the current voice connection, or a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Whether its gateway is open.
    pub connected: bool,
    /// Round trip in milliseconds; −1 while it is not known.
    pub ping: i64,
    /// Packets sent, silence included.
    pub packets_sent: u64,
    /// Packets that the system did not take.
    pub send_errors: u64,
}

/// Gaps by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Underruns {
    /// The source gave no bytes in time.
    pub source_stalled: Count,
    /// Bytes were not decoded in time.
    pub decode_late: Count,
    /// The thread that sends came too late.
    pub scheduler_late: Count,
    /// The system did not take what was to be sent.
    pub send_error: Count,
}

/// Gaps of one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// How many.
    pub gaps: u64,
    /// How long they were together, in milliseconds.
    pub missing_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_keys_are_always_there() {
        let diagnosis = Diagnosis {
            guild_id: GuildId(1),
            audible: Audible::Idle,
            state: PlayerState {
                time: 5,
                position: 0,
                connected: false,
                ping: -1,
            },
            source: None,
            producer: None,
            output: None,
            underruns: Underruns::default(),
            gaps: Vec::new(),
        };
        let none = json!({ "gaps": 0, "missingMs": 0 });
        assert_eq!(
            serde_json::to_value(diagnosis).unwrap(),
            json!({
                "guildId": "1",
                "audible": "idle",
                "state": { "time": 5, "position": 0, "connected": false, "ping": -1 },
                "source": null,
                "producer": null,
                "output": null,
                "underruns": {
                    "sourceStalled": none, "decodeLate": none, "schedulerLate": none, "sendError": none,
                },
                "gaps": [],
            })
        );
    }
}
