//! Owns: the byte window, the hand-over of fetched bytes from a fetch task to the demuxer that reads them.
//! Never knows: where bytes come from (HTTP, a file, a test), or what is in them.
//!
//! The fetch task holds a [`LaneWriter`], the demuxer a [`ByteWindow`]. Bytes flow through a channel whose fill is
//! bounded by a credit in bytes; the window never waits, it says how much it is short of ([`Stop::Need`]) and the
//! playback is woken when that much has arrived. A jump to another offset opens a new *epoch*: everything still on
//! its way from the old offset is dropped.

use crate::error::Failure;
use bytes::Bytes;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};
use tokio::sync::{Notify, mpsc};

/// Forward jumps up to this many bytes are read through instead of asking for a new connection.
/// Lavaplayer uses the same figure (512 KiB).
const READ_THROUGH: u64 = 512 * 1024;

/// Scratch space that is kept from read to read, in bytes.
const KEPT_SCRATCH: usize = 64 * 1024;

/// Why a read of the window could not be served.
#[derive(Debug)]
pub enum Stop {
    /// Not there yet: call again when this many bytes are available at the window's position (or it has ended).
    /// Whoever returns this has changed nothing, so that the same call can simply be made again.
    Need(usize),
    /// The stream ends before that; fewer bytes than asked for are left.
    End,
    /// The bytes are not what they should be.
    Malformed(super::demux::DemuxError),
    /// Fetching failed for good.
    Failed(Failure),
}

impl From<super::demux::DemuxError> for Stop {
    fn from(error: super::demux::DemuxError) -> Self {
        Self::Malformed(error)
    }
}

enum Delivery {
    Bytes(Bytes),
    End,
    Failed(Failure),
}

struct Shared {
    /// Raised by every jump. Deliveries of older epochs are dropped.
    epoch: AtomicU64,
    /// Where the current epoch begins.
    start: AtomicU64,
    /// Bytes delivered in this epoch and not yet consumed.
    waiting: AtomicUsize,
    /// The most that may wait, in bytes; raised for a single unit that is larger.
    credit: AtomicUsize,
    /// How much the parked reader waits for; 0 when it is not parked.
    wanted: AtomicUsize,
    /// Total length plus one; 0 while unknown.
    length: AtomicU64,
    is_seekable: AtomicBool,
    is_local: AtomicBool,
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
        credit: AtomicUsize::new(credit),
        wanted: AtomicUsize::new(0),
        length: AtomicU64::new(0),
        is_seekable: AtomicBool::new(false),
        is_local: AtomicBool::new(false),
        closed: AtomicBool::new(false),
        to_writer: Notify::new(),
        wake: Mutex::new(None),
    });
    // unbounded in items, bounded in bytes by the credit
    let (sender, receiver) = mpsc::unbounded_channel();
    let writer = LaneWriter {
        shared: shared.clone(),
        sender,
        epoch: 0,
    };
    let window = ByteWindow {
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
    };
    (writer, window)
}

/// What a fetch task is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Go on delivering.
    Deliver,
    /// Begin anew at this offset.
    Jump(u64),
    /// The window is gone: stop.
    Close,
}

/// The fetch task's end of a lane.
pub struct LaneWriter {
    shared: Arc<Shared>,
    sender: mpsc::UnboundedSender<(u64, Delivery)>,
    epoch: u64,
}

impl LaneWriter {
    /// Says how long the whole resource is, in bytes, and whether it can be read from any offset.
    pub fn describe(&self, length: Option<u64>, is_seekable: bool) {
        self.shared
            .length
            .store(length.map_or(0, |l| l.saturating_add(1)), Ordering::Release);
        self.shared
            .is_seekable
            .store(is_seekable, Ordering::Release);
    }

    /// Says that reading all of it costs next to nothing: see [`ByteWindow::is_local`].
    pub fn tell_local(&self) {
        self.shared.is_local.store(true, Ordering::Release);
    }

    /// Waits until there is room for more bytes, or something else is to be done. Returns [`Task::Jump`] once for each
    /// jump; afterwards pushed bytes belong to the new offset.
    pub async fn ready(&mut self) -> Task {
        loop {
            if let Some(task) = self.poll() {
                return task;
            }
            // a permit is kept for a notification that comes in between
            self.shared.to_writer.notified().await;
        }
    }

    /// Waits until [`ready`](Self::ready) would return something other than [`Task::Deliver`]: to be raced against a read
    /// from the network. Cancel-safe; consumes nothing.
    pub async fn interrupted(&self) {
        loop {
            let notified = self.shared.to_writer.notified();
            if self.shared.closed.load(Ordering::Acquire)
                || self.shared.epoch.load(Ordering::Acquire) != self.epoch
            {
                return;
            }
            notified.await;
        }
    }

