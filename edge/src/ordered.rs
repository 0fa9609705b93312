//! Ordered maps.

use std::collections::BTreeMap;

/// The entries in order of their keys, the last of a key as its value.
///
/// `collect` sorts them first, a stable sort for each type, which is 5 KB of the Worker's size; entries here are few.
pub(crate) fn ordered<K: Ord, V>(entries: impl Iterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    entries.for_each(|(key, value)| {
        map.insert(key, value);
    });
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_key_counts() {
        let map = ordered([(2, "b"), (1, "a"), (2, "c")].into_iter());
        assert_eq!(map.into_iter().collect::<Vec<_>>(), [(1, "a"), (2, "c")]);
    }
}
