//! Owns: what a wish changes in a run that is under way: seeks, frames made again, and the ways between packets that are
//! passed on and encoded frames.
//! Never knows: how a single frame is made.

use super::{FRAMES_PER_STATE, Pipeline, Stage, Turn, WARM_FRAMES};
use crate::{
    frame::FrameFormat,
    media::window::Stop,
    pcm::PcmBlock,
    playback::{Tape, Wishes, render, report::Mode},
    units::{FRAME_SAMPLES, Samples},
};
use std::sync::PoisonError;

/// The waiting frame that a change leaves alone: the listener may be taking it.
const KEPT_FRAMES: usize = 1;

impl Pipeline {
    /// Does what was asked for since the last turn. False when the playback is to end.
    pub(super) fn obey(&mut self) -> bool {
        let wishes = {
            let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
            let tape = wishes.tape.take();
            // a reader that is to be dropped may have been already
            if wishes.is_stopped || (tape.is_none() && self.writer.is_abandoned()) {
                return false;
            }
            // before it is opened, the latest wish is where it starts
            let may_seek = self.feed.is_some() || matches!(self.stage, Stage::Failed);
            let seek = if may_seek { wishes.seek.take() } else { None };
            Wishes {
                volume: wishes.volume,
                filters: wishes.filters.clone(),
                seek,
                tape,
                is_stopped: false,
            }
        };
        let has_changed = self.render.wish(wishes.volume, &wishes.filters);
        if let Some(tape) = wishes.tape {
            self.change_tape(tape);
        }
        if let Some(target) = wishes.seek {
            self.begin_seek(target);
        } else if has_changed {
            self.make_again();
        }
        true
    }

    fn begin_seek(&mut self, target: Samples) {
        let feed = match &self.feed {
            Some(feed) if feed.info().is_seekable && !matches!(self.stage, Stage::Failed) => feed,
            _ => {
                self.writer.progress().cancel_seek(target);
                return;
            }
        };
        let mode = self.wanted_mode(feed);
        self.render.restart(target, false);
        self.render.adopt();
        self.begin_in(mode);
        self.made.clear();
        self.sought = Some(target);
        if self.settings.seek_ghosting {
            // they are followed by the frames of the new place, and not by the end
            self.writer.take_back_end();
        } else {
            self.writer.rewind(0);
        }
        self.stage = Stage::Seeking(target);
    }

    /// What comes next has nothing to do with the frames before; it is made so.
    fn begin_in(&mut self, mode: Mode) {
        self.mode = mode;
        self.steady = 0;
        self.state = None;
        self.turn = (mode == Mode::Transcode).then(|| Turn {
            left: 0,
            heard: Some(PcmBlock::default()),
        });
    }

    /// The wish changed before the first frame of a new place: nothing is to be made again, but perhaps otherwise.
    fn adopt_before_arrival(&mut self) {
        self.render.adopt();
        if self.mode == Mode::Passthrough && !self.render.is_neutral() {
            match self.stage {
                Stage::Running => self.transcode_from(self.render.position(), Mode::Passthrough),
                _ => self.begin_in(Mode::Transcode),
            }
        }
    }

    /// Volume or filters have changed: takes back what nobody has taken yet and makes it again.
    fn make_again(&mut self) {
        if self.sought.is_some() || !matches!(self.stage, Stage::Running | Stage::Drained) {
            self.adopt_before_arrival();
            return;
        }
        if self.turn.is_some() {
            return; // the latest wish is heard at its end
        }
        let waiting = self.writer.level();
        // an end marker waits like a frame
        let frames = waiting - usize::from(matches!(self.stage, Stage::Drained) && waiting > 0);
        let most = frames.saturating_sub(KEPT_FRAMES).min(self.made.len());
        // as many as can be; what they were made from may be gone
        let again = (1..=most)
            .rev()
            .find(|again| self.can_make_from(self.made.len() - again));
        if again.is_none() && most > 0 {
            self.render.adopt();
            return;
        }
        let again = again.unwrap_or(0);
        let taken_back = self.writer.rewind(frames - again);
        // the reader may have taken some meanwhile
        let gone = taken_back.saturating_sub(usize::from(matches!(self.stage, Stage::Drained)));
        let first = self.made.len() - gone.min(self.made.len());
        if taken_back > 0 {
            self.stage = Stage::Running;
        } else if matches!(self.stage, Stage::Drained) {
            return;
        }
        self.make_from(first);
    }

