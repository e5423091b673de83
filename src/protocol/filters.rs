//! Owns: the filters of a player on the wire: names, defaults, number types (reference, 4.1 and 4.3).
//! Never knows: what they do to the sound.

use serde::Serialize;
use serde_json::{Map, Value};

use super::json::{Fields, FromJson, Invalid, parse};
use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// Names of the filters, in the order in which Lavalink declares and lists them.
pub const NAMES: [&str; 10] = [
    "volume",
    "equalizer",
    "karaoke",
    "timescale",
    "tremolo",
    "vibrato",
    "distortion",
    "rotation",
    "channelMix",
    "lowPass",
];

/// Bands of the equalizer; a band number is below this.
pub const EQUALIZER_BANDS: u8 = 15;

/// The filters that are set; printed with all their fields. A PATCH replaces the whole set.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Filters {
    /// Gain, 1.0 = unity; documented range 0–5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<f32>,
    /// Bands as sent, in that order, also the same one twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equalizer: Option<Vec<Band>>,
    /// Removes voices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub karaoke: Option<Karaoke>,
    /// Speed and pitch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timescale: Option<Timescale>,
    /// Volume that swings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tremolo: Option<Tremolo>,
    /// Pitch that swings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vibrato: Option<Vibrato>,
    /// Wave shaping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distortion: Option<Distortion>,
    /// Sound that circles the listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// How much of each channel goes where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_mix: Option<ChannelMix>,
    /// Takes high frequencies away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_pass: Option<LowPass>,
    /// Every known name that the client wrote, also with `null`, then those inside `pluginFilters`: what counts for
    /// filters that are disabled in the configuration. In the order of [`NAMES`].
    #[serde(skip)]
    pub named: Vec<String>,
}

impl Filters {
    /// Parses the JSON object of a PATCH's `filters`.
    ///
    /// # Errors
    /// Names the field and what is allowed there.
    pub fn parse(json: &[u8]) -> Result<Self, Invalid> {
        parse(json)
    }

    /// The names that `is_disabled` says yes to, for the message of step 4 of a player's PATCH (reference, 2.6).
    pub fn disabled(&self, is_disabled: impl Fn(&str) -> bool) -> Vec<&str> {
        self.named
            .iter()
            .map(String::as_str)
            .filter(|n| is_disabled(n))
            .collect()
    }

    /// Names inside `pluginFilters`: there is no filter of that name here.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let names = self.named.iter().map(String::as_str);
        names.filter(|name| !NAMES.contains(name))
    }
}

impl FromJson for Filters {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        let mut fields = Fields::from_json(value, at)?;
        let mut named: Vec<String> = NAMES
            .iter()
            .filter(|name| fields.names().any(|n| n == **name))
            .map(|&name| name.to_owned())
            .collect();
        // No plugin filter exists here, so their values are dropped, as the original drops those of unknown plugins.
        let plugins: Map<String, Value> = fields.or("pluginFilters", Map::new())?;
        named.extend(plugins.into_iter().map(|(name, _)| name));
        Ok(Self {
            volume: fields.omissible("volume")?.present(),
            equalizer: fields.omissible("equalizer")?.present(),
            karaoke: fields.nullable("karaoke")?.or(None),
            timescale: fields.nullable("timescale")?.or(None),
            tremolo: fields.nullable("tremolo")?.or(None),
            vibrato: fields.nullable("vibrato")?.or(None),
            distortion: fields.nullable("distortion")?.or(None),
            rotation: fields.nullable("rotation")?.or(None),
            channel_mix: fields.nullable("channelMix")?.or(None),
            low_pass: fields.nullable("lowPass")?.or(None),
            named,
        })
    }
}

/// One band of the equalizer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    /// 0–14.
    pub band: u8,
    /// Documented range −0.25–1.0, where 0 changes nothing; 1.0 when omitted.
    pub gain: f32,
}

impl FromJson for Band {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        let mut fields = Fields::from_json(value, at)?;
        let band: i64 = fields.required("band")?;
        Ok(Self {
            band: u8::try_from(band)
                .ok()
                .filter(|b| *b < EQUALIZER_BANDS)
                .ok_or_else(|| {
                    Invalid::new(
                        &format!("{at}.band"),
                        format!("expected a band from 0 to 14, got {band}"),
                    )
                })?,
            gain: fields.or("gain", 1.0)?,
        })
    }
}

/// Declares a filter: its fields on the wire, their type and default.
macro_rules! filter {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident $wire:literal: $kind:ty = $default:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(rename = $wire)] pub $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl FromJson for $name {
            fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
                let mut fields = Fields::from_json(value, at)?;
                Ok(Self { $($field: fields.or($wire, $default)?,)* })
            }
        }
    };
}

