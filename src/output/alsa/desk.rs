//! Owns: the mixing desk of one device: a seat for each player, their sound added up frame by frame, short fades.
//! Never knows: ALSA, threads, clocks.
//!
//! One player's sound passes unchanged; that of several is added, and what is then louder than full scale is clipped where the
//! samples are made for the card. Where sound is cut off (pause, stop, another track, a gap), it fades for 5 ms instead
//! of clicking. For that, one more frame is taken; after a pause it is heard again from its beginning, so nothing is lost.

use crate::{
    frame::{Cause, FrameReader, PCM_FRAME_BYTES, Taken},
    output::{OutputEvent, device::OnOutput},
    pcm::PcmBlock,
    units::FRAME_SAMPLES,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Samples of a fade: 5 ms.
const FADE: usize = 240;

/// What a seat has given so far; read by its player.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Frames of sound.
    pub sent: AtomicU64,
    /// Frames that the card lost.
    pub dropped: AtomicU64,
}

/// How a frame enters and leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fade {
    None,
    In,
    Out,
}

impl Fade {
    fn gain(self, sample: usize) -> f32 {
        let along = (sample as f32 / FADE as f32).min(1.0);
        match self {
            Self::None => 1.0,
            Self::In => along,
            Self::Out => 1.0 - along,
        }
    }
}

/// A player's place.
pub(super) struct Seat {
    reader: Option<FrameReader>,
    /// The reader before, until its sound has faded out.
    leaving: Option<FrameReader>,
    is_paused: bool,
    /// The player has gone; the seat follows when its sound has faded out.
    is_left: bool,
    /// There was sound in the last turn.
    is_heard: bool,
    /// Sound was cut off, and fades in again.
    was_cut: bool,
    /// The frame taken last.
    frame: Box<[u8; PCM_FRAME_BYTES]>,
    /// It faded out in a pause, and is heard again after it.
    is_held: bool,
    given: Arc<Given>,
    events: OnOutput,
}

impl Seat {
    pub(super) fn new(given: Arc<Given>, events: OnOutput) -> Self {
        Self {
            reader: None,
            leaving: None,
            is_paused: false,
            is_left: false,
            is_heard: false,
            was_cut: false,
            frame: Box::new([0; PCM_FRAME_BYTES]),
            is_held: false,
            given,
            events,
        }
    }

    /// Another reader, or none.
    pub(super) fn play(&mut self, reader: Option<FrameReader>) {
        let old = std::mem::replace(&mut self.reader, reader);
        if self.is_heard {
            self.leaving = old;
        }
        (self.is_held, self.was_cut) = (false, false);
    }

    pub(super) fn pause(&mut self, is_paused: bool) {
        if is_paused {
            self.rest();
        }
        self.is_paused = is_paused;
    }

    pub(super) fn tell(&mut self, event: OutputEvent) {
        (self.events)(event);
    }

    fn leave(&mut self) {
        self.play(None);
        self.is_left = true;
    }

    fn rest(&mut self) {
        if let Some(reader) = &mut self.reader {
            reader.rest();
        }
    }

    fn wants_sound(&self) -> bool {
        self.reader.is_some() && !self.is_paused
    }

    fn is_ready(&self) -> bool {
        self.is_held || self.reader.as_ref().is_some_and(FrameReader::is_ready)
    }

    /// Gives its part of a frame; whether there is any sound in it.
    fn turn(&mut self, mix: &mut PcmBlock) -> bool {
        let is_cut_off = self.leaving.is_some() || self.is_paused;
        let fades =
            std::mem::replace(&mut self.is_heard, false) && is_cut_off && self.fade_out(mix);
        self.leaving = None;
        self.is_heard = self.wants_sound() && self.sound(mix);
        if self.is_heard {
            self.given.sent.fetch_add(1, Ordering::Relaxed);
        }
        fades || self.is_heard
    }

    fn sound(&mut self, mix: &mut PcmBlock) -> bool {
        if std::mem::replace(&mut self.is_held, false) {
            self.add(mix, Fade::In);
            return true;
        }
        let Some(reader) = &mut self.reader else {
            return false;
        };
        match reader.take(&mut *self.frame) {
            Taken::Frame { .. } => {
                let fade = match std::mem::replace(&mut self.was_cut, false) {
                    true => Fade::In,
                    false => Fade::None,
                };
                self.add(mix, fade);
                true
            }
            Taken::Underrun => {
                self.was_cut = true;
                false
            }
            Taken::Over => {
                self.reader = None;
                false
            }
        }
    }

