//! Owns: reading request bodies as leniently as the original does, with errors that name the field.
//! Never knows: which fields exist.

use serde_json::{Map, Number, Value};

use super::omissible::Omissible;
use crate::float::Float as _;
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

/// Why a request body was refused. Never contains a value: bodies carry tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// Path of the field, e.g. `filters.equalizer[3].band`; `body` for the whole.
    pub field: String,
    /// What is wrong, and what is allowed.
    pub problem: String,
}

impl Invalid {
    /// An error about one field.
    #[must_use]
    pub fn new(field: &str, problem: impl Into<String>) -> Self {
        let field = if field.is_empty() { "body" } else { field };
        Self {
            field: field.to_owned(),
            problem: problem.into(),
        }
    }

    fn expected(field: &str, allowed: &str, got: &Value) -> Self {
        let kind = match got {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) if allowed.contains("number") => "another one",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        Self::new(field, format!("expected {allowed}, got {kind}"))
    }
}

/// A value that can be read from JSON.
///
/// As in the original (reference, R.1.13 and R.1.14): numbers and booleans may stand in quotes, an integer may have an
/// exponent, strings are never made from numbers. Unlike it, an integer may have a zero fraction (`1000.0`), which
/// Python clients send.
pub trait FromJson: Sized {
    /// Reads the value found at `at`.
    ///
    /// # Errors
    /// Says what is allowed there.
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid>;
}

/// Parses a whole body.
///
/// # Errors
/// When it is not JSON (also deeper than 128 levels), or not of that shape.
pub fn parse<T: FromJson>(body: &[u8]) -> Result<T, Invalid> {
    // Through `Value`: of two equal keys the last one wins, where a derived reader would refuse the second.
    let value = serde_json::from_slice(body).or_else(|error| {
        let plain = relaxed(body).and_then(|body| serde_json::from_slice(&body).ok());
        plain.ok_or_else(|| Invalid::new("", error.to_string()))
    })?;
    T::from_json(value, "")
}

/// What is no JSON but what the original takes, as JSON: `01` is 1 (reference, R.1.13), and half a surrogate pair is `?`, as
/// it prints it (clients that cut a text in the middle of an emoji send such halves). `None` without either.
fn relaxed(body: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(body.len());
    let mut rest = body;
    while let [first, tail @ ..] = rest {
        let length = match first {
            b'"' => {
                let (string, behind) = rest.split_at(string_len(rest));
                push_string(&mut plain, string);
                rest = behind;
                continue;
            }
            b'-' | b'0'..=b'9' => {
                let sign = usize::from(*first == b'-');
                plain.extend_from_slice(&rest[..sign]);
                rest = &rest[sign..];
                while let [b'0', b'0'..=b'9', ..] = rest {
                    rest = &rest[1..];
                }
                let is_end = |b: &u8| !matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                rest.iter().position(is_end).unwrap_or(rest.len())
            }
            _ => rest.len() - tail.len(),
        };
        plain.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
    (plain.len() < body.len()).then_some(plain)
}

/// Appends a string with its quotes, without halves of surrogate pairs.
fn push_string(plain: &mut Vec<u8>, string: &[u8]) {
    const ESCAPE: usize = 6;
    let unit = |text: &[u8]| match text {
        [b'\\', b'u', digits @ ..] => {
            let digits = core::str::from_utf8(digits.get(..4)?).ok()?;
            u16::from_str_radix(digits, 16).ok()
        }
        _ => None,
    };
    let mut rest = string;
    while !rest.is_empty() {
        let length = match (unit(rest), rest.get(ESCAPE..).and_then(unit)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => 2 * ESCAPE,
            (Some(0xD800..0xE000), _) => {
                plain.push(b'?');
                rest = &rest[ESCAPE..];
                continue;
            }
            (Some(_), _) => ESCAPE,
            // an escaped backslash must not make the next letter look like an escape
            _ if rest[0] == b'\\' => 2.min(rest.len()),
            _ => 1,
        };
        plain.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
}

/// Bytes of a string with its quotes; all of a text in which it does not end.
fn string_len(text: &[u8]) -> usize {
    let mut is_escaped = true; // the first quote ends nothing
    let end = text.iter().position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |at| at + 1)
}

/// The members of an object that is being read.
pub struct Fields {
    at: String,
    members: Map<String, Value>,
}

impl Fields {
    /// Names of all members, in the order of the text.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// A field that may be absent but not null.
    ///
    /// # Errors
    /// When the value is null or of another type.
    pub fn omissible<T: FromJson>(&mut self, name: &str) -> Result<Omissible<T>, Invalid> {
        match self.members.remove(name) {
            None => Ok(Omissible::Absent),
            Some(value) => T::from_json(value, &self.path(name)).map(Omissible::Present),
        }
    }

    /// A field that may be absent, or null.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn nullable<T: FromJson>(&mut self, name: &str) -> Result<Omissible<Option<T>>, Invalid> {
        match self.members.remove(name) {
            None => Ok(Omissible::Absent),
            Some(Value::Null) => Ok(Omissible::Present(None)),
            Some(value) => {
                T::from_json(value, &self.path(name)).map(|v| Omissible::Present(Some(v)))
            }
        }
    }

    /// A field that must be there and not null.
    ///
    /// # Errors
    /// When it is absent, null, or of another type.
    pub fn required<T: FromJson>(&mut self, name: &str) -> Result<T, Invalid> {
        let at = self.path(name);
        self.omissible(name)?
            .present()
            .ok_or_else(|| Invalid::new(&at, "is missing"))
    }

    /// A field with a default.
    ///
    /// # Errors
    /// When the value is null or of another type.
    pub fn or<T: FromJson>(&mut self, name: &str, default: T) -> Result<T, Invalid> {
        Ok(self.omissible(name)?.or(default))
    }

    fn path(&self, name: &str) -> String {
        if self.at.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.at)
        }
    }
}

