//! Owns: what a lost voice gateway connection means: repaired in silence or reported, and how soon to try again.
//! Never knows: sockets, messages.

use std::time::Duration;

/// No code at all came: the connection broke, or a wait ran out (RFC 6455, section 7.1.5).
pub(super) const ABNORMAL: u16 = 1006;
/// A close frame without a code came (RFC 6455, section 7.1.5).
pub(super) const NO_STATUS: u16 = 1005;
/// The server offers no encryption that this client knows (Discord's own code for the opposite case).
pub(super) const UNKNOWN_MODE: u16 = 4016;

/// Repairs in a row before the last close code is reported. Ready and Resumed start the count anew.
///
/// From the original's behaviour: five connections in all, then its `WebSocketClosedEvent`.
pub(super) const MAX_ATTEMPTS: u32 = 4;

/// Whether the original repairs a connection closed with this code without telling anybody.
///
/// The list is what the running original did for each code (reference, R.1.12).
pub(super) const fn is_repaired(code: u16) -> bool {
    matches!(
        code,
        1001 | NO_STATUS | ABNORMAL | 4000
            ..=4003 | 4005 | 4009 | 4012 | 4015 | UNKNOWN_MODE | 4020 | 4900
    )
}

/// How long to wait before the `failures`-th repair of connections that did not live long; the first is immediate.
pub(super) const fn delay(failures: u32) -> Duration {
    Duration::from_millis(match failures {
        0 | 1 => 0,
        2 => 250,
        3 => 1000,
        _ => 2000,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repaired_codes_are_those_of_the_original() {
        let repaired: Vec<u16> = (1000..5000).filter(|c| is_repaired(*c)).collect();
        assert_eq!(
            repaired,
            [
                1001, 1005, 1006, 4000, 4001, 4002, 4003, 4005, 4009, 4012, 4015, 4016, 4020, 4900
            ]
        );
    }
}
