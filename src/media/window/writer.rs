//! Owns: the fetch task's end of a lane: what it is to do, and handing over what it fetched.
//! Never knows: what is read of it, or when.

use super::{Delivery, Notice, Outline, Shared};
use crate::{
    error::Failure,
    net::tally::{Layer, Retried, Tally},
};
use bytes::Bytes;
use std::sync::{
    Arc,
    atomic::{Ordering, fence},
};
use tokio::sync::mpsc;

type Sender = mpsc::UnboundedSender<(u64, Delivery)>;

/// What a fetch task is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Go on delivering.
    Deliver,
    /// Begin anew at this offset, or with the section of this number.
    Jump(u64),
    /// The window is gone: stop.
    Close,
    /// The reader can make nothing of what comes: begin another section, or give up.
    Renew,
}

/// The fetch task's end of a lane.
pub struct LaneWriter {
    pub(super) shared: Arc<Shared>,
    /// `None` only while it is dropped.
    sender: Option<Sender>,
    epoch: u64,
    /// The section that was begun last; 0 before the first.
    section: u64,
    /// For all lanes.
    tally: Option<Arc<Tally>>,
}

impl LaneWriter {
    pub(super) const fn new(shared: Arc<Shared>, sender: Sender) -> Self {
        Self {
            shared,
            sender: Some(sender),
            epoch: 0,
            section: 0,
            tally: None,
        }
    }

    /// Nobody hears it when the window is gone.
    fn send(&self, delivery: Delivery) {
        if let Some(sender) = &self.sender {
            let _ = sender.send((self.epoch, delivery));
        }
    }

    /// Says how long the whole resource is, in bytes, and whether it can be read from any offset.
    pub fn describe(&self, length: Option<u64>, is_seekable: bool) {
        self.shared
            .length
            .store(length.map_or(0, |l| l.saturating_add(1)), Ordering::Release);
        self.shared
            .is_seekable
            .store(is_seekable, Ordering::Release);
    }

    /// Says that reading all of it costs next to nothing: see [`ByteWindow::is_local`](super::ByteWindow::is_local).
    pub fn tell_local(&self) {
        self.shared.is_local.store(true, Ordering::Release);
    }

    /// Says that what is delivered comes in sections: before anything is.
    pub fn tell_sections(&self) {
        self.shared.has_sections.store(true, Ordering::Release);
    }

    /// Says where the sections lie in time, for a stream that has an end: before the first of them is begun, and once.
    pub fn tell_outline(&self, outline: Outline) {
        // a second one would be of the same stream
        let _ = self.shared.outline.set(Arc::new(outline));
    }

    /// Bytes pushed from now on belong to the section of this number. Who waits for more of the one before is woken.
    pub fn begin_section(&mut self, number: u64) {
        self.section = number;
        self.send(Delivery::Section(number));
        self.shared.wake_reader();
    }

    /// What has not been read of the sections before the one begun last is not to be read any more.
    pub fn tell_fresh(&mut self) {
        // behind the section, which whoever sees this must find
        self.shared.fresh.store(self.section, Ordering::Release);
        self.shared.wake_reader();
    }

    /// Says that this is a station: see [`ByteWindow::is_station`](super::ByteWindow::is_station).
    pub fn tell_station(&self) {
        self.shared.is_station.store(true, Ordering::Release);
    }

    /// Tells something at this place between the bytes.
    pub fn notice(&mut self, notice: Notice) {
        self.send(Delivery::Notice(notice));
    }

    fn is_rejected(&self) -> bool {
        self.shared.rejected.load(Ordering::Acquire) == self.section + 1
    }

