//! Owns: changing the sample rate of a stereo stream, without delay and without losing count.
//! Never knows: codecs, or why a rate changes.

use super::{
    kernel::{Fir4, kernels},
    polyphase::{Purpose, ResamplingQuality, Table, table},
};
use crate::pcm::PcmBlock;
use std::{ops::RangeInclusive, sync::Arc};

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
    scratch: Vec<f32>,
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
        (self.from, self.to, self.fraction) = (from, FINE, self.fraction * scale);
        (self.whole, self.rest) = ((from / FINE) as usize, from % FINE);
        match centre.checked_sub(self.before()) {
            Some(start) => self.start = start,
            None => {
                // The stream is younger than the longer filter: silence came before it.
                let missing = self.before() - centre;
                for channel in &mut self.history.channels {
                    channel.splice(..0, std::iter::repeat_n(0.0, missing));
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
            scratch: Vec::new(),
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
            self.scratch.resize(4 * self.table.taps, 0.0);
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
                &self.scratch
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
        for ((c, a), b) in self.scratch[slot * taps..][..taps].iter_mut().zip(a).zip(b) {
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
pub(crate) fn exact_step(from_hz: u32, to_hz: u32) -> u64 {
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
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn tone(rate: u32, hz: f64, len: usize) -> PcmBlock {
        let wave = |gain: f64| {
            (0..len)
                .map(|n| (gain * (TAU * hz * n as f64 / f64::from(rate)).sin()) as f32)
                .collect()
        };
        PcmBlock {
            channels: [wave(0.5), wave(-0.25)],
        }
    }

    fn convert(
        from: u32,
        to: u32,
        quality: ResamplingQuality,
        input: &PcmBlock,
        block: usize,
    ) -> PcmBlock {
        through(Resampler::new(from, to, quality).unwrap(), input, block)
    }

    fn through(mut resampler: Resampler, input: &PcmBlock, block: usize) -> PcmBlock {
        let (mut out, mut piece) = (PcmBlock::default(), PcmBlock::default());
        for at in (0..input.len()).step_by(block) {
            piece.clear();
            piece.extend_from(input, at..(at + block).min(input.len()));
            resampler.process(&piece, &mut out);
        }
        resampler.flush(&mut out);
        out
    }

    /// To 48 kHz.
    fn resampler(from: u32, quality: ResamplingQuality) -> Resampler {
        Resampler::new(from, 48_000, quality).unwrap()
    }

    /// Gain of a tone in dB, and what is left of the signal when the tone is taken out, in dB of it. Both by least
    /// squares against sine and cosine, over the middle of the signal.
    fn gain_and_rest(from: u32, hz: f64, resampler: Resampler) -> (f64, f64) {
        let out = through(resampler, &tone(from, hz, from as usize / 10), 1152);
        let x = &out.channels[0][600..out.len() - 600];
        let [mut ss, mut sc, mut cc, mut xs, mut xc] = [0.0f64; 5];
        let phase = |n: usize| TAU * hz * (n + 600) as f64 / 48_000.0;
        for (n, &x) in x.iter().enumerate() {
            let (s, c) = phase(n).sin_cos();
            ss += s * s;
            sc += s * c;
            cc += c * c;
            xs += f64::from(x) * s;
            xc += f64::from(x) * c;
        }
        let det = ss * cc - sc * sc;
        let (a, b) = ((xs * cc - xc * sc) / det, (xc * ss - xs * sc) / det);
        let rest: f64 = x
            .iter()
            .enumerate()
            .map(|(n, &x)| (f64::from(x) - a * phase(n).sin() - b * phase(n).cos()).powi(2))
            .sum();
        let tone = (a * a + b * b) / 2.0 * x.len() as f64;
        assert!(b.abs() < 1e-3 * a.abs(), "a tone of {hz} Hz is not delayed");
        (
            10.0 * (tone / (x.len() as f64 * 0.125)).log10(),
            10.0 * (rest / tone).log10(),
        )
    }

    #[test]
    fn tones_keep_their_level_and_leave_no_images() {
        for (quality, flat_to, flat_db, images_db) in [
            (ResamplingQuality::Low, 18_000.0, 0.05, -84.0),
            (ResamplingQuality::Medium, 19_500.0, 0.05, -100.0),
            (ResamplingQuality::High, 20_000.0, 0.05, -114.0),
        ] {
            for hz in [
                1_000.0, 5_000.0, 10_000.0, 15_000.0, 18_000.0, 19_500.0, 20_000.0,
            ] {
                let (gain, rest) = gain_and_rest(44_100, hz, resampler(44_100, quality));
                println!("{quality:?} {hz} Hz: {gain:.3} dB, rest {rest:.1} dB");
                assert!(rest < images_db, "{quality:?} {hz} Hz: rest {rest:.1} dB");
                assert!(
                    hz > flat_to || gain.abs() < flat_db,
                    "{quality:?} {hz} Hz: {gain:.3} dB"
                );
            }
        }
    }

    #[test]
    fn other_rates_are_as_clean() {
        for (from, hz, images_db) in [
            (8_000, 3_000.0, -80.0),
            (11_025, 4_000.0, -80.0),
            (22_050, 9_000.0, -80.0),
            (32_000, 13_000.0, -80.0),
            (44_056, 15_000.0, -80.0),
            (88_200, 18_000.0, -80.0),
            (96_000, 18_000.0, -80.0),
            (192_000, 18_000.0, -80.0),
        ] {
            let (gain, rest) = gain_and_rest(from, hz, resampler(from, ResamplingQuality::Low));
            println!("{from} {hz}: {gain:.3} {rest:.1}");
            assert!(
                gain.abs() < 0.05 && rest < images_db,
                "{from} {hz}: {gain:.3} {rest:.1}"
            );
        }
    }

    #[test]
    fn transposing_is_flat_to_where_opus_ends_and_leaves_no_images() {
        for ratio in [0.5, 0.8, 0.997_5, 1.2, 1.25, 2.0] {
            // Transposed up by the ratio, a sound is what it would be at the ratio times the rate.
            let from = (48_000.0 * ratio) as u32;
            for part in [0.02, 0.2, 0.5, 0.8, 0.985] {
                let hz = part * 20_000.0 * f64::min(ratio, 1.0);
                let (gain, rest) = gain_and_rest(from, hz, Resampler::variable(ratio));
                println!("{ratio} {hz}: {gain:.3} {rest:.1}");
                assert!(
                    gain.abs() < 0.12 && rest < -128.0,
                    "{ratio} {hz} Hz: {gain:.3} dB, rest {rest:.1} dB"
                );
            }
        }
    }

    #[test]
    fn what_48_khz_cannot_carry_is_gone() {
        // The original's LOW lets 30 kHz through as 18 kHz at full level.
        let out = convert(
            96_000,
            48_000,
            ResamplingQuality::Low,
            &tone(96_000, 30_000.0, 9_600),
            960,
        );
        let peak = out.channels[0][200..out.len() - 200]
            .iter()
            .fold(0.0f32, |m, x| m.max(x.abs()));
        assert!(peak < 5e-5, "{peak}");
    }

    #[test]
    fn the_length_is_exact_for_every_rate() {
        for from in [
            1_000, 7_999, 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 37_800, 44_056,
            44_100, 47_999, 48_000, 50_000, 64_000, 88_200, 96_000, 176_400, 192_000, 384_000,
            768_000,
        ] {
            for len in [0usize, 1, 2, 63, 960, 1_153, 4_000] {
                let out = convert(
                    from,
                    48_000,
                    ResamplingQuality::Low,
                    &tone(from, 200.0, len),
                    700,
                );
                let want = (len as u64 * 48_000).div_ceil(u64::from(from));
                assert_eq!(out.len() as u64, want, "{len} samples at {from} Hz");
            }
        }
    }

    #[test]
    fn the_cut_into_blocks_changes_nothing() {
        for from in [8_000, 44_100, 44_056, 96_000] {
            let input = tone(from, 440.0, 5_000);
            let whole = convert(from, 48_000, ResamplingQuality::Low, &input, 5_000);
            for block in [1, 7, 576, 1_024] {
                let cut = convert(from, 48_000, ResamplingQuality::Low, &input, block);
                assert!(whole == cut, "{from} Hz in blocks of {block}");
            }
        }
    }

    #[test]
    fn an_impulse_stays_where_it_is() {
        for from in [24_000u32, 44_100, 44_056, 96_000] {
            let mut input = PcmBlock::default();
            input.resize(4_000);
            input.channels[0][2_000] = 1.0;
            let out = convert(from, 48_000, ResamplingQuality::High, &input, 960);
            // Centre of gravity of the squared output, as the window is symmetric.
            let (mut sum, mut moment) = (0.0, 0.0);
            for (n, &x) in out.channels[0].iter().enumerate() {
                sum += f64::from(x).powi(2);
                moment += f64::from(x).powi(2) * n as f64;
            }
            let want = 2_000.0 * 48_000.0 / f64::from(from);
            assert!(
                (moment / sum - want).abs() < 0.01,
                "{from}: {} not {want}",
                moment / sum
            );
            assert!(
                out.channels[1].iter().all(|&x| x == 0.0),
                "the right channel stays silent"
            );
        }
    }

    #[test]
    fn a_reset_resampler_is_a_new_one() {
        let input = tone(44_100, 1_000.0, 2_000);
        let mut used = Resampler::new(44_100, 48_000, ResamplingQuality::Low).unwrap();
        let (mut first, mut second) = (PcmBlock::default(), PcmBlock::default());
        used.process(&tone(44_100, 3_000.0, 777), &mut first);
        used.reset();
        first.clear();
        used.process(&input, &mut first);
        used.flush(&mut first);
        used.process(&input, &mut second);
        used.flush(&mut second);
        assert!(
            first == convert(44_100, 48_000, ResamplingQuality::Low, &input, 2_000)
                && second == first
        );
    }

    #[test]
    fn equal_rates_pass_bits_through() {
        let input = tone(48_000, 997.0, 1_000);
        assert!(convert(48_000, 48_000, ResamplingQuality::High, &input, 333) == input);
    }

    #[test]
    fn an_absurd_rate_is_an_error_that_names_it() {
        let error = Resampler::new(0, 48_000, ResamplingQuality::Low).expect_err("0 Hz is no rate");
        assert_eq!(
            error.to_string(),
            "a sample rate of 0 Hz is outside 1000 to 768000 Hz"
        );
        assert!(Resampler::new(u32::MAX, 48_000, ResamplingQuality::Low).is_err());
    }
}
