//! Owns: `lavalink-rust decode`: what encoded tracks hold, as JSON.
//! Never knows: whether this node could play them.

use super::{FAILED, OK};
use crate::track::{UNKNOWN_LENGTH, codec};
use base64::Engine;
use serde_json::json;
use std::io::Write;

/// Prints one JSON object a track; tracks that cannot be read are named on standard error.
pub(super) fn decode(tracks: &[String]) -> u8 {
    let mut code = OK;
    for encoded in tracks {
        let track = match codec::decode(&codec::repair(encoded)) {
            Ok(track) => track,
            Err(e) => {
                eprintln!("cannot decode {encoded:?}: {e}");
                code = FAILED;
                continue;
            }
        };
        let info = &track.info;
        let length = if info.length == UNKNOWN_LENGTH {
            json!("unknown")
        } else {
            json!(info.length)
        };
        let shown = json!({
            "title": info.title, "author": info.author, "length": length, "identifier": info.identifier,
            "isStream": info.is_stream, "isSeekable": info.is_seekable, "uri": info.uri,
            "artworkUrl": info.artwork_url, "isrc": info.isrc, "sourceName": info.source_name,
            "position": info.position, "pluginInfo": track.plugin_info,
            "details": base64::engine::general_purpose::STANDARD.encode(&track.details),
        });
        // whoever reads may have read enough
        let _ = writeln!(std::io::stdout(), "{shown:#}");
    }
    code
}
