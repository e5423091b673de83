//! Owns: the key that picks the defaults of others.
//! Never knows: which, and where values come from.

use super::super::{Key, key};
use crate::config::{profile::Profile, value::Kind};

/// Every key about profiles.
pub const KEYS: &[Key] = &[key(
    "arm.profile",
    Kind::Choice(Profile::NAMES),
    "",
    |c, b| c.profile = Some(b.choice(&Profile::ALL)),
)];
