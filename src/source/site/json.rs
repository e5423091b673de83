//! Owns: reading JSON that somebody else made: limits, and picking what is needed with errors that name the place.
//! Never knows: what the values mean.

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;
use std::fmt;

/// The most values of one text: a value in memory takes up to a hundred times its two bytes of text.
const MAX_VALUES: usize = 400_000;

/// Why something could not be read. Says nothing of what was there instead, which may be a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unexpected {
    /// The text is no JSON.
    #[error("no JSON at line {line}, column {column}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// More than [`MAX_VALUES`].
    #[error("more than {MAX_VALUES} values")]
    TooMany,
    /// Something is missing, or is something else.
    #[error("no {wanted} at {path}")]
    Missing {
        /// Where it should be.
        path: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
}

/// Reads a text.
///
/// # Errors
/// When it is no JSON, is nested more than 128 levels deep, or has too many values.
pub fn read(text: &[u8]) -> Result<Value, Unexpected> {
    check(text)?;
    serde_json::from_slice(text).map_err(|error| syntax(&error))
}

/// As [`read`], but leaves out each field whose name is not `wanted`, with all that is below it: an answer of a megabyte, of
/// which a hundredth is needed, would take ten of memory.
///
/// # Errors
/// As [`read`].
pub fn read_only(text: &[u8], wanted: fn(&str) -> bool) -> Result<Value, Unexpected> {
    check(text)?;
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Only(wanted).deserialize(&mut reader);
    value
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| syntax(&error))
}

/// Reads the value that a text begins with, whatever follows it, as in a script.
///
/// # Errors
/// As [`read`], for all of the text.
pub fn read_first(text: &[u8]) -> Result<Value, Unexpected> {
    check(text)?;
    let mut values = serde_json::Deserializer::from_slice(text).into_iter();
    let nothing = Unexpected::Syntax { line: 1, column: 1 };
    let first = values.next().ok_or(nothing)?;
    first.map_err(|error| syntax(&error))
}

fn check(text: &[u8]) -> Result<(), Unexpected> {
    let separators = text
        .iter()
        .filter(|byte| matches!(byte, b',' | b'[' | b'{'));
    match separators.count() > MAX_VALUES {
        true => Err(Unexpected::TooMany),
        false => Ok(()),
    }
}

fn syntax(error: &serde_json::Error) -> Unexpected {
    Unexpected::Syntax {
        line: error.line(),
        column: error.column(),
    }
}

/// How a number that no machine word holds looks to a reader, where `serde_json` keeps numbers as they are written; a test
/// notices when that changes.
const NUMBER: &str = "$serde_json::private::Number";

/// Reads a value with the fields that are wanted.
#[derive(Clone, Copy)]
struct Only(fn(&str) -> bool);

impl<'de> DeserializeSeed<'de> for Only {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Only {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            all.push(item);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut all = serde_json::Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if name == NUMBER {
                let text: String = fields.next_value()?;
                return text.parse().map(Value::Number).map_err(A::Error::custom);
            }
            match self.0(&name) {
                true => {
                    let value = fields.next_value_seed(self)?;
                    all.insert(name, value);
                }
                false => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(all.into())
    }
}

/// Picks by paths such as `user.username` or `trackinfo.0.title`: names of fields, and indices of lists.
pub trait Pick {
    /// What stands there; `None` for `null`, too.
    fn pick(&self, path: &str) -> Option<&Value>;

    /// The text there.
    fn text(&self, path: &str) -> Option<&str> {
        self.pick(path)?.as_str()
    }

    /// The whole number there.
    fn number(&self, path: &str) -> Option<i64> {
        self.pick(path)?.as_i64()
    }

