//! Owns: one connection's sound on a pacer: what is sent next, RTP's counters, the encryption of a packet.
//! Never knows: threads, ticks, the gateway. `now` is given to it.

use super::Feedback;
use crate::{
    frame::{Cause, FrameReader, MAX_OPUS_BYTES, Taken},
    output::voice::{
        dave::{FrameSealer, MAX_OVERHEAD, SILENCE},
        transport::{self, Cipher, RTP_HEADER},
    },
    units::{FRAME_DURATION, FRAME_SAMPLES},
};
use std::{
    io::{self, ErrorKind},
    net::UdpSocket,
    time::{Duration, Instant},
};

/// Room for the largest packet. The frame ring wants its largest frame; encryption adds to that.
const PACKET: usize = RTP_HEADER + MAX_OPUS_BYTES + MAX_OVERHEAD + transport::OVERHEAD;
/// Silence frames after sound, so that the listener's decoder does not interpolate into the pause. Discord asks for five
/// (<https://discord.com/developers/docs/topics/voice-connections#voice-data-interpolation>).
const TRAILING_SILENCE: u8 = 5;
/// Two packets of one stream are never nearer than this, except that one late frame may be caught up.
const MIN_SPACING: Duration = Duration::from_millis(10);

/// Where packets go, and how they are encrypted.
pub(in crate::output::voice) struct Link {
    /// Connected to the voice server, non-blocking.
    pub socket: UdpSocket,
    pub ssrc: u32,
    pub cipher: Cipher,
}

/// Where RTP's counters begin; random, as RFC 3550, section 5.1 wants it.
#[derive(Clone, Copy)]
pub(in crate::output::voice) struct Counters {
    pub sequence: u16,
    pub timestamp: u32,
    pub nonce: u32,
}

/// What a stream did in its turn, and so what it needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It wants its next turn a frame later.
    Sent,
    /// Sound is missing: besides the next turn, it wants to be asked as soon as possible.
    Starved,
    /// It needs no turn until something changes.
    Idle,
}

/// See the module.
pub(super) struct Stream {
    link: Option<Link>,
    sealer: Option<FrameSealer>,
    /// The sealer that was in use when encryption was switched off: its nonces must go on if it comes back.
    retired: Option<FrameSealer>,
    reader: Option<FrameReader>,
    is_paused: bool,
    awaits_key: bool,
    counters: Counters,
    /// When the last packet was due, and when it was really sent.
    last: Option<(Instant, Instant)>,
    silence_left: u8,
    /// Sound was sent in the last turn, and nothing has changed since that would explain a pause.
    is_in_flow: bool,
    is_speaking: bool,
    keepalives: u32,
    feedback: Feedback,
}

impl Stream {
    pub(super) const fn new(counters: Counters, feedback: Feedback) -> Self {
        Self {
            link: None,
            sealer: None,
            retired: None,
            reader: None,
            is_paused: false,
            awaits_key: false,
            counters,
            last: None,
            silence_left: 0,
            is_in_flow: false,
            is_speaking: false,
            keepalives: 0,
            feedback,
        }
    }

    /// Sequence, timestamp and nonce go on over a new link: nothing of them may repeat under the same key.
    pub(super) fn set_link(&mut self, link: Option<Link>) {
        if link.is_none() {
            self.rest();
        }
        self.link = link;
    }

    pub(super) fn set_sealer(&mut self, sealer: Option<FrameSealer>) {
        let known = self.sealer.take().or_else(|| self.retired.take());
        match sealer {
            Some(new) => {
                self.sealer = match known {
                    Some(old) if old.ordinal() == new.ordinal() => Some(old),
                    _ => Some(new),
                }
            }
            None => self.retired = known,
        }
    }

    pub(super) fn set_reader(&mut self, reader: Option<FrameReader>) {
        self.is_in_flow = false;
        self.reader = reader;
    }

    pub(super) fn set_paused(&mut self, is_paused: bool) {
        if is_paused {
            self.rest();
        }
        self.is_paused = is_paused;
    }

    pub(super) fn set_awaiting_key(&mut self, waits: bool) {
        if waits {
            self.rest();
        }
        self.awaits_key = waits;
    }

    /// No sound is wanted for a while: its lack is no gap.
    fn rest(&mut self) {
        self.is_in_flow = false;
        if let Some(reader) = &mut self.reader {
            reader.rest();
        }
    }

    /// Whether sound is due.
    pub(super) fn wants_sound(&self) -> bool {
        self.link.is_some() && !self.is_paused && !self.awaits_key && self.reader.is_some()
    }

    /// Whether turns are needed at all.
    pub(super) fn is_active(&self) -> bool {
        self.wants_sound() || (self.link.is_some() && self.silence_left > 0)
    }

    /// Whether the last packet was sound: then the next has its time.
    pub(super) const fn is_flowing(&self) -> bool {
        self.silence_left == TRAILING_SILENCE
    }

