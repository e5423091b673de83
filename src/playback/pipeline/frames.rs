//! Owns: how the next frame is made: from a packet that is passed on, or from decoded sound; and that it goes to the ring.
//! Never knows: what was wished for, or what a run begins and ends with.

use super::{Made, Pipeline, WARM_FRAMES};
use crate::{
    frame::FrameFormat,
    media::window::Stop,
    playback::{
        TimescalePosition,
        drift::{Change, Drift},
        encode::{Encoder, LOOKAHEAD},
        feed::frame_position,
        render,
        report::Mode,
    },
    units::{FRAME_SAMPLES, Samples},
};

/// Frames that must have been encoded unchanged before packets are passed on again. A packet tells the loudness of its bands
/// as a change from the frame before, so the listener's decoder must have come to the loudness of the source first.
const STEADY_FRAMES: usize = 3;

/// A packet of 20 ms that has no more bytes has no sound in it: DTX (RFC 6716, section 2.1.9), or what libopus makes of
/// digital silence, three bytes, also when two of 10 ms are joined.
const SILENT_BYTES: usize = 8;

impl Pipeline {
    /// Makes the next frame, or nothing yet: what a change of the mode takes, or the end, may come first.
    pub(super) fn make_frame(&mut self) -> Result<(), Stop> {
        let feed = self.feed.as_ref().expect("opened before frames are made");
        let wanted = self.wanted_mode(feed);
        // what may be left out the packets tell themselves
        let is_adrift = self.drifts(Change::PutIn);
        if is_adrift && self.mode == Mode::Passthrough && self.has_produced {
            self.transcode_from(self.render.position(), Mode::Passthrough);
        } else if wanted == Mode::Passthrough && self.steady >= STEADY_FRAMES && !is_adrift {
            self.begin_passing();
        }
        match self.mode {
            Mode::Passthrough => self.pass_packet(),
            Mode::Transcode => self.transcode_frame(),
        }
    }

    /// Whether the station's clock asks for this.
    fn drifts(&self, change: Change) -> bool {
        self.drift.as_ref().and_then(Drift::wish) == Some(change)
    }

    fn pass_packet(&mut self) -> Result<(), Stop> {
        let feed = self.feed.as_mut().expect("opened before frames are made");
        let packet = match feed.packet(&mut self.window) {
            Ok(packet) => packet,
            Err(Stop::End) => {
                self.finish();
                return Ok(());
            }
            Err(stop) => return Err(stop),
        };
        self.window.found();
        if !feed.may_pass() {
            // a stream of another kind has begun
            self.transcode_from(self.render.position(), Mode::Passthrough);
            return Ok(());
        }
        let is_behind = |end: Samples| packet.pts >= 0 && packet.pts as u64 >= end.0;
        if feed.length().is_some_and(is_behind) {
            self.finish();
            return Ok(());
        }
        let position = frame_position(&packet);
        if !feed.passes(&packet) {
            self.transcode_from(position, Mode::Passthrough);
            return Ok(());
        }
        if packet.pts + (FRAME_SAMPLES + LOOKAHEAD) as i64 <= 0 {
            return Ok(()); // wholly before the track begins
        }
        let is_silent = packet.data.len() <= SILENT_BYTES;
        let was_silent = std::mem::replace(&mut self.was_silent, is_silent);
        if is_silent
            && was_silent
            && self.drifts(Change::LeaveOut)
            && let Some(drift) = &mut self.drift
        {
            drift.done(Change::LeaveOut);
            self.render
                .clear(Samples(position.0 + FRAME_SAMPLES as u64));
            return Ok(());
        }
        self.push(&packet.data, position, Mode::Passthrough);
        Ok(())
    }

    fn transcode_frame(&mut self) -> Result<(), Stop> {
        self.economise();
        if self.turn.as_ref().is_some_and(|turn| turn.left == 0) && !self.take_turn()? {
            return Ok(());
        }
        self.keep_state();
        if !self.fill()? {
            return Ok(());
        }
        if let Some(turn) = &mut self.turn {
            let frame = self.render.take();
            if let Some(heard) = &mut turn.heard
                && turn.left <= WARM_FRAMES
            {
                heard.extend_from(frame, 0..frame.len());
            }
            turn.left -= 1;
            return Ok(());
        }
        self.follow_clock()?;
        if self.format == FrameFormat::Opus {
            self.encoder()?;
        }
        let position = self.render.position();
        let was_neutral = self.render.is_neutral();
        let frame = self.render.take();
        match self.format {
            FrameFormat::Pcm => {
                self.payload.clear();
                for (l, r) in frame.channels[0].iter().zip(&frame.channels[1]) {
                    self.payload.extend_from_slice(&l.to_le_bytes());
                    self.payload.extend_from_slice(&r.to_le_bytes());
                }
            }
            FrameFormat::Opus => {
                let encoder = self.encoder.as_mut().expect("made above");
                let packet = encoder.encode(frame, 0).map_err(Stop::Failed)?;
                self.payload.clear();
                self.payload.extend_from_slice(packet);
            }
        }
        self.steady = if was_neutral { self.steady + 1 } else { 0 };
        let payload = std::mem::take(&mut self.payload);
        self.push(&payload, position, Mode::Transcode);
        self.payload = payload;
        Ok(())
    }

