//! Owns: which identifiers are Spotify's, and what each asks for (reference, 8.5). Pure.
//! Never knows: what the site answers.

use crate::source::site::is_below;
use url::Url;

/// The longest identifier of a thing; they have 22 characters.
const MAX_ID: usize = 64;
/// Parts of a path that may stand before the kind: a language, `embed`, or a user and his name.
const MAX_BEFORE: usize = 3;

/// A kind of thing that has a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One track.
    Track,
    /// An album.
    Album,
    /// A playlist.
    Playlist,
    /// An artist: his best known tracks.
    Artist,
}

impl Kind {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "track" => Self::Track,
            "album" => Self::Album,
            "playlist" => Self::Playlist,
            "artist" => Self::Artist,
            _ => return None,
        })
    }

    /// As links and the API have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Album => "album",
            Self::Playlist => "playlist",
            Self::Artist => "artist",
        }
    }
}

/// What tracks like something are sought by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seed {
    /// A track, by its id; asked of the public API.
    Track(String),
    /// Anything with a page; asked of the site's own API.
    Mix(Kind, String),
    /// A recording.
    Isrc(String),
}

/// What an identifier asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Tracks that fit some words.
    Search(String),
    /// Tracks that are like something.
    Like(Seed),
    /// What a page shows.
    Thing(Kind, String),
    /// Leads to another link.
    Short(String),
}

impl Link {
    /// Reads an identifier, without a prefix for previews. `short_hosts` are those of short links.
    #[must_use]
    pub fn parse(text: &str, short_hosts: &[String]) -> Option<Self> {
        if let Some(words) = text.strip_prefix("spsearch:") {
            return Some(Self::Search(words.trim().to_owned()));
        }
        if let Some(seed) = text.strip_prefix("sprec:") {
            return Some(Self::Like(self::seed(seed.trim())?));
        }
        if let Some(rest) = text.strip_prefix("spotify:") {
            let (kind, id) = rest.split_once(':')?;
            return thing(kind, id);
        }
        let url = if text.starts_with("open.spotify.com/") {
            Url::parse(&format!("https://{text}"))
        } else {
            Url::parse(text)
        };
        let url = url
            .ok()
            .filter(|it| matches!(it.scheme(), "http" | "https"))?;
        if is_below(&url, short_hosts) {
            return Some(Self::Short(url.into()));
        }
        if !matches!(
            url.host_str(),
            Some("open.spotify.com" | "www.open.spotify.com")
        ) {
            return None;
        }
        let parts: Vec<&str> = url.path_segments()?.collect();
        let pairs = parts.windows(2).take(MAX_BEFORE + 1);
        pairs.into_iter().find_map(|pair| thing(pair[0], pair[1]))
    }
}

fn is_id(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=MAX_ID).contains(&text.len()) && text.chars().all(is_part)
}

fn thing(kind: &str, id: &str) -> Option<Link> {
    let kind = Kind::of(kind)?;
    is_id(id).then(|| Link::Thing(kind, id.to_owned()))
}

fn seed(text: &str) -> Option<Seed> {
    let Some(mix) = text.strip_prefix("mix:") else {
        return is_id(text).then(|| Seed::Track(text.to_owned()));
    };
    let (kind, id) = mix.split_once(':')?;
    let id = Some(id).filter(|id| is_id(id))?.to_owned();
    match kind {
        "isrc" => Some(Seed::Isrc(id)),
        "album" | "artist" | "track" => Some(Seed::Mix(Kind::of(kind)?, id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_told_apart() {
        let hosts = ["spotify.link".to_owned()];
        let thing = |kind, id: &str| Some(Link::Thing(kind, id.to_owned()));
        for (text, wanted) in [
            (
                "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=x",
                thing(Kind::Track, "4uLU6hMCjMI75M1A2tKUQC"),
            ),
            (
                "http://open.spotify.com/intl-de/album/a-_9",
                thing(Kind::Album, "a-_9"),
            ),
            (
                "https://open.spotify.com/user/some.one/playlist/abc",
                thing(Kind::Playlist, "abc"),
            ),
            (
                "https://open.spotify.com/embed/artist/abc#x",
                thing(Kind::Artist, "abc"),
            ),
            ("open.spotify.com/artist/abc", thing(Kind::Artist, "abc")),
            ("spotify:track:abc", thing(Kind::Track, "abc")),
            ("https://open.spotify.com/episode/abc", None),
            ("https://open.spotify.com/track/", None),
            ("https://open.spotify.com.example/track/abc", None),
            (
                "https://example.com/?u=https://open.spotify.com/track/abc",
                None,
            ),
            ("ftp://open.spotify.com/track/abc", None),
            (
                "https://spotify.link/Abc",
                Some(Link::Short("https://spotify.link/Abc".into())),
            ),
            (
                "spsearch: some words ",
                Some(Link::Search("some words".into())),
            ),
            ("spsearch:", Some(Link::Search(String::new()))),
            ("SPSEARCH:x", None),
            ("sprec:abc", Some(Link::Like(Seed::Track("abc".into())))),
            (
                "sprec:mix:album:abc",
                Some(Link::Like(Seed::Mix(Kind::Album, "abc".into()))),
            ),
            (
                "sprec:mix:isrc:GBARL9300135",
                Some(Link::Like(Seed::Isrc("GBARL9300135".into()))),
            ),
            ("sprec:mix:playlist:abc", None),
            ("sprec:a/b", None),
        ] {
            assert_eq!(Link::parse(text, &hosts), wanted, "{text}");
        }
    }
}
