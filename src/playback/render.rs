//! Owns: what happens to 48 kHz samples before they are encoded: filters, volume, cutting into frames, and the position of
//! each frame in the track.
//! Never knows: packets, encoders, rings.

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

    /// The next frame.
    pub(super) fn take(&mut self) -> &PcmBlock {
        let (len, waiting) = (self.output.len().min(FRAME_SAMPLES), self.output.len());
        let held = self.chained as f64 - self.chain.track_time();
        let end = self.consumed as f64 - held;
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
