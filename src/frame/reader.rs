//! Owns: the consuming end of a ring: taking frames, noticing that none is there and why.
//! Never knows: how a frame was made, or where it goes.

use super::{
    Cause, Ends, FrameFormat, Gap, HEADER_WORDS, KIND_END, ReaderEvent, Ring, Taken, Underruns,
    gap::{GapMeter, Missing},
    progress::Progress,
};
use crate::units::Samples;
use std::sync::{Arc, atomic::Ordering};

/// Polls (1 s) for which a seek may give nothing before that is a gap: it has to fetch and to decode from the new place
/// first, and whoever seeks expects a moment's silence.
const SEEK_GRACE: u32 = 50;

/// Who gets a reader that is dropped; see [`FrameReader::with_home`].
type Home = Box<dyn FnOnce(FrameReader) + Send>;

/// The consuming end. Dropping it ends the playback, unless it has a home to go to: the writer sees
/// [`FrameWriter::is_abandoned`](super::FrameWriter::is_abandoned).
pub struct FrameReader {
    pub(super) ring: Arc<Ring>,
    format: FrameFormat,
    wake: Box<dyn Fn() + Send>,
    notify: Box<dyn FnMut(ReaderEvent) + Send>,
    stuck_after: u32,
    empty_polls: u32,
    /// Polls so far: the clock of the gaps.
    turns: u64,
    /// Polls that found nothing while a seek was under way, in a row.
    seek_polls: u32,
    /// Where the frame that was taken last starts.
    last: Samples,
    meter: GapMeter,
    started: bool,
    stuck: bool,
    over: bool,
    home: Option<Home>,
}

impl FrameReader {
    pub(super) fn new(
        ring: Arc<Ring>,
        format: FrameFormat,
        wake: Box<dyn Fn() + Send>,
        notify: Box<dyn FnMut(ReaderEvent) + Send>,
        stuck_after: u32,
    ) -> Self {
        Self {
            ring,
            format,
            wake,
            notify,
            stuck_after,
            empty_polls: 0,
            turns: 0,
            seek_polls: 0,
            last: Samples::ZERO,
            meter: GapMeter::new(Arc::default()),
            started: false,
            stuck: false,
            over: false,
            home: None,
        }
    }

    /// Gives it a home: when it is dropped, `home` gets it back as it is (without a home), on the dropping thread, and
    /// the playback goes on. That is how a track outlives the output that plays it. `home` must not block; if it drops
    /// the reader in turn, the playback ends.
    #[must_use]
    pub fn with_home(mut self, home: impl FnOnce(Self) + Send + 'static) -> Self {
        self.home = Some(Box::new(home));
        self
    }

    /// Counts gaps there from now on; before, nobody sees the counters.
    #[must_use]
    pub fn counting(mut self, underruns: Arc<Underruns>) -> Self {
        self.meter.count_in(underruns);
        self
    }

