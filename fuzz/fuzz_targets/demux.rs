//! Owns: what holds for every stream of bytes, whatever is in it: opening, reading and seeking end, ask for nothing that
//! cannot come, and give no more than went in.
//! Never knows: any container.
//!
//! Input: a stream, and behind it one byte that says how it arrives. So real files are seeds as they are:
//! `cargo fuzz run demux fuzz/corpus/demux tests/data -- -max_len=16384` (the corpus folder must exist); with `--features
//! tracker` also modules.

#![no_main]

use bytes::Bytes;
use lavalink_rust::media::{
    demux::{
        Opening,
        probe::{Hint, Prober},
    },
    window::{ByteWindow, LaneWriter, Stop, Task, lane},
};
use libfuzzer_sys::fuzz_target;

/// Packets read after opening and after each seek.
const MAX_PACKETS: usize = 100;
/// Turns of one call before it counts as endless: one byte may come at a time, and a bisection reads a stream many times.
const MAX_TURNS: usize = 2_000_000;
/// Seek targets in samples: the beginning, a second, an hour, beyond everything.
const TARGETS: [u64; 4] = [0, 48_000, 172_800_000, u64::MAX];

/// A server of bytes, with or without ranges and a length, that sends as much at a time as the input says.
struct Server {
    data: Bytes,
    at: usize,
    piece: usize,
    is_finished: bool,
    writer: LaneWriter,
}

impl Server {
    fn new(data: &[u8], how: u8) -> (Self, ByteWindow) {
        let piece = [1, 7, 188, 1000, 4096, 65_536, 1 << 20, 1 << 24][usize::from(how & 7)];
        // no stream in more than a thousand pieces: speed finds more than patience
        let piece = piece.max(data.len() / 1000);
        let (writer, window) = lane(piece.max(64));
        let has_length = how & 8 == 0;
        writer.describe(has_length.then_some(data.len() as u64), how & 16 == 0);
        let data = Bytes::copy_from_slice(data);
        let server = Self {
            data,
            at: 0,
            piece,
            is_finished: false,
            writer,
        };
        (server, window)
    }

    /// One piece, or one jump. False when there is nothing more to do.
    fn serve(&mut self) -> bool {
        match self.writer.poll() {
            Some(Task::Jump(to)) => {
                self.at = usize::try_from(to).map_or(self.data.len(), |to| to.min(self.data.len()));
                self.is_finished = false;
                true
            }
            Some(Task::Deliver) if self.at < self.data.len() => {
                let end = self.data.len().min(self.at + self.piece);
                self.writer.push(self.data.slice(self.at..end));
                self.at = end;
                true
            }
            Some(Task::Deliver) if !self.is_finished => {
                self.writer.finish();
                self.is_finished = true;
                true
            }
            _ => false,
        }
    }

    /// Makes a call again and again, until it no longer asks for bytes.
    fn until<T>(
        &mut self,
        window: &mut ByteWindow,
        mut call: impl FnMut(&mut ByteWindow) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        for _ in 0..MAX_TURNS {
            match call(window) {
                Err(Stop::Need(len)) => while window.available() < len && self.serve() {},
                Err(Stop::Again) => {}
                done => return done,
            }
        }
        panic!("a call never gets enough");
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, stream)) = data.split_last() else {
        return;
    };
    let (mut server, mut window) = Server::new(stream, how);
    // without a magic number, what the source says decides what is tried
    let extension = [None, Some("mp3"), Some("aac"), Some("latm")][usize::from(how >> 5 & 3)];
    let mut prober = Prober::new(Hint {
        mime: None,
        extension: extension.map(str::to_owned),
    });
    let Ok(mut opened) = server.until(&mut window, |w| prober.advance(w)) else {
        return;
    };
    let info = opened.demuxer.info().clone();
    assert!(info.rate > 0, "a stream without a rate");
    let targets = TARGETS.map(Some);
    for target in [&[None], &targets[..]].concat() {
        if let Some(target) = target
            && server
                .until(&mut window, |w| opened.demuxer.seek(target, w))
                .is_err()
        {
            continue;
        }
        let mut bytes = 0;
        for _ in 0..MAX_PACKETS {
            let packet = server.until(&mut window, |w| opened.demuxer.next_packet(w));
            let Ok(packet) = packet else { break };
            bytes += packet.data.len();
        }
        // Matroska's header stripping adds a few bytes to each packet
        let limit = stream.len() * 64 + 65_536;
        assert!(bytes <= limit, "more bytes come out than went in");
    }
});