    /// Bytes that wait to be read.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Acquire)
    }

    /// Bytes that may be pushed before the window holds all it may.
    #[must_use]
    pub fn room(&self) -> usize {
        let credit = self.shared.credit.load(Ordering::Acquire);
        credit.saturating_sub(self.waiting())
    }

    /// Waits until fewer than `waiting` bytes wait to be read, or something else than [`Task::Deliver`] is to be done.
    pub async fn taken_from(&self, waiting: usize) {
        loop {
            let notified = self.shared.to_writer.notified();
            self.shared.is_idle.store(true, Ordering::Release);
            // with the one in `ByteWindow::release`: see `ByteWindow::require`
            fence(Ordering::SeqCst);
            if self.is_interrupted() || self.waiting() < waiting {
                self.shared.is_idle.store(false, Ordering::Release);
                return;
            }
            notified.await;
        }
    }

    /// Waits until there is room for more bytes, or something else is to be done. Returns [`Task::Jump`] once for each
    /// jump; afterwards pushed bytes belong to the new offset. [`Task::Renew`] comes once, too.
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
            if self.is_interrupted() {
                return;
            }
            notified.await;
        }
    }

    /// Waits until the window is gone. Cancel-safe; consumes nothing.
    pub async fn closed(&self) {
        loop {
            let notified = self.shared.to_writer.notified();
            if self.shared.closed.load(Ordering::Acquire) {
                return;
            }
            notified.await;
        }
    }

    /// Waits until there is room for more bytes: true; false when something else is to be done, as for
    /// [`interrupted`](Self::interrupted). Cancel-safe; consumes nothing.
    pub async fn has_room(&self) -> bool {
        loop {
            let notified = self.shared.to_writer.notified();
            if self.is_interrupted() {
                return false;
            }
            if self.has_credit() {
                return true;
            }
            notified.await;
        }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
            || self.shared.epoch.load(Ordering::Acquire) != self.epoch
            || self.is_rejected()
    }

    fn has_credit(&self) -> bool {
        let waiting = self.shared.waiting.load(Ordering::Acquire);
        waiting < self.shared.credit.load(Ordering::Acquire)
    }

    /// What is to be done now; `None` when the window holds all it may.
    pub fn poll(&mut self) -> Option<Task> {
        if self.shared.closed.load(Ordering::Acquire) {
            return Some(Task::Close);
        }
        let epoch = self.shared.epoch.load(Ordering::Acquire);
        if epoch != self.epoch {
            self.epoch = epoch;
            self.section = 0;
            return Some(Task::Jump(self.shared.start.load(Ordering::Acquire)));
        }
        if self.is_rejected() {
            self.shared.rejected.store(0, Ordering::Release);
            return Some(Task::Renew);
        }
        self.has_credit().then_some(Task::Deliver)
    }

    /// Delivers the next bytes.
    pub fn push(&mut self, data: Bytes) {
        let len = data.len();
        if len == 0 {
            return;
        }
        self.shared
            .delivered
            .fetch_add(len as u64, Ordering::Relaxed);
        // counted before it is sent, so that the window never takes away what has not been added yet
        let waiting = self.shared.waiting.fetch_add(len, Ordering::AcqRel) + len;
        self.send(Delivery::Bytes(data));
        // with the one in `ByteWindow::require`: see there
        fence(Ordering::SeqCst);
        let wanted = self.shared.wanted.load(Ordering::Acquire);
        if wanted != 0 && waiting >= wanted {
            self.shared.wake_reader();
        }
    }

    /// What is asked for again is counted here, too.
    pub fn count_in(&mut self, tally: Arc<Tally>) {
        self.tally = Some(tally);
    }

    /// Notes that something is asked for again.
    pub fn count_retry(&self, layer: Layer) {
        self.count(layer, 1);
    }

    /// Notes that things were asked for again so often.
    pub fn count_retries(&self, retried: Retried) {
        self.count(Layer::Request, retried.requests);
        self.count(Layer::Fragment, retried.fragments);
    }

    fn count(&self, layer: Layer, times: u64) {
        let all = self.tally.iter().map(|all| &**all);
        for tally in all.chain([&self.shared.retries]) {
            tally.add(layer, times);
        }
    }

    /// Nothing more comes from this offset on: the resource has ended. The task goes on waiting for a jump.
    pub fn finish(&mut self) {
        self.send(Delivery::End);
        self.shared.wake_reader();
    }

    /// Nothing more comes, because of this. What was delivered before can still be read.
    pub fn fail(&mut self, failure: Failure) {
        self.send(Delivery::Failed(failure));
        self.shared.wake_reader();
    }
}

impl Drop for LaneWriter {
    fn drop(&mut self) {
        // first: whoever is woken must find the lane closed, nobody wakes him again
        self.sender = None;
        self.shared.wake_reader();
    }
}
