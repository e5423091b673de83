//! Owns: which clients are told events that Lavalink does not have.
//! Never knows: what these events say.
//!
//! A v4 client need not expect an event type that it does not know, and what the published ones do then differs (their
//! sources, as of 2026-11):
//! - ignored, noted for debugging, or handed on as an event without a class: Shoukaku, Wavelink, lavalink-rs, disgolink;
//!   a line in the log: Lavalink.py, Mafic; a `nodeError`, which breaks nothing when nobody listens: Riffy;
//! - lavalink-client (TypeScript) emits `error`, which ends the bot's process when nobody listens for it;
//! - Lavalink-Client (Kotlin) and Lavalink4NET throw while reading, and lose their connection to the node.
//!
//! An `op` of our own meets the same ends, so the events are ordinary `op: "event"` messages, and who gets them is
//! decided here. The TypeScript library gives the bot's name as its own and cannot be told apart: by default only those
//! are told that are known to bear it, and those that have asked (`extensionEvents` in the session's PATCH).

/// The NAME of `Client-Name: NAME/VERSION` of clients that bear events that they do not know, in lower case.
const BEAR_THEM: [&str; 7] = [
    "disgolink",
    "lavalink-rs",
    "lavalink.py",
    "mafic",
    "riffy",
    "shoukaku",
    "wavelink",
];

/// Who is told (`extensions.events`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// Clients that are known to bear it, and clients that ask for it.
    #[default]
    Known,
    /// All that do not say that they do not want it.
    All,
    /// Nobody, even who asks.
    Nobody,
}

impl Audience {
    /// In the order in which the configuration names them.
    pub const ALL: [Self; 3] = [Self::Known, Self::All, Self::Nobody];

    /// Whether a client that calls itself `client_name` is one of them. `asked`: what it has said itself.
    pub(super) fn includes(self, client_name: Option<&str>, asked: Option<bool>) -> bool {
        match self {
            Self::Known => asked.unwrap_or_else(|| client_name.is_some_and(bears_them)),
            Self::All => asked.unwrap_or(true),
            Self::Nobody => false,
        }
    }
}

fn bears_them(client_name: &str) -> bool {
    let name = client_name.split_once('/').map(|(name, _)| name);
    name.is_some_and(|name| BEAR_THEM.iter().any(|b| b.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names as the libraries send them.
    #[test]
    fn only_clients_that_bear_it_are_told_unasked() {
        for (name, is_told) in [
            (
                "Shoukaku/4.2.0 (git+https://github.com/shipgirlproject/Shoukaku.git)",
                true,
            ),
            ("shoukaku/4.1.1", true),
            ("Riffy/1.0.9", true),
            ("Wavelink/3.5.2", true),
            ("Lavalink.py/5.11.1", true),
            ("lavalink-rs/0.15.0", true),
            ("disgolink/2.0.0", true),
            ("Mafic/2.10.1", true),
            ("Lavalink-Client/3.3.0", false),
            ("Lavalink-Client", false),
            ("Lavalink4NET/4.0.25", false),
            ("My Bot", false),
            ("Shoukaku", false),
            ("", false),
        ] {
            assert_eq!(
                Audience::Known.includes(Some(name), None),
                is_told,
                "{name}"
            );
        }
        assert!(!Audience::Known.includes(None, None));
    }

    #[test]
    fn what_a_client_asks_for_counts_unless_the_operator_says_nobody() {
        assert!(Audience::Known.includes(None, Some(true)));
        assert!(!Audience::Known.includes(Some("Riffy/1.0.9"), Some(false)));
        assert!(Audience::All.includes(None, None) && !Audience::All.includes(None, Some(false)));
        assert!(!Audience::Nobody.includes(Some("Riffy/1.0.9"), Some(true)));
    }
}
