//! Owns: which decoded samples are heard, and where in the track they lie; the arithmetic of positions at two rates.
//! Never knows: packets, decoders, resamplers.

use crate::{
    dsp::exact_step,
    units::{SAMPLE_RATE, Samples, rescale},
};
use std::ops::Range;

/// Positions of packets and targets beyond this count as this: 2900 years at 48 kHz, and far from overflow when they are
/// rescaled and added up.
pub(super) const MAX_POSITION: i64 = 1 << 52;

/// A position, perhaps before the track's beginning, at another rate: rounded towards it, and at most [`MAX_POSITION`] away.
pub(super) fn rescale_position(at: i64, from: u32, to: u32) -> i64 {
    let distance = rescale(at.unsigned_abs(), from, to).min(MAX_POSITION as u64) as i64;
    if at < 0 { -distance } else { distance }
}

/// The last native sample at or before `position` that falls exactly on a 48 kHz sample. Sound made again from such a place
/// is the same, sample by sample.
pub(super) fn exact_before(position: Samples, rate: u32) -> u64 {
    let step = exact_step(rate, SAMPLE_RATE);
    rescale(position.0, SAMPLE_RATE, rate) / step * step
}

/// Which decoded samples are heard, and where in the track they lie.
///
/// Anchored at the first packet after a start or a seek that gives samples; from then on samples are counted, not timed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Timeline {
    /// Position of the next decoded sample, in native samples; `None` until anchored.
    next: Option<i64>,
    /// The first native sample that is wanted.
    from: i64,
    /// Samples at 48 kHz to drop after the resampler: the wanted position may lie between its exact phases.
    drop_out: usize,
    /// Position of the next sample that leaves, at 48 kHz.
    out: u64,
}

impl Timeline {
    /// Wants everything from `target` on.
    pub(super) const fn wanting(target: Samples) -> Self {
        Self {
            next: None,
            from: 0,
            drop_out: 0,
            out: target.0,
        }
    }

    /// Position of the next sample that leaves.
    pub(super) const fn position(&self) -> Samples {
        Samples(self.out)
    }

    /// Whether samples have come.
    pub(super) const fn is_anchored(&self) -> bool {
        self.next.is_some()
    }

    /// The first samples have come: they start at native position `start`, at `rate`. The resampler is started at an exact
    /// place before the target; what it gives before the target is dropped.
    pub(super) fn anchor(&mut self, start: i64, rate: u32) {
        let from = exact_before(Samples(self.out), rate);
        self.next = Some(start);
        if start > from as i64 {
            // nothing earlier is to be had (a stream that begins late, an inexact seek): go on from there
            self.from = start;
            self.drop_out = 0;
            self.out = rescale(start as u64, rate, SAMPLE_RATE);
        } else {
            self.from = from as i64;
            self.drop_out = (self.out - rescale(from, rate, SAMPLE_RATE)) as usize;
        }
    }

    /// Samples come at `rate` from here on, and at `old` before; nothing if none have come yet.
    pub(super) fn change_rate(&mut self, old: u32, rate: u32) {
        if let Some(next) = &mut self.next {
            *next = rescale_position(*next, old, rate);
            self.from = *next;
        }
    }

    /// The first samples of another stream have come, at native position `start`; nothing if none came before them.
    ///
    /// What is not to be heard of it, its encoder's delay, lies before the end of the one before: no more than a second in
    /// any case.
    pub(super) fn join(&mut self, start: i64, rate: u32) {
        if let Some(next) = &mut self.next {
            self.from = self.from.max(*next);
            *next = start.clamp(*next - i64::from(rate), *next);
        }
    }

    /// `count` samples were decoded, of a stream of `length`; returns the range of them that is heard.
    pub(super) fn admit(&mut self, count: usize, length: Option<u64>) -> Range<usize> {
        let start = self.next.expect("anchored before samples are admitted");
        self.next = Some(start + count as i64);
        let end = length.map_or(i64::MAX, |l| i64::try_from(l).unwrap_or(i64::MAX));
        let clamp = |at: i64| (at.saturating_sub(start)).clamp(0, count as i64) as usize;
        let from = clamp(self.from);
        from..clamp(end).max(from)
    }

    /// `count` samples have come out of the resampler; returns how many of the first of them lie before the wanted position.
    pub(super) fn leave(&mut self, count: usize) -> usize {
        let dropped = self.drop_out.min(count);
        self.drop_out -= dropped;
        self.out += (count - dropped) as u64;
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priming_is_dropped_and_the_end_is_cut() {
        let mut line = Timeline::wanting(Samples::ZERO);
        line.anchor(-1105, 44_100);
        assert_eq!(line.admit(1152, Some(1500)), 1105..1152);
        assert_eq!(line.admit(1152, Some(1500)), 0..1152);
        assert_eq!(line.admit(1152, Some(1500)), 0..301);
        assert_eq!(line.admit(1152, Some(1500)), 0..0);
    }

    #[test]
    fn a_restart_falls_on_an_exact_phase_of_the_resampler() {
        // 7000.5 ms: 336 024 samples at 48 kHz, 308 722.05 at 44.1; the last multiple of 147 before is 308 700 = 336 000
        let mut line = Timeline::wanting(Samples(336_024));
        line.anchor(300_000, 44_100);
        assert_eq!((line.from, line.drop_out, line.out), (308_700, 24, 336_024));
    }

    #[test]
    fn a_stream_that_begins_late_keeps_its_own_time() {
        let mut line = Timeline::wanting(Samples::ZERO);
        line.anchor(44_100, 44_100);
        assert_eq!((line.out, line.admit(10, None)), (48_000, 0..10));
    }
}
