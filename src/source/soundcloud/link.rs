//! Owns: which identifiers are SoundCloud's, and what each asks for (reference, 8.3). Pure.
//! Never knows: what the site answers.

use crate::source::site::link::{parts, query, start};
use url::Url;

/// Hits of a search that does not say how many.
const DEFAULT_HITS: u32 = 10;
/// The most hits of a search.
const MAX_HITS: u32 = 200;
/// First parts of paths that are no users.
const RESERVED: &[&str] = &[
    "charts",
    "discover",
    "feed",
    "jobs",
    "messages",
    "mobile",
    "pages",
    "people",
    "pro",
    "search",
    "settings",
    "stations",
    "stream",
    "tags",
    "terms-of-use",
    "upload",
    "you",
];
/// What an identifier asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Tracks that fit some words.
    Search(Search),
    /// What a page shows.
    Page {
        /// `https://soundcloud.com/…`, without query and fragment.
        url: String,
        /// Which of a user's lists.
        list: List,
        /// Where playing is to begin, in milliseconds.
        start: i64,
    },
    /// A thing by its number.
    Thing {
        /// What it is.
        kind: Kind,
        /// Its number.
        id: u64,
        /// Opens what is private.
        secret: Option<String>,
        /// Which of a user's lists.
        list: List,
        /// Where playing is to begin, in milliseconds.
        start: i64,
    },
    /// Leads to another link.
    Short(String),
}

/// A search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The words.
    pub words: String,
    /// Hits to leave out.
    pub offset: u32,
    /// Hits to give, at most 200.
    pub limit: u32,
}

/// A list of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// What he made.
    Tracks,
    /// What he likes.
    Likes,
    /// What he passed on.
    Reposts,
}

/// A kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Track,
    Playlist,
    User,
}

impl Kind {
    /// Its name in paths of the API.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Track => "tracks",
            Self::Playlist => "playlists",
            Self::User => "users",
        }
    }
}

impl Link {
    /// Reads an identifier; `None` for what is not SoundCloud's.
    #[must_use]
    pub fn parse(identifier: &str) -> Option<Self> {
        if let Some(rest) = identifier.strip_prefix("scsearch") {
            return search(rest).map(Self::Search);
        }
        let has_scheme = identifier.starts_with("http://") || identifier.starts_with("https://");
        if has_scheme {
            return Self::of(&Url::parse(identifier).ok()?);
        }
        // a scheme may be missing
        let host = identifier.split('/').next()?;
        let is_host = host.ends_with("soundcloud.com") || host == "soundcloud.app.goo.gl";
        if !is_host || identifier.contains(char::is_whitespace) {
            return None;
        }
        Self::of(&Url::parse(&format!("https://{identifier}")).ok()?)
    }

    fn of(url: &Url) -> Option<Self> {
        match url.host_str()? {
            "soundcloud.com" | "www.soundcloud.com" | "m.soundcloud.com" => page(url),
            "on.soundcloud.com" | "soundcloud.app.goo.gl" => {
                let code = parts(url).next()?;
                let (scheme, host) = (url.scheme(), url.host_str()?);
                Some(Self::Short(format!("{scheme}://{host}/{code}")))
            }
            "w.soundcloud.com" => inner(url),
            "api.soundcloud.com" | "api-v2.soundcloud.com" | "api-widget.soundcloud.com" => {
                thing(url).or_else(|| inner(url))
            }
            _ => None,
        }
    }
}

/// `:words` or `[offset,limit]:words`.
fn search(rest: &str) -> Option<Search> {
    let (offset, limit, words) = match rest.strip_prefix('[') {
        None => (0, DEFAULT_HITS, rest.strip_prefix(':')?),
        Some(rest) => {
            let (range, words) = rest.split_once("]:")?;
            let (offset, limit) = range.split_once(',')?;
            (offset.parse().ok()?, limit.parse().ok()?, words)
        }
    };
    Some(Search {
        words: words.trim().to_owned(),
        offset,
        limit: limit.min(MAX_HITS),
    })
}

