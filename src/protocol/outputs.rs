//! Owns: where a player's sound goes, as clients say it and see it, and the answer of `GET /v4/outputs`; both are our own.
//! Never knows: what can be played on.

use super::json::{Fields, FromJson, Invalid};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use serde::Serialize;
use serde_json::Value;

/// The longest name of a device, in characters.
const LONGEST_NAME: usize = 256;

/// Where the sound goes: `output` of a player's PATCH, and of the player once it was said there. Also read from a bare word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Output {
    /// To Discord, as in Lavalink.
    Discord,
    /// To a sound card of the node.
    Alsa {
        /// Which; the one of the configuration when it is not named.
        #[serde(skip_serializing_if = "Option::is_none")]
        device: Option<String>,
    },
    /// Nowhere.
    None,
}

impl FromJson for Output {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        if let Value::String(word) = &value {
            return Self::of(word, None, at, at);
        }
        let mut fields = Fields::from_json(value, at)?;
        let kind: String = fields.required("type")?;
        let device = fields.omissible("device")?.present();
        Self::of(&kind, device, &format!("{at}.type"), at)
    }
}

impl Output {
    fn of(kind: &str, device: Option<String>, type_at: &str, at: &str) -> Result<Self, Invalid> {
        let named = |problem| Err(Invalid::new(&format!("{at}.device"), problem));
        match (kind, device) {
            ("discord", None) => Ok(Self::Discord),
            ("none", None) => Ok(Self::None),
            ("discord" | "none", Some(_)) => named("goes with the type alsa only".to_owned()),
            ("alsa", Some(name)) if !(1..=LONGEST_NAME).contains(&name.chars().count()) => {
                named(format!(
                    "expected a name of 1 to {LONGEST_NAME} characters; GET /v4/outputs lists them"
                ))
            }
            ("alsa", device) => Ok(Self::Alsa { device }),
            _ => Err(Invalid::new(
                type_at,
                "expected discord, alsa or none, got another one",
            )),
        }
    }
}

/// Answer of `GET /v4/outputs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// What `output.type` of a player's PATCH may be on this node.
    pub types: Vec<&'static str>,
    /// What `output.device` may be; the default first.
    pub devices: Vec<Device>,
    /// Why there are no devices, and what to do; `null` when there are.
    pub problem: Option<String>,
}

/// A device. All keys are always there; `null` means that it is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Its name.
    pub device: String,
    /// For people.
    pub description: String,
    /// Whether it is taken when none is named.
    pub is_default: bool,
    /// In Hz.
    pub sample_rates: Option<Vec<u32>>,
    /// How many.
    pub channels: Option<Vec<u32>>,
    /// Whether anybody has it open.
    pub in_use: Option<bool>,
    /// How many players of this node play on it.
    pub players: usize,
    /// From a frame's being taken to the card, in milliseconds; of those that we play on.
    pub delay_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json::parse;

    fn read(body: &str) -> Result<Output, String> {
        let parsed = parse::<Fields>(format!(r#"{{"output":{body}}}"#).as_bytes());
        let output = parsed.expect("an object").required("output");
        output.map_err(|e| e.to_string())
    }

    #[test]
    fn words_and_objects_say_the_same() {
        assert_eq!(read(r#""discord""#), read(r#"{"type":"discord"}"#));
        assert_eq!(read(r#""none""#), Ok(Output::None));
        assert_eq!(read(r#""alsa""#), Ok(Output::Alsa { device: None }));
        let named = Output::Alsa {
            device: Some("hw:0".into()),
        };
        let shown = r#"{"type":"alsa","device":"hw:0"}"#;
        assert_eq!(serde_json::to_string(&named).unwrap(), shown);
        assert_eq!(read(shown), Ok(named));
        assert_eq!(
            serde_json::to_string(&Output::Alsa { device: None }).unwrap(),
            r#"{"type":"alsa"}"#
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        let long = format!(r#"{{"type":"alsa","device":"{}"}}"#, "x".repeat(257));
        for (body, expected) in [
            (r#""pulse""#, "output: expected discord, alsa or none"),
            (
                r#"{"type":"x"}"#,
                "output.type: expected discord, alsa or none",
            ),
            ("{}", "output.type: is missing"),
            ("5", "output: expected an object"),
            (
                r#"{"type":"none","device":"hw:0"}"#,
                "output.device: goes with the type alsa only",
            ),
            (
                r#"{"type":"alsa","device":""}"#,
                "output.device: expected a name of 1 to 256 characters",
            ),
            (
                &long,
                "output.device: expected a name of 1 to 256 characters",
            ),
            (
                r#"{"type":"alsa","device":5}"#,
                "output.device: expected a string",
            ),
        ] {
            let said = read(body).expect_err(body);
            assert!(said.starts_with(expected), "{said}");
        }
    }
}
