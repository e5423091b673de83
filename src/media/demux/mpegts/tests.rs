//! Owns: the tests of whole transport streams.
//! Never knows: how the demuxer does it.
