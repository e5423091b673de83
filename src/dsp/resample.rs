//! Owns: changing the sample rate of a stereo stream, without delay and without losing count.
//! Never knows: codecs, or why a rate changes.

use super::polyphase::{Purpose, ResamplingQuality, Table, table};
use crate::float::Float as _;
use crate::{
    kernel::{Fir4, kernels},
    pcm::{PcmBlock, Scratch},
};
use alloc::{sync::Arc, vec::Vec};
use core::ops::RangeInclusive;

/// Rates that [`Resampler::new`] takes, in Hz.
pub const RATES: RangeInclusive<u32> = 1_000..=768_000;

/// A rate outside [`RATES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sample rate of {0} Hz is outside 1000 to 768000 Hz")]
pub struct UnsupportedRate(
    /// The rate, in Hz.
    pub u32,
);

/// Denominator of ratios that change while they run: a millionth is 0.002 cents.
const FINE: u64 = 1_000_000;
/// Samples over which one rate hands over to another: 1 ms.
pub(crate) const BLEND: usize = 48;
/// Bound of a ratio that changes while it runs, and of its inverse.
const MAX_RATIO: f64 = 20.0;

/// Converts a stream from one rate to another with a polyphase windowed sinc.
///
/// Output sample `n` is the signal at `n * from / to` input samples after the first: nothing is delayed, and `len`
/// samples in give exactly `ceil(len * to / from)` out, counted in integers. How the input is cut into blocks does not
/// change a bit of the output.
#[derive(Clone, Debug)]
pub struct Resampler {
    /// Samples from `half` before the next output's instant on.
    history: PcmBlock,
    /// Index in `history` of the first sample under the filter.
    start: usize,
    /// How far the next output lies behind a sample, in parts of `to`.
    fraction: u64,
    /// Input samples per `to` output samples.
    from: u64,
    to: u64,
    /// `from / to` and `from % to`.
    whole: usize,
    rest: u64,
    table: Arc<Table>,
    purpose: Purpose,
    /// Whether nothing has to be done.
    is_identity: bool,
    /// Samples to keep in front of the filter, for a longer one to come.
    kept: usize,
    /// Four interpolated rows.
    scratch: Scratch<Vec<f32>>,
}

impl Resampler {
    /// A resampler at the beginning of a stream.
    ///
    /// # Errors
    /// [`UnsupportedRate`] when either rate lies outside [`RATES`].
    pub fn new(
        from_hz: u32,
        to_hz: u32,
        quality: ResamplingQuality,
    ) -> Result<Self, UnsupportedRate> {
        for rate in [from_hz, to_hz] {
            if !RATES.contains(&rate) {
                return Err(UnsupportedRate(rate));
            }
        }
        let (from, to) = (u64::from(from_hz), u64::from(to_hz));
        let divisor = gcd(from, to);
        Ok(Self::with_ratio(
            from / divisor,
            to / divisor,
            true,
            Purpose::Rate(quality),
        ))
    }

    /// A resampler that transposes and whose ratio may change: `ratio` input samples per output sample, 0.05 to 20.
    pub(crate) fn variable(ratio: f64) -> Self {
        let from = fine(ratio);
        let divisor = gcd(from, FINE);
        let mut resampler =
            Self::with_ratio(from / divisor, FINE / divisor, true, Purpose::Transposition);
        resampler.is_identity = false;
        resampler.kept = resampler.purpose.longest_half(MAX_RATIO);
        resampler
    }

    /// Goes on with another ratio from the next output on; for a resampler made [`variable`](Self::variable).
    pub(crate) fn set_ratio(&mut self, ratio: f64) {
        let from = fine(ratio);
        // The denominator divides a million, so this loses nothing.
        let scale = FINE / self.to;
        if from == self.from * scale {
            return;
        }
        let centre = self.start + self.before();
        self.table = table(from, FINE, false, self.purpose);
        self.refit(centre);
        (self.from, self.to, self.fraction) = (from, FINE, self.fraction * scale);
        (self.whole, self.rest) = ((from / FINE) as usize, from % FINE);
    }

