//! Owns: which segment comes next, and when the playlist of a live stream is loaded again (RFC 8216, sections 6.3.3 and
//! 6.3.4). Pure decisions.
//! Never knows: connections, clocks.

use super::playlist::Media;
use crate::media::backoff;
use std::time::{Duration, Instant};

/// A live stream begins so many target durations before its end.
const EDGE: u32 = 3;
/// Loads without anything new, half a target duration apart, before they become rarer.
const STEADY_RELOADS: u32 = 6;
/// The shortest that a target duration is made by the segments of a list: it is told in whole seconds.
const MIN_TARGET: Duration = Duration::from_secs(1);
/// The longest between two loads; silence is looked at as often.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Segments in a row that may be missing of a stream that has an end.
const MAX_LOST: u32 = 3;

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Fetch the segment of this number.
    Fetch(u64),
    /// Load the playlist again, not before this.
    Reload(Instant),
    /// All segments have been fetched, and there will be no more.
    End,
    /// Nothing has come for so long that nothing is expected any more.
    GiveUp,
}

/// The way through the segments.
#[derive(Debug)]
pub struct Course {
    media: Media,
    /// A live stream that brings nothing for so long is given up.
    give_up_after: Duration,
    /// Number of the next segment.
    next: u64,
    reload_at: Instant,
    /// Loads in a row without a new segment, and of them those that failed.
    idle: u32,
    failed: u32,
    /// Segments in a row that could not be fetched.
    lost: u32,
    /// Since when nothing has come although it was asked for. A listener who pauses asks for nothing.
    silent_since: Option<Instant>,
}

impl Course {
    /// Starts at the beginning, or near the end of what has no end yet; that is given up after `give_up_after` without
    /// anything new.
    #[must_use]
    pub fn new(media: Media, give_up_after: Duration, now: Instant) -> Self {
        let next = if media.is_ended {
            media.first
        } else {
            edge(&media)
        };
        Self {
            reload_at: now + period(&media),
            media,
            give_up_after,
            next,
            idle: 0,
            failed: 0,
            lost: 0,
            silent_since: None,
        }
    }

    /// The playlist as it was loaded last.
    #[must_use]
    pub const fn media(&self) -> &Media {
        &self.media
    }

    /// What is to be done. Passes over segments that are not there.
    pub fn step(&mut self, now: Instant) -> Step {
        while let Some(segment) = self.media.segment(self.next) {
            if !segment.is_gap {
                return Step::Fetch(self.next);
            }
            self.next += 1;
        }
        if self.media.is_ended {
            return Step::End;
        }
        let is_silent_for = |since| now.saturating_duration_since(since);
        if self.silent_since.map(is_silent_for) >= Some(self.give_up_after) {
            return Step::GiveUp;
        }
        Step::Reload(self.reload_at)
    }

    /// Bytes of the segment have come.
    pub const fn heard(&mut self) {
        self.silent_since = None;
        self.lost = 0;
    }

    /// The segment is done with.
    pub const fn pass(&mut self) {
        self.next += 1;
    }

    /// The segment could not be fetched, and is passed over. False when that are too many.
    pub fn lose(&mut self, now: Instant) -> bool {
        self.silent_since.get_or_insert(now);
        self.next += 1;
        self.lost += 1;
        !self.media.is_ended || self.lost < MAX_LOST
    }

    /// Goes to the segment of this number.
    pub const fn jump(&mut self, number: u64) {
        self.next = number;
        self.lost = 0;
    }

    /// Number of the next segment.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Goes on with the segment of this number, of a stream that was left. A live one that has no such number any more
    /// begins as usual.
    pub const fn resume(&mut self, number: u64) {
        if self.media.is_ended || self.media.first <= number && number <= self.media.end() {
            self.jump(number);
        }
    }

    /// The playlist has been loaded again: `began` is when that began. Goes to where the stream is now when it has gone on
    /// without us; true then.
    pub fn reloaded(&mut self, media: Media, began: Instant) -> bool {
        self.failed = 0;
        let is_new = media.end() > self.media.end() || media.is_ended;
        // an older copy from some cache would overlap with what was there
        let has_restarted = media.end() <= self.media.first && !media.segments.is_empty();
        if !is_new && !has_restarted {
            self.idle += 1;
            self.silent_since.get_or_insert(began);
            let doublings = self.idle.saturating_sub(STEADY_RELOADS).min(8);
            let pause = (period(&media) / 2).saturating_mul(1 << doublings);
            self.reload_at = began + pause.min(MAX_PAUSE);
            return false;
        }
        self.idle = 0;
        self.reload_at = began + period(&media);
        let is_behind = self.next < media.first;
        self.media = media;
        if is_behind || has_restarted {
            self.next = edge(&self.media);
        }
        is_behind || has_restarted
    }

