//! Owns: reading links as people write them.
//! Never knows: what any of them leads to.

use url::Url;

/// The parts of the path of a link to one of these hosts, also to their `www.`; the scheme may be missing. `None` for
/// everything else.
#[must_use]
pub fn parts(text: &str, hosts: &[&str]) -> Option<(Url, Vec<String>)> {
    let text = text.trim();
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .unwrap_or(text);
    if rest.contains(|c: char| c.is_whitespace() || c == '\\') {
        return None;
    }
    let url = Url::parse(&format!("https://{rest}")).ok()?;
    let host = url.host_str()?;
    if !hosts.contains(&host.strip_prefix("www.").unwrap_or(host)) {
        return None;
    }
    let parts = url.path_segments()?.filter(|part| !part.is_empty());
    let parts = parts.map(str::to_owned).collect();
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

    #[test]
    fn links_are_read_with_and_without_their_beginning() {
        for text in [
            "https://www.a.example/x//y?z=1",
            "http://a.example/x/y/#z",
            "a.example/x/y",
            " https://b.a.example/x/y ",
        ] {
            let (_, parts) = parts(text, &["a.example", "b.a.example"]).expect(text);
            assert_eq!(parts, ["x", "y"], "{text}");
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
            assert_eq!(parts(text, &["a.example"]), None, "{text}");
        }
        assert!(is_number("0123") && !is_number("") && !is_number("1a"));
    }
}
