//! Owns: what places in a track lead to: lines, chapters and segments, while it plays, is sought in, stands or runs faster.
//! Never knows: where they come from.

use super::*;
use crate::{
    dsp::TimescaleSpec,
    track::{
        lyrics::{Line, Lyrics},
        marks::{Chapter, Marks, Segment},
    },
};

fn lyrics(lines: &[i64]) -> Option<Arc<Lyrics>> {
    let line = |at: &i64| Line {
        at: Millis(*at),
        duration: None,
        text: format!("at {at}"),
    };
    Some(Arc::new(Lyrics {
        source: "test".into(),
        provider: "test".into(),
        text: None,
        lines: lines.iter().map(line).collect(),
    }))
}

fn marks(segments: &[(i64, i64)], chapters: &[(i64, i64)]) -> Marks {
    let segment = |(start, end): &(i64, i64)| Segment {
        category: "sponsor".into(),
        start: Millis(*start),
        end: Millis(*end),
    };
    let chapter = |(start, end): &(i64, i64)| Chapter {
        name: format!("from {start}"),
        start: Millis(*start),
        end: Millis(*end),
    };
    Marks {
        segments: segments.iter().map(segment).collect(),
        chapters: chapters.iter().map(chapter).collect(),
    }
}

fn sponsor() -> Vec<String> {
    vec!["sponsor".into()]
}

/// A playing track whose words are known.
fn singing(lines: &[i64]) -> Bench {
    let mut b = Bench::playing("a");
    b.machine.want_lyrics(Some(false));
    assert_eq!(b.seen(), ["[find lyrics false]"]);
    let generation = b.generation();
    b.machine.found_lyrics(b.now, generation, lyrics(lines));
    b
}

