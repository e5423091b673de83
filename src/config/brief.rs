//! Owns: the warnings in few words, as the start of the node tells them: a line for each matter, the gravest first.
//! Never knows: where the lines go.

use super::{
    diagnostic::{About, Diagnostic, Level, Origin},
    value::one_line,
};

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// How grave.
    pub level: Level,
    /// One line, without the level; it ends with the place, if there is a single one.
    pub text: String,
}

/// The warnings in brief. First each warning that must be read by itself; last, on one line, the keys without effect.
#[must_use]
pub fn in_brief(warnings: &[Diagnostic]) -> Vec<Brief> {
    let (mut alone, mut idle) = (Vec::new(), Vec::new());
    for said in warnings {
        match &said.about {
            About::IdleKey(path) => idle.push(path.as_str()),
            About::Itself => alone.push(Brief {
                level: said.level,
                text: one_line(&match said.origin {
                    Origin::Nowhere => said.message.clone(),
                    ref place => format!("{} ({place})", said.message),
                }),
            }),
        }
    }
    if !idle.is_empty() {
        let about = "keys without effect here (check-config says why)";
        alone.push(Brief {
            level: Level::Note,
            text: one_line(&format!("{about}: {}", idle.join(", "))),
        });
    }
    alone
}
