//! Owns: the routes that plugins of Lavalink have made standard (LavaSearch, LavaLyrics, SponsorBlock; reference, 2.9), and
//! the names of plugins by which clients know that they are there.
//! Never knows: how anything is found, and when lines and segments come.

use http::StatusCode;

use super::{
    answer::{Answer, Problem, empty, json},
    app::App,
    players::{find, guild_id, no_player, switch},
    query::Query,
    tracks::encode_all,
};
use crate::{
    error::Failure,
    protocol::{
        plugins::{self, Lyrics, SearchResult, Text},
        rest::{Playlist, PlaylistInfo},
        server::Plugin,
    },
    source::{
        Registry,
        findings::{Findings, Kind},
    },
    track::{self, Track, codec},
};

/// Sources that come from LavaSrc, by the names that it gives them.
const OF_LAVASRC: [&str; 6] = [
    "spotify",
    "applemusic",
    "deezer",
    "yandexmusic",
    "tidal",
    "ytdlp",
];

/// The plugins whose routes and sources are here. Clients look for names; versions are those whose API is spoken.
pub fn announced(sources: &Registry) -> Vec<Plugin> {
    let has_lavasrc = OF_LAVASRC.iter().any(|name| sources.has(name)) || sources.has_lrclib();
    let all = [
        ("lavasearch-plugin", "1.0.0", true),
        ("lavalyrics-plugin", "1.0.0", sources.has_lrclib()),
        ("sponsorblock-plugin", "3.0.1", sources.has_sponsorblock()),
        ("lavasrc-plugin", "4.8.1", has_lavasrc),
        ("youtube-plugin", "1.13.5", sources.has("youtube")),
    ];
    let here = all.into_iter().filter(|(.., is_here)| *is_here);
    here.map(|(name, version, _)| Plugin {
        name: name.to_owned(),
        version: version.to_owned(),
    })
    .collect()
}