fn page(url: &Url) -> Option<Link> {
    let mut parts: Vec<&str> = parts(url).collect();
    let (first, second) = (*parts.first()?, parts.get(1).copied());
    if first == "search" {
        let words = query(url, "q")?;
        return search(&format!(":{words}")).map(Link::Search);
    }
    // lists that the site makes are below `discover`
    let is_made_list = first == "discover" && second == Some("sets") && parts.len() > 2;
    if RESERVED.contains(&first) && !is_made_list {
        return None;
    }
    let mut list = List::Tracks;
    if parts.len() == 2 {
        match second {
            Some("likes") => list = List::Likes,
            Some("reposts") => list = List::Reposts,
            _ => {}
        }
        if list != List::Tracks {
            parts.pop();
        }
    }
    let mut path = parts.join("/");
    if let Some(secret) = query(url, "secret_token") {
        path = format!("{path}/{secret}");
    }
    Some(Link::Page {
        url: format!("https://soundcloud.com/{path}"),
        list,
        start: start(url, "t"),
    })
}

/// `/tracks/1`, `/users/2/likes`; numbers may be names such as `soundcloud:tracks:1`.
fn thing(url: &Url) -> Option<Link> {
    let mut parts = parts(url);
    let kind = match parts.next()? {
        "tracks" => Kind::Track,
        "playlists" => Kind::Playlist,
        "users" => Kind::User,
        _ => return None,
    };
    let id = parts.next()?.replace("%3A", ":").replace("%3a", ":");
    let list = match parts.next() {
        Some("likes" | "favorites" | "track_likes") => List::Likes,
        Some("reposts") => List::Reposts,
        _ => List::Tracks,
    };
    Some(Link::Thing {
        kind,
        id: id.rsplit(':').next()?.parse().ok()?,
        secret: query(url, "secret_token"),
        list,
        start: start(url, "t"),
    })
}

