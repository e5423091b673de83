//! Owns: DAVE's encryption of one Opus frame: key generations, the truncated nonce and tag, the trailer.
//! Never knows: MLS, groups, packets.
//!
//! <https://daveprotocol.com/#frame-encryption>. A frame becomes: ciphertext, 8 bytes of the AES-128-GCM tag, the nonce
//! as ULEB128, the length of all that follows the ciphertext, `0xFAFA`. No byte of an Opus frame stays in the clear,
//! except that a silence frame is not encrypted at all.

use hmac::{Hmac, Mac};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;

/// The most bytes that [`FrameSealer::seal`] adds: tag, five bytes of nonce, length, marker.
pub(in crate::output::voice) const MAX_OVERHEAD: usize = TAG + 5 + 1 + MARKER.len();
/// An Opus frame of 20 ms of silence.
pub(in crate::output::voice) const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];

const TAG: usize = 8;
const MARKER: [u8; 2] = [0xFA, 0xFA];
/// The upper byte of the nonce counts key generations.
const GENERATION_SHIFT: u32 = 24;

/// Encrypts the frames of one sender in one epoch.
pub(in crate::output::voice) struct FrameSealer {
    /// The secret's number, see [`FrameSealer::new`].
    ordinal: u64,
    /// Of the next generation.
    secret: [u8; 32],
    generation: u32,
    nonce: u32,
    key: LessSafeKey,
}

impl FrameSealer {
    /// From the secret that the group exports for the sender.
    ///
    /// `ordinal` numbers the secrets of a connection: equal if and only if the secret is. A sealer must be kept, not
    /// made anew, when the same secret is installed again, or its nonces would repeat.
    pub(super) fn new(base_secret: &[u8], ordinal: u64) -> Self {
        Self {
            ordinal,
            secret: tree_secret(base_secret, "secret", 0),
            generation: 0,
            nonce: 0,
            key: frame_key(base_secret, 0),
        }
    }

    /// The number of this sealer's secret.
    pub(in crate::output::voice) const fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// Encrypts `frame[..len]` in place and appends the trailer; returns the new length. Silence stays as it is.
    ///
    /// # Panics
    /// When `frame` has no room for [`MAX_OVERHEAD`] more bytes.
    pub(in crate::output::voice) fn seal(&mut self, frame: &mut [u8], len: usize) -> usize {
        if frame[..len] == SILENCE {
            return len;
        }
        self.advance();
        let mut nonce = [0; 12];
        nonce[8..].copy_from_slice(&self.nonce.to_le_bytes());
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::empty(),
                &mut frame[..len],
            )
            .expect("a frame is far below AES-GCM's limit");
        let mut at = len;
        frame[at..at + TAG].copy_from_slice(&tag.as_ref()[..TAG]);
        at += TAG;
        let mut left = self.nonce;
        while left >= 0x80 {
            frame[at] = 0x80 | (left & 0x7F) as u8;
            left >>= 7;
            at += 1;
        }
        frame[at] = left as u8;
        at += 1;
        frame[at] = (at - len + 1 + MARKER.len()) as u8;
        at += 1;
        frame[at..at + MARKER.len()].copy_from_slice(&MARKER);
        at + MARKER.len()
    }

    /// Counts the nonce on, and takes the next generation's key every 2²⁴ frames (four days).
    fn advance(&mut self) {
        self.nonce = self.nonce.wrapping_add(1);
        let generation = self.nonce >> GENERATION_SHIFT;
        if generation != self.generation {
            self.generation = generation;
            self.key = frame_key(&self.secret, generation);
            self.secret = tree_secret(&self.secret, "secret", generation);
        }
    }
}

fn frame_key(secret: &[u8], generation: u32) -> LessSafeKey {
    let key = &tree_secret::<16>(secret, "key", generation);
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).expect("a key of 16 bytes"))
}

/// `DeriveTreeSecret` of MLS (RFC 9420, section 9) with SHA-256. `N` must be at most 32: one block of HKDF-Expand.
fn tree_secret<const N: usize>(secret: &[u8], label: &str, generation: u32) -> [u8; N] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret).expect("HMAC takes any key");
    let label = ["MLS 1.0 ", label];
    mac.update(&(N as u16).to_be_bytes());
    mac.update(&[(label[0].len() + label[1].len()) as u8]);
    mac.update(label[0].as_bytes());
    mac.update(label[1].as_bytes());
    mac.update(&[4]);
    mac.update(&generation.to_be_bytes());
    mac.update(&[1]);
    let block = mac.finalize().into_bytes();
    let mut out = [0; N];
    out.copy_from_slice(&block[..N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_stays_plain_and_costs_no_nonce() {
        let mut sealer = FrameSealer::new(&[1; 16], 1);
        let mut frame = [0; 64];
        frame[..3].copy_from_slice(&SILENCE);
        assert_eq!(sealer.seal(&mut frame, 3), 3);
        assert_eq!((frame[..3].to_vec(), sealer.nonce), (SILENCE.to_vec(), 0));
    }

    /// Expected: the trailer's form from the protocol's text.
    #[test]
    fn the_trailer_says_its_own_length() {
        let mut sealer = FrameSealer::new(&[1; 16], 1);
        let mut frame = [7; 64];
        let len = sealer.seal(&mut frame, 10);
        assert_eq!(len, 10 + 8 + 1 + 1 + 2);
        assert_eq!(frame[18..len], [1, 12, 0xFA, 0xFA]);
        sealer.nonce = 299;
        let len = sealer.seal(&mut frame, 10);
        assert_eq!(frame[18..len], [0xAC, 0x02, 13, 0xFA, 0xFA]);
    }

    #[test]
    fn generations_change_the_key_once() {
        let mut sealer = FrameSealer::new(&[1; 16], 1);
        sealer.nonce = (1 << GENERATION_SHIFT) - 1;
        let before = sealer.secret;
        sealer.seal(&mut [0; 64], 4);
        let after = sealer.secret;
        assert!(sealer.generation == 1 && before != after);
        sealer.seal(&mut [0; 64], 4);
        assert_eq!(sealer.secret, after);
    }
}
