//! Owns: changing the tempo of a stereo stream and leaving its pitch: WSOLA (Verhelst and Roelands, 1993).
//! Never knows: sample rates other than 48 kHz, or that pitch can change too.

use super::kernel::{Lags, run};
use crate::{pcm::PcmBlock, units::SAMPLE_RATE};
use std::{f32::consts::PI, ops::Range};

/// The search looks at every fourth sample first.
const COARSE: usize = 4;
/// How many of the best places of the coarse search are looked at closely.
const FINALISTS: usize = 4;

/// Cuts the input into pieces, drops or repeats some of it, and joins pieces where they are most alike.
///
/// Both channels are joined at the same places, so their phase relation stays. Output sample `n` comes from input
/// sample `n * tempo`, give or take half the search range; the average is exact, and so is the end.
#[derive(Clone, Debug)]
pub(crate) struct Wsola {
    tempo: f64,
    geometry: Geometry,
    input: PcmBlock,
    /// Where in `input` the sound goes on without a cut.
    natural: usize,
    /// Where in `input` the next piece should begin, exactly.
    nominal: f64,
    /// Nothing has come out yet, so there is nothing to join.
    is_first: bool,
    coarse: Coarse,
}

/// Every fourth sample of the neighbourhood in which a join is searched.
#[derive(Clone, Debug, Default)]
struct Coarse {
    wanted: PcmBlock,
    area: PcmBlock,
    scores: Vec<f32>,
}

/// What is kept in front of the next piece for a search, should the tempo change: half the longest piece and half
/// the widest search, in samples, and more.
const REACH_BACK: usize = 4_096;

/// Lengths in samples.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Geometry {
    /// A piece without its crossfade: what every round gives out.
    hop: usize,
    /// Width of the search.
    seek: usize,
    /// The crossfade, a multiple of [`COARSE`].
    overlap: usize,
}

impl Geometry {
    /// Slow tempos repeat: long pieces repeat less often. Fast ones drop: short pieces lose no syllable. The line between
    /// is SoundTouch's (90 to 40 ms for tempos of 0.5 to 2, search over 20 to 15 ms there). Its crossfade is 8 ms; a
    /// longer one is purer with tones and still shorter than what the ear takes for a repetition.
    ///
    /// `scale` is how much shorter all this is made because the sound will be stretched afterwards.
    fn new(tempo: f64, scale: f64) -> Self {
        let way = ((tempo - 0.5) / 1.5).clamp(0.0, 1.0);
        let line = |slow_ms: f64, fast_ms: f64| {
            ((slow_ms + (fast_ms - slow_ms) * way) * scale * f64::from(SAMPLE_RATE) / 1000.0)
                as usize
        };
        let overlap = line(12.0, 12.0) / COARSE * COARSE;
        Self {
            hop: line(90.0, 40.0) - overlap,
            seek: line(24.0, 20.0),
            overlap,
        }
    }
}

impl Wsola {
    /// At the beginning of a stream; `tempo` 1/400 to 400, above 1 is faster; `scale` 0.25 to 2, how long the pieces are
    /// against the usual.
    pub fn new(tempo: f64, scale: f64) -> Self {
        Self {
            tempo,
            geometry: Geometry::new(tempo, scale),
            input: PcmBlock::default(),
            natural: 0,
            nominal: 0.0,
            is_first: true,
            coarse: Coarse::default(),
        }
    }

    /// Another tempo from the next piece on.
    pub fn set(&mut self, tempo: f64, scale: f64) {
        self.tempo = tempo;
        self.geometry = Geometry::new(tempo, scale);
    }

    /// Forgets the stream.
    fn reset(&mut self) {
        self.input.clear();
        (self.natural, self.nominal, self.is_first) = (0, 0.0, true);
    }

    /// Input samples that have not been given out yet, in time.
    pub fn held(&self) -> f64 {
        self.input.len() as f64 - self.nominal
    }

