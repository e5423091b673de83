//! Owns: Opus packets as RFC 6716, section 3, builds them: how long one lasts, which frames are in it, and frames put
//! together to a packet.
//! Never knows: what a frame sounds like, or where packets come from.

use std::ops::Range;

/// The longest packet: 120 ms (section 3.2.5).
const MAX_PACKET: u32 = 5760;
/// The most bytes of a frame (section 3.4, R2).
const MAX_FRAME_BYTES: usize = 1275;
/// Frames of the shortest kind, 2.5 ms, in the longest packet.
const MAX_FRAMES: usize = 48;

/// The first byte of a packet without its last two bits: configuration and channels, the same for all its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toc(u8);

impl Toc {
    const fn of(first: u8) -> Self {
        Self(first & !3)
    }

    /// Samples of a frame at 48 kHz (section 3.1): 120, 240, 480, 960, 1920 or 2880.
    #[must_use]
    pub const fn frame_samples(self) -> u32 {
        let config = self.0 >> 3;
        match config {
            0..=11 => [480, 960, 1920, 2880][(config & 3) as usize],
            12..=15 => [480, 960][(config & 1) as usize],
            _ => [120, 240, 480, 960][(config & 3) as usize],
        }
    }
}

/// Samples that a packet decodes to, told by its first two bytes; `None` when it breaks the rules.
#[must_use]
pub fn samples(packet: &[u8]) -> Option<u32> {
    let first = *packet.first()?;
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3F),
    };
    let total = Toc::of(first).frame_samples() * frames;
    (1..=MAX_PACKET).contains(&total).then_some(total)
}

/// Where the frames of a packet are.
#[derive(Clone, Debug)]
pub struct Frames {
    /// What they have in common.
    pub toc: Toc,
    /// Whether there are bytes in the packet that only make it longer.
    pub is_padded: bool,
    sizes: [u16; MAX_FRAMES],
    count: usize,
    /// Offset of the first.
    begin: usize,
}

impl Frames {
    /// Takes a packet apart (section 3.2); `None` when it breaks the rules.
    #[must_use]
    pub fn of(packet: &[u8]) -> Option<Self> {
        samples(packet)?;
        let first = packet[0];
        let mut frames = Self {
            toc: Toc::of(first),
            is_padded: false,
            sizes: [0; MAX_FRAMES],
            count: 1,
            begin: 1,
        };
        let mut end = packet.len();
        let mut is_constant = true;
        match first & 3 {
            0 => {}
            1 => frames.count = 2,
            2 => {
                frames.count = 2;
                is_constant = false;
            }
            _ => {
                let kind = packet[1];
                frames.count = usize::from(kind & 0x3F);
                frames.begin = 2;
                is_constant = kind & 0x80 == 0;
                frames.is_padded = kind & 0x40 != 0;
            }
        }
        if frames.is_padded {
            loop {
                let more = usize::from(*packet.get(frames.begin)?);
                frames.begin += 1;
                end = end.checked_sub(more.min(254))?;
                if more < 255 {
                    break;
                }
            }
        }
        let last = frames.count - 1;
        if is_constant {
            let all = end.checked_sub(frames.begin)?;
            let size = u16::try_from(all / frames.count).ok()?;
            frames.sizes[..frames.count].fill(size);
            if all % frames.count != 0 {
                return None;
            }
        } else {
            let mut told = 0;
            for size in &mut frames.sizes[..last] {
                let (value, len) = length(packet.get(frames.begin..end)?)?;
                *size = value;
                told += usize::from(value);
                frames.begin += len;
            }
            let rest = end.checked_sub(frames.begin)?.checked_sub(told)?;
            frames.sizes[last] = u16::try_from(rest).ok()?;
        }
        let is_sane = |&size: &u16| usize::from(size) <= MAX_FRAME_BYTES;
        frames.sizes[..frames.count]
            .iter()
            .all(is_sane)
            .then_some(frames)
    }

    /// Samples of all of them.
    #[must_use]
    pub fn samples(&self) -> u32 {
        self.toc.frame_samples() * self.count as u32
    }

    /// Where in the packet each of them is. An empty one is legal: nothing was sent for that time.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.sizes[..self.count]
            .iter()
            .scan(self.begin, |at, &size| {
                let begin = *at;
                *at += usize::from(size);
                Some(begin..*at)
            })
    }
}

/// A frame's length as it stands in a packet, and the bytes that it takes (section 3.2.1).
fn length(bytes: &[u8]) -> Option<(u16, usize)> {
    match *bytes {
        [short @ 0..=251, ..] => Some((short.into(), 1)),
        [first, second, ..] => Some((u16::from(second) * 4 + u16::from(first), 2)),
        _ => None,
    }
}

