//! Owns: what happens to 48 kHz samples before they are encoded: filters, volume, cutting into frames, and the position of
//! each frame in the track.
//! Never knows: packets, encoders, rings.

use super::{
    drift::Change,
    splice::{REACH, Splice},
};
use crate::{
    dsp::{Chain, FADE_SAMPLES, FilterSpec, PlayerVolume},
    pcm::PcmBlock,
    units::{FRAME_SAMPLES, Samples},
};

/// Lavalink's volume at which nothing is changed.
const FULL_VOLUME: u16 = 100;
/// Sound that the filters hear before a place at which they begin anew, in samples.
const LEAD: u64 = 2 * FRAME_SAMPLES as u64;
/// Sound that is made before it is wanted, so that a resampler that begins there is in its stride, in samples.
const MARGIN: u64 = FRAME_SAMPLES as u64;
/// So much earlier than a frame sound may be wanted to make it again, in samples.
pub(super) const BACK: u64 = LEAD + MARGIN + FRAME_SAMPLES as u64;

/// See the [module](self).
pub(super) struct Render {
    /// What is wished; it is heard from [`adopt`](Self::adopt) or [`jump`](Self::jump) on.
    wished_volume: u16,
    wished_filters: FilterSpec,
    state: State,
    /// Samples that wait for the filters.
    input: PcmBlock,
    frame: PcmBlock,
    is_hasty: bool,
}

/// All that decides what becomes of the samples from a place on. Kept, it gives the same sound again. It is small while no
/// filter is on, and when a frame has just been taken.
#[derive(Clone)]
pub(super) struct State {
    volume: PlayerVolume,
    filters: FilterSpec,
    /// None while no filter is on.
    chain: Option<Box<Chain>>,
    /// Track position right after the last sample that has gone into the filters.
    consumed: u64,
    /// Samples that wait to become a frame.
    output: PcmBlock,
    /// Track position of the first of them.
    front: f64,
    /// What is to be faded out when new sound is there.
    splice: Option<Splice>,
    is_finished: bool,
}

impl State {
    fn at(at: Samples, volume: u16) -> Self {
        Self {
            volume: PlayerVolume::new(volume),
            filters: FilterSpec::default(),
            chain: None,
            consumed: at.0,
            output: PcmBlock::default(),
            front: at.0 as f64,
            splice: None,
            is_finished: false,
        }
    }

    /// Where samples are wanted from to go on from here.
    pub(super) const fn wants_from(&self) -> Samples {
        Samples(self.consumed.saturating_sub(MARGIN))
    }

    /// Whether it takes much memory: it holds sound that a time-scale has taken in.
    pub(super) fn is_scaled(&self) -> bool {
        self.filters.is_scaled()
    }

    /// The filters, made if there are none.
    fn chain(&mut self) -> &mut Chain {
        self.chain
            .get_or_insert_with(|| Box::new(Chain::new(&FilterSpec::default())))
    }

    /// Track position of the end of the output.
    fn end(&self) -> f64 {
        self.consumed as f64 - self.chain.as_ref().map_or(0.0, |chain| chain.held())
    }

    /// Moves the front over the first `len` samples of the output, which are about to go.
    fn pass(&mut self, len: usize) {
        // under a time-scale a sample of output is more or less than one of the track
        self.front += if self.is_finished && self.filters.pace() == 1.0 {
            len as f64
        } else {
            (self.end() - self.front) * len as f64 / self.output.len().max(1) as f64
        };
    }

    /// Joins old and new sound as soon as there is enough of the new.
    fn join(&mut self) {
        let enough = |splice: &Splice| self.is_finished || self.output.len() >= splice.needs();
        if self.splice.as_ref().is_some_and(enough)
            && let Some(splice) = self.splice.take()
        {
            let mut output = std::mem::take(&mut self.output);
            let len = output.len();
            let left_out = splice.join(&mut output);
            self.front += (self.end() - self.front) * left_out as f64 / len.max(1) as f64;
            self.output = output;
        }
    }
}

