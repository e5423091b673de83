//! Owns: which stream has its turn at which tick, and when a pacer must wake next.
//! Never knows: threads, what a turn does. `now` is given to it.

use super::{
    stream::{Stream, Turn},
    wheel::{SLOTS, Tick, Wheel},
};
use crate::units::FRAME_DURATION;
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// From one round of keepalives to the next. Every stream is in one round of five.
const KEEPALIVE_ROUND: Duration = Duration::from_secs(1);
const KEEPALIVE_ROUNDS: u64 = 5;

/// A stream and its place on the wheel.
struct Seat {
    stream: Box<Stream>,
    /// When its next turn is; `None` while it needs none.
    turn: Option<Tick>,
    /// It is in the list of those who are asked at every tick whether they can start.
    is_waiting: bool,
}

/// All streams of one pacer.
pub(super) struct Seats {
    wheel: Wheel,
    streams: HashMap<u64, Seat>,
    /// Streams with a turn, by slot. May hold numbers whose seat moved or vanished; a turn checks.
    slots: [Vec<u64>; SLOTS as usize],
    /// Streams that wait for their first frame, or for sound after a gap.
    waiting: Vec<u64>,
    keepalive: Instant,
    round: u64,
}

impl Seats {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            wheel: Wheel::new(now),
            streams: HashMap::new(),
            slots: Default::default(),
            waiting: Vec::new(),
            keepalive: now + KEEPALIVE_ROUND,
            round: 0,
        }
    }

    pub(super) fn add(&mut self, id: u64, stream: Box<Stream>) {
        let seat = Seat {
            stream,
            turn: None,
            is_waiting: false,
        };
        self.streams.insert(id, seat);
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.streams.remove(&id);
        for slot in &mut self.slots {
            slot.retain(|i| *i != id);
        }
        self.waiting.retain(|i| *i != id);
    }

    /// Changes a stream; if it wants sound now, it is asked at once.
    pub(super) fn change(&mut self, now: Instant, id: u64, change: impl FnOnce(&mut Stream)) {
        self.pass_over_sleep(now);
        let Some(seat) = self.streams.get_mut(&id) else {
            return;
        };
        guarded(|| change(&mut seat.stream));
        let is_in_flow = seat.turn.is_some() && seat.stream.is_flowing();
        if seat.stream.wants_sound() && !is_in_flow && !seat.is_waiting {
            seat.is_waiting = true;
            self.waiting.push(id);
        }
        if seat.stream.is_active() && seat.turn.is_none() {
            // nothing may be ready yet: gaps are counted from the first frame's time on
            self.seat(id, None);
        }
    }

    /// Does all that is due and says when to come back; `None`: not before a command.
    pub(super) fn run(&mut self, now: Instant) -> Option<Instant> {
        self.pass_over_sleep(now);
        while let Some(tick) = self.wheel.pop(now) {
            self.turns(tick, now);
        }
        self.ask_waiting(now);
        self.keep_alive(now);
        self.wake()
    }

    /// Time without a turn is no lateness.
    fn pass_over_sleep(&mut self, now: Instant) {
        if self.slots.iter().all(Vec::is_empty) {
            self.wheel.skip_to(now);
        }
    }

    fn wake(&self) -> Option<Instant> {
        let next = self.wheel.next();
        let turn = if self.waiting.is_empty() {
            (next.0..next.0 + SLOTS)
                .map(Tick)
                .find(|t| !self.slots[t.slot()].is_empty())
        } else {
            Some(next)
        };
        let turn = turn.map(|t| self.wheel.time(t));
        let keepalive = (!self.streams.is_empty()).then_some(self.keepalive);
        match (turn, keepalive) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Gives a stream its next turn: at `tick`, or a frame from now without one.
    fn seat(&mut self, id: u64, tick: Option<Tick>) {
        let tick = tick.unwrap_or_else(|| self.wheel.next().next_frame());
        let Some(seat) = self.streams.get_mut(&id) else {
            return;
        };
        let old = seat.turn.replace(tick).map(Tick::slot);
        if old != Some(tick.slot()) {
            if let Some(old) = old {
                self.slots[old].retain(|i| *i != id);
            }
            self.slots[tick.slot()].push(id);
        }
    }

    fn unseat(&mut self, id: u64) {
        if let Some(seat) = self.streams.get_mut(&id)
            && let Some(tick) = seat.turn.take()
        {
            self.slots[tick.slot()].retain(|i| *i != id);
        }
    }

    /// Streams that wait send in the very moment that they can, and keep the time that results.
    fn ask_waiting(&mut self, now: Instant) {
        let mut at = 0;
        while let Some(&id) = self.waiting.get(at) {
            let Some(seat) = self.streams.get_mut(&id) else {
                self.waiting.swap_remove(at);
                continue;
            };
            if !seat.is_waiting || !seat.stream.wants_sound() {
                seat.is_waiting = false;
                self.waiting.swap_remove(at);
            } else if seat.stream.may_start(now) {
                seat.is_waiting = false;
                self.waiting.swap_remove(at);
                let next = self.wheel.nearest(now + FRAME_DURATION);
                self.turn(id, now, now, next);
            } else {
                at += 1;
            }
        }
    }

    fn turns(&mut self, tick: Tick, now: Instant) {
        let due = self.wheel.time(tick);
        let mut at = 0;
        while let Some(&id) = self.slots[tick.slot()].get(at) {
            let is_due = |s: &Seat| s.turn.is_some_and(|t| t <= tick);
            if self.streams.get(&id).is_some_and(is_due) {
                self.turn(id, due, now, tick.next_frame());
            }
            // a stream that lost its seat has made room for another one
            if self.slots[tick.slot()].get(at) == Some(&id) {
                at += 1;
            }
        }
    }

    fn turn(&mut self, id: u64, due: Instant, now: Instant, next: Tick) {
        let Some(seat) = self.streams.get_mut(&id) else {
            return;
        };
        match guarded(|| seat.stream.turn(due, now)) {
            Some(Turn::Sent) => {
                seat.is_waiting = false;
                self.seat(id, Some(next));
            }
            Some(Turn::Starved) => {
                if !seat.is_waiting {
                    seat.is_waiting = true;
                    self.waiting.push(id);
                }
                self.seat(id, Some(next));
            }
            Some(Turn::Idle) => self.unseat(id),
            None => {
                guarded(|| seat.stream.set_reader(None));
                self.unseat(id);
            }
        }
    }

    fn keep_alive(&mut self, now: Instant) {
        if now < self.keepalive {
            return;
        }
        self.keepalive = now + KEEPALIVE_ROUND;
        self.round = (self.round + 1) % KEEPALIVE_ROUNDS;
        for (id, seat) in &mut self.streams {
            if id % KEEPALIVE_ROUNDS == self.round {
                seat.stream.keep_alive();
            }
        }
    }
}

