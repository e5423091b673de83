//! Owns: what happens at places in the current track: lines of lyrics and chapters are told, segments are skipped.
//! Never knows: where lyrics and marks come from, and who wants to hear of them.
//!
//! As the plugins of Lavalink do it, but for what is accident there: a segment is skipped once at most and only from within (the
//! plugin leads a client that has sought past one back to its end, and so does it with one that is known late); after a seek
//! backwards the line that is sung there is told again, and the next ones (the plugin is silent up to where it was).

use super::{Effect, Machine, Moment, Note};
use crate::{
    track::{
        lyrics::Lyrics,
        marks::{Chapter, Marks, Segment},
    },
    units::{FRAME_DURATION, Instant, Millis, SAMPLE_RATE, Samples},
};
use alloc::{string::String, sync::Arc, vec::Vec};
use core::time::Duration;

/// How often the wait for the next look doubles when the place is near but the position stands, because no frames are taken
/// or there are none: up to 320 ms.
const MAX_DOUBLINGS: u32 = 4;

/// What a client wants to hear of beside the sound, of this track and the next ones.
#[derive(Default)]
pub(super) struct Wishes {
    /// Lines of lyrics; whether they are not to come from the track's own source.
    lyrics: Option<bool>,
    /// Kinds of segments to skip; none: nothing is looked up.
    categories: Vec<String>,
}

/// How the position came to be where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By playing.
    Played,
    /// By a seek, or it was there before anything was known.
    Jumped,
}

/// What is known of places in a track, and how much of it has been told.
#[derive(Default)]
pub(super) struct Places {
    lyrics: Option<Arc<Lyrics>>,
    /// Lines that have been told.
    lines_told: usize,
    /// Segments, and whether each has been skipped.
    segments: Vec<(Segment, bool)>,
    chapters: Vec<Chapter>,
    /// The chapter that was told last.
    chapter: Option<usize>,
    /// Where the last look found the track.
    seen: Option<Samples>,
    /// Looks in a row that found it in the same place.
    stood: u32,
    /// When the next look is due.
    pub(super) due: Option<Instant>,
}

impl Places {
    /// Notes what the track has come past. A segment that it stands in comes back, and counts as skipped, if it `may_skip`.
    fn pass(&mut self, at: Millis, way: Way, may_skip: bool) -> (Vec<Note>, Option<Segment>) {
        let mut notes = Vec::new();
        self.pass_lines(at, way, &mut notes);
        let begun = self.chapters.partition_point(|it| it.start <= at);
        let chapter = begun.checked_sub(1);
        if chapter != self.chapter {
            self.chapter = chapter;
            notes.extend(chapter.map(|it| Note::ChapterStarted(self.chapters[it].clone())));
        }
        let mut around = self.segments.iter_mut();
        let around = around.find(|(it, is_skipped)| !is_skipped && it.start <= at && at < it.end);
        let skip = around.filter(|_| may_skip).map(|(segment, is_skipped)| {
            *is_skipped = true;
            segment.clone()
        });
        (notes, skip)
    }

    fn pass_lines(&mut self, at: Millis, way: Way, notes: &mut Vec<Note>) {
        let Some(lyrics) = &self.lyrics else { return };
        let begun = lyrics.lines.partition_point(|line| line.at <= at);
        // back: the one that is sung there
        let from = match begun < self.lines_told {
            true => begun.saturating_sub(1),
            false => self.lines_told,
        };
        notes.extend((from..begun).map(|index| Note::LyricsLine {
            index,
            line: lyrics.lines[index].clone(),
            is_skipped: way == Way::Jumped,
        }));
        self.lines_told = begun;
    }

    /// The position has stood because of a pause, which says nothing of what comes.
    pub(super) const fn moves_again(&mut self) {
        self.seen = None;
    }

    /// The next place at which something happens.
    fn next(&self, at: Millis, may_skip: bool) -> Option<Millis> {
        let lines = self.lyrics.as_ref().map_or(&[][..], |it| &it.lines);
        let line = lines.get(self.lines_told).map(|line| line.at);
        let chapter = self
            .chapters
            .iter()
            .map(|it| it.start)
            .find(|start| *start > at);
        let ahead = |(it, is_skipped): &&(Segment, bool)| may_skip && !is_skipped && it.start > at;
        let segment = self.segments.iter().find(ahead).map(|(it, _)| it.start);
        [line, chapter, segment].into_iter().flatten().min()
    }
}

impl Machine {
    /// Lines of lyrics are to be told from now on, of this track and the next ones, or not any more (`None`).
    pub fn want_lyrics(&mut self, skip_track_source: Option<bool>) {
        self.wishes.lyrics = skip_track_source;
        match (skip_track_source, &mut self.playing) {
            (Some(_), _) => self.look_lyrics_up(),
            (None, Some(playing)) => playing.places.lyrics = None,
            (None, None) => {}
        }
    }

