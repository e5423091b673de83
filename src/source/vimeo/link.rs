//! Owns: which identifiers are Vimeo's, and which video each stands for (reference, 8.4; forms that the original does not
//! know, as the site and yt-dlp's extractor write them). Pure.
//! Never knows: what the site answers.

use crate::source::site::link::{parts, query, start};
use url::Url;

/// The longest key of an unlisted video; they have ten digits.
const MAX_HASH: usize = 40;

/// A video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub id: u64,
    /// Opens a video that is not listed.
    pub hash: Option<String>,
    /// Where playing is to begin, in milliseconds.
    pub start: i64,
}

impl Link {
    /// Reads an identifier of a client's; `None` for what is no video of Vimeo's.
    #[must_use]
    pub fn parse(identifier: &str) -> Option<Self> {
        let has_scheme = identifier.starts_with("http://") || identifier.starts_with("https://");
        let url = Url::parse(identifier).ok().filter(|_| has_scheme)?;
        let parts: Vec<&str> = parts(&url).collect();
        let (id, hash) = match (url.host_str()?, &parts[..]) {
            ("player.vimeo.com", ["video", id]) => (id, None),
            ("vimeo.com" | "www.vimeo.com", parts) => match parts {
                [id]
                | ["video" | "videos", id]
                | ["channels", _, id]
                | ["groups", _, "videos", id]
                | ["album" | "showcase", _, "video", id]
                | ["manage", "videos", id] => (id, None),
                [id, hash] | ["manage", "videos", id, hash] | [_, "review", id, hash] => {
                    (id, Some((*hash).to_owned()))
                }
                _ => return None,
            },
            _ => return None,
        };
        let hash = hash.or_else(|| query(&url, "h"));
        if !hash.as_deref().is_none_or(is_hash) {
            return None;
        }
        Some(Self {
            id: id.parse().ok()?,
            hash,
            start: start(&url, "t"),
        })
    }

    /// Reads what a track carries: a number, perhaps with a key, or a page.
    #[must_use]
    pub fn of_track(identifier: &str) -> Option<Self> {
        let (id, hash) = match identifier.split_once(':') {
            Some((id, hash)) => (id, Some(hash)),
            None => (identifier, None),
        };
        match id.parse() {
            Ok(id) => hash.is_none_or(is_hash).then(|| Self {
                id,
                hash: hash.map(str::to_owned),
                start: 0,
            }),
            Err(_) => Self::parse(identifier),
        }
    }

    /// The original's identifier: the number; behind it the key that the API wants for what is not listed.
    #[must_use]
    pub fn identifier(&self) -> String {
        match &self.hash {
            Some(hash) => format!("{}:{hash}", self.id),
            None => self.id.to_string(),
        }
    }

    /// The page for people.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.hash {
            Some(hash) => format!("https://vimeo.com/{}/{hash}", self.id),
            None => format!("https://vimeo.com/{}", self.id),
        }
    }
}

fn is_hash(text: &str) -> bool {
    (1..=MAX_HASH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(id: u64, hash: Option<&str>, start: i64) -> Option<Link> {
        let hash = hash.map(str::to_owned);
        Some(Link { id, hash, start })
    }

    // Forms: the URL pattern and examples of yt-dlp's `vimeo` extractor.
    #[test]
    fn a_video_is_known_in_every_spelling() {
        for same in [
            "https://vimeo.com/56015672",
            "http://vimeo.com/56015672?fl=wc",
            "https://www.vimeo.com/56015672/",
            "https://vimeo.com/channels/keypeele/56015672",
            "https://vimeo.com/groups/travelhd/videos/56015672",
            "https://vimeo.com/album/2632481/video/56015672",
            "https://vimeo.com/showcase/3253534/video/56015672",
            "https://player.vimeo.com/video/56015672?autoplay=1",
            "https://vimeo.com/manage/videos/56015672",
        ] {
            assert_eq!(Link::parse(same), link(56_015_672, None, 0), "{same}");
        }
        for unlisted in [
            "https://vimeo.com/392479337/a52724358e",
            "https://vimeo.com/392479337?h=a52724358e",
            "https://player.vimeo.com/video/392479337?h=a52724358e&title=0",
            "https://vimeo.com/user21297594/review/392479337/a52724358e",
            "https://vimeo.com/manage/videos/392479337/a52724358e",
        ] {
            let wanted = link(392_479_337, Some("a52724358e"), 0);
            assert_eq!(Link::parse(unlisted), wanted, "{unlisted}");
        }
        assert_eq!(
            Link::parse("https://vimeo.com/1#t=1m30s"),
            link(1, None, 90_000)
        );
    }

    #[test]
    fn a_track_carries_its_number_and_its_key() {
        for (identifier, page) in [
            ("1", "https://vimeo.com/1"),
            ("1:abc", "https://vimeo.com/1/abc"),
        ] {
            let link = Link::of_track(identifier).expect(identifier);
            assert_eq!((&*link.identifier(), &*link.url()), (identifier, page));
            assert_eq!(Link::parse(page), Some(link.clone()));
            assert_eq!(Link::of_track(page), Some(link));
        }
        for none in ["", "x", "1:", "1:a/b", "1:a:b", "-1"] {
            assert_eq!(Link::of_track(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_not_for_us_is_left_alone() {
        for other in [
            "https://vimeo.com/",
            "https://vimeo.com/somebody",
            "https://vimeo.com/channels/keypeele",
            "https://vimeo.com/showcase/3253534",
            "https://vimeo.com/ondemand/a/1",
            "https://vimeo.com/1/a%2Fb",
            "https://vimeo.com/1/likes/x",
            "https://player.vimeo.com/1",
            "https://vimeo.com.example/1",
            "https://notvimeo.com/1",
            "vimeo.com/1",
            "1",
        ] {
            assert_eq!(Link::parse(other), None, "{other}");
        }
    }
}