    /// Goes on with another quality, no better than the one it was made [`new`](Self::new) with, from the next output on.
    /// Filters of all lengths have the same middle and differ above 18 kHz only, so there is no seam.
    pub fn set_quality(&mut self, quality: ResamplingQuality) {
        let purpose = Purpose::Rate(quality);
        if self.purpose == purpose || self.is_identity {
            return;
        }
        let centre = self.start + self.before();
        // what the longest filter so far finds in front of it when it comes back
        let reach = self.kept + self.before();
        self.purpose = purpose;
        self.table = table(self.from, self.to, true, purpose);
        self.kept = reach.saturating_sub(self.before());
        self.refit(centre);
    }

    /// Begins at the same instant with a table of another length.
    fn refit(&mut self, centre: usize) {
        match centre.checked_sub(self.before()) {
            Some(start) => self.start = start,
            None => {
                // The stream is younger than the longer filter: silence came before it.
                let missing = self.before() - centre;
                for channel in &mut self.history.channels {
                    channel.splice(..0, core::iter::repeat_n(0.0, missing));
                }
                self.start = 0;
            }
        }
    }

    /// Makes `past` what came before the first sample of the stream; for a resampler that has taken nothing yet.
    pub(crate) fn prime(&mut self, past: &PcmBlock) {
        let known = past.len().min(self.history.len());
        for (history, past) in self.history.channels.iter_mut().zip(&past.channels) {
            let at = history.len() - known;
            history[at..].copy_from_slice(&past[past.len() - known..]);
        }
    }

    fn with_ratio(from: u64, to: u64, exact: bool, purpose: Purpose) -> Self {
        let mut resampler = Self {
            history: PcmBlock::default(),
            start: 0,
            fraction: 0,
            from,
            to,
            whole: (from / to) as usize,
            rest: from % to,
            table: table(from, to, exact, purpose),
            purpose,
            is_identity: from == to,
            kept: 0,
            scratch: Scratch::default(),
        };
        resampler.reset();
        resampler
    }

    /// Forgets the stream; the next sample is the first of a new one.
    pub fn reset(&mut self) {
        self.history.clear();
        self.history.resize(self.before());
        (self.start, self.fraction) = (0, 0);
    }

    /// Gives back the memory that is of no use until more comes.
    pub fn rest(&mut self) {
        self.history.shrink();
        self.scratch = Scratch::default();
    }

    /// Takes `input` and appends to `out` every sample that is certain by now.
    pub fn process(&mut self, input: &PcmBlock, out: &mut PcmBlock) {
        if self.is_identity {
            out.extend_from(input, 0..input.len());
            return;
        }
        self.history.extend_from(input, 0..input.len());
        self.produce(u64::MAX, out);
        self.forget();
    }

    /// Appends the tail as if silence followed, and ends the stream: the next sample begins a new one.
    pub fn flush(&mut self, out: &mut PcmBlock) {
        if !self.is_identity {
            let ahead = self.table.taps / 2;
            let wanted = self.outputs_before(self.history.len(), 0);
            self.history.resize(self.history.len() + ahead);
            self.produce(wanted, out);
        }
        self.reset();
    }

    /// Ends the stream where `next` goes on in its own rate: appends the tail, and on top up to [`BLEND`] samples of what
    /// this resampler would have made of `next`, to fade out under its beginning. Returns their number.
    pub(crate) fn hand_over(&mut self, next: &PcmBlock, out: &mut PcmBlock) -> usize {
        let ahead = self.table.taps / 2;
        // The last output lies half a sample to one and a half before `next`.
        let wanted = self.outputs_before(self.history.len(), self.to / 2);
        let room = next.len().saturating_sub(ahead + 2) as u64 * self.to / self.from;
        let blended = room.min(BLEND as u64);
        let known = next
            .len()
            .min(ahead + (blended * self.from).div_ceil(self.to) as usize + 2);
        self.history.extend_from(next, 0..known);
        let missing = ahead.saturating_sub(known);
        self.history.resize(self.history.len() + missing);
        self.produce(wanted + blended, out);
        self.reset();
        blended as usize
    }

    /// Input samples taken that no output has reached.
    pub(crate) fn held(&self) -> f64 {
        let reached = self.start + self.before();
        self.history.len() as f64 - reached as f64 - self.fraction as f64 / self.to as f64
    }