impl FromJson for Fields {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        Ok(Self {
            at: at.to_owned(),
            members: Map::from_json(value, at)?,
        })
    }
}

impl FromJson for Map<String, Value> {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        match value {
            Value::Object(members) => Ok(members),
            other => Err(Invalid::expected(at, "an object", &other)),
        }
    }
}

impl FromJson for String {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(Invalid::expected(at, "a string", &other)),
        }
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        match value {
            Value::Array(items) => items
                .into_iter()
                .enumerate()
                .map(|(i, item)| T::from_json(item, &format!("{at}[{i}]")))
                .collect(),
            other => Err(Invalid::expected(at, "an array", &other)),
        }
    }
}

impl FromJson for bool {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        match &value {
            Value::Bool(yes) => Ok(*yes),
            Value::String(word) if word.eq_ignore_ascii_case("true") => Ok(true),
            Value::String(word) if word.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(Invalid::expected(at, "true or false", &value)),
        }
    }
}

impl FromJson for i64 {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        number(&value)
            .and_then(|n| n.as_i64().or_else(|| whole(n.as_f64()?)))
            .ok_or_else(|| Invalid::expected(at, "a whole number of 64 bits", &value))
    }
}

impl FromJson for i32 {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        let wide = i64::from_json(value, at)?;
        Self::try_from(wide)
            .map_err(|_| Invalid::new(at, "expected a whole number of 32 bits, got a larger one"))
    }
}

impl FromJson for f64 {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        number(&value)
            .and_then(|n| n.as_f64())
            .filter(|n| n.is_finite())
            .ok_or_else(|| Invalid::expected(at, "a number", &value))
    }
}

impl FromJson for f32 {
    fn from_json(value: Value, at: &str) -> Result<Self, Invalid> {
        let wide = f64::from_json(value, at)?;
        let narrow = wide as Self;
        if narrow.is_finite() {
            Ok(narrow)
        } else {
            Err(Invalid::new(at, "expected a number, got a larger one"))
        }
    }
}

/// A number, also one in quotes.
fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(n) => Some(n.clone()),
        Value::String(text) => serde_json::from_str(text.trim_start_matches('0'))
            .or_else(|_| serde_json::from_str(text))
            .ok(),
        _ => None,
    }
}