    /// Takes one frame more, of which only the beginning is heard.
    fn fade_out(&mut self, mix: &mut PcmBlock) -> bool {
        let is_leaving = self.leaving.is_some();
        let Some(reader) = self.leaving.as_mut().or(self.reader.as_mut()) else {
            return false;
        };
        // where none waits, there is a gap anyway
        let is_taken =
            reader.is_ready() && matches!(reader.take(&mut *self.frame), Taken::Frame { .. });
        if is_taken {
            self.add(mix, Fade::Out);
            self.is_held = !is_leaving;
        }
        is_taken
    }

    fn add(&self, mix: &mut PcmBlock, fade: Fade) {
        let [left, right] = &mut mix.channels;
        let samples = self.frame.chunks_exact(8);
        for (at, ((left, right), pair)) in left.iter_mut().zip(right).zip(samples).enumerate() {
            let gain = fade.gain(at);
            *left += gain * float(&pair[..4]);
            *right += gain * float(&pair[4..]);
        }
    }
}

fn float(bytes: &[u8]) -> f32 {
    f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// All seats of a device.
#[derive(Default)]
pub(super) struct Desk {
    seats: Vec<(u64, Seat)>,
}

impl Desk {
    pub(super) fn add(&mut self, id: u64, seat: Seat) {
        self.seats.push((id, seat));
    }

    /// Changes a seat, if it is still there.
    pub(super) fn change(&mut self, id: u64, change: impl FnOnce(&mut Seat)) {
        if let Some((_, seat)) = self.seats.iter_mut().find(|(other, _)| *other == id) {
            change(seat);
        }
    }

    /// A player goes. What it played fades out.
    pub(super) fn remove(&mut self, id: u64) {
        self.change(id, Seat::leave);
        self.clear_up();
    }

    fn clear_up(&mut self) {
        self.seats
            .retain(|(_, seat)| !seat.is_left || seat.leaving.is_some());
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Whether the card is to run: somebody wants sound, or fades out.
    pub(super) fn is_active(&self) -> bool {
        self.fades() || self.seats.iter().any(|(_, seat)| seat.wants_sound())
    }

    /// Whether somebody who wants sound has some.
    pub(super) fn has_sound(&self) -> bool {
        self.seats
            .iter()
            .any(|(_, seat)| seat.wants_sound() && seat.is_ready())
    }

    /// Whether a frame would be silent, or lack somebody who was just heard. Those who have not begun do not count.
    pub(super) fn lacks_sound(&self) -> bool {
        let lacks = |seat: &Seat| seat.is_heard && seat.wants_sound() && !seat.is_ready();
        !(self.has_sound() || self.fades()) || self.seats.iter().any(|(_, seat)| lacks(seat))
    }

    /// Whether somebody's sound is to fade out.
    fn fades(&self) -> bool {
        self.seats
            .iter()
            .any(|(_, seat)| seat.is_heard && (seat.is_paused || seat.leaving.is_some()))
    }

    /// The next 20 ms of everybody, as [`FRAME_SAMPLES`] samples in `mix`; whether there is any sound in it. Locks nothing, and
    /// allocates nothing once `mix` has been as long before.
    pub(super) fn turn(&mut self, mix: &mut PcmBlock) -> bool {
        mix.clear();
        mix.resize(FRAME_SAMPLES);
        let mut is_heard = false;
        for (_, seat) in &mut self.seats {
            is_heard |= seat.turn(mix);
        }
        self.clear_up();
        is_heard
    }

    /// So many frames of time were given up, or what had been taken was lost.
    pub(super) fn lost(&mut self, cause: Cause, frames: u64) {
        for (_, seat) in &mut self.seats {
            if std::mem::replace(&mut seat.is_heard, false)
                && let Some(reader) = &mut seat.reader
            {
                reader.lost(cause, frames, None);
                seat.given.dropped.fetch_add(frames, Ordering::Relaxed);
            }
            seat.was_cut = true;
            seat.leaving = None;
        }
        self.clear_up();
    }

    /// No sound is taken for a while: its lack is no gap.
    pub(super) fn rest(&mut self) {
        for (_, seat) in &mut self.seats {
            seat.rest();
            seat.was_cut |= std::mem::replace(&mut seat.is_heard, false);
            seat.leaving = None;
        }
        self.clear_up();
    }

    /// Tells everybody.
    pub(super) fn tell(&mut self, event: impl Fn() -> OutputEvent) {
        for (_, seat) in &mut self.seats {
            seat.tell(event());
        }
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
