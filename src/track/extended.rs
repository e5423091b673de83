//! Owns: what LavaSrc's sources tell of a track beyond what all tracks have: `pluginInfo`, and the block of bytes at the end
//! of an encoded track (reference, 3.3 and 8.5).
//! Never knows: which source tells it, or how the bytes around it are laid out.

use super::{Track, TrackInfo, utf};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use serde_json::{Map, Value};

/// The texts, as `pluginInfo` names them and in the order of the block.
pub(super) const TEXTS: [&str; 5] = [
    "albumName",
    "albumUrl",
    "artistUrl",
    "artistArtworkUrl",
    "previewUrl",
];
/// Whether the track is its preview: last in the block.
pub(super) const IS_PREVIEW: &str = "isPreview";
/// Whether the track is a file of a person's own: Spotify only, and not in the block.
const IS_LOCAL: &str = "isLocal";
/// The identifier of such a track.
pub const LOCAL: &str = "local";

/// What is known of a track, `None` where nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extended {
    /// Name of its album.
    pub album_name: Option<String>,
    /// Page of its album.
    pub album_url: Option<String>,
    /// Page of its first artist.
    pub artist_url: Option<String>,
    /// Picture of its first artist.
    pub artist_artwork_url: Option<String>,
    /// Where half a minute of it can be heard.
    pub preview_url: Option<String>,
    /// Whether the preview is what is played.
    pub is_preview: bool,
}

impl Extended {
    /// What a track tells.
    #[must_use]
    pub fn of(track: &Track) -> Self {
        let text = |name: &str| {
            let value = track.plugin_info.get(name)?;
            value.as_str().map(str::to_owned)
        };
        let [
            album_name,
            album_url,
            artist_url,
            artist_artwork_url,
            preview_url,
        ] = TEXTS.map(text);
        Self {
            album_name,
            album_url,
            artist_url,
            artist_artwork_url,
            preview_url,
            is_preview: track.plugin_info.get(IS_PREVIEW) == Some(&Value::Bool(true)),
        }
    }

    /// The track that tells it. Texts that are too long for the block (65 535 bytes) are left out.
    #[must_use]
    pub fn attach(mut self, info: TrackInfo) -> Track {
        let texts = [
            &mut self.album_name,
            &mut self.album_url,
            &mut self.artist_url,
            &mut self.artist_artwork_url,
            &mut self.preview_url,
        ];
        let mut details = Vec::new();
        let mut fields = Map::new();
        for (name, text) in TEXTS.into_iter().zip(texts) {
            let text = text.take().map(|text| (utf::encode(&text), text));
            let fits = text.and_then(|(bytes, text)| {
                let len = u16::try_from(bytes.len()).ok()?;
                Some((len, bytes, text))
            });
            details.push(u8::from(fits.is_some()));
            let shown = fits.map(|(len, bytes, text)| {
                details.extend(len.to_be_bytes());
                details.extend(bytes);
                text
            });
            fields.insert(name.to_owned(), shown.into());
        }
        details.push(u8::from(self.is_preview));
        fields.insert(IS_PREVIEW.to_owned(), self.is_preview.into());
        complete(&mut fields, &info.source_name, &info.identifier);
        Track {
            info,
            details,
            plugin_info: fields,
            originals: Vec::new(),
        }
    }
}

/// Adds what is not in the block: every field that it lacks, because clients are promised all, and what a source has of its
/// own.
pub(super) fn complete(fields: &mut Map<String, Value>, source: &str, identifier: &str) {
    for name in TEXTS {
        fields.entry(name).or_insert(Value::Null);
    }
    fields.entry(IS_PREVIEW).or_insert(Value::Bool(false));
    if source == "spotify" {
        fields.insert(IS_LOCAL.to_owned(), (identifier == LOCAL).into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::codec;
    use serde_json::json;

    /// Vector S6 of the reference (3.5), written by an independent encoder.
    const S6: &str = "QAAAuAMABFNvbmcABkFydGlzdAAAAAAAAr8gABY0dUxVNmhNQ2pNSTc1TTFBMnRLVVFDAAEANWh0dHBzOi8vb3Blbi5zcG90aWZ5LmNvbS90cmFjay80dUxVNmhNQ2pNSTc1TTFBMnRLVVFDAAEADEdCQVJMOTMwMDEzNQAHc3BvdGlmeQEABUFsYnVtAQAgaHR0cHM6Ly9vcGVuLnNwb3RpZnkuY29tL2FsYnVtL3gAAAAAAAAAAAAAAAA=";
    /// Vector S7: from before there was a block.
    const S7: &str = "QAAARAMABFNvbmcABkFydGlzdAAAAAAAAr8gABY0dUxVNmhNQ2pNSTc1TTFBMnRLVVFDAAAAAAAHc3BvdGlmeQAAAAAAAAAA";

    #[test]
    fn a_track_is_written_as_others_write_it() {
        let read = codec::decode(S6).expect("a track");
        let extended = Extended {
            album_name: Some("Album".into()),
            album_url: Some("https://open.spotify.com/album/x".into()),
            ..Extended::default()
        };
        let made = extended.clone().attach(read.info.clone());
        assert_eq!(codec::encode(&made, 0).expect("it fits"), S6);
        assert_eq!((made, extended), (read.clone(), Extended::of(&read)));
    }

    #[test]
    fn all_fields_are_there_even_when_nothing_is_known() {
        let read = codec::decode(S7).expect("a track");
        let wanted = json!({
            "albumName": null, "albumUrl": null, "artistUrl": null, "artistArtworkUrl": null, "previewUrl": null,
            "isPreview": false, "isLocal": false,
        });
        assert_eq!(Value::Object(read.plugin_info.clone()), wanted);
        assert_eq!(codec::encode(&read, 0).expect("it fits"), S7);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let info = codec::decode(S7).expect("a track").info;
        let extended = Extended {
            album_name: Some("x".repeat(65_536)),
            artist_url: Some("x".repeat(65_535)),
            is_preview: true,
            ..Extended::default()
        };
        let made = extended.attach(info);
        let encoded = codec::encode(&made, 0).expect("it fits");
        assert_eq!(codec::decode(&encoded).expect("a track"), made);
        let told = Extended::of(&made);
        assert!(told.album_name.is_none() && told.artist_url.is_some() && told.is_preview);
    }

    #[test]
    fn files_of_a_persons_own_are_told() {
        let mut info = codec::decode(S7).expect("a track").info;
        info.identifier = LOCAL.into();
        let made = Extended::default().attach(info);
        assert_eq!(made.plugin_info["isLocal"], true);
        let encoded = codec::encode(&made, 0).expect("it fits");
        assert_eq!(codec::decode(&encoded).expect("a track"), made);
    }
}
