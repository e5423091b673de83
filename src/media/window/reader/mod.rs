//! Owns: the demuxer's end of a lane: reading, looking ahead, jumping, and saying what is missing.
//! Never knows: what the fetch task does to have the bytes.

mod held;
mod sections;

use super::{Delivery, Gauge, Notice, Shared, Stop, lane};
use crate::{error::Failure, media::demux::DemuxError};
use bytes::Bytes;
use held::Held;
use sections::Sections;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
};
use tokio::sync::mpsc;

/// Forward jumps up to this many bytes are read through instead of asking for a new connection.
/// Lavaplayer uses the same figure (512 KiB).
const READ_THROUGH: u64 = 512 * 1024;

/// Bytes that may be passed before something of use is found, so that a stream of nothing that never ends is given up: more
/// than any headers have, or pictures between two packets of sound.
const MAX_BARREN: u64 = 32 << 20;

/// What is jumped over, however large, counts as no more bytes than this: pictures of some minutes may come before the first
/// sound.
const MAX_STEP: u64 = 2048;

/// Notices that are kept for places that have not been read; of more, the oldest are dropped.
const MAX_NOTICES: usize = 32;

/// Scratch space that is kept while nothing is read, in bytes: for most packets of sound. It is used only for what lies in two
/// deliveries, so that asking for more now and then costs nothing.
const KEPT_SCRATCH: usize = 4 * 1024;

type Receiver = mpsc::UnboundedReceiver<(u64, Delivery)>;

/// The demuxer's end of a lane: what is there of a resource, from a position on.
pub struct ByteWindow {
    shared: Arc<Shared>,
    receiver: Receiver,
    epoch: u64,
    base_credit: usize,
    position: u64,
    /// Bytes to throw away before the position is reached (a short jump forward).
    skip: u64,
    chunks: VecDeque<Bytes>,
    buffered: usize,
    end: Option<Result<(), Failure>>,
    /// Everything, when nothing has to be fetched.
    whole: Option<Bytes>,
    scratch: Vec<u8>,
    sections: Sections,
    /// Bytes that may still be passed; see [`found`](Self::found).
    patience: u64,
    /// Since [`hold`](Self::hold).
    held: Option<Held>,
    /// What is told, and where in this section.
    notices: VecDeque<(u64, Notice)>,
}

impl ByteWindow {
    pub(super) fn new(shared: Arc<Shared>, receiver: Receiver, credit: usize) -> Self {
        Self {
            shared,
            receiver,
            epoch: 0,
            base_credit: credit,
            position: 0,
            skip: 0,
            chunks: VecDeque::new(),
            buffered: 0,
            end: None,
            whole: None,
            scratch: Vec::new(),
            sections: Sections::default(),
            patience: MAX_BARREN,
            held: None,
            notices: VecDeque::new(),
        }
    }

    /// Lets no more than so many bytes wait, and less if it was less before; a unit that is larger still arrives whole.
    pub fn limit_credit(&mut self, most: usize) {
        self.base_credit = self.base_credit.min(most);
        self.shared
            .credit
            .store(self.base_credit, Ordering::Release);
    }

    /// Something of use was found (a packet with sound): from here on, as much as 32 MiB may be passed before the next; a
    /// window over more that is of no use says [`DemuxError::TooLarge`].
    pub const fn found(&mut self) {
        self.patience = MAX_BARREN;
    }

    /// A place far away is looked for, and any number of bytes may be passed until something is [found](Self::found).
    pub const fn wander(&mut self) {
        self.patience = u64::MAX;
    }

    /// A window over bytes that are all there: for tests, and for what was fetched whole.
    #[must_use]
    pub fn of(data: impl Into<Bytes>) -> Self {
        let data = data.into();
        let (writer, mut window) = lane(usize::MAX);
        writer.describe(Some(data.len() as u64), true);
        writer.tell_local();
        window.end = Some(Ok(()));
        window.whole = Some(data);
        window.jump(0);
        window
    }

