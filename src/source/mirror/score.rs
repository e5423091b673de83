//! Owns: how well a track that was found stands for one that was wanted: by title, artist, length and ISRC. Pure.
//! Never knows: where tracks are found, or what becomes of the best.

use crate::{
    source::words::{Mark, are_incomparable, is_noise, mark, parts, take_guests, words},
    track::TrackInfo,
};

/// The least score of a track that may stand for another: title and artist are right, or nearly so and the length, too.
pub const ENOUGH: i32 = 65;

/// Title, artist and length in full make a hundred, apart from what tells for or against a hit otherwise.
const TITLE: i32 = 45;
const ARTIST: i32 = 28;
const LENGTH: i32 = 27;
/// Many songs are called "Intro".
const OTHER_ARTIST: i32 = 8;
/// The same recording, as the site itself says.
const SAME_ISRC: i32 = 60;
/// The site found it by an ISRC that it does not show.
const FOUND_BY_ISRC: i32 = 20;
/// A channel that holds the sound as it was published ("… - Topic").
const PUBLISHED: i32 = 3;
/// What the site thinks counts as much, and breaks ties.
const MOST_RANK: usize = 5;
/// A length from here on is none, in milliseconds: unknown ones are the largest number.
const LONGEST: i64 = 1 << 40;
/// Artists of a line that are looked at, each for himself.
const MOST_ARTISTS: usize = 16;
/// The original of a remix lacks the remixer.
const ASIDE_MISSING: i32 = 10;

/// What is wanted, taken apart once for all hits.
pub struct Wanted {
    /// The words of the title that any hit must have.
    core: Vec<String>,
    /// Words of asides that tell recordings apart: "(Skrillex Remix)".
    asides: Vec<String>,
    marks: Vec<Mark>,
    guests: Vec<String>,
    /// The whole line of artists, and each one.
    artists: Vec<Vec<String>>,
    isrc: Option<String>,
    /// Milliseconds.
    length: Option<i64>,
}

impl Wanted {
    /// What the info of a track wants.
    #[must_use]
    pub fn of(info: &TrackInfo) -> Self {
        let mut wanted = Self {
            core: Vec::new(),
            asides: Vec::new(),
            marks: Vec::new(),
            guests: Vec::new(),
            artists: artists(&info.author),
            isrc: info.isrc.as_deref().map(plain_isrc),
            length: known(info.length),
        };
        let all = parts(&info.title);
        for mut part in all.clone() {
            wanted.guests.extend(take_guests(&mut part));
            let marks: Vec<Mark> = part.words.iter().filter_map(|it| mark(it)).collect();
            let says_nothing = part.words.iter().all(|it| is_noise(it));
            // "(I Can't Get No) Satisfaction": brackets may belong to the title
            if part.is_aside && (!marks.is_empty() || says_nothing || is_remaster(&part.words)) {
                let tells = |word: &String| mark(word).is_none() && !is_noise(word);
                wanted.asides.extend(part.words.into_iter().filter(tells));
                wanted.marks.extend(marks);
            } else {
                wanted.core.extend(part.words);
            }
        }
        if wanted.core.is_empty() {
            wanted.core = all.into_iter().flat_map(|part| part.words).collect();
            wanted.marks.clear();
        }
        wanted
    }

    /// How well a hit stands for it; `rank` is its place among the hits, from 0.
    #[must_use]
    pub fn score(&self, hit: &TrackInfo, rank: usize, is_found_by_isrc: bool) -> i32 {
        if hit.is_stream {
            return i32::MIN;
        }
        let author = words(&hit.author);
        let mut title = Vec::new();
        let mut guests = Vec::new();
        for mut part in parts(&hit.title) {
            guests.extend(take_guests(&mut part));
            title.append(&mut part.words);
        }
        let shown: Vec<String> = title
            .iter()
            .chain(&guests)
            .chain(&author)
            .cloned()
            .collect();

        let artist_points = self.artist(&author, &shown);
        // the name of another artist is no decoration of the title
        let names: &[String] = if artist_points > 0 { &author } else { &[] };
        let (title_points, rest) = self.title(title, names);
        let mut score = title_points + artist_points + self.length(hit.length);
        score += self.marks(&rest, &author);
        if !self.asides.iter().all(|word| shown.contains(word)) {
            score -= ASIDE_MISSING;
        }
        let is_same = hit.isrc.is_some() && hit.isrc.as_deref().map(plain_isrc) == self.isrc;
        score += match (is_same, is_found_by_isrc) {
            (true, _) => SAME_ISRC,
            (false, true) if rank == 0 => FOUND_BY_ISRC,
            _ => 0,
        };
        if artist_points == ARTIST && author.last().is_some_and(|word| word == "topic") {
            score += PUBLISHED;
        }
        score - i32::try_from(rank.min(MOST_RANK)).unwrap_or(0)
    }

