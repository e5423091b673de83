//! Owns: which identifiers are Bandcamp's, and what each asks for (reference, 8.4). Pure.
//! Never knows: what the site answers.

use crate::net::address::Address;

/// What an identifier asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Tracks that fit some words.
    Search(String),
    /// A page of an artist, a label, an album or a track.
    Page(Address),
}

impl Link {
    /// Reads an identifier; `None` for what is not known to be Bandcamp's.
    #[must_use]
    pub fn parse(identifier: &str) -> Option<Self> {
        if let Some(words) = identifier.strip_prefix("bcsearch:") {
            return Some(Self::Search(words.trim().to_owned()));
        }
        let address = match identifier.contains("://") {
            true => Address::parse(identifier)?,
            // a scheme may be missing
            false => {
                let host = identifier.split('/').next()?;
                let is_host = host == "bandcamp.com" || host.ends_with(".bandcamp.com");
                if !is_host || identifier.contains(char::is_whitespace) {
                    return None;
                }
                Address::parse(&format!("https://{identifier}"))?
            }
        };
        let url = address.url();
        match url.host_str()? {
            "bandcamp.com" | "www.bandcamp.com" => {
                if url.path().trim_end_matches('/') == "/search" {
                    let words = url.query_pairs().find(|(name, _)| name == "q")?.1;
                    return Some(Self::Search(words.trim().to_owned()));
                }
                // the site itself has pages of artists only below its own name, and all kinds of others
                let mut parts = url.path_segments()?;
                let is_work = matches!(parts.next(), Some("track" | "album"));
                is_work.then_some(Self::Page(address))
            }
            host if host.ends_with(".bandcamp.com") => Some(Self::Page(address)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_searches_are_known() {
        for page in [
            "https://a.bandcamp.com/track/t",
            "http://a.bandcamp.com/album/x-y_z/?from=search",
            "https://a.bandcamp.com",
            "https://a.bandcamp.com/music",
            "https://a.bandcamp.com/releases",
            "https://bandcamp.com/album/x",
        ] {
            let address = Address::parse(page).expect("an address");
            assert_eq!(Link::parse(page), Some(Link::Page(address)), "{page}");
        }
        for short in ["a.bandcamp.com/track/t", "bandcamp.com/album/x"] {
            let address = Address::parse(&format!("https://{short}")).expect("an address");
            assert_eq!(Link::parse(short), Some(Link::Page(address)), "{short}");
        }
        for search in [
            "bcsearch: two words",
            "https://bandcamp.com/search?q=two+words&item_type=t",
        ] {
            let words = Link::Search("two words".to_owned());
            assert_eq!(Link::parse(search), Some(words), "{search}");
        }
    }

    #[test]
    fn what_is_not_for_us_is_left_alone() {
        for other in [
            "https://bandcamp.com/",
            "https://bandcamp.com/discover",
            "https://bandcamp.com.example/track/t",
            "https://notbandcamp.com/track/t",
            "a.bandcamp.com.example/track/t",
            "bandcamp.com",
            "a b.bandcamp.com/track/t",
            "a.bandcamp.com/track/t u",
            "ftp://a.bandcamp.com/track/t",
            "scsearch:x",
        ] {
            assert_eq!(Link::parse(other), None, "{other}");
        }
    }
}
