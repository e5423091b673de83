//! Owns: what clients ask for: the bodies of PATCH and POST requests.
//! Never knows: whether it can be done.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    filters::Filters,
    json::{Fields, FromJson, Invalid, parse},
    omissible::Omissible,
    outputs::Output,
};

/// Body of `PATCH /v4/sessions/{id}/players/{guild}` (reference, 2.6).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlayerUpdate {
    /// What to play.
    pub track: Omissible<PlayerUpdateTrack>,
    /// Older name of `track.encoded`; null stops.
    pub encoded_track: Omissible<Option<String>>,
    /// Older name of `track.identifier`.
    pub identifier: Omissible<String>,
    /// Where to play from, in milliseconds; may be negative.
    pub position: Omissible<i64>,
    /// Where to stop, in milliseconds; null lifts the limit.
    pub end_time: Omissible<Option<i64>>,
    /// Percent, not yet clamped to 0–1000.
    pub volume: Omissible<i32>,
    /// Whether to pause.
    pub paused: Omissible<bool>,
    /// The new set of filters.
    pub filters: Omissible<Filters>,
    /// Discord's voice credentials; the members may be blank.
    pub voice: Omissible<VoiceState>,
    /// Where the sound is to go; null forgets what was said. Ours; Lavalink ignores the key.
    pub output: Omissible<Option<Output>>,
}

impl PlayerUpdate {
    /// Parses a body.
    ///
    /// # Errors
    /// Names the field and what is allowed there; the answer is 400.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        parse(body)
    }
}

impl FromJson for PlayerUpdate {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        let mut fields = Fields::from_json(value, at)?;
        Ok(Self {
            track: fields.omissible("track")?,
            encoded_track: fields.nullable("encodedTrack")?,
            identifier: fields.omissible("identifier")?,
            position: fields.omissible("position")?,
            end_time: fields.nullable("endTime")?,
            volume: fields.omissible("volume")?,
            paused: fields.omissible("paused")?,
            filters: fields.omissible("filters")?,
            voice: fields.omissible("voice")?,
            output: fields.nullable("output")?,
        })
    }
}

/// `track` of a player's PATCH.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlayerUpdateTrack {
    /// The binary format in base64; null stops.
    pub encoded: Omissible<Option<String>>,
    /// What to load and play.
    pub identifier: Omissible<String>,
    /// The client's own notes on the track: an object.
    pub user_data: Omissible<Map<String, Value>>,
}

impl FromJson for PlayerUpdateTrack {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        let mut fields = Fields::from_json(value, at)?;
        Ok(Self {
            encoded: fields.nullable("encoded")?,
            identifier: fields.omissible("identifier")?,
            user_data: fields.omissible("userData")?,
        })
    }
}

/// Discord's voice credentials. `Debug` hides the token and the session.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VoiceState {
    /// Secret of the voice server; `""` while there is no connection.
    pub token: String,
    /// Host and perhaps port; `""` while there is no connection.
    pub endpoint: String,
    /// Discord's voice session; `""` while there is no connection.
    pub session_id: String,
    /// The voice channel; `null` while there is no connection.
    pub channel_id: Option<String>,
}

impl fmt::Debug for VoiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceState")
            .field("endpoint", &self.endpoint)
            .field("channel_id", &self.channel_id)
            .finish_non_exhaustive()
    }
}

impl FromJson for VoiceState {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        let mut fields = Fields::from_json(value, at)?;
        Ok(Self {
            token: fields.required("token")?,
            endpoint: fields.required("endpoint")?,
            session_id: fields.required("sessionId")?,
            channel_id: match fields.nullable("channelId")? {
                Omissible::Present(channel) => channel,
                Omissible::Absent => {
                    return Err(Invalid::new(&format!("{at}.channelId"), "is missing"));
                }
            },
        })
    }
}

/// Body of `PATCH /v4/sessions/{id}` (reference, 2.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionUpdate {
    /// Whether the session outlives its socket.
    pub resuming: Omissible<bool>,
    /// For how many seconds; days are possible (reference, 10.2).
    pub timeout: Omissible<i64>,
    /// Whether the client wants events that Lavalink does not have. Ours; Lavalink ignores the key.
    pub extension_events: Omissible<bool>,
}

impl SessionUpdate {
    /// Parses a body.
    ///
    /// # Errors
    /// Names the field and what is allowed there; the answer is 400.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        parse(body)
    }
}

impl FromJson for SessionUpdate {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        let mut fields = Fields::from_json(value, at)?;
        Ok(Self {
            resuming: fields.omissible("resuming")?,
            timeout: fields.omissible("timeout")?,
            extension_events: fields.omissible("extensionEvents")?,
        })
    }
}

/// Body of `POST /v4/routeplanner/free/address`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeAddress {
    /// The address as sent.
    pub address: String,
}

