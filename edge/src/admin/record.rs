//! The security event of every change.

use super::{Actor, Operation};
use crate::{
    facts::Facts,
    ledger::{Applied, Batch, Change},
};
use gapura_shared::{
    event::{Event, Kind},
    time::UnixMillis,
};

/// The event of a change that was carried out; `None` for what only reads.
#[must_use]
pub fn event(
    operation: &Operation,
    applied: &Applied,
    actor: &Actor,
    facts: &Facts,
    status: u16,
    now: UnixMillis,
) -> Option<Event> {
    let (kind, reason) = told(operation, applied)?;
    Some(Event {
        at_ms: now,
        event: kind,
        request_id: facts.request_id.clone(),
        client: Some(facts.client),
        actor: Some(actor.as_str().to_owned()),
        action: facts.method.clone(),
        target: facts.path.clone(),
        outcome: status,
        reason,
    })
}

fn told(operation: &Operation, applied: &Applied) -> Option<(Kind, String)> {
    let told = match operation {
        Operation::AddBan { target, batch } => {
            let why = first_reason(batch).unwrap_or_default();
            (Kind::BanAdded, format!("{target} {}: {why}", end(batch)))
        }
        Operation::LiftBan { id, .. } => (Kind::BanLifted, id.clone()),
        Operation::SetMode {
            under_attack: true,
            batch,
        } => (Kind::ModeChanged, format!("under attack {}", end(batch))),
        Operation::SetMode { .. } => (Kind::ModeChanged, "normal".to_owned()),
        Operation::Import { batch, skipped } => {
            let list = batch.list.as_deref().unwrap_or("unnamed");
            let Applied {
                added,
                changed,
                lifted,
                ..
            } = applied;
            let counts = format!("{added} added, {changed} changed, {lifted} lifted");
            (
                Kind::BlockListImported,
                format!("{list}: {counts}, {skipped} skipped"),
            )
        }
        // Ids of sessions and tokens stay out of the log: they are numbers of secrets.
        Operation::Push(batch) => {
            let count = batch.changes.len().saturating_sub(1);
            (Kind::Revoked, format!("{count} revocations"))
        }
        Operation::ListBans(_)
        | Operation::ShowSubject(_)
        | Operation::GetMode
        | Operation::Export(_) => return None,
    };
    Some(told)
}

fn first_reason(batch: &Batch) -> Option<&str> {
    match batch.changes.first()? {
        Change::Put(_, entry) => entry.note.as_ref().map(|note| note.reason.as_ref()),
        Change::Lift(_) => None,
    }
}

fn end(batch: &Batch) -> String {
    let until = batch.changes.first().and_then(|change| match change {
        Change::Put(_, entry) => entry.until,
        Change::Lift(_) => None,
    });
    until.map_or_else(
        || "for good".to_owned(),
        |until| format!("until {}", until.0),
    )
}