impl Render {
    pub(super) fn new(volume: u16, filters: &FilterSpec) -> Self {
        let mut state = State::at(Samples::ZERO, volume);
        state.filters = filters.clone();
        state.chain = filters.is_active().then(|| Box::new(Chain::new(filters)));
        Self {
            wished_volume: volume,
            wished_filters: filters.clone(),
            state,
            input: PcmBlock::default(),
            frame: PcmBlock::default(),
            is_hasty: false,
        }
    }

    /// Whether filters are to be heard with less work from now on.
    pub(super) const fn set_hasty(&mut self, is_hasty: bool) {
        self.is_hasty = is_hasty;
    }

    /// Takes note of what is wished; true when it differs from what was.
    pub(super) fn wish(&mut self, volume: u16, filters: &FilterSpec) -> bool {
        let has_changed = self.wished_volume != volume || self.wished_filters != *filters;
        if has_changed {
            self.wished_volume = volume;
            self.wished_filters = filters.clone();
        }
        has_changed
    }

    /// Lets the wish be heard from the next frame on, as the filters go along.
    pub(super) fn adopt(&mut self) {
        let state = &mut self.state;
        state.volume.set(self.wished_volume);
        if state.filters != self.wished_filters {
            state.filters = self.wished_filters.clone();
            state.chain().update(&self.wished_filters);
        }
    }

    /// Whether the wish is heard in time only by a [`jump`](Self::jump).
    pub(super) fn wants_jump(&self) -> bool {
        self.state.filters != self.wished_filters
            && (self.state.is_finished
                || self.state.filters.is_scaled()
                || self.wished_filters.is_scaled())
    }

    /// Lets the wish be heard from the next frame on, which must be there, by sound made anew from `to` in the track; the old
    /// fades into it. Unless `to` is to be met exactly, the new sound begins where it is most like the old, at most
    /// 10 ms away. Samples must come from [`wants_from`](State::wants_from) on then.
    pub(super) fn jump(&mut self, to: Samples, is_exact: bool) {
        let state = &mut self.state;
        let reach = if is_exact { 0 } else { REACH };
        let early = reach as f64 / 2.0 * self.wished_filters.pace();
        let begin = to.0.saturating_sub(early as u64);
        let lead = begin.min(LEAD);
        let mut old = std::mem::take(&mut state.output);
        old.resize(old.len().min(FADE_SAMPLES));
        state.splice = Some(Splice::new(old, reach));
        let back = state.consumed.saturating_sub(begin - lead);
        state
            .chain()
            .restart(&self.wished_filters, back, lead as usize);
        state.filters = self.wished_filters.clone();
        state.volume.set(self.wished_volume);
        state.consumed = begin - lead;
        state.front = begin as f64;
        state.is_finished = false;
        self.input.clear();
    }

    /// Where a jump to `to` would want samples from.
    pub(super) fn jump_wants_from(&self, to: Samples) -> Samples {
        let early = (REACH as f64 / 2.0 * self.wished_filters.pace()) as u64;
        Samples(to.0.saturating_sub(early + LEAD + MARGIN))
    }

    /// Whether sound goes through unchanged and is meant to, so that packets may be passed on.
    pub(super) fn is_neutral(&self) -> bool {
        self.wants_nothing()
            && self.state.volume.is_neutral()
            && self.state.splice.is_none()
            && self.state.chain.as_ref().is_none_or(|c| c.is_neutral())
    }

    /// Whether sound is meant to go through unchanged.
    pub(super) fn wants_nothing(&self) -> bool {
        self.wished_volume == FULL_VOLUME && !self.wished_filters.is_active()
    }

    /// Where the next frame starts in the track.
    pub(super) fn position(&self) -> Samples {
        Samples(self.state.front.round().max(0.0) as u64)
    }

    /// What the next frame is made from, to be kept.
    pub(super) const fn state(&self) -> &State {
        &self.state
    }

