//! Owns: the search for a time in a file without an index: guesses by bytes per tick, and halving when they do not get near.
//! Never knows: what a tick is, or how a place tells its time.

use crate::media::window::{ByteWindow, Stop};

/// Searching stops when about this many bytes are left: reading them costs no more than another request.
const NEAR_BYTES: u64 = 128 * 1024;
/// Guesses before plain halving, which always ends.
const GUESSES: u8 = 5;

/// A search that is under way.
#[derive(Debug)]
pub(super) struct Search {
    /// Offset and ticks of a place that is not too late.
    pub low: (u64, i64),
    /// Offset at which it is too late.
    pub high: u64,
    /// Offset and ticks from which bytes per tick are counted.
    first: (u64, i64),
    /// Bytes in so many ticks, as far as is known.
    density: Option<(u64, u64)>,
    guesses_left: u8,
    /// Where a place is being looked for.
    probe: Option<u64>,
}

impl Search {
    /// Begins at `first`, the earliest place, and ends at the offset `high`.
    pub(super) const fn new(first: (u64, i64), high: u64, density: Option<(u64, u64)>) -> Self {
        Self {
            low: first,
            high,
            first,
            density,
            guesses_left: GUESSES,
            probe: None,
        }
    }

    /// Bytes from the low place to the wanted one, by estimate.
    fn ahead(&self, ticks: i64) -> Option<u64> {
        let (bytes, span) = self.density.filter(|&(_, span)| span != 0)?;
        let ticks = u64::try_from(ticks.saturating_sub(self.low.1)).unwrap_or(0);
        let ahead = u128::from(ticks) * u128::from(bytes) / u128::from(span);
        u64::try_from(ahead).ok()
    }

    /// Whether reading on from the low place is as cheap as a request.
    pub(super) fn is_near(&self, ticks: i64) -> bool {
        let width = self.high.saturating_sub(self.low.0);
        width <= NEAR_BYTES || self.ahead(ticks).is_some_and(|ahead| ahead <= NEAR_BYTES)
    }

    /// Looks at one more place: the offset and ticks to read on from when the search is over. `find` gives those of the first
    /// place from the window's position on that begins before [`high`](Self::high), and goes on where it stopped when it is
    /// repeated for want of bytes; so is this.
    pub(super) fn look(
        &mut self,
        ticks: i64,
        bytes: &mut ByteWindow,
        find: impl FnOnce(&Self, &mut ByteWindow) -> Result<Option<(u64, i64)>, Stop>,
    ) -> Result<Option<(u64, i64)>, Stop> {
        let place = match self.probe {
            Some(place) => place,
            None => {
                let Some(place) = self.next(ticks) else {
                    return Ok(Some(self.low));
                };
                bytes.seek(place);
                *self.probe.insert(place)
            }
        };
        let found = find(self, bytes)?;
        self.note(place, found, ticks);
        Ok(None)
    }

    /// Where to look next; `None` when it [is near](Self::is_near).
    fn next(&mut self, ticks: i64) -> Option<u64> {
        if self.is_near(ticks) {
            return None;
        }
        let width = self.high.saturating_sub(self.low.0);
        if let Some(ahead) = self
            .ahead(ticks)
            .filter(|&ahead| ahead < width && self.guesses_left > 0)
        {
            self.guesses_left -= 1;
            // a little before, so that the place is still found when it is long
            return Some(self.low.0 + ahead - NEAR_BYTES / 2);
        }
        Some(self.low.0 + width / 2)
    }

    /// Notes what was found from `place` on: offset and ticks, or nothing.
    fn note(&mut self, place: u64, found: Option<(u64, i64)>, ticks: i64) {
        self.probe = None;
        let Some(found) = found else {
            self.high = place;
            return;
        };
        let span = found.1.saturating_sub(self.first.1);
        if let (Some(bytes), Ok(span @ 1..)) =
            (found.0.checked_sub(self.first.0), u64::try_from(span))
        {
            self.density = Some((bytes, span));
        }
        if found.1 <= ticks {
            self.low = found;
        } else {
            self.high = place;
        }
    }
}
