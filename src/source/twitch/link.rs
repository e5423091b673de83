//! Owns: which identifiers are Twitch's, and what each asks for (reference, 8.4; VODs, clips and lists, which the original
//! does not know, as the site and the extractors of yt-dlp and streamlink write them). Pure.
//! Never knows: what the site answers.

use crate::source::site::link::{parts, query, start};
use url::Url;

/// The longest name of a channel.
const MAX_LOGIN: usize = 25;
/// The longest name of a clip or number of a collection; clips have up to some sixty characters.
const MAX_NAME: usize = 128;

/// What an identifier asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// What a channel sends right now.
    Live {
        /// The channel, in lower case.
        login: String,
        /// `https://…`, with the host and the name as they were written: the original's identifier.
        url: String,
    },
    /// A recording.
    Video {
        /// Its number.
        id: u64,
        /// Where playing is to begin, in milliseconds.
        start: i64,
    },
    /// A short piece that somebody cut out.
    Clip(String),
    /// The recordings of a channel, named in lower case.
    Videos(String),
    /// Recordings that somebody put together.
    Collection(String),
}

impl Link {
    /// Reads an identifier; `None` for what is not Twitch's.
    #[must_use]
    pub fn parse(identifier: &str) -> Option<Self> {
        let has_scheme = identifier.starts_with("http://") || identifier.starts_with("https://");
        let url = Url::parse(identifier).ok().filter(|_| has_scheme)?;
        match url.host_str()? {
            "twitch.tv" | "www.twitch.tv" | "go.twitch.tv" | "m.twitch.tv" => page(&url),
            "clips.twitch.tv" => {
                let embedded = query(&url, "clip");
                // once, the channel stood in front
                clip(embedded.as_deref().or_else(|| parts(&url).last())?)
            }
            "player.twitch.tv" => {
                if let Some(id) = query(&url, "video") {
                    return video(id.strip_prefix('v').unwrap_or(&id), &url);
                }
                live(&query(&url, "channel")?, "www.twitch.tv")
            }
            _ => None,
        }
    }

    /// The address of a page, for people; it is also the identifier.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Live { url, .. } => url.clone(),
            Self::Video { id, .. } => format!("https://www.twitch.tv/videos/{id}"),
            Self::Clip(slug) => format!("https://clips.twitch.tv/{slug}"),
            Self::Videos(login) => format!("https://www.twitch.tv/{login}/videos"),
            Self::Collection(id) => format!("https://www.twitch.tv/collections/{id}"),
        }
    }
}

fn page(url: &Url) -> Option<Link> {
    let parts: Vec<&str> = parts(url).collect();
    match parts[..] {
        ["videos" | "v", id] | [_, "video" | "v", id] => video(id, url),
        ["clip", slug] | [_, "clip", slug] => clip(slug),
        ["collections", id] => is_name(id).then(|| Link::Collection(id.to_owned())),
        [login, "videos" | "profile"] => {
            is_login(login).then(|| Link::Videos(login.to_ascii_lowercase()))
        }
        [_, "schedule"] => video(&query(url, "vodID")?, url),
        [login] => live(login, url.host_str()?),
        _ => None,
    }
}

fn live(login: &str, host: &str) -> Option<Link> {
    is_login(login).then(|| Link::Live {
        login: login.to_ascii_lowercase(),
        url: format!("https://{host}/{login}"),
    })
}

fn video(id: &str, url: &Url) -> Option<Link> {
    Some(Link::Video {
        id: id.parse().ok()?,
        start: start(url, "t"),
    })
}

fn clip(slug: &str) -> Option<Link> {
    (is_name(slug) && slug != "embed").then(|| Link::Clip(slug.to_owned()))
}

fn is_login(text: &str) -> bool {
    is_name(text) && text.len() <= MAX_LOGIN && !text.contains('-')
}

