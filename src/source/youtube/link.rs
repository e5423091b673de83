//! Owns: which identifiers are YouTube's, and what each asks for (reference, 8.2). Pure.
//! Never knows: what the site answers.
//!
//! Starts (`?t=42`) are read over, as in the original: a track out of such a link begins at 0.

use crate::source::site::link::{parts, query};
use std::fmt;
use url::Url;

/// The length of a video's id.
const VIDEO_LEN: usize = 11;
/// The longest id of anything else.
const MAX_ID_LEN: usize = 128;

/// The id of a video: eleven letters, digits, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VideoId(String);

/// What an identifier asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// What fits some words.
    Search(Search),
    /// A video.
    Video(VideoId),
    /// A playlist or an album.
    Playlist {
        /// Its id.
        id: String,
        /// The video that was pointed at.
        video: Option<VideoId>,
    },
    /// A list that the site makes around a video.
    Mix {
        /// Its id.
        id: String,
        /// The video that it is around.
        video: Option<VideoId>,
    },
    /// An album of YouTube Music, by the id of its page.
    Album(String),
    /// The uploads of a channel, by its page: `https://www.youtube.com/@handle`.
    Channel(String),
    /// Videos of which the site makes a list: ids with commas between them.
    Videos(String),
    /// It is YouTube's, and there is nothing.
    Nothing,
}

/// A search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The words.
    pub words: String,
    /// Among the songs of YouTube Music, instead of all videos.
    pub songs: bool,
}