/// The integer that a float stands for, e.g. 100 for `1e2`; a float beyond 64 bits is none.
fn whole(n: f64) -> Option<i64> {
    // i64::MAX as f64 rounds up to 2^63, which is no i64: hence `<`.
    (n.fract() == 0.0 && n >= i64::MIN as f64 && n < i64::MAX as f64).then_some(n as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn int(value: Value) -> Option<i64> {
        i64::from_json(value, "x").ok()
    }

    #[test]
    fn half_an_emoji_is_a_question_mark() {
        for (body, read) in [
            (r#""cut \ud83c""#, "cut ?"),
            (r#""\udf89 cut""#, "? cut"),
            (r#""\ud83c\ud83c\udf89""#, "?🎉"),
            (r#""\uD83C\u0041""#, "?A"),
            (r#""\\ud83c \ud83c""#, "\\ud83c ?"),
        ] {
            assert_eq!(
                parse::<String>(body.as_bytes()).as_deref(),
                Ok(read),
                "{body}"
            );
        }
        for broken in [r#""\ud83""#, r#""\ud83c\"#, r#""\ud8"#, r#""\"#] {
            assert!(parse::<String>(broken.as_bytes()).is_err(), "{broken}");
        }
    }

    #[test]
    fn no_digit_of_a_clients_number_is_lost() {
        let text = "[100000000000000000000,18446744073709551616,0.10,1e+400]";
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(value.to_string(), text);
    }

    #[test]
    fn an_exponent_that_leaves_a_whole_number_is_an_integer() {
        assert_eq!(parse::<i64>(b"1e2").ok(), Some(100));
        assert_eq!(parse::<i64>(b"1e-400").ok(), Some(0));
        assert_eq!(parse::<i64>(b"1000.0").ok(), Some(1000));
        assert_eq!(parse::<i64>(b"1.5").ok(), None);
    }

    #[test]
    fn a_number_may_begin_with_zeros() {
        let read = |text: &str| parse::<Fields>(text.as_bytes()).map(|f| Value::Object(f.members));
        assert_eq!(
            read(r#"{"a":01,"b":[-007.50,00,0.5,1e-01],"\"x 01":"01 \" 02"}"#),
            serde_json::from_str(r#"{"a":1,"b":[-7.50,0,0.5,1e-01],"\"x 01":"01 \" 02"}"#)
                .map_err(|_| Invalid::new("", ""))
        );
        for wrong in [
            r#"{"a":0x10}"#,
            r#"{"a":01"#,
            r#"{"a":--01}"#,
            r#"{"a":"01}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_may_stand_in_quotes_but_booleans_are_no_numbers() {
        assert_eq!(int(json!("42")), Some(42));
        assert_eq!(int(json!("-7")), Some(-7));
        assert_eq!(int(json!("0")), Some(0));
        assert_eq!(int(json!("007")), Some(7));
        assert_eq!(int(json!("loud")), None);
        assert_eq!(int(json!("")), None);
        assert_eq!(int(json!(true)), None);
    }

    #[test]
    fn booleans_may_stand_in_quotes_but_one_is_not_true() {
        assert_eq!(bool::from_json(json!("true"), "x"), Ok(true));
        assert_eq!(bool::from_json(json!("false"), "x"), Ok(false));
        for wrong in [json!(1), json!(0), json!("yes"), json!(null)] {
            assert!(bool::from_json(wrong, "x").is_err());
        }
    }

    #[test]
    fn integers_keep_all_64_bits() {
        assert_eq!(int(json!(i64::MAX)), Some(i64::MAX));
        assert_eq!(int(json!(u64::MAX)), None);
        assert_eq!(int(json!(9.3e18)), None);
        assert!(i32::from_json(json!(1_000_000_000_000_i64), "x").is_err());
    }

    #[test]
    fn a_float_too_large_for_its_type_is_refused() {
        assert!(f32::from_json(json!(1e39), "x").is_err());
        assert!(parse::<f64>(b"1e400").is_err());
    }

    #[test]
    fn strings_are_not_made_from_numbers() {
        assert_eq!(
            String::from_json(json!(5), "voice.channelId")
                .unwrap_err()
                .to_string(),
            "voice.channelId: expected a string, got a number"
        );
    }

    #[test]
    fn the_error_names_the_path() {
        let mut fields = parse::<Fields>(br#"{"a":[1,"x"]}"#).unwrap();
        let error = fields.required::<Vec<i64>>("a").unwrap_err();
        assert_eq!(error.field, "a[1]");
    }

    #[test]
    fn absent_and_null_differ() {
        let mut fields = parse::<Fields>(br#"{"a":null,"b":null}"#).unwrap();
        assert_eq!(fields.nullable::<i64>("a"), Ok(Omissible::Present(None)));
        assert_eq!(fields.nullable::<i64>("none"), Ok(Omissible::Absent));
        assert_eq!(fields.omissible::<i64>("none"), Ok(Omissible::Absent));
        assert!(fields.omissible::<i64>("b").is_err());
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for raw in [
            &b""[..],
            b"{",
            b"null",
            b"[]",
            b"{\"v\":5}}",
            b"{\"v\":5,}",
            b"\xef\xbb\xbf{}",
            b"{'v':5}",
        ] {
            assert!(parse::<Fields>(raw).is_err(), "{raw:?}");
        }
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(parse::<Vec<String>>(deep.as_bytes()).is_err());
    }
}
