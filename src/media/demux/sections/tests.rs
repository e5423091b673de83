//! Owns: what streams in sections are held to.
//! Never knows: how sections are fetched.

use super::*;
