//! Owns: tests of loading as a whole.
//! Never knows: how loading is split into files.
