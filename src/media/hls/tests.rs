//! Owns: what the fetch task of HLS is held to.
//! Never knows: containers.

use super::*;
