//! From what came of an operation to what the operator sees.

use super::{AdminError, Operation};
use crate::ledger::{Applied, Ban, Entry, Page};
use gapura_shared::time::UnixSeconds;
use serde_json::{Value, json};

/// An answer of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers besides the common ones and `cache-control: no-store`.
    pub headers: Vec<(&'static str, String)>,
    /// The body's media type.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// What the shell found or did, for the operation that asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// For [`Operation::ListBans`]: the merged page.
    Page(Page),
    /// For every operation with a batch.
    Applied {
        /// What the Ledger did.
        applied: Applied,
        /// Whether a shard lifted a ban.
        in_shard: bool,
    },
    /// For [`Operation::ShowSubject`].
    Subject(SubjectState),
    /// For [`Operation::GetMode`]: the entry, if the site is under attack.
    Mode(Option<Entry>),
    /// For [`Operation::Export`]: the list.
    List(String),
}

/// All that is known of a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectState {
    /// What its shard says: windows, strikes, ban, lock.
    pub shard: Value,
    /// The operator's ban.
    pub ban: Option<Ban>,
}

/// The answer.
///
/// # Errors
/// [`AdminError::NotFound`] for a lifted ban that was none; [`AdminError::Unavailable`]
/// for an outcome that does not fit the operation, which is a fault of the shell.
pub fn reply(
    operation: &Operation,
    outcome: Outcome,
    now: UnixSeconds,
) -> Result<Reply, AdminError> {
    match (operation, outcome) {
        (Operation::ListBans(_), Outcome::Page(page)) => {
            let body = serde_json::to_value(page).map_err(|_| AdminError::Unavailable)?;
            Ok(as_json(200, &body))
        }
        (Operation::AddBan { target, batch }, Outcome::Applied { applied, .. }) => {
            // Of the origin's seal the nonce is added besides.
            let besides = batch.changes.len().saturating_sub(1);
            let status = if applied.added > besides { 201 } else { 200 };
            let until = batch.changes.first().and_then(|change| match change {
                crate::ledger::Change::Put(_, entry) => entry.until,
                crate::ledger::Change::Lift(_) => None,
            });
            let until = until.map(|until| until.0);
            Ok(as_json(
                status,
                &json!({ "id": target.to_string(), "until": until }),
            ))
        }
        (Operation::LiftBan { .. }, Outcome::Applied { applied, in_shard }) => {
            if applied.lifted == 0 && !in_shard {
                return Err(AdminError::NotFound);
            }
            Ok(Reply {
                status: 204,
                headers: Vec::new(),
                content_type: "",
                body: Vec::new(),
            })
        }
        (Operation::ShowSubject(subject), Outcome::Subject(state)) => {
            let SubjectState { shard, ban } = state;
            Ok(as_json(
                200,
                &json!({ "subject": subject, "shard": shard, "ban": ban }),
            ))
        }
        (Operation::GetMode, Outcome::Mode(entry)) => Ok(mode(entry.as_ref(), now)),
        (Operation::SetMode { batch, .. }, Outcome::Applied { .. }) => {
            let entry = batch.changes.first().and_then(|change| match change {
                crate::ledger::Change::Put(_, entry) => Some(entry),
                crate::ledger::Change::Lift(_) => None,
            });
            Ok(mode(entry, now))
        }
        (Operation::Import { skipped, .. }, Outcome::Applied { applied, .. }) => {
            let body = json!({
                "added": applied.added,
                "changed": applied.changed,
                "lifted": applied.lifted,
                "skipped": skipped,
            });
            Ok(as_json(200, &body))
        }
        (Operation::Export(format), Outcome::List(text)) => Ok(Reply {
            status: 200,
            headers: Vec::new(),
            content_type: format.content_type(),
            body: text.into_bytes(),
        }),
        // The nonce of the push is one of the writes.
        (Operation::Push(batch), Outcome::Applied { .. }) => {
            let count = batch.changes.len().saturating_sub(1);
            Ok(as_json(200, &json!({ "revoked": count })))
        }
        _ => Err(AdminError::Unavailable),
    }
}

fn mode(entry: Option<&Entry>, now: UnixSeconds) -> Reply {
    let entry = entry.filter(|entry| entry.is_live(now));
    let note = entry.and_then(|entry| entry.note.as_ref());
    let body = json!({
        "under_attack": entry.is_some(),
        "until": entry.and_then(|entry| entry.until).map(|until| until.0),
        "since": note.map(|note| note.since.0),
        "actor": note.map(|note| note.actor.to_string()),
    });
    as_json(200, &body)
}

fn as_json(status: u16, body: &Value) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        content_type: "application/json",
        body: body.to_string().into_bytes(),
    }
}
