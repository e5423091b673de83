//! Owns: decoders: packets to samples.
//! Never knows: containers, positions.
