//! Owns: changing the tempo of a stereo stream and leaving its pitch: WSOLA (Verhelst and Roelands, 1993).
//! Never knows: sample rates other than 48 kHz, or that pitch can change too.

use super::kernel::kernels;
use crate::{pcm::PcmBlock, units::SAMPLE_RATE};
use std::f32::consts::PI;

/// Samples at 48 kHz.
const fn ms(ms: usize) -> usize {
    ms * SAMPLE_RATE as usize / 1000
}

/// Length of the crossfade between two pieces. SoundTouch takes 8 ms; longer is purer with tones and still shorter than
/// what the ear takes for a repetition. A multiple of [`COARSE`].
const OVERLAP: usize = ms(12);
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

/// A piece's length without its crossfade, and the width of the search, in samples.
///
/// Slow tempos repeat: long pieces repeat less often. Fast ones drop: short pieces lose no syllable. The line between
/// is SoundTouch's (90 to 40 ms for tempos of 0.5 to 2, search over 20 to 15 ms).
fn geometry(tempo: f64) -> (usize, usize) {
    let way = ((tempo - 0.5) / 1.5).clamp(0.0, 1.0);
    let line = |slow_ms: f64, fast_ms: f64| {
        (slow_ms + (fast_ms - slow_ms) * way) * f64::from(SAMPLE_RATE) / 1000.0
    };
    (
        line(90.0, 40.0) as usize - OVERLAP,
        line(24.0, 20.0) as usize,
    )
}

impl Wsola {
    /// At the beginning of a stream; `tempo` 1/400 to 400, above 1 is faster.
    pub fn new(tempo: f64) -> Self {
        Self {
            tempo,
            input: PcmBlock::default(),
            natural: 0,
            nominal: 0.0,
            is_first: true,
            coarse: Coarse::default(),
        }
    }

    /// Another tempo from the next piece on.
    pub fn set_tempo(&mut self, tempo: f64) {
        self.tempo = tempo;
    }

    /// Forgets the stream.
    pub fn reset(&mut self) {
        *self = Self::new(self.tempo);
    }

    /// Input samples that have not been given out yet, in time.
    pub fn held(&self) -> f64 {
        self.input.len() as f64 - self.nominal
    }

    /// Takes `input` and appends all pieces that are complete.
    pub fn process(&mut self, input: &PcmBlock, out: &mut PcmBlock) {
        self.input.extend_from(input, 0..input.len());
        let (hop, seek) = geometry(self.tempo);
        loop {
            let last_candidate = self.nominal as usize + seek / 2;
            let read = (last_candidate + hop + OVERLAP).max(self.natural + OVERLAP);
            // Not before its own time is over: the end may come, and then the piece would be too long.
            let passed = self.nominal + hop as f64 * self.tempo;
            if self.input.len() < read || (self.input.len() as f64) < passed {
                return;
            }
            let first_candidate = (self.nominal as usize).saturating_sub(seek / 2);
            let at = if self.is_first {
                self.natural
            } else {
                self.best(first_candidate, last_candidate)
            };
            self.join(at, hop, out);
            self.nominal = passed;
            self.forget(seek);
        }
    }