impl FromJson for FreeAddress {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        Ok(Self {
            address: Fields::from_json(value, at)?.required("address")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn update(json: &str) -> PlayerUpdate {
        PlayerUpdate::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn an_empty_update_asks_for_nothing() {
        assert_eq!(update("{}"), PlayerUpdate::default());
    }

    #[test]
    fn a_full_update_is_read() {
        let u = update(
            r#"{"track":{"encoded":"QAAA","userData":{"b":1,"a":2}},"position":1000,"endTime":20000,"volume":44,
                "paused":true,"filters":{"volume":0.9},"voice":{"token":"t","endpoint":"e","sessionId":"s","channelId":"1"}}"#,
        );
        let track = u.track.present().unwrap();
        assert_eq!(track.encoded, Omissible::Present(Some("QAAA".into())));
        assert_eq!(
            serde_json::to_string(&track.user_data.present().unwrap()).unwrap(),
            r#"{"b":1,"a":2}"#
        );
        assert_eq!(u.position, Omissible::Present(1000));
        assert_eq!(u.end_time, Omissible::Present(Some(20000)));
        assert_eq!(u.volume, Omissible::Present(44));
        assert_eq!(u.paused, Omissible::Present(true));
        assert_eq!(u.filters.present().unwrap().volume, Some(0.9));
        assert_eq!(u.voice.present().unwrap().channel_id, Some("1".into()));
    }

    #[test]
    fn null_stops_where_it_is_a_value() {
        assert_eq!(
            update(r#"{"encodedTrack":null,"endTime":null}"#),
            PlayerUpdate {
                encoded_track: Omissible::Present(None),
                end_time: Omissible::Present(None),
                ..PlayerUpdate::default()
            }
        );
    }

    #[test]
    fn null_is_refused_where_it_is_none() {
        for name in [
            "volume",
            "paused",
            "position",
            "filters",
            "voice",
            "track",
            "identifier",
        ] {
            let error = PlayerUpdate::parse(json!({ name: null }).to_string().as_bytes());
            assert_eq!(error.unwrap_err().field, name);
        }
    }

    #[test]
    fn wrong_types_are_refused() {
        for wrong in [
            json!({"volume": "loud"}),
            json!({"volume": 50.5}),
            json!({"volume": []}),
            json!({"volume": true}),
            json!({"volume": 1_000_000_000_000_i64}),
            json!({"paused": "maybe"}),
            json!({"paused": 1}),
            json!({"position": 1.5}),
            json!({"endTime": []}),
            json!({"filters": []}),
            json!({"voice": "x"}),
            json!({"track": 1}),
            json!({"track": {"encoded": 5}}),
            json!({"track": {"identifier": null}}),
            json!({"track": {"userData": []}}),
            json!({"track": {"userData": null}}),
            json!({"encodedTrack": 5}),
            json!({"voice": {"token":"t","endpoint":"e","sessionId":"s"}}),
            json!({"voice": {"token":"t","endpoint":"e","sessionId":"s","channelId":5}}),
        ] {
            assert!(
                PlayerUpdate::parse(wrong.to_string().as_bytes()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_whole_float_position_is_taken() {
        assert_eq!(
            update(r#"{"position":1000.0}"#).position,
            Omissible::Present(1000)
        );
    }

    #[test]
    fn the_last_of_two_equal_keys_wins_and_unknown_ones_are_ignored() {
        let u = update(r#"{"volume":5,"foo":{"bar":[1,null]},"vol\u0075me":6}"#);
        assert_eq!(u.volume, Omissible::Present(6));
    }

    #[test]
    fn a_null_channel_is_read_as_none() {
        let u =
            update(r#"{"voice":{"token":"t","endpoint":"e","sessionId":"s","channelId":null}}"#);
        assert_eq!(u.voice.present().unwrap().channel_id, None);
    }

    #[test]
    fn the_voice_token_is_not_printed() {
        let voice = VoiceState {
            token: "secret-token".into(),
            session_id: "secret-session".into(),
            ..VoiceState::default()
        };
        assert!(!format!("{voice:?}").contains("secret"));
    }

    #[test]
    fn a_session_update_takes_quoted_values_and_long_times() {
        let u = SessionUpdate::parse(br#"{"resuming":"true","timeout":180000}"#).unwrap();
        assert_eq!(u.resuming, Omissible::Present(true));
        assert_eq!(u.timeout, Omissible::Present(180_000));
        assert_eq!(u.extension_events, Omissible::Absent);
        let u = SessionUpdate::parse(br#"{"extensionEvents":true}"#).unwrap();
        assert_eq!(u.extension_events, Omissible::Present(true));
        assert!(SessionUpdate::parse(br#"{"timeout":null}"#).is_err());
    }
}
