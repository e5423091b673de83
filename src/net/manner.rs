//! Owns: how much is asked of a site at a time, and by how many connections.
//! Never knows: what is fetched, or when another connection is opened.

use std::collections::BTreeMap;

/// How files are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// The most connections of one track, 1 or more. The others than the first are opened while that one does not deliver fast
    /// enough.
    pub fragments: usize,
    /// The most bytes that such a connection is asked for at a time.
    pub chunk_bytes: u64,
    /// The most bytes that any request asks for; `None`: all that is left.
    pub request_bytes: Option<u64>,
}

impl Default for Manner {
    /// Two connections get past most throttling of a single one, and 256 KiB of the second bound what waits for the first.
    fn default() -> Self {
        Self {
            fragments: 2,
            chunk_bytes: 256 * 1024,
            request_bytes: None,
        }
    }
}

/// What differs for one site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Differs {
    /// In place of [`Manner::fragments`].
    pub fragments: Option<usize>,
    /// In place of [`Manner::chunk_bytes`].
    pub chunk_bytes: Option<u64>,
    /// In place of [`Manner::request_bytes`]; 0 is all that is left.
    pub request_bytes: Option<u64>,
}

/// How files of all sites are fetched (`fetching`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetching {
    /// Where nothing else is said.
    pub manner: Manner,
    /// By the name of the source.
    pub sites: BTreeMap<String, Differs>,
    /// The most bytes that are held for one track: what was read ahead, and what waits for it.
    pub max_bytes: usize,
}

/// YouTube's servers give a request for all of a file no more than about what is heard; for up to 10 MiB they do not mind.
const YOUTUBE: Differs = Differs {
    fragments: None,
    chunk_bytes: None,
    request_bytes: Some(10 << 20),
};

impl Default for Fetching {
    fn default() -> Self {
        Self {
            manner: Manner::default(),
            sites: BTreeMap::from([("youtube".to_owned(), YOUTUBE)]),
            max_bytes: 1024 * 1024,
        }
    }
}

impl Fetching {
    /// How files of this source are fetched.
    #[must_use]
    pub fn of(&self, source: &str) -> Manner {
        let all = self.manner;
        let Some(differs) = self.sites.get(source) else {
            return all;
        };
        Manner {
            fragments: differs.fragments.unwrap_or(all.fragments),
            chunk_bytes: differs.chunk_bytes.unwrap_or(all.chunk_bytes),
            request_bytes: match differs.request_bytes {
                Some(bytes) => Some(bytes).filter(|bytes| *bytes > 0),
                None => all.request_bytes,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_differs_in_what_is_said_of_it_only() {
        let fetching = Fetching {
            manner: Manner {
                request_bytes: Some(1000),
                ..Manner::default()
            },
            sites: BTreeMap::from([(
                "a".to_owned(),
                Differs {
                    fragments: Some(4),
                    request_bytes: Some(0),
                    ..Differs::default()
                },
            )]),
            ..Fetching::default()
        };
        assert_eq!(fetching.of("b"), fetching.manner);
        let expected = Manner {
            fragments: 4,
            request_bytes: None,
            ..fetching.manner
        };
        assert_eq!(fetching.of("a"), expected);
    }
}
