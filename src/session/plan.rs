//! Owns: what a client's PATCH of a player asks for, checked in the original's order (reference, 2.6, steps 2 to 6).
//! Never knows: the player it is for.

use super::{Rejection, view};
use crate::{
    player::{
        machine::{Change, Play},
        note::{UserData, VoiceTarget},
        outlet::Choice,
    },
    protocol::{
        Omissible,
        filters::Filters,
        outputs::Output,
        rest::{PlayerUpdate, PlayerUpdateTrack, VoiceState},
    },
    track::{Track, codec},
    units::{ChannelId, Millis, Secret},
};

/// What comes in place of the current track.
pub(super) enum Next {
    /// Nothing.
    Stop,
    /// This, if it can be decoded: a failure counts only when its turn comes (step 13).
    Decoded(Result<Box<Track>, Rejection>),
    /// What this leads to.
    Load(String),
}

/// A checked request.
pub(super) struct Plan {
    /// Step 8.
    pub(super) voice: Option<VoiceTarget>,
    /// Where the sound is to go; ours, before step 8.
    pub(super) output: Option<Choice>,
    /// Steps 9 to 12. With a new track only volume and filters are in it.
    pub(super) change: Change,
    /// What `change.filters` was made from, to be shown.
    pub(super) filters: Option<Filters>,
    /// Step 13.
    pub(super) next: Option<NewTrack>,
}

/// Step 13.
pub(super) struct NewTrack {
    /// What.
    pub(super) next: Next,
    /// Leave a current track alone.
    pub(super) no_replace: bool,
    /// Pause flag to set before; `None` when it has been set.
    pub(super) is_paused: Option<bool>,
    /// With what.
    pub(super) start: Start,
}

/// Where and with what a new track starts.
pub(super) struct Start {
    /// From where.
    pub(super) position: Option<Millis>,
    /// Until where.
    pub(super) end_time: Option<Millis>,
    /// The client's data.
    pub(super) user_data: UserData,
}

impl Start {
    /// The order to play `track` so.
    pub(super) fn with(self, track: Track) -> Play {
        Play {
            track,
            position: self.position,
            end_time: self.end_time,
            user_data: self.user_data,
        }
    }
}

/// What is not in the request but decides on it.
pub(super) struct Rules<'a> {
    /// Names of filters that the configuration forbids.
    pub(super) disabled_filters: &'a [String],
    /// Whether tracks of a source can be played.
    pub(super) has_source: &'a (dyn Fn(&str) -> bool + Sync),
    /// The device that is meant when none is named.
    pub(super) device: &'a str,
}

/// Checks a request. Messages are the original's, word for word.
pub(super) fn plan(
    update: PlayerUpdate,
    no_replace: bool,
    rules: &Rules<'_>,
) -> Result<Plan, Rejection> {
    let has_old_names = update.encoded_track.is_present() || update.identifier.is_present();
    if update.track.is_present() && has_old_names {
        return Err(Rejection::bad_request(
            "Cannot specify both track and encodedTrack/identifier",
        ));
    }
    let track = update.track.present().unwrap_or(PlayerUpdateTrack {
        encoded: update.encoded_track,
        identifier: update.identifier,
        user_data: Omissible::Absent,
    });
    let next = match (track.encoded, track.identifier) {
        (Omissible::Present(_), Omissible::Present(_)) => {
            return Err(Rejection::bad_request(
                "Cannot specify both encodedTrack and identifier",
            ));
        }
        (Omissible::Present(Some(encoded)), Omissible::Absent) => {
            Some(Next::Decoded(decode(&encoded, rules).map(Box::new)))
        }
        (Omissible::Present(None), Omissible::Absent) => Some(Next::Stop),
        (Omissible::Absent, Omissible::Present(identifier)) => Some(Next::Load(identifier)),
        (Omissible::Absent, Omissible::Absent) => None,
    };
    let filters = update.filters.present();
    if let Some(filters) = &filters {
        check_filters(filters, rules)?;
    }
    let voice = update.voice.present().map(voice_target).transpose()?;
    let end_time = update.end_time.present();
    if end_time.flatten().is_some_and(|ms| ms <= 0) {
        return Err(Rejection::bad_request("End time must be greater than 0"));
    }
    let end_time = end_time.map(|ms| ms.map(Millis));
    let position = update.position.present().map(Millis);
    let paused = update.paused.present();
    let user_data = track.user_data.present();
    let mut change = Change {
        volume: update.volume.present().map(i64::from),
        filters: filters.as_ref().map(view::spec),
        ..Change::default()
    };
    let next = match next {
        Some(next) => Some(NewTrack {
            next,
            no_replace,
            is_paused: Some(paused.unwrap_or(false)),
            start: Start {
                position,
                end_time: end_time.flatten(),
                user_data: user_data.unwrap_or_default(),
            },
        }),
        None => {
            change.paused = paused;
            change.user_data = user_data;
            change.position = position;
            change.end_time = end_time;
            None
        }
    };
    let output = update.output.present().map(|output| match output {
        None => Choice::Unsaid,
        Some(Output::Discord) => Choice::Discord,
        Some(Output::Alsa { device }) => {
            Choice::Device(device.as_deref().unwrap_or(rules.device).into())
        }
        Some(Output::None) => Choice::Nothing,
    });
    Ok(Plan {
        voice,
        output,
        change,
        filters,
        next,
    })
}

