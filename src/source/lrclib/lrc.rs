//! Owns: reading LRC, the text form of lyrics with times. Pure.
//! Never knows: where it comes from.
//!
//! There is no standard; what is read here is what programs agree on: `[mm:ss.xx]words`, several times before one line, tags such
//! as `[ar:…]` that are passed over, `[offset:±ms]`, and the words' own times `<mm:ss.xx>`, which are left out.

use crate::{track::lyrics::Line, units::Millis};

/// Lines that are read; a song has a hundred.
const MAX_LINES: usize = 2000;
/// Characters of a line.
const MAX_LINE: usize = 500;
/// Times before one line: a refrain has a handful.
const MAX_TIMES: usize = 64;
/// The latest time, in minutes.
const MAX_MINUTES: u32 = 24 * 60;

/// The lines of a text, by time. What is no line with a time is passed over.
#[must_use]
pub fn read(text: &str) -> Vec<Line> {
    let mut offset = 0;
    let mut lines = Vec::new();
    for written in text.lines() {
        let (times, rest) = times(written.trim_start_matches('\u{FEFF}').trim());
        if times.is_empty() {
            offset = offset_of(written).unwrap_or(offset);
            continue;
        }
        let words = without_word_times(rest);
        let line = |at| Line {
            at: Millis(at),
            duration: None,
            text: words.clone(),
        };
        lines.extend(times.into_iter().map(line));
        if lines.len() >= MAX_LINES {
            lines.truncate(MAX_LINES);
            break;
        }
    }
    for line in &mut lines {
        // a positive offset makes lines come earlier
        line.at = Millis((line.at.0 - offset).max(0));
    }
    lines.sort_by_key(|line| line.at);
    lines
}

/// The times at the beginning of a line, in milliseconds, and what follows.
fn times(line: &str) -> (Vec<i64>, &str) {
    let mut times = Vec::new();
    let mut rest = line;
    while times.len() < MAX_TIMES
        && let Some(tag) = rest.strip_prefix('[')
        && let Some((tag, behind)) = tag.split_once(']')
        && let Some(at) = time(tag)
    {
        times.push(at);
        rest = behind.trim_start();
    }
    (times, rest)
}

/// `mm:ss`, `mm:ss.x` to `mm:ss.xxx`, or with another colon, in milliseconds.
fn time(text: &str) -> Option<i64> {
    let (minutes, seconds) = text.split_once(':')?;
    let (seconds, fraction) = seconds.split_once(['.', ':']).unwrap_or((seconds, ""));
    let number = |text: &str, longest: usize| {
        let is_number = text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| is_number)
    };
    let minutes = number(minutes, 4).filter(|it| *it <= MAX_MINUTES)?;
    let seconds = number(seconds, 2).filter(|it| *it < 60)?;
    let fraction = match fraction.len() {
        0 => 0,
        1 => number(fraction, 1)? * 100,
        2 => number(fraction, 2)? * 10,
        _ => number(fraction, 3)?,
    };
    Some(i64::from((minutes * 60 + seconds) * 1000 + fraction))
}

fn offset_of(line: &str) -> Option<i64> {
    let value = line.trim().strip_prefix("[offset:")?.strip_suffix(']')?;
    let most = i64::from(MAX_MINUTES) * 60_000;
    let offset = value.trim().trim_start_matches('+').parse::<i64>().ok()?;
    Some(offset.clamp(-most, most))
}

fn without_word_times(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        rest = match tag.split_once('>') {
            Some((tag, behind)) if time(tag).is_some() => behind,
            _ => {
                plain.push('<');
                tag
            }
        };
    }
    plain.push_str(rest);
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").chars().take(MAX_LINE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<(i64, String)> {
        let lines = read(text).into_iter();
        lines.map(|line| (line.at.0, line.text)).collect()
    }

    fn line(at: i64, text: &str) -> (i64, String) {
        (at, text.to_owned())
    }

    #[test]
    fn lines_have_times_in_every_form() {
        let text = "[ar:Somebody]\r\n[ti:Song]\n\n[00:01.5]one\n[00:17.12] We're no strangers\n[01:02.345]three\n[2:03]four\n[00:04:50]five";
        assert_eq!(
            found(text),
            [
                line(1500, "one"),
                line(4500, "five"),
                line(17_120, "We're no strangers"),
                line(62_345, "three"),
                line(123_000, "four"),
            ]
        );
    }

    #[test]
    fn a_line_with_several_times_comes_several_times_and_an_empty_one_is_a_pause() {
        assert_eq!(
            found("[00:10.00][00:30.00]La la\n[00:20.00]\n"),
            [
                line(10_000, "La la"),
                line(20_000, ""),
                line(30_000, "La la")
            ]
        );
    }

    #[test]
    fn an_offset_makes_lines_come_earlier_and_never_before_the_beginning() {
        let text = "[offset:+500]\n[00:00.20]a\n[00:10.00]b";
        assert_eq!(found(text), [line(0, "a"), line(9500, "b")]);
        assert_eq!(found("[offset:-500]\n[00:10.00]b"), [line(10_500, "b")]);
    }

    #[test]
    fn times_of_words_are_left_out() {
        assert_eq!(
            found("[00:01.00] <00:01.00> a <00:01.50> b <3 c"),
            [line(1000, "a b <3 c")]
        );
    }

    #[test]
    fn what_has_no_time_is_no_line() {
        for text in [
            "",
            "words",
            "[chorus] words",
            "[00:61.00]x",
            "[-1:00]x",
            "[00:01",
            "[9999:00.00]x",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let text = "[00:01.00]x\n".repeat(MAX_LINES + 10);
        assert_eq!(read(&text).len(), MAX_LINES);
        let text = format!("[00:01.00]{}", "é".repeat(MAX_LINE + 10));
        assert_eq!(read(&text)[0].text.chars().count(), MAX_LINE);
    }

    proptest! {
        #[test]
        fn any_text_can_be_read_and_lines_are_in_order(text in "(\\[|\\]|<|>|:|\\.|[0-9]|é|\\n|offset:|\\+|-){0,200}") {
            let lines = read(&text);
            prop_assert!(lines.is_sorted_by_key(|line| line.at) && lines.iter().all(|line| line.at.0 >= 0));
        }
    }
}