    /// Appends the rest, so that the last output sample is the last input sample, and ends the stream.
    pub fn flush(&mut self, out: &mut PcmBlock) {
        let (hop, seek) = geometry(self.tempo);
        let len = self.input.len();
        let mut left = ((len as f64 - self.nominal) / self.tempo).round().max(0.0) as usize;
        while left > 0 && len > 0 {
            let piece = if left >= hop + hop / 2 { hop } else { left }.min(len);
            if piece == left {
                self.join(len - piece, piece, out);
            } else {
                // Pieces may not reach beyond the end.
                let limit = len.saturating_sub(piece + OVERLAP);
                let last = (self.nominal as usize + seek / 2).min(limit);
                let first = (self.nominal as usize).saturating_sub(seek / 2).min(last);
                let can_search =
                    !self.is_first && self.natural + OVERLAP <= len && last + OVERLAP <= len;
                let at = if can_search {
                    self.best(first, last)
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

    /// Appends `hop` samples from `at` on, faded in over what would have come naturally.
    fn join(&mut self, at: usize, hop: usize, out: &mut PcmBlock) {
        let overlap = OVERLAP
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
    fn forget(&mut self, seek: usize) {
        // A tempo may be set in between, whose search is wider than this one's.
        let margin = seek.max(geometry(0.0).1);
        let useless = (self.nominal as usize)
            .saturating_sub(margin)
            .min(self.natural)
            .min(self.input.len());
        self.input.drop_front(useless);
        self.natural -= useless;
        self.nominal -= useless as f64;
    }

    /// Where from `first` to `last` the input is most like what would come naturally.
    fn best(&mut self, first: usize, last: usize) -> usize {
        let mut coarse = std::mem::take(&mut self.coarse);
        let places = (last - first) / COARSE + 1;
        decimate(
            &self.input,
            self.natural,
            OVERLAP / COARSE,
            &mut coarse.wanted,
        );
        let area = (places - 1 + OVERLAP / COARSE).min((self.input.len() - first) / COARSE);
        decimate(&self.input, first, area, &mut coarse.area);
        let centre = (self.nominal - first as f64) / COARSE as f64;
        let half = (places as f64 / 2.0).max(1.0);
        let places = places.min((area + 1).saturating_sub(OVERLAP / COARSE));
        coarse.scores.clear();
        let mut energy = f64::NAN;
        for place in 0..places {
            energy = energy_at(&coarse.area, place, OVERLAP / COARSE, energy);
            let likeness = likeness(
                &coarse.wanted,
                0,
                &coarse.area,
                place,
                OVERLAP / COARSE,
                energy,
            );
            coarse
                .scores
                .push(likeness - away((place as f64 - centre) / half));
        }
        let mut best = (
            f32::NEG_INFINITY,
            (self.nominal as usize).clamp(first, last),
        );
        for place in finalists(&coarse.scores).into_iter().flatten() {
            let middle = first + place * COARSE;
            let from = middle.saturating_sub(COARSE - 1).max(first);
            let to = (middle + COARSE - 1).min(last);
            let mut energy = f64::NAN;
            for at in from..=to {
                energy = energy_at(&self.input, at, OVERLAP, energy);
                let score = likeness(&self.input, self.natural, &self.input, at, OVERLAP, energy)
                    - away((at as f64 - self.nominal) / (half * COARSE as f64));
                if score > best.0 {
                    best = (score, at);
                }
            }
        }
        self.coarse = coarse;
        best.1
    }
}

/// What a place loses for lying far from where it should: enough to decide between equals, not between good and bad.
fn away(way: f64) -> f32 {
    0.002 * (way * way) as f32
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

/// Energy of `len` samples of both channels from `at` on; `before` is that of one sample earlier, or NaN.
fn energy_at(block: &PcmBlock, at: usize, len: usize, before: f64) -> f64 {
    let square = |x: f32| f64::from(x) * f64::from(x);
    if before.is_nan() {
        return block
            .channels
            .iter()
            .map(|c| c[at..at + len].iter().map(|&x| square(x)).sum::<f64>())
            .sum();
    }
    let change: f64 = block
        .channels
        .iter()
        .map(|c| square(c[at + len - 1]) - square(c[at - 1]))
        .sum();
    (before + change).max(0.0)
}

/// Correlation of both channels together, against the energy of the candidate: −1 to 1 times a constant.
fn likeness(a: &PcmBlock, a_at: usize, b: &PcmBlock, b_at: usize, len: usize, energy: f64) -> f32 {
    let dot = kernels().dot;
    let sum: f32 = a
        .channels
        .iter()
        .zip(&b.channels)
        .map(|(a, b)| dot(&a[a_at..a_at + len], &b[b_at..b_at + len]))
        .sum();
    (f64::from(sum) / (energy + 1e-9).sqrt()) as f32
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