    /// Shows how full the ring is, to anybody at any time.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge(self.ring.clone())
    }

    /// What the frames are.
    #[must_use]
    pub const fn format(&self) -> FrameFormat {
        self.format
    }

    /// The position and counters that this reader keeps.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        self.ring.progress.clone()
    }

    /// Whether a frame (or the end) waits: lets an idle output start in the very moment that sound is there.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.level() > 0
    }

    /// Frames that wait to be taken (an end marker counts).
    #[must_use]
    pub fn level(&self) -> usize {
        Ends::unpack(self.ring.ends.load(Ordering::Relaxed)).level() as usize
    }

    /// Whoever takes frames says that so many of them (20 ms each) were not heard although they had been made: time was
    /// given up before the next one is taken, or what was taken last was not sent. `os_error` tells the latter's reason.
    pub fn lost(&mut self, cause: Cause, frames: u64, os_error: Option<i32>) {
        let missing = Missing {
            cause,
            position: match cause {
                Cause::SendError => self.last,
                Cause::SourceStalled | Cause::DecodeLate | Cause::SchedulerLate => {
                    self.ring.progress.position()
                }
            },
            frames,
            waited: 0,
            os_error,
        };
        let told = self.meter.missing(self.turns, missing);
        self.tell_gap(told);
    }

    /// Nobody will ask for frames for a while: what is missing from now on is no gap.
    pub fn rest(&mut self) {
        let told = self.meter.end(self.turns);
        self.tell_gap(told);
    }

    fn tell_gap(&mut self, gap: Option<Gap>) {
        if let Some(gap) = gap {
            (self.notify)(ReaderEvent::Gap(gap));
        }
    }

    /// Takes the next frame into `out`. Never waits, locks nothing, allocates nothing in the steady state.
    ///
    /// # Panics
    /// When `out` is shorter than the format's largest frame.
    pub fn take(&mut self, out: &mut [u8]) -> Taken {
        assert!(
            out.len() >= self.format.max_bytes(),
            "a frame buffer of {} bytes",
            out.len()
        );
        if self.over {
            return Taken::Over;
        }
        let mut seen = self.ring.ends.load(Ordering::Acquire);
        loop {
            let ends = Ends::unpack(seen);
            if ends.level() == 0 {
                return self.found_nothing();
            }
            let slot = self.ring.slot(ends.head);
            let word = slot[0].load(Ordering::Relaxed);
            if word >> 32 == KIND_END {
                self.over = true;
                self.rest();
                (self.notify)(ReaderEvent::Drained);
                return Taken::Over;
            }
            let (len, position) = (word as u32 as usize, slot[1].load(Ordering::Relaxed));
            if position >= self.ring.progress.limit.load(Ordering::Relaxed) {
                self.over = true;
                self.rest();
                (self.notify)(ReaderEvent::LimitReached);
                return Taken::Over;
            }
            // a torn copy is possible only if the writer took this very slot back; then the era differs
            for (bytes, word) in out[..len.min(self.format.max_bytes())]
                .chunks_mut(8)
                .zip(&slot[HEADER_WORDS..])
            {
                let le = word.load(Ordering::Relaxed).to_le_bytes();
                bytes.copy_from_slice(&le[..bytes.len()]);
            }
            let next = Ends {
                head: ends.head.wrapping_add(1),
                ..ends
            };
            match self.ring.ends.compare_exchange_weak(
                seen,
                next.pack(),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return self.took(len, position, ends.level() - 1),
                Err(now) => seen = now,
            }
        }
    }

    fn took(&mut self, len: usize, position: u64, left: u32) -> Taken {
        self.empty_polls = 0;
        self.seek_polls = 0;
        self.turns += 1;
        self.last = Samples(position);
        let told = self.meter.took(self.turns);
        self.tell_gap(told);
        let progress = &self.ring.progress;
        progress
            .position
            .store(position + Samples::FRAME.0, Ordering::Relaxed);
        progress.sent.fetch_add(1, Ordering::Relaxed);
        if !self.started {
            self.started = true;
            (self.notify)(ReaderEvent::Started);
        }
        if left <= self.ring.capacity / 2 {
            (self.wake)();
        }
        Taken::Frame {
            len,
            position: Samples(position),
        }
    }

    fn found_nothing(&mut self) -> Taken {
        self.turns += 1;
        self.meter_nothing();
        self.ring.progress.missed.fetch_add(1, Ordering::Relaxed);
        self.empty_polls = self.empty_polls.saturating_add(1);
        if self.empty_polls >= self.stuck_after && !self.stuck {
            self.stuck = true;
            (self.notify)(ReaderEvent::Stuck);
        }
        (self.wake)();
        Taken::Underrun
    }

    /// Before the first frame nothing has begun that could have a gap, and a seek may take its time.
    fn meter_nothing(&mut self) {
        if !self.started {
            return;
        }
        let progress = &self.ring.progress;
        if progress.is_seeking() || self.seek_polls > 0 {
            self.seek_polls = self.seek_polls.saturating_add(1);
            if self.seek_polls <= SEEK_GRACE {
                self.rest();
                return;
            }
        }
        let waited = progress.waited();
        let missing = Missing {
            cause: match waited {
                Some(_) => Cause::SourceStalled,
                None => Cause::DecodeLate,
            },
            position: progress.position(),
            frames: 1,
            waited: waited.unwrap_or(0),
            os_error: None,
        };
        let told = self.meter.missing(self.turns, missing);
        self.tell_gap(told);
    }
}

/// How full a ring is. Cheap to clone, does not keep the playback going.
#[derive(Clone)]
pub struct Gauge(Arc<Ring>);

impl Gauge {
    /// Frames that wait to be taken (an end marker counts).
    #[must_use]
    pub fn level(&self) -> usize {
        Ends::unpack(self.0.ends.load(Ordering::Relaxed)).level() as usize
    }

    /// Frames that find room.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity as usize
    }
}

impl Drop for FrameReader {
    fn drop(&mut self) {
        self.rest();
        if let Some(home) = self.home.take() {
            // closures without captures need no memory
            home(Self {
                ring: self.ring.clone(),
                wake: std::mem::replace(&mut self.wake, Box::new(|| ())),
                notify: std::mem::replace(&mut self.notify, Box::new(|_| ())),
                meter: GapMeter::new(self.meter.counters()),
                home: None,
                ..*self
            });
            return;
        }
        self.ring.abandoned.store(true, Ordering::Relaxed);
        (self.wake)();
    }
}
