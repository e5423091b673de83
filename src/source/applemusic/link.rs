//! Owns: which identifiers are Apple Music's, and what each asks for (reference, 8.5). Pure.
//! Never knows: what the site answers.

use url::Url;

/// The longest identifier of a thing: `pl.` and 32 hexadecimal digits.
const MAX_ID: usize = 64;

/// What an identifier asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Tracks that fit some words.
    Search(String),
    /// What a page shows.
    Thing {
        /// What it is.
        kind: Kind,
        /// Its identifier.
        id: String,
        /// The shop's country, two letters, if the link names it.
        country: Option<String>,
    },
}

/// A kind of thing that has a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One track.
    Song,
    /// An album.
    Album,
    /// A playlist.
    Playlist,
    /// An artist: his best known tracks.
    Artist,
}

impl Link {
    /// Reads an identifier, without a prefix for previews.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(words) = text.strip_prefix("amsearch:") {
            return Some(Self::Search(words.trim().to_owned()));
        }
        let url = match text.split_once("://") {
            Some(("http" | "https", _)) => Url::parse(text),
            None if text.contains("music.apple.com/") => Url::parse(&format!("https://{text}")),
            _ => return None,
        };
        let url = url.ok()?;
        if !matches!(
            url.host_str(),
            Some("music.apple.com" | "www.music.apple.com")
        ) {
            return None;
        }
        let mut parts: Vec<&str> = url.path_segments()?.filter(|it| !it.is_empty()).collect();
        let is_country =
            |part: &&&str| part.len() == 2 && part.bytes().all(|it| it.is_ascii_alphabetic());
        let country = parts
            .first()
            .filter(is_country)
            .map(|it| it.to_ascii_lowercase());
        if country.is_some() {
            parts.remove(0);
        }
        // the name may be missing
        let (kind, id) = match parts.as_slice() {
            [kind, id] | [kind, _, id] => (*kind, (*id).to_owned()),
            _ => return None,
        };
        let song = url.query_pairs().find(|(name, _)| name == "i");
        let song = song.map(|(_, id)| id.into_owned());
        let (kind, id) = match (kind, song) {
            ("album", Some(song)) if song.bytes().all(|it| it.is_ascii_digit()) => {
                (Kind::Song, song)
            }
            ("album", _) => (Kind::Album, id),
            ("song", _) => (Kind::Song, id),
            ("playlist", _) => (Kind::Playlist, id),
            ("artist", _) => (Kind::Artist, id),
            _ => return None,
        };
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let is_id = (1..=MAX_ID).contains(&id.len()) && id.chars().all(is_part);
        (is_id && id.contains(|c: char| c != '.')).then_some(Self::Thing { kind, id, country })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_told_apart() {
        let thing = |kind, id: &str, country: Option<&str>| {
            let (id, country) = (id.to_owned(), country.map(str::to_owned));
            Some(Link::Thing { kind, id, country })
        };
        for (text, wanted) in [
            (
                "https://music.apple.com/us/album/never-gonna/1559523357?i=1559523359",
                thing(Kind::Song, "1559523359", Some("us")),
            ),
            (
                "https://music.apple.com/DE/album/1559523357?l=en",
                thing(Kind::Album, "1559523357", Some("de")),
            ),
            (
                "https://music.apple.com/album/x/1559523357",
                thing(Kind::Album, "1559523357", None),
            ),
            (
                "https://www.music.apple.com/us/song/x/1?i=2",
                thing(Kind::Song, "1", Some("us")),
            ),
            (
                "music.apple.com/us/artist/r%C3%B6yksopp/5468295",
                thing(Kind::Artist, "5468295", Some("us")),
            ),
            (
                "http://music.apple.com/gb/playlist/hits/pl.u-8aAVZAPFl8yB1v",
                thing(Kind::Playlist, "pl.u-8aAVZAPFl8yB1v", Some("gb")),
            ),
            ("https://music.apple.com/us/album/x/..", None),
            ("https://music.apple.com/us/music-video/x/1", None),
            ("https://music.apple.com/us", None),
            ("https://example.com/music.apple.com/us/song/x/1", None),
            ("example.com/music.apple.com/us/song/x/1", None),
            ("amsearch: words ", Some(Link::Search("words".into()))),
            ("words", None),
        ] {
            assert_eq!(Link::parse(text), wanted, "{text}");
        }
    }
}