    /// How many more outputs have their instant before sample `end` of the history, less `margin` parts of `to`.
    fn outputs_before(&self, end: usize, margin: u64) -> u64 {
        let Some(samples) = end.checked_sub(self.start + self.before()) else {
            return 0;
        };
        (samples as u64 * self.to)
            .saturating_sub(self.fraction + margin)
            .div_ceil(self.from)
    }

    /// Samples of a row in front of the wanted instant.
    fn before(&self) -> usize {
        self.table.taps / 2 - 1
    }

    /// Appends at most `limit` outputs, as far as the history reaches.
    fn produce(&mut self, limit: u64, out: &mut PcmBlock) {
        let Some(room) = self.history.len().checked_sub(self.start + self.table.taps) else {
            return;
        };
        // The last output whose first sample is at most `room` beyond `start`.
        let reach = (room as u64 + 1) * self.to - 1 - self.fraction;
        let count = (reach / self.from + 1).min(limit) as usize;
        let at = out.len();
        out.resize(at + count);
        let [left, right] = &mut out.channels;
        if self.table.interpolated {
            self.scratch.0.resize(4 * self.table.taps, 0.0);
        }
        let fir4 = kernels().fir4;
        let (mut left, mut right) = (
            left[at..].chunks_exact_mut(4),
            right[at..].chunks_exact_mut(4),
        );
        for (left, right) in (&mut left).zip(&mut right) {
            let made = self.four(4, fir4);
            left.copy_from_slice(&made[0]);
            right.copy_from_slice(&made[1]);
        }
        let (left, right) = (left.into_remainder(), right.into_remainder());
        if !left.is_empty() {
            let made = self.four(left.len(), fir4);
            left.copy_from_slice(&made[0][..left.len()]);
            right.copy_from_slice(&made[1][..right.len()]);
        }
    }

    /// The next `count` outputs, at most four; what stands beyond them is meaningless.
    #[inline(always)]
    fn four(&mut self, count: usize, fir4: fn(&Fir4) -> [[f32; 4]; 2]) -> [[f32; 4]; 2] {
        let (mut rows, mut starts) = ([0; 4], [self.start; 4]);
        for i in 0..count {
            (rows[i], starts[i]) = (self.row(i), self.start);
            self.step();
        }
        fir4(&Fir4 {
            rows: if self.table.interpolated {
                &self.scratch.0
            } else {
                &self.table.rows
            },
            row_at: rows,
            left: &self.history.channels[0],
            right: &self.history.channels[1],
            at: starts,
            taps: self.table.taps,
        })
    }

    /// Where the next output's row begins: in the table, or interpolated in row `slot` of the scratch.
    #[inline(always)]
    fn row(&mut self, slot: usize) -> usize {
        let taps = self.table.taps;
        if !self.table.interpolated {
            return self.fraction as usize * taps;
        }
        let position = self.fraction * self.table.phases;
        let row = (position / self.to) as usize * taps;
        let weight = (position % self.to) as f32 / self.to as f32;
        let (a, b) = self.table.rows[row..row + 2 * taps].split_at(taps);
        for ((c, a), b) in self.scratch.0[slot * taps..][..taps]
            .iter_mut()
            .zip(a)
            .zip(b)
        {
            *c = a + weight * (b - a);
        }
        slot * taps
    }

    /// Goes on by one output.
    #[inline(always)]
    fn step(&mut self) {
        // No division: it would cost as much as the filter itself.
        self.start += self.whole;
        self.fraction += self.rest;
        if self.fraction >= self.to {
            self.fraction -= self.to;
            self.start += 1;
        }
    }

    /// Drops what no output needs any more.
    fn forget(&mut self) {
        let useless = self.start.saturating_sub(self.kept).min(self.history.len());
        if useless > 0 {
            self.history.drop_front(useless);
            self.start -= useless;
        }
    }
}

/// Samples at `from_hz` between places that fall exactly on a sample at `to_hz`: there, and only there, a stream can be cut
/// and resampled on from the cut with the same result. Rates of 0 count as 1.
#[must_use]
pub fn exact_step(from_hz: u32, to_hz: u32) -> u64 {
    let from = u64::from(from_hz.max(1));
    from / gcd(from, to_hz.max(1).into())
}

/// A ratio in millionths.
fn fine(ratio: f64) -> u64 {
    (ratio.clamp(1.0 / MAX_RATIO, MAX_RATIO) * FINE as f64).round() as u64
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
