//! Owns: what a stream sends in its turns, when, and which gaps it tells.
//! Never knows: threads, ticks.

use super::*;
use crate::{
    frame::{FrameFormat, FrameWriter, Gap, ReaderEvent, ring},
    output::voice::transport::Mode,
    units::Samples,
};
use chacha20poly1305::{AeadInPlace, KeyInit, XChaCha20Poly1305};
use std::sync::mpsc;

struct Rig {
    stream: Stream,
    writer: FrameWriter,
    server: UdpSocket,
    start: Instant,
    frames: u32,
    gaps: mpsc::Receiver<Gap>,
}

impl Rig {
    fn new() -> Self {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server.local_addr().unwrap()).unwrap();
        let counters = Counters {
            sequence: u16::MAX,
            timestamp: 1000,
            nonce: 0,
        };
        let mut stream = Stream::new(counters, Feedback::default());
        stream.set_link(Some(Link {
            socket,
            ssrc: 1,
            cipher: Cipher::new(Mode::XChaCha20Poly1305, &[3; 32]),
        }));
        let (tell, gaps) = mpsc::channel();
        let notify = move |event| {
            if let ReaderEvent::Gap(gap) = event {
                tell.send(gap).expect("the test listens");
            }
        };
        let (writer, reader) = ring(FrameFormat::Opus, 20, 500, || (), notify);
        stream.set_reader(Some(reader));
        Self {
            stream,
            writer,
            server,
            start: Instant::now(),
            frames: 0,
            gaps,
        }
    }

    fn turn(&mut self, at_ms: u64) -> Turn {
        let at = self.start + Duration::from_millis(at_ms);
        self.stream.turn(at, at)
    }

    fn push(&mut self, frames: u8) {
        for i in 0..frames {
            assert!(self.writer.push(&[i; 5], Samples(0)));
        }
    }

    /// Sequence, timestamp and payload of the next packet.
    fn received(&mut self) -> (u16, u32, Vec<u8>) {
        let mut packet = [0; 2048];
        let n = self.server.recv(&mut packet).expect("a packet");
        let mut nonce = [0; 24];
        nonce[..4].copy_from_slice(&packet[n - 4..n]);
        let tag: [u8; 16] = packet[n - 20..n - 4].try_into().unwrap();
        let (header, body) = packet.split_at_mut(12);
        XChaCha20Poly1305::new(&[3; 32].into())
            .decrypt_in_place_detached(&nonce.into(), header, &mut body[..n - 32], (&tag).into())
            .expect("it opens");
        self.frames += 1;
        (
            u16::from_be_bytes([packet[2], packet[3]]),
            u32::from_be_bytes(packet[4..8].try_into().unwrap()),
            packet[12..n - 20].to_vec(),
        )
    }
}

#[test]
fn sound_is_followed_by_five_silence_frames() {
    let mut rig = Rig::new();
    rig.push(1);
    rig.writer.push_end();
    for i in 0..6 {
        assert_eq!(rig.turn(i * 20), Turn::Sent);
    }
    assert_eq!(rig.turn(120), Turn::Idle);
    assert_eq!(rig.received(), (0, 1960, vec![0; 5]));
    for i in 1..6u16 {
        let expected = (i, 1960 + 960 * u32::from(i), SILENCE.to_vec());
        assert_eq!(rig.received(), expected);
    }
    assert!(!rig.stream.is_active());
}

#[test]
fn timestamps_run_on_over_a_pause_but_the_sequence_does_not() {
    let mut rig = Rig::new();
    rig.push(2);
    rig.turn(0);
    rig.stream.set_paused(true);
    for i in 1..7 {
        rig.turn(i * 20);
    }
    assert!(!rig.stream.is_active());
    rig.stream.set_paused(false);
    rig.turn(1000);
    for _ in 0..6 {
        rig.received();
    }
    // 50 frames after the first
    assert_eq!(rig.received(), (6, 1960 + 50 * 960, vec![1; 5]));
}