    /// Shows how the lane is doing, to anybody at any time.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge(self.shared.clone())
    }

    /// Whoever reads this window is woken through `wake` when what it [needs](Stop::Need) is there. Called on the fetch
    /// task's thread; it must not block.
    pub fn on_ready(&mut self, wake: impl Fn() + Send + Sync + 'static) {
        *self
            .shared
            .wake
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Box::new(wake));
    }

    /// Offset of the next byte.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Length of the whole resource in bytes, when it is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.shared.length.load(Ordering::Acquire).checked_sub(1)
    }

    /// Whether jumping to another offset is cheap: the server honours ranges, or it is a file.
    #[must_use]
    pub fn is_seekable(&self) -> bool {
        self.shared.is_seekable.load(Ordering::Acquire)
    }

    /// Whether no byte has to come over the network: to read through all of it costs next to nothing.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.shared.is_local.load(Ordering::Acquire)
    }

    /// Whether this is a station, which may be found out late: what comes cannot be asked for again, and a section that is
    /// [rejected](Self::reject_section) is followed by another, or by a failure. A live stream of HLS is none.
    #[must_use]
    pub fn is_station(&self) -> bool {
        self.shared.is_station.load(Ordering::Acquire)
    }

    /// The next of what is told up to here.
    pub fn notice(&mut self) -> Option<Notice> {
        let (at, _) = self.notices.front()?;
        if *at > self.position {
            return None;
        }
        self.notices.pop_front().map(|(_, notice)| notice)
    }

    /// Bytes that have arrived and were not read, those of later sections included.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Acquire)
    }

    /// The most that may wait, in bytes.
    #[must_use]
    pub const fn credit(&self) -> usize {
        self.base_credit
    }

    /// Gives back what was gathered to be looked at: the headers of a track may have been 64 KB.
    pub fn rest(&mut self) {
        if self.scratch.capacity() > KEPT_SCRATCH {
            self.scratch = Vec::new();
        }
    }

    /// Bytes that can be read now.
    pub fn available(&mut self) -> usize {
        self.receive();
        self.buffered
    }

    /// The next `len` bytes, without moving on.
    ///
    /// # Errors
    /// [`Stop::Need`] while they have not arrived, [`Stop::End`] when the resource has fewer left, [`Stop::Failed`] when
    /// they could not be fetched, [`Stop::Malformed`] when too much was passed in vain (see [`found`](Self::found)).
    pub fn peek(&mut self, len: usize) -> Result<&[u8], Stop> {
        self.require(len)?;
        if self.chunks.front().is_some_and(|first| first.len() >= len) {
            return Ok(&self.chunks[0][..len]);
        }
        self.gather(len);
        Ok(&self.scratch)
    }

    /// Whatever is there of the next `len` bytes, perhaps nothing, without moving on.
    pub fn peek_up_to(&mut self, len: usize) -> &[u8] {
        let len = self.available().min(len);
        self.peek(len).unwrap_or(&[])
    }

    /// The next `len` bytes, and moves past them. Copies only what lies in more than one delivery.
    ///
    /// # Errors
    /// As [`peek`](Self::peek).
    pub fn take(&mut self, len: usize) -> Result<Bytes, Stop> {
        self.require(len)?;
        let taken = match self.chunks.front() {
            Some(first) if first.len() >= len => first.slice(..len),
            _ => {
                self.gather(len);
                Bytes::copy_from_slice(&self.scratch)
            }
        };
        self.consume(len);
        self.patience = self.patience.saturating_sub(len as u64);
        Ok(taken)
    }

    /// Moves `len` bytes on; they need not be there yet.
    pub fn skip(&mut self, len: u64) {
        self.seek(self.position.saturating_add(len));
    }

    /// Moves to an offset. What is there, or near, is used; else the fetch task starts anew from there.
    pub fn seek(&mut self, to: u64) {
        self.receive();
        self.restore(to);
        let ahead = to.checked_sub(self.position);
        let cost = ahead.unwrap_or(MAX_STEP).min(MAX_STEP);
        self.patience = self.patience.saturating_sub(cost);
        match ahead {
            Some(ahead) if ahead <= self.buffered as u64 && self.skip == 0 => {
                self.consume(ahead as usize)
            }
            Some(ahead)
                if (ahead <= READ_THROUGH || !self.is_seekable())
                    && (self.end.is_none() || self.has_sections()) =>
            {
                self.let_go();
                self.skip += ahead - self.buffered as u64;
                self.consume(self.buffered);
                self.position = to;
                self.receive();
            }
            _ => self.jump(to),
        }
    }

    fn jump(&mut self, to: u64) {
        if let Some(section) = self.sections.fetch_again() {
            self.begin_epoch(to, section);
            self.skip = to;
            return;
        }
        if let Some(whole) = &self.whole {
            let rest = whole.slice(whole.len().min(usize::try_from(to).unwrap_or(usize::MAX))..);
            self.chunks.clear();
            self.buffered = rest.len();
            self.chunks.push_back(rest);
            self.position = to;
            return;
        }
        self.begin_epoch(to, to);
    }

    /// Nothing counts any more of what was delivered so far. The next byte is at `position`; `start` is what the fetch task
    /// is told.
    fn begin_epoch(&mut self, position: u64, start: u64) {
        self.drop_buffered();
        self.sections.leave_next();
        self.skip = 0;
        self.position = position;
        self.end = None;
        self.notices.clear();
        self.epoch += 1;
        self.shared.start.store(start, Ordering::Release);
        self.shared.epoch.store(self.epoch, Ordering::Release);
        self.shared.to_writer.notify_one();
    }

    fn drop_buffered(&mut self) {
        self.held = None;
        self.release(self.buffered);
        self.chunks.clear();
        self.buffered = 0;
    }

    fn require(&mut self, len: usize) -> Result<(), Stop> {
        if self.patience == 0 {
            return Err(DemuxError::TooLarge("what lies before the next sound").into());
        }
        let fresh = self.shared.fresh.load(Ordering::Acquire);
        if self.sections.is_before(fresh) {
            self.freshen(fresh);
        }
        if self.buffered >= len {
            return Ok(());
        }
        self.receive();
        if self.buffered >= len {
            return Ok(());
        }
        if self.sections.has_next() {
            return Err(Stop::End);
        }
        match &self.end {
            Some(Ok(())) => return Err(Stop::End),
            Some(Err(failure)) => return Err(Stop::Failed(failure.clone())),
            None => {}
        }
        // a unit larger than the credit must still be able to arrive whole
        self.shared
            .credit
            .store(self.base_credit.max(len), Ordering::Release);
        self.shared.wanted.store(len, Ordering::Release);
        self.shared.to_writer.notify_one();
        // It may have come between the look and the wish. Either side writes one thing and then reads the other's: here the
        // wish and the channel, in `push` the channel and the wish. Acquire and release let both reads be served before
        // either write is seen, and nobody would be woken; with a fence between write and read on both sides, at least one
        // sees the other's. (`finish`, `fail` and dropping wake without asking.)
        fence(Ordering::SeqCst);
        self.receive();
        if self.buffered >= len || self.end.is_some() || self.sections.has_next() {
            self.shared.wanted.store(0, Ordering::Release);
            return self.require(len);
        }
        Err(Stop::Need(len))
    }

    fn receive(&mut self) {
        while !self.sections.has_next() {
            let (epoch, delivery) = match self.receiver.try_recv() {
                Ok(item) => item,
                Err(mpsc::error::TryRecvError::Empty) => return,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    if self.end.is_none() {
                        self.end = Some(Err(Failure::fault("The stream was closed.")));
                    }
                    return;
                }
            };
            if epoch != self.epoch {
                if let Delivery::Bytes(data) = delivery {
                    self.release(data.len());
                }
                continue;
            }
            match delivery {
                Delivery::Bytes(mut data) => {
                    let dropped = self.skip.min(data.len() as u64) as usize;
                    if dropped > 0 {
                        self.skip -= dropped as u64;
                        let _ = data.split_to(dropped);
                        self.release(dropped);
                    }
                    if !data.is_empty() {
                        self.buffered += data.len();
                        self.chunks.push_back(data);
                    }
                }
                Delivery::Notice(notice) => {
                    if self.notices.len() == MAX_NOTICES {
                        self.notices.pop_front();
                    }
                    let at = self.position + self.buffered as u64;
                    self.notices.push_back((at, notice));
                }
                Delivery::Section(number) => self.sections.arrive(number),
                Delivery::End => self.end = Some(Ok(())),
                Delivery::Failed(failure) => self.end = Some(Err(failure)),
            }
        }
    }

    fn consume(&mut self, len: usize) {
        let mut left = len;
        while left > 0 {
            let Some(first) = self.chunks.front_mut() else {
                break;
            };
            let part = first.split_to(left.min(first.len()));
            if first.is_empty() {
                self.chunks.pop_front();
            }
            left -= part.len();
            if let Some(held) = &mut self.held {
                held.keep(part);
            }
        }
        self.held.take_if(|held| held.is_too_much());
        self.buffered -= len;
        self.position += len as u64;
        self.release(len);
    }

    fn release(&self, len: usize) {
        if self.whole.is_some() || len == 0 {
            return;
        }
        let before = self.shared.waiting.fetch_sub(len, Ordering::AcqRel);
        // with the one in `LaneWriter::taken_from`
        fence(Ordering::SeqCst);
        if self.shared.is_idle.load(Ordering::Relaxed)
            && self.shared.is_idle.swap(false, Ordering::AcqRel)
        {
            self.shared.to_writer.notify_one();
        }
        // A writer that has stopped is woken when a quarter is free, not for each packet: waking costs a system call on
        // either side. A reader that runs short wakes it anyway.
        let credit = self.shared.credit.load(Ordering::Acquire);
        let low = credit - credit / 4;
        if before >= low && before - len < low {
            self.shared.to_writer.notify_one();
        }
    }

    fn gather(&mut self, len: usize) {
        self.scratch.clear();
        for chunk in &self.chunks {
            let part = chunk.len().min(len - self.scratch.len());
            self.scratch.extend_from_slice(&chunk[..part]);
            if self.scratch.len() == len {
                break;
            }
        }
    }
}

impl Drop for ByteWindow {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.to_writer.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_header_costs_nothing_afterwards() {
        let (mut writer, mut window) = lane(1 << 20);
        writer.push(vec![1; 40_000].into());
        writer.push(vec![2; 40_000].into());
        assert_eq!(window.peek(80_000).expect("it is there").len(), 80_000);
        window.rest();
        assert_eq!(window.scratch.capacity(), 0);
        assert_eq!(window.peek(2).expect("it is there still"), [1, 1]);
    }
}