impl VideoId {
    /// `None` for what is no id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == VIDEO_LEN && is_word(text)).then(|| Self(text.to_owned()))
    }

    /// The id at the beginning of a text, the rest of which is cut off.
    fn leading(text: &str) -> Option<Self> {
        Self::parse(text.get(..VIDEO_LEN)?)
    }

    /// Where people see it.
    #[must_use]
    pub fn page(&self) -> String {
        format!("https://www.youtube.com/watch?v={self}")
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Search {
    /// `ytsearch:words` and `ytmsearch:words`.
    #[must_use]
    pub fn parse(identifier: &str) -> Option<Self> {
        let (songs, words) = match identifier.strip_prefix("ytmsearch:") {
            Some(words) => (true, words),
            None => (false, identifier.strip_prefix("ytsearch:")?),
        };
        let words = words.trim().to_owned();
        Some(Self { words, songs })
    }
}

impl Link {
    /// Reads a link; `None` for what is not YouTube's. The scheme may be missing.
    #[must_use]
    pub fn parse(identifier: &str) -> Option<Self> {
        let has_scheme = identifier.starts_with("http://") || identifier.starts_with("https://");
        let url = match has_scheme {
            true => Url::parse(identifier).ok()?,
            false => {
                let host = identifier.split(['/', '?']).next()?;
                if kind_of(host).is_none() || identifier.contains(char::is_whitespace) {
                    return None;
                }
                Url::parse(&format!("https://{identifier}")).ok()?
            }
        };
        match kind_of(url.host_str()?)? {
            Host::Short => short(&url),
            Host::Main => main(&url),
        }
    }

    /// The id of a playlist, on its own.
    #[must_use]
    pub fn bare_playlist(identifier: &str) -> Option<Self> {
        const BEGINNINGS: [&str; 4] = ["PL", "UU", "OLAK5uy_", "RDCLAK5uy_"];
        let is_one = BEGINNINGS
            .iter()
            .any(|it| identifier.len() > it.len() && identifier.starts_with(it));
        (is_one && is_id(identifier)).then(|| list(identifier.to_owned(), None))
    }
}

enum Host {
    Main,
    Short,
}

fn kind_of(host: &str) -> Option<Host> {
    let host = host.to_ascii_lowercase();
    Some(match host.strip_prefix("www.").unwrap_or(&host) {
        "youtube.com"
        | "m.youtube.com"
        | "music.youtube.com"
        | "gaming.youtube.com"
        | "youtube-nocookie.com" => Host::Main,
        "youtu.be" => Host::Short,
        _ => return None,
    })
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn is_id(text: &str) -> bool {
    (2..=MAX_ID_LEN).contains(&text.len()) && is_word(text)
}

/// `youtu.be/ID`.
fn short(url: &Url) -> Option<Link> {
    let first = parts(url).next()?;
    Some(video(VideoId::leading(first), query(url, "list")))
}

fn main(url: &Url) -> Option<Link> {
    let parts: Vec<&str> = parts(url).collect();
    let first = *parts.first()?;
    let second = parts.get(1).copied();
    let named = |id: Option<&str>| video(id.and_then(VideoId::leading), query(url, "list"));
    Some(match first {
        "watch" if second.is_some() => named(second),
        "watch" => {
            let id = query(url, "v").or_else(|| query(url, "vi"));
            match (id, query(url, "list").filter(|id| is_id(id))) {
                (None, Some(id)) => list(id, None),
                (id, _) => named(id.as_deref()),
            }
        }
        "embed" | "live" if matches!(second, Some("videoseries" | "live_stream")) => {
            match query(url, "list").filter(|id| is_id(id)) {
                Some(id) => list(id, None),
                None => match query(url, "channel").filter(|id| is_id(id)) {
                    Some(id) => channel(&["channel", &id]),
                    None => Link::Nothing,
                },
            }
        }
        "embed" | "live" | "shorts" | "v" | "e" => named(second),
        "playlist" | "show" if second.is_none() => match query(url, "list") {
            Some(id) if is_id(&id) => list(id, None),
            _ => Link::Nothing,
        },
        "watch_videos" => match query(url, "video_ids") {
            Some(ids) if ids.split(',').all(|id| VideoId::parse(id).is_some()) => Link::Videos(ids),
            _ => Link::Nothing,
        },
        "results" | "search" => {
            let words = query(url, "search_query").or_else(|| query(url, "q"))?;
            Link::Search(Search {
                words: words.trim().to_owned(),
                songs: url.host_str() == Some("music.youtube.com"),
            })
        }
        "browse" => match second {
            Some(id) if !is_id(id) => Link::Nothing,
            Some(id) if id.starts_with("MPREb_") => Link::Album(id.to_owned()),
            Some(id) if id.starts_with("UC") => channel(&["channel", id]),
            Some(id) => match id.strip_prefix("VL") {
                Some(id) if is_id(id) => list(id.to_owned(), None),
                _ => Link::Nothing,
            },
            None => return None,
        },
        "channel" | "c" | "user" => channel(&parts[..parts.len().min(2)]),
        _ if first.len() > 1 && first.starts_with('@') => channel(&[first]),
        // pages without anything to play, or what another source may read
        _ => return None,
    })
}

/// A video, or the list that it was found in.
fn video(id: Option<VideoId>, list_id: Option<String>) -> Link {
    // liked videos, what is to be watched later: lists of whoever is signed in
    const OWN: [&str; 3] = ["LL", "WL", "LM"];
    match (id, list_id.filter(|id| is_id(id))) {
        (None, _) => Link::Nothing,
        (Some(id), Some(list_id)) if !OWN.iter().any(|own| list_id.starts_with(own)) => {
            list(list_id, Some(id))
        }
        (Some(id), _) => Link::Video(id),
    }
}

fn list(id: String, video: Option<VideoId>) -> Link {
    // charts and the like are called mixes too, but are playlists
    let Some(rest) = id.strip_prefix("RD").filter(|it| !it.starts_with("CLAK")) else {
        return Link::Playlist { id, video };
    };
    // most mixes end in the video that they are around: RDdQw4w9WgXcQ, RDAMVMdQw4w9WgXcQ
    const KINDS: [&str; 6] = ["", "MM", "AMVM", "EM", "AO", "QM"];
    let around = || {
        let ids = KINDS.iter().filter_map(|kind| rest.strip_prefix(kind));
        ids.filter_map(VideoId::parse).next()
    };
    let video = video.or_else(around);
    Link::Mix { id, video }
}

fn channel(parts: &[&str]) -> Link {
    match parts {
        // the list of a channel's uploads has its id, but for two letters
        ["channel", id] => match id.strip_prefix("UC") {
            Some(rest) if is_id(rest) => list(format!("UU{rest}"), None),
            _ => Link::Nothing,
        },
        _ if parts.iter().any(|part| part.len() > MAX_ID_LEN) => Link::Nothing,
        _ => Link::Channel(format!("https://www.youtube.com/{}", parts.join("/"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "Kn56bMZ9OE8";

    fn video_id(id: &str) -> VideoId {
        VideoId::parse(id).expect(id)
    }

    /// Reference, 8.2, and what people paste.
    #[test]
    fn every_form_of_a_video_s_link_is_known() {
        for link in [
            "https://www.youtube.com/watch?v=Kn56bMZ9OE8",
            "http://youtube.com/watch?v=Kn56bMZ9OE8",
            "youtube.com/watch?v=Kn56bMZ9OE8",
            "https://m.youtube.com/watch?v=Kn56bMZ9OE8&t=30",
            "https://music.youtube.com/watch?v=Kn56bMZ9OE8&si=x",
            "https://WWW.YouTube.com/watch?feature=share&v=Kn56bMZ9OE8#t=1",
            "https://youtu.be/Kn56bMZ9OE8?t=42",
            "www.youtu.be/Kn56bMZ9OE8?si=abc",
            "https://www.youtube.com/shorts/Kn56bMZ9OE8?feature=share",
            "https://www.youtube.com/live/Kn56bMZ9OE8",
            "https://www.youtube.com/embed/Kn56bMZ9OE8?start=5",
            "https://www.youtube-nocookie.com/embed/Kn56bMZ9OE8",
            "https://www.youtube.com/v/Kn56bMZ9OE8",
            "https://www.youtube.com/watch/Kn56bMZ9OE8",
            "https://youtu.be/Kn56bMZ9OE8abc",
            "https://www.youtube.com/watch?v=Kn56bMZ9OE8&list=WL",
            "https://www.youtube.com/watch?v=Kn56bMZ9OE8&list=LL",
            "https://music.youtube.com/watch?v=Kn56bMZ9OE8&list=LM",
        ] {
            assert_eq!(Link::parse(link), Some(Link::Video(video_id(ID))), "{link}");
        }
    }

    #[test]
    fn a_list_comes_with_the_video_that_was_pointed_at() {
        for (link, id, video) in [
            ("https://www.youtube.com/playlist?list=PLx-1", "PLx-1", None),
            (
                "https://music.youtube.com/playlist?list=OLAK5uy_abc&si=x",
                "OLAK5uy_abc",
                None,
            ),
            (
                "https://www.youtube.com/watch?v=Kn56bMZ9OE8&list=PLx&index=3",
                "PLx",
                Some(ID),
            ),
            ("https://youtu.be/Kn56bMZ9OE8?list=PLx", "PLx", Some(ID)),
            ("https://www.youtube.com/watch?list=PLx", "PLx", None),
            (
                "https://www.youtube.com/embed/videoseries?list=PLx",
                "PLx",
                None,
            ),
            ("https://music.youtube.com/browse/VLPLx", "PLx", None),
            (
                "https://www.youtube.com/playlist?list=RDCLAK5uy_abc",
                "RDCLAK5uy_abc",
                None,
            ),
            (
                "https://www.youtube.com/channel/UCabc/videos",
                "UUabc",
                None,
            ),
            ("https://music.youtube.com/channel/UCabc", "UUabc", None),
        ] {
            let (id, video) = (id.to_owned(), video.map(video_id));
            assert_eq!(
                Link::parse(link),
                Some(Link::Playlist { id, video }),
                "{link}"
            );
        }
    }

    #[test]
    fn a_mix_is_around_a_video() {
        for (link, id, video) in [
            (
                "https://www.youtube.com/watch?v=Kn56bMZ9OE8&list=RDGMEMxyz",
                "RDGMEMxyz",
                Some(ID),
            ),
            (
                "https://www.youtube.com/playlist?list=RDKn56bMZ9OE8",
                "RDKn56bMZ9OE8",
                Some(ID),
            ),
            (
                "https://www.youtube.com/playlist?list=RDAMVMKn56bMZ9OE8",
                "RDAMVMKn56bMZ9OE8",
                Some(ID),
            ),
            (
                "https://www.youtube.com/playlist?list=RDMMKn56bMZ9OE8",
                "RDMMKn56bMZ9OE8",
                Some(ID),
            ),
            ("https://www.youtube.com/playlist?list=RDMM", "RDMM", None),
        ] {
            let (id, video) = (id.to_owned(), video.map(video_id));
            assert_eq!(Link::parse(link), Some(Link::Mix { id, video }), "{link}");
        }
    }

    #[test]
    fn other_pages_lead_to_what_they_show() {
        let channel = |path: &str| Link::Channel(format!("https://www.youtube.com/{path}"));
        let search = |words: &str, songs| {
            Link::Search(Search {
                words: words.to_owned(),
                songs,
            })
        };
        for (link, wanted) in [
            (
                "https://www.youtube.com/@TomScottGo/videos",
                channel("@TomScottGo"),
            ),
            ("https://www.youtube.com/c/TomScott", channel("c/TomScott")),
            ("https://www.youtube.com/user/x/featured", channel("user/x")),
            (
                "https://music.youtube.com/browse/MPREb_abc",
                Link::Album("MPREb_abc".into()),
            ),
            (
                "https://www.youtube.com/results?search_query=two+words",
                search("two words", false),
            ),
            ("https://music.youtube.com/search?q=x", search("x", true)),
            (
                "https://www.youtube.com/watch_videos?video_ids=Kn56bMZ9OE8,dQw4w9WgXcQ",
                Link::Videos("Kn56bMZ9OE8,dQw4w9WgXcQ".into()),
            ),
        ] {
            assert_eq!(Link::parse(link), Some(wanted), "{link}");
        }
    }

    #[test]
    fn what_has_no_id_is_nothing_and_what_is_not_youtube_s_nobody_s() {
        for link in [
            "https://www.youtube.com/watch?v=abcde&list=RDabcde",
            "https://www.youtube.com/watch",
            "https://www.youtube.com/watch?v=Kn56bMZ9OE%2F",
            "https://youtu.be/short",
            "https://youtu.be/Kn56bMZ9Oé8",
            "https://www.youtube.com/shorts",
            "https://www.youtube.com/playlist?list=",
            "https://www.youtube.com/playlist?list=a/b",
            "https://www.youtube.com/watch_videos?video_ids=a,b",
            "https://www.youtube.com/channel/x",
        ] {
            assert_eq!(Link::parse(link), Some(Link::Nothing), "{link}");
        }
        for link in [
            "https://www.youtube.com.evil.example/watch?v=Kn56bMZ9OE8",
            "https://evil.example/youtube.com/watch?v=Kn56bMZ9OE8",
            "youtube.com watch?v=Kn56bMZ9OE8",
            "https://www.youtube.com/",
            "https://www.youtube.com/feed/trending",
            "https://support.youtube.com/watch?v=Kn56bMZ9OE8",
            "ftp://youtube.com/watch?v=Kn56bMZ9OE8",
            ID,
            "a few words",
            "",
        ] {
            assert_eq!(Link::parse(link), None, "{link}");
        }
    }

    #[test]
    fn ids_alone_are_known_by_their_shape() {
        for id in ["PLx", "UUabc-_1", "OLAK5uy_abc", "RDCLAK5uy_abc"] {
            let wanted = Link::Playlist {
                id: id.to_owned(),
                video: None,
            };
            assert_eq!(Link::bare_playlist(id), Some(wanted));
        }
        for other in ["PL", "PL x", "RDabc", "playlist", ""] {
            assert_eq!(Link::bare_playlist(other), None, "{other}");
        }
        assert_eq!(VideoId::parse("Kn56bMZ9OE8").expect("an id").as_str(), ID);
        assert!(VideoId::parse("hello world").is_none());
    }

    #[test]
    fn prefixes_say_where_is_searched() {
        let search = |words: &str, songs| {
            Some(Search {
                words: words.to_owned(),
                songs,
            })
        };
        assert_eq!(
            Search::parse("ytsearch: two words "),
            search("two words", false)
        );
        assert_eq!(Search::parse("ytmsearch:x"), search("x", true));
        assert_eq!(Search::parse("ytsearch:"), search("", false));
        assert_eq!(Search::parse("YTSEARCH:x"), None);
    }
}
