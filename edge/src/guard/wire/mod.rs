//! Messages between the Worker and a shard, as short texts: one string each way costs
//! less than an object or a body. Words are separated by spaces and lists by commas; `-` is
//! nothing. The first word names verb and version, so that a shard of another deployment
//! refuses what it does not know instead of misreading it.

mod answer;
mod ask;
mod order;

pub use answer::{Answer, Standing, Verdict};
pub use ask::{Ask, AskedClass, Return};
pub use order::{Banned, ListedBan, Listing, Message, Order, Shown};

/// A text that is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed Guard message")]
pub struct BadMessage;

/// Longest message that is read.
const MAX_BYTES: usize = 16 * 1024;

/// Joins a list; `-` when it is empty.
fn list<T>(items: &[T], word: impl Fn(&T) -> String) -> String {
    if items.is_empty() {
        return "-".to_owned();
    }
    items.iter().map(word).collect::<Vec<_>>().join(",")
}

/// Reads a list of at most `max` items.
fn unlist<T>(text: &str, max: usize, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    if text == "-" {
        return Some(Vec::new());
    }
    let items = text.split(',').map(item).collect::<Option<Vec<_>>>()?;
    (items.len() <= max).then_some(items)
}

/// A word that may be missing.
fn option<T>(text: &str, value: impl Fn(&str) -> Option<T>) -> Result<Option<T>, BadMessage> {
    if text == "-" {
        return Ok(None);
    }
    value(text).map(Some).ok_or(BadMessage)
}

/// A number within bounds, without sign.
fn number(text: &str, bounds: std::ops::RangeInclusive<u32>) -> Option<u32> {
    text.parse()
        .ok()
        .filter(|n| bounds.contains(n) && !text.starts_with('+'))
}

fn parts<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    text.split(separator).collect::<Vec<_>>().try_into().ok()
}
