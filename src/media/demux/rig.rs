//! Owns: what tests of demuxers share: a server of bytes that counts, and the runs over it.
//! Never knows: any container.

use super::{Demuxer, Opened, Opening, Packet};
use crate::media::window::{ByteWindow, LaneWriter, Stop, Task, lane};
use bytes::Bytes;

/// Serves bytes to a lane in small pieces, as a server with ranges (or without) does.
pub(super) struct Server {
    data: Bytes,
    piece: usize,
    at: usize,
    is_finished: bool,
    writer: LaneWriter,
    /// Bytes delivered so far.
    pub delivered: usize,
    /// Jumps asked for so far.
    pub jumps: usize,
}

impl Server {
    pub(super) fn new(data: impl Into<Bytes>, piece: usize) -> (Self, ByteWindow) {
        Self::with(data, piece, 4096, true, true)
    }

    pub(super) fn with(
        data: impl Into<Bytes>,
        piece: usize,
        credit: usize,
        has_length: bool,
        is_seekable: bool,
    ) -> (Self, ByteWindow) {
        let data = data.into();
        let (writer, window) = lane(credit);
        writer.describe(has_length.then_some(data.len() as u64), is_seekable);
        let server = Self {
            data,
            piece,
            at: 0,
            is_finished: false,
            writer,
            delivered: 0,
            jumps: 0,
        };
        (server, window)
    }

    /// One piece, or one jump. False when the end was told and nothing else is asked for.
    fn serve(&mut self) -> bool {
        match self.writer.poll() {
            Some(Task::Jump(to)) => {
                self.at = (to as usize).min(self.data.len());
                self.is_finished = false;
                self.jumps += 1;
            }
            Some(Task::Deliver) if self.at < self.data.len() => {
                let end = (self.at + self.piece).min(self.data.len());
                self.writer.push(self.data.slice(self.at..end));
                self.delivered += end - self.at;
                self.at = end;
            }
            Some(Task::Deliver) if !self.is_finished => {
                self.writer.finish();
                self.is_finished = true;
            }
            Some(Task::Deliver) => return false,
            other => panic!("a call waits for bytes that cannot come: {other:?}"),
        }
        true
    }

    /// Repeats a call until it no longer needs bytes.
    pub(super) fn until<T>(
        &mut self,
        window: &mut ByteWindow,
        mut call: impl FnMut(&mut ByteWindow) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        for _ in 0..1_000_000 {
            match call(window) {
                Err(Stop::Need(len)) => while window.available() < len && self.serve() {},
                other => return other,
            }
        }
        panic!("a call never gets enough")
    }
}

/// Opens whole bytes.
pub(super) fn open(mut opening: Box<dyn Opening>, data: &[u8]) -> (Opened, ByteWindow) {
    let mut window = ByteWindow::of(data.to_vec());
    let opened = opening.advance(&mut window).expect("opens");
    (opened, window)
}

/// All packets up to the end.
pub(super) fn read_all(demuxer: &mut dyn Demuxer, window: &mut ByteWindow) -> Vec<Packet> {
    let mut packets = Vec::new();
    loop {
        match demuxer.next_packet(window) {
            Ok(packet) => packets.push(packet),
            Err(Stop::End) => return packets,
            Err(other) => panic!("reads: {other:?}"),
        }
    }
}

/// Opens and reads everything through a lane that delivers `piece` bytes at a time.
pub(super) fn read_slowly(
    mut opening: Box<dyn Opening>,
    data: &[u8],
    piece: usize,
) -> (Opened, Vec<Packet>) {
    let (mut server, mut window) = Server::new(data.to_vec(), piece);
    let mut opened = server
        .until(&mut window, |w| opening.advance(w))
        .expect("opens");
    let mut packets = Vec::new();
    loop {
        match server.until(&mut window, |w| opened.demuxer.next_packet(w)) {
            Ok(packet) => packets.push(packet),
            Err(Stop::End) => return (opened, packets),
            Err(other) => panic!("reads: {other:?}"),
        }
    }
}

/// Reads whatever comes of damaged bytes, and seeks about in it: nothing may panic, hang or grow.
pub(super) fn survive(mut opening: Box<dyn Opening>, data: Vec<u8>) {
    let total = data.len();
    let mut window = ByteWindow::of(data);
    let Ok(mut opened) = opening.advance(&mut window) else {
        return;
    };
    for target in [None, Some(0), Some(30_000), Some(u64::MAX)] {
        if let Some(target) = target
            && opened.demuxer.seek(target, &mut window).is_err()
        {
            continue;
        }
        let mut bytes = 0;
        for _ in 0..2_000 {
            match opened.demuxer.next_packet(&mut window) {
                Ok(packet) => bytes += packet.data.len(),
                Err(Stop::Need(_)) => panic!("waits for bytes of a whole resource"),
                Err(_) => break,
            }
        }
        assert!(bytes <= total * 64, "more bytes come out than went in");
    }
}

/// The same over a lane, where bytes have to be waited for: every call must come to an end.
fn survive_slowly(mut opening: Box<dyn Opening>, data: Vec<u8>) {
    let (mut server, mut window) = Server::new(data, 100);
    let Ok(mut opened) = server.until(&mut window, |w| opening.advance(w)) else {
        return;
    };
    for target in [0, 30_000] {
        if server
            .until(&mut window, |w| opened.demuxer.seek(target, w))
            .is_ok()
        {
            while server
                .until(&mut window, |w| opened.demuxer.next_packet(w))
                .is_ok()
            {}
        }
    }
}

/// Cuts the file at every `step`th place, and flips bytes at random places, `rounds` times.
pub(super) fn torture(open: fn() -> Box<dyn Opening>, data: &[u8], step: usize, rounds: u32) {
    for cut in (0..data.len()).step_by(step) {
        survive(open(), data[..cut].to_vec());
    }
    for cut in (0..data.len()).step_by(data.len() / 16 + 1) {
        survive_slowly(open(), data[..cut].to_vec());
    }
    // xorshift (Marsaglia 2003), a fixed seed
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..rounds {
        let mut copy = data.to_vec();
        // half of the rounds hit the headers only
        let range = if round % 2 == 0 {
            data.len().min(1200)
        } else {
            data.len()
        };
        for _ in 0..=random() % 6 {
            let at = (random() as usize) % range;
            copy[at] = match random() % 4 {
                0 => 0xFF,
                1 => 0,
                _ => random() as u8,
            };
        }
        survive(open(), copy);
    }
}

/// Seeks over a lane and says where it landed and how many bytes it took: (position of the first packet, bytes).
pub(super) fn seek_slowly(
    mut opening: Box<dyn Opening>,
    data: &[u8],
    target: u64,
    credit: usize,
) -> (i64, usize) {
    let (mut server, mut window) = Server::with(data.to_vec(), 512, credit, true, true);
    let mut opened = server
        .until(&mut window, |w| opening.advance(w))
        .expect("opens");
    let before = server.delivered;
    server
        .until(&mut window, |w| opened.demuxer.seek(target, w))
        .expect("seeks");
    let packet = server
        .until(&mut window, |w| opened.demuxer.next_packet(w))
        .expect("reads");
    (packet.pts, server.delivered - before)
}