    /// Frames go elsewhere from now on, and may be others: what nobody has taken on the old tape is made again for the new one.
    fn change_tape(&mut self, tape: Tape) {
        self.format = tape.format;
        let mut old = std::mem::replace(&mut self.writer, tape.writer);
        // what it had in mind, nobody hears any more
        self.encoder = None;
        let taken_back = old.rewind(0);
        let gone = match self.stage {
            Stage::Opening(_) => return,
            Stage::Failed => {
                self.writer.push_end();
                return;
            }
            _ if self.sought.is_some() => {
                // the old place is over with its tape
                if self.mode == Mode::Passthrough && self.format != FrameFormat::Opus {
                    match self.stage {
                        Stage::Running => {
                            self.transcode_from(self.render.position(), Mode::Passthrough);
                        }
                        _ => self.begin_in(Mode::Transcode),
                    }
                }
                return;
            }
            Stage::Drained if taken_back == 0 => {
                self.writer.push_end();
                return;
            }
            Stage::Drained => taken_back - 1,
            _ => taken_back,
        };
        if gone == 0 && self.turn.is_some() {
            return; // what is being made again goes on from what was heard
        }
        let first = self.made.len() - gone.min(self.made.len());
        self.stage = Stage::Running;
        if gone == 0 || self.can_make_from(first) {
            self.make_from(first);
        } else if let Some(at) = self.made.get(first).map(|made| made.position)
            && self.feed.as_ref().is_some_and(|f| f.info().is_seekable)
        {
            self.progress.begin_seek(at);
            self.begin_seek(at);
        } else {
            // what was made of it is not held any more: it is skipped
            self.made.clear();
            self.begin_again_here();
        }
    }

    /// Goes on where the render is, when what was made before it counts no more.
    fn begin_again_here(&mut self) {
        match self.mode {
            Mode::Passthrough => self.transcode_from(self.render.position(), Mode::Passthrough),
            Mode::Transcode => self.begin_in(Mode::Transcode),
        }
    }

    /// Whether the frames from this one of [`made`](Self::made) on can be made again.
    fn can_make_from(&self, first: usize) -> bool {
        let Some(feed) = &self.feed else { return false };
        match self.base(first) {
            Some((_, state)) => feed.can_restart_at(state.wants_from()),
            None if self.mode_before(first) == Mode::Passthrough => {
                let warm = (WARM_FRAMES * FRAME_SAMPLES) as u64;
                let position = self.made[first].position.0;
                feed.can_restart_at(Samples(position.saturating_sub(warm)))
            }
            None => false,
        }
    }

    /// How the frame in front of this one was made.
    fn mode_before(&self, first: usize) -> Mode {
        let before = first.checked_sub(1).and_then(|i| self.made.get(i));
        before.map_or(self.mode, |made| made.mode)
    }

    /// A frame with a state from which it and those up to `first` can be made as they were: preferably one that leaves
    /// enough of them for the encoder to hear.
    fn base(&self, first: usize) -> Option<(usize, &render::State)> {
        let run = (0..self.made.len().min(first + 1))
            .rev()
            .take_while(|&i| i == first || self.made[i].mode == Mode::Transcode);
        let mut found = None;
        for at in run {
            if let Some(state) = &self.made[at].state {
                found = Some((at, &**state));
                if at + WARM_FRAMES <= first {
                    break;
                }
            }
        }
        // after packets that were passed on, the frame that follows begins a run of its own
        found.filter(|_| first == 0 || self.mode_before(first) == Mode::Transcode)
    }

