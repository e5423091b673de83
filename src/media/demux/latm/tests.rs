//! Owns: the tests of LATM.
//! Never knows: how the demuxer does it.
