//! Owns: the tables of a transport stream: sections put together and checked (ISO 13818-1, 2.4.4), programs (PAT), their
//! streams (PMT), and their names (SDT, ETSI EN 300 468, 5.2.3).
//! Never knows: which of the streams is played.

use super::{
    super::{DemuxError, MAX_TAG_BYTES, Tags, fields::Fields},
    packet::{Counter, Order, TsPacket},
};
use crate::media::icy::latin_or_utf8;

/// Where the list of programs is.
pub(super) const PAT_PID: u16 = 0;
/// Where the names of services are.
pub(super) const SDT_PID: u16 = 0x11;
/// Programs that are looked at.
pub(super) const MAX_PROGRAMS: usize = 32;
/// Bytes of a section: 3 of header and at most 4093.
const MAX_SECTION: usize = 4096;
const TRUNCATED: &str = "a table of the transport stream";

/// Puts together the sections of one PID.
#[derive(Debug, Default)]
pub(super) struct TableSections {
    counter: Counter,
    collected: Vec<u8>,
    is_collecting: bool,
}

impl TableSections {
    /// Takes a packet and hands on the sections that end in it, if their checksums are right.
    pub(super) fn push(&mut self, packet: &TsPacket, mut found: impl FnMut(&[u8])) {
        match self.counter.follow(packet) {
            Order::Next => {}
            Order::Again => return,
            Order::Gap => self.is_collecting = false,
        }
        let mut payload = &packet.payload[..];
        if packet.starts_unit {
            let Some((&pointer, rest)) = payload.split_first() else {
                return;
            };
            let Some((end, start)) = rest.split_at_checked(pointer.into()) else {
                return;
            };
            self.add(end, &mut found);
            self.collected.clear();
            self.is_collecting = true;
            payload = start;
        }
        self.add(payload, &mut found);
    }

    fn add(&mut self, bytes: &[u8], found: &mut impl FnMut(&[u8])) {
        if !self.is_collecting {
            return;
        }
        self.collected.extend_from_slice(bytes);
        let mut at = 0;
        while let [table, high, low, ..] = self.collected[at..] {
            let len = 3 + (usize::from(high & 15) << 8 | usize::from(low));
            // 0xFF fills the rest of a packet
            if table == 0xFF || len > MAX_SECTION {
                self.is_collecting = false;
                break;
            }
            let Some(section) = self.collected[at..].get(..len) else {
                break;
            };
            if checksum(section) == 0 {
                found(section);
            }
            at += len;
        }
        self.collected.drain(..at);
    }
}

/// CRC-32 of ISO 13818-1, annex A; 0 over a section with its checksum.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 }
        })
    })
}

/// The fields of a section with this table id that is in force, between the common header of 8 bytes and the checksum;
/// with its `table_id_extension`.
fn body(section: &[u8], table: u8) -> Option<(u16, Fields<'_>)> {
    let body = section.get(8..section.len().checked_sub(4)?)?;
    let is_current = section[5] & 1 == 1;
    let extension = u16::from_be_bytes([section[3], section[4]]);
    (section[0] == table && is_current).then_some((extension, Fields::new(body, TRUNCATED)))
}

/// The programs and where their tables are: `(program number, PID)`.
pub(super) fn programs(section: &[u8]) -> Vec<(u16, u16)> {
    let Some((_, fields)) = body(section, 0x00) else {
        return Vec::new();
    };
    let rows = fields.rest().chunks_exact(4).map(|row| {
        let word = |at: usize| u16::from_be_bytes([row[at], row[at + 1]]);
        (word(0), word(2) & 0x1FFF)
    });
    // program 0 is the network's own table
    rows.filter(|(number, _)| *number != 0)
        .take(MAX_PROGRAMS)
        .collect()
}

/// How a stream of sound is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// AAC in ADTS.
    Adts,
    /// AAC in LATM, in LOAS.
    Latm,
    /// Opus with control headers.
    Opus,
    /// MPEG audio of any layer.
    Mpeg,
}

impl Kind {
    /// Rows of ISO 13818-1, table 2-34, and the registered Opus in private data.
    fn of(stream_type: u8, descriptors: &[u8]) -> Option<Self> {
        match stream_type {
            0x0F => Some(Self::Adts),
            0x11 => Some(Self::Latm),
            0x03 | 0x04 => Some(Self::Mpeg),
            0x06 if descriptor(descriptors, 0x05) == Some(b"Opus") => Some(Self::Opus),
            _ => None,
        }
    }
}

/// One stream of a program that can be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) pid: u16,
    pub(super) kind: Kind,
    /// What the DVB extension descriptor for Opus says of channels; 2 where there is none.
    pub(super) opus_channels: u8,
}

