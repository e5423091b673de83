//! Owns: the password check.
//! Never knows: which routes need it.

use http::HeaderValue;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::units::Secret;

/// What a request's `Authorization` header is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password.
    Right,
    /// Something else.
    Wrong,
    /// No header.
    Missing,
}

/// Knows the password, by its hash.
#[derive(Clone)]
pub struct Doorkeeper {
    digest: [u8; 32],
}

impl Doorkeeper {
    /// Takes the password.
    pub fn new(password: &Secret) -> Self {
        Self {
            digest: digest(password.expose().as_bytes()),
        }
    }

    /// Compares whole and exactly, in a time that tells nothing: hashes hide the length, their comparison the place of
    /// the first difference.
    pub fn check(&self, header: Option<&HeaderValue>) -> Verdict {
        match header {
            None => Verdict::Missing,
            Some(value) if digest(value.as_bytes()).ct_eq(&self.digest).into() => Verdict::Right,
            Some(_) => Verdict::Wrong,
        }
    }
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_compared_whole() {
        let door = Doorkeeper::new(&Secret::new("youshallnotpass"));
        let check = |text| door.check(Some(&HeaderValue::from_static(text)));
        assert_eq!(check("youshallnotpass"), Verdict::Right);
        for wrong in [
            "",
            "YOUSHALLNOTPASS",
            "youshallnotpas",
            "youshallnotpassyoushallnotpass",
            "Bearer youshallnotpass",
        ] {
            assert_eq!(check(wrong), Verdict::Wrong, "{wrong}");
        }
        assert_eq!(door.check(None), Verdict::Missing);
    }

    #[test]
    fn a_password_may_have_any_letters() {
        let door = Doorkeeper::new(&Secret::new("pässwörd"));
        let header = HeaderValue::from_bytes("pässwörd".as_bytes()).unwrap();
        assert_eq!(door.check(Some(&header)), Verdict::Right);
    }
}
