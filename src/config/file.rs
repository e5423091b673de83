//! Owns: reading the file's text within limits, and its lines for excerpts.
//! Never knows: YAML.

use std::{fs::File, io::Read, ops::Range, path::Path};

use super::{
    diagnostic::{Diagnostic, Excerpt, Origin},
    name,
    tree::Spot,
};

/// Largest file that is read.
const LARGEST: u64 = 1024 * 1024;
/// An excerpt shows at most so many characters of a line.
const WIDEST: usize = 120;

/// The text of a configuration file, with the name by which the user knows it.
pub(super) struct FileText {
    pub name: String,
    pub text: String,
    /// Where each line begins and ends, its line break left out.
    lines: Vec<Range<usize>>,
}

/// Reads a file. `Ok(None)`: it does not exist and nobody asked for it by name.
pub(super) fn read(path: &Path, explicit: bool) -> Result<Option<FileText>, Box<Diagnostic>> {
    let name = path.display().to_string();
    let fail = |message: String, help: &str| {
        Box::new(Diagnostic::error(Origin::Nowhere, message).allowing(help))
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !explicit => return Ok(None),
        Err(error) => {
            return Err(fail(
                format!("cannot read the configuration file `{name}`: {error}"),
                "the path of a readable YAML file after `--config`",
            ));
        }
    };
    let mut bytes = Vec::new();
    if let Err(error) = file.take(LARGEST + 1).read_to_end(&mut bytes) {
        return Err(fail(
            format!("cannot read the configuration file `{name}`: {error}"),
            "the path of a readable YAML file after `--config`",
        ));
    }
    if bytes.len() as u64 > LARGEST {
        return Err(fail(
            format!("the configuration file `{name}` is larger than 1 MiB"),
            "a file of at most 1 MiB",
        ));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(FileText::new(name, &text))),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
            Err(fail(
                format!("line {line} of the configuration file `{name}` is not UTF-8 text"),
                "UTF-8 text",
            ))
        }
    }
}

impl FileText {
    /// Text under a name; a byte order mark is dropped.
    pub(super) fn new(name: String, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let mut lines = Vec::new();
        let mut from = 0;
        for line in text.split_inclusive('\n') {
            let bare = line.trim_end_matches(['\n', '\r']);
            lines.push(from..from + bare.len());
            from += line.len();
        }
        Self { name, text, lines }
    }

    /// The place as a diagnostic shows it.
    pub(super) fn origin(&self, spot: Spot) -> Origin {
        Origin::File {
            name: self.name.clone(),
            line: spot.line,
            column: spot.column,
        }
    }

    /// The line with what must stay unseen masked.
    pub(super) fn excerpt(&self, spot: Spot) -> Option<Excerpt> {
        let line = self.line(spot.line)?;
        if self.is_inside_secret(spot.line) {
            return Some(clip("***", spot));
        }
        Some(clip(&mask(line), spot))
    }

    /// The line up to the end of the key at `spot`; its value is left out, whatever it is.
    pub(super) fn key_excerpt(&self, spot: Spot) -> Option<Excerpt> {
        let line = self.line(spot.line)?;
        let end = spot.column - 1 + spot.len;
        let masked = mask(line);
        let mut text: String = masked.chars().take(end).collect();
        if line.chars().count() > end {
            text.push_str(": …");
        }
        Some(clip(&text, spot))
    }

    fn line(&self, number: usize) -> Option<&str> {
        let range = self.lines.get(number.checked_sub(1)?)?;
        self.text.get(range.clone())
    }

    /// Whether a line continues the value of a secret key above it, as block scalars and folded quotes do.
    fn is_inside_secret(&self, number: usize) -> bool {
        let Some(line) = self.line(number) else {
            return false;
        };
        let mut indent = indentation(line);
        for above in (1..number).rev().take(1000) {
            let Some(line) = self.line(above) else {
                return false;
            };
            if line.trim().is_empty() || indentation(line) >= indent {
                continue;
            }
            indent = indentation(line);
            if mask(line) != line || secret_key(line) {
                return true;
            }
        }
        false
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn secret_key(line: &str) -> bool {
    line.split_once(':')
        .is_some_and(|(key, _)| name::is_secret(key.trim()))
}

/// The line with everything behind the first secret key replaced by `***`.
fn mask(line: &str) -> String {
    for (at, _) in line.match_indices(':') {
        let key = line[..at]
            .trim_end()
            .rsplit(['{', ',', '[', ' ', '\t'])
            .next()
            .unwrap_or("")
            .trim_matches(['"', '\'']);
        let key = key.rsplit('.').next().unwrap_or(key);
        if name::is_secret(key) && !line[at + 1..].trim().is_empty() {
            return format!("{}: ***", &line[..at]);
        }
    }
    line.to_owned()
}

/// Cuts a long line to what stands around the caret, and makes control characters visible.
fn clip(line: &str, spot: Spot) -> Excerpt {
    let chars: Vec<char> = line
        .chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect();
    let at = (spot.column - 1).min(chars.len().saturating_sub(1));
    let from = if chars.len() <= WIDEST {
        0
    } else {
        at.saturating_sub(WIDEST / 2)
    };
    let to = chars.len().min(from + WIDEST);
    let len = spot.len.min(to.saturating_sub(at)).max(1);
    let at = if spot.column > chars.len() {
        chars.len().min(to)
    } else {
        at
    };
    Excerpt {
        line: spot.line,
        text: chars[from..to].iter().collect(),
        caret: at - from,
        len,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(line: usize, column: usize, len: usize) -> Spot {
        Spot { line, column, len }
    }

    #[test]
    fn values_of_secret_keys_are_masked() {
        assert_eq!(mask("  password: \"hunter2\""), "  password: ***");
        assert_eq!(
            mask("{port: 1, proxyPassword: a, x: 2}"),
            "{port: 1, proxyPassword: ***"
        );
        assert_eq!(
            mask("lavalink.server.password: a"),
            "lavalink.server.password: ***"
        );
        assert_eq!(mask("  port: 2333"), "  port: 2333");
    }

    #[test]
    fn the_continuation_of_a_secret_is_masked() {
        let file = FileText::new("a.yml".into(), "a:\n  token: >\n    hunter2\n  b: 1\n");
        assert_eq!(file.excerpt(spot(3, 5, 1)).unwrap().text, "***");
        assert_eq!(file.excerpt(spot(4, 6, 1)).unwrap().text, "  b: 1");
    }

    #[test]
    fn a_key_excerpt_never_shows_the_value() {
        let file = FileText::new("a.yml".into(), "  zugang: geheim\n");
        assert_eq!(file.key_excerpt(spot(1, 3, 6)).unwrap().text, "  zugang: …");
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let file = FileText::new(
            "a.yml".into(),
            &format!("{}X{}", "a".repeat(500), "b".repeat(500)),
        );
        let excerpt = file.excerpt(spot(1, 501, 1)).unwrap();
        assert_eq!(excerpt.text.chars().count(), 120);
        assert_eq!(excerpt.text.chars().nth(excerpt.caret), Some('X'));
    }

    #[test]
    fn a_caret_behind_the_line_stays_drawable() {
        let file = FileText::new("a.yml".into(), "ab\n\n");
        assert_eq!(file.excerpt(spot(1, 9, 3)).unwrap().caret, 2);
        assert_eq!(file.excerpt(spot(2, 4, 3)).unwrap().caret, 0);
        assert!(file.excerpt(spot(7, 1, 1)).is_none());
    }
}