    /// Takes `input` and appends all pieces that are complete.
    pub fn process(&mut self, input: &PcmBlock, out: &mut PcmBlock) {
        self.input.extend_from(input, 0..input.len());
        let Geometry { hop, seek, overlap } = self.geometry;
        loop {
            let target = self.target();
            let last_candidate = target + seek / 2;
            let read = (last_candidate + hop + overlap).max(self.natural + overlap);
            // Not before its own time is over: the end may come, and then the piece would be too long.
            let passed = self.nominal + hop as f64 * self.tempo;
            if self.input.len() < read || (self.input.len() as f64) < passed {
                return;
            }
            let first_candidate = target.saturating_sub(seek / 2);
            let at = if self.is_first {
                self.natural
            } else {
                self.best(first_candidate, target, last_candidate)
            };
            self.join(at, hop, out);
            self.nominal = passed;
            self.forget();
        }
    }

    /// Appends the rest, so that the last output sample is the last input sample, and ends the stream.
    pub fn flush(&mut self, out: &mut PcmBlock) {
        let Geometry { hop, seek, overlap } = self.geometry;
        let len = self.input.len();
        let mut left = ((len as f64 - self.nominal) / self.tempo).round().max(0.0) as usize;
        while left > 0 && len > 0 {
            let piece = if left >= hop + hop / 2 { hop } else { left }.min(len);
            if piece == left {
                self.join(len - piece, piece, out);
            } else {
                // Pieces may not reach beyond the end.
                let limit = len.saturating_sub(piece + overlap);
                let target = self.target();
                let last = (target + seek / 2).min(limit);
                let first = target.saturating_sub(seek / 2).min(last);
                let can_search =
                    !self.is_first && self.natural + overlap <= len && last + overlap <= len;
                let at = if can_search {
                    self.best(first, target, last)
                } else {
                    last.min(self.natural)
                };
                self.join(at, piece, out);
                self.nominal += piece as f64 * self.tempo;
            }
            left -= piece;
        }
        self.reset();
    }

    /// Where the next piece should begin so that its middle is in time: within it sound runs at the old tempo.
    fn target(&self) -> usize {
        (self.nominal + self.geometry.hop as f64 * (self.tempo - 1.0) / 2.0).max(0.0) as usize
    }

    /// Appends `hop` samples from `at` on, faded in over what would have come naturally.
    fn join(&mut self, at: usize, hop: usize, out: &mut PcmBlock) {
        let overlap = self
            .geometry
            .overlap
            .min(hop)
            .min(self.input.len().saturating_sub(self.natural));
        let overlap = if at == self.natural || self.is_first {
            0
        } else {
            overlap
        };
        for (to, from) in out.channels.iter_mut().zip(&self.input.channels) {
            let old = &from[self.natural.min(from.len())..][..overlap];
            let (new, rest) = from[at..at + hop].split_at(overlap);
            to.extend(old.iter().zip(new).enumerate().map(|(n, (old, new))| {
                // The pieces are alike, so amplitudes are shared out, not powers.
                let weight = 0.5 - 0.5 * (PI * (n as f32 + 0.5) / overlap as f32).cos();
                old + weight * (new - old)
            }));
            to.extend_from_slice(rest);
        }
        self.natural = at + hop;
        self.is_first = false;
    }

    /// Drops what neither a piece nor a crossfade can need.
    fn forget(&mut self) {
        let useless = (self.nominal as usize)
            .saturating_sub(REACH_BACK)
            .min(self.natural)
            .min(self.input.len());
        self.input.drop_front(useless);
        self.natural -= useless;
        self.nominal -= useless as f64;
    }

    /// Where from `first` to `last`, preferably near `target`, the input is most like what would come naturally.
    fn best(&mut self, first: usize, target: usize, last: usize) -> usize {
        let overlap = self.geometry.overlap;
        let mut coarse = std::mem::take(&mut self.coarse);
        let len = overlap / COARSE;
        decimate(&self.input, self.natural, len, &mut coarse.wanted);
        let reach = (last - first) / COARSE + len;
        let reach = reach.min((self.input.len() - first) / COARSE);
        decimate(&self.input, first, reach, &mut coarse.area);
        let half = ((last - first) as f64 / 2.0).max(1.0);
        let away = |at: usize| away((at as f64 - target as f64) / half);
        let search = Search::new(&coarse.wanted, 0, len, &coarse.area);
        coarse.scores.clear();
        let places = (reach + 1).saturating_sub(len);
        search.likeness(0..places, &mut coarse.scores);
        for (place, score) in coarse.scores.iter_mut().enumerate() {
            *score -= away(first + place * COARSE);
        }

        let search = Search::new(&self.input, self.natural, overlap, &self.input);
        let mut best = (f32::NEG_INFINITY, target.clamp(first, last));
        let finalists = finalists(&coarse.scores);
        for place in finalists.into_iter().flatten() {
            let middle = first + place * COARSE;
            // Eight places make a vector.
            let from = middle.saturating_sub(COARSE).max(first);
            let range = from..(middle + COARSE).min(last + 1);
            search.likeness(range.clone(), &mut coarse.scores);
            for (at, likeness) in range.zip(&coarse.scores) {
                let score = likeness - away(at);
                if score > best.0 {
                    best = (score, at);
                }
            }
        }
        self.coarse = coarse;
        best.1
    }
}