    /// Goes back to what was kept; samples must come from [`wants_from`](State::wants_from) on.
    pub(super) fn restore(&mut self, state: State) {
        self.input.clear();
        self.state = state;
    }

    /// Goes on at another place. `was_neutral`: the frames before it were heard unchanged.
    pub(super) fn restart(&mut self, at: Samples, was_neutral: bool) {
        if was_neutral {
            self.input.clear();
            self.state = State::at(at, FULL_VOLUME);
        } else {
            self.clear(at);
            self.state.volume.reset();
        }
    }

    /// Drops all samples; the next frame starts at `at`.
    pub(super) fn clear(&mut self, at: Samples) {
        self.input.clear();
        let state = &mut self.state;
        state.output.clear();
        if let Some(chain) = &mut state.chain {
            chain.reset();
        }
        state.consumed = at.0;
        state.front = at.0 as f64;
        state.splice = None;
        state.is_finished = false;
    }

    /// Where samples are appended, before [`process`](Self::process).
    pub(super) const fn input(&mut self) -> &mut PcmBlock {
        &mut self.input
    }

    /// Takes note of new input. `end` is the track position right after the last sample of it.
    pub(super) fn process(&mut self, end: Samples) {
        let start = end.0.saturating_sub(self.input.len() as u64);
        let state = &mut self.state;
        if start < state.consumed {
            let early = (state.consumed - start).min(self.input.len() as u64);
            self.input.drop_front(early as usize);
        } else {
            if state.output.is_empty() {
                // a stream may begin later than it was asked to
                state.front += (start - state.consumed) as f64;
            }
            state.consumed = start;
        }
    }

    fn filter(&mut self, len: usize) {
        let state = &mut self.state;
        match &mut state.chain {
            None => state.output.extend_from(&self.input, 0..len),
            Some(chain) => {
                self.frame.clear();
                self.frame.extend_from(&self.input, 0..len);
                chain.set_hasty(self.is_hasty);
                chain.process(&self.frame, &mut state.output);
                if chain.is_neutral() {
                    state.chain = None;
                }
            }
        }
        state.consumed += len as u64;
        self.input.drop_front(len);
    }

    /// No more input comes: what waits goes through, then `padding` samples of silence, and if asked for, as many as fill the
    /// last frame.
    pub(super) fn finish(&mut self, padding: usize, fills_frame: bool) {
        while !self.input.is_empty() {
            self.filter(self.input.len().min(FRAME_SAMPLES));
        }
        let state = &mut self.state;
        if let Some(chain) = &mut state.chain {
            chain.flush(&mut state.output);
        }
        state.is_finished = true;
        state.join();
        let len = state.output.len() + padding;
        state.output.resize(if fills_frame {
            len.next_multiple_of(FRAME_SAMPLES)
        } else {
            len
        });
    }

    /// Whether nothing waits to go through the filters or to be taken.
    pub(super) fn is_empty(&self) -> bool {
        self.input.is_empty() && self.state.output.is_empty()
    }

    /// Whether everything has been taken.
    pub(super) fn is_finished(&self) -> bool {
        self.state.is_finished && self.state.output.is_empty()
    }

    /// Whether a frame can be taken: a whole one, or what is left at the end.
    pub(super) fn has_frame(&mut self) -> bool {
        self.has(FRAME_SAMPLES) || self.state.is_finished && !self.state.output.is_empty()
    }

    /// Whether two whole frames can be taken.
    pub(super) fn has_two_frames(&mut self) -> bool {
        self.has(2 * FRAME_SAMPLES)
    }

    /// Sends as much of the input through the filters as so many samples need, and no more: a change is heard in the sound
    /// that has not gone through. True when they can be taken.
    fn has(&mut self, samples: usize) -> bool {
        loop {
            self.state.join();
            let state = &self.state;
            if state.splice.is_none() && state.output.len() >= samples {
                return true;
            }
            if state.is_finished || self.input.len() < FRAME_SAMPLES {
                return false;
            }
            self.filter(FRAME_SAMPLES);
        }
    }

