//! Owns: a place for so many things and so many bytes of them, where what was used longest ago makes room.
//! Never knows: what the things are, or the time.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// How much there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Things.
    pub entries: usize,
    /// Bytes, as they are told with each thing.
    pub bytes: usize,
}

struct Slot<V> {
    value: V,
    bytes: usize,
    /// Its place in the order of use.
    used: u64,
}

/// Holds things by their keys. Keys are cloned.
pub struct Shelf<K, V> {
    room: Room,
    slots: HashMap<K, Slot<V>>,
    order: BTreeMap<u64, K>,
    bytes: usize,
    uses: u64,
    evicted: u64,
}

impl<K: Hash + Eq + Clone, V> Shelf<K, V> {
    /// An empty one.
    #[must_use]
    pub fn new(room: Room) -> Self {
        Self {
            room,
            slots: HashMap::new(),
            order: BTreeMap::new(),
            bytes: 0,
            uses: 0,
            evicted: 0,
        }
    }

    /// What is there; that is a use of it.
    pub fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let slot = self.slots.get_mut(key)?;
        if let Some(key) = self.order.remove(&slot.used) {
            self.uses += 1;
            slot.used = self.uses;
            self.order.insert(slot.used, key);
        }
        Some(&mut slot.value)
    }

    /// Puts something there, in the place of what was. What there is no room for at all is not kept.
    pub fn put(&mut self, key: K, value: V, bytes: usize) {
        self.remove(&key);
        if bytes > self.room.bytes || self.room.entries == 0 {
            return;
        }
        while self.slots.len() >= self.room.entries || self.bytes + bytes > self.room.bytes {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            self.take(&oldest);
            self.evicted += 1;
        }
        self.uses += 1;
        self.bytes += bytes;
        self.order.insert(self.uses, key.clone());
        let used = self.uses;
        self.slots.insert(key, Slot { value, bytes, used });
    }

    /// Takes everything away, and gives its memory back.
    pub fn clear(&mut self) {
        self.slots = HashMap::new();
        self.order.clear();
        self.bytes = 0;
    }

    /// Takes something away.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Some(used) = self.take(key) {
            self.order.remove(&used);
        }
    }

    fn take<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<u64>
    where
        K: Borrow<Q>,
    {
        let slot = self.slots.remove(key)?;
        self.bytes -= slot.bytes;
        Some(slot.used)
    }

    /// How many things are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many bytes they have.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many had to make room.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(entries: usize, bytes: usize) -> Shelf<String, u32> {
        Shelf::new(Room { entries, bytes })
    }

    fn kept(shelf: &mut Shelf<String, u32>) -> Vec<u32> {
        ["a", "b", "c", "d"]
            .iter()
            .filter_map(|key| shelf.get(*key).copied())
            .collect()
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let mut shelf = shelf(3, 100);
        for (n, key) in ["a", "b", "c"].into_iter().enumerate() {
            shelf.put(key.into(), n as u32, 1);
        }
        assert_eq!(shelf.get("a").copied(), Some(0));
        shelf.put("d".into(), 3, 1);
        assert_eq!(kept(&mut shelf), [0, 2, 3]);
        assert_eq!((shelf.len(), shelf.bytes(), shelf.evicted()), (3, 3, 1));
    }

    #[test]
    fn an_emptied_shelf_has_room_again() {
        let mut shelf = shelf(2, 10);
        shelf.put("a".into(), 1, 10);
        shelf.clear();
        assert_eq!((kept(&mut shelf), shelf.bytes()), (vec![], 0));
        shelf.put("b".into(), 2, 10);
        assert_eq!((kept(&mut shelf), shelf.evicted()), (vec![2], 0));
    }

    #[test]
    fn bytes_are_bounded_whatever_is_replaced_or_too_large() {
        let mut shelf = shelf(10, 10);
        shelf.put("a".into(), 0, 4);
        shelf.put("b".into(), 1, 4);
        shelf.put("a".into(), 2, 6);
        assert_eq!((kept(&mut shelf), shelf.bytes()), (vec![2, 1], 10));
        shelf.put("c".into(), 3, 11);
        assert_eq!((kept(&mut shelf), shelf.evicted()), (vec![2, 1], 0));
        shelf.put("c".into(), 3, 10);
        assert_eq!((kept(&mut shelf), shelf.evicted()), (vec![3], 2));
        shelf.remove("c");
        assert_eq!((shelf.len(), shelf.bytes()), (0, 0));
    }
}