/// A stretch of sound that is searched for in another.
struct Search<'a> {
    wanted: [&'a [f32]; 2],
    energy: f64,
    area: &'a PcmBlock,
}

impl<'a> Search<'a> {
    /// Looks for `len` samples of `block` from `at` on.
    fn new(block: &'a PcmBlock, at: usize, len: usize, area: &'a PcmBlock) -> Self {
        let [left, right] = &block.channels;
        let wanted = [&left[at..at + len], &right[at..at + len]];
        Self {
            wanted,
            energy: energy(wanted),
            area,
        }
    }

    /// Correlation of both channels together with each of the `places` in the area, −1 to 1; 0 with silence.
    fn likeness(&self, places: Range<usize>, to: &mut Vec<f32>) {
        let len = self.wanted[0].len();
        to.clear();
        to.resize(places.len(), 0.0);
        for (wanted, area) in self.wanted.into_iter().zip(&self.area.channels) {
            let area = &area[places.start..][..places.len() + len - 1];
            run(Lags {
                wanted,
                area,
                sums: to,
            });
        }
        let [left, right] = self
            .area
            .channels
            .each_ref()
            .map(|channel| &channel[places.start..]);
        let mut found = energy([&left[..len], &right[..len]]);
        for (place, sum) in to.iter_mut().enumerate() {
            // Far below the quietest sound a file can hold.
            *sum = (f64::from(*sum) / (found * self.energy + 1e-18).sqrt()) as f32;
            if let (Some(l), Some(r)) = (left.get(place + len), right.get(place + len)) {
                let square = |x: &f32| f64::from(*x) * f64::from(*x);
                let (new, old) = (
                    square(l) + square(r),
                    square(&left[place]) + square(&right[place]),
                );
                found = (found + new - old).max(0.0);
            }
        }
    }
}

/// Sum of the squares of both channels.
fn energy(samples: [&[f32]; 2]) -> f64 {
    let square = |x: &f32| f64::from(*x) * f64::from(*x);
    samples.into_iter().flatten().map(square).sum()
}

/// What a place loses for lying far from where it should: enough to decide between equals, not between good and bad.
fn away(way: f64) -> f32 {
    0.000_1 * (way * way) as f32
}

/// Means of [`COARSE`] samples each, from `from` on.
fn decimate(input: &PcmBlock, from: usize, len: usize, to: &mut PcmBlock) {
    for (to, input) in to.channels.iter_mut().zip(&input.channels) {
        to.clear();
        to.extend(
            input[from..from + len * COARSE]
                .chunks_exact(COARSE)
                .map(|c| c.iter().sum::<f32>()),
        );
    }
}

/// The places of the highest peaks, best first.
fn finalists(scores: &[f32]) -> [Option<usize>; FINALISTS] {
    let mut best = [None; FINALISTS];
    for (place, &score) in scores.iter().enumerate() {
        let higher = |at: Option<&f32>| at.is_some_and(|&other| other > score);
        if higher(place.checked_sub(1).and_then(|at| scores.get(at)))
            || higher(scores.get(place + 1))
        {
            continue;
        }
        let mut candidate = Some(place);
        for slot in &mut best {
            let beats = match (*slot, candidate) {
                (Some(held), Some(new)) => scores[new] > scores[held],
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if beats {
                std::mem::swap(slot, &mut candidate);
            }
        }
    }
    best
}