/// Nothing in it would mean anything in a path or a query.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn live(login: &str, url: &str) -> Option<Link> {
        let (login, url) = (login.to_owned(), url.to_owned());
        Some(Link::Live { login, url })
    }

    const fn video(id: u64, start: i64) -> Option<Link> {
        Some(Link::Video { id, start })
    }

    #[test]
    fn channels_keep_the_spelling_that_the_original_takes_for_their_identifier() {
        for same in [
            "https://www.twitch.tv/SomeBody",
            "https://twitch.tv/somebody",
            "https://m.twitch.tv/some_body",
            "https://go.twitch.tv/somebody",
        ] {
            let name = same.rsplit('/').next().expect("a name");
            let wanted = live(&name.to_ascii_lowercase(), same);
            assert_eq!(Link::parse(same), wanted, "{same}");
        }
        for (other, wanted) in [
            ("http://twitch.tv/a1", "https://twitch.tv/a1"),
            (
                "https://www.twitch.tv/a1/?x=y#z",
                "https://www.twitch.tv/a1",
            ),
            (
                "https://player.twitch.tv/?channel=a1&muted=true",
                "https://www.twitch.tv/a1",
            ),
        ] {
            assert_eq!(Link::parse(other), live("a1", wanted), "{other}");
        }
    }

    // Forms: the URL patterns and examples of yt-dlp's `twitch` extractors.
    #[test]
    fn recordings_and_clips_are_known_in_every_spelling() {
        for (link, wanted) in [
            ("https://www.twitch.tv/videos/6528877", video(6_528_877, 0)),
            (
                "https://www.twitch.tv/videos/6528877?t=5m10s",
                video(6_528_877, 310_000),
            ),
            (
                "http://www.twitch.tv/riotgames/v/6528877",
                video(6_528_877, 0),
            ),
            (
                "https://m.twitch.tv/beagsandjam/v/247478721",
                video(247_478_721, 0),
            ),
            (
                "https://www.twitch.tv/northernlion/video/291940395",
                video(291_940_395, 0),
            ),
            (
                "https://player.twitch.tv/?t=5m10s&video=v6528877",
                video(6_528_877, 310_000),
            ),
            (
                "https://player.twitch.tv/?video=480452374",
                video(480_452_374, 0),
            ),
            (
                "https://www.twitch.tv/tangotek/schedule?vodID=1822395420",
                video(1_822_395_420, 0),
            ),
        ] {
            assert_eq!(Link::parse(link), wanted, "{link}");
        }
        for clip in [
            "https://clips.twitch.tv/Faint-Light_1",
            "https://clips.twitch.tv/rflegendary/Faint-Light_1",
            "https://clips.twitch.tv/embed?clip=Faint-Light_1",
            "https://www.twitch.tv/xqc/clip/Faint-Light_1?filter=clips",
            "https://m.twitch.tv/clip/Faint-Light_1",
        ] {
            let wanted = Some(Link::Clip("Faint-Light_1".to_owned()));
            assert_eq!(Link::parse(clip), wanted, "{clip}");
        }
    }

    #[test]
    fn lists_are_known() {
        let videos = Link::Videos("somebody".to_owned());
        assert_eq!(
            Link::parse("https://www.twitch.tv/SomeBody/videos?filter=all"),
            Some(videos)
        );
        let collection = Link::Collection("o9zZer3IQBhTJw".to_owned());
        assert_eq!(
            Link::parse("https://www.twitch.tv/collections/o9zZer3IQBhTJw"),
            Some(collection)
        );
    }

    #[test]
    fn a_page_leads_to_itself() {
        for link in [
            "https://m.twitch.tv/Name",
            "https://www.twitch.tv/videos/1",
            "https://clips.twitch.tv/A-b",
            "https://www.twitch.tv/a/videos",
            "https://www.twitch.tv/collections/x",
        ] {
            assert_eq!(Link::parse(link).expect(link).url(), link);
        }
    }

    #[test]
    fn what_is_not_for_us_is_left_alone() {
        for other in [
            "https://www.twitch.tv/",
            "https://www.twitch.tv/directory/category/music",
            "https://www.twitch.tv/videos/abc",
            "https://www.twitch.tv/a/about",
            "https://www.twitch.tv/a%2Fb",
            "https://www.twitch.tv/a-b",
            "https://www.twitch.tv/abcdefghijklmnopqrstuvwxyz",
            "https://clips.twitch.tv/",
            "https://clips.twitch.tv/embed",
            "https://player.twitch.tv/",
            "https://twitch.tv.example/a",
            "https://nottwitch.tv/a",
            "https://api.twitch.tv/a",
            "twitch.tv/a",
            "ftp://twitch.tv/a",
        ] {
            assert_eq!(Link::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_asked_for(
            host in "(www|clips|player|m)\\.twitch\\.tv",
            path in "(/|videos|v|clip|[a-z0-9_%-]|\\?|video=|channel=|clip=|t=|&|#|é){0,12}",
        ) {
            let link = Link::parse(&format!("https://{host}/{path}"));
            if let Some(link) = link {
                prop_assert!(Link::parse(&link.url()).is_some());
            }
        }
    }
}
