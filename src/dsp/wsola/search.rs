//! Owns: finding where a piece of sound is most like another.
//! Never knows: why, or what is done there.

use crate::float::Float as _;
use crate::{
    kernel::{Lags, kernels},
    pcm::PcmBlock,
};
use alloc::vec::Vec;
use core::ops::Range;

/// The search looks at every fourth sample first.
pub(super) const COARSE: usize = 4;
/// How many of the best places of the coarse search are looked at closely.
const FINALISTS: usize = 4;
/// In haste, the search looks at every so many samples first, and at so many places closely: half the work.
const HASTY_COARSE: usize = 8;
const HASTY_FINALISTS: usize = 2;

/// What a search has found.
pub(super) struct Found {
    /// The place, in samples.
    pub at: usize,
    /// How far from there the two are alike even more, in samples: −0.5 to 0.5.
    pub offset: f64,
    /// Their correlation, 0 to 1.
    pub likeness: f32,
}

/// Memory of a search; nothing of it is needed by the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    /// Every fourth sample of what is looked for.
    wanted: PcmBlock,
    /// Every fourth sample of where it is looked for.
    area: PcmBlock,
    scores: Vec<f32>,
}

impl Search {
    /// Where from `first` to `last`, preferably near `target`, the input is most like the `overlap` samples from `natural`
    /// on. All of these begin and end within the input; `overlap` is a multiple of [`COARSE`]. In haste
    /// it looks less closely.
    pub fn best(
        &mut self,
        input: &PcmBlock,
        natural: usize,
        overlap: usize,
        (first, target, last): (usize, usize, usize),
        is_hasty: bool,
    ) -> Found {
        let (coarse, most) = if is_hasty {
            (HASTY_COARSE, HASTY_FINALISTS)
        } else {
            (COARSE, FINALISTS)
        };
        let len = overlap / coarse;
        decimate(input, natural, len, coarse, &mut self.wanted);
        let reach = (last - first) / coarse + len;
        let reach = reach.min((input.len() - first) / coarse);
        decimate(input, first, reach, coarse, &mut self.area);
        let half = ((last - first) as f64 / 2.0).max(1.0);
        let away = |at: usize| away((at as f64 - target as f64) / half);
        let wanted = Wanted::new(&self.wanted, 0, len);
        let places = (reach + 1).saturating_sub(len);
        wanted.likeness(&self.area, 0..places, &mut self.scores);
        for (place, score) in self.scores.iter_mut().enumerate() {
            *score -= away(first + place * coarse);
        }

        let wanted = Wanted::new(input, natural, overlap);
        let mut best = (f32::NEG_INFINITY, target.clamp(first, last));
        let finalists = finalists(&self.scores);
        for place in finalists.into_iter().flatten().take(most) {
            let middle = first + place * coarse;
            let from = middle.saturating_sub(coarse).max(first);
            let range = from..(middle + coarse).min(last + 1);
            wanted.likeness(input, range.clone(), &mut self.scores);
            for (at, likeness) in range.zip(&self.scores) {
                let score = likeness - away(at);
                if score > best.0 {
                    best = (score, at);
                }
            }
        }
        self.refine(&wanted, input, best.1)
    }

    /// Between which samples the likeness is highest, by a parabola through a place and its neighbours.
    fn refine(&mut self, wanted: &Wanted, input: &PcmBlock, at: usize) -> Found {
        let from = at.saturating_sub(COARSE);
        let to = (at + COARSE).min((input.len() + 1).saturating_sub(wanted.len()));
        wanted.likeness(input, from..to, &mut self.scores);
        let score = |at: usize| self.scores.get(at).copied().map(f64::from);
        let middle = at - from;
        let likeness = score(middle).unwrap_or(0.0).clamp(0.0, 1.0);
        let before = middle.checked_sub(1).and_then(score);
        let offset = match (before, score(middle + 1)) {
            (Some(before), Some(after)) => {
                let bend = before - 2.0 * likeness + after;
                // Not a peak: the search ended here for another reason.
                if bend < 0.0 {
                    (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
                } else {
                    0.0
                }
            }
            _ => 0.0,
        };
        Found {
            at,
            offset,
            likeness: likeness as f32,
        }
    }
}

/// A stretch of sound that is searched for in another.
struct Wanted<'a> {
    channels: [&'a [f32]; 2],
    energy: f64,
}

impl<'a> Wanted<'a> {
    /// `len` samples of `block` from `at` on.
    fn new(block: &'a PcmBlock, at: usize, len: usize) -> Self {
        let channels = block
            .channels
            .each_ref()
            .map(|channel| &channel[at..at + len]);
        Self {
            channels,
            energy: energy(channels),
        }
    }

    fn len(&self) -> usize {
        self.channels[0].len()
    }

    /// Correlation of both channels together with each of the `places` in the area, −1 to 1; 0 with silence.
    fn likeness(&self, area: &PcmBlock, places: Range<usize>, to: &mut Vec<f32>) {
        let len = self.len();
        to.clear();
        to.resize(places.len(), 0.0);
        if places.is_empty() {
            return;
        }
        let there = area
            .channels
            .each_ref()
            .map(|channel| &channel[places.start..]);
        for (wanted, there) in self.channels.into_iter().zip(there) {
            (kernels().lags)(Lags {
                wanted,
                area: there,
                sums: to,
            });
        }
        let [left, right] = there;
        let mut found = energy([&left[..len], &right[..len]]);
        for (place, sum) in to.iter_mut().enumerate() {
            // Far below the quietest sound a file can hold.
            *sum = (f64::from(*sum) / (found * self.energy + 1e-18).sqrt()) as f32;
            if let (Some(l), Some(r)) = (left.get(place + len), right.get(place + len)) {
                let square = |x: &f32| f64::from(*x) * f64::from(*x);
                let new = square(l) + square(r);
                let old = square(&left[place]) + square(&right[place]);
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

/// What a place loses for lying far from where it should, `way` in parts of the range: with voices and vibrato a place
/// further off may be a little more alike, and sounds worse for being early or late. Measured (`scripts/timescale_quality.py`):
/// from 0.0001 to 0.15 the distance of a vibrato to the ideal falls by 7 dB at tempos of 0.8 and 1.2, and chords lose
/// nothing, for joins are found between samples.
fn away(way: f64) -> f32 {
    (0.15 * way * way) as f32
}

/// Means of `coarse` samples each, from `from` on.
fn decimate(input: &PcmBlock, from: usize, len: usize, coarse: usize, to: &mut PcmBlock) {
    for (to, input) in to.channels.iter_mut().zip(&input.channels) {
        to.clear();
        to.extend(
            input[from..from + len * coarse]
                .chunks_exact(coarse)
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
                core::mem::swap(slot, &mut candidate);
            }
        }
    }
    best
}
