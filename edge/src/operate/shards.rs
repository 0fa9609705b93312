//! What the shards are asked on behalf of an operator.

use super::PATIENCE_MS;
use crate::{
    admin::AdminError,
    gate::Gate,
    guard::{
        Kind, Message, Order, Subject,
        jail::FOREVER_MS,
        wire::{ListedBan, Listing, Shown},
    },
    ledger::{Ban, Page, Search, merge},
    runtime::{Object, Runtime, ignored},
};
use serde_json::Value;

/// Shards asked at once.
const AT_ONCE: usize = 32;
/// Bans asked of a shard at a time.
const SHARD_PAGE: u32 = 1_000;
/// Where clients may be, by the platform's names; the last one: not known.
const CONTINENTS: [&str; 8] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA", ""];

/// All shards there can be.
fn shards(gate: &Gate) -> Vec<String> {
    let guard = &gate.policy.guard;
    let regions: &[&str] = if guard.regional { &CONTINENTS } else { &[""] };
    let shards = |region: &&str| {
        let region = (*region).to_owned();
        (0..guard.shards).map(move |n| format!("{region}/{n}"))
    };
    regions.iter().flat_map(shards).collect()
}

/// The shards in which a subject may live.
fn homes(gate: &Gate, subject: &Subject) -> Vec<String> {
    let guard = &gate.policy.guard;
    let regional = guard.regional && matches!(subject, Subject::Ip(_));
    let regions: &[&str] = if regional { &CONTINENTS } else { &[""] };
    regions
        .iter()
        .map(|region| subject.shard(region, guard.shards))
        .collect()
}

/// The subject that an operator means: an address stands for the client behind it.
fn subject(id: &str) -> Option<Subject> {
    let (kind, name) = id.split_once(':')?;
    let kind = match kind {
        "ip" => {
            let address = name.parse().map(Subject::client);
            return address.or_else(|_| id.parse()).ok();
        }
        "user" => Kind::User,
        "tenant" => Kind::Tenant,
        "key" => Kind::Key,
        "account" => Kind::Account,
        _ => return None,
    };
    // As it is listed, else as it is called.
    Some(id.parse().unwrap_or_else(|_| Subject::named(kind, name)))
}

async fn ask_shard<R: Runtime>(
    name: &str,
    message: &Message,
    runtime: &R,
) -> Result<String, AdminError> {
    let answer = runtime
        .ask(
            Object::Guard(name),
            &message.to_text(),
            PATIENCE_MS,
            ignored(),
        )
        .await;
    answer.ok_or(AdminError::Unavailable)
}

pub(super) async fn lift<R: Runtime>(
    gate: &Gate,
    id: &str,
    runtime: &R,
) -> Result<u32, AdminError> {
    let Some(subject) = subject(id) else {
        return Ok(0);
    };
    let message = Message::Order(subject.clone(), Order::Lift);
    let mut lifted: u32 = 0;
    for home in homes(gate, &subject) {
        let answer = ask_shard(&home, &message, runtime).await?;
        lifted = lifted.saturating_add(answer.parse().unwrap_or(0));
    }
    gate.memory.guard.borrow_mut().lift(&subject);
    Ok(lifted)
}

/// The banned IPv6 network around a subject whose ban is to be lifted: it would be banned still.
pub(super) async fn banned_around<R: Runtime>(
    gate: &Gate,
    id: &str,
    runtime: &R,
) -> Result<Option<String>, AdminError> {
    let Some(subject) = subject(id).filter(|subject| subject.family().is_some()) else {
        return Ok(None);
    };
    let around = subject.networks();
    let message = Message::Order(subject.clone(), Order::Show);
    for home in homes(gate, &subject) {
        let answer = ask_shard(&home, &message, runtime).await?;
        let shown: Shown = serde_json::from_str(&answer).map_err(|_| AdminError::Unavailable)?;
        let targets = shown.bans.into_iter().map(|ban| ban.subject);
        let held = targets.filter_map(|target| target.parse().ok());
        if let Some(wide) = held.into_iter().find(|target| around.contains(target)) {
            return Ok(Some(wide.to_string()));
        }
    }
    Ok(None)
}

pub(super) async fn show<R: Runtime>(
    gate: &Gate,
    id: &str,
    runtime: &R,
) -> Result<Value, AdminError> {
    let invalid = || AdminError::Invalid("this is no subject".to_owned());
    let subject = subject(id).ok_or_else(invalid)?;
    let message = Message::Order(subject.clone(), Order::Show);
    let mut shown: Vec<Value> = Vec::new();
    for home in homes(gate, &subject) {
        let answer = ask_shard(&home, &message, runtime).await?;
        shown.push(serde_json::from_str(&answer).map_err(|_| AdminError::Unavailable)?);
    }
    Ok(if shown.len() == 1 {
        shown.remove(0)
    } else {
        Value::Array(shown)
    })
}

/// The bans of all shards that are looked for.
pub(super) async fn bans<R: Runtime>(
    gate: &Gate,
    search: &Search,
    runtime: &R,
) -> Result<Vec<Page>, AdminError> {
    let mut pages = Vec::new();
    for some in shards(gate).chunks(AT_ONCE) {
        let asked = some.iter().map(|name| list(name, after(search), runtime));
        let asked: Vec<_> = asked.collect();
        for (name, first) in some.iter().zip(asked) {
            pages.push(bans_of(name, first.await, search, runtime).await?);
        }
    }
    Ok(pages)
}

/// The subject behind which bans are looked for.
fn after(search: &Search) -> Option<Subject> {
    search.after.as_deref().and_then(|id| id.parse().ok())
}

/// Asks a shard for a page of its bans; the question is under way when this returns.
fn list<'a, R: Runtime>(
    name: &str,
    after: Option<Subject>,
    runtime: &'a R,
) -> impl Future<Output = Option<String>> + use<'a, R> {
    let message = Message::List {
        search: String::new(),
        after,
        limit: SHARD_PAGE,
    };
    let text = message.to_text();
    runtime.ask(Object::Guard(name), &text, PATIENCE_MS, ignored())
}

/// The bans of a shard that are looked for, `first` being the answer to the first question.
async fn bans_of<R: Runtime>(
    name: &str,
    first: Option<String>,
    search: &Search,
    runtime: &R,
) -> Result<Page, AdminError> {
    let mut bans: Vec<Ban> = Vec::new();
    let mut answer = first;
    loop {
        let text = answer.ok_or(AdminError::Unavailable)?;
        let listing: Listing = serde_json::from_str(&text).map_err(|_| AdminError::Unavailable)?;
        let last: Option<Subject> = listing.bans.last().and_then(|ban| ban.subject.parse().ok());
        let found = listing
            .bans
            .into_iter()
            .map(ban)
            .filter(|ban| search.finds(ban));
        bans.extend(found);
        if bans.len() > search.limit || !listing.more || last.is_none() {
            break;
        }
        answer = list(name, last, runtime).await;
    }
    Ok(merge(vec![Page { bans, next: None }], search.limit))
}

fn ban(listed: ListedBan) -> Ban {
    let by_jail = listed.actor.is_empty();
    Ban {
        id: listed.subject,
        source: if by_jail {
            format!("jail:{}", listed.reason)
        } else {
            "operator".to_owned()
        },
        reason: listed.reason,
        actor: listed.actor,
        since: listed.since_ms / 1000,
        until: (listed.until_ms < FOREVER_MS).then_some(listed.until_ms / 1000),
    }
}
