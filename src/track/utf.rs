//! Owns: Java's modified UTF-8, in which the binary track format writes text.
//! Never knows: which field it reads or writes.
//!
//! U+0000 is `C0 80`, what lies above U+FFFF is a pair of surrogates of three bytes each (JVM specification, 4.4.7).

use alloc::{string::String, vec::Vec};

/// Text as it was read.
pub(super) struct Text {
    /// For people: a surrogate without its other half is `?`, as the original prints it.
    pub text: String,
    /// Whether `text` is all of it. If not, it cannot be written again from there.
    pub is_exact: bool,
}

/// Reads modified UTF-8; real four-byte UTF-8 is taken too, a bare NUL byte as well. `None` when it is neither.
pub(super) fn decode(bytes: &[u8]) -> Option<Text> {
    let mut text = String::with_capacity(bytes.len());
    let mut is_exact = true;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (unit, len) = unit(rest)?;
        rest = &rest[len..];
        if let Some(c) = char::from_u32(unit) {
            text.push(c);
            continue;
        }
        let low = match self::unit(rest) {
            Some((low @ 0xDC00..=0xDFFF, len)) if unit < 0xDC00 => {
                rest = &rest[len..];
                low
            }
            _ => {
                is_exact = false;
                text.push('?');
                continue;
            }
        };
        let scalar = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        text.push(char::from_u32(scalar).expect("a pair of surrogates is a scalar value"));
    }
    Some(Text { text, is_exact })
}

/// The first code unit, or scalar value if it is written in four bytes, and how many bytes it takes.
fn unit(bytes: &[u8]) -> Option<(u32, usize)> {
    let next = |at: usize| {
        bytes
            .get(at)
            .filter(|byte| *byte & 0xC0 == 0x80)
            .map(|byte| u32::from(byte & 0x3F))
    };
    let first = u32::from(*bytes.first()?);
    match first {
        0x00..=0x7F => Some((first, 1)),
        0xC0..=0xDF => Some(((first & 0x1F) << 6 | next(1)?, 2)),
        0xE0..=0xEF => Some(((first & 0x0F) << 12 | next(1)? << 6 | next(2)?, 3)),
        0xF0..=0xF4 => {
            let scalar = (first & 0x07) << 18 | next(1)? << 12 | next(2)? << 6 | next(3)?;
            (0x1_0000..=0x10_FFFF)
                .contains(&scalar)
                .then_some((scalar, 4))
        }
        _ => None,
    }
}

/// Writes modified UTF-8.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        match unit {
            0x0001..=0x007F => bytes.push(unit as u8),
            0x0000 | 0x0080..=0x07FF => {
                bytes.extend([0xC0 | (unit >> 6) as u8, 0x80 | (unit & 0x3F) as u8]);
            }
            _ => bytes.extend([
                0xE0 | (unit >> 12) as u8,
                0x80 | (unit >> 6 & 0x3F) as u8,
                0x80 | (unit & 0x3F) as u8,
            ]),
        }
    }
    bytes
}