/// The link in a link: `?url=…`.
fn inner(url: &Url) -> Option<Link> {
    let inner = query(url, "url")?;
    let inner = match inner.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None => inner,
    };
    let inner = Url::parse(&inner).ok()?;
    // one level: a link could hold itself
    match inner.host_str()? {
        "w.soundcloud.com" => None,
        host if host.starts_with("api") => thing(&inner),
        _ => Link::of(&inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(path: &str, list: List, start: i64) -> Option<Link> {
        let url = format!("https://soundcloud.com/{path}");
        Some(Link::Page { url, list, start })
    }

    fn track(path: &str) -> Option<Link> {
        page(path, List::Tracks, 0)
    }

    #[test]
    fn pages_are_known_in_every_spelling() {
        for spelling in [
            "https://soundcloud.com/a-user/a_track",
            "http://www.soundcloud.com/a-user/a_track/",
            "https://m.soundcloud.com/a-user/a_track?in=a-user/sets/x&si=1",
            "soundcloud.com/a-user/a_track",
            "www.soundcloud.com/a-user/a_track#x",
        ] {
            assert_eq!(Link::parse(spelling), track("a-user/a_track"), "{spelling}");
        }
        for (url, path) in [
            ("https://soundcloud.com/u/sets/s?test=123", "u/sets/s"),
            (
                "https://soundcloud.com/u/sets/s/s-SeCrEt",
                "u/sets/s/s-SeCrEt",
            ),
            ("https://soundcloud.com/u/t/s-SeCrEt", "u/t/s-SeCrEt"),
            (
                "https://soundcloud.com/u/t?secret_token=s-SeCrEt",
                "u/t/s-SeCrEt",
            ),
            (
                "https://soundcloud.com/discover/sets/charts-top:all",
                "discover/sets/charts-top:all",
            ),
            ("https://soundcloud.com/u", "u"),
            ("https://soundcloud.com/u/sets", "u/sets"),
        ] {
            assert_eq!(Link::parse(url), track(path), "{url}");
        }
        let user = |list| page("u", list, 0);
        assert_eq!(
            Link::parse("https://soundcloud.com/u/likes"),
            user(List::Likes)
        );
        assert_eq!(
            Link::parse("https://soundcloud.com/u/reposts"),
            user(List::Reposts)
        );
    }

    #[test]
    fn what_is_not_for_us_is_left_alone() {
        for other in [
            "https://soundcloud.com/",
            "https://soundcloud.com/discover",
            "https://soundcloud.com/you/library",
            "https://notsoundcloud.com/u/t",
            "https://soundcloud.com.example/u/t",
            "https://example.com/?u=soundcloud.com/u/t",
            "soundcloud.com is a site",
            "scsearch",
            "scsearches",
            "scsearch[1]:x",
            "ytsearch:soundcloud",
            "https://w.soundcloud.com/player/?url=https://w.soundcloud.com/player/?url=x",
            "https://api.soundcloud.com/tracks/x",
            "https://api.soundcloud.com/resolve?url=https://api.soundcloud.com/resolve?url=x",
            "",
        ] {
            assert_eq!(Link::parse(other), None, "{other}");
        }
    }

    #[test]
    fn searches_say_how_many() {
        let found = |text: &str| match Link::parse(text) {
            Some(Link::Search(it)) => (it.words, it.offset, it.limit),
            other => panic!("{other:?}"),
        };
        let wanted = |words: &str, offset, limit| (words.to_owned(), offset, limit);
        assert_eq!(found("scsearch: two words "), wanted("two words", 0, 10));
        assert_eq!(found("scsearch[20,500]:x:y"), wanted("x:y", 20, 200));
        assert_eq!(found("scsearch:"), wanted("", 0, 10));
        let url = "https://soundcloud.com/search/sounds?q=two%20words";
        assert_eq!(found(url), wanted("two words", 0, 10));
    }

    #[test]
    fn a_start_is_read_as_people_write_it() {
        // 1 h 2 m 3 s = 3723 s
        for (text, seconds) in [
            ("#t=130", 130),
            ("#t=1m9s", 69),
            ("#t=1m09s", 69),
            ("#t=1:09", 69),
            ("#t=1%3A09", 69),
            ("#t=1h2m3s", 3723),
            ("#t=1:02:03", 3723),
            ("#t=0", 0),
            ("#t=", 0),
            ("#t=abc", 0),
            ("#t=1x", 0),
            ("#t=1m9", 0),
            ("#t=99999999999", 0),
            ("#t=1:2:3:4", 0),
            ("?t=45", 45),
        ] {
            let url = format!("https://soundcloud.com/u/t{text}");
            assert_eq!(
                Link::parse(&url),
                page("u/t", List::Tracks, seconds * 1000),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_asked_for(
            text in "\\PC{0,60}",
            start in "([0-9]{0,12}|h|m|s|:|é|%3A){0,8}",
            range in "([0-9]{1,12}|,|\\]|:|é){0,6}",
        ) {
            let _ = Link::parse(&text);
            let _ = Link::parse(&format!("scsearch[{range}{text}"));
            for host in ["", "api.", "w.", "on."] {
                let _ = Link::parse(&format!("https://{host}soundcloud.com/{text}?url={text}#t={start}"));
            }
        }
    }

    #[test]
    fn things_have_numbers() {
        let thing = |kind, id, list, secret: Option<&str>| {
            let secret = secret.map(str::to_owned);
            let start = 0;
            Some(Link::Thing {
                kind,
                id,
                secret,
                list,
                start,
            })
        };
        for (url, wanted) in [
            (
                "https://api.soundcloud.com/tracks/12",
                thing(Kind::Track, 12, List::Tracks, None),
            ),
            (
                "https://api-v2.soundcloud.com/playlists/soundcloud:playlists:3?secret_token=s-x",
                thing(Kind::Playlist, 3, List::Tracks, Some("s-x")),
            ),
            (
                "https://api-widget.soundcloud.com/users/soundcloud%3Ausers%3A4/likes",
                thing(Kind::User, 4, List::Likes, None),
            ),
            (
                "https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/12%3Fsecret_token%3Ds-x&color=red",
                thing(Kind::Track, 12, List::Tracks, Some("s-x")),
            ),
            (
                "https://api.soundcloud.com/resolve?url=https://soundcloud.com/u/t&client_id=x",
                track("u/t"),
            ),
            (
                "https://w.soundcloud.com/player/?url=http://soundcloud.com/u/sets/s",
                track("u/sets/s"),
            ),
        ] {
            assert_eq!(Link::parse(url), wanted, "{url}");
        }
    }

    #[test]
    fn short_links_lead_on() {
        for (url, wanted) in [
            (
                "https://on.soundcloud.com/AbC1?x",
                "https://on.soundcloud.com/AbC1",
            ),
            ("on.soundcloud.com/AbC1", "https://on.soundcloud.com/AbC1"),
            (
                "https://soundcloud.app.goo.gl/AbC1",
                "https://soundcloud.app.goo.gl/AbC1",
            ),
        ] {
            assert_eq!(
                Link::parse(url),
                Some(Link::Short(wanted.to_owned())),
                "{url}"
            );
        }
        assert_eq!(Link::parse("https://on.soundcloud.com/"), None);
    }
}
