//! Owns: what `check-config` prints of a key: its value in force and where that came from.
//! Never knows: how the value was found.

use std::fmt;

use super::diagnostic::Origin;

/// A key with its value in force. Secrets are `***` already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The path in Lavalink's spelling.
    pub path: String,
    /// The value as it would be written; empty when there is none.
    pub value: String,
    /// Where it came from; `None`: the default of all builds.
    pub origin: Option<Origin>,
    /// Why the key does nothing here; `None`: it does what it says.
    pub no_effect: Option<&'static str>,
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.value)?;
        match &self.origin {
            Some(origin) => write!(f, "  # {origin}")?,
            None => f.write_str("  # default")?,
        }
        if let Some(why) = self.no_effect {
            write!(f, "; no effect here: {why}")?;
        }
        Ok(())
    }
}