/// A reader calls back into the player's half, also when it is dropped; a panic there must not silence a thousand others.
fn guarded<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
mod tests {
    use super::{
        super::{Feedback, stream::Counters, stream::Link},
        *,
    };
    use crate::{
        frame::{Cause, FrameFormat, FrameWriter, Gap, ReaderEvent, ring},
        output::voice::transport::{Cipher, Mode},
        units::Samples,
    };
    use std::{net::UdpSocket, sync::mpsc};

    struct Rig {
        seats: Seats,
        server: UdpSocket,
        start: Instant,
        tell: mpsc::Sender<Gap>,
        gaps: mpsc::Receiver<Gap>,
    }

    impl Rig {
        fn new() -> Self {
            let start = Instant::now();
            let server = UdpSocket::bind("127.0.0.1:0").unwrap();
            server.set_nonblocking(true).unwrap();
            let (tell, gaps) = mpsc::channel();
            Self {
                seats: Seats::new(start),
                server,
                start,
                tell,
                gaps,
            }
        }

        fn add(&mut self, micros: u64, id: u64) -> FrameWriter {
            let now = self.at(micros);
            let counters = Counters {
                sequence: 0,
                timestamp: 0,
                nonce: 0,
            };
            self.seats
                .add(id, Box::new(Stream::new(counters, Feedback::default())));
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(self.server.local_addr().unwrap()).unwrap();
            let link = Link {
                socket,
                ssrc: id as u32,
                cipher: Cipher::new(Mode::Aes256Gcm, &[1; 32]),
            };
            self.seats.change(now, id, |s| s.set_link(Some(link)));
            let tell = self.tell.clone();
            let notify = move |event| {
                if let ReaderEvent::Gap(gap) = event {
                    let _ = tell.send(gap);
                }
            };
            let (writer, reader) = ring(FrameFormat::Opus, 50, 500, || (), notify);
            self.seats.change(now, id, |s| s.set_reader(Some(reader)));
            writer
        }

        fn at(&self, micros: u64) -> Instant {
            self.start + Duration::from_micros(micros)
        }