    /// Segments of these kinds are to be skipped from now on, in this track and the next ones.
    pub fn want_segments(&mut self, categories: Vec<String>) {
        self.wishes.categories = categories;
        if let Some(playing) = &mut self.playing {
            playing.places.segments.clear();
            playing.places.chapters.clear();
            playing.places.chapter = None;
        }
        self.look_marks_up();
    }

    /// The kinds of segments that are skipped.
    #[must_use]
    pub fn categories(&self) -> &[String] {
        &self.wishes.categories
    }

    /// A track has started: looks up what the client wants to know of it.
    pub(super) fn look_all_up(&mut self) {
        self.look_lyrics_up();
        self.look_marks_up();
    }

    fn look_lyrics_up(&mut self) {
        if let (Some(skip_track_source), Some(playing)) = (self.wishes.lyrics, &self.playing) {
            let effect = Effect::FindLyrics {
                generation: playing.generation,
                track: playing.track.clone(),
                skip_track_source,
            };
            self.do_next(effect);
        }
    }

    fn look_marks_up(&mut self) {
        if let (false, Some(playing)) = (self.wishes.categories.is_empty(), &self.playing) {
            let effect = Effect::FindMarks {
                generation: playing.generation,
                track: playing.track.clone(),
                categories: self.wishes.categories.clone(),
            };
            self.do_next(effect);
        }
    }

    /// A look-up for [`want_lyrics`](Self::want_lyrics) is over. Words without times are of no use here. Ignored unless it is
    /// about the current playback.
    pub fn found_lyrics(&mut self, now: Moment, generation: u64, lyrics: Option<Arc<Lyrics>>) {
        let is_wanted = self.wishes.lyrics.is_some();
        if !is_wanted || !self.is_current(generation) {
            return;
        }
        let Some(lyrics) = lyrics.filter(|lyrics| !lyrics.lines.is_empty()) else {
            self.tell(Note::LyricsNotFound);
            return;
        };
        self.tell(Note::LyricsFound(lyrics.clone()));
        self.pass_places(now, Way::Played);
        if let Some(playing) = &mut self.playing {
            playing.places.lyrics = Some(lyrics);
            playing.places.lines_told = 0;
        }
        self.pass_places(now, Way::Jumped);
    }

    /// A look-up for [`want_segments`](Self::want_segments) of `categories` is over. Ignored unless it is about the current
    /// playback and what is wanted now.
    pub fn found_marks(
        &mut self,
        now: Moment,
        generation: u64,
        categories: &[String],
        marks: Marks,
    ) {
        if self.wishes.categories != categories || !self.is_current(generation) {
            return;
        }
        if !marks.segments.is_empty() {
            self.tell(Note::SegmentsLoaded(marks.segments.clone()));
        }
        if !marks.chapters.is_empty() {
            self.tell(Note::ChaptersLoaded(marks.chapters.clone()));
        }
        self.pass_places(now, Way::Played);
        if let Some(playing) = &mut self.playing {
            let fresh = |segment| (segment, false);
            playing.places.segments = marks.segments.into_iter().map(fresh).collect();
            playing.places.chapters = marks.chapters;
            playing.places.chapter = None;
        }
        self.pass_places(now, Way::Jumped);
    }

    fn is_current(&self, generation: u64) -> bool {
        self.playing
            .as_ref()
            .is_some_and(|it| it.generation == generation)
    }

    /// Tells what the track has come past, and skips what is to be skipped. Returns the position from then on.
    pub(super) fn pass_places(&mut self, now: Moment, way: Way) -> Samples {
        let (mut now, mut way) = (now, way);
        // each round skips another segment
        while let Some(playing) = &mut self.playing {
            let at = now.position.to_millis();
            let (notes, skip) = playing.places.pass(at, way, playing.is_seekable);
            for note in notes {
                self.tell(note);
            }
            let Some(segment) = skip else { break };
            let end = segment.end;
            self.tell(Note::SegmentSkipped(segment));
            now.position = self.jump(now, end);
            way = Way::Jumped;
        }
        self.plan_look(now);
        now.position
    }

    /// Says when the next place is reached, or nearly.
    pub(super) fn plan_look(&mut self, now: Moment) {
        // what a time-scale does to positions is a setting that is not known here (`audio.timescalePosition`): the faster of both
        let pace = self.filters.pace().max(1.0);
        let Some(playing) = &mut self.playing else {
            return;
        };
        let places = &mut playing.places;
        let next = places.next(now.position.to_millis(), playing.is_seekable);
        places.stood = match places.seen.replace(now.position) == Some(now.position) {
            true => (places.stood + 1).min(MAX_DOUBLINGS),
            false => 0,
        };
        let least = FRAME_DURATION * (1 << places.stood);
        places.due = next.and_then(|next| {
            let samples = next.to_samples().0.saturating_sub(now.position.0);
            let way = Duration::from_secs_f64(samples as f64 / f64::from(SAMPLE_RATE) / pace);
            now.at.checked_add(way.max(least))
        });
    }
}
