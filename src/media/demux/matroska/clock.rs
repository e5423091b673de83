//! Owns: exact positions of packets, from timestamps of a millisecond and packets that know their length.
//! Never knows: blocks, bytes.
//!
//! Timestamps are rounded by muxers; positions are therefore counted on from packet to packet. A timestamp only decides
//! where counting begins after a jump, and where sound is missing.

use super::meter::{Measure, Raster};

/// Counts positions on.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// Nanoseconds of a tick.
    scale: u64,
    rate: u32,
    /// Samples at the start that are not heard.
    delay: i64,
    /// Ticks of the first block: the audible timeline begins `delay` behind it.
    origin: Option<i64>,
    /// First numbered sample (FLAC).
    first_sample: Option<u64>,
    /// Samples of the first packet, where all last the same.
    grid: Option<i64>,
    /// Where the next packet begins, when it is known.
    next: Option<i64>,
    /// Where the last packet began; `None` after a jump.
    last: Option<i64>,
    /// Whether `next` is exact: counted from the start, or from a place on a raster.
    is_sure: bool,
    /// The least and the most samples by which timestamps of packets on a raster can be ahead of their positions. Muxers
    /// count a duration for the first Vorbis packet, which decodes to nothing, or do not.
    ahead: Option<(i64, i64)>,
}

impl Clock {
    /// A clock for a track: `scale` in nanoseconds, not 0; `rate` in Hz, not 0; `delay` in samples.
    pub(super) const fn new(scale: u64, rate: u32, delay: u32) -> Self {
        Self {
            scale,
            rate,
            delay: delay as i64,
            origin: None,
            first_sample: None,
            grid: None,
            next: None,
            last: None,
            is_sure: false,
            ahead: None,
        }
    }

    /// Ticks of the first block; 0 while it has not been seen.
    pub(super) fn origin(&self) -> i64 {
        self.origin.unwrap_or(0)
    }

    /// Samples in so many ticks, to the nearest.
    pub(super) fn samples(&self, ticks: i64) -> i64 {
        let unit = i128::from(self.scale) * i128::from(self.rate);
        let scaled = i128::from(ticks).saturating_mul(unit);
        let samples = scaled.saturating_add(500_000_000).div_euclid(1_000_000_000);
        // far from overflow in sums
        samples.clamp(i128::from(i64::MIN / 8), i128::from(i64::MAX / 8)) as i64
    }

