//! Owns: what counts as an HTTP address, and keeping its password apart from it.
//! Never knows: what is there.

use crate::units::Secret;
use std::fmt;
use url::Url;

/// The longest address that is looked at, in bytes.
pub const MAX_ADDRESS_LEN: usize = 64 * 1024;

/// An `http` or `https` URL. Prints without its path, query and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: Url,
    credentials: Option<(String, Secret)>,
}

impl Address {
    /// Reads a URL. `None` for other schemes, for a missing host, for white space and backslashes inside, and for anything
    /// that is no URL (reference, R.1.22).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"))?;
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
        // the URL standard would read over a missing host and take what follows for it
        if text.len() > MAX_ADDRESS_LEN
            || rest.contains(is_odd)
            || rest.starts_with(['/', '?', '#'])
        {
            return None;
        }
        Self::of(Url::parse(text).ok()?)
    }

    fn of(mut url: Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return None;
        }
        let decode = |text: &str| {
            // the pair of a query string is percent-decoded by the same rules, apart from `+`
            let escaped = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
            url::form_urlencoded::parse(escaped.as_bytes())
                .next()
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default()
        };
        let credentials = (!url.username().is_empty() || url.password().is_some()).then(|| {
            (
                decode(url.username()),
                Secret::new(decode(url.password().unwrap_or_default())),
            )
        });
        if credentials.is_some() {
            url.set_username("").ok()?;
            url.set_password(None).ok()?;
        }
        url.set_fragment(None);
        Some(Self { url, credentials })
    }

    /// Without user and password.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// User and password of the URL.
    #[must_use]
    pub fn credentials(&self) -> Option<(&str, &Secret)> {
        self.credentials
            .as_ref()
            .map(|(user, password)| (user.as_str(), password))
    }

    /// What a link or a `Location` at this address means. `None` when that is no HTTP address. The password goes along only
    /// to the same host and port.
    #[must_use]
    pub fn join(&self, link: &str) -> Option<Self> {
        let mut joined = Self::of(self.url.join(link.trim()).ok()?)?;
        if joined.credentials.is_none() && joined.url.origin() == self.url.origin() {
            joined.credentials.clone_from(&self.credentials);
        }
        Some(joined)
    }

    /// The whole of it as text, password included: for identifiers, never for logs.
    #[must_use]
    pub fn to_identifier(&self) -> String {
        let mut url = self.url.clone();
        if let Some((user, password)) = &self.credentials {
            url.set_username(user).expect("HTTP URLs have users");
            let password = (!password.expose().is_empty()).then(|| password.expose());
            url.set_password(password)
                .expect("HTTP URLs have passwords");
        }
        url.into()
    }

    /// The letters behind the last dot of the path, in lower case.
    #[must_use]
    pub fn extension(&self) -> Option<String> {
        let name = self.url.path_segments()?.next_back()?;
        let (_, extension) = name.rsplit_once('.')?;
        let is_sane = (1..=8).contains(&extension.len())
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_sane.then(|| extension.to_ascii_lowercase())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url.origin().ascii_serialization())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Address {
        Address::parse(text).expect("an address")
    }

    #[test]
    fn what_the_original_calls_no_url_is_none() {
        for text in [
            "http://",
            "http:///x",
            "http://[::1",
            "https://127.0.0.1:99999/x",
            "http://h/a b.wav",
            "http://h\\x",
            "http://?x",
            "ftp://h/x",
            "HTTP",
            "",
        ] {
            assert!(Address::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_password_is_kept_apart_and_never_printed() {
        let address = parse("http://u%40x:p%2B+w@h:81/a?b#c");
        assert_eq!(address.url().as_str(), "http://h:81/a?b");
        let (user, password) = address.credentials().expect("there");
        assert_eq!((user, password.expose()), ("u@x", "p++w"));
        assert_eq!(format!("{address} {address:?}"), "http://h:81 http://h:81");
    }

    #[test]
    fn links_are_read_where_they_stand() {
        let base = parse("http://u:p@h/radio/list.m3u?x=1");
        let joined = |link| base.join(link).map(|address| address.to_identifier());
        assert_eq!(joined("a.mp3").as_deref(), Some("http://u:p@h/radio/a.mp3"));
        assert_eq!(joined(" /b ").as_deref(), Some("http://u:p@h/b"));
        assert_eq!(joined("//other/c").as_deref(), Some("http://other/c"));
        assert_eq!(joined("https://h/d").as_deref(), Some("https://h/d"));
        assert_eq!(joined("file:///etc/passwd"), None);
        assert_eq!(joined("C:\\x.mp3"), None);
    }

    #[test]
    fn the_extension_is_that_of_the_path() {
        assert_eq!(
            parse("http://h/a/b.MP3?x=y.ogg").extension().as_deref(),
            Some("mp3")
        );
        assert_eq!(parse("http://h.example/").extension(), None);
        assert_eq!(parse("http://h/a.b/c").extension(), None);
    }
}