/// A playing track with marks.
fn marked(segments: &[(i64, i64)], chapters: &[(i64, i64)]) -> Bench {
    let mut b = Bench::playing("a");
    b.machine.want_segments(sponsor());
    assert_eq!(b.seen(), [r#"[find marks ["sponsor"]]"#]);
    find_marks(&mut b, segments, chapters);
    b
}

fn find_marks(b: &mut Bench, segments: &[(i64, i64)], chapters: &[(i64, i64)]) {
    let generation = b.generation();
    let found = marks(segments, chapters);
    b.machine.found_marks(b.now, generation, &sponsor(), found);
}

impl Bench {
    /// Plays for so long, with a tick whenever one is due; what is told, with the time since the start, but no updates.
    fn listen(&mut self, ms: u64) -> Vec<String> {
        self.listen_at(ms, 1)
    }

    /// The same with a track that runs `pace` times as fast.
    fn listen_at(&mut self, ms: u64, pace: u64) -> Vec<String> {
        let mut told = Vec::new();
        let end = self.now.at + Duration::from_millis(ms);
        // a frame at a time, as they are taken
        while self.now.at < end {
            self.hear(20);
            self.now.position.0 += 20 * 48 * (pace - 1);
            if self
                .machine
                .deadline()
                .is_some_and(|due| due <= self.now.at)
            {
                self.machine.tick(self.now);
                for seen in self.seen() {
                    if let Some(to) = seen.strip_prefix("[seek ") {
                        let to = to.trim_end_matches(']').parse().expect("samples");
                        self.now.position = Samples(to);
                    }
                    let at = (self.now.at - self.start).as_millis();
                    if !seen.starts_with("update") {
                        told.push(format!("{at}: {seen}"));
                    }
                }
            }
        }
        told
    }
}

#[test]
fn lines_come_at_their_time() {
    let mut b = singing(&[100, 1000, 1000, 2010]);
    assert_eq!(b.seen(), ["lyrics found"]);
    assert_eq!(
        b.listen(1990),
        ["100: line 0", "1000: line 1", "1000: line 2"]
    );
    // a frame lasts 20 ms
    assert_eq!(b.listen(100), ["2020: line 3"]);
    assert_eq!(b.listen(5000), [""; 0]);
}

#[test]
fn lines_before_the_position_are_skipped_when_the_words_come_late() {
    let mut b = Bench::playing("a");
    b.machine.want_lyrics(Some(true));
    assert_eq!(b.seen(), ["[find lyrics true]"]);
    b.hear(1500);
    let generation = b.generation();
    b.machine
        .found_lyrics(b.now, generation, lyrics(&[0, 1000, 2000]));
    assert_eq!(
        b.seen(),
        ["lyrics found", "line 0 skipped", "line 1 skipped"]
    );
    assert_eq!(b.listen(600), ["2000: line 2"]);
}

#[test]
fn a_seek_skips_lines_and_one_backwards_tells_the_line_there_again() {
    let mut b = singing(&[1000, 2000, 3000, 9000]);
    b.seen();
    b.seek(5000);
    assert_eq!(
        b.told(),
        [
            "update 5000",
            "line 0 skipped",
            "line 1 skipped",
            "line 2 skipped"
        ]
    );
    b.seek(2500);
    assert_eq!(b.told(), ["update 2500", "line 1 skipped"]);
    assert_eq!(b.listen(1000), ["500: line 2"]);
    b.seek(500);
    assert_eq!(b.told(), ["update 500"]);
    assert_eq!(b.listen(600), ["1500: line 0"]);
}

#[test]
fn a_pause_holds_lines_back() {
    let mut b = singing(&[1000]);
    b.listen(900);
    b.machine.set_paused(true);
    b.seen();
    assert_eq!(b.run_until(4), [""; 0]);
    b.machine.set_paused(false);
    b.seen();
    assert_eq!(b.listen(200), ["4100: line 0"]);
}

#[test]
fn a_track_that_stands_is_looked_at_seldom() {
    let mut b = singing(&[1000]);
    b.seen();
    b.hear(990);
    b.machine.tick(b.now);
    let mut looks = 0;
    let end = b.now.at + Duration::from_secs(2);
    while let Some(due) = b.machine.deadline().filter(|due| *due <= end) {
        b.now.at = due;
        b.machine.tick(b.now);
        looks += 1;
    }
    assert!((4..=12).contains(&looks), "{looks}");
}

#[test]
fn lines_keep_their_places_under_a_time_scale() {
    let mut b = singing(&[4000, 6000]);
    b.listen(1000);
    let twice = FilterSpec {
        timescale: Some(TimescaleSpec {
            speed: 2.0,
            ..TimescaleSpec::default()
        }),
        ..FilterSpec::default()
    };
    b.change(Change {
        filters: Some(twice),
        ..Change::default()
    });
    b.seen();
    // 3 s of the track take 1.5 s
    assert_eq!(b.listen_at(3000, 2), ["2500: line 0", "3500: line 1"]);
    // positions that count what is heard run as always (`audio.timescalePosition: output`)
    b.seek(3500);
    b.seen();
    assert_eq!(b.listen_at(600, 1), ["4500: line 0"]);
}

#[test]
fn without_times_there_is_nothing_to_tell() {
    let b = &mut singing(&[]);
    assert_eq!(b.seen(), ["no lyrics"]);
    let generation = b.generation();
    b.machine.found_lyrics(b.now, generation, None);
    assert_eq!(b.seen(), ["no lyrics"]);
}

#[test]
fn the_next_track_is_looked_up_and_answers_for_the_old_one_count_no_more() {
    let mut b = singing(&[1000]);
    let old = b.generation();
    b.machine.want_segments(sponsor());
    b.seen();
    b.play("b");
    let seen = b.seen();
    assert_eq!(
        seen[seen.len() - 2..],
        ["[find lyrics false]", r#"[find marks ["sponsor"]]"#]
    );
    b.machine.found_lyrics(b.now, old, lyrics(&[0]));
    b.machine
        .found_marks(b.now, old, &sponsor(), marks(&[(0, 9)], &[]));
    assert_eq!(b.seen(), [""; 0]);
    assert_eq!(b.listen(2000), [""; 0]);
}

#[test]
fn who_wants_nothing_more_hears_nothing_more() {
    let mut b = singing(&[1000]);
    b.machine.want_lyrics(None);
    b.seen();
    assert_eq!(b.listen(2000), [""; 0]);
    let generation = b.generation();
    b.machine.found_lyrics(b.now, generation, lyrics(&[0]));
    let mut b = marked(&[(1000, 2000)], &[(0, 500), (500, 900)]);
    b.machine.want_segments(Vec::new());
    b.seen();
    assert_eq!(b.listen(3000), [""; 0]);
    find_marks(&mut b, &[(0, 90_000)], &[]);
    assert_eq!(b.seen(), [""; 0]);
    b.play("b");
    assert!(b.seen().iter().all(|seen| !seen.starts_with("[find")));
}

#[test]
fn a_segment_is_skipped_when_it_begins() {
    let mut b = marked(&[(1000, 5000), (6000, 7000)], &[]);
    assert_eq!(b.seen(), ["segments 1000-5000 6000-7000"]);
    assert_eq!(
        b.listen(3000),
        [
            "1000: skipped 1000-5000",
            "1000: [seek 240000]",
            "2000: skipped 6000-7000",
            "2000: [seek 336000]",
        ]
    );
}

#[test]
fn one_that_has_begun_already_is_left_and_one_that_is_over_is_passed() {
    let mut b = Bench::playing("a");
    b.machine.want_segments(sponsor());
    b.seen();
    b.hear(3000);
    find_marks(&mut b, &[(0, 2000), (2500, 4000), (3900, 5000)], &[]);
    assert_eq!(
        b.seen(),
        [
            "segments 0-2000 2500-4000 3900-5000",
            "skipped 2500-4000",
            "[seek 192000]",
            "update 4000",
            // it begins within the one before
            "skipped 3900-5000",
            "[seek 240000]",
            "update 5000",
        ]
    );
}

#[test]
fn who_seeks_back_into_a_skipped_segment_hears_it() {
    let mut b = marked(&[(1000, 5000)], &[]);
    b.listen(1200);
    b.seek(2000);
    assert_eq!(b.told(), ["update 2000"]);
    assert_eq!(b.listen(1000), [""; 0]);
}

#[test]
fn a_seek_into_a_segment_leads_to_its_end_and_one_beyond_it_is_let_be() {
    let mut b = marked(&[(1000, 5000)], &[]);
    b.seen();
    b.seek(6000);
    assert_eq!(b.told(), ["update 6000"]);
    b.seek(2000);
    assert_eq!(
        b.told(),
        ["update 2000", "skipped 1000-5000", "update 5000"]
    );
}

#[test]
fn a_segment_that_reaches_beyond_the_end_time_ends_the_track() {
    let mut b = bench();
    b.machine.want_segments(sponsor());
    b.play_with("a", None, Some(4000));
    b.seen();
    find_marks(&mut b, &[(1000, 5000)], &[]);
    b.hear(1000);
    b.machine.tick(b.now);
    assert_eq!(
        b.told(),
        [
            "segments 1000-5000",
            "skipped 1000-5000",
            "update 5000",
            "end a Finished 1000"
        ]
    );
    assert!(!b.machine.has_track() && b.machine.deadline().is_none());
}

#[test]
fn what_cannot_be_sought_in_is_not_skipped_in() {
    let mut b = marked(&[(1000, 5000)], &[]);
    b.sound(Event::Opened {
        length: None,
        is_seekable: false,
    });
    b.seen();
    assert_eq!(b.listen(2000), [""; 0]);
}

#[test]
fn chapters_are_told_as_they_begin() {
    let mut b = marked(&[], &[(0, 1000), (1000, 2000), (2000, 3000)]);
    assert_eq!(b.seen(), ["chapters 3", "chapter from 0"]);
    assert_eq!(b.listen(1100), ["1000: chapter from 1000"]);
    b.seek(500);
    assert_eq!(b.told(), ["update 500", "chapter from 0"]);
    b.seek(2500);
    assert_eq!(b.told(), ["update 2500", "chapter from 2000"]);
}

#[test]
fn other_categories_are_looked_up_anew_and_the_old_answer_counts_no_more() {
    let mut b = Bench::playing("a");
    b.machine.want_segments(sponsor());
    b.machine.want_segments(vec!["intro".into()]);
    assert_eq!(
        b.seen(),
        [r#"[find marks ["sponsor"]]"#, r#"[find marks ["intro"]]"#]
    );
    find_marks(&mut b, &[(0, 1000)], &[]);
    assert_eq!(b.seen(), [""; 0]);
}
