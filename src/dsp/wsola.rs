//! Owns: changing the tempo of a stereo stream and leaving its pitch: WSOLA (Verhelst and Roelands, 1993), with attacks
//! kept whole and in time.
//! Never knows: sample rates other than 48 kHz, or that pitch can change too.
//!
//! # Why not a library
//! By measurement, in ms of one core per second of stereo sound: this 0.5 to 0.9; SoundTouch 2.0 to 2.8 (LGPL, C++);
//! Signalsmith Stretch 10 to 18, or 7 to 12 with its cheaper preset (MIT, C++); the crates `timestretch` 0.16 31 to 35 and
//! `wsola` 0.3 50. Decoding an mp3 and encoding it takes 7.4, and mp3, equalizer and time-scale together may take 1.35 times
//! that: only the WSOLA class fits. `scripts/timescale_quality.py` measures against SoundTouch on signals whose ideal is
//! known by formula; at tempos of 0.5 to 2 and pitches of 0.8 and 1.25:
//!
//! | | this | SoundTouch 2.3.2 |
//! |---|---|---|
//! | clicks of 20 that are heard twice, or lost | 0 | up to 22, up to 8 |
//! | attacks of a drum: scatter in time | 0.1 ms | 2.4 to 11.5 ms |
//! | noise: additional flutter of its level | 0.04 dB | 0.20 to 0.33 dB |
//! | chords: what is no partial of theirs | −14 to −21 dB | −13 to −19 dB |
//! | vibrato: distance to the ideal | −15 to −27 dB | −8 to −19 dB |
//! | voice: distance to the ideal | −7 to −10 dB | −4 to −9 dB |
//!
//! Signalsmith's phase vocoder is purer on dense chords (crates were compared on one: 47 dB where SoundTouch has 23), at the
//! price of softer attacks and twenty times the work.

mod attacks;
mod plan;
mod search;

use super::polyphase::{Purpose, Table, table};
use crate::float::Float as _;
use crate::{
    kernel::{Lags, kernels},
    pcm::{PcmBlock, Scratch},
    units::SAMPLE_RATE,
};
use alloc::{sync::Arc, vec::Vec};
use attacks::{Attacks, BLOCK};
use core::f32::consts::PI;
use search::{COARSE, Search};

/// Pieces begin at multiples of a 64th of a sample: what a tone's phase is then wrong by is heard 36 dB less than with
/// whole samples.
const PARTS: u64 = 64;

/// Cuts the input into pieces, drops or repeats some of it, and joins pieces where they are most alike.
///
/// Both channels are joined at the same places, so their phase relation stays. Output sample `n` comes from input
/// sample `n * tempo`, give or take half the search range; an attack comes exactly then, unless another one is too near;
/// the average is exact, and so is the end.
#[derive(Clone, Debug)]
pub(crate) struct Wsola {
    tempo: f64,
    geometry: Geometry,
    input: PcmBlock,
    /// Where in `input` the sound goes on without a cut.
    natural: Place,
    /// Where in `input` the next piece should begin, exactly.
    nominal: f64,
    /// Nothing has come out yet, so there is nothing to join.
    is_first: bool,
    attacks: Attacks,
    search: Scratch<Search>,
    is_hasty: bool,
    /// Reads between samples.
    between: Arc<Table>,
    /// The side of a crossfade that leaves.
    old: Scratch<Vec<f32>>,
}

/// A place in the input.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Place {
    sample: usize,
    /// How far behind the sample, in [`PARTS`].
    part: usize,
}