/// `GET /v4/loadsearch?query=…&types=…`: 204 when nothing is found.
pub async fn search(app: &App, query: &Query) -> Result<Answer, Problem> {
    let words = needed(query, "query")?;
    let kinds = kinds(query.first("types").unwrap_or_default());
    let found = app.sources.search(words, &kinds).await;
    let found = found.map_err(not_found_out)?.unwrap_or_default();
    if found.is_empty() {
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    Ok(json(&view(found).map_err(not_found_out)?))
}

/// The kinds in a list of names; what is none is passed over, and nothing means all (as the plugin has it).
fn kinds(names: &str) -> Vec<Kind> {
    let named = names.split(',').map(str::trim);
    let named = |kind: &Kind| {
        named
            .clone()
            .any(|name| name.eq_ignore_ascii_case(kind.name()))
    };
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(named).collect();
    match kinds.is_empty() {
        true => Kind::ALL.to_vec(),
        false => kinds,
    }
}

fn view(found: Findings) -> Result<SearchResult, Failure> {
    let text = |text| Text {
        text,
        plugin: serde_json::Map::new(),
    };
    let lists = |lists: Vec<track::Playlist>| lists.into_iter().map(list).collect();
    Ok(SearchResult {
        tracks: encode_all(&found.tracks)?,
        albums: lists(found.albums),
        artists: lists(found.artists),
        playlists: lists(found.playlists),
        texts: found.texts.into_iter().map(text).collect(),
        plugin: serde_json::Map::new(),
    })
}

/// A list as a search shows it: the plugin never gives its tracks.
fn list(list: track::Playlist) -> Playlist {
    Playlist {
        info: PlaylistInfo {
            name: list.name,
            selected_track: -1,
        },
        plugin_info: list.plugin_info,
        tracks: Vec::new(),
    }
}

/// `GET /v4/lyrics?track=…&skipTrackSource=…`: 204 when there are none.
pub async fn lyrics(app: &App, query: &Query) -> Result<Answer, Problem> {
    let encoded = codec::repair(needed(query, "track")?);
    let skip = switch(query, "skipTrackSource")?;
    let track = codec::decode(&encoded).map_err(|e| Problem::bad_request(e.to_string()))?;
    words(app, &track, skip).await
}

/// `GET /v4/sessions/{session}/players/{guild}/track/lyrics?skipTrackSource=…`: 204 when there are none.
pub async fn track_lyrics(
    app: &App,
    session: &str,
    guild: &str,
    query: &Query,
) -> Result<Answer, Problem> {
    let guild = guild_id(guild)?;
    let skip = switch(query, "skipTrackSource")?;
    let playing = find(app, session)?.track(guild).await;
    let track = playing.ok_or_else(no_player)?;
    let nothing = || Problem::told(StatusCode::NOT_FOUND, "No track playing");
    words(app, &*track.ok_or_else(nothing)?, skip).await
}

async fn words(app: &App, track: &Track, skip_track_source: bool) -> Result<Answer, Problem> {
    let found = app.sources.lyrics(track, skip_track_source).await;
    Ok(match found.map_err(not_found_out)? {
        Some(lyrics) => json(&Lyrics::from(&lyrics)),
        None => empty(StatusCode::NO_CONTENT),
    })
}

/// `POST /v4/sessions/{session}/players/{guild}/lyrics/subscribe?skipTrackSource=…`. The events come when the words are found;
/// the plugin answers only then.
pub async fn subscribe(
    app: &App,
    session: &str,
    guild: &str,
    query: &Query,
) -> Result<Answer, Problem> {
    let guild = guild_id(guild)?;
    let skip = switch(query, "skipTrackSource")?;
    match find(app, session)?.want_lyrics(guild, Some(skip)).await {
        true => Ok(empty(StatusCode::NO_CONTENT)),
        false => Err(no_player()),
    }
}

/// `DELETE /v4/sessions/{session}/players/{guild}/lyrics/subscribe`. What is not there is not subscribed.
pub async fn unsubscribe(app: &App, session: &str, guild: &str) -> Result<Answer, Problem> {
    let guild = guild_id(guild)?;
    if let Ok(session) = find(app, session) {
        session.want_lyrics(guild, None).await;
    }
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `GET /v4/sessions/{session}/players/{guild}/sponsorblock/categories`.
pub async fn categories(app: &App, session: &str, guild: &str) -> Result<Answer, Problem> {
    let guild = guild_id(guild)?;
    let categories = find(app, session)?.categories(guild).await;
    let nobody = || Problem::told(StatusCode::NOT_FOUND, "Guild not found");
    Ok(json(&categories.ok_or_else(nobody)?))
}

/// The body of `PUT …/sponsorblock/categories`.
pub fn categories_wanted(body: &[u8]) -> Result<Vec<String>, Problem> {
    Ok(plugins::categories(body)?)
}

/// `PUT` and, with none, `DELETE /v4/sessions/{session}/players/{guild}/sponsorblock/categories`. They count at once, also for the
/// track that plays (in the plugin from the next one on).
pub async fn set_categories(
    app: &App,
    session: &str,
    guild: &str,
    categories: Vec<String>,
) -> Result<Answer, Problem> {
    let guild = guild_id(guild)?;
    let session = find(app, session)?;
    session.set_categories(guild, categories).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn needed<'a>(query: &'a Query, name: &str) -> Result<&'a str, Problem> {
    let value = query.first(name);
    value
        .ok_or_else(|| Problem::bad_request(format!("Required parameter '{name}' is not present.")))
}

/// These answers have no place for a failure, so it is the error's message, as it is with the plugins.
fn not_found_out(failure: Failure) -> Problem {
    tracing::debug!(trace = failure.trace(), "a search failed");
    Problem::told(StatusCode::INTERNAL_SERVER_ERROR, failure.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_in_a_list_and_nothing_means_all() {
        assert_eq!(kinds("track"), [Kind::Track]);
        assert_eq!(kinds("artist, ALBUM,wombat"), [Kind::Album, Kind::Artist]);
        for all in ["", " ", "wombat"] {
            assert_eq!(kinds(all), Kind::ALL, "{all}");
        }
    }
}
