//! Owns: statistics: frames, processor, memory.
//! Never knows: who asks for them.
