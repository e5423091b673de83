//! Owns: the routes about tracks: loading and decoding.
//! Never knows: players.

use super::{
    answer::{Answer, Problem, json},
    app::App,
    query::Query,
};
use crate::{
    error::Failure,
    protocol::{json::parse, rest},
    track::{self, Track, codec},
};

/// `GET /v4/loadtracks?identifier=…`: always 200, failures are in the body.
pub async fn load(app: &App, query: &Query) -> Result<Answer, Problem> {
    let identifier = query
        .first("identifier")
        .ok_or_else(|| Problem::bad_request("Required parameter 'identifier' is not present."))?;
    let loaded = app.sources.load(identifier).await.and_then(view);
    if let Err(failure) = &loaded {
        tracing::debug!(trace = failure.trace(), "loading failed");
    }
    Ok(json(&loaded.unwrap_or_else(|failure| {
        rest::LoadResult::Error(rest::Exception::from(&failure))
    })))
}

/// `GET /v4/decodetrack?encodedTrack=…`, or `?track=…` as older clients have it.
pub fn decode(app: &App, query: &Query) -> Result<Answer, Problem> {
    let encoded = query
        .first("encodedTrack")
        .or_else(|| query.first("track"))
        .ok_or_else(|| Problem::bad_request("No track to decode provided"))?;
    Ok(json(&decode_one(app, codec::repair(encoded))?))
}

/// `POST /v4/decodetracks`: one bad track fails the whole list.
pub fn decode_all(app: &App, body: &[u8]) -> Result<Answer, Problem> {
    let list: Vec<String> = parse(body)?;
    if list.is_empty() {
        return Err(Problem::bad_request("No tracks to decode provided"));
    }
    let tracks: Result<Vec<_>, _> = list
        .into_iter()
        .map(|encoded| decode_one(app, encoded))
        .collect();
    Ok(json(&tracks?))
}

/// Decodes a track of a source that this node has; `encoded` is echoed.
fn decode_one(app: &App, encoded: String) -> Result<rest::Track, Problem> {
    let track = codec::decode(&encoded).map_err(|e| Problem::bad_request(e.to_string()))?;
    let source = &track.info.source_name;
    if !app.sources.has(source) {
        return Err(Problem::bad_request(format!(
            "Unknown source name: {source}"
        )));
    }
    Ok(rest::Track::new(encoded, &track, serde_json::Map::new()))
}

fn view(loaded: track::LoadResult) -> Result<rest::LoadResult, Failure> {
    Ok(match loaded {
        track::LoadResult::Track(track) => rest::LoadResult::Track(Box::new(encode(&track)?)),
        track::LoadResult::Playlist(list) => rest::LoadResult::Playlist(rest::Playlist {
            info: rest::PlaylistInfo {
                name: list.name,
                selected_track: list
                    .selected
                    .and_then(|at| i64::try_from(at).ok())
                    .unwrap_or(-1),
            },
            plugin_info: list.plugin_info,
            tracks: encode_all(&list.tracks)?,
        }),
        track::LoadResult::Search(hits) => rest::LoadResult::Search(encode_all(&hits)?),
        track::LoadResult::Empty => rest::LoadResult::Empty(()),
    })
}

/// Tracks as clients see them.
pub fn encode_all(tracks: &[Track]) -> Result<Vec<rest::Track>, Failure> {
    tracks.iter().map(encode).collect()
}

fn encode(track: &Track) -> Result<rest::Track, Failure> {
    let encoded = codec::encode(track, track.info.position)
        .map_err(|e| Failure::fault("The track does not fit its binary format.").because(e))?;
    Ok(rest::Track::new(encoded, track, serde_json::Map::new()))
}
