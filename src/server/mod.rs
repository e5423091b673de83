//! Owns: HTTP and WebSocket: what is asked, by whom, and how the answer looks.
//! Never knows: what a player does, and how sound is made.

mod answer;
mod auth;
mod body;
mod log;
mod query;
mod routes;
mod settings;
mod stall;

pub use settings::{Limits, Metrics, RequestLog, Settings};