    /// The highest level of the next two frames, nominal 1, before the volume.
    pub(super) fn peak(&self) -> f32 {
        let channels = self.state.output.channels.iter();
        let samples = channels.flat_map(|c| c.iter().take(2 * FRAME_SAMPLES));
        samples.fold(0.0, |peak, sample| sample.abs().max(peak))
    }

    /// Makes one frame of the next two, or three of them; the one that is new fades from one to the other, so that all ends
    /// meet. Positions behind them stay what they are. There must be two.
    pub(super) fn change(&mut self, change: Change) {
        let state = &mut self.state;
        let waiting = state.output.len().max(1) as f64;
        let step = (state.end() - state.front) * FRAME_SAMPLES as f64 / waiting;
        for channel in &mut state.output.channels {
            let faded = |(i, from): (usize, &f32), to: &f32| {
                let weight = (i as f32 + 0.5) / FRAME_SAMPLES as f32;
                from + (to - from) * weight
            };
            let (first, rest) = channel.split_at(FRAME_SAMPLES);
            let pairs = first.iter().zip(rest).enumerate();
            let new: Vec<f32> = match change {
                Change::LeaveOut => pairs.map(|(i, (a, b))| faded((i, a), b)).collect(),
                Change::PutIn => pairs.map(|(i, (a, b))| faded((i, b), a)).collect(),
            };
            match change {
                Change::LeaveOut => drop(channel.splice(..2 * FRAME_SAMPLES, new)),
                Change::PutIn => drop(channel.splice(FRAME_SAMPLES..FRAME_SAMPLES, new)),
            }
        }
        state.front += match change {
            Change::LeaveOut => step,
            Change::PutIn => -step,
        };
    }

    /// Gives back the memory that is of no use until the next turn.
    pub(super) fn rest(&mut self) {
        self.input.shrink();
        self.state.output.shrink();
        self.frame = PcmBlock::default();
        if let Some(chain) = &mut self.state.chain {
            chain.rest();
        }
    }

    /// The next frame.
    pub(super) fn take(&mut self) -> &PcmBlock {
        let state = &mut self.state;
        let len = state.output.len().min(FRAME_SAMPLES);
        state.pass(len);
        self.frame.clear();
        self.frame.extend_from(&state.output, 0..len);
        state.output.drop_front(len);
        state.volume.process(&mut self.frame);
        &self.frame
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = FRAME_SAMPLES as u64;

    /// Positions and samples of the frames of a slow rise, the third of them changed.
    fn changed(change: Change) -> (Vec<u64>, Vec<f32>) {
        let mut render = Render::new(FULL_VOLUME, &FilterSpec::default());
        let rise: Vec<f32> = (0..6 * FRAME_SAMPLES).map(|i| i as f32 * 1e-4).collect();
        render.input().channels = [rise.clone(), rise];
        render.process(Samples(6 * FRAME));
        let (mut positions, mut samples) = (Vec::new(), Vec::new());
        while render.has_frame() {
            if positions.len() == 2 {
                assert!(render.has_two_frames());
                render.change(change);
            }
            positions.push(render.position().0 / FRAME);
            samples.extend_from_slice(&render.take().channels[0]);
        }
        (positions, samples)
    }

    #[test]
    fn a_frame_more_or_less_meets_its_neighbours() {
        // the first of three is where the one before it was, so that the last is where it would be
        let expected = [
            (Change::LeaveOut, vec![0, 1, 3, 4, 5]),
            (Change::PutIn, vec![0, 1, 1, 2, 3, 4, 5]),
        ];
        for (change, wanted) in expected {
            let (positions, samples) = changed(change);
            assert_eq!(positions, wanted, "{change:?}");
            let steps = samples.windows(2).map(|two| (two[1] - two[0]).abs());
            // a fade over a frame adds one frame's rise in as many steps
            assert!(steps.into_iter().all(|step| step < 2.5e-4), "{change:?}");
            assert_eq!(samples.last().copied(), Some((6 * FRAME - 1) as f32 * 1e-4));
        }
    }
}
