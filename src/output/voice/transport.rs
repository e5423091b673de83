//! Owns: the encryption between this program and the voice server: RTP packets, modes, nonces.
//! Never knows: what is in a packet, when it is sent.

use chacha20poly1305::{AeadInPlace, KeyInit, XChaCha20Poly1305};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Bytes of an RTP header without extensions (RFC 3550, section 5.1).
pub(super) const RTP_HEADER: usize = 12;
/// Bytes that [`Cipher::seal`] appends: the tag and the counter.
pub(super) const OVERHEAD: usize = TAG + COUNTER;
const TAG: usize = 16;
const COUNTER: usize = 4;
/// Payload type that Discord uses for Opus, and the version bits of RTP.
const RTP_START: [u8; 2] = [0x80, 0x78];

/// An encryption mode of Discord's voice servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Aes256Gcm,
    XChaCha20Poly1305,
}

impl Mode {
    /// How the gateway spells it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aead_aes256_gcm_rtpsize",
            Self::XChaCha20Poly1305 => "aead_xchacha20_poly1305_rtpsize",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Aes256Gcm, Self::XChaCha20Poly1305]
            .into_iter()
            .find(|m| m.name() == name)
    }

    /// All modes, the cheapest for this machine first: AES costs 0.2 µs a frame where the CPU knows it, else some 4 µs,
    /// twice as much as XChaCha20.
    pub(super) fn by_cost() -> &'static [Self] {
        if has_aes() {
            &[Self::Aes256Gcm, Self::XChaCha20Poly1305]
        } else {
            &[Self::XChaCha20Poly1305, Self::Aes256Gcm]
        }
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq")
}

#[cfg(target_arch = "aarch64")]
fn has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes")
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
fn has_aes() -> bool {
    false
}

/// A key of a voice session, ready to encrypt.
#[expect(
    clippy::large_enum_variant,
    reason = "one lives as long as its connection; a box would only add a miss per packet"
)]
pub(super) enum Cipher {
    Aes(LessSafeKey),
    XChaCha(XChaCha20Poly1305),
}

impl Cipher {
    pub(super) fn new(mode: Mode, secret: &[u8; 32]) -> Self {
        match mode {
            Mode::Aes256Gcm => Self::Aes(LessSafeKey::new(
                UnboundKey::new(&AES_256_GCM, secret).expect("a key of 32 bytes"),
            )),
            Mode::XChaCha20Poly1305 => Self::XChaCha(XChaCha20Poly1305::new(secret.into())),
        }
    }

    /// Encrypts `packet[RTP_HEADER..len]` in place, authenticates the header, and appends tag and `counter`. Returns the
    /// new length. The counter must never be the same twice for one key.
    ///
    /// # Panics
    /// When `packet` has no room for [`OVERHEAD`] more bytes, or `len` is shorter than a header.
    pub(super) fn seal(&self, packet: &mut [u8], len: usize, counter: u32) -> usize {
        let counter = counter.to_be_bytes();
        let (header, body) = packet.split_at_mut(RTP_HEADER);
        let (body, tail) = body.split_at_mut(len - RTP_HEADER);
        match self {
            Self::Aes(key) => {
                let mut nonce = [0; 12];
                nonce[..COUNTER].copy_from_slice(&counter);
                let nonce = Nonce::assume_unique_for_key(nonce);
                let tag = key
                    .seal_in_place_separate_tag(nonce, Aad::from(&*header), body)
                    .expect("a packet is far below AES-GCM's limit");
                tail[..TAG].copy_from_slice(tag.as_ref());
            }
            Self::XChaCha(key) => {
                let mut nonce = [0; 24];
                nonce[..COUNTER].copy_from_slice(&counter);
                let tag = key
                    .encrypt_in_place_detached(&nonce.into(), header, body)
                    .expect("a packet is far below ChaCha20's limit");
                tail[..TAG].copy_from_slice(&tag);
            }
        }
        tail[TAG..OVERHEAD].copy_from_slice(&counter);
        len + OVERHEAD
    }
}

/// Writes an RTP header for Opus into the start of `packet`.
pub(super) fn put_header(packet: &mut [u8], sequence: u16, timestamp: u32, ssrc: u32) {
    packet[..2].copy_from_slice(&RTP_START);
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
    packet[8..RTP_HEADER].copy_from_slice(&ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes_gcm::Aes256Gcm;

    fn sealed(mode: Mode) -> ([u8; 64], usize) {
        let mut packet = [0; 64];
        put_header(&mut packet, 0x0102, 0x0304_0506, 0x0708_090A);
        packet[12..15].copy_from_slice(b"abc");
        let len = Cipher::new(mode, &[9; 32]).seal(&mut packet, 15, 0xA1B2_C3D4);
        (packet, len)
    }

    /// Expected: the packet as the mode's definition says, opened by other implementations of the ciphers.
    #[test]
    fn packets_open_with_another_implementation() {
        for mode in [Mode::Aes256Gcm, Mode::XChaCha20Poly1305] {
            let (mut packet, len) = sealed(mode);
            assert_eq!(len, 12 + 3 + 16 + 4);
            assert_eq!(packet[..12], [0x80, 0x78, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
            assert_eq!(packet[31..35], [0xA1, 0xB2, 0xC3, 0xD4]);
            let (header, body) = packet.split_at_mut(12);
            let (body, tail) = body.split_at_mut(3);
            let tag: [u8; 16] = tail[..16].try_into().unwrap();
            let mut nonce = [0; 24];
            nonce[..4].copy_from_slice(&tail[16..20]);
            let (short, tag) = (&nonce[..12], (&tag).into());
            match mode {
                Mode::Aes256Gcm => Aes256Gcm::new(&[9; 32].into())
                    .decrypt_in_place_detached(short.into(), header, body, tag)
                    .unwrap(),
                Mode::XChaCha20Poly1305 => XChaCha20Poly1305::new(&[9; 32].into())
                    .decrypt_in_place_detached(&nonce.into(), header, body, tag)
                    .unwrap(),
            }
            assert_eq!(body, b"abc");
        }
    }

    #[test]
    fn modes_are_found_by_name() {
        for mode in Mode::by_cost() {
            assert_eq!(Mode::named(mode.name()), Some(*mode));
        }
        assert_eq!(Mode::named("xsalsa20_poly1305"), None);
    }
}
