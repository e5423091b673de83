//! Owns: what is tested here.
//! Never knows: the network outside.
