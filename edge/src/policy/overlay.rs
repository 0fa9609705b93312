//! Laying one text over the other.

use super::document::{Node, Value};
use std::collections::btree_map::Entry;

/// `base` with `overlay` laid over it: tables merge key by key, the overlay's
/// `[[route]]`, `[[rule]]` and `[[exclude]]` come first, every other value replaces the one below. Each value
/// keeps the place where it was written.
pub(super) fn merge(mut base: Node, overlay: Node) -> Node {
    if let (Value::Table(below), Value::Table(mut above)) = (&mut base.value, overlay.value) {
        for key in ["route", "exclude", "rule"] {
            if let (Some(lower), Some(upper)) = (below.get_mut(key), above.get_mut(key)) {
                prepend(upper, lower);
            }
        }
        for (key, node) in above {
            merge_entry(below.entry(key), node);
        }
    }
    base
}

/// Moves the items of `lower` behind those of `upper`. What is not an array
/// stays where it is and is refused by its reader.
fn prepend(upper: &mut Node, lower: &mut Node) {
    if let (Value::Array(first), Value::Array(second)) = (&mut upper.value, &mut lower.value) {
        first.append(second);
    }
}

/// Depth is bounded by the parser's 80 levels.
fn merge_entry(below: Entry<'_, String, Node>, above: Node) {
    match below {
        Entry::Vacant(free) => {
            free.insert(above);
        }
        Entry::Occupied(mut taken) => match (&mut taken.get_mut().value, above) {
            (
                Value::Table(lower),
                Node {
                    value: Value::Table(upper),
                    ..
                },
            ) => {
                for (key, node) in upper {
                    merge_entry(lower.entry(key), node);
                }
            }
            (_, above) => {
                taken.insert(above);
            }
        },
    }
}
