//! Owns: outgoing HTTP: clients, limits, address guard.
//! Never knows: what is fetched, or why.
