//! Owns: what all requests share.
//! Never knows: any single request.

use std::sync::Arc;

use super::{admin, auth::Doorkeeper, plugins, settings::Settings};
use crate::{
    governor::{Monitor, Unwatched, steering::Board},
    protocol::server::Info,
    session::Sessions,
    source::Registry,
    stats::system::System,
};

/// The server's view of the node.
pub struct App {
    pub(super) settings: Settings,
    pub(super) door: Doorkeeper,
    pub(super) sessions: Sessions,
    pub(super) sources: Arc<Registry>,
    pub(super) system: Arc<System>,
    /// Of the governor, if there is one.
    pub(super) governor: Option<Board>,
    pub(super) info: Info,
    pub(super) monitor: Result<Monitor, Unwatched>,
}

impl App {
    /// Puts the parts together. The list of sources in `/v4/info` is made here, once.
    #[must_use]
    pub fn new(
        settings: Settings,
        sessions: Sessions,
        sources: Arc<Registry>,
        system: Arc<System>,
    ) -> Self {
        let names = sources.names().into_iter().map(|name| name.to_string());
        let plugins = plugins::announced(&sources);
        Self {
            door: Doorkeeper::new(&settings.password),
            info: admin::info(names.collect(), settings.filters.clone(), plugins),
            settings,
            sessions,
            sources,
            system,
            monitor: Err(Unwatched::Off),
            governor: None,
        }
    }

    /// Tells what a monitor sees, too, or why there is none.
    #[must_use]
    pub fn watching(mut self, monitor: Result<Monitor, Unwatched>) -> Self {
        self.monitor = monitor;
        self
    }

    /// Tells where a governor stands, too.
    #[must_use]
    pub fn governed(mut self, board: Board) -> Self {
        self.governor = Some(board);
        self
    }
}
