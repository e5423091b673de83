//! Owns: the wire types of the Lavalink v4 API.
//! Never knows: what the server does with them.
