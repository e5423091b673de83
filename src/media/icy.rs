//! Owns: titles that a radio station sends between the bytes of its sound (`icy-metaint`): taking them out, reading them.
//! Never knows: connections, or what is done with a title.
//!
//! Behind each `icy-metaint` bytes of sound stands a byte, and then sixteen times as many bytes of text as it says, filled up
//! with zeros: `StreamTitle='Artist - Title';StreamUrl='http://…';`. Nobody ever wrote that down but SHOUTcast's servers and
//! players; Icecast does the same.

pub use super::station::Title;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use std::num::NonZeroU32;

/// The most bytes of sound between two texts: stations have 8 or 16 KiB. With more, titles are not worth asking for, and a
/// header of garbage is likelier.
const MAX_INTERVAL: u32 = 16 << 20;
/// Bytes of sound from one title to the next, at least: a station cannot fill the memory with titles.
const TITLE_EVERY: u64 = 4096;
/// Bytes of one unit of a text's length.
const UNIT: usize = 16;

impl Title {
    /// Reads a text. `None` when it says nothing of a title. Values may hold quotes: one ends where `';` stands before the
    /// next name or the end. Latin-1, where it is not UTF-8.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii_end();
        let end = text.iter().rposition(|byte| *byte != 0)?;
        let text = latin_or_utf8(&text[..=end]);
        Some(Self {
            text: value(&text, "StreamTitle='")?,
            url: value(&text, "StreamUrl='").filter(|url| !url.is_empty()),
        })
    }
}

/// Text of a station, which is Latin-1 where it is not UTF-8.
#[must_use]
pub fn latin_or_utf8(bytes: &[u8]) -> String {
    let latin = |_| bytes.iter().map(|byte| char::from(*byte)).collect();
    std::str::from_utf8(bytes).map_or_else(latin, str::to_owned)
}

fn value(text: &str, begin: &str) -> Option<String> {
    let (_, rest) = text.split_once(begin)?;
    // what follows another name, else what is left without the last quote
    let value = match rest.find("';Stream") {
        Some(end) => &rest[..end],
        None => {
            let rest = rest.strip_suffix(';').unwrap_or(rest);
            rest.strip_suffix('\'').unwrap_or(rest)
        }
    };
    Some(value.trim().to_owned())
}

/// How many bytes of sound lie between two texts, as the headers of an answer say it.
#[must_use]
pub fn interval(headers: &HeaderMap) -> Option<NonZeroU32> {
    let text = headers.get("icy-metaint")?.to_str().ok()?;
    let interval = text.trim().parse().ok()?;
    NonZeroU32::new(interval).filter(|interval| interval.get() <= MAX_INTERVAL)
}

/// One part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Bytes of sound.
    Sound(Bytes),
    /// The text between them; never empty.
    Text(Vec<u8>),
}

/// Takes a body apart, however it is cut. One for each connection: a new one begins with sound.
#[derive(Debug)]
pub struct Splitter {
    interval: NonZeroU32,
    state: State,
}

#[derive(Debug)]
enum State {
    /// So many bytes of sound come before the next text; never 0.
    Sound(u32),
    /// The length comes.
    Length,
    /// So many bytes of this text are missing; never 0.
    Text(usize, Vec<u8>),
}

impl Splitter {
    /// At the beginning of a body.
    #[must_use]
    pub const fn new(interval: NonZeroU32) -> Self {
        Self {
            interval,
            state: State::Sound(interval.get()),
        }
    }

    /// The next part in `bytes`, which it takes from them; `None` when they are used up.
    pub fn next(&mut self, bytes: &mut Bytes) -> Option<Part> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Sound(left) => {
                    let len = bytes.len().min(*left as usize);
                    *left -= len as u32;
                    if *left == 0 {
                        self.state = State::Length;
                    }
                    return Some(Part::Sound(bytes.split_to(len)));
                }
                State::Length => {
                    let len = usize::from(bytes.get_u8()) * UNIT;
                    self.state = match len {
                        0 => State::Sound(self.interval.get()),
                        len => State::Text(len, Vec::with_capacity(len)),
                    };
                }
                State::Text(missing, text) => {
                    let len = bytes.len().min(*missing);
                    text.extend_from_slice(&bytes.split_to(len));
                    *missing -= len;
                    if *missing == 0 {
                        let text = std::mem::take(text);
                        self.state = State::Sound(self.interval.get());
                        return Some(Part::Text(text));
                    }
                }
            }
        }
        None
    }
}

/// Which titles are told, and when.
#[derive(Debug, Default)]
pub struct Titles {
    last: Option<Title>,
    untold: Option<Title>,
    /// Bytes of sound since the last was told.
    passed: u64,
}

