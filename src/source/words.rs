//! Owns: taking titles and names apart into words that can be compared: without case, diacritics, and what says nothing of
//! the music. Pure.
//! Never knows: what is compared with what, or how much a difference weighs.

use icu_normalizer::DecomposingNormalizerBorrowed;

/// The longest text that is looked at, in characters; titles have less than 200.
const MAX_CHARS: usize = 600;

/// A way in which a recording differs from the one that is meant without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Before an audience.
    Live,
    /// By somebody else.
    Cover,
    /// Made into something else.
    Remix,
    /// Without the singer, to sing to.
    Karaoke,
    /// Without words.
    Instrumental,
    /// Sped up.
    Fast,
    /// Slowed down.
    Slow,
    /// Some other effect.
    Effect,
    /// With fewer instruments.
    Acoustic,
    /// Not finished.
    Demo,
    /// Cut for the radio or a club.
    Edit,
    /// Something about the recording.
    About,
}

/// Words by which they are known, in several languages.
const MARKS: &[(Mark, &[&str])] = &[
    (
        Mark::Live,
        &["live", "concert", "vivo", "konzert", "session", "sessions"],
    ),
    (Mark::Cover, &["cover", "covered", "covers", "tribute"]),
    (
        Mark::Remix,
        &["remix", "rmx", "remixed", "bootleg", "mashup", "flip"],
    ),
    (Mark::Karaoke, &["karaoke", "singalong", "noraebang"]),
    (
        Mark::Instrumental,
        &["instrumental", "instrumentals", "instrumentale"],
    ),
    (Mark::Fast, &["sped", "speed", "nightcore", "spedup"]),
    (
        Mark::Slow,
        &["slowed", "daycore", "screwed", "reverb", "slow"],
    ),
    (
        Mark::Effect,
        &["8d", "16d", "boosted", "432hz", "muffled", "lofi"],
    ),
    (
        Mark::Acoustic,
        &["acoustic", "unplugged", "stripped", "piano", "acustico"],
    ),
    (Mark::Demo, &["demo", "rehearsal", "outtake", "demos"]),
    (Mark::Edit, &["edit", "extended", "club", "dub"]),
    (
        Mark::About,
        &[
            "reaction",
            "tutorial",
            "lesson",
            "teaser",
            "trailer",
            "parody",
            "interview",
            "snippet",
            "megamix",
            "tabs",
        ],
    ),
];

/// Words that say how something is shown, not what it is.
const NOISE: &[&str] = &[
    "official",
    "oficial",
    "officiel",
    "offizielles",
    "music",
    "musikvideo",
    "video",
    "videoclip",
    "clip",
    "clipe",
    "audio",
    "lyric",
    "lyrics",
    "letra",
    "visualizer",
    "visualiser",
    "hd",
    "hq",
    "uhd",
    "4k",
    "8k",
    "1080p",
    "720p",
    "mv",
    "pv",
    "m",
    "v",
    "vevo",
    "topic",
    "remaster",
    "remastered",
    "version",
    "mix",
    "original",
    "album",
    "single",
    "explicit",
    "clean",
    "uncensored",
    "ost",
    "soundtrack",
    "from",
    "full",
    "new",
    "song",
    "stereo",
    "mono",
    "deluxe",
    "edition",
    "bonus",
    "track",
    "prod",
    "by",
    "the",
    "a",
    "and",
    "with",
    "in",
    "of",
    "at",
    "up",
    "color",
    "coded",
    "sub",
    "subs",
    "subtitles",
    "eng",
    "han",
    "rom",
    "high",
    "quality",
    "anniversary",
    "free",
    "download",
    "out",
    "now",
    "premiere",
];

/// Beginnings of words that tell of a video, or of how it sounds, and never of a song.
const OF_VIDEOS: &[&str] = &[
    "official",
    "video",
    "audio",
    "lyric",
    "visualizer",
    "visualiser",
    "remaster",
    "hd",
    "hq",
    "4k",
    "mv",
    "explicit",
];

/// Words behind which guests are named.
const GUESTS: &[&str] = &["feat", "ft", "featuring"];

/// A part of a title.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Its words.
    pub words: Vec<String>,
    /// Whether it stands in brackets, or behind a dash.
    pub is_aside: bool,
}

/// A text without case, diacritics and ligatures.
fn plain(text: &str) -> String {
    let text: String = text.chars().take(MAX_CHARS).collect();
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(&text);
    let mut plain = String::with_capacity(decomposed.len());
    for c in decomposed.chars().flat_map(char::to_lowercase) {
        match c {
            // combining diacritics of Latin, Greek and Cyrillic; those of other scripts make other letters
            '\u{300}'..='\u{36F}' => {}
            // "don't" and "dont" are one
            '\'' | '\u{2018}' | '\u{2019}' | '\u{2BC}' | '`' | '\u{B4}' => {}
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'ø' => plain.push('o'),
            'đ' | 'ð' => plain.push('d'),
            'ł' => plain.push('l'),
            'ı' => plain.push('i'),
            // artists write themselves so
            '$' => plain.push('s'),
            c => plain.push(c),
        }
    }
    plain
}

/// Whether each character is a word of its own, in scripts that do not part words.
const fn is_word(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{E00}'..='\u{E7F}')
}

