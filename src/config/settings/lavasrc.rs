//! Owns: what LavaSrc's keys set: mirrors, Spotify, Apple Music.
//! Never knows: how they are written in a file, and what the sources do with them.

use super::Blank;
use crate::units::Secret;

section! {
    /// `plugins.lavasrc`.
    LavaSrc {
        /// Where tracks without sound are searched for; `None`: as LavaSrc does.
        providers: Option<Vec<String>>,
        /// Whether Spotify is a source.
        is_spotify_on: bool,
        /// Whether Apple Music is a source.
        is_applemusic_on: bool,
        /// `spotify`.
        spotify: Spotify,
        /// `applemusic`.
        applemusic: AppleMusic,
    }
}

section! {
    /// `plugins.lavasrc.spotify`.
    Spotify {
        /// Of an app; empty: none.
        client_id: String,
        /// Of the same app.
        client_secret: Secret,
        /// An address that gives tokens, which may hold a password; empty: none.
        token_endpoint: Secret,
        /// Two letters (ISO 3166-1).
        country_code: String,
        /// Pages of a playlist, 1–1000.
        playlist_load_limit: usize,
        /// Pages of an album, 1–1000.
        album_load_limit: usize,
        /// Whether searches show pictures of artists.
        resolve_artists_in_search: bool,
        /// Whether files of people's own in playlists count.
        local_files: bool,
    }
}

section! {
    /// `plugins.lavasrc.applemusic`.
    AppleMusic {
        /// Two letters (ISO 3166-1).
        country_code: String,
        /// A token; empty: none.
        media_api_token: Secret,
        /// Name of a key; empty: none.
        key_id: String,
        /// Whose key it is.
        team_id: String,
        /// The key, PEM.
        music_kit_key: Secret,
        /// Pages of a playlist, 1–1000.
        playlist_load_limit: usize,
        /// Pages of an album, 1–1000.
        album_load_limit: usize,
    }
}
