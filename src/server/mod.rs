//! Owns: HTTP and WebSocket: what is asked, by whom, and how the answer looks.
//! Never knows: what a player does, and how sound is made.

mod admin;
mod answer;
mod app;
mod auth;
mod body;
mod dispatch;
mod handshake;
mod listen;
mod log;
mod players;
mod plugins;
mod query;
mod route_planner;
mod routes;
mod scrub;
mod settings;
mod socket;
mod stall;
mod system;
mod tracks;

pub use admin::machine as machine_stats;
pub use app::App;
pub use listen::serve;
pub use settings::{Limits, Metrics, RequestLog, Settings};