    /// What is to be done now; `None` when the window holds all it may.
    pub fn poll(&mut self) -> Option<Task> {
        if self.shared.closed.load(Ordering::Acquire) {
            return Some(Task::Close);
        }
        let epoch = self.shared.epoch.load(Ordering::Acquire);
        if epoch != self.epoch {
            self.epoch = epoch;
            return Some(Task::Jump(self.shared.start.load(Ordering::Acquire)));
        }
        let waiting = self.shared.waiting.load(Ordering::Acquire);
        (waiting < self.shared.credit.load(Ordering::Acquire)).then_some(Task::Deliver)
    }

    /// Delivers the next bytes.
    pub fn push(&mut self, data: Bytes) {
        let len = data.len();
        if len == 0 {
            return;
        }
        // counted before it is sent, so that the window never takes away what has not been added yet
        let waiting = self.shared.waiting.fetch_add(len, Ordering::AcqRel) + len;
        let _ = self.sender.send((self.epoch, Delivery::Bytes(data)));
        let wanted = self.shared.wanted.load(Ordering::Acquire);
        if wanted != 0 && waiting >= wanted {
            self.shared.wake_reader();
        }
    }

    /// Nothing more comes from this offset on: the resource has ended. The task goes on waiting for a jump.
    pub fn finish(&mut self) {
        let _ = self.sender.send((self.epoch, Delivery::End));
        self.shared.wake_reader();
    }

    /// Nothing more comes, because of this. What was delivered before can still be read.
    pub fn fail(&mut self, failure: Failure) {
        let _ = self.sender.send((self.epoch, Delivery::Failed(failure)));
        self.shared.wake_reader();
    }
}

impl Drop for LaneWriter {
    fn drop(&mut self) {
        self.shared.wake_reader();
    }
}

/// The demuxer's end of a lane: what is there of a resource, from a position on.
pub struct ByteWindow {
    shared: Arc<Shared>,
    receiver: mpsc::UnboundedReceiver<(u64, Delivery)>,
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
}

impl ByteWindow {
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

    /// Bytes that can be read now.
    pub fn available(&mut self) -> usize {
        self.receive();
        self.buffered
    }

