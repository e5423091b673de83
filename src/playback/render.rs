//! Owns: what happens to 48 kHz samples before they are encoded: filters, volume, cutting into frames, and the position of
//! each frame in the track.
//! Never knows: packets, encoders, rings.

use super::drift::Change;
use crate::{
    dsp::{Chain, FilterSpec, PlayerVolume},
    pcm::PcmBlock,
    units::{FRAME_SAMPLES, Samples},
};

/// Lavalink's volume at which nothing is changed.
const FULL_VOLUME: u16 = 100;

/// See the [module](self).
pub(super) struct Render {
    /// What is wished; `volume` and `chain` follow in [`adopt`](Self::adopt).
    wished_volume: u16,
    wished_filters: FilterSpec,
    volume: PlayerVolume,
    filters: FilterSpec,
    chain: Chain,
    /// Samples given to the chain since it was reset.
    chained: u64,
    /// Samples that wait for the filters.
    input: PcmBlock,
    /// Track position right after the last sample that has gone into the filters.
    consumed: u64,
    /// Samples that wait to become a frame.
    output: PcmBlock,
    /// Track position of the first of them.
    front: f64,
    frame: PcmBlock,
    is_finished: bool,
}

impl Render {
    pub(super) fn new(volume: u16, filters: &FilterSpec) -> Self {
        Self {
            wished_volume: volume,
            wished_filters: filters.clone(),
            volume: PlayerVolume::new(volume),
            filters: filters.clone(),
            chain: Chain::new(filters),
            chained: 0,
            input: PcmBlock::default(),
            consumed: 0,
            output: PcmBlock::default(),
            front: 0.0,
            frame: PcmBlock::default(),
            is_finished: false,
        }
    }

    /// Takes note of what is wished; true when it differs from what was. It is heard from [`adopt`](Self::adopt) on.
    pub(super) fn wish(&mut self, volume: u16, filters: &FilterSpec) -> bool {
        let has_changed = self.wished_volume != volume || self.wished_filters != *filters;
        if has_changed {
            self.wished_volume = volume;
            self.wished_filters = filters.clone();
        }
        has_changed
    }

    /// Lets the wish be heard from the next frame on.
    pub(super) fn adopt(&mut self) {
        self.volume.set(self.wished_volume);
        if self.filters != self.wished_filters {
            self.filters = self.wished_filters.clone();
            self.chain.update(&self.filters);
        }
    }

    /// Whether sound goes through unchanged and is meant to, so that packets may be passed on.
    pub(super) fn is_neutral(&self) -> bool {
        self.wished_volume == FULL_VOLUME
            && self.volume.is_neutral()
            && !self.wished_filters.is_active()
            && self.chain.is_neutral()
    }

    /// Where the next frame starts in the track.
    pub(super) fn position(&self) -> Samples {
        Samples(self.front.round().max(0.0) as u64)
    }

    /// Goes on at another place. `was_neutral`: the frames before it were heard unchanged.
    pub(super) fn restart(&mut self, at: Samples, was_neutral: bool) {
        self.clear(at);
        if was_neutral {
            self.volume = PlayerVolume::new(FULL_VOLUME);
        } else {
            self.volume.reset();
        }
    }

    /// Drops all samples; the next frame starts at `at`.
    pub(super) fn clear(&mut self, at: Samples) {
        self.input.clear();
        self.output.clear();
        self.chain.reset();
        self.chained = 0;
        self.consumed = at.0;
        self.front = at.0 as f64;
        self.is_finished = false;
    }

    /// Where samples are appended, before [`process`](Self::process).
    pub(super) const fn input(&mut self) -> &mut PcmBlock {
        &mut self.input
    }

    /// Sends whole frames of input through the filters. `end` is the track position right after the last sample of it.
    pub(super) fn process(&mut self, end: Samples) {
        let start = end.0.saturating_sub(self.input.len() as u64);
        if self.output.is_empty() && self.consumed != start {
            // a stream may begin later than it was asked to
            self.front += start as f64 - self.consumed as f64;
        }
        self.consumed = start;
        self.filter(self.input.len() / FRAME_SAMPLES * FRAME_SAMPLES);
    }