    /// The list there; an empty one, when there is none.
    fn list(&self, path: &str) -> &[Value] {
        self.pick(path)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// The text that must be there.
    ///
    /// # Errors
    /// When it is not.
    fn needed_text(&self, path: &'static str) -> Result<&str, Unexpected> {
        let wanted = "text";
        self.text(path).ok_or(Unexpected::Missing { path, wanted })
    }

    /// The whole number that must be there.
    ///
    /// # Errors
    /// When it is not.
    fn needed_number(&self, path: &'static str) -> Result<i64, Unexpected> {
        let wanted = "whole number";
        self.number(path)
            .ok_or(Unexpected::Missing { path, wanted })
    }

    /// The list that must be there.
    ///
    /// # Errors
    /// When it is not.
    fn needed_list(&self, path: &'static str) -> Result<&[Value], Unexpected> {
        let wanted = "list";
        let list = self.pick(path).and_then(Value::as_array);
        list.map(Vec::as_slice)
            .ok_or(Unexpected::Missing { path, wanted })
    }
}

impl Pick for Value {
    fn pick(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .try_fold(self, |at, name| match at {
                Value::Object(fields) => fields.get(name),
                Value::Array(items) => items.get(name.parse::<usize>().ok()?),
                _ => None,
            })
            .filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_picked_by_their_place() {
        let value = json!({"a": {"b": [1, {"c": "x"}], "n": null}, "f": 1.5});
        assert_eq!(value.text("a.b.1.c"), Some("x"));
        assert_eq!(value.number("a.b.0"), Some(1));
        assert_eq!(value.list("a.b").len(), 2);
        assert!(value.list("a.x").is_empty());
        for nothing in ["a.n", "a.b.2", "a.b.c", "f.g", "", "a.b.-1"] {
            assert_eq!(value.pick(nothing), None, "{nothing}");
        }
        assert_eq!(value.number("f"), None);
    }

    #[test]
    fn what_is_needed_names_its_place_and_never_what_was_there() {
        let value = json!({"a": {"b": "a secret"}});
        let error = value.needed_number("a.b").expect_err("no number");
        assert_eq!(error.to_string(), "no whole number at a.b");
        let error = value.needed_text("a.c").expect_err("nothing");
        assert_eq!(error.to_string(), "no text at a.c");
        let error = value.needed_list("a").expect_err("no list");
        assert_eq!(error.to_string(), "no list at a");
    }

    #[test]
    fn what_nobody_wants_is_left_out_with_all_below_it() {
        let text = br#"{"a": [{"b": 1, "x": {"a": 2}}, {"x": 3}, null, -4, 1.5, "s", true], "x": [{"a": 1}]}"#;
        let value = read_only(text, |name| name != "x").expect("JSON");
        assert_eq!(
            value,
            json!({"a": [{"b": 1}, {}, null, -4, 1.5, "s", true]})
        );
        let all = read_only(text, |_| true).expect("JSON");
        assert_eq!(all, read(text).expect("JSON"));
        for broken in ["{", "{} {}", "{\"x\": tru}", ""] {
            let error = read_only(broken.as_bytes(), |_| false).expect_err(broken);
            assert!(matches!(error, Unexpected::Syntax { .. }), "{broken}");
        }
        let deep = "[".repeat(100_000);
        read_only(deep.as_bytes(), |_| true).expect_err("too deep");
    }

    #[test]
    fn a_value_is_read_up_to_its_end() {
        let script = br#" {"a": "};"} ; var b = [1</script>"#;
        assert_eq!(read_first(script), Ok(json!({"a": "};"})));
        for none in ["", " ", "; {}", "{\"a\": "] {
            assert!(read_first(none.as_bytes()).is_err(), "{none}");
        }
    }

    #[test]
    fn bombs_are_refused() {
        let deep = "[".repeat(100_000);
        assert!(matches!(
            read(deep.as_bytes()),
            Err(Unexpected::Syntax { .. })
        ));
        let wide = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert_eq!(read(wide.as_bytes()), Err(Unexpected::TooMany));
        assert!(matches!(
            read(b"<html>"),
            Err(Unexpected::Syntax { line: 1, column: 1 })
        ));
    }
}
