//! Owns: cutting a transport stream into its packets of 188 bytes (ISO 13818-1, 2.4.3.2), whatever lies between them, and
//! finding them again.
//! Never knows: what a packet carries.

use super::super::DemuxError;
use crate::media::window::{ByteWindow, Stop};
use bytes::Bytes;

/// The first byte of every packet.
const SYNC: u8 = 0x47;
/// Bytes of a packet.
const LEN: usize = 188;
/// Bytes from packet to packet: bare; with a time stamp in front (Blu-ray, AVCHD); with a checksum behind (DVB over ASI).
const STRIDES: [usize; 3] = [LEN, 192, 204];
/// How much may lie between two packets.
const MAX_GARBAGE: u64 = 1 << 20;

/// Where the first packet begins, and how many bytes lie from one to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) first: usize,
    stride: usize,
}

impl Framing {
    /// Looks at the first bytes of a stream. Every packet in them must begin with the sync byte: two packets at the usual
    /// place, four where the stream was cut in the middle of one.
    pub(super) fn detect(head: &[u8]) -> Option<Self> {
        STRIDES.iter().find_map(|&stride| {
            let usual = if stride == 192 { 4 } else { 0 };
            let begins = std::iter::once(usual).chain((0..stride).filter(|&at| at != usual));
            begins.into_iter().find_map(|first| {
                let least = if first == usual { 2 } else { 4 };
                let mut marks = head.iter().skip(first).step_by(stride);
                let is_framed = marks.len() >= least && marks.all(|&byte| byte == SYNC);
                is_framed.then_some(Self { first, stride })
            })
        })
    }
}

/// One packet, its header read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TsPacket {
    /// Which stream it is of, 13 bits.
    pub(super) pid: u16,
    /// Its payload begins a section or a PES packet.
    pub(super) starts_unit: bool,
    /// A receiver found errors in it that it could not correct.
    pub(super) is_damaged: bool,
    /// Its payload is encrypted.
    pub(super) is_scrambled: bool,
    /// The sender says himself that the counter jumps here.
    has_discontinuity: bool,
    /// Counts the packets of one stream that have a payload, 4 bits.
    counter: u8,
    /// What it carries; empty when it is an adaptation field only.
    pub(super) payload: Bytes,
}

impl TsPacket {
    /// Reads one; `None` when its fields contradict each other.
    fn parse(packet: &Bytes) -> Option<Self> {
        let [_, b, c, d, adaptation_len, flags, ..] = packet[..] else {
            return None;
        };
        let has_adaptation = d & 0x20 != 0;
        let start = if has_adaptation {
            5 + usize::from(adaptation_len)
        } else {
            4
        };
        let payload = match d & 0x10 {
            0 => Bytes::new(),
            _ if start > packet.len() => return None,
            _ => packet.slice(start..),
        };
        Some(Self {
            pid: u16::from(b & 0x1F) << 8 | u16::from(c),
            starts_unit: b & 0x40 != 0,
            is_damaged: b & 0x80 != 0,
            is_scrambled: d & 0xC0 != 0,
            has_discontinuity: has_adaptation && adaptation_len > 0 && flags & 0x80 != 0,
            counter: d & 15,
            payload,
        })
    }
}

/// What a packet's counter says of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// It follows the last one.
    Next,
    /// Packets are missing in front of it.
    Gap,
    /// It was sent before: a sender may send each packet twice.
    Again,
}

/// Follows the counter of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counter(Option<u8>);

impl Counter {
    /// Takes the next packet with a payload.
    pub(super) fn follow(&mut self, packet: &TsPacket) -> Order {
        match self.0.replace(packet.counter) {
            None => Order::Next,
            Some(last) if packet.counter == (last + 1) & 15 => Order::Next,
            Some(last) if packet.counter == last && !packet.has_discontinuity => Order::Again,
            Some(_) => Order::Gap,
        }
    }
}

/// Reads packet after packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    /// Bytes between two packets.
    between: usize,
    /// Bytes between the last packet and the next: none in front of the first.
    gap: usize,
    /// Bytes passed over while looking for the next packet.
    lost: Option<u64>,
}

impl Reader {
    /// The window must stand at the first packet.
    pub(super) const fn new(framing: Framing) -> Self {
        Self {
            between: framing.stride - LEN,
            gap: 0,
            lost: None,
        }
    }

