//! Owns: what is said about a mistake: where, the line with a caret, and what is allowed.
//! Never knows: how a mistake is found. Secrets are masked before they get here.

use std::fmt;

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The program does not start.
    Error,
    /// The program starts, but not quite as the user wrote.
    Warning,
    /// Nothing to do: a key that has no effect here and is at its default.
    Note,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A place in the file; line and column count from 1, columns in characters.
    File {
        /// The file as the user named it.
        name: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A `--key=value` argument.
    Argument(String),
    /// Nobody wrote it: a default, and whose if not everybody's.
    Default(&'static str),
    /// No place: a value that is missing, or a file that cannot be read.
    Nowhere,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Argument(name) => write!(f, "argument --{name}"),
            Self::Default(of) => write!(f, "default of {of}"),
            Self::Nowhere => f.write_str("configuration"),
        }
    }
}

/// One line of the file, ready to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub line: usize,
    pub text: String,
    /// Characters before the caret.
    pub caret: usize,
    /// Carets.
    pub len: usize,
}

/// What is told of several keys at once where there is room for one line only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Nothing else: it must be read by itself.
    Itself,
    /// A key, by its path, that does nothing here and of which nothing more need be known.
    IdleKey(String),
}

/// One thing to say about the configuration. `Display` renders all of it, over several lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave.
    pub level: Level,
    /// Where.
    pub origin: Origin,
    /// One sentence that names the key.
    pub message: String,
    /// What is allowed, or what to write instead.
    pub allowed: Option<String>,
    pub(super) about: About,
    excerpt: Option<Excerpt>,
}

impl Diagnostic {
    fn new(level: Level, origin: Origin, message: impl Into<String>) -> Self {
        Self {
            level,
            origin,
            message: message.into(),
            allowed: None,
            about: About::Itself,
            excerpt: None,
        }
    }

    pub(super) fn error(origin: Origin, message: impl Into<String>) -> Self {
        Self::new(Level::Error, origin, message)
    }

    pub(super) fn warning(origin: Origin, message: impl Into<String>) -> Self {
        Self::new(Level::Warning, origin, message)
    }

    pub(super) fn note(origin: Origin, message: impl Into<String>) -> Self {
        Self::new(Level::Note, origin, message)
    }

    pub(super) fn allowing(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    pub(super) fn about(mut self, about: About) -> Self {
        self.about = about;
        self
    }

    pub(super) fn showing(mut self, excerpt: Option<Excerpt>) -> Self {
        self.excerpt = excerpt;
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.level, self.message)?;
        if self.origin != Origin::Nowhere {
            write!(f, "\n  --> {}", self.origin)?;
        }
        let mut margin = 3;
        if let Some(excerpt) = &self.excerpt {
            let number = excerpt.line.to_string();
            margin = number.len() + 1;
            write!(f, "\n{:margin$}|", "")?;
            write!(f, "\n{number} | {}", excerpt.text)?;
            write!(f, "\n{:margin$}| {:caret$}", "", "", caret = excerpt.caret)?;
            f.write_str(&"^".repeat(excerpt.len))?;
        }
        if let Some(allowed) = &self.allowed {
            write!(f, "\n{:margin$}= allowed: {allowed}", "")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_place_line_caret_and_what_is_allowed() {
        let origin = Origin::File {
            name: "application.yml".into(),
            line: 12,
            column: 9,
        };
        let shown = Diagnostic::error(origin, "server.port: `abc` is not a whole number")
            .allowing("0 to 65535")
            .showing(Some(Excerpt {
                line: 12,
                text: "  port: abc".into(),
                caret: 8,
                len: 3,
            }))
            .to_string();
        let expected = "\
error: server.port: `abc` is not a whole number
  --> application.yml:12:9
   |
12 |   port: abc
   |         ^^^
   = allowed: 0 to 65535";
        assert_eq!(shown, expected);
    }
}