    /// Makes the frames from this one of [`made`](Self::made) on, with the wish.
    fn make_from(&mut self, first: usize) {
        let gone = self.made.get(first).map(|made| made.position);
        let before = self.mode_before(first);
        let base = self.base(first).map(|(at, state)| (at, state.clone()));
        self.made.truncate(first);
        match (gone, base) {
            (Some(_), Some((at, state))) => {
                let feed = self.feed.as_mut().expect("opened before frames are made");
                feed.restart_at(state.wants_from());
                self.render.restore(state);
                self.mode = Mode::Transcode;
                self.turn = Some(Turn {
                    left: first - at,
                    heard: Some(PcmBlock::default()),
                });
                self.state = None;
                self.steady = 0;
            }
            (None, _) if self.mode == Mode::Transcode => {
                // all that was made has been taken: it goes on from here
                self.turn = Some(Turn {
                    left: 0,
                    heard: None,
                });
                self.state = None;
                self.steady = 0;
            }
            (position, _) => {
                let position = position.unwrap_or_else(|| self.render.position());
                self.transcode_from(position, before);
            }
        }
    }

    /// Keeps what the next frame is made from, if none of the last ones has it kept.
    pub(super) fn keep_state(&mut self) {
        let is_transcoded = |made: &&super::Made| made.mode == Mode::Transcode;
        let last = self.made.iter().rev().take_while(is_transcoded);
        let is_kept = last
            .take(FRAMES_PER_STATE - 1)
            .any(|made| made.state.is_some());
        if self.turn.is_none() && self.state.is_none() && !is_kept {
            self.state = Some(Box::new(self.render.state().clone()));
        }
    }

    /// The frames that were to be made once more are made: from here on the wish is heard. False when the track is over.
    pub(super) fn take_turn(&mut self) -> Result<bool, Stop> {
        let wants_jump = self.render.wants_jump();
        if wants_jump && !self.fill()? {
            return Ok(false);
        }
        let turn = self.turn.take();
        if self.format == FrameFormat::Opus
            && let Some(heard) = turn.and_then(|turn| turn.heard)
        {
            self.encoder()?
                .restart_after(&heard)
                .map_err(Stop::Failed)?;
        }
        let feed = self.feed.as_mut().expect("opened before frames are made");
        let here = self.render.position();
        if wants_jump && feed.can_restart_at(self.render.jump_wants_from(here)) {
            // where packets can be passed on again, frames must lie where theirs do
            let will_pass =
                self.format == FrameFormat::Opus && feed.may_pass() && self.render.wants_nothing();
            let grid = will_pass.then(|| feed.frame_near(here)).flatten();
            self.render.jump(grid.unwrap_or(here), grid.is_some());
            feed.restart_at(self.render.state().wants_from());
        } else {
            self.render.adopt();
        }
        Ok(true)
    }

    /// From encoded frames to packets as they are: possible where a packet begins just where the next frame would.
    pub(super) fn begin_passing(&mut self) {
        let next = self.render.position();
        let feed = self.feed.as_mut().expect("opened before frames are made");
        if feed.rewind_to_frame(next) {
            self.mode = Mode::Passthrough;
            self.state = None;
            self.steady = 0;
            self.render.clear(next);
        }
    }

    /// From packets as they are to encoded frames, at the frame that starts at `position`; `before` tells how the frames
    /// before it were made. The encoder hears those two first.
    pub(super) fn transcode_from(&mut self, position: Samples, before: Mode) {
        let feed = self.feed.as_mut().expect("opened before frames are made");
        let warm_frames = (position.0 / FRAME_SAMPLES as u64).min(WARM_FRAMES as u64) as usize;
        let start = Samples(position.0 - (warm_frames * FRAME_SAMPLES) as u64);
        let (start, warm_frames) = if feed.can_restart_at(start) {
            (start, warm_frames)
        } else {
            (position, 0)
        };
        feed.restart_at(start);
        self.render.restart(start, before == Mode::Passthrough);
        self.mode = Mode::Transcode;
        self.steady = 0;
        self.turn = Some(Turn {
            left: warm_frames,
            heard: Some(PcmBlock::default()),
        });
        self.state = None;
    }
}
