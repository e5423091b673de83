//! Owns: where the sections of a stream that has an end lie in time.
//! Never knows: what is in a section.

/// One section in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Microseconds of the stream before it.
    pub start: u64,
    /// Sections with the same number here share one clock for their time stamps.
    pub clock: u32,
}

/// All sections of a stream that has an end, by the times that its playlist gives: these may be rounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Number of the first section; the others count on.
    pub first: u64,
    /// The sections, in order; at least one.
    pub places: Vec<Place>,
    /// Length of the stream in microseconds.
    pub length: u64,
}

impl Outline {
    /// The place of a section.
    #[must_use]
    pub fn place(&self, number: u64) -> Option<Place> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.places.get(index).copied()
    }

    /// Number of the section that holds this time in microseconds: the last one for what lies behind the end.
    #[must_use]
    pub fn find(&self, time: u64) -> u64 {
        let begun = self.places.partition_point(|place| place.start <= time);
        self.first + begun.saturating_sub(1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_section_that_has_begun_last() {
        let place = |start| Place { start, clock: 0 };
        let outline = Outline {
            first: 7,
            places: vec![place(0), place(10), place(10), place(25)],
            length: 30,
        };
        let found: Vec<u64> = [0, 9, 10, 24, 25, 1000]
            .iter()
            .map(|&time| outline.find(time))
            .collect();
        assert_eq!(found, [7, 7, 9, 9, 10, 10]);
        assert_eq!(outline.place(10).map(|place| place.start), Some(25));
        assert_eq!((outline.place(6), outline.place(11)), (None, None));
    }
}
