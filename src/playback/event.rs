//! Owns: what a playback tells its owner.
//! Never knows: how a playback works.

pub use crate::media::station::{Lost, Rejoined, Title};

use crate::{error::Failure, frame::ReaderEvent, units::Samples};

/// What a playback tells. Called on pool and output threads: must not block.
#[derive(Debug)]
pub enum Event {
    /// The headers are read. Told again when the length turns out to be another one.
    Opened {
        /// Length, if the container tells it.
        length: Option<Samples>,
        /// Whether [`Playback::seek`](super::Playback::seek) does anything.
        is_seekable: bool,
    },
    /// It cannot go on. What was made can still be heard; [`ReaderEvent::Drained`] follows when it has been.
    Failed {
        /// Why.
        failure: Failure,
        /// Whether any frame had been made.
        produced: bool,
    },
    /// A station says what it plays now.
    Title(Title),
    /// A station was interrupted, and goes on.
    Rejoined(Rejoined),
    /// From the frames' reader.
    Reader(ReaderEvent),
}
