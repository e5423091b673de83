//! Owns: percent-decoding, and the words and numbers that paths and queries hold.
//! Never knows: which parameters exist.

use crate::units::GuildId;

/// A query or path with a broken escape such as `%zz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed percent escape")]
pub struct Malformed;

/// The parameters of a query, form-decoded: `+` is a space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query without its question mark.
    ///
    /// # Errors
    /// On a broken escape.
    pub fn parse(raw: Option<&str>) -> Result<Self, Malformed> {
        raw.unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((form_decode(name)?, form_decode(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The first parameter of that name; case counts.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All parameters of that name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether error bodies are to have a `trace`: any value but `false`, also none (as Spring Boot reads it).
    pub fn asks_for_trace(&self) -> bool {
        self.first("trace")
            .is_some_and(|value| !value.eq_ignore_ascii_case("false"))
    }
}

fn form_decode(text: &str) -> Result<String, Malformed> {
    percent_decode(&text.replace('+', " "))
}

/// Undoes percent escapes; bytes that are no UTF-8 become U+FFFD.
///
/// # Errors
/// On a broken escape.
pub fn percent_decode(text: &str) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next())? << 4 | digit(rest.next())?,
            other => other,
        });
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

fn digit(byte: Option<u8>) -> Result<u8, Malformed> {
    let digit = byte.and_then(|b| char::from(b).to_digit(16));
    digit.and_then(|d| u8::try_from(d).ok()).ok_or(Malformed)
}

/// The words that the original takes for a boolean, in any case, also between spaces.
pub fn boolean(word: &str) -> Option<bool> {
    let word = word.trim();
    let is = |words: [&str; 4]| words.iter().any(|w| word.eq_ignore_ascii_case(w));
    if is(["true", "on", "yes", "1"]) {
        Some(true)
    } else if is(["false", "off", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// A guild id as the original reads it: a signed number of 64 bits, also `007`, `+5`, `-5` (reference, R.1.18).
pub fn guild_id(text: &str) -> Option<GuildId> {
    let number: i64 = text.trim().parse().ok()?;
    Some(GuildId(number.cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_a_space_in_queries_only() {
        let query = Query::parse(Some("identifier=a+b%2Bc%20%C3%A9&x&y=1&y=2")).unwrap();
        assert_eq!(query.first("identifier"), Some("a b+c é"));
        assert_eq!(query.first("x"), Some(""));
        assert_eq!(query.all("y").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.first("Y"), None);
        assert_eq!(percent_decode("a+b"), Ok("a+b".into()));
    }

    #[test]
    fn a_broken_escape_is_malformed() {
        for raw in ["x=%zz", "x=%", "x=%2", "%é"] {
            assert_eq!(Query::parse(Some(raw)), Err(Malformed), "{raw}");
        }
        assert_eq!(percent_decode("%ff"), Ok("\u{fffd}".into()));
    }

    #[test]
    fn boolean_words_are_those_of_the_original() {
        for word in ["true", "True", "TRUE", "yes", "on", "1", " true "] {
            assert_eq!(boolean(word), Some(true), "{word}");
        }
        for word in ["false", "False", "no", "off", "0"] {
            assert_eq!(boolean(word), Some(false), "{word}");
        }
        for word in ["banana", "", "2", "T"] {
            assert_eq!(boolean(word), None, "{word}");
        }
    }

    #[test]
    fn guild_ids_are_signed_numbers() {
        assert_eq!(guild_id("007"), Some(GuildId(7)));
        assert_eq!(guild_id("+5"), Some(GuildId(5)));
        assert_eq!(guild_id(" 5"), Some(GuildId(5)));
        assert_eq!(guild_id("-5"), Some(GuildId(u64::MAX - 4)));
        for wrong in ["abc", "1.5", "", "99999999999999999999999"] {
            assert_eq!(guild_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_false_switches_the_trace_off() {
        let asks = |raw| Query::parse(Some(raw)).unwrap().asks_for_trace();
        assert!(asks("trace=true") && asks("trace") && asks("trace=1"));
        assert!(!asks("trace=false") && !asks("trace=FALSE") && !asks("x=1"));
    }
}