/// The original answers 500 here; it is the caller's mistake.
fn decode(encoded: &str, rules: &Rules<'_>) -> Result<Track, Rejection> {
    let track = codec::decode(encoded)
        .map_err(|error| Rejection::bad_request(format!("Cannot decode track: {error}")))?;
    let source = &track.info.source_name;
    if !(rules.has_source)(source) {
        return Err(Rejection::bad_request(format!(
            "Cannot play track: its source {source:?} is not available"
        )));
    }
    Ok(track)
}

/// How many unknown filters of a request are logged, and how many characters of their names.
const MOST_NAMES: usize = 4;
const LONGEST_NAME: usize = 64;

fn check_filters(filters: &Filters, rules: &Rules<'_>) -> Result<(), Rejection> {
    let disabled = filters.disabled(|name| rules.disabled_filters.iter().any(|d| d == name));
    if disabled.is_empty() {
        // accepted and dropped, as the original does with those of plugins that it does not have; the log says so
        for name in filters.unknown().take(MOST_NAMES) {
            let name: String = name.chars().take(LONGEST_NAME).collect();
            tracing::info!(name, "no such plugin filter: it is left out");
        }
        return Ok(());
    }
    Err(Rejection::bad_request(format!(
        "Following filters are disabled in the config: {}",
        disabled.join(", ")
    )))
}

