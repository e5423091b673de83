//! Owns: when two spellings name the same key (Spring's relaxed binding).
//! Never knows: which keys exist.

/// The form in which names are compared: lower case, without `-` and `_`.
///
/// `bufferDurationMs`, `buffer-duration-ms` and `buffer_duration_ms` all become `bufferdurationms`.
pub(super) fn uniform(segment: &str) -> String {
    segment
        .chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Splits a key as written (`server.ssl`, `plugins[0].dependency`) into its segments; an index is a segment of digits.
pub(super) fn split(key: &str) -> Vec<String> {
    key.split(['.', '[', ']'])
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Splits an environment variable's name into words, upper case or not, empty ones dropped.
pub(super) fn words(variable: &str) -> Vec<String> {
    variable
        .split(['_', '.', '-'])
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The canonical environment variable of a key: `lavalink.server.gc-warnings` is `LAVALINK_SERVER_GCWARNINGS`.
pub(super) fn variable(path: &str) -> String {
    path.split('.')
        .map(|segment| uniform(segment).to_uppercase())
        .collect::<Vec<_>>()
        .join("_")
}

/// Whether a key names something that must not be shown; spelling mistakes of `password` count.
pub(super) fn is_secret(key: &str) -> bool {
    let key = uniform(key);
    ["password", "passwd", "secret", "token", "dsn", "credential"]
        .iter()
        .any(|word| key.contains(word))
        || key.ends_with("key")
        || matches!(key.as_str(), "arl" | "pass" | "spdc")
        || super::nearest::distance(&key, "password") <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_are_one_key() {
        for spelling in [
            "bufferDurationMs",
            "buffer-duration-ms",
            "buffer_duration_ms",
            "BUFFER_DURATION_MS",
        ] {
            assert_eq!(uniform(spelling), "bufferdurationms");
        }
    }

    #[test]
    fn an_index_is_a_segment() {
        assert_eq!(
            split("lavalink.plugins[0].dependency"),
            ["lavalink", "plugins", "0", "dependency"]
        );
    }

    #[test]
    fn misspelled_passwords_are_still_secret() {
        for key in [
            "passwrod",
            "pasword",
            "proxyPassword",
            "clientSecret",
            "spDc",
        ] {
            assert!(is_secret(key), "{key}");
        }
        assert!(!is_secret("port"));
    }
}
