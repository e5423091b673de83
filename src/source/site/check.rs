//! Owns: telling which value of what is known of sites cannot work, although it has the right shape.
//! Never knows: any site, or where the values come from.

use http::{HeaderName, HeaderValue};
use std::fmt;
use url::Url;

/// A value that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where it is: names with dots between them.
    key: String,
    /// What is wrong with it.
    why: &'static str,
}

impl Wrong {
    /// The value of `key` is wrong: it `is` something, or has it.
    #[must_use]
    pub fn new(key: &str, why: &'static str) -> Self {
        let key = key.to_owned();
        Self { key, why }
    }

    /// The same, seen from outside: it is a part of `key`.
    #[must_use]
    pub fn within(self, key: &str) -> Self {
        let key = format!("{key}.{}", self.key);
        Self { key, ..self }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.key, self.why)
    }
}

impl std::error::Error for Wrong {}

/// Addresses of a site, or what they begin with.
///
/// # Errors
/// When one is none.
pub fn addresses<const N: usize>(all: [(&str, &str); N]) -> Result<(), Wrong> {
    let is_one = |text: &str| {
        // what is left out around an address would be in the midst of it once something is put behind
        let is_plain = !text.contains(|c: char| c.is_whitespace() || c.is_control());
        let url = Url::parse(text).ok().filter(|_| is_plain);
        url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    };
    match all.into_iter().find(|(_, text)| !is_one(text)) {
        Some((key, _)) => Err(Wrong::new(key, "is no HTTP address")),
        None => Ok(()),
    }
}

/// Numbers of things that are asked for.
///
/// # Errors
/// When one is 0.
pub fn numbers<const N: usize>(all: [(&str, usize); N]) -> Result<(), Wrong> {
    match all.into_iter().find(|(_, number)| *number == 0) {
        Some((key, _)) => Err(Wrong::new(key, "is 0")),
        None => Ok(()),
    }
}

/// Lists and texts in which there must be something, by their lengths.
///
/// # Errors
/// When there is nothing in one.
pub fn filled<const N: usize>(all: [(&str, usize); N]) -> Result<(), Wrong> {
    match all.into_iter().find(|(_, length)| *length == 0) {
        Some((key, _)) => Err(Wrong::new(key, "is empty")),
        None => Ok(()),
    }
}

/// Texts that are looked for: an empty one is found everywhere.
///
/// # Errors
/// When one is empty.
pub fn marks<'a>(key: &str, all: impl IntoIterator<Item = &'a String>) -> Result<(), Wrong> {
    match all.into_iter().any(String::is_empty) {
        true => Err(Wrong::new(key, "has an empty text")),
        false => Ok(()),
    }
}

/// The value of a header.
///
/// # Errors
/// When it is none, or empty.
pub fn header(key: &str, value: &str) -> Result<(), Wrong> {
    match value.is_empty() || HeaderValue::try_from(value).is_err() {
        true => Err(Wrong::new(key, "is no header")),
        false => Ok(()),
    }
}

/// A header with its name.
///
/// # Errors
/// When it is none.
pub fn named_header(key: &str, name: &str, value: &str) -> Result<(), Wrong> {
    match HeaderName::try_from(name) {
        Ok(_) => header(key, value),
        Err(_) => Err(Wrong::new(key, "is no header")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_nothing_around_them() {
        for good in ["https://a.example", "http://127.0.0.1:80/x/?y="] {
            assert_eq!(addresses([("k", good)]), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "/x",
            "ftp://a.example",
            "http://",
            " http://a.example",
            "http://a.example/\n",
        ] {
            let wrong = Wrong::new("k", "is no HTTP address");
            assert_eq!(addresses([("k", bad)]), Err(wrong), "{bad}");
        }
    }

    #[test]
    fn the_first_that_is_wrong_is_told_with_its_whole_name() {
        let wrong = numbers([("a", 1), ("b", 0), ("c", 0)]).expect_err("0");
        assert_eq!(wrong.within("x").within("y").to_string(), "`y.x.b` is 0");
        assert!(header("k", "a\r\nb").is_err() && header("k", "a b").is_ok());
        assert!(named_header("k", "a b", "c").is_err());
    }
}