    /// The next packet that can be read; damaged ones are passed.
    ///
    /// # Errors
    /// [`Stop::Need`] when called too early, [`Stop::End`] when no whole packet is left, [`DemuxError::Broken`] when none is
    /// found for long.
    pub(super) fn next(&mut self, bytes: &mut ByteWindow) -> Result<TsPacket, Stop> {
        loop {
            if self.lost.is_some() {
                self.find(bytes)?;
            }
            if bytes.peek(self.gap + LEN)?[self.gap] != SYNC {
                self.lost = Some(0);
                continue;
            }
            let packet = bytes.take(self.gap + LEN)?.slice(self.gap..);
            self.gap = self.between;
            if let Some(packet) = TsPacket::parse(&packet) {
                return Ok(packet);
            }
        }
    }

    /// Moves to where three packets in a row begin.
    fn find(&mut self, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let stride = self.between + LEN;
        while let Some(lost) = self.lost {
            if lost > MAX_GARBAGE {
                return Err(DemuxError::Broken("no transport stream packet was found").into());
            }
            let seen = bytes.peek(3 * stride)?;
            let found =
                (0..stride).find(|&at| (0..3).all(|packet| seen[at + packet * stride] == SYNC));
            let past = found.unwrap_or(stride) as u64;
            bytes.skip(past);
            self.gap = 0;
            self.lost = found.is_none().then_some(lost + past);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of this stream with this counter, its payload all `fill`.
    fn packet(pid: u16, counter: u8, fill: u8) -> Vec<u8> {
        let mut packet = vec![fill; LEN];
        packet[..4].copy_from_slice(&[SYNC, (pid >> 8) as u8, pid as u8, 0x10 | counter]);
        packet
    }

    fn fills(data: Vec<u8>) -> Vec<u8> {
        let framing = Framing::detect(&data[..data.len().min(1024)]).expect("is framed");
        let mut window = ByteWindow::of(data);
        window.skip(framing.first as u64);
        let mut reader = Reader::new(framing);
        let mut found = Vec::new();
        while let Ok(packet) = reader.next(&mut window) {
            if packet.pid == 0x100 {
                found.push(packet.payload[0]);
            }
        }
        found
    }

    #[test]
    fn packets_are_found_bare_stamped_and_with_checksums() {
        let packets: Vec<_> = (0..9).map(|i| packet(0x100, i, i)).collect();
        let all: Vec<u8> = (0..9).collect();
        assert_eq!(fills(packets.concat()), all);
        let stamped = packets.iter().flat_map(|p| [&[9; 4], &p[..]].concat());
        assert_eq!(fills(stamped.collect()), all);
        let checked = packets.iter().flat_map(|p| [&p[..], &[9; 16]].concat());
        assert_eq!(fills(checked.collect()), all);
        assert_eq!(fills(packets.concat()[50..].to_vec()), all[1..]);
    }

    #[test]
    fn they_are_found_again_behind_garbage() {
        let packets: Vec<_> = (0..14).map(|i| packet(0x100, i, i)).collect();
        let data = [
            &packets[..6].concat()[..],
            &[SYNC; 77],
            &packets[6..].concat(),
        ]
        .concat();
        let found = fills(data);
        assert_eq!(found[..6], [0, 1, 2, 3, 4, 5]);
        assert_eq!(found[found.len() - 7..], [7, 8, 9, 10, 11, 12, 13]);
    }

    #[test]
    fn an_adaptation_field_lies_in_front_of_the_payload() {
        let mut bytes = packet(0x1FFE, 3, 7);
        bytes[3] |= 0x20;
        bytes[4..7].copy_from_slice(&[2, 0x80, 0]);
        let read = TsPacket::parse(&bytes.clone().into()).expect("reads");
        assert_eq!((read.pid, read.payload.len()), (0x1FFE, 181));
        assert!(read.has_discontinuity);
        bytes[4] = 184;
        assert_eq!(TsPacket::parse(&bytes.into()), None);
    }

    #[test]
    fn the_counter_tells_gaps_from_repetitions() {
        let mut counter = Counter::default();
        let mut follow = |n| {
            let packet = TsPacket::parse(&packet(0, n, 0).into()).expect("reads");
            counter.follow(&packet)
        };
        assert_eq!(
            [15, 0, 0, 1, 3].map(&mut follow),
            [
                Order::Next,
                Order::Next,
                Order::Again,
                Order::Next,
                Order::Gap
            ]
        );
    }
}