    /// The playlist could not be loaded: it is tried again after a pause; for `chance` see [`backoff::delay`].
    pub fn missed(&mut self, now: Instant, chance: u64) {
        self.silent_since.get_or_insert(now);
        self.reload_at = now + backoff::delay(self.failed, MAX_PAUSE, chance);
        self.failed += 1;
    }
}

/// The time after which a live list has changed: its target duration (section 6.3.4), unless its segments are shorter; then
/// that of the longest of them, because some lists promise any number.
fn period(media: &Media) -> Duration {
    let longest = media.segments.iter().map(|segment| segment.duration).max();
    let shown = longest.map_or(media.target, |longest| longest.max(MIN_TARGET));
    media.target.min(shown).min(MAX_PAUSE)
}

/// Number of the last segment that begins at least three target durations before the end.
fn edge(media: &Media) -> u64 {
    let mut left = media.target * EDGE;
    for (index, segment) in media.segments.iter().enumerate().rev() {
        left = left.saturating_sub(segment.duration);
        if left.is_zero() {
            return media.first + index as u64;
        }
    }
    media.first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::hls::playlist::{Playlist, parse};

    const PATIENCE: Duration = Duration::from_secs(5 * 60);

    fn begun(media: Media, now: Instant) -> Course {
        Course::new(media, PATIENCE, now)
    }

    /// A list of so many segments of 2 s, from this number on.
    fn live(first: u64, count: usize) -> Media {
        let head = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        match parse(&(head + &"#EXTINF:2,\nx\n".repeat(count))) {
            Ok(Playlist::Media(media)) => media,
            other => panic!("{other:?}"),
        }
    }

    fn ended(first: u64, count: usize) -> Media {
        Media {
            is_ended: true,
            ..live(first, count)
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test's clock may begin anywhere"
    )]
    fn clock() -> Instant {
        Instant::now()
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// All segments that can be fetched now.
    fn run(course: &mut Course, now: Instant) -> (Vec<u64>, Step) {
        let mut fetched = Vec::new();
        loop {
            match course.step(now) {
                Step::Fetch(number) => {
                    fetched.push(number);
                    course.heard();
                    course.pass();
                }
                other => return (fetched, other),
            }
        }
    }

    #[test]
    fn what_has_an_end_is_fetched_from_the_first_to_the_last() {
        let now = clock();
        let mut course = begun(ended(5, 3), now);
        assert_eq!(run(&mut course, now), (vec![5, 6, 7], Step::End));
        course.jump(6);
        assert_eq!(run(&mut course, now), (vec![6, 7], Step::End));
        course.jump(100);
        assert_eq!(run(&mut course, now), (vec![], Step::End));
    }

    #[test]
    fn gaps_are_passed_over() {
        let now = clock();
        let mut media = ended(0, 3);
        media.segments[1].is_gap = true;
        assert_eq!(
            media.outline().map(|outline| outline.length),
            Some(4_000_000)
        );
        let mut course = begun(media, now);
        assert_eq!(run(&mut course, now), (vec![0, 2], Step::End));
    }

    #[test]
    fn a_live_stream_begins_three_target_durations_before_its_end() {
        let now = clock();
        let mut course = begun(live(100, 10), now);
        let reload = Step::Reload(now + seconds(2.0));
        assert_eq!(run(&mut course, now), (vec![107, 108, 109], reload));
        // shorter than that: its first
        let mut course = begun(live(100, 2), now);
        assert_eq!(run(&mut course, now), (vec![100, 101], reload));
    }

    #[test]
    fn the_list_is_loaded_after_a_target_duration_and_sooner_when_it_has_not_changed() {
        let start = clock();
        let mut course = begun(live(0, 3), start);
        run(&mut course, start);
        let later = start + seconds(2.0);
        assert!(!course.reloaded(live(0, 3), later));
        let half = Step::Reload(later + seconds(1.0));
        assert_eq!(run(&mut course, later), (vec![], half));
        let later = later + seconds(1.0);
        assert!(!course.reloaded(live(1, 3), later));
        let whole = Step::Reload(later + seconds(2.0));
        assert_eq!(run(&mut course, later), (vec![3], whole));
    }

    #[test]
    fn a_target_duration_much_longer_than_the_segments_delays_nothing() {
        let start = clock();
        let boast = |first| Media {
            target: seconds(6000.0),
            ..live(first, 3)
        };
        // by its segments of 2 s
        let mut course = begun(boast(0), start);
        let first = Step::Reload(start + seconds(2.0));
        assert_eq!(run(&mut course, start).1, first);
        let later = start + seconds(2.0);
        assert!(!course.reloaded(boast(0), later));
        assert_eq!(course.step(later), Step::Reload(later + seconds(1.0)));
        assert!(!course.reloaded(boast(1), later));
        let next = Step::Reload(later + seconds(2.0));
        assert_eq!(run(&mut course, later), (vec![3], next));
        // without any, and with segments as long, silence is still looked at
        let mut long = boast(4);
        for segment in &mut long.segments {
            segment.duration = seconds(6000.0);
        }
        let none = Media {
            segments: Vec::new(),
            ..boast(0)
        };
        for media in [none, long] {
            let mut course = begun(media, start);
            let at = Step::Reload(start + MAX_PAUSE);
            assert_eq!(run(&mut course, start).1, at);
        }
        // segments of no length are not asked for all the time
        let mut short = boast(0);
        for segment in &mut short.segments {
            segment.duration = Duration::ZERO;
        }
        let mut course = begun(short, start);
        let at = Step::Reload(start + seconds(1.0));
        assert_eq!(run(&mut course, start).1, at);
    }

    #[test]
    fn a_list_that_stands_still_is_asked_less_and_less_and_then_given_up() {
        let start = clock();
        let mut course = begun(live(0, 3), start);
        run(&mut course, start);
        let (mut now, mut loads) = (start, 0);
        while let Step::Reload(at) = course.step(now) {
            now = at;
            assert!(!course.reloaded(live(0, 3), now));
            loads += 1;
        }
        assert_eq!(course.step(now), Step::GiveUp);
        // the first load came after the last segment
        let waited = now - start - seconds(2.0);
        assert!(
            (PATIENCE..PATIENCE + MAX_PAUSE).contains(&waited),
            "{waited:?}"
        );
        assert!((15..30).contains(&loads), "{loads}");
    }

    #[test]
    fn a_pause_of_the_listener_is_no_silence() {
        let start = clock();
        let mut course = begun(live(0, 3), start);
        course.heard();
        course.pass();
        // two segments later, a night has passed
        let now = start + seconds(30_000.0);
        assert_eq!(course.step(now), Step::Fetch(1));
        assert!(course.lose(now) && course.lose(now));
        assert!(matches!(course.step(now), Step::Reload(at) if at <= now));
        assert!(course.reloaded(live(15_000, 3), now));
        assert_eq!(run(&mut course, now).0, [15_000, 15_001, 15_002]);
    }

    #[test]
    fn failures_are_answered_with_growing_pauses_until_one_succeeds() {
        let now = clock();
        let mut course = begun(live(0, 3), now);
        run(&mut course, now);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            course.missed(now, 0);
            let Step::Reload(at) = course.step(now) else {
                panic!("given up");
            };
            pauses.push((at - now).as_millis());
        }
        assert_eq!(pauses[..4], [100, 200, 400, 800]);
        assert_eq!(pauses[11], MAX_PAUSE.as_millis());
        course.missed(now, u64::MAX);
        assert!(matches!(course.step(now), Step::Reload(at) if at <= now + MAX_PAUSE * 3 / 2));
        course.reloaded(live(1, 3), now);
        course.missed(now, 0);
        assert_eq!(run(&mut course, now).0, [3]);
        let first = Step::Reload(now + backoff::FIRST_DELAY);
        assert_eq!(course.step(now), first);
    }

    #[test]
    fn who_is_left_behind_goes_on_where_the_stream_is() {
        let now = clock();
        let mut course = begun(live(0, 3), now);
        run(&mut course, now);
        assert!(course.reloaded(live(50, 10), now));
        assert_eq!(run(&mut course, now).0, [57, 58, 59]);
        // an older copy of the list, from a cache
        assert!(!course.reloaded(live(48, 10), now));
        assert!(run(&mut course, now).0.is_empty());
        // the numbers begin anew
        assert!(course.reloaded(live(0, 4), now));
        assert_eq!(run(&mut course, now).0, [1, 2, 3]);
    }

    #[test]
    fn what_gets_an_end_is_played_to_it() {
        let now = clock();
        let mut course = begun(live(0, 3), now);
        run(&mut course, now);
        assert!(!course.reloaded(ended(0, 5), now));
        assert_eq!(run(&mut course, now), (vec![3, 4], Step::End));
    }

    #[test]
    fn one_lost_segment_is_nothing_and_three_in_a_row_are_the_end() {
        let now = clock();
        let mut course = begun(ended(0, 9), now);
        assert!(course.lose(now) && course.lose(now));
        course.heard();
        course.pass();
        assert!(course.lose(now) && course.lose(now) && !course.lose(now));
        // a live stream goes on
        let mut course = begun(live(0, 9), now);
        assert!((0..6).all(|_| course.lose(now)));
    }
}
