//! Owns: what the tests of the demuxers share: a fetch task that hands out a file in pieces, and runs over whole streams.
//! Never knows: any format.

use super::{Demuxer, Opened, Opening, Packet};
use crate::media::window::{ByteWindow, LaneWriter, Stop, Task, lane};
use bytes::Bytes;

/// A file behind a lane: delivers only what is asked for.
pub(super) struct Served {
    data: Bytes,
    writer: LaneWriter,
    at: usize,
    chunk: usize,
    is_finished: bool,
    /// Bytes delivered so far.
    pub(super) delivered: usize,
    /// Jumps made so far.
    pub(super) jumps: usize,
}

impl Served {
    /// Hands out `chunk` bytes at a time.
    pub(super) fn new(data: &[u8], chunk: usize, is_seekable: bool) -> (Self, ByteWindow) {
        let (writer, window) = lane(chunk.max(64));
        writer.describe(Some(data.len() as u64), is_seekable);
        let served = Self {
            data: Bytes::copy_from_slice(data),
            writer,
            at: 0,
            chunk,
            is_finished: false,
            delivered: 0,
            jumps: 0,
        };
        (served, window)
    }

    /// As [`new`](Self::new), without saying how long the file is.
    pub(super) fn live(data: &[u8], chunk: usize) -> (Self, ByteWindow) {
        let (served, window) = Self::new(data, chunk, false);
        served.writer.describe(None, false);
        (served, window)
    }

    /// Makes the call again and again, with more bytes each time, until it is served.
    pub(super) fn run<T>(
        &mut self,
        window: &mut ByteWindow,
        mut call: impl FnMut(&mut ByteWindow) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        loop {
            match call(window) {
                Err(Stop::Need(need)) => {
                    let before = self.delivered;
                    while window.available() < need && self.feed() {}
                    assert!(
                        window.available() >= need || self.is_finished || self.delivered > before,
                        "asks for {need} and nothing comes"
                    );
                }
                result => return result,
            }
        }
    }

    fn feed(&mut self) -> bool {
        match self.writer.poll() {
            Some(Task::Jump(to)) => {
                self.at = usize::try_from(to)
                    .unwrap_or(usize::MAX)
                    .min(self.data.len());
                self.is_finished = false;
                self.jumps += 1;
                true
            }
            Some(Task::Deliver) if self.at < self.data.len() => {
                let end = (self.at + self.chunk).min(self.data.len());
                self.delivered += end - self.at;
                self.writer.push(self.data.slice(self.at..end));
                self.at = end;
                true
            }
            Some(Task::Deliver) if !self.is_finished => {
                self.is_finished = true;
                self.writer.finish();
                true
            }
            _ => false,
        }
    }
}

/// Opens a file that is all there.
pub(super) fn open(data: &[u8], mut opening: Box<dyn Opening>) -> (Opened, ByteWindow) {
    let mut window = ByteWindow::of(Bytes::copy_from_slice(data));
    match opening.advance(&mut window) {
        Ok(opened) => (opened, window),
        Err(stop) => panic!("cannot be opened: {stop:?}"),
    }
}

/// All packets from here to the end.
pub(super) fn rest(demuxer: &mut dyn Demuxer, window: &mut ByteWindow) -> Vec<Packet> {
    let mut packets = Vec::new();
    loop {
        match demuxer.next_packet(window) {
            Ok(packet) => packets.push(packet),
            Err(Stop::End) => return packets,
            Err(stop) => panic!("after {} packets: {stop:?}", packets.len()),
        }
    }
}

/// Every packet begins where the one before ends.
pub(super) fn assert_gapless(packets: &[Packet]) {
    for pair in packets.windows(2) {
        assert_eq!(pair[0].pts + i64::from(pair[0].duration), pair[1].pts);
    }
}

/// The same packets come out however the bytes arrive.
pub(super) fn assert_same_in_pieces(data: &[u8], opening: fn() -> Box<dyn Opening>) {
    let (mut whole, mut window) = open(data, opening());
    let expected = rest(&mut *whole.demuxer, &mut window);
    for chunk in [1, 1999] {
        let (mut served, mut window) = Served::new(data, chunk, true);
        let mut opener = opening();
        let mut opened = served
            .run(&mut window, |w| opener.advance(w))
            .unwrap_or_else(|stop| panic!("cannot be opened: {stop:?}"));
        assert_eq!(opened.demuxer.info().length, whole.demuxer.info().length);
        assert_eq!(opened.tags, whole.tags);
        let mut count = 0;
        while let Ok(packet) = served.run(&mut window, |w| opened.demuxer.next_packet(w)) {
            assert!(
                packet == expected[count],
                "packet {count} at {}",
                packet.pts
            );
            count += 1;
        }
        assert_eq!(count, expected.len());
    }
}

