//! The form in which a shard is kept: one row per subject, its text the key, and one for the
//! shard itself, [`HEARTBEAT_KEY`]. JSON with a version; a reader refuses what it does not know, so a deployment
//! that changes the form must first deploy a reader of both.

use super::{
    Ban, Lock, MAX_LIMIT,
    counter::{Counter, Out},
    family::Struck,
    jail::FOREVER_MS,
    record::{Record, Rest},
    window::Log,
};
use crate::ordered::ordered;
use gapura_shared::address::Network;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The key of the shard's own row. No subject has it.
pub const HEARTBEAT_KEY: &str = "shard";

/// A row that holds a ban has one of these in it.
pub const BANS: [&str; 2] = ["\"ban\":", "\"networks\":"];

/// Version 1 was one object per client and never deployed.
const VERSION: u32 = 2;

/// Entries that a log may have.
const MAX_ENTRIES: usize = 2_048;

/// A row that cannot be read. Its subject is answered nothing: nobody is taken for a client without a past.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRow {
    /// Not the stored form at all.
    #[error("stored row is malformed")]
    Malformed,
    /// A form of another version.
    #[error("stored row has version {0}, known is {VERSION}")]
    Version(u32),
}

/// The shard's own row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heartbeat {
    v: u32,
    /// When it was written. While the shard works, at most a minute ago.
    pub(super) at_ms: u64,
    /// How often the shard was started: lease ids are never given twice.
    pub(super) starts: u32,
}

impl Heartbeat {
    pub(super) fn new(at_ms: u64, starts: u32) -> Self {
        Self {
            v: VERSION,
            at_ms,
            starts,
        }
    }

    pub(super) fn to_row(self) -> String {
        serde_json::to_string(&self).unwrap_or_default()
    }