    /// Decodes until the next frame can be taken. False when there is none, because everything has been.
    pub(super) fn fill(&mut self) -> Result<bool, Stop> {
        while !self.render.has_frame() {
            let feed = self.feed.as_mut().expect("opened before frames are made");
            match feed.pull(&mut self.window, self.render.input()) {
                Ok(()) => self.render.process(feed.position()),
                // a seek beyond the end and a track of nothing leave nothing to be heard, not even the encoder's delay
                Err(Stop::End)
                    if self.render.is_finished()
                        || (self.sought.is_some() || !self.has_produced)
                            && self.render.is_empty() =>
                {
                    self.finish();
                    return Ok(false);
                }
                Err(Stop::End) => {
                    let is_opus = self.format == FrameFormat::Opus;
                    let padding = if is_opus { LOOKAHEAD } else { 0 };
                    self.render.finish(padding, is_opus);
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(true)
    }

    /// Leaves a frame of a station out, or puts one in, when its clock makes it necessary and it is quiet.
    fn follow_clock(&mut self) -> Result<(), Stop> {
        let Some(change) = self.drift.as_ref().and_then(Drift::wish) else {
            return Ok(());
        };
        while !self.render.has_two_frames() {
            let feed = self.feed.as_mut().expect("opened before frames are made");
            match feed.pull(&mut self.window, self.render.input()) {
                Ok(()) => self.render.process(feed.position()),
                Err(Stop::Need(_) | Stop::Again | Stop::End) => return Ok(()),
                Err(stop) => return Err(stop),
            }
        }
        if let Some(drift) = &mut self.drift
            && drift.is_quiet(change, self.render.peak())
        {
            self.render.change(change);
            drift.done(change);
            // made again from before, frames would come without the change
            self.state = None;
            self.made.iter_mut().for_each(|made| made.state = None);
        }
        Ok(())
    }

    /// Spends no more on samples than may be spent now; the encoder looks for itself.
    fn economise(&mut self) {
        let economy = self.dial.get();
        self.render.set_hasty(economy.is_hasty);
        if let Some(feed) = &mut self.feed {
            feed.limit_quality(economy.resampling);
        }
    }

    pub(super) fn encoder(&mut self) -> Result<&mut Encoder, Stop> {
        let quality = self.dial.get().encoding(self.settings.quality);
        if self.encoder.is_none() {
            self.encoder = Some(Encoder::new(quality).map_err(Stop::Failed)?);
        }
        let encoder = self.encoder.as_mut().expect("made above");
        encoder.set(quality).map_err(Stop::Failed)?;
        Ok(encoder)
    }

    fn push(&mut self, payload: &[u8], position: Samples, mode: Mode) {
        let told = self.told(position, mode);
        self.arrive(told);
        let has_room = self.writer.push(payload, told);
        debug_assert!(has_room, "frames are made only when there is room");
        self.has_produced = true;
        if let (Some(drift), Some(feed)) = (&mut self.drift, &self.feed) {
            let waiting = self.window.waiting();
            // a writer that is held back goes on when a quarter is free
            let is_full = waiting >= self.window.credit() / 10 * 7;
            let room = feed.lasts(self.window.credit());
            drift.made(feed.arrived(waiting), room, is_full);
        }
        if mode == Mode::Passthrough {
            self.render
                .clear(Samples(position.0 + FRAME_SAMPLES as u64));
        }
        let state = self.state.take();
        self.made.push_back(Made {
            position,
            told,
            mode,
            state,
        });
        // those that wait, and those from which they would be made again
        let kept = self.writer.capacity() + WARM_FRAMES + self.frames_per_state() + 2;
        while self.made.len() > kept {
            self.made.pop_front();
        }
        self.forget_states();
        if let (Some(feed), Some(oldest)) = (&mut self.feed, self.made.front()) {
            let wanted = oldest.position.0.saturating_sub(render::BACK);
            feed.forget_before(Samples(wanted));
        }
    }

    /// The position to be told of a frame that lies at `position`.
    fn told(&self, position: Samples, mode: Mode) -> Samples {
        // packets that are passed on keep their own time in the original too
        match (self.settings.timescale_position, mode, self.made.back()) {
            (TimescalePosition::Output, Mode::Transcode, Some(last)) => {
                Samples(last.told.0 + FRAME_SAMPLES as u64)
            }
            _ => position,
        }
    }
}
