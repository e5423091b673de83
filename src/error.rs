//! Owns: `Failure`, the one shape in which anything that goes wrong with a track reaches a client.
//! Never knows: JSON, HTTP status codes, or who asked.

use alloc::{
    boxed::Box,
    string::{String, ToString},
    sync::Arc,
};
use core::{error::Error, fmt};

/// Whose fault a failure is, as Lavalink tells its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The outside world said no: not found, private, unsupported. Nothing to repair here.
    Common,
    /// The outside world behaved oddly: it may be a block, or a changed site.
    Suspicious,
    /// A bug, or a limit of this program.
    Fault,
}

/// A failure to load or play something: a sentence for the user, whose fault it is, and what caused it.
///
/// Made where the fault is known; turned into JSON only in `protocol`.
#[derive(Clone, Debug)]
pub struct Failure {
    /// One sentence for a person, as Lavalink words it where it has words.
    pub message: String,
    /// Whose fault it is.
    pub severity: Severity,
    source: Option<Arc<dyn Error + Send + Sync + 'static>>,
}

impl Failure {
    /// The outside world said no.
    pub fn common(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            severity: Severity::Common,
            source: None,
        }
    }

    /// The outside world behaved oddly.
    pub fn suspicious(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            severity: Severity::Suspicious,
            source: None,
        }
    }

    /// A bug or a limit of ours.
    pub fn fault(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            severity: Severity::Fault,
            source: None,
        }
    }

    /// Keeps what caused it; `cause` and the trace are made from the chain.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync + 'static>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// The innermost error's text; the message itself when nothing lies beneath.
    #[must_use]
    pub fn root_cause(&self) -> String {
        let mut at: &dyn Error = self;
        while let Some(next) = at.source() {
            at = next;
        }
        at.to_string()
    }

    /// The whole chain, outermost first, one line each: what stands in `causeStackTrace`.
    #[must_use]
    pub fn trace(&self) -> String {
        let mut text = self.to_string();
        let mut at = self.source();
        while let Some(next) = at {
            text.push_str("\nCaused by: ");
            text.push_str(&next.to_string());
            at = next.source();
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_names_every_link() {
        let inner = std::io::Error::other("broken pipe");
        let failure = Failure::suspicious("Connecting to the URL failed.").because(inner);
        assert_eq!(failure.root_cause(), "broken pipe");
        assert_eq!(
            failure.trace(),
            "Connecting to the URL failed.\nCaused by: broken pipe"
        );
    }

    #[test]
    fn a_failure_without_a_cause_is_its_own() {
        assert_eq!(
            Failure::common("Unknown file format.").root_cause(),
            "Unknown file format."
        );
    }
}
