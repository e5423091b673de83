//! Owns: which identifiers are Niconico's, and what each asks for (reference, 8.4; forms that the original does not know, as
//! the site and yt-dlp's extractors write them). Pure.
//! Never knows: what the site answers.

use crate::source::site::link::{parts, start};
use url::Url;

/// The longest number of a video; they have up to ten digits.
const MAX_ID: usize = 20;

/// What an identifier asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// A video.
    Video {
        /// Two letters and a number, or a number alone.
        id: String,
        /// Where playing is to begin, in milliseconds.
        start: i64,
    },
    /// A list of videos.
    List(List, u64),
}

/// A kind of list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// What somebody put together.
    Mylist,
    /// What belongs together.
    Series,
}

impl Link {
    /// Reads an identifier of a client's; `None` for what is not Niconico's.
    #[must_use]
    pub fn parse(identifier: &str) -> Option<Self> {
        // a scheme may be missing
        let rest = identifier
            .strip_prefix("https://")
            .or_else(|| identifier.strip_prefix("http://"))
            .unwrap_or(identifier);
        let host = rest.split('/').next()?;
        let is_short = host == "nico.ms";
        let is_site = matches!(
            host,
            "nicovideo.jp" | "www.nicovideo.jp" | "sp.nicovideo.jp" | "embed.nicovideo.jp"
        );
        if !is_short && !is_site {
            return None;
        }
        let url = Url::parse(&format!("https://{rest}")).ok()?;
        let parts: Vec<&str> = parts(&url).collect();
        match parts[..] {
            ["watch" | "shorts", id] => video(id, &url),
            [id] if is_short => video(id, &url),
            ["mylist", id] | ["user", _, "mylist", id] => list(List::Mylist, id),
            ["series", id] | ["user", _, "series", id] => list(List::Series, id),
            _ => None,
        }
    }

    /// Reads what a track carries: the number of a video, or its page.
    #[must_use]
    pub fn of_track(identifier: &str) -> Option<String> {
        if is_video(identifier) {
            return Some(identifier.to_owned());
        }
        match Self::parse(identifier)? {
            Self::Video { id, .. } => Some(id),
            Self::List(..) => None,
        }
    }
}

fn video(id: &str, url: &Url) -> Option<Link> {
    is_video(id).then(|| Link::Video {
        id: id.to_owned(),
        start: start(url, "from"),
    })
}

fn list(kind: List, id: &str) -> Option<Link> {
    Some(Link::List(kind, id.parse().ok()?))
}

/// Two letters and a number, or a number alone. `lv` and others with a number are no videos, as the site will say.
fn is_video(text: &str) -> bool {
    let number = match text.get(..2) {
        Some(letters) if letters.bytes().all(|byte| byte.is_ascii_lowercase()) => &text[2..],
        _ => text,
    };
    (1..=MAX_ID).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(id: &str, start: i64) -> Option<Link> {
        let id = id.to_owned();
        Some(Link::Video { id, start })
    }

    // Forms: the original's pattern, and those of yt-dlp's `niconico` extractors.
    #[test]
    fn links_are_known_in_every_spelling() {
        for same in [
            "https://www.nicovideo.jp/watch/sm9",
            "http://nicovideo.jp/watch/sm9?ref=x",
            "www.nicovideo.jp/watch/sm9",
            "nicovideo.jp/watch/sm9",
            "https://sp.nicovideo.jp/watch/sm9",
            "https://embed.nicovideo.jp/watch/sm9",
            "https://www.nicovideo.jp/shorts/sm9",
            "https://nico.ms/sm9",
        ] {
            assert_eq!(Link::parse(same), video("sm9", 0), "{same}");
        }
        assert_eq!(
            Link::parse("https://www.nicovideo.jp/watch/so38016254?from=90"),
            video("so38016254", 90_000)
        );
        assert_eq!(
            Link::parse("https://www.nicovideo.jp/watch/1173108780"),
            video("1173108780", 0)
        );
        for (link, list, id) in [
            (
                "https://www.nicovideo.jp/mylist/27411728",
                List::Mylist,
                27_411_728,
            ),
            (
                "https://www.nicovideo.jp/user/805442/mylist/27411728",
                List::Mylist,
                27_411_728,
            ),
            (
                "https://www.nicovideo.jp/series/12312/",
                List::Series,
                12_312,
            ),
            (
                "https://www.nicovideo.jp/user/44113208/series/110226",
                List::Series,
                110_226,
            ),
            ("https://nico.ms/series/203559", List::Series, 203_559),
        ] {
            assert_eq!(Link::parse(link), Some(Link::List(list, id)), "{link}");
        }
    }

    #[test]
    fn a_track_carries_its_number() {
        for identifier in ["sm9", "https://www.nicovideo.jp/watch/sm9"] {
            assert_eq!(Link::of_track(identifier).as_deref(), Some("sm9"));
        }
        for none in [
            "",
            "sm",
            "sm9/../x",
            "SM9",
            "smm9",
            "https://nico.ms/series/1",
            "é9",
        ] {
            assert_eq!(Link::of_track(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_not_for_us_is_left_alone() {
        for other in [
            "https://www.nicovideo.jp/",
            "https://www.nicovideo.jp/user/4",
            "https://www.nicovideo.jp/watch/sm",
            "https://www.nicovideo.jp/watch/sm9/x",
            "https://www.nicovideo.jp/sm9",
            "https://live.nicovideo.jp/watch/lv1",
            "https://nicovideo.jp.example/watch/sm9",
            "https://user@www.nicovideo.jp/watch/sm9",
            "ftp://www.nicovideo.jp/watch/sm9",
            "sm9",
            "",
        ] {
            assert_eq!(Link::parse(other), None, "{other}");
        }
    }
}
