//! Owns: what of Opus can be told without decoding: the identification header (RFC 7845, 5.1), and how long a packet lasts.
//! Never knows: Ogg, or what other containers have instead of the header.

/// Samples a second on every Opus timeline, whatever the header says of the original.
pub(in crate::media::demux) const RATE: u32 = 48_000;
/// Samples to decode before a seek target: 80 ms (RFC 7845, section 4.6).
pub(in crate::media::demux) const PREROLL: u32 = 3840;
/// The longest packet: 120 ms (RFC 6716, section 3.2.5).
const MAX_PACKET: u32 = 5760;
/// Bytes of the header without a channel mapping.
const HEAD_LEN: usize = 19;

/// What the identification header says of the decoded sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::demux) struct Head {
    /// Not 0.
    pub channels: u16,
    /// Samples to drop at the beginning.
    pub pre_skip: u32,
}

impl Head {
    /// Reads the header, magic included; `None` when it is another packet, cut short, or of an unknown version.
    pub(in crate::media::demux) fn parse(packet: &[u8]) -> Option<Self> {
        let is_known = packet.starts_with(b"OpusHead")
            && packet.len() >= HEAD_LEN
            && packet[8] < 16
            && packet[9] > 0;
        is_known.then(|| Self {
            channels: packet[9].into(),
            pre_skip: u16::from_le_bytes([packet[10], packet[11]]).into(),
        })
    }
}

/// Samples that a packet decodes to (RFC 6716, section 3.1 and 3.2); `None` when it breaks the rules.
pub(in crate::media::demux) fn samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let config = toc >> 3;
    let frame = match config {
        0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        12..=15 => [480, 960][usize::from(config & 1)],
        _ => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3F),
    };
    Some(frame * frames).filter(|total| (1..=MAX_PACKET).contains(total))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_header_of_another_version_or_without_channels_is_none() {
        let head = b"OpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0";
        let told = Head {
            channels: 2,
            pre_skip: 312,
        };
        assert_eq!(Head::parse(head), Some(told));
        assert_eq!(Head::parse(&head[..18]), None);
        for (at, wrong) in [(0, b'o'), (8, 16), (9, 0)] {
            let mut head = *head;
            head[at] = wrong;
            assert_eq!(Head::parse(&head), None);
        }
    }
}
