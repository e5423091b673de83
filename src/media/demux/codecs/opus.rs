//! Owns: what of an Opus stream can be told without decoding: the identification header (RFC 7845, 5.1).
//! Never knows: Ogg, or what other containers have instead of the header; packets.

/// Samples a second on every Opus timeline, whatever the header says of the original.
pub(in crate::media::demux) const RATE: u32 = 48_000;
/// Samples to decode before a seek target: 80 ms (RFC 7845, section 4.6).
pub(in crate::media::demux) const PREROLL: u32 = 3840;
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

#[cfg(test)]
mod tests {
    use super::*;

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