    /// Points for the title, and the words of the hit's that are not accounted for; names of its `author` are.
    fn title(&self, mut title: Vec<String>, author: &[String]) -> (i32, Vec<String>) {
        let are_strange = are_incomparable(&self.core, &title);
        let mut matched = 0;
        for word in &self.core {
            if let Some(at) = title.iter().position(|it| it == word) {
                title.remove(at);
                matched += weight(word);
            }
        }
        let is_expected = |word: &String| {
            self.artists.iter().any(|artist| artist.contains(word))
                || self.guests.contains(word)
                || self.asides.contains(word)
                || (author.contains(word) && mark(word).is_none())
                || is_noise(word)
        };
        title.retain(|word| !is_expected(word));
        let excess = title.iter().filter(|word| mark(word).is_none());
        let excess: i32 = excess.map(|word| weight(word)).sum();
        let all: i32 = self.core.iter().map(|word| weight(word)).sum();
        if are_strange {
            return (TITLE / 2, title);
        }
        // both halves of a title matter: what is missing, and half as much what is too much
        let points = TITLE * matched * 2 / (2 * all + excess).max(1);
        // a word that is missing makes another title, however many there are
        let missing = all - matched;
        (points - (missing * 2).min(TITLE / 3), title)
    }

    fn artist(&self, author: &[String], shown: &[String]) -> i32 {
        let Some(whole) = self.artists.first() else {
            return ARTIST / 2;
        };
        let joined = author.concat();
        let share = |artist: &Vec<String>| {
            let name = artist.concat();
            let is_joined =
                joined.starts_with(&name) || (name.len() >= 6 && joined.contains(&name));
            let all: i32 = artist.iter().map(|word| weight(word)).sum();
            let found = artist.iter().filter(|word| shown.contains(word));
            match is_joined {
                true => ARTIST,
                false => ARTIST * found.map(|word| weight(word)).sum::<i32>() / all.max(1),
            }
        };
        // half a name is somebody else's
        let best = self.artists.iter().map(share).max().unwrap_or(0);
        match best {
            _ if best >= ARTIST * 2 / 3 => best,
            _ if are_incomparable(whole, author) => ARTIST / 2,
            0 => -OTHER_ARTIST,
            _ => best / 3,
        }
    }

    /// Videos have beginnings and ends of their own; an hour of the same is something else.
    fn length(&self, hit: i64) -> i32 {
        let (Some(wanted), Some(hit)) = (self.length, known(hit)) else {
            return LENGTH / 3;
        };
        if hit / 2 > wanted + 30_000 || wanted / 2 > hit {
            return -45;
        }
        match (wanted - hit).abs() {
            ..=2_500 => LENGTH,
            2_501..=5_500 => 22,
            5_501..=10_000 => 14,
            10_001..=20_000 => 6,
            20_001..=40_000 => 0,
            _ => -20,
        }
    }

    fn marks(&self, rest: &[String], author: &[String]) -> i32 {
        let mut found: Vec<Mark> = rest.iter().filter_map(|word| mark(word)).collect();
        // channels of karaoke and covers say so in their names, and not always in their titles
        let is_own = |word: &&String| !self.artists.iter().any(|artist| artist.contains(word));
        let of_channel = author.iter().filter(is_own).filter_map(|word| mark(word));
        let counts = |mark: &Mark| {
            matches!(
                mark,
                Mark::Karaoke | Mark::Cover | Mark::Fast | Mark::Instrumental
            )
        };
        found.extend(of_channel.filter(counts));
        found.sort_unstable();
        found.dedup();
        let added = found.iter().filter(|mark| !self.marks.contains(mark));
        let mut wanted = self.marks.clone();
        wanted.sort_unstable();
        wanted.dedup();
        let missing = wanted.iter().filter(|mark| !found.contains(mark));
        // what is not said may still be so
        -(added.map(|mark| cost(*mark)).sum::<i32>()
            + missing.map(|mark| cost(*mark) * 2 / 3).sum::<i32>())
    }
}

/// What it costs to be another recording.
const fn cost(mark: Mark) -> i32 {
    match mark {
        Mark::Edit => 8,
        Mark::Acoustic | Mark::Demo => 25,
        Mark::Live
        | Mark::Cover
        | Mark::Remix
        | Mark::Karaoke
        | Mark::Instrumental
        | Mark::Fast
        | Mark::Slow
        | Mark::Effect
        | Mark::About => 40,
    }
}

/// Longer words say more.
fn weight(word: &str) -> i32 {
    let len = word.chars().count().min(12);
    i32::try_from(len).unwrap_or(12) + 1
}

fn is_remaster(words: &[String]) -> bool {
    words.iter().any(|word| word.starts_with("remaster"))
}

/// The words of a line of artists, then those of each, where several are named. Empty when nobody is.
fn artists(line: &str) -> Vec<Vec<String>> {
    let mut all = vec![words(line)];
    let lower = line.to_lowercase();
    let unknown = ["unknown", "unknown artist", "various artists", ""];
    if unknown.contains(&lower.trim()) {
        return Vec::new();
    }
    let marks = [",", ";", "&", " x ", " feat. ", " ft. ", " and ", " / "];
    let mut names = vec![lower.as_str()];
    for mark in marks {
        names = names.into_iter().flat_map(|it| it.split(mark)).collect();
    }
    if names.len() > 1 {
        all.extend(names.into_iter().take(MOST_ARTISTS).map(words));
    }
    all.retain(|artist| !artist.is_empty());
    all
}

fn plain_isrc(isrc: &str) -> String {
    let letters = isrc.chars().filter(char::is_ascii_alphanumeric);
    letters.collect::<String>().to_ascii_uppercase()
}

fn known(length: i64) -> Option<i64> {
    (1..LONGEST).contains(&length).then_some(length)
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