/// The program's number and its first stream of sound, those that always can be played before MPEG audio, which may be of a
/// layer that is not. `None` when the section is no table of a program.
///
/// # Errors
/// [`DemuxError::Broken`] when it ends early.
pub(super) fn sound(section: &[u8]) -> Result<Option<(u16, Option<Stream>)>, DemuxError> {
    let Some((program, mut fields)) = body(section, 0x02) else {
        return Ok(None);
    };
    fields.skip(2)?;
    let len = fields.u16()? & 0xFFF;
    fields.skip(len.into())?;
    let mut found = None::<Stream>;
    while !fields.rest().is_empty() {
        let stream_type = fields.u8()?;
        let pid = fields.u16()? & 0x1FFF;
        let len = fields.u16()? & 0xFFF;
        let descriptors = fields.bytes(len.into())?;
        let Some(kind) = Kind::of(stream_type, descriptors) else {
            continue;
        };
        let extension = descriptor(descriptors, 0x7F);
        let opus_channels = match extension {
            Some([0x80, channels, ..]) => *channels,
            _ => 2,
        };
        let is_better = found
            .as_ref()
            .is_none_or(|found| found.kind == Kind::Mpeg && kind != Kind::Mpeg);
        if is_better {
            found = Some(Stream {
                pid,
                kind,
                opus_channels,
            });
        }
    }
    Ok(Some((program, found)))
}

/// The first descriptor with this tag.
fn descriptor(mut descriptors: &[u8], wanted: u8) -> Option<&[u8]> {
    while let [tag, len, rest @ ..] = descriptors {
        let (body, rest) = rest.split_at_checked((*len).into())?;
        if *tag == wanted {
            return Some(body);
        }
        descriptors = rest;
    }
    None
}

/// Name (as title) and provider (as artist) of this program, as the original shows them.
pub(super) fn names(section: &[u8], program: u16) -> Option<Tags> {
    let (_, mut fields) = body(section, 0x42)?;
    fields.skip(3).ok()?;
    loop {
        let number = fields.u16().ok()?;
        fields.skip(1).ok()?;
        let len = fields.u16().ok()? & 0xFFF;
        let descriptors = fields.bytes(len.into()).ok()?;
        if number != program {
            continue;
        }
        let mut service = Fields::new(descriptor(descriptors, 0x48)?, TRUNCATED);
        service.skip(1).ok()?;
        let mut text = || {
            let len = service.u8().ok()?;
            text(service.bytes(len.into()).ok()?)
        };
        let artist = text();
        return Some(Tags {
            artist,
            title: text(),
            ..Tags::default()
        });
    }
}

/// Text in one of the ways of EN 300 468, annex A, that are met in practice: UTF-8, UTF-16, or one byte per letter, of which
/// the lower half is ASCII in all tables.
fn text(bytes: &[u8]) -> Option<String> {
    let text = match bytes {
        [0x15, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0x11, rest @ ..] => {
            let units = rest.chunks_exact(2);
            let units = units.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units)
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        [0x10, _, _, rest @ ..] | [0x01..0x20, rest @ ..] => {
            rest.iter().map(|&byte| char::from(byte)).collect()
        }
        // many stations send UTF-8 without saying so
        plain => latin_or_utf8(plain),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    (!text.is_empty() && text.len() <= MAX_TAG_BYTES).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the catalogue of parametrised CRCs (CRC-32/MPEG-2): "123456789".
    #[test]
    fn the_checksum_is_that_of_mpeg_2() {
        assert_eq!(checksum(b"123456789"), 0x0376_E6E7);
    }

    #[test]
    fn texts_of_dvb_are_read() {
        assert_eq!(text(b"Service01").as_deref(), Some("Service01"));
        assert_eq!(text(b"\x15Caf\xC3\xA9").as_deref(), Some("Café"));
        assert_eq!(text(b"Caf\xC3\xA9").as_deref(), Some("Café"));
        assert_eq!(text(b"\x05Caf\xE9").as_deref(), Some("Café"));
        assert_eq!(text(b"\x10\0\x01Caf\xE9").as_deref(), Some("Café"));
        assert_eq!(text(b"\x11\0C\x20\xAC").as_deref(), Some("C€"));
        assert_eq!(text(b""), None);
    }

    #[test]
    fn tables_that_end_early_are_refused_or_empty() {
        // a PMT of program 1: PCR PID, no program info, ADTS on PID 0x101
        let mut section =
            b"\x02\xB0\x12\0\x01\xC1\0\0\xE1\0\xF0\0\x0F\xE1\x01\xF0\0\0\0\0\0".to_vec();
        let stream = Stream {
            pid: 0x101,
            kind: Kind::Adts,
            opus_channels: 2,
        };
        assert_eq!(sound(&section), Ok(Some((1, Some(stream)))));
        section.truncate(section.len() - 1);
        assert!(sound(&section).is_err());
        for len in 0..8 {
            assert_eq!(sound(&section[..len]), Ok(None));
        }
    }
}
