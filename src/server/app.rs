//! Owns: what all requests share.
//! Never knows: any single request.

use std::sync::Arc;

use super::{admin, auth::Doorkeeper, plugins, settings::Settings};
use crate::{
    governor::watch::Board, protocol::server::Info, session::Sessions, source::Registry,
    stats::system::System,
};

/// The server's view of the node.
pub struct App {
    pub(super) settings: Settings,
    pub(super) door: Doorkeeper,
    pub(super) sessions: Sessions,
    pub(super) sources: Arc<Registry>,
    pub(super) system: Arc<System>,
    pub(super) governor: Board,
    pub(super) info: Info,
}

impl App {
    /// Puts the parts together. The list of sources in `/v4/info` is made here, once.
    #[must_use]
    pub fn new(
        settings: Settings,
        sessions: Sessions,
        sources: Arc<Registry>,
        system: Arc<System>,
        governor: Board,
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
            governor,
        }
    }
}
