//! Owns: what a wish changes in a run that is under way: seeks, frames made again, and the ways between packets that are
//! passed on and encoded frames.
//! Never knows: how a single frame is made.

use super::{Pipeline, Stage, WARM_FRAMES};
use crate::{
    pcm::PcmBlock,
    playback::{Wishes, report::Mode},
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
            if wishes.is_stopped || self.writer.is_abandoned() {
                return false;
            }
            // before it is opened, the latest wish is where it starts
            let may_seek = self.feed.is_some() || matches!(self.stage, Stage::Failed);
            let seek = if may_seek { wishes.seek.take() } else { None };
            Wishes {
                seek,
                ..wishes.clone()
            }
        };
        let has_changed = self.render.wish(wishes.volume, &wishes.filters);
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
        self.mode = self.wanted_mode(feed);
        self.render.restart(target, false);
        self.render.adopt();
        self.steady = 0;
        self.warm = Some((0, PcmBlock::default()));
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

    /// Volume or filters have changed: takes back what nobody has taken yet and makes it again.
    fn make_again(&mut self) {
        if self.sought.is_some()
            || !matches!(self.stage, Stage::Running | Stage::Drained)
            || self.warm.is_some()
        {
            self.render.adopt();
            return;
        }
        let Some(feed) = &self.feed else { return };
        let waiting = self.writer.level();
        // an end marker waits like a frame
        let frames = waiting - usize::from(matches!(self.stage, Stage::Drained) && waiting > 0);
        let again = frames.saturating_sub(KEPT_FRAMES).min(self.made.len());
        let first = self.made.len() - again;
        let position = match self.made.get(first) {
            Some(made) => made.position,
            None if self.mode == Mode::Passthrough => self.render.position(),
            None => {
                self.render.adopt();
                return;
            }
        };
        let warm_start = Samples(
            position
                .0
                .saturating_sub((WARM_FRAMES * FRAME_SAMPLES) as u64),
        );
        if !feed.can_restart_at(warm_start) && again > 0 {
            self.render.adopt();
            return;
        }
        let taken_back = self.writer.rewind(frames - again);
        // the reader may have taken some meanwhile
        let gone = taken_back.saturating_sub(usize::from(matches!(self.stage, Stage::Drained)));
        let first = self.made.len() - gone.min(self.made.len());
        let position = self.made.get(first).map_or(position, |m| m.position);
        let before = match first.checked_sub(1).and_then(|i| self.made.get(i)) {
            Some(made) => made.mode,
            None => self.mode,
        };
        if taken_back > 0 {
            self.stage = Stage::Running;
        } else if matches!(self.stage, Stage::Drained) {
            return;
        }
        self.made.truncate(first);
        self.transcode_from(position, before);
    }

    /// From encoded frames to packets as they are: possible where a packet begins just where the next frame would.
    pub(super) fn begin_passing(&mut self) {
        let next = self.render.position();
        let feed = self.feed.as_mut().expect("opened before frames are made");
        if feed.rewind_to_packet(next) {
            self.mode = Mode::Passthrough;
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
        self.warm = Some((warm_frames, PcmBlock::default()));
    }
}
