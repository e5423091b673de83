//! Owns: when the tempo's pieces begin and end so that every attack is heard once, whole, and when it is due.
//! Never knows: how attacks are heard, or how a join is found.
//!
//! A join skips what lies between the end of one piece and the beginning of the next, or repeats it. So none is made across
//! an attack or on it; and the piece in which one comes begins where the attack will be in time. Between attacks the
//! tempo's own rhythm of pieces goes on.

use super::{Geometry, Wsola};

/// Where a piece is to begin, how far from there it may, and how long it is to be; in samples.
pub(super) struct Wish {
    pub target: usize,
    pub reach: usize,
    pub len: usize,
}

impl Geometry {
    /// What belongs to an attack and should not be faded: the first 3 ms.
    fn body(self) -> usize {
        self.overlap / 4
    }

    /// The shortest piece: 4 to 10 ms.
    pub(super) fn short(self) -> usize {
        self.hop / 8
    }
}

impl Wsola {
    /// What is wished for next: the next attack in time if it comes in this piece, else the middle of the piece in time.
    pub(super) fn wish(&self) -> Wish {
        let Geometry { hop, overlap, seek } = self.geometry;
        let usual = Wish {
            target: self.target(),
            reach: seek / 2,
            len: hop,
        };
        let heard = self.natural.sample + overlap;
        let Some(&attack) = self.attacks.found().iter().find(|at| **at >= heard) else {
            return usual;
        };
        let due = self.due(attack);
        // A join just before it would leave no room for the crossfade; so the piece goes on until it is over.
        if due < overlap as f64 || due > (hop + overlap + self.geometry.body()) as f64 {
            return usual;
        }
        Wish {
            target: attack.saturating_sub(due as usize),
            reach: seek / 4,
            len: hop.max(due as usize + self.geometry.body()),
        }
    }

    /// In how many output samples from now an input sample should be heard.
    fn due(&self, at: usize) -> f64 {
        (at as f64 - self.nominal) / self.tempo
    }

    /// Where a piece may begin, first and last place, without an attack being skipped, faded or heard twice: as wished, or
    /// else a part of the way; `None` when it is better to go on and join later.
    pub(super) fn spared(&self, wish: &Wish) -> Option<(usize, usize)> {
        let Geometry { hop, seek, overlap } = self.geometry;
        let natural = self.natural.sample;
        let (first, last) = (
            wish.target.saturating_sub(wish.reach),
            wish.target + wish.reach,
        );
        let usual = (hop as f64 * (self.tempo - 1.0).abs()) as usize + seek;
        if natural.abs_diff(wish.target) > usual + 8 * overlap {
            // Attacks come so fast that sparing them all would lose time.
            return Some((first, last));
        }
        let (mut from, mut to) = (0, usize::MAX);
        for &attack in self.attacks.found() {
            if attack + self.geometry.body() <= natural {
                // Heard; what is repeated begins behind it.
                from = attack + overlap / 6;
            } else if attack < natural + overlap {
                return None;
            } else {
                to = attack - overlap;
                break;
            }
        }
        if from <= last && first <= to {
            return Some((first.max(from), last.min(to)));
        }
        if from > last {
            let last = natural.checked_sub(overlap).filter(|last| *last >= from)?;
            Some((from, last.min(from + seek)))
        } else {
            let first = natural + overlap;
            (first <= to).then(|| (first.max(to.saturating_sub(seek)), to))
        }
    }

    /// How long a piece from `at` on is, if `len` is wished for: it ends before an attack that would come too early.
    pub(super) fn ended(&self, at: usize, len: usize) -> usize {
        let overlap = self.geometry.overlap;
        if self.tempo > 1.0 {
            // There attacks only come late, and a join before one could skip nothing.
            return len;
        }
        let coming = at.max(self.natural.sample) + overlap;
        for &attack in self
            .attacks
            .found()
            .iter()
            .filter(|attack| **attack >= coming)
        {
            let heard = attack - at;
            if heard >= len + overlap {
                break;
            }
            if (heard as f64 - self.due(attack)).abs() > (overlap / 2) as f64 {
                return heard
                    .saturating_sub(overlap)
                    .clamp(self.geometry.short(), len);
            }
        }
        len
    }
}