    /// The next `len` bytes, without moving on.
    ///
    /// # Errors
    /// [`Stop::Need`] while they have not arrived, [`Stop::End`] when the resource has fewer left, [`Stop::Failed`] when
    /// they could not be fetched.
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
        Ok(taken)
    }

    /// Whether the resource ends exactly here. False while that is not known.
    pub fn is_at_end(&mut self) -> bool {
        self.receive();
        self.buffered == 0 && self.skip == 0 && matches!(self.end, Some(Ok(())))
    }

    /// Moves `len` bytes on; they need not be there yet.
    pub fn skip(&mut self, len: u64) {
        self.seek(self.position.saturating_add(len));
    }

    /// Moves to an offset. What is there, or near, is used; else the fetch task starts anew from there.
    pub fn seek(&mut self, to: u64) {
        self.receive();
        let ahead = to.checked_sub(self.position);
        match ahead {
            Some(ahead) if ahead <= self.buffered as u64 && self.skip == 0 => {
                self.consume(ahead as usize)
            }
            Some(ahead) if (ahead <= READ_THROUGH || !self.is_seekable()) && self.end.is_none() => {
                self.skip += ahead - self.buffered as u64;
                self.consume(self.buffered);
                self.position = to;
                self.receive();
            }
            _ => self.jump(to),
        }
    }

    fn jump(&mut self, to: u64) {
        self.release(self.buffered);
        self.chunks.clear();
        self.buffered = 0;
        self.skip = 0;
        self.position = to;
        if let Some(whole) = &self.whole {
            let rest = whole.slice(whole.len().min(usize::try_from(to).unwrap_or(usize::MAX))..);
            self.buffered = rest.len();
            self.chunks.push_back(rest);
            return;
        }
        self.end = None;
        self.epoch += 1;
        self.shared.start.store(to, Ordering::Release);
        self.shared.epoch.store(self.epoch, Ordering::Release);
        self.shared.to_writer.notify_one();
    }

    fn require(&mut self, len: usize) -> Result<(), Stop> {
        if self.buffered >= len {
            return Ok(());
        }
        self.receive();
        if self.buffered >= len {
            return Ok(());
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
        // it may have come between the look and the wish
        self.receive();
        if self.buffered >= len || self.end.is_some() {
            self.shared.wanted.store(0, Ordering::Release);
            return self.require(len);
        }
        Err(Stop::Need(len))
    }

    fn receive(&mut self) {
        loop {
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
            if first.len() > left {
                let _ = first.split_to(left);
                left = 0;
            } else {
                left -= first.len();
                self.chunks.pop_front();
            }
        }
        self.buffered -= len;
        self.position += len as u64;
        self.release(len);
    }

    fn release(&self, len: usize) {
        if self.whole.is_some() || len == 0 {
            return;
        }
        let before = self.shared.waiting.fetch_sub(len, Ordering::AcqRel);
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
        // one large header must not cost its memory for the whole track
        if len <= KEPT_SCRATCH {
            self.scratch.shrink_to(KEPT_SCRATCH);
        }
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
    use std::{
        pin::pin,
        task::{Context, Wake, Waker},
    };

    fn fed(parts: &[&'static [u8]]) -> (LaneWriter, ByteWindow) {
        let (mut writer, window) = lane(1024);
        for part in parts {
            writer.push(Bytes::from_static(part));
        }
        (writer, window)
    }

    #[test]
    fn reads_run_across_deliveries() {
        let (_w, mut window) = fed(&[b"abc", b"def", b"g"]);
        assert_eq!(window.peek(5).expect("there"), b"abcde");
        assert_eq!(window.take(4).expect("there"), "abcd");
        assert_eq!(
            (window.position(), window.take(3).expect("there")),
            (4, Bytes::from("efg"))
        );
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_moves() {
        let (mut writer, mut window) = fed(&[b"ab"]);
        assert!(matches!(window.take(3), Err(Stop::Need(3))));
        writer.push(Bytes::from_static(b"c"));
        assert_eq!(window.take(3).expect("there"), "abc");
    }

    #[test]
    fn the_end_is_told_apart_from_waiting() {
        let (mut writer, mut window) = fed(&[b"ab"]);
        assert!(!window.is_at_end());
        writer.finish();
        assert!(matches!(window.peek(3), Err(Stop::End)));
        assert_eq!(window.peek_up_to(3), b"ab");
        window.skip(2);
        assert!(window.is_at_end());
    }

    #[test]
    fn a_far_jump_asks_the_writer_and_drops_what_was_on_its_way() {
        let (mut writer, mut window) = fed(&[b"old"]);
        writer.describe(Some(10_000_000), true);
        window.seek(5_000_000);
        writer.push(Bytes::from_static(b"late"));
        assert_eq!(writer.poll(), Some(Task::Jump(5_000_000)));
        writer.push(Bytes::from_static(b"new"));
        assert_eq!(
            (window.take(3).expect("there"), window.position()),
            (Bytes::from("new"), 5_000_003)
        );
        assert_eq!(writer.shared.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_short_jump_reads_through() {
        let (mut writer, mut window) = fed(&[b"0123"]);
        writer.describe(Some(100), true);
        window.seek(6);
        assert_eq!(writer.poll(), Some(Task::Deliver));
        writer.push(Bytes::from_static(b"456789"));
        assert_eq!(
            (window.take(2).expect("there"), window.position()),
            (Bytes::from("67"), 8)
        );
    }

    #[test]
    fn the_credit_stops_the_writer_and_a_large_wish_raises_it() {
        let (mut writer, mut window) = lane(4);
        writer.push(Bytes::from_static(b"12345"));
        assert_eq!(writer.poll(), None);
        assert!(matches!(window.peek(8), Err(Stop::Need(8))));
        assert_eq!(writer.poll(), Some(Task::Deliver));
        writer.push(Bytes::from_static(b"678"));
        assert_eq!(window.take(8).expect("there"), "12345678");
    }

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_stopped_writer_is_woken_when_a_quarter_is_free_or_bytes_are_short() {
        let wakings = |steps: &[fn(&mut ByteWindow)]| {
            let (mut writer, mut window) = lane(8);
            writer.push(Bytes::from_static(b"12345678"));
            let count = Arc::new(Count::default());
            let waker = Waker::from(count.clone());
            let mut context = Context::from_waker(&waker);
            let mut ready = pin!(writer.ready());
            assert!(ready.as_mut().poll(&mut context).is_pending());
            for step in steps {
                step(&mut window);
            }
            let task = ready.as_mut().poll(&mut context);
            (count.0.load(Ordering::Relaxed), task.is_ready())
        };
        let take: fn(&mut ByteWindow) = |window| drop(window.take(1).expect("there"));
        let want: fn(&mut ByteWindow) = |window| assert!(window.peek(8).is_err());
        assert_eq!(wakings(&[take, take]).0, 0);
        assert_eq!(wakings(&[take, take, take]), (1, true));
        assert_eq!(wakings(&[take, want]), (1, true));
    }

    #[test]
    fn a_whole_resource_can_be_jumped_about_in() {
        let mut window = ByteWindow::of(&b"0123456789"[..]);
        window.seek(8);
        assert_eq!(window.take(2).expect("there"), "89");
        assert!(window.is_at_end());
        window.seek(1);
        assert_eq!(window.take(2).expect("there"), "12");
        window.seek(99);
        assert!(matches!(window.peek(1), Err(Stop::End)));
    }

    #[test]
    fn a_dropped_writer_is_a_failure_not_an_end() {
        let (writer, mut window) = fed(&[b"a"]);
        drop(writer);
        assert!(matches!(window.peek(2), Err(Stop::Failed(_))));
    }
}