    /// Whether there is something to send at once, between turns.
    pub(super) fn may_start(&self, now: Instant) -> bool {
        self.wants_sound()
            && self.reader.as_ref().is_some_and(FrameReader::is_ready)
            && self
                .last
                .is_none_or(|(_, sent)| now.saturating_duration_since(sent) >= MIN_SPACING)
    }

    /// One frame's turn, which was due at `due`.
    pub(super) fn turn(&mut self, due: Instant, now: Instant) -> Turn {
        let mut packet = [0; PACKET];
        let was_in_flow = std::mem::replace(&mut self.is_in_flow, false);
        if self.wants_sound()
            && let Some(reader) = &mut self.reader
        {
            // one frame after the last is right; whole frames more is time that was given up (`wheel`)
            if was_in_flow
                && let Some((last, _)) = self.last
                && let given_up @ 1.. = frames_between(last, due) - 1
            {
                reader.lost(Cause::SchedulerLate, given_up.into(), None);
            }
            match reader.take(&mut packet[RTP_HEADER..]) {
                Taken::Frame { len, .. } => {
                    self.speak(true);
                    self.silence_left = TRAILING_SILENCE;
                    self.is_in_flow = true;
                    if let Err(error) = self.send(&mut packet, len, due, now)
                        && let Some(reader) = &mut self.reader
                    {
                        reader.lost(Cause::SendError, 1, error.raw_os_error());
                    }
                    return Turn::Sent;
                }
                Taken::Underrun => {
                    self.send_silence(&mut packet, due, now);
                    return Turn::Starved;
                }
                Taken::Over => self.reader = None,
            }
        }
        if self.link.is_none() || self.silence_left == 0 {
            self.speak(false);
            return Turn::Idle;
        }
        self.send_silence(&mut packet, due, now);
        Turn::Sent
    }

    fn send_silence(&mut self, packet: &mut [u8; PACKET], due: Instant, now: Instant) {
        if self.silence_left > 0 {
            self.silence_left -= 1;
            packet[RTP_HEADER..RTP_HEADER + SILENCE.len()].copy_from_slice(&SILENCE);
            // silence that is lost is silence
            let _ = self.send(packet, SILENCE.len(), due, now);
        }
    }

    /// Sends a packet. An error means that the system did not take it.
    fn send(
        &mut self,
        packet: &mut [u8; PACKET],
        len: usize,
        due: Instant,
        now: Instant,
    ) -> io::Result<()> {
        let Some(link) = &self.link else {
            return Ok(());
        };
        let counters = &mut self.counters;
        counters.sequence = counters.sequence.wrapping_add(1);
        counters.nonce = counters.nonce.wrapping_add(1);
        let frames = self.last.map_or(1, |(last, _)| frames_between(last, due));
        counters.timestamp = counters
            .timestamp
            .wrapping_add(frames.wrapping_mul(FRAME_SAMPLES as u32));
        self.last = Some((due, now));
        transport::put_header(packet, counters.sequence, counters.timestamp, link.ssrc);
        let len = match &mut self.sealer {
            Some(sealer) => sealer.seal(&mut packet[RTP_HEADER..], len),
            None => len,
        };
        let len = link.cipher.seal(packet, RTP_HEADER + len, counters.nonce);
        match link.socket.send(&packet[..len]) {
            Ok(_) => self.feedback.count_sent(),
            // nobody listens there at the moment (a restarting server answers so): as good as lost on the way
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => self.feedback.count_sent(),
            Err(error) => {
                self.feedback.count_dropped();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Keeps the way through routers open while nothing is said; Discord's clients send eight bytes every five seconds.
    pub(super) fn keep_alive(&mut self) {
        if let Some(link) = &self.link {
            let mut packet = [0; 8];
            packet[..4].copy_from_slice(&link.ssrc.to_be_bytes());
            packet[4..].copy_from_slice(&self.keepalives.to_be_bytes());
            self.keepalives = self.keepalives.wrapping_add(1);
            // an unreachable server is noticed by the gateway, not here
            let _ = link.socket.send(&packet);
        }
    }

    fn speak(&mut self, is_speaking: bool) {
        if self.is_speaking != is_speaking {
            self.is_speaking = is_speaking;
            self.feedback.speaking(is_speaking);
        }
    }
}

/// How many frames of time lie between two packets, at least one: timestamps run on while nothing is sent.
fn frames_between(last: Instant, due: Instant) -> u32 {
    let frame = FRAME_DURATION.as_micros();
    let frames = (due.saturating_duration_since(last).as_micros() + frame / 2) / frame;
    // a timestamp that wraps is what RTP expects
    frames.max(1) as u32
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
mod tests {
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
                .decrypt_in_place_detached(
                    &nonce.into(),
                    header,
                    &mut body[..n - 32],
                    (&tag).into(),
                )
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
}
