//! Owns: which filter tables are in use, so that resamplers share them.
//! Never knows: what is in a table.

use super::polyphase::{Key, Table};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};

static TABLES: LazyLock<Mutex<HashMap<Key, Weak<Table>>>> = LazyLock::new(Mutex::default);

/// The table of a key; computed unless a living resampler has it.
pub(super) fn of(key: Key) -> Arc<Table> {
    // A panic while holding the lock leaves the map whole: nothing but insertions and removals happens inside.
    let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(table) = tables.get(&key).and_then(Weak::upgrade) {
        return table;
    }
    // Only strangers need a new table, so this is the moment to forget those that nobody uses.
    tables.retain(|_, table| table.strong_count() > 0);
    let table = Arc::new(Table::compute(&key));
    tables.insert(key, Arc::downgrade(&table));
    table
}

#[cfg(test)]
mod tests {
    use super::{
        super::polyphase::{Purpose, ResamplingQuality, table},
        *,
    };

    const LOW: Purpose = Purpose::Rate(ResamplingQuality::Low);

    #[test]
    fn living_resamplers_share_a_table_and_dead_ones_leave_none() {
        let first = table(441, 480, true, LOW);
        assert!(Arc::ptr_eq(&first, &table(441, 480, true, LOW)));
        drop(first);
        let _other = table(443, 480, true, LOW);
        let tables = TABLES.lock().expect("no test panics while holding it");
        assert!(
            !tables
                .iter()
                .any(|(key, table)| key.from == 441 && table.strong_count() == 0)
        );
    }
}
