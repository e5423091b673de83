//! Owns: the way of a window from section to section.
//! Never knows: what is in a section, and what the fetch task does to have one.

use super::ByteWindow;
use crate::media::window::{Outline, Stop};
use std::sync::{Arc, atomic::Ordering};

/// Where the window of a lane of sections stands.
#[derive(Default)]
pub(super) struct Sections {
    /// The section that is read; `None` before the first, and after a jump to another.
    current: Option<u64>,
    /// The section that has arrived behind it: nothing is received before its owner has moved on.
    next: Option<u64>,
    /// The current section is fetched again, for the sake of an offset that was passed.
    is_again: bool,
}

impl Sections {
    /// Whether one has arrived behind the current one.
    pub(super) const fn has_next(&self) -> bool {
        self.next.is_some()
    }

    /// What follows belongs to the section of this number.
    pub(super) fn arrive(&mut self, number: u64) {
        let is_again = std::mem::take(&mut self.is_again);
        if !is_again || self.current != Some(number) {
            self.next = Some(number);
        }
    }

    /// The current section is to be fetched again: its number. `None` when there is none, and nothing is done.
    pub(super) fn fetch_again(&mut self) -> Option<u64> {
        let current = self.current?;
        self.is_again = true;
        Some(current)
    }

    /// What has arrived behind the current one does not count any more.
    pub(super) const fn leave_next(&mut self) {
        self.next = None;
    }

    /// Whether the current section lies before that of this number.
    pub(super) fn is_before(&self, number: u64) -> bool {
        self.current.unwrap_or(0) < number
    }
}

impl ByteWindow {
    /// Whether the stream comes in sections. Where its place must be found first, this is known when something has come of
    /// it, be it its end.
    #[must_use]
    pub fn has_sections(&self) -> bool {
        self.shared.has_sections.load(Ordering::Acquire)
    }

    /// Where the sections lie in time, for a stream that has an end.
    #[must_use]
    pub fn outline(&self) -> Option<Arc<Outline>> {
        self.shared.outline.get().cloned()
    }

    /// Moves to the beginning of the section that follows, over what is left of this one, and gives its number.
    ///
    /// # Errors
    /// [`Stop::Need`] while it has not arrived, [`Stop::End`] behind the last section, [`Stop::Failed`] when it could not be
    /// fetched.
    pub fn next_section(&mut self) -> Result<u64, Stop> {
        loop {
            self.receive();
            self.drop_buffered();
            if let Some(number) = self.sections.next.take() {
                self.enter(number);
                self.sections.is_again = false;
                self.position = 0;
                self.skip = 0;
                return Ok(number);
            }
            match self.require(1) {
                Err(Stop::End) if self.sections.next.is_some() => {}
                outcome => outcome?,
            }
        }
    }

    fn enter(&mut self, number: u64) {
        self.sections.current = Some(number);
        // what was told of the one before is not lost
        self.notices.iter_mut().for_each(|(at, _)| *at = 0);
    }

    /// Leaves this section: the [next one](Self::next_section) will be that of this number, or one behind it.
    pub fn jump_to_section(&mut self, number: u64) {
        self.sections = Sections::default();
        self.begin_epoch(0, number);
    }

    /// Nothing can be made of this section: the fetch task is to begin another.
    pub fn reject_section(&self) {
        let number = self.sections.current.unwrap_or(0);
        self.shared.rejected.store(number + 1, Ordering::Release);
        self.shared.to_writer.notify_one();
    }

    /// Drops what is not worth reading any more: all before the section of this number.
    pub(super) fn freshen(&mut self, fresh: u64) {
        self.drop_buffered();
        self.receive();
        self.drop_buffered();
        while let Some(number) = self.sections.next.filter(|next| *next < fresh) {
            self.sections.next = None;
            self.enter(number);
            self.receive();
            self.drop_buffered();
        }
    }
}