    fn filter(&mut self, len: usize) {
        if self.chain.is_neutral() {
            self.output.extend_from(&self.input, 0..len);
        } else {
            let mut block = std::mem::take(&mut self.frame);
            for from in (0..len).step_by(FRAME_SAMPLES) {
                block.clear();
                block.extend_from(&self.input, from..len.min(from + FRAME_SAMPLES));
                self.chain.process(&block, &mut self.output);
                self.chained += block.len() as u64;
            }
            self.frame = block;
        }
        self.consumed += len as u64;
        self.input.drop_front(len);
    }

    /// No more input comes: what waits goes through, then `padding` samples of silence, and if asked for, as many as fill the
    /// last frame.
    pub(super) fn finish(&mut self, padding: usize, fills_frame: bool) {
        self.filter(self.input.len());
        self.chain.flush(&mut self.output);
        let len = self.output.len() + padding;
        self.output.resize(if fills_frame {
            len.next_multiple_of(FRAME_SAMPLES)
        } else {
            len
        });
        self.is_finished = true;
    }

    /// Whether nothing waits to go through the filters or to be taken.
    pub(super) fn is_empty(&self) -> bool {
        self.input.is_empty() && self.output.is_empty()
    }

    /// Whether everything has been taken.
    pub(super) fn is_finished(&self) -> bool {
        self.is_finished && self.output.is_empty()
    }

    /// Whether a frame can be taken: a whole one, or what is left at the end.
    pub(super) fn has_frame(&self) -> bool {
        self.output.len() >= FRAME_SAMPLES || self.is_finished && !self.output.is_empty()
    }

    /// Whether two whole frames can be taken.
    pub(super) fn has_two_frames(&self) -> bool {
        self.output.len() >= 2 * FRAME_SAMPLES
    }

    /// The highest level of the next two frames, nominal 1, before the volume.
    pub(super) fn peak(&self) -> f32 {
        let channels = self.output.channels.iter();
        let samples = channels.flat_map(|c| c.iter().take(2 * FRAME_SAMPLES));
        samples.fold(0.0, |peak, sample| sample.abs().max(peak))
    }

    /// Makes one frame of the next two, or three of them; the one that is new fades from one to the other, so that all ends
    /// meet. Positions behind them stay what they are. There must be two.
    pub(super) fn change(&mut self, change: Change) {
        let (track, waiting) = (self.track_end() - self.front, self.output.len());
        let step = track * FRAME_SAMPLES as f64 / waiting.max(1) as f64;
        for channel in &mut self.output.channels {
            let faded = |(i, from): (usize, &f32), to: &f32| {
                let weight = (i as f32 + 0.5) / FRAME_SAMPLES as f32;
                from + (to - from) * weight
            };
            let (first, rest) = channel.split_at(FRAME_SAMPLES);
            let pairs = first.iter().zip(rest);
            let new: Vec<f32> = match change {
                Change::LeaveOut => pairs
                    .enumerate()
                    .map(|(i, (a, b))| faded((i, a), b))
                    .collect(),
                Change::PutIn => pairs
                    .enumerate()
                    .map(|(i, (a, b))| faded((i, b), a))
                    .collect(),
            };
            match change {
                Change::LeaveOut => drop(channel.splice(..2 * FRAME_SAMPLES, new)),
                Change::PutIn => drop(channel.splice(FRAME_SAMPLES..FRAME_SAMPLES, new)),
            }
        }
        self.front += match change {
            Change::LeaveOut => step,
            Change::PutIn => -step,
        };
    }

    /// Where the samples that wait to become frames end in the track.
    fn track_end(&self) -> f64 {
        let held = self.chained as f64 - self.chain.track_time();
        self.consumed as f64 - held
    }

    /// The next frame.
    pub(super) fn take(&mut self) -> &PcmBlock {
        let (len, waiting) = (self.output.len().min(FRAME_SAMPLES), self.output.len());
        let end = self.track_end();
        // under a time-scale a sample of output is more or less than one of the track
        self.front += if self.is_finished {
            len as f64
        } else {
            (end - self.front) * len as f64 / waiting.max(1) as f64
        };
        self.frame.clear();
        self.frame.extend_from(&self.output, 0..len);
        self.output.drop_front(len);
        self.volume.process(&mut self.frame);
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