/// Seeks to many places; each must land on packets that continuous reading gives too, `preroll` before the target or at the
/// beginning. Returns the most bytes delivered and jumps made for one seek and the packets up to the target.
pub(super) fn assert_seeks(data: &[u8], opening: fn() -> Box<dyn Opening>) -> (usize, usize) {
    let (mut whole, mut window) = open(data, opening());
    let packets = rest(&mut *whole.demuxer, &mut window);
    let info = whole.demuxer.info().clone();
    let length = info.length.expect("has a length");
    let mut most = (0, 0);
    let (mut served, mut window) = Served::new(data, 4096, true);
    let mut opener = opening();
    let mut opened = served
        .run(&mut window, |w| opener.advance(w))
        .unwrap_or_else(|stop| panic!("cannot be opened: {stop:?}"));
    for part in [0, 1, 500, 250, 999, 10, 750, 749, 751, 333, 0, 997] {
        let target = length * part / 1000;
        let before = (served.delivered, served.jumps);
        served
            .run(&mut window, |w| opened.demuxer.seek(target, w))
            .unwrap_or_else(|stop| panic!("seek to {target}: {stop:?}"));
        let mut got = Vec::new();
        let mut reached = i64::MIN;
        while reached <= target as i64 {
            let packet = served
                .run(&mut window, |w| opened.demuxer.next_packet(w))
                .unwrap_or_else(|stop| panic!("after seek to {target}: {stop:?}"));
            reached = packet.pts + i64::from(packet.duration);
            got.push(packet);
        }
        let landed = packets
            .iter()
            .position(|p| {
                p.data == got[0].data
                    && p.pts + i64::from(p.duration) == got[0].pts + i64::from(got[0].duration)
            })
            .unwrap_or_else(|| {
                panic!(
                    "seek to {target} lands on an unknown packet at {}",
                    got[0].pts
                )
            });
        assert_eq!(
            got[1..],
            packets[landed + 1..landed + got.len()],
            "seek to {target}"
        );
        let wanted = target as i64 - i64::from(info.preroll);
        assert!(
            got[0].pts <= wanted || landed == 0,
            "seek to {target} lands at {}",
            got[0].pts
        );
        most.0 = most.0.max(served.delivered - before.0);
        most.1 = most.1.max(served.jumps - before.1);
    }
    served
        .run(&mut window, |w| opened.demuxer.seek(length + 5, w))
        .unwrap_or_else(|stop| panic!("seek beyond the end: {stop:?}"));
    let end = served.run(&mut window, |w| opened.demuxer.next_packet(w));
    assert!(matches!(end, Err(Stop::End)));
    most
}

/// Cuts and damages the file in many ways: every run must come to an end by itself.
pub(super) fn assert_survives(data: &[u8], opening: fn() -> Box<dyn Opening>) {
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 16) as usize % below
    };
    for cut in (0..300.min(data.len())).chain((0..40).map(|i| data.len() * i / 40)) {
        exhaust(&data[..cut], opening());
    }
    for round in 0..60 {
        let mut damaged = data.to_vec();
        for _ in 0..=round {
            let at = if round % 3 == 0 {
                random(200.min(data.len()))
            } else {
                random(data.len())
            };
            damaged[at] = random(256) as u8;
        }
        exhaust(&damaged, opening());
    }
}

/// Opens, reads, seeks and reads again, whatever comes of it.
pub(super) fn exhaust(data: &[u8], mut opening: Box<dyn Opening>) {
    let mut window = ByteWindow::of(Bytes::copy_from_slice(data));
    let Ok(mut opened) = opening.advance(&mut window) else {
        return;
    };
    for target in [0, 100_000] {
        let mut count = 0;
        while opened.demuxer.next_packet(&mut window).is_ok() {
            count += 1;
            assert!(count <= data.len(), "more packets than bytes");
        }
        let _ = opened.demuxer.seek(target, &mut window);
    }
}