        /// Stream numbers of the packets that came since the last call.
        fn sent(&self) -> Vec<u32> {
            let mut packet = [0; 2048];
            std::iter::from_fn(|| {
                let n = self.server.recv(&mut packet).ok()?;
                (n > 8).then(|| u32::from_be_bytes(packet[8..12].try_into().unwrap()))
            })
            .collect()
        }
    }

    fn fill(writer: &mut FrameWriter) {
        while writer.push(b"frame", Samples(0)) {}
    }

    #[test]
    fn a_pacer_without_streams_sleeps_until_a_command() {
        let mut rig = Rig::new();
        assert_eq!(rig.seats.run(rig.at(0)), None);
        let _writer = rig.add(0, 1);
        rig.seats.remove(1);
        assert_eq!(rig.seats.run(rig.at(100)), None);
    }

    #[test]
    fn the_first_frame_is_sent_at_once_and_sets_the_time() {
        let mut rig = Rig::new();
        fill(&mut rig.add(1_000_400, 1));
        rig.seats.run(rig.at(1_000_400));
        assert_eq!(rig.sent(), [1]);
        // the nearest tick to 1 020 400 µs
        let wake = rig.seats.run(rig.at(1_000_500)).unwrap();
        assert_eq!(wake, rig.at(1_020_000));
        assert!(rig.sent().is_empty());
        rig.seats.run(wake);
        assert_eq!(rig.sent(), [1]);
    }

    #[test]
    fn a_stream_without_sound_is_asked_at_every_tick() {
        let mut rig = Rig::new();
        let mut writer = rig.add(0, 1);
        let mut now = rig.at(0);
        for _ in 0..20 {
            let wake = rig.seats.run(now).unwrap();
            assert!(wake - now <= Duration::from_micros(2500));
            now = wake;
        }
        assert!(rig.sent().is_empty());
        fill(&mut writer);
        rig.seats.run(now);
        assert_eq!(rig.sent(), [1]);
    }

    #[test]
    fn every_stream_has_one_turn_a_frame() {
        let mut rig = Rig::new();
        let writers: Vec<_> = (0..20)
            .map(|id| {
                let mut writer = rig.add(id * 1700, id);
                fill(&mut writer);
                rig.seats.run(rig.at(id * 1700));
                writer
            })
            .collect();
        let first = rig.at(40_000);
        let mut now = rig.seats.run(first).unwrap();
        rig.sent();
        while now < first + Duration::from_millis(201) {
            now = rig.seats.run(now).unwrap();
        }
        let sent = rig.sent();
        for id in 0..20 {
            assert_eq!(sent.iter().filter(|s| **s == id).count(), 10, "stream {id}");
        }
        drop(writers);
    }

    #[test]
    fn a_stall_makes_no_burst() {
        let mut rig = Rig::new();
        let mut writer = rig.add(0, 1);
        fill(&mut writer);
        rig.seats.run(rig.at(0));
        rig.sent();
        rig.seats.run(rig.at(500_000));
        assert!(rig.sent().len() <= 1);
        // tick 1 was due at 2.5 ms: 497.5 ms late are 24 whole frames
        let gap = rig.gaps.try_recv().expect("a gap");
        assert_eq!((gap.cause, gap.frames), (Cause::SchedulerLate, 24));
    }

    #[test]
    fn a_panic_of_a_reader_ends_only_its_own_sound() {
        let mut rig = Rig::new();
        fill(&mut rig.add(0, 1));
        let (mut writer, reader) = ring(FrameFormat::Opus, 9, 9, || panic!("on purpose"), |_| ());
        rig.add(0, 2);
        fill(&mut writer);
        let now = rig.at(0);
        rig.seats.change(now, 2, |s| s.set_reader(Some(reader)));
        let mut now = rig.at(0);
        while now < rig.at(100_000) {
            now = rig.seats.run(now).unwrap();
        }
        assert!(rig.sent().iter().filter(|s| **s == 1).count() >= 5);
    }

    #[test]
    fn links_are_kept_alive_every_five_seconds() {
        let mut rig = Rig::new();
        let _writer = rig.add(0, 3);
        let mut now = rig.at(0);
        rig.seats.change(now, 3, |s| s.set_reader(None));
        let mut keepalives = 0;
        while now < rig.at(20_500_000) {
            now = rig.seats.run(now).unwrap();
            let mut packet = [0; 64];
            while rig.server.recv(&mut packet).is_ok_and(|n| n == 8) {
                keepalives += 1;
            }
        }
        assert_eq!(keepalives, 4);
    }
}