impl Titles {
    /// A text has come. Stations repeat themselves.
    pub fn heard(&mut self, text: &[u8]) {
        if let Some(title) = Title::parse(text) {
            self.untold = Some(title).filter(|title| self.last.as_ref() != Some(title));
        }
    }

    /// What is to be told in front of the next `len` bytes of sound.
    pub fn due(&mut self, len: usize) -> Option<Title> {
        let is_due = self.last.is_none() || self.passed >= TITLE_EVERY;
        if is_due && let Some(title) = self.untold.take() {
            self.passed = 0;
            self.last = Some(title);
        } else {
            self.passed = self.passed.saturating_add(len as u64);
            return None;
        }
        self.last.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn title(text: &[u8]) -> Option<(String, Option<String>)> {
        Title::parse(text).map(|title| (title.text, title.url))
    }

    /// Texts as stations send them.
    #[test]
    fn titles_are_read() {
        let found = |text: &str, url: Option<&str>| Some((text.to_owned(), url.map(str::to_owned)));
        for (text, wanted) in [
            (
                &b"StreamTitle='A - B';StreamUrl='http://s/';\0\0\0"[..],
                found("A - B", Some("http://s/")),
            ),
            (b"StreamTitle='';StreamUrl='';\0", found("", None)),
            (
                b"StreamTitle='Guns N' Roses - Don't Cry';",
                found("Guns N' Roses - Don't Cry", None),
            ),
            (
                b"StreamTitle='a';b';StreamUrl='u';",
                found("a';b", Some("u")),
            ),
            (b"StreamUrl='u';StreamTitle=' t ';", found("t", Some("u"))),
            (b"StreamTitle='Caf\xC3\xA9';", found("Caf\u{E9}", None)),
            (b"StreamTitle='Caf\xE9';", found("Caf\u{E9}", None)),
            (b"StreamTitle='cut off", found("cut off", None)),
            (b"StreamTitle='", found("", None)),
            (b"adw_ad='true';durationMilliseconds='1';", None),
            (b"\0\0\0\0", None),
            (b"", None),
        ] {
            assert_eq!(title(text), wanted, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn an_interval_is_a_number_in_bounds() {
        for (text, wanted) in [
            ("16000", Some(16_000)),
            (" 1 ", Some(1)),
            ("0", None),
            ("-1", None),
            ("16777217", None),
            ("99999999999999999999", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("icy-metaint", text.parse().expect("ASCII"));
            assert_eq!(interval(&headers).map(NonZeroU32::get), wanted, "{text}");
        }
        assert_eq!(interval(&HeaderMap::new()), None);
    }

    /// A body and what is in it, by the rule above.
    fn body(interval: usize, sound: &[u8], texts: &[Vec<u8>]) -> (Vec<u8>, Vec<Vec<u8>>) {
        let mut body = Vec::new();
        let mut told = Vec::new();
        let mut texts = texts.iter().cycle();
        for piece in sound.chunks(interval) {
            body.extend_from_slice(piece);
            if piece.len() < interval {
                break;
            }
            let mut text = texts.next().cloned().unwrap_or_default();
            text.resize(text.len().div_ceil(UNIT) * UNIT, 0);
            body.push((text.len() / UNIT) as u8);
            body.extend_from_slice(&text);
            if !text.is_empty() {
                told.push(text);
            }
        }
        (body, told)
    }

    proptest! {
        #[test]
        fn sound_and_texts_come_apart_however_the_body_is_cut(
            interval in 1u32..300,
            sound in prop::collection::vec(any::<u8>(), 0..2000),
            texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..255 * UNIT), 0..4),
            cut in 1usize..700,
        ) {
            let (body, told) = body(interval as usize, &sound, &texts);
            let mut splitter = Splitter::new(NonZeroU32::new(interval).expect("from 1"));
            let (mut got, mut heard) = (Vec::new(), Vec::new());
            for piece in body.chunks(cut) {
                let mut piece = Bytes::copy_from_slice(piece);
                while let Some(part) = splitter.next(&mut piece) {
                    match part {
                        Part::Sound(bytes) => got.extend_from_slice(&bytes),
                        Part::Text(text) => heard.push(text),
                    }
                }
            }
            prop_assert_eq!(got, sound);
            prop_assert_eq!(heard, told);
        }

        #[test]
        fn no_text_is_too_odd(text in prop::collection::vec(any::<u8>(), 0..4080)) {
            let quoted = [b"StreamTitle='", &text[..], b"';"].concat();
            let title = Title::parse(&quoted);
            prop_assert!(title.is_some_and(|t| t.text.len() <= 2 * text.len()));
            let _ = Title::parse(&text);
        }
    }
}
