//! Owns: what the recorded session names, put in terms of ours: addresses, ids, lengths, and tracks that have them inside.
//! Never knows: what is named.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

/// Recorded texts, and what stands for them here.
#[derive(Default)]
pub struct Names {
    pairs: Vec<(String, String)>,
    lengths: Vec<(i64, i64)>,
}

impl Names {
    /// From now on `recorded` means `ours`.
    pub fn add(&mut self, recorded: &str, ours: &str) {
        self.pairs.push((recorded.to_owned(), ours.to_owned()));
    }

    /// A track that was `recorded` milliseconds long is as long as `ours`.
    pub fn add_length(&mut self, recorded: i64, ours: i64) {
        self.lengths.push((recorded, ours));
    }

    fn length(&self, recorded: i64) -> i64 {
        self.lengths
            .iter()
            .find(|(from, _)| *from == recorded)
            .map_or(recorded, |(_, to)| *to)
    }

    /// A text in our terms. An encoded track is taken apart for that.
    pub fn text(&self, recorded: &str) -> String {
        if let Some(track) = self.track(recorded) {
            return track;
        }
        self.pairs
            .iter()
            .fold(recorded.to_owned(), |text, (from, to)| {
                text.replace(from, to)
            })
    }

    /// All texts in a value.
    pub fn value(&self, recorded: &Value) -> Value {
        match recorded {
            Value::String(text) => self.text(text).into(),
            Value::Array(items) => items.iter().map(|i| self.value(i)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(k, v)| (k.clone(), self.member(k, v)))
                .collect(),
            other => other.clone(),
        }
    }

    fn member(&self, name: &str, value: &Value) -> Value {
        match value.as_i64() {
            Some(length) if name == "length" => self.length(length).into(),
            _ => self.value(value),
        }
    }

    /// A path with its query.
    pub fn path(&self, recorded: &str) -> String {
        let Some((path, query)) = recorded.split_once('?') else {
            return self.text(recorded);
        };
        let mut ours = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            ours.append_pair(&name, &self.text(&value));
        }
        format!("{}?{}", self.text(path), ours.finish().replace('+', "%20"))
    }

    /// An encoded track: texts in it have their length in two bytes before them (reference, 3.1).
    fn track(&self, recorded: &str) -> Option<String> {
        let mut bytes = recorded
            .starts_with("QAAA")
            .then(|| BASE64_STANDARD.decode(recorded).ok())??;
        for (from, to) in &self.pairs {
            let mut at = 6;
            while let Some(found) = bytes[at..]
                .windows(from.len())
                .position(|w| w == from.as_bytes())
            {
                let start = at + found;
                let length = u16::from_be_bytes([bytes[start - 2], bytes[start - 1]]) as usize;
                let length = u16::try_from(length + to.len() - from.len()).expect("a short text");
                bytes.splice(start - 2..start, length.to_be_bytes());
                bytes.splice(start..start + from.len(), to.bytes());
                at = start + to.len();
            }
        }
        for (from, to) in &self.lengths {
            let from = from.to_be_bytes();
            if let Some(at) = bytes.windows(8).position(|w| w == from) {
                bytes.splice(at..at + 8, to.to_be_bytes());
            }
        }
        let size = u32::try_from(bytes.len() - 4).expect("a short track") | 1 << 30;
        bytes.splice(..4, size.to_be_bytes());
        Some(BASE64_STANDARD.encode(bytes))
    }
}

/// An encoded track without its last field, the position, and that position.
pub fn split_position(encoded: &str) -> Option<(String, i64)> {
    let bytes = BASE64_STANDARD.decode(encoded).ok()?;
    let (track, position) = bytes.split_last_chunk::<8>()?;
    Some((BASE64_STANDARD.encode(track), i64::from_be_bytes(*position)))
}