filter!(
    /// Removes what both channels share in a band.
    Karaoke {
        /// 0–1.
        level "level": f32 = 1.0,
        /// 0–1.
        mono_level "monoLevel": f32 = 1.0,
        /// Hz.
        filter_band "filterBand": f32 = 220.0,
        /// Hz.
        filter_width "filterWidth": f32 = 100.0,
    }
);
filter!(
    /// Changes speed, pitch, or both.
    Timescale {
        /// Factor of the speed, pitch kept.
        speed "speed": f64 = 1.0,
        /// Factor of the pitch, speed kept.
        pitch "pitch": f64 = 1.0,
        /// Factor of both.
        rate "rate": f64 = 1.0,
    }
);
filter!(
    /// Lets the volume swing.
    Tremolo {
        /// Hz, above 0.
        frequency "frequency": f32 = 2.0,
        /// 0–1.
        depth "depth": f32 = 0.5,
    }
);
filter!(
    /// Lets the pitch swing.
    Vibrato {
        /// Hz, above 0, at most 14.
        frequency "frequency": f32 = 2.0,
        /// 0–1.
        depth "depth": f32 = 0.5,
    }
);
filter!(
    /// Shapes the wave by sine, cosine and tangent.
    Distortion {
        /// Offset in the sine.
        sin_offset "sinOffset": f32 = 0.0,
        /// Scale in the sine.
        sin_scale "sinScale": f32 = 1.0,
        /// Offset in the cosine.
        cos_offset "cosOffset": f32 = 0.0,
        /// Scale in the cosine.
        cos_scale "cosScale": f32 = 1.0,
        /// Offset in the tangent.
        tan_offset "tanOffset": f32 = 0.0,
        /// Scale in the tangent.
        tan_scale "tanScale": f32 = 1.0,
        /// Offset of the whole.
        offset "offset": f32 = 0.0,
        /// Scale of the whole.
        scale "scale": f32 = 1.0,
    }
);
filter!(
    /// Lets the sound circle the listener.
    Rotation {
        /// Turns in a second; 0 = off.
        rotation_hz "rotationHz": f64 = 0.0,
    }
);
filter!(
    /// Mixes the channels; the default is the identity.
    ChannelMix {
        /// 0–1.
        left_to_left "leftToLeft": f32 = 1.0,
        /// 0–1.
        left_to_right "leftToRight": f32 = 0.0,
        /// 0–1.
        right_to_left "rightToLeft": f32 = 0.0,
        /// 0–1.
        right_to_right "rightToRight": f32 = 1.0,
    }
);
filter!(
    /// Takes high frequencies away.
    LowPass {
        /// Strength; off at 1 and below.
        smoothing "smoothing": f32 = 20.0,
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(json: &str) -> String {
        serde_json::to_string(&Filters::parse(json.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn defaults_are_filled_in() {
        assert_eq!(
            echo(
                r#"{"lowPass":{},"karaoke":{"level":0.5},"timescale":{},"tremolo":{},"vibrato":{},"distortion":{},"rotation":{},"channelMix":{}}"#
            ),
            concat!(
                r#"{"karaoke":{"level":0.5,"monoLevel":1.0,"filterBand":220.0,"filterWidth":100.0},"#,
                r#""timescale":{"speed":1.0,"pitch":1.0,"rate":1.0},"tremolo":{"frequency":2.0,"depth":0.5},"#,
                r#""vibrato":{"frequency":2.0,"depth":0.5},"distortion":{"sinOffset":0.0,"sinScale":1.0,"#,
                r#""cosOffset":0.0,"cosScale":1.0,"tanOffset":0.0,"tanScale":1.0,"offset":0.0,"scale":1.0},"#,
                r#""rotation":{"rotationHz":0.0},"channelMix":{"leftToLeft":1.0,"leftToRight":0.0,"#,
                r#""rightToLeft":0.0,"rightToRight":1.0},"lowPass":{"smoothing":20.0}}"#
            )
        );
    }

    #[test]
    fn floats_keep_their_precision_on_the_way_back() {
        assert_eq!(
            echo(r#"{"volume":0.1,"equalizer":[{"band":3},{"band":3,"gain":"0.2"}]}"#),
            r#"{"volume":0.1,"equalizer":[{"band":3,"gain":1.0},{"band":3,"gain":0.2}]}"#
        );
        assert_eq!(echo(r#"{"equalizer":[]}"#), r#"{"equalizer":[]}"#);
    }

    #[test]
    fn null_switches_objects_off_but_is_no_number_and_no_list() {
        assert_eq!(echo(r#"{"karaoke":null,"lowPass":null}"#), "{}");
        assert!(Filters::parse(br#"{"volume":null}"#).is_err());
        assert!(Filters::parse(br#"{"equalizer":null}"#).is_err());
        assert!(Filters::parse(br#"{"timescale":{"speed":null}}"#).is_err());
    }

    #[test]
    fn a_band_beyond_fourteen_is_refused_by_name() {
        let error = Filters::parse(br#"{"equalizer":[{"band":0},{"band":15}]}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "equalizer[1].band: expected a band from 0 to 14, got 15"
        );
    }

    #[test]
    fn unknown_names_are_ignored() {
        assert_eq!(
            echo(r#"{"nightcore":{"x":1},"volume":0.5,"pluginFilters":{"echo":{"a":1}}}"#),
            r#"{"volume":0.5}"#
        );
    }

    #[test]
    fn presence_counts_for_disabled_filters_also_with_null() {
        let filters =
            Filters::parse(br#"{"lowPass":null,"volume":1,"pluginFilters":{"echo":{}}}"#).unwrap();
        assert_eq!(filters.named, ["volume", "lowPass", "echo"]);
        assert_eq!(filters.disabled(|n| n != "volume"), ["lowPass", "echo"]);
    }

    #[test]
    fn wrong_types_are_refused() {
        for wrong in [
            r#"{"volume":"x"}"#,
            r#"{"volume":[]}"#,
            r#"{"equalizer":{}}"#,
            r#"{"equalizer":[5]}"#,
            r#"{"equalizer":[{"gain":1.0}]}"#,
            r#"{"equalizer":[{"band":1.5,"gain":0}]}"#,
            r#"{"equalizer":[null]}"#,
            r#"{"karaoke":5}"#,
            r#"{"timescale":{"speed":"fast"}}"#,
            r#"{"pluginFilters":[]}"#,
            "[]",
        ] {
            assert!(Filters::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
