//! Owns: AES-128 in cipher block chaining with PKCS #7 padding (RFC 8216, section 4.3.2.4), as bytes come.
//! Never knows: where keys come from.

use aes::Aes128;
use bytes::{Bytes, BytesMut};
use cbc::cipher::{BlockDecryptMut, KeyIvInit, generic_array::GenericArray};

/// Bytes of a block.
const BLOCK: usize = 16;

/// Decrypts one segment. The last block is held back until it is known to be the last, for the sake of its padding.
pub struct Decrypter {
    cipher: cbc::Decryptor<Aes128>,
    held: BytesMut,
}

impl Decrypter {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(key: &[u8; BLOCK], iv: &[u8; BLOCK]) -> Self {
        Self {
            cipher: cbc::Decryptor::new(key.into(), iv.into()),
            held: BytesMut::new(),
        }
    }

    /// Takes what came; gives what is sure to be no padding.
    pub fn feed(&mut self, data: &[u8]) -> Bytes {
        self.held.extend_from_slice(data);
        let whole = self.held.len().saturating_sub(1) / BLOCK * BLOCK;
        let mut ready = self.held.split_to(whole);
        for block in ready.chunks_exact_mut(BLOCK) {
            self.cipher
                .decrypt_block_mut(GenericArray::from_mut_slice(block));
        }
        ready.freeze()
    }

    /// What is left behind the last byte, without its padding. A block that is cut off cannot be read; one without a right
    /// padding is given whole.
    pub fn finish(mut self) -> Bytes {
        if self.held.len() != BLOCK {
            return Bytes::new();
        }
        self.cipher
            .decrypt_block_mut(GenericArray::from_mut_slice(&mut self.held));
        let padding = self.held[BLOCK - 1];
        let kept = BLOCK.saturating_sub(padding.into());
        let is_padded = (1..=BLOCK as u8).contains(&padding)
            && self.held[kept..].iter().all(|&byte| byte == padding);
        if is_padded {
            self.held.truncate(kept);
        }
        self.held.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `openssl enc -aes-128-cbc -K 000102…0f -iv 101112…1f`, of the bytes 0, 1, 2 … 39.
    const ENCRYPTED: &str = "954f64f2e4e86e9eee82d20216684899a93b9ddb22e8ab104c61e728831d6d5adbc6f4e84f6000765cd517195ec500ed";

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text
            .chars()
            .map(|c| c.to_digit(16).expect("hex") as u8)
            .collect();
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    }

    fn decrypter() -> Decrypter {
        let count = |from: u8| std::array::from_fn(|i| from + i as u8);
        Decrypter::new(&count(0), &count(16))
    }

    #[test]
    fn the_plain_bytes_come_out_however_the_others_come_in() {
        let expected: Vec<u8> = (0..40).collect();
        for chunk in [1, 7, 16, 48] {
            let mut decrypter = decrypter();
            let mut plain = Vec::new();
            for part in hex(ENCRYPTED).chunks(chunk) {
                plain.extend(decrypter.feed(part));
            }
            plain.extend(decrypter.finish());
            assert_eq!(plain, expected);
        }
    }

    #[test]
    fn what_is_cut_off_is_left_out() {
        let mut decrypter = decrypter();
        let cut = &hex(ENCRYPTED)[..37];
        let mut plain = decrypter.feed(cut).to_vec();
        plain.extend(decrypter.finish());
        assert_eq!(plain, (0..32).collect::<Vec<u8>>());
    }
}