    pub(super) fn from_row(row: &str) -> Result<Self, BadRow> {
        read(row)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u32,
    at_ms: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    windows: BTreeMap<String, StoredWindow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ban: Option<StoredBan>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    strikes: BTreeMap<String, (u64, VecDeque<u64>)>,
    /// How many in a row, and until when a further one follows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bans: Option<(u32, u64)>,
    /// Source (`*`: all), end, delay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    locks: Vec<(String, u64, u32)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clients: Vec<(String, u64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    networks: Vec<(String, StoredBan)>,
    /// Strikes of all clients of a /48, by jail.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    struck: BTreeMap<String, Struck>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredWindow {
    window_ms: u64,
    log: Vec<(u64, u32)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    second: Vec<(u64, u32)>,
    /// Id, the time it stands at, size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leases: Vec<(u64, u64, u32)>,
}

/// Since, until, reason, actor.
type StoredBan = (u64, u64, String, String);

/// The row of a record, and when it was written.
pub(super) fn to_row(record: &Record, now_ms: u64) -> String {
    let counters = record.counters.iter().filter(|known| !known.1.is_empty());
    let empty = Rest::default();
    let rest = record.rest.as_deref().unwrap_or(&empty);
    let stored = Stored {
        v: VERSION,
        at_ms: now_ms,
        windows: ordered(counters.map(|(name, counter)| (name.to_string(), window(counter)))),
        ban: rest.ban.as_ref().map(ban),
        strikes: rest.strikes.jails.clone(),
        bans: (rest.strikes.bans > 0).then_some((rest.strikes.bans, rest.strikes.bans_until_ms)),
        locks: rest.locks.locks.iter().map(lock).collect(),
        clients: rest
            .family
            .clients
            .iter()
            .map(|(net, until)| (net.to_string(), *until))
            .collect(),
        networks: rest
            .family
            .networks
            .iter()
            .map(|(net, held)| (net.to_string(), ban(held)))
            .collect(),
        struck: rest.family.struck.clone(),
    };
    serde_json::to_string(&stored).unwrap_or_default()
}

/// The record of a row, and when it was written.
pub(super) fn from_row(row: &str) -> Result<(Record, u64), BadRow> {
    let stored: Stored = read(row)?;
    let mut record = Record::default();
    for (name, window) in stored.windows {
        let counter = counter(window).ok_or(BadRow::Malformed)?;
        record.counters.push((name.into(), counter));
    }
    let mut rest = Rest {
        ban: stored.ban.map(unban).transpose()?,
        ..Rest::default()
    };
    rest.strikes.jails = stored.strikes;
    if let Some((bans, until_ms)) = stored.bans {
        rest.strikes.bans = bans;
        rest.strikes.bans_until_ms = until_ms;
    }
    for stored in stored.locks {
        rest.locks.locks.push(unlock(stored)?);
    }
    for (net, until_ms) in stored.clients {
        rest.family.clients.push((network(&net)?, until_ms));
    }
    for (net, held) in stored.networks {
        rest.family.networks.push((network(&net)?, unban(held)?));
    }
    rest.family.struck = stored.struck;
    if rest != Rest::default() {
        record.rest = Some(Box::new(rest));
    }
    record.seen_ms = stored.at_ms;
    record.row_until_ms = record.until_ms().max(1);
    Ok((record, stored.at_ms))
}

/// When a row ends, in milliseconds; one that cannot be read stays.
#[must_use]
pub fn until_ms(row: &str) -> u64 {
    from_row(row).map_or(FOREVER_MS, |(record, _)| {
        record.row_until_ms.min(FOREVER_MS)
    })
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

fn read<T: for<'a> Deserialize<'a>>(row: &str) -> Result<T, BadRow> {
    let version: Version = serde_json::from_str(row).map_err(|_| BadRow::Malformed)?;
    if version.v != VERSION {
        return Err(BadRow::Version(version.v));
    }
    serde_json::from_str(row).map_err(|_| BadRow::Malformed)
}

fn window(counter: &Counter) -> StoredWindow {
    StoredWindow {
        window_ms: counter.window_ms,
        log: counter.log.entries().collect(),
        second: counter.second.entries().collect(),
        leases: counter
            .out
            .iter()
            .map(|out| (out.id, out.at_ms, out.size))
            .collect(),
    }
}

fn counter(stored: StoredWindow) -> Option<Counter> {
    let sane = |entries: &[(u64, u32)]| {
        entries.len() <= MAX_ENTRIES
            && entries
                .iter()
                .all(|entry| entry.1 <= MAX_LIMIT && entry.0 <= FOREVER_MS)
    };
    let out: Vec<Out> = stored
        .leases
        .into_iter()
        .map(|(id, at_ms, size)| Out { id, at_ms, size })
        .collect();
    let leases: Vec<_> = out.iter().map(|out| (out.at_ms, out.size)).collect();
    if !(sane(&stored.log) && sane(&stored.second) && sane(&leases)) {
        return None;
    }
    Some(Counter {
        window_ms: stored.window_ms,
        log: Log::from_entries(stored.log),
        second: Log::from_entries(stored.second),
        out,
        ..Counter::new()
    })
}

fn ban(ban: &Ban) -> StoredBan {
    (
        ban.since_ms,
        ban.until_ms,
        ban.reason.clone(),
        ban.actor.clone(),
    )
}

fn unban((since_ms, until_ms, reason, actor): StoredBan) -> Result<Ban, BadRow> {
    let sane = since_ms <= FOREVER_MS && until_ms <= FOREVER_MS;
    sane.then_some(Ban {
        since_ms,
        until_ms,
        reason,
        actor,
    })
    .ok_or(BadRow::Malformed)
}

fn lock(lock: &Lock) -> (String, u64, u32) {
    let source = lock
        .source
        .map_or_else(|| "*".to_owned(), |source| source.to_string());
    (source, lock.until_ms, lock.delay_ms)
}

fn unlock((source, until_ms, delay_ms): (String, u64, u32)) -> Result<Lock, BadRow> {
    let source = if source == "*" {
        None
    } else {
        Some(network(&source)?)
    };
    Ok(Lock {
        source,
        until_ms,
        delay_ms,
    })
}

fn network(text: &str) -> Result<Network, BadRow> {
    text.parse().map_err(|_| BadRow::Malformed)
}