/// What is kept in front of the next piece for a search, should the tempo change: the longest piece and half the widest
/// search, in samples, and more.
const REACH_BACK: usize = 6_144;

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
            hop: line(90.0, 46.0) - overlap,
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
            natural: Place::default(),
            nominal: 0.0,
            is_first: true,
            attacks: Attacks::default(),
            search: Scratch::default(),
            is_hasty: false,
            between: table(1, PARTS, true, Purpose::Join),
            old: Scratch::default(),
        }
    }

    /// Another tempo from the next piece on.
    pub fn set(&mut self, tempo: f64, scale: f64) {
        self.tempo = tempo;
        self.geometry = Geometry::new(tempo, scale);
    }

    /// Whether to look for joins less closely from the next one on: half the work of the search, and tones that are a little
    /// less pure.
    pub const fn set_hasty(&mut self, is_hasty: bool) {
        self.is_hasty = is_hasty;
    }

    /// Forgets the stream.
    fn reset(&mut self) {
        self.input.clear();
        self.attacks = Attacks::default();
        (self.natural, self.nominal, self.is_first) = (Place::default(), 0.0, true);
    }

    /// Gives back the memory that is of no use until more comes.
    pub fn rest(&mut self) {
        self.search = Scratch::default();
        self.old = Scratch::default();
    }

    /// Input samples that have not been given out yet, in time.
    pub fn held(&self) -> f64 {
        self.input.len() as f64 - self.nominal
    }

    /// Takes `input` and appends all pieces that are complete.
    pub fn process(&mut self, input: &PcmBlock, out: &mut PcmBlock) {
        self.input.extend_from(input, 0..input.len());
        self.attacks.listen(&self.input);
        let Geometry { hop, seek, overlap } = self.geometry;
        loop {
            // What the longest piece can need, with the attacks that decide about it.
            let longest = hop + 3 * overlap;
            let last = (self.target() + seek / 2).max(self.natural.sample);
            // Not before its own time is over: the end may come, and then the piece would be too long.
            let passed = self.nominal + longest as f64 * self.tempo;
            let len = self.input.len();
            if len < last + longest + BLOCK || (len as f64) < passed {
                return;
            }
            let piece = self.next(out);
            self.nominal += piece as f64 * self.tempo;
            self.forget();
        }
    }

    /// Appends the piece that comes next, or a little more of the last one; returns its length.
    fn next(&mut self, out: &mut PcmBlock) -> usize {
        if self.is_first {
            let piece = self.geometry.hop;
            self.join(self.natural, piece, 1.0, out);
            return piece;
        }
        let wish = self.wish();
        let Some((first, last)) = self.spared(&wish) else {
            let piece = self.geometry.short();
            self.join(self.natural, piece, 1.0, out);
            return piece;
        };
        let (at, likeness) = self.best(first, wish.target, last);
        let piece = self.ended(at.sample, wish.len);
        self.join(at, piece, likeness, out);
        piece
    }

    /// Appends the rest, so that the last output sample is the last input sample, and ends the stream.
    ///
    /// A tone cannot be cut to a length that is none of its periods' without a slip: it happens in the last crossfade.
    pub fn flush(&mut self, out: &mut PcmBlock) {
        let Geometry { hop, seek, overlap } = self.geometry;
        let len = self.input.len();
        let mut left = ((len as f64 - self.nominal) / self.tempo).round().max(0.0) as usize;
        while left > 0 && len > 0 {
            let is_last = left < 2 * overlap;
            let target = self.target();
            let piece = if is_last {
                left
            } else {
                // As much as leaves room for the search.
                let room = len.saturating_sub(target + seek / 2 + overlap);
                room.clamp(self.geometry.short(), hop).min(left - overlap)
            };
            let piece = piece.min(len);
            // Pieces may not reach beyond the end, and the last one not less far.
            let end = len - piece;
            let (first, target, last) = if is_last {
                (end, end, end)
            } else {
                let limit = end.saturating_sub(overlap);
                let last = (target + seek / 2).min(limit);
                (target.saturating_sub(seek / 2).min(last), target, last)
            };
            let can_search = !self.is_first && self.natural.sample.max(last) + overlap <= len;
            let (mut at, likeness) = if can_search {
                self.best(first, target, last)
            } else {
                (self.natural, 0.0)
            };
            if is_last || at.sample > end {
                at = Place {
                    sample: end,
                    part: 0,
                };
            }
            self.join(at, piece, likeness, out);
            self.nominal += piece as f64 * self.tempo;
            left -= piece;
        }
        self.reset();
    }

    /// Where the next piece should begin so that its middle is in time: within it sound runs at the old tempo.
    fn target(&self) -> usize {
        (self.nominal + self.geometry.hop as f64 * (self.tempo - 1.0) / 2.0).max(0.0) as usize
    }

    /// Where from `first` to `last`, preferably near `target`, the input is most like what would come naturally; and how
    /// much, 0 to 1.
    fn best(&mut self, first: usize, target: usize, last: usize) -> (Place, f32) {
        let natural = self.natural;
        let overlap = self.geometry.overlap;
        let found = self.search.0.best(
            &self.input,
            natural.sample,
            overlap,
            (first, target, last),
            self.is_hasty,
        );
        if found.at == natural.sample {
            return (natural, 1.0);
        }
        // What continues lies behind its sample, so what is like it lies behind the place by as much.
        let parts = PARTS as i64;
        let behind = (found.offset * parts as f64).round() as i64 + natural.part as i64;
        let sample = found
            .at
            .saturating_add_signed(behind.div_euclid(parts) as isize);
        let place = Place {
            sample,
            part: behind.rem_euclid(parts) as usize,
        };
        (place, found.likeness)
    }

    /// Appends `piece` samples from `at` on, faded in over what would have come naturally. `likeness` of the two is 0 when
    /// they have nothing in common, 1 when they are the same.
    fn join(&mut self, at: Place, piece: usize, likeness: f32, out: &mut PcmBlock) {
        let at = self.readable(at, piece);
        let natural = self.readable(self.natural, self.geometry.overlap.min(piece));
        let overlap = if at == natural || self.is_first {
            0
        } else {
            let len = self.input.len();
            self.geometry
                .overlap
                .min(piece)
                .min(len.saturating_sub(natural.sample))
        };
        for (to, from) in out.channels.iter_mut().zip(&self.input.channels) {
            self.old.0.clear();
            read(&self.between, from, natural, overlap, &mut self.old.0);
            let begin = to.len();
            read(&self.between, from, at, piece, to);
            for (n, (old, new)) in self.old.0.iter().zip(&mut to[begin..]).enumerate() {
                let weight = 0.5 - 0.5 * (PI * (n as f32 + 0.5) / overlap as f32).cos();
                // What is alike adds up in amplitude, what is not in power: neither is to become quieter.
                let power = 1.0 - 2.0 * weight * (1.0 - weight) * (1.0 - likeness);
                *new = (old + weight * (*new - old)) / power.sqrt();
            }
        }
        self.natural = Place {
            sample: at.sample + piece,
            part: at.part,
        };
        self.is_first = false;
    }

    /// The place itself, or its sample where the input does not reach far enough to read between samples.
    fn readable(&self, at: Place, len: usize) -> Place {
        let reach = self.between.taps / 2;
        let is_inside = at.sample >= reach && at.sample + len + reach <= self.input.len();
        Place {
            part: if is_inside { at.part } else { 0 },
            ..at
        }
    }

    /// Drops what neither a piece nor a crossfade can need.
    fn forget(&mut self) {
        let useless = (self.nominal as usize)
            .saturating_sub(REACH_BACK)
            .min(self.natural.sample.saturating_sub(self.between.taps))
            .min(self.attacks.judged().saturating_sub(1));
        // Not each time: what is left has to move.
        if useless < REACH_BACK / 3 {
            return;
        }
        self.input.drop_front(useless);
        self.attacks.drop_front(useless);
        self.natural.sample -= useless;
        self.nominal -= useless as f64;
    }
}

/// Appends `len` samples of a channel from `at` on, which the caller has found [readable](Wsola::readable).
fn read(between: &Table, from: &[f32], at: Place, len: usize, to: &mut Vec<f32>) {
    if at.part == 0 {
        to.extend_from_slice(
            from.get(at.sample..)
                .and_then(|from| from.get(..len))
                .unwrap_or_default(),
        );
        return;
    }
    let begin = to.len();
    to.resize(begin + len, 0.0);
    (kernels().lags)(Lags {
        wanted: &between.rows[at.part * between.taps..][..between.taps],
        area: &from[at.sample + 1 - between.taps / 2..],
        sums: &mut to[begin..],
    });
}