    /// The timestamp in ticks at or before which a block with that position must lie.
    pub(super) fn ticks_before(&self, position: i64) -> i64 {
        let samples = i128::from(position) + i128::from(self.delay);
        let unit = i128::from(self.scale) * i128::from(self.rate);
        let ticks = (samples * 1_000_000_000).div_euclid(unit);
        // a timestamp may have been rounded up, and another time for the delay
        (ticks.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
            .saturating_add(self.origin())
            .saturating_sub(2)
    }

    /// Length on the audible timeline of a duration that is told in ticks from 0.
    pub(super) fn length(&self, ticks: f64) -> Option<u64> {
        let seconds = (ticks - self.origin() as f64) * self.scale as f64 / 1e9;
        let samples = (seconds * f64::from(self.rate)).ceil() - self.delay as f64;
        // nothing, and more than any track has (six centuries at 48 kHz), are damaged fields
        (samples > 0.0 && samples < 1e15).then_some(samples as u64)
    }

    /// Counting begins anew with the next timestamp.
    pub(super) const fn lose(&mut self) {
        self.next = None;
        self.last = None;
        self.is_sure = false;
    }

    /// The position of a packet; `ticks` is its block's timestamp if it is the first in it. `has_grid`: all packets last
    /// the same; `slack`: samples by which timestamps may lie.
    pub(super) fn place(
        &mut self,
        ticks: Option<i64>,
        measure: Measure,
        has_grid: bool,
        slack: i64,
    ) -> i64 {
        let position = match (measure.position, ticks) {
            (Some(sample), _) => {
                let first = *self.first_sample.get_or_insert(sample);
                self.origin = self.origin.or(ticks);
                self.is_sure = true;
                i64::try_from(sample.saturating_sub(first)).unwrap_or(0) - self.delay
            }
            (None, Some(ticks)) => self.follow(ticks, measure, has_grid, slack),
            (None, None) => self.next.or(self.last).unwrap_or(-self.delay),
        };
        self.last = Some(position);
        self.next = measure
            .samples
            .map(|samples| position.saturating_add(samples.into()));
        position
    }

    fn follow(&mut self, ticks: i64, measure: Measure, has_grid: bool, slack: i64) -> i64 {
        let origin = *self.origin.get_or_insert(ticks);
        let stamp = self.samples(ticks.saturating_sub(origin)) - self.delay;
        if let Some(raster) = measure.raster {
            return self.follow_raster(stamp, raster, slack);
        }
        let own = measure
            .samples
            .map(i64::from)
            .filter(|&n| has_grid && n > 0);
        let grid = own.map(|own| *self.grid.get_or_insert(own));
        match self.next {
            None => match grid {
                Some(step) => -self.delay + round_to(stamp + self.delay, step),
                None => stamp - self.ahead(),
            },
            Some(expected) => {
                let gap = stamp.saturating_sub(expected);
                let tolerated = (self.samples(2) + slack).max(grid.unwrap_or(0) / 2);
                if gap <= tolerated {
                    return expected;
                }
                expected + grid.map_or(gap, |step| round_to(gap, step))
            }
        }
    }

    /// A packet that can only begin at certain places: after a jump, the timestamp chooses one of them.
    fn follow_raster(&mut self, stamp: i64, raster: Raster, slack: i64) -> i64 {
        let tolerated = self.samples(2) + slack;
        match self.next {
            Some(expected) if self.is_sure && stamp.saturating_sub(expected) <= tolerated => {
                if raster.late == 0 {
                    self.learn_ahead(stamp.saturating_sub(expected), tolerated);
                }
                expected
            }
            _ => {
                let offset = i64::from(raster.offset) - self.delay;
                let at = stamp - self.ahead() - offset;
                let step = i64::from(raster.step);
                if raster.late == 0 {
                    self.is_sure = true;
                    return offset + round_to(at, step);
                }
                // two kinds of places half a step from each other: while they cannot be told apart, the next packet decides
                self.is_sure = self.spread() <= step / 4;
                let place = round_to(at, step);
                let is_late = (at - place).abs() > step / 4;
                let late = round_to(at - i64::from(raster.late), step);
                offset + if is_late { late } else { place }
            }
        }
    }

    /// The timestamp of a packet was so much ahead of its position, and is rounded by up to half a tick: each one narrows
    /// what all of them are ahead.
    fn learn_ahead(&mut self, by: i64, most: i64) {
        let half = self.samples(1) / 2 + 1;
        let (low, high) = self.ahead.unwrap_or((-most, most));
        let narrowed = (
            low.max(by.saturating_sub(half)),
            high.min(by.saturating_add(half)),
        );
        if narrowed.0 <= narrowed.1 {
            self.ahead = Some(narrowed);
        }
    }

    fn ahead(&self) -> i64 {
        self.ahead.map_or(0, |(low, high)| (low + high) / 2)
    }

    /// Samples by which a position can be off that is told by a timestamp less [`ahead`](Self::ahead).
    fn spread(&self) -> i64 {
        self.ahead.map_or(i64::MAX, |(low, high)| {
            (high - low) / 2 + self.samples(1) / 2 + 1
        })
    }
}

/// The multiple of `step` that is nearest.
fn round_to(value: i64, step: i64) -> i64 {
    (value + step / 2).div_euclid(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPUS: Measure = Measure {
        samples: Some(960),
        position: None,
        raster: None,
    };

    fn clock() -> Clock {
        Clock::new(1_000_000, 48_000, 312)
    }

    #[test]
    fn rounded_timestamps_do_not_shift_packets() {
        let mut clock = clock();
        // as ffmpeg rounds 20 ms packets behind a delay of 6.5 ms
        for (index, ticks) in [0, 21, 41, 61, 81, 101].into_iter().enumerate() {
            let position = clock.place(Some(ticks), OPUS, true, 0);
            assert_eq!(position, index as i64 * 960 - 312);
        }
    }

    #[test]
    fn after_a_jump_the_grid_gives_the_exact_place() {
        let mut clock = clock();
        clock.place(Some(0), OPUS, true, 0);
        clock.lose();
        assert_eq!(clock.place(Some(10_001), OPUS, true, 0), 480_000 - 312);
    }

    #[test]
    fn timestamps_choose_a_place_on_the_raster_whatever_they_are_ahead() {
        // short and long blocks by turns, (2048 + 256) / 4 samples each; a long block in front
        let on_raster = |index: i64| Measure {
            samples: Some(576),
            position: None,
            raster: Some(Raster {
                step: 128,
                offset: index as u32 % 2 * 64,
                late: (1 - index as u32 % 2) * 448,
            }),
        };
        let first = Measure {
            samples: Some(0),
            position: Some(0),
            raster: None,
        };
        for (ahead, late) in [(0, 0), (128, 0), (128, 448), (576, 448), (700, 0)] {
            let mut clock = Clock::new(1_000_000, 44_100, 0);
            let ticks = |index: i64| {
                let at = 576 * index + ahead + (1 - index % 2) * late;
                (at * 1000 + 22_050) / 44_100
            };
            assert_eq!(clock.place(Some(0), first, false, 1024), 0);
            for index in 0..16 {
                let at = clock.place(Some(ticks(index)), on_raster(index), false, 1024);
                assert_eq!(at, 576 * index);
            }
            for index in 1000..1100 {
                clock.lose();
                let at = clock.place(Some(ticks(index)), on_raster(index), false, 1024);
                assert_eq!(at, 576 * index, "{ahead} ahead, {late} late");
            }
        }
    }

    #[test]
    fn missing_packets_leave_a_hole_and_early_stamps_do_not_go_back() {
        let mut clock = clock();
        clock.place(Some(0), OPUS, true, 0);
        assert_eq!(clock.place(Some(101), OPUS, true, 0), 5 * 960 - 312);
        assert_eq!(clock.place(Some(21), OPUS, true, 0), 6 * 960 - 312);
    }

    #[test]
    fn a_stream_that_starts_late_begins_at_0() {
        let mut clock = clock();
        assert_eq!(clock.place(Some(5000), OPUS, true, 0), -312);
        assert_eq!(clock.length(6000.0), Some(48_000 - 312));
    }

    #[test]
    fn times_at_the_end_of_the_numbers_are_only_late() {
        let mut clock = Clock::new(u64::MAX, u32::MAX, 312);
        for ticks in [0, i64::MAX, i64::MIN, i64::MAX] {
            let position = clock.place(Some(ticks), OPUS, true, 4096);
            assert!(position.unsigned_abs() <= 1 << 61, "{position}");
        }
        let fine = Clock::new(1, 1, 0);
        assert_eq!(fine.ticks_before(i64::MAX), i64::MAX - 2);
        assert_eq!(fine.ticks_before(i64::MIN), i64::MIN);
    }
}