/// A packet of these frames, as short as one can be. They must be 1 to 48, of at most 1275 bytes each and 120 ms together.
#[must_use]
pub fn join<F: AsRef<[u8]>>(toc: Toc, frames: &[F]) -> Vec<u8> {
    let sizes = || frames.iter().map(|frame| frame.as_ref().len());
    let is_constant = sizes().all(|size| Some(size) == sizes().next());
    let bytes = sizes().sum::<usize>() + 2 * frames.len();
    let mut packet = Vec::with_capacity(bytes);
    match (frames.len(), is_constant) {
        (1, _) => packet.push(toc.0),
        (2, true) => packet.push(toc.0 | 1),
        (2, false) => packet.push(toc.0 | 2),
        (count, is_constant) => {
            let kind = if is_constant { 0 } else { 0x80 };
            packet.extend([toc.0 | 3, kind | count as u8]);
        }
    }
    if !is_constant {
        for size in sizes().take(frames.len() - 1) {
            if size < 252 {
                packet.push(size as u8);
            } else {
                let low = 252 + (size & 3);
                packet.extend([low as u8, ((size - low) / 4) as u8]);
            }
        }
    }
    for frame in frames {
        packet.extend_from_slice(frame.as_ref());
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn packets_tell_their_duration() {
        for (packet, duration) in [
            (&[0xFC, 0][..], Some(960)),
            (&[0x00], Some(480)),
            (&[0x80], Some(120)),
            (&[0xFD, 0], Some(1920)),
            (&[0x18], Some(2880)),
            (&[0x19], Some(5760)),
            (&[0x1B, 0x02], Some(5760)),
            (&[0x1B, 0x03], None),
            (&[0x83, 0x06], Some(720)),
            (&[0xFF, 0x07], None),
            (&[0xFF, 0x00], None),
            (&[0xFF], None),
            (&[], None),
        ] {
            assert_eq!(samples(packet), duration, "{packet:x?}");
        }
    }

    fn apart(packet: &[u8]) -> Option<Vec<&[u8]>> {
        let frames = Frames::of(packet)?;
        Some(frames.ranges().map(|range| &packet[range]).collect())
    }

    #[test]
    fn packets_of_all_four_codes_come_apart() {
        // RFC 6716, figures 2 to 8
        for (packet, frames) in [
            (&b"\xFCabc"[..], &["abc"][..]),
            (b"\xFC", &[""]),
            (b"\xFDabcd", &["ab", "cd"]),
            (b"\xFE\x01abc", &["a", "bc"]),
            (b"\xFE\x00abc", &["", "abc"]),
            (b"\xFF\x03abcdef", &["ab", "cd", "ef"]),
            (b"\xFF\x83\x01\x00abc", &["a", "", "bc"]),
            (b"\xFF\x42\x02abcd\0\0", &["ab", "cd"]),
            (b"\xFF\xC2\x01\x01abc\0", &["a", "bc"]),
        ] {
            let expected = frames.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(apart(packet), Some(expected));
        }
    }

    #[test]
    fn long_padding_is_counted_as_the_rfc_says() {
        // 255 stands for 254 and another length byte: 254 + 1 bytes of padding
        let packet = [&b"\xFF\x41\xFF\x01ab"[..], &[0; 255]].concat();
        assert_eq!(apart(&packet), Some(vec![&b"ab"[..]]));
        assert_eq!(apart(&packet[..200]), None);
    }

    #[test]
    fn packets_that_break_the_rules_do_not_come_apart() {
        let long = [&[0xFC][..], &[0; 1276]].concat();
        for packet in [
            &[][..],
            b"\xFDabc",
            b"\xFE",
            b"\xFE\x05abc",
            b"\xFE\xFCa",
            b"\xFF\x00",
            b"\xFF\x03abcd",
            b"\xFF\x41\xFF",
            b"\xFF\x41\x09abc",
            b"\xFF\x83\x09",
            &long,
        ] {
            assert_eq!(apart(packet), None, "{packet:x?}");
        }
    }

    proptest! {
        #[test]
        fn joined_frames_come_apart_again(
            lens in prop::collection::vec(0usize..=1275, 1..=6),
            is_constant: bool,
        ) {
            let lens = if is_constant { vec![lens[0]; lens.len()] } else { lens };
            let frames: Vec<Vec<u8>> = (0u8..).zip(&lens).map(|(fill, &len)| vec![fill; len]).collect();
            let packet = join(Toc::of(0xFC), &frames);
            let found = apart(&packet).expect("a packet by the rules");
            prop_assert_eq!(found, frames.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(samples(&packet), Some(960 * lens.len() as u32));
        }

        #[test]
        fn any_bytes_come_apart_within_their_bounds(packet in prop::collection::vec(any::<u8>(), 0..600)) {
            if let Some(frames) = apart(&packet) {
                prop_assert!(frames.iter().map(|frame| frame.len()).sum::<usize>() < packet.len());
            }
        }
    }
}