fn split(plain: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in plain.chars() {
        let stands_alone = is_word(c);
        if (stands_alone || !c.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if stands_alone {
            words.push(c.to_string());
        } else if c.is_alphanumeric() {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The words of a name.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    split(&plain(text))
}

/// A title in its parts: what is in brackets, and what dashes and bars part.
#[must_use]
pub fn parts(title: &str) -> Vec<Part> {
    let plain = plain(title);
    let mut parts: Vec<Part> = Vec::new();
    let mut push = |text: &str, is_aside: bool| {
        let words = split(text);
        if !words.is_empty() {
            parts.push(Part { words, is_aside });
        }
    };
    let (mut depth, mut is_behind_dash) = (0_usize, false);
    let mut text = String::new();
    let mut chars = plain.chars().peekable();
    while let Some(c) = chars.next() {
        let is_dash = matches!(c, '-' | '\u{2010}'..='\u{2015}' | '|' | '~' | '\u{2022}')
            && text.ends_with(' ')
            && chars.peek() == Some(&' ');
        let opens = matches!(c, '(' | '[' | '{' | '\u{3010}');
        let closes = matches!(c, ')' | ']' | '}' | '\u{3011}');
        if opens || closes || (is_dash && depth == 0) {
            push(&std::mem::take(&mut text), depth > 0 || is_behind_dash);
            match (opens, closes) {
                (true, _) => depth += 1,
                (_, true) => depth = depth.saturating_sub(1),
                _ => is_behind_dash = true,
            }
        } else {
            text.push(c);
        }
    }
    push(&text, depth > 0 || is_behind_dash);
    parts
}

/// Takes the guests from a part: all behind "feat.", or all of brackets that begin with "with" or "prod.".
pub fn take_guests(part: &mut Part) -> Vec<String> {
    let is_mark = |word: &String| GUESTS.contains(&word.as_str());
    let opening = part.words.first().map(String::as_str);
    let at = match opening {
        Some("with" | "prod") if part.is_aside => Some(0),
        _ => part.words.iter().position(is_mark),
    };
    at.map_or_else(Vec::new, |at| part.words.split_off(at))
}

/// What a word marks.
#[must_use]
pub fn mark(word: &str) -> Option<Mark> {
    let known = |(_, words): &&(Mark, &[&str])| words.contains(&word);
    MARKS.iter().find(known).map(|(mark, _)| *mark)
}

/// Whether a word, which is none of the title, says nothing of the music. Years stand beside "remastered".
#[must_use]
pub fn is_noise(word: &str) -> bool {
    let is_year = word.len() == 4
        && (word.starts_with("19") || word.starts_with("20"))
        && word.bytes().all(|byte| byte.is_ascii_digit());
    is_year || NOISE.contains(&word)
}

/// Whether a word tells that the brackets around it are about a video.
#[must_use]
pub fn tells_of_video(word: &str) -> bool {
    OF_VIDEOS.iter().any(|known| word.starts_with(known))
}

/// Whether texts of these words are in scripts that have nothing in common, so that nothing can be said of them.
#[must_use]
pub fn are_incomparable(some: &[String], others: &[String]) -> bool {
    let latin = |words: &[String]| {
        let letters = words.iter().flat_map(|word| word.chars());
        let (mut latin, mut other) = (false, false);
        for c in letters.filter(|c| c.is_alphabetic()) {
            if c.is_ascii() {
                latin = true;
            } else {
                other = true;
            }
        }
        (latin, other)
    };
    matches!(
        (latin(some), latin(others)),
        ((true, false), (false, true)) | ((false, true), (true, false))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_diacritics_and_signs_make_no_difference() {
        for (text, wanted) in [
            ("Beyoncé", "beyonce"),
            ("DON’T Stop Me Now", "dont stop me now"),
            ("Sigur Rós – Hoppípolla", "sigur ros hoppipolla"),
            ("A$AP Rocky", "asap rocky"),
            ("Motörhead & Ｆｕｌｌ", "motorhead full"),
            ("Мумий Тролль", "мумии тролль"),
            ("夜に駆ける", "夜 に 駆 け る"),
            ("Straße / Mø / Ærø", "strasse mo aero"),
            ("", ""),
        ] {
            assert_eq!(words(text).join(" "), wanted);
        }
        // a letter of its own, although Unicode writes it in two
        assert_ne!(words("が"), words("か"));
        assert_eq!(words(&"x".repeat(5000))[0].len(), MAX_CHARS);
    }

    #[test]
    fn titles_come_apart_at_brackets_and_dashes() {
        let shown = |title: &str| {
            let part = |part: Part| {
                let words = part.words.join(" ");
                if part.is_aside {
                    format!("({words})")
                } else {
                    words
                }
            };
            parts(title).into_iter().map(part).collect::<Vec<_>>()
        };
        for (title, wanted) in [
            (
                "Blackstreet - No Diggity (Official Music Video) ft. Dr. Dre, Queen Pen",
                &[
                    "blackstreet",
                    "(no diggity)",
                    "(official music video)",
                    "(ft dr dre queen pen)",
                ][..],
            ),
            ("【MV】 夜 [4K]", &["(mv)", "夜", "(4k)"]),
            ("Jay-Z | 99 Problems", &["jay z", "(99 problems)"]),
            ("unbalanced) (brackets", &["unbalanced", "(brackets)"]),
            ("()", &[]),
        ] {
            assert_eq!(shown(title), wanted, "{title}");
        }
    }

    #[test]
    fn guests_are_told_from_the_title() {
        for (title, left, guests) in [
            (
                "Hey Mama (feat. Bebe Rexha, Nicki Minaj & Afrojack)",
                "hey mama",
                3 + 3,
            ),
            ("Song ft. X", "song", 2),
            ("Die With A Smile", "die with a smile", 0),
            ("Peaches (with Giveon)", "peaches", 2),
            ("Left (right)", "left right", 0),
        ] {
            let mut all = parts(title);
            let found: usize = all.iter_mut().map(|part| take_guests(part).len()).sum();
            let words: Vec<String> = all.into_iter().flat_map(|part| part.words).collect();
            assert_eq!((words.join(" "), found), (left.to_owned(), guests));
        }
    }
}
