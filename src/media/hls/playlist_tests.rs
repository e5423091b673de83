//! Owns: what the playlist reader is held to.
//! Never knows: HTTP.

use super::*;
