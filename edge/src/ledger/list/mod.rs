//! Block lists: plain CIDR lists, `FireHOL` netsets and `CrowdSec` decisions, in and out.
//!
//! Guarantees: bounded ([`MAX_LIST_BYTES`], [`super::MAX_ENTRIES`]); a list with one
//! faulty line is refused as a whole, its first [`MAX_FAULTS`] faults named by line; a
//! network so wide that it must be a mistake is a fault, and what no client on the
//! Internet has as its address is skipped.

mod crowdsec;
mod csv;
mod duration;
mod export;
mod plain;

pub use export::{Format, export};

use super::{MAX_ENTRIES, Target};
use gapura_shared::address::Network;
use std::net::IpAddr;

/// Longest list, in bytes.
pub const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;

/// How many faults are told.
pub const MAX_FAULTS: usize = 20;

/// One ban of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whom.
    pub target: Target,
    /// For how long, if the list says.
    pub seconds: Option<u64>,
    /// Why, if the list says.
    pub reason: Option<String>,
}

/// A list that was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List {
    /// Its bans in its order.
    pub decisions: Vec<Decision>,
    /// How many entries were no bans of ours: other remedies, ended ones, private networks.
    pub skipped: usize,
}

/// What is wrong with one entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} {number}: {why}")]
pub struct ListFault {
    /// `line`, or `decision` in JSON.
    pub place: &'static str,
    /// Counted from 1.
    pub number: usize,
    /// What is wrong.
    pub why: String,
}

/// Why a list was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadList {
    /// Longer than [`MAX_LIST_BYTES`].
    #[error("a list has at most {MAX_LIST_BYTES} bytes")]
    TooLong,
    /// More than [`MAX_ENTRIES`] entries.
    #[error("a list has at most {MAX_ENTRIES} entries")]
    TooMany,
    /// Not UTF-8.
    #[error("a list is UTF-8")]
    NotText,
    /// Not the JSON of decisions.
    #[error("not CrowdSec decisions: {0}")]
    Json(String),
    /// A CSV without the columns that are needed.
    #[error("line 1: the columns must be named, `value` or `ip` among them")]
    Columns,
    /// The first faults of it.
    #[error("{} faults, the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Faults(Vec<ListFault>),
}

/// Reads a list in whichever format it is: JSON by its first character, CSV by the
/// commas of its first line before any comment, else lines with networks.
///
/// # Errors
/// [`BadList`].
pub fn parse(bytes: &[u8]) -> Result<List, BadList> {
    if bytes.len() > MAX_LIST_BYTES {
        return Err(BadList::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| BadList::NotText)?;
    let text = text.trim_start_matches('\u{feff}');
    match text.trim_start().chars().next() {
        Some('[' | '{') => crowdsec::parse(text),
        // What `cscli` prints when there are none.
        Some('n') if text.trim() == "null" => Ok(List::default()),
        _ if text
            .lines()
            .next()
            .and_then(|line| line.split(['#', ';']).next())
            .is_some_and(|line| line.contains(',')) =>
        {
            csv::parse(text)
        }
        _ => plain::parse(text),
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Reading {
    list: List,
    faults: Vec<ListFault>,
}

impl Reading {
    /// Takes an entry or notes what is wrong with it; whether to read on.
    fn take(
        &mut self,
        place: &'static str,
        number: usize,
        read: Result<Option<Decision>, String>,
    ) -> Result<(), BadList> {
        match read {
            Ok(Some(decision)) if is_nowhere(&decision.target) => self.skip(),
            Ok(Some(decision)) => {
                if let Some(why) = too_wide(&decision.target) {
                    self.fault(place, number, why);
                } else if self.list.decisions.len() < MAX_ENTRIES {
                    self.list.decisions.push(decision);
                } else {
                    return Err(BadList::TooMany);
                }
            }
            Ok(None) => self.skip(),
            Err(why) => self.fault(place, number, why),
        }
        if self.faults.len() < MAX_FAULTS {
            Ok(())
        } else {
            Err(BadList::Faults(std::mem::take(&mut self.faults)))
        }
    }

    fn skip(&mut self) {
        self.list.skipped = self.list.skipped.saturating_add(1);
    }

    fn fault(&mut self, place: &'static str, number: usize, why: String) {
        self.faults.push(ListFault { place, number, why });
    }

    fn finish(self) -> Result<List, BadList> {
        if self.faults.is_empty() {
            Ok(self.list)
        } else {
            Err(BadList::Faults(self.faults))
        }
    }
}

/// Why a network must not be banned as a whole: a /8 of IPv4 or /16 of IPv6 is the most.
#[must_use]
pub fn too_wide(target: &Target) -> Option<String> {
    let Target::Network(network) = target else {
        return None;
    };
    let (base, prefix) = network.parts();
    let least = if base.is_ipv4() { 8 } else { 16 };
    (prefix < least).then(|| format!("{network} is too wide: at least /{least} is wanted"))
}

/// What no client on the Internet has as its address (RFC 6890). Lists of unrouted
/// networks name it; banning it would at best do nothing.
fn is_nowhere(target: &Target) -> bool {
    const NOWHERE: [(u128, u8, bool); 11] = [
        (0x0000_0000, 8, true),
        (0x0a00_0000, 8, true),
        (0x7f00_0000, 8, true),
        (0xa9fe_0000, 16, true),
        (0xac10_0000, 12, true),
        (0xc0a8_0000, 16, true),
        (0xe000_0000, 3, true),
        (0, 8, false),
        (0xfc << 120, 7, false),
        (0xfe80 << 112, 10, false),
        (0xff << 120, 8, false),
    ];
    let Target::Network(network) = target else {
        return false;
    };
    let (base, prefix) = network.parts();
    let (bits, width) = match base {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    NOWHERE.iter().any(|(start, length, is_v4)| {
        let behind = u32::from(u8::saturating_sub(width, *length));
        *is_v4 == base.is_ipv4()
            && prefix >= *length
            && bits.checked_shr(behind) == start.checked_shr(behind)
    })
}

/// An address or network as lists write them.
fn network(text: &str) -> Result<Target, String> {
    text.parse::<Network>()
        .map(Target::Network)
        .map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests;
