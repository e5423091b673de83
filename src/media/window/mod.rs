//! Owns: the byte window, the hand-over of fetched bytes from a fetch task to the demuxer that reads them.
//! Never knows: where bytes come from (HTTP, a file, a test), or what is in them.
//!
//! The fetch task holds a [`LaneWriter`], the demuxer a [`ByteWindow`]. Bytes flow through a channel whose fill is
//! bounded by a credit in bytes; the window never waits, it says how much it is short of ([`Stop::Need`]) and the
//! playback is woken when that much has arrived. A jump to another offset opens a new *epoch*: everything still on
//! its way from the old offset is dropped.
//!
//! A stream that is kept in many resources (the segments of HLS) comes through a [lane of sections](lane_of_sections): the
//! window [ends](Stop::End) at the end of each section until its owner [moves on](ByteWindow::next_section), offsets begin at
//! 0 in each, and a jump goes to a section by its number. A station that was joined again begins a section, too, whose bytes
//! have nothing to do with those before; its first bytes are those of section 0, which nobody has to move to.
//!
//! Between two bytes may stand a [`Notice`].

mod gauge;
mod outline;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use gauge::{Gauge, Retries};
pub use outline::{Outline, Place};
pub use reader::ByteWindow;
pub use writer::{LaneWriter, Task};

use super::{demux::DemuxError, icy::Title, live::Rejoined};
use crate::{error::Failure, net::tally::Tally};
use bytes::Bytes;
use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};
use tokio::sync::{Notify, mpsc};

/// Why a read of the window could not be served.
#[derive(Debug)]
pub enum Stop {
    /// Not there yet: call again when this many bytes are available at the window's position (or it has ended).
    /// Whoever returns this has changed nothing, so that the same call can simply be made again.
    Need(usize),
    /// Nothing is missing, but there is more to do than one call should take from others: the same call is to be made again,
    /// and goes on. Openings and seeks say so.
    Again,
    /// The stream ends before that; fewer bytes than asked for are left.
    End,
    /// The bytes are not what they should be.
    Malformed(DemuxError),
    /// Fetching failed for good.
    Failed(Failure),
}

impl From<DemuxError> for Stop {
    fn from(error: DemuxError) -> Self {
        Self::Malformed(error)
    }
}

/// Something that is told at a place between two bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A station plays this from here on.
    Title(Title),
    /// It was interrupted, and goes on from here.
    Rejoined(Rejoined),
}

enum Delivery {
    Bytes(Bytes),
    Notice(Notice),
    /// What follows belongs to the section of this number.
    Section(u64),
    End,
    Failed(Failure),
}

struct Shared {
    /// Raised by every jump. Deliveries of older epochs are dropped.
    epoch: AtomicU64,
    /// Where the current epoch begins: an offset, or the number of a section.
    start: AtomicU64,
    /// Bytes delivered in this epoch and not yet consumed.
    waiting: AtomicUsize,
    /// Bytes delivered since the lane was made, over all jumps.
    delivered: AtomicU64,
    /// What was asked for again.
    retries: Tally,
    /// The most that may wait, in bytes; raised for a single unit that is larger.
    credit: AtomicUsize,
    /// How much the parked reader waits for; 0 when it is not parked.
    wanted: AtomicUsize,
    /// Total length plus one; 0 while unknown.
    length: AtomicU64,
    is_seekable: AtomicBool,
    is_local: AtomicBool,
    is_station: AtomicBool,
    /// The section before which nothing is worth reading any more.
    fresh: AtomicU64,
    /// The section that the reader can make nothing of, plus one; 0: none.
    rejected: AtomicU64,
    /// The writer waits for any byte to be taken.
    is_idle: AtomicBool,
    has_sections: AtomicBool,
    outline: OnceLock<Arc<Outline>>,
    closed: AtomicBool,
    to_writer: Notify,
    wake: Mutex<Option<Box<dyn Fn() + Send + Sync>>>,
}

impl Shared {
    fn wake_reader(&self) {
        self.wanted.store(0, Ordering::Release);
        if let Some(wake) = &*self
            .wake
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
        {
            wake();
        }
    }
}

/// Makes a lane that lets at most `credit` bytes wait.
#[must_use]
pub fn lane(credit: usize) -> (LaneWriter, ByteWindow) {
    let shared = Arc::new(Shared {
        epoch: AtomicU64::new(0),
        start: AtomicU64::new(0),
        waiting: AtomicUsize::new(0),
        delivered: AtomicU64::new(0),
        retries: Tally::default(),
        credit: AtomicUsize::new(credit),
        wanted: AtomicUsize::new(0),
        length: AtomicU64::new(0),
        is_seekable: AtomicBool::new(false),
        is_local: AtomicBool::new(false),
        is_station: AtomicBool::new(false),
        fresh: AtomicU64::new(0),
        rejected: AtomicU64::new(0),
        is_idle: AtomicBool::new(false),
        has_sections: AtomicBool::new(false),
        outline: OnceLock::new(),
        closed: AtomicBool::new(false),
        to_writer: Notify::new(),
        wake: Mutex::new(None),
    });
    // unbounded in items, bounded in bytes by the credit
    let (sender, receiver) = mpsc::unbounded_channel();
    (
        LaneWriter::new(shared.clone(), sender),
        ByteWindow::new(shared, receiver, credit),
    )
}

/// Makes a lane for sections that lets at most `credit` bytes wait, of one section or several. The window must be moved to
/// the first section like to any other.
#[must_use]
pub fn lane_of_sections(credit: usize) -> (LaneWriter, ByteWindow) {
    let (writer, window) = lane(credit);
    writer.tell_sections();
    (writer, window)
}