#[test]
fn a_gap_is_filled_with_silence_and_then_with_nothing() {
    let mut rig = Rig::new();
    rig.push(1);
    rig.turn(0);
    for i in 1..9 {
        assert_eq!(rig.turn(i * 20), Turn::Starved);
    }
    assert!(!rig.stream.may_start(rig.start + Duration::from_millis(161)));
    rig.push(1);
    assert!(rig.stream.may_start(rig.start + Duration::from_millis(161)));
    rig.turn(161);
    let all: Vec<_> = (0..7).map(|_| rig.received()).collect();
    assert_eq!(all[6], (6, 1960 + 8 * 960, vec![0; 5]));
}

#[test]
fn time_that_was_given_up_is_a_gap_of_the_scheduler() {
    let mut rig = Rig::new();
    rig.push(4);
    for at_ms in [0, 20, 20 + 160, 20 + 180] {
        rig.turn(at_ms);
    }
    let gap = rig.gaps.try_recv().expect("a gap");
    assert_eq!((gap.cause, gap.frames), (Cause::SchedulerLate, 7));
    assert!(rig.gaps.try_recv().is_err());
}

#[test]
fn silence_that_was_wanted_is_no_gap() {
    let mut rig = Rig::new();
    rig.push(9);
    rig.turn(0);
    rig.stream.set_paused(true);
    rig.turn(20);
    rig.stream.set_paused(false);
    rig.turn(1000);
    rig.stream.set_awaiting_key(true);
    rig.stream.set_awaiting_key(false);
    rig.turn(2000);
    let link = rig.stream.link.take();
    rig.stream.set_link(None);
    assert_eq!(rig.turn(2020), Turn::Idle);
    rig.stream.set_link(link);
    rig.turn(3000);
    assert!(rig.gaps.try_recv().is_err());
}

#[test]
fn frames_that_the_system_does_not_take_are_a_gap() {
    let mut rig = Rig::new();
    rig.push(9);
    rig.turn(0);
    // a socket without a destination: `send` fails (POSIX, send(): EDESTADDRREQ)
    let nowhere = UdpSocket::bind("127.0.0.1:0").unwrap();
    let link = rig.stream.link.as_mut().unwrap();
    let good = std::mem::replace(&mut link.socket, nowhere);
    (1..4).for_each(|i| assert_eq!(rig.turn(i * 20), Turn::Sent));
    rig.stream.link.as_mut().unwrap().socket = good;
    (4..6).for_each(|i| assert_eq!(rig.turn(i * 20), Turn::Sent));
    let gap = rig.gaps.try_recv().expect("a gap");
    assert_eq!((gap.cause, gap.frames), (Cause::SendError, 3));
    assert_eq!(gap.os_error, Some(libc::EDESTADDRREQ));
    assert_eq!(rig.stream.feedback.counts(), (3, 3));
}

#[test]
fn a_start_keeps_its_distance_to_the_last_packet() {
    let mut rig = Rig::new();
    rig.push(2);
    rig.turn(0);
    assert!(!rig.stream.may_start(rig.start + Duration::from_millis(9)));
    assert!(rig.stream.may_start(rig.start + Duration::from_millis(10)));
}

#[test]
fn nothing_is_taken_without_a_link() {
    let mut rig = Rig::new();
    rig.stream.link = None;
    rig.push(1);
    assert!(!rig.stream.is_active());
    assert_eq!(rig.turn(0), Turn::Idle);
    assert_eq!(rig.writer.level(), 1);
}

/// Expected: the nonce stands in the byte before the last three of a sealed frame.
#[test]
fn a_frame_key_that_comes_back_goes_on_counting() {
    let mut rig = Rig::new();
    let sealer = |ordinal: u64| Some(FrameSealer::new(&[ordinal as u8; 16], ordinal));
    let mut nonces = Vec::new();
    for (at, change) in [sealer(1), None, sealer(1), sealer(1), sealer(2)]
        .into_iter()
        .enumerate()
    {
        rig.stream.set_sealer(change);
        rig.push(1);
        rig.turn(at as u64 * 20);
        let (_, _, payload) = rig.received();
        nonces.push(if payload.ends_with(&[0xFA, 0xFA]) {
            payload[payload.len() - 4]
        } else {
            0
        });
    }
    assert_eq!(nonces, [1, 0, 2, 3, 1]);
}
