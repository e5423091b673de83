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
    /// Hands out `chunk` bytes at a time, and says how long the file is.
    pub(super) fn new(data: &[u8], chunk: usize, is_seekable: bool) -> (Self, ByteWindow) {
        Self::with(data, chunk, chunk.max(64), true, is_seekable)
    }

    /// As [`new`](Self::new), without saying how long the file is.
    pub(super) fn live(data: &[u8], chunk: usize) -> (Self, ByteWindow) {
        Self::with(data, chunk, chunk.max(64), false, false)
    }

    /// As [`new`](Self::new), of a file on this machine.
    pub(super) fn local(data: &[u8], chunk: usize) -> (Self, ByteWindow) {
        let (served, window) = Self::new(data, chunk, true);
        served.writer.tell_local();
        (served, window)
    }

    /// At most `credit` bytes wait to be read.
    pub(super) fn with(
        data: &[u8],
        chunk: usize,
        credit: usize,
        has_length: bool,
        is_seekable: bool,
    ) -> (Self, ByteWindow) {
        let (writer, window) = lane(credit);
        writer.describe(has_length.then_some(data.len() as u64), is_seekable);
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

    /// Makes the call again and again, with more bytes each time, until it is served.
    pub(super) fn run<T>(
        &mut self,
        window: &mut ByteWindow,
        mut call: impl FnMut(&mut ByteWindow) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        for _ in 0..1_000_000 {
            match call(window) {
                Err(Stop::Need(need)) => {
                    let before = self.delivered;
                    while window.available() < need && self.feed() {}
                    assert!(
                        window.available() >= need || self.is_finished || self.delivered > before,
                        "asks for {need} and nothing comes"
                    );
                }
                Err(Stop::Again) => {}
                result => return result,
            }
        }
        panic!("a call never gets enough")
    }

    /// One piece, or one jump. False when the end was told and nothing else is asked for.
    fn feed(&mut self) -> bool {
        match self.writer.poll() {
            Some(Task::Jump(to)) => {
                self.at = usize::try_from(to)
                    .unwrap_or(usize::MAX)
                    .min(self.data.len());
                self.is_finished = false;
                self.jumps += 1;
            }
            Some(Task::Deliver) if self.at < self.data.len() => {
                let end = (self.at + self.chunk).min(self.data.len());
                self.delivered += end - self.at;
                self.writer.push(self.data.slice(self.at..end));
                self.at = end;
            }
            Some(Task::Deliver) if !self.is_finished => {
                self.is_finished = true;
                self.writer.finish();
            }
            Some(Task::Deliver) => return false,
            other => panic!("a call waits for bytes that cannot come: {other:?}"),
        }
        true
    }
}

/// Makes a call as often as it wants to be made again.
pub(super) fn again<T>(mut call: impl FnMut() -> Result<T, Stop>) -> Result<T, Stop> {
    loop {
        match call() {
            Err(Stop::Again) => {}
            result => return result,
        }
    }
}