fn voice_target(voice: VoiceState) -> Result<VoiceTarget, Rejection> {
    let channel_id = voice.channel_id.unwrap_or_default();
    let is_blank = |text: &String| text.trim().is_empty();
    if [
        &voice.token,
        &voice.endpoint,
        &voice.session_id,
        &channel_id,
    ]
    .into_iter()
    .any(is_blank)
    {
        return Err(Rejection::bad_request(
            "token, endpoint, sessionId and channelId must be provided in voice state",
        ));
    }
    // the original takes any text, but encryption (DAVE) needs the number
    let channel_id =
        channel_id.trim().parse().map(ChannelId).map_err(|_| {
            Rejection::bad_request("voice.channelId must be a channel's id, a number")
        })?;
    Ok(VoiceTarget {
        endpoint: voice.endpoint,
        token: Secret::new(voice.token),
        session_id: voice.session_id,
        channel_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(body: &str) -> Result<Plan, Rejection> {
        let update = PlayerUpdate::parse(body.as_bytes()).expect("the body is well-formed");
        plan(
            update,
            false,
            &Rules {
                disabled_filters: &["karaoke".into(), "echo".into()],
                has_source: &|name| name == "http",
                device: "card",
            },
        )
    }

    fn refusal(body: &str) -> String {
        let refused = plan_of(body).err().expect("it is refused");
        assert_eq!(refused.status, 400);
        refused.message
    }

    #[test]
    fn the_original_messages_come_in_the_original_order() {
        let voice = r#""voice":{"token":" ","endpoint":"e","sessionId":"s","channelId":"1"}"#;
        let all = format!(
            r#"{{"track":{{"encoded":"x","identifier":"y"}},"encodedTrack":"x","filters":{{"karaoke":null,"pluginFilters":{{"echo":1}}}},{voice},"endTime":0}}"#
        );
        assert_eq!(
            refusal(&all),
            "Cannot specify both track and encodedTrack/identifier"
        );
        let all = all.replace(r#""encodedTrack":"x","#, "");
        assert_eq!(
            refusal(&all),
            "Cannot specify both encodedTrack and identifier"
        );
        let all = all.replace(r#","identifier":"y""#, "");
        assert_eq!(
            refusal(&all),
            "Following filters are disabled in the config: karaoke, echo"
        );
        let all = all.replace(r#""karaoke":null,"pluginFilters":{"echo":1}"#, "");
        assert_eq!(
            refusal(&all),
            "token, endpoint, sessionId and channelId must be provided in voice state"
        );
        let all = all.replace(r#"" ""#, r#""t""#);
        assert_eq!(refusal(&all), "End time must be greater than 0");
        // an undecodable track counts only when its turn comes
        assert!(plan_of(&all.replace(r#""endTime":0"#, r#""endTime":1"#)).is_ok());
    }

    #[test]
    fn the_old_names_are_exclusive_too() {
        assert_eq!(
            refusal(r#"{"encodedTrack":null,"identifier":"x"}"#),
            "Cannot specify both encodedTrack and identifier"
        );
    }

    #[test]
    fn null_channels_are_blank_and_words_are_named() {
        let with = |channel: &str| {
            format!(
                r#"{{"voice":{{"token":"t","endpoint":"e","sessionId":"s","channelId":{channel}}}}}"#
            )
        };
        assert!(refusal(&with("null")).contains("must be provided in voice state"));
        assert!(refusal(&with(r#""general""#)).contains("voice.channelId"));
        assert!(plan_of(&with(r#""800000000000000321""#)).is_ok());
    }

    #[test]
    fn a_new_track_keeps_position_and_the_like_for_itself() {
        let plan = plan_of(
            r#"{"track":{"encoded":"x","userData":{"a":1}},"position":5,"endTime":9,"paused":true,"volume":3}"#,
        )
        .expect("it is fine");
        let c = plan.change;
        assert!(c.position.is_none() && c.end_time.is_none());
        assert!(c.paused.is_none() && c.user_data.is_none());
        assert_eq!(c.volume, Some(3));
        let next = plan.next.expect("there is one");
        assert_eq!(next.is_paused, Some(true));
        assert_eq!(next.start.position, Some(Millis(5)));
        assert_eq!(next.start.end_time, Some(Millis(9)));
        assert_eq!(next.start.user_data.len(), 1);
        assert!(matches!(next.next, Next::Decoded(Err(r)) if r.status == 400));
    }

    #[test]
    fn an_output_is_chosen_by_its_name_or_is_the_one_of_the_configuration() {
        let choice = |output: &str| {
            let plan = plan_of(&format!(r#"{{"output":{output}}}"#));
            plan.expect("it is fine").output
        };
        assert_eq!(choice("null"), Some(Choice::Unsaid));
        assert_eq!(choice(r#""none""#), Some(Choice::Nothing));
        assert_eq!(choice(r#"{"type":"discord"}"#), Some(Choice::Discord));
        assert_eq!(choice(r#""alsa""#), Some(Choice::Device("card".into())));
        let named = r#"{"type":"alsa","device":"hw:1"}"#;
        assert_eq!(choice(named), Some(Choice::Device("hw:1".into())));
        assert_eq!(plan_of("{}").expect("it is fine").output, None);
    }

    #[test]
    fn user_data_alone_are_no_new_track() {
        let plan = plan_of(r#"{"track":{"userData":{"a":1}}}"#).expect("it is fine");
        assert!(plan.next.is_none() && plan.change.user_data.is_some());
    }
}
