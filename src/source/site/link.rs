//! Owns: reading links as people paste them: parts of a path, values of a query, the place where playing is to begin. Pure.
//! Never knows: any site.

use url::Url;

/// The parts of the path, empty ones left out.
pub fn parts(url: &Url) -> impl Iterator<Item = &str> {
    url.path_segments()
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
}

/// The first value of that name in the query.
#[must_use]
pub fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// Where playing is to begin, in milliseconds: `#t=1:09`, `#t=1m9s`, `?t=69`, with `t` for the `name`; 0 for anything else.
#[must_use]
pub fn start(url: &Url, name: &str) -> i64 {
    let fragment = url.fragment().and_then(|text| text.strip_prefix(name));
    let fragment = fragment.and_then(|text| text.strip_prefix('='));
    let Some(text) = fragment.map(str::to_owned).or_else(|| query(url, name)) else {
        return 0;
    };
    seconds(&text.replace("%3A", ":")).map_or(0, |seconds| i64::from(seconds) * 1000)
}

fn seconds(text: &str) -> Option<u32> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b':')
    {
        let units = [1, 60, 3600];
        let is_sane = text.split(':').count() <= units.len();
        return is_sane.then(|| sum(text.rsplit(':').zip(units)))?;
    }
    sum(text
        .split_inclusive(|c: char| !c.is_ascii_digit())
        .map(|part| {
            match part
                .split_at_checked(part.len().saturating_sub(1))
                .unwrap_or_default()
            {
                (number, "h") => (number, 3600),
                (number, "m") => (number, 60),
                (number, "s") => (number, 1),
                _ => ("", 1),
            }
        }))
}

/// `None` when a part is no number, or the sum too large.
fn sum<'a>(mut parts: impl Iterator<Item = (&'a str, u32)>) -> Option<u32> {
    parts.try_fold(0u32, |sum, (number, unit)| {
        let number: u32 = number.parse().ok()?;
        sum.checked_add(number.checked_mul(unit)?)
    })
}

/// What somebody meant to paste: without white space around it and, if it is a link, without the brackets in which a messenger
/// shows no preview; its scheme and host are in lower case, which keyboards of phones may not have written them in.
#[must_use]
pub fn pasted(text: &str) -> String {
    let text = text.trim();
    let inner = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'));
    let inner = inner.filter(|inner| after_scheme(inner).is_some());
    let text = inner.unwrap_or(text);
    let Some((scheme, rest)) = after_scheme(text) else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(end);
    match host.contains('@') {
        // a password may be among it
        true => format!("{scheme}{host}{rest}"),
        false => format!("{scheme}{}{rest}", host.to_ascii_lowercase()),
    }
}

/// The scheme of a link, as it is to be written, and what stands behind it.
fn after_scheme(text: &str) -> Option<(&'static str, &str)> {
    ["https://", "http://"].into_iter().find_map(|scheme| {
        let (begin, rest) = text.split_at_checked(scheme.len())?;
        begin.eq_ignore_ascii_case(scheme).then_some((scheme, rest))
    })
}

/// The parts of the path of a link to one of these hosts, also to their `www.`; the scheme may be missing. `None` for
/// everything else.
#[must_use]
pub fn parts_at(text: &str, hosts: &[&str]) -> Option<(Url, Vec<String>)> {
    let text = text.trim();
    let rest = after_scheme(text).map_or(text, |(_, rest)| rest);
    if rest.contains(|c: char| c.is_whitespace() || c == '\\') {
        return None;
    }
    let url = Url::parse(&format!("https://{rest}")).ok()?;
    let host = url.host_str()?;
    if !hosts.contains(&host.strip_prefix("www.").unwrap_or(host)) {
        return None;
    }
    let parts = parts(&url).map(str::to_owned).collect();
    Some((url, parts))
}

/// Whether a part is a number, as ids are.
#[must_use]
pub fn is_number(part: &str) -> bool {
    (1..=20).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn a_link_is_read_in_parts() {
        let url = url("https://h//a/b/?x=1&y=a+b&x=2");
        assert_eq!(parts(&url).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(query(&url, "y").as_deref(), Some("a b"));
        assert_eq!(query(&url, "x").as_deref(), Some("1"));
        assert_eq!(query(&url, "z"), None);
    }

    #[test]
    fn a_beginning_is_found_in_fragment_and_query_by_its_name() {
        for (link, name, millis) in [
            ("https://h/#t=1:09", "t", 69_000),
            ("https://h/?t=1h2m3s", "t", 3_723_000),
            ("https://h/?from=90", "from", 90_000),
            ("https://h/?t=1#t=2", "t", 2000),
            ("https://h/?t=x", "t", 0),
            ("https://h/#top=3", "t", 0),
            ("https://h/?t=99999999999", "t", 0),
            ("https://h/", "t", 0),
        ] {
            assert_eq!(start(&url(link), name), millis, "{link}");
        }
    }

    #[test]
    fn links_are_read_with_and_without_their_beginning() {
        for text in [
            "https://www.a.example/x//y?z=1",
            "http://a.example/x/y/#z",
            "a.example/x/y",
            "Https://a.example/x/y",
            " https://b.a.example/x/y ",
        ] {
            let (_, parts) = parts_at(text, &["a.example", "b.a.example"]).expect(text);
            assert_eq!(parts, ["x", "y"], "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_seen_through_what_was_pasted() {
        for (text, meant) in [
            ("Https://A.Example/X?Y#Z", "https://a.example/X?Y#Z"),
            ("HTTP://A.EXAMPLE?X", "http://a.example?X"),
            (" <https://a.example/x>\n", "https://a.example/x"),
            ("https://U:P@A.example/", "https://U:P@A.example/"),
            (" ytsearch: <X>", "ytsearch: <X>"),
            ("<X>", "<X>"),
            ("<https://a.example", "<https://a.example"),
            ("ü", "ü"),
        ] {
            assert_eq!(pasted(text), meant, "{text}");
        }
    }

    #[test]
    fn other_hosts_and_words_are_no_links() {
        for text in [
            "https://c.example/x",
            "xa.example/x",
            "a.example x",
            "",
            "a.example.org/x",
            "ftp://a.example/x",
        ] {
            assert_eq!(parts_at(text, &["a.example"]), None, "{text}");
        }
        assert!(is_number("0123") && !is_number("") && !is_number("1a"));
    }
}
