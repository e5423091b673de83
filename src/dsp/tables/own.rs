//! Owns: filter tables where there is no lock to share them behind: each resampler has its own.
//! Never knows: what is in a table.

use super::polyphase::{Key, Table};
use alloc::sync::Arc;

/// The table of a key.
pub(super) fn of(key: Key) -> Arc<Table> {
    Arc::new(Table::compute(&key))
}
