//! Owns: the wire: every JSON shape that a client sends or receives (Lavalink v4).
//! Never knows: HTTP, sockets, sessions, or what the values cause.

pub mod diagnosis;
pub mod filters;
pub mod json;
pub mod message;
pub mod omissible;
pub mod outputs;
pub mod plugins;
pub mod rest;
pub mod route_planner;
pub mod server;
pub mod update;

pub use json::Invalid;
pub use omissible::Omissible;