/// Opens a file that is all there.
pub(super) fn open(data: &[u8], mut opening: Box<dyn Opening>) -> (Opened, ByteWindow) {
    let mut window = ByteWindow::of(Bytes::copy_from_slice(data));
    match again(|| opening.advance(&mut window)) {
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

/// Opens a file that arrives `chunk` bytes at a time.
fn open_slowly(
    data: &[u8],
    mut opening: Box<dyn Opening>,
    chunk: usize,
) -> (Opened, Served, ByteWindow) {
    let (mut served, mut window) = Served::new(data, chunk, true);
    let opened = served.run(&mut window, |w| opening.advance(w));
    let opened = opened.unwrap_or_else(|stop| panic!("cannot be opened: {stop:?}"));
    (opened, served, window)
}

/// Opens and reads a file that arrives `chunk` bytes at a time.
pub(super) fn read_slowly(
    data: &[u8],
    opening: Box<dyn Opening>,
    chunk: usize,
) -> (Opened, Vec<Packet>) {
    let (mut opened, mut served, mut window) = open_slowly(data, opening, chunk);
    let mut packets = Vec::new();
    loop {
        match served.run(&mut window, |w| opened.demuxer.next_packet(w)) {
            Ok(packet) => packets.push(packet),
            Err(Stop::End) => return (opened, packets),
            Err(stop) => panic!("after {} packets: {stop:?}", packets.len()),
        }
    }
}

/// The same packets come out however the bytes arrive.
pub(super) fn assert_same_in_pieces(data: &[u8], opening: fn() -> Box<dyn Opening>) {
    let (mut whole, mut window) = open(data, opening());
    let expected = rest(&mut *whole.demuxer, &mut window);
    for chunk in [1, 1999] {
        let (opened, packets) = read_slowly(data, opening(), chunk);
        assert_eq!(opened.demuxer.info().length, whole.demuxer.info().length);
        assert_eq!(opened.tags, whole.tags);
        let differs = packets.iter().zip(&expected).position(|(a, b)| a != b);
        assert_eq!(differs, None, "first packet that differs");
        assert_eq!(packets.len(), expected.len());
    }
}

/// Seeks in a file that arrives 512 bytes at a time, `credit` bytes ahead. Returns where the first packet begins and how many
/// bytes it took.
pub(super) fn seek_slowly(
    data: &[u8],
    mut opening: Box<dyn Opening>,
    target: u64,
    credit: usize,
) -> (i64, usize) {
    let (mut served, mut window) = Served::with(data, 512, credit, true, true);
    let opened = served.run(&mut window, |w| opening.advance(w));
    let mut demuxer = opened.expect("opens").demuxer;
    let before = served.delivered;
    let sought = served.run(&mut window, |w| demuxer.seek(target, w));
    sought.expect("seeks");
    let packet = served.run(&mut window, |w| demuxer.next_packet(w));
    (packet.expect("reads").pts, served.delivered - before)
}

/// Seeks to many places; each must land on packets that continuous reading gives too, `preroll` before the target or at the
/// beginning. Returns the most bytes delivered and jumps made for one seek and the packets up to the target.
pub(super) fn assert_seeks(data: &[u8], opening: fn() -> Box<dyn Opening>) -> (usize, usize) {
    let (mut whole, mut window) = open(data, opening());
    let packets = rest(&mut *whole.demuxer, &mut window);
    let info = whole.demuxer.info().clone();
    let length = info.length.expect("has a length");
    let mut most = (0, 0);
    let (mut opened, mut served, mut window) = open_slowly(data, opening(), 4096);
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

/// [`torture`] at the strength that suits files of some kilobytes.
pub(super) fn assert_survives(data: &[u8], opening: fn() -> Box<dyn Opening>) {
    torture(data, opening, data.len() / 40 + 1, 60);
}

/// Cuts the file within its first bytes and at every `step`th place, and damages it in `rounds` ways: every run must come to
/// an end by itself.
pub(super) fn torture(data: &[u8], opening: fn() -> Box<dyn Opening>, step: usize, rounds: usize) {
    for cut in (0..300.min(data.len())).chain((0..data.len()).step_by(step)) {
        exhaust(&data[..cut], opening());
    }
    for cut in (0..data.len()).step_by(data.len() / 16 + 1) {
        exhaust_slowly(&data[..cut], opening());
    }
    // xorshift (Marsaglia 2003), a fixed seed
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 16) as usize % below
    };
    for round in 0..rounds {
        let mut damaged = data.to_vec();
        // most of what can go wrong stands in front
        let range = [200, 1200, data.len()][round % 3].min(data.len());
        for _ in 0..=random(6.max(round.min(60))) {
            damaged[random(range)] = match random(4) {
                0 => 0xFF,
                1 => 0,
                _ => random(256) as u8,
            };
        }
        exhaust(&damaged, opening());
    }
}

/// Opens, reads, seeks and reads again, whatever comes of it: nothing may hang, wait or grow.
pub(super) fn exhaust(data: &[u8], mut opening: Box<dyn Opening>) {
    let mut window = ByteWindow::of(Bytes::copy_from_slice(data));
    let Ok(mut opened) = again(|| opening.advance(&mut window)) else {
        return;
    };
    for target in [None, Some(0), Some(30_000), Some(100_000), Some(u64::MAX)] {
        if let Some(target) = target
            && again(|| opened.demuxer.seek(target, &mut window)).is_err()
        {
            continue;
        }
        let (mut count, mut bytes) = (0, 0);
        loop {
            match opened.demuxer.next_packet(&mut window) {
                Ok(packet) => bytes += packet.data.len(),
                Err(Stop::Need(_)) => panic!("waits for bytes of a whole file"),
                Err(_) => break,
            }
            count += 1;
            assert!(count <= data.len(), "more packets than bytes");
            assert!(bytes <= data.len() * 64, "more bytes come out than went in");
        }
    }
}

/// The same where bytes have to be waited for: every call must come to an end.
fn exhaust_slowly(data: &[u8], mut opening: Box<dyn Opening>) {
    let (mut served, mut window) = Served::new(data, 100, true);
    let Ok(mut opened) = served.run(&mut window, |w| opening.advance(w)) else {
        return;
    };
    for target in [0, 30_000] {
        let sought = served.run(&mut window, |w| opened.demuxer.seek(target, w));
        if sought.is_ok() {
            while served
                .run(&mut window, |w| opened.demuxer.next_packet(w))
                .is_ok()
            {}
        }
    }
}
